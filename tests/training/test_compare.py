"""Closeness functions side by side."""

import json
from pathlib import Path

import pytest

from summarizer.encoder import StaticEncoder
from tests.tiny import make_encoder_folder
from tests.training.corpus import write_corpus
from training.compare import compare
from training.config import run_config
from training.corpus import Article, split_of
from training.formats import read_corpus
from training.prepared import prepare

RUN = run_config({"model": {"width": 4}, "fit": {"epochs": 1}})
LONE = next(name for name in (f"lone/{number}" for number in range(100)) if split_of(name) == "validation")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Articles of a source, and one of another; none of them in the test split."""
    folder = tmp_path_factory.mktemp("compare")
    encoder = make_encoder_folder(folder / "encoder")
    articles = [
        article
        for article in read_corpus([write_corpus(folder / "corpus.jsonl")]).articles
        if split_of(article.id) != "test"
    ]
    articles.append(Article(LONE, None, "A storm hit the bridge. Police said it.", ("Police said it.",)))
    prepare(articles, StaticEncoder.load(encoder, "tiny"), str(encoder), "lexical", folder / "ready")
    return folder / "ready"


def test_a_source_with_one_article_is_shown_without_intervals(prepared, tmp_path):
    compare(prepared, tmp_path / "c", RUN, ["lexical"], "validation")
    assert "<bdi>lone</bdi>, 1 article<" in (tmp_path / "c" / "comparison.html").read_text()


def test_a_split_without_articles_is_shown_empty(prepared, tmp_path):
    compare(prepared, tmp_path / "c", RUN, ["lexical"], "test")
    assert "<bdi>all articles</bdi>, 0 articles" in (tmp_path / "c" / "comparison.html").read_text()


def test_figures_do_not_depend_on_the_order_in_which_closeness_functions_are_named(prepared, tmp_path):
    names = ["lexical", "alignment"]
    tables, systems = [], []
    for number, order in enumerate((names, names[::-1])):
        folder = tmp_path / str(number)
        tables.append(compare(prepared, folder, RUN, order, "validation"))
        figures = json.loads((folder / "comparison.json").read_text())
        systems.append(figures["overall"]["systems"])
    assert set(tables[0].splitlines()) == set(tables[1].splitlines())
    for name, found in systems[0].items():
        measured = {metric: value for metric, value in found.items() if metric != "model_minus"}
        assert measured.items() <= systems[1][name].items()
    assert "spearman" not in json.dumps(figures)
