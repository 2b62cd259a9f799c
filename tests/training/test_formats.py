import csv
import gzip
import hashlib
import io
import json
from pathlib import Path

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from training.corpus import Article, CorpusError
from training.formats import read_corpus

ROW = {"id": "news/1", "title": "A title", "text": "Cats sleep. Dogs bark.", "quotes": ["Dogs bark."]}
ARTICLE = Article("news/1", "A title", "Cats sleep. Dogs bark.", ("Dogs bark.",))


def write(file: Path, *rows: object) -> Path:
    """Rows as JSON, bytes as they are; gzip where the name says so."""
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    content = b"".join(line + b"\n" for line in lines)
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return file


def write_table(file: Path, *rows: dict[str, object]) -> Path:
    """CSV, TSV or Parquet, as the name says."""
    if file.suffix == ".parquet":
        parquet.write_table(pyarrow.Table.from_pylist(list(rows)), file, row_group_size=2)
        return file
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if ".tsv" in file.name else ",")
    writer.writeheader()
    writer.writerows(rows)
    content = stream.getvalue().encode("utf-8-sig")
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return file


def changed(**fields: object) -> dict[str, object]:
    return {**ROW, "id": "news/2", **fields}


def without(field: str) -> dict[str, object]:
    return {key: value for key, value in changed().items() if key != field}


TABLES = ["a.csv", "a.csv.gz", "a.tsv", "a.parquet"]


# What every format has in common


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_may_be_one_array_of_objects(tmp_path, indent):
    (tmp_path / "a.json").write_text("\ufeff" + json.dumps([ROW, changed(text=""), 7], indent=indent))
    corpus = read_corpus([tmp_path / "a.json"])
    assert corpus.articles == [ARTICLE]
    assert [(refused.line, refused.field) for refused in corpus.refused] == [(2, "text"), (3, "(row)")]


def test_an_array_that_was_cut_off_is_refused_by_name(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([ROW])[:-5])
    with pytest.raises(CorpusError, match=r"a\.json begins like an array of objects but is not JSON"):
        read_corpus([tmp_path / "a.json"])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_row_without_what_it_needs_says_what_it_has_in_its_place(tmp_path, name):
    make = write if name.endswith("jsonl") else write_table
    with pytest.raises(CorpusError, match='fields are "url, body": use --columns text=NAME'):
        read_corpus([make(tmp_path / name, {"url": "u", "body": "Dogs bark."})])
    with pytest.raises(CorpusError, match='fields are "text, pick": use --columns quotes=NAME'):
        read_corpus([make(tmp_path / name, {"text": "Dogs bark.", "pick": "bark"})])


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_a_field_that_is_there_but_empty_gives_no_hint_at_other_names(tmp_path, name):
    make = write if name.endswith("jsonl") else write_table
    row = {"text": "Dogs bark.", "quotes": None, "pick": "bark"}
    with pytest.raises(CorpusError, match=r"there should be a summary$"):
        read_corpus([make(tmp_path / name, row)])


def test_rows_of_one_article_with_a_quote_each_are_one_article(tmp_path):
    file = write(tmp_path / "a.jsonl", ROW, {**ROW, "quotes": ["Cats sleep."]}, {**ROW, "text": "Other."})
    corpus = read_corpus([file])
    assert [article.quotes for article in corpus.articles] == [("Dogs bark.", "Cats sleep.")]
    assert [(refused.line, refused.field) for refused in corpus.refused] == [(3, "id")]


def test_white_space_around_a_text_makes_no_other_article(tmp_path):
    rows = [
        {"text": "Dogs bark.", "quotes": ["Dogs bark."]},
        {"text": "Dogs bark. ", "quotes": ["Dogs"]},
    ]
    corpus = read_corpus([write(tmp_path / "a.jsonl", *rows)])
    assert [article.quotes for article in corpus.articles] == [("Dogs bark.", "Dogs")]
    assert corpus.refused == []


