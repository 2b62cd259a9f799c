"""The quotes in a curator's text about an article.

A curator marks quotes by quotation marks (``The best of it, "a long quiet road," comes last``), in Markdown
block quotes (``> …``) or in HTML (``<blockquote>``, ``<q>``). The article decides what was a quotation: text
that is not found in it was a title, a scare quote, somebody else's words, or two apostrophes.
"""

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Literal, NamedTuple

from summarizer.sentences import SentenceSplitter
from training.alignment import Aligner
from training.corpus import folded

# A quotation counts as found from this similarity on. Higher than the threshold of an alignment, so that a
# pair of apostrophes never passes for quotation marks.
FOUND = 0.75
# Shorter quotations are kept only together with one of at least this many words: alone they are scare quotes,
# and the sentence around them says more.
FEWEST_WORDS = 3
# Words of at least this length have a capital letter in a title.
_TITLE_WORD = 4

# Opening mark -> the marks that close it, equally good ones together, better ones first. German closes
# „ with “, Danish turns the guillemets round, Swedish opens with the mark that closes elsewhere.
_DOUBLE = {
    '"': ('"',),
    "＂": ("＂",),
    "″": ("″",),
    "“": ("”", '"'),
    "„": ("“”", '"'),
    "‟": ("”", '"'),
    "”": ("”",),
    "«": ("»",),
    "»": ("«", "»"),
    "‹": ("›",),
    "›": ("‹", "›"),
    "「": ("」",),
    "『": ("』",),
}
_SINGLE = {"'": "'’", "‘": "’'", "‚": "‘’", "’": "’", "`": "'`"}  # nearly all of these are also apostrophes
_SAME_ON_BOTH_SIDES = frozenset('"＂″”')
_MARK = re.compile(f"[{''.join(_DOUBLE | _SINGLE)}]")
_ALL_DOUBLE = "".join({*_DOUBLE, "」", "』"})
_BEFORE_CLOSING = frozenset(",.;:!?…")
_ELLIPSIS = re.compile(r"\.(?: ?\.)+ ?\w")  # before a quotation that begins inside a sentence
_MOST_ENDS = 8  # ends that are tried for a single mark
_ELISION = re.compile(r"['‘’](?:\d\ds?|tis|twas|em|n|till?|cause|bout|round|cos)\b", re.IGNORECASE)

_BLOCK_TAG = re.compile(r"(</?blockquote\b[^<>]*>)", re.IGNORECASE)
_QUOTE_TAG = re.compile(r"<(/?)q(?:\s[^<>]*)?>", re.IGNORECASE)
_PARAGRAPH_TAG = re.compile(r"</?(?:p|div|li|ul|ol|h[1-6])\b[^<>]*>|(?:<br\s*/?>\s*){2,}", re.IGNORECASE)
_LINE_TAG = re.compile(r"<br\s*/?>", re.IGNORECASE)
# By name: code in a blurb, such as `a <key>`, is not a tag.
_TAG = re.compile(
    r"</?(?:a|abbr|b|cite|code|em|font|figure|figcaption|hr|html|body|i|img|mark|s|small|span|strong|su[bp]|u)"
    r"\b[^<>]*>",
    re.IGNORECASE,
)
_BLOCK_LINE = re.compile(r"\s{0,3}(?:>[ \t]?)+")
_ATTRIBUTION_LINE = re.compile(r"\s*(?:[—–]|--)\s*\w[^\n]*")
_PARAGRAPH_END = re.compile(r"\n\s*\n")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_FULL_STOP = re.compile(r"""["”’'»)\]]*\.""")


@dataclass(frozen=True, slots=True)
class Quotations:
    """The quotes that a curator took from an article.

    :ivar quotes: in the order of the blurb, without repetitions; empty only for a blurb without a sentence.
    :ivar origin: whether they are quotations found in the article, or the sentences of a blurb that quotes
        nothing.
    """

    quotes: tuple[str, ...]
    origin: Literal["quotations", "sentences"]


