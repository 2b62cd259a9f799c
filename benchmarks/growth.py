"""How time and memory grow with the sentences of an article, and with the number of articles.

python benchmarks/growth.py CORPUS [--figure docs/figures/growth.svg]

CORPUS is a file or a folder of articles. Long articles are articles strung together. Time: CPU time on one
thread, median of turns. Memory: most resident during an evaluation, over what the warm process has when the
C library has given free memory back. The exponent e of time ~ sentences ** e is the slope of a straight line
through the logarithms from 100 sentences or articles on, of memory from 1,000 on: 1 is linear, 2 quadratic.
Linux only.
"""

import argparse
import ctypes
import gc
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib
import numpy as np
from articles import long_text, of_length
from matplotlib.figure import Figure
from memory import forget_peak, memory
from stages import STAGES, stage_seconds

from summarizer.pipeline import Summarizer

SENTENCES = (10, 30, 100, 300, 1000, 3000, 5000)
ARTICLES = (10, 30, 100, 300, 1000)
LENGTH = range(28, 33)
STRAIGHT_FROM = 100
MEMORY_STRAIGHT_FROM = 1000  # less is lost among the pages that the allocator keeps
ALONE, TOGETHER = "one after the other", "together"
ROUNDS = 3

Times = dict[str, list[float]]


def cost(work: Callable[[], object]) -> tuple[float, float]:
    """Of one call: seconds of CPU time, and MiB that the process held at the most over what it had."""
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    before = memory(os.getpid())["Rss"]
    forget_peak()
    begin = time.process_time()
    work()
    seconds = time.process_time() - begin
    return seconds, max(0.0, memory(os.getpid())["Peak"] - before)


def exponent(sizes: Sequence[int], values: Sequence[float], start: int = STRAIGHT_FROM) -> float:
    """Slope of the logarithms from a size on."""
    pairs = [(size, value) for size, value in zip(sizes, values, strict=True) if size >= start]
    logarithms = np.log(np.array(pairs, np.float64))
    return float(np.polyfit(logarithms[:, 0], logarithms[:, 1], 1)[0])


def by_sentences(summarizer: Summarizer, corpus: Path) -> tuple[Times, list[float]]:
    """Milliseconds of each stage and of all, MiB added; print them."""
    rounds = list(texts_of_rounds(summarizer, corpus))
    mebibytes = [cost(lambda text=text: summarizer.evaluate(text))[1] for text in rounds[0]]  # type: ignore[misc]
    found: list[Times] = [defaultdict(list) for _ in SENTENCES]
    for texts in rounds[1:]:
        for times, text in zip(found, texts, strict=True):
            seconds = stage_seconds(summarizer, text)
            for stage, taken in {**seconds, "all": sum(seconds.values())}.items():
                times[stage].append(1000 * taken)
    middle = {stage: [median(times[stage]) for times in found] for stage in (*STAGES, "all")}
    print("| sentences | " + " | ".join(f"{stage}, ms" for stage in middle) + " | peak added, MiB |")
    print(f"| ---: |{' ---: |' * (len(middle) + 1)}")
    for place, size in enumerate(SENTENCES):
        row = [f"{values[place]:.2f}" for values in middle.values()]
        print(f"| {size:,} | {' | '.join(row)} | {mebibytes[place]:.1f} |")
    row = [f"{exponent(SENTENCES, values):.2f}" for values in middle.values()]
    row.append(f"{exponent(SENTENCES, mebibytes, MEMORY_STRAIGHT_FROM):.2f}")
    print(f"| exponent | {' | '.join(row)} |", flush=True)
    return middle, mebibytes


