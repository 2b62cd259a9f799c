"""Finding the place of a quote in an article, even if the quote was edited.

Both are compared as words: Unicode NFKC, case folded, without punctuation, invisible characters or white
space, each with its place in the text. First the quote is looked for verbatim, with its words run together,
so that ``co-operate``, ``cooperate`` and ``co operate`` are the same. If that fails, the words are aligned by
dynamic programming: local alignment with affine gaps (Smith and Waterman, "Identification of common molecular
subsequences", 1981; Gotoh, "An improved algorithm for matching biological sequences", 1982), where misspelt
words count in part and an ellipsis may skip any amount of text.
"""

import re
import sys
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, groupby, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import OSA
from rapidfuzz.process import cdist

# Below this similarity a quote counts as not found. Measured: all 36,138 quotes of corpora of extracts have 1
# (BBC News Summary, SOSum, ACLSum, AMI); introductions cut off from articles, which are not in them
# (XSum), have 0.59 or less in 99 of 100. Between are paraphrases that keep about half of the words.
THRESHOLD = 0.6
# A quote of fewer words is only looked for verbatim: one or two words that are nearly the same prove nothing.
FEWEST_FUZZY_WORDS = 3
# Similarity (1 - edits / letters) at which two words may be the same one: one edit in four letters.
SAME_WORD = 0.75
# Words of the quote times words of the text that are aligned at once, about 100 MB; a longer quote is aligned
# in parts of at least SHORTEST_PART words, each after the place of the one before.
LARGEST_TABLE = 4_000_000
SHORTEST_PART = 32

# Costs of the alignment, in letters: a match earns as many as its word has.
_SKIP_TEXT, _SKIP_TEXT_LETTER = 2.0, 0.2  # text that the quote leaves out without a mark
_SKIP_QUOTE, _SKIP_QUOTE_LETTER = 1.0, 0.25  # words of the quote that are not in the text
_SKIP_MARKED_LETTER = 1e-4  # text left out at an ellipsis or a bracket: free, but the nearest is preferred
_CUT_OUT = 2  # words skipped in the text, beyond those replaced, that split a span in two

_ROUNDING = 1e-6  # sums that differ by less are equal

Values = NDArray[np.float32]
Sums = NDArray[np.float64]


