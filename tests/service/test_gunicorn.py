"""A real gunicorn with two workers, as `make serve` runs it."""

import contextlib
import json
import os
import re
import runpy
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO

import pytest

from service.master import MARKER, WORKSPACE, Refused, Workspace, _check, _copy
from tests.service.conftest import ROOT, Server, start, wait_until_ready
from tests.tiny import make_checkpoint

ARTICLE = (
    "The council cut the budget. 😀 Nobody came! The river is at the bridge."
    " It was said. A storm for the city."
)


def evaluate(server: Server, body: bytes, content_type: str = "text/plain") -> tuple[int, dict]:
    answer = server.request("POST", "/api/evaluate", body, Content_Type=content_type)
    return answer.status, answer.json


def send_raw(server: Server, request: bytes) -> bytes:
    """The server's answer to these bytes, after which nothing is sent."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return connection.makefile("rb").read()


def entries(server: Server) -> list[dict]:
    return [json.loads(line) for line in server.log.read_text().splitlines()]


def wait_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers(server: Server) -> list[int]:
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text()
    return [int(pid) for pid in children.split()]


def test_both_workers_give_the_library_s_scores_to_the_last_digit(server, summarizer):
    expected = summarizer.evaluate(ARTICLE).as_dict()
    for _ in range(20):
        assert evaluate(server, ARTICLE.encode()) == (200, expected)
        assert evaluate(server, json.dumps({"text": ARTICLE}).encode(), "application/json") == (200, expected)


COUNTING = """
import numpy
from flask import Flask
from threadpoolctl import threadpool_info

def app():
    counting = Flask(__name__)
    counting.get("/readyz")(lambda: " ".join(str(pool["num_threads"]) for pool in threadpool_info()))
    return counting
