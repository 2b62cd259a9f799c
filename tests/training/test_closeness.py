import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.closeness import (
    CLOSENESS,
    Quoted,
    alignment,
    canonical,
    closeness,
    greedy_choice,
    lexical,
    needs_vectors,
    oracle,
    semantic,
)

SENTENCE = st.lists(
    st.sampled_from("the cats slept on a mat while dogs were barking".split()), max_size=8
).map(" ".join)
SENTENCES = st.lists(SENTENCE, max_size=8)
QUOTES = st.lists(SENTENCE, max_size=4)
NAMES = st.sampled_from([*CLOSENESS, "blend", "oracle+alignment+0.5*semantic"])


def quoted(sentences, quotes) -> Quoted:
    """With vectors that are any, but always the same for the same text."""

    def vectors(texts):
        return np.array([[len(text) % 3 - 1, len(text) % 5, text.count("s")] for text in texts], np.float32)

    return Quoted(sentences, quotes, vectors(sentences).reshape(-1, 3), vectors(quotes).reshape(-1, 3))


def test_the_functions_are_known_by_name():
    assert set(CLOSENESS) == {"lexical", "alignment", "semantic", "oracle"}


@given(NAMES, SENTENCES, QUOTES)
def test_every_sentence_has_a_target_between_0_and_1(name, sentences, quotes):
    targets = closeness(name)(quoted(sentences, quotes))
    assert targets.shape == (len(sentences),)
    assert targets.dtype == np.float32
    assert np.isfinite(targets).all()
    assert ((targets >= 0) & (targets <= 1)).all()


@given(NAMES, st.lists(st.text(max_size=20), max_size=5), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_at_all_gives_targets(name, sentences, quotes):
    targets = closeness(name)(quoted(sentences, quotes))
    assert targets.shape == (len(sentences),)
    assert ((targets >= 0) & (targets <= 1)).all()


@given(NAMES, SENTENCES)
def test_without_quotes_nothing_is_close(name, sentences):
    assert not closeness(name)(quoted(sentences, [])).any()


@given(SENTENCES)
def test_targets_without_quotes_are_single_precision_too(sentences):
    parts = quoted(sentences, [])
    for name, function in CLOSENESS.items():
        assert function(parts).dtype == np.float32, name


@given(NAMES, SENTENCES, QUOTES, st.randoms(use_true_random=False))
def test_the_order_of_the_quotes_does_not_matter(name, sentences, quotes, random):
    shuffled = list(quotes)
    random.shuffle(shuffled)
    np.testing.assert_array_equal(
        closeness(name)(quoted(sentences, quotes)), closeness(name)(quoted(sentences, shuffled))
    )


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
    return chosen


PLAIN = st.lists(st.lists(st.sampled_from("cat dog mat sun".split()), max_size=5).map(" ".join), max_size=6)


@given(PLAIN, PLAIN, st.none() | st.integers(0, 7))
def test_the_greedy_choice_is_that_of_the_definition(sentences, quotes, count):
    assert greedy_choice(sentences, quotes, count) == slow_choice(sentences, quotes, count)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (name, "blend")
            for name in ("blend", " blend ", "oracle+lexical", "lexical+oracle", "oracle + lexical")
        ),
        ("0.5*oracle+0.50*lexical", "blend"),
        ("oracle+oracle+2*lexical", "blend"),
        ("3*semantic", "semantic"),
        ("oracle + semantic+lexical", "lexical+semantic+oracle"),
        ("0.3*lexical+.7*oracle", "0.7*oracle+0.3*lexical"),
        ("2*oracle+1.0*lexical", "2*oracle+lexical"),
        ("10*oracle+1e-5*lexical", "10*oracle+1e-05*lexical"),
    ],
)
def test_all_spellings_of_a_closeness_have_one_canonical_name(name, expected):
    assert canonical(name) == canonical(expected) == expected


WEIGHTS = st.dictionaries(st.sampled_from(sorted(CLOSENESS)), st.floats(1e-3, 1e6), min_size=1)


@given(WEIGHTS, st.randoms(use_true_random=False))
def test_a_canonical_name_means_the_same_and_stays_as_it_is(weights, random):
    parts = [f" {weight}* {part}" for part, weight in weights.items()]
    name = canonical("+".join(parts))
    assert canonical("+".join(random.sample(parts, len(parts)))) == canonical(name) == name
    vectors = np.eye(2, dtype=np.float32)
    quoted = Quoted(["Cats sleep.", "Dogs bark."], ["The cats sleep."], vectors, vectors[:1])
    expected = sum(weight * CLOSENESS[part](quoted) for part, weight in weights.items()) / sum(
        weights.values()
    )
    np.testing.assert_allclose(closeness(name)(quoted), expected, rtol=1e-5, atol=1e-7)


@given(SENTENCES, QUOTES)
def test_the_blend_is_half_of_each(sentences, quotes):
    expected = (oracle(sentences, quotes) + lexical(sentences, quotes)) / np.float32(2)
    for name in ("blend", "oracle+lexical", " lexical + oracle ", "2*oracle+2*lexical", "oracle+1*lexical"):
        np.testing.assert_array_equal(closeness(name)(quoted(sentences, quotes)), expected)


