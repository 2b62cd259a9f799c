"""The model beside lead, longest, random and oracle on articles that it has not seen."""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from summarizer.model import SentenceScorer, pad
from summarizer.options import SummaryOptions
from summarizer.selection import select
from training.baselines import lead, longest, oracle_selection, random
from training.metrics import RougeMeter, auc, bootstrap_interval, ndcg, paired_difference, precision_at_k
from training.prepared import PreparedArticle

# Where editors write one sentence, one is what a summary is measured by.
SENTENCES_BY_SOURCE = {"xsum": 1, "scitldr": 1}
DEFAULT_SENTENCES = 3

# Share of quotes that are sentences of their article from which a source counts as verbatim, so that
# ranking metrics mean something.
VERBATIM_SHARE = 0.9

Picker = Callable[[PreparedArticle, int], Sequence[int]]


@dataclass(frozen=True, slots=True)
class Figures:
    """Means of one system over the articles of one source.

    :ivar rouge1: F1 in percent, as rouge2 and rouge_lsum.
    :ivar rouge2_half_width: of the 95 % bootstrap interval.
    :ivar rouge2_minus_lead: difference to lead, and the ends of its paired 95 % interval.
    :ivar words: of a summary.
    :ivar auc: of the scores as a ranking of quoted over other sentences, like ``ndcg``, and ``precision`` at
        as many as were quoted; None where quotes are paraphrase, or the system has no scores.
    """

    rouge1: float
    rouge2: float
    rouge_lsum: float
    rouge2_half_width: float
    rouge2_minus_lead: tuple[float, float, float]
    words: float
    auc: float | None
    ndcg: float | None
    precision: float | None


def report(articles: Sequence[PreparedArticle], scorer: SentenceScorer) -> dict[str, dict[str, Any]]:
    """Measure all systems on each source.

    :returns: source -> ``articles``, ``sentences`` (of a summary) and ``systems`` (name -> :class:`Figures`).
    """
    by_source = defaultdict(list)
    for article in articles:
        by_source[article.article.source].append(article)
    return {
        source: _report_source(found, scorer, SENTENCES_BY_SOURCE.get(source, DEFAULT_SENTENCES))
        for source, found in tqdm(sorted(by_source.items()), desc="report", unit="source")
    }


def as_markdown(figures: Mapping[str, Mapping[str, Any]]) -> str:
    """The figures as one table for each source."""
    tables = []
    for source, found in figures.items():
        rows = [
            f"**{source}**, {found['articles']} articles, {found['sentences']} sentence(s) a summary",
            "",
            "| system | R-1 | R-2 | R-Lsum | R-2 minus lead (95 %) | words | AUC | nDCG | P@k |",
            "| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
        ]
        for name, system in found["systems"].items():
            mean, low, high = system["rouge2_minus_lead"]
            cells = [
                name,
                f"{system['rouge1']:.2f}",
                f"{system['rouge2']:.2f} ± {system['rouge2_half_width']:.2f}",
                f"{system['rouge_lsum']:.2f}",
                f"{mean:+.2f} ({low:+.2f} to {high:+.2f})",
                f"{system['words']:.0f}",
                _optional(system["auc"]),
                _optional(system["ndcg"]),
                _optional(system["precision"]),
            ]
            rows.append(f"| {' | '.join(cells)} |")
        tables.append("\n".join(rows))
    return "\n\n".join(tables)


def scores_of(scorer: SentenceScorer, article: PreparedArticle) -> NDArray[np.float64]:
    """Scores of one article, shape (T,), in [0, 1]."""
    scores: NDArray[np.float64] = scorer.score(pad([np.array(article.vectors)]))[0].double().numpy()
    return scores


def _report_source(articles: Sequence[PreparedArticle], scorer: SentenceScorer, count: int) -> dict[str, Any]:
    scores: dict[str, list[NDArray[np.float64]]] = {
        "model": [scores_of(scorer, article) for article in articles],
        "lead": [lead(len(article.sentences)) for article in articles],
        "longest": [longest(article.sentences) for article in articles],
        "random": [random(len(article.sentences), seed) for seed, article in enumerate(articles)],
    }
    picks = {
        name: [
            _pick(article, row, count, "trigram" if name == "model" else "none")
            for article, row in zip(articles, rows, strict=True)
        ]
        for name, rows in scores.items()
    }
    picks["oracle"] = [
        oracle_selection(article.sentences, article.article.quotes, count) for article in articles
    ]
    meter = RougeMeter()
    rouge = {
        name: np.array(
            [
                meter.score([article.sentences[index] for index in chosen], article.article.quotes)
                for article, chosen in zip(articles, rows, strict=True)
            ]
        )
        * 100
        for name, rows in picks.items()
    }  # each (A, 3)
    verbatim = _is_verbatim(articles)
    systems = {}
    for name in picks:
        low, high = bootstrap_interval(rouge[name][:, 1])
        ranked = scores.get(name) if verbatim else None
        systems[name] = asdict(
            Figures(
                rouge1=float(rouge[name][:, 0].mean()),
                rouge2=float(rouge[name][:, 1].mean()),
                rouge_lsum=float(rouge[name][:, 2].mean()),
                rouge2_half_width=(high - low) / 2,
                rouge2_minus_lead=paired_difference(rouge[name][:, 1], rouge["lead"][:, 1]),
                words=_mean_words(articles, picks[name]),
                auc=_mean_over(auc, ranked, articles),
                ndcg=_mean_over(_ndcg_of_quotes, ranked, articles),
                precision=_mean_over(_precision_at_quotes, ranked, articles),
            )
        )
    return {"articles": len(articles), "sentences": count, "systems": systems}


def _pick(
    article: PreparedArticle, scores: NDArray[np.float64], count: int, redundancy: Any
) -> Sequence[int]:
    return select(
        scores, article.sentences, article.vectors, SummaryOptions(sentences=count, redundancy=redundancy)
    )


def _is_verbatim(articles: Sequence[PreparedArticle]) -> bool:
    found = [quote in set(article.sentences) for article in articles for quote in article.article.quotes]
    return bool(np.mean(found) >= VERBATIM_SHARE)


def _quoted(article: PreparedArticle) -> NDArray[np.bool_]:
    quotes = set(article.article.quotes)
    return np.array([sentence in quotes for sentence in article.sentences])


def _precision_at_quotes(scores: NDArray[np.float64], quoted: NDArray[np.bool_]) -> float:
    return precision_at_k(scores, quoted, int(quoted.sum())) if quoted.any() else float("nan")


def _ndcg_of_quotes(scores: NDArray[np.float64], quoted: NDArray[np.bool_]) -> float:
    return ndcg(scores, quoted.astype(np.float64))


def _mean_over(
    metric: Callable[[NDArray[np.float64], NDArray[np.bool_]], float],
    scores: Sequence[NDArray[np.float64]] | None,
    articles: Sequence[PreparedArticle],
) -> float | None:
    """Mean over the articles where it is defined; None without scores, or where it never is."""
    if scores is None:
        return None
    values = [metric(row, _quoted(article)) for row, article in zip(scores, articles, strict=True)]
    defined = [value for value in values if not math.isnan(value)]
    return float(np.mean(defined)) if defined else None


def _mean_words(articles: Sequence[PreparedArticle], picks: Sequence[Sequence[int]]) -> float:
    return float(
        np.mean(
            [
                sum(len(article.sentences[index].split()) for index in chosen)
                for article, chosen in zip(articles, picks, strict=True)
            ]
        )
    )


def _optional(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
