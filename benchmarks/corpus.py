"""How long a corpus takes, how much memory, and whether a killed run goes on as if nothing had happened.

python benchmarks/corpus.py CORPUS [--articles 5000] [--processes 1 2] [--format jsonl]

CORPUS is a ``.jsonl.gz`` with a ``text`` per line. Its articles, cut off after ten sentences, are repeated
with new ids until there are enough. Linux only: memory is read from /proc.
"""

import argparse
import hashlib
import itertools
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from articles import rows
from memory import children, memory

from summarizer.sentences import SentenceSplitter

SENTENCES = 10
MILLION = 1_000_000

# Adding up the pages of large processes takes time that they would need.
SECONDS_BETWEEN_LOOKS = 1.0


@dataclass
class Run:
    """One run of the command.

    :ivar cpu_seconds: of parent and processes together: on a busy machine it says more than the clock.
    :ivar first_part_seconds: until the first part was there: starting processes and loading models.
    :ivar peak: most MiB that parent and processes used together (proportional set size, so that shared pages
        count once).
    """

    status: int
    seconds: float
    cpu_seconds: float
    first_part_seconds: float
    peak: float


def short_articles(corpus: Path) -> Iterator[str]:
    """The beginnings of those that are long enough."""
    splitter = SentenceSplitter()
    for row in rows(corpus):
        sentences = splitter.document(row["text"]).sentences
        if len(sentences) >= SENTENCES:
            yield row["text"][: sentences[SENTENCES - 1].end]


def write_corpus(corpus: Path, file: Path, count: int) -> float:
    """Bytes of an article, on average."""
    texts = list(short_articles(corpus))
    with file.open("w", encoding="utf-8") as stream:
        for number, text in enumerate(itertools.islice(itertools.cycle(texts), count)):
            stream.write(json.dumps({"id": f"a{number}", "text": text}, ensure_ascii=False) + "\n")
    return file.stat().st_size / count


def run(source: Path, out: Path, *arguments: str, kill_after_parts: int | None = None) -> Run:
    """Run the command to its end, or kill it after some parts."""
    command = [sys.executable, "-m", "summarizer", "batch", str(source), str(out), "--quiet", *arguments]
    began, cpu_before = time.monotonic(), cpu_of_children()
    process = subprocess.Popen(command)  # noqa: S603
    peak, first, looked = 0.0, 0.0, began
    while process.poll() is None:
        time.sleep(0.2)
        parts = len(list(out.glob("part-*")))
        first = first or (time.monotonic() - began if parts else 0.0)
        if kill_after_parts is not None and parts >= kill_after_parts:
            process.send_signal(signal.SIGKILL)
        if time.monotonic() - looked >= SECONDS_BETWEEN_LOOKS:
            looked = time.monotonic()
            peak = max(peak, memory_of_tree(process.pid))
    seconds = time.monotonic() - began
    return Run(process.returncode, seconds, cpu_of_children() - cpu_before, first, peak)


def cpu_of_children() -> float:
    """Seconds of all that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def memory_of_tree(pid: int) -> float:
    """MiB of a process and all its descendants; 0 for one that has ended meanwhile."""
    try:
        own, below = memory(pid)["Pss"], children(pid)
    except (OSError, StopIteration, KeyError):
        return 0.0
    return own + sum(map(memory_of_tree, below))


def digests(out: Path) -> dict[str, str]:
    """What the parts hold, without drafts and the manifest."""
    return {part.name: hashlib.sha256(part.read_bytes()).hexdigest() for part in sorted(out.glob("part-*"))}


def main() -> None:
    """Print a row for each number of processes, and what became of a killed run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--articles", type=int, default=5000)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--format", choices=("jsonl", "parquet"), default="jsonl")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "corpus.jsonl"
        size = write_corpus(chosen.corpus, source, chosen.articles)
        print(f"{chosen.articles:,} articles of {SENTENCES} sentences, {size:,.0f} bytes each\n")
        print("| processes | seconds | articles/s | CPU ms per article | peak MiB | hours per million |")
        print("| ---: | ---: | ---: | ---: | ---: | ---: |")
        for processes in chosen.processes:
            out = folder / f"out-{processes}"
            arguments = ["--processes", str(processes), "--format", chosen.format]
            found = run(source, out, *arguments)
            if found.status:
                sys.exit("the run failed")
            rate = chosen.articles / found.seconds
            # What starting takes does not grow with the corpus.
            steady = (found.seconds - found.first_part_seconds) / (1 - processes * 500 / chosen.articles)
            hours = (found.first_part_seconds + steady * MILLION / chosen.articles) / 3600
            cpu = 1000 * found.cpu_seconds / chosen.articles
            cells = [f"{found.seconds:.1f}", f"{rate:.0f}", f"{cpu:.2f}"]
            cells += [f"{found.peak:.0f}", f"{hours:.2f}"]
            print(f"| {processes} | {' | '.join(cells)} |", flush=True)
        whole = digests(out)
        again = folder / "out-killed"
        killed = run(source, again, *arguments, kill_after_parts=max(len(whole) // 2, 1))
        before = digests(again)
        resumed = run(source, again, *arguments)
        equal = digests(again) == whole
        kept = sum(1 for name in before if whole.get(name) == before[name])
        print(
            f"\nkilled (status {killed.status}) with {len(before)} of {len(whole)} parts, {kept} whole;"
            f" resumed (status {resumed.status}): all parts {'byte-equal' if equal else 'DIFFER'}"
        )


if __name__ == "__main__":
    main()