def slow_lexical(sentence: str, quote: str) -> float:
    words = overlap_f1([sentence], [quote], 1)
    if len(sentence.split()) < 2 and len(quote.split()) < 2:
        return words
    return (words + overlap_f1([sentence], [quote], 2)) / 2


@given(PLAIN, PLAIN.filter(bool))
def test_lexical_is_that_of_the_definition(sentences, quotes):
    expected = [max(slow_lexical(sentence, quote) for quote in quotes) for sentence in sentences]
    np.testing.assert_array_equal(lexical(sentences, quotes), np.array(expected, np.float32))


@pytest.mark.parametrize("other", ["कि", "का", "कु"])
def test_words_that_differ_in_a_vowel_sign_are_other_words(other):
    assert lexical([other], ["की"])[0] == 0


def test_sentences_of_scripts_without_spaces_are_compared_by_character():
    assert 0 < lexical(["猫は眠る。"], ["猫が眠る"])[0] < 1


SLEEP, BARK, SWIM = "Cats sleep all day.", "At night all the old dogs bark loudly at the moon.", "Fish swim."


def test_the_sentence_that_holds_a_quote_is_the_one_however_long_it_is():
    assert alignment([SLEEP, BARK, SWIM], ["“dogs bark”"]).tolist() == [0, 1, 0]


def test_a_quote_over_sentences_counts_for_all_that_it_covers_whole():
    assert alignment([SLEEP, BARK, SWIM], [f"{SLEEP} {BARK}"]).tolist() == [1, 1, 0]


def test_a_sentence_that_a_quote_only_touches_gets_its_share():
    targets = alignment([SLEEP, BARK, SWIM], [f"{SLEEP} At night …"])
    assert targets.tolist() == [
        1,
        pytest.approx(7 / 22),
        0,
    ]  # at night: of the quote; 7 of 38 of the sentence


def test_a_quote_with_an_ellipsis_counts_for_the_sentences_at_its_ends():
    assert alignment([SLEEP, BARK, SWIM], ["Cats sleep all day … Fish swim."]).tolist() == [1, 0, 1]


def test_a_changed_quote_counts_by_its_similarity():
    changed = alignment([SLEEP, BARK, SWIM], ["the old dogs barked loudly at the moon"])
    assert 0.6 < changed[1] < 1
    assert changed[[0, 2]].tolist() == [0, 0]


def test_a_quote_that_is_not_there_counts_for_nothing():
    assert not alignment([SLEEP, BARK, SWIM], ["Nobody knew where the money went"]).any()


def test_of_repeated_sentences_the_first_was_quoted():
    assert alignment([SWIM, SLEEP, SWIM], [SWIM]).tolist() == [1, 0, 0]


def test_sentences_with_line_breaks_emoji_or_nothing_in_them_have_targets():
    sentences = ["Cats\n\nsleep.", "", "🙂", "قطط تنام."]
    assert alignment(sentences, ["Cats sleep", "🙂", "قطط تنام"]).tolist() == [1, 0, 1, 1]


def test_semantic_is_the_cosine_to_the_nearest_quote_and_never_below_0():
    vectors = np.array([[3, 4], [-1, 0], [0, 0], [1e30, 0]], np.float32)
    targets = semantic(vectors, np.array([[2, 0], [0, 0]], np.float32))
    np.testing.assert_allclose(targets, [0.6, 0, 0, 1], rtol=1e-6)
    assert targets.dtype == np.float32


@given(SENTENCES, QUOTES)
def test_a_weight_says_how_much_a_part_counts(sentences, quotes):
    parts = quoted(sentences, quotes)
    expected = 0.75 * lexical(sentences, quotes) + 0.25 * semantic(parts.vectors, parts.quote_vectors)
    for name in ("3*lexical+semantic", "0.75*lexical + 0.25*semantic", "lexical+semantic+2*lexical"):
        np.testing.assert_allclose(closeness(name)(parts), expected, atol=1e-6)


@pytest.mark.parametrize(
    "name", ["", "+", "lexicl", "oracle+", "oracle+blend", "2*", "*oracle", "oracle*2", "Oracle"]
)
def test_what_is_not_known_is_refused_with_what_is(name):
    for function in (closeness, needs_vectors):
        with pytest.raises(
            ValueError, match=r"lexical, alignment, semantic, oracle|number above 0"
        ) as failure:
            function(name)
        assert repr(name) in str(failure.value)


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "half", "1000001", "1e300", ""])
def test_a_weight_that_is_no_number_above_0_is_refused(weight):
    with pytest.raises(ValueError, match="should be a number above 0"):
        closeness(f"oracle+{weight}*lexical")


def test_a_million_is_the_largest_weight():
    assert closeness("1000000*oracle")(quoted([SLEEP], [SLEEP])).tolist() == [1]


@pytest.mark.parametrize(
    ("name", "needed"),
    [("semantic", True), ("oracle+0.1*semantic", True), ("blend", False), ("alignment+lexical", False)],
)
def test_vectors_are_needed_for_meaning_alone(name, needed):
    assert needs_vectors(name) is needed
    nothing = np.zeros((0, 0), np.float32)
    if not needed:
        assert closeness(name)(Quoted([SLEEP], [SLEEP], nothing, nothing)).tolist() == [1]
