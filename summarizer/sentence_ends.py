"""Where sentences end according to Punkt (Kiss and Strunk 2006), with parameters learned in advance.

The sentences are those of NLTK's ``PunktSentenceTokenizer``, its oddities included, but they are found by
plain functions of two adjacent tokens. NLTK makes an object of every token, and importing it takes a second.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from itertools import pairwise

from punkt import OrthoContext

# These characters end a word anywhere; so do a dash and an ellipsis, and a comma before any of them.
_ENDS_WORD = r"""?!)";}\]*:@'({\[‘’“”«»"""
_TOKEN = re.compile(
    r"-{2,}|\.{2,}|(?:\.\s){2,}\."
    r"|[^\s(\"`{\[:;&#*@)}\]\-,]"  # first character of a word; the rest of it:
    rf"(?:[^\s.,\-{_ENDS_WORD}]++"
    r"|-(?!-)|\.(?!\.|\s\.\s\.)"
    rf"|,(?!\Z|[\s{_ENDS_WORD}]|--|\.\.|\.\s\.\s\.))*+"
    r"|\S"
)
_CANDIDATE = re.compile(rf"[.?!](?=(?P<after>[{_ENDS_WORD}]|\s+(?P<next>\S+)))")
# Follows the end of a sentence, but still belongs to it.
_CLOSING_MARKS = "\"')]}‘’“”«»"
_CLOSING = re.compile(rf"[{re.escape(_CLOSING_MARKS)}]+?(?:\s+|(?=--)|$)", re.MULTILINE)
_TO_LAST_SPACE = re.compile(r"(?s:.*)[ \n\t\r\v\f]")

# Most contexts: a word with its full stop, and nothing else that could end a sentence; or a question.
_PLAIN_STOP = re.compile(r"""([a-zA-Z]{2,})\.[\s"'”’)](?!.*[.?!])""", re.DOTALL)
_PLAIN_MARK = re.compile(r"""[a-zA-Z]+[?!][\s"'”’)]""")

_ELLIPSIS = re.compile(r"\.{2,}")
_INITIAL = re.compile(r"[^\W\d]\.")
_NUMBER = re.compile(r"-?[.,]?\d[\d,.\-]*")
_NUMBER_TYPE = "##number##"
_PUNCTUATION = frozenset(";:,.!?")

# How a word occurred in the text that Punkt learned from. (Plain integers: an enum's `&` is slow.)
_LOWER = int(OrthoContext.LC)
_LOWER_FIRST = int(OrthoContext.BEG_LC)
_UPPER = int(OrthoContext.UC)
_UPPER_INSIDE = int(OrthoContext.MID_UC)

# Size of the cache of decisions: about 5 MB at most.
REMEMBERED_CONTEXTS = 2**14
LONGEST_REMEMBERED = 64  # characters


