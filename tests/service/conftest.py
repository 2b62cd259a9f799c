import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from service import ServiceConfig, create_app
from summarizer import Summarizer

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def app(tiny_checkpoint: Path) -> Flask:
    config = ServiceConfig(
        checkpoint=tiny_checkpoint, max_body_bytes=20_000, max_sentences=50, max_articles=8
    )
    return create_app(config, Summarizer.load(tiny_checkpoint, max_sentences=50))


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running gunicorn."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> "Answer":
        connection = self.connect()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named, encode_chunked=not isinstance(body, bytes | None))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def start(
    checkpoint: Path, log: Path, application: str = "service.server:app()", **environment: str | None
) -> Server:
    """Start gunicorn as the Makefile does, without waiting for it; variables that are None are not set."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        **os.environ,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "WEB_CONCURRENCY": "2",
        "SUMMARIZER_CHECKPOINT": str(checkpoint),
        **environment,
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "gunicorn",
                "--config",
                "service/gunicorn.conf.py",
                application,
            ],
            cwd=ROOT,
            env={name: value for name, value in settings.items() if value is not None},
            stdout=stream,
            stderr=stream,
        )
    return Server(process, port, log)


@pytest.fixture(scope="session")
def server(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(
        tiny_checkpoint, tmp_path_factory.mktemp("server") / "log", SUMMARIZER_MAX_BODY_BYTES="100000"
    )
    wait_until_ready(running)
    yield running
    running.stop()


def wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            if server.request("GET", "/readyz").status == 200:
                return
        except OSError:
            pass
        assert server.process.poll() is None, server.log.read_text()
        assert time.monotonic() < deadline, server.log.read_text()
        time.sleep(0.1)
