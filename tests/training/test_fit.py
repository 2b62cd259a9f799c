import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from summarizer.model import ModelConfig, network_input
from summarizer.text_features import text_features
from tests.tiny import RARITY
from training.config import FitConfig
from training.distributed import ProcessError, Processes, processes
from training.fit import Epoch, FitError, Fitted, fit
from training.losses import binary_cross_entropy
from training.network import pad
from training.prepared import PreparedArticle

ALONE = Processes(0, 1, torch.device("cpu"))
PLAIN = {"normalize": "none", "text_features": False, "dropout_inputs": 0.0, "dropout_outputs": 0.0}
MODEL = ModelConfig(dimension=4, width=8, **PLAIN)
QUICK = FitConfig(epochs=3, batch_steps=32, device="cpu")
ROOT = Path(__file__).parents[2]


def prepared(count: int, seed: int) -> list[PreparedArticle]:
    """Articles whose target is 1 where the first number of the vector is positive."""
    generator = np.random.default_rng(seed)
    articles = []
    for number in range(count):
        vectors = generator.normal(size=(generator.integers(1, 12), 4)).astype(np.float32)
        targets = (vectors[:, 0] > 0).astype(np.float32)
        sentences = [f"sentence {index}" for index in range(len(vectors))]
        articles.append(
            PreparedArticle(
                f"a/{number}",
                None,
                "a",
                ("sentence 1",),
                "train",
                sentences,
                vectors,
                text_features(sentences, RARITY),
                targets,
            )
        )
    return articles


TRAINING, VALIDATION = prepared(30, 0), prepared(12, 1)


def run(config: FitConfig = QUICK, model: ModelConfig = MODEL, **others: object) -> Fitted:
    return fit(TRAINING, VALIDATION, model, config, ALONE, **others)  # type: ignore[arg-type]


def weights(fitted: Fitted) -> dict[str, list[float]]:
    return {name: tensor.flatten().tolist() for name, tensor in fitted.network.state_dict().items()}


def test_a_pattern_that_can_be_learnt_is_learnt():
    found = run(dataclasses.replace(QUICK, epochs=25, learning_rate=0.03))
    assert found.best.validation_loss < 0.2 < found.history[0].validation_loss
    assert found.best.ndcg > 0.98


def test_eight_articles_are_overfitted():
    """The whole path of the gradient works: with nothing to hold it back, the training loss goes to 0."""
    generator = np.random.default_rng(5)
    eight = [
        dataclasses.replace(
            article, targets=(generator.random(len(article.targets)) > 0.5).astype(np.float32)
        )
        for article in prepared(8, 3)
    ]
    config = FitConfig(epochs=80, patience=80, learning_rate=0.05, l2=0.0, batch_steps=512, device="cpu")
    model = ModelConfig(dimension=4, width=24, **PLAIN)
    history = fit(eight, eight, model, config, ALONE).history
    assert history[0].training_loss > 0.6
    assert history[-1].training_loss < 0.02


def test_littered_forms_are_learned_from_beside_their_articles_and_measured_nowhere():
    forms = [dataclasses.replace(article, targets=1 - article.targets) for article in TRAINING]
    twice = [
        dataclasses.replace(article, littered=form) for article, form in zip(TRAINING, forms, strict=True)
    ]
    found = fit(twice, VALIDATION, MODEL, QUICK, ALONE)
    assert weights(found) == weights(fit([*TRAINING, *forms], VALIDATION, MODEL, QUICK, ALONE))
    assert weights(found) != weights(run())
    littered = [dataclasses.replace(article, littered=TRAINING[0]) for article in VALIDATION]
    assert fit(twice, littered, MODEL, QUICK, ALONE).history == found.history


@pytest.mark.parametrize("loss", ["bce", "mae", "mse", "ranking"])
@pytest.mark.parametrize("optimizer", ["adamw", "adam", "rmsprop"])
def test_every_loss_falls_with_every_optimizer(loss, optimizer):
    config = dataclasses.replace(QUICK, epochs=8, learning_rate=0.01, loss=loss, optimizer=optimizer)
    history = run(config).history
    assert history[-1].training_loss < 0.9 * history[0].training_loss
    assert all(0 <= epoch.mae <= 1 and 0 <= epoch.ndcg <= 1 for epoch in history)


