"""The command ``summarizer batch IN OUT``: scores the files of a corpus into a folder of parts."""

import argparse
import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO, get_args

from summarizer.arguments import add_model, add_summary_options, non_empty_path, summary_options
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

# On a terminal one line is overwritten; elsewhere, such as in a log, a line is added now and then.
_SECONDS_BETWEEN_UPDATES = 0.2
_SECONDS_BETWEEN_LINES = 30.0


def batch(arguments: Sequence[str]) -> int:
    """Run the command.

    :param arguments: those after ``batch``.
    :returns: exit status: 0 for success, though some rows may have errors; 1 if all rows have, or if the
        input, the folder or the checkpoint cannot be used; 2 for invalid arguments; 130 if interrupted.
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
        with _interrupts_recorded(interrupts):
            counts = score_corpus(
                parsed.input,
                parsed.output,
                on_ray if parsed.ray else LocalProcesses(parsed.processes),
                settings,
                checkpoint=parsed.checkpoint,
                encoder=parsed.encoder,
                on_progress=progress.update,
            )
    except (SummarizerError, OSError, KeyboardInterrupt) as error:
        progress.end_line()
        # Ctrl-C reaches the worker processes too, and their end may be noticed first.
        if interrupts or isinstance(error, KeyboardInterrupt):
            sys.stderr.write("summarizer batch: interrupted; run the same command again to resume\n")
            return 130
        sys.stderr.write(f"summarizer batch: {error}\n")
        return 2 if isinstance(error, InvalidOption) else 1
    progress.finish(counts)
    if 0 < counts.rows - counts.kept_rows == counts.errors:
        # Most likely --id or --text is wrong, and nobody reads the parts to find that out.
        sys.stderr.write("summarizer batch: no row could be scored; the error of each row is in the parts\n")
        return 1
    return 0


@contextmanager
def _interrupts_recorded(interrupts: list[int]) -> Iterator[None]:
    """Record each SIGINT before raising KeyboardInterrupt; only the main thread may set signal handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def record(number: int, _frame: object) -> None:
        interrupts.append(number)
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, record)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


class Progress:
    """A line that shows the progress of a run.

    :param stream: where the line is written.
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
        """Write the line if the last one is old enough.

        :param size: bytes of the whole input.
        """
        now = time.monotonic()
        if not self._quiet and now - self._written >= self._pause:
            self._written = now
            self._write(progress_line(counts, size, now - self._began))

    def finish(self, counts: Counts) -> None:
        """Write what was done."""
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
        """Move the cursor to the beginning of a line."""
        if self._line_is_open:
            self._put("\n")
            self._line_is_open = False

    def _write(self, line: str) -> None:
        self._put(f"\r\x1b[K{line}" if self._on_terminal else f"{line}\n")
        self._line_is_open = self._on_terminal

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a log that is full or gone is no reason to end the work
            self._stream.write(text)
            self._stream.flush()


def progress_line(counts: Counts, size: int, seconds: float) -> str:
    """How much is done, how fast, and how long it will take.

    :param size: bytes of the whole input.
    :param seconds: elapsed since the beginning of this run.

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
    """A duration in human-readable form.

    >>> duration(59.6), duration(75), duration(7500)
    ('1 min 0 s', '1 min 15 s', '2 h 5 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _with_errors(counts: Counts) -> str:
    """The number of errors in this run: parts from an earlier run are not read."""
    return f"{counts.errors:,} with errors" + (" in this run" if counts.kept_rows else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="summarizer batch",
        description="Score every article of a corpus. Run the same command again to resume.",
    )
    endings = ".jsonl, .jsonl.gz or .parquet"
    parser.add_argument(
        "input",
        type=non_empty_path,
        metavar="IN",
        help=f"a file whose name ends in {endings}, or a folder of such files",
    )
    parser.add_argument(
        "output", type=non_empty_path, metavar="OUT", help="folder for the parts and manifest.json"
    )
    _add_columns(parser)
    _add_processing(parser)
    add_summary_options(parser)
    add_model(parser)
    return parser


def _add_columns(parser: argparse.ArgumentParser) -> None:
    columns = parser.add_argument_group("columns")
    columns.add_argument(
        "--id", default="id", metavar="NAME", help="id of the article, a string or whole number; default: id"
    )
    columns.add_argument("--text", default="text", metavar="NAME", help="text of the article; default: text")
    columns.add_argument(
        "--keep", action="append", default=[], metavar="NAME", help="copy this column too; may be repeated"
    )


def _add_processing(parser: argparse.ArgumentParser) -> None:
    work = parser.add_argument_group("processing")
    where = work.add_mutually_exclusive_group()
    where.add_argument(
        "--processes",
        type=int,
        default=_usable_cores(),
        metavar="N",
        help="default: one per core (%(default)s)",
    )
    where.add_argument("--ray", action="store_true", help="use a whole Ray cluster, found by RAY_ADDRESS")
    work.add_argument("--format", choices=get_args(PartFormat), default="jsonl", help="default: jsonl")
    work.add_argument(
        "--rows-per-part",
        type=int,
        default=DEFAULT_ROWS_PER_PART,
        metavar="N",
        help="most rows in a part; default: %(default)s",
    )
    work.add_argument(
        "--max-sentences",
        type=int,
        default=DEFAULT_MAX_SENTENCES,
        metavar="N",
        help="an article with more becomes a row with an error; default: %(default)s",
    )
    work.add_argument("--quiet", action="store_true", help="show errors only, no progress")


def _usable_cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