def quotations(blurb: str, text: str, splitter: SentenceSplitter | None = None) -> Quotations:
    """The quotations of a blurb that are found in the article; without any, the sentences of the blurb.

    A quotation is found where :class:`training.alignment.Aligner` gives it a similarity of at least
    :data:`FOUND`, unless it is a title: two words or more, of which all longer ones have a capital letter.
    If none of those found has :data:`FEWEST_WORDS` words, the sentences are used; also if all of them are
    verbatim in the article, because then the marks in them are the article's own.

    Of nested marks the outermost pair that is found counts. A quotation over several paragraphs, and one
    that is interrupted (``"The road," she writes, "was long"``), gives a quote for each piece. If an
    apostrophe could be the closing mark, the end with which most of the quotation is found is used. Ellipses
    and brackets stay. A comma before the closing mark goes, and so does a full stop that the article does not
    have.

    :param blurb: plain text, Markdown or HTML.
    :param text: the article.
    :param splitter: of the blurb's sentences; a new one by default.

    >>> quotations("It was 'a long, quiet road,' she writes.", "They took a long, quiet road home.")
    Quotations(quotes=('a long, quiet road',), origin='quotations')
    >>> quotations("A walk home.", "They took a long, quiet road home.")
    Quotations(quotes=('A walk home.',), origin='sentences')
    """
    article = _QuotedArticle(text)
    parts = list(_parts(blurb))
    found = tuple(dict.fromkeys(quote for part in parts for quote in article.quotations(part)))
    split = (splitter or SentenceSplitter()).split("\n\n".join(part.text for part in parts))
    sentences = tuple(dict.fromkeys(folded(sentence.text) for sentence in split))
    has_quotations = any(len(_WORD.findall(quote)) >= FEWEST_WORDS for quote in found)
    has_blocks = any(part.is_block for part in parts)
    if has_quotations and (has_blocks or not article.is_extract(sentences, found)):
        return Quotations(found, "quotations")
    return Quotations(sentences, "sentences")


@dataclass(frozen=True, slots=True)
class _Part:
    """Plain text of a blurb; a block quotation needs no marks."""

    text: str
    is_block: bool


def _parts(blurb: str) -> Iterator[_Part]:
    """The paragraphs of a blurb, without the markup of HTML and Markdown."""
    depth = 0
    for piece in _BLOCK_TAG.split(blurb):
        if _BLOCK_TAG.fullmatch(piece):
            depth = max(0, depth - 1) if piece.startswith("</") else depth + 1
            continue
        for is_block, lines in groupby(_plain(piece).split("\n"), key=_is_block_line):
            text = "\n".join(_BLOCK_LINE.sub("", line, count=1) if is_block else line for line in lines)
            for paragraph in _PARAGRAPH_END.split(text):
                if paragraph.strip():
                    yield _Part(paragraph, is_block or depth > 0)


def _is_block_line(line: str) -> bool:
    return _BLOCK_LINE.match(line) is not None


def _plain(piece: str) -> str:
    piece = _QUOTE_TAG.sub(lambda tag: "”" if tag[1] else "“", piece)
    piece = _LINE_TAG.sub("\n", _PARAGRAPH_TAG.sub("\n\n", piece))
    piece = html.unescape(_TAG.sub("", piece)).replace("\r\n", "\n")
    # Escaped once too often by an export.
    piece = re.sub(r'""(?=[\w\[])|(?<=[\w.,;:!?…])""', '"', re.sub(r"""\\(["'])""", r"\1", piece))
    # TeX, and the Penn Treebank after it, which puts spaces inside the marks; two apostrophes on both sides.
    piece = re.sub(r"(?<![\w'])''(?=[\w\[])", "“", re.sub(r"``\s*", "“", piece))
    return re.sub(r"\s*''(?!\w)", "”", piece)


class _Found(NamedTuple):
    """A passage as a quote.

    :ivar quote: empty if it is not in the article.
    :ivar letters: their number times the similarity above :data:`FOUND`, to compare passages: a few words too
        many lower the similarity by more than their letters add.
    """

    quote: str
    letters: float


_NOTHING = _Found("", -1.0)


