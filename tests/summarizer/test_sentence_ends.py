"""Punkt as NLTK has it is the reference: the same sentences, to the last offset.

NLTK 3.10 runs its patterns by the package ``regex``, earlier ones by ``re``. The two disagree on what is a
letter (combining marks alone, newer scripts) and on four controls; here the reference runs all by ``re``.
"""

import json
import re
from pathlib import Path

import punkt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nltk.tokenize.punkt import PunktLanguageVars, PunktParameters, PunktSentenceTokenizer, PunktToken

from summarizer.sentence_ends import _TOKEN, LONGEST_REMEMBERED, REMEMBERED_CONTEXTS, SentenceEnds

SOURCE = punkt.load_model("english")
ENDS = SentenceEnds(SOURCE.abbrev_types, SOURCE.collocations, SOURCE.sent_starters, SOURCE.ortho_context)


class Token(PunktToken):
    _RE_ELLIPSIS = re.compile(PunktToken._RE_ELLIPSIS.pattern)
    _RE_NUMERIC = re.compile(PunktToken._RE_NUMERIC.pattern)
    _RE_INITIAL = re.compile(PunktToken._RE_INITIAL.pattern)


class Language(PunktLanguageVars):
    re_boundary_realignment = re.compile(PunktLanguageVars.re_boundary_realignment.pattern, re.MULTILINE)

    def __init__(self) -> None:
        self._re_period_context = re.compile(super().period_context_re().pattern, re.VERBOSE)
        self._re_word_tokenizer = re.compile(super()._word_tokenizer_re().pattern, re.VERBOSE)


def reference() -> PunktSentenceTokenizer:
    parameters = PunktParameters()
    parameters.abbrev_types = set(SOURCE.abbrev_types)
    parameters.collocations = set(SOURCE.collocations)
    parameters.sent_starters = set(SOURCE.sent_starters)
    parameters.ortho_context.update(SOURCE.ortho_context)
    return PunktSentenceTokenizer(parameters, lang_vars=Language(), token_cls=Token)


REFERENCE = reference()
GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "golden_sentences.jsonl").read_bytes().splitlines()
]
# What the rules look at: abbreviations, initials, numbers, ellipses, dashes, collocations, capitals.
PIECES = (
    "said. The|Mr. Smith|U.S. The|U.N. Security|p.m. in|J. Bach|E. The|3. The|3.5|10,000. Then|-.5. but|No. 5"
    "|wait... The|wait . . . the|--|-|etc. and|St. Louis|ex-gov. Bush|e.g. this|i.e.|why?|no!?|!|.|?|,|;|:"
    "|(so.)|“|”|«|»|‘|’|'|\"|)|[|]|{|}|*|@|#|&|`|_. A|İ. The|ß. is|a.b|\n|\r\n|\t|\v|\u2028|\x85|\u00a0| |  |"
).split("|")
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=12).flatmap(
    lambda pieces: st.sampled_from(["", " "]).map(lambda between: between.join(pieces))
)


@given(TEXTS)
@example("")
@example(" . ")
@example("Very bad acting!!! I promise.")
@example("He said (so.) Then he left. ")
@example("x." + "a" * LONGEST_REMEMBERED + ". The end")
@example("Mr. J. 3rd was late")
@example("Mr. J. Mg. was late")
@example("Mr. Smith lived to 5.--Then he died")
def test_sentences_end_where_they_end_in_nltk(text):
    assert list(ENDS.spans(text)) == list(REFERENCE.span_tokenize(text))


@given(TEXTS.map(lambda text: text.replace("\n", " ")))
@example("one,two, three,, --four--five- a.b. . . c...d ,")
def test_tokens_are_those_of_nltk(text):
    assert _TOKEN.findall(text) == Language().word_tokenize(text)


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: str(case.get("id", "")))
def test_golden_articles_end_their_sentences_as_in_nltk(case):
    assert list(ENDS.spans(case["text"])) == list(REFERENCE.span_tokenize(case["text"]))


def test_what_it_remembers_is_bounded():
    ends = SentenceEnds(SOURCE.abbrev_types, SOURCE.collocations, SOURCE.sent_starters, SOURCE.ortho_context)
    list(ends.spans("".join(f"w{number}. The " for number in range(REMEMBERED_CONTEXTS + 100))))
    list(ends.spans("a" * LONGEST_REMEMBERED + ". The end"))
    assert ends._remembered.cache_info().currsize == REMEMBERED_CONTEXTS


def test_it_learns_nothing_while_it_splits():
    before = len(ENDS._seen)
    list(ENDS.spans("He met J. Unheardof. Zyxxgl. Qwerty said so."))
    assert len(ENDS._seen) == before


@pytest.mark.parametrize("pair", [("ferry", "back"), ("ferry", "of")])
def test_between_the_words_of_a_collocation_no_sentence_ends(pair):
    text = "The ferry. Back it went."
    ends = SentenceEnds(frozenset(), {pair}, frozenset(), {})
    assert list(ends.spans(text)) == ([(0, 24)] if pair == ("ferry", "back") else [(0, 10), (11, 24)])
