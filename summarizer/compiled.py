"""The compiled kernels of ``kernels.c``, where they are installed.

Installing the project compiles them if there is a C compiler. Without them the same is done in NumPy, which
takes longer. Only the recurrence differs, by less than 1e-5 in a score: it adds products in another order.
"""

import sys
from importlib import import_module
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint64]


class Kernels(Protocol):
    """What is compiled. All arrays are contiguous; the last ones of each function are its outputs.

    Each function raises ValueError if the arrays do not belong together; then outputs may be half written.
    """

    def find_words(
        self,
        base: int,
        codes: NDArray[np.uint32],
        kinds: NDArray[np.uint8],
        values: Hashes,
        edges: Integers,
        hashes: Hashes,
        starts: Integers,
        ends: Integers,
        counts: Integers,
        others: NDArray[np.bool_],
    ) -> int:
        """The words of T sentences: :meth:`summarizer.words.Alphabet.words`.

        :param base: of the hashes.
        :param codes: shape (C,), the characters of the sentences with a line feed after each.
        :param kinds: shape (K,), of each character; the last one is that of all that are not listed.
        :param values: shape (K,), what each contributes to a hash.
        :param edges: shape (T + 1,), where each sentence starts, and where another one would.
        :param hashes: as ``starts`` and ``ends`` with room for C words.
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

    def cut_words(
        self,
        base: int,
        longest: int,
        unknown: int,
        codes: NDArray[np.uint32],
        values: Hashes,
        starts: Integers,
        ends: Integers,
        words: Hashes,
        slots: NDArray[np.int32],
        parts: Hashes,
        part_slots: NDArray[np.int32],
        word_ids: Integers,
        part_ids: Integers,
        ids: Integers,
        counts: Integers,
    ) -> int:
        """WordPiece: each word as a whole, or as the longest pieces from left to right.

        :param longest: longer words are unknown as a whole; so are words of more than 1,024 letters.
        :param unknown: the id of a word that cannot be cut into listed pieces.
        :param codes: as ``values``, ``starts`` and ``ends`` from :meth:`find_words`, of N words.
        :param words: of :meth:`index_words`, as ``slots``: what a word may be or begin with.
        :param parts: the same for how it may go on, without a prefix.
        :param word_ids: shape (V,), the id of each word.
        :param part_ids: the same for the parts.
        :param ids: with room for C ids.
        :param counts: shape (N,), number of ids of each word.
        :returns: the number of ids.
        """

    def mean_rows(
        self,
        width: int,
        table: NDArray[np.float32],
        rows: Integers,
        counts: Integers,
        means: NDArray[np.float32],
    ) -> None:
        """The mean of some rows of a table for each of T sentences; zeros if there are none.

        :param table: shape (V, width).
        :param rows: shape (N,), of the first sentence, then of the second, and so on.
        :param counts: shape (T,), how many of them each sentence has.
        :param means: shape (T, width).
        """

    def count_words(
        self,
        words: Hashes,
        counts: Integers,
        hashes: Hashes,
        sentences: Integers,
        indices: Integers,
        repeats: Integers,
    ) -> tuple[int, int]:
        """Which sentence has which word how often: :class:`summarizer.text_features._Occurrences`.

        :param words: shape (N,), of T sentences.
        :param counts: shape (T,), number of words of each; they add up to N.
        :param hashes: room for N words; the V different ones, ascending.
        :param sentences: as ``indices`` and ``repeats`` with room for N entries.
        :returns: V and the number of entries E.
        """

    def overlaps(
        self,
        sentences: Integers,
        indices: Integers,
        weights: NDArray[np.float64],
        totals: NDArray[np.float64],
        lengths: NDArray[np.float64],
        sums: NDArray[np.float64],
    ) -> None:
        """What each sentence has in common with others: :meth:`summarizer.text_features._Occurrences.sums`.

        :param sentences: shape (E,), as ``indices`` and ``weights``; the weights are scaled in place.
        :param totals: shape (V,), the weights of each word together.
        :param lengths: shape (T,), of the sentences before scaling.
        :param sums: shape (T, 3).
        """

    def lstm(
        self,
        cells: int,
        width: int,
        projections: NDArray[np.float32],
        weights: NDArray[np.float32],
        states: NDArray[np.float32],
    ) -> None:
        """The recurrences of :func:`summarizer.model._lstm`. Releases the interpreter's lock.

        :param projections: shape (T, 4, cells, width).
        :param weights: shape (4, cells, width, width).
        :param states: shape (T, cells, width).
        """


def _load() -> Kernels | None:
    if sys.byteorder != "little":  # the kernels read characters as they are in memory
        return None
    try:
        module: Any = import_module("summarizer._kernels")
    except ImportError:
        return None
    return cast(Kernels, module)


kernels = _load()
