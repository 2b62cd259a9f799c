"""How many articles a second are prepared and fitted, beside what the arithmetic alone would take.

python benchmarks/fitting.py ENCODER CORPUS... [--articles 1000] [--epochs 3]

ENCODER is a folder (``summarizer/checkpoints/default/encoder``) or what ``training prepare`` takes. First the
steps of preparing one by one, then ``prepare`` as a whole on as many other articles, then epochs of a network
with default settings, on the CPU and on a GPU where PyTorch finds one. The floor is the multiply-adds over
the speed that this run measures for a product of large matrices of the same type on the same device and
threads; steps that multiply nothing have none. Fitting one sentence costs a forward and a backward pass,
validating one a forward pass.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from summarizer.encoder import Encoder, StaticEncoder
from summarizer.model import ModelConfig, input_width
from summarizer.rarity import Rarity
from summarizer.recurrence import GATES
from summarizer.sentences import SentenceSplitter
from summarizer.text_features import text_features
from training.closeness import Quoted, closeness
from training.config import FitConfig
from training.corpus import Article
from training.distributed import processes
from training.fit import fit
from training.formats import read_corpus
from training.prepared import PreparedArticle, load, open_encoder, prepare
from training.runs import by_split

CLOSENESS = "blend"
EDGE = {"cpu": 2048, "cuda": 8192}  # of the large matrices
PIECES_IN_WORD = 1.2  # word pieces and punctuation, about


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("encoder")
    parser.add_argument("corpus", type=Path, nargs="+")
    parser.add_argument("--articles", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=3)
    chosen = parser.parse_args()
    articles = list(read_corpus(chosen.corpus).articles)
    random.Random(0).shuffle(articles)  # noqa: S311  # nobody is to guess it
    one_by_one, rest = articles[: chosen.articles], articles[chosen.articles : 2 * chosen.articles]
    encoder = open_encoder(chosen.encoder)
    speed = {"cpu": product_speed("cpu")}
    print(
        "| step | articles/s | seconds | CPU seconds | million multiply-adds per article"
        " | floor, articles/s |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    steps(one_by_one, encoder, speed["cpu"])
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "prepared"
        row("prepare", len(rest), lambda: prepare(rest, encoder, chosen.encoder, CLOSENESS, out))
        row("prepare, all kept", len(rest), lambda: prepare(rest, encoder, chosen.encoder, CLOSENESS, out))
        manifest, ready = load(out, CLOSENESS)
        splits = by_split(ready)
        model = ModelConfig(dimension=manifest.dimension)
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            speed[device] = speed.get(device) or product_speed(device)
            epochs(device, splits["train"], splits["validation"], model, chosen.epochs, speed[device])
    print(
        f"\n{len(one_by_one)} articles one by one, {len(rest)} prepared, {manifest.sentences} sentences;",
        end=" ",
    )
    print(f"{torch.get_num_threads()} threads; GPU: {gpu()}; matrix product:", end=" ")
    print(", ".join(f"{name} {value / 1e9:,.0f}" for name, value in speed.items()), end="")
    print(" billion multiply-adds/s (float32)")


def steps(articles: Sequence[Article], encoder: Encoder, speed: float) -> None:
    """A row for each step of preparing."""
    splitter, score = SentenceSplitter(), closeness(CLOSENESS)
    sentences: list[list[str]] = []
    row(
        "split",
        len(articles),
        lambda: sentences.extend(
            [s.text for s in splitter.document(article.text).sentences] for article in articles
        ),
    )
    words = sum(len(article.text.split()) for article in articles)
    adds = PIECES_IN_WORD * words * encoder.dimension if isinstance(encoder, StaticEncoder) else None
    row("encode", len(articles), lambda: encoder.encode([s for one in sentences for s in one]), adds, speed)
    row("features", len(articles), lambda: features(sentences))
    nothing = np.zeros((0, encoder.dimension), np.float32)
    pairs = [
        Quoted(one, article.quotes, nothing, nothing)
        for one, article in zip(sentences, articles, strict=True)
    ]
    row(f"closeness ({CLOSENESS})", len(articles), lambda: [score(pair) for pair in pairs])


def features(articles: Sequence[Sequence[str]]) -> None:
    """Text features of all articles, counting the rarity of their words first."""
    rarity = Rarity.count(articles)
    for sentences in articles:
        text_features(sentences, rarity)


def epochs(
    device: str,
    train: Sequence[PreparedArticle],
    validation: Sequence[PreparedArticle],
    model: ModelConfig,
    count: int,
    speed: float,
) -> None:
    """A row for fitting on one device; the first epoch, which sets up what is used later, is not timed."""

    def run(number: int) -> None:
        with processes(device) as mine:
            fit(train, validation, model, FitConfig(epochs=number, patience=number), mine, show=False)

    run(1)
    directions = 2 if model.bidirectional else 1
    inputs = input_width(model)
    gates = model.members * directions * GATES[model.cell] * model.width  # of one layer
    forward = gates * (inputs + model.width) + (model.layers - 1) * gates * (directions + 1) * model.width
    # Backward: gradients of all weights, and of everything that a layer reads but the sentence vectors.
    backward = 2 * forward - gates * inputs
    trained, validated = (sum(len(article.targets) for article in part) for part in (train, validation))
    multiplied = count * (trained * (forward + backward) + validated * forward)
    row(f"fit, {count} epochs, {device}", count * len(train), lambda: run(count), multiplied, speed)


def row(
    label: str, articles: int, work: Callable[[], Any], multiplied: float | None = None, speed: float = 0
) -> None:
    """Print how fast it was."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    floor = (
        [f"{multiplied / articles / 1e6:.2f}", f"{articles * speed / multiplied:,.0f}"]
        if multiplied
        else ["", ""]
    )
    print(f"| {label} | {articles / wall:,.0f} | {wall:.2f} | {cpu:.2f} | {' | '.join(floor)} |", flush=True)


def product_speed(device: str) -> float:
    """Multiply-adds a second of a product of large matrices, float32."""
    edge = EDGE[device]
    matrix = torch.ones(edge, edge, device=device)
    times = []
    for _ in range(7):
        begin = time.perf_counter()
        (matrix @ matrix)[0, 0].item()  # waits for the GPU
        times.append(time.perf_counter() - begin)
    return edge**3 / median(times)


def gpu() -> str:
    """Its name."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none"


if __name__ == "__main__":
    main()
