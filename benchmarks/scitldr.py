"""One-sentence summaries of abstracts by the measure of SciTLDR, compared with the figures in its paper.

python benchmarks/scitldr.py RUN

Cachola et al., "TLDR: Extreme Summarization of Scientific Documents" (Findings of EMNLP 2020, arXiv
2004.15011) take the highest ROUGE over a paper's reference TLDRs. This does the same for the articles of
source ``scitldr`` in the test split of RUN: F1 with stemming, in percent, means over papers, and the paired
difference to the model in ROUGE-1 with a 95 % interval by bootstrap. The paper's own test set is another
sample of the same collection, so its figures are neighbours, not rivals in one race. One thread.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from training.evaluation import Baselines, trained
from training.metrics import Rouge, RougeMeter, bootstrap_means
from training.prepared import PreparedArticle
from training.runs import open_run

SOURCE = "scitldr"


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder that fit wrote")
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    _, loaded, splits = open_run(parsed.run)
    model, baselines, meter = trained(loaded.scorer), Baselines(splits["train"]), RougeMeter()
    papers = [article for article in splits["test"] if article.source == SOURCE]
    figures: dict[str, list[Rouge]] = defaultdict(list)
    for paper in tqdm(papers):
        for name, scores in {"model": model(paper), **baselines.scores(paper)}.items():
            figures[name].append(_best(meter, paper, paper.sentences[int(scores.argmax())]))
    found = {name: np.array(values) for name, values in figures.items()}
    print(f"{len(papers)} papers, {np.mean([len(paper.quotes) for paper in papers]):.2f} TLDRs each\n")
    print(
        "| system | R-1 | R-2 | R-L | model is above it by (R-1, 95 %) |\n| --- | ---: | ---: | ---: | --- |"
    )
    for name, values in found.items():
        cells = " | ".join(f"{mean:.1f}" for mean in values.mean(axis=0))
        gap = found["model"][:, 0] - values[:, 0]
        low, high = np.percentile(bootstrap_means(gap), [2.5, 97.5])
        beside = "" if name == "model" else f"{gap.mean():+.1f} ({low:+.1f} to {high:+.1f})"
        print(f"| {name} | {cells} | {beside} |")


def _best(meter: RougeMeter, paper: PreparedArticle, sentence: str) -> Rouge:
    """The best of each measure over the references."""
    each = np.array([meter.score([sentence], [reference]) for reference in paper.quotes])
    return Rouge(*(100 * each.max(axis=0)))


if __name__ == "__main__":
    main()
