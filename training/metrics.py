"""Measures of a summary and of a ranking: pure functions with formula and range."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer

Values = NDArray[np.float64]


class Rouge(NamedTuple):
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-Lsum, each in [0, 1]."""

    rouge1: float
    rouge2: float
    rouge_lsum: float


class RougeMeter:
    """ROUGE as the package rouge-score computes it, with stemming, one sentence a line for Lsum."""

    def __init__(self) -> None:
        self._scorer = RougeScorer(["rouge1", "rouge2", "rougeLsum"], use_stemmer=True)

    def score(self, selected: Sequence[str], references: Sequence[str]) -> Rouge:
        """Compare a summary with the quotes, all of them taken together."""
        flat = [" ".join(sentence.split()) for sentence in selected]
        found = self._scorer.score("\n".join(references), "\n".join(flat))
        return Rouge(*(found[name].fmeasure for name in ("rouge1", "rouge2", "rougeLsum")))


def auc(scores: Values, relevant: NDArray[np.bool_]) -> float:
    """Chance that a relevant sentence scores higher than another one; ties count half.

    AUC = (R - n (n + 1) / 2) / (n m), where R is the sum of the ranks of the n relevant of n + m
    sentences, equal scores sharing their mean rank (the statistic of Mann and Whitney). Range [0, 1],
    0.5 by chance; nan if all or none are relevant.

    >>> auc(np.array([0.9, 0.2, 0.5, 0.5]), np.array([True, False, True, False]))
    0.875
    """
    n, m = int(relevant.sum()), int((~relevant).sum())
    if n == 0 or m == 0:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    highest = np.cumsum(counts)
    ranks = (highest - (counts - 1) / 2)[inverse]
    return float((ranks[relevant].sum() - n * (n + 1) / 2) / (n * m))


def precision_at_k(scores: Values, relevant: NDArray[np.bool_], k: int) -> float:
    """Share of the k best-scored sentences that are relevant; equal scores in document order. [0, 1].

    >>> precision_at_k(np.array([0.9, 0.2, 0.5]), np.array([True, True, False]), 2)
    0.5
    """
    best = np.argsort(-scores, kind="stable")[:k]
    return float(relevant[best].mean())


def ndcg(scores: Values, gains: Values, k: int | None = None) -> float:
    """Normalised discounted cumulative gain of the ranking, of its first k places if k is given.

    DCG = sum over places i = 1, 2, ... of gain_i / log2(i + 1); NDCG = DCG / DCG of the best ranking
    (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002). Equal scores
    in document order. Range [0, 1]; nan if no gain is above 0.

    :param gains: shape (T,), at least 0: 0 or 1, or graded.

    >>> ndcg(np.array([0.9, 0.5, 0.2]), np.array([0.0, 1.0, 0.0]))  # 1 / log2(3)
    0.6309297535714575
    """
    ranked = gains[np.argsort(-scores, kind="stable")][:k]
    ideal = np.sort(gains)[::-1][:k]
    discounts = 1 / np.log2(np.arange(len(ideal)) + 2)
    best = float(ideal @ discounts)
    return float(ranked @ discounts) / best if best > 0 else float("nan")


def bootstrap_interval(values: Values, *, rounds: int = 1000, seed: int = 0) -> tuple[float, float]:
    """Ends of the 95 % interval of the mean over articles, by resampling them with replacement."""
    picks = np.random.default_rng(seed).integers(0, len(values), size=(rounds, len(values)))
    low, high = np.percentile(values[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def paired_difference(
    one: Values, other: Values, *, rounds: int = 1000, seed: int = 0
) -> tuple[float, float, float]:
    """Mean of one minus other over the same articles, and the ends of its 95 % bootstrap interval."""
    return float((one - other).mean()), *bootstrap_interval(one - other, rounds=rounds, seed=seed)
