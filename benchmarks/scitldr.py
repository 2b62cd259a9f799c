"""One-sentence summaries of abstracts by the measure of SciTLDR, beside what its paper reports.

python benchmarks/scitldr.py RUN

Cachola et al., "TLDR: Extreme Summarization of Scientific Documents" (Findings of EMNLP 2020, arXiv
2004.15011) take the highest ROUGE over a paper's reference TLDRs. This does the same for the articles of
source ``scitldr`` in the test split of RUN: F1 with stemming, in percent, means over papers, and the paired
difference to the model in ROUGE-1 with a 95 % interval by bootstrap. The paper's own test set is another
sample of the same collection, so its figures are neighbours, not rivals in one race. One thread.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from training.baselines import LexRank, PacSum, centroid, lead, longest, oracle, random
from training.evaluation import trained
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
    pacsum = PacSum("\n".join(article.sentences) for article in splits["train"])
    lexrank, meter = LexRank(), RougeMeter()
    systems = {
        "model": trained(loaded.scorer),
        "lead": lambda article: lead(len(article.sentences)),
        "random": lambda article: random(len(article.sentences), article.article.id),
        "longest": lambda article: longest(article.sentences),
        "pacsum": lambda article: pacsum.scores(article.sentences),
        "lexrank": lambda article: lexrank.scores(article.sentences),
        "centroid": lambda article: centroid(article.vectors),
        "oracle": lambda article: oracle(article.sentences, article.article.quotes, 1),
    }
    papers = [article for article in splits["test"] if article.article.source == SOURCE]
    found = {
        name: np.array(
            [
                _best(meter, paper, paper.sentences[int(scores(paper).argmax())])
                for paper in tqdm(papers, desc=name)
            ]
        )
        for name, scores in systems.items()
    }
    print(
        f"{len(papers)} papers, {np.mean([len(paper.article.quotes) for paper in papers]):.2f} TLDRs each\n"
    )
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
    each = np.array([meter.score([sentence], [reference]) for reference in paper.article.quotes])
    return Rouge(*(100 * each.max(axis=0)))


if __name__ == "__main__":
    main()
