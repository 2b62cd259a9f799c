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
from numpy.typing import NDArray
from tokenizers import Tokenizer, models
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from summarizer import Summarizer, compiled
from summarizer.compiled import BLOCK, REGISTERS, Kernels, aligned
from summarizer.encoder import StaticEncoder
from summarizer.model import ModelConfig, SentenceScorer, input_width, weight_shapes
from summarizer.pipeline import DEFAULT_CHECKPOINT
from summarizer.rarity import Rarity
from summarizer.text_features import text_features
from summarizer.token_ids import TokenIds
from summarizer.words import (
    EUROPEAN_CODE_POINTS,
    HASH_BASE,
    LETTER,
    Alphabet,
    WordTable,
    _classify,
    hashes_of,
)

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
    for found, expected in zip(*both(lambda: alphabet.hashes(sentences)), strict=True):
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


RARITY = Rarity(30, {"the": 30, "ferry": 4, "don": 11, "x": 3, "rare": 7})
PROSE = st.lists(
    st.lists(st.sampled_from("the ferry don rare x é 3.5 unheard".split())).map(" ".join), max_size=12
)


@given(SENTENCES | PROSE, st.sampled_from([None, RARITY]))
def test_features_are_alike(sentences, rarity):
    assert_allclose(*both(lambda: text_features(sentences, rarity)), rtol=0, atol=1e-6)


def test_features_of_a_long_article_are_alike():
    words = np.random.default_rng(0).zipf(1.3, size=(5000, 12)) % 9000
    sentences = [" ".join(f"w{word}" for word in row) for row in words]
    assert_allclose(*both(lambda: text_features(sentences, RARITY)), rtol=0, atol=1e-6)


