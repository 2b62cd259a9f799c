"""Articles to measure with."""

import gzip
import json
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from summarizer.sentences import SentenceSplitter
from training.corpus import Article, split_of
from training.formats import read_corpus
from training.near_duplicates import kept_apart

SEED = 0


def rows(file: Path) -> Iterator[dict[str, Any]]:
    """The rows of a ``.jsonl.gz``, unchecked and with all their fields."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def first_texts(corpus: Path, most: int) -> list[str]:
    """The first articles of a corpus, equally many of each file.

    :param corpus: a ``.jsonl.gz`` with a ``text`` per line, or a folder of such files.
    """
    files = [corpus] if corpus.is_file() else sorted(corpus.glob("*.jsonl.gz"))
    found = [row["text"] for file in files for row in islice(rows(file), most // len(files))]
    return found or sys.exit(f"{corpus} has no .jsonl.gz with articles")


def of_length(corpus: Path, sentences: range, most: int) -> list[Article]:
    """Articles with this many sentences, in a random order that is the same every time.

    :param corpus: a file, or a folder of files, that :func:`training.formats.read_corpus` reads.
    """
    splitter = SentenceSplitter()
    articles = _shuffled(read_corpus([corpus]).articles)
    found = [article for article in articles if len(splitter.split(article.text)) in sentences]
    return found[:most] or sys.exit(
        f"{corpus} has no article of {sentences.start} to {sentences.stop - 1} sentences"
    )


def for_quality(corpus: Path, sentences: range, most: int) -> list[Article]:
    """Such articles of the test split, without those that share their text with another split."""
    articles = read_corpus([corpus]).articles
    shared = kept_apart(
        {article.id: article.text for article in articles},
        {article.id: split_of(article.id) for article in articles},
    )
    splitter = SentenceSplitter()
    return [
        article
        for article in _shuffled(articles)
        if split_of(article.id) == "test"
        and article.id not in shared
        and len(splitter.split(article.text)) in sentences
    ][:most]


def texts(corpus: Path, most: int) -> list[str]:
    """Articles of any length, in a random order that is the same every time."""
    return [article.text for article in _shuffled(read_corpus([corpus]).articles)[:most]]


def long_text(corpus: Path, sentences: int) -> str:
    """Articles strung together and cut off after ``sentences``; the corpus is repeated if it is short."""
    splitter, parts, count = SentenceSplitter(), list[str](), 0
    articles = _shuffled(read_corpus([corpus]).articles)
    while count < sentences:
        text = articles[len(parts) % len(articles)].text
        count += len(splitter.split(text))
        parts.append(text)
    whole = "\n\n".join(parts)
    return whole[: splitter.split(whole)[sentences - 1].end]


def _shuffled(articles: Sequence[Article]) -> list[Article]:
    return random.Random(SEED).sample(articles, len(articles))  # noqa: S311  # nobody is to guess it
