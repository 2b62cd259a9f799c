"""A run as a folder: its settings, the state of each restart, the checkpoint, the report.

::

    run.toml                every setting, with its description
    run.json                the prepared articles it was fitted on
    restarts/SEED/state.pt  the state of the fit with this seed; see training/fit.py
    checkpoint/             loaded by the service
    report.html             figures, plots and articles for readers
    report.json             the figures
"""

import dataclasses
import json
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from summarizer import checkpoint
from summarizer.alone import alone
from summarizer.drafts import is_free, write_whole
from summarizer.encoder import Encoder, StaticEncoder
from summarizer.errors import SummarizerError
from training.card import card
from training.config import RunConfig, as_toml, as_values, read_run, run_config
from training.corpus import Split
from training.distributed import Processes, processes
from training.errors import TrainingError
from training.evaluation import BASELINES, condensed, examples, measure, trained
from training.fit import Epoch, Fitted, best, fit
from training.network import Network
from training.prepared import (
    TARGETS_VERSION,
    Manifest,
    PreparedArticle,
    add_targets,
    check_encoder,
    from_anywhere,
    load,
    open_encoder,
    read_manifest,
    read_rarity,
)
from training.report import html

RUN_FILE = "run.toml"
DATA_FILE = "run.json"
REPORT_FILE = "report.json"
PAGE_FILE = "report.html"
RESTARTS_FOLDER = "restarts"
STATE_FILE = "state.pt"
CHECKPOINT_FOLDER = "checkpoint"

_OTHER_ARTICLES = (
    "{prepared} does not contain the articles that {out} was started on: the corpus, the encoder or the"
    " text features of this version have changed; prepare them in a separate folder, or name another folder"
    " instead of {out}"
)

Splits = Mapping[Split, Sequence[PreparedArticle]]


class RunError(TrainingError):
    """A run's folder cannot be used; the message says why and what to do."""


def fit_run(
    prepared: Path, out: Path, run: RunConfig, encoder_source: str | None = None
) -> checkpoint.CheckpointConfig:
    """Train with these settings, resuming a killed call, and write the checkpoint.

    :param prepared: folder that the stage prepare wrote.
    :param encoder_source: path of the encoder, if it has moved since the articles were prepared.
    :raises RunError: the folder contains another run or something else, or the encoder cannot be found.
    :raises PreparedError: the articles cannot be used, or the encoder is another one.
    :raises BlockingIOError: another process writes to this folder.
    """
    with processes(run.fit.device) as mine, ExitStack() as held:
        manifest = read_manifest(prepared)
        encoder_source = from_anywhere(encoder_source or manifest.encoder)
        encoder = _open_encoder(encoder_source, prepared)
        check_encoder(prepared, manifest, encoder)

        def begin() -> None:
            claim(out, {RUN_FILE: as_toml(run)}, prepared, manifest)
            held.enter_context(alone(out))
            add_targets(prepared, run.closeness, encoder)

        mine.run_on_rank_zero(begin)
        manifest, articles = load(prepared, run.closeness)
        check_encoder(prepared, manifest, encoder)  # again: articles may have been prepared again meanwhile
        rarity = read_rarity(prepared, manifest)  # now: preparing more articles would replace it
        splits = by_split(articles)
        fitted = {
            seed: _fit_one(splits, manifest, run, seed, mine, out / RESTARTS_FOLDER / str(seed) / STATE_FILE)
            for seed in range(run.fit.seed, run.fit.seed + run.fit.restarts)
        }
        kind = "static" if isinstance(encoder, StaticEncoder) else "sentence-transformers"
        network, seeds = _combined(fitted, run)
        config = checkpoint.CheckpointConfig(
            name=run.name,
            version=run.version,
            model=network.config,
            encoder=checkpoint.EncoderConfig(kind, encoder.name, encoder.digest),  # type: ignore[arg-type]
            closeness=run.closeness,
            training=_record(run, manifest, splits, fitted, seeds),
        )
        if mine.first and not _is_saved(out / CHECKPOINT_FOLDER, config):
            checkpoint.save(
                out / CHECKPOINT_FOLDER,
                config,
                network.weights(),
                encoder_folder=Path(encoder_source) if kind == "static" else None,
                rarity=rarity,
                card=f"# {run.name} {run.version}\n\nNot measured yet: python -m training report RUN\n",
            )
        return config


