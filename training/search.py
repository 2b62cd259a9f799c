"""Hyper-parameter search: many short fits, each with settings chosen by the results of the earlier ones.

The space is a TOML file with the tables of a run file; instead of a value a setting has
``{low = ..., high = ..., log = true}`` or ``{choices = [...]}``. All other settings are those of the run.

::

    space.toml     the search space
    run.toml       the settings that all trials have in common
    trials.log     every trial; Optuna's journal, to which several processes can append
    best.toml      run file of the best trial
    report.html    the results of the trials, and which settings mattered
"""

import multiprocessing
import os
import sys
import tomllib
import warnings
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.storages.journal import JournalFileBackend
from tqdm import tqdm

from summarizer.alone import alone, helping, together
from summarizer.drafts import write_whole
from training.closeness import canonical
from training.config import ConfigError, RunConfig, as_toml, as_values, run_config, settings
from training.distributed import processes
from training.errors import TrainingError
from training.fit import Epoch, Fitted, fit
from training.pages import render
from training.plots import Bar, bars
from training.prepared import add_targets, load, read_manifest
from training.runs import RUN_FILE, RunError, Splits, by_split, claim

SPACE_FILE = "space.toml"
TRIALS_FILE = "trials.log"
BEST_FILE = "best.toml"
REPORT_FILE = "report.html"

_STUDY = "search"

