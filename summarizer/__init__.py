"""Extractive summarization: a learned score and an offset for every sentence of an article."""

from summarizer.document import Evaluation, ModelInfo, ScoredSentence, Sentence, Warning
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
    "InputError",
    "InvalidOption",
    "InvalidText",
    "ModelInfo",
    "NoSentences",
    "ScoredSentence",
    "Sentence",
    "Summarizer",
    "SummarizerError",
    "SummaryOptions",
    "TooManySentences",
    "Warning",
]