def open_run(out: Path, prepared: Path | None = None) -> tuple[RunConfig, checkpoint.Checkpoint, Splits]:
    """A finished run with its articles.

    :param prepared: folder of the prepared articles, if it has moved.
    :raises RunError: the folder does not contain a finished run.
    """
    if not (out / RUN_FILE).exists():
        raise RunError(f"{out} does not contain a run: {RUN_FILE} is missing; name a folder that fit wrote")
    if not (out / CHECKPOINT_FOLDER).exists():
        raise RunError(f"{out} is not finished; run fit again to resume it")
    run = run_config(read_run(out / RUN_FILE), str(out / RUN_FILE))
    loaded = checkpoint.load(out / CHECKPOINT_FOLDER)
    data = _data(out)
    found = prepared or Path(data["prepared"])
    manifest, articles = load(found, run.closeness)
    if manifest.digest != data["digest"]:
        raise RunError(_OTHER_ARTICLES.format(out=out, prepared=found))
    return run, loaded, by_split(articles)


def report_run(
    out: Path,
    prepared: Path | None = None,
    beside: Sequence[Path] = (),
    centroid_encoder: Encoder | None = None,
) -> dict[str, Any]:
    """Measure a finished run on validation and test; write report, metrics and model card.

    :param prepared: folder of the prepared articles, if it has moved.
    :param beside: other runs with the same encoder, measured on the same articles. In the report each has the
        name of its folder, so no two may share one, and none may be ``model`` or a baseline.
    :param centroid_encoder: see :func:`training.evaluation.measure`.
    :returns: split -> the result of that function.
    :raises RunError: a run cannot be used, or uses another encoder.
    """
    run, loaded, splits = open_run(out, prepared)
    models = {"model": trained(loaded.scorer)}
    for other in beside:
        name = other.resolve().name
        if name in BASELINES:
            raise RunError(f"{other}: {name!r} is a baseline in the report; rename the folder")
        if name in models:
            raise RunError(f"{other}: the report already has a {name!r}; rename one of the two folders")
        found = open_run(other, prepared)[1]
        if found.config.encoder.digest != loaded.config.encoder.digest:
            raise RunError(
                f"{other} uses another encoder than {out}, so it cannot be measured on the same vectors"
            )
        models[name] = trained(found.scorer, found.rarity)
    figures = {
        split: measure(splits[split], models, background=splits["train"], centroid_encoder=centroid_encoder)
        for split in ("validation", "test")
    }
    config = loaded.config
    (seed, *_) = config.training["seeds"]
    history = [Epoch(**epoch) for epoch in config.training["history"][str(seed)]]
    about = {
        "name": config.name,
        "version": config.version,
        "encoder": config.encoder.name,
        "centroid of vectors of": (centroid_encoder or loaded.encoder).name,
        "closeness": config.closeness,
        "articles": config.training["articles"],
        "seeds": ", ".join(map(str, config.training["seeds"])),
        **config.training["run"],
    }
    shown = examples(splits["test"], models["model"])
    write_whole(out / REPORT_FILE, json.dumps(figures, indent=2, allow_nan=False) + "\n")
    page = html(figures["test"], shown, history, about, best(history, run.fit.monitor).number)
    write_whole(out / PAGE_FILE, page)
    metrics = {split: condensed(found) for split, found in figures.items()}
    write_whole(out / CHECKPOINT_FOLDER / checkpoint.METRICS_FILE, json.dumps(metrics, indent=2) + "\n")
    write_whole(out / CHECKPOINT_FOLDER / checkpoint.CARD_FILE, card(config, figures))
    return figures


def claim(out: Path, files: Mapping[str, str], prepared: Path, manifest: Manifest) -> None:
    """Start a run or a search in a new folder, or check that the folder contains the same one.

    :param files: name -> content of the TOML files with the settings. The first one identifies the folder.
    :raises RunError: the folder contains something else, other settings, or was started on other articles.
    """
    first = next(iter(files))
    if not is_free(out) and not (out / first).exists():
        raise RunError(f"{out} exists but does not contain {first}; name another folder")
    for name, content in files.items():
        if (out / name).exists():
            _check_same(out / name, content)
    if (out / DATA_FILE).exists() and _data(out)["digest"] != manifest.digest:
        raise RunError(_OTHER_ARTICLES.format(out=out, prepared=prepared))
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(out / name, content)
    data = {"prepared": str(prepared.resolve()), "digest": manifest.digest}
    write_whole(out / DATA_FILE, json.dumps(data, indent=2) + "\n")