# Settings that make no difference to a trial.
_IGNORED = frozenset({"name", "version", "fit.restarts", "fit.combine"})
# Settings that change the meaning of every monitored metric; weights decide which articles are measured.
_CHANGES_ANY = frozenset({"fit.monitor", "fit.weights"})
_CHANGES: Mapping[str, Set[str]] = {
    "loss": {"fit.loss", "fit.counted", "fit.lead", "closeness"},
    "mae": {"fit.lead", "closeness"},
    "ndcg": {"fit.lead", "closeness"},
    "rouge2": set(),
}


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from low to high, both included.

    :ivar whole: whether the setting takes only whole numbers; then both ends are whole.
    """

    low: float
    high: float
    log: bool
    whole: bool

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), log=self.log)
        return trial.suggest_float(name, self.low, self.high, log=self.log)


@dataclass(frozen=True, slots=True)
class Choices:
    """A list of values."""

    choices: Sequence[Any]

    def suggest(self, trial: optuna.Trial, name: str) -> Any:
        return trial.suggest_categorical(name, self.choices)


Space = Mapping[str, Range | Choices]
"""Settings that may vary: ``section.setting``, or ``setting`` at the top."""


def read_space(file: Path) -> Space:
    """The space that a file describes.

    :raises ConfigError: it cannot be read, does not name a setting, or a range or a choice is impossible.
    """
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} is not a readable TOML file: {error}") from error
    found = {}
    for setting in settings():
        table = values.get(setting.section, {}) if setting.section else values
        if isinstance(table, dict) and setting.name in table:
            name = f"{setting.section}.{setting.name}" if setting.section else setting.name
            found[name] = _dimension(file, name, table.pop(setting.name), whole=setting.type is int)
    for name, value in values.items():
        unknown = [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]
        for path in unknown:
            right = [f"[{one.section}] {one.name}" for one in settings() if one.name == path.split(".")[-1]]
            raise ConfigError(f"{file}: {path} is not a setting" + "".join(f"; {one} is" for one in right))
    if not found:
        raise ConfigError(
            f"{file}: no setting to search; name settings of a run file, each as"
            " {low = ..., high = ...} or {choices = [...]}"
        )
    return found


def search(
    prepared: Path, out: Path, run: RunConfig, space_file: Path, *, trials: int, jobs: int
) -> optuna.Study:
    """Fit with varying settings until the number of trials is reached, including those of earlier calls.

    :param trials: total number.
    :param jobs: number of parallel processes.
    :raises RunError: the folder contains another search or something else.
    """
    space = read_space(space_file)
    _check_possible(space_file, run, space)
    _check_comparable(space_file, run, space)
    # The space first: this file identifies a search, even one that was killed here.
    files = {SPACE_FILE: space_file.read_text(encoding="utf-8"), RUN_FILE: as_toml(run)}
    claim(out, files, prepared, read_manifest(prepared))
    with alone(out) as lock:
        for name in _closeness_names(run, space):
            add_targets(prepared, name)
        _mend(out / TRIALS_FILE)
        together(lock)
        return _search(prepared, out, run, space, trials, jobs)


def _search(prepared: Path, out: Path, run: RunConfig, space: Space, trials: int, jobs: int) -> optuna.Study:
    study = _study(out, run.fit.seed)
    _fail_interrupted(study)
    left = max(0, trials - len(ended(study)))
    context = multiprocessing.get_context("spawn")
    workers = [
        context.Process(
            target=_work,
            args=(prepared, out, run, space, trials, (run.fit.seed + trials * number + left) % 2**32),
            daemon=True,  # ends with this process
        )
        for number in range(min(jobs, left))
    ]
    for worker in workers:
        worker.start()
    with tqdm(total=trials, initial=trials - left, desc="search", unit="trial") as progress:
        while alive := [worker for worker in workers if worker.is_alive()]:
            alive[0].join(timeout=1)
            progress.update(min(trials, len(ended(study))) - progress.n)
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RunError("a search process ended early; see above, then run the same command again to resume")
    complete = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    if not complete:
        raise RunError(f"{out}: none of {trials} trials was completed; see above, or allow more trials")
    best = _with(run, study.best_trial.params)
    write_whole(out / BEST_FILE, as_toml(best))
    write_whole(out / REPORT_FILE, _html(study, run, space))
    return study


def ended(study: optuna.Study) -> Sequence[optuna.trial.FrozenTrial]:
    """The trials that count: those that were completed or pruned."""
    return study.get_trials(states=(optuna.trial.TrialState.COMPLETE, optuna.trial.TrialState.PRUNED))


def importances(study: optuna.Study) -> dict[str, float]:
    """Share of the variation of the metric that each setting explains, in [0, 1], in descending order.

    By fANOVA (Hutter, Hoos and Leyton-Brown, ICML 2014) over the completed trials; empty if there are too
    few, or if all have the same result.
    """
    if len(study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))) < 2:
        return {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return dict(
                optuna.importance.get_param_importances(
                    study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
                )
            )
    except (RuntimeError, ValueError):  # all trials have the same result
        return {}


def _dimension(file: Path, name: str, value: object, *, whole: bool) -> Range | Choices:
    if isinstance(value, dict) and set(value) == {"choices"} and isinstance(value["choices"], list):
        if value["choices"]:
            return Choices(tuple(value["choices"]))
    elif isinstance(value, dict) and {"low", "high"} <= set(value) <= {"low", "high", "log"}:
        low, high, log = value["low"], value["high"], value.get("log", False)
        numbers = all(isinstance(end, (int, float)) and not isinstance(end, bool) for end in (low, high))
        if numbers and low < high and isinstance(log, bool) and (low > 0 or not log):
            return Range(low, high, log, whole)
    raise ConfigError(
        f"{file}: {name} must be {{low = A, high = B}} with A below B (log = true only if A is above 0)"
        f" or {{choices = [A, ...]}}; got {value!r}"
    )


def _check_possible(file: Path, run: RunConfig, space: Space) -> None:
    """Check that each end of a range and each choice is a valid value of its setting.

    :raises ConfigError: one is not.
    """
    for name, what in space.items():
        for value in what.choices if isinstance(what, Choices) else (what.low, what.high):
            try:
                _with(run, {name: value})
            except ConfigError as error:
                raise ConfigError(f"{file}: {name} = {value!r} is impossible: {error}") from error


def _check_comparable(file: Path, run: RunConfig, space: Space) -> None:
    """Check that the monitored metric, by which trials are ranked, means the same in all of them.

    :raises ConfigError: a setting changes the meaning of the metric, or makes no difference to a trial.
    """
    monitor = run.fit.monitor
    for name in sorted(space.keys() & _IGNORED):
        raise ConfigError(
            f"{file}: {name} makes no difference to a trial, which is one fit; leave it out of the space,"
            " and set it in the run"
        )
    for name in sorted(space.keys() & (_CHANGES_ANY | _CHANGES[monitor])):
        other = "" if name in _CHANGES_ANY else ", or set monitor = 'rouge2' in the run"
        raise ConfigError(
            f"{file}: {name} changes what the monitored metric {monitor!r} means, so trials could not be"
            f" compared; leave it out of the space{other}"
        )


def _closeness_names(run: RunConfig, space: Space) -> Sequence[str]:
    searched = space.get("closeness")
    return list(map(canonical, searched.choices)) if isinstance(searched, Choices) else [run.closeness]


def _study(out: Path, seed: int) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Optuna's lock is a link to this path; with a relative path it would never count as stale.
    backend = JournalFileBackend(str((out / TRIALS_FILE).resolve()))
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name=_STUDY,
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2),
    )


def _mend(file: Path) -> None:
    """Remove what a kill leaves in the middle of writing: Optuna's lock, and half a line."""
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)
    if file.exists():
        content = file.read_bytes()
        os.truncate(file, content.rfind(b"\n") + 1)


