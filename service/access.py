"""Who may call, how often and from which pages; and the security headers of every answer."""

import hashlib
import hmac
import logging
import math
import os
import sqlite3
import time
from collections.abc import Collection
from ipaddress import IPv6Address, ip_address

from flask import Flask, Response, request
from flask_cors import CORS
from limits import RateLimitItem, parse_many
from limits.strategies import FixedWindowRateLimiter
from werkzeug.middleware.proxy_fix import ProxyFix

from service.config import ConfigError, ServiceConfig
from service.errors import REQUEST_ID_HEADER, problem
from service.rates import RATES_FILE, SharedStorage
from service.record import record_of

API_KEY_HEADER = "X-API-Key"

_log = logging.getLogger(__name__)

# Answers contain other people's text and must be neither cached nor framed. Pages override what they need to.
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

# Limits of a rate limit; the database of counts has none for larger numbers.
MOST_REQUESTS, LONGEST_PERIOD_SECONDS = 10**12, 366 * 24 * 60 * 60

# How long a browser may cache the answer to a preflight request.
PREFLIGHT_SECONDS = 600


def register(app: Flask, config: ServiceConfig) -> None:
    """Check keys and rates before each request, and add headers to each answer.

    :raises ConfigError: the keys cannot be read, or the rate is invalid.
    """
    gate = Gate(
        config.read_api_keys(),
        None if config.rate_limit is None else _rate(config.rate_limit),
        os.environ.get(RATES_FILE, ":memory:"),
    )
    if config.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=config.trusted_proxies, x_proto=0)  # type: ignore[method-assign]
    app.before_request(gate.check)
    app.after_request(_add_security_headers)
    if config.cors_origins:
        CORS(
            app,
            resources={r"/(api/.*|openapi\.json)": {"origins": list(config.cors_origins)}},
            methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", API_KEY_HEADER, REQUEST_ID_HEADER],
            expose_headers=["Retry-After", REQUEST_ID_HEADER],
            max_age=PREFLIGHT_SECONDS,
            send_wildcard="*" in config.cors_origins,
        )


class Gate:
    """Guards everything under /api, and /metrics, which reveals how much the service is used.

    The health checks, the page and the API description reveal nothing and are open to everybody.

    :param keys: if there are any, a request needs one of them. Only digests are kept.
    :param rate: limit for each key, or for each address without one; None for no limit.
    :param rates_file: where requests are counted.
    """

    def __init__(
        self, keys: Collection[str], rate: RateLimitItem | None, rates_file: str = ":memory:"
    ) -> None:
        self._digests = [_digest(key.encode()) for key in keys]
        self._rate = rate
        self._limiter = None if rate is None else FixedWindowRateLimiter(SharedStorage(rates_file))

    def check(self) -> Response | None:
        """Refuse the current request, or return None to let it pass."""
        in_api = request.path == "/api" or request.path.startswith("/api/")
        # Browsers send no key with a preflight request.
        if request.method == "OPTIONS" or not (in_api or request.path == "/metrics"):
            return None
        digest = self._known_key()
        # Callers without a valid key are counted too, which makes guessing slow.
        unauthorized = bool(self._digests) and digest is None
        if (in_api or unauthorized) and (refusal := self._count(digest)) is not None:
            return refusal
        if unauthorized:
            return _unauthorized(_given_key())
        return None

    def _known_key(self) -> bytes | None:
        """The digest of the request's key; None if the key is missing or unknown."""
        given = _given_key()
        if given is None:
            return None
        digest, found = _digest(given), None
        for known in self._digests:  # all of them, so that timing reveals nothing
            if hmac.compare_digest(digest, known):
                found = known
        return found

    def _count(self, digest: bytes | None) -> Response | None:
        if self._rate is None or self._limiter is None:
            return None
        caller = _network(request.remote_addr or "") if digest is None else digest.hex()
        try:
            if self._limiter.hit(self._rate, caller):
                return None
            reset_time = self._limiter.get_window_stats(self._rate, caller).reset_time
        except sqlite3.Error as error:  # a disk that is full: rather too many requests than none
            _log.warning("requests are not counted, and pass without a rate limit: %s", error)
            return None
        record_of(request.environ).rejected = "rate_limited"
        seconds = max(1, math.ceil(reset_time - time.time()))
        detail = f"the limit is {self._rate}; try again in {seconds} s"
        return problem(429, "rate_limited", detail, retry_after=seconds)


def _given_key() -> bytes | None:
    """The key as it was sent: headers are bytes, which WSGI decodes as Latin-1."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and credentials.strip():
        return credentials.strip().encode("latin-1")
    key = request.headers.get(API_KEY_HEADER)
    return None if key is None else key.encode("latin-1")


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


def _unauthorized(key: bytes | None) -> Response:
    record_of(request.environ).rejected = "unauthorized"
    wrong = "no API key was sent" if key is None else "the API key is unknown"
    detail = f"{wrong}; send one as Authorization: Bearer KEY or {API_KEY_HEADER}: KEY"
    answer = problem(401, "unauthorized", detail)
    answer.headers["WWW-Authenticate"] = 'Bearer realm="quote-summarizer"'
    return answer


def _network(address: str) -> str:
    """The address; for IPv6, its /64 network, because that belongs to one subscriber.

    :param address: as the connection or a proxy gives it: perhaps with a port, perhaps IPv4 written as IPv6.
    """
    try:
        parsed = ip_address(_without_port(address))
    except ValueError:  # a Unix socket has no address
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def _without_port(address: str) -> str:
    """Some proxies write ``1.2.3.4:5678`` and ``[::1]:5678``; a bare IPv6 address contains colons too."""
    if address.startswith("["):
        return address[1:].partition("]")[0]
    host, _, port = address.partition(":")
    return host if port.isdecimal() else address


def _rate(text: str) -> RateLimitItem:
    try:
        (rate,) = parse_many(text)
        if not (1 <= rate.amount <= MOST_REQUESTS and rate.get_expiry() <= LONGEST_PERIOD_SECONDS):
            raise ValueError
    except ValueError:
        raise ConfigError(
            "SUMMARIZER_RATE_LIMIT must be a number of requests per period of at most a year, as in"
            f" 60/minute; got {text[:100]!r}"
        ) from None
    return rate


def _add_security_headers(answer: Response) -> Response:
    for name, value in SECURITY_HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer
