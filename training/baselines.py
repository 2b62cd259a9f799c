"""What a model has to beat: scores without learning, and the choice that nothing can beat by much.

Every score has shape (T,), T being the number of sentences, and lies in [0, 1]. Equal scores mean document
order.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sumy.nlp.stemmers import Stemmer
from sumy.summarizers.lex_rank import LexRankSummarizer
from sumy.utils import get_stop_words

from training.closeness import greedy_choice

Scores = NDArray[np.float64]

_WORD = re.compile(r"\w+")


def lead(count: int) -> Scores:
    """The earlier, the better. Shape (T,), in (0, 1].

    >>> lead(4).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    return 1 - np.arange(count) / max(count, 1)


def random(count: int, article_id: str) -> Scores:
    """Pseudo-random, always the same for the same id. Shape (T,), in [0, 1)."""
    seed = int.from_bytes(hashlib.sha256(article_id.encode()).digest()[:8], "big")
    return np.random.default_rng(seed).random(count)


def longest(sentences: Sequence[str]) -> Scores:
    """The more words, the better; a method that does not beat it measures length. Shape (T,), in [0, 1]."""
    words = np.array([len(sentence.split()) for sentence in sentences], np.float64)
    scores: Scores = words / max(words.max(initial=0), 1)
    return scores


def centroid(vectors: NDArray[np.float32]) -> Scores:
    """Cosine of each sentence's vector to the mean of all: what encoding alone is worth.

    :param vectors: shape (T, D), of any encoder.
    :returns: shape (T,), stretched to [0, 1]; all 0 where there is no direction to compare.

    >>> centroid(np.array([[1, 0], [1, 1], [0, 1]], np.float32)).tolist()
    [0.0, 1.0, 0.0]
    """
    if not len(vectors):
        return np.zeros(0)
    rows = vectors.astype(np.float64)
    middle = rows.mean(axis=0)
    sizes = np.linalg.norm(rows, axis=1) * np.linalg.norm(middle)
    return _stretched(np.divide(rows @ middle, sizes, out=np.zeros(len(rows)), where=sizes > 0))


class PacSum:
    """Directed centrality: similarity to other sentences, with separate weights for those before and after.

    Zheng and Lapata, "Sentence Centrality Revisited for Unsupervised Summarization" (ACL 2019,
    arXiv 1906.03508), with TF-IDF vectors: e_ij is the cosine of sentences i and j; minus
    min e + beta (max e - min e), and at least 0; the score of i is
    lambda1 (sum of e_ij over j before i) + (1 - lambda1) (sum of e_ij over j after i), stretched to [0, 1].

    :param documents: texts in which document frequencies are counted, preferably those of the training split.
    """

    # Best mean ROUGE-2 over sources on training articles, of beta 0 to 0.6 and lambda1 -2 to 0.5.
    BETA = 0.0
    LAMBDA1 = 0.0

    def __init__(self, documents: Iterable[str]) -> None:
        self._vectorizer = TfidfVectorizer(token_pattern=_WORD.pattern)
        try:
            self._vectorizer.fit(documents)
        except ValueError:  # none of them has a word
            self._vectorizer.fit(["none"])

    def scores(self, sentences: Sequence[str]) -> Scores:
        """Shape (T,), in [0, 1]; all 0 where no sentence resembles another."""
        if len(sentences) < 2:
            return np.zeros(len(sentences))
        vectors = self._vectorizer.transform(sentences)  # (T, V), sparse, of length 1 each
        similarity = (vectors @ vectors.T).toarray()  # (T, T)
        others = similarity[~np.eye(len(sentences), dtype=bool)]
        edges = np.maximum(similarity - (others.min() + self.BETA * np.ptp(others)), 0)
        before, after = np.tril(edges, -1).sum(axis=1), np.triu(edges, 1).sum(axis=1)
        return _stretched(self.LAMBDA1 * before + (1 - self.LAMBDA1) * after)


class _Words(NamedTuple):
    """A sentence in the form that LexRank needs; its place keeps repeated ones apart."""

    place: int
    words: tuple[str, ...]


class _Document(NamedTuple):
    sentences: tuple[_Words, ...]


class LexRank:
    """Centrality in the graph of similar sentences, as the package sumy computes it for English.

    Erkan and Radev, "LexRank: Graph-based Lexical Centrality as Salience in Text Summarization" (JAIR
    2004). The package's settings are kept, with its stemmer and stop words.
    """

    def __init__(self) -> None:
        self._rank = LexRankSummarizer(Stemmer("english"))
        self._rank.stop_words = get_stop_words("english")

    def scores(self, sentences: Sequence[str]) -> Scores:
        """Shape (T,), in [0, 1]; all 0 where no sentence resembles another."""
        ratings = np.zeros(len(sentences))

        def keep(rated: Sequence[Any]) -> Sequence[Any]:
            for info in rated:
                ratings[info.order] = info.rating
            return rated

        words = (_Words(place, tuple(_WORD.findall(text))) for place, text in enumerate(sentences))
        # sumy accepts a function as the number of sentences, and calls it with all of them and their ratings.
        with np.errstate(invalid="ignore"):  # a graph without edges leads to a division by 0
            self._rank(_Document(tuple(words)), keep)
        return _stretched(np.nan_to_num(ratings))


def oracle(sentences: Sequence[str], quotes: Sequence[str], count: int) -> Scores:
    """The sentences that come closest to the quotes, chosen by looking at the quotes.

    :param count: number of sentences to choose.
    :returns: shape (T,): 1 for the first choice, less for each later one, 0 for all other sentences.

    >>> oracle(["Fish swim.", "Cats sleep.", "Dogs bark."], ["Dogs bark."], 2).tolist()
    [0.5, 0.0, 1.0]
    """
    scores = np.zeros(len(sentences))
    chosen = greedy_choice(sentences, quotes, count)
    scores[chosen] = np.arange(len(chosen), 0, -1) / count
    return scores


def _stretched(values: Scores) -> Scores:
    """From 0 for the lowest to 1 for the highest; all 0 if they are equal."""
    spread = float(np.ptp(values)) if len(values) else 0.0
    # Equal but for rounding is equal.
    return (values - values.min()) / spread if spread > 1e-12 else np.zeros(len(values))
