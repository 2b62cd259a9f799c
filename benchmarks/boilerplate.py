"""How often lines that nobody quotes are selected, where they are put into articles.

python benchmarks/boilerplate.py PREPARED [--checkpoint FOLDER ...] [--titles] [--finished SHARE ...]

Prepared articles of the validation split, which never have such lines, get some of the kinds that training
articles get, other ones; so this tells whether those were learned, and ``kinds.py``, whose articles were
written by hand, whether that helps with what pages really hold. Meetings are left out: nobody prints them
between links. Three sentences of each article are selected. With --titles, an article gets only its own
title, on a line before it; those without one are left out. With --finished, the selection is compared with
other shares of sentences from which on lines without an end mark are taken last; ``inf`` stands for never.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from summarizer import Summarizer, SummaryOptions
from summarizer.options import DEFAULT_SENTENCES
from summarizer.pipeline import DEFAULT_CHECKPOINT
from summarizer.selection import MOSTLY_FINISHED, select
from training.baselines import PacSum, lead
from training.boilerplate import littered
from training.metrics import RougeMeter, auc
from training.prepared import PreparedArticle, load

COLUMNS = ("system", "lines among the selected", "articles whose best sentence is a line", "AUC", "R-2")
LEFT_OUT = "ami"


class Littered(NamedTuple):
    """:ivar is_line: shape (T,), which sentences were put in."""

    sentences: list[str]
    is_line: NDArray[np.bool_]
    quotes: Sequence[str]


System = Callable[[list[str]], tuple[NDArray[np.float64], Sequence[int]]]
"""Scores of the T sentences of an article, shape (T,), and the positions that it selects."""


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument(
        "--checkpoint", type=Path, nargs="+", default=[DEFAULT_CHECKPOINT], help="the shipped one by default"
    )
    parser.add_argument("--closeness", default="blend", help="that the folder has targets of")
    parser.add_argument("--titles", action="store_true", help="put in nothing but the title")
    parser.add_argument("--finished", type=float, nargs="+", default=[MOSTLY_FINISHED])
    parsed = parser.parse_args()
    articles = [
        _titled(article) if parsed.titles else _littered(article)
        for article in load(parsed.prepared, parsed.closeness)[1]
        if article.split == "validation"
        and article.source != LEFT_OUT
        and (article.title or not parsed.titles)
    ]
    pacsum = PacSum(" ".join(article.sentences) for article in articles)
    systems: dict[str, System] = {
        f"{folder}, {share:g}": _model(Summarizer.load(folder), share)
        for folder in parsed.checkpoint
        for share in parsed.finished
    }
    systems |= {"lead": _baseline(lambda rows: lead(len(rows))), "PacSum": _baseline(pacsum.scores)}
    print(f"| {' | '.join(COLUMNS)} |\n| --- |{' ---: |' * (len(COLUMNS) - 1)}")
    for name, system in systems.items():
        print(f"| {' | '.join([name, *_figures(system, articles)])} |")


def _littered(article: PreparedArticle) -> Littered:
    found = littered(article.sentences, f"measured {article.id}", article.title)
    return Littered(found.sentences, np.array(found.is_boilerplate), article.quotes)


def _titled(article: PreparedArticle) -> Littered:
    sentences = [(article.title or "").strip(), *article.sentences]
    return Littered(sentences, np.arange(len(sentences)) == 0, article.quotes)


def _model(summarizer: Summarizer, finished: float) -> System:
    options = SummaryOptions(sentences=DEFAULT_SENTENCES)

    def choose(sentences: list[str]) -> tuple[NDArray[np.float64], Sequence[int]]:
        document = summarizer.take_sentences(sentences)
        encoded = summarizer.encode([document])
        (scores,) = summarizer.score([document], encoded)
        return scores, select(scores, sentences, encoded[0].vectors, options, mostly_finished=finished)

    return choose


def _baseline(scores_of: Callable[[list[str]], NDArray[np.float64]]) -> System:
    options = SummaryOptions(sentences=DEFAULT_SENTENCES, redundancy="none")

    def choose(sentences: list[str]) -> tuple[NDArray[np.float64], Sequence[int]]:
        scores = scores_of(sentences)
        return scores, select(scores, sentences, np.empty((0, 0), np.float32), options)

    return choose


def _figures(system: System, articles: Sequence[Littered]) -> list[str]:
    selected, firsts, aucs, rouge = [], [], [], []
    meter = RougeMeter()
    for article in tqdm(articles, unit="article"):
        scores, indices = system(article.sentences)
        selected += article.is_line[list(indices)].tolist()
        firsts.append(article.is_line[scores.argmax()])
        aucs.append(auc(scores, ~article.is_line))
        rouge.append(meter.score([article.sentences[index] for index in indices], article.quotes).rouge2)
    return [
        f"{sum(selected)} of {len(selected)} ({np.mean(selected):.2%})",
        f"{sum(firsts)} of {len(firsts)} ({np.mean(firsts):.2%})",
        f"{np.mean(aucs):.4f}",
        f"{100 * np.mean(rouge):.2f}",
    ]


if __name__ == "__main__":
    main()
