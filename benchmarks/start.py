"""How long it takes until the command has answered, and what its imports take.

python benchmarks/start.py [ARTICLE]

Every run is a new process; files are in the system's cache after the first one, which is not counted. (A cold
start, without that cache, would take the right to empty it.) Median of five in turns, by the clock and in CPU
time. Imports: what ``-X importtime`` says of the command, added up by package.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
ARTICLE = ROOT / "benchmarks" / "kinds" / "news_british.txt"
ROUNDS = 5
SHOWN = 10
_IMPORT = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\w+)")


def seconds(arguments: list[str]) -> tuple[float, float]:
    """By the clock and of CPU, of a Python with these arguments."""
    begin, before = time.perf_counter(), os.times()
    subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
    wall, after = time.perf_counter() - begin, os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu


def imports(arguments: list[str]) -> dict[str, tuple[float, int]]:
    """Milliseconds and modules of each package, the most expensive first."""
    command = [sys.executable, "-X", "importtime", *arguments]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stderr  # noqa: S603
    found: dict[str, list[int]] = defaultdict(list)
    for microseconds, package in _IMPORT.findall(said):
        found[package].append(int(microseconds))
    ranked = sorted(found.items(), key=lambda item: -sum(item[1]))
    return {package: (sum(times) / 1000, len(times)) for package, times in ranked}


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("article", type=Path, nargs="?", default=ARTICLE)
    article = parser.parse_args().article.resolve()
    with tempfile.TemporaryDirectory() as bare:
        empty = Path(bare) / "empty.py"
        empty.touch()
        commands = {
            "`python -m summarizer article.txt`": ["-m", "summarizer", str(article)],
            "`python -m summarizer --help`": ["-m", "summarizer", "--help"],
            "`import summarizer`": ["-c", "import summarizer"],
            "`from summarizer import Summarizer`": ["-c", "from summarizer import Summarizer"],
            "Python alone": [str(empty)],
        }
        times: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for round_ in range(ROUNDS + 1):
            for name, arguments in commands.items():
                taken = seconds(arguments)
                if round_:
                    times[name].append(taken)
    print(
        "| | seconds, median | fastest | slowest | CPU seconds, median |\n| --- | ---: | ---: | ---: | ---: |"
    )
    for name, rounds in times.items():
        wall, cpu = zip(*rounds, strict=True)
        print(f"| {name} | {median(wall):.2f} | {min(wall):.2f} | {max(wall):.2f} | {median(cpu):.2f} |")
    found = imports(commands["`python -m summarizer article.txt`"])
    print("\n| package, imported by the command | ms | modules |\n| --- | ---: | ---: |")
    for package, (milliseconds, modules) in list(found.items())[:SHOWN]:
        print(f"| {package} | {milliseconds:.0f} | {modules} |")
    total = sum(milliseconds for milliseconds, _ in found.values())
    print(f"| all {len(found)} | {total:.0f} | {sum(modules for _, modules in found.values())} |")


if __name__ == "__main__":
    main()