@pytest.mark.parametrize("loss", ["bce", "mae", "mse", "ranking"])
def test_loss_and_metrics_of_validation_do_not_depend_on_how_articles_are_batched(loss):
    """So padding has no part in any of them. No step is taken between the two: learning rate next to 0."""
    config = FitConfig(epochs=1, loss=loss, learning_rate=1e-12, l2=0.0, monitor="rouge2", device="cpu")
    alone, together = (
        run(dataclasses.replace(config, batch_steps=steps)).history[0] for steps in (1, 100_000)
    )
    for name in ("training_loss", "validation_loss", "mae", "ndcg", "rouge2"):
        assert getattr(alone, name) == pytest.approx(getattr(together, name), rel=1e-5), name


def from_source(source: str, articles: list[PreparedArticle]) -> list[PreparedArticle]:
    return [dataclasses.replace(article, source=source) for article in articles]


def test_a_source_of_weight_0_takes_no_part():
    other = from_source("other", prepared(20, 9))
    config = dataclasses.replace(QUICK, weights="other=0")
    mixed = fit(TRAINING + other, VALIDATION + other, MODEL, config, ALONE)
    assert [dataclasses.astuple(epoch) for epoch in mixed.history] == [
        dataclasses.astuple(epoch) for epoch in run(QUICK).history
    ]


def test_weights_decide_what_the_loss_is_a_mean_of():
    """Before anything is learnt: the loss of both sources is the weighted mean of the loss of each."""
    other = from_source("other", prepared(20, 9))
    still = FitConfig(epochs=1, learning_rate=1e-12, l2=0.0, device="cpu")

    def loss(articles: list[PreparedArticle], **settings: str) -> float:
        config = dataclasses.replace(still, **settings)
        return fit(TRAINING, articles, MODEL, config, ALONE).best.validation_loss

    sizes = [sum(len(article.targets) for article in articles) for articles in (VALIDATION, other)]
    expected = np.average([loss(VALIDATION), loss(other)], weights=[sizes[0], 0.25 * sizes[1]])
    both = VALIDATION + other
    assert loss(both, weights="other=0.25") == pytest.approx(expected, rel=1e-5)
    by_article = [loss([article], counted="article") for article in both]
    assert loss(both, counted="article") == pytest.approx(np.mean(by_article), rel=1e-5)


def test_weights_that_name_no_source_are_refused():
    with pytest.raises(
        FitError, match="names poems, which is not a source of these articles; the sources are a"
    ):
        run(dataclasses.replace(QUICK, weights="poems=2"))
    with pytest.raises(FitError, match="leaves no article"):
        run(dataclasses.replace(QUICK, weights="a=0"))


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_the_validation_loss_is_the_mean_over_real_sentences(average):
    found = run(dataclasses.replace(QUICK, epochs=1, average=average))
    total = count = 0.0
    for article in VALIDATION:
        batch = pad([network_input(article.vectors, article.features, MODEL)])
        loss = binary_cross_entropy(
            found.network(batch), torch.from_numpy(article.targets)[None], batch.mask.float()
        )
        total, count = total + loss.sum.item(), count + loss.weight.item()
    assert found.history[0].validation_loss == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("monitor", ["loss", "mae", "ndcg", "rouge2"])
def test_the_network_of_the_best_epoch_by_the_monitored_metric_is_kept(monitor):
    config = FitConfig(
        epochs=60, patience=2, learning_rate=0.1, batch_steps=16, monitor=monitor, device="cpu"
    )
    found = run(config)
    values = [
        epoch.validation_loss if monitor == "loss" else getattr(epoch, monitor) for epoch in found.history
    ]
    best = max(values) if monitor in ("ndcg", "rouge2") else min(values)
    assert found.best == found.history[values.index(best)]
    assert len(found.history) == 60 or len(found.history) == found.best.number + 2
    again = fit(TRAINING, VALIDATION, MODEL, dataclasses.replace(config, epochs=found.best.number), ALONE)
    assert weights(again) == weights(found)


def test_the_same_seed_gives_the_same_network_and_another_seed_another():
    noisy = dataclasses.replace(MODEL, dropout_inputs=0.2, dropout_recurrent=0.2, dropout_outputs=0.2)
    runs = [weights(run(dataclasses.replace(QUICK, seed=seed), noisy)) for seed in (3, 3, 4)]
    assert runs[0] == runs[1] != runs[2]


