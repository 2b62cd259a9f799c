"""How a summary is best chosen from the scores: redundancy, length, and lines without an end mark.

python benchmarks/selection.py RUN [--split validation]

ROUGE-2 F1 against the quotes, the mean over sources of the mean over their articles, and its difference to
the service's default (trigram) with a 95 % interval by bootstrap over articles within sources. With a length
exponent a, what is ranked is score / words ** a: a > 0 prefers short sentences. Lines without an end mark
are taken last where at least some share of the sentences have one, or never. One thread.
"""

import argparse
import math
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from summarizer.options import Redundancy, SummaryOptions
from summarizer.selection import MOSTLY_FINISHED, select
from training.evaluation import summary_sentences, trained
from training.metrics import RougeMeter, bootstrap_means
from training.runs import open_run

Values = NDArray[np.float64]


class Way(NamedTuple):
    """:ivar exponent: of the number of words that the score is divided by.

    :ivar finished: share of sentences from which on lines are taken last.
    """

    redundancy: Redundancy
    exponent: float = 0.0
    finished: float = MOSTLY_FINISHED


DEFAULT = Way("trigram")
WAYS = (
    DEFAULT,
    Way("none"),
    Way("mmr"),
    *(Way("trigram", a) for a in (-0.5, -0.25, 0.25, 0.5)),
    *(Way("trigram", finished=share) for share in (math.inf, 0.9, 0.8, 0.6, 0.5)),
)


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder that fit wrote")
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    _, loaded, splits = open_run(parsed.run)
    model, meter = trained(loaded.scorer), RougeMeter()
    found: dict[Way, dict[str, list[float]]] = {way: defaultdict(list) for way in WAYS}
    words: dict[Way, list[int]] = defaultdict(list)
    for article in tqdm(splits[parsed.split], unit="article"):
        scores = model(article)
        lengths = np.array([max(len(sentence.split()), 1) for sentence in article.sentences])
        count = summary_sentences(article.source)
        for way in WAYS:
            options = SummaryOptions(sentences=count, redundancy=way.redundancy)
            ranked = scores / lengths**way.exponent
            chosen = select(ranked, article.sentences, article.vectors, options, mostly_finished=way.finished)
            texts = [article.sentences[place] for place in chosen]
            found[way][article.source].append(100 * meter.score(texts, article.quotes).rouge2)
            words[way].append(int(lengths[list(chosen)].sum()))
    sources = sorted(found[DEFAULT])
    print(
        "| redundancy | length exponent | finished | R-2 | minus the default | words | "
        f"{' | '.join(sources)} |"
    )
    print(f"| --- | ---: | ---: | ---: | --- | ---: | {' | '.join('---:' for _ in sources)} |")
    for way in WAYS:
        means = [np.mean(found[way][source]) for source in sources]
        drawn = _over_sources([np.subtract(found[way][source], found[DEFAULT][source]) for source in sources])
        low, high = np.percentile(drawn, [2.5, 97.5])
        beside = "" if way == DEFAULT else f"{drawn.mean():+.2f} ({low:+.2f} to {high:+.2f})"
        cells = " | ".join(f"{value:.2f}" for value in means)
        print(
            f"| {way.redundancy} | {way.exponent:g} | {way.finished:g} | {np.mean(means):.2f} | {beside} | "
            f"{np.mean(words[way]):.0f} | {cells} |"
        )


def _over_sources(differences: list[Values]) -> Values:
    means: Values = np.mean([bootstrap_means(of_source) for of_source in differences], axis=0)
    return means


if __name__ == "__main__":
    main()
