"""From an article to its sentences: Punkt within paragraphs, then a few repairs. Slices, never new text."""

import re
import unicodedata
from collections.abc import Iterable, Iterator

import punkt

from summarizer.document import Document, Sentence, Span
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
        return [
            Sentence(text[span.start : span.end], span.start, span.end)
            for paragraph in paragraphs(text)
            for span in self._split_paragraph(text, paragraph, other_script=other_script)
        ]

    def _split_paragraph(self, text: str, paragraph: Span, *, other_script: bool) -> Iterator[Span]:
        pieces = self._punkt_spans(text, paragraph)
        if other_script:
            pieces = _split_other_scripts(text, pieces)
        return _trimmed(text, _joined(text, pieces))

    def _punkt_spans(self, text: str, paragraph: Span) -> Iterator[Span]:
        for start, end in self._ends.spans(text[paragraph.start : paragraph.end]):
            yield Span(paragraph.start + start, paragraph.start + end)


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


def _split_other_scripts(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    for span in spans:
        start = span.start
        for stop in _OTHER_END.finditer(text, span.start, span.end):
            yield Span(start, stop.end())
            start = stop.end()
        if start < span.end:
            yield Span(start, span.end)


def _joined(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Join what was split too eagerly, such as attributions after a quotation."""
    whole: Span | None = None
    for span in spans:
        if whole is not None and _continues(text, whole, span):
            whole = Span(whole.start, span.end)
            continue
        if whole is not None:
            yield whole
        whole = span
    if whole is not None:
        yield whole


def _continues(text: str, before: Span, span: Span) -> bool:
    """Whether a piece belongs to the sentence before it, though Punkt ended that one."""
    piece = text[span.start : span.end].lstrip()
    if not _LETTER_OR_DIGIT.search(piece):
        return True
    ending = text[max(before.start, before.end - _LONGEST_ENDING) : before.end].rstrip()
    if _NEVER_LAST.search(ending):
        return True
    if before.end - before.start <= _LONGEST_ENDING and _LIST_MARKER.fullmatch(ending):
        return True
    if piece[0].isdigit() and _BEFORE_NUMBER.search(ending):
        return True
    # `"Why?" she asked.`, `pens, paper, etc. and food`: a lowercase letter continues the sentence, unless the
    # writer uses no capitals, or it begins a name like iPhone.
    return piece[0].islower() and not piece[1:2].isupper() and not _starts_lowercase(text, before)


def _starts_lowercase(text: str, span: Span) -> bool:
    # Bounded, because it is repeated for every piece, and a sentence may begin with thousands of brackets.
    first = _LETTER_OR_DIGIT.search(text, span.start, min(span.end, span.start + _LONGEST_OPENING))
    return first is not None and first.group().islower()


def _trimmed(text: str, spans: Iterable[Span]) -> Iterator[Span]:
    """Trim white space and invisible characters; drop pieces without letter or digit."""
    for start, end in spans:
        while start < end and _is_invisible(text[start]):
            start += 1
        while end > start and _is_invisible(text[end - 1]):
            end -= 1
        if _LETTER_OR_DIGIT.search(text, start, end):
            yield Span(start, end)


def _is_invisible(character: str) -> bool:
    """White space, controls, byte order marks, zero-width spaces."""
    return character.isspace() or unicodedata.category(character) in {"Cc", "Cf"}
