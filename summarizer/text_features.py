"""What the words of an article say about each of its sentences, beside the sentence's own vector.

A vector tells what a sentence is about; these numbers tell how much the rest of the article is about the
same. The idea is that of LexRank and PacSum (Zheng and Lapata, "Sentence Centrality Revisited for
Unsupervised Summarization", ACL 2019), whose best edge is the similarity to what comes later; here the
network learns what to make of it.
"""

import re
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

TEXT_FEATURES = 8

_WORD = re.compile(r"\w+")


def text_features(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Eight numbers for each of T sentences, most of them between -1 and 1.

    A word of a sentence weighs (1 + log of its count there) * log((T + 1) / sentences that have it), and
    each sentence is scaled to length 1: x_i. With s_i = x_i . (sum of x_j over j after i), the same p_i
    over j before i, and c_i the cosine of x_i to the sum of all:

    - s_i / 4, p_i / 4
    - s_i, p_i and c_i, each less its mean over the article and divided by three standard deviations
    - the share of sentences whose s is lower
    - log(1 + words) / 4, log(1 + T) / 6

    Takes time in proportion to the words.

    :returns: shape (T, 8), float32.

    >>> features = text_features(["The ferry is back.", "The ferry was old.", "It rained."])
    >>> [f"{share:.2f}" for share in features[:, 5]]  # the second sentence takes up the first
    ['0.67', '0.00', '0.00']
    """
    count = len(sentences)
    features = np.zeros((count, TEXT_FEATURES), np.float32)
    words = [_WORD.findall(sentence.lower()) for sentence in sentences]
    numbers = np.array([len(row) for row in words], np.int64)
    if not numbers.any():
        features[:, 7] = np.log1p(count) / 6
        return features
    occurrences = _Occurrences.of(words, numbers)
    after, before, centrality = occurrences.sums()

    features[:, 0], features[:, 1] = after / 4, before / 4
    for column, values in enumerate((after, before, centrality), start=2):
        features[:, column] = (values - values.mean()) / (3 * values.std() + 1e-6)
    features[:, 5] = np.searchsorted(np.sort(after), after) / count
    features[:, 6] = np.log1p(numbers) / 4
    features[:, 7] = np.log1p(count) / 6
    return features


class _Occurrences(NamedTuple):
    """The words of an article as a sparse matrix, word by word, and within a word sentence by sentence.

    Everything below works on these arrays at once: a call of NumPy costs more than its arithmetic on the
    few words of a sentence.

    :ivar sentences: shape (E,), which sentence each of E entries is of.
    :ivar words: shape (E,), which word; ascending.
    :ivar weights: shape (E,), of length 1 together in each sentence.
    :ivar number: T, of sentences.
    """

    sentences: NDArray[np.int64]
    words: NDArray[np.int64]
    weights: NDArray[np.float64]
    number: int

    @classmethod
    def of(cls, rows: Sequence[Sequence[str]], numbers: NDArray[np.int64]) -> "_Occurrences":
        """:param numbers: how many words each of the rows has; not all 0."""
        count = len(rows)
        different = dict.fromkeys(chain.from_iterable(rows))
        columns = dict(zip(different, range(len(different)), strict=True))
        words = np.fromiter(map(columns.__getitem__, chain.from_iterable(rows)), np.int64)
        places = words * count + np.repeat(np.arange(count), numbers)
        entries, repeats = np.unique(places, return_counts=True)  # (E,)
        of_words, of_sentences = np.divmod(entries, count)
        having = np.bincount(of_words)  # (V,), how many sentences have the word
        weights = (1 + np.log(repeats)) * np.log((count + 1) / having)[of_words]
        lengths = np.sqrt(np.bincount(of_sentences, weights * weights, count))
        return cls(of_sentences, of_words, weights / lengths[of_sentences], count)

    def sums(self) -> tuple[NDArray[np.float64], ...]:
        """s, p and c of :func:`text_features`, each of shape (T,)."""
        totals = np.bincount(self.words, self.weights)  # (V,)
        everywhere = totals[self.words]
        # Running sums within each word: those over all words, less what the words before came to.
        running = np.cumsum(self.weights)
        earlier = running - self.weights - (np.cumsum(totals) - totals)[self.words]
        whole = float(np.linalg.norm(totals))
        return (
            self._products(everywhere - earlier - self.weights),
            self._products(earlier),
            self._products(everywhere / whole),
        )

    def _products(self, others: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each sentence and what stands in others at its words come to. Rounded, so that 0 is 0."""
        sums = np.bincount(self.sentences, self.weights * others, self.number)
        return sums.astype(np.float64).round(9)
