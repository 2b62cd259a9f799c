"""The records that pass through the pipeline: from the sentences of an article to their evaluation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Span(NamedTuple):
    """A slice of a text: ``text[start:end]``, offsets in code points."""

    start: int
    end: int


class Sentence(NamedTuple):
    """A slice of an article: ``article[start:end] == text``, offsets in code points."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """An article and its sentences, ascending and disjoint.

    :ivar field: the input field that errors about it name: ``text``, or ``sentences`` if the caller split it.
    """

    text: str
    sentences: Sequence[Sentence]
    field: str = "text"


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of the article with its score.

    :ivar index: its index among the article's sentences, from 0.
    :ivar start: offset of the first character in the article, in code points.
    :ivar end: offset just after the last character: ``article[start:end] == text``.
    :ivar score: expected closeness to what a curator would quote, in [0, 1].
    :ivar rank: 1 for the best score; equal scores rank in document order.
    :ivar selected: whether it is part of the summary.
    :ivar truncated: whether the encoder read only its beginning.
    """

    index: int
    text: str
    start: int
    end: int
    score: float
    rank: int
    selected: bool
    truncated: bool


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Which model gave the scores.

    :ivar sha256: digest of the model: the same digest means the same scores for the same article.
    :ivar encoder: name of the encoder.
    """

    name: str
    version: str
    sha256: str
    encoder: str


@dataclass(frozen=True, slots=True)
class EvaluationWarning:
    """Something the caller should know about an evaluation that succeeded."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every sentence of an article with its score, and which of them are selected.

    :ivar text: the article that the offsets refer to.
    :ivar sentences: all sentences in document order.
    :ivar indices: indices of the selected sentences, in the requested order.
    :ivar model: which model gave the scores.
    :ivar warnings: usually empty.
    """

    text: str
    sentences: tuple[ScoredSentence, ...]
    indices: tuple[int, ...]
    model: ModelInfo
    warnings: tuple[EvaluationWarning, ...] = ()

    @property
    def selected(self) -> tuple[ScoredSentence, ...]:
        """The selected sentences, in the requested order."""
        return tuple(self.sentences[index] for index in self.indices)

    @property
    def summary(self) -> str:
        """The selected sentences as one text; line breaks inside a sentence become spaces."""
        return " ".join(one_line(sentence.text) for sentence in self.selected)

    def as_dict(self) -> dict[str, Any]:
        """The evaluation as the HTTP API and the command return it, ready for JSON."""
        return {
            "model": _plain(self.model),
            "sentences": [_plain(sentence) for sentence in self.sentences],
            "summary": {"text": self.summary, "indices": list(self.indices)},
            "warnings": [_plain(warning) for warning in self.warnings],
        }


def one_line(text: str) -> str:
    """The text with every run of white space as one space, and none at the ends."""
    return " ".join(text.split())


def _plain(record: ModelInfo | ScoredSentence | EvaluationWarning) -> dict[str, Any]:
    """The fields in order. (dataclasses.asdict copies deeply, which is slow for 5,000 sentences.)"""
    return {name: getattr(record, name) for name in record.__slots__}
