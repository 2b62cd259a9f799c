from hypothesis import given
from hypothesis import strategies as st

from summarizer.batching import batches_under_budget


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 1000))
def test_batches_hold_everything_once_and_keep_to_the_budget(lengths, budget):
    batches = list(batches_under_budget(lengths, budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget
