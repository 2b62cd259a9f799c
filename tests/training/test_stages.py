"""The commands: the walk-through of the README as it stands there, and what each stage refuses."""

import json
import re
import shlex
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from summarizer import Summarizer
from summarizer.model import network_input
from tests.service.conftest import start, wait_until_ready
from tests.tiny import make_encoder_folder
from tests.training.corpus import QUOTED, write_corpus
from training.__main__ import main
from training.corpus import split_of
from training.evaluation import BASELINES
from training.formats import read_corpus
from training.runs import open_run
from training.search import read_space

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SPACE = (
    "[model]\nwidth = { choices = [4, 8] }\n[fit]\nlearning_rate = { low = 1e-3, high = 1e-1, log = true }\n"
)


def stage(*arguments: object) -> int:
    return main([str(argument) for argument in arguments])


def walk_through() -> list[list[str]]:
    """The stages that the README lists, with their arguments."""
    (block,) = re.findall(r"```sh\n(make setup.*?)```", README, flags=re.DOTALL)
    lines = [line for line in block.splitlines() if line.startswith("python -m training ")]
    return [shlex.split(line)[3:] for line in lines]


def test_the_walk_through_of_the_readme_leads_to_a_checkpoint_that_is_served(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ran = []
    for arguments in walk_through():
        assert main(arguments) == 0, (arguments, capsys.readouterr().err)
        ran.append(arguments[0])
    assert ran == ["fetch", "inspect", "distill", "prepare", "align", "fit", "report"]
    printed = capsys.readouterr().out
    assert "250 articles" in printed
    assert "| model |" in printed
    figures = json.loads((tmp_path / "runs/first/report.json").read_text())["test"]["overall"]["systems"]
    assert figures["model"]["auc"]["low"] > figures["lead"]["auc"]["high"]
    server = start(tmp_path / "runs" / "first" / "checkpoint", tmp_path / "log")
    try:
        wait_until_ready(server)
        text = read_corpus([tmp_path / "runs" / "corpus.jsonl"]).articles[0].text
        answer = server.request("POST", "/api/evaluate", text.encode(), Content_Type="text/plain")
        assert answer.status == 200
        for sentence in answer.json["sentences"]:
            assert text[sentence["start"] : sentence["end"]] == sentence["text"]
            assert 0 <= sentence["score"] <= 1
    finally:
        assert server.stop() == 0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus in which what is quoted can be learnt, prepared and fitted."""
    folder = tmp_path_factory.mktemp("stages")
    corpus, encoder = write_corpus(folder / "corpus.jsonl"), make_encoder_folder(folder / "encoder")
    ready = folder / "ready"
    assert stage("prepare", corpus, "--encoder", encoder, "--closeness", "lexical", "--out", ready) == 0
    settings = ["--epochs", 40, "--learning-rate", 0.02, "--width", 8, "--closeness", "lexical"]
    assert stage("fit", ready, "--out", folder / "run", "--name", "tiny-news", *settings) == 0
    assert stage("fit", ready, "--out", folder / "sketch", "--preset", "sketch", *settings) == 0
    assert stage("report", folder / "run", "--beside", folder / "sketch") == 0
    return folder


def test_the_rarity_of_words_travels_with_a_checkpoint_that_reads_it(folder):
    prepared, carried = folder / "ready" / "rarity.json", folder / "run" / "checkpoint" / "rarity.json"
    assert carried.read_text() == prepared.read_text()
    assert not (folder / "sketch" / "checkpoint" / "rarity.json").exists()


def test_scores_of_the_checkpoint_are_those_of_the_prepared_article(folder):
    _, loaded, splits = open_run(folder / "run")
    service = Summarizer(loaded)
    for article in splits["test"][:5]:
        read = network_input(article.vectors, article.features, loaded.config.model)
        found = service.evaluate_sentences(list(article.sentences)).sentences
        np.testing.assert_allclose([s.score for s in found], loaded.scorer.score(read), atol=2e-6)


def test_the_checkpoint_finds_what_was_quoted(folder):
    trained = Summarizer.load(folder / "run" / "checkpoint")
    for article in read_corpus([folder / "corpus.jsonl"]).articles[:10]:
        best = min(trained.evaluate(article.text).sentences, key=lambda sentence: sentence.rank)
        assert best.text == QUOTED
        assert best.score > 0.7


def test_the_report_shows_the_model_beside_the_sketch_and_the_baselines(folder):
    figures = json.loads((folder / "run" / "report.json").read_text())
    assert list(figures) == ["validation", "test"]
    systems = figures["test"]["sources"]["tiny"]["systems"]
    assert list(systems) == ["model", "sketch", *BASELINES]
    assert systems["model"]["auc"]["mean"] == 1.0
    rouge2 = {name: system["rouge2"]["mean"] for name, system in systems.items()}
    assert rouge2["oracle"] >= rouge2["model"] > rouge2["random"]
    metrics = json.loads((folder / "run" / "checkpoint" / "metrics.json").read_text())
    assert list(metrics) == ["validation", "test"]
    assert metrics["test"]["sources"]["tiny"]["systems"]["model"]["auc"] == [1.0, 1.0, 1.0]
    assert metrics["test"]["overall"]["systems"]["sketch"].keys() > {"rouge1", "rouge2", "rouge_lsum", "ndcg"}
    card = (folder / "run" / "checkpoint" / "README.md").read_text()
    assert card.startswith("# tiny-news 1\n")
    assert "sketch" in card
    page = (folder / "run" / "report.html").read_text()
    assert page.count("<svg") == 5
    assert QUOTED in page


def test_alignments_are_shown(folder, tmp_path):
    assert stage("align", folder / "ready", "--articles", 3, "--out", tmp_path / "a.html") == 0
    page = (tmp_path / "a.html").read_text()
    assert len(re.findall(r'id="article-\d+"', page)) == 3
    assert QUOTED.removesuffix(".") in page


def test_alignments_are_written_into_a_new_folder_and_not_over_one(folder, tmp_path, capsys):
    page = tmp_path / "new" / "dir" / "a.html"
    assert stage("align", folder / "ready", "--closeness", "lexical", "--out", page) == 0
    assert QUOTED.removesuffix(".") in page.read_text()
    assert stage("align", folder / "ready", "--closeness", "lexical", "--out", page.parent) == 1
    said = capsys.readouterr().err
    assert f"--out {page.parent} is a folder; name the page to write" in said
    assert ".draft" not in said


def test_closeness_functions_are_compared_and_the_sketch_stands_among_them(folder, tmp_path, capsys):
    arguments = [
        "compare",
        folder / "ready",
        "--out",
        tmp_path / "c",
        "--on",
        "lexical",
        "0.5*oracle+0.5*lexical",
    ]
    settings = ["--epochs", 2, "--width", 4, "--closeness", "lexical"]
    assert stage(*arguments, *settings) == 0
    figures = json.loads((tmp_path / "c" / "comparison.json").read_text())
    assert figures["split"] == "validation"
    systems = figures["overall"]["systems"]
    assert {"model: lexical", "model: sketch", "choice: lexical", "choice: blend"} <= set(systems)
    assert systems["choice: lexical"]["auc"]["mean"] == 1.0
    assert (tmp_path / "c" / "comparison.html").read_text().count("<svg") == 4
    capsys.readouterr()
    assert stage(*arguments, "--split", "test", *settings) == 0
    assert "epoch 1" not in capsys.readouterr().err  # what is fitted is not fitted again
    assert json.loads((tmp_path / "c" / "comparison.json").read_text())["split"] == "test"


def test_settings_are_searched_and_the_search_goes_on(folder, tmp_path, capsys):
    (tmp_path / "space.toml").write_text(SPACE)
    arguments = ["search", folder / "ready", "--space", tmp_path / "space.toml", "--out", tmp_path / "s"]
    settings = ["--closeness", "lexical", "--epochs", 2]
    assert stage(*arguments, "--trials", 2, "--jobs", 2, *settings) == 0
    first = (tmp_path / "s" / "trials.log").read_text()
    assert stage(*arguments, "--trials", 4, *settings) == 0
    assert (tmp_path / "s" / "trials.log").read_text().startswith(first)
    page = (tmp_path / "s" / "report.html").read_text()
    assert page.count("<td>complete</td>") + page.count("<td>pruned</td>") >= 4
    assert (
        stage("fit", folder / "ready", "--config", tmp_path / "s" / "best.toml", "--out", tmp_path / "best")
        == 0
    )
    assert "learning_rate" in (tmp_path / "s" / "best.toml").read_text()
    assert stage(*arguments, "--trials", 4, *settings, "--seed", 9) == 1
    assert "has fit.seed = 0, not 9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("[model]\nwidth = 3\n", "model.width must be {low = A, high = B}"),
        ("[model]\nwidth = { low = 9, high = 3 }\n", "model.width must be {low = A, high = B}"),
        ("[model]\nwidth = { choices = [] }\n", "model.width must be {low = A, high = B}"),
        ("[fit]\nlearning_rate = { low = 0.0, high = 1.0, log = true }\n", "fit.learning_rate must be"),
        ("[fit]\nspeed = { low = 0, high = 1 }\n", "fit.speed is not a setting"),
        ("[fit]\nwidth = { low = 1, high = 2 }\n", "fit.width is not a setting; [model] width is"),
        ("", "no setting to search"),
        (
            "[fit]\nloss = { choices = ['bce', 'mae'] }\n",
            "fit.loss changes what the monitored metric 'loss' means",
        ),
        ("closeness = { choices = ['oracle'] }\n", "closeness changes what the monitored metric"),
        ("[fit]\ncounted = { choices = ['article'] }\n", "fit.counted changes what the monitored metric"),
        ("[fit]\nweights = { choices = ['', 'tiny=2'] }\n", "fit.weights changes what the monitored metric"),
        ("name = { choices = ['a', 'b'] }\n", "name makes no difference to a trial"),
        ("version = { choices = ['1', '2'] }\n", "version makes no difference to a trial"),
        ("[fit]\nrestarts = { low = 1, high = 3 }\n", "fit.restarts makes no difference to a trial"),
        ("[fit]\ncombine = { choices = ['best'] }\n", "fit.combine makes no difference to a trial"),
        ("a = ", "is not a readable TOML file"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_by_name(folder, tmp_path, capsys, space, message):
    (tmp_path / "space.toml").write_text(space)
    arguments = ["search", folder / "ready", "--space", tmp_path / "space.toml", "--out", tmp_path / "s"]
    assert stage(*arguments, "--closeness", "lexical") == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "s").exists()


def test_a_range_with_whole_ends_is_whole_only_for_a_setting_that_is(tmp_path):
    (tmp_path / "space.toml").write_text(
        "[fit]\nl1 = { low = 0, high = 1 }\n[model]\nwidth = { low = 4, high = 9 }\n"
    )
    space, study = read_space(tmp_path / "space.toml"), optuna.create_study()
    trials = [study.ask() for _ in range(5)]
    assert any(0 < space["fit.l1"].suggest(trial, "l1") < 1 for trial in trials)
    assert all(isinstance(space["model.width"].suggest(trial, "width"), int) for trial in trials)


@pytest.mark.parametrize("monitor", ["mae", "ndcg", "rouge2"])
def test_weights_are_not_searched_whatever_is_monitored_for_they_choose_what_is_measured(
    folder, tmp_path, capsys, monitor
):
    (tmp_path / "space.toml").write_text("[fit]\nweights = { choices = ['', 'tiny=0'] }\n")
    arguments = ("--space", tmp_path / "space.toml", "--out", tmp_path / "s", "--monitor", monitor)
    assert stage("search", folder / "ready", *arguments) == 1
    assert capsys.readouterr().err.endswith("could not be compared; leave it out of the space\n")


def test_a_run_file_is_under_the_command_line(tmp_path, capsys):
    (tmp_path / "run.toml").write_text("name = 'news'\n[fit]\nepochs = 7\nseed = 3\n")
    assert stage("config", "--config", tmp_path / "run.toml", "--epochs", 9) == 0
    printed = capsys.readouterr().out
    for line in ('name = "news"', "epochs = 9", "seed = 3"):
        assert f"\n{line}\n" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "many"], "[fit] epochs must be a whole number; got 'many'"),
        (["--bidirectional", "yes"], "[model] bidirectional must be true or false; got 'yes'"),
        (["--loss", "hinge"], "[fit] loss must be one of bce, mae, mse, ranking; got 'hinge'"),
        (["--closeness", "vibes"], "vibes"),
    ],
)
def test_a_wrong_setting_is_one_line_and_status_1(capsys, arguments, message):
    assert stage("config", *arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("training: ")
    assert message in line


def test_what_cannot_be_read_is_one_line_and_status_1(folder, tmp_path, capsys):
    for arguments, message in (
        (
            ["prepare", tmp_path / "no.jsonl", "--encoder", folder / "encoder", "--out", tmp_path / "o"],
            "does not exist",
        ),
        (["inspect", tmp_path / "no.jsonl"], "does not exist"),
        (["fit", tmp_path, "--out", tmp_path / "o"], "does not contain prepared articles"),
        (["report", tmp_path], "does not contain a run"),
        (["align", tmp_path, "--out", tmp_path / "o.html"], "does not contain prepared articles"),
    ):
        assert stage(*arguments) == 1
        errors = capsys.readouterr().err.splitlines()
        assert errors[-1].startswith("training: ")
        assert message in errors[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect", "corpus"], "training: interrupted; run the same command again\n"),
        (["fit", "ready", "--out", "run"], "training: interrupted; run the same command again; it resumes\n"),
    ],
)
def test_an_interrupted_stage_says_whether_it_resumes(monkeypatch, capsys, arguments, said):
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for called in ("fit_run", "read_corpus"):
        monkeypatch.setattr(f"training.__main__.{called}", interrupt)
    assert main(arguments) == 130
    assert capsys.readouterr().err == said


def test_refused_rows_are_named(tmp_path, capsys):
    corpus = write_corpus(tmp_path / "corpus.jsonl", 3)
    corpus.write_text(corpus.read_text() + '{"id": "x", "text": "", "quotes": ["a"]}\n')
    encoder = make_encoder_folder(tmp_path / "encoder")
    assert stage("prepare", corpus, "--encoder", encoder, "--out", tmp_path / "ready") == 0
    output = capsys.readouterr()
    assert "corpus.jsonl:4: text: should be a string that is not blank" in output.err
    assert "; 1 row refused" in output.out


def test_what_follows_from_an_empty_split_is_told_as_it_is(tmp_path, capsys):
    corpus, encoder = tmp_path / "corpus.jsonl", make_encoder_folder(tmp_path / "encoder")
    lines = write_corpus(corpus).read_text().splitlines(keepends=True)
    kept = [line for line in lines if split_of(json.loads(line)["id"]) != "test"]
    corpus.write_text("".join(kept))
    ready, quick = tmp_path / "ready", ("--closeness", "lexical")
    assert stage("prepare", corpus, "--encoder", encoder, "--out", ready, *quick) == 0
    said = "no article falls into the test split, so report will have nothing to measure there"
    assert said in capsys.readouterr().err
    assert stage("fit", ready, "--out", tmp_path / "run", "--epochs", 1, *quick) == 0
    assert stage("report", tmp_path / "run") == 0
    corpus.write_text(kept[0])
    assert stage("prepare", corpus, "--encoder", encoder, "--out", tmp_path / "one", *quick) == 0
    assert "no article falls into the validation split, so fit will refuse" in capsys.readouterr().err
    assert stage("fit", tmp_path / "one", "--out", tmp_path / "refused", *quick) == 1


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("[model]\ndropout_inputs = { low = 0.0, high = 1.5 }\n", "model.dropout_inputs = 1.5 is impossible"),
        ("[model]\nwidth = { choices = [4, 'x'] }\n", "model.width = 'x' is impossible"),
    ],
)
def test_a_space_with_an_impossible_value_is_refused_before_the_search(
    folder, tmp_path, capsys, space, message
):
    (tmp_path / "space.toml").write_text(space)
    out = tmp_path / "search"
    assert stage("search", folder / "ready", "--space", tmp_path / "space.toml", "--out", out) == 1
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_search_whose_trials_all_fail_comes_to_an_end(folder, tmp_path, capsys):
    (tmp_path / "space.toml").write_text("[model]\nactivation = { choices = ['linear'] }\n")
    arguments = ("--space", tmp_path / "space.toml", "--trials", 2, "--loss", "mse", "--learning-rate", 1e30)
    arguments += ("--epochs", 2, "--clip", 0, "--optimizer", "rmsprop", "--closeness", "lexical")
    assert stage("search", folder / "ready", *arguments, "--out", tmp_path / "search") == 1
    assert "none of 2 trials" in capsys.readouterr().err


def test_a_search_goes_on_after_a_kill_while_its_log_was_written(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("space.toml").write_text(SPACE)
    arguments = ("--space", "space.toml", "--out", "search", "--epochs", 1, "--closeness", "lexical")
    assert stage("search", folder / "ready", *arguments, "--trials", 1) == 0
    with Path("search/trials.log").open("a") as log:
        log.write('{"op_code": 4, "wor')
    Path("search/trials.log.lock").symlink_to("search/trials.log")
    assert stage("search", folder / "ready", *arguments, "--trials", 2) == 0


def test_a_trial_that_a_kill_left_unfinished_is_not_counted(folder, tmp_path, capsys):
    (tmp_path / "space.toml").write_text(SPACE)
    arguments = ("--space", tmp_path / "space.toml", "--out", tmp_path / "s", "--epochs", 1)
    arguments += ("--closeness", "lexical", "--trials")
    assert stage("search", folder / "ready", *arguments, 1) == 0
    log = JournalStorage(JournalFileBackend(str(tmp_path / "s" / "trials.log")))
    optuna.load_study(study_name="search", storage=log).ask()
    assert stage("search", folder / "ready", *arguments, 2) == 0
    assert "best of 2 trials" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        ("fit = 3\n", ("--epochs", 2), "fit must be a table; got 3"),
        ("model = 3\n", (), "model must be a table; got 3"),
        ("[fit]\nl2 = 1" + 400 * "0" + "\n", (), "l2 is too large"),
        ("", ("--device", "banana"), "device 'banana' is not supported"),
    ],
)
def test_a_run_file_that_is_none_is_one_line(folder, tmp_path, capsys, config, arguments, message):
    (tmp_path / "run.toml").write_text(config)
    arguments += ("--config", tmp_path / "run.toml", "--out", tmp_path / "run")
    assert stage("fit", folder / "ready", *arguments) == 1
    assert message in capsys.readouterr().err
