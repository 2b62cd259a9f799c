"""The words of many sentences at once, each as a number.

What stands for a word is a hash of 64 bits, so that words are found, compared and looked up as arrays. One by
one, as strings in dictionaries, they take longer: most of that is the interpreter, and waiting for memory.
Among a million words that nobody made for it, the odds that any two share a hash are about 10**12 / 2**65.
Who wants two words with one hash can find them, so nothing that is kept for the next article is kept by hash.
"""

import re
from collections.abc import Callable, Collection, Sequence
from functools import cache
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# What a character is to the words of a text. The first two are in no word.
SPACE, OTHER, LETTER, MARK = range(4)

_WORD = re.compile(r"\w+")

# Of Latin, Greek, Cyrillic and Armenian letters, punctuation, currencies, arrows and other signs: nearly all
# of these can be looked at one by one.
EUROPEAN_CODE_POINTS = (*range(0x590), *range(0x1E00, 0x1F00), *range(0x2000, 0x2300), *range(0x25A0, 0x27C0))


class Words(NamedTuple):
    """The words of T sentences, one after the other.

    :ivar text: all sentences in one.
    :ivar hashes: shape (N,), of each word.
    :ivar starts: shape (N,), where it starts in the text.
    :ivar ends: shape (N,), where it ends there.
    :ivar numbers: shape (T,), how many words each sentence has; they add up to N.
    :ivar others: positions of sentences that hold characters which the alphabet does not know; ascending.
        What is found in them is not to be relied on.
    """

    text: str
    hashes: Hashes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    numbers: NDArray[np.int64]
    others: list[int]


class Alphabet:
    """Which characters make words, and which letters count as the same.

    Words are the longest runs of letters, and every single mark.

    :param kinds: of each code point in question, one of SPACE, LETTER, MARK, OTHER; any that is left out is
        OTHER. A line feed is SPACE.
    :param folded: of each code point, the one that it counts as.
    """

    def __init__(self, kinds: dict[int, int], folded: dict[int, int]) -> None:
        size = max(kinds) + 2  # the last one stands for all beyond
        self._kinds = np.full(size, OTHER, np.uint8)
        self._kinds[list(kinds)] = list(kinds.values())
        self._kinds[_LINE_FEED] = SPACE  # it is what parts sentences
        numbers = np.arange(size)
        numbers[list(folded)] = list(folded.values())
        self._numbers = _scattered(numbers)

    @classmethod
    def of(cls, code_points: Collection[int], look: Callable[[str], tuple[int, str]]) -> "Alphabet":
        """Look at every character by itself.

        :param look: its kind, and what it becomes; if that is not a single character, it counts as OTHER.
        """
        kinds, folded = {}, {}
        for code_point in code_points:
            kind, form = look(chr(code_point))
            if len(form) == 1:
                kinds[code_point], folded[code_point] = kind, ord(form)
        return cls(kinds, folded)

    def words(self, sentences: Sequence[str]) -> Words:
        """Find and hash them."""
        text = "\n".join(["", *sentences, ""])  # a space at both ends of each sentence
        codes = code_points(text)
        kinds = self._kinds.take(codes, mode="clip")
        # Stretches of characters of one kind, marks one by one; the text begins and ends with a space.
        later = kinds[1:]
        stretches = np.flatnonzero((later != kinds[:-1]) | (later == MARK)) + 1
        are_words = kinds.take(stretches[:-1]) >= LETTER
        starts, ends = stretches[:-1][are_words], stretches[1:][are_words]
        sentence_starts = np.array([*accumulate((len(sentence) + 1 for sentence in sentences), initial=1)])
        bounds = starts.searchsorted(sentence_starts)
        unknown = np.flatnonzero(kinds == OTHER)
        others = sorted({*(sentence_starts.searchsorted(unknown, "right") - 1).tolist()})
        hashes = _hashes(self._numbers.take(codes, mode="clip"), starts, ends)
        return Words(text, hashes, starts, ends, bounds[1:] - bounds[:-1], others)


