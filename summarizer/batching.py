"""Batches of items of similar length, so that little of a batch is padding."""

import math
from collections.abc import Iterator, Sequence

# Largest share of padding in a batch, where a smaller batch would do just as well.
MAX_PADDING = 0.05


def batches_under_budget(
    lengths: Sequence[float], budget: float, *, enough: float = math.inf
) -> Iterator[list[int]]:
    """Group by length so that no batch, padded to its longest member, goes over the budget.

    :param lengths: of N items (sentences in tokens, articles in sentences).
    :param budget: limit on the longest length in a batch times the number of its members; an item that
        exceeds it alone gets a batch of its own.
    :param enough: total length from which a larger batch saves nothing: a batch that has reached it takes no
        further member that would make more than :data:`MAX_PADDING` of it padding.
    :returns: lists of indices, which together are 0..N-1; the shortest items first.

    >>> list(batches_under_budget([3, 9, 4, 20], 12))
    [[0, 2], [1], [3]]
    >>> list(batches_under_budget([3, 4, 9, 9], 99, enough=7))
    [[0, 1], [2, 3]]
    """
    batch: list[int] = []
    total = 0.0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        padded = lengths[index] * (len(batch) + 1)
        wasteful = total >= enough and padded - total - lengths[index] > MAX_PADDING * padded
        if batch and (padded > budget or wasteful):
            yield batch
            batch, total = [], 0.0
        batch.append(index)
        total += lengths[index]
    if batch:
        yield batch
