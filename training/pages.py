"""HTML pages that need nothing but themselves: no script, no file, no network."""

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# What HTML may not hold, though a text may.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")


def render(name: str, filters: dict[str, Any] | None = None, **values: object) -> str:
    """A page out of ``templates/NAME.html.jinja``; everything in it is escaped, control characters replaced.

    :param filters: name in the template -> function of a value.
    """
    environment = Environment(
        loader=PackageLoader("training", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters or {}
    return _CONTROL.sub("\ufffd", environment.get_template(f"{name}.html.jinja").render(**values))