class WordTable:
    """Looks words up.

    :param words: as they are after folding.
    """

    def __init__(self, words: Sequence[str]) -> None:
        hashes = hashes_of(words)
        order = np.argsort(hashes)
        self._sorted = hashes[order]
        # With an end that no word is found at, so that looking behind the last one finds it.
        self._hashes = np.append(self._sorted, np.uint64(0))
        self._places = np.append(order, len(words))

    def places(self, hashes: Hashes) -> NDArray[np.int64]:
        """Where each of N words is in the list; the length of the list where it is not. Shape (N,).

        Soonest for hashes that ascend.
        """
        found = np.searchsorted(self._sorted, hashes)
        return np.where(self._hashes.take(found) == hashes, self._places.take(found), self._places[-1])


def words_of(sentence: str) -> list[str]:
    """The words of a sentence in lower case: runs of letters, digits and underscores.

    >>> words_of("It’s 3.5 °C.")
    ['it', 's', '3', '5', 'c']
    """
    found: list[str] = _WORD.findall(sentence.lower())
    return found


def hashed_words_of(sentences: Sequence[str]) -> tuple[Hashes, NDArray[np.int64]]:
    """The hashes of :func:`words_of` of T sentences.

    :returns: those of all sentences, one after the other, and how many each of them has; shape (T,).
    """
    found = _words_alphabet().words(sentences)
    if not found.others:
        return found.hashes, found.numbers
    lists = [words_of(sentence) for sentence in sentences]
    numbers = np.array([len(words) for words in lists], np.int64)
    return hashes_of([word for words in lists for word in words]), numbers


def hashes_of(words: Sequence[str]) -> Hashes:
    """Of each of N words as it is; shape (N,)."""
    edges = np.array([*accumulate(map(len, words), initial=0)])
    return _hashes(_scattered(code_points("".join(words))), edges[:-1], edges[1:])


def _hashes(numbers: Hashes, starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Hashes:
    """Polynomials of the numbers of some characters, modulo 2**64.

    Rabin and Karp's fingerprint (1987): of characters a, b, c it is a x + b x^2 + c x^3, wherever they stand.
    All are differences of one running sum, shifted to the same powers by those of 1 / x.

    :param numbers: shape (C,), of the characters of a text.
    :param starts: shape (N,), of slices of the text.
    :param ends: shape (N,).
    """
    sums = np.zeros(len(numbers) + 1, np.uint64)
    np.cumsum(numbers * _powers(_BASE, len(numbers)), out=sums[1:])
    shifts = np.append(np.uint64(1), _powers(_INVERSE, len(numbers)))
    return (sums.take(ends) - sums.take(starts)) * shifts.take(starts)


def _powers(base: int, count: int) -> Hashes:
    """The first to the last of so many, modulo 2**64."""
    return np.multiply.accumulate(np.full(count, base, np.uint64))


# An odd number has an inverse modulo 2**64.
_BASE = 0x9E3779B97F4A7C15
_INVERSE = pow(_BASE, -1, 2**64)


def _scattered(numbers: NDArray[np.integer]) -> Hashes:
    """Numbers that look like chance: the finalizer of MurmurHash3 (Austin Appleby, public domain)."""
    mixed = numbers.astype(np.uint64) + np.uint64(1)
    for factor in (0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53):
        mixed ^= mixed >> np.uint64(33)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(33)
    return mixed


_LINE_FEED = ord("\n")


def code_points(text: str) -> NDArray[np.uint32]:
    """Of each of C characters, lone surrogates too; shape (C,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))


@cache
def _words_alphabet() -> Alphabet:
    """Of what :func:`words_of` finds."""
    return Alphabet.of(EUROPEAN_CODE_POINTS, _look_for_words)


def _look_for_words(character: str) -> tuple[int, str]:
    form = character.lower()
    if character == "Σ":  # its lower case depends on what follows
        return OTHER, form
    return LETTER if _WORD.match(form) else SPACE, form