"""


def test_each_worker_computes_with_its_share_of_the_cores(tiny_checkpoint, tmp_path):
    (tmp_path / "counting.py").write_text(COUNTING)
    unset = {"OMP_NUM_THREADS": None, "MKL_NUM_THREADS": None}
    server = start(tiny_checkpoint, tmp_path / "log", "counting:app()", PYTHONPATH=str(tmp_path), **unset)
    wait_until_ready(server)
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    wait_until(lambda: len(workers(server)) == 2)
    assert {server.request("GET", "/readyz").body.decode() for _ in range(10)} == {share}
    server.stop()


@pytest.mark.parametrize("pinned", ["true", "false"])
def test_as_many_workers_as_cores_are_pinned_to_one_core_each(tiny_checkpoint, tmp_path, pinned):
    cores = os.sched_getaffinity(0)
    server = start(
        tiny_checkpoint,
        tmp_path / "log",
        WEB_CONCURRENCY=str(len(cores)),
        SUMMARIZER_PIN_WORKERS=pinned,
    )
    wait_until_ready(server)
    wait_until(lambda: len(workers(server)) == len(cores))
    expected = [{core} for core in sorted(cores)] if pinned == "true" else [cores] * len(cores)
    wait_until(lambda: sorted(map(os.sched_getaffinity, workers(server)), key=min) == expected)
    server.stop()


@pytest.mark.parametrize(
    ("host", "port", "bind"),
    [
        ("", "", "0.0.0.0:8000"),
        ("::", "81", "[::]:81"),
        ("[::1]", "81", "[::1]:81"),
        ("localhost", "81", "localhost:81"),
    ],
)
def test_an_empty_host_or_port_is_the_default_and_ipv6_is_written_as_it_is(monkeypatch, host, port, bind):
    monkeypatch.setenv("HOST", host)
    monkeypatch.setenv("PORT", port)
    assert runpy.run_path(str(ROOT / "service" / "gunicorn.conf.py"))["bind"] == bind


@pytest.mark.parametrize("concurrency", ["0", ""])
def test_thread_counts_of_the_operator_are_kept_and_zero_workers_means_one_per_core(monkeypatch, concurrency):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MKL_NUM_THREADS", "5")
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "true")
    monkeypatch.setenv("WEB_CONCURRENCY", concurrency)
    settings = runpy.run_path(str(ROOT / "service" / "gunicorn.conf.py"))
    assert settings["workers"] == len(os.sched_getaffinity(0))
    assert settings["preload_app"] is False
    assert (os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"]) == ("7", "5")


def test_there_are_more_threads_than_articles_may_wait_and_only_a_named_proxy_is_trusted(monkeypatch):
    monkeypatch.setenv("SUMMARIZER_QUEUE_ARTICLES", "100")
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    settings = runpy.run_path(str(ROOT / "service" / "gunicorn.conf.py"))
    assert settings["threads"] > 100
    assert settings["forwarded_allow_ips"] == "127.0.0.1"
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "10.0.0.7")
    settings = runpy.run_path(str(ROOT / "service" / "gunicorn.conf.py"))
    assert settings["forwarded_allow_ips"] == "10.0.0.7"


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


def test_the_log_contains_the_request_id_but_nothing_of_the_article(server):
    answer = server.request("POST", "/api/evaluate", b"Confidential budget.", Content_Type="text/plain")
    request_id = answer.headers["X-Request-ID"]
    deadline = time.monotonic() + 5
    while request_id not in (log := server.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    (line,) = [entry for entry in entries(server) if entry.get("request_id") == request_id]
    assert (line["method"], line["route"], line["status"]) == ("POST", "/api/evaluate", 200)
    assert (line["bytes_in"], line["bytes_out"], line["sentences"]) == (20, len(answer.body), 1)
    assert line["stages"].keys() == {"parse", "split", "queue", "encode", "score", "select", "json"}
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
    while "forger" not in (log := server.log.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    (line,) = [entry for entry in entries(server) if entry.get("request_id") == "forger"]
    assert (line["path"], line["route"], line["status"]) == ("/api/x%0AFORGED%1B", "", 404)
    assert "\nFORGED" not in log


def test_the_master_runs_no_thread_that_a_worker_would_miss(server):
    assert len(list(Path(f"/proc/{server.process.pid}/task").iterdir())) == 1


def test_metrics_of_all_workers_are_added_up(server):
    def counted() -> float:
        text = server.request("GET", "/metrics").body.decode()
        return float(re.search(r"^summarizer_sentences_total (\S+)$", text, re.MULTILINE)[1])

    before = counted()
    for number in range(20):
        assert evaluate(server, f"It was {number} of the year. He said so.".encode())[0] == 200
    assert {counted() for _ in range(10)} == {before + 40}


def test_connections_that_send_nothing_take_no_thread(server):
    silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(300)]
    began = time.monotonic()
    assert server.request("GET", "/healthz").status == 200
    assert time.monotonic() - began < 4  # gunicorn alone would give each of them a thread for five seconds
    for connection in silent:
        connection.close()


REQUEST = (
    b"POST /api/evaluate HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b"
)


def read_answer(connection: BinaryIO) -> tuple[bytes, dict]:
    """Status line and content of the next answer."""
    status, headers = connection.readline(), {}
    while line := connection.readline().strip():
        name, _, value = line.lower().partition(b": ")
        headers[name] = value
    return status, json.loads(connection.read(int(headers[b"content-length"])))


def test_requests_on_one_connection_are_answered_in_turn_at_once_or_after_a_pause(server):
    texts = [f"Number {place} is here. {ARTICLE}".encode() for place in range(8)]
    requests = [REQUEST % (len(text), text) for text in texts]
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        answers = connection.makefile("rb")
        connection.sendall(requests[0] + requests[1])  # the second before the first is answered
        found = [read_answer(answers), read_answer(answers)]
        for pause, request in zip([0, 0, 0.1, 0, 0.1, 0], requests[2:], strict=True):
            time.sleep(pause)
            connection.sendall(request)
            found.append(read_answer(answers))
    assert {status for status, _ in found} == {b"HTTP/1.1 200 OK\r\n"}
    assert [content["sentences"][0]["text"] for _, content in found] == [
        f"Number {place} is here." for place in range(8)
    ]


def sockets(pid: int) -> int:
    count = 0
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            count += str(file.readlink()).startswith("socket:")
    return count


def shares(server: Server) -> list[int]:
    """How many of sixteen simultaneous connections each worker takes."""
    connections = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(16)]
    for connection in connections:  # an answered connection has been accepted
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with connection.makefile("rb") as answer:
            read_answer(answer)
    during = [sockets(pid) for pid in workers(server)]
    for connection in connections:
        connection.close()
    wait_until(lambda: sum(map(sockets, workers(server))) <= sum(during) - 16)
    return [former - sockets(pid) for pid, former in zip(workers(server), during, strict=True)]


def test_simultaneous_connections_are_shared_among_the_workers(server):
    # If other work keeps the cores busy, a worker may sleep through a round.
    assert statistics.median(min(shares(server)) for _ in range(9)) >= 4


def test_more_connections_than_threads_all_have_their_turn(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log", GUNICORN_CMD_ARGS="--workers 1 --threads 2")
    wait_until_ready(server)
    answered, stop = [0] * 6, time.monotonic() + 5

    def ask(place: int) -> None:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            answers = connection.makefile("rb")
            while time.monotonic() < stop and min(answered) < 20:
                connection.sendall(REQUEST % (len(ARTICLE.encode()), ARTICLE.encode()))
                read_answer(answers)
                answered[place] += 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(ask, range(6)))
    assert min(answered) >= 20
    server.stop()


def test_a_client_that_sends_drop_by_drop_is_refused_when_its_time_is_up(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1", SUMMARIZER_READ_SECONDS="1")
    wait_until_ready(server)
    head = b"POST /api/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
    for beginning in (b"POST /api", head + b"Content-Length: 50\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(beginning)
            began = time.monotonic()
            connection.settimeout(0.2)
            answer = None
            while answer is None and time.monotonic() - began < 10:
                with contextlib.suppress(TimeoutError):
                    answer = connection.recv(4096)
                with contextlib.suppress(OSError):
                    connection.sendall(b"x")
            assert answer is not None
            assert answer == b"" if beginning == b"POST /api" else answer.startswith(b"HTTP/1.1 4")
    assert "Traceback" not in server.log.read_text()
    assert '"trace"' not in server.log.read_text()
    server.stop()


class Traffic:
    """Successive requests, each on its own connection, from several threads."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(4)
        self._asking = [self._pool.submit(self._ask) for _ in range(4)]

    def _ask(self) -> list[object]:
        outcomes: list[object] = []
        while not self._stop.is_set():
            try:
                outcomes.append(evaluate(self._server, ARTICLE.encode())[0])
            except (OSError, HTTPException) as error:  # no connection, or one that broke in the answer
                outcomes.append(error)
        return outcomes

    def stop(self) -> list[object]:
        self._stop.set()
        return [outcome for asked in self._asking for outcome in asked.result()]


