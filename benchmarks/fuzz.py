"""Sends bad requests to the service and looks for answers that must not be.

``python benchmarks/fuzz.py --requests 20000 [--url http://host:port]``; without a URL it starts the service
as ``make serve`` does. Counts answers by status. An answer of 500 or more other than 503, a well-formed
request without an answer, or one without an answer within the deadline is a failure: it is printed with the
seed and the number that send it again (``--seed S --only N``), and the exit status is 1.
"""

import argparse
import gzip
import json
import random
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as hypothesis_seed
from schemathesis import Case, GenerationMode
from serving import service

# A well-formed request of each kind, which is then spoiled.
TEXT = (
    "The council cut the budget. 😀 Nobody came! “It was said,” she wrote. The bridge stays closed.\n\n" * 3
)
HTML = f"<!doctype html><title>t</title><article><h1>t</h1><p>{TEXT}</p><ul><li>{TEXT}</ul></article>"
EVALUATE = {"text": TEXT, "summary": {"sentences": 2}, "order": "score", "index_unit": "utf16"}
BATCH = {
    "articles": [{"id": "a", "text": TEXT}, {"id": "b", "sentences": ["One.", "Two."], "order": "score"}]
}
PARAMETERS = ("sentences", "words", "ratio", "threshold", "order", "redundancy", "index_unit", "text", "x")
KINDS = ("text/plain", "application/json", "text/html")
ODD_KINDS = (
    "text/plain; charset=latin-1",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
    "application/json;;;=",
    "\xff",
    "",
)
ODD_VALUES: tuple[object, ...] = (
    None, True, 0, -1, 1e308, 10**400, 0.1, "", " ", "\0", "\ud800", "9" * 5000, [], {}, [[]], "utf16", "mmr",
)  # fmt: skip
ODD_NUMBERS = ("NaN", "1e999", "-0", "0x1", "1_0", "9" * 5000, "٣", "null", "true", "", " 1", "1.0", "[1]")


class Request(NamedTuple):
    """What goes over the wire.

    :ivar pieces: sent one after the other.
    :ivar whole: whether it is a complete HTTP request, which must have an answer.
    """

    kind: str
    pieces: list[bytes]
    whole: bool = True


class Failure(NamedTuple):
    """An answer that must not be, and how to get it again."""

    what: str
    again: str


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--url", help="of a service that runs; without it, one is started")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="send the request of this number alone and show the answer")
    parser.add_argument("--deadline", type=float, default=45, help="seconds in which an answer must come")
    parser.add_argument("--threads", type=int, default=8)
    arguments = parser.parse_args()
    with running(arguments.url) as url:
        if arguments.only is not None:
            print(send(url, request(arguments.seed, arguments.only), arguments.deadline))
            return 0
        by_hand = arguments.requests * 3 // 4
        began = time.monotonic()
        counts: Counter[str] = Counter()
        failures: list[Failure] = []
        with ThreadPoolExecutor(arguments.threads) as threads:
            numbers = range(by_hand)
            tried = threads.map(lambda n: attempt(url, arguments.seed, n, arguments.deadline), numbers)
            for outcome, failure in tried:
                counts[outcome] += 1
                failures += [failure] if failure else []
        from_document(url, arguments.requests - by_hand, arguments.seed, counts, failures)
        if not is_up(url, "/healthz"):
            failures.append(Failure("the service does not answer any more", "all of it"))
        seconds = time.monotonic() - began
    print(f"{counts.total()} requests in {seconds:.0f} s, seed {arguments.seed}")
    for outcome, count in sorted(counts.items()):
        print(f"{count:8d}  {outcome}")
    for failure in failures:
        print(f"FAILED: {failure.what}\n  again: {failure.again}")
    return 1 if failures else 0


@contextmanager
def running(url: str | None) -> Iterator[str]:
    """The URL of a service: the one given, or one that runs as long as the block."""
    if url is not None:
        yield url.rstrip("/")
        return
    with service() as started:
        yield f"http://127.0.0.1:{started.port}"
        written = started.written
        if "Traceback" in written or '"trace"' in written:
            print("there are traces in the log:\n" + written[written.find("Traceback") :][:3000])