def _open_encoder(source: str, prepared: Path) -> Encoder:
    try:
        return open_encoder(source)
    except SummarizerError as error:
        raise RunError(
            f"the encoder that {prepared} was prepared with cannot be opened at {source}: {error};"
            " if it has moved, use fit --encoder PATH, or run prepare again with it, which keeps the"
            " vectors"
        ) from error


def _is_saved(folder: Path, config: checkpoint.CheckpointConfig) -> bool:
    """Whether the folder contains an intact checkpoint of this fit, possibly with figures worth keeping."""
    try:
        return checkpoint.load(folder).config == config
    except SummarizerError:
        return False


def _data(out: Path) -> Mapping[str, str]:
    try:
        found: Mapping[str, str] = json.loads((out / DATA_FILE).read_text(encoding="utf-8"))
        return {name: found[name] for name in ("prepared", "digest")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{out / DATA_FILE} cannot be read: {error}; restore it, or fit again in another folder"
        ) from error


def _check_same(file: Path, content: str) -> None:
    before, now = read_run(file), tomllib.loads(content)
    if file.name == RUN_FILE:  # a setting newer than the file had its default
        before, now = (as_values(run_config(values, str(file))) for values in (before, now))
    was, wanted = _flat(before), _flat(now)
    for path in sorted(was.keys() | wanted.keys()):
        if was.get(path) != wanted.get(path):
            raise RunError(
                f"{file} has {path} = {was.get(path)!r}, not {wanted.get(path)!r}; name another folder, or"
                " remove this one"
            )


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= {f"{name}.{inner}": what for inner, what in value.items()}
        else:
            flat[name] = value
    return flat


def by_split(articles: Sequence[PreparedArticle]) -> Splits:
    """Articles by split, without those that belong to none."""
    splits: dict[Split, list[PreparedArticle]] = {"train": [], "validation": [], "test": []}
    for article in articles:
        if article.split is not None:
            splits[article.split].append(article)
    return splits


def _record(
    run: RunConfig, manifest: Manifest, splits: Splits, fitted: Mapping[int, Fitted], seeds: Sequence[int]
) -> dict[str, Any]:
    """How a checkpoint was trained, ready for JSON."""
    left_out = {source for source, weight in run.fit.weight_by_source().items() if not weight}
    return {
        "run": as_values(run),
        "seeds": seeds,
        **_counts(splits, left_out),
        "left_out": sorted(left_out),
        "boilerplate": manifest.boilerplate,
        "introductions": manifest.introductions,
        "history": {
            str(seed): [dataclasses.asdict(epoch) for epoch in one.history] for seed, one in fitted.items()
        },
    }


def _counts(splits: Splits, left_out: Set[str]) -> dict[str, dict[str, int]]:
    """Number of articles in each split and each source, without the sources that are left out."""
    sources = {
        split: [article.source for article in found if article.source not in left_out]
        for split, found in splits.items()
    }
    return {
        "articles": {split: len(found) for split, found in sources.items()},
        "sources": dict(sorted(Counter(chain.from_iterable(sources.values())).items())),
    }


def _fit_one(
    splits: Splits, manifest: Manifest, run: RunConfig, seed: int, mine: Processes, state_file: Path
) -> Fitted:
    return fit(
        splits["train"],
        splits["validation"],
        run.model_for(manifest.dimension),
        dataclasses.replace(run.fit, seed=seed),
        mine,
        state_file=state_file,
        fingerprint=f"{manifest.digest} {run.closeness} {TARGETS_VERSION}",
    )


def _combined(fitted: Mapping[int, Fitted], run: RunConfig) -> tuple[Network, list[int]]:
    """The network of the checkpoint from those of all restarts, and the seeds it consists of."""
    if run.fit.combine == "best":
        seed = min(fitted, key=lambda one: fitted[one].best.monitored(run.fit.monitor))
        return fitted[seed].network, [seed]
    members = [one.network.members[0] for one in fitted.values()]
    first = next(iter(fitted.values())).network
    network = Network(dataclasses.replace(first.config, members=len(members)))
    for place, member in zip(network.members, members, strict=True):
        place.load_state_dict(member.state_dict())
    if network.config.kinds:
        network.kinds.load_state_dict(first.kinds.state_dict())  # the same in all
    return network.eval(), list(fitted)