def test_a_file_that_repeats_another_is_counted_and_stops_nothing(tmp_path):
    write(tmp_path / "a.jsonl", ROW, changed())
    write(tmp_path / "a.jsonl.gz", ROW, changed())
    corpus = read_corpus([tmp_path])
    assert [article.id for article in corpus.articles] == ["news/1", "news/2"]
    assert [(refused.file.name, refused.line) for refused in corpus.refused] == [
        ("a.jsonl.gz", 1),
        ("a.jsonl.gz", 2),
    ]


def test_a_file_whose_ids_all_belong_to_other_texts_is_refused(tmp_path):
    files = [write(tmp_path / "a.jsonl", ROW), write(tmp_path / "b.jsonl", {**ROW, "text": "Dogs bark."})]
    with pytest.raises(CorpusError, match=r"b\.jsonl contains no usable article.* with another text"):
        read_corpus(files)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.ndjson", "a.json", "A.JSONL", "a.json.gz"])
def test_a_line_becomes_an_article(tmp_path, name):
    corpus = read_corpus([write(tmp_path / name, ROW)])
    assert corpus.articles == [ARTICLE]
    assert corpus.refused == []


@pytest.mark.parametrize("name", TABLES)
def test_a_row_of_a_table_becomes_an_article(tmp_path, name):
    quotes = ROW["quotes"] if name.endswith("parquet") else json.dumps(ROW["quotes"])
    corpus = read_corpus([write_table(tmp_path / name, {**ROW, "quotes": quotes})])
    assert corpus.articles == [ARTICLE]
    assert corpus.refused == []


def test_the_format_can_be_named_where_the_file_name_does_not_tell(tmp_path):
    file = write(tmp_path / "export.data", ROW)
    assert read_corpus([file], format="jsonl").articles == [ARTICLE]
    with pytest.raises(CorpusError, match=r"export\.data does not end in \.jsonl"):
        read_corpus([file])


def test_an_unknown_format_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(CorpusError, match="unknown format 'xml'; the formats are jsonl, csv"):
        read_corpus([write(tmp_path / "a.jsonl", ROW)], format="xml")


def test_the_title_may_be_blank_null_or_missing_and_other_keys_are_ignored(tmp_path):
    file = write(tmp_path / "a.jsonl", without("title"), changed(id="b", title=None, aspects={"more": 1}))
    write(tmp_path / "b.jsonl", changed(id="c", title=" "))
    assert [a.title for a in read_corpus([file, tmp_path / "b.jsonl"]).articles] == [None, None, None]


def test_blank_quotes_are_dropped_and_the_others_trimmed(tmp_path):
    file = write(tmp_path / "a.jsonl", changed(quotes=[" Dogs bark. ", "", " \n"]))
    assert read_corpus([file]).articles[0].quotes == ("Dogs bark.",)


@pytest.mark.parametrize(
    ("row", "source"),
    [
        (changed(source="archive"), "archive"),
        (changed(source=" "), "news"),
        (changed(), "news"),
        (changed(id="17"), "clips"),
        (changed(id="https://example.org/news/17"), "clips"),
        (without("id"), "clips"),
    ],
)
def test_the_source_is_the_rows_own_or_in_its_id_or_the_name_of_the_file(tmp_path, row, source):
    assert read_corpus([write(tmp_path / "clips.2024.jsonl.gz", row)]).articles[0].source == source


@pytest.mark.parametrize("missing", [without("id"), changed(id=None), changed(id=""), changed(id=" ")])
def test_a_missing_id_comes_from_the_text_alone(tmp_path, missing):
    expected = hashlib.sha256(b"Cats sleep. Dogs bark.").hexdigest()[:16]
    first = read_corpus([write(tmp_path / "a.jsonl", missing)]).articles[0]
    moved = write(tmp_path / "b.jsonl", ROW, {**missing, "title": "Another", "quotes": ["Cats sleep."]})
    assert first.id == read_corpus([moved]).articles[1].id == expected


