"""How far above the lead a recipe is, on every article of some sources that is not in the test split.

python benchmarks/cross_validation.py PREPARED CLEAN [--preset shipped] [--sources cnndm,poc,inshorts]
                                     [--closeness oracle]

A test split of 150 articles cannot tell a difference of one ROUGE-2 point from none. Here the articles of
the sources are dealt into folds by a hash of their ids; each fold is scored by networks that were trained on
the rest of the training split, without the articles that share text with the fold. PREPARED is what is
trained on; CLEAN are the same articles without boilerplate, which are measured. The test split is left alone.

Nothing is chosen on a fold: the epoch that is kept has the best loss on validation articles of the others,
and the rarity of words is counted in training articles of the others. PacSum, which counts words too, counts
them in the articles that are measured.
"""

import argparse
import dataclasses
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from summarizer.model import ModelConfig, SentenceScorer
from summarizer.rarity import Rarity
from summarizer.text_features import text_features
from training.closeness import folder_name
from training.config import RunConfig, preset, run_config
from training.distributed import Processes
from training.evaluation import ROUGE, Figures, measure, trained
from training.fit import fit
from training.near_duplicates import near_duplicates
from training.network import Network
from training.prepared import PreparedArticle, add_targets, load

QUOTES, CHOICES = ("rouge1", "rouge2"), ("auc", "precision")
COMPARED = ("lead", "pacsum", "lexrank", "centroid")
HEADER = (
    f"| source | articles | | model | {' | '.join(f'{name}, model minus it' for name in COMPARED)} |",
    f"| --- | ---: | --- | ---: |{' --- |' * len(COMPARED)}",
)
LABELS = {"rouge1": "R-1", "rouge2": "R-2", "auc": "AUC", "precision": "P at k"}

ALONE = Processes(0, 1, torch.device("cpu"))


def main() -> None:
    """Print two tables; folds that are done are not trained again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument("clean", type=Path)
    parser.add_argument("--preset", default="shipped")
    parser.add_argument("--sources", default="cnndm,poc,inshorts")
    parser.add_argument("--closeness", help="what makes the targets; as the preset says by default")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument(
        "--restarts", type=int, help="networks that are averaged; as the preset says by default"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/cross-validation"), help="states of the fits")
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    run, sources = run_config(preset(parsed.preset)), parsed.sources.split(",")
    run = dataclasses.replace(run, closeness=parsed.closeness or run.closeness)
    restarts = parsed.restarts or run.fit.restarts
    for folder in (parsed.prepared, parsed.clean):
        add_targets(folder, run.closeness)
    manifest, trained_on = load(parsed.prepared, run.closeness)
    clean = {article.id: article for article in load(parsed.clean, run.closeness)[1]}
    known = [article for article in trained_on if article.split in ("train", "validation")]
    folds = {
        article.id: zlib.crc32(article.id.encode()) % parsed.folds
        for article in known
        if article.source in sources
    }
    if unknown := set(sources) - {article.source for article in known}:
        parser.error(f"no articles of {', '.join(sorted(unknown))} in {parsed.prepared}")
    texts = [" ".join(clean[article.id].sentences) for article in known]
    pairs = list(near_duplicates(texts))
    measured: list[PreparedArticle] = []
    scores: dict[str, NDArray[np.float64]] = {}
    for fold in range(parsed.folds):
        held = [place for place, article in enumerate(known) if folds.get(article.id) == fold]
        related = set(held)
        for pair in pairs:
            if pair.first in related or pair.second in related:
                related |= {pair.first, pair.second}
        rest = [article for place, article in enumerate(known) if place not in related]
        rarity = Rarity.count(article.sentences for article in rest if article.split == "train")
        rest = [with_rarity(article, rarity) for article in rest]
        folder = parsed.out / parsed.preset / folder_name(run.closeness) / str(fold)
        fingerprint = f"{manifest.digest} {run.closeness} {','.join(sources)} {fold} of {parsed.folds}"
        model = networks(rest, run, restarts, manifest.dimension, folder, fingerprint)
        for place in held:
            article = with_rarity(clean[known[place].id], rarity)
            scores[article.id] = trained(model)(article)
            measured.append(article)
        print(f"fold {fold + 1} of {parsed.folds}: {len(rest)} articles to learn from, {len(held)} held out")
    figures = measure(measured, {"model": lambda article: scores[article.id]})
    for metrics in (QUOTES, CHOICES):
        if rows := list(table(figures, metrics)):
            print("\n".join(["", *HEADER, *rows]))


def with_rarity(article: PreparedArticle, rarity: Rarity) -> PreparedArticle:
    """The same article, as the networks of a fold see it."""
    return dataclasses.replace(
        article,
        features=text_features(article.sentences, rarity),
        littered=article.littered and with_rarity(article.littered, rarity),
    )


def networks(
    articles: Sequence[PreparedArticle],
    run: RunConfig,
    restarts: int,
    dimension: int,
    folder: Path,
    fingerprint: str,
) -> SentenceScorer:
    """The mean of some restarts.

    :param fingerprint: of the articles; states of others in the folder are refused.
    """
    training = [article for article in articles if article.split == "train"]
    validation = [article for article in articles if article.split == "validation"]
    config: ModelConfig = run.model_for(dimension)
    weights: dict[str, np.ndarray] = {}
    for member in range(restarts):
        network: Network = fit(
            training,
            validation,
            config,
            dataclasses.replace(run.fit, seed=member),
            ALONE,
            state_file=folder / f"{member}.pt",
            fingerprint=f"{fingerprint} {len(training)} {len(validation)}",
        ).network
        for name, weight in network.weights().items():
            weights[name.replace("members.0.", f"members.{member}.", 1)] = weight
    return SentenceScorer(dataclasses.replace(config, members=restarts), weights)


def table(figures: Figures, metrics: Sequence[str]) -> Iterator[str]:
    """Rows: means, and how far the model is above each baseline with the 95 % interval, where defined."""
    parts = {**figures["sources"], "together": figures["overall"]}
    for source, part in parts.items():
        for metric in metrics:
            systems = part["systems"]
            if systems["model"][metric]["mean"] is None:
                continue
            digits = 2 if metric in ROUGE else 3
            cells = [f"{systems['model'][metric]['mean']:.{digits}f}"]
            for name in COMPARED:
                above = systems[name]["model_minus"][metric]
                cell = f"{systems[name][metric]['mean']:.{digits}f}, {above['mean']:+.{digits}f}"
                if above["low"] is not None:  # it is None of a single article
                    cell += f" ({above['low']:+.{digits}f} to {above['high']:+.{digits}f})"
                cells.append(cell)
            yield f"| {source} | {part['articles']} | {LABELS[metric]} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
