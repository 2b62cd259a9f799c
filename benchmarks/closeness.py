"""How well each closeness finds the lines that a summary was drawn from, and how long it takes.

python benchmarks/closeness.py CORPUS

CORPUS is a ``*.jsonl.gz`` file with one sentence per line in ``text``. If its articles have ``sources``, the
numbers (from 0) of the lines from which the quotes were drawn according to people, targets are judged against
them: the means over articles of AUC, nDCG and precision at k, k being the number of those lines. One thread.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from articles import rows

from summarizer.encoder import StaticEncoder
from summarizer.pipeline import DEFAULT_CHECKPOINT
from training.closeness import Quoted, closeness
from training.metrics import auc, ndcg, precision_at_k

NAMES = (
    "lexical",
    "alignment",
    "semantic",
    "oracle",
    "blend",
    "oracle+semantic",
    "lexical+semantic",
    "lexical+alignment",
    "alignment+semantic",
    "oracle+lexical+semantic",
    "lexical+alignment+semantic",
    "oracle+lexical+alignment+semantic",
)


def main(corpus: Path) -> None:
    """Print one table."""
    torch.set_num_threads(1)
    encoder = StaticEncoder.load(DEFAULT_CHECKPOINT / "encoder", "static")
    articles: list[tuple[Quoted, list[int]]] = []
    for row in rows(corpus):
        sentences, quotes = row["text"].split("\n"), row["quotes"]
        vectors = encoder.encode(sentences).vectors, encoder.encode(quotes).vectors
        articles.append((Quoted(sentences, quotes, *vectors), row.get("sources", [])))
    print(f"{len(articles)} articles, {sum(len(quoted.sentences) for quoted, _ in articles)} sentences\n")
    print("| closeness | AUC | nDCG | precision at k | mean target | seconds |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in NAMES:
        closeness(name)(articles[0][0])  # what is made at first use
        start = time.perf_counter()
        targets = [closeness(name)(quoted) for quoted, _ in articles]
        seconds = time.perf_counter() - start
        figures = _judged(targets, [sources for _, sources in articles])
        cells = " | ".join(f"{figure:.3f}" for figure in [*figures, np.concatenate(targets).mean()])
        print(f"| {name} | {cells} | {seconds:.2f} |", flush=True)


def _judged(targets: Sequence[np.ndarray], sources: Sequence[Sequence[int]]) -> list[float]:
    """Means over the articles that have sources, and sentences beside them; nan where none has."""
    figures = []
    for scores, lines in zip(targets, sources, strict=True):
        relevant = np.zeros(len(scores), dtype=bool)
        relevant[list(lines)] = True
        if relevant.any() and not relevant.all():
            values = scores.astype(np.float64)
            figures.append(
                [
                    auc(values, relevant),
                    ndcg(values, relevant.astype(np.float64)),
                    precision_at_k(values, relevant, len(lines)),
                ]
            )
    return np.mean(figures, axis=0).tolist() if figures else [float("nan")] * 3


if __name__ == "__main__":
    main(Path(sys.argv[1]))
