"""Summarizers side by side, from text to selected sentences: how fast, and how near to what people quote.

python benchmarks/rivals.py CORPUS [--seconds 6] [--quality 200]

CORPUS is a file or a folder of articles with quotes. Speed: articles of 28 to 32 sentences, all systems in
turns, a few articles each, by the clock. One core: one process with one thread. Two cores: two such
processes, one pinned to each, articles shared out, until both are done. Slow systems take fewer articles.
Quality: articles of the test split with 10 to 60 sentences, three of them selected; ROUGE-2 F1 against the
quotes, and its difference to ours on the same articles with a 95 % interval (paired bootstrap over articles).
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from articles import for_quality, of_length
from systems import SYSTEMS

from training.corpus import Article
from training.metrics import RougeMeter, bootstrap_means

OURS = "ours"
TIMED_LENGTH = range(28, 33)
QUALITY_LENGTH = range(10, 61)
TIMED_ARTICLES = 450
TURN = 30  # articles; changing more often measures how systems empty each other's caches
LEAST = 6  # articles of a system that is slower than the time it is given
MEASURING = "--worker"
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def worker(core: int) -> None:
    """On one core: read a system and articles as JSON lines, write what it selected and how long it took."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    loaded = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["system"]
        if name not in loaded:
            loaded[name] = SYSTEMS[name].make()
            loaded[name](request["texts"][0])  # what is only loaded by the first article
            gc.freeze()  # collecting garbage need not look at what all these libraries have loaded
        marks, selected = [time.perf_counter()], []
        for text in request["texts"]:
            selected.append(list(loaded[name](text)))
            marks.append(time.perf_counter())
        print(json.dumps({"marks": marks, "selected": selected}), file=answers, flush=True)


class Worker:
    """A process on one core."""

    def __init__(self, core: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, __file__, MEASURING, str(core)],
            env={**os.environ, **THREADS},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def ask(self, system: str, texts: Sequence[str]) -> None:
        """Let it work; see :meth:`answer`."""
        print(json.dumps({"system": system, "texts": texts}), file=self._process.stdin, flush=True)

    def answer(self) -> dict[str, Any]:
        """When each article began and ended, on the clock of all processes, and what was selected."""
        assert self._process.stdout is not None  # noqa: S101  # it was asked for
        line = self._process.stdout.readline()
        found: dict[str, Any] = json.loads(line) if line else sys.exit("a worker ended; its message is above")
        return found


@dataclass
class Speed:
    """:ivar alone: seconds of each article on one core. :ivar wall: of ``shared`` articles on two."""

    alone: list[float] = field(default_factory=list)
    wall: float = 0.0
    shared: int = 0


