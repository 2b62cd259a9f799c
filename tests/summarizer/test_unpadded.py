"""Attention within each of several sentences in a row, beside attention to each by itself."""

from itertools import accumulate, pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from summarizer.unpadded import PaddingNeeded, attend, in_a_row

LENGTHS = st.lists(st.sampled_from([0, 1, 2, 2, 5, 9]), min_size=1, max_size=8)


def parts(tokens: int) -> tuple[torch.Tensor, ...]:
    """Queries, keys and values of 3 heads and 4 numbers."""
    generator = torch.Generator().manual_seed(tokens)
    return tuple(torch.randn((1, 3, tokens, 4), generator=generator) for _ in range(3))


@given(LENGTHS, st.sampled_from([None, 0.1, 3.0]))
def test_each_sentence_attends_to_itself_alone(lengths, scaling):
    edges = [0, *accumulate(lengths)]
    query, key, value = parts(edges[-1])
    found, weights = attend(None, query, key, value, scaling=scaling, cu_seq_lens_q=torch.tensor(edges))
    assert weights is None
    assert found.shape == (1, edges[-1], 3, 4)
    for start, end in pairwise(edges):
        scores = query[0, :, start:end] @ key[0, :, start:end].transpose(1, 2)
        scores *= 4**-0.5 if scaling is None else scaling
        expected = scores.softmax(dim=-1) @ value[0, :, start:end]
        torch.testing.assert_close(found[0, start:end], expected.transpose(0, 1), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "setting",
    [
        {"cu_seq_lens_q": None},
        {"attention_mask": torch.zeros(1, 1, 4, 4)},
        {"module": SimpleNamespace(is_causal=True)},
        {"key": torch.zeros(1, 1, 4, 4), "value": torch.zeros(1, 1, 4, 4)},
        {"sliding_window": 4},
        {"softcap": 30.0},
        {"position_bias": torch.zeros(1, 3, 4, 4)},
    ],
    ids=lambda setting: next(iter(setting)),
)
def test_models_that_attend_in_another_way_are_refused(setting):
    query, key, value = parts(4)
    usual: dict[str, Any] = {"module": None, "query": query, "key": key, "value": value}
    usual |= {"attention_mask": None, "cu_seq_lens_q": torch.tensor([0, 4]), "dropout": 0.0}
    attend(**usual, softcap=None)
    with pytest.raises(PaddingNeeded):
        attend(**(usual | setting))


def test_positions_begin_anew_with_each_sentence():
    sentences = [
        {"input_ids": [7, 1, 8], "attention_mask": [1, 1, 1]},
        {"input_ids": [9], "attention_mask": [1]},
    ]
    features = {name: column.tolist() for name, column in in_a_row(sentences, None).items()}
    assert features == {
        "input_ids": [[7, 1, 8, 9]],
        "position_ids": [[0, 1, 2, 0]],
        "cu_seq_lens_q": [0, 3, 4],
    }
    # In models like RoBERTa, padding has its own id as its position, and the others come after it.
    assert in_a_row(sentences, 1)["position_ids"].tolist() == [[2, 1, 3, 2]]
