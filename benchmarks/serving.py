"""A gunicorn of one's own to measure, as ``make serve`` starts it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from articles import first_texts
from memory import children

ROOT = Path(__file__).parent.parent
ARTICLES = 1000


@dataclass
class Service:
    """One that runs and is ready."""

    process: subprocess.Popen[bytes]
    port: int
    log: BinaryIO

    @property
    def written(self) -> str:
        """Its log so far."""
        return os.pread(self.log.fileno(), os.fstat(self.log.fileno()).st_size, 0).decode(errors="replace")

    @property
    def workers(self) -> list[int]:
        """Process ids, the oldest first."""
        return children(self.process.pid)

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, body


@contextmanager
def service(application: str = "service.server:app()", **environment: str) -> Iterator[Service]:
    """Start it, wait until it is ready, and stop it in the end.

    :param application: another one to run with the same gunicorn.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {**os.environ, "HOST": "127.0.0.1", "PORT": str(port), **environment}
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        "service/gunicorn.conf.py",
        application,
    ]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=log, stderr=log)  # noqa: S603
        running = Service(process, port, log)
        try:
            _wait_until_ready(running)
            yield running
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _wait_until_ready(running: Service) -> None:
    for _ in range(600):
        try:
            if running.get("/readyz")[0] == 200:
                return
        except OSError:
            time.sleep(0.1)
        if running.process.poll() is not None:
            sys.exit(f"the service does not start:\n{running.written}")
    sys.exit(f"the service was not ready within a minute:\n{running.written}")


def as_body(text: str) -> bytes:
    """The JSON body of a request."""
    return json.dumps({"text": text}).encode()


def as_batch_body(texts: Sequence[str]) -> bytes:
    """The JSON body of a request with several articles."""
    return json.dumps({"articles": [{"id": str(at), "text": text} for at, text in enumerate(texts)]}).encode()


def bodies(corpus: Path) -> list[bytes]:
    """JSON bodies of requests with the first articles of a corpus."""
    return [as_body(text) for text in first_texts(corpus, ARTICLES)]
