"""How far above the lead a recipe is, on every article of some sources that is not in the test split.

python benchmarks/cross_validation.py PREPARED CLEAN [--preset shipped] [--sources cnndm,poc,inshorts]

A test split of 150 articles cannot tell a difference of one ROUGE-2 point from none. Here the articles of
the sources are dealt into folds by a hash of their ids; each fold is scored by networks that were trained on
the rest of the training split, without the articles that share text with the fold. PREPARED is what is
trained on; CLEAN are the same articles without boilerplate, which are measured. The test split is left alone.

Nothing is chosen on a fold: the epoch that is kept has the best loss on validation articles of the others,
and the rarity of words is counted in training articles of the others.
"""

import argparse
import dataclasses
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from summarizer.model import ModelConfig, SentenceScorer, network_input
from summarizer.options import SummaryOptions
from summarizer.rarity import Rarity
from summarizer.selection import select
from summarizer.text_features import text_features
from training.baselines import PacSum
from training.config import RunConfig, preset, run_config
from training.distributed import Processes
from training.evaluation import DEFAULT_SENTENCES
from training.fit import fit
from training.metrics import RougeMeter, bootstrap_means
from training.near_duplicates import near_duplicates
from training.network import Network
from training.prepared import PreparedArticle, load

ALONE = Processes(0, 1, torch.device("cpu"))


def main() -> None:
    """Print one table; folds that are done are not trained again."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument("clean", type=Path)
    parser.add_argument("--preset", default="shipped")
    parser.add_argument("--sources", default="cnndm,poc,inshorts")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument(
        "--restarts", type=int, help="networks that are averaged; as the preset says by default"
    )
    parser.add_argument("--out", type=Path, default=Path("runs/cross-validation"), help="states of the fits")
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    run, sources = run_config(preset(parsed.preset)), parsed.sources.split(",")
    restarts = parsed.restarts or run.fit.restarts
    manifest, trained_on = load(parsed.prepared, run.closeness)
    clean = {article.article.id: article for article in load(parsed.clean, run.closeness)[1]}
    known = [article for article in trained_on if article.split in ("train", "validation")]
    folds = {
        article.article.id: zlib.crc32(article.article.id.encode()) % parsed.folds
        for article in known
        if article.article.source in sources
    }
    texts = [" ".join(clean[article.article.id].sentences) for article in known]
    pairs = near_duplicates(texts)
    meter = RougeMeter()
    rows: dict[str, list[tuple[float, float, float]]] = {source: [] for source in sources}
    for fold in range(parsed.folds):
        held = [place for place, article in enumerate(known) if folds.get(article.article.id) == fold]
        related = set(held)
        for pair in pairs:
            if pair.first in related or pair.second in related:
                related |= {pair.first, pair.second}
        rest = [article for place, article in enumerate(known) if place not in related]
        rarity = Rarity.count(article.sentences for article in rest if article.split == "train")
        rest = [with_rarity(article, rarity) for article in rest]
        model = networks(rest, run, restarts, manifest.dimension, parsed.out / parsed.preset / str(fold))
        pacsum = PacSum(" ".join(article.sentences) for article in rest)
        for place in held:
            article = with_rarity(clean[known[place].article.id], rarity)
            rouge = [
                100
                * meter.score([article.sentences[index] for index in chosen], article.article.quotes).rouge2
                for chosen in summaries(article, model, pacsum)
            ]
            rows[article.article.source].append((rouge[0], rouge[1], rouge[2]))
        print(f"fold {fold + 1} of {parsed.folds}: {len(rest)} articles to learn from, {len(held)} held out")
    print_table(rows)


def with_rarity(article: PreparedArticle, rarity: Rarity) -> PreparedArticle:
    """The same article, as the networks of a fold see it."""
    return dataclasses.replace(article, features=text_features(article.sentences, rarity))


def networks(
    articles: Sequence[PreparedArticle], run: RunConfig, restarts: int, dimension: int, folder: Path
) -> SentenceScorer:
    """The mean of some restarts."""
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
            fingerprint=f"{len(training)} {len(validation)} articles of {folder}",
        ).network
        for name, weight in network.weights().items():
            weights[name.replace("members.0.", f"members.{member}.", 1)] = weight
    return SentenceScorer(dataclasses.replace(config, members=restarts), weights)


def summaries(article: PreparedArticle, model: SentenceScorer, pacsum: PacSum) -> list[Sequence[int]]:
    """Positions that the model, the lead and PacSum choose."""
    read = network_input(article.vectors, article.features, model.config)
    options = SummaryOptions(sentences=DEFAULT_SENTENCES)
    scores = model.score(read).astype(np.float64)
    best = np.argsort(-pacsum.scores(article.sentences), kind="stable")[:DEFAULT_SENTENCES]
    return [
        select(scores, article.sentences, article.vectors, options),
        range(min(DEFAULT_SENTENCES, len(article.sentences))),
        sorted(best.tolist()),
    ]


def print_table(rows: Mapping[str, Sequence[tuple[float, float, float]]]) -> None:
    """ROUGE-2 F1 in percent, and the paired differences with their 95 % intervals."""
    print("\n| source | articles | model | lead | PacSum | model minus lead | model minus PacSum |")
    print("| --- | ---: | ---: | ---: | ---: | --- | --- |")
    together = [row for found in rows.values() for row in found]
    for source, found in {**rows, "together": together}.items():
        values = np.array(found)
        means = " | ".join(f"{mean:.2f}" for mean in values.mean(axis=0))
        differences = []
        for other in (1, 2):
            drawn = bootstrap_means(values[:, 0] - values[:, other])
            low, high = np.percentile(drawn, [2.5, 97.5])
            differences.append(f"{(values[:, 0] - values[:, other]).mean():+.2f} ({low:+.2f} to {high:+.2f})")
        print(f"| {source} | {len(found)} | {means} | {' | '.join(differences)} |")


if __name__ == "__main__":
    main()
