"""The command ``summarizer batch IN OUT``: a corpus in files, its scores in a folder of parts."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, get_args

from summarizer.arguments import add_model, add_summary_options, path, summary_options
from summarizer.corpus_on_ray import on_ray
from summarizer.corpus_processes import LocalProcesses
from summarizer.corpus_reading import Columns
from summarizer.corpus_scoring import (
    DEFAULT_MAX_SENTENCES,
    DEFAULT_ROWS_PER_PART,
    Counts,
    Settings,
    score_corpus,
)
from summarizer.corpus_writing import PartFormat
from summarizer.errors import InvalidOption, SummarizerError

# A terminal has its line written anew; elsewhere, such as in a log, a line comes now and then.
_SECONDS_BETWEEN_UPDATES = 0.2
_SECONDS_BETWEEN_LINES = 30.0


def batch(arguments: Sequence[str]) -> int:
    """Run the command.

    :param arguments: those after ``batch``.
    :returns: exit status: 0 done, though rows may have errors; 1 all rows have, or input, folder or
        checkpoint cannot be used; 2 wrong arguments; 130 interrupted.
    """
    parsed = _parser().parse_args(arguments)
    progress = Progress(sys.stderr, quiet=parsed.quiet)
    interrupts: list[int] = []
    try:
        settings = Settings(
            Columns(parsed.id, parsed.text, tuple(dict.fromkeys(parsed.keep))),
            parsed.format,
            parsed.rows_per_part,
            parsed.max_sentences,
            summary_options(parsed),
        )
        with _noted(interrupts):
            counts = score_corpus(
                parsed.input,
                parsed.output,
                on_ray if parsed.ray else LocalProcesses(parsed.processes),
                settings,
                checkpoint=parsed.checkpoint,
                encoder=parsed.encoder,
                told=progress.update,
            )
    except (SummarizerError, OSError, KeyboardInterrupt) as error:
        progress.end_line()
        # Ctrl-C goes to the processes too, and their end may be noticed first.
        if interrupts or isinstance(error, KeyboardInterrupt):
            sys.stderr.write("summarizer batch: interrupted; the same command goes on from here\n")
            return 130
        sys.stderr.write(f"summarizer batch: {error}\n")
        return 2 if isinstance(error, InvalidOption) else 1
    progress.finish(counts)
    if 0 < counts.rows - counts.kept_rows == counts.errors:
        # A wrong --id or --text most likely, and nobody reads the parts to find out.
        sys.stderr.write("summarizer batch: not one row could be scored; the parts say of each why\n")
        return 1
    return 0


@contextmanager
def _noted(interrupts: list[int]) -> Iterator[None]:
    """Write down each SIGINT before it is raised; only the main thread may ask for that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def note(number: int, _frame: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


class Progress:
    """One line that says how far it is.

    :param stream: where the line goes.
    :param quiet: write nothing.
    """

    def __init__(self, stream: TextIO, *, quiet: bool = False) -> None:
        self._stream = stream
        self._quiet = quiet
        self._on_terminal = stream.isatty()
        self._pause = _SECONDS_BETWEEN_UPDATES if self._on_terminal else _SECONDS_BETWEEN_LINES
        self._began = self._written = time.monotonic()
        self._line_is_open = False

    def update(self, counts: Counts, size: int) -> None:
        """Write the line, if the last one is old enough.

        :param size: bytes of the whole input.
        """
        now = time.monotonic()
        if not self._quiet and now - self._written >= self._pause:
            self._written = now
            self._write(progress_line(counts, size, now - self._began))

    def finish(self, counts: Counts) -> None:
        """Say what was done."""
        seconds = time.monotonic() - self._began
        fresh = counts.rows - counts.kept_rows
        line = f"{counts.rows:,} rows in {counts.parts:,} parts"
        if counts.kept_rows:
            line += f", {counts.kept_rows:,} of them from an earlier run"
        line += f"; {fresh:,} in {duration(seconds)}, {_with_errors(counts)}"
        if not self._quiet:
            self._write(line)
        self.end_line()

    def end_line(self) -> None:
        """Leave the cursor at the beginning of a line."""
        if self._line_is_open:
            self._stream.write("\n")
            self._line_is_open = False
        self._stream.flush()

    def _write(self, line: str) -> None:
        self._stream.write(f"\r\x1b[K{line}" if self._on_terminal else f"{line}\n")
        self._stream.flush()
        self._line_is_open = self._on_terminal


def progress_line(counts: Counts, size: int, seconds: float) -> str:
    """How much is done, how fast, and how long it will take.

    :param size: bytes of the whole input.
    :param seconds: since the beginning of this run.

    >>> progress_line(Counts(rows=1000, errors=2, size=250), 1000, 10.0)
    '1,000 articles (25 %), 2 with errors, 100 articles/s, 30 s left'
    """
    rate = (counts.rows - counts.kept_rows) / max(seconds, 1e-9)
    fresh = counts.size - counts.kept_size
    left = duration((size - counts.size) * seconds / fresh) if fresh > 0 else "unknown time"
    share = counts.size / max(size, 1)
    return (
        f"{counts.rows:,} articles ({share:.0%}), {_with_errors(counts)}, {rate:,.0f} articles/s, {left} left"
    ).replace("%)", " %)")


def duration(seconds: float) -> str:
    """For people.

    >>> duration(59.6), duration(75), duration(7500)
    ('1 min 0 s', '1 min 15 s', '2 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _with_errors(counts: Counts) -> str:
    """Of the rows that this run has scored: parts that were there before are not read."""
    return f"{counts.errors:,} with errors" + (" in this run" if counts.kept_rows else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="summarizer batch",
        description="Score every article of a corpus. The same command goes on where an earlier one stopped.",
    )
    endings = ".jsonl, .jsonl.gz or .parquet"
    parser.add_argument(
        "input", type=path, metavar="IN", help=f"a file that ends in {endings}, or a folder of them"
    )
    parser.add_argument("output", type=path, metavar="OUT", help="folder for the parts and manifest.json")
    columns = parser.add_argument_group("columns")
    columns.add_argument("--id", default="id", metavar="NAME", help="string or whole number; default: id")
    columns.add_argument("--text", default="text", metavar="NAME", help="the article; default: text")
    columns.add_argument(
        "--keep", action="append", default=[], metavar="NAME", help="also in the result; may be given again"
    )
    work = parser.add_argument_group("work")
    where = work.add_mutually_exclusive_group()
    where.add_argument(
        "--processes",
        type=int,
        default=_cores(),
        metavar="N",
        help="default: one for each core (%(default)s)",
    )
    where.add_argument("--ray", action="store_true", help="all of a Ray cluster, found by RAY_ADDRESS")
    work.add_argument("--format", choices=get_args(PartFormat), default="jsonl", help="default: jsonl")
    work.add_argument(
        "--rows-per-part", type=int, default=DEFAULT_ROWS_PER_PART, metavar="N", help="default: %(default)s"
    )
    work.add_argument(
        "--max-sentences",
        type=int,
        default=DEFAULT_MAX_SENTENCES,
        metavar="N",
        help="an article with more becomes a row with an error; default: %(default)s",
    )
    work.add_argument("--quiet", action="store_true", help="no progress, only what is wrong")
    add_summary_options(parser)
    add_model(parser)
    return parser


def _cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
