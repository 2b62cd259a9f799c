"""What the words of an article say about each of its sentences, beside the sentence's own vector.

A vector tells what a sentence is about; these numbers tell how much the rest of the article is about the
same. The idea is that of LexRank and PacSum (Zheng and Lapata, "Sentence Centrality Revisited for
Unsupervised Summarization", ACL 2019), whose best edge is the similarity to what comes later; here the
network learns what to make of it.
"""

import re
from collections import Counter
from collections.abc import Sequence

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
    having = Counter(word for bag in bags for word in bag)
    columns = {word: column for column, word in enumerate(having)}
    rarity = np.log((count + 1) / np.array(list(having.values()), np.float64))  # (V,)
    rows = [_row(bag, columns, rarity) for bag in bags]

    after, before = np.zeros(count), np.zeros(count)
    total = np.zeros(len(columns))
    for index in range(count - 1, -1, -1):
        words, weights = rows[index]
        after[index] = weights @ total[words]
        total[words] += weights
    whole = np.linalg.norm(total)
    centrality = np.zeros(count)
    seen = np.zeros(len(columns))
    for index, (words, weights) in enumerate(rows):
        before[index] = weights @ seen[words]
        seen[words] += weights
        centrality[index] = weights @ total[words] / whole if whole else 0.0

    features[:, 0], features[:, 1] = after / 4, before / 4
    for column, values in enumerate((after, before, centrality), start=2):
        features[:, column] = (values - values.mean()) / (3 * values.std() + 1e-6) if count else 0
    features[:, 5] = np.searchsorted(np.sort(after), after) / max(count, 1)
    features[:, 6] = np.log1p([bag.total() for bag in bags]) / 4
    features[:, 7] = np.log1p(count) / 6
    return features.astype(np.float32)


def _row(
    bag: Counter[str], columns: dict[str, int], rarity: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Columns of the words of a sentence, and their weights, of length 1 together."""
    words = np.array([columns[word] for word in bag], np.int64)
    weights = (1 + np.log(np.array(list(bag.values()), np.float64))) * rarity[words]
    length = np.linalg.norm(weights)
    return words, weights / length if length else weights
