"""The words of many sentences at once, each as a number.

A word is represented by a hash of 64 bits, so that words are found, compared and looked up as arrays. One by
one, as strings in dictionaries, that takes longer, mostly in the interpreter and waiting for memory. Among a
million words that are not chosen for it, the probability that any two share a hash is about 10**12 / 2**65.
But two words with the same hash can be constructed, so no cache that outlives an article is keyed by hash.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from summarizer import compiled
from summarizer.compiled import Hashes

# Kinds of characters. The first two are not part of words.
SPACE, OTHER, LETTER, MARK = range(4)

_WORD = re.compile(r"\w+")

# Latin, Greek, Cyrillic and Armenian letters, punctuation, currencies, arrows and other symbols: nearly all
# of these can be classified one by one, without their context.
EUROPEAN_CODE_POINTS = (*range(0x590), *range(0x1E00, 0x1F00), *range(0x2000, 0x2300), *range(0x25A0, 0x27C0))


class Words(NamedTuple):
    """The words of T sentences, one after the other.

    :ivar text: all sentences, joined.
    :ivar hashes: shape (N,), uint64, of each word.
    :ivar starts: shape (N,), where each word starts in the text.
    :ivar ends: shape (N,), where each word ends in the text.
    :ivar counts: shape (T,), number of words of each sentence; they add up to N.
    :ivar others: indices of sentences with characters that the alphabet does not know; ascending. Their words
        are not reliable.
    """

    text: str
    hashes: Hashes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]
    others: list[int]


class Alphabet:
    """Which characters make words, and which letters count as the same.

    Words are the longest runs of letters, and each single mark.

    :ivar kinds: shape (K,), the kind of each character; the last one is that of all others.
    :ivar values: shape (K,), what each character contributes to a hash.
    :param kinds: the kind of each code point: SPACE, LETTER, MARK or OTHER. Code points that are left out are
        OTHER; a line feed is SPACE.
    :param folded: for each code point, the one that it counts as.
    """

    def __init__(self, kinds: dict[int, int], folded: dict[int, int]) -> None:
        size = max(kinds) + 2  # the last one represents all higher ones
        self.kinds = np.full(size, OTHER, np.uint8)
        self.kinds[list(kinds)] = list(kinds.values())
        self.kinds[_LINE_FEED] = SPACE  # it separates sentences
        folds = np.arange(size)
        folds[list(folded)] = list(folded.values())
        self.values = _scattered(folds)

    @classmethod
    def of(cls, code_points: Collection[int], classify: Callable[[str], tuple[int, str]]) -> "Alphabet":
        """Classify every character by itself.

        :param classify: returns the kind of a character and its folded form. If that is not a single
            character, the kind is OTHER.
        """
        kinds, folded = {}, {}
        for code_point in code_points:
            kind, form = classify(chr(code_point))
            if len(form) == 1:
                kinds[code_point], folded[code_point] = kind, ord(form)
        return cls(kinds, folded)

    def hashes(self, sentences: Sequence[str]) -> tuple[Hashes, NDArray[np.int64], list[int]]:
        """The hashes of the words of T sentences, their counts and the others, as in :class:`Words`."""
        if compiled.kernels is None:
            words = self.words(sentences)
            return words.hashes, words.counts, words.others
        codes, edges = joined(sentences)[1:]
        hashes = np.empty(len(codes), np.uint64)
        counts, others = np.empty(len(sentences), np.int64), np.empty(len(sentences), np.bool_)
        number = compiled.kernels.find_words(
            HASH_BASE, codes, self.kinds, self.values, edges, hashes, counts, others
        )
        return hashes[:number], counts, others.nonzero()[0].tolist()

    def words(self, sentences: Sequence[str]) -> Words:
        """Find and hash the words of T sentences."""
        text, codes, edges = joined(sentences)
        kinds = self.kinds.take(codes, mode="clip")
        # Runs of characters of one kind, marks one by one; the text begins and ends with a SPACE.
        following = kinds[1:]
        changes = np.flatnonzero((following != kinds[:-1]) | (following == MARK)) + 1
        are_words = kinds.take(changes[:-1]) >= LETTER
        starts, ends = changes[:-1][are_words], changes[1:][are_words]
        bounds = starts.searchsorted(edges)
        unknown = np.flatnonzero(kinds == OTHER)
        others = sorted({*(edges.searchsorted(unknown, "right") - 1).tolist()})
        hashes = _hashes(self.values.take(codes, mode="clip"), starts, ends)
        return Words(text, hashes, starts, ends, bounds[1:] - bounds[:-1], others)


class WordTable:
    """Looks up the indices of words in a list.

    :ivar hashes: shape (V,), of the words.
    :ivar slots: the hash table of :class:`summarizer.compiled.Kernels`; meaningless without them.
    :param words: the list, folded.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.hashes = hashes_of(words)
        self.slots = np.empty(1 << (2 * len(words)).bit_length(), np.int32)
        self._kernels = compiled.kernels
        if self._kernels is not None:
            self._kernels.index_words(self.hashes, self.slots)
            return
        order = np.argsort(self.hashes, kind="stable")
        self._sorted = self.hashes[order]
        # One more entry, for hashes after the last one; its index is that of words not in the list.
        self._padded = np.append(self._sorted, np.uint64(0))
        self._indices = np.append(order, len(words))

    def indices(self, hashes: Hashes) -> NDArray[np.int64]:
        """The index of each of N words in the list; for words not in it, its length. Shape (N,)."""
        if self._kernels is not None:
            found = np.empty(len(hashes), np.int64)
            self._kernels.look_up(self.hashes, self.slots, hashes, found)
            return found
        rows = np.searchsorted(self._sorted, hashes)
        return np.where(self._padded.take(rows) == hashes, self._indices.take(rows), self._indices[-1])


