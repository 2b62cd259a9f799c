import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from training.losses import LOSSES, Total


def batch(seed: int, articles: int = 3, steps: int = 7):
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, steps + 1, articles)
    mask = torch.arange(steps)[None, :] < torch.tensor(lengths)[:, None]
    outputs = torch.tensor(generator.normal(size=(articles, steps)), dtype=torch.float32)
    targets = torch.tensor(generator.random((articles, steps)), dtype=torch.float32)
    return outputs, targets, mask


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("rubbish", [math.inf, -math.inf, math.nan, 1e30])
def test_what_stands_at_padding_changes_neither_the_loss_nor_its_gradient(name, rubbish):
    outputs, targets, mask = batch(0)
    clean = torch.where(mask, outputs, 0.0).requires_grad_()
    dirty = torch.where(mask, outputs, rubbish).requires_grad_()
    one, other = (LOSSES[name](o, torch.where(mask, targets, 0.0), mask.float()) for o in (clean, dirty))
    assert torch.equal(one.sum, other.sum)
    assert torch.equal(one.weight, other.weight)
    one.sum.backward()
    other.sum.backward()
    assert torch.equal(clean.grad[mask], dirty.grad[mask])


@given(st.sampled_from(sorted(LOSSES)), st.integers(0, 1000))
def test_the_loss_of_a_batch_is_the_sum_over_its_articles(name, seed):
    outputs, targets, mask = batch(seed)
    together = LOSSES[name](outputs, targets, mask.float())
    alone = [
        LOSSES[name](o[m][None], t[m][None], m[m][None].float())
        for o, t, m in zip(outputs, targets, mask, strict=True)
    ]
    assert together.sum.item() == pytest.approx(sum(total.sum.item() for total in alone), rel=1e-4, abs=1e-6)
    assert together.weight.item() == pytest.approx(sum(total.weight.item() for total in alone), rel=1e-4)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("bce", -math.log(0.75)), ("mae", 0.25), ("mse", 0.0625), ("ranking", math.log(1.75))],
)
def test_values_by_hand(name, expected):
    """Two sentences, targets 1 and 0. For ranking the gap of outputs is -log(0.75)."""
    weights = torch.tensor([[1.0, 1.0]])
    outputs = {
        "bce": torch.tensor([[math.log(3), -math.log(3)]]),
        "ranking": torch.tensor([[-math.log(0.75), 0.0]]),
    }.get(name, torch.tensor([[0.75, 0.25]]))
    assert LOSSES[name](outputs, torch.tensor([[1.0, 0.0]]), weights).mean.item() == pytest.approx(
        expected, rel=1e-6
    )


def test_ranking_is_0_where_all_targets_are_equal_and_asks_for_nothing():
    outputs = torch.tensor([[3.0, -1.0]], requires_grad=True)
    found = LOSSES["ranking"](outputs, torch.tensor([[0.5, 0.5]]), torch.ones(1, 2))
    assert found.mean.item() == 0
    found.mean.backward()
    assert not outputs.grad.any()


def test_ranking_falls_when_the_better_sentence_rises():
    targets, weights = torch.tensor([[1.0, 0.0]]), torch.ones(1, 2)
    losses = [
        LOSSES["ranking"](torch.tensor([[gap, 0.0]]), targets, weights).mean.item() for gap in (-2, 0, 2)
    ]
    assert losses == sorted(losses, reverse=True)


def test_the_mean_of_nothing_is_0():
    assert Total(torch.tensor(0.0), torch.tensor(0)).mean.item() == 0


def test_the_mean_over_less_than_one_is_still_a_mean():
    outputs, targets = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.1, 0.0]])
    found = LOSSES["ranking"](outputs, targets, torch.ones(1, 2))
    assert found.mean.item() == pytest.approx(np.log(2))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_an_article_of_weight_two_counts_as_if_it_were_there_twice(name):
    outputs, targets, mask = batch(1, articles=2)
    weighted = LOSSES[name](outputs, targets, mask * torch.tensor([[2.0], [1.0]]))
    twice = LOSSES[name](*(values[[0, 0, 1]] for values in (outputs, targets, mask.float())))
    assert weighted.sum.item() == pytest.approx(twice.sum.item(), rel=1e-5)
    assert weighted.weight.item() == pytest.approx(twice.weight.item(), rel=1e-5)
