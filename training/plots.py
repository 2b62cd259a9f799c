"""Plots as inline SVG that takes its text colour and its font from the page.

Text stays text, so that it can be searched, read aloud and scaled. Every function takes ``name``, which makes
the ids in the SVG unique in a page, and ``description``, the alternative text. The page should also have the
numbers of a plot in a table.
"""

import io
import re
import warnings
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from training.pages import without_control

# Of medium lightness, visible on white and on black; dashes and markers distinguish them without colour.
COLOURS = ("#3d87d6", "#d9752b", "#3c9a5f", "#a76fd0", "#c25a7c", "#80868b")
MARKERS = ("o", "s", "^", "D", "v", "x")
DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))

_INK = "#010203"  # stands for the page's text colour until the SVG is written
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "plots",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
}
_WIDTH, _HEIGHT = 5.2, 3.0  # inches; small, so that letters are legible on a phone
# Metadata, and a style that would apply to the whole page.
_ABOUT_THE_FILE = re.compile(
    r"\s*<metadata>.*?</metadata>|\s*<defs>\s*<style.*?</style>\s*</defs>", re.DOTALL
)


class Curve(NamedTuple):
    """Points that are joined; None leaves a gap."""

    label: str
    x: Sequence[float]
    y: Sequence[float | None]


class Bar(NamedTuple):
    """One row of :func:`bars`.

    :ivar low: lower end of the interval; None, as ``high``, without an interval.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None


def learning_curves(
    epochs: Sequence[float], losses: Mapping[str, Sequence[float | None]], *, name: str, description: str
) -> str:
    """Losses over epochs in one plot.

    :param losses: label -> one value per epoch; ``training`` and ``validation``, say.
    """
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _axes("epoch", "loss")
        _draw(axes, [Curve(label, epochs, values) for label, values in losses.items()])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return _svg(figure, name, description)


def calibration(curves: Sequence[Curve], *, name: str, description: str) -> str:
    """Mean target over mean score, with the diagonal of perfect calibration."""
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _axes("mean score", "mean target", height=3.6)
        axes.plot([0, 1], [0, 1], color=_INK, linewidth=0.8, linestyle=":")
        _draw(axes, curves)
        axes.set(xlim=(0, 1), ylim=(0, 1))
        return _svg(figure, name, description)


def by_position(curves: Sequence[Curve], *, y: str, name: str, description: str) -> str:
    """A value over tenths of the article, 1 to 10.

    :param y: label of the value.
    """
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _axes("tenth of the article", y)
        _draw(axes, curves)
        axes.set_xticks(range(1, 11))
        axes.set_ylim(bottom=0)
        return _svg(figure, name, description)


def bars(rows: Sequence[Bar], *, x: str, name: str, description: str) -> str:
    """Horizontal bars with their intervals, the first row on top, and a line at 0.

    :param x: label of the value.
    """
    with matplotlib.rc_context(_SETTINGS):
        figure, axes = _axes(x, "", height=0.7 + 0.28 * max(len(rows), 1))
        places = range(len(rows))
        axes.barh(places, [row.value for row in rows], height=0.62, color=COLOURS[0], alpha=0.75)
        for place, row in zip(places, rows, strict=True):
            if row.low is not None and row.high is not None:
                axes.plot([row.low, row.high], [place, place], color=_INK, linewidth=1.2)
        axes.axvline(0, color=_INK, linewidth=0.8)
        axes.set_yticks(places, labels=[row.label for row in rows])
        axes.invert_yaxis()
        return _svg(figure, name, description)


def _axes(x: str, y: str, height: float = _HEIGHT) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    return figure, axes


def _draw(axes: Axes, curves: Sequence[Curve]) -> None:
    handles = []
    for place, curve in enumerate(curves):
        style = place % len(COLOURS)
        handles += axes.plot(
            curve.x,
            [float("nan") if value is None else value for value in curve.y],
            color=COLOURS[style],
            marker=MARKERS[style],
            markersize=4,
            linestyle=DASHES[style],
            linewidth=1.5,
        )
    if curves:
        axes.legend(handles, [curve.label for curve in curves], fontsize="small")


def _svg(figure: Figure, name: str, description: str) -> str:
    """The figure as an ``svg`` element of a page."""
    written = io.StringIO()
    with warnings.catch_warnings():
        # Letters that this font lacks: the browser draws them in its own.
        warnings.simplefilter("ignore", UserWarning)
        figure.savefig(
            written, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Type": None}
        )
    svg = without_control(written.getvalue())
    svg = svg[svg.index("<svg") :].strip()
    svg = _ABOUT_THE_FILE.sub("", svg, count=2).replace(_INK, "currentColor")
    svg = re.sub(r'(<\w[^<>]*\bid=")', rf"\1{name}-", svg)
    svg = re.sub(r'(<\w[^<>]*(?:href="|url\()#)', rf"\1{name}-", svg)
    opening = re.sub(r' (?:width|height)="[^"]*"', "", svg[: svg.index(">")])
    said = escape(without_control(description), quote=True)
    return f'{opening} role="img" aria-label="{said}"{svg[svg.index(">") :]}'
