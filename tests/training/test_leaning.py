import dataclasses
import math

import numpy as np
import pytest

from summarizer.model import SentenceScorer
from tests.training.test_fit import ALONE, MODEL, QUICK, TRAINING, VALIDATION, from_source
from training.evaluation import trained
from training.fit import FitError, fit
from training.leaning import lean

ARTICLE = TRAINING[0]


def form(targets: list[float], sentences: list[str], **others: object):  # type: ignore[no-untyped-def]
    return dataclasses.replace(ARTICLE, sentences=sentences, targets=np.array(targets, np.float32), **others)  # type: ignore[arg-type]


def test_a_share_of_each_target_is_how_early_its_sentence_is():
    leaning = lean(form([0.0, 1.0, 0.5], ["One.", "Two.", "Three."]), 0.4)
    expected = [0.4, 0.6 + 0.4 * math.exp(-1 / 3), 0.3 + 0.4 * math.exp(-2 / 3)]
    assert leaning.targets.tolist() == pytest.approx(expected)
    assert leaning.targets.dtype == np.float32


def test_lines_that_are_no_sentences_of_the_article_have_no_place():
    littered = form([0.0, 1.0, 0.0, 0.5], ["By Ann", "One.", "PHOTO", "Two."])
    leaning = lean(form([1.0, 0.5], ["One.", "Two."], littered=littered), 0.5)
    assert leaning.littered is not None
    expected = [0.0, 1.0, 0.0, 0.25 + 0.5 * math.exp(-1 / 3)]
    assert leaning.littered.targets.tolist() == pytest.approx(expected)
    assert leaning.targets.tolist() == pytest.approx(expected[1::2])


def test_without_a_share_an_article_stays_as_it_is():
    assert lean(ARTICLE, 0.0) is ARTICLE


def test_only_the_sources_that_are_named_lean():
    def losses(lead: str) -> list[float]:
        config = dataclasses.replace(QUICK, epochs=12, learning_rate=0.02, lead=lead)
        found = fit(TRAINING + from_source("b", TRAINING), VALIDATION, MODEL, config, ALONE)
        return [epoch.training_loss for epoch in found.history]

    assert losses("") == losses("b=0") != losses("b=0.5") != losses("a=0.5,b=0.5")


def test_a_network_of_leaning_targets_prefers_the_beginning():
    config = dataclasses.replace(QUICK, epochs=12, learning_rate=0.02)
    first = [article for article in VALIDATION if len(article.targets) > 6]

    def mean_of_first(lead: str) -> float:
        network = fit(TRAINING, VALIDATION, MODEL, dataclasses.replace(config, lead=lead), ALONE).network
        scorer = trained(SentenceScorer(network.config, network.weights()))
        return float(np.mean([scorer(article)[0] - scorer(article)[-1] for article in first]))

    assert mean_of_first("a=0.8") > mean_of_first("") + 0.3


def test_a_source_that_there_is_not_is_refused():
    with pytest.raises(FitError, match=r"lead names nowhere"):
        fit(TRAINING, VALIDATION, MODEL, dataclasses.replace(QUICK, lead="nowhere=0.3"), ALONE)


@pytest.mark.parametrize(
    ("lead", "said"), [("a=1.1", "at most 1"), ("a", "lead must name"), ("a=-1", "lead")]
)
def test_a_share_that_cannot_be_is_refused(lead, said):
    with pytest.raises(ValueError, match=said):
        dataclasses.replace(QUICK, lead=lead)
