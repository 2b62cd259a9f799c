from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus import Article, Corpus, Refused, split_of
from training.inspection import Duplicate, Spread, inspect
from training.inspection_text import as_text, histogram

TEXT = " ".join(f"The {word} is at the bridge." for word in "ferry captain harbour island rope log".split())


def corpus_of(*articles: Article, refused: tuple[Refused, ...] = ()) -> Corpus:
    return Corpus(articles, refused)


def article(number: int, *quotes: str, text: str = TEXT, source: str = "news") -> Article:
    return Article(f"{source}/{number}", None, f"{text}", quotes or ("The ferry is at the bridge.",))


def test_sizes_are_counted_for_each_source_and_for_all():
    long = article(1, "one", "two words", "now three words", source="clips", text=f"{TEXT}\n\n{TEXT}")
    inspection = inspect(corpus_of(article(1), article(2), long))
    assert list(inspection.sources) == ["clips", "news"]
    assert inspection.overall.articles == 3
    assert inspection.sources["news"].sentences == Spread(6, 6, 6, 6)
    assert inspection.sources["news"].words == Spread(36, 36, 36, 36)
    assert inspection.sources["clips"].sentences.max == 12
    assert inspection.sources["clips"].quotes == Spread(3, 3, 3, 3)
    assert inspection.sources["clips"].quote_words == Spread(2, 1.1, 2.9, 3)
    assert inspection.overall.quotes.max == 3


def test_splits_and_origins_are_counted():
    articles = [article(number) for number in (13, 14, 15)]
    articles.append(Article("news/1", None, TEXT, ("a summary",), origin="sentences"))
    overall = inspect(corpus_of(*articles)).overall
    assert overall.splits == {"train": 2, "validation": 1, "test": 1}
    assert overall.origins == {"quotes": 3, "quotations": 0, "sentences": 1}


def test_quotes_are_verbatim_fuzzy_or_not_found():
    overall = inspect(
        corpus_of(
            article(
                1,
                "The captain is\nat the bridge.",
                "the CAPTAIN is, at the bridge",
                "The captain is … the bridge",
                "Nothing of that kind was ever written here",
            )
        )
    ).overall
    assert (overall.aligned, overall.verbatim, overall.fuzzy, overall.not_found) == (4, 1, 2, 1)


def test_the_deciles_say_where_quotes_begin():
    text = " ".join(f"word{number}" for number in range(10, 110))
    overall = inspect(
        corpus_of(article(1, "word10", "word11", "word62 word63", "word109", text=text))
    ).overall
    assert overall.deciles == (2, 0, 0, 0, 0, 1, 0, 0, 0, 1)


def test_the_same_text_under_other_ids_is_a_duplicate_and_across_splits_comes_first():
    texts = {1: "Dogs bark.", 2: "Dogs  BARK.", 13: "Cats sleep.", 14: "Cats\nsleep.", 3: "Fish swim."}
    inspection = inspect(corpus_of(*(article(number, text=text) for number, text in texts.items())))
    assert (split_of("news/13"), split_of("news/14")) == ("train", "validation")
    assert inspection.duplicates == (
        Duplicate(("news/13", "news/14"), ("train", "validation")),
        Duplicate(("news/1", "news/2"), (split_of("news/1"),)),
    )


def test_many_duplicates_are_shown_in_short():
    shown = as_text(inspect(corpus_of(*(article(number) for number in range(40)))))
    assert "Texts under more than one id: 1, of which in more than one split: 1" in shown
    assert "news/4 and 35 more (train, validation, test)" in shown


def test_the_ten_worst_quotes_are_shown_with_what_is_nearest():
    articles = [article(number) for number in range(20)]
    articles.append(article(20, "At the harbour there stands no bridge at all, they say, but a pier"))
    worst = inspect(corpus_of(*articles)).worst
    assert len(worst) == 10
    assert worst[0].id == "news/20"
    assert worst[0].best == "The harbour is at the bridge."
    assert [found.similarity for found in worst] == sorted(found.similarity for found in worst)
    assert worst[-1].best == "The ferry is at the bridge"


