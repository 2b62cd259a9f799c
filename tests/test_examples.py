"""The examples, run as their readers would, against a real gunicorn."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from summarizer import Evaluation, Summarizer, SummaryOptions
from summarizer.client import Client, ServiceError
from tests.service.conftest import ROOT, Server, start, wait_until_ready

KEY = "key-for-the-examples"
# With characters that Python counts once and JavaScript twice.
ARTICLE = (
    "The council cut the budget. 😀😀 Nobody came! The river is at the bridge. It was said. A storm for all."
)
OPTIONS = SummaryOptions(sentences=2, order="score")

EXAMPLES = {
    "evaluate.sh": ["sh", "examples/evaluate.sh"],
    "evaluate.py": [sys.executable, "examples/evaluate.py"],
    "evaluate.mjs": ["node", "examples/evaluate.mjs"],
}


@pytest.fixture(scope="module")
def server(tiny_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start(
        tiny_checkpoint,
        tmp_path_factory.mktemp("examples") / "log",
        SUMMARIZER_API_KEYS=KEY,
        WEB_CONCURRENCY="1",
    )
    wait_until_ready(running)
    yield running
    running.stop()


@pytest.fixture
def url(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
def expected(summarizer: Summarizer) -> Evaluation:
    return summarizer.evaluate(ARTICLE, OPTIONS)


def run(
    example: str, url: str, article: str, folder: Path, key: str = KEY
) -> subprocess.CompletedProcess[str]:
    command = EXAMPLES[example]
    if shutil.which(command[0]) is None or (example == "evaluate.sh" and shutil.which("curl") is None):
        pytest.skip(f"{command[0]} or curl is not installed")
    (folder / "article.txt").write_text(article, encoding="utf-8", newline="")
    return subprocess.run(
        [*command, url, str(folder / "article.txt")],
        cwd=ROOT,
        env={**os.environ, "API_KEY": key},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )


def test_every_example_is_run_here():
    assert {file.name for file in (ROOT / "examples").iterdir() if file.is_file()} == set(EXAMPLES)


def test_curl_prints_the_answer(url, expected, tmp_path):
    done = run("evaluate.sh", url, ARTICLE, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == expected.as_dict()


def test_python_prints_the_best_sentences(url, expected, tmp_path):
    done = run("evaluate.py", url, ARTICLE, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{s.score:.3f} {s.start}-{s.end} {s.text}" for s in expected.selected
    ]


def test_python_prints_places_in_the_file_though_its_lines_end_as_on_windows(url, summarizer, tmp_path):
    article = ARTICLE.replace(". ", ".\r\n\r\n")
    done = run("evaluate.py", url, article, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{s.score:.3f} {s.start}-{s.end} {s.text}" for s in summarizer.evaluate(article, OPTIONS).selected
    ]


def test_javascript_cuts_the_same_sentences_from_its_own_string(url, expected, tmp_path):
    done = run("evaluate.mjs", url, ARTICLE, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = [line.split(" ", 2) for line in done.stdout.splitlines()]
    assert [(score, text) for score, _, text in found] == [
        (f"{s.score:.3f}", s.text) for s in expected.selected
    ]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_refusal_is_shown_and_ends_the_example_with_a_failure(url, tmp_path, example):
    for article, key, code in [(" ", KEY, "empty_text"), (ARTICLE, "wrong", "unauthorized")]:
        done = run(example, url, article, tmp_path, key)
        assert done.returncode != 0
        assert code in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


class Busy(BaseHTTPRequestHandler):
    """Refuses the first request, answers the second, and then is a proxy without a service."""

    answers: ClassVar[list[tuple[int, str, bytes]]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, kind, body = self.answers.pop(0)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: standard error is looked at."""


@pytest.fixture
def busy() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_refusal_that_is_followed_by_an_answer_is_not_shown(busy, expected, tmp_path, example):
    problem = {"status": 503, "code": "queue_full", "detail": "the queue is full", "request_id": "r1"}
    refused = 503, "application/problem+json", json.dumps(problem).encode()
    answered = 200, "application/json", json.dumps(expected.as_dict()).encode()
    Busy.answers = [refused, answered]
    done = run(example, busy, ARTICLE, tmp_path)
    assert done.returncode == 0
    assert "queue_full" not in done.stdout
    if example == "evaluate.sh":
        assert json.loads(done.stdout) == expected.as_dict()


@pytest.mark.parametrize("example", EXAMPLES)
def test_what_a_proxy_answers_is_shown_by_its_status(busy, tmp_path, example):
    Busy.answers = [(502, "text/html", b"<h1>Bad Gateway</h1>")]
    done = run(example, busy, ARTICLE, tmp_path)
    assert done.returncode != 0
    assert "502" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("example", EXAMPLES)
def test_without_arguments_the_usage_is_shown(example):
    if shutil.which(EXAMPLES[example][0]) is None:
        pytest.skip(f"{EXAMPLES[example][0]} is not installed")
    done = subprocess.run(EXAMPLES[example], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert f"examples/{example}" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_client_and_the_library_say_the_same_of_every_kind_of_article(url, summarizer):
    client = Client(url, api_key=KEY)
    assert client.evaluate(ARTICLE, OPTIONS) == summarizer.evaluate(ARTICLE, OPTIONS)
    own = ["The council cut the budget.", "A storm for the city."]
    assert client.evaluate_sentences(own) == summarizer.evaluate_sentences(own)
    good, bad = client.evaluate_many([ARTICLE, " "], OPTIONS)
    assert good == summarizer.evaluate(ARTICLE, OPTIONS)
    assert isinstance(bad, ServiceError)
    assert (bad.status, bad.code) == (422, "empty_text")
    page = f"<html><body><article><h1>News</h1><p>{ARTICLE}</p><p>{ARTICLE}</p></article></body></html>"
    of_page = client.evaluate_html(page, OPTIONS)
    assert of_page == summarizer.evaluate(of_page.text, OPTIONS)
    assert client.model()["model"]["sha256"] == summarizer.model.sha256


def test_the_client_s_errors_name_the_field(url):
    with pytest.raises(ServiceError) as raised:
        Client(url, api_key=KEY).evaluate_sentences(["Fine.", ""])
    assert raised.value.code == "empty_text"
    assert [error["pointer"] for error in raised.value.errors] == ["/sentences/1"]
