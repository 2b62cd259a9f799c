import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training import alignment as module
from training.alignment import THRESHOLD, Aligner, Alignment, Span, word_pattern

GOLDEN = [
    json.loads(line)
    for line in (Path(__file__).parent.parent / "data" / "golden_alignments.jsonl").read_bytes().splitlines()
]
WORDS = st.lists(st.sampled_from("the cats slept on a mat while dogs were barking".split()), max_size=12)
ANYTHING = st.text(max_size=40) | st.text("ab c.…[]()\"'’-–\n\u00a0\u00ad\u0301é🙂猫ب", max_size=40)


def align(quote: str, text: str) -> Alignment:
    return Aligner(text).align(quote)


def found(quote: str, text: str) -> list[str]:
    return [text[start:end] for start, end in align(quote, text).spans]


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case,
            id=case["note"],
            marks=[pytest.mark.xfail(reason=case["known_failure"], strict=True)]
            if "known_failure" in case
            else [],
        )
        for case in GOLDEN
    ],
)
def test_hard_quotes_are_found_where_they_stand(case):
    assert found(case["quote"], case["text"]) == case["expected"]


def test_there_are_hard_quotes_enough_and_none_twice():
    assert len(GOLDEN) >= 60
    assert len({(case["text"], case["quote"]) for case in GOLDEN}) == len(GOLDEN)


@given(ANYTHING, ANYTHING)
def test_whatever_the_quote_and_the_text_spans_are_slices_in_order(quote, text):
    alignment = align(quote, text)
    assert 0 <= alignment.similarity <= 1
    assert bool(alignment.spans) == (alignment.similarity >= THRESHOLD)
    ends = [0]
    for start, end in alignment.spans:
        assert ends[-1] <= start < end <= len(text)
        ends.append(end)


@given(WORDS.filter(bool), WORDS, WORDS)
def test_what_was_copied_word_for_word_is_found_whole(words, before, after):
    alignment = align(" ".join(words), " ".join([*before, *words, *after]))
    assert alignment.similarity == 1
    assert len(alignment.spans) == 1


@given(st.lists(WORDS.filter(lambda words: len(words) > 2), min_size=1, max_size=4), WORDS)
def test_pieces_around_ellipses_are_all_found_wherever_the_text_goes_on_between(pieces, between):
    text = f" x {' '.join(between)} y ".join(map(" ".join, pieces))
    assert align(" … ".join(map(" ".join, pieces)), text).similarity == pytest.approx(1)


@given(ANYTHING, ANYTHING)
def test_one_aligner_for_many_quotes_gives_what_each_alone_gives(quote, text):
    aligner = Aligner(text)
    aligner.align("the cats … slept on [a] mat")
    assert aligner.align(quote) == align(quote, text)


def test_of_equal_places_the_first_is_taken():
    text = "It rained. Nobody came. It snowed. Nobody came."
    assert align("Nobody came", text).spans == (Span(11, 22),)
    assert align("Nobody  … came", text).spans == (Span(11, 22),)
    text = "The old dogs barked loudly. " * 3
    assert align("The old dogs bark loudly", text).spans == (Span(0, 26),)


def test_before_an_ellipsis_the_nearest_of_equal_places_is_taken():
    text = "The old dog slept all day. The old dog ran far away and barked at night."
    assert found("the old dog … barked at night", text) == ["The old dog", "barked at night"]
    assert align("the old dog … barked at night", text).spans[0] == (27, 38)


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u2060"])
def test_invisible_characters_inside_a_word_are_no_part_of_it(invisible):
    text = f"They co{invisible}operate here."
    assert align("cooperate", text) == Alignment(1.0, (Span(5, 15),))


def test_a_quote_of_symbols_alone_is_found_without_the_space_around_it():
    assert align(" 🙂\n", "It rained 🙂.") == Alignment(1.0, (Span(10, 11),))
    assert align(" 🙃\n", "It rained 🙂.") == Alignment(0.0, ())


def test_the_similarity_is_that_of_the_formula():
    # Quote 3+4+6+6 = 19 letters, span 3+6+6 = 15; 15 of them are the same.
    alignment = align("the good voters agreed", "Then the voters agreed again.")
    assert alignment == Alignment(pytest.approx(2 * 15 / (19 + 15)), (Span(5, 22),))


