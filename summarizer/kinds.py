"""Which kind of text an article is, so that the network reads it as such.

What people quote from news that open with what matters most is found near the beginning; from a report that
does not, anywhere; and by its sentences alone the network cannot always tell which is which. So a classifier
first looks at the article as a whole (multinomial logistic regression), and the network gets its answer
beside every sentence. Which kinds there are, the training says; see ``kinds`` in a run file.
"""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from summarizer.lines import are_lines

Floats = NDArray[np.float32]

# Words and marks that say how a text begins, whatever it is about. An opening introduces ("A man has been"),
# what follows refers ("The 33-year-old told", "Mr Sato said"). A network that only sees what sentences are
# about cannot see that the introduction was cut off.
OPENING_WORDS = (
    "the a an this that these those some any all no most many more other such each both another one two three"
    " first last new only he she it they we i you his her its their our my him them us who whose which what"
    " is are was were be been being has have had do does did will would can could may might must should"
    " of to in for on with by from at as after before over into about between through during against under"
    " since until out up off and but or if when while because than so not also now then there here where how"
    " why however just still even today yesterday said says told added asked mr mrs ms miss dr sir lord"
    " year years week month day old man woman people . , \" ' ( ) : ; ? ! - % $ £"
).split()
# Some of them say more if they come first.
FIRST_WORDS = (
    "the a an this that these those he she it they we i you his her its their our but and so in on at for as"
    ' after when while if however one two three there what mr mrs ms dr " ( -'
).split()

_PLACES = {word: place for place, word in enumerate(OPENING_WORDS)}
_FIRST_PLACES = {word: len(OPENING_WORDS) + place for place, word in enumerate(FIRST_WORDS)}
_WORDS = len(OPENING_WORDS) + len(FIRST_WORDS)
_WORD = re.compile(r"\w+|[^\w\s]")
_PLAIN = str.maketrans("“”„«»’‘–—", '"""""\'\'--')
_MOST_CHARACTERS = 2000  # of the opening that are looked at


class KindClassifier(NamedTuple):
    """:ivar weight: shape (K, A), for K kinds. :ivar bias: shape (K,)."""

    weight: Floats
    bias: Floats

    def kind(self, article: Floats) -> int:
        """The index of the most probable kind.

        :param article: of :func:`article_features`, shape (A,).
        """
        return int(np.argmax(self.weight @ article + self.bias))


def article_features(sentences: Sequence[str], vectors: Floats, features: Floats) -> Floats:
    """What the classifier sees of an article: A numbers of about the same spread.

    The mean of the vectors; the mean of the features; the features of the opening, which is the first
    sentence that is no title or byline; the logarithm of the number of sentences; which of
    :data:`OPENING_WORDS` are in the opening, and which of :data:`FIRST_WORDS` is its first.

    :param sentences: T, at least 1.
    :param vectors: shape (T, D).
    :param features: shape (T, F).
    :returns: shape (A,), float32.
    """
    openings = (index for index, text in enumerate(sentences) if are_lines([text]) == [False])
    opening = next(openings, 0)
    dimension, width = vectors.shape[1], features.shape[1]
    found = np.zeros(features_of_article(dimension, width), np.float32)
    count = len(sentences)
    # On arrays of this size, np.mean takes several times as long.
    found[:dimension] = np.add.reduce(vectors, axis=0) * (dimension**0.5 / 2 / count)  # vectors have length 1
    found[dimension : dimension + width] = np.add.reduce(features, axis=0) * (2 / count)
    found[dimension + width : dimension + 2 * width] = features[opening]
    found[dimension + 2 * width] = math.log(count) - 3  # 20 sentences are a usual article
    words = _WORD.findall(sentences[opening][:_MOST_CHARACTERS].translate(_PLAIN).casefold())
    places = [_PLACES[word] for word in words if word in _PLACES]
    if words and words[0] in _FIRST_PLACES:
        places.append(_FIRST_PLACES[words[0]])
    found[-_WORDS:][places] = 1
    return found


def features_of_article(dimension: int, width: int) -> int:
    """A, for D and F."""
    return dimension + 2 * width + 1 + _WORDS
