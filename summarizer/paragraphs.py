"""Where line breaks end something (a paragraph, a heading, a list item) and where they only wrap a line."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

# What str.splitlines takes for the end of a line, \r\n as one.
_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")

# Columns at which people and programs wrap text. Shorter lines are verse, lists or headings; longer ones
# are paragraphs that happen to be about equally long.
NARROWEST_WRAP = 40
WIDEST_WRAP = 120

_BULLET = re.compile(r"\s*(?:[-*•‣▪–—·+]|#{1,6}|\[[ xX\d]+\])\s")
_ENUMERATOR = re.compile(r"\s*\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")
_QUOTED_LINE = re.compile(r"\s*>")
_FIRST_WORD = re.compile(r"\S+")


class Span(NamedTuple):
    """A slice of the text: ``text[start:end]``."""

    start: int
    end: int


def paragraphs(text: str) -> Iterator[Span]:
    """Slices of the text within which a line break means nothing.

    A blank line, a heading, a list item and a paragraph of one line end where they end. Lines of a
    hard-wrapped paragraph stay together: such a line ends because the next word did not fit.

    :returns: ascending and disjoint; together they hold all but white space.
    """
    for run in _runs(text):
        yield from _split_run(text, run)


def _runs(text: str) -> Iterator[list[Span]]:
    """Lines that follow each other without a blank line between."""
    run: list[Span] = []
    previous_end = 0
    for found in _LINE.finditer(text):
        if not found.group().strip():
            continue
        gap = text[previous_end : found.start()]
        if run and len(gap.splitlines()) > 1:
            yield run
            run = []
        run.append(Span(found.start(), found.end()))
        previous_end = found.end()
    if run:
        yield run


def _split_run(text: str, run: Sequence[Span]) -> Iterator[Span]:
    lines = [text[line.start : line.end].rstrip() for line in run]
    width = max(map(len, lines))
    full = [_is_full(line, following, width) for line, following in pairwise(lines)]
    inner = [
        not _begins_anew(line, following, full=here)
        for here, (line, following) in zip(full, pairwise(lines), strict=True)
    ]
    wraps = [here and within for here, within in zip(full, inner, strict=True)]
    # One line that ends near the margin is chance; a wrapped paragraph has most of them there.
    if not NARROWEST_WRAP <= width <= WIDEST_WRAP or 2 * sum(wraps) < sum(inner):
        yield from run
        return
    start = run[0].start
    for wrapped, (line, following) in zip(wraps, pairwise(run), strict=True):
        if not wrapped:
            yield Span(start, line.end)
            start = following.start
    yield Span(start, run[-1].end)


def _begins_anew(line: str, following: str, *, full: bool) -> bool:
    """Whether the following line is a list item or a heading, or changes between quoted mail and not.

    ``a. It`` or ``12. Then`` can also be the end of a sentence that was wrapped there: so it is where the
    line before is full, ends in no punctuation and is no such item itself.
    """
    if _BULLET.match(following):
        return True
    if _ENUMERATOR.match(following):
        return not full or line[-1] in ".:;!?" or _ENUMERATOR.match(line) is not None
    return bool(_QUOTED_LINE.match(following)) != bool(_QUOTED_LINE.match(line))


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether the first word of the following line would not have fitted."""
    word = _FIRST_WORD.search(following)
    return word is not None and len(line) + 1 + len(word.group()) > width
