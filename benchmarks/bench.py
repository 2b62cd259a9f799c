"""Run the benchmarks one after the other, print their tables and write them down.

python benchmarks/bench.py CORPUS [--out docs/performance.md] [--only PART...]

CORPUS is a folder of ``*.jsonl.gz`` files of articles with quotes. Each part is a command that runs in a
process of its own; what it printed is kept in ``runs/bench``, so that ``--only`` runs some and takes the
others as they were. A part that fails stands there with its error, and the exit status is 1. The sentences
around the tables come from ``performance.md.jinja``.
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from summarizer.compiled import kernels

ROOT = Path(__file__).parent.parent
TEMPLATE = "performance.md.jinja"
KEPT = ROOT / "runs" / "bench"
MACHINE = "machine"
LONGEST = 300  # seconds that a part may take
SHOWN_OF_ERROR = 15  # lines

# "{corpus}" is the folder, "{file}" its largest file, for commands that take one; "{out}" where to write.
PARTS = {
    "rivals": ("benchmarks/rivals.py", "{corpus}", "--seconds", "4", "--quality", "200"),
    "stages": ("benchmarks/stages.py", "{corpus}"),
    "encoders": ("benchmarks/encoders.py", "{file}", "200"),
    "throughput": ("benchmarks/throughput.py", "{file}", "--seconds", "3", "--rounds", "3"),
    "load": ("benchmarks/load.py", "{file}", "--seconds", "3"),
    "start": ("benchmarks/start.py",),
    "memory": ("benchmarks/memory.py", "{corpus}"),
    "growth": ("benchmarks/growth.py", "{corpus}", "--figure", "{out}/figures/growth.svg"),
    "fitting": ("benchmarks/fitting.py", "summarizer/checkpoints/default/encoder", "{corpus}"),
    "corpus": ("benchmarks/corpus.py", "{file}", "--articles", "3000"),
}
# Whose version may change a figure.
PACKAGES = (
    *("numpy", "tokenizers", "safetensors", "pydantic-core", "gunicorn", "flask"),
    *("torch", "sentence-transformers", "onnxruntime", "scikit-learn"),
    *("sumy", "summa", "lede", "pytextrank", "spacy"),
)


@dataclass
class Run:
    """A part that has run. :ivar block: its command and what it printed, in Markdown."""

    block: str
    failed: bool


def run(name: str, corpus: Path, out: Path) -> Run:
    """One part, in a process of its own."""
    file = max(corpus.glob("*.jsonl.gz"), key=lambda path: path.stat().st_size)
    places = {"corpus": corpus, "file": file, "out": out.parent.resolve()}
    names = {"corpus": "CORPUS", "file": f"CORPUS/{file.name}", "out": "docs"}
    shown = " ".join(part.format_map(names) for part in PARTS[name])
    load = os.getloadavg()[0]
    begin = time.monotonic()
    status, said, complained = output([part.format_map(places) for part in PARTS[name]])
    seconds = time.monotonic() - begin
    about = (
        f"`python {shown}` ({datetime.now(UTC):%Y-%m-%d}, {seconds:.0f} s; load average before: {load:.1f})"
    )
    if status:
        lines = (said + complained).splitlines()[-SHOWN_OF_ERROR:]
        said = f"Failed with status {status}:\n\n```\n" + "\n".join(lines) + "\n```"
    said = said.strip().replace(str(corpus), "CORPUS").replace(f"{ROOT}/", "")
    return Run(f"{about}\n\n{said}\n", failed=bool(status))


def output(arguments: Sequence[str]) -> tuple[int, str, str]:
    """Status, what was written to standard output and to standard error; nothing is left running."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(  # noqa: S603
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a group, to be ended with all that it started
    )
    try:
        said, complained = process.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        said, complained = process.communicate()
        complained += f"\nstopped after {LONGEST} s\n"
    except BaseException:
        os.killpg(process.pid, signal.SIGTERM)
        raise
    return process.returncode, said, complained


def machine() -> str:
    """A table of what was measured on."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    rows = {
        "processor": f"{processor()}, {cores} cores for this process",
        "memory": f"{memory:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(filter(None, map(installed, PACKAGES))),
        "kernels": "in NumPy" if kernels is None else "compiled",
        "load average at the start": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    return "| | |\n| --- | --- |\n" + "".join(f"| {name} | {value} |\n" for name, value in rows.items())


def processor() -> str:
    """Its model as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "unknown")


def installed(package: str) -> str:
    """Name and version; empty if it is not."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return ""


def document() -> str:
    """The sentences of the template around what is kept of each part."""
    environment = Environment(  # noqa: S701  # Markdown
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(TEMPLATE).render({name: kept(name) for name in (MACHINE, *PARTS)})


def kept(name: str) -> str:
    """What the last run of a part left."""
    file = KEPT / f"{name}.md"
    return file.read_text(encoding="utf-8").rstrip() if file.exists() else "Not measured yet."


def main() -> int:
    """:returns: 1 if a part failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "performance.md")
    parser.add_argument("--only", nargs="+", choices=tuple(PARTS), metavar="PART", help=", ".join(PARTS))
    chosen = parser.parse_args()
    corpus = chosen.corpus.resolve()
    if not any(corpus.glob("*.jsonl.gz")):
        parser.error(f"{chosen.corpus} is no folder with .jsonl.gz files")
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{MACHINE}.md").write_text(machine(), encoding="utf-8")
    failed, begin = [], time.monotonic()
    for name in chosen.only or PARTS:
        print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
        found = run(name, corpus, chosen.out)
        (KEPT / f"{name}.md").write_text(found.block, encoding="utf-8")
        print(
            f"{'FAILED' if found.failed else 'done'}, {time.monotonic() - begin:.0f} s in all",
            file=sys.stderr,
        )
        print(f"## {name}\n\n{found.block}", flush=True)
        failed += [name] * found.failed
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    chosen.out.write_text(document(), encoding="utf-8")
    print(f"{chosen.out} written; failed: {', '.join(failed) or 'none'}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
