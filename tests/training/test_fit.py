import numpy as np
import pytest
import torch

from summarizer.model import ModelConfig
from training.corpus import Article
from training.fit import FitConfig, fit, masked_bce, mean_loss
from training.prepared import PreparedArticle

MODEL = ModelConfig(dimension=4, width=8, normalize=False)


def prepared(count: int, seed: int) -> list[PreparedArticle]:
    """Articles whose target is 1 where the first number of the vector is positive."""
    generator = np.random.default_rng(seed)
    articles = []
    for number in range(count):
        vectors = generator.normal(size=(generator.integers(1, 12), 4)).astype(np.float32)
        targets = (vectors[:, 0] > 0).astype(np.float32)
        sentences = [f"sentence {index}" for index in range(len(vectors))]
        articles.append(
            PreparedArticle(Article(f"a/{number}", None, "", ("q",)), sentences, vectors, targets)
        )
    return articles


def test_padding_is_in_neither_the_sum_nor_the_count():
    logits, targets = torch.tensor([[2.0, -1.0, 5.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    mask = torch.tensor([[True, True, False]])
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, :2], targets[:, :2])
    assert torch.equal(masked_bce(logits, targets, mask), expected)
    wild = torch.tensor([[2.0, -1.0, float("inf")]])
    assert torch.equal(masked_bce(wild, targets, mask), expected)


def test_the_loss_does_not_depend_on_how_articles_are_batched():
    scorer, _ = fit(prepared(4, 0), prepared(4, 1), MODEL, FitConfig(epochs=1))
    articles = prepared(20, 2)
    alone = mean_loss(scorer, articles, batch_steps=1)
    assert mean_loss(scorer, articles, batch_steps=10_000) == pytest.approx(alone, rel=1e-5)


def test_a_pattern_that_can_be_learnt_is_learnt():
    _, history = fit(
        prepared(60, 0), prepared(20, 1), MODEL, FitConfig(epochs=25, learning_rate=0.02, batch_steps=64)
    )
    assert history[-1].validation_loss < 0.2 < history[0].validation_loss


def test_the_network_of_the_best_epoch_is_kept_and_patience_ends_the_run():
    validation = prepared(6, 1)
    config = FitConfig(epochs=60, patience=2, learning_rate=0.1, batch_steps=16)
    scorer, history = fit(prepared(6, 0), validation, MODEL, config)
    best = min(history, key=lambda epoch: epoch.validation_loss)
    assert mean_loss(scorer, validation, 16) == pytest.approx(best.validation_loss, rel=1e-4)
    assert len(history) == 60 or len(history) == best.number + 2


def test_the_same_seed_gives_the_same_network_and_another_seed_another():
    runs = [
        fit(prepared(10, 0), prepared(4, 1), MODEL, FitConfig(epochs=2, seed=seed))[0] for seed in (3, 3, 4)
    ]
    weights = [run.head.weight.tolist() for run in runs]
    assert weights[0] == weights[1] != weights[2]