def together(workers: Sequence[Worker], system: str, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Articles shared out among the workers; their answers."""
    for place, one in enumerate(workers):
        one.ask(system, texts[place :: len(workers)])
    return [one.answer() for one in workers]


def speeds(
    workers: Sequence[Worker], names: Sequence[str], texts: Sequence[str], limit: float
) -> dict[str, Speed]:
    """All systems in turns. Each article is given once, so that no system remembers it."""
    found = {name: Speed() for name in names}
    warm, rest = texts[: len(workers)], texts[len(workers) :]
    most = {}
    for name in names:
        together(workers, name, warm)  # loads
        begin, end = together(workers, name, warm)[0]["marks"][:2]
        most[name] = max(LEAST, int(limit / (end - begin) / (len(workers) + 1)))
    most[OURS] = len(rest)  # what the others are compared with
    turn = TURN * (1 + len(workers))
    for first in range(0, len(rest), turn):
        for name in names:
            speed = found[name]
            count = min(TURN, most[name] - len(speed.alone), (len(rest) - first) // (1 + len(workers)))
            if count <= 0:
                continue
            one = together(workers[:1], name, rest[first : first + count])[0]["marks"]
            speed.alone += np.diff(one).tolist()
            if len(workers) > 1:
                shared = rest[first + TURN : first + TURN + count * len(workers)]
                marks = [answer["marks"] for answer in together(workers, name, shared)]
                speed.wall += max(mark[-1] for mark in marks) - min(mark[0] for mark in marks)
                speed.shared += len(shared)
    return found


@dataclass
class Quality:
    """:ivar rouge2: F1 of each article, in percent, of the first articles. :ivar words: of its selection."""

    rouge2: list[float] = field(default_factory=list)
    words: list[int] = field(default_factory=list)


def qualities(
    workers: Sequence[Worker], speed: dict[str, Speed], articles: Sequence[Article], limit: float
) -> dict[str, Quality]:
    """Each system's selections beside the quotes; a slow system takes the first articles only."""
    meter, found = RougeMeter(), defaultdict[str, Quality](Quality)
    for name, measured in speed.items():
        count = min(len(articles), max(LEAST, int(limit * len(workers) / np.median(measured.alone))))
        chosen = articles[:count]
        selected: list[Sequence[str]] = [()] * count
        answers = together(workers, name, [article.text for article in chosen])
        for place, answer in enumerate(answers):
            selected[place :: len(workers)] = answer["selected"]
        for article, sentences in zip(chosen, selected, strict=True):
            found[name].rouge2.append(100 * meter.score(sentences, article.quotes).rouge2)
            found[name].words.append(len(" ".join(sentences).split()))
    return found


def print_tables(speed: dict[str, Speed], quality: dict[str, Quality]) -> None:
    """Speed and quality of each system in one row."""
    print(
        "| system | articles/s | ms, median | ms, p95 | times ours | two cores, articles/s | two / one |",
        end="",
    )
    print(" ROUGE-2 | minus ours (95 %) | words |")
    print(f"| --- |{' ---: |' * 9}")
    for name, measured in speed.items():
        seconds, same = np.array(measured.alone), np.array(speed[OURS].alone)[: len(measured.alone)]
        rate = len(seconds) / seconds.sum()
        both = measured.shared / measured.wall if measured.shared else float("nan")
        score = np.array(quality[name].rouge2)
        cells = [
            f"{rate:,.0f}" if rate >= 10 else f"{rate:.2f}",
            f"{1000 * np.median(seconds):.2f}",
            f"{1000 * np.percentile(seconds, 95):.2f}",
            f"{np.median(seconds / same):.2f}",
            f"{both:,.0f}" if both >= 10 else f"{both:.2f}",
            f"{both / rate:.2f}",
            f"{score.mean():.2f}",
            "" if name == OURS else difference(score, np.array(quality[OURS].rouge2)[: len(score)]),
            f"{np.mean(quality[name].words):.0f}",
        ]
        print(f"| {name} | {' | '.join(cells)} |")
    counts = {name: (len(speed[name].alone), speed[name].shared, len(quality[name].rouge2)) for name in speed}
    usual = counts[OURS]
    print(f"\nArticles: {usual[0]} on one core, {usual[1]} on two, {usual[2]} for quality", end="")
    for name, fewer in counts.items():
        if fewer != usual:
            print(f"; of {name} {fewer[0]}, {fewer[1]} and {fewer[2]}", end="")
    print(".")


def difference(theirs: np.ndarray, ours: np.ndarray) -> str:
    """Mean over articles with its interval."""
    low, high = np.percentile(bootstrap_means(theirs - ours), [2.5, 97.5])
    return f"{(theirs - ours).mean():+.2f} ({low:+.2f} to {high:+.2f})"


def main() -> None:
    """Print the table and what was done for each system."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument(
        "--seconds", type=float, default=6, help="that a system may take, once for each column"
    )
    parser.add_argument("--quality", type=int, default=200, help="articles for ROUGE-2")
    chosen = parser.parse_args()
    names = [name for name, system in SYSTEMS.items() if system.is_installed]
    cores = sorted(
        os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    )
    texts = [article.text for article in of_length(chosen.corpus, TIMED_LENGTH, TIMED_ARTICLES)]
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(core)) for core in cores[-2:]]
        speed = speeds(workers, names, texts, chosen.seconds)
        articles = for_quality(chosen.corpus, QUALITY_LENGTH, chosen.quality)
        quality = qualities(workers, speed, articles, chosen.seconds)
    print_tables(speed, quality)
    print()
    for name, system in SYSTEMS.items():
        if not system.is_installed:
            print(f"- {name}: left out; pip install {system.install}")
        elif system.note:
            print(f"- {name}: {system.note}")


if __name__ == "__main__":
    worker(int(sys.argv[2])) if sys.argv[1:2] == [MEASURING] else main()
