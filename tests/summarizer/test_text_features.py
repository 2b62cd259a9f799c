import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.rarity import Rarity
from summarizer.text_features import ARTICLE_FEATURES, RARITY_FEATURES, TYPOGRAPHY_FEATURES, text_features
from summarizer.typography import typography
from summarizer.words import hashes_of

pytestmark = pytest.mark.usefixtures("both_ways")

WORDS = "the ferry was back in port storm council vote 3.5 é 你好 🙂".split()
RARITY = Rarity(30, {"the": 30, "was": 29, "in": 25, "back": 9, "ferry": 4, "é": 3, "nowhere": 12})
SENTENCES = st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=12)
AWKWARD = [
    [],
    ["One."],
    ["..."],
    ["...", "🙂🙂", "\x00"],
    ["same words"] * 40,
    ["مرحبا بالعالم", "مرحبا مرة أخرى"],
    ["no punctuation " * 500, "short"],
    [f"sentence {number} of a long article" for number in range(5000)],
]


@pytest.mark.parametrize("sentences", AWKWARD, ids=lambda found: str(found)[:30])
def test_every_sentence_has_its_finite_numbers(sentences):
    features = text_features(sentences)
    assert features.shape == (len(sentences), RARITY_FEATURES.start)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    more = text_features(sentences, RARITY)
    assert more.shape == (len(sentences), RARITY_FEATURES.stop)
    assert more.dtype == np.float32
    assert np.isfinite(more).all()
    np.testing.assert_array_equal(more[:, : RARITY_FEATURES.start], features)


@given(SENTENCES)
def test_the_quick_sums_are_those_over_all_pairs(sentences):
    rows = [sentence.lower().replace("3.5", "3 5").replace("🙂", "").split() for sentence in sentences]
    words = sorted({word for row in rows for word in row})
    having = {word: sum(word in row for row in rows) for word in words}
    matrix = np.zeros((len(rows), len(words)))
    for index, row in enumerate(rows):
        for column, word in enumerate(words):
            if word in row:
                matrix[index, column] = (1 + np.log(row.count(word))) * np.log((len(rows) + 1) / having[word])
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    matrix = np.divide(matrix, lengths, out=np.zeros_like(matrix), where=lengths > 0)
    similarity = matrix @ matrix.T
    features = text_features(sentences)
    np.testing.assert_allclose(features[:, 0], np.triu(similarity, 1).sum(axis=1) / 4, atol=1e-6)
    np.testing.assert_allclose(features[:, 1], np.tril(similarity, -1).sum(axis=1) / 4, atol=1e-6)


@given(SENTENCES)
def test_case_and_punctuation_do_not_matter_to_what_the_words_say(sentences):
    shouted = [f"“{sentence.upper()}”!" for sentence in sentences]
    others = [*range(TYPOGRAPHY_FEATURES.start), *range(TYPOGRAPHY_FEATURES.stop, RARITY_FEATURES.stop)]
    found, loud = (text_features(form, RARITY)[:, others] for form in (sentences, shouted))
    np.testing.assert_array_equal(found, loud)


@given(SENTENCES)
def test_typography_stands_beside_what_the_words_say(sentences):
    found = text_features(sentences, RARITY)[:, TYPOGRAPHY_FEATURES.start : TYPOGRAPHY_FEATURES.stop]
    np.testing.assert_array_equal(found, typography(sentences))


def test_what_the_rest_takes_up_stands_out():
    article = [
        "It rained.",
        "The council closed the old ferry port after the storm.",
        "The ferry had run for years.",
        "The council will vote on the port.",
        "A storm had damaged it.",
    ]
    features = text_features(article)
    for column in (0, 2, 4, 5):
        assert features[:, column].argmax() == 1
    assert features[:, 6].argmax() == 1  # and it has the most words
    assert len(set(features[:, 7].tolist())) == 1


def one_by_one(sentences: list[str], known: Rarity | None = None) -> np.ndarray:
    """The same numbers, a sentence at a time."""
    count = len(sentences)
    bags = [Counter(re.findall(r"\w+", sentence.lower())) for sentence in sentences]
    having = Counter(word for bag in bags for word in bag)
    columns = {word: column for column, word in enumerate(having)}
    rarity = (
        np.log((count + 1) / np.array(list(having.values()), np.float64))
        if known is None
        else known.of(hashes_of(list(having)))
    )
    rows = []
    for bag in bags:
        words = np.array([columns[word] for word in bag], np.int64)
        weights = (1 + np.log(np.array(list(bag.values()), np.float64))) * rarity[words]
        length = np.linalg.norm(weights)
        rows.append((words, weights / length if length else weights))
    after, before, centrality = np.zeros(count), np.zeros(count), np.zeros(count)
    total, seen = np.zeros(len(columns)), np.zeros(len(columns))
    for index, (words, weights) in reversed(list(enumerate(rows))):
        after[index] = weights @ total[words]
        total[words] += weights
    whole = np.linalg.norm(total)
    for index, (words, weights) in enumerate(rows):
        before[index] = weights @ seen[words]
        seen[words] += weights
        centrality[index] = weights @ total[words] / whole if whole else 0.0
    # Rounded as there, since a tiny standard deviation blows up any difference.
    after, before, centrality = (values.round(9) for values in (after, before, centrality))
    scaled = [(values - values.mean()) / (3 * values.std() + 1e-6) for values in (after, before, centrality)]
    return np.stack([after / 4, before / 4, *scaled], axis=1).astype(np.float32)


@given(SENTENCES.filter(bool) | st.lists(st.text(max_size=60), min_size=1, max_size=8))
def test_sums_over_one_array_are_those_of_single_sentences(sentences):
    features = text_features(sentences, RARITY)
    np.testing.assert_allclose(features[:, :5], one_by_one(sentences), rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        features[:, RARITY_FEATURES.start : RARITY_FEATURES.start + 5],
        one_by_one(sentences, RARITY),
        rtol=0,
        atol=1e-6,
    )


def test_three_kinds_of_numbers_stand_side_by_side():
    assert [*ARTICLE_FEATURES, *TYPOGRAPHY_FEATURES, *RARITY_FEATURES] == list(range(18))


def test_a_sentence_says_how_long_it_is_and_how_long_its_article():
    found = text_features(["The ferry is back.", "It rained.", "…"])
    np.testing.assert_allclose(found[:, 6], np.log([5, 3, 1]) / 4, rtol=1e-6)
    np.testing.assert_allclose(found[:, 7], [np.log(4) / 6] * 3, rtol=1e-6)


def test_words_that_every_article_holds_do_not_make_sentences_alike():
    everywhere = Rarity(9, {"the": 9, "was": 9, "in": 9})
    found = text_features(["The ferry was in.", "In was the storm.", "A ferry."], everywhere)
    follows = RARITY_FEATURES.start
    assert found[:, follows].tolist() == [pytest.approx(2**-0.5 / 4), 0, 0]  # the ferry comes again
    assert (text_features(["The was in.", "In was the."], everywhere)[:, follows:] == 0).all()