def texts_of_rounds(summarizer: Summarizer, corpus: Path) -> Iterator[list[str]]:
    """A text of each length for memory, then for each round of times; none twice: nothing is remembered."""
    total = sum(SENTENCES)
    whole = long_text(corpus, (1 + ROUNDS) * total)
    sentences = iter(summarizer.split(whole).sentences)
    for _ in range(1 + ROUNDS):
        pieces = [list(islice(sentences, size)) for size in SENTENCES]
        yield [whole[piece[0].start : piece[-1].end] for piece in pieces]


def by_articles(summarizer: Summarizer, corpus: Path) -> Times:
    """Seconds one after the other and together; print them."""
    some = [article.text for article in of_length(corpus, LENGTH, ARTICLES[-1])]
    texts = [some[place % len(some)] for place in range(ARTICLES[-1])]
    ways: dict[str, Callable[[list[str]], object]] = {
        ALONE: lambda chosen: [summarizer.evaluate(text) and None for text in chosen],
        TOGETHER: summarizer.evaluate_many,
    }
    found: Times = {way: [] for way in ways}
    peaks: Times = {way: [] for way in ways}
    for count in ARTICLES:
        for way, evaluate in ways.items():
            seconds, peak = cost(lambda: evaluate(texts[:count]))  # noqa: B023  # called at once
            found[way].append(seconds)
            peaks[way].append(peak)
    print("\n| articles | " + " | ".join(f"{way}, ms per article | peak added, MiB" for way in ways) + " |")
    print(f"| ---: |{' ---: |' * 2 * len(ways)}")
    for place, count in enumerate(ARTICLES):
        row = [f"{1000 * found[way][place] / count:.2f} | {peaks[way][place]:.1f}" for way in ways]
        print(f"| {count:,} | {' | '.join(row)} |")
    print(f"| exponent | {' | '.join(f'{exponent(ARTICLES, found[way]):.2f} | ' for way in ways)} |")
    return found


def draw(stages: Times, mebibytes: list[float], articles: Times, file: Path) -> None:
    """Three plots with both axes logarithmic, and a grey line as a linear cost would run."""
    settings: dict[Any, Any] = {"svg.hashsalt": "growth", "svg.fonttype": "none", "font.size": 9}
    with matplotlib.rc_context(settings):
        figure = Figure(figsize=(10, 3.4), layout="constrained")
        time_axes, memory_axes, article_axes = figure.subplots(1, 3)
        for (stage, values), marker in zip(stages.items(), "osv^Dx*", strict=True):
            time_axes.plot(SENTENCES, values, marker=marker, markersize=4, label=stage)
        memory_axes.plot(SENTENCES, mebibytes, marker="o", markersize=4, label="one evaluation")
        for (way, seconds), marker in zip(articles.items(), "os", strict=True):
            article_axes.plot(ARTICLES, seconds, marker=marker, markersize=4, label=way)
        for axes, sizes, last, what, label in (
            (time_axes, SENTENCES, stages["all"][-1], "sentences in the article", "ms"),
            (memory_axes, SENTENCES, mebibytes[-1], "sentences in the article", "MiB added at the peak"),
            (
                article_axes,
                ARTICLES,
                articles[ALONE][-1],
                "articles of about 30 sentences",
                "s",
            ),
        ):
            axes.plot(
                sizes, [last * size / sizes[-1] for size in sizes], color="0.7", linestyle=":", label="linear"
            )
            axes.set(xscale="log", yscale="log", xlabel=what, ylabel=label)
            axes.legend(fontsize=7, frameon=False)
            axes.spines[["top", "right"]].set_visible(False)
        file.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(file, metadata={"Date": None}, facecolor="white")


def main() -> None:
    """Print two tables and draw a figure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--figure", type=Path, help="an SVG to write")
    chosen = parser.parse_args()
    summarizer = Summarizer.load()
    summarizer.warm_up()
    stages, mebibytes = by_sentences(summarizer, chosen.corpus)
    articles = by_articles(summarizer, chosen.corpus)
    if chosen.figure:
        draw(stages, mebibytes, articles, chosen.figure)


if __name__ == "__main__":
    main()