def test_the_url_is_the_id_where_there_is_none_as_in_newsroom(tmp_path):
    row = {
        "url": "http://example.org/1",
        "title": "A title",
        "text": "Cats sleep. Dogs bark.",
        "summary": "Of cats. And dogs.",
        "date": "20160101",
        "density": 1.5,
        "density_bin": "abstractive",
    }
    (article,) = read_corpus([write(tmp_path / "train.jsonl.gz", row)]).articles
    assert article == Article(
        "http://example.org/1",
        "A title",
        "Cats sleep. Dogs bark.",
        ("Of cats.", "And dogs."),
        "train",
        "sentences",
    )


@pytest.mark.parametrize(
    ("summary", "quotes", "origin"),
    [
        ("He says “dogs bark at night” often.", ("dogs bark at night",), "quotations"),
        ("He says dogs bark. Often.", ("He says dogs bark.", "Often."), "sentences"),
    ],
)
def test_a_summary_gives_its_quotations_or_its_sentences(tmp_path, summary, quotes, origin):
    row = {"text": "Cats sleep. All dogs bark at night.", "summary": summary, "quotes": []}
    (article,) = read_corpus([write(tmp_path / "a.jsonl", row)]).articles
    assert (article.quotes, article.origin) == (quotes, origin)


def test_quotes_win_over_a_summary(tmp_path):
    (article,) = read_corpus([write(tmp_path / "a.jsonl", changed(summary="Of dogs."))]).articles
    assert (article.quotes, article.origin) == (("Dogs bark.",), "quotes")


BAD_ROWS = [
    (b'{"id": "news/2", "te', "(row)", "not JSON"),
    (b'{"id": "caf\xe9"}', "(row)", "not UTF-8"),
    (b"[" * 100_000, "(row)", "nested too deeply"),
    (["news/2"], "(row)", "object"),
    (changed(id=1.5), "id", "whole number"),
    (changed(id=True), "id", "whole number"),
    (changed(id="\ud800"), "id", "well-formed"),
    (changed(text=None), "text", "string"),
    (without("text"), "text", "string"),
    (changed(text=" \n\t"), "text", "blank"),
    (changed(text="Cats \udc00 sleep."), "text", "well-formed"),
    (changed(title=7), "title", "string or null"),
    (changed(source=7), "source", "string or null"),
    (changed(quotes="Dogs bark."), "quotes", "list"),
    (changed(quotes=["Dogs bark.", 7]), "quotes", "list of strings"),
    (changed(quotes=["\ud800"]), "quotes", "well-formed"),
    (changed(quotes=[]), "quotes", "blank"),
    (changed(quotes=[" "]), "quotes", "blank"),
    (without("quotes"), "quotes", "summary"),
    ({**without("quotes"), "summary": 7}, "summary", "string or null"),
    ({**without("quotes"), "summary": "…"}, "summary", "neither"),
    (ROW, "id", "already"),
]


@pytest.mark.parametrize(("row", "field", "reason"), BAD_ROWS)
def test_a_bad_row_is_refused_by_file_line_and_field_and_stops_nothing(tmp_path, row, field, reason):
    file = write(tmp_path / "a.jsonl", ROW, row, changed(id="news/3"))
    corpus = read_corpus([file])
    assert [article.id for article in corpus.articles] == ["news/1", "news/3"]
    (refused,) = corpus.refused
    assert (refused.file, refused.line, refused.field) == (file, 2, field)
    assert reason in refused.reason


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["id", "title", "text", "quotes", "summary"]), inner)
            ),
            max_leaves=8,
        )
        | st.binary(max_size=12).map(lambda raw: raw.replace(b"\n", b"")),
        max_size=5,
    )
)
def test_every_row_is_an_article_or_refused_whatever_it_holds(tmp_path, rows):
    file = write(tmp_path / "a.jsonl", ROW, *rows)
    blank = sum(isinstance(row, bytes) and not row.strip() for row in rows)
    corpus = read_corpus([file])
    assert len(corpus.articles) + len(corpus.refused) == 1 + len(rows) - blank


def test_a_number_is_an_id(tmp_path):
    assert read_corpus([write(tmp_path / "a.jsonl", changed(id=7))]).articles[0].id == "7"


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


# Files and folders


