import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.kinds import FIRST_WORDS, OPENING_WORDS, article_features, features_of_article

DIMENSION, WIDTH = 4, 3
START = DIMENSION + 2 * WIDTH + 1


def found(*sentences: str) -> np.ndarray:
    rows = np.arange(len(sentences), dtype=np.float32)[:, None]
    return article_features(sentences, np.tile(rows, DIMENSION), np.tile(rows + 10, WIDTH))


def words(*sentences: str) -> set[str]:
    """The words that were seen; those at the beginning in capitals."""
    names = [*OPENING_WORDS, *map(str.upper, FIRST_WORDS)]
    return {names[place] for place in np.flatnonzero(found(*sentences)[START:])}


def test_the_words_of_the_opening_are_seen_and_its_first_one_twice():
    assert words("The ferry is back.", "They said so.") == {"the", "THE", "is", "."}


def test_quotation_marks_and_apostrophes_are_the_same_in_every_style():
    assert words("“It’s late,” he said.") == words('"It\'s late," he said.')
    assert {'"', "'"} <= words("“It’s late,” he said.")


def test_lines_before_the_opening_are_passed_over():
    assert words("By Ana Sousa", "Ferry returns", "A ferry came.") == words("A ferry came.", "It did.")


def test_an_article_of_nothing_but_lines_opens_with_the_first():
    assert words("The menu", "His shoes") == {"the", "THE"}


def test_means_are_over_the_article_and_features_of_the_opening_are_its_own():
    row = found("By Ana Sousa", "A ferry came.", "It left again.")
    assert row[:DIMENSION].tolist() == [DIMENSION**0.5 / 2] * DIMENSION  # the mean of 0, 1 and 2
    assert row[DIMENSION : DIMENSION + WIDTH].tolist() == [22] * WIDTH
    assert row[DIMENSION + WIDTH : START - 1].tolist() == [11] * WIDTH
    assert row[START - 1] == pytest.approx(np.log(3) - 3)


@given(st.lists(st.text(min_size=1), min_size=1, max_size=5))
def test_any_text_gives_finite_numbers_of_the_promised_width(sentences):
    row = found(*sentences)
    assert row.shape == (features_of_article(DIMENSION, WIDTH),)
    assert row.dtype == np.float32
    assert np.isfinite(row).all()


def test_no_word_is_listed_twice():
    for names in (OPENING_WORDS, FIRST_WORDS):
        assert len(set(names)) == len(names)
