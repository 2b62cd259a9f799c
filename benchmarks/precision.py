"""What single and double precision cost, and how far batching moves a score in each.

python benchmarks/precision.py
"""

import time

import numpy as np
import torch

from summarizer.model import ModelConfig, SentenceScorer, pad

LENGTHS = (1, 5, 12, 30, 30, 41, 64, 200)
TIMED_LENGTHS = (30, 300, 5000)


def main() -> None:
    """Print one table, on one thread, for the shape of the default checkpoint."""
    torch.set_num_threads(1)
    generator = np.random.default_rng(0)
    articles = [generator.normal(size=(length, 256)) for length in LENGTHS]
    columns = " | ".join(f"{length} sentences, ms" for length in TIMED_LENGTHS)
    print(f"| precision | largest difference alone to batched | {columns} |")
    print(f"| --- | ---: |{' ---: |' * len(TIMED_LENGTHS)}")
    for dtype in (torch.float32, torch.float64):
        torch.manual_seed(0)
        scorer = SentenceScorer(ModelConfig(dimension=256)).to(dtype)
        together = scorer.score(pad(articles))
        difference = max(
            float((row[: len(article)] - scorer.score(pad([article]))[0]).abs().max())
            for row, article in zip(together, articles, strict=True)
        )
        cells = [f"{_milliseconds(scorer, length):.2f}" for length in TIMED_LENGTHS]
        print(f"| {dtype} | {difference:.1e} | {' | '.join(cells)} |")


def _milliseconds(scorer: SentenceScorer, length: int) -> float:
    """Median of several passes over one article."""
    batch = pad([np.random.default_rng(1).normal(size=(length, 256))])
    times = []
    for _ in range(11):
        start = time.perf_counter()
        scorer.score(batch)
        times.append(time.perf_counter() - start)
    return sorted(times)[5] * 1e3


if __name__ == "__main__":
    main()