def test_a_folder_gives_its_files_of_all_formats_in_order_of_name(tmp_path):
    write(tmp_path / "d.jsonl", changed(id="d/1"))
    write(tmp_path / "a.jsonl.gz", changed(id="a/1"))
    write_table(tmp_path / "b.csv", changed(id="b/1"))
    write_table(tmp_path / "c.parquet", changed(id="c/1"))
    (tmp_path / "README.md").write_text("not a corpus")
    (tmp_path / "about.json").write_text("{}")
    (tmp_path / ".a.jsonl-draft.jsonl").write_text("not ready")
    assert [article.id for article in read_corpus([tmp_path]).articles] == ["a/1", "b/1", "c/1", "d/1"]
    assert [article.id for article in read_corpus([tmp_path], format="csv").articles] == ["b/1"]


def test_a_folder_without_corpus_files_is_refused_by_name(tmp_path):
    (tmp_path / "about.json").write_text("{}")
    with pytest.raises(CorpusError, match=tmp_path.name):
        read_corpus([tmp_path])


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(CorpusError, match=r"missing\.jsonl does not exist"):
        read_corpus([tmp_path / "missing.jsonl"])


@pytest.mark.parametrize("name", ["broken.jsonl.gz", "broken.csv.gz"])
@pytest.mark.parametrize("keep", [slice(None, -12), slice(None, 15), slice(4, None)])
def test_a_broken_gzip_stream_is_refused_by_name(tmp_path, name, keep):
    whole = write(tmp_path / "whole.jsonl.gz", ROW)
    (tmp_path / name).write_bytes(whole.read_bytes()[keep])
    with pytest.raises(CorpusError, match=r"broken\..*\.gz"):
        read_corpus([tmp_path / name])


def test_a_file_that_may_not_be_read_is_refused_with_the_reason_alone(tmp_path, monkeypatch):
    def refuse(file: Path, _: str) -> None:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr(gzip, "open", refuse)  # root may read anything
    file = tmp_path / "a.jsonl.gz"
    file.touch()
    with pytest.raises(CorpusError, match=r"a\.jsonl\.gz cannot be read: Permission denied$"):
        read_corpus([file])


@pytest.mark.parametrize("content", [b"", b"not parquet", b"PAR1 cut off"])
def test_a_file_that_is_no_parquet_is_refused_by_name(tmp_path, content):
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(CorpusError, match=r"a\.parquet cannot be read as Parquet"):
        read_corpus([tmp_path / "a.parquet"])


def test_a_parquet_file_that_was_cut_off_is_refused_by_name(tmp_path):
    file = write_table(tmp_path / "a.parquet", ROW)
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"a\.parquet cannot be read as Parquet"):
        read_corpus([file])


def test_a_file_without_a_sound_row_is_refused_by_name_with_its_first_fault(tmp_path):
    file = write(tmp_path / "empty.jsonl", changed(text=""), b"not JSON")
    with pytest.raises(CorpusError, match=r"empty\.jsonl .*line 1: text"):
        read_corpus([file])
    with pytest.raises(CorpusError, match=r"none\.jsonl contains no usable article"):
        read_corpus([write(tmp_path / "none.jsonl")])


# Tables


@pytest.mark.parametrize("name", TABLES)
def test_columns_have_the_names_that_the_table_gives_them(tmp_path, name):
    row = {"key": 5, "headline": "A title", "body": "All dogs bark at night.", "pick": "dogs bark at night"}
    columns = {"id": "key", "title": "headline", "text": "body", "summary": "pick"}
    (article,) = read_corpus([write_table(tmp_path / name, row)], columns=columns).articles
    assert (article.id, article.title, article.text) == ("5", "A title", "All dogs bark at night.")
    assert (article.quotes, article.source) == (("dogs bark at night",), "a")


@pytest.mark.parametrize("name", TABLES)
def test_a_column_that_the_table_does_not_have_is_refused_with_those_it_has(tmp_path, name):
    file = write_table(tmp_path / name, {"id": "1", "body": "Dogs bark.", "quotes": "x"})
    with pytest.raises(CorpusError, match=r"has no column 'article'; it has: id, body, quotes"):
        read_corpus([file], columns={"text": "article"})


