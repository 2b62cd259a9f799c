"""A corpus before training: sizes, where its quotes are, what is wrong with it."""

import hashlib
import heapq
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, get_args

import numpy as np
from rapidfuzz import fuzz, process
from tqdm import tqdm

from summarizer.sentences import SentenceSplitter
from training.alignment import Aligner
from training.corpus import DECILES, Article, Corpus, Origin, Refused, Split, folded, split_of

WORST = 10
EXAMPLES = 3

_SPLITS, _ORIGINS = get_args(Split), get_args(Origin)
_FEW_WORDS, _MANY_WORDS = 20, 50_000  # the usual range of an article
_PARTICULAR = re.compile(r"'[^']*'|\"[^\"]*\"|(?<!UTF-)\b\d+\b")


class Spread(NamedTuple):
    """Median, 5th and 95th percentile and maximum of some numbers. All 0 without numbers."""

    median: float
    p5: float
    p95: float
    max: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of the articles of one source, or of all.

    :ivar splits: number of articles in each split.
    :ivar origins: number of articles whose quotes were given, or read from a summary as quotations or as
        sentences.
    :ivar quote_words: words per quote; the other spreads are per article.
    :ivar aligned: number of quotes that were looked for: all, or those of a sample of articles.
    :ivar verbatim: number of these that were found verbatim except for white space.
    :ivar fuzzy: number of these that were found with changes.
    :ivar deciles: number of the quotes found that begin in each tenth of the article.
    """

    articles: int
    splits: Mapping[str, int]
    origins: Mapping[str, int]
    sentences: Spread
    words: Spread
    quotes: Spread
    quote_words: Spread
    aligned: int
    verbatim: int
    fuzzy: int
    deciles: tuple[int, ...]

    @property
    def not_found(self) -> int:
        return self.aligned - self.verbatim - self.fuzzy


@dataclass(frozen=True, slots=True)
class Duplicate:
    """The same text, except for case and white space, under several ids.

    :ivar splits: splits of these ids; more than one is a leak.
    """

    ids: tuple[str, ...]
    splits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A sign that a file was read or created wrongly.

    :ivar ids: the articles that have it.
    """

    what: str
    ids: tuple[str, ...]


class Placed(NamedTuple):
    """A quote and its place in the article.

    :ivar best: the text there; if nothing was found, the sentence most similar to the quote.
    """

    similarity: float
    id: str
    quote: str
    best: str


@dataclass(frozen=True, slots=True)
class RefusedGroup:
    """Rows that were refused for the same reason, except for numbers and names in it.

    :ivar examples: the first ones.
    """

    field: str
    reason: str
    count: int
    examples: tuple[Refused, ...]


@dataclass(frozen=True, slots=True)
class Inspection:
    """The result of :func:`inspect`.

    :ivar sources: by name, sorted.
    :ivar duplicates: those across splits first.
    :ivar suspicions: only those with at least one article.
    :ivar worst: the quotes with the lowest similarity, in ascending order.
    :ivar refused: the most frequent reason first.
    """

    overall: Figures
    sources: Mapping[str, Figures]
    duplicates: tuple[Duplicate, ...]
    suspicions: tuple[Suspicion, ...]
    worst: tuple[Placed, ...]
    refused: tuple[RefusedGroup, ...]


def inspect(corpus: Corpus, *, sample: int | None = None, progress: bool = False) -> Inspection:
    """Measure a corpus.

    :param sample: look for the quotes of only this many articles of each source, as this takes most of the
        time; always of the same ones, whose ids have the lowest sha256. None for all.
    :param progress: show a progress bar on standard error.
    :raises ValueError: a sample below 1.
    """
    if sample is not None and sample < 1:
        raise ValueError(f"sample must be at least 1; got {sample}")
    splitter = SentenceSplitter()
    chosen = _chosen(corpus.articles, sample)
    overall = _Tally()
    sources: dict[str, _Tally] = defaultdict(_Tally)
    worst: list[Placed] = []
    for article in tqdm(corpus.articles, desc="inspect", unit="article", disable=not progress):
        measured = _measured(article, splitter, is_aligned=article.id in chosen)
        overall.add(measured)
        sources[article.source].add(measured)
        worst = heapq.nsmallest(WORST, [*worst, *measured.placed])
    return Inspection(
        overall.figures(),
        {source: sources[source].figures() for source in sorted(sources)},
        tuple(_duplicates(corpus.articles)),
        tuple(_suspicions(corpus.articles)),
        tuple(_with_nearest(worst, corpus.articles, splitter)),
        tuple(_grouped(corpus.refused)),
    )


@dataclass(frozen=True, slots=True)
class _Measured:
    """One article.

    :ivar placed: its quotes with their places; empty if it is not in the sample.
    :ivar begins: the beginning of each quote found, in [0, 1).
    """

    split: str
    origin: str
    sentences: int
    words: int
    quote_words: Sequence[int]
    placed: Sequence[Placed]
    verbatim: int
    begins: Sequence[float]