def test_a_word_that_the_text_does_not_have_costs_no_other_one():
    # Quote 1+4+1+5+5 = 16 letters, span 4+1+3+5 = 13; were, a and while are the same.
    alignment = align("a were a slept while", "were a the while")
    assert alignment == Alignment(pytest.approx(2 * 10 / (16 + 13)), (Span(0, 16),))


def test_a_misspelt_word_counts_for_its_share_of_equal_letters():
    # voters/votres: two letters changed places, one edit in six: 5/6 of its 6 letters.
    assert align("the votres agreed", "the voters agreed").similarity == pytest.approx((3 + 5 + 6) / 15)


def test_what_is_too_unlike_has_a_similarity_but_no_span():
    alignment = align("the dogs barked through the whole night", "A dog slept through the day.")
    assert 0 < alignment.similarity < THRESHOLD
    assert alignment.spans == ()


@pytest.mark.parametrize("quote", ["vote", "voted", "ote", "the vot", "votes the"])
def test_one_or_two_words_are_found_as_they_are_or_not_at_all(quote):
    assert found(quote, "The voters and the votes.") == []


def test_a_quote_in_more_parts_than_one_is_found_with_changes_in_each(monkeypatch):
    sentences = [f"Ship number{n} carried {n % 17} crates of tea{n % 5} home." for n in range(100)]
    quote = " ".join(sentences).replace("crates", "boxes")
    text = f"Before. {' '.join(sentences)} After."
    whole = align(quote, text)
    monkeypatch.setattr(module, "LARGEST_TABLE", 40_000)
    assert align(quote, text) == Alignment(pytest.approx(whole.similarity, abs=0.01), whole.spans)
    (span,) = align(quote, text).spans
    assert text[slice(*span)] == " ".join(sentences)[:-1]


def test_an_ellipsis_in_a_later_part_of_a_quote_skips_any_amount_of_text(monkeypatch):
    words = [f"w{n:03}" for n in range(400)]
    quote = " ".join(["other", *words[1:50]]) + " … " + " ".join(words[350:])
    whole = align(quote, " ".join(words))
    assert len(whole.spans) == 2
    monkeypatch.setattr(module, "LARGEST_TABLE", 1)
    assert align(quote, " ".join(words)).spans == whole.spans


def test_a_quote_in_more_parts_than_one_takes_the_memory_of_one(monkeypatch):
    words = [f"w{n:03}" for n in range(800)]
    monkeypatch.setattr(module, "LARGEST_TABLE", 40_000)
    tracemalloc.start()
    assert align(" ".join(["other", *words]), " ".join(words)).spans
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 12_000_000  # all at once would be 800 times 800 sums of three kinds


def test_long_quotes_of_long_articles_take_moments():
    generator = np.random.default_rng(0)
    words = [f"w{number:x}" for number in generator.zipf(1.3, 16_000) % 5000]
    quote = list(words[6000:8000])
    quote[::9] = ["other"] * len(quote[::9])
    aligner = Aligner(" ".join(words))
    start = time.perf_counter()
    assert aligner.align(" ".join(quote)).spans
    assert time.perf_counter() - start < 20


@pytest.mark.parametrize(
    "quote", ["[" * 20_000, "(" * 20_000, "." * 20_000, ". " * 20_000, "[a" * 20_000, "… " * 20_000]
)
def test_text_made_to_be_slow_is_not(quote):
    start = time.perf_counter()
    align(quote, "Cats sleep. " * 20)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("don’t stop_now", ["don", "t", "stop", "now"]),
        ("निर्णय लिया।", ["निर्णय", "लिया"]),
        ("cafe\u0301 co\u00adop", ["cafe\u0301", "co\u00adop"]),
        ("猫は2匹cats", ["猫", "は", "2", "匹", "cats"]),
        ("เก่า", ["เ", "ก่", "า"]),
        ("🙂 — !", []),
    ],
)
def test_words_keep_their_marks_and_characters_of_scripts_without_spaces_stand_alone(text, words):
    assert word_pattern().findall(text) == words