def is_up(url: str, path: str) -> bool:
    """Whether this address answers that all is well."""
    ask = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    return send(url, Request("health", [ask]), 10).startswith("HTTP/1.1 200")


def attempt(url: str, seed: int, number: int, deadline: float) -> tuple[str, Failure | None]:
    """Send one request and judge the answer."""
    sent = request(seed, number)
    answer = send(url, sent, deadline)
    found = re.match(r"(?:HTTP/1.1 100 .*?\r\n\r\n)?HTTP/1\.[01] (\d+)", answer, re.DOTALL)
    status = int(found[1]) if found else 0
    code = re.search(r'"code":"(\w+)"', answer)
    outcome = " ".join([str(status), *code.groups()] if code else [str(status) if status else answer])
    wrong = (
        answer == "no answer in time"
        or (answer == "closed without an answer" and sent.whole)
        or (status >= 500 and status != 503)
    )
    again = f"--seed {seed} --only {number}"
    return outcome, Failure(f"{sent.kind}: {answer[:500]}", again) if wrong else None


def send(url: str, sent: Request, deadline: float) -> str:
    """Everything that the server says to a request, or what happened instead."""
    address = urlsplit(url)
    until = time.monotonic() + deadline
    answer = b""
    try:
        with socket.create_connection(
            (address.hostname or "", address.port or 80), timeout=deadline
        ) as connection:
            try:
                for piece in sent.pieces:
                    connection.sendall(piece)
                if not sent.whole:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # answered before all was sent
            while time.monotonic() < until:
                connection.settimeout(max(0.01, until - time.monotonic()))
                piece = connection.recv(65536)
                if not piece:
                    return answer.decode("utf-8", "replace") or "closed without an answer"
                answer += piece
    except TimeoutError:
        pass
    except OSError as error:
        return answer.decode("utf-8", "replace") or (
            "closed without an answer" if sent.pieces else str(error)
        )
    return "no answer in time"