def joined(sentences: Sequence[str]) -> tuple[str, NDArray[np.uint32], NDArray[np.int64]]:
    """T sentences as one text, with a line feed before the first and after each.

    :returns: the text; its C code points; and T + 1 edges: where each sentence starts, and where another one
        would.
    """
    text = "\n".join(["", *sentences, ""])
    edges = np.array([*accumulate((len(sentence) + 1 for sentence in sentences), initial=1)], np.int64)
    return text, code_points(text), edges


def words_of(sentence: str) -> list[str]:
    """The words of a sentence in lower case: runs of letters, digits and underscores.

    >>> words_of("It’s 3.5 °C.")
    ['it', 's', '3', '5', 'c']
    """
    words: list[str] = _WORD.findall(sentence.lower())
    return words


def hashed_words_of(sentences: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """The hashes of :func:`words_of` of T sentences.

    :returns: those of all sentences, one after the other, shape (N,); and the number of words of each, shape
        (T,).
    """
    hashes, counts, others = _words_alphabet().hashes(sentences)
    if not others:
        return hashes, counts
    rows = np.split(hashes, np.cumsum(counts)[:-1])
    lists = [words_of(sentences[index]) for index in others]
    found = hashes_of([word for row in lists for word in row])
    ends = np.cumsum([len(row) for row in lists])[:-1]
    for index, row in zip(others, np.split(found, ends), strict=True):
        rows[index] = row
    return np.concatenate(rows), np.array([len(row) for row in rows], np.int64)


def hashes_of(words: Sequence[str]) -> Hashes:
    """The hash of each of N words, which are not folded; shape (N,)."""
    edges = np.array([*accumulate(map(len, words), initial=0)])
    return _hashes(_scattered(code_points("".join(words))), edges[:-1], edges[1:])


def _hashes(values: Hashes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Hashes:
    """Hashes of slices of a text: polynomials of the values of their characters, modulo 2**64.

    Rabin and Karp's fingerprint (1987): for values a, b, c it is a x + b x^2 + c x^3, wherever they are in
    the text. All of them are differences of one running sum, shifted to the same powers by powers of 1 / x.

    :param values: shape (C,), of the characters of a text.
    :param starts: shape (N,), of the slices.
    :param ends: shape (N,).
    """
    sums = np.zeros(len(values) + 1, np.uint64)
    np.cumsum(values * _powers(HASH_BASE, len(values)), out=sums[1:])
    shifts = np.append(np.uint64(1), _powers(_INVERSE, len(values)))
    return (sums.take(ends) - sums.take(starts)) * shifts.take(starts)


def _powers(base: int, count: int) -> Hashes:
    """The powers base**1 to base**count modulo 2**64."""
    return np.multiply.accumulate(np.full(count, base, np.uint64))


# An odd number has an inverse modulo 2**64.
HASH_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(HASH_BASE, -1, 2**64)


def _scattered(numbers: NDArray[np.integer]) -> Hashes:
    """Map numbers to pseudorandom ones: the finalizer of MurmurHash3 (Austin Appleby, public domain)."""
    mixed = numbers.astype(np.uint64) + np.uint64(1)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(33)
    return mixed


_LINE_FEED = ord("\n")


def code_points(text: str) -> NDArray[np.uint32]:
    """The code point of each of C characters, lone surrogates included; shape (C,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


@cache
def _words_alphabet() -> Alphabet:
    """The alphabet whose words are those of :func:`words_of`."""
    return Alphabet.of(EUROPEAN_CODE_POINTS, _classify)


def _classify(character: str) -> tuple[int, str]:
    form = character.lower()
    if character == "Σ":  # its lower case depends on what follows
        return OTHER, form
    return LETTER if _WORD.match(form) else SPACE, form
