"""The figures for readers: a verdict in words, tables, and a page with plots and articles."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from training import plots
from training.corpus import DECILES, folded
from training.evaluation import BASELINES, RANKING, Figures
from training.pages import render

# With fewer articles a bootstrap interval is too narrow for a verdict.
FEWEST_TO_JUDGE = 20

_TENTHS = range(1, DECILES + 1)


def verdict(part: Figures, baseline: str = "lead") -> str:
    """The comparison of the model with a baseline in plain words.

    :param part: of a source, or ``overall``; see :func:`training.evaluation.measure`.
    """
    found = part["systems"][baseline]["model_minus"]["rouge2"]
    if found["mean"] is None:
        return "there are no articles to measure."
    side = "below" if found["mean"] < 0 else "above"
    ends = "" if found["low"] is None else f" ({_signed(found['low'], 1)} to {_signed(found['high'], 1)})"
    said = f"the model is {abs(found['mean']):.1f} R-2 points {side} {baseline}{ends}"
    if part["articles"] < FEWEST_TO_JUDGE:
        return f"{said}: too few articles to tell."
    if found["low"] > 0:
        return f"{said}: better."
    if found["high"] < 0:
        return f"{said}: worse."
    return f"{said}: no difference that can be told from chance."


def strongest_baseline(part: Figures) -> str:
    """The one with the highest ROUGE-2 except the oracle; lead if nothing was measured."""
    rivals = [name for name in BASELINES if name != "oracle"]
    return max(rivals, key=lambda name: part["systems"][name]["rouge2"]["mean"] or 0.0)


def as_markdown(figures: Figures) -> str:
    """Two tables: R-2 of each source, and all systems over all articles."""
    model = figures["models"][0]
    by_source = [
        f"| source | articles | sentences | {_cell(model)} R-2 | lead R-2 | minus lead (95 %)"
        " | minus lead, equal words | oracle R-2 |",
        "| --- | ---: | ---: | ---: | ---: | --- | --- | ---: |",
    ]
    parts = dict(figures["sources"])
    if len(parts) > 1:
        parts |= {"all articles": figures["overall"]}
    for source, part in parts.items():
        systems = part["systems"]
        cells = [
            _cell(source) or "corpus",
            str(part["articles"]),
            str(part["summary_sentences"] or ""),
            _mean(systems[model]["rouge2"]),
            _mean(systems["lead"]["rouge2"]),
            _difference(systems[model]["minus_lead"]["rouge2"]),
            _difference(systems[model]["minus_lead"]["equal_rouge2"]),
            _mean(systems["oracle"]["rouge2"]),
        ]
        by_source.append(f"| {' | '.join(cells)} |")
    by_system = [
        f"| system | R-1 | R-2 (95 %) | R-Lsum | words | {_cell(model)} minus it (R-2, 95 %)"
        " | R-2, equal words | AUC | nDCG | P@k | Spearman |",
        "| --- | ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, system in figures["overall"]["systems"].items():
        cells = [
            _cell(name),
            _mean(system["rouge1"]),
            interval(system["rouge2"]),
            _mean(system["rouge_lsum"]),
            _mean(system["words"], 0),
            "" if name == model else _difference(system["model_minus"]["rouge2"]),
            _mean(system["equal_rouge2"]),
            *(_mean(system[metric], 3) for metric in RANKING),
        ]
        by_system.append(f"| {' | '.join(cells)} |")
    return "\n".join([*by_source, "", *by_system])


def html(
    figures: Figures,
    examples: Sequence[Mapping[str, Any]],
    history: Sequence[Any],
    about: Mapping[str, Any],
    kept: int | None = None,
) -> str:
    """The page: figures, plots and articles with their scores in one self-contained file.

    :param figures: the result of :func:`training.evaluation.measure`.
    :param examples: the result of :func:`training.evaluation.examples`.
    :param history: epochs, as mappings or dataclasses: ``number``, ``training_loss``, ``validation_loss``;
        other numbers are shown in the table. May be empty.
    :param about: ``name`` and ``version`` for the heading; everything is listed, mappings as
        nested lists.
    :param kept: number of the epoch whose weights the model has.
    """
    epochs = [dict(epoch) if isinstance(epoch, Mapping) else dataclasses.asdict(epoch) for epoch in history]
    model, strongest = figures["models"][0], strongest_baseline(figures["overall"])
    return render(
        "report",
        {
            "number": _decimal,
            "mean": _mean,
            "interval": interval,
            "difference": _difference,
            "figure": _figure,
            "label": lambda name: str(name).replace("_", " "),
        },
        figures=figures,
        model=model,
        overall=figures["overall"],
        sources=[
            {"name": source or "corpus", "part": part, "verdict": verdict(part)}
            for source, part in figures["sources"].items()
        ],
        verdict=verdict(figures["overall"]),
        strongest=strongest,
        verdict_strongest=verdict(figures["overall"], strongest),
        examples=examples,
        epochs=epochs,
        columns=list(dict.fromkeys(name for epoch in epochs for name in epoch)),
        kept=next((epoch for epoch in epochs if epoch["number"] == kept), None),
        about=about,
        plots=_plots(figures, epochs),
    )


def _plots(figures: Figures, epochs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {
        "sources": _sources_plot(figures),
        "learning": _learning_plot(epochs),
        "calibration": _calibration_plot(figures),
        "scores": _scores_plot(figures),
        "selected": _selected_plot(figures),
    }


def _sources_plot(figures: Figures) -> str:
    model = figures["models"][0]
    differences = {
        source or "corpus": part["systems"][model]["minus_lead"]["rouge2"]
        for source, part in figures["sources"].items()
    }
    return plots.bars(
        [
            plots.Bar(source, found["mean"], found["low"], found["high"])
            for source, found in differences.items()
        ],
        x="R-2 of the model minus lead, with 95 % intervals",
        name="plot-sources",
        description="; ".join(f"{source}: {_difference(found, 1)}" for source, found in differences.items()),
    )


def _learning_plot(epochs: Sequence[Mapping[str, Any]]) -> str:
    return plots.learning_curves(
        [epoch["number"] for epoch in epochs],
        {name: [epoch[f"{name}_loss"] for epoch in epochs] for name in ("training", "validation")},
        name="plot-learning",
        description="Loss of training and validation over epochs; numbers in the table below.",
    )


def _calibration_plot(figures: Figures) -> str:
    curves = []
    for name in figures["models"]:
        bins = [one for one in figures["overall"]["models"][name]["calibration"] if one["sentences"]]
        curves.append(plots.Curve(name, [one["score"] for one in bins], [one["target"] for one in bins]))
    return plots.calibration(
        curves,
        name="plot-calibration",
        description="Mean target over mean score in ten bins; numbers in the table below.",
    )


def _scores_plot(figures: Figures) -> str:
    deciles = figures["overall"]["deciles"]
    curves = [
        plots.Curve(name, _TENTHS, [decile["scores"][name] for decile in deciles])
        for name in figures["models"]
    ]
    return plots.by_position(
        [*curves, plots.Curve("target", _TENTHS, [decile["target"] for decile in deciles])],
        y="mean",
        name="plot-scores",
        description="Mean target and mean score by tenth of the article; numbers in the table below.",
    )


def _selected_plot(figures: Figures) -> str:
    deciles = figures["overall"]["deciles"]
    return plots.by_position(
        [
            plots.Curve(name, _TENTHS, [decile["selected"][name] for decile in deciles])
            for name in (*figures["models"], "oracle")
        ],
        y="share of selected sentences",
        name="plot-selected",
        description="Positions of selected sentences by tenth of the article; numbers in the table below.",
    )


def _decimal(value: float | None, digits: int = 2) -> str:
    return "–" if value is None else f"{value:z.{digits}f}".replace("-", "−")


def _signed(value: float, digits: int) -> str:
    return f"{value:+z.{digits}f}".replace("-", "−")


def _figure(value: object) -> str:
    """A number of the history with four digits."""
    return f"{value:.4f}" if isinstance(value, float) else "–" if value is None else str(value)


def _mean(estimate: Figures, digits: int = 2) -> str:
    return _decimal(estimate["mean"], digits)


def interval(estimate: Figures, digits: int = 2) -> str:
    """``12.16 (10.70 to 13.62)``."""
    low, high = estimate["low"], estimate["high"]
    ends = "" if low is None else f" ({_decimal(low, digits)} to {_decimal(high, digits)})"
    return f"{_mean(estimate, digits)}{ends}"


def _difference(estimate: Figures, digits: int = 2) -> str:
    """``+0.13 (−0.98 to +1.22)``."""
    middle, low, high = estimate["mean"], estimate["low"], estimate["high"]
    ends = "" if low is None else f" ({_signed(low, digits)} to {_signed(high, digits)})"
    return "–" if middle is None else f"{_signed(middle, digits)}{ends}"


def _cell(text: str) -> str:
    """A name as a cell of a Markdown table."""
    return folded(text).replace("|", "\\|")
