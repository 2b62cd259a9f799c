import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.near_duplicates import MOST_TEXTS, RUN, kept_apart, near_duplicates

WORDS = np.random.default_rng(0).permutation([f"word{number}" for number in range(2000)]).tolist()


def text(start: int, count: int) -> str:
    return " ".join(WORDS[start : start + count])


def test_an_update_of_a_story_is_found_whatever_its_case_and_punctuation():
    story = text(0, 100)
    update = text(0, 80).title().replace(" ", ", ") + "! " + text(500, 60)
    assert [(one, two) for one, two, _ in near_duplicates([story, text(200, 100), update])] == [(0, 2)]


def test_texts_in_other_capitals_are_the_same_with_sharp_s_too():
    assert [pair[:2] for pair in near_duplicates(["Die Straße ist lang.", "DIE STRASSE IST LANG"])] == [
        (0, 1)
    ]


def test_the_share_is_that_of_the_shorter_text():
    (pair,) = near_duplicates([text(0, 500), text(100, 50)])
    assert pair.share == 1
    most = text(0, 5 * RUN) + " " + text(900, 3 * RUN)
    least = text(0, 3 * RUN) + " " + text(900, 5 * RUN)
    assert list(near_duplicates([text(0, 400), most]))
    assert not list(near_duplicates([text(0, 400), least]))


def test_a_line_that_everybody_prints_makes_no_duplicates():
    boilerplate = text(0, 2 * RUN)
    texts = [boilerplate + " " + text(100 + 2 * number, 2) for number in range(MOST_TEXTS + 1)]
    assert list(near_duplicates(texts)) == []


def test_short_and_empty_texts_are_compared_whole():
    assert [
        pair[:2] for pair in near_duplicates(["", "Cats sleep.", "…", "cats sleep", "Cats sleep now."])
    ] == [(1, 3)]


@given(st.lists(st.text(alphabet="ab .", max_size=60), max_size=8))
def test_the_order_of_texts_makes_no_difference(texts):
    count = len(texts)
    found = {frozenset((one, two)): share for one, two, share in near_duplicates(texts)}
    backwards = {
        frozenset((count - 1 - one, count - 1 - two)): share
        for one, two, share in near_duplicates(texts[::-1])
    }
    assert found == backwards
    assert all(0.5 <= share <= 1 for share in found.values())


def test_a_text_that_is_there_more_often_than_boilerplate_is_kept_out_of_later_splits_too():
    copies = {f"copy {number}": text(0, 50) for number in range(MOST_TEXTS + 10)}
    texts = copies | {"update": text(0, 60), "other": text(500, 50)}
    splits = dict.fromkeys(texts, "validation") | {"copy 7": "train", "copy 8": "test", "update": "test"}
    assert kept_apart(texts, splits).keys() == texts.keys() - {"copy 7", "other"}


def test_what_shares_text_with_an_earlier_split_is_not_measured_on():
    texts = {"a": text(0, 50), "b": text(0, 50), "c": text(0, 50), "d": text(100, 50), "e": text(100, 50)}
    splits = {"a": "test", "b": "train", "c": "validation", "d": "test", "e": "test"}
    left_out = kept_apart(texts, splits)
    assert left_out.keys() == {"a", "c"}  # d and e are both in test: no split knows the other's answers
    assert left_out["c"] == "b"