def test_a_worker_killed_under_load_is_replaced_and_costs_only_what_it_held(server):
    wait_until(lambda: len(workers(server)) == 2)
    traffic = Traffic(server)
    victim = workers(server)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: len(workers(server)) == 2 and victim not in workers(server))
    time.sleep(1)
    outcomes = traffic.stop()
    failed = [outcome for outcome in outcomes if outcome != 200]
    assert len(failed) <= 4  # one for each thread that asked
    assert len(outcomes) > len(failed)


def test_under_load_a_new_checkpoint_is_loaded_and_a_damaged_one_is_refused(tiny_checkpoint, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny_checkpoint, folder)
    server = start(folder, tmp_path / "log")
    wait_until_ready(server)
    first = server.request("GET", "/readyz").json["model"]

    def models() -> set[str]:
        return {server.request("GET", "/readyz").json["model"] for _ in range(8)}

    traffic = Traffic(server)
    shutil.rmtree(folder)
    make_checkpoint(folder, width=6)
    wait_until(lambda: len(workers(server)) == 2)
    old = set(workers(server))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(workers(server)) == 2 and not old & set(workers(server)))
    (second,) = models()
    assert second != first

    (folder / "model.safetensors").write_bytes(b"")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "not reloaded" in server.log.read_text())
    assert models() == {second}
    assert set(traffic.stop()) == {200}
    (refusal,) = [entry["message"] for entry in entries(server) if "not reloaded" in entry["message"]]
    assert f"{folder}/model.safetensors is not the file that was saved" in refusal

    victim = workers(server)[0]
    os.kill(victim, signal.SIGKILL)  # its replacement does not get the damaged one either
    wait_until(lambda: len(workers(server)) == 2 and victim not in workers(server))
    assert models() == {second}
    assert server.stop() == 0


def test_the_cores_are_shared_evenly_after_a_reload_too(tiny_checkpoint, tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("there is one core")
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY=str(len(cores)))
    wait_until_ready(server)

    def pinned() -> list[set[int]]:
        return sorted(map(os.sched_getaffinity, workers(server)), key=min)

    wait_until(lambda: pinned() == [{core} for core in cores])
    old = set(workers(server))
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: len(workers(server)) == len(cores) and not old & set(workers(server)))
    wait_until(lambda: pinned() == [{core} for core in cores])
    for victim in workers(server):
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda victim=victim: len(workers(server)) == len(cores) and victim not in workers(server))
        wait_until(lambda: pinned() == [{core} for core in cores])
    server.stop()


