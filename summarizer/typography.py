"""The typography of a sentence: what ends it, and how much of it is capitals and digits.

Captions, headings, bylines and sports results differ from sentences in this more than in their content.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from summarizer import compiled
from summarizer.words import code_points, joined

_COLUMNS = 4

_FULL_STOPS = frozenset(".…。｡．۔।॥։።។៕៖။")
_QUESTIONS_AND_EXCLAMATIONS = frozenset("?!？！؟፧‽⁉⁈\u037e")
END_MARKS = _FULL_STOPS | _QUESTIONS_AND_EXCLAMATIONS
# May follow the end mark of a sentence: white space, invisible characters, quotation marks of either
# direction (languages differ), closing brackets.
_CLOSING = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008"
    "\u2009\u200a\u2028\u2029\u202f\u205f\u3000"
    "\xad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069"
    "\ufe0e\ufe0f\ufeff"
    "\"'“”„‟‘’‚‛«»‹›)]}」』）】》〉］｝"
)


def typography(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Four numbers in [0, 1] for each of T sentences.

    - 1 if it ends with a full stop or an ellipsis, whatever quotation marks and brackets follow
    - the same for a question or exclamation mark
    - the square root of the share of its characters that are capitals; the root, since shares are small
    - the same of the digits 0 to 9

    :returns: shape (T, 4), float32.

    >>> typography(["It rained (all day).", "READ MORE: Storm", "Why?"]).astype(float).round(2).tolist()
    [[1.0, 0.0, 0.22, 0.0], [0.0, 0.0, 0.75, 0.0], [0.0, 1.0, 0.5, 0.0]]
    """
    features = np.zeros((len(sentences), _COLUMNS), np.float32)
    ends = [
        end if (end := sentence[-1:]) in END_MARKS else sentence.rstrip(_CLOSING)[-1:]
        for sentence in sentences
    ]
    features[:, 0] = [end in _FULL_STOPS for end in ends]
    features[:, 1] = [end in _QUESTIONS_AND_EXCLAMATIONS for end in ends]
    _, codes, edges = joined(sentences)
    numbers = np.empty((len(sentences), 2), np.int64)
    if compiled.kernels is None:
        digits = (codes >= ord("0")) & (codes <= ord("9"))
        for column, marked in enumerate((_capitals().take(codes, mode="clip"), digits)):
            before = np.searchsorted(np.flatnonzero(marked), edges)
            numbers[:, column] = before[1:] - before[:-1]
    else:
        compiled.kernels.capitals_and_digits(codes, _capitals(), edges, numbers)
    lengths = edges[1:] - edges[:-1] - 1  # without the line feed that follows a sentence
    features[:, 2:] = np.sqrt(numbers / np.maximum(lengths, 1)[:, None])
    return features


@cache
def _capitals() -> NDArray[np.bool_]:
    """Whether each code point is a capital; the last one stands for all higher ones."""
    # Letters are in the first two planes. The lowercase form of İ alone is two characters.
    text = np.arange(0x20000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass").replace("İ", "I")
    capitals: NDArray[np.bool_] = code_points(text) != code_points(text.lower())
    return capitals
