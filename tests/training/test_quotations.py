"""What counts as a quotation in a curator's blurb."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.quotations import quotations

# Written for these tests.
ARTICLE = """The ferry left at six, and nobody waved. It was the best of the three boats, said the captain.

"We don't sail in fog," she told us, "but the dogs' tails were wagging." The '90s were kinder to the harbour.
Every winter the ice came as far as the second pier, and the men walked over it to the island. 'Tis a pity
that nobody walks there now.

The harbour master called it a small, quiet disaster. He has kept the log since 1974: wind, water, and the
names of those who left. “I write ‘calm’ when it is calm,” he said. Les bateaux ne reviennent pas, he says.
The rope was 5" thick. Rock 'n' roll came from the bar all night long. 🚢🚢🚢 was painted on the wall.
האונייה עזבה את הנמל בבוקר ולא חזרה."""

QUOTED = [
    # straight and curly, double and single
    ('She calls it "the best of the three boats" and sails.', ["the best of the three boats"]),
    ("She calls it “the best of the three boats” and sails.", ["the best of the three boats"]),
    ("She calls it 'the best of the three boats' and sails.", ["the best of the three boats"]),
    ("She calls it ‘the best of the three boats’ and sails.", ["the best of the three boats"]),
    # of other countries
    ("Er nennt es „a small, quiet disaster“.", ["a small, quiet disaster"]),
    ("« Les bateaux ne reviennent pas », dit-il.", ["Les bateaux ne reviennent pas"]),
    ("Han sagde: »Les bateaux ne reviennent pas«.", ["Les bateaux ne reviennent pas"]),
    ("Hon sade: ”the ferry left at six” och gick.", ["the ferry left at six"]),
    ("‹the ferry left at six›", ["the ferry left at six"]),
    ("「the ferry left at six」", ["the ferry left at six"]),
    # of TeX and of tokenizers
    ("It was ``a small, quiet disaster'' he says.", ["a small, quiet disaster"]),
    ("It was `` a small , quiet disaster '' , he says .", ["a small , quiet disaster"]),
    ("It was ''a small, quiet disaster'' he says.", ["a small, quiet disaster"]),
    ("It was ″a small, quiet disaster″ he says.", ["a small, quiet disaster"]),
    # escaped once too often
    ('It was \\"a small, quiet disaster\\" he says.', ["a small, quiet disaster"]),
    ('It was ""a small, quiet disaster"" he says.', ["a small, quiet disaster"]),
    # from the middle of a sentence on
    ("He says: '...a small, quiet disaster.'", ["...a small, quiet disaster."]),
    ("He says: “. . . a small, quiet disaster.”", [". . . a small, quiet disaster."]),
    ('It was " a small , quiet disaster " , he says .', ["a small , quiet disaster"]),
    # punctuation of the blurb, not of the article
    ('"The ferry left at six," he writes.', ["The ferry left at six"]),
    ('He writes of "a small, quiet disaster."', ["a small, quiet disaster."]),
    ('Of "the best of the three boats." More follows.', ["the best of the three boats"]),
    ('"The ferry left at six…" he writes.', ["The ferry left at six…"]),
    # interrupted
    (
        '"The ferry left at six," he writes, "and nobody waved."',
        ["The ferry left at six", "and nobody waved."],
    ),
    (
        "'The ferry left at six,' he writes, 'and nobody waved.'",
        ["The ferry left at six", "and nobody waved."],
    ),
    # apostrophes
    ("It doesn't say 'we don't sail in fog' for nothing.", ["we don't sail in fog"]),
    ("It doesn’t say ‘we don’t sail in fog’ for nothing.", ["we don’t sail in fog"]),
    ("‘the dogs’ tails were wagging’ is the captain’s line", ["the dogs’ tails were wagging"]),
    ("'the dogs' tails were wagging' is the captains' line", ["the dogs' tails were wagging"]),
    ("In the '90s, the dogs' owner wrote \"that nobody walks there now\".", ["that nobody walks there now"]),
    ("‘The ’90s were kinder to the harbour,’ he says.", ["The ’90s were kinder to the harbour"]),
    ("‘’Tis a pity that nobody walks there now’", ["’Tis a pity that nobody walks there now"]),
    ('"\'Tis a pity that nobody walks there now"', ["'Tis a pity that nobody walks there now"]),
    ("'Rock 'n' roll came from the bar all night'", ["Rock 'n' roll came from the bar all night"]),
    # nested
    ("“I write ‘calm’ when it is calm,” he notes.", ["I write ‘calm’ when it is calm"]),
    ("‘I write “calm” when it is calm,’ he notes.", ["I write “calm” when it is calm"]),
    ("\"I write 'calm' when it is calm,\" he notes.", ["I write 'calm' when it is calm"]),
    (
        "“My editor loved ‘a small, quiet disaster’ and so do I, whatever the others make of it.”",
        ["a small, quiet disaster"],
    ),
    (
        "\"My editor loved 'a small, quiet disaster' and so do I, whatever the others make of it.\"",
        ["a small, quiet disaster"],
    ),
    # edited
    ('"[T]he ice came as far as the second pier"', ["[T]he ice came as far as the second pier"]),
    (
        '"the ice came […] and [they] walked over it to the island"',
        ["the ice came […] and [they] walked over it to the island"],
    ),
    (
        '"Every winter the ice came ... and the men walked over it"',
        ["Every winter the ice came ... and the men walked over it"],
    ),
    # over paragraphs: each opens, the last one closes
    (
        "So:\n\n“The ferry left at six, and nobody waved.\n\n“It was the best of the three boats,” he says.",
        ["The ferry left at six, and nobody waved.", "It was the best of the three boats"],
    ),
    (
        "'The ferry left at six, and nobody waved.\n\n'It was the best of the three boats,' he says.",
        ["The ferry left at six, and nobody waved.", "It was the best of the three boats"],
    ),
    (
        "“The ferry left at six, and “nobody” waved.\n\n“It was the best of the three boats,” he says.",
        ["The ferry left at six, and “nobody” waved.", "It was the best of the three boats"],
    ),
    # block quotes
    (
        "Worth reading:\n\n> Every winter the ice came\n> as far as the second pier\n\nEnd.",
        ["Every winter the ice came as far as the second pier"],
    ),
    ("> “that nobody walks there now”\n> — the author", ["that nobody walks there now"]),
    ("> The ferry left at six\n>\n> and nobody waved", ["The ferry left at six", "and nobody waved"]),
    (
        "<p>Look:</p><blockquote><p>It was the <b>best</b> of the three boats</p></blockquote>",
        ["It was the best of the three boats"],
    ),
    ("He has <q>kept the log since 1974</q>, no less.", ["kept the log since 1974"]),
    ("He has &ldquo;kept the log since 1974&rdquo;, &amp; more.", ["kept the log since 1974"]),
    # not everything between marks is from the article
    ('In "Moby-Dick" style: "that nobody walks there now".', ["that nobody walks there now"]),
    ('A "hidden gem": "that nobody walks there now".', ["that nobody walks there now"]),
    ('A 5" rope and "that nobody walks there now" too.', ["that nobody walks there now"]),
    ('"that nobody walks there now", yes, "that nobody walks there now"', ["that nobody walks there now"]),
    ('"calm" is what he writes: "it is calm"', ["calm", "it is calm"]),
    # a mark that never closes
    ('He writes: "that nobody walks there now', ["that nobody walks there now"]),
    ("*“that nobody walks there now,”* he says", ["that nobody walks there now"]),
    ('הוא כותב: "האונייה עזבה את הנמל בבוקר".', ["האונייה עזבה את הנמל בבוקר"]),
]

NOT_QUOTED = [
    ("A ferry leaves. Nobody waves.", ["A ferry leaves.", "Nobody waves."]),
    ('A "hidden gem" of a story.', ['A "hidden gem" of a story.']),
    ('"calm" is the word.', ['"calm" is the word.']),
    ('A "quiet disaster" at the "second pier".', ['A "quiet disaster" at the "second pier".']),
    ("The reader's favourite: “The Ferry Left at Six”", None),
    ("The dogs' owner and the boats' captain don't agree.", None),
    ("Rock 'n' roll in the '90s, 'tis said.", None),
    ("“A sentence that was never written by anybody”", None),
    ("<p>A ferry&nbsp;leaves.</p><p>Nobody waves</p>", ["A ferry leaves.", "Nobody waves"]),
    ("> words that are not in the article at all", ["words that are not in the article at all"]),
    ("2 < 3 and 5 > 4, says the log.", None),
]


@pytest.mark.parametrize(("blurb", "expected"), QUOTED, ids=[blurb[:40] for blurb, _ in QUOTED])
def test_a_quotation_that_the_article_holds_is_found(blurb, expected):
    found = quotations(blurb, ARTICLE)
    assert list(found.quotes) == expected
    assert found.origin == "quotations"


@pytest.mark.parametrize(("blurb", "expected"), NOT_QUOTED, ids=[blurb[:40] for blurb, _ in NOT_QUOTED])
def test_a_blurb_that_quotes_nothing_is_taken_sentence_by_sentence(blurb, expected):
    found = quotations(blurb, ARTICLE)
    assert list(found.quotes) == (expected or [blurb])
    assert found.origin == "sentences"


@pytest.mark.parametrize("blurb", ["", " \n", '""', "“”", "> ", "<p></p>", "…", "'"])
def test_a_blurb_without_words_gives_nothing(blurb):
    assert quotations(blurb, ARTICLE).quotes == ()


def test_a_summary_made_of_sentences_of_the_article_keeps_them_with_their_marks():
    extract = '"We don\'t sail in fog," she told us, "but the dogs\' tails were wagging."'
    assert quotations(extract, ARTICLE).quotes == (extract,)
    quotation = "The harbour master called it a small, quiet disaster."
    assert quotations(f"“{quotation}” The captain", ARTICLE).quotes == (quotation,)
    assert quotations(f"> “{quotation}” he said\n> — the author", ARTICLE).origin == "quotations"
    found = quotations('She told us: "We don\'t sail in fog."', ARTICLE)
    assert (found.quotes, found.origin) == (("We don't sail in fog",), "quotations")


def test_a_quotation_of_symbols_is_kept_beside_a_longer_one():
    found = quotations("“🚢🚢🚢” is “painted on the wall”", ARTICLE)
    assert found.quotes == ("🚢🚢🚢", "painted on the wall")


def test_an_article_without_words_is_quoted_by_nobody():
    assert quotations('He said "the ferry left at six".', "🚢").origin == "sentences"


@given(st.text(st.sampled_from(list("ab '\"“”‘’„«»>`.,\n")) | st.characters(codec="utf-8"), max_size=60))
def test_any_blurb_gives_trimmed_quotes_none_twice(blurb):
    found = quotations(blurb, ARTICLE).quotes
    assert all(quote and quote == quote.strip() for quote in found)
    assert len(set(found)) == len(found)


@given(st.integers(0, 30), st.integers(3, 12), st.sampled_from(['""', "“”", "‘’", "«»", "''", "„“"]))
def test_any_words_of_an_article_between_any_marks_are_found_again(start, length, marks):
    words = [f"word{chr(97 + number % 26)}{number}" for number in range(45)]
    passage = " ".join(words[start : start + length])
    found = quotations(f"He wrote {marks[0]}{passage}{marks[1]} and left.", " ".join(words))
    assert (found.quotes, found.origin) == ((passage,), "quotations")


@pytest.mark.parametrize(
    "blurb", ["“" * 1000, "'a " * 1000, '"' * 1001, "<q>" * 1000, "> " * 1000, "‘a’ " * 500]
)
def test_a_blurb_of_marks_alone_takes_no_mile_of_time(blurb):
    before = time.perf_counter()
    quotations(blurb, ARTICLE)
    assert time.perf_counter() - before < 5
