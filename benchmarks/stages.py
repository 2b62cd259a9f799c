"""Where the time of one article goes, and how far each stage is from what the machine allows.

OMP_NUM_THREADS=1 python benchmarks/stages.py CORPUS [--against FOLDER]

CORPUS is a file or a folder of articles, of which some of 28 to 32 sentences are taken. FOLDER is another
checkout to compare with: both take turns, a few articles each. All times are medians of CPU time on one
core, so that other work of the machine counts as little as possible.

The floor of a stage is what it must move and multiply, at the speed that this machine shows for a copy of a
large array and for a product of large matrices. A recurrent layer cannot come that near: it multiplies its
weights by one vector at a time, so a second floor has the speed of that.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from summarizer.pipeline import Summarizer

STAGES = ("split", "encode", "features", "network", "select", "JSON")
SENTENCES = range(28, 33)
ARTICLES = 300
TURN = 10  # articles; changing more often measures how processes empty each other's caches
MEASURING = "--worker"


def worker() -> None:
    """Read articles as JSON lines from standard input, write the seconds of each stage of each."""
    from summarizer.pipeline import Summarizer

    summarizer = Summarizer.load()
    summarizer.warm_up()
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(stage_seconds(summarizer, json.loads(line))), flush=True)


def stage_seconds(summarizer: "Summarizer", text: str) -> dict[str, float]:
    """CPU time of each stage."""
    from pydantic_core import to_json

    marks = [time.process_time()]
    document = summarizer.split(text)
    marks.append(time.process_time())
    encoded = summarizer.encode([document])
    marks.append(time.process_time())
    summarizer.features(document)
    marks.append(time.process_time())
    scores = summarizer.score([document], encoded)
    marks.append(time.process_time())
    evaluation = summarizer.select(document, encoded[0], scores[0])
    marks.append(time.process_time())
    to_json(evaluation.as_dict())
    marks.append(time.process_time())
    seconds = dict(zip(STAGES, (end - start for start, end in pairwise(marks)), strict=True))
    seconds["network"] -= seconds["features"]  # scoring makes them once more
    return seconds


def measured(checkouts: list[Path], texts: list[str]) -> list[dict[str, float]]:
    """Median seconds by stage in each checkout; they take turns."""
    running = []
    for checkout in checkouts:
        environment = {
            **os.environ,
            "PYTHONPATH": str(checkout),
            "OMP_NUM_THREADS": "1",
            "TOKENIZERS_PARALLELISM": "false",
        }
        process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", __file__, MEASURING],
            cwd=checkout,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        answer(process)
    times: list[list[dict[str, float]]] = [[] for _ in running]
    for first in range(0, len(texts), TURN):
        for process, rows in zip(running, times, strict=True):
            for text in texts[first : first + TURN]:
                print(json.dumps(text), file=process.stdin, flush=True)
                rows.append(json.loads(answer(process)))
    for process in running:
        process.communicate()
    return [{stage: median(row[stage] for row in rows) for stage in STAGES} for rows in times]


def answer(process: subprocess.Popen[str]) -> str:
    """The next line that a process writes."""
    line = process.stdout.readline() if process.stdout is not None else ""
    return line or sys.exit("the other process ended; what it said is above")


def seconds_of(work: Callable[[], object], repetitions: int) -> float:
    """Median CPU time of one call."""
    times = []
    for _ in range(repetitions):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return median(times)


def floors(texts: list[str]) -> Iterator[tuple[str, float, float, float]]:
    """Of each stage: bytes that it moves, its multiply-adds, and the seconds that these take at the least."""
    from pydantic_core import to_json

    from summarizer.model import ModelConfig, input_width
    from summarizer.pipeline import Summarizer
    from summarizer.recurrence import GATES

    large = np.ones(2**24)
    target = np.empty_like(large)
    bandwidth = 2 * large.nbytes / seconds_of(lambda: np.copyto(target, large), 9)
    matrix = np.ones((1024, 1024), np.float32)
    speed = 1024**3 / seconds_of(lambda: matrix @ matrix, 9)

    summarizer = Summarizer.load()
    model = summarizer.card["architecture"]
    gates, width = GATES[model["cell"]], model["width"]
    runs = model["members"] * model["layers"] * (2 if model["bidirectional"] else 1)
    recurrent = np.ones((runs, width, gates * width), np.float32)
    state = np.ones((runs, 1, width), np.float32)
    step = seconds_of(lambda: state @ recurrent, 2001)

    text = sorted(texts, key=len)[len(texts) // 2]
    evaluation = summarizer.evaluate(text)
    sentences, characters = len(evaluation.sentences), len(text)
    tokens = round(1.2 * len(text.split()))  # word pieces and punctuation, about
    inputs = input_width(ModelConfig(**model))
    row = 4 * model["dimension"]
    moved_and_multiplied = {
        "split": (2 * characters, 0),
        "encode": (characters + (tokens + sentences) * row, tokens * model["dimension"]),
        "features": (characters + 3 * 8 * tokens, 4 * tokens),
        "network": (
            4 * runs * gates * width * (inputs + width),
            runs * sentences * gates * width * (inputs + width),
        ),
        "select": (2 * characters, 0),
        "JSON": (characters + len(to_json(evaluation.as_dict())), 0),
    }
    for stage, (moved, multiplied) in moved_and_multiplied.items():
        yield stage, moved, multiplied, max(moved / bandwidth, multiplied / speed)
    products = runs * sentences * gates * width
    by_vector = sentences * step + products * inputs / speed
    yield "network, a vector at a time", 4 * products * width, products * (inputs + width), by_vector
    print(
        f"\ncopy: {bandwidth / 1e9:.1f} GB/s; matrix product: {speed / 1e9:.1f} billion multiply-adds/s;"
        f" {runs} products of {width} x {gates * width} with a vector: {step * 1e6:.1f} us"
    )


def main() -> None:
    """Print the table."""
    from articles import of_length  # here, for the worker imports the other checkout

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--against", type=Path, metavar="FOLDER", help="another checkout")
    parsed = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    here = Path(__file__).parent.parent
    checkouts = [here] if parsed.against is None else [parsed.against.resolve(), here]
    texts = [article.text for article in of_length(parsed.corpus, SENTENCES, ARTICLES)]
    found = measured(checkouts, texts)
    now = found[-1]
    total = sum(now.values())
    print(f"{len(texts)} articles of {SENTENCES.start} to {SENTENCES.stop - 1} sentences; microseconds\n")
    before = " there | ratio |" if len(found) == 2 else ""
    print(f"| stage | here | share |{before}\n| --- | ---: | ---: |{' ---: | ---: |' if before else ''}")
    for stage in (*STAGES, "all"):
        times = [sum(times.values()) if stage == "all" else times[stage] for times in found]
        there = f" {times[0] * 1e6:.0f} | {times[0] / times[-1]:.2f} |" if before else ""
        print(f"| {stage} | {times[-1] * 1e6:.0f} | {times[-1] / total:.0%} |{there}")
    rows = list(floors(texts))
    print("\n| stage | KB moved | million multiply-adds | floor, us | here / floor |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for stage, moved, multiplied, floor in rows:
        ratio = now[stage.split(",")[0]] / floor
        print(f"| {stage} | {moved / 1e3:.0f} | {multiplied / 1e6:.2f} | {floor * 1e6:.1f} | {ratio:.1f} |")


if __name__ == "__main__":
    worker() if sys.argv[1:] == [MEASURING] else main()
