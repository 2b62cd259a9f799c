"""How close each sentence of an article is to the quotes from it: the target that the model learns.

All functions are pure: from T sentences and some quotes to shape (T,), float32, in [0, 1]. They are chosen by
name, alone or blended; see :func:`closeness`.
"""

import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from types import MappingProxyType
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from nltk.stem.porter import PorterStemmer
from numpy.typing import NDArray
from scipy.sparse import csr_array  # type: ignore[import-untyped]

from training.alignment import Aligner, word_pattern

Gram = TypeVar("Gram", bound=Hashable)
Targets = NDArray[np.float32]


class Quoted(NamedTuple):
    """The T sentences of an article and the Q quotes that people took from it.

    :ivar sentences: T strings, in document order.
    :ivar quotes: Q strings; Q may be 0.
    :ivar vectors: shape (T, D), float32, of the sentences; may be empty if :func:`needs_vectors` is false.
    :ivar quote_vectors: shape (Q, D), float32, of the quotes, by the same encoder; may be empty too.
    """

    sentences: Sequence[str]
    quotes: Sequence[str]
    vectors: NDArray[np.float32]
    quote_vectors: NDArray[np.float32]


Closeness = Callable[[Quoted], Targets]

_STEMMER = PorterStemmer()
_LARGEST_WEIGHT = 1e6


def lexical(sentences: Sequence[str], quotes: Sequence[str]) -> Targets:
    """Overlap with the nearest quote: the highest over quotes of (F1 of words + F1 of word pairs) / 2.

    F1 = 2 o / (a + b), where o counts the n-grams in both, a and b those of each, with repetitions. If
    both are too short for a pair, only words count. Range [0, 1]; 1 for a sentence that was quoted verbatim.
    Low for a long sentence that was quoted in a small part, as F1 compares with the whole sentence;
    :func:`alignment` does not.

    >>> lexical(["Cats sleep.", "Dogs bark."], ["The cats sleep."]).tolist()  # (0.8 + 2/3) / 2
    [0.7333333492279053, 0.0]
    """
    if not sentences or not quotes:
        return np.zeros(len(sentences), np.float32)
    one, other = [stems(text) for text in sentences], [stems(text) for text in quotes]
    words, pairs = _f1(one, other), _f1(_pairs(one), _pairs(other))
    without_pairs = np.logical_and.outer(_are_short(one), _are_short(other))
    similarity: NDArray[np.float64] = np.where(without_pairs, words, (words + pairs) / 2)
    targets: Targets = similarity.max(axis=1).astype(np.float32)
    return targets


def alignment(sentences: Sequence[str], quotes: Sequence[str]) -> Targets:
    """Share of the sentence that a quote covers, or of the quote that the sentence contains: the larger one.

    Each quote is found in the whole article (:mod:`training.alignment`). With c the letters of the sentence
    inside the quote's spans, L all letters of the sentence, C the letters of all spans, and s the similarity
    of the alignment, the target is s max(c / L, c / C), the highest over quotes. Range [0, 1].

    A sentence that contains a whole quote has s, however long it is, as a curator would quote from no other.
    A quote over several sentences gives s to those that it covers completely; for the others the larger share
    counts: half of the sentence, or half of the quote, is 0.5. A quote that is not found gives 0. Of repeated
    sentences the first one counts as quoted.

    >>> sentences = ["Cats sleep all day.", "At night all dogs bark loud.", "Fish swim."]
    >>> alignment(sentences, ["dogs bark"]).tolist()  # 8 of 8 letters of the quote
    [0.0, 1.0, 0.0]
    >>> alignment(sentences, ["sleep all day. At night"]).tolist()  # 11/15 of a sentence; 7/18 of the quote
    [0.7333333492279053, 0.3888888955116272, 0.0]
    """
    targets = np.zeros(len(sentences))
    aligner = Aligner("\n".join(sentences))
    counts = _letters_before(sentences)
    lengths = (len(sentence) + 1 for sentence in sentences)  # with the line feed after each
    edges = np.fromiter(accumulate(lengths, initial=0), np.int64)
    starts, ends = edges[:-1], edges[1:]
    letters = counts[ends] - counts[starts]  # (T,)
    for quote in quotes:
        found = aligner.align(quote)
        covered = np.zeros(len(sentences), dtype=np.int64)
        for span in found.spans:
            covered += counts[np.clip(span.end, starts, ends)] - counts[np.clip(span.start, starts, ends)]
        shares = np.maximum(covered / np.maximum(letters, 1), covered / max(covered.sum(), 1))
        np.maximum(targets, found.similarity * shares, out=targets)
    return targets.astype(np.float32)


def semantic(vectors: NDArray[np.float32], quote_vectors: NDArray[np.float32]) -> Targets:
    """Similarity of meaning to the nearest quote: the highest over quotes of max(0, cosine).

    cosine = a b / (|a| |b|), and 0 if one of them is the zero vector. Range [0, 1].

    :param vectors: shape (T, D), finite.
    :param quote_vectors: shape (Q, D), finite, by the same encoder.

    >>> sentences = np.array([[2, 0], [3, 4], [0, -1]], np.float32)
    >>> semantic(sentences, np.array([[1, 0], [0, 1]], np.float32)).tolist()  # 1; 4/5; opposite
    [1.0, 0.800000011920929, 0.0]
    """
    if not len(quote_vectors):
        return np.zeros(len(vectors), np.float32)
    cosines = _of_length_1(vectors) @ _of_length_1(quote_vectors).T
    targets: Targets = np.clip(cosines.max(axis=1), 0, 1).astype(np.float32)
    return targets


