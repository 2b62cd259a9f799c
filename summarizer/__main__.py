"""The command ``summarizer``: reads an article from a file or standard input and prints its summary."""

import argparse
import codecs
import json
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from summarizer.arguments import add_model, add_summary_options, non_empty, summary_options
from summarizer.document import Evaluation, ScoredSentence, one_line
from summarizer.errors import InputError, InvalidOption, InvalidText, SummarizerError

# Largest share of U+0000 among the characters of an article. UTF-16 decoded as UTF-8 has more.
MAX_NULL_SHARE = 0.05

# What is read as an HTML page even without --html: by the name of the file, or by how its content begins.
HTML_SUFFIXES = (".html", ".htm", ".xhtml")
HTML_BEGINNINGS = (b"<!doctype html", b"<html")

BAR_WIDTH = 20  # characters, for a score of 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: by default those of the process.
    :returns: exit status: 0 for success, 1 if the article or the checkpoint cannot be used, 2 for invalid
        arguments, 130 if interrupted.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    # Imported only when needed: neither --help nor an invalid argument should wait for NumPy.
    if given[:1] == ["batch"]:
        from summarizer.batch_command import batch

        return batch(given[1:])
    parsed = _parser().parse_args(given)
    try:
        evaluation, is_page = _evaluate(parsed)
        _write(_render(evaluation, scores=parsed.scores, as_json=parsed.json, with_text=is_page))
    except BrokenPipeError:  # the reader, such as head, has closed the pipe
        # Discard what is left in the buffer; otherwise the interpreter fails when it flushes at exit.
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
        epilog="For many articles: summarizer batch --help. (For an article in a file named batch: ./batch.)",
    )
    parser.add_argument(
        "article",
        nargs="?",
        default="-",
        type=non_empty,
        help="a UTF-8 text file, or an HTML page; standard input by default",
    )
    parser.add_argument(
        "--html",
        action="store_true",
        help="extract the main text of an HTML page, which is the default for what looks like one",
    )
    add_summary_options(parser)
    shape = parser.add_argument_group("output").add_mutually_exclusive_group()
    shape.add_argument("--scores", action="store_true", help="print every sentence with its score")
    shape.add_argument("--json", action="store_true", help="print everything, as the HTTP API returns it")
    add_model(parser)
    parser.add_argument("--version", action="version", version=f"%(prog)s {_version()}")
    return parser


def _version() -> str:
    try:
        return version("quote-summarizer")
    except PackageNotFoundError:  # run from a source folder
        return "(not installed)"


def _evaluate(parsed: argparse.Namespace) -> tuple[Evaluation, bool]:
    """Evaluate the article.

    :returns: also whether it is the main text of an HTML page.
    """
    from summarizer.pipeline import Summarizer

    options = summary_options(parsed)
    raw = _read(parsed.article)
    is_page = parsed.html or _looks_like_page(parsed.article, raw)
    text = _main_text(raw) if is_page else _decoded(parsed.article, raw)
    return Summarizer.load(parsed.checkpoint, encoder=parsed.encoder).evaluate(text, options), is_page


def _read(article: str) -> bytes:
    """Read the article.

    :raises InputError: standard input is closed.
    :raises OSError: the file cannot be read.
    """
    return _standard_input() if article == "-" else Path(article).read_bytes()


def _looks_like_page(article: str, raw: bytes) -> bool:
    beginning = raw[:1000].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return article.lower().endswith(HTML_SUFFIXES) or beginning.startswith(HTML_BEGINNINGS)


def _main_text(page: bytes) -> str:
    import logging

    from summarizer.html_article import as_utf8, main_text

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it says what our own error says
    return main_text(as_utf8(page))


def _decoded(article: str, raw: bytes) -> str:
    """The text of an article that is not a page.

    :raises InvalidText: it is not UTF-8, or more than MAX_NULL_SHARE of it is U+0000, as in UTF-16.
    """
    source = "standard input" if article == "-" else article
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidText(
            f"{source} is not UTF-8: byte {error.start} cannot be decoded; convert it first"
        ) from None
    nulls = text.count("\0")
    if nulls > MAX_NULL_SHARE * len(text):
        raise InvalidText(
            f"{source} is not UTF-8: {nulls} of its {len(text)} characters are U+0000, as in UTF-16;"
            " convert it first: iconv -f utf-16le -t utf-8"
        )
    return text


def _standard_input() -> bytes:
    """Everything on standard input.

    :raises InputError: it is closed.
    """
    if sys.stdin is None:
        raise InputError("standard input is closed; name a file, or send the article to standard input")
    if sys.stdin.isatty():
        print("summarizer: reading the article from the terminal; end it with Ctrl-D", file=sys.stderr)
    return sys.stdin.buffer.read()


def _write(text: str) -> None:
    """Write the whole text to standard output, or nothing.

    :raises SummarizerError: the encoding of standard output lacks one of the characters.
    """
    try:
        print(text, flush=True)
    except UnicodeEncodeError as error:
        raise SummarizerError(
            f"standard output is encoded as {error.encoding}, which cannot represent {text[error.start]!r};"
            " set PYTHONIOENCODING=utf-8"
        ) from None


def _render(evaluation: Evaluation, *, scores: bool, as_json: bool, with_text: bool) -> str:
    if as_json:
        # Offsets refer to the text of a page, which the caller does not have.
        text = {"text": evaluation.text} if with_text else {}
        return json.dumps(evaluation.as_dict() | text, ensure_ascii=False, indent=2)
    if scores:
        return "\n".join(map(_score_line, evaluation.sentences))
    return "\n".join(one_line(sentence.text) for sentence in evaluation.selected)


def _score_line(sentence: ScoredSentence) -> str:
    mark = "*" if sentence.selected else " "
    return f"{sentence.score:.2f} {_bar(sentence.score)} {mark} {one_line(sentence.text)}"


def _bar(score: float) -> str:
    """A bar as long as the score is high, in steps of an eighth of a character.

    >>> _bar(0.5)
    '██████████          '
    """
    full, eighths = divmod(round(score * BAR_WIDTH * 8), 8)
    part = " ▏▎▍▌▋▊▉"[eighths] if eighths else ""
    return ("█" * full + part).ljust(BAR_WIDTH)


if __name__ == "__main__":
    sys.exit(main())
