"""What the words of an article say about each of its sentences, beside the sentence's own vector.

A vector tells what a sentence is about; these numbers tell how much the rest of the article is about the
same. The idea is that of LexRank and PacSum (Zheng and Lapata, "Sentence Centrality Revisited for
Unsupervised Summarization", ACL 2019), whose best edge is the similarity to what comes later; here the
network learns what to make of it.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate, chain, pairwise

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
    features = np.zeros((count, TEXT_FEATURES), np.float64)
    bags = [Counter(_WORD.findall(sentence.lower())) for sentence in sentences]
    having = Counter(chain.from_iterable(bags))
    words, weights = _weighted_words(bags, having)  # of all sentences, one after the other
    ends = list(accumulate(map(len, bags), initial=0))
    rows = [(words[start:end], weights[start:end]) for start, end in pairwise(ends)]

    after, before, centrality = np.zeros(count), np.zeros(count), np.zeros(count)
    total = np.zeros(len(having))
    for index in range(count - 1, -1, -1):
        after[index] = _add(total, *rows[index])
    whole = np.linalg.norm(total)
    seen = np.zeros(len(having))
    for index, row in enumerate(rows):
        before[index] = _add(seen, *row)
    if whole:
        everywhere = total.take(words)
        for index, (start, end) in enumerate(pairwise(ends)):
            centrality[index] = weights[start:end].dot(everywhere[start:end]) / whole

    features[:, 0], features[:, 1] = after / 4, before / 4
    for column, values in enumerate((after, before, centrality), start=2):
        features[:, column] = (values - values.mean()) / (3 * values.std() + 1e-6) if count else 0
    features[:, 5] = np.searchsorted(np.sort(after), after) / max(count, 1)
    features[:, 6] = np.log1p([bag.total() for bag in bags]) / 4
    features[:, 7] = np.log1p(count) / 6
    return features.astype(np.float32)


def _add(sums: NDArray[np.float64], words: NDArray[np.int64], weights: NDArray[np.float64]) -> np.float64:
    """Add a sentence to a sum of sentences.

    :returns: its product with the sum before.
    """
    before = sums.take(words)
    sums[words] = before + weights
    product: np.float64 = weights.dot(before)
    return product


def _weighted_words(
    bags: Sequence[Counter[str]], having: Counter[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Columns of the words of all sentences, and their weights, of length 1 together in each sentence.

    One array for all sentences: a call of NumPy costs more than its arithmetic on a few words.

    :param having: of each word, in the order of its columns, how many sentences have it.
    """
    columns = dict(zip(having, range(len(having)), strict=True))
    rarity = np.log((len(bags) + 1) / np.array(list(having.values()), np.float64))  # (V,)
    words = np.fromiter(map(columns.__getitem__, chain.from_iterable(bags)), np.int64)
    counts = np.fromiter(chain.from_iterable(bag.values() for bag in bags), np.float64)
    weights = (1 + np.log(counts)) * rarity.take(words)
    for start, end in pairwise(accumulate(map(len, bags), initial=0)):
        row = weights[start:end]
        length = math.sqrt(row.dot(row))
        if length:
            row /= length
    return words, weights