def test_a_field_that_we_do_not_have_is_refused(tmp_path):
    with pytest.raises(CorpusError, match="unknown field 'body'; the fields are id, title, text"):
        read_corpus([write(tmp_path / "a.jsonl", ROW)], columns={"body": "text"})


def test_columns_rename_the_keys_of_json_lines_too(tmp_path):
    file = write(tmp_path / "a.jsonl", {"id": "news/1", "body": "Dogs bark.", "quotes": ["Dogs bark."]})
    assert read_corpus([file], columns={"text": "body"}).articles[0].text == "Dogs bark."


@pytest.mark.parametrize(
    ("cell", "quotes", "origin"),
    [
        ('["Dogs bark at night.", "Cats sleep."]', ("Dogs bark at night.", "Cats sleep."), "quotes"),
        ("dogs bark\n at night. Cats", ("dogs bark\n at night. Cats",), "quotes"),
        ("He says “dogs bark at night”.", ("dogs bark at night",), "quotations"),
        ("[Some] dogs. They bark.", ("[Some] dogs.", "They bark."), "sentences"),
        ('{"a": 1}', ('{"a": 1}',), "sentences"),
        ("7", ("7",), "sentences"),
    ],
)
def test_a_cell_of_quotes_is_a_json_list_a_quote_of_the_text_or_a_summary(tmp_path, cell, quotes, origin):
    file = write_table(tmp_path / "a.csv", {"text": "All dogs bark at night. Cats sleep.", "quotes": cell})
    (article,) = read_corpus([file]).articles
    assert (article.quotes, article.origin) == (quotes, origin)


@pytest.mark.parametrize("name", TABLES)
def test_no_quote_is_lost_where_each_has_a_row_and_some_stand_in_quotation_marks(tmp_path, name):
    text = "Cats sleep. “All dogs bark at night,” he said. They do. It rains."
    quotes = ("Cats sleep.", "“All dogs bark at night,”", "They do. It rains.")
    rows = [{"id": "news/1", "text": text, "quotes": quote} for quote in quotes]
    corpus = read_corpus([write_table(tmp_path / name, *rows)])
    assert [(article.quotes, article.origin) for article in corpus.articles] == [(quotes, "quotes")]
    assert corpus.refused == []


def test_a_row_that_quotes_nothing_is_counted_where_other_rows_of_its_article_have_quotes(tmp_path):
    cells = ("Of cats.", "Of dogs.", "Dogs bark.", "Cats sleep.", "Of both.")
    rows = [{"id": "news/1", "text": ROW["text"], "quotes": cell} for cell in cells]
    corpus = read_corpus([write_table(tmp_path / "a.csv", *rows)])
    assert [article.quotes for article in corpus.articles] == [("Dogs bark.", "Cats sleep.")]
    assert sorted((refused.line, refused.field) for refused in corpus.refused) == [
        (2, "summary"),
        (3, "summary"),
        (6, "summary"),
    ]
    assert "other rows of 'news/1' have quotes" in corpus.refused[0].reason