class Killed(Exception):
    """Stands for a kill: nothing after it runs."""


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
@pytest.mark.parametrize("place", [(1, 0), (1, 3), (2, 1), (3, 5)])
def test_a_fit_that_was_killed_in_any_step_ends_with_the_same_weights(
    tmp_path, monkeypatch, optimizer, place
):
    noisy = dataclasses.replace(MODEL, dropout_inputs=0.2, dropout_recurrent=0.2, dropout_outputs=0.2)
    average = 0.9 if optimizer == "rmsprop" else 0.0
    config = dataclasses.replace(QUICK, optimizer=optimizer, schedule="cosine", warmup=0.2, average=average)
    whole = run(config, noisy)
    monkeypatch.setattr("training.fit.SECONDS_BETWEEN_SAVES", 0.0)
    with monkeypatch.context() as patched:
        from training.fit import _Fitting

        step = _Fitting._train

        def dying(self, batch, epoch, number, steps):  # type: ignore[no-untyped-def]
            if (epoch, number) == place:
                raise Killed
            step(self, batch, epoch, number, steps)

        patched.setattr(_Fitting, "_train", dying)
        with pytest.raises(Killed):
            run(config, noisy, state_file=tmp_path / "state.pt")
    resumed = run(config, noisy, state_file=tmp_path / "state.pt")
    assert weights(resumed) == weights(whole)
    assert resumed.history == whole.history


