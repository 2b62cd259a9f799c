"""What goes into one pass: things of similar length together, so that little of a batch is padding."""

import math
from collections.abc import Iterator, Sequence

# Most of a batch that is padding, where a smaller batch would do as well.
MOST_PADDING = 0.05


def batches_under_budget(
    lengths: Sequence[float], budget: float, *, enough: float = math.inf
) -> Iterator[list[int]]:
    """Group by length so that no batch, padded to its longest member, goes over the budget.

    :param lengths: of N things (tokens of sentences, sentences of articles).
    :param budget: most of length times number in a batch; what is longer alone comes alone.
    :param enough: where a larger batch saves nothing: one whose lengths add up to as much takes no member
        with which more than :data:`MOST_PADDING` of it would be padding.
    :returns: lists of positions that together are 0..N-1, the shortest first.

    >>> list(batches_under_budget([3, 9, 4, 20], 12))
    [[0, 2], [1], [3]]
    >>> list(batches_under_budget([3, 4, 9, 9], 99, enough=7))
    [[0, 1], [2, 3]]
    """
    batch: list[int] = []
    total = 0.0
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        padded = lengths[index] * (len(batch) + 1)
        wasteful = total >= enough and padded - total - lengths[index] > MOST_PADDING * padded
        if batch and (padded > budget or wasteful):
            yield batch
            batch, total = [], 0.0
        batch.append(index)
        total += lengths[index]
    if batch:
        yield batch
