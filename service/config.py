"""Settings of the service, read once from the environment."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

PREFIX = "SUMMARIZER_"

# Longer than anybody waits. Much larger values overflow the system's clock, which would fail mid-request.
_DAY = 24 * 60 * 60

# Browsers leave these ports out, so that an origin with one of them never matches.
_DEFAULT_PORT = re.compile(r"http://.*:80|https://.*:443", re.IGNORECASE)
_ORIGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[a-zA-Z0-9.-]+(:[0-9]{1,5})?")

LogLevel = Literal["debug", "info", "warning", "error", "critical"]


class ConfigError(Exception):
    """A setting is unknown or has an impossible value; the message names it and never contains a key."""


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """Each field is set by the environment variable ``SUMMARIZER_`` + its name in capitals.

    :ivar checkpoint: folder of a trained model; by default the one shipped with the package.
    :ivar max_body_bytes: largest request body.
    :ivar max_sentences: most sentences in an article.
    :ivar max_articles: most articles in one batch request.
    :ivar deadline_seconds: from when the application first sees a request (gunicorn has then read its
        headers) to its answer; a request that takes longer is a 503. Keep it shorter than gunicorn's
        ``graceful_timeout``, the time that a worker has to finish when it is stopped.
    :ivar read_seconds: time for a client to send the whole request, and to receive a piece of the answer.
    :ivar queue_articles: articles that may wait or be in work in one worker process; beyond that, a request
        is an immediate 503. Should be several times ``max_articles``, or one batch shuts everybody else out.
    :ivar batch_sentences: most sentences that the engine scores together; a longer article is scored alone.
    :ivar batch_wait_ms: how long an idle engine waits for more articles after the first; 0 means no wait.
    :ivar pin_workers: whether each worker stays on one core if there are at least as many workers as cores.
    :ivar cache_bytes: size of the cache of answers in each worker process, in bytes; 0 turns it off.
    :ivar api_keys: if there are any, requests under ``/api`` and to ``/metrics`` need one; in the variable,
        separated by commas or white space. Never shown.
    :ivar api_keys_file: file with more keys.
    :ivar rate_limit: as in ``60/minute``, for each key, or for each address without one; none by default.
    :ivar trusted_proxies: number of proxies in front of the service whose ``X-Forwarded-For`` gives the
        address that the rate limit counts; 0 ignores the header, which any caller can forge.
    :ivar cors_origins: origins whose pages may call the API, or ``*``; none by default. Separated like keys.
    :ivar metrics: whether ``/metrics`` answers.
    :ivar log_level: lowest severity in the error log.
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

        :raises ConfigError: a variable is not a setting, or its value is not a possible one.
        """
        names = {PREFIX + field.name.upper(): field.name for field in fields(cls)}
        given = {name: value for name, value in environment.items() if name.startswith(PREFIX) and value}
        for name in sorted(given.keys() - names.keys()):
            close = difflib.get_close_matches(
                name.removeprefix(PREFIX), [n.removeprefix(PREFIX) for n in names]
            )
            hint = (
                f"; did you mean {PREFIX}{close[0]}?"
                if close
                else f"; the settings are: {', '.join(sorted(names))}"
            )
            raise ConfigError(f"{name} is not a setting{hint}")
        values: dict[str, Any] = {}
        for name, value in given.items():
            values[names[name]] = _READERS.get(names[name], _whole_number)(name, value)
        return cls(**values)

    @property
    def limits(self) -> dict[str, int]:
        """Limits for callers, as ``/api/model`` shows them."""
        return {
            "body_bytes": self.max_body_bytes,
            "sentences": self.max_sentences,
            "articles": self.max_articles,
            "seconds": self.deadline_seconds,
        }

    def read_api_keys(self) -> frozenset[str]:
        """The keys of the setting and of the file together; empty if requests need no key.

        :raises ConfigError: the file cannot be read, or contains no keys.
        """
        if self.api_keys_file is None:
            return frozenset(self.api_keys)
        try:
            found = _parts(self.api_keys_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            # The message of a decoding error would quote the file.
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise ConfigError(
                f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} cannot be read: {reason}"
            ) from None
        if not found:
            raise ConfigError(
                f"{PREFIX}API_KEYS_FILE: {self.api_keys_file} contains no keys; write one per line"
            )
        return frozenset(self.api_keys + found)


def _whole_number(name: str, value: str, least: int = 1, most: int = 10**12) -> int:
    # Digits are counted first: Python refuses to parse thousands of them.
    if not (value.isascii() and value.isdigit() and len(value) <= 18 and least <= int(value) <= most):
        raise ConfigError(f"{name} must be a whole number from {least} to {most}; got {value[:100]!r}")
    return int(value)


def _path(_name: str, value: str) -> Path:
    return Path(value)


def _parts(value: str) -> tuple[str, ...]:
    return tuple(part for part in re.split(r"[,\s]+", value) if part)


def _list(name: str, value: str) -> tuple[str, ...]:
    # As "${KEY1},${KEY2}" becomes if neither is set. Read as "no keys", it would open the service to anyone.
    if not (found := _parts(value)):
        raise ConfigError(f"{name} contains only separators; leave it empty for none")
    return found


def _origins(name: str, value: str) -> tuple[str, ...]:
    found = _list(name, value)
    for origin in found:
        if origin != "*" and (not _ORIGIN.fullmatch(origin) or _DEFAULT_PORT.fullmatch(origin)):
            raise ConfigError(
                f"{name} must be * for all, or origins as browsers send them, such as https://news.example or"
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


# How each field is read from its variable; all other fields are whole numbers of at least 1.
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