def request(seed: int, number: int) -> Request:
    """The same for the same seed and number."""
    chance = random.Random(f"{seed} {number}")  # noqa: S311  # nothing secret
    if number % 100 == 0:
        hostile = HOSTILE[number // 100 % len(HOSTILE)]
        return hostile(chance)
    return chance.choices((bad_json, bad_query, bad_headers, bad_bytes, bad_frame), (5, 3, 3, 4, 3))[0](
        chance
    )


def http(
    chance: random.Random,
    body: bytes,
    kind: str,
    *,
    path: str = "/api/evaluate",
    more: str = "",
    method: str = "POST",
) -> list[bytes]:
    """A well-formed request, in one or more pieces."""
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\n{more}"
    if chance.random() < 0.2:
        chunks = [body[start : start + 999] for start in range(0, len(body), 999)]
        framed = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
        return [(head + "Transfer-Encoding: chunked\r\n\r\n").encode("latin-1"), framed]
    return [(head + f"Content-Length: {len(body)}\r\n\r\n").encode("latin-1"), body]


def bad_json(chance: random.Random) -> Request:
    """JSON of the right kind in which something was exchanged."""
    batch = chance.random() < 0.4
    content = json.loads(json.dumps(BATCH if batch else EVALUATE))
    for _ in range(chance.randint(1, 3)):
        spoil(chance, content)
    body = json.dumps(content).encode()
    if chance.random() < 0.2:
        body = mutated(chance, body)
    path = "/api/evaluate/batch" if batch else "/api/evaluate"
    return Request("json", http(chance, body, "application/json", path=path))


def spoil(chance: random.Random, content: object) -> None:
    """Exchange, add or remove something somewhere in it."""
    while True:
        keys = list(content) if isinstance(content, dict) else list(range(len(content)))  # type: ignore[arg-type]
        if not keys:
            return
        key = chance.choice(keys)
        inner = content[key]  # type: ignore[index]
        if not isinstance(inner, dict | list) or chance.random() < 0.3:
            break
        content = inner
    action = chance.random()
    if action < 0.6:
        content[key] = chance.choice(ODD_VALUES)  # type: ignore[index]
    elif action < 0.8:
        del content[key]  # type: ignore[attr-defined]
    elif isinstance(content, dict):
        content[chance.choice((*PARAMETERS, "id", "articles", "\0", "a/~b"))] = chance.choice(ODD_VALUES)


def bad_query(chance: random.Random) -> Request:
    """Parameters that are unknown, repeated, of the wrong type, or no text."""
    pairs = []
    for _ in range(chance.randint(1, 4)):
        value = chance.choice((*ODD_NUMBERS, "1", "0.5", "score", "%ff", "%00", "%", "+", "a=b", "😀"))
        pairs.append(f"{chance.choice(PARAMETERS)}={value if chance.random() < 0.3 else quote(value)}")
    query = "&".join(pairs).replace(" ", "+").encode().decode("latin-1")[:3900]
    kind = chance.choice(KINDS)
    body = {"text/plain": TEXT, "text/html": HTML, "application/json": json.dumps(EVALUATE)}[kind].encode()
    return Request("query", http(chance, body, kind, path=f"/api/evaluate?{query}"))


def bad_headers(chance: random.Random) -> Request:
    """Headers, methods and addresses that do not fit."""
    more = "".join(
        chance.choice(
            (
                f"Content-Encoding: {chance.choice(('gzip', 'br', 'identity', 'x' * 500))}\r\n",
                f"X-Request-ID: {chance.choice(('a b', 'x' * 300, chr(233), 'ok-1'))}\r\n",
                f"Authorization: {chance.choice(('Bearer', 'Basic x', 'Bearer ' + 'k' * 3000))}\r\n",
                "X-API-Key: \r\n",
                "Origin: null\r\n",
                "Expect: 100-continue\r\n",
                f"Accept: {chance.choice(('text/html', '*/*;q=x', chr(255)))}\r\n",
                f"X-Forwarded-For: {'1.2.3.4, ' * chance.randint(0, 99)}\r\n",
                f"Range: bytes={chance.randint(-9, 9)}-\r\n",
                f"Cookie: {'a=b; ' * chance.randint(0, 99)}\r\n",
            )
        )
        for _ in range(chance.randint(1, 4))
    )
    path = chance.choice(
        ("/api/evaluate", "/api/evaluate/batch", "/api/model", "/api//evaluate", "/api/%00", "/api/%ff",
         "/api/x" * 99,
         "/openapi.json", "/docs", "/metrics", "/healthz", "/readyz", "/", "/../etc/passwd", "/api/evaluate/")
    )  # fmt: skip
    method = chance.choice(("POST", "POST", "GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"))
    kind = chance.choice(KINDS + ODD_KINDS)
    return Request("headers", http(chance, TEXT.encode(), kind, path=path, more=more, method=method))


def bad_bytes(chance: random.Random) -> Request:
    """Bodies that were altered, and bodies of chance."""
    kind = chance.choice(KINDS)
    seeds = {
        "text/plain": TEXT,
        "text/html": HTML,
        "application/json": json.dumps(chance.choice((EVALUATE, BATCH))),
    }
    body = (
        mutated(chance, seeds[kind].encode())
        if chance.random() < 0.8
        else chance.randbytes(chance.randint(0, 3000))
    )
    path = chance.choice(("/api/evaluate", "/api/evaluate", "/api/evaluate/batch"))
    return Request("bytes", http(chance, body, kind, path=path))


def bad_frame(chance: random.Random) -> Request:
    """Requests that are cut off, or whose framing is wrong."""
    head = "POST /api/evaluate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    body = TEXT.encode()
    way = chance.randrange(5)
    if way == 0:
        frame = f"{head}Content-Length: {len(body) + chance.choice((-9, 9, 10**6))}\r\n\r\n".encode() + body
    elif way == 1:
        size = chance.choice((b"zz", b"-1", b"ffffffffffffffffff", b"5;x=y", b" 5", b"", b"0x5"))
        frame = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + size + b"\r\n" + body
    elif way == 2:
        length = chance.choice(("x", "-1", "9" * 30, "+5", "5, 5", ""))
        frame = f"{head}Content-Length: {length}\r\n\r\n".encode() + body
    elif way == 3:
        frame = mutated(chance, f"{head}Content-Length: {len(body)}\r\n\r\n".encode()) + body
    else:
        whole = b"".join(http(chance, body, "text/plain"))
        frame = whole[: chance.randrange(len(whole))]
    return Request("frame", [frame], whole=False)


def mutated(chance: random.Random, body: bytes) -> bytes:
    """Bytes cut, doubled, exchanged or inserted in a few places."""
    changed = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(changed) + 1)
        end = min(len(changed), start + chance.randint(0, 30))
        changed[start:end] = chance.choice(
            (b"", bytes(changed[start:end]) * 2, chance.randbytes(end - start), b"\0", b"\xed\xa0\x80",
             b"\xef\xbb\xbf",
             b"{", b"]", b'"', b"\\", b"<div>", b"\xe2\x80\xae", b"&#0;", b"1e999", b"\\ud800")
        )  # fmt: skip
    return bytes(changed)


def _stalls(_chance: random.Random) -> Request:
    head = "POST /api/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n"
    return Request("stalls", [head.encode()])


def _large(
    kind: str, make: Callable[[], bytes], more: str = "", path: str = "/api/evaluate"
) -> Callable[..., Request]:
    return lambda chance: Request(f"large {kind}", http(chance, make(), kind, more=more, path=path))


# What was named as hostile when the service was planned, and what is slow for its parts.
HOSTILE: tuple[Callable[[random.Random], Request], ...] = (
    _large("text/plain", lambda: b"x" * 10_000_000),
    _large("text/plain", lambda: b"word " * 200_000),
    _large("text/plain", lambda: b"a. " * 300_000),
    _large("text/plain", lambda: b"." * 1_000_000),
    _large("text/plain", lambda: bytes(range(32)) * 30_000),
    _large("application/json", lambda: json.dumps({"sentences": ["a"] * 100_000}).encode()),
    _large("application/json", lambda: b"[" * 1_000_000),
    _large("application/json", lambda: b'{"text":' * 100_000),
    _large("application/json", lambda: b'{"text": ' + b"9" * 1_000_000 + b"}"),
    _large("application/json", lambda: b'{"text": "' + b"\\ud83d" * 100_000 + b'"}'),
    _large("application/json", lambda: json.dumps({str(number): 1 for number in range(80_000)}).encode()),
    _large(
        "application/json", lambda: b'{"articles": [' + b"[]," * 300_000 + b"[]]}", path="/api/evaluate/batch"
    ),
    _large("text/plain", lambda: gzip.compress(bytes(100_000_000)), more="Content-Encoding: gzip\r\n"),
    _large("text/html", lambda: b"<div>" * 200_000),
    _large("text/html", lambda: b"<p>a" * 250_000),
    _large("text/html", lambda: b"<p " + b" ".join(b"a%d" % number for number in range(120_000)) + b">"),
    _large("text/html", lambda: b"<" * 1_000_000),
    _stalls,
)


def from_document(url: str, requests: int, seed: int, counts: Counter[str], failures: list[Failure]) -> None:
    """Let schemathesis make requests from the service's own description, right and wrong ones."""
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    for path in ("/api/evaluate", "/api/evaluate/batch"):
        for mode in GenerationMode:

            @hypothesis_seed(seed)
            @settings(
                max_examples=max(1, requests // 4),
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(document[path]["POST"].as_strategy(generation_mode=mode))
            def try_one(case: Case[Any]) -> None:
                status = case.call().status_code
                counts[str(status)] += 1
                if status >= 500 and status != 503:
                    failures.append(Failure(f"from the document: {status}", case.as_curl_command()))

            try_one()


if __name__ == "__main__":
    sys.exit(main())
