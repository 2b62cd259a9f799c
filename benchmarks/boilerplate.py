"""How often lines that nobody quotes are selected, where they are put into articles.

python benchmarks/boilerplate.py PREPARED [--checkpoint FOLDER ...]

PREPARED holds articles as ``python -m training prepare`` writes them without ``--boilerplate``. Those of the
validation split get lines of the kinds that training articles get, other ones; so this tells whether they
were learned, and ``kinds.py``, whose articles were written by hand, whether that helps with what pages really
hold. Meetings are left out: nobody prints them between links.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from summarizer import Summarizer, SummaryOptions
from summarizer.pipeline import DEFAULT_CHECKPOINT
from training.boilerplate import littered
from training.evaluation import DEFAULT_SENTENCES
from training.metrics import auc
from training.prepared import load

COLUMNS = ("checkpoint", "lines among the selected", "articles whose best sentence is a line", "AUC")
LEFT_OUT = "ami"


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument(
        "--checkpoint", type=Path, nargs="+", default=[DEFAULT_CHECKPOINT], help="the shipped one by default"
    )
    parser.add_argument("--closeness", default="blend", help="that the folder has targets of")
    parsed = parser.parse_args()
    articles = [
        littered(article.sentences, f"measured {article.article.id}", article.article.title)
        for article in load(parsed.prepared, parsed.closeness)[1]
        if article.split == "validation" and article.article.source != LEFT_OUT
    ]
    print(f"| {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    for folder in parsed.checkpoint:
        name, figures = f"{folder.parent.name}/{folder.name}", _figures(Summarizer.load(folder), articles)
        print(f"| {' | '.join([name, *figures])} |")


def _figures(summarizer: Summarizer, articles: Sequence[tuple[list[str], list[bool]]]) -> list[str]:
    selected, firsts, aucs = [], [], []
    for sentences, marks in articles:
        is_line: NDArray[np.bool_] = np.array(marks)
        evaluation = summarizer.evaluate_sentences(sentences, SummaryOptions(sentences=DEFAULT_SENTENCES))
        scores = np.array([sentence.score for sentence in evaluation.sentences])
        selected += is_line[list(evaluation.indices)].tolist()
        firsts.append(is_line[scores.argmax()])
        aucs.append(auc(scores, ~is_line))
    return [
        f"{sum(selected)} of {len(selected)} ({np.mean(selected):.2%})",
        f"{sum(firsts)} of {len(firsts)} ({np.mean(firsts):.2%})",
        f"{np.mean(aucs):.4f}",
    ]


if __name__ == "__main__":
    main()
