"""Articles that share their text under different ids, so that no split contains the answers of another.

News agencies' reports, updates of a story, an article that is in two collections: by id they are
different, by text they are not. Two texts are compared by the runs of words that they share (Broder, "On
the resemblance and containment of documents", 1997), by all of them rather than a sample, since corpora with
quotes are small.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.corpus import Split

# Words in a run: so long that two texts seldom share one by chance.
RUN = 8

# Share of the shorter text's runs from which two texts are near duplicates. For
# example an update of a story, or a text half of which is quoted from it.
SHARE = 0.5

# A run in more different texts than this is boilerplate, and proves nothing about two of them.
MOST_TEXTS = 20

_WORD = re.compile(r"[^\W_]+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no digit of a sum is lost


class NearDuplicate(NamedTuple):
    """:ivar first: place of a text. :ivar second: that of a later one. :ivar share: in (0, 1]."""

    first: int
    second: int
    share: float


def near_duplicates(texts: Sequence[str]) -> Iterator[NearDuplicate]:
    """Pairs of texts that have at least :data:`SHARE` of the shorter one's runs of eight words in common.

    Letter case, punctuation and spacing do not count; a text of fewer words is one run. A run in more than
    :data:`MOST_TEXTS` texts does not count, where texts with the same runs are one. Time is proportional to
    the number of words and of pairs found.

    >>> lead = "The ferry across the river is back after two years of repairs"
    >>> list(near_duplicates([lead + ".", "Nothing else happened.", lead.upper() + ", officials said"]))
    [NearDuplicate(first=0, second=2, share=1.0)]
    """
    numbers: dict[str, int] = {}
    equal: defaultdict[bytes, list[int]] = defaultdict(list)  # runs -> places of the texts that have them
    for place, text in enumerate(texts):
        if runs := _runs(text, numbers).tobytes():
            equal[runs].append(place)
    groups = list(equal.values())
    for group in groups:
        yield from (NearDuplicate(*pair, 1.0) for pair in combinations(group, 2))
    for one, two, found in _overlaps([np.frombuffer(runs, np.uint64) for runs in equal]):
        if found >= SHARE:
            for pair in product(groups[one], groups[two]):
                yield NearDuplicate(min(pair), max(pair), found)


def _overlaps(runs: Sequence[NDArray[np.uint64]]) -> Iterator[NearDuplicate]:
    """Pairs of different texts, given by their runs, that have a run in common that is not boilerplate."""
    if not runs:
        return
    owners = np.repeat(np.arange(len(runs)), [len(found) for found in runs])
    everything = np.concatenate(runs)
    order = np.argsort(everything, kind="stable")
    borders = np.flatnonzero(np.diff(everything[order])) + 1
    shared: Counter[tuple[int, int]] = Counter()
    for group in np.split(owners[order], borders):
        if 1 < len(group) <= MOST_TEXTS:
            shared.update(combinations(group.tolist(), 2))
    for (first, second), count in shared.items():
        yield NearDuplicate(first, second, count / min(len(runs[first]), len(runs[second])))


def kept_apart(texts: Mapping[str, str], splits: Mapping[str, Split]) -> dict[str, str]:
    """The articles of validation and test that share their text with an article of an earlier split.

    An article of the test split is left out if it is a near duplicate of one in training or validation, one
    of the validation split if it is one of an article in training. Training articles stay.

    :param texts: id -> text.
    :param splits: id -> its split.
    :returns: id of an article to leave out -> id of its near duplicate in an earlier split.
    """
    ids = list(texts)
    pairs = ((ids[one], ids[two]) for one, two, _ in near_duplicates(list(texts.values())))
    return dict(_leaks(pairs, splits))


def _leaks(pairs: Iterable[tuple[str, str]], splits: Mapping[str, Split]) -> Iterator[tuple[str, str]]:
    rank = {"train": 0, "validation": 1, "test": 2}
    for pair in pairs:
        earlier, later = sorted(pair, key=lambda article_id: rank[splits[article_id]])
        if splits[earlier] != splits[later]:
            yield later, earlier


def _runs(text: str, numbers: dict[str, int]) -> NDArray[np.uint64]:
    """One number for each different run of words in a text, equal for equal runs.

    :param numbers: numbers of the words seen so far; grows.
    """
    words = np.array(
        [numbers.setdefault(word, len(numbers) + 1) for word in _WORD.findall(text.casefold())], np.uint64
    )
    if not len(words):
        return words
    windows = np.lib.stride_tricks.sliding_window_view(words, min(RUN, len(words)))
    runs = np.zeros(len(windows), np.uint64)
    for column in windows.T:  # arithmetic modulo 2**64; 4.5 million runs collide by chance once in a million
        runs = (runs ^ column) * _MULTIPLIER
        runs ^= runs >> np.uint64(29)
    return np.unique(runs)