def _measured(article: Article, splitter: SentenceSplitter, *, is_aligned: bool) -> _Measured:
    placed: list[Placed] = []
    begins: list[float] = []
    verbatim = 0
    if is_aligned:
        aligner, text = Aligner(article.text), folded(article.text)
        for quote in article.quotes:
            alignment = aligner.align(quote)
            best = " … ".join(article.text[start:end] for start, end in alignment.spans)
            placed.append(Placed(alignment.similarity, article.id, quote, best))
            if alignment.spans:
                begins.append(alignment.spans[0].start / len(article.text))
                verbatim += folded(quote) in text
    return _Measured(
        split_of(article.id),
        article.origin,
        len(splitter.split(article.text)),
        len(article.text.split()),
        [len(quote.split()) for quote in article.quotes],
        placed,
        verbatim,
        begins,
    )


@dataclass(slots=True)
class _Tally:
    """Collects the figures of articles."""

    splits: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)
    sentences: list[int] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    quotes: list[int] = field(default_factory=list)
    quote_words: list[int] = field(default_factory=list)
    deciles: list[int] = field(default_factory=lambda: [0] * DECILES)
    aligned: int = 0
    verbatim: int = 0

    def add(self, measured: _Measured) -> None:
        self.splits[measured.split] += 1
        self.origins[measured.origin] += 1
        self.sentences.append(measured.sentences)
        self.words.append(measured.words)
        self.quotes.append(len(measured.quote_words))
        self.quote_words += measured.quote_words
        self.aligned += len(measured.placed)
        self.verbatim += measured.verbatim
        for begin in measured.begins:
            self.deciles[int(begin * DECILES)] += 1

    def figures(self) -> Figures:
        return Figures(
            len(self.sentences),
            {split: self.splits[split] for split in _SPLITS},
            {origin: self.origins[origin] for origin in _ORIGINS},
            _spread(self.sentences),
            _spread(self.words),
            _spread(self.quotes),
            _spread(self.quote_words),
            self.aligned,
            self.verbatim,
            sum(self.deciles) - self.verbatim,
            tuple(self.deciles),
        )


def _with_nearest(
    worst: Iterable[Placed], articles: Iterable[Article], splitter: SentenceSplitter
) -> Iterator[Placed]:
    """The same with the most similar sentence for each quote that was not found."""
    texts = {article.id: article.text for article in articles}
    for placed in worst:
        sentences = [] if placed.best else [sentence.text for sentence in splitter.split(texts[placed.id])]
        nearest = process.extractOne(placed.quote, sentences, scorer=fuzz.token_set_ratio)
        yield placed._replace(best=nearest[0]) if nearest else placed


def _chosen(articles: Iterable[Article], sample: int | None) -> set[str]:
    by_source: dict[str, list[str]] = defaultdict(list)
    for article in articles:
        by_source[article.source].append(article.id)
    if sample is None:
        return {article_id for ids in by_source.values() for article_id in ids}
    return {
        article_id for ids in by_source.values() for article_id in heapq.nsmallest(sample, ids, key=_digest)
    }


def _duplicates(articles: Iterable[Article]) -> list[Duplicate]:
    ids: dict[bytes, list[str]] = defaultdict(list)
    for article in articles:
        ids[_digest(folded(article.text).casefold())].append(article.id)
    found = [
        Duplicate(tuple(same), tuple(split for split in _SPLITS if split in set(map(split_of, same))))
        for same in ids.values()
        if len(same) > 1
    ]
    return sorted(found, key=lambda duplicate: -len(duplicate.splits))


def _suspicions(articles: Sequence[Article]) -> Iterator[Suspicion]:
    for what, is_so in _SIGNS.items():
        ids = tuple(article.id for article in articles if is_so(article))
        if ids:
            yield Suspicion(what, ids)


def _in_any(pattern: str) -> Callable[[Article], bool]:
    compiled = re.compile(pattern)
    return lambda article: any(compiled.search(text) for text in (article.text, *article.quotes))


_SIGNS: Mapping[str, Callable[[Article], bool]] = {
    "HTML tags": _in_any(r"</?(?:p|br|div|span|a|b|i|em|strong|h[1-6]|li|ul)\b[^<>]*>"),
    "HTML entities": _in_any(r"&(?:amp|lt|gt|quot|nbsp|[lr][sd]quo|#\d+|#x[0-9a-fA-F]+);"),
    "UTF-8 read as another encoding": _in_any("â€|[ÃÂ][\u0080-\u00bf]"),
    "characters lost (\ufffd)": _in_any("\ufffd"),
    "a quote as long as half the article": lambda article: (
        2 * max(map(len, article.quotes), default=0) > len(article.text)
    ),
    f"more than {_MANY_WORDS} words": lambda article: len(article.text.split()) > _MANY_WORDS,
    f"fewer than {_FEW_WORDS} words": lambda article: len(article.text.split()) < _FEW_WORDS,
}


def _grouped(refused: Iterable[Refused]) -> list[RefusedGroup]:
    groups: dict[tuple[str, str], list[Refused]] = defaultdict(list)
    for row in refused:
        groups[row.field, _PARTICULAR.sub("…", row.reason)].append(row)
    found = [
        RefusedGroup(field, reason, len(rows), tuple(rows[:EXAMPLES]))
        for (field, reason), rows in groups.items()
    ]
    return sorted(found, key=lambda group: -group.count)


def _spread(numbers: Sequence[int]) -> Spread:
    if not numbers:
        return Spread(0, 0, 0, 0)
    return Spread(*np.percentile(numbers, [50, 5, 95, 100]).tolist())


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
