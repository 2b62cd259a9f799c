"""How a sentence is set: what ends it, and how much of it is capitals and digits.

Captions, headings, bylines and score lines differ from sentences in this more than in what they say.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_COLUMNS = 4

_STOPS = frozenset(".…。｡．۔।॥።")
_QUESTIONS_AND_EXCLAMATIONS = frozenset("?!？！؟፧‽⁉⁈")
# May stand behind what ends a sentence.
_CLOSING = " \t\"'”’»›)]}」』）】》〉］｝"


def typography(sentences: Sequence[str]) -> NDArray[np.float32]:
    """Four numbers in [0, 1] for each of T sentences.

    - 1 if it ends with a full stop or an ellipsis, quotation marks and brackets behind it left aside
    - 1 if it ends so with a question or exclamation mark
    - the square root of the share of its characters that are capitals; the root, since shares are small
    - the same of the digits 0 to 9

    :returns: shape (T, 4), float32.

    >>> typography(["It rained (all day).", "READ MORE: Storm", "Why?"]).round(2).tolist()
    [[1.0, 0.0, 0.22, 0.0], [0.0, 0.0, 0.75, 0.0], [0.0, 1.0, 0.5, 0.0]]
    """
    found = np.zeros((len(sentences), _COLUMNS), np.float32)
    ends = [sentence.rstrip(_CLOSING)[-1:] for sentence in sentences]
    found[:, 0] = [end in _STOPS for end in ends]
    found[:, 1] = [end in _QUESTIONS_AND_EXCLAMATIONS for end in ends]
    # All sentences at once, character by character. The one letter whose small form is two is left out.
    text = "".join(sentences).replace("\u0130", "I")
    codes, small = _code_points(text), _code_points(text.lower())
    edges = np.zeros(len(sentences) + 1, np.int64)
    np.cumsum([len(sentence) for sentence in sentences], out=edges[1:])
    for column, marked in ((2, codes != small), (3, codes - 48 < 10)):  # without sign: below 48 is far above
        before = np.searchsorted(np.flatnonzero(marked), edges)
        found[:, column] = before[1:] - before[:-1]
    found[:, 2:] /= np.maximum(edges[1:] - edges[:-1], 1)[:, None]
    np.sqrt(found[:, 2:], out=found[:, 2:])
    return found


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.dtype("<u4"))
