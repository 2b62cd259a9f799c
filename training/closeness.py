"""How close each sentence of an article is to what people quoted: the target that the model learns.

Every function here is pure: T sentences and some quotes in, shape (T,) float32 in [0, 1] out.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Generic, TypeVar

import numpy as np
from nltk.stem.porter import PorterStemmer
from numpy.typing import NDArray

Gram = TypeVar("Gram", bound=Hashable)
Targets = NDArray[np.float32]
Closeness = Callable[[Sequence[str], Sequence[str]], Targets]

_WORD = re.compile(r"[^\W_]+")
_STEMMER = PorterStemmer()


def lexical(sentences: Sequence[str], quotes: Sequence[str]) -> Targets:
    """Overlap with the nearest quote: the highest over quotes of (F1 of words + F1 of word pairs) / 2.

    F1 = 2 o / (a + b), where o counts the n-grams in both, a and b those of each, with repetitions. A
    sentence and a quote that are too short for a pair count by their words alone. Range [0, 1]; 1 for
    a sentence that was quoted as it is.

    >>> lexical(["Cats sleep.", "Dogs bark."], ["The cats sleep."]).tolist()  # (0.8 + 2/3) / 2
    [0.7333333492279053, 0.0]
    """
    wanted = [_bags(text) for text in quotes]
    bags = [_bags(text) for text in sentences]  # once each: a meeting has 750 sentences and 137 quotes
    return np.array(
        [max((_similarity(bag, quote) for quote in wanted), default=0.0) for bag in bags], np.float32
    )


def oracle(sentences: Sequence[str], quotes: Sequence[str]) -> Targets:
    """1 for the sentences that together come closest to all quotes, 0 for the others.

    Greedy: the sentence that raises F1 of words + F1 of word pairs of the chosen ones (taken together)
    against the quotes (taken together) the most is added, until none raises it; of equals the first.
    Range {0, 1}. The idea is Nallapati, Zhai and Zhou, "SummaRuNNer" (AAAI 2017).

    >>> oracle(["Cats sleep.", "Dogs bark.", "Fish swim."], ["Dogs bark.", "Cats sleep."]).tolist()
    [1.0, 1.0, 0.0]
    """
    targets = np.zeros(len(sentences), np.float32)
    targets[greedy_choice(sentences, quotes)] = 1
    return targets


def blend(sentences: Sequence[str], quotes: Sequence[str]) -> Targets:
    """Half the oracle, half the lexical overlap: (oracle + lexical) / 2. Range [0, 1].

    The oracle says which sentences belong together in a summary, the overlap tells near misses from
    sentences that have nothing to do with it.

    >>> blend(["Cats sleep.", "Dogs bark."], ["Dogs bark."]).tolist()
    [0.0, 1.0]
    """
    return (oracle(sentences, quotes) + lexical(sentences, quotes)) / np.float32(2)


CLOSENESS: Mapping[str, Closeness] = {"lexical": lexical, "oracle": oracle, "blend": blend}


def greedy_choice(sentences: Sequence[str], quotes: Sequence[str], count: int | None = None) -> list[int]:
    """Positions of the sentences that greedily come closest to the quotes; see :func:`oracle`.

    :param count: choose exactly so many (or all there are), each the best of what is left, even where
        that lowers the sum; None to stop where nothing raises it.
    """
    wanted = [_bags(quote) for quote in quotes]
    bags = [_bags(sentence) for sentence in sentences]
    words = _Coverage([bag[0] for bag in bags], _total([bag[0] for bag in wanted]))
    pairs = _Coverage([bag[1] for bag in bags], _total([bag[1] for bag in wanted]))
    left = np.ones(len(sentences), dtype=bool)
    chosen: list[int] = []
    best = 0.0
    while left.any() and (count is None or len(chosen) < count):
        sums = np.where(left, words.f1_with_each() + pairs.f1_with_each(), -1)
        top = int(sums.argmax())
        if count is None and sums[top] <= best:
            break
        best = float(sums[top])
        left[top] = False
        words.add(top)
        pairs.add(top)
        chosen.append(top)
    return sorted(chosen)


class _Coverage(Generic[Gram]):
    """How well a growing set of sentences covers the wanted n-grams, for all candidates at once."""

    def __init__(self, bags: Sequence[Counter[Gram]], wanted: Counter[Gram]) -> None:
        columns = {gram: column for column, gram in enumerate(wanted)}
        entries = [
            (row, columns[g], n) for row, bag in enumerate(bags) for g, n in bag.items() if g in columns
        ]
        # What each sentence has of the wanted n-grams, as a sparse matrix: row, column, how often.
        self.rows, self.columns, self.times = np.array(entries, dtype=np.int64).reshape(-1, 3).T
        self.sizes = np.array([bag.total() for bag in bags])  # (T,)
        self.wanted = np.array(list(wanted.values()), dtype=np.int64)  # (G,)
        self.have = np.zeros(len(wanted), dtype=np.int64)  # (G,)
        self.size = 0

    def f1_with_each(self) -> NDArray[np.float64]:
        """Shape (T,): F1 of the set with each sentence added to it."""
        have, wanted = self.have[self.columns], self.wanted[self.columns]
        gains = np.minimum(have + self.times, wanted) - np.minimum(have, wanted)
        overlap = np.minimum(self.have, self.wanted).sum() + np.bincount(self.rows, gains, len(self.sizes))
        total: NDArray[np.float64] = self.size + self.sizes + self.wanted.sum()
        f1: NDArray[np.float64] = 2 * overlap / np.maximum(total, 1)
        return f1

    def add(self, row: int) -> None:
        mine = self.rows == row
        self.have[self.columns[mine]] += self.times[mine]
        self.size += int(self.sizes[row])


_Bags = tuple[Counter[str], Counter[tuple[str, str]]]


def _bags(text: str) -> _Bags:
    words = [_stem(word) for word in _WORD.findall(text.lower())]
    return Counter(words), Counter(pairwise(words))


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    """Porter's stem, as ROUGE takes it: of words over three letters; other scripts stay as they are."""
    return str(_STEMMER.stem(word)) if len(word) > 3 and word.isascii() else word


def _similarity(one: _Bags, other: _Bags) -> float:
    words = _f1(one[0], other[0])
    if not one[1] and not other[1]:
        return words
    return (words + _f1(one[1], other[1])) / 2


def _f1(one: Counter[Gram], other: Counter[Gram]) -> float:
    if len(one) > len(other):
        one, other = other, one
    overlap = sum(min(times, other[gram]) for gram, times in one.items())
    return 2 * overlap / (one.total() + other.total()) if overlap else 0.0


def _total(bags: Sequence[Counter[Gram]]) -> Counter[Gram]:
    total: Counter[Gram] = Counter()
    for bag in bags:
        total.update(bag)
    return total
