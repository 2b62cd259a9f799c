"""Self-contained HTML pages: no script, no other file, no network."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# Allowed in a text, but neither in HTML nor in XML.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def render(name: str, filters: dict[str, Any] | None = None, **values: object) -> str:
    """A page from ``templates/NAME.html.jinja``, with everything escaped and control characters replaced.

    :param filters: name in the template -> function of a value.
    """
    environment = Environment(
        loader=PackageLoader("training", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"counted": counted, **(filters or {})}
    return without_control(environment.get_template(f"{name}.html.jinja").render(**values))


def without_control(text: str) -> str:
    """The text with every control character replaced by the replacement character."""
    return _CONTROL.sub("\ufffd", text)


def counted(number: int, noun: str) -> str:
    """A number with its noun.

    >>> counted(1, "article"), counted(2, "article")
    ('1 article', '2 articles')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