class Span(NamedTuple):
    """A slice of the text, in code points."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """The place of a quote, and the similarity of the text there.

    :ivar similarity: in [0, 1]: 2 M / (A + B), with the letters A of the quote, B of the spans, and M of the
        quote's words that were found, each times its similarity to the word of the text (Dice). 1 if
        nothing differs except case, punctuation, spacing and passages marked as left out or replaced.
    :ivar spans: in document order, disjoint, from the first letter of a word to the last of a word; empty
        if nothing was found, that is, if the similarity is below :data:`THRESHOLD`.
    """

    similarity: float
    spans: tuple[Span, ...]


class Aligner:
    """Finds quotes in one text.

    Of several places that fit equally well the first is taken. Ellipses (``…``, ``...``, ``[...]``, ``(…)``)
    and brackets are not looked for; the pieces between them are, in their order.
    A bracket inside a word (``[T]he``) only changes letters. A word is never found inside another one; in
    scripts without spaces (Chinese, Japanese, Thai and others) each character counts as a word.

    >>> Aligner("Then the dog, an old one, barked twice.").align("the dog … barked [at them]")
    Alignment(similarity=1.0, spans=(Span(start=5, end=12), Span(start=26, end=32)))
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = list(_words(text))
        self._letters = "".join(word.letters for word in self._words)
        ends = list(accumulate(len(word.letters) for word in self._words))
        self._first_at = {
            end - len(word.letters): n for n, (end, word) in enumerate(zip(ends, self._words, strict=True))
        }
        self._last_at = {end: n for n, end in enumerate(ends)}
        self._sizes = np.array([len(word.letters) for word in self._words], np.float32)  # (N,)
        self._vocabulary = list(dict.fromkeys(word.letters for word in self._words))
        numbers = {letters: number for number, letters in enumerate(self._vocabulary)}
        self._numbers = np.array([numbers[word.letters] for word in self._words], np.int64)  # (N,)

    def align(self, quote: str) -> Alignment:
        """The place of the quote and its similarity; any quote is allowed."""
        whole = [word.letters for word in _words(quote)]
        if not whole:
            return self._symbols(quote)
        found = self._exact(whole)
        pieces = _pieces(quote)
        words = [word for piece in pieces for word in piece]
        if found is None and len(pieces) == 1 and words != whole:
            found = self._exact(words)
        if found is not None:
            return Alignment(1.0, (found,))
        if not self._words or (len(words) < FEWEST_FUZZY_WORDS and len(pieces) < 2):
            return Alignment(0.0, ())
        return self._fuzzy(words, set(accumulate(map(len, pieces))))

    def _symbols(self, quote: str) -> Alignment:
        """A quote without letters and digits, such as an emoji, verbatim."""
        wanted = quote.strip()
        start = self._text.find(wanted) if wanted else -1
        return Alignment(0.0, ()) if start < 0 else Alignment(1.0, (Span(start, start + len(wanted)),))

    def _exact(self, words: Sequence[str]) -> Span | None:
        """The first place with the same letters that begins and ends where words do."""
        wanted = "".join(words)
        start = self._letters.find(wanted) if wanted else -1
        while start >= 0:
            first, last = self._first_at.get(start), self._last_at.get(start + len(wanted))
            if first is not None and last is not None:
                return Span(self._words[first].start, self._words[last].end)
            start = self._letters.find(wanted, start + 1)
        return None

    def _fuzzy(self, words: Sequence[str], marks: set[int]) -> Alignment:
        numbers = {word: number for number, word in enumerate(dict.fromkeys(words))}
        rows = np.array([numbers[word] for word in words], np.int64)
        likeness = self._likeness(list(numbers))
        matches: list[_Match] = []
        length = max(SHORTEST_PART, LARGEST_TABLE // len(self._words))
        for start in range(0, len(words), length):
            part = words[start : start + length]
            after = matches[-1].text + 1 if matches else 0
            chain = _chain(
                likeness[np.ix_(rows[start : start + length], self._numbers[after:])],
                np.array([len(word) for word in part], np.float32),
                self._sizes[after:],
                {mark - start for mark in marks},
            )
            matches += [_Match(start + match.quote, after + match.text, match.likeness) for match in chain]
        if not matches:
            return Alignment(0.0, ())
        groups = _groups(matches, marks)
        spans = [(group[0].text, group[-1].text) for group in groups]
        matched = sum(len(words[match.quote]) * match.likeness for match in matches)
        covered = sum(float(self._sizes[first : last + 1].sum()) for first, last in spans)
        similarity = min(1.0, 2 * matched / (sum(map(len, words)) + covered))
        if similarity < THRESHOLD:
            return Alignment(similarity, ())
        return Alignment(
            similarity,
            tuple(Span(self._words[first].start, self._words[last].end) for first, last in spans),
        )

    def _likeness(self, words: Sequence[str]) -> Values:
        """Shape (words, vocabulary): 1 the same word, from SAME_WORD on nearly the same, else 0."""
        found: Values = cdist(
            words,
            self._vocabulary,
            scorer=OSA.normalized_similarity,
            score_cutoff=SAME_WORD,
            dtype=np.float32,
        )
        for row, word in enumerate(words):
            if any(map(str.isdigit, word)):  # 2018 is not nearly 2019
                found[row] = found[row] == 1
        return found


class _Word(NamedTuple):
    letters: str
    start: int
    end: int


class _Match(NamedTuple):
    """A word of the quote and the word of the text that it was aligned with."""

    quote: int
    text: int
    likeness: float


_ELLIPSIS = re.compile(r"[\[(]?\s*(?:…|\.(?:\s?\.){2,})+\s*[\])]?")
_BRACKET_IN_WORD = re.compile(r"(?<=\w)\[(\w{1,4})\]|\[(\w{1,4})\](?=\w)")
_BRACKET = re.compile(r"\[[^\[\]]*\]")
_MARK = "\x00"
# Marks of all kinds and invisible formatting characters; they belong to the letter before them.
_RIDERS = {"Mn", "Mc", "Me", "Cf"}
# Thai and Lao, Burmese, Khmer, kana, Chinese characters, halfwidth kana, rare Chinese characters.
_SPACELESS = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\uff66-\uff9f\U00020000-\U0003ffff"
)


def _pieces(quote: str) -> list[list[str]]:
    """The words of each piece between ellipses and brackets, without empty pieces."""
    plain = _BRACKET_IN_WORD.sub(r"\1\2", quote.replace(_MARK, " "))
    marked = _BRACKET.sub(_MARK, _ELLIPSIS.sub(_MARK, plain))
    pieces = [[word.letters for word in _words(piece)] for piece in marked.split(_MARK)]
    return [piece for piece in pieces if piece]


def _words(text: str) -> Iterator[_Word]:
    for found in _number_or_word().finditer(text):
        letters = unicodedata.normalize("NFKC", found.group()).casefold()
        if not letters.isalnum():
            letters = "".join(c for c in letters if unicodedata.category(c) != "Cf" and c != ",")
        yield _Word(letters, found.start(), found.end())


