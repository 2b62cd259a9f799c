"""The exceptions of the library.

::

    SummarizerError
    ├── InputError (also a ValueError)      the article or an option cannot be used as sent
    │   ├── EmptyText                       only white space
    │   ├── NoSentences                     no letter or digit
    │   ├── NoArticle                       an HTML page without an article, or with too much markup
    │   ├── InvalidText                     not well-formed Unicode (a lone surrogate)
    │   ├── TooManySentences                more sentences than this summarizer accepts
    │   └── InvalidOption                   an option is invalid, or two budgets are given
    ├── CheckpointError                     a checkpoint folder cannot be used
    │   ├── CheckpointNotFound              the folder or one of its files is missing
    │   ├── CheckpointDamaged               a file does not match the checkpoint's config
    │   └── CheckpointUnsupported           made for another format or another encoder
    ├── EncoderUnavailable                  the encoder's package or model is not available
    └── CorpusError                         a corpus cannot be read or scored as requested

Each class has a stable, machine-readable ``code``. The message is human-readable: what is wrong, the limit
or the expected value, and what to do.
"""

from typing import ClassVar


class SummarizerError(Exception):
    """Root of the tree above."""

    code: ClassVar[str] = "summarizer_error"


class InputError(SummarizerError, ValueError):
    """The article or an option cannot be used as it was sent.

    Raised itself for a value of the wrong type, such as one string instead of a list of strings.

    :ivar field: path to the invalid part of the input, as names and indices: ``("text",)``,
        ``("sentences", 3)``, ``("words",)``.
    """

    code = "invalid_input"

    def __init__(self, message: str, *field: str | int) -> None:
        super().__init__(message)
        self.field = field


class EmptyText(InputError):
    """The article, or one of the caller's own sentences, is empty or only white space."""

    code = "empty_text"


class NoSentences(InputError):
    """The article contains no letter or digit, so there is no sentence to score."""

    code = "no_sentences"


class NoArticle(InputError):
    """An HTML page has no main text, or too much markup."""

    code = "no_article"


class InvalidText(InputError):
    """The article is not well-formed Unicode."""

    code = "invalid_text"


class TooManySentences(InputError):
    """The article has more sentences than the limit."""

    code = "too_many_sentences"


class InvalidOption(InputError):
    """An option has the wrong type or is out of range, or two budgets are given."""

    code = "invalid_option"


class CheckpointError(SummarizerError):
    """A checkpoint folder cannot be used."""

    code = "checkpoint_error"


class CheckpointNotFound(CheckpointError):
    """The checkpoint folder, or a file that it must contain, does not exist."""

    code = "checkpoint_not_found"


class CheckpointDamaged(CheckpointError):
    """A file of the checkpoint is truncated, altered or otherwise invalid."""

    code = "checkpoint_damaged"


class CheckpointUnsupported(CheckpointError):
    """The checkpoint is intact, but was made for another format version or another encoder."""

    code = "checkpoint_unsupported"


class EncoderUnavailable(SummarizerError):
    """The encoder needs a package or a model that is not available."""

    code = "encoder_unavailable"


class CorpusError(SummarizerError):
    """The files of a corpus, their columns or the output folder cannot be used, or a run had to stop."""

    code = "corpus_error"
