import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.baselines import LexRank, PacSum, centroid, lead, longest, oracle, random

SENTENCES = st.lists(
    st.lists(st.sampled_from("the cats slept while dogs were barking".split()), max_size=6).map(" ".join),
    max_size=8,
)
AWKWARD = [
    [],
    ["Cats sleep."],
    ["Cats sleep."] * 5,
    ["?", "!", "…"],
    ["😀", "😀 😀", "🐈"],
    ["مرحبا بالعالم", "مرحبا"],
    ["日本語の文です。", "日本語"],
    ["\x00\x07", "a\u2028b", " "],
    ["the of and", "and of the"],  # stop words alone
]
NEWS = [
    "The council cut the budget for the school.",
    "Rain fell.",
    "The budget of the school is cut.",
    "Fish swim.",
]
LEXRANK = LexRank()


def scores_of_each(sentences: list[str]) -> list[np.ndarray]:
    return [
        lead(len(sentences)),
        random(len(sentences), "news/1"),
        longest(sentences),
        PacSum(["The cats slept.", "Dogs were barking."]).scores(sentences),
        PacSum(sentences).scores(sentences),
        LEXRANK.scores(sentences),
        centroid(np.array([[len(sentence), 1] for sentence in sentences], np.float32).reshape(-1, 2)),
        oracle(sentences, ["The dogs were barking."], 3),
    ]


@given(SENTENCES)
def test_every_sentence_has_a_score_between_0_and_1(sentences):
    for scores in scores_of_each(sentences):
        assert scores.shape == (len(sentences),)
        assert np.isfinite(scores).all()
        assert ((scores >= 0) & (scores <= 1)).all()


@pytest.mark.parametrize("sentences", AWKWARD)
def test_awkward_sentences_have_scores_without_a_warning(sentences):
    for scores in scores_of_each(sentences):
        assert scores.shape == (len(sentences),)
        assert ((scores >= 0) & (scores <= 1)).all()


@given(st.integers(0, 200))
def test_lead_prefers_whatever_comes_earlier(count):
    assert (np.diff(lead(count)) < 0).all()


def test_chance_depends_on_the_article_only():
    assert random(20, "news/7").tolist() == random(20, "news/7").tolist()
    assert random(20, "news/7").tolist() != random(20, "news/8").tolist()


def test_longest_prefers_more_words():
    assert np.argsort(-longest(["one two", "one two three four", "extraordinarily"])).tolist() == [1, 0, 2]


def test_pacsum_prefers_what_later_sentences_take_up():
    assert PacSum(NEWS).scores(NEWS).argmax() == 0
    assert PacSum(NEWS).scores(NEWS[::-1]).argmax() == 1


def test_pacsum_by_hand():
    # Of two words each, one of them common to all: the first has 2 neighbours after it, the second 1.
    sentences = ["cats sleep", "cats bark", "cats swim"]
    assert PacSum(sentences).scores(sentences).tolist() == [0, 0, 0]  # alike, so nothing is above the lowest
    scores = PacSum(sentences).scores([*sentences, "fish"])
    np.testing.assert_allclose(scores, [1, 0.5, 0, 0])


def test_pacsum_counts_rare_words_of_its_documents_more():
    sentences = ["cats budget", "cats", "budget"]
    common = ["cats sleep", "cats swim", "cats run", "budget"]
    edges = PacSum(common)
    edges.LAMBDA1 = 0.0
    assert (
        edges.scores(["cats", "budget", "budget cats"])[1] == 1
    )  # resembles the last one more than cats does
    assert edges.scores(sentences)[0] == 1


def test_pacsum_looks_back_instead_where_it_is_told_to():
    sentences = ["cats sleep", "cats bark", "cats swim"]
    backwards = PacSum(sentences)
    backwards.LAMBDA1 = 1.0
    np.testing.assert_allclose(backwards.scores([*sentences, "fish"]), [0, 0.5, 1, 0])


def test_documents_without_a_word_are_no_error():
    assert PacSum([]).scores(NEWS).tolist() == [0] * 4
    assert PacSum(["?!", ""]).scores(NEWS).tolist() == [0] * 4


def test_lexrank_prefers_what_others_resemble():
    # The third shares a word with each of the first two, which have none in common.
    sentences = [
        "Council votes.",
        "Storms hit.",
        "Council fears storms.",
        "Fish swim.",
        "Rain fell.",
        "Dogs bark.",
    ]
    assert LEXRANK.scores(sentences).argmax() == 2


def test_lexrank_sees_no_likeness_in_stop_words():
    sentences = ["He votes.", "Storms hit them.", "He fears them.", "Fish swim.", "Rain fell.", "Dogs bark."]
    assert not LEXRANK.scores(sentences).any()


def test_lexrank_keeps_repeated_sentences_apart():
    scores = LEXRANK.scores([*NEWS, NEWS[0], "Snow melts."])
    assert scores.shape == (6,)
    assert scores[0] == scores[4]


def test_the_centroid_prefers_what_is_most_like_the_whole_and_has_no_opinion_of_equals():
    vectors = np.array([[1, 0], [2, 2], [0, 3]], np.float32)
    assert centroid(vectors).argmax() == 1
    np.testing.assert_allclose(centroid(vectors / 1000), centroid(vectors))
    assert not centroid(np.ones((5, 3), np.float32) * 0.1).any()
    assert not centroid(np.zeros((3, 2), np.float32)).any()


@given(SENTENCES, SENTENCES, st.integers(1, 10))
def test_the_oracle_chooses_as_many_as_asked_or_all_there_are(sentences, quotes, count):
    scores = oracle(sentences, quotes, count)
    assert (scores > 0).sum() == min(count, len(sentences))


@pytest.mark.parametrize(("count", "chosen"), [(1, [2]), (2, [2, 1]), (3, [2, 1, 0])])
def test_the_oracle_prefers_what_was_quoted_to_anything_else(count, chosen):
    sentences = ["Fish swim.", "Dogs bark.", "Cats sleep all day.", "Birds sing."]
    scores = oracle(sentences, ["Cats sleep all day.", "Dogs bark."], count)
    assert np.argsort(-scores, kind="stable")[:count].tolist() == chosen
    assert scores.max() == pytest.approx(1)
