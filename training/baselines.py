"""What a model has to beat: scores that need no learning, and the choice that nothing can beat by much."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from training.closeness import greedy_choice

Scores = NDArray[np.float64]


def lead(count: int) -> Scores:
    """The earlier, the better. Shape (T,), in (0, 1].

    >>> lead(4).tolist()
    [1.0, 0.75, 0.5, 0.25]
    """
    return 1 - np.arange(count) / max(count, 1)


def random(count: int, seed: int) -> Scores:
    """By chance. Shape (T,), in [0, 1)."""
    return np.random.default_rng(seed).random(count)


def longest(sentences: Sequence[str]) -> Scores:
    """The more words, the better: what a method measures that does not beat it. Shape (T,), in [0, 1]."""
    words = np.array([len(sentence.split()) for sentence in sentences], np.float64)
    scores: Scores = words / max(words.max(initial=0), 1)
    return scores


def oracle_selection(sentences: Sequence[str], quotes: Sequence[str], count: int) -> list[int]:
    """The sentences that come closest to the quotes, chosen by looking at them; as many as the others."""
    return greedy_choice(sentences, quotes, count)
