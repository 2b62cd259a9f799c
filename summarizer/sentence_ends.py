"""Where Punkt ends sentences: its decisions (Kiss and Strunk 2006), with parameters that are learned already.

The same sentences as those of NLTK's ``PunktSentenceTokenizer``, its oddities included, by plain functions of
two neighbouring tokens. NLTK makes an object of every token, and importing it takes a second.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from punkt import OrthoContext

# These end a word wherever they stand; so do a dash and an ellipsis, and a comma before any of them.
_ENDS_WORD = r"""?!)";}\]*:@'({\[‘’“”«»"""
_TOKEN = re.compile(
    r"-{2,}|\.{2,}|(?:\.\s){2,}\."
    r"|[^\s(\"`{\[:;&#*@)}\]\-,]"  # the first character of a word, and the others:
    rf"(?:[^\s.,\-{_ENDS_WORD}]++"
    r"|-(?!-)|\.(?!\.|\s\.\s\.)"
    rf"|,(?!\Z|[\s{_ENDS_WORD}]|--|\.\.|\.\s\.\s\.))*+"
    r"|\S"
)
_CANDIDATE = re.compile(rf"[.?!](?=(?P<after>[{_ENDS_WORD}]|\s+(?P<next>\S+)))")
# Behind the end of a sentence, but still part of it.
_CLOSING = re.compile(r"""["')\]}‘’“”«»]+?(?:\s+|(?=--)|$)""", re.MULTILINE)
_TO_LAST_SPACE = re.compile(r"(?s:.*)[ \n\t\r\v\f]")

_ELLIPSIS = re.compile(r"\.{2,}")
_INITIAL = re.compile(r"[^\W\d]\.")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.\-]*")
_NUMBER_TYPE = "##number##"
_PUNCTUATION = frozenset(";:,.!?")

# How a word was seen in the text that the parameters come from. (Plain numbers: an enum's `&` is slow.)
_SMALL = int(OrthoContext.LC)
_SMALL_FIRST = int(OrthoContext.BEG_LC)
_CAPITAL = int(OrthoContext.UC)
_CAPITAL_INSIDE = int(OrthoContext.MID_UC)

# About 5 MB at the most.
REMEMBERED_CONTEXTS = 2**14
LONGEST_REMEMBERED = 64  # characters


class SentenceEnds:
    """Punkt's decisions. Thread-safe.

    They are remembered for short contexts, such as ``said. The``: a decision depends on nothing else. News
    repeats some of them; text that is made to be slow, full stops and little else, repeats them all.

    :param abbreviations: in small letters, without the last full stop.
    :param collocations: pairs of types with no sentence end between, though a full stop is.
    :param starters: types that often begin a sentence.
    :param seen: how each type was seen: a sum of flags of :class:`punkt.OrthoContext`.
    """

    def __init__(
        self,
        abbreviations: Collection[str],
        collocations: Collection[tuple[str, str]],
        starters: Collection[str],
        seen: Mapping[str, int],
    ) -> None:
        self._abbreviations = abbreviations
        self._collocations = collocations
        self._starters = starters
        self._seen = {word: int(flags) for word, flags in seen.items()}
        self._remembered = lru_cache(REMEMBERED_CONTEXTS)(self._has_end)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of each sentence: ascending, disjoint; together they hold all but white space."""
        moved = 0  # characters at the start of this sentence that close the one before it
        previous: tuple[int, int] | None = None
        for start, end in self._pieces(text):
            if previous is not None:
                first = previous[0] + moved
                closing = _CLOSING.match(text, start, end)
                if closing:
                    yield first, start + len(closing.group().rstrip())
                    moved = closing.end() - start
                else:
                    moved = 0
                    if first < previous[1]:
                        yield first, previous[1]
            previous = start, end
        if previous is not None and previous[0] + moved < previous[1]:
            yield previous[0] + moved, previous[1]

    def _pieces(self, text: str) -> Iterator[tuple[int, int]]:
        """Sentences that end right after the full stop; what closes them begins the next one."""
        start = 0
        for candidate, context in _candidates(text):
            decide = self._remembered if len(context) <= LONGEST_REMEMBERED else self._has_end
            if decide(context):
                yield start, candidate.end()
                start = candidate.end() if candidate["next"] is None else candidate.start("next")
        yield start, len(text.rstrip())

    def _has_end(self, context: str) -> bool:
        """Whether a sentence ends inside: after a token that is not the last one."""
        tokens = [token for line in context.split("\n") for token in _TOKEN.findall(line)]
        return any(self._ends(token, following) for token, following in pairwise(tokens))

    def _ends(self, token: str, following: str) -> bool:
        """Whether a sentence ends between two tokens."""
        if token[-1] != ".":
            return token in {"?", "!"}
        kind = _NUMBER_TYPE if _NUMBER.fullmatch(token) else _without_stop(token.lower())
        following_kind = self._kind_of_next(following)
        if (kind, following_kind) in self._collocations:
            return False
        initial = _INITIAL.fullmatch(token) is not None
        abbreviated = self._is_abbreviation(token)
        if (abbreviated or _ELLIPSIS.fullmatch(token)) and not initial:
            if self._looks_first(following, following_kind):
                return True
            if following[0].isupper() and following_kind in self._starters:
                return True
        if initial or kind == _NUMBER_TYPE:
            first = self._looks_first(following, following_kind)
            if first is False:
                return False
            never_small = not self._seen.get(following_kind, 0) & _SMALL
            if first is None and initial and following[0].isupper() and never_small:
                return False
        return not abbreviated and not token.endswith("..")

    def _is_abbreviation(self, token: str) -> bool:
        """Of a token that ends with a full stop."""
        word = token[:-1].lower()
        if not word or word[-1] == ".":
            return False
        return word in self._abbreviations or ("-" in word and word.split("-")[-1] in self._abbreviations)

    def _kind_of_next(self, token: str) -> str:
        """The type of a token; its full stop is no part of it where that may end a sentence."""
        if _NUMBER.fullmatch(token):
            return _NUMBER_TYPE
        kind = token.lower()
        if kind[-1] != "." or token.endswith("..") or self._is_abbreviation(token):
            return kind
        return _without_stop(kind)

    def _looks_first(self, token: str, kind: str) -> bool | None:
        """Whether a token looks like the first one of a sentence; None: it may be or not."""
        if token in _PUNCTUATION:
            return False
        seen = self._seen.get(kind, 0)
        if token[0].isupper() and seen & _SMALL and not seen & _CAPITAL_INSIDE:
            return True
        if token[0].islower() and (seen & _CAPITAL or not seen & _SMALL_FIRST):
            return False
        return None


def _candidates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """Where a sentence may end, each with the word before it and what follows.

    Of several in one word (``Why?!``) only the last one is.
    """
    previous: re.Match[str] | None = None
    word_start = word_end = 0
    for found in _CANDIDATE.finditer(text):
        stop = found.start()
        space = _TO_LAST_SPACE.match(text, word_end, stop)
        # White space right behind the candidate before does not part the two: so it is in NLTK.
        start = space.end() if space is not None and space.end() > word_end + 1 else word_start
        if previous is not None and word_end <= start:
            yield previous, text[word_start : previous.end("after")]
        previous, word_start, word_end = found, start, stop
    if previous is not None:
        yield previous, text[word_start : previous.end("after")]


def _without_stop(kind: str) -> str:
    return kind[:-1] if len(kind) > 1 and kind[-1] == "." else kind
