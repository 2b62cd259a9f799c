"""The command: an article in a file or on standard input, its summary on standard output."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from summarizer.arguments import add_model, add_summary_options, name, summary_options
from summarizer.document import Evaluation, ScoredSentence
from summarizer.errors import InputError, InvalidOption, InvalidText, SummarizerError

# Share of U+0000 among the characters of an article. UTF-16 that is read as UTF-8 has more.
MOST_NULLS = 0.05

BAR_WIDTH = 20  # characters of a full bar, for a score of 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: those of the process by default.
    :returns: exit status: 0 done, 1 the article or the checkpoint cannot be used, 2 wrong arguments,
        130 interrupted.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    # Imported when needed: neither --help nor a wrong argument should wait for NumPy.
    if given[:1] == ["batch"]:
        from summarizer.batch_command import batch

        return batch(given[1:])
    parsed = _parser().parse_args(given)
    try:
        evaluation = _evaluate(parsed)
        _write(_render(evaluation, scores=parsed.scores, as_json=parsed.json))
    except BrokenPipeError:  # the reader, say head, has seen enough
        # What is left in the buffer goes nowhere; or the interpreter fails while it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (SummarizerError, OSError) as error:
        print(f"summarizer: {error}", file=sys.stderr)
        return 2 if isinstance(error, InvalidOption) else 1
    except KeyboardInterrupt:
        print("summarizer: interrupted", file=sys.stderr)
        return 130
    for warning in evaluation.warnings:
        print(f"summarizer: {warning.detail}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="summarizer",
        description="Print the sentences of an article that a curator would quote.",
        epilog="Many articles: summarizer batch --help. (An article in a file of that name: ./batch.)",
    )
    parser.add_argument(
        "article", nargs="?", default="-", type=name, help="a UTF-8 text file; standard input by default"
    )
    add_summary_options(parser)
    shape = parser.add_argument_group("what to print").add_mutually_exclusive_group()
    shape.add_argument("--scores", action="store_true", help="every sentence with its score and a bar")
    shape.add_argument("--json", action="store_true", help="everything, in the form of the HTTP API")
    add_model(parser)
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    return parser


def _version() -> str:
    try:
        return version("quote-summarizer")
    except PackageNotFoundError:  # run from a folder of sources
        return "(not installed)"


def _evaluate(parsed: argparse.Namespace) -> Evaluation:
    from summarizer.pipeline import Summarizer

    options = summary_options(parsed)
    text = _read(parsed.article)
    return Summarizer.load(parsed.checkpoint, encoder=parsed.encoder).evaluate(text, options)


def _read(article: str) -> str:
    """The article, which is UTF-8.

    :raises InputError: standard input is closed.
    :raises InvalidText: not UTF-8, or more of it is U+0000 than MOST_NULLS, as in UTF-16.
    :raises OSError: the file cannot be read.
    """
    raw = _standard_input() if article == "-" else Path(article).read_bytes()
    source = "standard input" if article == "-" else article
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidText(
            f"{source} is not UTF-8: byte {error.start} cannot be read; convert it first"
        ) from None
    nulls = text.count("\0")
    if nulls > MOST_NULLS * len(text):
        raise InvalidText(
            f"{source} is not UTF-8: {nulls} of its {len(text)} characters are U+0000, as in UTF-16;"
            " convert it first: iconv -f utf-16le -t utf-8"
        )
    return text


def _standard_input() -> bytes:
    """All of it.

    :raises InputError: it is closed.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed; name a file, or send the article to standard input")
    if sys.stdin.isatty():
        print("summarizer: reading the article from the terminal; end it with Ctrl-D", file=sys.stderr)
    return sys.stdin.buffer.read()


def _write(text: str) -> None:
    """All of it to standard output, or nothing.

    :raises SummarizerError: the encoding there lacks one of the characters.
    """
    try:
        print(text, flush=True)
    except UnicodeEncodeError as error:
        raise SummarizerError(
            f"standard output is {error.encoding}, which has no {text[error.start]!r};"
            " set PYTHONIOENCODING=utf-8"
        ) from None


def _render(evaluation: Evaluation, *, scores: bool, as_json: bool) -> str:
    if as_json:
        return json.dumps(evaluation.as_dict(), ensure_ascii=False, indent=2)
    if scores:
        return "\n".join(map(_score_line, evaluation.sentences))
    return "\n".join(_line(sentence.text) for sentence in evaluation.selected)


def _score_line(sentence: ScoredSentence) -> str:
    mark = "*" if sentence.selected else " "
    return f"{sentence.score:.2f} {_bar(sentence.score)} {mark} {_line(sentence.text)}"


def _bar(score: float) -> str:
    """As long as the score is high, in eighths of a character.

    >>> _bar(0.5)
    '██████████          '
    """
    full, eighths = divmod(round(score * BAR_WIDTH * 8), 8)
    part = " ▏▎▍▌▋▊▉"[eighths] if eighths else ""
    return ("█" * full + part).ljust(BAR_WIDTH)


def _line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    sys.exit(main())
