"""How much memory a process takes, alone and as a worker of the service.

python benchmarks/memory.py CORPUS [--articles 1000]

CORPUS is a file or a folder of articles. Every row of the first table is a process of its own, with one
thread, which is looked at after what the row says. Resident: pages it holds; proportional: pages that others
share count in parts; unique: pages that nobody else holds; peak: most resident during the last step. The
second table is a worker of the real service, with the cache of answers that it has by default. Linux only.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # a process that is measured imports nothing but what is measured
    from serving import Service

SENTENCES = 5000
MEASURING = "--child"
STEPS = ("Python alone", "import", "load", "warm-up", "articles", "long article")
COLUMNS = ("Rss", "Pss", "Unique", "Peak")


def child(step: str) -> None:
    """Go as far as a step and write what it took."""
    if step in STEPS[1:]:
        from summarizer.pipeline import Summarizer
    if step in STEPS[2:]:
        summarizer = Summarizer.load()
    if step in STEPS[3:]:
        summarizer.warm_up()
    before = memory(os.getpid())
    forget_peak()
    for line in sys.stdin:
        summarizer.evaluate(json.loads(line))
    after = memory(os.getpid())
    print(json.dumps({**after, "Added": after["Peak"] - before["Rss"]}))


def forget_peak() -> None:
    """Reset the peak of resident memory of this process."""
    Path("/proc/self/clear_refs").write_text("5")


def memory(pid: int) -> dict[str, float]:
    """MiB of a process by :data:`COLUMNS`."""
    found: dict[str, float] = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size = line.split()[:2]
        found[name.removesuffix(":")] = int(size) / 1024
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    peak = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    unique = found["Private_Clean"] + found["Private_Dirty"]
    return {"Rss": found["Rss"], "Pss": found["Pss"], "Unique": unique, "Peak": max(peak, found["Rss"])}


def children(pid: int) -> list[int]:
    """Process ids of the direct children, the oldest first."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alone(corpus: Path, count: int) -> None:
    """A row for each step."""
    from articles import long_text, texts

    inputs = {"articles": texts(corpus, count), "long article": [long_text(corpus, SENTENCES)]}
    labels = {
        "warm-up": "load and warm-up",
        "articles": f"and {len(inputs['articles']):,} articles",
        "long article": f"or one article of {SENTENCES:,} sentences",
    }
    print("| after | resident, MiB | proportional | unique | peak | peak over before |")
    print(f"| --- |{' ---: |' * 5}")
    for step in STEPS:
        done = subprocess.run(  # noqa: S603
            [sys.executable, __file__, MEASURING, step],
            input="".join(json.dumps(text) + "\n" for text in inputs.get(step, [])),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found = json.loads(done.stdout)
        cells = [f"{found[name]:.0f}" for name in COLUMNS]
        cells.append(f"{found['Added']:.0f}" if step in inputs else "")
        print(f"| {labels.get(step, step)} | {' | '.join(cells)} |", flush=True)


def serving(corpus: Path, count: int) -> None:
    """A row for each state of the only worker of a service."""
    from articles import long_text, texts
    from serving import service

    articles, long = texts(corpus, count), long_text(corpus, SENTENCES)
    print("\n| the service's worker after | resident, MiB | proportional | unique | peak |")
    print(f"| --- |{' ---: |' * 4}")
    with service(WEB_CONCURRENCY="1") as running:
        show("start and warm-up", running)
        post(running, articles)
        show(f"{len(articles):,} requests", running)
        post(running, [long])
        show(f"and one article of {SENTENCES:,} sentences", running)


def post(running: "Service", articles: list[str]) -> None:
    """One request after the other, on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
    for text in articles:
        body = json.dumps({"text": text})
        connection.request("POST", "/api/evaluate", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            sys.exit(f"the service answered {answer.status}: {said.decode()}")
    connection.close()


def show(label: str, running: "Service") -> None:
    """A row of the worker as it is now."""
    found = memory(running.workers[0])
    print(f"| {label} | {' | '.join(f'{found[name]:.0f}' for name in COLUMNS)} |", flush=True)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--articles", type=int, default=1000)
    chosen = parser.parse_args()
    alone(chosen.corpus, chosen.articles)
    serving(chosen.corpus, chosen.articles)


if __name__ == "__main__":
    child(sys.argv[2]) if sys.argv[1:2] == [MEASURING] else main()
