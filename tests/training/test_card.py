import dataclasses

import pytest

from summarizer.checkpoint import CheckpointConfig, EncoderConfig
from summarizer.model import ModelConfig
from tests.training.test_report import make_article, make_model, seeing
from training.card import card
from training.evaluation import measure

TRAINING = {
    "articles": {"train": 300, "validation": 40, "test": 1},
    "sources": {"news": 340, "": 1},
    "fit": {"seed": 7},
}


def config(training: dict) -> CheckpointConfig:
    return CheckpointConfig(
        name="tiny-news",
        version="3",
        model=ModelConfig(dimension=4, width=8, layers=2),
        encoder=EncoderConfig("static", "tiny-static", "f" * 64),
        closeness="lexical",
        training=training,
    )


@pytest.fixture(scope="module")
def figures() -> dict:
    return measure([make_article(number) for number in range(25)], {"model": seeing, "sketch": make_model()})


@pytest.fixture(scope="module")
def written(figures) -> str:
    return card(config(TRAINING), {"validation": figures, "test": figures})


def test_the_card_says_what_the_model_is_and_what_it_is_for(written):
    assert written.startswith("# tiny-news 3\n")
    for heading in ("Intended use", "Data", "Figures on the test split", "Limits", "Licence", "Reproduce"):
        assert f"\n## {heading}\n" in written
    assert "bidirectional LSTM of width 8,\n  2 layers, sentence vectors of width 4" in written
    assert "closeness `lexical`" in written
    assert "f" * 64 in written


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "by the rarity of words in the article and in the training articles and by typography,"),
        ({"rarity": False}, "by the rarity of words in the article and by typography,"),
        ({"typography": False}, "in the article and in the training articles,"),
        ({"text_features": False}, "without text features,"),
        (
            {"kinds": ("news", "answer")},
            "- **Kinds of text**: news, answer. An article is read as one of them",
        ),
    ],
)
def test_the_card_tells_what_the_network_reads(figures, settings, told):
    model = ModelConfig(dimension=4, **settings)
    described = dataclasses.replace(config(TRAINING), model=model)
    assert told in card(described, {"test": figures})


def test_the_card_tells_sources_and_splits_with_their_counts(written):
    assert "300 articles for train, 40 articles for validation, 1 article for test." in written
    assert "Sources: news (340), corpus (1)." in written


def test_the_card_says_of_languages_only_what_is_known(written):
    assert "English" not in written
    assert "texts like the articles above" in written


def test_the_card_tells_what_was_left_out_and_how_the_articles_were_prepared(figures, written):
    options = {
        "left_out": ["bbc", "sosum"],
        "boilerplate": 0.5,
        "introductions": ["xsum"],
        "run": {
            "fit": {
                "lead": "news=0.3",
                "kinds": "news=news,other=bbc+xsum",
                "certainty": 0.8,
                "weights": "bbc=0.2",
            }
        },
    }
    told = card(config(TRAINING | options), {"test": figures})
    for said in (
        "Measured, but not used for training and not counted here: bbc, sosum.",
        "50% of the training articles were used a second time with bylines",
        "articles of xsum were used a second time, beginning with their\nquotes; these are counted as"
        " xsum-introduced.",
        "Kinds of text, with the sources of each: news=news,other=bbc+xsum. An article is taken for another",
        "has at least 80% of the probability of the two.",
        "Weights of sources in training, 1 where not listed: bbc=0.2.",
        "how early the sentence is: news=0.3. Scores of such texts lean as much.",
    ):
        assert said in told
        assert said not in written


def test_the_figures_stand_beside_the_baselines(written, figures):
    for name in figures["systems"]:
        assert f"\n| {name} | " in written
    assert " R-2 points above lead (+" in written
    assert "expected\ncalibration error" in written
    assert "are in the first tenth" in written


def test_only_the_last_split_is_shown_in_full(written):
    assert written.count("| source | articles |") == 1
    assert written.index("## Figures on the validation split") < written.index("| source | articles |")


def test_the_card_is_short_enough_to_be_read(written):
    assert len(written.split()) < 950
    assert len(written.splitlines()) < 100


def test_a_card_without_figures_or_counts_is_still_a_card():
    empty = measure([], {"model": make_model()})
    for found in ({}, {"test": empty}):
        written = card(config({}), found)
        assert "None" not in written
        assert "nan" not in written
        assert "## Limits" in written
