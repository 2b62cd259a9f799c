"""Articles with the quotes that people took from them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from training.errors import TrainingError

Split = Literal["train", "validation", "test"]
Origin = Literal["quotes", "quotations", "sentences"]

# Figures by position are of each tenth of an article.
DECILES = 10

# At the end of the source and of the id of an article whose introduction was restored.
INTRODUCED = "-introduced"


class CorpusError(TrainingError):
    """A corpus file cannot be used; the message names it."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article with the quotes that people took from it, or a summary they wrote.

    :ivar id: unique in the corpus.
    :ivar source: the collection that the article is from. If empty, it is taken from the id; see
        :func:`source_of`.
    :ivar origin: what the quotes were read from: a list of ``quotes``, the ``quotations`` in a summary, or
        its ``sentences`` where it quotes nothing.

    >>> Article("news/13", None, "Cats sleep.", ("Cats sleep.",)).source
    'news'
    """

    id: str
    title: str | None
    text: str
    quotes: tuple[str, ...]
    source: str = ""
    origin: Origin = "quotes"

    def __post_init__(self) -> None:
        if not self.source:
            object.__setattr__(self, "source", source_of(self.id))


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that was not used: its place, the field that is wrong, and why.

    :ivar line: from 1; the number of the row where there are no lines (Parquet).
    """

    file: Path
    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """The articles that were read, and the rows that were refused."""

    articles: Sequence[Article]
    refused: Sequence[Refused]


def source_of(article_id: str) -> str:
    """The part of an id before the first slash; empty without a slash, and for a URL.

    >>> source_of("news/2024/1"), source_of("1"), source_of("https://example.org/1")
    ('news', '', '')
    """
    head, slash, _ = article_id.partition("/")
    return head if slash and "://" not in article_id else ""


def folded(text: str) -> str:
    """With single spaces between words, so that line breaks make no difference.

    >>> folded(" Cats   sleep. ")
    'Cats sleep.'
    """
    return " ".join(text.split())


def unknown_sources(setting: str, named: Iterable[str], known: Iterable[str]) -> str | None:
    """An error message if a setting names a source that no article is from; else None."""
    if unknown := set(named) - set(known):
        return (
            f"{setting} names {', '.join(sorted(unknown))}, which is not a source of these articles; the"
            f" sources are {', '.join(sorted(known))}"
        )
    return None


def split_of(article_id: str) -> Split:
    """The split of an article, which never changes: 80 % train, 10 % validation, 10 % test.

    The first 8 bytes of the sha256 of the id, as a fraction of 2**64: below 0.8 train, below 0.9
    validation, else test.

    >>> split_of("news/13"), split_of("news/14"), split_of("news/15")
    ('train', 'validation', 'test')
    """
    fraction = int.from_bytes(hashlib.sha256(article_id.encode()).digest()[:8]) / 2**64
    return "train" if fraction < 0.8 else "validation" if fraction < 0.9 else "test"
