"""What goes into one pass: things of similar length together, so that little of a batch is padding."""

from collections.abc import Iterator, Sequence


def batches_under_budget(lengths: Sequence[float], budget: float) -> Iterator[list[int]]:
    """Group by length so that no batch, padded to its longest member, goes over the budget.

    :param lengths: of N things (tokens of sentences, sentences of articles).
    :param budget: most of length times number in a batch; what is longer alone comes alone.
    :returns: lists of positions that together are 0..N-1, the shortest first.

    >>> list(batches_under_budget([3, 9, 4, 20], 12))
    [[0, 2], [1], [3]]
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[index] * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
