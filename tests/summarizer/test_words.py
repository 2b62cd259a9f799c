import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.pipeline import DEFAULT_CHECKPOINT
from summarizer.words import (
    EUROPEAN_CODE_POINTS,
    LETTER,
    MARK,
    OTHER,
    SPACE,
    Alphabet,
    WordTable,
    hashed_words_of,
    hashes_of,
    words_of,
)

pytestmark = pytest.mark.usefixtures("both_ways")

EUROPEAN = st.text(alphabet=[chr(code_point) for code_point in EUROPEAN_CODE_POINTS], max_size=30)
AWKWARD = [
    "",
    " ",
    "\n",
    "ΟΔΟΣ οδός",
    "İstanbul ISPARTA",
    "na\u0308ive",
    "你好 world",
    "🙂🙂",
    "\x00",
    "snake_case 3.5 m²",
]
SENTENCES = st.lists(EUROPEAN | st.text(max_size=30) | st.sampled_from(AWKWARD), max_size=6)


@given(SENTENCES)
def test_words_found_at_once_are_those_of_each_sentence(sentences):
    hashes, counts = hashed_words_of(sentences)
    words = [words_of(sentence) for sentence in sentences]
    assert counts.tolist() == [len(row) for row in words]
    np.testing.assert_array_equal(hashes, hashes_of([word for row in words for word in row]))


def test_every_character_parts_or_joins_words_as_it_does_alone():
    for code_point in {*EUROPEAN_CODE_POINTS, *range(0x600), 0xD800, 0xFB01, 0x1F600}:
        sentence = f"a{chr(code_point)}B {chr(code_point)}"
        assert hashed_words_of([sentence])[0].tolist() == hashes_of(words_of(sentence)).tolist(), sentence


@given(st.lists(st.text(max_size=12), unique=True, max_size=50))
def test_different_words_have_different_hashes(words):
    assert len(set(hashes_of(words).tolist())) == len(words)


def test_the_words_of_the_default_model_have_different_hashes():
    vocabulary = json.loads((DEFAULT_CHECKPOINT / "encoder" / "tokenizer.json").read_text())["model"]["vocab"]
    listed = json.loads((DEFAULT_CHECKPOINT / "rarity.json").read_text())["words"]
    words = sorted({*vocabulary, *listed})
    assert len(words) > 30_000
    assert len(set(hashes_of(words).tolist())) == len(words)


def test_letters_in_another_order_make_another_word():
    assert len(set(hashes_of(["listen", "silent", "enlist", "tinsel", "l" * 500, "l" * 501]).tolist())) == 6


def test_a_word_has_the_same_hash_wherever_it_stands():
    hashes, _ = hashed_words_of(["ferry", "The old ferry.", f"{'x ' * 40_000}ferry"])
    assert (hashes[[0, 3, -1]] == hashes_of(["ferry"])).all()


def test_an_alphabet_folds_letters_and_says_where_it_does_not_know_one():
    alphabet = Alphabet(
        {ord("a"): LETTER, ord("á"): LETTER, ord("!"): MARK, ord(" "): SPACE, ord("?"): OTHER},
        {ord("á"): ord("a")},
    )
    words = alphabet.words(["aá!! a", "", "a?a", "🙂"])
    assert words.hashes[:4].tolist() == hashes_of(["aa", "!", "!", "a"]).tolist()
    assert [words.text[start:end] for start, end in zip(words.starts, words.ends, strict=True)][:4] == [
        "aá",
        "!",
        "!",
        "a",
    ]
    assert words.counts[:2].tolist() == [4, 0]
    assert words.others == [2, 3]


@given(st.lists(st.text(min_size=1, max_size=5), unique=True, max_size=20), st.lists(st.text(max_size=5)))
def test_a_table_finds_what_it_holds_and_nothing_else(words, asked):
    table = WordTable(words)
    asked = [*asked, *words]
    indices = {word: index for index, word in enumerate(words)}
    expected = [indices.get(word, len(words)) for word in asked]
    assert table.indices(hashes_of(asked)).tolist() == expected
