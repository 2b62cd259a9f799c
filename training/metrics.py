"""Metrics of summaries and rankings: pure functions with formula and range."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer
from scipy.stats import rankdata  # type: ignore[import-untyped]

from training.closeness import stems
from training.corpus import folded

Values = NDArray[np.float64]

REMEMBERED_LINES = 2**15
# Scores are kept this far from 0 and 1, where the logarithm is infinite.
SMALLEST_PROBABILITY = 1e-7


class Rouge(NamedTuple):
    """F1 of ROUGE-1, ROUGE-2 and ROUGE-Lsum, each in [0, 1]."""

    rouge1: float
    rouge2: float
    rouge_lsum: float


class _LineTokenizer:
    """A tokenizer for rouge-score that caches lines.

    Stemming is most of the work, and every system is measured against the same quotes, often with the
    same sentences. A line feed separates tokens, so the lines of a text can be tokenized one by one.
    """

    def __init__(self, tokens: Callable[[str], Iterable[str]]) -> None:
        self._tokens = lru_cache(REMEMBERED_LINES)(tokens)

    def tokenize(self, text: str) -> list[str]:
        return [token for line in text.split("\n") for token in self._tokens(line)]


class RougeMeter:
    """ROUGE as the package rouge-score computes it, with stemming, one sentence per line for Lsum.

    That package knows only the letters a to z. If most letters of the quotes are of a script other than
    Latin, the words of both sides are those of :func:`training.closeness.stems`.
    """

    def __init__(self) -> None:
        self._latin = _scorer(DefaultTokenizer(use_stemmer=True).tokenize)
        self._other = _scorer(stems)

    def score(self, selected: Sequence[str], references: Sequence[str]) -> Rouge:
        """Compare a summary with all quotes taken together."""
        flat = map(folded, selected)
        reference = "\n".join(references)
        found = (self._latin if _is_latin(reference) else self._other).score(reference, "\n".join(flat))
        return Rouge(*(found[name].fmeasure for name in ("rouge1", "rouge2", "rougeLsum")))


def _scorer(tokens: Callable[[str], Iterable[str]]) -> RougeScorer:
    return RougeScorer(["rouge1", "rouge2", "rougeLsum"], tokenizer=_LineTokenizer(tokens))


def _is_latin(text: str) -> bool:
    """Whether at least half of the letters are Latin."""
    if text.isascii():
        return True
    letters = [c for c in text if c.isalpha()]
    return 2 * sum("LATIN" in unicodedata.name(c, "") for c in letters) >= len(letters)


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
    # scikit-learn's roc_auc_score is the same, but checks its input for ten times as long, and warns where
    # this is nan. The same goes for spearman below and scipy's spearmanr, which also computes a p-value.
    return float((rankdata(scores)[relevant].sum() - n * (n + 1) / 2) / (n * m))


def spearman(scores: Values, targets: Values) -> float:
    """Rank correlation: Pearson's of the ranks, equal values sharing their mean rank.

    Range [-1, 1]; nan where all scores or all targets are equal.

    >>> spearman(np.array([0.1, 0.5, 0.9]), np.array([0.0, 0.2, 0.3]))
    1.0
    """
    one, other = (ranks - (len(ranks) + 1) / 2 for ranks in map(rankdata, (scores, targets)))
    size = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / size if size > 0 else float("nan")


def precision_at_k(scores: Values, relevant: NDArray[np.bool_], k: int) -> float:
    """Share of the k best-scored sentences that are relevant; equal scores in document order. [0, 1].

    >>> precision_at_k(np.array([0.9, 0.2, 0.5]), np.array([True, True, False]), 2)
    0.5
    """
    best = np.argsort(-scores, kind="stable")[:k]
    return float(relevant[best].mean())


def ndcg(scores: Values, gains: Values) -> float:
    """Normalised discounted cumulative gain of the ranking.

    DCG = sum over places i = 1, 2, ... of gain_i / log2(i + 1); NDCG = DCG / DCG of the best ranking
    (Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", TOIS 2002). Equal scores
    in document order. Range [0, 1]; nan if no gain is above 0.

    :param gains: shape (T,), at least 0: 0 or 1, or graded.

    >>> ndcg(np.array([0.9, 0.5, 0.2]), np.array([0.0, 1.0, 0.0]))  # 1 / log2(3)
    0.6309297535714575
    """
    ranked = gains[np.argsort(-scores, kind="stable")]
    ideal = np.sort(gains)[::-1]
    discounts = 1 / np.log2(np.arange(len(ideal)) + 2)
    best = float(ideal @ discounts)
    return float(ranked @ discounts) / best if best > 0 else float("nan")


def binary_cross_entropy(scores: Values, targets: Values) -> float:
    """Mean of -(t ln s + (1 - t) ln(1 - s)), which training minimizes.

    For targets between 0 and 1 its minimum is not 0 but the value at ``scores = targets``. Range [0, 16.2],
    as scores are kept from 0 and 1 by :data:`SMALLEST_PROBABILITY`; nan of nothing.

    >>> round(binary_cross_entropy(np.array([0.5, 0.5]), np.array([0.0, 1.0])), 4)  # ln 2
    0.6931
    """
    kept = np.clip(scores, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return mean(-(targets * np.log(kept) + (1 - targets) * np.log1p(-kept)))


class Bin(NamedTuple):
    """The sentences whose scores lie in one interval.

    :ivar low: end of the interval, included.
    :ivar high: end of the interval, included only in the last one.
    :ivar sentences: their number.
    :ivar score: their mean score; nan if there are none, like ``target``.
    :ivar target: their mean target.
    """

    low: float
    high: float
    sentences: int
    score: float
    target: float


def calibration(scores: Values, targets: Values, bins: int = 10) -> list[Bin]:
    """Mean score and mean target in intervals of equal width, which are equal if scores are calibrated.

    >>> [(b.sentences, b.score, b.target) for b in calibration(np.array([0.2, 1.0]), np.array([0.0, 1.0]), 2)]
    [(1, 0.2, 0.0), (1, 1.0, 1.0)]
    """
    places = np.minimum((scores * bins).astype(np.int64), bins - 1)
    found = []
    for place in range(bins):
        inside = places == place
        found.append(
            Bin(
                place / bins,
                (place + 1) / bins,
                int(inside.sum()),
                mean(scores[inside]),
                mean(targets[inside]),
            )
        )
    return found


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """Sum over bins of (sentences / all) |score - target|. Range [0, 1], 0 is best; nan of nothing.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian Binning" (AAAI
    2015), with soft targets instead of labels.
    """
    filled = [found for found in bins if found.sentences]
    total = sum(found.sentences for found in filled)
    if not total:
        return float("nan")
    return sum(found.sentences * abs(found.score - found.target) for found in filled) / total


def mean(values: Values) -> float:
    """The mean; nan of nothing, without a warning."""
    return float(values.mean()) if len(values) else float("nan")


def bootstrap_means(values: Values, *, rounds: int = 1000, seed: int = 0) -> Values:
    """Means of articles drawn with replacement, as many as there are. Shape (rounds,); nan of nothing."""
    if not len(values):
        return np.full(rounds, np.nan)
    generator = np.random.default_rng(seed)
    # Round by round: all together would need a thousand times the memory of the articles.
    return np.array([values[generator.integers(0, len(values), len(values))].mean() for _ in range(rounds)])
