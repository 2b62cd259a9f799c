"""Which sentences make the summary: pure functions from scores to indices.

Every budget is a limit on a sum of costs. A sentence costs 1, or its words, or, for a threshold, 0 if its
score reaches it and 1, over the limit of 0, if not. A budget in sentences (``sentences``, ``ratio``) is also
a promise: when too few sentences without repetition are left, the best of the others fill it up. ``words``
and ``threshold`` promise nothing, so there repetition makes the summary shorter.

Titles, captions and headings say what an article says, so they score well, but hardly anybody quotes them.
Where most sentences end with a full stop or another end mark, lines that do not
(:mod:`summarizer.lines`) are therefore only taken if nothing else is left; by ``words``, only if nothing else
fits. By ``threshold``, and with ``redundancy="none"``, they are treated like sentences.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from summarizer.lines import are_lines
from summarizer.options import DEFAULT_SENTENCES, SummaryOptions

# Of one article: shape (T,), in [0, 1].
Scores: TypeAlias = NDArray[np.float64]

# Weight of the score against the similarity to the sentences already chosen: lambda in Carbonell and
# Goldstein, "The Use of MMR, Diversity-Based Reranking" (SIGIR 1998).
MMR_SCORE_WEIGHT = 0.7

# Share of sentences, not lines, in an article from which on lines come last. In transcripts and answers with
# code the share is lower, and a missing end mark means nothing (docs/experiments.md).
MOSTLY_FINISHED = 0.7

_WORD = re.compile(r"\w+")


def select(
    scores: Scores,
    texts: Sequence[str],
    vectors: NDArray[np.float32],
    options: SummaryOptions,
    *,
    mostly_finished: float = MOSTLY_FINISHED,
) -> tuple[int, ...]:
    """Choose the sentences of a summary.

    :param scores: shape (T,), in [0, 1].
    :param texts: the T sentences.
    :param vectors: shape (T, D); used by ``mmr`` only.
    :param mostly_finished: share of sentences, not lines, from which on lines come last; infinite for never.
    :returns: indices, unique, ascending for ``order="document"`` and best first for
        ``order="score"``. Never over the budget; empty if no sentence fits it.
    """
    budget = _budget(scores, texts, options)

    def choose(*groups: NDArray[np.bool_]) -> set[int]:
        if options.redundancy == "mmr":
            return _choose_by_relevance(scores, vectors, budget, groups)
        return _choose_by_score(scores, texts, budget, groups, block_trigrams=options.redundancy == "trigram")

    chosen = choose(np.ones(len(texts), np.bool_))
    if options.redundancy != "none" and options.threshold is None:
        finished = _finished(texts, chosen, mostly_finished)
        if not finished.all():
            chosen = (choose(finished, ~finished) if budget.promised else choose(finished)) or chosen
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


def _finished(texts: Sequence[str], chosen: set[int], mostly: float) -> NDArray[np.bool_]:
    """Which to prefer: those that are no lines; all of them if too many are lines, or no chosen one is.

    :param mostly: share of sentences below which there are too many lines.
    :returns: shape (T,).
    """
    if any(are_lines(texts[index] for index in chosen)):
        finished = ~np.array(are_lines(texts))
        if finished.mean() >= mostly:
            return finished
    return np.ones(len(texts), np.bool_)


def _choose_by_score(
    scores: Scores,
    texts: Sequence[str],
    budget: _Budget,
    groups: Sequence[NDArray[np.bool_]],
    *,
    block_trigrams: bool,
) -> set[int]:
    """Best score first, group by group; with blocking, skip sentences that share a trigram with a chosen one.

    :param groups: disjoint, each of shape (T,): which sentences are in it.
    """
    chosen: set[int] = set()
    seen: set[tuple[str, str, str]] = set()
    left = budget.limit
    order = by_score(scores)
    for group in groups:
        skipped: list[int] = []
        is_member = group.tolist()
        for index in order:
            if not is_member[index] or budget.costs[index] > left:
                continue
            if block_trigrams:
                own = trigrams(texts[index])
                if not seen.isdisjoint(own):
                    skipped.append(index)
                    continue
                seen |= own
            chosen.add(index)
            left -= budget.costs[index]
        if budget.promised:  # every sentence costs 1
            chosen.update(skipped[:left])
            left -= len(skipped[:left])
    return chosen


def _choose_by_relevance(
    scores: Scores, vectors: NDArray[np.float32], budget: _Budget, groups: Sequence[NDArray[np.bool_]]
) -> set[int]:
    """Maximal marginal relevance: w * score - (1 - w) * highest cosine to a chosen sentence.

    A sentence of negative relevance repeats more than it adds, and ends the summary unless the limit is
    promised. Groups as for :func:`_choose_by_score`.
    """
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    units = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)  # (T, D)
    similarity = np.zeros(len(scores))  # (T,) to the most similar chosen sentence; 0 while there is none
    costs, left, chosen = np.array(budget.costs), budget.limit, set[int]()
    for group in groups:
        candidate = group.copy()
        while (candidate & (costs <= left)).any():
            candidate &= costs <= left
            relevance = MMR_SCORE_WEIGHT * scores - (1 - MMR_SCORE_WEIGHT) * similarity
            relevance[~candidate] = -np.inf
            best = int(relevance.argmax())
            if relevance[best] < 0 and not budget.promised:
                break
            chosen.add(best)
            candidate[best] = False
            left -= budget.costs[best]
            similarity = np.maximum(similarity, units @ units[best])
    return chosen
