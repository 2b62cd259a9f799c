"""Every failure that a caller of the library can meet.

::

    SummarizerError
    ├── InputError (also a ValueError)      the article or an option cannot be used as sent
    │   ├── EmptyText                       nothing but white space
    │   ├── NoSentences                     characters, but no letter or digit among them
    │   ├── InvalidText                     not well-formed Unicode (a lone surrogate)
    │   ├── TooManySentences                more sentences than this summarizer accepts
    │   └── InvalidOption                   an option out of its range, or two budgets at once
    ├── CheckpointError                     a checkpoint folder cannot be used
    │   ├── CheckpointNotFound              the folder or one of its files is missing
    │   ├── CheckpointDamaged               a file is not what the checkpoint says it is
    │   └── CheckpointUnsupported           made for another format or another encoder
    ├── EncoderUnavailable                  the encoder needs a package or folder that is not here
    └── CorpusError                         files of articles cannot be scored as asked

Each class carries a stable ``code`` for programs; the message is for people: what is wrong, the
limit or the expected value, and what to do about it.
"""

from typing import ClassVar


class SummarizerError(Exception):
    """Root of the tree above."""

    code: ClassVar[str] = "summarizer_error"


class InputError(SummarizerError, ValueError):
    """The article or an option cannot be used as it was sent.

    Raised as such where one string came in place of a list of them.

    :ivar field: what is wrong, as a path of names and positions in the input: ``("text",)``,
        ``("sentences", 3)``, ``("words",)``.
    """

    code = "invalid_input"

    def __init__(self, message: str, *field: str | int) -> None:
        super().__init__(message)
        self.field = field


class EmptyText(InputError):
    """The article, or one of the caller's own sentences, is empty or white space."""

    code = "empty_text"


class NoSentences(InputError):
    """The article holds no letter or digit, so there is no sentence to score."""

    code = "no_sentences"


class InvalidText(InputError):
    """The article is not well-formed Unicode."""

    code = "invalid_text"


class TooManySentences(InputError):
    """The article has more sentences than the limit."""

    code = "too_many_sentences"


class InvalidOption(InputError):
    """An option has the wrong type or is out of its range."""

    code = "invalid_option"


class CheckpointError(SummarizerError):
    """A checkpoint folder cannot be used."""

    code = "checkpoint_error"


class CheckpointNotFound(CheckpointError):
    """The checkpoint folder, or a file that it must hold, does not exist."""

    code = "checkpoint_not_found"


class CheckpointDamaged(CheckpointError):
    """A file of the checkpoint is cut off, altered or otherwise not what it should be."""

    code = "checkpoint_damaged"


class CheckpointUnsupported(CheckpointError):
    """The checkpoint is sound but was made for another format version or another encoder."""

    code = "checkpoint_unsupported"


class EncoderUnavailable(SummarizerError):
    """The encoder needs a package or a model folder that is not installed here."""

    code = "encoder_unavailable"


class CorpusError(SummarizerError):
    """Files of articles, their columns or the folder for their scores are not what they should be."""

    code = "corpus_error"
