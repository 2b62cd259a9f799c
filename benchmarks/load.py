"""How much the service does, and how long a caller waits.

python benchmarks/load.py CORPUS [--seconds 10]

CORPUS is a ``.jsonl.gz`` with a ``text`` a line, or a folder of them. Needs wrk (``apt-get install wrk``).
The cache is off. Times are of all answers, refusals too; a caller of wrk does not heed Retry-After.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from serving import Service, bodies, service

CONNECTIONS = (1, 8, 64, 256)
SETTINGS = {
    "batches": {},
    "one article at a time": {"SUMMARIZER_BATCH_SENTENCES": "1"},
}


def drive(running: Service, articles: Path, connections: int, seconds: int) -> dict[str, Any]:
    """The figures of wrk."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s"]
    command += ["-s", str(Path(__file__).with_name("load.lua")), f"http://127.0.0.1:{running.port}"]
    try:
        done = subprocess.run([*command, "--", str(articles)], capture_output=True, text=True, check=True)  # noqa: S603
    except FileNotFoundError:
        sys.exit("wrk is not installed; on Debian: apt-get install wrk")
    found: dict[str, Any] = json.loads(done.stdout.partition("RESULT ")[2])
    return found


def main() -> None:
    """Print a row for each setting and number of connections."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--seconds", type=int, default=10, help="of each run")
    chosen = parser.parse_args()
    print("| | connections | articles/s | p50 ms | p95 ms | p99 ms | statuses | broken |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |")
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as articles:
        Path(articles.name).write_bytes(b"\n".join(bodies(chosen.corpus)) + b"\n")
        for name, environment in SETTINGS.items():
            with service(SUMMARIZER_CACHE_BYTES="0", **environment) as running:
                drive(running, Path(articles.name), 8, 2)  # until everything is warm
                for connections in CONNECTIONS:
                    found = drive(running, Path(articles.name), connections, chosen.seconds)
                    rate = found["statuses"].get("200", 0) / found["seconds"]
                    times = " | ".join(f"{found[name]:.0f}" for name in ("p50", "p95", "p99"))
                    statuses = ", ".join(
                        f"{code}: {count}" for code, count in sorted(found["statuses"].items())
                    )
                    print(
                        f"| {name} | {connections} | {rate:.0f} | {times} | {statuses} | {found['broken']} |",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
