"""Runs as folders, through the commands: resumed, combined, refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from summarizer import Summarizer, SummaryOptions, checkpoint
from summarizer.alone import alone
from tests.tiny import make_encoder_folder
from tests.training.corpus import write_corpus
from training.__main__ import main
from training.config import run_config
from training.distributed import ProcessError
from training.runs import RunError, fit_run, open_run, report_run

ROOT = Path(__file__).parents[2]
RUN = {"model": {"width": 8}, "fit": {"epochs": 3, "learning_rate": 0.02, "device": "cpu"}}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    corpus, encoder = write_corpus(folder / "corpus.jsonl"), make_encoder_folder(folder / "encoder")
    arguments = [
        str(corpus),
        "--encoder",
        str(encoder),
        "--closeness",
        "lexical",
        "--out",
        str(folder / "ready"),
    ]
    assert main(["prepare", *arguments]) == 0
    return folder / "ready"


def with_fit(**settings: object) -> object:
    return run_config({**RUN, "closeness": "lexical", "fit": {**RUN["fit"], **settings}})


def test_a_run_holds_its_settings_and_a_checkpoint_that_loads(prepared, tmp_path):
    fit_run(prepared, tmp_path / "run", with_fit())
    run, loaded, splits = open_run(tmp_path / "run")
    assert run == with_fit()
    assert loaded.config.closeness == "lexical"
    assert loaded.config.training["run"]["fit"]["epochs"] == 3
    assert len(loaded.config.training["history"]["0"]) == 3
    assert {split: len(found) for split, found in splits.items()} == loaded.config.training["articles"]
    assert "epochs = 3" in (tmp_path / "run" / "run.toml").read_text()
    assert len(Summarizer.load(tmp_path / "run" / "checkpoint").evaluate("A fire. The vote.").sentences) == 2


def test_targets_that_are_missing_are_made(prepared, tmp_path):
    fit_run(prepared, tmp_path / "run", run_config({**RUN, "closeness": "semantic+oracle"}))
    assert open_run(tmp_path / "run")[1].config.closeness == "semantic+oracle"


def test_the_same_command_twice_gives_the_same_checkpoint(prepared, tmp_path):
    for name in ("one", "one", "two"):
        fit_run(prepared, tmp_path / name, with_fit())
    one, two = (
        (tmp_path / name / "checkpoint" / "model.safetensors").read_bytes() for name in ("one", "two")
    )
    assert one == two


def test_of_several_restarts_the_best_is_kept(prepared, tmp_path):
    fit_run(prepared, tmp_path / "run", with_fit(restarts=3, seed=5))
    config = open_run(tmp_path / "run")[1].config
    losses = {
        seed: min(epoch["validation_loss"] for epoch in history)
        for seed, history in config.training["history"].items()
    }
    assert list(losses) == ["5", "6", "7"]
    assert config.training["seeds"] == [int(min(losses, key=losses.__getitem__))]
    assert config.model.members == 1


def test_or_the_scores_of_all_are_averaged(prepared, tmp_path):
    fit_run(prepared, tmp_path / "all", with_fit(restarts=2, combine="average"))
    averaged = open_run(tmp_path / "all")[1]
    assert averaged.config.training["seeds"] == [0, 1]
    text = "The council said the vote on the budget was a fire. It was a storm."
    alone = []
    for seed in (0, 1):
        fit_run(prepared, tmp_path / str(seed), with_fit(seed=seed))
        alone.append(Summarizer.load(tmp_path / str(seed) / "checkpoint").evaluate(text).sentences)
    together = Summarizer.load(tmp_path / "all" / "checkpoint").evaluate(text).sentences
    for sentence, one, other in zip(together, *alone, strict=True):
        assert sentence.score == pytest.approx((one.score + other.score) / 2, abs=1e-6)


def test_a_folder_with_another_run_is_refused_and_says_what_differs(prepared, tmp_path):
    fit_run(prepared, tmp_path / "run", with_fit())
    with pytest.raises(RunError, match=r"has fit\.epochs = 3, not 4"):
        fit_run(prepared, tmp_path / "run", with_fit(epochs=4))
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("three years of work")
    with pytest.raises(RunError, match=r"exists but does not contain run\.toml"):
        fit_run(prepared, tmp_path / "thesis", with_fit())


def test_a_folder_without_a_finished_run_is_refused(tmp_path, prepared):
    with pytest.raises(RunError, match=r"does not contain a run: run\.toml is missing"):
        open_run(tmp_path)
    fit_run(prepared, tmp_path / "run", with_fit())
    (tmp_path / "run" / "checkpoint").rename(tmp_path / "elsewhere")
    with pytest.raises(RunError, match="is not finished; run fit again"):
        open_run(tmp_path / "run")


def test_a_run_is_not_measured_on_other_articles_than_it_was_fitted_on(prepared, tmp_path, capsys):
    folder, ready = tmp_path / "corpus", tmp_path / "ready"
    folder.mkdir()
    arguments = [
        "prepare",
        str(write_corpus(folder / "tiny.jsonl")),
        "--encoder",
        str(prepared.parent / "encoder"),
    ]
    assert main([*arguments, "--closeness", "lexical", "--out", str(ready)]) == 0
    fit_run(ready, tmp_path / "run", with_fit())
    write_corpus(folder / "tiny.jsonl", 60)
    assert main([*arguments, "--closeness", "lexical", "--out", str(ready)]) == 0
    assert "20 articles in" in capsys.readouterr().out
    with pytest.raises(RunError, match=r"does not contain the articles that .*run was started on"):
        open_run(tmp_path / "run")
    with pytest.raises(RunError, match="does not contain the articles"):
        fit_run(ready, tmp_path / "run", with_fit())
    assert open_run(tmp_path / "run", prepared)[0] == with_fit()  # the same articles, elsewhere


def command(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "training", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_fit_killed_by_the_system_goes_on_to_the_same_weights(prepared, tmp_path):
    settings = [
        "--closeness",
        "lexical",
        "--width",
        "8",
        "--epochs",
        "60",
        "--patience",
        "60",
        "--device",
        "cpu",
    ]
    state = tmp_path / "killed" / "restarts" / "0" / "state.pt"
    process = command("fit", prepared, "--out", tmp_path / "killed", *settings)
    deadline = time.monotonic() + 60
    while not state.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = len(torch.load(state, weights_only=True)["history"])
    assert 1 <= done < 60
    assert not (tmp_path / "killed" / "checkpoint").exists()
    for name in ("killed", "whole"):
        assert main(["fit", str(prepared), "--out", str(tmp_path / name), *settings]) == 0
    killed, whole = (tmp_path / name / "checkpoint" for name in ("killed", "whole"))
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert checkpoint.load(killed).config == checkpoint.load(whole).config


def test_preparing_that_was_killed_goes_on_and_ends_with_the_same_articles(tmp_path):
    corpus = write_corpus(tmp_path / "corpus.jsonl", 600)
    encoder = make_encoder_folder(tmp_path / "encoder")
    process = command("prepare", corpus, "--encoder", encoder, "--out", tmp_path / "killed")
    while not any(file.stat().st_size for file in (tmp_path / "killed").glob("vectors/*/index.jsonl")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    for name in ("killed", "whole"):
        assert main(["prepare", str(corpus), "--encoder", str(encoder), "--out", str(tmp_path / name)]) == 0
    found = [json.loads((tmp_path / name / "manifest.json").read_text()) for name in ("killed", "whole")]
    assert found[0] == found[1]
    for pattern in ("vectors/*/rows.f32", "targets/*/rows.f32"):
        killed, whole = (next((tmp_path / name).glob(pattern)).read_bytes() for name in ("killed", "whole"))
        assert killed == whole


def test_the_figures_in_a_checkpoint_survive_the_same_fit_again(prepared, tmp_path):
    fit_run(prepared, tmp_path / "run", with_fit(epochs=1))
    report_run(tmp_path / "run")
    kept = {file: file.read_bytes() for file in (tmp_path / "run" / "checkpoint").glob("*.*")}
    fit_run(prepared, tmp_path / "run", with_fit(epochs=1))
    assert {file: file.read_bytes() for file in (tmp_path / "run" / "checkpoint").glob("*.*")} == kept


def test_a_fit_that_is_refused_leaves_the_run_with_its_own_articles(prepared, tmp_path, monkeypatch):
    monkeypatch.chdir(prepared.parent)
    fit_run(Path("ready"), tmp_path / "run", with_fit(epochs=1))
    corpus = write_corpus(tmp_path / "other.jsonl", articles=60)
    arguments = [str(corpus), "--encoder", "encoder", "--closeness", "lexical"]
    assert main(["prepare", *arguments, "--out", str(tmp_path / "other")]) == 0
    with pytest.raises(RunError, match="does not contain the articles"):
        fit_run(tmp_path / "other", tmp_path / "run", with_fit(epochs=1))
    monkeypatch.chdir(tmp_path)
    assert sum(map(len, open_run(tmp_path / "run")[2].values())) == 80


def test_a_kill_before_the_first_file_leaves_a_folder_that_can_be_used(prepared, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".run.toml.draft").write_text("name = ")
    fit_run(prepared, tmp_path / "run", with_fit(epochs=1))


def test_two_at_once_in_one_folder_are_refused(prepared, tmp_path):
    fit_run(prepared, tmp_path / "run", with_fit(epochs=1))
    with alone(tmp_path / "run"), pytest.raises(BlockingIOError, match="another process"):
        fit_run(prepared, tmp_path / "run", with_fit(epochs=1))


def test_two_runs_of_one_name_are_not_taken_for_one(prepared, tmp_path):
    for name in ("run", "model"):
        fit_run(prepared, tmp_path / name, with_fit(epochs=1))
    with pytest.raises(RunError, match="'model'"):
        report_run(tmp_path / "run", beside=[tmp_path / "model"])


def test_a_run_beside_is_measured_with_the_rarity_that_it_was_trained_with(prepared, tmp_path):
    corpus = write_corpus(tmp_path / "larger.jsonl", articles=160)
    arguments = [str(corpus), "--encoder", str(prepared.parent / "encoder"), "--closeness", "lexical"]
    assert main(["prepare", *arguments, "--out", str(tmp_path / "larger")]) == 0
    fit_run(tmp_path / "larger", tmp_path / "other", with_fit())
    fit_run(prepared, tmp_path / "run", with_fit(epochs=1))
    found = report_run(tmp_path / "run", beside=[tmp_path / "other"])["test"]
    other = open_run(tmp_path / "other")[1]
    articles = open_run(tmp_path / "run")[2]["test"]
    served = [Summarizer(other).evaluate_sentences(list(article.sentences)).sentences for article in articles]
    error = np.abs(
        np.concatenate(
            [
                [sentence.score for sentence in sentences] - article.targets
                for article, sentences in zip(articles, served, strict=True)
            ]
        )
    ).mean()
    assert found["overall"]["models"]["other"]["absolute_error"] == pytest.approx(error, abs=1e-6)


def test_a_checkpoint_counts_the_articles_that_were_used_and_tells_how_they_were_prepared(tmp_path):
    corpus = write_corpus(tmp_path / "corpus.jsonl")
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["source"] = "blog" if number % 2 else "news"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--encoder", str(make_encoder_folder(tmp_path / "encoder")), "--closeness", "lexical"]
    options += ["--boilerplate", "0.5", "--introductions", "blog", "--out", str(tmp_path / "ready")]
    assert main(["prepare", str(corpus), *options]) == 0
    fit_run(tmp_path / "ready", tmp_path / "run", with_fit(epochs=1, weights="blog=0,blog-introduced=0"))
    _, loaded, splits = open_run(tmp_path / "run")
    training = loaded.config.training
    news = {split: sum(one.source == "news" for one in found) for split, found in splits.items()}
    assert training["articles"] == news
    assert training["sources"] == {"news": sum(news.values())}
    assert training["left_out"] == ["blog", "blog-introduced"]
    assert (training["boilerplate"], training["introductions"]) == (0.5, ["blog"])


def test_a_run_with_kinds_makes_a_checkpoint_that_recognizes_them_and_takes_their_names(tmp_path):
    corpus = write_corpus(tmp_path / "corpus.jsonl")
    rows = [json.loads(line) for line in corpus.read_text().splitlines()]
    for number, row in enumerate(rows):
        row["source"] = "blog" if number % 2 else "news"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options = ["--encoder", str(make_encoder_folder(tmp_path / "encoder")), "--closeness", "lexical"]
    assert main(["prepare", str(corpus), *options, "--out", str(tmp_path / "ready")]) == 0
    settings = with_fit(epochs=1, restarts=2, combine="average", kinds="first=news,second=blog")
    fit_run(tmp_path / "ready", tmp_path / "run", settings)
    fit_run(tmp_path / "ready", tmp_path / "run", settings)  # done already: nothing is trained again
    report_run(tmp_path / "run")
    summarizer = Summarizer.load(tmp_path / "run" / "checkpoint")
    assert summarizer.kinds == ("first", "second")
    scores = {
        kind: [s.score for s in summarizer.evaluate(rows[0]["text"], SummaryOptions(kind=kind)).sentences]
        for kind in (*summarizer.kinds, None)
    }
    assert scores["first"] != scores["second"]
    assert scores[None] in (scores["first"], scores["second"])
    assert "first, second" in (tmp_path / "run" / "checkpoint" / "README.md").read_text()


def test_a_device_that_is_none_does_not_claim_the_folder(prepared, tmp_path):
    for device in ("mps", "meta"):
        with pytest.raises(ProcessError, match="is not supported"):
            fit_run(prepared, tmp_path / "run", with_fit(device=device))
    assert not (tmp_path / "run").exists()


def test_a_fit_finds_the_encoder_where_it_was_moved_and_else_claims_nothing(tmp_path, capsys):
    corpus, encoder = write_corpus(tmp_path / "corpus.jsonl"), make_encoder_folder(tmp_path / "encoder")
    ready, run, lexical = tmp_path / "ready", tmp_path / "run", ["--closeness", "lexical"]
    assert main(["prepare", str(corpus), "--encoder", str(encoder), "--out", str(ready), *lexical]) == 0
    moved, other = encoder.rename(tmp_path / "moved"), make_encoder_folder(tmp_path / "other", seed=9)
    arguments = ["fit", str(ready), "--out", str(run), "--closeness", "semantic", "--epochs", "1"]
    assert main(arguments) == 1
    said = capsys.readouterr().err
    assert f"cannot be opened at {encoder}" in said
    assert "use fit --encoder PATH, or run prepare again with it, which keeps the vectors" in said
    assert main([*arguments, "--encoder", str(other)]) == 1
    assert "was prepared with an encoder of digest" in capsys.readouterr().err
    assert not run.exists()
    assert main([*arguments, "--encoder", str(moved)]) == 0
    assert open_run(run)[1].encoder.name == "moved"


def test_the_report_names_the_epoch_that_was_kept_by_the_monitored_metric(prepared, tmp_path):
    fit_run(prepared, tmp_path / "run", with_fit(monitor="ndcg", epochs=2))
    file = tmp_path / "run" / "checkpoint" / "config.json"
    config = json.loads(file.read_text())
    history = config["training"]["history"]["0"]
    for epoch, loss, gain in zip(history, (0.2, 0.3), (0.5, 0.6), strict=True):
        epoch |= {"validation_loss": loss, "ndcg": gain}
    file.write_text(json.dumps(config))
    report_run(tmp_path / "run")
    page = " ".join((tmp_path / "run" / "report.html").read_text().split())
    assert "The model is that of epoch 2, with a validation loss of 0.3000." in page


def test_a_run_beside_with_the_name_of_a_baseline_is_refused_with_what_to_do(prepared, tmp_path):
    for name in ("run", "lead"):
        fit_run(prepared, tmp_path / name, with_fit(epochs=1))
    with pytest.raises(RunError, match=r"lead: 'lead' is a baseline in the report; rename the folder"):
        report_run(tmp_path / "run", beside=[tmp_path / "lead"])


def test_a_run_on_the_blend_is_resumed_under_every_spelling_of_its_closeness(prepared, tmp_path):
    for name in ("blend", "oracle+lexical", "lexical + oracle"):
        config = fit_run(prepared, tmp_path / "run", run_config({**RUN, "closeness": name}))
        assert config.closeness == "blend"
    run_file = tmp_path / "run" / "run.toml"
    run_file.write_text(run_file.read_text().replace('"blend"', '"lexical+oracle"'))  # of an earlier version
    assert open_run(tmp_path / "run")[0].closeness == "blend"
    fit_run(prepared, tmp_path / "run", run_config({**RUN, "closeness": "blend"}))