@given(st.integers(0, 3), st.integers(1, 40), st.integers(0, 3), st.floats(-9, 9), st.floats(0.01, 100))
def test_vectors_are_normalized_alike(kernels, length, dimension, others, shift, spread):
    table = np.random.default_rng(0).normal(shift, size=(length, dimension + others)) * spread
    table = table.astype(np.float32)
    expected = table.astype(np.float64)
    vectors = expected[:, :dimension]
    vectors -= vectors.mean(axis=1, keepdims=True)
    vectors /= np.sqrt(vectors.var(axis=1, keepdims=True) + 1e-5)
    kernels.normalize_rows(dimension + others, dimension, 1e-5, table)
    assert_allclose(table, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("registers", REGISTERS)
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize(("width", "members"), [(1, 1), (63, 1), (64, 2), (65, 1), (100, 1), (128, 2)])
@pytest.mark.parametrize("length", [1, 2, 6, 40, 48, 49, 100])
def test_the_recurrence_gives_the_same_scores(width, members, bidirectional, length, registers, monkeypatch):
    monkeypatch.setattr(compiled, "WIDEST", registers)
    config = ModelConfig(
        dimension=6, width=width, members=members, layers=2, bidirectional=bidirectional, text_features=False
    )
    generator = np.random.default_rng(0)
    # Larger weights than these make a chaotic recurrence, which blows up any rounding.
    weights = {
        name: generator.normal(size=shape) / width**0.5 for name, shape in weight_shapes(config).items()
    }
    article = generator.normal(size=(length, input_width(config))).astype(np.float32)
    compiled_scorer, interpreted_scorer = both(lambda: SentenceScorer(config, weights))
    for inputs in (article, article * 1e6, np.asfortranarray(article), article.astype(np.float64)):
        assert_allclose(compiled_scorer.score(inputs), interpreted_scorer.score(inputs), rtol=0, atol=1e-5)


@pytest.mark.parametrize("registers", REGISTERS)
@given(st.integers(1, 300), st.lists(st.integers(0, 30), max_size=5), st.integers(0, 2**32))
def test_rows_are_averaged_alike(kernels, registers, width, counts, seed):
    generator = np.random.default_rng(seed)
    table = generator.normal(size=(9, width)).astype(np.float32)
    rows = generator.integers(9, size=sum(counts))
    means = np.empty((len(counts), width), np.float32)
    kernels.mean_rows(registers, width, table, rows, np.array(counts, np.int64), means)
    parts = np.split(rows, np.cumsum(counts))[: len(counts)]
    expected = [table[part].astype(np.float64).mean(axis=0) if len(part) else table[0] * 0 for part in parts]
    assert_allclose(means, np.array(expected).reshape(means.shape), rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", [(1,), (3, 5), (2, 2, 64), (100, 1000)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_aligned_copies_begin_with_a_cache_line(shape, dtype):
    numbers = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
    copies = [aligned(numbers) for _ in range(5)]
    for copy in copies:
        assert copy.ctypes.data % 64 == 0
        assert copy.dtype == np.float32
        assert copy.flags.c_contiguous
        assert_array_equal(copy, numbers)


@pytest.mark.parametrize("registers", REGISTERS)
@given(st.integers(1, 70), st.integers(0, 4), st.floats(1e-30, 1e30), st.integers(0, 2**32))
def test_rows_are_rounded_to_the_nearest_byte_of_their_own_scale(
    kernels, registers, width, count, spread, seed
):
    table = (np.random.default_rng(seed).standard_cauchy((count, width)) * spread).astype(np.float32)
    numbers, scales = np.full((count, width), 99, np.int8), np.zeros(count, np.float32)
    kernels.quantize_rows(registers, width, table, numbers, scales)
    assert_allclose(scales, np.abs(table).max(axis=1) / 127, rtol=1e-6)
    assert np.abs(numbers.astype(int)).max(axis=1).tolist() == [127] * count
    error = np.abs(numbers * scales[:, None].astype(np.float64) - table)
    assert (error <= 0.5001 * scales[:, None]).all()


@pytest.mark.parametrize("registers", REGISTERS)
def test_rows_of_zeros_and_rows_that_are_not_finite_harm_no_other(kernels, registers):
    rows = [[0, 0, 0], [1, np.nan, 2], [3, np.inf, -np.inf], [2e-37, 0, 0], [-2, 1, 0.5], [5e-37, 0, 0]]
    table = np.array(rows, np.float32)
    numbers, scales = np.full(table.shape, 99, np.int8), np.zeros(6, np.float32)
    kernels.quantize_rows(registers, 3, table, numbers, scales)
    assert numbers[[0, 3, 4, 5]].tolist() == [[0, 0, 0], [0, 0, 0], [-127, 64, 32], [127, 0, 0]]
    assert np.isfinite(scales).tolist() == [True, False, False, True, True, True]


@pytest.mark.parametrize("registers", REGISTERS)
@given(st.integers(1, 70), st.integers(0, 4), st.integers(0, 2**32))
def test_sums_are_scaled_by_row_and_column(kernels, registers, width, count, seed):
    random = np.random.default_rng(seed)
    sums = random.integers(-(2**24), 2**24, (count, width), np.int32)
    rows, columns, biases = (random.normal(size=size).astype(np.float32) for size in (count, width, width))
    table = np.empty((count, width), np.float32)
    kernels.rescale_rows(registers, sums, rows, columns, biases, table)
    exact = sums * (rows[:, None].astype(np.float64) * columns)
    assert_allclose(table, exact + biases, rtol=1e-6, atol=2e-6 * np.abs(exact).max(initial=1))


def states_of_gates(kernels: Kernels, gates: NDArray[np.float64], registers: int) -> NDArray[np.float32]:
    """What an LSTM makes of these pre-activations: input, forget and output gate, cell candidate.

    :param gates: shape (T, 4, BLOCK).
    :returns: shape (T, BLOCK).
    """
    inputs = np.eye(len(gates), dtype=np.float32)  # each timestep reads its own row of weights
    weights = np.ascontiguousarray(gates.transpose(1, 0, 2), dtype=np.float32)  # (4, T, BLOCK)
    nothing = np.zeros((4, BLOCK), np.float32), np.zeros((4, BLOCK, BLOCK), np.float32)
    states = np.empty((len(gates), BLOCK), np.float32)
    kernels.lstm(registers, 1, 1, len(gates), BLOCK, inputs, weights, *nothing, states)
    return states


@pytest.mark.parametrize("registers", REGISTERS)
@given(st.lists(st.floats(-30, 30, width=32), min_size=BLOCK, max_size=BLOCK))
def test_gates_open_and_shut_as_exactly_as_single_precision_can(kernels, registers, inputs):
    """Without a state, an LSTM is a function of its inputs: tanh(sigmoid(i) tanh(c)) sigmoid(o)."""
    exact = np.array(inputs)
    gates = np.stack([exact / 2, exact * 0, exact[::-1] / 2, exact])
    states = states_of_gates(kernels, gates[None], registers)
    cell = np.tanh(exact) / (1 + np.exp(-exact))
    assert_allclose(states[0], np.tanh(cell) / (1 + np.exp(-exact[::-1])), rtol=0, atol=5e-7)


def test_kernels_of_another_version_are_left_alone(monkeypatch):
    assert compiled._load() is not None
    with monkeypatch.context() as patch:
        patch.setattr(compiled, "VERSION", compiled.VERSION + 1)
        assert compiled._load() is None
    monkeypatch.setattr(compiled, "import_module", lambda _: object())  # as before there were versions
    assert compiled._load() is None


def test_words_at_the_limit_of_the_kernel_are_cut_and_longer_ones_unknown(kernels):
    """One letter is listed, as a beginning and as a part."""
    alphabet, listed = Alphabet({ord("a"): LETTER}, {}), WordTable(["a"])
    table = listed.hashes, listed.slots
    for letters, expected in ((1024, [7] + [8] * 1023), (1025, [0]), (4999, [0])):
        ids, counts, others = np.zeros(letters, np.int64), np.zeros(1, np.int64), np.zeros(1, np.bool_)
        text = np.full(letters, ord("a"), np.uint32), alphabet.kinds, alphabet.values, np.array([0, letters])
        entries = np.array([7]), np.array([8])
        total = kernels.find_tokens(HASH_BASE, 5000, 0, *text, *table, *table, *entries, ids, counts, others)
        assert ids[:total].tolist() == expected
        assert counts.tolist() == [total]


def test_tokenizers_of_longer_words_than_the_kernel_cuts_are_followed_too():
    tokenizer = Tokenizer(
        models.WordPiece({"[UNK]": 0, "a": 1, "##a": 2}, unk_token="[UNK]", max_input_chars_per_word=2**63)
    )
    tokenizer.normalizer, tokenizer.pre_tokenizer = BertNormalizer(), BertPreTokenizer()
    found = TokenIds(tokenizer).of(["a" * 1500]).ids.tolist()
    assert found == tokenizer.encode("a" * 1500, add_special_tokens=False).ids == [1] + [2] * 1499


@pytest.mark.parametrize("registers", REGISTERS)
def test_tanh_is_exact_to_single_precision(kernels, registers):
    """With the gates for input and output open and the one for the past shut: the tanh of the tanh."""
    inputs = np.linspace(-10, 10, 100 * BLOCK).reshape(100, BLOCK)
    gate = np.full_like(inputs, 30)
    states = states_of_gates(kernels, np.stack([gate, -gate, gate, inputs], axis=1), registers)
    assert_allclose(states, np.tanh(np.tanh(inputs)), rtol=0, atol=5e-7)


def test_refused_buffers_are_released(kernels):
    for name, place, wrong in INVALID:
        arguments = [*deepcopy(VALID[name])]
        arguments[place] = wrong
        given = {
            at: bytearray(value.tobytes()) for at, value in enumerate(arguments) if hasattr(value, "tobytes")
        }
        with pytest.raises(ValueError, match="do not belong together"):
            getattr(kernels, name)(*[given.get(at, value) for at, value in enumerate(arguments)])
        for buffer in given.values():
            buffer.append(0)  # raises BufferError while somebody still holds it


def test_an_article_has_the_same_evaluation():
    text = "The ferry is back. Zelenskyy’s “quux” ended on 3 May! Nobody saw İstanbul’s café 🙂. " * 20
    found, expected = both(lambda: Summarizer.load().evaluate(text))
    assert found.indices == expected.indices
    scores = [[sentence.score for sentence in one.sentences] for one in (found, expected)]
    assert_allclose(*scores, rtol=0, atol=1e-5)


INTEGERS, SLOTS = np.zeros(4, np.int64), np.array([0, -1, -1, -1], np.int32)
HASHES, FLOATS, DOUBLES = np.zeros(4, np.uint64), np.zeros(4, np.float32), np.zeros(4)
CODES, KINDS, VALUES = np.full(5, 97, np.uint32), np.full(2, 2, np.uint8), np.ones(2, np.uint64)
EDGES, COUNTS, OTHERS = np.array([1, 3, 5]), np.zeros(2, np.int64), np.zeros(2, np.bool_)
TABLE, WEIGHTS = (HASHES[:1], SLOTS), np.zeros(2 * 4 * BLOCK, np.float32)

VALID: dict[str, tuple[Any, ...]] = {
    "find_words": (3, CODES, KINDS, VALUES, EDGES, np.zeros(5, np.uint64), COUNTS, OTHERS),
    "index_words": TABLE,
    "look_up": (*TABLE, HASHES, INTEGERS),
    "find_tokens": (
        *(3, 9, 0, CODES, KINDS, VALUES, EDGES, *TABLE, *TABLE, INTEGERS[:1], INTEGERS[:1]),
        *(np.zeros(5, np.int64), COUNTS, OTHERS),
    ),
    "mean_rows": (2, 2, FLOATS, np.array([0, 1]), np.array([1, 1]), FLOATS.copy()),
    "capitals_and_digits": (CODES, OTHERS, np.array([0, 2, 5]), np.zeros((2, 2), np.int64)),
    "overlap_features": (12, HASHES, np.array([3, 1]), *TABLE, DOUBLES[:2], np.zeros((2, 18), np.float32)),
    "normalize_rows": (2, 1, 1e-5, FLOATS),
    "lstm": (2, 2, 1, 2, 1, FLOATS, np.zeros(2 * 4 * BLOCK * 2, np.float32), WEIGHTS, WEIGHTS, FLOATS.copy()),
    "quantize_rows": (2, 4, np.zeros(8, np.float32), np.zeros(8, np.int8), np.zeros(2, np.float32)),
    "rescale_rows": (2, np.zeros(8, np.int32), FLOATS[:2], FLOATS, FLOATS, np.zeros(8, np.float32)),
}
INVALID = [
    ("find_words", 2, np.zeros(0, np.uint8)),
    ("find_words", 3, VALUES[:1]),
    ("find_words", 4, EDGES[:2]),
    ("find_words", 4, np.array([1, 3, 6])),
    ("find_words", 4, np.array([-1, 3, 5])),
    ("find_words", 4, np.array([1, 9, 5])),
    ("find_words", 5, HASHES),
    ("find_words", 7, OTHERS[:1]),
    ("index_words", 0, HASHES),  # more than half of the slots
    ("index_words", 1, SLOTS[:3]),  # not a power of two
    ("index_words", 1, SLOTS[:0]),
    ("look_up", 1, SLOTS[:3]),
    ("look_up", 3, INTEGERS[:3]),
    ("find_tokens", 4, KINDS[:0]),
    ("find_tokens", 5, VALUES[:1]),
    ("find_tokens", 6, EDGES[:2]),
    ("find_tokens", 6, np.array([1, 3, 6])),
    ("find_tokens", 6, np.array([1, 0, 5])),
    ("find_tokens", 8, SLOTS[:3]),
    ("find_tokens", 10, SLOTS[:3]),
    ("find_tokens", 11, INTEGERS),
    ("find_tokens", 12, INTEGERS),
    ("find_tokens", 13, INTEGERS),
    ("find_tokens", 15, OTHERS[:1]),
    ("mean_rows", 1, 0),
    ("mean_rows", 1, 2**62),
    ("mean_rows", 3, np.array([0, 2])),
    ("mean_rows", 3, np.array([0, -1])),
    ("mean_rows", 4, np.array([3, 0])),
    ("mean_rows", 4, np.array([2, 2])),
    ("mean_rows", 4, np.array([-1, 1])),
    ("mean_rows", 5, FLOATS[:3]),
    ("capitals_and_digits", 1, OTHERS[:0]),
    ("capitals_and_digits", 2, EDGES[:0]),
    ("capitals_and_digits", 2, EDGES[:2]),
    ("capitals_and_digits", 2, np.array([0, 2, 6])),
    ("capitals_and_digits", 2, np.array([0, 6, 5])),
    ("overlap_features", 0, -1),
    ("overlap_features", 0, 13),
    ("overlap_features", 0, 2**63 - 1),
    ("overlap_features", 2, np.array([3, 0])),
    ("overlap_features", 2, np.array([3, 2])),
    ("overlap_features", 2, np.array([5, -1])),
    ("overlap_features", 2, INTEGERS[:0]),
    ("overlap_features", 4, SLOTS[:3]),
    ("overlap_features", 5, DOUBLES[:1]),
    ("overlap_features", 6, FLOATS),
    ("overlap_features", 6, np.zeros(37, np.float32)),
    *(("normalize_rows", 0, width) for width in (0, -1, 3, 8, 2**62)),
    *(("normalize_rows", 1, numbers) for numbers in (0, -1, 3, 2**62)),
    ("normalize_rows", 3, FLOATS[:3]),
    *(("lstm", place, number) for place in range(1, 5) for number in (0, -1, 3, 2**40, 2**62, 2**63 - 1)),
    ("lstm", 5, FLOATS[:3]),
    ("lstm", 5, np.zeros(5, np.float32)),
    ("lstm", 5, np.zeros(6, np.float32)),
    *(("lstm", 6, np.zeros(size, np.float32)) for size in (0, 8 * BLOCK, 16 * BLOCK - 1, 16 * BLOCK + 8)),
    *(("lstm", at, WEIGHTS[:size]) for at in (7, 8) for size in (0, 4 * BLOCK, 8 * BLOCK - 1)),
    *(("lstm", at, np.zeros(size, np.float32)) for at in (7, 8) for size in (8 * BLOCK + 8, 16 * BLOCK)),
    ("lstm", 9, FLOATS[:3]),
    ("lstm", 9, np.zeros(6, np.float32)),
    *(("quantize_rows", 1, width) for width in (0, -1, 3, 8, 16, 2**62)),
    ("quantize_rows", 2, FLOATS),
    ("quantize_rows", 3, np.zeros(9, np.int8)),
    ("quantize_rows", 3, np.zeros(7, np.int8)),
    ("quantize_rows", 4, FLOATS[:1]),
    ("rescale_rows", 1, np.zeros(9, np.int32)),
    ("rescale_rows", 1, np.zeros(4, np.int32)),
    ("rescale_rows", 2, FLOATS),
    ("rescale_rows", 3, FLOATS[:3]),
    *(("rescale_rows", 4, FLOATS[:size]) for size in (0, 2, 3)),
    ("rescale_rows", 5, FLOATS),
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


@pytest.mark.parametrize("name", VALID)
def test_outputs_that_share_memory_with_another_array_are_refused(kernels, name):
    arguments = deepcopy(VALID[name])
    arrays = [at for at, value in enumerate(arguments) if isinstance(value, np.ndarray)]
    last = arguments[-1].nbytes
    for at in arrays[:-1]:
        size = arguments[at].nbytes
        memory = np.zeros(size + last, np.uint8)
        shared = [*arguments]
        shared[at] = memory[:size]
        shared[-1] = memory[size - 8 : size + last - 8] if size >= 8 else memory[:last]
        with pytest.raises(ValueError, match="do not belong together"):
            getattr(kernels, name)(*shared)


def test_a_layer_of_three_directions_is_refused(kernels):
    weights = np.zeros(3 * 4 * BLOCK, np.float32)
    with pytest.raises(ValueError, match="do not belong together"):
        kernels.lstm(
            0, 1, 3, 1, 1, FLOATS[:2], weights, weights.copy(), weights.copy(), np.zeros(6, np.float32)
        )


@pytest.mark.parametrize("known", [[True], [False, True], [False] * 97 + [True]])
def test_the_last_kind_of_character_stands_for_all_higher_ones(kernels, known):
    numbers = np.zeros((1, 2), np.int64)
    kernels.capitals_and_digits(CODES, np.array(known), np.array([0, 5]), numbers)
    assert numbers.tolist() == [[5, 0]]


def test_a_table_that_is_full_or_damaged_ends_the_search(kernels):
    found = np.zeros(1, np.int64)
    memory = np.array([5] + [6] * 9, np.uint64)  # the word is behind the end of the list
    for slots in (np.zeros(4, np.int32), np.full(4, 9, np.int32), np.full(4, -7, np.int32)):
        kernels.look_up(memory[:1], slots, memory[1:2], found)
        assert found[0] == 1
