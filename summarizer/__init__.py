"""Extractive summarization: a learned score and an offset for every sentence of an article.

Each name is imported on first use: most are cheap to import; only :class:`Summarizer` needs NumPy and the
tokenizer.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from summarizer.document import Evaluation, EvaluationWarning, ModelInfo, ScoredSentence, Sentence
    from summarizer.errors import (
        CheckpointDamaged,
        CheckpointError,
        CheckpointNotFound,
        CheckpointUnsupported,
        EmptyText,
        EncoderUnavailable,
        InputError,
        InvalidOption,
        InvalidText,
        NoArticle,
        NoSentences,
        SummarizerError,
        TooManySentences,
    )
    from summarizer.options import SummaryOptions
    from summarizer.pipeline import Summarizer

__all__ = [
    "CheckpointDamaged",
    "CheckpointError",
    "CheckpointNotFound",
    "CheckpointUnsupported",
    "EmptyText",
    "EncoderUnavailable",
    "Evaluation",
    "EvaluationWarning",
    "InputError",
    "InvalidOption",
    "InvalidText",
    "ModelInfo",
    "NoArticle",
    "NoSentences",
    "ScoredSentence",
    "Sentence",
    "Summarizer",
    "SummarizerError",
    "SummaryOptions",
    "TooManySentences",
]

_MODULES = {
    **dict.fromkeys(
        ("Evaluation", "EvaluationWarning", "ModelInfo", "ScoredSentence", "Sentence"), "document"
    ),
    "SummaryOptions": "options",
    "Summarizer": "pipeline",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES.get(name, 'errors')}")
    value: object = getattr(module, name)
    globals()[name] = value  # later accesses are ordinary look-ups
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
