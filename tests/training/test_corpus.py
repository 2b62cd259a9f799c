from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus import Article, split_of


@pytest.mark.parametrize(
    ("article_id", "source"),
    [
        ("news/1", "news"),
        ("news/2024/1", "news"),
        ("1", ""),
        ("/1", ""),
        ("", ""),
        ("https://example.org/1", ""),
        ("news/https://example.org/1", ""),
    ],
)
def test_an_article_without_a_source_has_the_one_that_its_id_says(article_id, source):
    assert Article(article_id, None, "text", ("quote",)).source == source


def test_a_source_that_is_given_wins_over_the_id():
    article = Article("news/1", None, "text", ("quote",), "archive")
    assert article.source == "archive"
    assert article != Article("news/1", None, "text", ("quote",))


def test_quotes_count_as_given_unless_said_otherwise():
    assert Article("news/1", None, "text", ("quote",)).origin == "quotes"


@pytest.mark.parametrize(
    ("article_id", "split"),
    # Written down so that no change of the hash goes unnoticed: it would leak test articles into training.
    [("a", "train"), ("news/13", "train"), ("news/14", "validation"), ("news/15", "test")],
)
def test_the_split_of_an_id_never_changes(article_id, split):
    assert split_of(article_id) == split


@given(st.text(st.characters(codec="utf-8")))
def test_every_id_has_one_split(article_id):
    assert split_of(article_id) == split_of(article_id)
    assert split_of(article_id) in {"train", "validation", "test"}


def test_the_splits_are_80_10_and_10_percent():
    counts = Counter(split_of(f"news/{number}") for number in range(20_000))
    assert counts["train"] / 20_000 == pytest.approx(0.8, abs=0.01)
    assert counts["validation"] / 20_000 == pytest.approx(0.1, abs=0.01)
