"""How far above the lead a recipe is, on every article of some sources that is not in the test split.

python benchmarks/cross_validation.py PREPARED CLEAN [--preset shipped] [--sources cnndm,poc,inshorts]
                                     [--closeness oracle] [--config RUN.toml --out FOLDER --beside FOLDER]
                                     [--kind news]

Two recipes are compared article by article if the second is measured --beside the folder of the first;
`python -m training config` writes a run file with other settings. With --unseen, whole sources are held out.

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from summarizer.model import ModelConfig, SentenceScorer
from summarizer.rarity import Rarity
from summarizer.text_features import text_features
from training.closeness import folder_name
from training.config import RunConfig, preset, read_run, run_config
from training.corpus import unknown_sources
from training.distributed import Processes
from training.evaluation import ROUGE, Figures, Model, measure, trained
from training.fit import fit
from training.near_duplicates import NearDuplicate, near_duplicates
from training.network import Network
from training.prepared import PreparedArticle, add_targets, load

QUOTES, CHOICES = ("rouge1", "rouge2"), ("auc", "precision")
COMPARED = ("lead", "pacsum", "lexrank", "centroid")
SCORES_FILE = "scores.npz"  # of the held-out articles, by id
LABELS = {"rouge1": "R-1", "rouge2": "R-2", "auc": "AUC", "precision": "P at k"}

ALONE = Processes(0, 1, torch.device("cpu"))


def main() -> None:
    """Print two tables; folds that are done are not trained again."""
    parser = _parser()
    parsed = parser.parse_args()
    torch.set_num_threads(1)
    values = read_run(parsed.config) if parsed.config else preset(parsed.preset)
    run = run_config(values)
    run = dataclasses.replace(run, closeness=parsed.closeness or run.closeness)
    for folder in (parsed.prepared, parsed.clean):
        add_targets(folder, run.closeness)
    manifest, trained_on = load(parsed.prepared, run.closeness)
    clean = {article.id: article for article in load(parsed.clean, run.closeness)[1]}
    known = [article for article in trained_on if article.split in ("train", "validation")]
    sources = parsed.unseen or parsed.sources
    if unknown := unknown_sources(
        "--unseen" if parsed.unseen else "--sources",
        sources.replace("+", ",").split(","),
        {article.source for article in known},
    ):
        parser.error(unknown)
    places = folds(known, sources, None if parsed.unseen else parsed.folds)
    # An article with its introduction restored is in PREPARED alone; it shares its text with the original.
    pairs = list(near_duplicates([" ".join(clean.get(one.id, one).sentences) for one in known]))
    measured: list[PreparedArticle] = []
    scores: dict[str, NDArray[np.float64]] = {}
    for fold, held in enumerate(places):
        rest = unrelated(known, held, pairs)
        rarity = Rarity.count(article.sentences for article in rest if article.split == "train")
        rest = [with_rarity(article, rarity) for article in rest]
        recipe = (parsed.config or Path(parsed.preset)).stem
        folder = parsed.out / recipe / folder_name(run.closeness) / str(fold)
        fingerprint = f"{manifest.digest} {run.closeness} {sources} {fold} of {len(places)}"
        model = networks(rest, run, parsed.restarts, manifest.dimension, folder, fingerprint)
        for place in held:
            article = with_rarity(clean[known[place].id], rarity)
            scores[article.id] = trained(model, kind=parsed.kind)(article)
            measured.append(article)
        print(f"fold {fold + 1} of {len(places)}: {len(rest)} articles to learn from, {len(held)} held out")
    np.savez(parsed.out / SCORES_FILE, **scores)  # type: ignore[arg-type]  # its options have other names
    models: dict[str, Model] = {"model": lambda article: scores[article.id]}
    if parsed.beside:
        others = np.load(parsed.beside / SCORES_FILE)
        if set(others.files) != set(scores):
            parser.error(f"{parsed.beside} has scores of other articles: other sources or folds")
        models["other"] = lambda article: others[article.id]
    show(measure(measured, models), [*COMPARED, *list(models)[1:]])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument("clean", type=Path)
    recipe = parser.add_mutually_exclusive_group()
    recipe.add_argument("--preset", default="shipped")
    recipe.add_argument("--config", type=Path, help="a run file instead of the preset")
    parser.add_argument("--sources", default="cnndm,poc,inshorts")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument(
        "--unseen",
        metavar="SOURCES",
        help="whole sources as folds, such as cnndm+poc,inshorts: none of a fold's is learned from",
    )
    parser.add_argument("--kind", help="of text, as which every article is read; recognized by default")
    parser.add_argument("--closeness", help="what makes the targets; as the recipe says by default")
    parser.add_argument("--restarts", type=int, default=1, help="networks that are averaged")
    parser.add_argument(
        "--out", type=Path, default=Path("runs/cross-validation"), help="states of the fits, and the scores"
    )
    parser.add_argument(
        "--beside", type=Path, help="folder of another recipe, by the same folds of the same articles"
    )
    return parser


def folds(articles: Sequence[PreparedArticle], sources: str, count: int | None) -> list[list[int]]:
    """The indices of the articles of each fold.

    :param sources: the names of the sources to measure, with commas between them.
    :param count: number of folds, into which articles are dealt by a hash of their ids; None for a fold of
        each name, or of several names with a plus between them.
    """
    names = [part.split("+") for part in sources.split(",")]
    if count is None:
        return [[place for place, article in enumerate(articles) if article.source in part] for part in names]
    dealt: list[list[int]] = [[] for _ in range(count)]
    for place, article in enumerate(articles):
        if [article.source] in names:
            dealt[zlib.crc32(article.id.encode()) % count].append(place)
    return dealt


def unrelated(
    articles: Sequence[PreparedArticle], held: Iterable[int], pairs: Iterable[NearDuplicate]
) -> list[PreparedArticle]:
    """The articles that are not held out and share no text with those that are."""
    related = set(held)
    for pair in pairs:
        if pair.first in related or pair.second in related:
            related |= {pair.first, pair.second}
    return [article for place, article in enumerate(articles) if place not in related]


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
    sources = {article.source for article in articles}

    def of_sources(given: Mapping[str, float]) -> str:
        return ",".join(f"{source}={value}" for source, value in given.items() if source in sources)

    kinds = {
        kind: [source for source in named if source in sources]
        for kind, named in run.fit.sources_by_kind().items()
    }
    fit_config = dataclasses.replace(
        run.fit,
        kinds=",".join(f"{kind}={'+'.join(named)}" for kind, named in kinds.items() if named),
        weights=of_sources(run.fit.weight_by_source()),
        lead=of_sources(run.fit.lead_by_source()),
    )
    config: ModelConfig = dataclasses.replace(run, fit=fit_config).model_for(dimension)
    weights: dict[str, np.ndarray] = {}
    for member in range(restarts):
        network: Network = fit(
            training,
            validation,
            config,
            dataclasses.replace(fit_config, seed=member),
            ALONE,
            state_file=folder / f"{member}.pt",
            fingerprint=f"{fingerprint} {len(training)} {len(validation)}",
        ).network
        for name, weight in network.weights().items():
            weights[name.replace("members.0.", f"members.{member}.", 1)] = weight
    return SentenceScorer(dataclasses.replace(config, members=restarts), weights)


def show(figures: Figures, compared: Sequence[str]) -> None:
    """Print a table of the quotes and one of the choices, if there are any."""
    names = " | ".join(f"{name}, model minus it" for name in compared)
    for metrics in (QUOTES, CHOICES):
        if rows := list(table(figures, metrics, compared)):
            print(f"\n| source | articles | | model | {names} |")
            print(f"| --- | ---: | --- | ---: |{' --- |' * len(compared)}")
            print("\n".join(rows))


def table(figures: Figures, metrics: Sequence[str], compared: Sequence[str]) -> Iterator[str]:
    """Rows: means, and how far the model is above each baseline with the 95 % interval, where defined."""
    parts = {**figures["sources"], "together": figures["overall"]}
    for source, part in parts.items():
        for metric in metrics:
            systems = part["systems"]
            if systems["model"][metric]["mean"] is None:
                continue
            digits = 2 if metric in ROUGE else 3
            cells = [f"{systems['model'][metric]['mean']:.{digits}f}"]
            for name in compared:
                above = systems[name]["model_minus"][metric]
                cell = f"{systems[name][metric]['mean']:.{digits}f}, {above['mean']:+.{digits}f}"
                if above["low"] is not None:  # it is None of a single article
                    cell += f" ({above['low']:+.{digits}f} to {above['high']:+.{digits}f})"
                cells.append(cell)
            yield f"| {source} | {part['articles']} | {LABELS[metric]} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
