import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.baselines import lead, longest, oracle_selection, random

SENTENCES = st.lists(
    st.lists(st.sampled_from("the cats slept while dogs were barking".split()), max_size=6).map(" ".join),
    max_size=8,
)


@given(SENTENCES, st.integers(0, 2**32 - 1))
def test_every_sentence_has_a_score_between_0_and_1(sentences, seed):
    for scores in (lead(len(sentences)), random(len(sentences), seed), longest(sentences)):
        assert scores.shape == (len(sentences),)
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()


@given(st.integers(0, 200))
def test_lead_prefers_whatever_comes_earlier(count):
    assert (np.diff(lead(count)) < 0).all()


def test_chance_is_repeated_by_the_same_seed_only():
    assert random(20, 7).tolist() == random(20, 7).tolist()
    assert random(20, 7).tolist() != random(20, 8).tolist()


def test_longest_prefers_more_words():
    assert np.argsort(-longest(["one two", "one two three four", "extraordinarily"])).tolist() == [1, 0, 2]


@given(SENTENCES, SENTENCES, st.integers(0, 10))
def test_the_oracle_selects_as_many_as_asked_or_all_there_are(sentences, quotes, count):
    chosen = list(oracle_selection(sentences, quotes, count))
    assert len(chosen) == len(set(chosen)) == min(count, len(sentences))
    assert chosen == sorted(chosen)


@pytest.mark.parametrize(("count", "chosen"), [(1, [2]), (2, [1, 2]), (3, [0, 1, 2])])
def test_the_oracle_selects_what_was_quoted_before_anything_else(count, chosen):
    sentences = ["Fish swim.", "Dogs bark.", "Cats sleep all day.", "Birds sing."]
    assert list(oracle_selection(sentences, ["Cats sleep all day.", "Dogs bark."], count)) == chosen