def test_the_average_of_the_weights_is_kept_while_training_goes_on_without_it(monkeypatch):
    from training.fit import _Fitting

    steps: list[dict[str, np.ndarray]] = []
    step = _Fitting._train

    def watched(self, *arguments):  # type: ignore[no-untyped-def]
        step(self, *arguments)
        steps.append(self.network.weights())

    monkeypatch.setattr(_Fitting, "_train", watched)
    run(QUICK)
    without, steps = steps, []
    found = run(dataclasses.replace(QUICK, average=0.5))
    for name, trained in steps[-1].items():
        np.testing.assert_array_equal(trained, without[-1][name])
        expected = steps[0][name]
        for number, now in enumerate(steps[1 : len(steps) * found.best.number // QUICK.epochs], start=1):
            decay = min(0.5, (1 + number) / (10 + number))
            expected = decay * expected + (1 - decay) * now[name]
        np.testing.assert_allclose(found.network.weights()[name], expected, atol=1e-6, err_msg=name)


def test_a_finished_fit_is_not_done_again(tmp_path):
    first = run(state_file=tmp_path / "state.pt")
    epochs: list[Epoch] = []
    again = run(state_file=tmp_path / "state.pt", on_epoch=epochs.append)
    assert epochs == []
    assert weights(again) == weights(first)


def test_the_state_of_another_fit_is_refused(tmp_path):
    file = tmp_path / "state.pt"
    run(state_file=file, fingerprint="one")
    with pytest.raises(FitError, match="data was one, is other"):
        run(state_file=file, fingerprint="other")
    with pytest.raises(FitError, match=r"fit was .*'epochs': 3.* is .*'epochs': 4"):
        run(dataclasses.replace(QUICK, epochs=4), state_file=file, fingerprint="one")
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(
        FitError, match=r"state\.pt cannot be read as the state of a fit.*remove it to start over"
    ):
        run(state_file=file, fingerprint="one")


def test_schedules_go_where_they_say(monkeypatch):
    seen: list[float] = []
    step = torch.optim.AdamW.step

    def watched(self, *arguments):  # type: ignore[no-untyped-def]
        seen.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.AdamW, "step", watched)
    for schedule, end in (("constant", 1.0), ("linear", 0.0), ("cosine", 0.0)):
        seen.clear()
        run(dataclasses.replace(QUICK, epochs=4, schedule=schedule, warmup=0.25, learning_rate=1.0, l2=0.0))
        steps = len(seen) // 4
        assert seen[: steps - 1] == sorted(seen[: steps - 1])
        assert max(seen) == pytest.approx(1.0, abs=0.2)
        assert seen[-1] == pytest.approx(end, abs=1e-6)


@pytest.mark.parametrize("penalty", ["l1", "l2"])
def test_penalties_make_matrices_smaller_and_leave_biases_alone(penalty):
    free, held = (
        run(
            dataclasses.replace(QUICK, epochs=6, learning_rate=0.02, **{"l1": 0.0, "l2": 0.0, penalty: value})
        )
        for value in (0.0, 0.05 if penalty == "l1" else 1.0)
    )
    matrices = [name for name, tensor in free.network.state_dict().items() if tensor.ndim > 1]
    size = {
        one: sum(one.network.state_dict()[name].abs().sum().item() for name in matrices)
        for one in (free, held)
    }
    assert size[held] < 0.8 * size[free]


def test_bfloat16_trains_too():
    history = run(dataclasses.replace(QUICK, epochs=8, learning_rate=0.02, precision="bfloat16")).history
    assert history[-1].training_loss < 0.9 * history[0].training_loss


def test_a_loss_that_is_no_number_is_an_error_that_says_what_to_do():
    wild = dataclasses.replace(QUICK, loss="mse", learning_rate=1e30, clip=0.0)
    with pytest.raises(FitError, match=r"in epoch .*; lower learning_rate or set clip"):
        run(wild, dataclasses.replace(MODEL, activation="linear"))


def test_a_network_that_does_not_fit_into_memory_is_an_error_that_says_what_to_do():
    with pytest.raises(FitError, match=r"out of memory: .*; reduce width, layers or batch_steps"):
        run(model=dataclasses.replace(MODEL, width=10**9))


def test_without_articles_it_says_what_is_missing():
    with pytest.raises(FitError, match="no training article"):
        fit([], VALIDATION, MODEL, QUICK, ALONE)
    with pytest.raises(FitError, match="no validation article"):
        fit(TRAINING, [], MODEL, QUICK, ALONE)


@pytest.mark.parametrize("device", ["mps", "meta", "cpu:0", "cuda:", "cuda:-1", "", "banana"])
def test_a_device_that_a_fit_cannot_use_is_refused_by_name(device):
    with pytest.raises(ProcessError, match=f"device '{device}' is not supported; use 'auto', 'cpu', 'cuda'"):
        processes(device).__enter__()


def test_a_gpu_that_is_not_there_is_refused_by_its_number(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(
        ProcessError, match="device 'cuda:1': GPUs are numbered from 0, and PyTorch finds 1 here"
    ):
        processes("cuda:1").__enter__()
    with processes("cuda:0") as mine:
        assert mine.device == torch.device("cuda", 0)


def test_a_gpu_that_is_not_there_is_refused():
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ProcessError, match="finds no GPU here; use 'cpu' or 'auto'"), processes("cuda"):
        pass


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_gpu_learns_what_the_cpu_learns(precision):
    config = dataclasses.replace(QUICK, epochs=40, learning_rate=0.02, precision=precision, device="cuda")
    with processes("cuda") as mine:
        found = fit(TRAINING, VALIDATION, MODEL, config, mine)
    assert found.best.validation_loss < 0.2
    assert next(found.network.parameters()).device.type == "cpu"


def equally_long(count: int, length: int = 5) -> list[PreparedArticle]:
    generator = np.random.default_rng(9)
    vectors = generator.normal(size=(count, length, 4)).astype(np.float32)
    targets = (vectors[:, :, 0] > 0).astype(np.float32)
    return [
        PreparedArticle("a/1", None, "a", ("q",), "train", ["s"] * length, v, v[:, :0], t)
        for v, t in zip(vectors, targets, strict=True)
    ]


_WORKER = """
import dataclasses, json, sys, torch
from training.distributed import processes
from training.fit import fit
from tests.training.test_fit import MODEL, QUICK, VALIDATION, equally_long, weights

torch.set_num_threads(1)
config = dataclasses.replace(QUICK, batch_steps=int(sys.argv[2]))
with processes("cpu") as mine:
    found = fit(equally_long(16), VALIDATION, MODEL, config, mine)
    with open(f"{sys.argv[1]}.{mine.rank}", "w") as file:
        json.dump([weights(found), [epoch.validation_loss for epoch in found.history]], file)
"""


def test_two_processes_fit_the_same_network_as_one_with_batches_twice_as_big(tmp_path):
    """A step of two processes sees the sentences of one big batch, and its gradient is that batch's."""
    (tmp_path / "worker.py").write_text(_WORKER)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    torchrun = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        f"--master-port={port}",
    ]
    subprocess.run(
        [*torchrun, str(tmp_path / "worker.py"), str(tmp_path / "out"), "44"],  # two batches of 16 articles
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=ROOT,
        timeout=120,
        capture_output=True,
    )
    first, second = (json.loads((tmp_path / f"out.{rank}").read_text()) for rank in range(2))
    assert first == second
    alone = fit(equally_long(16), VALIDATION, MODEL, dataclasses.replace(QUICK, batch_steps=88), ALONE)
    np.testing.assert_allclose(first[1], [epoch.validation_loss for epoch in alone.history], rtol=1e-5)
    for name, values in weights(alone).items():
        np.testing.assert_allclose(first[0][name], values, atol=1e-5, err_msg=name)


def test_a_batch_of_one_sentence_can_be_normalized_by_batch():
    one = [article for article in TRAINING if len(article.sentences) == 1][:1]
    model = dataclasses.replace(MODEL, normalize="batch")
    assert fit(one, one, model, QUICK, ALONE, show=False).best.validation_loss > 0


def test_weights_that_the_last_step_made_no_number_are_refused():
    config = dataclasses.replace(
        QUICK, epochs=1, batch_steps=9999, learning_rate=1e37, optimizer="rmsprop", loss="mse", clip=0.0
    )
    with pytest.raises(FitError, match="is not finite"):
        run(config)
