import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.sentences import _OTHER_STOPS
from summarizer.typography import _CLOSING, typography

pytestmark = pytest.mark.usefixtures("both_ways")

AWKWARD = [[], [""], ["", "One.", ""], ["...", "🙂🙂", "\x00"], ["مرحبا"], ["\ud800"], ["a" * 100_000]]


@pytest.mark.parametrize("sentences", AWKWARD, ids=lambda found: ascii(found)[:30])
def test_every_sentence_has_four_numbers_from_0_to_1(sentences):
    found = typography(sentences)
    assert found.shape == (len(sentences), 4)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()


@given(st.lists(st.text(max_size=30), max_size=6))
def test_a_sentence_has_the_same_numbers_in_any_company(sentences):
    found = typography(sentences)
    for sentence, row in zip(sentences, found, strict=True):
        np.testing.assert_array_equal(typography([sentence])[0], row)


@given(st.text(st.characters(exclude_characters="İ"), min_size=1, max_size=40))
def test_shares_are_those_of_its_characters(sentence):
    _, _, capitals, digits = typography([sentence])[0]
    counted = sum(character != character.lower() for character in sentence)
    assert capitals == pytest.approx((counted / len(sentence)) ** 0.5, abs=1e-6)
    counted = sum(character in "0123456789" for character in sentence)
    assert digits == pytest.approx((counted / len(sentence)) ** 0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("sentence", "stop", "question"),
    [
        ("It rained.", 1, 0),
        ("“It rained.”", 1, 0),
        ("It rained . ", 1, 0),
        ("It rained …", 1, 0),
        ("雨が降った。」", 1, 0),
        ("It rained.\n", 1, 0),
        ("It rained.\u00a0\u200b", 1, 0),
        ("„Es regnete.“", 1, 0),
        ("»Det regnede.«", 1, 0),
        ("هطل المطر.\u200f", 1, 0),
        ("Did it rain?", 0, 1),
        ("(It rained!)", 0, 1),
        ("هل تمطر؟", 0, 1),
        ("STORM HITS COAST", 0, 0),
        ("Present: A. Dunning, J. Coe", 0, 0),
        ('"', 0, 0),
        ("", 0, 0),
    ],
)
def test_what_a_sentence_ends_with_is_told(sentence, stop, question):
    assert typography([sentence])[0, :2].tolist() == [stop, question]


@pytest.mark.parametrize("stop", _OTHER_STOPS, ids=ascii)
def test_what_ends_sentences_of_other_scripts_is_known_here_too(stop):
    assert typography([f"雨{stop}"])[0, :2].sum() == 1


def test_all_white_space_may_follow_the_end():
    everything = map(chr, range(0x110000))
    spaces = {found for found in everything if found.isspace() or unicodedata.category(found).startswith("Z")}
    assert spaces <= set(_CLOSING)


def test_the_letter_whose_lowercase_form_is_two_counts_as_one_capital():
    found = typography(["İİ", "Aİ b", "İ", "b"])
    np.testing.assert_allclose(found[:, 2], [1, 0.5**0.5, 1, 0], atol=1e-6)


def test_capitals_are_told_in_all_of_unicode():
    everything = [chr(code) for code in range(0x110000)]
    found = typography(everything)[:, 2]
    np.testing.assert_array_equal(found == 1, [character != character.lower() for character in everything])
