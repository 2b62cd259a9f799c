"""Losses: pure functions of padded batches, to which padding contributes nothing.

Each returns a weighted sum and the sum of the weights, so that the mean over several batches or processes is
exactly the mean over all their sentences. Weights have shape (B, T) and are 0 at padding; if all others are
1, the means are not weighted.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class Total(NamedTuple):
    """A weighted sum.

    :ivar sum: scalar tensor.
    :ivar weight: scalar tensor, the sum of the weights.
    """

    sum: Tensor
    weight: Tensor

    @property
    def mean(self) -> Tensor:
        """Sum over weight; 0 if that is 0."""
        return self.sum / torch.where(self.weight > 0, self.weight, 1)


Loss = Callable[[Tensor, Tensor, Tensor], Total]


def binary_cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Total:
    """-(y log p + (1 - y) log(1 - p)) with p = sigmoid(logit), over sentences.

    Smallest where the score is the expected target, which is the meaning of a score.

    :param logits: shape (B, T).
    :param targets: shape (B, T), in [0, 1].
    :param weights: shape (B, T), at least 0; 0 at padding.

    >>> zero, one = torch.zeros(1, 1), torch.ones(1, 1)
    >>> round(binary_cross_entropy(zero, zero, one).mean.item(), 4)  # log 2
    0.6931
    """
    losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    return _over_sentences(losses, weights)


def absolute_error(predictions: Tensor, targets: Tensor, weights: Tensor) -> Total:
    """|p - y| over sentences. Smallest at the median target, which is near 0 where few are quoted.

    >>> absolute_error(torch.ones(1, 2), torch.zeros(1, 2), torch.tensor([[1.0, 0.0]])).sum.item()
    1.0
    """
    return _over_sentences((predictions - targets).abs(), weights)


def squared_error(predictions: Tensor, targets: Tensor, weights: Tensor) -> Total:
    """(p - y) ** 2 over sentences. Smallest at the expected target.

    >>> squared_error(torch.full((1, 1), 3.0), torch.ones(1, 1), torch.ones(1, 1)).mean.item()
    4.0
    """
    return _over_sentences((predictions - targets) ** 2, weights)


def pairwise_ranking(outputs: Tensor, targets: Tensor, weights: Tensor) -> Total:
    """(y_i - y_j) log(1 + exp(z_j - z_i)) over pairs of one article with y_i > y_j.

    RankNet's loss (Burges et al., "Learning to Rank using Gradient Descent", ICML 2005), weighted by how
    much closer one sentence is than the other, times the weight of i. It orders the sentences of an
    article and does not fix the level of a score, so the scores are not calibrated.

    >>> outputs, targets = torch.tensor([[2.0, 2.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    >>> round(pairwise_ranking(outputs, targets, torch.tensor([[1.0, 1.0, 0.0]])).mean.item(), 4)
    0.6931
    """
    gaps = (targets[:, :, None] - targets[:, None, :]).clamp(min=0)  # (B, T, T)
    gaps = gaps * weights[:, :, None] * (weights[:, None, :] > 0)
    # Only pairs that count: outputs at padding may be anything, and 0 times infinity is NaN.
    article, better, worse = gaps.nonzero(as_tuple=True)
    losses = functional.softplus(outputs[article, worse] - outputs[article, better])
    counted = gaps[article, better, worse]
    return Total((counted * losses).sum(), counted.sum())


LOSSES: Mapping[str, Loss] = {
    "bce": binary_cross_entropy,
    "mae": absolute_error,
    "mse": squared_error,
    "ranking": pairwise_ranking,
}

# These compare scores with targets; the others take the outputs of the head before its activation.
ON_SCORES = frozenset({"mae", "mse"})


def _over_sentences(losses: Tensor, weights: Tensor) -> Total:
    return Total((torch.where(weights > 0, losses, 0.0) * weights).sum(), weights.sum())
