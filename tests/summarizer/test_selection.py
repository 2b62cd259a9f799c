from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.options import SummaryOptions
from summarizer.selection import MOSTLY_FINISHED, select

SENTENCE = st.lists(
    st.sampled_from("the cat sat on a mat and then it ran away again".split()), min_size=1, max_size=12
)


@st.composite
def articles(draw: st.DrawFn) -> tuple[np.ndarray, list[str], np.ndarray]:
    texts = [" ".join(words) for words in draw(st.lists(SENTENCE, min_size=1, max_size=12))]
    # Few distinct values, so that ties are common.
    scores = draw(
        st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0]), min_size=len(texts), max_size=len(texts))
    )
    seed = draw(st.integers(0, 5))
    vectors = np.random.default_rng(seed).normal(size=(len(texts), 4)).astype(np.float32)
    return np.array(scores), texts, vectors


ORDERS = st.sampled_from(["document", "score"])
REDUNDANCIES = st.sampled_from(["none", "trigram", "mmr"])


@given(articles(), st.integers(1, 15), ORDERS, REDUNDANCIES)
def test_a_number_of_sentences_is_met_exactly_up_to_the_length_of_the_article(
    article, count, order, redundancy
):
    chosen = select(*article, SummaryOptions(sentences=count, order=order, redundancy=redundancy))
    assert len(chosen) == len(set(chosen)) == min(count, len(article[1]))


@given(articles(), st.integers(1, 40), ORDERS, REDUNDANCIES)
def test_words_are_never_exceeded(article, words, order, redundancy):
    chosen = select(*article, SummaryOptions(words=words, order=order, redundancy=redundancy))
    assert len(chosen) == len(set(chosen))
    assert sum(len(article[1][index].split()) for index in chosen) <= words


@given(articles(), st.floats(0.01, 1), ORDERS, REDUNDANCIES)
def test_a_ratio_is_never_exceeded_beyond_the_one_sentence_owed(article, ratio, order, redundancy):
    chosen = select(*article, SummaryOptions(ratio=ratio, order=order, redundancy=redundancy))
    assert len(chosen) == len(set(chosen))
    assert 1 <= len(chosen) <= max(1, ratio * len(article[1]) + 1e-6)


@given(articles(), st.sampled_from([0.0, 0.3, 0.5, 1.0]), ORDERS, REDUNDANCIES)
def test_nothing_below_the_threshold_is_chosen(article, threshold, order, redundancy):
    chosen = select(*article, SummaryOptions(threshold=threshold, order=order, redundancy=redundancy))
    assert all(article[0][index] >= threshold for index in chosen)
    if redundancy == "none":
        assert len(chosen) == (article[0] >= threshold).sum()


@given(articles(), st.integers(1, 15), REDUNDANCIES)
def test_document_order_ascends_and_score_order_descends_over_the_same_choice(article, count, redundancy):
    document = select(*article, SummaryOptions(sentences=count, order="document", redundancy=redundancy))
    score = select(*article, SummaryOptions(sentences=count, order="score", redundancy=redundancy))
    assert list(document) == sorted(score)
    assert [(-article[0][index], index) for index in score] == sorted(
        (-article[0][index], index) for index in score
    )


def test_equal_scores_are_taken_from_the_front():
    scores, vectors = np.array([0.5, 0.5, 0.5, 0.5]), np.eye(4, dtype=np.float32)
    texts = ["one a b", "two c d", "three e f", "four g h"]
    assert select(scores, texts, vectors, SummaryOptions(sentences=2)) == (0, 1)


def test_a_repeated_sentence_is_passed_over_while_a_fresh_one_is_left():
    scores, vectors = np.array([0.9, 0.8, 0.1]), np.eye(3, dtype=np.float32)
    texts = ["The council cut the budget.", "The council cut the budget.", "It rained."]
    assert select(scores, texts, vectors, SummaryOptions(sentences=2)) == (0, 2)
    assert select(scores, texts, vectors, SummaryOptions(sentences=2, redundancy="none")) == (0, 1)
    assert select(scores, texts, vectors, SummaryOptions(sentences=3)) == (0, 1, 2)


def test_repetition_is_seen_whatever_the_case():
    scores, vectors = np.array([0.9, 0.8, 0.1]), np.eye(3, dtype=np.float32)
    texts = ["Die Hauptstraße ist gesperrt.", "DIE HAUPTSTRASSE IST GESPERRT", "Es regnet."]
    assert select(scores, texts, vectors, SummaryOptions(sentences=2)) == (0, 2)


def test_repetition_leaves_a_word_budget_unspent():
    scores, vectors = np.array([0.9, 0.8]), np.eye(2, dtype=np.float32)
    texts = ["The council cut the budget.", "The council cut the budget."]
    assert select(scores, texts, vectors, SummaryOptions(words=100)) == (0,)
    assert select(scores, texts, vectors, SummaryOptions(threshold=0.5)) == (0,)


def test_a_sentence_that_does_not_fit_does_not_block_shorter_ones_that_repeat_it():
    scores, vectors = np.array([0.9, 0.8]), np.eye(2, dtype=np.float32)
    texts = ["the council cut the budget for the third year in a row", "the council cut the budget"]
    assert select(scores, texts, vectors, SummaryOptions(words=5)) == (1,)