@lru_cache(maxsize=1)
def word_pattern() -> re.Pattern[str]:
    """A pattern for words: letters and digits of one script, with the marks and invisible characters on them.

    In scripts without spaces between words each character is one.
    """
    riders = "".join(f"{first}-{last}" for first, last in _ranges(_RIDERS))
    letter = rf"(?:[0-9A-Za-z]++|[^\W_{_SPACELESS}])[{riders}]*"  # the first half is there for speed
    return re.compile(rf"(?:{letter})+|[^\W_][{riders}]*")


def _ranges(categories: Collection[str]) -> Iterator[tuple[str, str]]:
    """First and last characters of the runs of characters in these categories of Unicode."""
    characters = map(chr, range(sys.maxunicode + 1))
    for inside, run in groupby(characters, lambda c: unicodedata.category(c) in categories):
        if inside:
            whole = list(run)
            yield whole[0], whole[-1]


@lru_cache(maxsize=1)
def _number_or_word() -> re.Pattern[str]:
    """The same, with ``1,000.5`` as one word."""
    return re.compile(rf"\d+(?:[.,]\d+)+|{word_pattern().pattern}")


def _chain(likeness: Values, quote_sizes: Values, text_sizes: Values, marks: set[int]) -> list[_Match]:
    """The best local alignment of M words with N words; of equals the first in the text.

    :param likeness: shape (M, N), in [0, 1].
    :param quote_sizes: shape (M,), letters of each word of the quote.
    :param text_sizes: shape (N,), letters of each word of the text.
    :param marks: numbers of words of the quote after which something is marked as left out.
    """
    rows, columns = likeness.shape
    if not columns:
        return []
    before = np.cumsum(text_sizes, dtype=np.float64)
    matched = np.full((rows, columns), -np.inf)  # the best that ends with a match of these two words
    passed = np.full((rows, columns), -np.inf)  # ... with this word of the quote passed over
    reached = np.full((rows, columns), -np.inf)  # ... anywhere up to these two words
    for row in range(rows):
        size = float(quote_sizes[row])
        gain = np.where(likeness[row] > 0, size * (2 * likeness[row] - 1), -np.inf)
        matched[row] = gain
        if row:
            matched[row, 1:] += np.maximum(reached[row - 1, :-1], 0)
            passed[row] = (
                np.maximum(reached[row - 1] - _SKIP_QUOTE, passed[row - 1]) - size * _SKIP_QUOTE_LETTER
            )
        ends = np.maximum(matched[row], passed[row])
        opening, letter = _cost(row, marks)
        skipped = np.maximum.accumulate(ends + letter * before) - letter * before - opening
        reached[row] = np.maximum(ends, skipped)
    return _trace(likeness, matched, passed, reached, before, marks)


def _cost(row: int, marks: set[int]) -> tuple[float, float]:
    """The cost of skipping text after this word of the quote: fixed, and per letter."""
    return (0.0, _SKIP_MARKED_LETTER) if row + 1 in marks else (_SKIP_TEXT, _SKIP_TEXT_LETTER)


def _trace(
    likeness: Values,
    matched: Sums,
    passed: Sums,
    reached: Sums,
    before: Sums,
    marks: set[int],
) -> list[_Match]:
    """Trace the alignment back from the first of the best ends."""
    best = matched.max(axis=0)
    if best.max() <= 0:
        return []
    column = int((best >= best.max() - _ROUNDING).argmax())
    row = int(matched[:, column].argmax())
    chain = [_Match(row, column, float(likeness[row, column]))]
    while row and column and reached[row - 1, column - 1] > 0:
        row, column = row - 1, column - 1
        is_match, is_passed = False, False
        while not is_match:
            if not is_passed:
                ends = np.maximum(matched[row], passed[row])
                if ends[column] < reached[row, column] - _ROUNDING:  # text was skipped
                    column = int((ends + _cost(row, marks)[1] * before)[:column].argmax())
                is_match = matched[row, column] >= passed[row, column]
            if not is_match:
                is_passed = passed[row - 1, column] >= reached[row - 1, column] - _SKIP_QUOTE
                row -= 1
        chain.append(_Match(row, column, float(likeness[row, column])))
    return chain[::-1]


def _groups(matches: Sequence[_Match], marks: set[int]) -> list[list[_Match]]:
    """Matches grouped by span: split where the quote marks an omission, or has one."""
    groups = [[matches[0]]]
    for last, match in pairwise(matches):
        skipped, replaced = match.text - last.text - 1, match.quote - last.quote - 1
        marked = any(last.quote < mark <= match.quote for mark in marks)
        if skipped and (marked or skipped - replaced >= _CUT_OUT):
            groups.append([])
        groups[-1].append(match)
    return groups
