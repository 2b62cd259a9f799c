"""Inverse document frequencies: how rare words are in the articles that the network was trained on."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from summarizer.compiled import Hashes
from summarizer.errors import CheckpointDamaged
from summarizer.words import WordTable, hashed_words_of, words_of

RARITY_FILE = "rarity.json"

# Words that fewer articles contain are not listed. They are the majority of all words, and they include names
# of people, which have no place in a model.
FEWEST_ARTICLES = 3

# An article has unfamiliar words if fewer than this share of at least so many words is listed. Text of
# another European language stays below it, for all its names and loan words; English with code is above it.
LEAST_FAMILIAR = 0.55
FEWEST_WORDS = 20

# Fewer training articles than these do not list enough words to tell: too many common ones are missing.
FEWEST_ARTICLES_TO_TELL = 300


class Rarity:
    """The smoothed inverse document frequency log((N + 1) / (n + 1)) of a word that n of N articles contain.

    It is a natural logarithm, and at least 0 if N is at least 1. A word that is not listed counts as one that
    a single article contains.

    :ivar articles: N.
    :ivar counts: word -> n, at least :data:`FEWEST_ARTICLES`, at most N.

    >>> from summarizer.words import hashes_of
    >>> rarity = Rarity(7, {"the": 7, "ferry": 3})
    >>> rarity.of(hashes_of(["the", "ferry", "unheard"])).round(2).tolist()
    [0.0, 0.69, 1.39]
    """

    def __init__(self, articles: int, counts: Mapping[str, int]) -> None:
        self.articles = articles
        self.counts = counts
        listed = np.fromiter(counts.values(), np.float64, len(counts))
        self._table = WordTable(list(counts))
        # The last one is for words that are not listed.
        self._values = np.log((articles + 1) / (np.append(listed, 1) + 1))

    @property
    def table(self) -> tuple[Hashes, NDArray[np.int32], NDArray[np.float64]]:
        """Hashes and slots of a :class:`summarizer.words.WordTable` of V words; V + 1 rarities."""
        return self._table.hashes, self._table.slots, self._values

    def of(self, words: Hashes) -> NDArray[np.float64]:
        """The rarity of N words in lower case; shape (N,)."""
        return self._values[self._table.indices(words)]

    def familiar_share(self, sentences: Sequence[str]) -> float | None:
        """The share of an article's words that are listed, if it is so low that they are unfamiliar.

        It then is in another language than the training articles, or hardly consists of words.

        :returns: below :data:`LEAST_FAMILIAR`; None if the words are familiar, or too few to tell.
        """
        if self.articles < FEWEST_ARTICLES_TO_TELL:
            return None
        for part in (sentences[:2], sentences):  # the beginning settles it for nearly every article
            words, _ = hashed_words_of(part)
            if len(words) < FEWEST_WORDS:
                continue
            share = int(np.count_nonzero(self._table.indices(words) < len(self.counts))) / len(words)
            if share >= LEAST_FAMILIAR:
                return None
        return share if len(words) >= FEWEST_WORDS else None

    @classmethod
    def count(cls, articles: Iterable[Sequence[str]]) -> "Rarity":
        """Count in how many articles, each a list of sentences, every word occurs."""
        article_count, counts = 0, Counter[str]()
        for sentences in articles:
            article_count += 1
            counts.update({word for sentence in sentences for word in words_of(sentence)})
        listed = [(word, count) for word, count in counts.items() if count >= FEWEST_ARTICLES]
        return cls(article_count, dict(sorted(listed, key=lambda entry: (-entry[1], entry[0]))))

    def as_json(self) -> str:
        """What :meth:`load` reads, with one word per line; the same counts give the same text."""
        lines = (f"{json.dumps(word)}: {count}" for word, count in self.counts.items())
        return f'{{"articles": {self.articles}, "words": {{\n' + ",\n".join(lines) + "\n}}\n"

    @classmethod
    def load(cls, file: Path) -> "Rarity":
        """Read what :meth:`as_json` wrote.

        :raises CheckpointDamaged: the file cannot be read, or contains something else.
        """
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
            articles, counts = content["articles"], content["words"]
            if type(articles) is not int or any(type(count) is not int for count in counts.values()):
                raise TypeError("the counts must be whole numbers")
            if articles < 0:
                raise ValueError(f"the number of articles must be at least 0; got {articles}")
            if counts and not 0 < min(counts.values()) <= max(counts.values()) <= articles:
                raise ValueError(f"the counts must be from 1 to the number of articles, {articles}")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointDamaged(f"{file} does not contain counts of words: {error}") from error
        return cls(articles, counts)
