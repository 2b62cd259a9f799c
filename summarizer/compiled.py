"""The compiled kernels of ``kernels.c``, where they are installed.

Installing the project compiles them if there is a C compiler. Without them the same is done in NumPy, which
takes longer. Tokens and vectors are equal; scores of the shipped model differ by 1e-6 at most
(benchmarks/agreement.py), and others by more only where a recurrence outgrows single precision.
"""

import sys
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

# Kernels that were compiled from another version of the source are not used.
VERSION = 4

# Letters of the longest word that :meth:`Kernels.find_tokens` can cut; longer ones are unknown to it.
LONGEST_WORD = 1024

# Units of a gate that :meth:`Kernels.lstm` computes together.
BLOCK = 64

# Registers that a kernel may use, where the processor has them: those of all processors, AVX2, AVX-512.
REGISTERS = range(3)
WIDEST = REGISTERS[-1]

_CACHE_LINE = 64  # bytes

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class Kernels(Protocol):
    """What is compiled. All arrays are contiguous; the last ones of each function are its outputs.

    Each function raises ValueError if the lengths of the arrays do not belong together, or an output shares
    memory with another array; then outputs may be half written. The type of the numbers is not checked.
    """

    def version(self) -> int:
        """The :data:`VERSION` of the source that was compiled."""

    def find_words(
        self,
        base: int,
        codes: NDArray[np.uint32],
        kinds: NDArray[np.uint8],
        values: Hashes,
        edges: Integers,
        hashes: Hashes,
        counts: Integers,
        others: NDArray[np.bool_],
    ) -> int:
        """The words of T sentences: :meth:`summarizer.words.Alphabet.hashes`.

        :param base: of the hashes.
        :param codes: shape (C,), as ``edges`` of :func:`summarizer.words.joined`.
        :param kinds: shape (K,), as ``values`` of an alphabet.
        :param hashes: with room for C words.
        :param counts: shape (T,), of the words of each sentence.
        :param others: shape (T,), whether a sentence has characters that the alphabet does not know.
        :returns: the number of words.
        """

    def index_words(self, hashes: Hashes, slots: NDArray[np.int32]) -> None:
        """A hash table.

        :param hashes: shape (V,), of the words.
        :param slots: a power of two, at least 2 V; becomes the index of a word, or -1.
        """

    def look_up(self, hashes: Hashes, slots: NDArray[np.int32], words: Hashes, found: Integers) -> None:
        """Look words up in a table of :meth:`index_words`.

        :param words: shape (N,).
        :param found: shape (N,), the index of the first listed word with this hash, or V.
        """

    def find_tokens(
        self,
        base: int,
        longest: int,
        unknown: int,
        codes: NDArray[np.uint32],
        kinds: NDArray[np.uint8],
        values: Hashes,
        edges: Integers,
        words: Hashes,
        slots: NDArray[np.int32],
        parts: Hashes,
        part_slots: NDArray[np.int32],
        word_ids: Integers,
        part_ids: Integers,
        ids: Integers,
        counts: Integers,
        others: NDArray[np.bool_],
    ) -> int:
        """WordPiece: each word of :meth:`find_words` as a whole, or as the longest pieces from left to right.

        :param longest: longer words are unknown as a whole; so are those longer than :data:`LONGEST_WORD`.
        :param unknown: the id of a word that cannot be cut into listed pieces.
        :param words: of :meth:`index_words`, as ``slots``: what a word may be or begin with.
        :param parts: the same for how it may go on, without a prefix.
        :param word_ids: shape (V,), the id of each word.
        :param part_ids: the same for the parts.
        :param ids: with room for C ids.
        :param counts: shape (T,), number of ids of each sentence.
        :returns: the number of ids.
        """

    def mean_rows(
        self,
        registers: int,
        width: int,
        table: NDArray[np.float32],
        rows: Integers,
        counts: Integers,
        means: NDArray[np.float32],
    ) -> None:
        """The mean of some rows of a table for each of T sentences; zeros if there are none.

        :param registers: one of :data:`REGISTERS`.
        :param table: shape (V, width).
        :param rows: shape (N,), of the first sentence, then of the second, and so on.
        :param counts: shape (T,), how many of them each sentence has.
        :param means: shape (T, width).
        """

    def capitals_and_digits(
        self, codes: NDArray[np.uint32], capitals: NDArray[np.bool_], edges: Integers, numbers: Integers
    ) -> None:
        """How many there are in each of T sentences: :func:`summarizer.typography.typography`.

        :param codes: shape (C,), as ``edges`` of :func:`summarizer.words.joined`.
        :param capitals: shape (K,), whether each code point is a capital; the last one stands for all higher.
        :param numbers: shape (T, 2).
        """

    def overlap_features(
        self,
        second: int,
        words: Hashes,
        counts: Integers,
        listed: Hashes,
        slots: NDArray[np.int32],
        rarities: NDArray[np.float64],
        features: NDArray[np.float32],
    ) -> None:
        """What each sentence has in common with others: :func:`summarizer.text_features._set_overlaps`.

        :param second: the column of the second six features; 0 for none.
        :param words: shape (N,), of T sentences, at least one.
        :param counts: shape (T,), number of words of each; they add up to N.
        :param listed: as ``slots`` of :meth:`index_words`; not read if ``second`` is 0.
        :param rarities: shape (V + 1,), of the listed words and of all others.
        :param features: shape (T, at least 6).
        """

    def normalize_rows(self, width: int, numbers: int, epsilon: float, table: NDArray[np.float32]) -> None:
        """Shift some numbers of each of T rows to a mean of 0, and scale them to a variance of 1.

        :param numbers: how many, from the first on; from 1 to ``width``.
        :param epsilon: added to the variance.
        :param table: shape (T, width).
        """

    def lstm(
        self,
        registers: int,
        members: int,
        directions: int,
        input_width: int,
        width: int,
        inputs: NDArray[np.float32],
        input_weights: NDArray[np.float32],
        biases: NDArray[np.float32],
        state_weights: NDArray[np.float32],
        states: NDArray[np.float32],
    ) -> None:
        """One layer: :meth:`summarizer.recurrence.RecurrentLayer.run`. Releases the interpreter's lock.

        :param registers: one of :data:`REGISTERS`.
        :param inputs: shape (M or 1, T, input_width).
        :param input_weights: shape (M, N, 4, width / BLOCK rounded up, input_width, BLOCK).
        :param biases: shape (M, N, 4, width rounded up to whole blocks).
        :param state_weights: shape (M, N, 4, width / BLOCK rounded up, width, BLOCK).
        :param states: shape (M, T, N, width).
        """

    def quantize_rows(
        self,
        registers: int,
        width: int,
        table: NDArray[np.float32],
        numbers: NDArray[np.int8],
        scales: NDArray[np.float32],
    ) -> None:
        """The nearest of 255 evenly spaced values for each number: :mod:`summarizer.byte_layers`.

        Releases the interpreter's lock.

        :param registers: one of :data:`REGISTERS`.
        :param table: shape (N, width).
        :param numbers: the same shape, from -127 to 127; undefined in rows with numbers that are not finite,
            zeros in rows where all are below 4e-37.
        :param scales: shape (N,), the largest magnitude of each row, divided by 127.
        """

    def rescale_rows(
        self,
        registers: int,
        sums: NDArray[np.int32],
        row_scales: NDArray[np.float32],
        column_scales: NDArray[np.float32],
        biases: NDArray[np.float32],
        table: NDArray[np.float32],
    ) -> None:
        """Products of such numbers times the scales of both factors, plus biases.

        Releases the interpreter's lock.

        :param registers: one of :data:`REGISTERS`.
        :param sums: shape (N, width).
        :param row_scales: shape (N,).
        :param column_scales: shape (width,).
        :param biases: shape (width,).
        :param table: shape (N, width).
        """


def aligned(numbers: NDArray[np.floating]) -> NDArray[np.float32]:
    """A contiguous copy that begins where a cache line does.

    NumPy's arrays often begin 16 bytes after, and every vector of 64 bytes would be read from two lines.
    """
    memory = np.empty(numbers.size + _CACHE_LINE // 4, np.float32)
    first = -memory.ctypes.data % _CACHE_LINE // 4
    copy = memory[first : first + numbers.size].reshape(numbers.shape)
    copy[...] = numbers
    return copy


def _load() -> Kernels | None:
    if sys.byteorder != "little":  # the kernels read characters as they are in memory
        return None
    try:
        module: Any = import_module("summarizer._kernels")
    except ImportError:
        return None
    return cast(Kernels, module) if getattr(module, "version", int)() == VERSION else None


kernels = _load()
