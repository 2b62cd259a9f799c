import dataclasses

import numpy as np
import pytest
import torch

from summarizer.model import ModelConfig, SentenceScorer
from summarizer.text_features import text_features
from tests.tiny import RARITY
from training.config import FitConfig
from training.distributed import Processes
from training.errors import TrainingError
from training.evaluation import trained
from training.fit import FitError, fit
from training.kinds import fit_kinds, kind_by_source
from training.network import Network
from training.prepared import PreparedArticle

ALONE = Processes(0, 1, torch.device("cpu"))
CONFIG = FitConfig(kinds="news=cnn+bbc,answer=so", epochs=30, patience=30, learning_rate=0.02, device="cpu")
MODEL = ModelConfig(
    dimension=4,
    width=8,
    normalize="none",
    position_features=False,
    dropout_inputs=0.0,
    dropout_outputs=0.0,
    kinds=("news", "answer"),
)
OPENINGS = {"cnn": "A man has been found.", "bbc": "A ferry has sunk.", "so": "You can use this."}


def articles(source: str, count: int, seed: int = 0) -> list[PreparedArticle]:
    """News quote the first sentence, answers the last; nothing but the opening tells which is which."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(count):
        sentences = [OPENINGS[source], "Then came more.", "That was it."]
        vectors = generator.normal(size=(3, 4)).astype(np.float32) / 10
        targets = np.array([0, 0, 1] if source == "so" else [1, 0, 0], np.float32)
        found.append(
            PreparedArticle(
                f"{source}/{number}",
                None,
                source,
                (sentences[0],),
                "train",
                sentences,
                vectors,
                text_features(sentences, RARITY),
                targets,
            )
        )
    return found


def scorer_of(network: Network) -> SentenceScorer:
    return SentenceScorer(network.config, network.weights())


def kind(scorer: SentenceScorer, article: PreparedArticle) -> int | None:
    return scorer.kind_of(article.sentences, article.vectors, article.features)


def test_sources_of_a_kind_share_its_number():
    assert kind_by_source(CONFIG) == {"cnn": 0, "bbc": 0, "so": 1}
    assert kind_by_source(FitConfig()) == {}


def test_kinds_are_recognized_in_articles_that_were_not_seen():
    network = Network(MODEL)
    fit_kinds(network, [*articles("cnn", 20), *articles("bbc", 20), *articles("so", 20)], CONFIG)
    scorer = scorer_of(network)
    for source, expected in kind_by_source(CONFIG).items():
        assert {kind(scorer, article) for article in articles(source, 5, seed=9)} == {expected}


def test_with_more_certainty_fewer_articles_are_of_another_kind_than_the_first():
    known = [*articles("cnn", 40), *articles("so", 40, seed=1)]
    generator = np.random.default_rng(3)
    alike = [  # the openings say nothing; the vectors a little
        dataclasses.replace(
            article,
            sentences=["It rained.", "It poured.", "It stopped."],
            features=np.zeros_like(article.features),
            vectors=(article.vectors + (article.source == "so") * 0.15).astype(np.float32),
        )
        for article in known
    ]
    generator.shuffle(alike)  # type: ignore[arg-type]
    counts = []
    for certainty in (0.5, 0.7, 0.95):
        network = Network(MODEL)
        config = dataclasses.replace(CONFIG, kinds="news=cnn,answer=so", certainty=certainty)
        fit_kinds(network, alike, config)
        counts.append(sum(kind(scorer_of(network), article) == 1 for article in alike))
    assert counts[0] > counts[1] > counts[2]
    assert 25 < counts[0] < 55


def test_a_kind_without_an_article_is_refused_by_name():
    with pytest.raises(TrainingError, match="no training article is of the kind answer"):
        fit_kinds(Network(MODEL), articles("cnn", 3), CONFIG)


def test_three_kinds_are_told_apart():
    config = FitConfig(kinds="a=cnn,b=bbc,c=so")
    network = Network(dataclasses.replace(MODEL, kinds=("a", "b", "c")))
    known = [*articles("cnn", 20), *articles("bbc", 20), *articles("so", 20)]
    for (
        article
    ) in known:  # the two openings of news differ in nothing that is looked at, so let vectors differ
        article.vectors[:] += (article.source == "bbc") * 0.3
    fit_kinds(network, known, config)
    assert [kind(scorer_of(network), known[place]) for place in (0, 20, 40)] == [0, 1, 2]


@pytest.mark.parametrize("hidden", [0.0, 0.5])
def test_the_network_learns_what_is_quoted_from_each_kind(hidden):
    model = dataclasses.replace(MODEL, dropout_kind=hidden)
    known = [*articles("cnn", 30), *articles("so", 30, seed=1)]
    fitted = fit(
        known, known, model, dataclasses.replace(CONFIG, kinds="news=cnn,answer=so"), ALONE, show=False
    )
    scorer = scorer_of(fitted.network)
    for source, best in (("cnn", 0), ("so", 2)):
        for article in articles(source, 5, seed=5):
            assert trained(scorer)(article).argmax() == best


def test_a_source_of_weight_0_is_recognized_but_teaches_nothing_about_quotes():
    config = dataclasses.replace(CONFIG, kinds="news=cnn,answer=so", weights="so=0", epochs=2)
    known = [*articles("cnn", 20), *articles("so", 20, seed=1)]
    without = [article for article in known if article.source == "cnn"]
    whole = fit(known, known, MODEL, config, ALONE, show=False).network.weights()
    other = fit(
        [*without, *articles("so", 20, seed=7)], without, MODEL, config, ALONE, show=False
    ).network.weights()
    for name, weight in whole.items():
        if not name.startswith("kinds."):
            np.testing.assert_array_equal(weight, other[name])
    assert kind(SentenceScorer(MODEL, whole), articles("so", 1, seed=4)[0]) == 1


def test_an_unknown_source_of_a_kind_is_refused():
    config = dataclasses.replace(CONFIG, kinds="news=cnn+nosuch,answer=so")
    known = [*articles("cnn", 2), *articles("so", 2)]
    with pytest.raises(FitError, match="kinds names nosuch"):
        fit(known, known, MODEL, config, ALONE, show=False)