def _fail_interrupted(study: optuna.Study) -> None:
    """Trials that were running at a kill count as failed, and their settings are tried again."""
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)


def _with(run: RunConfig, parameters: Mapping[str, Any]) -> RunConfig:
    values = as_values(run)
    for name, value in parameters.items():
        section, dot, setting = name.rpartition(".")
        (values[section] if dot else values)[setting] = value
    return run_config(values, SPACE_FILE)


@dataclass(frozen=True, slots=True)
class _Objective:
    """One trial: a fit with settings from the space, and its monitored metric.

    :ivar splits: the articles with the targets of each closeness.
    """

    run: RunConfig
    space: Space
    splits: Mapping[str, Splits]
    dimension: int

    def __call__(self, trial: optuna.Trial) -> float:
        values = {name: what.suggest(trial, name) for name, what in self.space.items()}
        try:
            best = self._fitted(_with(self.run, values), trial).best
        except TrainingError as error:  # counts as a trial, or the search might never end
            tqdm.write(f"trial {trial.number} failed: {error}")
            raise optuna.TrialPruned from error
        trial.set_user_attr("epoch", best.number)
        return best.monitored(self.run.fit.monitor)

    def _fitted(self, run: RunConfig, trial: optuna.Trial) -> Fitted:
        splits = self.splits[run.closeness]
        with processes(run.fit.device) as mine:
            return fit(
                splits["train"],
                splits["validation"],
                run.model_for(self.dimension),
                run.fit,
                mine,
                on_epoch=lambda epoch: self._report(trial, epoch),
                show=False,
            )

    def _report(self, trial: optuna.Trial, epoch: Epoch) -> None:
        parent = multiprocessing.parent_process()
        if parent and not parent.is_alive():
            sys.exit("the search was killed")
        trial.report(epoch.monitored(self.run.fit.monitor), epoch.number)
        if trial.should_prune():
            raise optuna.TrialPruned


def _work(prepared: Path, out: Path, run: RunConfig, space: Space, trials: int, seed: int) -> None:
    """The work of one process: trials until all processes together have enough.

    :param seed: of the sampler; a different one in each process, or all would start with the same trials.
    """
    torch.set_num_threads(1)
    splits = {}
    for name in _closeness_names(run, space):
        manifest, articles = load(prepared, name)
        splits[name] = by_split(articles)

    def stop_when_enough(study: optuna.Study, _: optuna.trial.FrozenTrial) -> None:
        if len(ended(study)) >= trials:
            study.stop()

    with helping(out):
        objective = _Objective(run, space, splits, manifest.dimension)
        _study(out, seed).optimize(objective, callbacks=[stop_when_enough])


def _html(study: optuna.Study, run: RunConfig, space: Space) -> str:
    shares = importances(study)
    picture = bars(
        [Bar(name, share) for name, share in shares.items()],
        x="share of the variation explained",
        name="importances",
        description="share of the variation of the metric that each setting explains; also in the table",
    )
    return render(
        "search",
        metric=run.fit.monitor,
        settings=list(space),
        trials=sorted(ended(study), key=lambda trial: (trial.value is None, trial.value or 0.0)),
        shares=shares,
        picture=picture,
    )
