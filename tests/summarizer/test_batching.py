import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from summarizer.batching import MAX_PADDING, batches_under_budget

LENGTHS = st.lists(st.integers(0, 600), max_size=60)


@given(LENGTHS, st.integers(1, 1000), st.integers(1, 300) | st.just(math.inf))
def test_batches_are_as_large_as_they_may_be_and_hold_everything_once(lengths, budget, enough):
    batches = list(batches_under_budget(lengths, budget, enough=enough))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))

    def fits(batch):
        """Whether the longest member may be in it."""
        *others, last = (lengths[index] for index in batch)
        padded = last * len(batch)
        small = sum(others) < enough
        return padded <= budget and (small or padded - sum(others) - last <= MAX_PADDING * padded)

    assert all(len(batch) == 1 or fits(batch) for batch in batches)
    assert not any(fits([*batch, following[0]]) for batch, following in pairwise(batches))


def test_a_batch_that_is_large_enough_takes_what_leaves_a_twentieth_of_padding_and_no_more():
    assert list(batches_under_budget([18, 19, 20], 999, enough=37)) == [[0, 1, 2]]
    assert list(batches_under_budget([18, 18, 20], 999, enough=36)) == [[0, 1], [2]]


def test_what_is_enough_is_counted_anew_in_every_batch():
    lengths = [10] * 6 + [15, 18, 20]
    assert list(batches_under_budget(lengths, 60, enough=34)) == [[0, 1, 2, 3, 4, 5], [6, 7, 8]]
