"""Models compared with baselines on articles that they have not seen: the figures, ready for JSON."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from summarizer.encoder import Encoder
from summarizer.model import SentenceScorer, network_input
from summarizer.options import DEFAULT_SENTENCES, Redundancy, SummaryOptions
from summarizer.rarity import Rarity
from summarizer.selection import by_score, select
from summarizer.text_features import text_features
from training.baselines import LexRank, PacSum, centroid, lead, longest, oracle, random
from training.corpus import DECILES, folded
from training.metrics import (
    RougeMeter,
    auc,
    binary_cross_entropy,
    bootstrap_means,
    calibration,
    expected_calibration_error,
    mean,
    ndcg,
    precision_at_k,
    spearman,
)
from training.prepared import PreparedArticle

# Sources whose editors write one sentence are measured with summaries of one.
SENTENCES_BY_SOURCE: Mapping[str, int] = {"xsum": 1, "scitldr": 1}

# If at least this share of its quotes are sentences of their article, a source counts as verbatim, so that
# ranking metrics are meaningful.
VERBATIM_SHARE = 0.9

BASELINES = ("lead", "random", "longest", "pacsum", "lexrank", "centroid", "oracle")
ROUGE = ("rouge1", "rouge2", "rouge_lsum")
EQUAL_ROUGE = tuple(f"equal_{name}" for name in ROUGE)
RANKING = ("auc", "ndcg", "precision", "spearman")
COMPARED = (*ROUGE, *EQUAL_ROUGE, *RANKING)
METRICS = (*COMPARED, "words", "equal_words")

# Longer articles are shown only if a source has no others.
MOST_SENTENCES_SHOWN = 40

Scores = NDArray[np.float64]
Figures = Mapping[str, Any]

Model = Callable[[PreparedArticle], Scores]
"""Scores of one article, shape (T,), in [0, 1]."""


def summary_sentences(source: str) -> int:
    """How many sentences a summary of an article of this source has."""
    return SENTENCES_BY_SOURCE.get(source, DEFAULT_SENTENCES)


def measure(
    articles: Sequence[PreparedArticle],
    models: Mapping[str, Model],
    *,
    background: Sequence[PreparedArticle] = (),
    centroid_encoder: Encoder | None = None,
) -> dict[str, Any]:
    """Measure models and baselines on each source and on all sources together.

    A model's summary skips repetition (``trigram``), as the service does by default; a baseline's does not.
    Long sentences have more words and so higher ROUGE. Therefore ROUGE with the prefix ``equal_`` is that of
    summaries of equal length, the mean length of the lead's in that source: sentences are taken in the order
    in which the system chooses them, and the last one is cut off, as in the Document Understanding
    Conferences. (Summaries of whole sentences would differ in length.)

    :param models: by name; the first is compared with every other system.
    :param background: articles in which PacSum counts document frequencies, preferably the training split;
        by default the articles themselves.
    :param centroid_encoder: the encoder of the centroid baseline; by default the one with which the articles
        were prepared.
    :returns: ready for JSON, None if a figure is undefined:

        - ``models``, ``systems``: names, the models first;
        - ``sources``: source -> part, sorted by name;
        - ``overall``: the part of all articles together; in it also ``over_sources``: systems as in a part,
          but with equal weight for every source.

        A part contains

        - ``articles``, ``article_sentences``: their numbers; ``summary_sentences``: None if sources differ;
        - ``systems``: name -> each of :data:`METRICS` as an estimate ``{mean, low, high}`` with a 95 %
          bootstrap interval over articles; ``minus_lead``: name in :data:`ROUGE` and :data:`EQUAL_ROUGE` ->
          estimate of the paired difference; ``model_minus``: each of :data:`COMPARED` -> estimate of
          the difference of the first model to this system. ROUGE is F1 in percent. ``auc``, ``ndcg`` and
          ``precision`` (at the number of quoted sentences) where quotes are sentences of the article;
          ``spearman``: rank correlation of score and target within an article;
        - ``models``: name -> ``cross_entropy`` and ``absolute_error`` per sentence, ``calibration`` (see
          :class:`training.metrics.Bin`) and ``calibration_error``;
        - ``least_cross_entropy``: of scores equal to the targets; ``constant_cross_entropy``: of the mean
          target as the score of every sentence;
        - ``deciles``: for each tenth of the article ``count`` of sentences, mean ``target``, ``scores``
          (model -> mean score), ``selected`` (system -> share of its selected sentences).
    :raises ValueError: no models, or one with the name of a baseline.
    """
    if not models:
        raise ValueError("measure needs at least one model; got none")
    if taken := models.keys() & set(BASELINES):
        raise ValueError(f"a model cannot have the name of a baseline: {', '.join(sorted(taken))}; rename it")
    measured = _measured(articles, models, Baselines(background or articles, centroid_encoder))
    places = {
        source: np.array(found)
        for source, found in sorted(_places_by(article.source for article in articles).items())
    }
    sources = {source: _part(measured, [found]) for source, found in places.items()}
    overall = _part(measured, [np.arange(len(articles))])
    overall["over_sources"] = _systems(measured, list(places.values()))
    return {
        "models": list(models),
        "systems": [*models, *BASELINES],
        "overall": overall,
        "sources": sources,
    }


class Baselines:
    """The scores of all :data:`BASELINES`.

    :param background: articles in which PacSum counts document frequencies.
    :param centroid_encoder: see :func:`measure`.
    """

    def __init__(
        self, background: Sequence[PreparedArticle], centroid_encoder: Encoder | None = None
    ) -> None:
        self._pacsum = PacSum("\n".join(article.sentences) for article in background)
        self._lexrank = LexRank()
        self._centroid_encoder = centroid_encoder

    def scores(self, article: PreparedArticle) -> dict[str, Scores]:
        """By name, each of shape (T,)."""
        sentences, vectors = article.sentences, article.vectors
        if self._centroid_encoder:
            vectors = self._centroid_encoder.encode(sentences).vectors
        count = summary_sentences(article.source)
        return {
            "lead": lead(len(sentences)),
            "random": random(len(sentences), article.id),
            "longest": longest(sentences),
            "pacsum": self._pacsum.scores(sentences),
            "lexrank": self._lexrank.scores(sentences),
            "centroid": centroid(vectors),
            "oracle": oracle(sentences, article.quotes, count),
        }


@dataclass(frozen=True, slots=True)
class _Measured:
    """Scores, selections and metrics of each of A articles.

    :ivar models: names; they are among the systems.
    :ivar scores: system -> A arrays of shape (T,).
    :ivar selected: system -> A sequences of positions.
    :ivar values: system -> metric -> shape (A,), nan if undefined.
    """

    articles: Sequence[PreparedArticle]
    models: Sequence[str]
    scores: Mapping[str, Sequence[Scores]]
    selected: Mapping[str, Sequence[Sequence[int]]]
    values: Mapping[str, Mapping[str, Scores]]

    @property
    def systems(self) -> Sequence[str]:
        return list(self.scores)


def _measured(
    articles: Sequence[PreparedArticle], models: Mapping[str, Model], baselines: Baselines
) -> _Measured:
    systems = [*models, *BASELINES]
    scores: dict[str, list[Scores]] = {name: [] for name in systems}
    selected: dict[str, list[Sequence[int]]] = {name: [] for name in systems}
    rows: dict[str, list[list[float]]] = {name: [] for name in systems}
    budgets, verbatim = {}, {}
    for source, places in _places_by(article.source for article in articles).items():
        found = [articles[place] for place in places]
        budgets[source] = _words_of_lead(found, summary_sentences(source))
        verbatim[source] = _is_verbatim(found)
    meter = RougeMeter()
    for article in tqdm(articles, desc="report", unit="article"):
        source = article.source
        one = _OneArticle(article, summary_sentences(source), budgets[source], meter, verbatim[source])
        of_article = {name: model(article) for name, model in models.items()} | baselines.scores(article)
        for name, row in of_article.items():
            chosen, values = one.measure(row, name)
            scores[name].append(row)
            selected[name].append(chosen)
            rows[name].append([values[metric] for metric in METRICS])
    columns = {name: np.array(rows[name], np.float64).reshape(-1, len(METRICS)).T for name in systems}
    by_metric = {name: dict(zip(METRICS, columns[name], strict=True)) for name in systems}
    return _Measured(articles, list(models), scores, selected, by_metric)


def _words_of_lead(articles: Sequence[PreparedArticle], count: int) -> int:
    """Mean number of words of the first sentences."""
    return round(np.mean([_words(article.sentences[:count]) for article in articles]))


class _OneArticle:
    """One article on which systems are measured; equal summaries are measured once."""

    def __init__(
        self, article: PreparedArticle, count: int, budget: int, meter: RougeMeter, verbatim: bool
    ) -> None:
        self._article = article
        self._count = count
        self._budget = budget
        self._meter = meter
        quotes = set(map(folded, article.quotes))
        found = np.array([folded(sentence) in quotes for sentence in article.sentences], dtype=bool)
        self._quoted = found if verbatim and found.any() else None
        self._rouge: dict[tuple[str, ...], Sequence[float]] = {}

    def measure(self, scores: Scores, system: str) -> tuple[Sequence[int], dict[str, float]]:
        """The selected sentences and each of :data:`METRICS`, nan if undefined."""
        redundancy: Redundancy = "none" if system in BASELINES else "trigram"
        selected = self._select(scores, self._count, redundancy)
        whole = tuple(self._article.sentences[place] for place in selected)
        # The oracle does not rank the sentences that it did not choose.
        most = self._count if system == "oracle" else len(scores)
        equal = self._cut(scores, most, redundancy)
        values = dict.fromkeys(METRICS, float("nan"))
        values |= zip(ROUGE, self._rouge_of(whole), strict=True)
        values |= zip(EQUAL_ROUGE, self._rouge_of(equal), strict=True)
        values["words"], values["equal_words"] = _words(whole), _words(equal)
        if system != "oracle":
            values["spearman"] = spearman(scores, self._article.targets.astype(np.float64))
            if self._quoted is not None:
                values["auc"] = auc(scores, self._quoted)
                values["ndcg"] = ndcg(scores, self._quoted.astype(np.float64))
                values["precision"] = precision_at_k(scores, self._quoted, int(self._quoted.sum()))
        return selected, values

    def _select(self, scores: Scores, count: int, redundancy: Redundancy) -> tuple[int, ...]:
        options = SummaryOptions(sentences=count, redundancy=redundancy)
        return select(scores, self._article.sentences, self._article.vectors, options)

    def _cut(self, scores: Scores, most: int, redundancy: Redundancy) -> tuple[str, ...]:
        """A summary of ``budget`` words, of at most ``most`` sentences; the one chosen last is cut off."""
        taken: dict[int, str] = {}
        left = self._budget
        for count in range(1, most + 1):
            if left <= 0:
                break
            for place in set(self._select(scores, count, redundancy)) - taken.keys():
                words = self._article.sentences[place].split()[: max(left, 0)]
                taken[place] = " ".join(words)
                left -= len(words)
        return tuple(text for _, text in sorted(taken.items()))

    def _rouge_of(self, summary: tuple[str, ...]) -> Sequence[float]:
        if summary not in self._rouge:
            found = self._meter.score(summary, self._article.quotes)
            self._rouge[summary] = [100 * value for value in found]
        return self._rouge[summary]


def _words(sentences: Iterable[str]) -> int:
    return sum(len(sentence.split()) for sentence in sentences)


def trained(scorer: SentenceScorer, rarity: Rarity | None = None, kind: str | None = None) -> Model:
    """A network as a model.

    :param rarity: with which it was trained, if the articles may have been prepared with another one; then
        text features are computed again.
    :param kind: of text, as which every article is read; None to recognize it.
    """
    named = None if kind is None else scorer.config.kinds.index(kind)

    def scores_of(article: PreparedArticle) -> Scores:
        features = text_features(article.sentences, rarity) if rarity else article.features
        place = scorer.kind_of(article.sentences, article.vectors, features) if named is None else named
        inputs = network_input(article.vectors, features, scorer.config, place)
        return scorer.score(inputs).astype(np.float64)

    return scores_of


def _places_by(names: Iterable[str]) -> dict[str, list[int]]:
    places = defaultdict(list)
    for place, name in enumerate(names):
        places[name].append(place)
    return dict(places)


def _is_verbatim(articles: Sequence[PreparedArticle]) -> bool:
    found = [
        folded(quote) in sentences
        for article in articles
        for sentences in [set(map(folded, article.sentences))]
        for quote in article.quotes
    ]
    return bool(found) and sum(found) / len(found) >= VERBATIM_SHARE


def _part(measured: _Measured, strata: Sequence[NDArray[np.int64]]) -> dict[str, Any]:
    """The figures of some articles; see :func:`measure`."""
    places = np.concatenate(strata)
    targets = _joined([measured.articles[place].targets for place in places])
    counts = {summary_sentences(measured.articles[place].source) for place in places}
    return {
        "articles": len(places),
        "article_sentences": len(targets),
        "summary_sentences": counts.pop() if len(counts) == 1 else None,
        "systems": _systems(measured, strata),
        "models": {
            name: _errors(_joined([measured.scores[name][place] for place in places]), targets)
            for name in measured.models
        },
        "least_cross_entropy": _number(binary_cross_entropy(targets, targets)),
        "constant_cross_entropy": _number(
            binary_cross_entropy(np.full(len(targets), targets.mean()) if len(targets) else targets, targets)
        ),
        "deciles": _deciles(measured, places, targets),
    }


def _errors(scores: Scores, targets: Scores) -> dict[str, Any]:
    bins = calibration(scores, targets)
    return {
        "cross_entropy": _number(binary_cross_entropy(scores, targets)),
        "absolute_error": _number(mean(np.abs(scores - targets))),
        "calibration": [
            found._asdict() | {"score": _number(found.score), "target": _number(found.target)}
            for found in bins
        ],
        "calibration_error": _number(expected_calibration_error(bins)),
    }


def _systems(measured: _Measured, strata: Sequence[NDArray[np.int64]]) -> dict[str, Any]:
    model, values = measured.models[0], measured.values
    return {
        name: {
            **{metric: _estimate(values[name][metric], strata) for metric in METRICS},
            "minus_lead": {
                metric: _estimate(values[name][metric] - values["lead"][metric], strata)
                for metric in (*ROUGE, *EQUAL_ROUGE)
            },
            "model_minus": {
                metric: _estimate(values[model][metric] - values[name][metric], strata) for metric in COMPARED
            },
        }
        for name in measured.systems
    }


def _estimate(values: Scores, strata: Sequence[NDArray[np.int64]]) -> dict[str, float | None]:
    """Mean over strata of the mean over their articles, with its 95 % bootstrap interval.

    Articles are drawn within each stratum. nan is left out; a single article has no interval.
    """
    defined = [row[~np.isnan(row)] for row in (values[places] for places in strata)]
    defined = [row for row in defined if len(row)]
    if not defined:
        return {"mean": None, "low": None, "high": None}
    middle = float(np.mean([row.mean() for row in defined]))
    if sum(map(len, defined)) < 2:
        return {"mean": middle, "low": None, "high": None}
    rounds = np.mean([bootstrap_means(row, seed=seed) for seed, row in enumerate(defined)], axis=0)
    low, high = np.percentile(rounds, [2.5, 97.5])
    return {"mean": middle, "low": float(low), "high": float(high)}


def _deciles(measured: _Measured, places: NDArray[np.int64], targets: Scores) -> list[dict[str, Any]]:
    deciles = _joined([_decile_of(len(measured.articles[place].sentences)) for place in places])
    scores = {name: _joined([measured.scores[name][place] for place in places]) for name in measured.models}
    selected = {
        name: _joined(
            [
                _decile_of(len(measured.articles[place].sentences))[list(measured.selected[name][place])]
                for place in places
            ]
        )
        for name in measured.systems
    }
    return [
        {
            "count": int((deciles == decile).sum()),
            "target": _number(mean(targets[deciles == decile])),
            "scores": {name: _number(mean(row[deciles == decile])) for name, row in scores.items()},
            "selected": {name: _number(mean(row == decile)) for name, row in selected.items()},
        }
        for decile in range(DECILES)
    ]


def _decile_of(count: int) -> NDArray[np.int64]:
    """The tenth of the article in which each sentence begins, from 0. Shape (T,)."""
    return np.arange(count) * DECILES // max(count, 1)


def _joined(rows: Sequence[NDArray[Any]]) -> Scores:
    return np.concatenate(rows).astype(np.float64) if rows else np.zeros(0)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value


def condensed(figures: Figures) -> dict[str, Any]:
    """The part of the figures that a checkpoint contains and the service returns: means and intervals.

    :param figures: see :func:`measure`.
    :returns: ready for JSON: ``overall`` and ``sources``, in each part ``articles`` and ``systems`` -> metric
        -> ``[mean, low, high]``; of each source only ROUGE-2 and AUC.
    """
    return {
        "overall": _condensed(figures["overall"], (*ROUGE, "equal_rouge2", *RANKING)),
        "sources": {
            source: _condensed(part, ("rouge2", "auc")) for source, part in figures["sources"].items()
        },
    }


def _condensed(part: Figures, metrics: Sequence[str]) -> dict[str, Any]:
    return {
        "articles": part["articles"],
        "systems": {
            name: {
                metric: [None if value is None else round(value, 3) for value in found[metric].values()]
                for metric in metrics
                if found[metric]["mean"] is not None
            }
            for name, found in part["systems"].items()
        },
    }


def examples(
    articles: Sequence[PreparedArticle],
    model: Model,
    count: int = 10,
) -> list[dict[str, Any]]:
    """Example articles of every source in turn, alternating between well and badly ranked ones.

    Well ranked means a high rank correlation of score and target. The choice depends only on articles and
    scores.

    :returns: ready for JSON: ``id``, ``source``, ``title``, ``quotes``, ``correlation`` (or None) and
        ``sentences`` with ``text``, ``score``, ``target``, ``rank`` (from 1), ``selected``, ``oracle``.
    """
    rankings = []
    for _, places in sorted(_places_by(article.source for article in articles).items()):
        found = [articles[place] for place in places]
        shown = [article for article in found if len(article.sentences) <= MOST_SENTENCES_SHOWN] or found
        rankings.append(sorted(shown, key=lambda one: (_correlation(model, one) or 0.0, one.id)))
    chosen: list[PreparedArticle] = []
    turn = 0
    while len(chosen) < count and any(rankings):
        for row, ranking in enumerate(rankings):
            if ranking and len(chosen) < count:
                # Not the very best or worst, which are articles of two sentences.
                share = 0.9 if (row + turn) % 2 == 0 else 0.1
                chosen.append(ranking.pop(round(share * (len(ranking) - 1))))
        turn += 1
    return [_example(article, model, summary_sentences(article.source)) for article in chosen]


def _correlation(model: Model, article: PreparedArticle) -> float | None:
    return _number(spearman(model(article), article.targets.astype(np.float64)))


def _example(article: PreparedArticle, model: Model, count: int) -> dict[str, Any]:
    scores = model(article)
    selected = select(scores, article.sentences, article.vectors, SummaryOptions(sentences=count))
    best = oracle(article.sentences, article.quotes, count)
    ranks = {place: rank for rank, place in enumerate(by_score(scores), start=1)}
    return {
        "id": article.id,
        "source": article.source,
        "title": article.title,
        "quotes": list(article.quotes),
        "correlation": _correlation(model, article),
        "sentences": [
            {
                "text": text,
                "score": float(scores[place]),
                "target": float(article.targets[place]),
                "rank": ranks[place],
                "selected": place in selected,
                "oracle": bool(best[place] > 0),
            }
            for place, text in enumerate(article.sentences)
        ],
    }
