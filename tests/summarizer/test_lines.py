import pytest

from summarizer.lines import are_lines
from summarizer.typography import END_MARKS


@pytest.mark.parametrize(
    "text",
    [
        "It rained.",
        "“It rained.”",
        "It rained! 🚨",
        "**It rained.**",
        "_It rained._",
        "It rained. ■",
        "It rained.*",
        "Mortality was lower.1,2",
        "Mortality was lower.[1][2]",
        "“Mortality was lower.”³",
        "He had one message:",
        "Βρέχει;",
        "雨が降った。」",
        "so " * 21,
    ],
)
def test_what_may_follow_an_end_mark_makes_no_line_of_a_sentence(text):
    assert are_lines([text]) == [False]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Ferry back at last",
        "Version 2.0",
        "Up 3.5",
        "No. 5",
        "bbc.com",
        "“Ferry back”",
        "By A. Writer",
        "so " * 20,
    ],
)
def test_titles_captions_and_bylines_are_lines(text):
    assert are_lines([text]) == [True]


@pytest.mark.parametrize("mark", sorted(END_MARKS), ids=ascii)
def test_every_end_mark_of_the_features_is_known(mark):
    assert are_lines([f"雨{mark}"]) == [False]


def test_a_hundred_thousand_full_stops_take_no_time():
    assert are_lines(["." * 100_000 + "a", "." * 100_000]) == [True, False]
