"""What the service costs beside the library that it serves.

python benchmarks/throughput.py CORPUS [--sentences 30] [--seconds 5] [--rounds 3]

CORPUS is a ``.jsonl.gz`` with a ``text`` a line, or a folder of them; its articles are cut off after so many
sentences, and shorter ones passed over. Rounds take turns, so that other work on the machine hits all alike;
the median of each figure is shown. The cache is off. Linux only, on two cores: the first is for the library,
or one worker, and the second for the callers, except where it says that they share. "Flask alone" and
"gunicorn alone" are ``plain_service.py``.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from articles import first_texts
from callers import Callers, Found, request_of
from serving import ARTICLES, Service, as_batch_body, as_body, service

from summarizer import Summarizer

# Callers of a saturated service, and the most requests that may be under way on schedule.
CONNECTIONS = 16

# Articles that the library gets at once, about as many as the engine finds waiting.
LOT = 16

Figures = dict[str, float]


@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """Keep this process, and those that it starts, to some cores."""
    former = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, former)


def cut(summarizer: Summarizer, articles: Sequence[str], sentences: int) -> list[str]:
    """The beginnings of those that are long enough."""
    documents = [summarizer.split(text) for text in articles]
    return [
        document.text[: document.sentences[sentences - 1].end]
        for document in documents
        if len(document.sentences) >= sentences
    ]


def lot_from(articles: Sequence[str], first: int) -> list[str]:
    """As many as are scored together; the first one comes after the last."""
    return [articles[(first + place) % len(articles)] for place in range(LOT)]


def library(evaluate: Callable[[], int], seconds: float) -> Figures:
    """Call for a while.

    :param evaluate: says how many articles it was.
    :returns: rate by the clock, CPU seconds an article, median seconds of a call.
    """
    latencies: list[float] = []
    count = 0
    began, cpu_began = time.perf_counter(), time.process_time()
    while (now := time.perf_counter()) < began + seconds:
        count += evaluate()
        latencies.append(time.perf_counter() - now)
    spent = time.process_time() - cpu_began
    return {
        "rate": count / (time.perf_counter() - began),
        "cpu": spent / count,
        "p50": statistics.median(latencies),
    }


def cpu_seconds(running: Service) -> float:
    """CPU time of all workers so far."""
    ticks = 0
    for pid in running.workers:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def called(running: Service, drive: Callable[[], Found], articles: int = 1) -> Figures:
    """Call for a while.

    :param articles: in each request.
    :returns: what callers saw, CPU seconds of the workers an article, and of the callers by the clock.
    """
    before = cpu_seconds(running)
    found = drive()
    if set(found.statuses) != {200}:
        sys.exit(f"not all answers are 200: {dict(found.statuses)}\n{running.written[-2000:]}")
    return {
        "rate": found.rate * articles,
        "cpu": (cpu_seconds(running) - before) / (found.statuses[200] * articles),
        "p50": found.percentile(50),
        "p99": found.percentile(99),
        "callers": found.cpu_seconds / found.seconds,
    }


def one_round(
    summarizer: Summarizer,
    articles: Sequence[str],
    one: Service,
    plain: Mapping[str, Service],
    two: Service,
    cores: tuple[int, int],
    seconds: float,
) -> dict[str, Figures]:
    """Everything once."""
    requests = [request_of(as_body(text)) for text in articles]
    batches = [
        request_of(as_batch_body(lot_from(articles, first)), "/api/evaluate/batch")
        for first in range(0, len(articles), LOT)
    ]
    turn, found = iter(range(sys.maxsize)), {}

    def single() -> int:
        summarizer.evaluate(articles[next(turn) % len(articles)])
        return 1

    def many() -> int:
        summarizer.evaluate_many(lot_from(articles, next(turn) * LOT))
        return LOT

    with on_cores({cores[0]}):
        found["library, one at a time"] = library(single, seconds)
        found[f"library, {LOT} together"] = library(many, seconds)
    with on_cores({cores[1]}):
        with _callers(one, 1, requests) as callers:
            found["service, 1 connection"] = called(one, lambda: callers.saturate(seconds))
        with _callers(one, 1, batches) as callers:
            found[f"service, 1 connection, {LOT} articles per request"] = called(
                one, lambda: callers.saturate(seconds), LOT
            )
        with _callers(one, CONNECTIONS, requests) as callers:
            whole = called(one, lambda: callers.saturate(seconds))
            found[f"service, {CONNECTIONS} connections"] = whole
            found["service, half of that rate"] = called(
                one, lambda: callers.on_schedule(whole["rate"] / 2, seconds)
            )
        for name, running in plain.items():
            with _callers(running, 1, requests) as callers:
                found[f"{name} alone, 1 connection"] = called(running, lambda: callers.saturate(seconds))
    with on_cores({cores[0]}), _callers(one, CONNECTIONS, requests) as callers:
        found["one worker and callers on one core"] = called(one, lambda: callers.saturate(seconds))
    with on_cores(set(cores)), _callers(two, CONNECTIONS, requests) as callers:
        found["two workers and callers on two cores"] = called(two, lambda: callers.saturate(seconds))
    return found


@contextmanager
def _callers(running: Service, connections: int, requests: Sequence[bytes]) -> Iterator[Callers]:
    callers = Callers(running.port, connections, requests)
    try:
        callers.saturate(0.3)  # until everything is warm
        yield callers
    finally:
        callers.close()


def show(rounds: Sequence[dict[str, Figures]]) -> None:
    """Print medians, and the ratios of each round's figures."""
    print("| | articles/s | CPU ms per article | p50 ms | p99 ms | callers' share of a core |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in rounds[0]:
        row = {key: statistics.median(each[name][key] for each in rounds) for key in rounds[0][name]}
        times = f"{row['p50'] * 1000:.2f} | " + (f"{row['p99'] * 1000:.2f}" if "p99" in row else "")
        share = f"{row['callers']:.0%}" if "callers" in row else ""
        print(f"| {name} | {row['rate']:.0f} | {row['cpu'] * 1000:.3f} | {times} | {share} |")

    single, many, idle, batch, full, half, flask, gunicorn, on_one, on_two = rounds[0]

    def ratio(upper: str, lower: str, key: str) -> float:
        return statistics.median(each[upper][key] / each[lower][key] for each in rounds)

    def difference(upper: str, lower: str, key: str) -> float:
        return 1000 * statistics.median(each[upper][key] - each[lower][key] for each in rounds)

    spread = statistics.median(each[half]["p99"] / each[half]["p50"] for each in rounds)
    print("\n| | |\n| --- | ---: |")
    print(f"| service's rate by the library's, one at a time | {ratio(full, single, 'rate'):.0%} |")
    print(f"| service's rate by the library's, {LOT} together | {ratio(full, many, 'rate'):.0%} |")
    print(f"| the same of CPU time, library {LOT} together by service | {ratio(many, full, 'cpu'):.0%} |")
    print(
        f"| service's rate with {LOT} articles per request by the library's, {LOT} together"
        f" | {ratio(batch, many, 'rate'):.0%} |"
    )
    print(f"| rate of Flask alone by the library's, one at a time | {ratio(flask, single, 'rate'):.0%} |")
    print(
        f"| rate of gunicorn alone by the library's, one at a time | {ratio(gunicorn, single, 'rate'):.0%} |"
    )
    print(f"| CPU ms per article minus the library's, saturated | {difference(full, many, 'cpu'):.3f} |")
    print(f"| CPU ms per article minus the library's, 1 connection | {difference(idle, single, 'cpu'):.3f} |")
    print(f"| added latency when idle, p50, ms | {difference(idle, single, 'p50'):.2f} |")
    print(f"| p99 by p50 at half of the rate | {spread:.2f} |")
    print(f"| two cores by one, rate | {ratio(on_two, on_one, 'rate'):.2f} |")


def main() -> None:
    """Print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sentences", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[:2]
    if len(cores) < 2:
        sys.exit("two cores are needed: one for the service, one for its callers")
    summarizer = Summarizer.load()
    articles = cut(summarizer, first_texts(chosen.corpus, ARTICLES), chosen.sentences)
    if not articles:
        sys.exit(f"{chosen.corpus} has no article of {chosen.sentences} sentences; name fewer")
    off = {"SUMMARIZER_CACHE_BYTES": "0"}
    with ExitStack() as stack:
        with on_cores({cores[0]}):
            one = stack.enter_context(service(**off, WEB_CONCURRENCY="1"))
            plain = {
                name: stack.enter_context(
                    service(f"benchmarks.plain_service:{function}()", WEB_CONCURRENCY="1")
                )
                for name, function in {"Flask": "with_flask", "gunicorn": "without_flask"}.items()
            }
        two = stack.enter_context(service(**off, WEB_CONCURRENCY="2"))
        rounds = [
            one_round(summarizer, articles, one, plain, two, (cores[0], cores[1]), chosen.seconds)
            for _ in range(chosen.rounds)
        ]
    print(f"{len(articles)} articles of {chosen.sentences} sentences\n")
    show(rounds)


if __name__ == "__main__":
    main()
