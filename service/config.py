"""Settings of the service, read once from the environment."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

PREFIX = "SUMMARIZER_"

# Longer than anybody waits. The system's clock has a last day, and a sum beyond it fails in mid-request.
_DAY = 24 * 60 * 60

_ORIGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[a-zA-Z0-9.-]+(:[0-9]{1,5})?")

LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class ConfigError(Exception):
    """A setting is unknown or has an impossible value; the message names it, and never repeats a key."""


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Each field is the environment variable ``SUMMARIZER_`` + its name in capitals.

    :ivar checkpoint: folder of a trained model; the one shipped with the package by default.
    :ivar max_body_bytes: largest request body.
    :ivar max_sentences: most sentences in an article.
    :ivar max_articles: most articles in one batch request.
    :ivar deadline_seconds: from the first byte of a request to its answer; what takes longer is a 503.
        Shorter than the time that gunicorn gives a worker to finish when it stops.
    :ivar read_seconds: for a client to send all of a request, and to take a piece of the answer.
    :ivar queue_articles: articles that may wait or be in work in one worker process; with so many there,
        a request is a 503 at once. Several times ``max_articles``, or one batch turns everybody else away.
    :ivar batch_sentences: most sentences that the engine scores together; a longer article is scored alone.
    :ivar batch_wait_ms: how long an idle engine waits for company of the first article; 0 for not at all.
    :ivar pin_workers: whether each worker stays on one core where there are at least as many workers as
        cores.
    :ivar cache_bytes: room for answers in each worker process, in bytes; 0 keeps none.
    :ivar api_keys: with one or more, requests under ``/api`` need one of them; in the variable, separated by
        commas or white space. Never shown.
    :ivar api_keys_file: more of them, from a file.
    :ivar rate_limit: as in ``60/minute``, for each key or else each address; no limit by default.
    :ivar trusted_proxies: proxies in front of the service, whose ``X-Forwarded-For`` then tells the address
        that a rate is counted for; 0 for none, where the header is whatever a caller likes.
    :ivar cors_origins: origins whose pages may call the API, or ``*``; none by default. Separated as keys.
    :ivar metrics: whether ``/metrics`` answers.
    :ivar log_level: the least severe messages of the error log.
    """

    checkpoint: Path | None = None
    max_body_bytes: int = 1024 * 1024
    max_sentences: int = 5000
    max_articles: int = 64
    deadline_seconds: int = 30
    read_seconds: int = 20
    queue_articles: int = 256
    batch_sentences: int = 512
    batch_wait_ms: int = 0
    pin_workers: bool = True
    cache_bytes: int = 32 * 1024 * 1024
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    api_keys_file: Path | None = None
    rate_limit: str | None = None
    trusted_proxies: int = 0
    cors_origins: tuple[str, ...] = ()
    metrics: bool = True
    log_level: LogLevel = "info"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ServiceConfig":
        """Read the variables that start with ``SUMMARIZER_``; an empty one counts as not set.

        :raises ConfigError: a variable that is no setting, or a value that it cannot have.
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
        values: dict[str, Any] = {}
        for name, value in given.items():
            values[names[name]] = _READERS.get(names[name], _whole_number)(name, value)
        return cls(**values)

    @property
    def limits(self) -> dict[str, int]:
        """What callers must keep to, as ``/api/model`` shows it."""
        return {
            "body_bytes": self.max_body_bytes,
            "sentences": self.max_sentences,
            "articles": self.max_articles,
            "seconds": self.deadline_seconds,
        }

    def read_api_keys(self) -> frozenset[str]:
        """The keys of the setting and of the file together; empty where none are asked for.

        :raises ConfigError: the file cannot be read, or holds no key.
        """
        if self.api_keys_file is None:
            return frozenset(self.api_keys)
        try:
            found = _parts(self.api_keys_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            # The message of a decoding error would repeat what is in the file.
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError(
                f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} cannot be read: {reason}"
            ) from None
        if not found:
            raise ConfigError(f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} holds no key; put one on a line")
        return frozenset(self.api_keys + found)


def _whole_number(name: str, value: str, least: int = 1, most: int = 10**12) -> int:
    # Digits are counted first: Python refuses to read some thousands of them.
    if not (value.isascii() and value.isdigit() and len(value) <= 18 and least <= int(value) <= most):
        raise ConfigError(f"{name} must be a whole number from {least} to {most}; got {value[:100]!r}")
    return int(value)


def _path(_name: str, value: str) -> Path:
    return Path(value)


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", value) if part)


def _list(name: str, value: str) -> tuple[str, ...]:
    # As "${KEY1},${KEY2}" becomes where neither is set. Taken as "no keys", it would open the service to all.
    if not (found := _parts(value)):
        raise ConfigError(f"{name} is set and names nothing; leave it empty where there shall be none")
    return found


def _origins(name: str, value: str) -> tuple[str, ...]:
    found = _list(name, value)
    for origin in found:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise ConfigError(
                f"{name} must be * for all, or origins as browsers send them, as in https://news.example or"
                f" http://localhost:3000, without a path or wildcard; got {origin[:100]!r}"
            )
    return found


def _text(_name: str, value: str) -> str:
    return value


def _choice(name: str, value: str, choices: tuple[str, ...]) -> str:
    if value.lower() not in choices:
        raise ConfigError(f"{name} must be one of {', '.join(choices)}; got {value[:100]!r}")
    return value.lower()


def _switch(name: str, value: str) -> bool:
    return _choice(name, value, ("1", "0", "true", "false", "yes", "no", "on", "off")) in (
        "1",
        "true",
        "yes",
        "on",
    )


def _log_level(name: str, value: str) -> str:
    return _choice(name, value, get_args(LogLevel))


# How a field is read from its variable; all others are whole numbers of at least 1.
_READERS: Mapping[str, Callable[[str, str], object]] = {
    "checkpoint": _path,
    "deadline_seconds": partial(_whole_number, most=_DAY),
    "read_seconds": partial(_whole_number, most=_DAY),
    "batch_wait_ms": partial(_whole_number, least=0, most=60_000),
    "cache_bytes": partial(_whole_number, least=0),
    "trusted_proxies": partial(_whole_number, least=0),
    "api_keys": _list,
    "api_keys_file": _path,
    "rate_limit": _text,
    "cors_origins": _origins,
    "metrics": _switch,
    "pin_workers": _switch,
    "log_level": _log_level,
}