def oracle(sentences: Sequence[str], quotes: Sequence[str]) -> Targets:
    """1 for the sentences that together come closest to all quotes, 0 for the others.

    Greedy: add the sentence that most increases F1 of words + F1 of word pairs between all chosen sentences
    and all quotes, until no sentence increases it; of equal ones the first.
    Range {0, 1}. The idea is Nallapati, Zhai and Zhou, "SummaRuNNer" (AAAI 2017).

    >>> oracle(["Cats sleep.", "Dogs bark.", "Fish swim."], ["Dogs bark.", "Cats sleep."]).tolist()
    [1.0, 1.0, 0.0]
    """
    targets = np.zeros(len(sentences), np.float32)
    targets[greedy_choice(sentences, quotes)] = 1
    return targets


CLOSENESS: Mapping[str, Closeness] = MappingProxyType(
    {
        "lexical": lambda quoted: lexical(quoted.sentences, quoted.quotes),
        "alignment": lambda quoted: alignment(quoted.sentences, quoted.quotes),
        "semantic": lambda quoted: semantic(quoted.vectors, quoted.quote_vectors),
        "oracle": lambda quoted: oracle(quoted.sentences, quoted.quotes),
    }
)
# The oracle says which sentences belong together in a summary, the overlap distinguishes near misses from
# unrelated sentences.
ALIASES: Mapping[str, str] = MappingProxyType({"blend": "oracle+lexical"})


def closeness(name: str) -> Closeness:
    """The closeness of that name, or a blend: the weighted mean of several.

    :param name: one of :data:`CLOSENESS`; ``oracle+lexical`` for equal weights; ``0.7*oracle+0.3*lexical``,
        where the weights, above 0 and by default 1, are divided by their sum; ``blend`` for
        ``oracle+lexical``. Spaces make no difference.
    :raises ValueError: an unknown name, or a weight that is not in (0, 1000000].

    >>> none = np.zeros((1, 0), np.float32)  # no vectors: neither part needs them
    >>> quoted = Quoted(["Cats sleep.", "Dogs bark."], ["The cats sleep."], none, none)
    >>> closeness("3*oracle + lexical")(quoted).tolist()  # (3 * 1 + 0.7333) / 4
    [0.9333333373069763, 0.0]
    """
    weights = _weights(name)
    total = sum(weights.values())

    def blended(quoted: Quoted) -> Targets:
        targets = np.zeros(len(quoted.sentences))
        for part, weight in weights.items():
            targets += weight / total * CLOSENESS[part](quoted)
        return np.minimum(targets, 1).astype(np.float32)

    return blended


def canonical(name: str) -> str:
    """The one spelling of all names of a closeness, for comparing them and for naming folders.

    No spaces; the largest weight first, equal ones in the order of :data:`CLOSENESS`; no weights where all
    are equal; an alias for what it stands for. Weights keep their scale: ``2*oracle+lexical`` and
    ``4*oracle+2*lexical`` stay two names.

    :raises ValueError: as :func:`closeness`.

    >>> canonical("lexical + oracle"), canonical("0.30*lexical+0.7*oracle"), canonical("2*oracle")
    ('blend', '0.7*oracle+0.3*lexical', 'oracle')
    """
    spelled = _spelled(_weights(name))
    aliases = {_spelled(_weights(blend)): alias for alias, blend in ALIASES.items()}
    return aliases.get(spelled, spelled)


def folder_name(name: str) -> str:
    """A closeness as the name of a folder, in which not every system allows an asterisk.

    >>> folder_name("0.7*oracle + 0.3*lexical")
    '0.7xoracle+0.3xlexical'
    """
    return canonical(name).replace("*", "x")


def needs_vectors(name: str) -> bool:
    """Whether this closeness compares vectors; see :func:`closeness` for names and errors.

    >>> needs_vectors("oracle+lexical"), needs_vectors("oracle+0.5*semantic")
    (False, True)
    """
    return "semantic" in _weights(name)


