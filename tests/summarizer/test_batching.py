from hypothesis import given
from hypothesis import strategies as st

from summarizer.batching import MOST_PADDING, batches_under_budget


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 1000))
def test_batches_hold_everything_once_and_keep_to_the_budget(lengths, budget):
    batches = list(batches_under_budget(lengths, budget))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget


@given(st.lists(st.integers(0, 600), max_size=60), st.integers(1, 1000), st.integers(1, 300))
def test_batches_that_are_large_enough_take_nothing_that_wastes(lengths, budget, enough):
    batches = list(batches_under_budget(lengths, budget, enough=enough))
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        padded = len(batch) * lengths[batch[-1]]
        assert len(batch) == 1 or padded <= budget
        before = sum(lengths[index] for index in batch[:-1])
        assert before < enough or padded - before - lengths[batch[-1]] <= MOST_PADDING * padded
