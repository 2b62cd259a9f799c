"""Articles with the quotes that people took from them, read from JSON Lines."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Split = Literal["train", "validation", "test"]

SUFFIXES = (".jsonl", ".jsonl.gz")


class CorpusError(Exception):
    """A corpus file cannot be used at all; the message names it."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article and what people quoted from it or wrote about it.

    :ivar id: unique in the corpus; what stands before its first slash is the source.
    """

    id: str
    title: str | None
    text: str
    quotes: tuple[str, ...]

    @property
    def source(self) -> str:
        """Which collection the article is from; empty if the id does not say."""
        head, slash, _ = self.id.partition("/")
        return head if slash else ""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not used: where it stands, which field is wrong and why."""

    file: Path
    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """What was read, and what was not."""

    articles: Sequence[Article]
    refused: Sequence[Refused]


def read_corpus(paths: Sequence[Path]) -> Corpus:
    """Read JSON Lines, gz too: ``{"id": str, "title": str or null, "text": str, "quotes": [str, ...]}``.

    :param paths: files, or folders of which all ``*.jsonl`` and ``*.jsonl.gz`` are read in order of name.
    :returns: the sound rows; every other row is in ``refused`` with its reason.
    :raises CorpusError: a path that does not exist, a broken file, or a file without one sound row.
    """
    articles: dict[str, Article] = {}
    refused: list[Refused] = []
    for file in _files(paths):
        before = len(articles)
        for number, line in _lines(file):
            row = _parse(line)
            if isinstance(row, Article) and row.id in articles:
                row = ("id", f"{row.id!r} is already in the corpus")
            if isinstance(row, Article):
                articles[row.id] = row
            else:
                refused.append(Refused(file, number, *row))
        if len(articles) == before:
            first = next((f"; line {r.line}: {r.field}: {r.reason}" for r in refused if r.file == file), "")
            raise CorpusError(f"{file} holds no article that can be used{first}")
    return Corpus(list(articles.values()), refused)


def split_of(article_id: str) -> Split:
    """The split that an article belongs to, for ever: 80 % train, 10 % validation, 10 % test.

    The first 8 bytes of the sha256 of the id, as a fraction of 2**64: below 0.8 train, below 0.9
    validation, else test.

    >>> split_of("news/13"), split_of("news/14"), split_of("news/15")
    ('train', 'validation', 'test')
    """
    fraction = int.from_bytes(hashlib.sha256(article_id.encode()).digest()[:8]) / 2**64
    return "train" if fraction < 0.8 else "validation" if fraction < 0.9 else "test"


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = sorted(entry for entry in path.iterdir() if entry.name.endswith(SUFFIXES))
            if not found:
                raise CorpusError(f"{path} holds no file that ends in {' or '.join(SUFFIXES)}")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise CorpusError(f"{path} does not exist")


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    """Numbered lines that are not blank."""
    opener = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rb") as stream:
            for number, line in enumerate(stream, start=1):
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"{file} cannot be read to its end: {error}") from error


def _parse(line: bytes) -> Article | tuple[str, str]:
    """The article, or the field that is wrong and why."""
    row = _decode(line)
    if isinstance(row, tuple):
        return row
    for field in ("id", "text"):
        if not isinstance(row.get(field), str) or not row[field].strip():
            return field, "should be a string that is not blank"
    if not isinstance(row.get("title"), str | None):
        return "title", "should be a string or null"
    quotes = row.get("quotes")
    if not isinstance(quotes, list) or not all(isinstance(quote, str) for quote in quotes):
        return "quotes", "should be a list of strings"
    kept = tuple(quote.strip() for quote in quotes if quote.strip())
    if not kept:
        return "quotes", "should hold a quote that is not blank"
    strings = {
        "id": row["id"],
        "title": row.get("title") or "",
        "text": row["text"],
        "quotes": "\n".join(kept),
    }
    for field, text in strings.items():
        if not _is_well_formed(text):
            return field, "holds a lone surrogate, which is not text"
    return Article(row["id"], row.get("title"), row["text"], kept)


def _decode(line: bytes) -> dict[str, Any] | tuple[str, str]:
    try:
        row: Any = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        return "(row)", f"not UTF-8 at byte {error.start}"
    except ValueError as error:
        return "(row)", f"not JSON: {error}"
    except RecursionError:
        return "(row)", "not JSON that can be read: nested too deeply"
    if not isinstance(row, dict):
        return "(row)", f"should be an object, is {type(row).__name__}"
    return row


def _is_well_formed(text: str) -> bool:
    """Whether it can be hashed and written: JSON can spell a lone surrogate, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
