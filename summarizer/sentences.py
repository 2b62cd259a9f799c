"""From an article to its sentences: Punkt within paragraphs, then a few repairs. Slices, never new text."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

import punkt

from summarizer.document import Document, Sentence
from summarizer.errors import EmptyText, NoSentences
from summarizer.paragraphs import paragraphs
from summarizer.sentence_ends import SentenceEnds
from summarizer.texts import check_several, check_text, check_unicode

# Abbreviations that Punkt's English table lacks, as it stores them: lower case, without the last full stop.
_MORE_ABBREVIATIONS = frozenset(
    "sgt lt col gen gens capt cmdr comdr maj cpl pvt gov rep sen sens hon rev supt insp det drs fr pres amb"
    " atty wm mt apr jun jul blvd vs cf al approx dept viz ph.d b.sc m.sc".split()
)
# `E.U.`, `K.J.`, `B.A.`: there are too many of these to list.
_DOTTED_LETTERS = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]")

# Words that no name begins with: capitalized after an abbreviation, they begin a sentence
# (`in the U.S. She left`). Added to the 39 that Punkt knows.
_MORE_STARTERS = frozenset(
    "a an and after also another as at because before by during for from her here his how its later"
    " maybe my next not now on once one or our over perhaps she still that their then those through to"
    " today until we what where who why with without you".split()
)

# Full stops of scripts that put no space after them, or that Punkt does not know.
_OTHER_STOPS = "。！？｡؟۔।॥։።፧။៕៖\u037e"
_CLOSING = re.escape("\"'”’»›)]}」』）】》〉］｝")
_OTHER_END = re.compile(
    rf"(?:[{_OTHER_STOPS}]|．(?!\d))++"  # `３．５` is one number
    rf"(?:[{_CLOSING}]++(?!と)|(?![{_CLOSING}]))"  # before と, the sentence goes on with who said it
    r"|(?<=[\u0370-\u03ff\u1f00-\u1fff]{2});(?=\s)"  # the Greek question mark as people type it
)

# A text without any of these (full stops of other scripts, Greek letters) has none of those ends; looking for
# them one by one takes as long as Punkt. Most texts contain only Latin letters and common punctuation, which
# is fastest to see from the bytes of UTF-8: those of ASCII, of characters up to U+017F, and of U+2000 to
# U+2FFF.
_OTHER_SCRIPT = re.compile(rf"[{_OTHER_STOPS}．\u0370-\u03ff\u1f00-\u1fff]")
_LATIN_BYTES = bytes([*range(0xC6), 0xE2])

# Never the last word of a sentence, whatever Punkt decides from the name that follows.
_NEVER_LAST = re.compile(
    r"(?<!\w)(?:vs?|cf|e\.g|i\.e|viz|approx|Mr|Mrs|Ms|Dr|Prof|Sgt|Lt|Col|Gen|Capt|Gov|Rep|Sen|Rev)\.$"
)
# `No. 5`, but not `He said no. Then he left.`: before a number these do not end a sentence.
_BEFORE_NUMBER = re.compile(r"\b(?:Nos?|Figs?|Eqs?|Vol|Ch|Sec|Art|pp?|fig|eq|vol)\.$")
_LONGEST_ENDING = 12  # characters that the two patterns above read at most
_LONGEST_OPENING = 64  # characters that are searched for the first letter of a sentence
_LIST_MARKER = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z])[.)]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")


class _Abbreviations(frozenset[str]):
    """The listed abbreviations, and all letters with full stops between."""

    def __contains__(self, word: object) -> bool:
        return super().__contains__(word) or bool(_DOTTED_LETTERS.fullmatch(str(word)))


class SentenceSplitter:
    """Punkt with its English parameters, which are installed with it; nothing is downloaded.

    Creating one takes a few milliseconds. Thread-safe: splitting changes no state.
    """

    def __init__(self) -> None:
        source = punkt.load_model("english")
        self._ends = SentenceEnds(
            abbreviations=_Abbreviations(source.abbrev_types | _MORE_ABBREVIATIONS),
            collocations=source.collocations,
            starters=source.sent_starters | _MORE_STARTERS,
            seen=source.ortho_context,
        )

    def document(self, text: str) -> Document:
        """The article with its sentences, at least one.

        :raises EmptyText: the text is empty or only white space.
        :raises InvalidText: it contains a lone surrogate.
        :raises NoSentences: it contains no letter or digit.
        :raises InputError: it is not a string.
        """
        check_text(text, "text")
        sentences = self.split(text)
        if not sentences:
            raise NoSentences("the article has no letter or digit, so there is no sentence to score", "text")
        return Document(text, sentences)

    def split(self, text: str) -> list[Sentence]:
        """The sentences of a text.

        A piece without letter or digit is added to the sentence before it in the same paragraph, and left out
        if there is none (rules, lone bullets).

        :returns: ascending, disjoint, trimmed slices that contain every letter and digit of the text.
        """
        latin = not text.encode("utf-8", "surrogatepass").translate(None, _LATIN_BYTES)
        other_script = not latin and _OTHER_SCRIPT.search(text) is not None
        sentences = []
        for first, last in paragraphs(text):
            paragraph = text[first:last]
            pieces = self._ends.spans(paragraph)
            if other_script:
                pieces = _split_other_scripts(paragraph, pieces)
            for start, end in _trimmed(paragraph, _joined(paragraph, pieces)):
                sentences.append(Sentence(paragraph[start:end], first + start, first + end))
        return sentences


def join(sentences: Iterable[str]) -> Document:
    """The caller's own sentences, as they are, joined by line feeds.

    :raises EmptyText: there are no sentences, or one is blank.
    :raises InvalidText: one contains a lone surrogate.
    :raises InputError: a string was given instead of a list, or one of them is not a string.
    """
    check_several(sentences, "sentences")
    sentences = list(sentences)
    if not sentences:
        raise EmptyText("the list of sentences is empty; send at least one", "sentences")
    slices, start = [], 0
    for index, sentence in enumerate(sentences):
        check_unicode(sentence, "sentences", index)
        if not sentence.strip():
            raise EmptyText(
                f"sentence {index} (counted from 0) is empty or only white space; leave it out",
                "sentences",
                index,
            )
        slices.append(Sentence(sentence, start, start + len(sentence)))
        start += len(sentence) + 1
    return Document("\n".join(sentences), slices, field="sentences")


# Of a paragraph: start and end. Not a named tuple, which takes longer to make than to use.
_Slice = tuple[int, int]


def _split_other_scripts(text: str, slices: Iterable[_Slice]) -> Iterator[_Slice]:
    for start, end in slices:
        for stop in _OTHER_END.finditer(text, start, end):
            yield start, stop.end()
            start = stop.end()
        if start < end:
            yield start, end


def _joined(text: str, slices: Iterable[_Slice]) -> Iterator[_Slice]:
    """Join what was split too eagerly, such as attributions after a quotation."""
    whole: _Slice | None = None
    for start, end in slices:
        if whole is None:
            whole = start, end
        elif _continues(text, *whole, start, end):
            whole = whole[0], end
        else:
            yield whole
            whole = start, end
    if whole is not None:
        yield whole


def _continues(text: str, before_start: int, before_end: int, start: int, end: int) -> bool:
    """Whether a piece belongs to the sentence before it, though Punkt ended that one."""
    piece = text[start:end].lstrip()
    first = piece[:1]
    if not (first.isalnum() or _LETTER_OR_DIGIT.search(piece)):
        return True
    ending = text[max(before_start, before_end - _LONGEST_ENDING) : before_end].rstrip()
    if ending.endswith(".") and _NEVER_LAST.search(ending):
        return True
    if before_end - before_start <= _LONGEST_ENDING and _LIST_MARKER.fullmatch(ending):
        return True
    if first.isdigit() and _BEFORE_NUMBER.search(ending):
        return True
    # `"Why?" she asked.`, `pens, paper, etc. and food`: a lowercase letter continues the sentence, unless the
    # writer uses no capitals, or it begins a name like iPhone.
    return (
        first.islower() and not piece[1:2].isupper() and not _starts_lowercase(text, before_start, before_end)
    )


def _starts_lowercase(text: str, start: int, end: int) -> bool:
    # Bounded, because it is repeated for every piece, and a sentence may begin with thousands of brackets.
    first = _LETTER_OR_DIGIT.search(text, start, min(end, start + _LONGEST_OPENING))
    return first is not None and first.group().islower()


def _trimmed(text: str, slices: Iterable[_Slice]) -> Iterator[_Slice]:
    """Trim white space and invisible characters; drop pieces without letter or digit."""
    for start, end in slices:
        while start < end and _is_invisible(text[start]):
            start += 1
        while end > start and _is_invisible(text[end - 1]):
            end -= 1
        if start < end and (text[start].isalnum() or _LETTER_OR_DIGIT.search(text, start, end)):
            yield start, end


def _is_invisible(character: str) -> bool:
    """White space, controls, byte order marks, zero-width spaces."""
    if character.isascii():
        return character <= " " or character == "\x7f"
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}
