"""How highlights of articles of twenty kinds agree with marks that an editor made before seeing any score.

python benchmarks/kinds.py [--checkpoint FOLDER] [--show]

Beside each article ``kinds/NAME.txt`` stands ``NAME.marks.json``: its ``kind``, the sentences that are
``best`` to highlight, and those that are ``never`` to be (bylines, captions, links, headings, filler). Of an
article with k best sentences, k are selected; precision is the share of these that are among the best.
"Never, highest" is the share of the other sentences that the best-ranked such line outranks, 1 being the top.
One thread.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from summarizer import Evaluation, Summarizer, SummaryOptions
from summarizer.selection import select
from training.baselines import PacSum, lead
from training.metrics import auc

FOLDER = Path(__file__).parent / "kinds"
COLUMNS = (
    "article",
    "sentences",
    "best",
    "AUC",
    "precision",
    "lead",
    "PacSum",
    "never, highest",
    "never, selected",
)


class Marked(NamedTuple):
    """An article, evaluated, with the editor's marks on its sentences, each of shape (T,)."""

    name: str
    kind: str
    evaluation: Evaluation
    best: NDArray[np.bool_]
    never: NDArray[np.bool_]


def main() -> None:
    """Print the articles, if asked to, and one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, help="a trained model; the shipped one by default")
    parser.add_argument("--show", action="store_true", help="print each sentence: score, mark, selection")
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    summarizer = Summarizer.load(parsed.checkpoint)
    articles = [_marked(path, summarizer) for path in sorted(FOLDER.glob("*.txt"))]
    if parsed.show:
        for article in articles:
            print("\n".join(_shown(article)), end="\n\n")
    pacsum = PacSum(article.evaluation.text for article in articles)
    rows = [_figures(article, pacsum) for article in articles]
    print(f"| {' | '.join(COLUMNS)} |")
    print(f"| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    for article, row in zip(articles, rows, strict=True):
        print(_line(article.name, row, digits=(0, 0, 2, 2, 2, 2, 2, 0)))
    print(_line("mean", np.nanmean(rows, axis=0).tolist(), digits=(1, 1, 3, 3, 3, 3, 3, 2)))


def _marked(path: Path, summarizer: Summarizer) -> Marked:
    """Evaluate an article, with as many sentences selected as are marked best.

    :raises ValueError: a mark is not exactly one sentence of the article.
    """
    marks = json.loads(path.with_suffix(".marks.json").read_text(encoding="utf-8"))
    text = path.read_text(encoding="utf-8")
    evaluation = summarizer.evaluate(text, SummaryOptions(sentences=len(marks["best"])))
    sentences = [sentence.text for sentence in evaluation.sentences]
    for mark in marks["best"] + marks["never"]:
        if sentences.count(mark) != 1:
            raise ValueError(f"{path.name}: {sentences.count(mark)} sentences are exactly {mark!r}")
    best, never = (np.array([text in marks[name] for text in sentences]) for name in ("best", "never"))
    return Marked(path.stem, marks["kind"], evaluation, best, never)


def _figures(article: Marked, pacsum: PacSum) -> list[float]:
    """One row of the table; nan where there is nothing that is never to be highlighted."""
    evaluation, count = article.evaluation, len(article.best)
    texts = [sentence.text for sentence in evaluation.sentences]
    scores = np.array([sentence.score for sentence in evaluation.sentences])
    ranks = np.array([sentence.rank for sentence in evaluation.sentences])
    outranked = (count - ranks[article.never]) / (count - 1)
    options = SummaryOptions(sentences=int(article.best.sum()))
    chosen = [
        list(evaluation.indices),
        *(
            list(select(baseline, texts, np.empty((0, 0), np.float32), options))
            for baseline in (lead(count), pacsum.scores(texts))
        ),
    ]
    return [
        count,
        int(article.best.sum()),
        auc(scores, article.best),
        *(float(article.best[indices].mean()) for indices in chosen),
        float(outranked.max()) if len(outranked) else float("nan"),
        int(article.never[chosen[0]].sum()) if len(outranked) else float("nan"),
    ]


def _shown(article: Marked) -> Iterator[str]:
    """A heading, then each sentence: ``>`` if selected, its score, ``+`` if best, ``-`` if never to be."""
    yield f"## {article.name}: {article.kind}\n"
    for sentence in article.evaluation.sentences:
        mark = "+" if article.best[sentence.index] else "-" if article.never[sentence.index] else " "
        selected = ">" if sentence.selected else " "
        yield f"{selected} {sentence.score:.3f} {mark} {' '.join(sentence.text.split())}"


def _line(name: str, values: Sequence[float], digits: Sequence[int]) -> str:
    cells = [
        "" if np.isnan(value) else f"{value:.{places}f}" for value, places in zip(values, digits, strict=True)
    ]
    return f"| {' | '.join([name, *cells])} |"


if __name__ == "__main__":
    main()
