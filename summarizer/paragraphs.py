"""Which line breaks end something (a paragraph, a heading, a list item), and which only wrap a line."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from summarizer.document import Span

# A line, which ends at the characters at which str.splitlines ends it.
_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")

# Widths at which text is hard-wrapped. Shorter lines are verse, lists or headings; longer ones are paragraphs
# that happen to be about equally long.
NARROWEST_WRAP = 40
WIDEST_WRAP = 120

_BULLET = re.compile(r"\s*(?:[-*•‣▪–—·+]|#{1,6}|\[[ xX\d]+\])\s")
_ENUMERATOR = re.compile(r"\s*\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")
_QUOTED_LINE = re.compile(r"\s*>")
_FIRST_WORD = re.compile(r"\S+")


def paragraphs(text: str) -> Iterator[Span]:
    """Slices of the text within which line breaks have no meaning.

    A blank line ends a slice, and so does the end of a heading, a list item or a paragraph of one line. Lines
    of a hard-wrapped paragraph stay together: such a line ends because the next word did not fit.

    :returns: ascending and disjoint; together they contain everything but white space.
    """
    for run in _runs(text):
        yield from _split_run(text, run)


def _runs(text: str) -> Iterator[list[Span]]:
    """Groups of consecutive lines without a blank line between them."""
    run: list[Span] = []
    previous_end = 0
    for line in _LINE.finditer(text):
        if not line.group().strip():
            continue
        gap = text[previous_end : line.start()]
        if run and len(gap.splitlines()) > 1:
            yield run
            run = []
        run.append(Span(line.start(), line.end()))
        previous_end = line.end()
    if run:
        yield run


def _split_run(text: str, run: Sequence[Span]) -> Iterator[Span]:
    lines = [text[line.start : line.end].rstrip() for line in run]
    width = max(map(len, lines))
    full = [_is_full(line, following, width) for line, following in pairwise(lines)]
    continued = [
        not _starts_block(line, following, full=is_full)
        for is_full, (line, following) in zip(full, pairwise(lines), strict=True)
    ]
    wraps = [is_full and is_continued for is_full, is_continued in zip(full, continued, strict=True)]
    # One line that ends near the margin may be chance; in a wrapped paragraph most of them do.
    if not NARROWEST_WRAP <= width <= WIDEST_WRAP or 2 * sum(wraps) < sum(continued):
        yield from run
        return
    start = run[0].start
    for wrapped, (line, following) in zip(wraps, pairwise(run), strict=True):
        if not wrapped:
            yield Span(start, line.end)
            start = following.start
    yield Span(start, run[-1].end)


def _starts_block(line: str, following: str, *, full: bool) -> bool:
    """Whether the following line starts a list item, a heading, or a change into or out of quoted mail.

    ``a. It`` or ``12. Then`` can also be the end of a wrapped sentence. That is assumed if the line before
    is full, does not end with punctuation and is not such an item itself.
    """
    if _BULLET.match(following):
        return True
    if _ENUMERATOR.match(following):
        return not full or line[-1] in ".:;!?" or _ENUMERATOR.match(line) is not None
    return bool(_QUOTED_LINE.match(following)) != bool(_QUOTED_LINE.match(line))


def _is_full(line: str, following: str, width: int) -> bool:
    """Whether the first word of the following line would not have fitted on this one."""
    word = _FIRST_WORD.search(following)
    return word is not None and len(line) + 1 + len(word.group()) > width