def test_articles_that_look_damaged_are_named():
    found = inspect(
        corpus_of(
            article(1, text=f"{TEXT} <br/> More."),
            article(2, "The ferryâ€™s bridge"),
            article(3, text=f"{TEXT} R&amp;D and \ufffd."),
            article(4, text="The ferry."),
            article(5),
        )
    )
    assert {suspicion.what: suspicion.ids for suspicion in found.suspicions} == {
        "HTML tags": ("news/1",),
        "HTML entities": ("news/3",),
        "UTF-8 read as another encoding": ("news/2",),
        "characters lost (\ufffd)": ("news/3",),
        "a quote as long as half the article": ("news/4",),
        "fewer than 20 words": ("news/4",),
    }
    assert "  1 x HTML tags: news/1\n" in as_text(found)


def test_refused_rows_are_grouped_by_reason_and_all_counted():
    file = Path("a.jsonl")
    refused = (
        *(Refused(file, line, "id", f"'news/{line}' is already in the corpus") for line in range(1, 6)),
        Refused(file, 6, "text", "should be a string that is not blank"),
        Refused(file, 7, "(row)", "not UTF-8 at byte 5"),
        Refused(file, 8, "(row)", "not UTF-8 at byte 77"),
    )
    inspection = inspect(corpus_of(article(1), refused=refused))
    assert [(group.field, group.count) for group in inspection.refused] == [
        ("id", 5),
        ("(row)", 2),
        ("text", 1),
    ]
    assert inspection.refused[0].examples == refused[:3]
    shown = as_text(inspection)
    assert "Rows refused: 8" in shown
    assert "a.jsonl:7: not UTF-8 at byte 5" in shown


def test_a_sample_limits_what_is_aligned_of_each_source_and_nothing_else():
    articles = [article(number, source=source) for number in range(20) for source in ("news", "clips")]
    whole, some = inspect(corpus_of(*articles)), inspect(corpus_of(*articles), sample=3)
    assert (whole.overall.aligned, some.overall.aligned) == (40, 6)
    assert {figures.aligned for figures in some.sources.values()} == {3}
    assert some.overall.sentences == whole.overall.sentences
    again = inspect(corpus_of(*reversed(articles)), sample=3)
    assert (again.overall, again.sources, again.worst) == (some.overall, some.sources, some.worst)


def test_a_sample_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1; got 0"):
        inspect(corpus_of(article(1)), sample=0)


def test_an_empty_corpus_can_be_inspected_and_shown():
    inspection = inspect(corpus_of())
    assert inspection.overall.words == Spread(0, 0, 0, 0)
    assert "Rows refused: 0" in as_text(inspection)


def test_the_text_shows_every_source_and_keeps_to_lines():
    shown = as_text(
        inspect(
            corpus_of(
                article(1), Article("x", None, TEXT, ("a\u0007\nb \u202e" * 60,)), article(1, source="b")
            )
        )
    )
    lines = shown.splitlines()
    for source in ("b", "news", "(none)", "ALL"):
        assert sum(line.startswith(f"{source} ") for line in lines) == 3
    assert max(map(len, lines)) <= 110
    assert all(line.isprintable() for line in shown.split("\n"))
    assert "█▁▁▁▁▁▁▁▁▁" in shown


def test_the_progress_bar_is_shown_only_if_asked_for(capsys):
    inspect(corpus_of(article(1)))
    assert capsys.readouterr().err == ""
    inspect(corpus_of(article(1)), progress=True)
    assert "inspect" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["🚢", "…", "\x00\x07", "האונייה עזבה", "word", "no stop " * 50, "A. " * 500]
)
def test_awkward_texts_are_measured_like_others(text):
    overall = inspect(corpus_of(article(1, text, text=text))).overall
    assert overall.aligned == 1
    assert overall.verbatim + overall.fuzzy + overall.not_found == 1
    assert sum(overall.deciles) == overall.verbatim + overall.fuzzy


@given(st.lists(st.integers(0, 10**6), max_size=12))
def test_a_histogram_has_a_block_for_each_count_and_higher_ones_are_no_lower(counts):
    blocks = histogram(counts)
    assert len(blocks) == len(counts)
    assert [b for _, b in sorted(zip(counts, blocks, strict=True))] == sorted(blocks)
