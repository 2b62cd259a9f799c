import gzip
import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.corpus import Article, CorpusError, read_corpus, split_of

ROW = {"id": "news/1", "title": "A title", "text": "Cats sleep. Dogs bark.", "quotes": ["Dogs bark."]}


def write(file: Path, *rows: object) -> Path:
    """Rows as JSON, bytes as they are; gzip where the name says so."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    content = b"".join(line + b"\n" for line in lines)
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return file


def changed(**fields: object) -> dict[str, object]:
    return {**ROW, "id": "news/2", **fields}


@pytest.mark.parametrize("name", ["news.jsonl", "news.jsonl.gz"])
def test_a_row_becomes_an_article(tmp_path, name):
    corpus = read_corpus([write(tmp_path / name, ROW)])
    assert corpus.articles == [Article("news/1", "A title", "Cats sleep. Dogs bark.", ("Dogs bark.",))]
    assert corpus.refused == []


def test_the_title_may_be_null_or_missing_and_other_keys_are_ignored(tmp_path):
    bare = {key: value for key, value in ROW.items() if key != "title"}
    file = write(tmp_path / "a.jsonl", bare, changed(title=None, aspects={"more": 1}))
    assert [article.title for article in read_corpus([file]).articles] == [None, None]


@pytest.mark.parametrize(
    ("article_id", "source"), [("news/1", "news"), ("news/2024/1", "news"), ("1", ""), ("/1", "")]
)
def test_the_source_is_what_stands_before_the_first_slash(article_id, source):
    assert Article(article_id, None, "text", ("quote",)).source == source


def test_blank_quotes_are_dropped_and_the_others_trimmed(tmp_path):
    file = write(tmp_path / "a.jsonl", changed(quotes=[" Dogs bark. ", "", " \n"]))
    assert read_corpus([file]).articles[0].quotes == ("Dogs bark.",)


@pytest.mark.parametrize(
    ("row", "field", "reason"),
    [
        (b'{"id": "news/2", "te', "(row)", "not JSON"),
        (b'{"id": "caf\xe9"}', "(row)", "not UTF-8"),
        (["news/2"], "(row)", "object"),
        ({key: value for key, value in changed().items() if key != "id"}, "id", "string"),
        (changed(id=7), "id", "string"),
        (changed(text=None), "text", "string"),
        (changed(text=" \n\t"), "text", "blank"),
        (changed(title=7), "title", "string or null"),
        (changed(quotes="Dogs bark."), "quotes", "list"),
        (changed(quotes=["Dogs bark.", 7]), "quotes", "list of strings"),
        (changed(quotes=[]), "quotes", "blank"),
        (changed(quotes=[" "]), "quotes", "blank"),
        (ROW, "id", "already"),
    ],
)
def test_a_bad_row_is_refused_by_file_line_and_field_and_stops_nothing(tmp_path, row, field, reason):
    file = write(tmp_path / "a.jsonl", ROW, row, changed(id="news/3"))
    corpus = read_corpus([file])
    assert [article.id for article in corpus.articles] == ["news/1", "news/3"]
    (refused,) = corpus.refused
    assert (refused.file, refused.line, refused.field) == (file, 2, field)
    assert reason in refused.reason


def test_an_id_counts_as_taken_across_files(tmp_path):
    first = write(tmp_path / "a.jsonl", ROW)
    second = write(tmp_path / "b.jsonl", changed(), ROW)
    corpus = read_corpus([first, second])
    assert [article.id for article in corpus.articles] == ["news/1", "news/2"]
    assert [(refused.file, refused.line) for refused in corpus.refused] == [(second, 2)]


def test_blank_lines_are_passed_over_but_counted(tmp_path):
    corpus = read_corpus([write(tmp_path / "a.jsonl", ROW, b"", b"  ", b"not JSON")])
    assert len(corpus.articles) == 1
    assert [refused.line for refused in corpus.refused] == [4]


def test_a_folder_gives_its_jsonl_files_in_order_of_name(tmp_path):
    write(tmp_path / "b.jsonl", changed(id="b/1"))
    write(tmp_path / "a.jsonl.gz", changed(id="a/1"))
    (tmp_path / "README.md").write_text("not a corpus")
    assert [article.id for article in read_corpus([tmp_path]).articles] == ["a/1", "b/1"]


def test_a_folder_without_corpus_files_is_refused_by_name(tmp_path):
    with pytest.raises(CorpusError, match=tmp_path.name):
        read_corpus([tmp_path])


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(CorpusError, match=r"missing\.jsonl does not exist"):
        read_corpus([tmp_path / "missing.jsonl"])


@pytest.mark.parametrize("keep", [slice(None, -12), slice(None, 15), slice(4, None)])
def test_a_broken_gzip_stream_is_refused_by_name(tmp_path, keep):
    file = tmp_path / "broken.jsonl.gz"
    file.write_bytes(gzip.compress(json.dumps(ROW).encode() + b"\n")[keep])
    with pytest.raises(CorpusError, match=r"broken\.jsonl\.gz"):
        read_corpus([file])


def test_a_file_without_a_sound_row_is_refused_by_name_with_its_first_fault(tmp_path):
    file = write(tmp_path / "empty.jsonl", changed(text=""), b"not JSON")
    with pytest.raises(CorpusError, match=r"empty\.jsonl .*line 1: text"):
        read_corpus([file])


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