def test_bad_rows_of_csv_are_refused_by_the_line_they_begin_on(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(
        b'\xef\xbb\xbfid,text,quotes\r\n1,"Cats\nsleep.",Cats sleep.\r\n\r\n2,Dogs bark.\r\n'
        b"3,caf\xe9,x\r\n4,,x\r\n5,Dogs bark.,\r\n6,Dogs bark.,x\r\n6,Dogs bark.,x\r\n"
    )
    corpus = read_corpus([file])
    assert [(a.id, a.text) for a in corpus.articles] == [("1", "Cats\nsleep."), ("6", "Dogs bark.")]
    assert [(refused.line, refused.field) for refused in corpus.refused] == [
        (5, "(row)"),
        (6, "text"),
        (7, "text"),
        (8, "quotes"),
        (10, "id"),
    ]
    assert corpus.refused[0].reason == "has 2 cells, the header has 3"
    assert "not UTF-8" in corpus.refused[1].reason


def test_a_csv_file_that_was_cut_off_inside_a_cell_is_refused_by_name(tmp_path):
    (tmp_path / "a.csv").write_text('text,quotes\nDogs bark.,x\n"Cats sle')
    with pytest.raises(CorpusError, match=r"a\.csv is damaged after line 3"):
        read_corpus([tmp_path / "a.csv"])


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_a_csv_file_may_have_the_delimiter_of_other_countries(tmp_path, delimiter):
    cells = ["news/1", "Cats, and dogs.", "Dogs bark."]
    content = f"\ufeff{delimiter.join(['id', 'text', 'summary'])}\r\n{delimiter.join(cells)}\r\n"
    (tmp_path / "a.csv").write_bytes(content.encode())
    (article,) = read_corpus([tmp_path / "a.csv"]).articles
    assert (article.id, article.text, article.quotes) == ("news/1", "Cats, and dogs.", ("Dogs bark.",))


def test_a_name_with_a_comma_in_it_does_not_hide_the_semicolons_of_a_header(tmp_path):
    (tmp_path / "a.csv").write_text("id;text;quotes;seen, by whom\nnews/1;Dogs bark.;bark;me\n")
    (article,) = read_corpus([tmp_path / "a.csv"]).articles
    assert (article.id, article.text, article.quotes) == ("news/1", "Dogs bark.", ("bark",))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_two_columns_of_one_name_are_refused_where_they_are_read(tmp_path, name):
    file, delimiter = tmp_path / name, "\t" if name.endswith("tsv") else ","
    file.write_text("text,quotes,note,note\nDogs bark.,bark,a,b\n".replace(",", delimiter))
    assert len(read_corpus([file]).articles) == 1
    with pytest.raises(CorpusError, match=r"has 2 columns 'note', .*; rename the others"):
        read_corpus([file], columns={"title": "note"})


def test_two_columns_of_one_name_are_refused_in_parquet_too(tmp_path):
    cells = [pyarrow.array([cell]) for cell in ("Dogs bark.", "Dogs", "bark")]
    parquet.write_table(
        pyarrow.Table.from_arrays(cells, ["text", "quotes", "quotes"]), tmp_path / "a.parquet"
    )
    with pytest.raises(CorpusError, match=r"has 2 columns 'quotes'"):
        read_corpus([tmp_path / "a.parquet"])


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_file_in_utf_16_is_refused_with_what_to_do(tmp_path, name):
    (tmp_path / name).write_bytes("id,text,quotes\n1,Dogs bark.,Dogs\n".encode("utf-16"))
    with pytest.raises(CorpusError, match="is UTF-16; it should be saved as UTF-8"):
        read_corpus([tmp_path / name])


@pytest.mark.parametrize("cell", ['["Dogs bark.", "Cats sleep."]', "['Dogs bark.', 'Cats sleep.']"])
def test_a_cell_may_hold_a_list_as_json_or_python_write_it(tmp_path, cell):
    file = write_table(tmp_path / "a.csv", {"text": "Cats sleep. Dogs bark.", "quotes": cell})
    (article,) = read_corpus([file]).articles
    assert (article.quotes, article.origin) == (("Dogs bark.", "Cats sleep."), "quotes")


def test_a_cell_with_a_broken_list_is_refused_and_one_with_edits_in_brackets_is_not(tmp_path):
    file = write_table(
        tmp_path / "a.csv",
        {"text": "Cats sleep. Dogs bark.", "quotes": "['Dogs bark.' 'Cats', or ']"},
        {"text": "Cats sleep. Dogs bark.", "quotes": "[All] dogs bark [at night]"},
    )
    corpus = read_corpus([file])
    assert [article.quotes for article in corpus.articles] == [("[All] dogs bark [at night]",)]
    assert [refused.field for refused in corpus.refused] == ["quotes"]


def test_a_csv_file_without_rows_is_refused_by_name(tmp_path):
    (tmp_path / "a.csv").write_text("")
    with pytest.raises(CorpusError, match=r"a\.csv contains no usable article"):
        read_corpus([tmp_path / "a.csv"])


def test_a_cell_may_be_of_any_size_and_the_limit_of_others_stays(tmp_path):
    before = csv.field_size_limit()
    text = "Dogs bark. " * 20_000
    file = write_table(tmp_path / "a.csv", {"text": text, "quotes": '["Dogs bark."]'})
    assert read_corpus([file]).articles[0].text == text
    assert csv.field_size_limit() == before


def test_rows_of_parquet_are_counted_over_its_row_groups(tmp_path):
    rows = [changed(id=f"news/{number}") for number in range(5)]
    rows[3] |= {"text": None}
    rows[4] |= {"quotes": ["Dogs bark.", None]}
    file = write_table(tmp_path / "a.parquet", *rows)
    corpus = read_corpus([file])
    assert [article.id for article in corpus.articles] == ["news/0", "news/1", "news/2"]
    assert [(refused.line, refused.field) for refused in corpus.refused] == [(4, "text"), (5, "quotes")]


# Stories

STORY = """(CNN) -- Cats sleep.

All dogs bark at night.

@highlight

Dogs bark

@highlight

NEW: Cats
sleep
"""


@pytest.mark.parametrize("line_feed", ["\n", "\r\n"])
def test_a_story_is_its_text_then_its_highlights(tmp_path, line_feed):
    folder = tmp_path / "cnn"
    folder.mkdir()
    (folder / "0001d1.story").write_bytes(STORY.replace("\n", line_feed).encode())
    expected = Article(
        "0001d1",
        None,
        "(CNN) -- Cats sleep.\n\nAll dogs bark at night.",
        ("Dogs bark", "NEW: Cats sleep"),
        "cnn",
    )
    for path in (folder, folder / "0001d1.story"):
        (article,) = read_corpus([path]).articles
        assert article.text.replace("\r", "") == expected.text
        assert (article.id, article.quotes, article.source) == (expected.id, expected.quotes, expected.source)


def test_a_bad_story_does_not_stop_its_folder(tmp_path):
    (tmp_path / "a.story").write_text("@highlight\n\nNothing above")
    (tmp_path / "b.story").write_text(STORY)
    (tmp_path / "c.story").write_text("Nothing below.")
    (tmp_path / "d.story").write_bytes(b"caf\xe9")
    corpus = read_corpus([tmp_path])
    assert [article.id for article in corpus.articles] == ["b"]
    assert [(refused.file.name, refused.field) for refused in corpus.refused] == [
        ("a.story", "text"),
        ("c.story", "quotes"),
        ("d.story", "(row)"),
    ]


def test_a_folder_of_bad_stories_is_refused_by_name_and_its_first_fault(tmp_path):
    (tmp_path / "a.story").write_text("Nothing below.")
    with pytest.raises(CorpusError, match=r"contains no usable article.*a\.story, line 1: quotes"):
        read_corpus([tmp_path])


# Pages

SENTENCES = (
    "The ferry left at six and nobody waved, said the captain of the second boat.",
    "Every winter the ice came as far as the second pier, and the men walked over it to the island.",
    "The harbour master called it a small, quiet disaster, and went on with his log.",
)


def write_page(file: Path, *paragraphs: str) -> Path:
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(
        "<html><head><title>The harbour</title></head><body><nav><a href='/'>Home</a></nav>"
        f"<article><h1>The harbour</h1>{body}</article><footer>Imprint, cookies</footer></body></html>",
        encoding="utf-8",
    )
    return file


def test_a_page_and_its_blurb_are_an_article(tmp_path):
    pages = tmp_path / "harbour"
    write_page(pages / "ferry.html", *SENTENCES * 3)
    blurbs = write(
        tmp_path / "blurbs.jsonl",
        {"page": "ferry.html", "blurb": "It was “a small, quiet disaster,” he says."},
    )
    (article,) = read_corpus([pages], blurbs=blurbs).articles
    assert (article.id, article.title, article.source) == ("ferry", "The harbour", "harbour")
    assert (article.quotes, article.origin) == (("a small, quiet disaster",), "quotations")
    assert "\n\n".join(SENTENCES) in article.text
    assert "cookies" not in article.text


def test_the_blurbs_name_id_and_title_and_may_be_csv(tmp_path):
    write_page(tmp_path / "pages" / "2024" / "ferry.htm", *SENTENCES * 3)
    row = {"page": "2024/ferry.htm", "blurb": "A ferry leaves.", "id": "clips/7", "title": "Ferry"}
    (article,) = read_corpus([tmp_path / "pages"], blurbs=write_table(tmp_path / "b.csv", row)).articles
    assert (article.id, article.title, article.source) == ("clips/7", "Ferry", "clips")
    assert (article.quotes, article.origin) == (("A ferry leaves.",), "sentences")


def test_the_blurbs_of_several_curators_are_one_article(tmp_path):
    write_page(tmp_path / "pages" / "a.html", *SENTENCES * 3)
    blurbs = write(
        tmp_path / "blurbs.jsonl",
        {"page": "a.html", "blurb": "A ferry leaves."},
        {"page": "a.html", "blurb": "It was “a small, quiet disaster,” he says."},
        {"page": "a.html", "blurb": "Read it."},
        {"page": "a.html", "blurb": "“The ferry left at six and nobody waved.”"},
    )
    corpus = read_corpus([tmp_path / "pages"], blurbs=blurbs)
    (article,) = corpus.articles
    assert article.quotes == ("a small, quiet disaster", "The ferry left at six and nobody waved")
    assert article.origin == "quotations"
    assert [(refused.line, refused.field) for refused in corpus.refused] == [(1, "summary"), (3, "summary")]


def test_the_heading_of_a_page_is_its_title_and_no_sentence(tmp_path):
    write_page(tmp_path / "pages" / "a.html", *SENTENCES * 3)
    blurbs = write(tmp_path / "blurbs.jsonl", {"page": "a.html", "blurb": "A ferry leaves."})
    (article,) = read_corpus([tmp_path / "pages"], blurbs=blurbs).articles
    assert article.title == "The harbour"
    assert article.text.startswith("The ferry left")


def test_blurbs_and_pages_that_do_not_fit_are_refused(tmp_path):
    pages = tmp_path / "pages"
    write_page(pages / "a.html", *SENTENCES * 3)
    (pages / "empty.html").write_text("<html><body></body></html>")
    write_page(pages / "unnamed.html", *SENTENCES * 3)
    write_page(tmp_path / "secret.html", *SENTENCES * 3)
    blurbs = write(
        tmp_path / "blurbs.jsonl",
        {"page": "a.html", "blurb": "A ferry leaves."},
        {"page": "missing.html", "blurb": "A ferry leaves."},
        {"page": "../secret.html", "blurb": "A ferry leaves."},
        {"page": "empty.html", "blurb": "A ferry leaves."},
        {"page": "a.html", "blurb": ""},
        {"page": "a.html", "blurb": "A ferry leaves."},
        {"blurb": "A ferry leaves."},
        b"not JSON",
    )
    corpus = read_corpus([pages], blurbs=blurbs)
    assert [article.id for article in corpus.articles] == ["a"]
    assert [(refused.file.name, refused.line, refused.field) for refused in corpus.refused] == [
        ("blurbs.jsonl", 2, "page"),
        ("blurbs.jsonl", 3, "page"),
        ("blurbs.jsonl", 4, "page"),
        ("blurbs.jsonl", 5, "blurb"),
        ("blurbs.jsonl", 6, "id"),
        ("blurbs.jsonl", 7, "page"),
        ("blurbs.jsonl", 8, "(row)"),
        ("unnamed.html", 1, "page"),
    ]


def test_pages_and_blurbs_come_together_or_not_at_all(tmp_path):
    write_page(tmp_path / "a.html", *SENTENCES)
    with pytest.raises(CorpusError, match="HTML pages need a file of blurbs"):
        read_corpus([tmp_path])
    with pytest.raises(CorpusError, match="HTML pages need a file of blurbs"):
        read_corpus([tmp_path], format="html")
    with pytest.raises(CorpusError, match="one folder of HTML pages"):
        read_corpus([write(tmp_path / "a.jsonl", ROW)], blurbs=tmp_path / "a.html")
    with pytest.raises(CorpusError, match=r"no\.jsonl does not exist"):
        read_corpus([tmp_path], blurbs=tmp_path / "no.jsonl")
