import re

from hypothesis import given
from hypothesis import strategies as st

from training.boilerplate import HEAD, INSIDE, MOST_LINES, TAIL, TITLE_SHARE, is_chosen, littered

SENTENCES = st.lists(st.text(min_size=1).filter(str.strip), max_size=12)


@given(SENTENCES, st.text())
def test_the_article_stays_whole_and_in_order_among_the_lines(sentences, article_id):
    found, is_boilerplate = littered(sentences, article_id)
    assert [text for text, made in zip(found, is_boilerplate, strict=True) if not made] == sentences
    lines = [text for text, made in zip(found, is_boilerplate, strict=True) if made]
    assert 1 <= len(lines) <= sum(MOST_LINES) + 1
    assert all(line.strip() for line in lines)


@given(SENTENCES, st.text())
def test_an_article_gets_the_same_lines_at_every_call(sentences, article_id):
    assert littered(sentences, article_id) == littered(sentences, article_id)


def test_every_pattern_is_used_somewhere_and_filled_in():
    lines = [
        line
        for number in range(2000)
        for line, made in zip(*littered(["The ferry is back."] * 2, f"a/{number}"), strict=True)
        if made
    ]
    assert not [line for line in lines if "{" in line or "}" in line]
    for pattern in (*HEAD, *INSIDE, *TAIL):
        filled_in = re.sub(r"\\{\w+\\}", "\\\\S.*", re.escape(pattern)) + r" ?\.?"
        assert any(re.fullmatch(filled_in, line) for line in lines), pattern
    listen = "Listen to this article"
    assert {line.removeprefix(listen) for line in lines if line.startswith(listen)} == {"", ".", " ."}
    assert not [line for line in lines if re.search(r"[.|:] ?\.$", line)]


def test_every_article_gets_a_line_and_what_stands_inside_is_never_at_its_ends():
    sentences = ["The ferry is back.", "It rained.", "Nobody was hurt."]
    for number in range(1000):
        found, is_boilerplate = littered(sentences, f"a/{number}")
        assert any(is_boilerplate)
        for place, line in enumerate(found):
            if line.startswith(("Advertisement", "WATCH: ", "Like us on Facebook")):
                assert found.index(sentences[0]) < place < found.index(sentences[-1])


def test_what_stands_inside_comes_behind_a_single_sentence():
    articles = [littered(["It rained."], f"a/{number}").sentences for number in range(300)]
    marked = [found for found in articles if "Advertisement" in found]
    assert marked
    assert all(found.index("It rained.") < found.index("Advertisement") for found in marked)


def test_the_title_stands_above_everything_in_about_its_share():
    sentences = ["The ferry is back.", "It rained."]
    firsts = [littered(sentences, f"a/{number}", "Ferry returns").sentences[0] for number in range(1000)]
    assert abs(firsts.count("Ferry returns") / 1000 - TITLE_SHARE) < 0.05
    assert "Ferry returns" not in littered(sentences, "a/1").sentences


def test_about_the_share_that_was_asked_for_is_chosen_and_the_same_ones_always():
    ids = [f"news/{number}" for number in range(4000)]
    assert not any(is_chosen(one, 0.0) for one in ids)
    assert all(is_chosen(one, 1.0) for one in ids)
    some = {one for one in ids if is_chosen(one, 0.3)}
    assert 0.27 < len(some) / len(ids) < 0.33
    assert some <= {one for one in ids if is_chosen(one, 0.5)}
