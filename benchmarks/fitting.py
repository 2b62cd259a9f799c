"""How long it takes to prepare articles and to fit one epoch on them.

python benchmarks/fitting.py ENCODER CORPUS... [--articles 1000]
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from summarizer.model import ModelConfig
from training.config import FitConfig
from training.distributed import processes
from training.fit import fit
from training.formats import read_corpus
from training.prepared import load, open_encoder, prepare
from training.runs import by_split


def main() -> None:
    """Prepare so many articles of the corpora, chosen by a fixed seed, and fit on them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder")
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--articles", type=int, default=1000)
    parsed = parser.parse_args()
    articles = list(read_corpus(parsed.corpus).articles)
    random.Random(0).shuffle(articles)  # noqa: S311  # nobody is to guess it
    encoder = open_encoder(parsed.encoder)
    print(f"{torch.get_num_threads()} threads, GPU: {torch.cuda.is_available()}")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "prepared"
        chosen = articles[: parsed.articles]
        timed("prepare", lambda: prepare(chosen, encoder, parsed.encoder, "blend", out), len(chosen))
        timed(
            "prepare, all kept", lambda: prepare(chosen, encoder, parsed.encoder, "blend", out), len(chosen)
        )
        manifest, ready = load(out, "blend")
        print(f"{manifest.sentences} sentences")
        splits = by_split(ready)
        with processes() as mine:
            for epochs in (1, 3):
                timed(
                    f"fit, {epochs} epoch(s)",
                    lambda: fit(
                        splits["train"],
                        splits["validation"],
                        ModelConfig(dimension=manifest.dimension),
                        FitConfig(epochs=epochs),  # noqa: B023  # called at once
                        mine,
                        show=False,
                    ),
                    len(splits["train"]) * epochs,
                )


def timed(label: str, work: Callable[[], object], articles: int) -> None:
    """Print how long it took."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{label}: {wall:.1f} s, {cpu:.1f} s of CPU, {articles / wall:.0f} articles/s")


if __name__ == "__main__":
    main()
