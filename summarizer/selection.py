"""Which sentences make the summary: pure functions from scores to indices.

Every budget is a limit on a sum of costs. A sentence costs 1, or its words, or, for a threshold, 0 if its
score reaches it and 1, over the limit of 0, if not. A budget in sentences (``sentences``, ``ratio``) is also
a promise: when too few sentences without repetition are left, the best of the others fill it up. ``words``
and ``threshold`` promise nothing, so there repetition makes the summary shorter.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from summarizer.options import DEFAULT_SENTENCES, SummaryOptions

# Of one article: shape (T,), in [0, 1].
Scores: TypeAlias = NDArray[np.float64]

# Weight of the score against the similarity to the sentences already chosen: lambda in Carbonell and
# Goldstein, "The Use of MMR, Diversity-Based Reranking" (SIGIR 1998).
MMR_SCORE_WEIGHT = 0.7

_WORD = re.compile(r"\w+")


def select(
    scores: Scores,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    options: SummaryOptions,
) -> tuple[int, ...]:
    """Choose the sentences of a summary.

    :param scores: shape (T,), in [0, 1].
    :param texts: the T sentences.
    :param vectors: shape (T, D); used by ``mmr`` only.
    :returns: indices, unique, ascending for ``order="document"`` and best first for
        ``order="score"``. Never over the budget; empty if no sentence fits it.
    """
    budget = _budget(scores, texts, options)
    if options.redundancy == "mmr":
        chosen = _choose_by_relevance(scores, vectors, budget)
    else:
        chosen = _choose_by_score(scores, texts, budget, block_trigrams=options.redundancy == "trigram")
    if options.order == "score":
        return tuple(index for index in by_score(scores) if index in chosen)
    return tuple(sorted(chosen))


def by_score(scores: Scores) -> list[int]:
    """Indices from the best score to the worst; equal scores in document order.

    >>> by_score(np.array([0.2, 0.9, 0.2]))
    [1, 0, 2]
    """
    order: list[int] = np.argsort(-scores, kind="stable").tolist()
    return order


def trigrams(text: str) -> frozenset[tuple[str, str, str]]:
    """All runs of three consecutive words, case-folded.

    >>> sorted(trigrams("The cat sat. The cat!"))
    [('cat', 'sat', 'the'), ('sat', 'the', 'cat'), ('the', 'cat', 'sat')]
    """
    words = _WORD.findall(text.casefold())
    return frozenset(zip(words, words[1:], words[2:], strict=False))


class _Budget(NamedTuple):
    costs: Sequence[int]  # (T,)
    limit: int  # the chosen costs add up to at most this
    promised: bool  # whether the limit is to be reached if there are enough sentences


def _budget(scores: Scores, texts: Sequence[str], options: SummaryOptions) -> _Budget:
    if options.words is not None:
        return _Budget([len(text.split()) for text in texts], options.words, promised=False)
    if options.threshold is not None:
        return _Budget((scores < options.threshold).astype(np.int64).tolist(), 0, promised=False)
    one_each = [1] * len(texts)
    if options.ratio is not None:
        # The addend corrects rounding: 0.29 of 100 is 29, though the product is 28.999999999999996.
        return _Budget(one_each, max(1, math.floor(options.ratio * len(texts) + 1e-9)), promised=True)
    return _Budget(one_each, options.sentences or DEFAULT_SENTENCES, promised=True)


def _choose_by_score(
    scores: Scores, texts: Sequence[str], budget: _Budget, *, block_trigrams: bool
) -> set[int]:
    """Best score first; with blocking, skip sentences that share a trigram with a chosen one."""
    chosen: set[int] = set()
    skipped: list[int] = []
    seen: set[tuple[str, str, str]] = set()
    left = budget.limit
    for index in by_score(scores):
        if budget.costs[index] > left:
            continue
        if block_trigrams:
            own = trigrams(texts[index])
            if not seen.isdisjoint(own):
                skipped.append(index)
                continue
            seen |= own
        chosen.add(index)
        left -= budget.costs[index]
    if budget.promised:
        chosen.update(skipped[:left])
    return chosen


def _choose_by_relevance(scores: Scores, vectors: NDArray[np.float32], budget: _Budget) -> set[int]:
    """Maximal marginal relevance: w * score - (1 - w) * highest cosine to a chosen sentence.

    A sentence of negative relevance repeats more than it adds, and ends the summary unless the limit is
    promised.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)  # (T, D)
    similarity = np.zeros(len(scores))  # (T,) to the most similar chosen sentence; 0 while there is none
    candidate, costs = np.ones(len(scores), dtype=bool), np.array(budget.costs)
    chosen: set[int] = set()
    left = budget.limit
    while True:
        candidate &= costs <= left
        relevance = MMR_SCORE_WEIGHT * scores - (1 - MMR_SCORE_WEIGHT) * similarity
        relevance[~candidate] = -np.inf
        if not candidate.any():
            return chosen
        best = int(relevance.argmax())
        if relevance[best] < 0 and not budget.promised:
            return chosen
        chosen.add(best)
        candidate[best] = False
        left -= budget.costs[best]
        similarity = np.maximum(similarity, units @ units[best])
