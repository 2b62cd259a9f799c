"""The inspection of a corpus as plain text for readers."""

from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from training.corpus import Origin, Split, folded
from training.inspection import Duplicate, Inspection, Placed, RefusedGroup, Spread, Suspicion

_SPLITS, _ORIGINS = get_args(Split), get_args(Origin)
_BARS = "▁▂▃▄▅▆▇█"
_LONGEST_SHOWN = 100  # characters of a quote
_MOST_DUPLICATES_SHOWN = 10
_MOST_IDS_SHOWN = 5


def as_text(inspection: Inspection) -> str:
    """Tables and lists, one after the other."""
    rows = [(source or "(none)", figures) for source, figures in inspection.sources.items()]
    rows.append(("ALL", inspection.overall))
    parts = [
        "Articles and splits; quotes given, read as quotations or as sentences of a summary",
        _table(
            ["source", "articles", *_SPLITS, *_ORIGINS],
            [
                [source, f.articles, *(f.splits[s] for s in _SPLITS), *(f.origins[o] for o in _ORIGINS)]
                for source, f in rows
            ],
        ),
        "Sizes: median (5th to 95th percentile, highest)",
        _table(
            ["source", "sentences/article", "words/article", "quotes/article", "words/quote"],
            [
                [source, *map(_shown_spread, (f.sentences, f.words, f.quotes, f.quote_words))]
                for source, f in rows
            ],
        ),
        "Quotes looked for in their articles, and the tenth of the article in which those found begin",
        _table(
            ["source", "quotes", "verbatim", "fuzzy", "not found", "first to last tenth"],
            [
                [
                    source,
                    f.aligned,
                    *(_percent(count, f.aligned) for count in (f.verbatim, f.fuzzy, f.not_found)),
                    histogram(f.deciles),
                ]
                for source, f in rows
            ],
        ),
        *_shown_duplicates(inspection.duplicates),
        *_shown_suspicions(inspection.suspicions),
        *_shown_worst(inspection.worst),
        *_shown_refused(inspection.refused),
    ]
    return "\n\n".join(parts) + "\n"


def histogram(counts: Sequence[int]) -> str:
    """One block per count; the highest count is a full block.

    >>> histogram([8, 4, 0])
    '█▅▁'
    """
    highest = max(counts, default=0)
    return "".join(_BARS[round(count / highest * (len(_BARS) - 1)) if highest else 0] for count in counts)


def _shown_duplicates(duplicates: Sequence[Duplicate]) -> Iterator[str]:
    leaks = sum(len(duplicate.splits) > 1 for duplicate in duplicates)
    yield f"Texts under more than one id: {len(duplicates)}, of which in more than one split: {leaks}"
    lines = [
        f"  {_shortened(duplicate.ids)} ({', '.join(duplicate.splits)})"
        for duplicate in duplicates[:_MOST_DUPLICATES_SHOWN]
    ]
    if len(duplicates) > len(lines):
        lines.append(f"  and {len(duplicates) - len(lines)} more")
    if lines:
        yield "\n".join(lines)


def _shown_suspicions(suspicions: Sequence[Suspicion]) -> Iterator[str]:
    if suspicions:
        yield "Articles or quotes worth checking, as they have"
        yield "\n".join(
            f"  {len(suspicion.ids)} x {suspicion.what}: {_cut(_shortened(suspicion.ids))}"
            for suspicion in suspicions
        )


def _shortened(ids: Sequence[str]) -> str:
    left = len(ids) - _MOST_IDS_SHOWN
    return ", ".join(ids[:_MOST_IDS_SHOWN]) + (f" and {left} more" if left > 0 else "")


def _shown_worst(worst: Sequence[Placed]) -> Iterator[str]:
    worst = [found for found in worst if found.similarity < 1]
    if worst:
        yield "Quotes least similar to their articles: similarity, id; the quote; the nearest text there"
        yield "\n".join(
            f"  {found.similarity:.2f}  {found.id}\n    {_cut(found.quote)}\n    {_cut(found.best) or '-'}"
            for found in worst
        )


def _shown_refused(groups: Sequence[RefusedGroup]) -> Iterator[str]:
    yield f"Rows refused: {sum(group.count for group in groups)}"
    lines = [
        f"  {group.count} x {group.field}: {group.reason}\n"
        + "\n".join(
            f"    {row.file}:{row.line}" + (f": {_cut(row.reason)}" if row.reason != group.reason else "")
            for row in group.examples
        )
        for group in groups
    ]
    if lines:
        yield "\n".join(lines)


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with aligned columns; the first one to the left, the others to the right."""
    lines = [list(header), *([str(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if position else cell.ljust(width)
            for position, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )


def _shown_spread(spread: Spread) -> str:
    return f"{spread.median:.0f} ({spread.p5:.0f} to {spread.p95:.0f}, {spread.max:.0f})"


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "-"


def _cut(text: str) -> str:
    """On one line, without control characters, cut off if it is long."""
    line = "".join(character if character.isprintable() else " " for character in folded(text))
    return line if len(line) <= _LONGEST_SHOWN else f"{line[: _LONGEST_SHOWN - 1]}…"
