import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer.errors import CheckpointDamaged
from summarizer.rarity import FEWEST_ARTICLES, FEWEST_ARTICLES_TO_TELL, FEWEST_WORDS, Rarity
from summarizer.words import hashes_of, words_of

pytestmark = pytest.mark.usefixtures("both_ways")

ARTICLES = st.lists(st.lists(st.text(alphabet="abc é🙂.", max_size=12), max_size=4), max_size=12)


def test_a_word_counts_once_in_an_article_whatever_its_case():
    rarity = Rarity.count([["The ferry. The ferry!"], ["THE"], ["the", "Ferry"], ["a ferry"]])
    assert rarity.articles == 4
    assert rarity.counts == {"ferry": 3, "the": 3}
    assert rarity.of(hashes_of(["the"]))[0] == pytest.approx(math.log(5 / 4))


def test_the_commonest_words_are_listed_first_and_equals_by_the_alphabet():
    rarity = Rarity.count([["A ferry sank"]] * 3 + [["sank"]])
    assert list(rarity.counts) == ["sank", "a", "ferry"]


def test_words_of_few_articles_are_not_listed_and_count_as_those_of_one():
    rarity = Rarity.count([["Ann Boleyn"]] * (FEWEST_ARTICLES - 1) + [["nobody"]] * 10)
    assert "boleyn" not in rarity.as_json().lower()
    assert (
        rarity.of(hashes_of(["boleyn", "unheard"])).tolist()
        == [pytest.approx(math.log((FEWEST_ARTICLES + 10) / 2))] * 2
    )


@given(ARTICLES)
def test_what_is_written_is_read_again(tmp_path_factory, articles):
    file = tmp_path_factory.mktemp("rarity") / "rarity.json"
    rarity = Rarity.count(articles)
    file.write_text(rarity.as_json(), encoding="utf-8")
    found = Rarity.load(file)
    words = sorted({word for sentences in articles for sentence in sentences for word in words_of(sentence)})
    hashes = hashes_of(words)
    assert (found.articles, found.counts) == (rarity.articles, rarity.counts)
    assert found.of(hashes).tolist() == rarity.of(hashes).tolist()
    assert (found.of(hashes) >= 0).all()
    assert found.as_json() == rarity.as_json() == Rarity.count(articles[::-1]).as_json()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"articles": 5, "words": ["the"]}',
        '{"articles": "5", "words": {"the": 5}}',
        '{"articles": "5", "words": {}}',
        '{"articles": 5, "words": {"the": 6}}',
        '{"articles": -3, "words": {}}',
        '{"articles": 5, "words": {"the": 0}}',
        '{"articles": 5, "words": {"the": 4.5}}',
        '{"articles": 5, "words": {"the": true}}',
    ],
)
def test_anything_else_is_refused_by_name(tmp_path, content):
    file = tmp_path / "rarity.json"
    file.write_text(content)
    with pytest.raises(CheckpointDamaged, match=r"rarity\.json does not contain counts of words"):
        Rarity.load(file)


def test_a_word_may_be_in_every_article(tmp_path):
    file = tmp_path / "rarity.json"
    file.write_text(Rarity(5, {"the": 5}).as_json())
    assert Rarity.load(file).of(hashes_of(["the"])).tolist() == [0]


def test_bytes_that_are_no_text_are_refused_by_name(tmp_path):
    file = tmp_path / "rarity.json"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointDamaged, match=r"rarity\.json"):
        Rarity.load(file)


def test_it_is_json_with_a_word_a_line():
    text = Rarity(9, {"the": 9, 'say "no"': 3}).as_json()
    assert json.loads(text) == {"articles": 9, "words": {"the": 9, 'say "no"': 3}}
    assert len(text.splitlines()) == 4


KNOWN = Rarity(FEWEST_ARTICLES_TO_TELL, {"the": 300, "ferry": 3})


@pytest.mark.parametrize(
    ("sentences", "share"),
    [
        (["The ferry."] * 20, None),
        (["Die Fähre."] * 20, 0.0),
        (["The Fähre."] * 20, 0.5),
        (["The ferry, the Fähre."] * 20, None),
        (["Die Fähre, die alte Fähre."] * 2 + ["The ferry."] * 20, None),
        (["Die alte Fähre, die ganz alte Fähre."] * 2 + ["The Fähre."] * 18, 0.36),
        (["Die Fähre"] * (FEWEST_WORDS // 2), 0.0),
        (["Die Fähre"] * (FEWEST_WORDS // 2 - 1) + ["legt"], None),
        (["…"] * 20, None),
        ([], None),
    ],
)
def test_words_are_unfamiliar_if_most_of_enough_of_them_are_not_listed(sentences, share):
    assert KNOWN.familiar_share(sentences) == (None if share is None else pytest.approx(share))


def test_a_model_of_few_articles_calls_no_words_unfamiliar():
    few = Rarity(FEWEST_ARTICLES_TO_TELL - 1, KNOWN.counts)
    assert few.familiar_share(["Die Fähre."] * 20) is None