def test_a_replaced_worker_has_the_keys_that_were_read_at_the_start(tiny_checkpoint, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first-key")
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1", SUMMARIZER_API_KEYS_FILE=str(keys))
    wait_until_ready(server)

    def status(key: str) -> int:
        return server.request("GET", "/api/model", X_API_Key=key).status

    assert (status("first-key"), status("second-key")) == (200, 401)
    keys.write_text("")  # as while it is being written
    victim = workers(server)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: workers(server) and victim not in workers(server))
    assert (status("first-key"), status("second-key")) == (200, 401)
    keys.write_text("second-key")
    old = workers(server)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: workers(server) and not set(old) & set(workers(server)))
    assert (status("first-key"), status("second-key")) == (401, 200)
    assert server.stop() == 0


def test_a_client_that_keeps_an_answered_connection_open_holds_nobody_up(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1")
    wait_until_ready(server)
    kept = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(8)]
    for connection in kept:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    for connection in kept:
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    began = time.monotonic()
    assert server.request("GET", "/healthz").status == 200
    assert time.monotonic() - began < 1.5  # each of the eight would take two seconds of the accepting thread
    for connection in kept:
        connection.close()
    server.stop()


@pytest.fixture
def busy(tiny_checkpoint, tmp_path) -> Iterator[Server]:
    """One worker with room for one article, whose engine waits two seconds before it computes."""
    server = start(
        tiny_checkpoint,
        tmp_path / "log",
        WEB_CONCURRENCY="1",
        SUMMARIZER_QUEUE_ARTICLES="1",
        SUMMARIZER_BATCH_WAIT_MS="2000",
        SUMMARIZER_CACHE_BYTES="0",
    )
    wait_until_ready(server)
    evaluate(server, b"The first is not waited for.")
    yield server
    server.stop()


def wait_until_full(server: Server) -> None:
    wait_until(lambda: server.request("GET", "/readyz").status == 503)


def test_a_full_worker_says_so_at_once_and_stays_healthy(busy):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(evaluate, busy, b"It was the first.")
        wait_until_full(busy)
        answer = busy.request("POST", "/api/evaluate", b"No room.", Content_Type="text/plain")
        assert (answer.status, answer.json["code"]) == (503, "queue_full")
        assert int(answer.headers["Retry-After"]) >= 1
        assert busy.request("GET", "/healthz").status == 200
        assert "queue_articles 1.0" in busy.request("GET", "/metrics").body.decode()
        assert not first.done()
        assert first.result()[0] == 200
    assert busy.request("GET", "/readyz").status == 200
    assert (
        'summarizer_rejections_total{reason="queue_full"} 1.0'
        in busy.request("GET", "/metrics").body.decode()
    )


def test_sigterm_finishes_what_has_begun(busy):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(evaluate, busy, b"It was the first.")
        wait_until_full(busy)
        assert busy.stop() == 0
        assert first.result()[0] == 200


def test_while_the_service_stops_new_callers_are_refused_and_not_left_waiting(busy):
    with ThreadPoolExecutor() as pool:
        first = pool.submit(evaluate, busy, b"It was the first.")
        wait_until_full(busy)
        busy.process.send_signal(signal.SIGTERM)

        def refused() -> bool:
            try:
                socket.create_connection(("127.0.0.1", busy.port), timeout=1).close()
            except ConnectionRefusedError:
                return True
            return False

        wait_until(refused, seconds=1.5)
        assert not first.done()
        assert first.result()[0] == 200
    assert busy.process.wait(timeout=20) == 0


def test_the_article_of_a_client_that_goes_away_is_not_computed(busy):
    def batches() -> str:
        return re.search(r"batch_articles_count (\S+)", busy.request("GET", "/metrics").body.decode())[1]

    before = batches()
    with socket.create_connection(("127.0.0.1", busy.port)) as connection:
        connection.sendall(
            b"POST /api/evaluate HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
            b"Content-Length: 7\r\n\r\nIt was."
        )
        wait_until_full(busy)
    wait_until(lambda: busy.request("GET", "/readyz").status == 200)
    assert batches() == before
    assert 'reason="client_gone"} 1.0' in busy.request("GET", "/metrics").body.decode()