class _QuotedArticle:
    """An article in which quotations are looked for."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _aligner(self) -> Aligner:
        return Aligner(self._text)  # only if the blurb may contain quotations

    def quotations(self, part: _Part) -> Iterator[str]:
        if part.is_block:
            lines = [line for line in part.text.split("\n") if not _ATTRIBUTION_LINE.fullmatch(line)]
            whole = self._find("\n".join(lines).strip().strip(_ALL_DOUBLE))
            if whole.quote:
                yield whole.quote
                return
        yield from self._between_marks(part.text)

    def is_extract(self, sentences: Sequence[str], found: Sequence[str]) -> bool:
        """Whether the blurb consists of sentences of the article, with more words than the quotations."""
        quoted, whole = (sum(len(_WORD.findall(one)) for one in some) for some in (found, sentences))
        return quoted < whole and all(map(self._is_verbatim, sentences))

    def _is_verbatim(self, sentence: str) -> bool:
        if len(_WORD.findall(sentence)) < FEWEST_WORDS:  # a name under a quotation
            return False
        alignment = self._aligner.align(sentence)
        return alignment.similarity == 1 and len(alignment.spans) == 1

    def _between_marks(self, paragraph: str) -> Iterator[str]:
        position = 0
        while opening := _MARK.search(paragraph, position):
            mark, start = opening.group(), opening.end()
            position = start
            if not _may_open(paragraph, opening.start()):
                continue
            ends = _ends_of_single(paragraph, start) if mark in _SINGLE else _end_of_double(paragraph, start)
            # A beginning like '90s is nearly always an elision.
            least = 1.0 if _ELISION.match(paragraph, opening.start()) else FOUND
            found = [(self._find(paragraph[start:end], least), end) for end in ends]
            best, end = max(found, key=lambda one: one[0].letters, default=(_NOTHING, start))
            if best.quote:
                yield best.quote
                position = end + 1
            elif mark in _SAME_ON_BOTH_SIDES:  # otherwise the closing mark would count as an opening one
                yield from self._between_marks(paragraph[start:end])
                position = end + 1

    def _find(self, passage: str, least: float = FOUND) -> _Found:
        """The passage as a quote, if it is in the article."""
        quote = folded(passage).lstrip("*_ ").rstrip("*_,;:—– ")
        alignment = self._aligner.align(quote) if quote else None
        if alignment is None or alignment.similarity < least or _is_title(quote):
            return _NOTHING
        letters = sum(map(str.isalnum, quote)) * (alignment.similarity - FOUND)
        is_full_stop = quote.endswith(".") and not quote.endswith("..")
        if is_full_stop and not _FULL_STOP.match(self._text, alignment.spans[-1].end):
            quote = quote[:-1]
        return _Found(quote, letters)


def _is_title(quote: str) -> bool:
    longer = [word for word in _WORD.findall(quote) if len(word) >= _TITLE_WORD]
    has_capitals = all(word[0].isupper() for word in longer) and not quote.isupper()
    return bool(longer) and has_capitals and " " in quote and quote[-1] not in ".!?…"


def _may_open(paragraph: str, at: int) -> bool:
    mark, before, after = paragraph[at], paragraph[at - 1 : at], paragraph[at + 1 : at + 2]
    if mark in '"＂″':
        return not before.isalnum()  # 5" is a length
    if mark in "«‹「『":
        return True  # French puts a space inside
    if not after or after.isspace() or (after in ".,;:!?)]" and not _ELLIPSIS.match(paragraph, at + 1)):
        return False
    return mark in "“„‟" or not before or not (before.isalnum() or (mark in "”’»›" and not before.isspace()))


def _may_close(paragraph: str, at: int) -> bool:
    return not paragraph[at - 1].isspace() and not paragraph[at + 1 : at + 2].isalnum()


def _end_of_double(paragraph: str, start: int) -> list[int]:
    """Positions of the closing mark; without one, the end of the paragraph or nothing.

    A quotation that continues in the next paragraph is closed only there. It begins its paragraph or is the
    last one in it; other opening marks without a closing one are slips.
    """
    mark = paragraph[start - 1]
    for closing in _DOUBLE[mark]:
        if not any(one in paragraph[start:] for one in closing):
            continue
        depth = 1
        for at in range(start, len(paragraph)):
            if paragraph[at] in closing:
                depth -= 1
            elif paragraph[at] == mark:
                depth += 1
            if not depth:
                return [at]
    may_go_on = not paragraph[: start - 1].strip() or mark not in paragraph[start:]
    return [len(paragraph)] if may_go_on else []


def _ends_of_single(paragraph: str, start: int) -> list[int]:
    """Possible positions of the closing mark: apostrophes at the end of a word look the same."""
    mark = paragraph[start - 1]
    ends: list[int] = []
    for at in range(start, len(paragraph)):
        if paragraph[at] in _SINGLE and _may_open(paragraph, at) and not _ELISION.match(paragraph, at):
            if ends:
                break  # the next quotation
        elif paragraph[at] in _SINGLE[mark] and _may_close(paragraph, at):
            ends.append(at)
            if paragraph[at - 1] in _BEFORE_CLOSING:
                break  # not an apostrophe
        if len(ends) == _MOST_ENDS:
            break
    if not ends and not paragraph[: start - 1].strip():
        return [len(paragraph)]  # continues in the next paragraph
    return ends
