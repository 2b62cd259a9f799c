"""What is refused as text before anything looks at its sentences, by the library and by the client."""

from collections.abc import Iterator
from contextlib import contextmanager

from summarizer.errors import EmptyText, InputError, InvalidText


def check_text(text: str, *field: str | int) -> None:
    """Refuse what is not text.

    :raises EmptyText: nothing but white space.
    :raises InvalidText: a lone surrogate.
    :raises InputError: not a string.
    """
    check_unicode(text, *field)
    if not text.strip():
        raise EmptyText("the text is empty or white space; send at least one sentence", *field)


def check_unicode(text: str, *field: str | int) -> None:
    """Refuse what UTF-8 cannot encode.

    :raises InvalidText: a lone surrogate.
    :raises InputError: not a string.
    """
    if not isinstance(text, str):
        raise InputError(f"an article or a sentence must be a string; got {type(text).__name__}", *field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidText(
            f"the text is not well-formed Unicode: a lone surrogate"
            f" (U+{ord(text[error.start]):04X}) at position {error.start}; remove or repair it",
            *field,
        ) from None


def check_several(texts: object, name: str) -> None:
    """Refuse one string where several are meant: it would be taken for as many as it has characters.

    :param name: of the list.
    :raises InputError: it is a string.
    """
    if isinstance(texts, str):
        raise InputError(f"{name} must be a list of strings; got one string; put it into a list", name)


@contextmanager
def in_article(position: int) -> Iterator[None]:
    """Note on an error about one of several articles which of them it is about."""
    try:
        yield
    except InputError as error:
        error.add_note(f"in the article at position {position}")
        raise
