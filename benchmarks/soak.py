"""Whether memory stays flat, and what a killed worker and a new checkpoint cost, while requests go on.

python benchmarks/soak.py CORPUS [--requests 20000] [--threads 8]

CORPUS is a ``.jsonl.gz`` with a ``text`` a line, or a folder of them. The cache is off.
"""

import argparse
import http.client
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from memory import memory
from serving import Service, bodies, service


class Callers:
    """Threads that post articles in turn, each on a connection that it keeps while it can.

    :ivar outcomes: statuses and names of errors, by how often.
    """

    def __init__(self, running: Service, articles: list[bytes], requests: int, threads: int) -> None:
        self._running = running
        self._articles = articles
        self._lock = threading.Lock()
        self._left = requests
        self.outcomes: Counter[str] = Counter()
        self._pool = ThreadPoolExecutor(threads)
        self._done = [self._pool.submit(self._call) for _ in range(threads)]

    @property
    def left(self) -> int:
        """Requests that are still to be sent."""
        return self._left

    def wait(self) -> None:
        """Until all are answered."""
        for call in self._done:
            call.result()
        self._pool.shutdown()

    def _call(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._running.port, timeout=60)
        while True:
            with self._lock:
                if not self._left:
                    return
                self._left -= 1
                body = self._articles[self._left % len(self._articles)]
            try:
                connection.request("POST", "/api/evaluate", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                outcome = str(answer.status)
            except (OSError, http.client.HTTPException) as error:
                outcome = type(error).__name__
                connection.close()
            with self._lock:
                self.outcomes[outcome] += 1


def of_workers(running: Service) -> str:
    """Resident memory of each worker in MiB, including pages shared with the master."""
    return ", ".join(f"{memory(pid)['Rss']:.0f}" for pid in running.workers)


def kill_one(running: Service) -> None:
    """As the kernel does when memory is short."""
    os.kill(running.workers[0], signal.SIGKILL)


def reload(running: Service) -> None:
    """As after a new checkpoint was put in place."""
    running.process.send_signal(signal.SIGHUP)


def main() -> None:
    """Print a row for each phase."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--threads", type=int, default=8)
    chosen = parser.parse_args()
    articles = bodies(chosen.corpus)
    print("| phase | requests | outcomes | seconds | MiB of each worker |\n| --- | ---: | --- | ---: | --- |")

    def run(phase: str, requests: int, interrupt: Callable[[Service], None] | None = None) -> None:
        began, count = time.monotonic(), len(running.workers)
        callers = Callers(running, articles, requests, chosen.threads)
        if interrupt is not None:
            while callers.left > requests * 2 // 3:
                time.sleep(0.01)
            interrupt(running)
        callers.wait()
        while len(running.workers) < count or (interrupt and len(running.workers) != count):
            time.sleep(0.1)
        outcomes = ", ".join(f"{name}: {count}" for name, count in sorted(callers.outcomes.items()))
        seconds = time.monotonic() - began
        print(f"| {phase} | {requests} | {outcomes} | {seconds:.0f} | {of_workers(running)} |", flush=True)

    with service(SUMMARIZER_CACHE_BYTES="0") as running:
        run("first tenth", chosen.requests // 10)
        for part in ("first third", "second third", "last third"):
            run(part, chosen.requests * 3 // 10)
        run("SIGKILL of a worker", max(200, chosen.requests // 20), kill_one)
        run("SIGHUP", max(200, chosen.requests // 20), reload)


if __name__ == "__main__":
    main()
