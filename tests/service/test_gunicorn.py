"""A real gunicorn with two workers, as `make serve` runs it."""

import json
import os
import re
import runpy
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.service.conftest import ROOT, Server, start, wait_until_ready

ARTICLE = (
    "The council cut the budget. 😀 Nobody came! The river is at the bridge."
    " It was said. A storm for the city."
)


def evaluate(server: Server, body: bytes, content_type: str = "text/plain") -> tuple[int, dict]:
    answer = server.request("POST", "/api/evaluate", body, Content_Type=content_type)
    return answer.status, answer.json


def send_raw(server: Server, request: bytes) -> bytes:
    """What the server says to these bytes, after which nothing follows."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def workers(server: Server) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def test_both_workers_give_the_library_s_scores_to_the_last_digit(server, summarizer):
    expected = summarizer.evaluate(ARTICLE).as_dict()
    for _ in range(20):
        assert evaluate(server, ARTICLE.encode()) == (200, expected)
        assert evaluate(server, json.dumps({"text": ARTICLE}).encode(), "application/json") == (200, expected)


COUNTING = """
import torch
from flask import Flask

def app():
    counting = Flask(__name__)
    counting.get("/readyz")(lambda: str(torch.get_num_threads()))
    return counting
"""


def test_each_worker_computes_with_its_share_of_the_cores(tiny_checkpoint, tmp_path):
    (tmp_path / "counting.py").write_text(COUNTING)
    unset = {"OMP_NUM_THREADS": None, "MKL_NUM_THREADS": None}
    server = start(tiny_checkpoint, tmp_path / "log", "counting:app()", PYTHONPATH=str(tmp_path), **unset)
    wait_until_ready(server)
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    assert len(workers(server)) == 2
    assert {server.request("GET", "/readyz").body.decode() for _ in range(10)} == {share}
    server.stop()


@pytest.mark.parametrize("concurrency", ["0", ""])
def test_thread_counts_of_the_operator_stay_and_zero_workers_means_one_a_core(monkeypatch, concurrency):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MKL_NUM_THREADS", "5")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    monkeypatch.setenv("WEB_CONCURRENCY", concurrency)
    settings = runpy.run_path(str(ROOT / "service" / "gunicorn.conf.py"))
    assert settings["workers"] == len(os.sched_getaffinity(0))
    assert settings["preload_app"] is False
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("7", "5")


def test_health_and_readiness_answer(server):
    assert server.request("GET", "/healthz").status == 200
    assert server.request("GET", "/readyz").status == 200


def test_a_body_over_the_limit_is_refused_and_the_refusal_arrives(server):
    for size in (100_001, 10_000_000):
        status, found = evaluate(server, b"x" * size)
        assert (status, found["code"]) == (413, "body_too_large")
        assert "100000 bytes" in found["detail"]


def test_a_chunked_body_over_the_limit_is_refused_too(server):
    chunks = (b"word " * 2000 for _ in range(100))
    answer = server.request("POST", "/api/evaluate", chunks, Content_Type="text/plain")
    assert answer.status == 413, answer.body[:300]
    assert answer.json["code"] == "body_too_large"


def test_a_chunked_body_within_the_limit_is_read(server, summarizer):
    chunks = (ARTICLE.encode()[start : start + 7] for start in range(0, len(ARTICLE.encode()), 7))
    answer = server.request("POST", "/api/evaluate", chunks, Content_Type="text/plain")
    assert (answer.status, answer.json) == (200, summarizer.evaluate(ARTICLE).as_dict())


def test_unknown_addresses_methods_and_kinds_are_problems(server):
    for method, path, kind, status in [
        ("GET", "/api/nowhere", "text/plain", 404),
        ("PUT", "/api/evaluate", "text/plain", 405),
        ("POST", "/api/evaluate", "application/pdf", 415),
    ]:
        answer = server.request(method, path, b"x", Content_Type=kind)
        assert answer.status == status
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == status


def test_the_log_holds_the_request_id_but_nothing_of_the_article(server):
    answer = server.request("POST", "/api/evaluate", b"Confidential budget.", Content_Type="text/plain")
    request_id = answer.headers["X-Request-ID"]
    deadline = time.monotonic() + 5
    while request_id not in (log := server.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert re.search(rf"POST /api/evaluate 200 .* id={request_id}", log)
    assert "Confidential" not in log


@pytest.mark.parametrize(
    "framing",
    [
        b"Transfer-Encoding: chunked\r\n\r\nConfidential\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nabConfidential0\r\n\r\n",
        b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"Content-Length: 50\r\n\r\nIt was.",
    ],
    ids=["no size", "no line end", "cut chunk", "cut body"],
)
def test_a_body_that_is_malformed_or_cut_off_is_a_400_and_leaves_no_trace(server, framing):
    head = b"POST /api/evaluate HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    answer = send_raw(server, head + framing)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"incomplete_body"' in answer
    log = server.log.read_text()
    assert "Confidential" not in log
    assert "Traceback" not in log


def test_a_path_cannot_write_a_line_of_its_own_into_the_log(server):
    server.request("GET", "/api/x%0AFORGED%1b", X_Request_ID="forger")
    send_raw(server, b"GET / HTTP/9.9\r\n\r\n")  # refused before it has a path
    deadline = time.monotonic() + 5
    while "id=forger" not in (log := server.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert re.search(r"GET /api/x%0AFORGED%1B 404 .* id=forger", log)
    assert "\nFORGED" not in log


def test_a_killed_worker_is_replaced(server):
    os.kill(workers(server)[0], signal.SIGKILL)
    deadline = time.monotonic() + 30
    while len(workers(server)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(workers(server)) == 2
    assert evaluate(server, ARTICLE.encode())[0] == 200


def test_sigterm_finishes_and_stops(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log")
    wait_until_ready(server)
    assert server.stop() == 0


def test_a_damaged_checkpoint_stops_the_server_with_one_clear_line(tiny_checkpoint, tmp_path):
    damaged = Path(shutil.copytree(tiny_checkpoint, tmp_path / "damaged"))
    (damaged / "model.safetensors").write_bytes(b"")
    server = start(damaged, tmp_path / "log", WEB_CONCURRENCY="1")
    assert server.process.wait(timeout=60) == 3
    log = server.log.read_text()
    assert re.search(
        r"CRITICAL\] cannot start: .*damaged/model.safetensors is not the file that was saved", log
    )
    assert "Traceback" not in log


def test_an_unknown_setting_stops_the_server_by_name(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1", SUMMARIZER_MAX_SENTENCE="5")
    assert server.process.wait(timeout=60) == 3
    log = server.log.read_text()
    assert "SUMMARIZER_MAX_SENTENCE is not a setting; did you mean SUMMARIZER_MAX_SENTENCES?" in log
    assert "Traceback" not in log
