"""The compiled kernels compared with the same in NumPy, piece by piece; and what they refuse."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any, TypeVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from summarizer import Summarizer, compiled
from summarizer.compiled import Kernels
from summarizer.encoder import StaticEncoder
from summarizer.model import ModelConfig, SentenceScorer, input_width, weight_shapes
from summarizer.pipeline import DEFAULT_CHECKPOINT
from summarizer.text_features import _Occurrences
from summarizer.words import EUROPEAN_CODE_POINTS, Alphabet, WordTable, _classify, hashed_words_of, hashes_of

pytestmark = pytest.mark.skipif(compiled.kernels is None, reason="the kernels are not compiled")

Found = TypeVar("Found")
AWKWARD = ["", "ferry ferry", "don't!", "İΣ", "\n\n", "x" * 100, "x" * 101, "你好", "\ud800", "ö\u0308"]
TEXT = st.text(max_size=40) | st.text([chr(code) for code in EUROPEAN_CODE_POINTS], max_size=40)
SENTENCES = st.lists(TEXT | st.sampled_from(AWKWARD), max_size=8)


@contextmanager
def in_numpy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "kernels", None)
        yield


def both(compute: Callable[[], Found]) -> tuple[Found, Found]:
    """What is computed with the kernels, and without."""
    with_kernels = compute()
    with in_numpy():
        return with_kernels, compute()


@pytest.fixture(scope="module")
def kernels() -> Kernels:
    assert compiled.kernels is not None
    return compiled.kernels


@pytest.fixture(scope="module")
def encoder() -> StaticEncoder:
    return StaticEncoder.load(DEFAULT_CHECKPOINT / "encoder", "shipped")


@given(SENTENCES)
def test_words_are_found_alike(sentences):
    alphabet = Alphabet.of(EUROPEAN_CODE_POINTS, _classify)
    for found, expected in zip(*both(lambda: alphabet.words(sentences)), strict=True):
        assert_array_equal(found, expected)


@given(st.lists(st.text(max_size=5), max_size=40), st.lists(st.text(max_size=5), max_size=40))
def test_words_are_looked_up_alike(listed, asked):
    hashes = hashes_of([*asked, *listed])
    found, expected = both(lambda: WordTable(listed).indices(hashes))
    assert_array_equal(found, expected)


@given(SENTENCES)
def test_sentences_have_the_same_tokens_and_the_same_vectors(encoder, sentences):
    sentences = [sentence.replace("\ud800", "") for sentence in sentences]
    for found, expected in zip(*both(lambda: encoder._token_ids.of(sentences)), strict=True):
        assert_array_equal(found, expected)
    for found, expected in zip(*both(lambda: encoder.encode(sentences)), strict=True):
        assert_array_equal(found, expected)


@given(SENTENCES, st.integers(0, 99))
def test_overlaps_are_summed_alike(sentences, seed):
    words, counts = hashed_words_of(sentences)
    if not len(words):
        return
    found, expected = both(lambda: _Occurrences.of(words, counts))
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)
    rarity = np.random.default_rng(seed).exponential(size=len(found.hashes)).round(1)
    assert_allclose(*both(lambda: found.sums(rarity)), rtol=0, atol=1.1e-9)  # rounded to 1e-9


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("width", "members"), [(1, 1), (31, 1), (32, 2), (33, 1), (100, 1), (128, 2)])
@pytest.mark.parametrize("length", [1, 2, 40])
def test_the_recurrence_gives_the_same_scores(width, members, bidirectional, length):
    config = ModelConfig(
        dimension=6, width=width, members=members, layers=2, bidirectional=bidirectional, text_features=False
    )
    generator = np.random.default_rng(0)
    # Larger weights than these make a chaotic recurrence, which blows up any rounding.
    weights = {
        name: generator.normal(size=shape) / width**0.5 for name, shape in weight_shapes(config).items()
    }
    scorer = SentenceScorer(config, weights)
    article = generator.normal(size=(length, input_width(config))).astype(np.float32)
    assert_allclose(*both(lambda: scorer.score(article)), rtol=0, atol=1e-5)
    assert_allclose(*both(lambda: scorer.score(article * 1e6)), rtol=0, atol=1e-5)


@given(st.lists(st.floats(-30, 30, width=32), min_size=1, max_size=30))
def test_gates_open_and_shut_as_exactly_as_single_precision_can(kernels, inputs):
    """Without a state, an LSTM is a function of its inputs: tanh(sigmoid(i) tanh(c)) sigmoid(o)."""
    gates = np.array(inputs, np.float32)
    projections = np.stack([gates / 2, gates * 0, gates[::-1] / 2, gates])[None, :, None]
    states = np.empty((1, 1, len(gates)), np.float32)
    weights = np.zeros((4, 1, len(gates), len(gates)), np.float32)
    kernels.lstm(1, len(gates), np.ascontiguousarray(projections), weights, states)
    exact = gates.astype(np.float64)
    cell = np.tanh(exact) / (1 + np.exp(-exact))
    assert_allclose(states[0, 0], np.tanh(cell) / (1 + np.exp(-exact[::-1])), rtol=0, atol=5e-7)


def test_an_article_has_the_same_evaluation():
    summarizer = Summarizer.load()
    text = "The ferry is back. Zelenskyy’s “quux” ended on 3 May! Nobody saw İstanbul’s café 🙂. " * 20
    found, expected = both(lambda: summarizer.evaluate(text))
    assert found.indices == expected.indices
    scores = [[sentence.score for sentence in one.sentences] for one in (found, expected)]
    assert_allclose(*scores, rtol=0, atol=1e-5)


INTEGERS, SLOTS = np.zeros(4, np.int64), np.array([0, -1, -1, -1], np.int32)
HASHES, FLOATS, DOUBLES = np.zeros(4, np.uint64), np.zeros(4, np.float32), np.zeros(4)
EDGES, COUNTS = np.array([1, 3, 5]), np.zeros(2, np.int64)
CODES, KINDS, VALUES = np.full(5, 97, np.uint32), np.full(2, 2, np.uint8), np.ones(2, np.uint64)
ROOM, ROOM_H = np.zeros(5, np.int64), np.zeros(5, np.uint64)
OTHERS = np.zeros(2, np.bool_)
SPANS = np.array([0]), np.array([2])

VALID: dict[str, tuple[Any, ...]] = {
    "find_words": (3, CODES, KINDS, VALUES, EDGES, ROOM_H, ROOM, ROOM, COUNTS, OTHERS),
    "index_words": (HASHES[:1], SLOTS),
    "look_up": (HASHES[:1], SLOTS, HASHES, INTEGERS),
    "cut_words": (
        3,
        9,
        0,
        CODES,
        VALUES,
        *SPANS,
        *[HASHES[:1], SLOTS] * 2,
        *[INTEGERS[:1]] * 2,
        ROOM,
        INTEGERS[:1],
    ),
    "mean_rows": (2, FLOATS, np.array([0, 1]), np.array([2]), FLOATS[:2]),
    "count_words": (HASHES, np.array([4]), HASHES, INTEGERS, INTEGERS, INTEGERS),
    "overlaps": (INTEGERS, INTEGERS, DOUBLES, DOUBLES[:1], DOUBLES[:1], np.zeros((1, 3))),
    "lstm": (1, 1, FLOATS, FLOATS, FLOATS[:1]),
}
INVALID = [
    ("find_words", 2, np.zeros(0, np.uint8)),
    ("find_words", 3, VALUES[:1]),
    ("find_words", 4, EDGES[:2]),
    ("find_words", 4, np.array([1, 3, 6])),
    ("find_words", 4, np.array([-1, 3, 5])),
    ("find_words", 5, ROOM_H[:4]),
    ("find_words", 6, ROOM[:4]),
    ("find_words", 7, ROOM[:4]),
    ("find_words", 9, OTHERS[:1]),
    ("index_words", 0, HASHES),  # more than half of the slots
    ("index_words", 1, SLOTS[:3]),  # not a power of two
    ("index_words", 1, SLOTS[:0]),
    ("look_up", 1, SLOTS[:3]),
    ("look_up", 3, INTEGERS[:3]),
    ("cut_words", 4, VALUES[:0]),
    ("cut_words", 5, np.array([-1])),
    ("cut_words", 5, np.array([2])),
    ("cut_words", 6, np.array([6])),
    ("cut_words", 6, np.array([1, 2])),
    ("cut_words", 8, SLOTS[:3]),
    ("cut_words", 10, SLOTS[:3]),
    ("cut_words", 11, INTEGERS),
    ("cut_words", 12, INTEGERS),
    ("cut_words", 13, ROOM[:4]),
    ("cut_words", 14, INTEGERS[:0]),
    ("mean_rows", 0, 0),
    ("mean_rows", 2, np.array([0, 2])),
    ("mean_rows", 2, np.array([0, -1])),
    ("mean_rows", 3, np.array([3])),
    ("mean_rows", 3, np.array([-1])),
    ("mean_rows", 4, FLOATS[:3]),
    ("count_words", 1, np.array([3])),
    ("count_words", 1, np.array([5])),
    ("count_words", 1, np.array([5, -1])),
    ("count_words", 2, HASHES[:3]),
    ("count_words", 3, INTEGERS[:3]),
    ("count_words", 4, INTEGERS[:3]),
    ("count_words", 5, INTEGERS[:3]),
    ("overlaps", 0, np.array([0, 0, 0, 1])),
    ("overlaps", 0, np.array([0, 0, 0, -1])),
    ("overlaps", 1, np.array([0, 0, 0, 1])),
    ("overlaps", 1, INTEGERS[:3]),
    ("overlaps", 2, DOUBLES[:3]),
    ("overlaps", 5, np.zeros((1, 2))),
    ("lstm", 0, 0),
    ("lstm", 0, 2**40),
    ("lstm", 1, 0),
    ("lstm", 1, -1),
    ("lstm", 1, 2**40),
    ("lstm", 2, FLOATS[:3]),
    ("lstm", 3, FLOATS[:3]),
    ("lstm", 4, FLOATS[:2]),
]


@pytest.mark.parametrize("name", VALID)
def test_arrays_that_belong_together_are_taken(kernels, name):
    getattr(kernels, name)(*deepcopy(VALID[name]))


@pytest.mark.parametrize(("name", "place", "wrong"), INVALID, ids=str)
def test_arrays_that_do_not_belong_together_are_refused(kernels, name, place, wrong):
    arguments = [*deepcopy(VALID[name])]
    arguments[place] = deepcopy(wrong)
    with pytest.raises(ValueError, match="do not belong together"):
        getattr(kernels, name)(*arguments)


@pytest.mark.parametrize("name", VALID)
def test_gaps_and_outputs_that_cannot_be_written_are_refused(kernels, name):
    *others, last = deepcopy(VALID[name])
    gaps = np.repeat(np.atleast_1d(last), 2, axis=0)[::2]
    frozen = last.copy()
    frozen.flags.writeable = False
    for wrong in (frozen, *([gaps] if len(gaps) > 1 else [])):
        with pytest.raises((ValueError, BufferError, TypeError)):
            getattr(kernels, name)(*others, wrong)


def test_a_table_that_is_full_or_damaged_ends_the_search(kernels):
    found = np.zeros(1, np.int64)
    for slots in (np.zeros(4, np.int32), np.full(4, 9, np.int32), np.full(4, -7, np.int32)):
        kernels.look_up(np.array([5], np.uint64), slots, np.array([6], np.uint64), found)
        assert found[0] == 1