def test_mmr_prefers_a_lower_score_over_the_same_vector_again():
    scores = np.array([0.9, 0.85, 0.5])
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    texts = ["a", "b", "c"]
    assert select(scores, texts, vectors, SummaryOptions(sentences=2, redundancy="mmr")) == (0, 2)
    assert select(scores, texts, vectors, SummaryOptions(sentences=2, redundancy="none")) == (0, 1)


def test_mmr_takes_zero_vectors_for_unlike_anything():
    scores, vectors = np.array([0.9, 0.8]), np.zeros((2, 3), dtype=np.float32)
    assert select(scores, ["a", "b"], vectors, SummaryOptions(threshold=0.5, redundancy="mmr")) == (0, 1)


@pytest.mark.parametrize(("ratio", "count"), [(0.29, 29), (0.3, 30), (0.001, 1), (1.0, 100), (0.999, 99)])
def test_a_ratio_is_rounded_down_without_being_fooled_by_binary_fractions(ratio, count):
    texts = [f"sentence number {index} alone" for index in range(100)]
    chosen = select(np.linspace(0, 1, 100), texts, np.eye(100, dtype=np.float32), SummaryOptions(ratio=ratio))
    assert len(chosen) == count


def test_three_sentences_by_default():
    texts = [f"sentence number {index} alone" for index in range(10)]
    assert select(np.linspace(0, 1, 10), texts, np.eye(10, dtype=np.float32), SummaryOptions()) == (7, 8, 9)


TITLED = ["Ferry back at last", "The ferry is back.", "It was old!", "“Is it safe?”", "Nobody knows…"]
BEST_FIRST = np.linspace(0.9, 0.1, len(TITLED))


def chosen_of(texts: list[str], **options: Any) -> tuple[int, ...]:
    return select(BEST_FIRST[: len(texts)], texts, np.eye(len(texts)), SummaryOptions(**options))


@pytest.mark.parametrize("redundancy", ["trigram", "mmr"])
def test_a_line_without_an_end_mark_is_taken_after_all_sentences(redundancy):
    assert chosen_of(TITLED, sentences=3, redundancy=redundancy) == (1, 2, 3)
    assert chosen_of(TITLED, sentences=5, redundancy=redundancy) == (0, 1, 2, 3, 4)
    assert chosen_of(TITLED, ratio=0.8, redundancy=redundancy) == (1, 2, 3, 4)


def test_a_repeated_sentence_is_taken_before_a_line():
    texts = [*TITLED[:2], "It was old.", "Old as the hills.", "The ferry is back."]
    assert chosen_of(texts, sentences=4) == (1, 2, 3, 4)


@pytest.mark.parametrize("redundancy", ["trigram", "mmr"])
def test_lines_do_not_fill_up_words_but_are_better_than_nothing(redundancy):
    assert chosen_of(TITLED, words=8, redundancy=redundancy) == (1, 2)
    assert chosen_of(TITLED, words=100, redundancy=redundancy) == (1, 2, 3, 4)
    long = [TITLED[0], *(f"{'very ' * 30}{number}." for number in range(4))]
    assert chosen_of(long, words=8, redundancy=redundancy) == (0,)


def test_a_threshold_and_redundancy_none_leave_it_to_the_scores():
    assert chosen_of(TITLED, threshold=0.6) == (0, 1)
    assert chosen_of(TITLED, sentences=2, redundancy="none") == (0, 1)


@pytest.mark.parametrize(
    ("lines", "count", "last"), [(3, 10, True), (4, 10, False), (30, 100, True), (31, 100, False)]
)
def test_lines_come_last_where_seven_tenths_are_none(lines, count, last):
    texts = [f"line {n}" for n in range(lines)] + [f"Sentence {n}." for n in range(lines, count)]
    chosen = select(np.linspace(1, 0, count), texts, np.eye(count), SummaryOptions(sentences=1))
    assert chosen == ((lines,) if last else (0,))


def test_a_line_that_repeats_a_chosen_sentence_comes_after_one_that_does_not():
    texts = ["The ferry is back", "Another title", *(f"The ferry is back {word}." for word in "abcde")]
    scores = np.array([0.9, 0.1, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert select(scores, texts, np.eye(7), SummaryOptions(sentences=6)) == (1, 2, 3, 4, 5, 6)


def test_where_many_sentences_have_no_end_mark_it_means_nothing():
    assert chosen_of(["no full stops here", "or here", "Here.", "And here."], sentences=2) == (0, 1)
    assert chosen_of(["料理の話", "雨が降った。", "風も吹いた。", "寒かった。"], sentences=2) == (1, 2)


@given(
    articles(), st.lists(st.sampled_from(["", ".", "?”", " …"]), min_size=12, max_size=12), st.integers(1, 12)
)
def test_no_line_is_chosen_while_a_sentence_is_left(article, ends, count):
    scores, texts, vectors = article
    texts = [text + end for text, end in zip(texts, ends, strict=False)]
    finished = {index for index, end in enumerate(ends[: len(texts)]) if end}
    for redundancy in ("trigram", "mmr"):
        chosen = set(select(scores, texts, vectors, SummaryOptions(sentences=count, redundancy=redundancy)))
        if len(finished) >= MOSTLY_FINISHED * len(texts):
            assert chosen <= finished or chosen >= finished
