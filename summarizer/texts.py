"""Checks of texts before they are split into sentences, for the library and the client."""

from collections.abc import Iterator
from contextlib import contextmanager

from summarizer.errors import EmptyText, InputError, InvalidText


def check_text(text: str, *field: str | int) -> None:
    """Refuse what is not text.

    :param field: the input field that an error names.
    :raises EmptyText: the text is empty or only white space.
    :raises InvalidText: it contains a lone surrogate.
    :raises InputError: it is not a string.
    """
    check_unicode(text, *field)
    if not text.strip():
        raise EmptyText("the text is empty or only white space; send at least one sentence", *field)


def check_unicode(text: str, *field: str | int) -> None:
    """Refuse what UTF-8 cannot encode.

    :param field: the input field that an error names.
    :raises InvalidText: the text contains a lone surrogate.
    :raises InputError: it is not a string.
    """
    if not isinstance(text, str):
        raise InputError(f"an article or a sentence must be a string; got {type(text).__name__}", *field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidText(
            "the text is not well-formed Unicode: it contains a lone surrogate"
            f" (U+{ord(text[error.start]):04X}) at position {error.start}; remove or repair it",
            *field,
        ) from None


def check_several(texts: object, name: str) -> None:
    """Refuse one string where a list is expected: it would pass for a list of its characters.

    :param name: name of the list, for the message.
    :raises InputError: it is a string.
    """
    if isinstance(texts, str):
        raise InputError(f"{name} must be a list of strings; got one string: put it into a list", name)


@contextmanager
def in_article(index: int) -> Iterator[None]:
    """Add a note to an InputError that says which of several articles it is about."""
    try:
        yield
    except InputError as error:
        error.add_note(f"in the article at position {index}")
        raise
