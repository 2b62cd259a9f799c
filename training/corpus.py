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


class CorpusError(TrainingError):
    """A corpus file cannot be used at all; the message names it."""


@dataclass(frozen=True, slots=True)
class Article:
    """An article and what people quoted from it or wrote about it.

    :ivar id: unique in the corpus.
    :ivar source: which collection the article is from. Left empty, it is what the id says; see
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
    """A row that was not used: where it stands, which field is wrong and why.

    :ivar line: from 1; in a table without lines (Parquet) the number of the row, from 1.
    """

    file: Path
    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Corpus:
    """What was read, and what was not."""

    articles: Sequence[Article]
    refused: Sequence[Refused]


def source_of(article_id: str) -> str:
    """What stands before the first slash of an id; empty without a slash, and for a URL.

    >>> source_of("news/2024/1"), source_of("1"), source_of("https://example.org/1")
    ('news', '', '')
    """
    head, slash, _ = article_id.partition("/")
    return head if slash and "://" not in article_id else ""


def folded(text: str) -> str:
    """With single spaces between words: a text is the same however its lines are broken.

    >>> folded(" Cats   sleep. ")
    'Cats sleep.'
    """
    return " ".join(text.split())


def unknown_sources(setting: str, named: Iterable[str], known: Iterable[str]) -> str | None:
    """What to say of sources in a setting that no article is from; None where there are none such."""
    if unknown := set(named) - set(known):
        return (
            f"{setting} names {', '.join(sorted(unknown))}, which is no source of these articles; sources are"
            f" {', '.join(sorted(known))}"
        )
    return None


def split_of(article_id: str) -> Split:
    """The split that an article belongs to, for ever: 80 % train, 10 % validation, 10 % test.

    The first 8 bytes of the sha256 of the id, as a fraction of 2**64: below 0.8 train, below 0.9
    validation, else test.

    >>> split_of("news/13"), split_of("news/14"), split_of("news/15")
    ('train', 'validation', 'test')
    """
    fraction = int.from_bytes(hashlib.sha256(article_id.encode()).digest()[:8]) / 2**64
    return "train" if fraction < 0.8 else "validation" if fraction < 0.9 else "test"
