"""Features of each sentence within its article, in addition to the sentence's own vector.

A vector says what a sentence is about; these numbers say how much the rest of the article is about the same.
The idea is that of LexRank and PacSum (Zheng and Lapata, "Sentence Centrality Revisited for Unsupervised
Summarization", ACL 2019), whose best edge is the similarity to what comes later; here the network learns what
to make of it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from summarizer import compiled
from summarizer.compiled import Hashes
from summarizer.rarity import Rarity
from summarizer.typography import typography
from summarizer.words import hashed_words_of

# Columns of :func:`text_features`: from the words of the article, from the typography of the sentence, and
# from the rarity of words in other articles.
ARTICLE_FEATURES = range(8)
TYPOGRAPHY_FEATURES = range(8, 12)
RARITY_FEATURES = range(12, 18)

# What stands for the table of a rarity where there is none.
_NO_RARITY = np.empty(0, np.uint64), np.empty(0, np.int32), np.empty(0)


def text_features(sentences: Sequence[str], rarity: Rarity | None = None) -> NDArray[np.float32]:
    """Twelve features of each of T sentences, or eighteen with a rarity, most of them between -1 and 1.

    A word of a sentence weighs (1 + log of its count there) * log((T + 1) / number of sentences with it), and
    each sentence is scaled to length 1: x_i. With s_i = x_i . (sum of x_j over j after i), p_i the same over
    j before i, and c_i the cosine of x_i to the sum of all:

    - s_i / 4, p_i / 4
    - s_i, p_i and c_i, each minus its mean over the article and divided by three standard deviations
    - the share of sentences whose s is lower
    - log(1 + number of words) / 4, log(1 + T) / 6

    Four features of :func:`summarizer.typography.typography` follow. With a rarity, the first six are
    repeated at the end with another weight of a word: (1 + log of its count in the sentence) * rarity. Words
    that are rare within the article and words that are rare in general differ: "ferry" is rare, but not in an
    article about ferries.

    The time is proportional to the number of words.

    :returns: shape (T, 12) or (T, 18), float32.

    >>> features = text_features(["The ferry is back.", "The ferry was old.", "It rained."])
    >>> [f"{share:.2f}" for share in features[:, 5]]  # the second sentence repeats a word of the first
    ['0.67', '0.00', '0.00']
    """
    count = len(sentences)
    width = RARITY_FEATURES.start if rarity is None else RARITY_FEATURES.stop
    features = np.zeros((count, width), np.float32)
    features[:, TYPOGRAPHY_FEATURES.start : TYPOGRAPHY_FEATURES.stop] = typography(sentences)
    words, counts = hashed_words_of(sentences)
    features[:, 7] = np.log1p(count) / 6
    if not len(words):
        return features
    features[:, 6] = np.log1p(counts) / 4
    if compiled.kernels is None:
        _set_overlaps(features, words, counts, rarity)
    else:
        second, table = (0, _NO_RARITY) if rarity is None else (RARITY_FEATURES.start, rarity.table)
        compiled.kernels.overlap_features(second, words, counts, *table, features)
    return features


def _set_overlaps(
    features: NDArray[np.float32], words: Hashes, counts: NDArray[np.int64], rarity: Rarity | None
) -> None:
    """Set the six features that depend on the weights of words, for one weighting or two.

    :param features: shape (T, 12) or (T, 18).
    :param words: of all sentences, one after the other, shape (N,); at least one.
    :param counts: number of words of each sentence, shape (T,).
    """
    count = len(counts)
    occurrences = _Occurrences.of(words, counts)
    weightings = [np.log((count + 1) / occurrences.sentences_of_words())]
    if rarity is not None:
        weightings.append(rarity.of(occurrences.hashes))
    sums = np.concatenate([occurrences.sums(weighting) for weighting in weightings], axis=1)
    scaled = sums - sums.mean(axis=0)  # (T, 3 or 6): s, p and c of each weighting
    scaled /= 3 * np.sqrt(np.square(scaled).mean(axis=0)) + 1e-6
    for first, own in ((0, 0), (RARITY_FEATURES.start, 3))[: len(weightings)]:
        after = sums[:, own]
        features[:, first : first + 2] = sums[:, own : own + 2] / 4
        features[:, first + 2 : first + 5] = scaled[:, own : own + 3]
        features[:, first + 5] = np.searchsorted(np.sort(after), after) / count


class _Occurrences(NamedTuple):
    """The words of an article as a sparse matrix: its entries ordered by word, then by sentence.

    All operations are on whole arrays: a call of NumPy costs more than its arithmetic on the few words of a
    sentence.

    :ivar hashes: shape (V,), of the different words; ascending.
    :ivar sentences: shape (E,), index of the sentence of each entry.
    :ivar words: shape (E,), index of the word of each entry; ascending.
    :ivar repeats: shape (E,), 1 + log of the count of the word in the sentence.
    :ivar sentence_count: T.
    """

    hashes: Hashes
    sentences: NDArray[np.int64]
    words: NDArray[np.int64]
    repeats: NDArray[np.float64]
    sentence_count: int

    @classmethod
    def of(cls, words: Hashes, counts: NDArray[np.int64]) -> "_Occurrences":
        """Count the occurrences.

        :param words: of all sentences, one after the other, shape (N,); at least one.
        :param counts: number of words of each sentence, shape (T,).
        """
        order = words.argsort(kind="stable")  # stable: entries of a word stay in the order of sentences
        hashes, sentences = words[order], np.arange(len(counts)).repeat(counts)[order]
        is_new_word, is_new_entry = np.ones((2, len(words)), np.bool_)
        np.not_equal(hashes[1:], hashes[:-1], out=is_new_word[1:])
        np.logical_or(is_new_word[1:], sentences[1:] != sentences[:-1], out=is_new_entry[1:])
        entries = np.flatnonzero(is_new_entry)
        repeats = np.diff(entries, append=len(words))
        return cls(
            hashes[is_new_word],
            sentences[entries],
            np.cumsum(is_new_word)[entries] - 1,
            1 + np.log(repeats),
            len(counts),
        )

    def sentences_of_words(self) -> NDArray[np.int64]:
        """The number of sentences with each word: shape (V,)."""
        return np.bincount(self.words)

    def sums(self, rarity: NDArray[np.float64]) -> NDArray[np.float64]:
        """s, p and c of :func:`text_features`, side by side: shape (T, 3). Rounded, so that a 0 is exact.

        :param rarity: shape (V,); words whose rarity is 0 have no effect.
        """
        weights = self.repeats * rarity[self.words]
        lengths = np.sqrt(np.bincount(self.sentences, weights * weights, self.sentence_count))
        has_length = lengths > 0
        weights /= np.where(has_length, lengths, 1)[self.sentences]
        totals = np.bincount(self.words, weights)  # (V,)
        # Running sums within each word: the one over all entries, minus the total of the words before.
        earlier = np.cumsum(weights) - weights - (np.cumsum(totals) - totals)[self.words]
        before = np.bincount(self.sentences, weights * earlier, self.sentence_count)
        with_all = np.bincount(self.sentences, weights * totals[self.words], self.sentence_count)
        after = with_all - before - has_length  # the product with itself is 1
        whole = float(np.linalg.norm(totals)) or 1.0
        return np.stack([after, before, with_all / whole], axis=1).round(9)
