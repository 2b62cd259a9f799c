"""A page that shows articles with their quotes, the places of these, and the resulting targets."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

import numpy as np

from training.alignment import THRESHOLD, Aligner, Alignment
from training.pages import render
from training.prepared import PreparedArticle


def alignment_report(articles: Sequence[PreparedArticle], closeness_name: str) -> str:
    """One HTML page: each article's quotes, and its sentences with their targets and the quoted parts.

    :param articles: in the order of the page.
    :param closeness_name: that of the targets, for the heading.
    :returns: the page; to be written as UTF-8.
    """
    shown = [_shown(article) for article in articles]
    targets = np.concatenate([article.targets for article in articles]) if articles else np.zeros(0)
    return render(
        "alignment",
        closeness=closeness_name,
        threshold=THRESHOLD,
        articles=shown,
        sentences=len(targets),
        quotes=sum(len(article.quotes) for article in shown),
        missing=sum(article.missing for article in shown),
        mean_target=float(targets.mean()) if len(targets) else None,
    )


@dataclass(frozen=True, slots=True)
class _Quote:
    """A quote, and the numbers from 1 of the sentences in which it was found."""

    text: str
    similarity: float
    sentences: Sequence[int]

    @property
    def is_found(self) -> bool:
        return bool(self.sentences)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a sentence that is either quoted or not."""

    text: str
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class _Sentence:
    target: float
    pieces: Sequence[_Piece]


@dataclass(frozen=True, slots=True)
class _Article:
    id: str
    title: str | None
    quotes: Sequence[_Quote]
    sentences: Sequence[_Sentence]

    @property
    def missing(self) -> int:
        return sum(not quote.is_found for quote in self.quotes)


def _shown(prepared: PreparedArticle) -> _Article:
    text = "\n".join(prepared.sentences)
    aligner = Aligner(text)
    found = [aligner.align(quote) for quote in prepared.quotes]
    is_quoted = bytearray(len(text))
    for alignment in found:
        for start, end in alignment.spans:
            is_quoted[start:end] = b"\1" * (end - start)
    starts = list(accumulate((len(sentence) + 1 for sentence in prepared.sentences), initial=0))[:-1]
    sentences = [
        _Sentence(float(target), _pieces(sentence, is_quoted[start : start + len(sentence)]))
        for sentence, target, start in zip(prepared.sentences, prepared.targets, starts, strict=True)
    ]
    quotes = [
        _Quote(quote, alignment.similarity, _touched(alignment, starts))
        for quote, alignment in zip(prepared.quotes, found, strict=True)
    ]
    return _Article(prepared.id, prepared.title, quotes, sentences)


def _pieces(sentence: str, is_quoted: Sequence[int]) -> list[_Piece]:
    runs = groupby(zip(sentence, is_quoted, strict=True), key=lambda pair: pair[1])
    return [_Piece("".join(character for character, _ in run), bool(flag)) for flag, run in runs]


def _touched(alignment: Alignment, starts: Sequence[int]) -> list[int]:
    """Numbers, from 1, of the sentences that contain spans."""
    numbers: set[int] = set()
    for start, end in alignment.spans:
        numbers.update(range(bisect_right(starts, start), bisect_right(starts, end - 1) + 1))
    return sorted(numbers)
