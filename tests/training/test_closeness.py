import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.closeness import CLOSENESS, blend, greedy_choice, lexical, oracle

SENTENCE = st.lists(
    st.sampled_from("the cats slept on a mat while dogs were barking".split()), max_size=8
).map(" ".join)
SENTENCES = st.lists(SENTENCE, max_size=8)
QUOTES = st.lists(SENTENCE, max_size=4)
NAMES = st.sampled_from(sorted(CLOSENESS))


def test_the_functions_are_known_by_name():
    assert dict(CLOSENESS) == {"lexical": lexical, "oracle": oracle, "blend": blend}


@given(NAMES, SENTENCES, QUOTES)
def test_every_sentence_has_a_target_between_0_and_1(name, sentences, quotes):
    targets = CLOSENESS[name](sentences, quotes)
    assert targets.shape == (len(sentences),)
    assert targets.dtype == np.float32
    assert np.isfinite(targets).all()
    assert ((targets >= 0) & (targets <= 1)).all()


@given(NAMES, SENTENCES)
def test_without_quotes_nothing_is_close(name, sentences):
    assert not CLOSENESS[name](sentences, []).any()


@given(NAMES, SENTENCES, QUOTES, st.randoms(use_true_random=False))
def test_the_order_of_the_quotes_does_not_matter(name, sentences, quotes, random):
    shuffled = list(quotes)
    random.shuffle(shuffled)
    np.testing.assert_array_equal(CLOSENESS[name](sentences, quotes), CLOSENESS[name](sentences, shuffled))


@given(SENTENCES, QUOTES, st.randoms(use_true_random=False))
def test_lexical_targets_move_with_their_sentences(sentences, quotes, random):
    order = list(range(len(sentences)))
    random.shuffle(order)
    np.testing.assert_array_equal(
        lexical([sentences[index] for index in order], quotes), lexical(sentences, quotes)[order]
    )


@given(SENTENCES, QUOTES, SENTENCE)
def test_one_more_quote_never_lowers_a_lexical_target(sentences, quotes, quote):
    assert (lexical(sentences, [*quotes, quote]) >= lexical(sentences, quotes)).all()


def test_lexical_is_the_mean_of_the_f1_of_words_and_of_pairs():
    # Words: 2 of 3 and 2 of 4, F1 = 4/7. Pairs: 1 of 2 and 1 of 3, F1 = 2/5.
    assert lexical(["cats sleep here"], ["cats sleep all day"])[0] == pytest.approx((4 / 7 + 2 / 5) / 2)


def test_lexical_takes_the_nearest_quote():
    assert lexical(["cats sleep"], ["dogs bark", "cats sleep", "cats"])[0] == 1


@pytest.mark.parametrize(
    ("sentence", "quote"),
    [
        ("CATS SLEEP", "cats sleep"),
        ("«Cats sleep!»", "cats, sleep"),
        ("cats sleeping", "cat sleep"),
        ("Кошки спят днём", "кошки спят днём"),
        ("猫は眠る", "猫は眠る"),
        ("été à Nîmes", "Été à Nîmes"),
    ],
)
def test_case_punctuation_and_english_endings_make_no_difference(sentence, quote):
    assert lexical([sentence], [quote])[0] == 1


def test_a_quote_of_one_word_is_reached_by_that_word():
    assert lexical(["Yes.", "No."], ["yes"]).tolist() == [1, 0]


def test_repeated_words_count_as_often_as_they_are_in_both():
    # Words: 1 of 3 and 1 of 1, F1 = 1/2; the quote has no pair.
    assert 0 < lexical(["no no no"], ["no"])[0] < 1


def test_the_oracle_takes_exactly_the_verbatim_sentences():
    sentences = ["Cats sleep all day.", "Dogs bark at night.", "Fish swim.", "Birds sing early."]
    assert oracle(sentences, [sentences[3], sentences[1]]).tolist() == [0, 1, 0, 1]


@given(st.integers(1, 8), st.data())
def test_among_sentences_that_share_no_word_the_oracle_takes_the_quoted_ones(count, data):
    sentences = [f"alpha{i} beta{i} gamma{i}" for i in range(count)]
    quoted = data.draw(st.sets(st.integers(0, count - 1)))
    taken = oracle(sentences, [sentences[index] for index in quoted])
    assert set(np.flatnonzero(taken)) == quoted


def test_of_equal_sentences_the_oracle_takes_the_first():
    assert oracle(["Fish swim.", "Cats sleep.", "Cats sleep."], ["Cats sleep."]).tolist() == [0, 1, 0]


def test_the_oracle_leaves_sentences_that_would_lower_the_sum():
    assert oracle(["Cats sleep.", "Cats were seen by many people."], ["Cats sleep."]).tolist() == [1, 0]


def overlap_f1(chosen: list[str], wanted: list[str], size: int) -> float:
    """F1 of n-grams the slow way; the words of these tests have no endings to stem."""

    def grams(texts: list[str]) -> list[tuple[str, ...]]:
        return [
            tuple(words[start : start + size])
            for words in map(str.split, texts)
            for start in range(len(words) - size + 1)
        ]

    one, other = grams(chosen), grams(wanted)
    total = len(one) + len(other)
    common = sum(min(one.count(gram), other.count(gram)) for gram in set(one))
    return 2 * common / total if common else 0.0


def slow_choice(sentences: list[str], quotes: list[str], count: int | None) -> list[int]:
    chosen: list[int] = []
    best = 0.0
    while len(chosen) < (len(sentences) if count is None else min(count, len(sentences))):
        sums = {}
        for index in set(range(len(sentences))) - set(chosen):
            texts = [sentences[i] for i in (*chosen, index)]
            sums[index] = overlap_f1(texts, quotes, 1) + overlap_f1(texts, quotes, 2)
        top = min(sums, key=lambda index: (-sums[index], index))
        if count is None and sums[top] <= best:
            break
        best = sums[top]
        chosen.append(top)
    return sorted(chosen)


PLAIN = st.lists(st.lists(st.sampled_from("cat dog mat sun".split()), max_size=5).map(" ".join), max_size=6)


@given(PLAIN, PLAIN, st.none() | st.integers(0, 7))
def test_the_greedy_choice_is_that_of_the_definition(sentences, quotes, count):
    assert list(greedy_choice(sentences, quotes, count)) == slow_choice(sentences, quotes, count)


@given(SENTENCES, QUOTES)
def test_the_blend_is_half_of_each(sentences, quotes):
    expected = 0.5 * oracle(sentences, quotes) + 0.5 * lexical(sentences, quotes)
    np.testing.assert_allclose(blend(sentences, quotes), expected, atol=1e-6)
