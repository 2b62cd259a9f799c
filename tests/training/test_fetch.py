import gzip
import json
import sys

import pytest

from training.corpus import CorpusError
from training.fetch import fetch_aclsum, untokenized
from training.formats import read_corpus


@pytest.fixture(scope="module")
def corpus_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("fetched") / "new" / "aclsum.jsonl.gz"
    assert fetch_aclsum(file) == 250
    return file


def test_the_papers_are_a_sound_corpus(corpus_file):
    corpus = read_corpus([corpus_file])
    assert len(corpus.articles) == 250
    assert corpus.refused == []
    assert {article.source for article in corpus.articles} == {"aclsum"}
    assert {article.origin for article in corpus.articles} == {"quotes"}


def test_every_quote_is_a_line_of_its_paper(corpus_file):
    for article in read_corpus([corpus_file]).articles:
        assert set(article.quotes) <= set(article.text.split("\n"))
        assert len(article.text.split("\n\n")) in (2, 3)


def test_the_highlights_of_all_three_aspects_are_quotes(corpus_file):
    articles = {article.id: article for article in read_corpus([corpus_file]).articles}
    assert len(articles["aclsum/P06-1112"].quotes) == 23
    assert articles["aclsum/P06-1112"].title is not None
    assert sum(len(article.quotes) for article in articles.values()) == 3769


def test_the_same_file_comes_out_again(corpus_file, tmp_path):
    fetch_aclsum(tmp_path / "aclsum.jsonl.gz")
    assert (tmp_path / "aclsum.jsonl.gz").read_bytes() == corpus_file.read_bytes()


def test_the_name_says_whether_it_is_compressed_and_an_old_file_is_replaced(corpus_file, tmp_path):
    file = tmp_path / "aclsum.jsonl"
    file.write_text("of yesterday")
    fetch_aclsum(file)
    assert file.read_bytes() == gzip.decompress(corpus_file.read_bytes())
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o644


def test_another_ending_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(CorpusError, match=r"aclsum\.csv should be named \*\.jsonl"):
        fetch_aclsum(tmp_path / "aclsum.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_an_error_that_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "aclsum", None)
    with pytest.raises(CorpusError, match=r"in the project's folder, pip install '.\[training\]'"):
        fetch_aclsum(tmp_path / "aclsum.jsonl")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [None, b"{", b"[]\n", b'{"id": "a"}\n', b"\xff"])
def test_a_package_of_other_contents_is_an_error_that_names_the_file(tmp_path, monkeypatch, content):
    (tmp_path / "aclsum" / "dataset").mkdir(parents=True)
    (tmp_path / "aclsum" / "__init__.py").write_text("")
    if content is not None:
        (tmp_path / "aclsum" / "dataset" / "train.jsonl").write_bytes(content)
    monkeypatch.delitem(sys.modules, "aclsum", raising=False)
    monkeypatch.delitem(sys.modules, "aclsum.aclsum", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        with pytest.raises(CorpusError, match=r"train\.jsonl"):
            fetch_aclsum(tmp_path / "out.jsonl")
    finally:
        sys.modules.pop("aclsum", None)
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("It works , mostly ; see Figure 2 ( a ) .", "It works, mostly; see Figure 2 (a)."),
        ("We have n't found it , and it 's late .", "We haven't found it, and it's late."),
        ("It ca n't be , it can not be .", "It can't be, it cannot be."),
        ("The users ' intentions matter .", "The users' intentions matter."),
        ("The word ' liking ' is short .", "The word 'liking' is short."),
        ('He asked " why ? " and " when ? " .', 'He asked "why?" and "when?".'),
        ("by up to 20 % in [ 3 ]", "by up to 20% in [3]"),
        ("", ""),
    ],
)
def test_the_spaces_of_the_tokenizer_are_taken_out(words, sentence):
    assert untokenized(words) == sentence


def test_the_rows_have_the_keys_of_every_corpus(corpus_file):
    with gzip.open(corpus_file, "rt", encoding="utf-8") as lines:
        assert {tuple(json.loads(line)) for line in lines} == {("id", "title", "text", "quotes")}
