"""Closeness functions compared: how good their best choice is, and how good a model trained on them is.

::

    runs/NAME/          a run for each closeness, and one of the preset sketch; see training/runs.py
    comparison.json     all figures that can be compared
    comparison.html     table and plots
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from summarizer import checkpoint
from summarizer.drafts import write_whole
from training.closeness import canonical, folder_name
from training.config import RunConfig, as_values, preset, run_config
from training.corpus import Split
from training.evaluation import Model, measure, trained
from training.pages import render
from training.plots import Bar, bars
from training.prepared import PreparedArticle, load
from training.report import interval
from training.runs import CHECKPOINT_FOLDER, RunError, by_split, fit_run

SKETCH = "sketch"
JSON_FILE = "comparison.json"
PAGE_FILE = "comparison.html"
RUNS_FOLDER = "runs"

# Metric, its name in the tables, digits.
COLUMNS = (
    ("rouge1", "R-1", 1),
    ("rouge2", "R-2", 1),
    ("rouge_lsum", "R-Lsum", 1),
    ("equal_rouge2", "R-2, equal words", 1),
    ("words", "words", 0),
    ("auc", "AUC", 3),
    ("ndcg", "nDCG", 3),
    ("precision", "P@k", 3),
)

Scores = NDArray[np.float64]


def compare(prepared: Path, out: Path, run: RunConfig, names: Sequence[str], split: Split) -> str:
    """Fit and measure a run for each closeness; write the table and the plots.

    Runs of an earlier call are not fitted again. All are measured on the same articles against the same
    quotes, so ROUGE and the ranking metrics are comparable; metrics against targets are left out.

    :param run: the settings that the runs have in common.
    :param names: of closeness functions or blends; the figures have them in their canonical spelling.
    :param split: articles to measure on; make decisions on ``validation``.
    :returns: the table over all articles, in Markdown.
    :raises RunError: the folder contains something else.
    """
    if out.exists() and not (out / RUNS_FOLDER).exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"{out} exists but does not contain {RUNS_FOLDER}; name another folder")
    names = list(dict.fromkeys(map(canonical, names)))
    runs = {name: dataclasses.replace(run, name=name, closeness=name) for name in names}
    folders = {name: out / RUNS_FOLDER / folder_name(name) for name in names}
    folders[SKETCH] = out / RUNS_FOLDER / SKETCH
    models: dict[str, Model] = {}
    for name, one in {**runs, SKETCH: _sketch(run)}.items():
        fit_run(prepared, folders[name], one)
        models[f"model: {name}"] = trained(checkpoint.load(folders[name] / CHECKPOINT_FOLDER).scorer)
    by_name = {name: load(prepared, name)[1] for name in names}
    models |= {f"choice: {name}": _Chosen(articles) for name, articles in by_name.items()}
    articles = by_split(by_name[names[0]])
    figures = _comparable(measure(articles[split], models, background=articles["train"]))
    write_whole(out / JSON_FILE, json.dumps({"split": split, **figures}, indent=2, allow_nan=False) + "\n")
    write_whole(out / PAGE_FILE, _html(figures, split))
    return _markdown(figures)


def _sketch(run: RunConfig) -> RunConfig:
    """The preset; what it leaves open (epochs, seed, device and such) is as in the other runs."""
    values = preset(SKETCH)
    fit = {**as_values(run)["fit"], **values["fit"]}
    return run_config({**values, "fit": fit, "name": SKETCH, "closeness": run.closeness}, SKETCH)


class _Chosen:
    """The targets themselves as scores, which a model that learns them cannot beat by much."""

    def __init__(self, articles: Sequence[PreparedArticle]) -> None:
        self._targets = {article.id: article.targets for article in articles}

    def __call__(self, article: PreparedArticle) -> Scores:
        return self._targets[article.id].astype(np.float64)


def _comparable(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Without the metrics against targets, which are those of the first closeness."""
    return {
        **figures,
        "overall": _part(figures["overall"]),
        "sources": {source: _part(part) for source, part in figures["sources"].items()},
    }


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("articles", "article_sentences", "summary_sentences")
    systems = {
        group: {system: _without_spearman(found) for system, found in part[group].items()}
        for group in ("systems", "over_sources")
        if group in part
    }
    return {**{name: part[name] for name in kept}, **systems}


def _without_spearman(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        metric: _without_spearman(value) if isinstance(value, Mapping) else value
        for metric, value in found.items()
        if metric != "spearman"
    }


def _markdown(figures: Mapping[str, Any]) -> str:
    lines = [
        f"| system | {' | '.join(label for _, label, _ in COLUMNS)} |",
        f"| --- |{len(COLUMNS) * ' ---: |'}",
    ]
    for system, found in figures["overall"]["systems"].items():
        cells = [interval(found[metric], digits) for metric, _, digits in COLUMNS]
        lines.append(f"| {' | '.join([system, *cells])} |")
    return "\n".join(lines)


def _html(figures: Mapping[str, Any], split: Split) -> str:
    parts = {"all articles": figures["overall"], **figures["sources"]}
    pictures = {}
    for place, (name, part) in enumerate(parts.items()):
        for metric, label in (("rouge2", "ROUGE-2"), ("ndcg", "nDCG of the quoted sentences")):
            rows = [
                Bar(system, *(found[metric][end] for end in ("mean", "low", "high")))
                for system, found in part["systems"].items()
                if found[metric]["mean"] is not None
            ]
            if rows:
                pictures[name, label] = bars(
                    rows,
                    x=f"{label}, {name}",
                    name=f"{metric}-{place}",
                    description=f"{label} of each system on {name}; the numbers are in the table",
                )
    return render(
        "comparison", columns=COLUMNS, parts=parts, pictures=pictures, split=split, best=_best(figures)
    )


def _best(figures: Mapping[str, Any]) -> Mapping[str, tuple[str, float]]:
    """Metric -> the model with the highest mean over all articles, where there is one, and that mean."""
    systems = {
        name: found for name, found in figures["overall"]["systems"].items() if name.startswith("model: ")
    }
    best = {}
    for metric, label in (
        ("rouge2", "ROUGE-2"),
        ("equal_rouge2", "ROUGE-2 at equal words"),
        ("ndcg", "nDCG"),
    ):
        means = {name: found[metric]["mean"] for name, found in systems.items()}
        known = {name: mean for name, mean in means.items() if mean is not None}
        if known:
            name = max(known, key=known.__getitem__)
            best[label] = (name.removeprefix("model: "), known[name])
    return best
