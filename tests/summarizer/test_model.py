import numpy as np
import pytest
import torch

from summarizer.model import ModelConfig, PaddedBatch, SentenceScorer, pad, position_features

ARCHITECTURES = [
    {"cell": cell, "bidirectional": bidirectional, "layers": layers, "position_features": bidirectional}
    for cell in ("lstm", "gru", "rnn")
    for bidirectional in (True, False)
    for layers in (1, 2)
]


def articles(*lengths: int) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    return [generator.normal(size=(length, 6)) for length in lengths]


@pytest.mark.parametrize("settings", ARCHITECTURES, ids=str)
def test_an_article_scores_the_same_alone_and_in_any_batch(settings):
    torch.manual_seed(0)
    scorer = SentenceScorer(ModelConfig(dimension=6, width=5, **settings)).double()
    found = articles(1, 9, 4, 30, 4, 2)
    together = scorer.score(pad(found)).numpy()
    for row, article in zip(together, found, strict=True):
        alone = scorer.score(pad([article])).numpy()[0]
        np.testing.assert_allclose(row[: len(article)], alone, rtol=0, atol=1e-12)


def test_what_stands_in_the_padding_does_not_matter():
    torch.manual_seed(0)
    scorer = SentenceScorer(ModelConfig(dimension=6, width=5)).double()
    batch = pad(articles(3, 8))
    spoiled = PaddedBatch(torch.where(batch.mask[:, :, None], batch.vectors, 1e6), batch.lengths)
    assert torch.equal(scorer.score(batch)[batch.mask], scorer.score(spoiled)[batch.mask])


def test_scores_are_in_the_unit_interval_and_dropout_is_off():
    scorer = SentenceScorer(ModelConfig(dimension=6, width=5, dropout=0.9)).train()
    batch = pad(articles(8, 3))
    first, second = scorer.score(batch), scorer.score(batch)
    assert torch.equal(first, second)
    assert ((first >= 0) & (first <= 1)).all()


def test_position_features_are_bounded_and_know_only_the_article():
    features = position_features(torch.tensor([1, 5]), 5)
    assert features.shape == (2, 5, 5)
    assert ((features >= 0) & (features <= 1)).all()
    assert torch.equal(features[0, :1], position_features(torch.tensor([1]), 1)[0])
    assert (features[0, 1:] == 0).all()


def test_without_position_features_order_alone_distinguishes_equal_sentences():
    torch.manual_seed(0)
    article = np.ones((4, 6))
    plain = SentenceScorer(ModelConfig(dimension=6, width=5, position_features=False)).double()
    assert plain.recurrent.input_size == 6
    assert plain.score(pad([article])).shape == (1, 4)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dimension": 0}, "dimension must be a whole number of at least 1; got 0"),
        ({"width": 2.5}, "width must be"),
        ({"cell": "transformer"}, "cell must be one of lstm, gru, rnn; got 'transformer'"),
        ({"dropout": 1.0}, "dropout must be a number from 0 to 1"),
        ({"bidirectional": "yes"}, "bidirectional must be true or false"),
    ],
)
def test_an_impossible_architecture_is_refused_by_field(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**{"dimension": 6, **settings})
