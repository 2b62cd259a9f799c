import json
import re
import textwrap
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from summarizer import EmptyText, InvalidText, NoSentences
from summarizer.sentences import SentenceSplitter, join

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "golden_sentences.jsonl").read_bytes().splitlines()
]
SPLITTER = SentenceSplitter()

# Text that looks like text more often than st.text() does.
PIECES = st.sampled_from(
    [
        "The",
        "cat",
        "Mr.",
        "U.S.",
        "p.m.",
        "sat.",
        "Why?",
        "“No!”",
        "she",
        "(see",
        "p.",
        "4)",
        "...",
        "…",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "  ",
        "- ",
        "1. ",
        "# ",
        "> ",
        "你好。",
        "مرحبا؟",
        "🎉",
        "e\u0301",
        "\ufeff",
        "\u200b",
        "\x00",
        "***",
        '"',
        "\u2028",
    ]
)
TEXTS = (
    st.text(max_size=200)
    | st.lists(PIECES, max_size=40).map(" ".join)
    | st.lists(PIECES, max_size=40).map("".join)
)


def golden() -> list:
    return [
        pytest.param(
            row["text"],
            row["sentences"],
            id=row["id"],
            marks=[pytest.mark.xfail(reason=row["known_failure"])] if "known_failure" in row else [],
        )
        for row in GOLDEN
    ]


@pytest.mark.parametrize(("text", "sentences"), golden())
def test_a_hard_case_is_split_as_an_editor_would(text, sentences):
    assert [sentence.text for sentence in SPLITTER.split(text)] == sentences


def test_the_golden_file_is_large_and_honest():
    assert len({row["id"] for row in GOLDEN}) == len(GOLDEN) >= 150
    assert sum("known_failure" in row for row in GOLDEN) <= 12


@given(TEXTS)
def test_sentences_are_ascending_disjoint_trimmed_slices(text):
    end = 0
    for sentence in SPLITTER.split(text):
        assert end <= sentence.start < sentence.end <= len(text)
        assert text[sentence.start : sentence.end] == sentence.text
        assert sentence.text == sentence.text.strip()
        assert any(character.isalnum() for character in sentence.text)
        end = sentence.end


@given(TEXTS)
def test_every_letter_and_digit_is_in_a_sentence(text):
    covered = [False] * len(text)
    for sentence in SPLITTER.split(text):
        covered[sentence.start : sentence.end] = [True] * (sentence.end - sentence.start)
    assert all(inside for inside, character in zip(covered, text, strict=True) if character.isalnum())


@given(TEXTS, TEXTS)
def test_a_blank_line_makes_two_texts_independent(first, second):
    alone = [s.text for s in SPLITTER.split(first)] + [s.text for s in SPLITTER.split(second)]
    assert [sentence.text for sentence in SPLITTER.split(f"{first}\n\n{second}")] == alone


@given(TEXTS)
def test_splitting_again_gives_the_same(text):
    assert SPLITTER.split(text) == SPLITTER.split(text) == SentenceSplitter().split(text)


@given(TEXTS)
def test_what_is_left_out_says_nothing(text):
    end = 0
    for start, following in [(s.start, s.end) for s in SPLITTER.split(text)] + [(len(text), 0)]:
        assert not any(character.isalnum() for character in text[end:start])
        end = following


@given(st.lists(st.sampled_from(["It rained.", "Who won?", "Nobody slept!"]), max_size=20))
def test_a_sentence_on_its_own_stays_whole(sentences):
    assert [s.text for s in SPLITTER.split(" ".join(sentences))] == sentences
    assert [[s.text for s in SPLITTER.split(sentence)] for sentence in sentences] == [[s] for s in sentences]


WORDS = st.sampled_from(
    "the council of Elm voted for a new bridge and nobody in town was pleased about it".split()
)
PARAGRAPHS = st.lists(WORDS, min_size=40, max_size=120).map(
    lambda words: "It began. " + " ".join(words) + ". It ended."
)


