import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from summarizer.batching import MOST_PADDING, batches_under_budget

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
        return padded <= budget and (small or padded - sum(others) - last <= MOST_PADDING * padded)

    assert all(len(batch) == 1 or fits(batch) for batch in batches)
    assert not any(fits([*batch, following[0]]) for batch, following in pairwise(batches))
