"""Settings of the service, read once from the environment."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

PREFIX = "SUMMARIZER_"


class ConfigError(Exception):
    """A setting is unknown or has an impossible value; the message names it."""


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Each field is the environment variable ``SUMMARIZER_`` + its name in capitals.

    :ivar checkpoint: folder of a trained model; the one shipped with the package by default.
    :ivar max_body_bytes: largest request body.
    :ivar max_sentences: most sentences in an article.
    """

    checkpoint: Path | None = None
    max_body_bytes: int = 1024 * 1024
    max_sentences: int = 5000

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServiceConfig":
        """Read the variables that start with ``SUMMARIZER_``; an empty one counts as not set.

        :raises ConfigError: a variable that is no setting, or a value that is no whole number of at least 1.
        """
        names = {PREFIX + field.name.upper(): field.name for field in fields(cls)}
        given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
        for name in sorted(given.keys() - names.keys()):
            close = difflib.get_close_matches(
                name.removeprefix(PREFIX), [n.removeprefix(PREFIX) for n in names]
            )
            hint = (
                f"; did you mean {PREFIX}{close[0]}?" if close else f"; known are {', '.join(sorted(names))}"
            )
            raise ConfigError(f"{name} is not a setting{hint}")
        values: dict[str, Path | int] = {}
        for name, value in given.items():
            values[names[name]] = Path(value) if names[name] == "checkpoint" else _count(name, value)
        return cls(**values)  # type: ignore[arg-type]

    @property
    def limits(self) -> dict[str, int]:
        """What callers must keep to, as ``/api/model`` shows it."""
        return {"body_bytes": self.max_body_bytes, "sentences": self.max_sentences}


def _count(name: str, value: str) -> int:
    # Eighteen digits are more than any limit needs, and Python refuses to read some thousands.
    if not (value.isascii() and value.isdigit() and len(value) <= 18 and int(value) >= 1):
        raise ConfigError(f"{name} must be a whole number of at least 1; got {value[:100]!r}")
    return int(value)