def test_sigterm_finishes_and_stops(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log")
    wait_until_ready(server)
    assert server.stop() == 0


def test_sigterm_stops_workers_that_have_hardly_begun(tiny_checkpoint, tmp_path):
    """The signal kills them, before the graceful_timeout that workers with requests have."""
    for attempt in range(3):
        log = tmp_path / f"log-{attempt}"
        server = start(tiny_checkpoint, log)
        wait_until(lambda log=log: "Booting worker" in log.read_text())
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 15


def test_a_damaged_checkpoint_stops_the_server_with_one_clear_line(tiny_checkpoint, tmp_path):
    damaged = Path(shutil.copytree(tiny_checkpoint, tmp_path / "damaged"))
    (damaged / "model.safetensors").write_bytes(b"")
    server = start(damaged, tmp_path / "log", WEB_CONCURRENCY="1")
    assert server.process.wait(timeout=60) == 3
    log = server.log.read_text()
    assert re.search(
        r'"critical", "message": "cannot start: .*/damaged/model.safetensors is not the file', log
    )
    assert "Traceback" not in log


def test_no_folder_for_copies_stops_the_server_with_one_clear_line(tiny_checkpoint, tmp_path):
    (tmp_path / "file").touch()
    # If TMPDIR is unusable, Python falls back to /tmp, the working folder and others: not here.
    code = (
        "import sys, tempfile, runpy; folder = sys.argv.pop();"
        "tempfile._candidate_tempdir_list = lambda: [folder];"
        "runpy.run_module('gunicorn', run_name='__main__')"
    )
    command = [sys.executable, "-c", code, "--config", "service/gunicorn.conf.py", "service.server:app()"]
    done = subprocess.run(
        [*command, str(tmp_path / "file" / "below")],
        cwd=ROOT,
        env={**os.environ, "PORT": "0", "SUMMARIZER_CHECKPOINT": str(tiny_checkpoint)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert "cannot start: no folder can be created for copies and counts" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_a_checkpoint_is_refused_without_being_copied(tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "large").touch()
    with pytest.raises(Refused, match=rf"{tmp_path}/models/config.json is missing"):
        _check(tmp_path / "models", tmp_path / "copy", (os.getuid(), os.getgid()))
    assert not (tmp_path / "copy").exists()


def test_workers_are_replaced_after_the_temporary_folder_was_emptied(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1", TMPDIR=str(tmp_path))
    wait_until_ready(server)
    (workspace,) = tmp_path.glob(f"{WORKSPACE}*")
    for path in workspace.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
    victim = workers(server)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: workers(server) and victim not in workers(server))
    assert evaluate(server, b"It is still there.")[0] == 200
    assert "metrics" in [path.name for path in workspace.iterdir()]
    assert server.stop() == 0
    assert not workspace.exists()


def test_metrics_have_their_room_on_disk_before_it_may_run_out(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="2", TMPDIR=str(tmp_path))
    wait_until_ready(server)
    wait_until(lambda: len(workers(server)) == 2)

    def have_room() -> bool:
        files = [file.stat() for file in tmp_path.glob(f"{WORKSPACE}*/metrics/*.db")]
        return len(files) >= 4 and all(file.st_blocks * 512 >= file.st_size > 0 for file in files)

    wait_until(have_room)
    assert server.stop() == 0


def test_folders_of_killed_masters_are_removed_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    owner = (os.getuid(), os.getgid())
    somebody_s = tmp_path / f"{WORKSPACE}notes"
    somebody_s.mkdir()
    killed = tmp_path / f"{WORKSPACE}killed"
    (killed / "metrics").mkdir(parents=True)
    (killed / MARKER).touch()
    living = Workspace(owner)
    assert not killed.exists()
    another = Workspace(owner)
    assert living.metrics.is_dir()
    assert somebody_s.is_dir()
    for workspace in (living, another):
        workspace.remove()
    assert list(tmp_path.iterdir()) == [somebody_s]


def test_a_checkpoint_that_cannot_be_copied_is_named_with_the_reason(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "config.json").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match=r"config.json cannot be copied to .* \(TMPDIR\): .*No such file"):
        _copy(source, tmp_path / "copy")


def test_an_unknown_setting_stops_the_server_by_name(tiny_checkpoint, tmp_path):
    server = start(tiny_checkpoint, tmp_path / "log", WEB_CONCURRENCY="1", SUMMARIZER_MAX_SENTENCE="5")
    assert server.process.wait(timeout=60) == 3
    log = server.log.read_text()
    assert "SUMMARIZER_MAX_SENTENCE is not a setting; did you mean SUMMARIZER_MAX_SENTENCES?" in log
    assert "Traceback" not in log
