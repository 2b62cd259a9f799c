"""What goes through the pipeline: sentences of an article in, an evaluation of them out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sentence:
    """A slice of an article: ``article[start:end] == text``, offsets in code points."""

    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """An article and its sentences, ascending and disjoint.

    :ivar field: what an error about it points at: ``text``, or ``sentences`` for the caller's own split.
    """

    text: str
    sentences: Sequence[Sentence]
    field: str = "text"


@dataclass(frozen=True, slots=True)
class ScoredSentence:
    """A sentence of the article with what the model says of it.

    :ivar index: position among the article's sentences, from 0.
    :ivar start: offset of the first character in the article, in code points.
    :ivar end: offset just after the last character: ``article[start:end] == text``.
    :ivar score: expected closeness to what a curator would quote, in [0, 1].
    :ivar rank: 1 for the best score; equal scores rank in document order.
    :ivar selected: whether it is part of the summary.
    :ivar truncated: whether the encoder read only the beginning of it.
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

    :ivar sha256: the same digest means the same model, and so the same scores for the same article.
    :ivar encoder: name of the encoder.
    """

    name: str
    version: str
    sha256: str
    encoder: str


@dataclass(frozen=True, slots=True)
class EvaluationWarning:
    """Something that the caller should know about an evaluation that succeeded."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Every sentence of one article with its score, and the selected ones.

    :ivar text: the article that the offsets refer to.
    :ivar sentences: all sentences in document order.
    :ivar indices: positions of the selected sentences, in the order that was asked for.
    :ivar model: which model gave the scores.
    :ivar warnings: empty when there is nothing to say.
    """

    text: str
    sentences: tuple[ScoredSentence, ...]
    indices: tuple[int, ...]
    model: ModelInfo
    warnings: tuple[EvaluationWarning, ...] = ()

    @property
    def selected(self) -> tuple[ScoredSentence, ...]:
        """The selected sentences, in the order that was asked for."""
        return tuple(self.sentences[index] for index in self.indices)

    @property
    def summary(self) -> str:
        """The selected sentences as one text; line breaks inside a sentence become spaces."""
        return " ".join(" ".join(sentence.text.split()) for sentence in self.selected)

    def as_dict(self) -> dict[str, Any]:
        """The form in which the API and the command give it, ready for JSON."""
        return {
            "model": _plain(self.model),
            "sentences": [_plain(sentence) for sentence in self.sentences],
            "summary": {"text": self.summary, "indices": list(self.indices)},
            "warnings": [_plain(warning) for warning in self.warnings],
        }


def _plain(record: ModelInfo | ScoredSentence | EvaluationWarning) -> dict[str, Any]:
    """Fields in their order. (dataclasses.asdict copies deeply, which 5,000 sentences would feel.)"""
    return {name: getattr(record, name) for name in record.__slots__}