@given(PARAGRAPHS, st.integers(50, 100))
@example("It began. " + "the council " * 11 + "voted for a. It ended.", 71)
@example("It began. " + "the council " * 5 + "of 12. " + "the town " * 9 + "voted. It ended.", 70)
def test_hard_wrapping_changes_nothing_but_white_space(paragraph, width):
    wrapped = SPLITTER.split(textwrap.fill(paragraph, width))
    assert [re.sub(r"\s+", " ", s.text) for s in wrapped] == [s.text for s in SPLITTER.split(paragraph)]


@given(st.lists(st.lists(WORDS, min_size=2, max_size=60).map(" ".join), min_size=1, max_size=8))
def test_lines_that_are_list_items_stay_apart(items):
    assert [s.text for s in SPLITTER.split("\n".join(f"- {item}" for item in items))] == [
        f"- {item}" for item in items
    ]


def test_an_empty_text_has_no_sentences():
    assert SPLITTER.split("") == SPLITTER.split(" \n\t\u3000\ufeff") == []


@pytest.mark.parametrize(
    "pattern",
    [
        "a",
        ".",
        ". ",
        "?!",
        "\n",
        "a.\n",
        '"',
        " ",
        "(",
        "1.1",
        "A. ",
        "x!x",
        "?) ",
        ".)a",
        "你好。",
        "\u200b",
    ],
)
def test_long_monotonous_text_is_split_without_trouble(pattern):
    sentences = SPLITTER.split(pattern * 5000)
    assert all(not unicodedata.category(s.text[0]).startswith("Z") for s in sentences)


def test_a_sentence_that_begins_with_a_mile_of_brackets_is_not_searched_for_every_piece():
    # Searching from its beginning for each of the small pieces took minutes.
    text = "(" * 100_000 + "A? " + "b? " * 30_000
    assert len(SPLITTER.split(text)) == 1


def test_letters_with_full_stops_between_are_an_abbreviation_only_as_a_whole():
    found = [s.text for s in SPLITTER.split("The K.J. Okafor prize went to x.com. Okafor was there.")]
    assert found == ["The K.J. Okafor prize went to x.com.", "Okafor was there."]


def test_a_lone_surrogate_does_not_stop_the_splitter():
    found = [s.text for s in SPLITTER.split("It was \ud800 so. It rained.")]
    assert found == ["It was \ud800 so.", "It rained."]


def test_five_thousand_sentences_are_all_found():
    sentences = [f"Point {number} was noted." for number in range(5000)]
    assert [s.text for s in SPLITTER.split(" ".join(sentences))] == sentences


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_every_kind_of_line_break_ends_a_paragraph(line_break):
    assert [s.text for s in SPLITTER.split(f"A heading{line_break}Some text")] == ["A heading", "Some text"]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", EmptyText, "empty or only white space"),
        (" \n\u2003", EmptyText, "empty or only white space"),
        ("--- *** !?", NoSentences, "no letter or digit"),
        ("It was \ud800 so.", InvalidText, r"lone surrogate \(U\+D800\) at position 7"),
    ],
)
def test_a_text_without_sentences_is_refused_for_its_reason(text, error, message):
    with pytest.raises(error, match=message) as caught:
        SPLITTER.document(text)
    assert caught.value.field == ("text",)


@pytest.mark.parametrize(
    ("sentences", "error", "field"),
    [
        ([], EmptyText, ("sentences",)),
        (["Fine.", " \n"], EmptyText, ("sentences", 1)),
        (["\udfff"], InvalidText, ("sentences", 0)),
    ],
)
def test_callers_sentences_that_say_nothing_are_refused_by_position(sentences, error, field):
    with pytest.raises(error) as caught:
        join(sentences)
    assert caught.value.field == field


@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
        min_size=1,
        max_size=8,
    )
)
def test_callers_sentences_are_kept_as_they_are(sentences):
    document = join(sentences)
    assert [sentence.text for sentence in document.sentences] == sentences
    for sentence in document.sentences:
        assert document.text[sentence.start : sentence.end] == sentence.text


def test_invisible_characters_at_the_edges_are_not_part_of_a_sentence():
    edges = "\x00\x1f \x7f\x85\xa0\u200b\ufeff"
    sentences = SPLITTER.split(f"{edges}It rained.{edges}\n\n{edges}Then it stopped.{edges}")
    assert [sentence.text for sentence in sentences] == ["It rained.", "Then it stopped."]