class SentenceEnds:
    """Punkt's decisions. Thread-safe.

    They are cached for short contexts, such as ``said. The``: a decision depends on nothing else. News
    repeats some contexts; text made to be slow, full stops and little else, repeats all of them.

    A type is a token in lower case, without the full stop that may end a sentence; all numbers are one type.

    :param abbreviations: in lower case, without the last full stop. May also contain words that iterating
        over it does not give, if they contain a full stop.
    :param collocations: pairs of types between which a full stop does not end a sentence.
    :param starters: types that often begin a sentence.
    :param seen: how each type occurred: a sum of flags of :class:`punkt.OrthoContext`.
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
        self._never_plain = frozenset(abbreviations).union(first for first, _ in collocations)
        self._starters = starters
        self._seen = {word: int(flags) for word, flags in seen.items()}
        self._remembered = lru_cache(REMEMBERED_CONTEXTS)(self._has_end)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of each sentence: ascending, disjoint; together they contain all but white space."""
        moved = 0  # characters at the start of this piece that close the sentence before it
        previous: tuple[int, int] | None = None
        for start, end in self._pieces(text):
            if previous is not None:
                first = previous[0] + moved
                closing = (
                    _CLOSING.match(text, start, end) if text[start : start + 1] in _CLOSING_MARKS else None
                )
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
        """Sentences up to the full stop; a quotation mark or bracket after it begins the next piece."""
        start = 0
        for candidate, context in _candidates(text):
            decide = self._remembered if len(context) <= LONGEST_REMEMBERED else self._has_end
            if decide(context):
                yield start, candidate.end()
                start = candidate.end() if candidate["next"] is None else candidate.start("next")
        yield start, len(text.rstrip())

    def _has_end(self, context: str) -> bool:
        """Whether a sentence ends within the context: after any token but the last."""
        plain = _PLAIN_STOP.match(context)
        if plain and plain[1].lower() not in self._never_plain:
            return True  # it does not matter what follows
        if _PLAIN_MARK.match(context):
            return True
        tokens = [token for line in context.split("\n") for token in _TOKEN.findall(line)]
        return any(self._ends(token, following) for token, following in pairwise(tokens))

    def _ends(self, token: str, following: str) -> bool:
        """Whether a sentence ends between two tokens."""
        if token[-1] != ".":
            return token in {"?", "!"}
        type_ = _NUMBER_TYPE if _NUMBER.fullmatch(token) else _without_stop(token.lower())
        following_type = self._type_of_next(following)
        if (type_, following_type) in self._collocations:
            return False
        initial = _INITIAL.fullmatch(token) is not None
        abbreviated = self._is_abbreviation(token)
        if (abbreviated or _ELLIPSIS.fullmatch(token)) and not initial:
            if self._looks_first(following, following_type):
                return True
            if following[0].isupper() and following_type in self._starters:
                return True
        if initial or type_ == _NUMBER_TYPE:
            first = self._looks_first(following, following_type)
            if first is False:
                return False
            never_lower = not self._seen.get(following_type, 0) & _LOWER
            if first is None and initial and following[0].isupper() and never_lower:
                return False
        return not abbreviated and not token.endswith("..")

    def _is_abbreviation(self, token: str) -> bool:
        """Whether a token that ends with a full stop is an abbreviation."""
        word = token[:-1].lower()
        if not word or word[-1] == ".":
            return False
        return word in self._abbreviations or ("-" in word and word.split("-")[-1] in self._abbreviations)

    def _type_of_next(self, token: str) -> str:
        """The type of a token; without its full stop if that may end a sentence."""
        if _NUMBER.fullmatch(token):
            return _NUMBER_TYPE
        lower = token.lower()
        if lower[-1] != "." or token.endswith("..") or self._is_abbreviation(token):
            return lower
        return _without_stop(lower)

    def _looks_first(self, token: str, type_: str) -> bool | None:
        """Whether a token looks like the first one of a sentence; None if undecided."""
        if token in _PUNCTUATION:
            return False
        seen = self._seen.get(type_, 0)
        if token[0].isupper() and seen & _LOWER and not seen & _UPPER_INSIDE:
            return True
        if token[0].islower() and (seen & _UPPER or not seen & _LOWER_FIRST):
            return False
        return None


def _candidates(text: str) -> Iterator[tuple[re.Match[str], str]]:
    """The places where a sentence may end, each with its context: the word before it and what follows.

    Of several in one word (``Why?!``), only the last one counts.
    """
    previous: re.Match[str] | None = None
    word_start = word_end = 0
    for candidate in _CANDIDATE.finditer(text):
        stop = candidate.start()
        space = _TO_LAST_SPACE.match(text, word_end, stop)
        # White space right after the previous candidate does not separate the two; NLTK does the same.
        start = space.end() if space is not None and space.end() > word_end + 1 else word_start
        if previous is not None and word_end <= start:
            yield previous, text[word_start : previous.end("after")]
        previous, word_start, word_end = candidate, start, stop
    if previous is not None:
        yield previous, text[word_start : previous.end("after")]


def _without_stop(word: str) -> str:
    return word[:-1] if len(word) > 1 and word[-1] == "." else word
