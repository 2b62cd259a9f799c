"""From a corpus to a served checkpoint, through the commands."""

import json
from pathlib import Path

import numpy as np
import pytest

from summarizer import Summarizer
from summarizer.encoder import StaticEncoder
from tests.tiny import make_encoder_folder
from tests.training.corpus import QUOTED, write_corpus
from training import prepared
from training.__main__ import main
from training.formats import read_corpus


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the stages wrote."""
    folder = tmp_path_factory.mktemp("stages")
    corpus, encoder = write_corpus(folder / "corpus.jsonl"), make_encoder_folder(folder / "encoder")
    ready, out = folder / "prepared", folder / "checkpoint"
    assert (
        main(
            ["prepare", str(corpus), "--encoder", str(encoder), "--closeness", "lexical", "--out", str(ready)]
        )
        == 0
    )
    settings = ["--epochs", "40", "--learning-rate", "0.02", "--width", "8", "--name", "tiny-news"]
    assert main(["fit", str(ready), "--encoder", str(encoder), "--out", str(out), *settings]) == 0
    return folder


def test_the_checkpoint_finds_what_was_quoted(folder):
    trained = Summarizer.load(folder / "checkpoint")
    for article in read_corpus([folder / "corpus.jsonl"]).articles[:10]:
        best = min(trained.evaluate(article.text).sentences, key=lambda sentence: sentence.rank)
        assert best.text == QUOTED
        assert best.score > 0.8


def test_the_card_and_the_metrics_show_the_model_beside_the_baselines(folder):
    metrics = json.loads((folder / "checkpoint" / "metrics.json").read_text())
    systems = metrics["test"]["tiny"]["systems"]
    assert list(systems) == ["model", "lead", "longest", "random", "oracle"]
    assert systems["model"]["auc"] == 1.0
    assert systems["oracle"]["rouge2"] >= systems["model"]["rouge2"] > systems["random"]["rouge2"]
    card = (folder / "checkpoint" / "README.md").read_text()
    assert card.startswith("# tiny-news 1\n")
    assert "| lead |" in card


def test_prepared_articles_come_back_as_they_were_written(folder):
    manifest, articles = prepared.load(folder / "prepared")
    encoder = StaticEncoder.load(folder / "encoder", "encoder")
    assert (manifest.articles, manifest.encoder_digest) == (80, encoder.digest)
    assert manifest.sentences == sum(len(article.sentences) for article in articles)
    for article in articles[::20]:
        np.testing.assert_array_equal(article.vectors, encoder.encode(article.sentences).vectors)
        assert article.targets[article.sentences.index(QUOTED)] == 1


def test_line_separators_inside_an_article_survive(tmp_path):
    (tmp_path / "c.jsonl").write_text(
        json.dumps({"id": "a", "text": "One\u2028is. Two\x85is.", "quotes": ["One"]})
    )
    encoder = StaticEncoder.load(make_encoder_folder(tmp_path / "encoder"), "encoder")
    corpus = read_corpus([tmp_path / "c.jsonl"])
    prepared.prepare(corpus.articles, encoder, "lexical", tmp_path / "ready")
    assert prepared.load(tmp_path / "ready")[1][0].sentences == ["One", "is.", "Two", "is."]


def test_another_encoder_than_the_prepared_one_is_refused(folder, tmp_path, capsys):
    other = make_encoder_folder(tmp_path / "other", seed=9)
    assert (
        main(["fit", str(folder / "prepared"), "--encoder", str(other), "--out", str(tmp_path / "out")]) == 1
    )
    assert "run prepare again" in capsys.readouterr().err


def test_what_cannot_be_read_is_one_line_and_status_1(tmp_path, capsys):
    assert (
        main(["prepare", str(tmp_path / "no.jsonl"), "--encoder", "x", "--out", str(tmp_path / "out")]) == 1
    )
    assert f"training: {tmp_path / 'no.jsonl'} does not exist" in capsys.readouterr().err
    assert (
        main(["fit", str(tmp_path), "--encoder", str(make_encoder_folder(tmp_path / "e")), "--out", "x"]) == 1
    )
    assert "does not hold prepared articles" in capsys.readouterr().err


def test_a_folder_of_somebody_else_is_refused_before_the_work_begins(folder, tmp_path, capsys):
    (tmp_path / "thesis.txt").write_text("three years of work")
    arguments = [str(folder / "prepared"), "--encoder", str(folder / "encoder"), "--out", str(tmp_path)]
    assert main(["fit", *arguments]) == 1
    output = capsys.readouterr().err
    assert f"{tmp_path} exists and holds no config.json" in output
    assert "epoch" not in output


def test_refused_rows_are_named(tmp_path, capsys):
    corpus = write_corpus(tmp_path / "corpus.jsonl", 3)
    corpus.write_text(corpus.read_text() + '{"id": "x", "text": "", "quotes": ["a"]}\n')
    encoder = make_encoder_folder(tmp_path / "encoder")
    assert main(["prepare", str(corpus), "--encoder", str(encoder), "--out", str(tmp_path / "ready")]) == 0
    output = capsys.readouterr()
    assert "corpus.jsonl:4: text: should be a string that is not blank" in output.err
    assert "1 rows refused" in output.out