def greedy_choice(sentences: Sequence[str], quotes: Sequence[str], count: int | None = None) -> list[int]:
    """Positions of the sentences that greedily come closest to the quotes, in the order of choice.

    See :func:`oracle`.

    :param count: choose exactly this many (or all), each the best of those left, even if it lowers the sum;
        None to stop when no sentence increases it.
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
    return chosen


class _Coverage(Generic[Gram]):
    """How well a growing set of sentences covers the wanted n-grams, with each candidate added."""

    def __init__(self, bags: Sequence[Counter[Gram]], wanted: Counter[Gram]) -> None:
        columns = {gram: column for column, gram in enumerate(wanted)}
        entries = [
            (row, columns[g], n) for row, bag in enumerate(bags) for g, n in bag.items() if g in columns
        ]
        # The wanted n-grams in each sentence as a sparse matrix: row, column, count.
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


def _weights(name: str) -> dict[str, float]:
    """The parts of a blend; the weights of a part that is named twice are added."""
    weights: dict[str, float] = {}
    for part in ALIASES.get(name.strip(), name).split("+"):
        weight, star, known = part.rpartition("*")
        known = known.strip()
        if known not in CLOSENESS:
            raise ValueError(
                f"closeness {name!r}: unknown function {known!r}; choose {', '.join([*CLOSENESS, *ALIASES])},"
                f" or a blend of {', '.join(CLOSENESS)} such as 0.7*oracle+0.3*lexical"
            )
        weights[known] = weights.get(known, 0.0) + (_weight(weight, name) if star else 1.0)
    return weights


def _spelled(weights: Mapping[str, float]) -> str:
    places = {part: place for place, part in enumerate(CLOSENESS)}
    parts = sorted(weights, key=lambda part: (-weights[part], places[part]))
    if len(set(weights.values())) == 1:
        return "+".join(parts)
    factors = {
        part: "" if weight == 1 else f"{weight!r}*".replace(".0*", "*") for part, weight in weights.items()
    }
    return "+".join(factors[part] + part for part in parts)


def _weight(text: str, name: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight <= _LARGEST_WEIGHT:
        raise ValueError(
            f"closeness {name!r}: the weight {text.strip()!r} should be a number above 0, up to"
            f" {_LARGEST_WEIGHT:g}, as in 0.7*oracle+0.3*lexical"
        )
    return weight


@lru_cache(maxsize=4096)  # a blend needs the words of an article more than once
def stems(text: str) -> tuple[str, ...]:
    """The words of a text in any script, in lower case, English ones without their endings.

    For ASCII text they are those of the package rouge-score with stemming.
    """
    return tuple(_stem(word) for word in word_pattern().findall(text.lower()))


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    """Porter's stem as in ROUGE: of words of more than three letters; other scripts are unchanged."""
    return str(_STEMMER.stem(word)) if len(word) > 3 and word.isascii() else word


_Bags = tuple[Counter[str], Counter[tuple[str, str]]]


def _bags(text: str) -> _Bags:
    words = stems(text)
    return Counter(words), Counter(pairwise(words))


def _total(bags: Sequence[Counter[Gram]]) -> Counter[Gram]:
    total: Counter[Gram] = Counter()
    for bag in bags:
        total.update(bag)
    return total


def _pairs(texts: Sequence[Sequence[str]]) -> list[list[tuple[str, str]]]:
    return [list(pairwise(words)) for words in texts]


def _are_short(texts: Sequence[Sequence[str]]) -> NDArray[np.bool_]:
    return np.array([len(words) < 2 for words in texts])


def _f1(one: Sequence[Sequence[Gram]], other: Sequence[Sequence[Gram]]) -> NDArray[np.float64]:
    """Shape (T, Q): F1 of the n-grams of each of T texts and each of Q texts; 0 if they share none.

    A repeated n-gram counts as a different one. So the number of n-grams in both texts, with repetitions, is
    the size of an intersection of sets: a product of two matrices of zeros and ones.
    """
    columns: dict[tuple[Gram, int], int] = {}
    for grams in other:
        for numbered in _numbered(grams):
            columns.setdefault(numbered, len(columns))
    overlap = (_incidence(one, columns) @ _incidence(other, columns).T).toarray()
    sizes = np.add.outer([len(grams) for grams in one], [len(grams) for grams in other])
    f1: NDArray[np.float64] = 2 * overlap / np.maximum(sizes, 1)
    return f1


def _incidence(texts: Sequence[Sequence[Gram]], columns: Mapping[tuple[Gram, int], int]) -> csr_array:
    """Shape (texts, columns): 1 where the text has the numbered n-gram."""
    rows = [[columns[numbered] for numbered in _numbered(grams) if numbered in columns] for grams in texts]
    starts = [0, *accumulate(map(len, rows))]
    indices = [column for row in rows for column in row]
    ones = np.ones(len(indices), dtype=np.int64)
    return csr_array((ones, indices, starts), shape=(len(texts), len(columns)))


def _numbered(grams: Iterable[Gram]) -> Iterator[tuple[Gram, int]]:
    """Each n-gram with the number of equal ones before it."""
    seen: Counter[Gram] = Counter()
    for gram in grams:
        yield gram, seen[gram]
        seen[gram] += 1


def _letters_before(sentences: Sequence[str]) -> NDArray[np.int64]:
    """Shape (characters + 1,): letters, digits and symbols before each place of the joined sentences."""
    counts = accumulate(
        (unicodedata.category(c)[0] in "LNS" for sentence in sentences for c in f"{sentence}\n"), initial=0
    )
    return np.fromiter(counts, np.int64)


def _of_length_1(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """The same directions; zero vectors are unchanged."""
    wide = vectors.astype(np.float64)  # the square of a large float32 is too large for float32
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return wide / np.where(lengths > 0, lengths, 1)
