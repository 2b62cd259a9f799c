import email.utils
import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from summarizer import InputError, InvalidText, Summarizer, SummaryOptions, client
from summarizer.client import Client, ServiceError, ServiceUnreachable

ARTICLE = "The council cut the budget. Nobody came! The river is at the bridge. 😀 It was said."


class Service:
    """Answers each request with the next of its answers, and the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, dict[str, str], bytes] | None] = []
        self.requests: list[tuple[str, str, dict[str, str], bytes]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                service.requests.append((self.command, self.path, dict(self.headers), body))
                answer = service.answers.pop(0) if len(service.answers) > 1 else service.answers[0]
                if answer is None:
                    return  # the connection ends without an answer
                status, headers, content = answer
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = answer  # noqa: N815

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, content: object, status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, json.dumps(content).encode()))

    def refuse(self, status: int, code: str, **headers: str) -> None:
        problem = {"status": status, "code": code, "detail": f"because of {code}", "request_id": "r1"}
        self.answer(problem, status, **headers)


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.close()


@pytest.fixture
def pauses(monkeypatch) -> list[float]:
    """The pauses that the client would have made."""
    made: list[float] = []
    monkeypatch.setattr(client.time, "sleep", made.append)
    return made


@pytest.fixture
def evaluated(summarizer: Summarizer) -> dict:
    return summarizer.evaluate(ARTICLE).as_dict()


def test_an_evaluation_is_the_one_that_the_library_gives(service, summarizer, evaluated):
    service.answer(evaluated)
    assert Client(service.url).evaluate(ARTICLE) == summarizer.evaluate(ARTICLE)


def test_what_a_newer_service_adds_does_not_matter(service, summarizer, evaluated):
    evaluated["model"]["licence"] = evaluated["sentences"][0]["tone"] = evaluated["more"] = "new"
    service.answer(evaluated)
    assert Client(service.url).evaluate(ARTICLE) == summarizer.evaluate(ARTICLE)


def test_article_options_and_key_are_sent_as_the_service_expects(service, evaluated):
    service.answer(evaluated)
    asked = Client(f"{service.url}/behind/a/proxy/", api_key="secret")
    asked.evaluate(ARTICLE, SummaryOptions(words=50, order="score", kind="news"))
    method, path, headers, body = service.requests[0]
    assert (method, path) == ("POST", "/behind/a/proxy/api/evaluate")
    assert (headers["Authorization"], headers["Content-Type"]) == ("Bearer secret", "application/json")
    assert json.loads(body) == {
        "text": ARTICLE,
        "summary": {"words": 50},
        "order": "score",
        "redundancy": "trigram",
        "kind": "news",
    }


def test_letters_of_every_alphabet_are_sent_in_as_few_bytes_as_the_service_counts(service, evaluated):
    service.answer(evaluated)
    text = "Совет урезал бюджет. 市议会削减了预算。 😀"
    Client(service.url).evaluate(text)
    _, _, _, body = service.requests[0]
    assert text.encode() in body


@pytest.mark.parametrize(
    ("method", "sent"),
    [
        ("evaluate", "It was \ud800 so."),
        ("evaluate_sentences", ["Fine.", "\udfff"]),
        ("evaluate_many", ["Fine.", "It was \ud800 so."]),
    ],
)
def test_text_that_is_none_is_refused_as_the_library_does_and_not_sent(service, summarizer, method, sent):
    raised = []
    for evaluator in (summarizer, Client(service.url)):
        with pytest.raises(InvalidText, match="lone surrogate") as caught:
            getattr(evaluator, method)(sent)
        error = caught.value
        raised.append((str(error), error.field, getattr(error, "__notes__", [])))
    assert raised[0] == raised[1]
    assert service.requests == []


@pytest.mark.parametrize(
    ("method", "field"), [("evaluate_sentences", "sentences"), ("evaluate_many", "texts")]
)
def test_a_string_is_not_taken_for_a_list_of_its_characters(service, summarizer, method, field):
    for evaluator in (summarizer, Client(service.url)):
        with pytest.raises(InputError, match=f"^{field} must be a list of strings; got one string") as caught:
            getattr(evaluator, method)("Hello")
        assert caught.value.field == (field,)
    assert service.requests == []


def test_a_page_is_sent_as_it_is_with_the_options_in_the_query(service, evaluated):
    service.answer({**evaluated, "text": ARTICLE})
    found = Client(service.url).evaluate_html("<p>page</p>", SummaryOptions(ratio=0.5, kind="news"))
    _, path, headers, body = service.requests[0]
    assert path == "/api/evaluate?ratio=0.5&order=document&redundancy=trigram&kind=news"
    assert (headers["Content-Type"], body) == ("text/html; charset=utf-8", b"<p>page</p>")
    assert found.text == ARTICLE


def test_of_several_articles_a_bad_one_fails_alone(service, summarizer, evaluated):
    problem = {"status": 422, "code": "empty_text", "detail": "empty", "request_id": "r1"}
    results = [{"id": "0", **evaluated}, {"id": "1", "error": problem}]
    service.answer({"model": evaluated["model"], "results": results})
    good, bad = Client(service.url).evaluate_many([ARTICLE, " "])
    assert good == summarizer.evaluate(ARTICLE)
    assert isinstance(bad, ServiceError)
    assert (bad.status, bad.code, bad.request_id) == (422, "empty_text", "r1")


def test_a_refusal_is_heard_though_the_service_closes_before_all_is_sent(pauses):
    problem = {"status": 413, "code": "body_too_large", "detail": "over the limit", "request_id": "r1"}
    content = json.dumps(problem).encode()

    def refuse(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1000)
            head = f"HTTP/1.1 413 Too Large\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            connection.sendall(head.encode() + content)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=refuse, args=(listening,))
        thread.start()
        with pytest.raises(ServiceError, match="413 body_too_large: over the limit"):
            Client(f"http://127.0.0.1:{listening.getsockname()[1]}").evaluate("It was so. " * 4_000_000)
        thread.join()
    assert pauses == []


def test_a_refusal_carries_what_the_problem_says_and_is_not_asked_again(service, pauses):
    problem = {
        "status": 422,
        "code": "invalid_option",
        "detail": "words must be at least 1",
        "request_id": "r7",
        "errors": [{"pointer": "/summary/words", "detail": "too small"}],
    }
    service.answer(problem, 422)
    with pytest.raises(ServiceError, match="422 invalid_option: words must be at least 1") as raised:
        Client(service.url).evaluate(ARTICLE)
    error = raised.value
    assert (error.status, error.code, error.request_id) == (422, "invalid_option", "r7")
    assert error.errors == ({"pointer": "/summary/words", "detail": "too small"},)
    assert len(service.requests) == 1
    assert pauses == []


@pytest.mark.parametrize(("status", "code"), [(429, "rate_limited"), (503, "queue_full")])
def test_the_client_waits_as_long_as_the_service_says_and_asks_again(
    service, pauses, evaluated, status, code
):
    service.refuse(status, code, Retry_After="7")
    service.refuse(status, code)
    service.answer(evaluated)
    Client(service.url).evaluate(ARTICLE)
    assert len(service.requests) == 3
    assert 7 <= pauses[0] <= 7 * 1.5
    assert 0.2 <= pauses[1] <= 0.2 * 1.5


def test_retry_after_may_be_a_date(service, pauses, evaluated):
    service.refuse(503, "queue_full", Retry_After=email.utils.formatdate(time.time() + 30, usegmt=True))
    service.answer(evaluated)
    Client(service.url).evaluate(ARTICLE)
    assert 25 <= pauses[0] <= 30 * 1.5


def test_pauses_grow_and_the_last_refusal_is_raised(service, pauses):
    service.refuse(503, "queue_full", Retry_After="nonsense")
    with pytest.raises(ServiceError, match="queue_full") as raised:
        Client(service.url, attempts=5).evaluate(ARTICLE)
    assert raised.value.retry_after is None
    assert len(service.requests) == 5
    for pause, least in zip(pauses, (0.1, 0.2, 0.4, 0.8), strict=True):
        assert least <= pause <= least * 1.5


def test_a_service_that_asks_for_too_long_a_pause_is_not_asked_again(service, pauses):
    service.refuse(429, "rate_limited", Retry_After="3600")
    with pytest.raises(ServiceError) as raised:
        Client(service.url, longest_pause=60).evaluate(ARTICLE)
    assert raised.value.retry_after == 3600
    assert len(service.requests) == 1
    assert pauses == []


def test_a_broken_connection_is_tried_again(service, pauses, summarizer, evaluated):
    service.answers.append(None)
    service.answer(evaluated)
    assert Client(service.url).evaluate(ARTICLE) == summarizer.evaluate(ARTICLE)
    assert len(pauses) == 1


def test_where_nothing_listens_the_error_names_the_place_and_the_attempts(pauses):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ServiceUnreachable, match=r"no answer from 127\.0\.0\.1 in 2 attempts: .*refused"):
        Client(f"http://127.0.0.1:{port}", attempts=2).model()
    assert len(pauses) == 1


def test_a_service_that_says_nothing_is_given_up_after_the_timeout_and_not_asked_twice(pauses):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ServiceUnreachable, match=r"in 0\.05 s"):
            Client(url, timeout=0.05).model()
    assert pauses == []


def test_an_answer_of_something_else_says_so(service):
    service.answers.append((502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>"))
    service.answers.append((200, {"Content-Type": "text/html"}, b"<h1>Hello</h1>"))
    with pytest.raises(ServiceError, match="502 unknown: Bad Gateway"):
        Client(service.url).evaluate(ARTICLE)
    with pytest.raises(ServiceError, match="is not a JSON object; check that url"):
        Client(service.url).evaluate(ARTICLE)


def test_json_of_something_else_says_what_it_lacks(service):
    service.answer({"hello": "world"})
    with pytest.raises(
        ServiceError, match=r"200 unknown: this is not an answer of the service \(KeyError\('sentences'\)\)"
    ):
        Client(service.url).evaluate(ARTICLE)


@pytest.mark.parametrize(
    "content", [{}, {"results": []}, {"results": [{"error": {}}]}, {"results": 3}, {"results": [{}]}]
)
def test_a_batch_that_is_answered_with_something_else_is_a_service_error(service, content):
    service.answer(content)
    with pytest.raises(ServiceError, match="200 unknown: this is not an answer of the service"):
        Client(service.url).evaluate_many([ARTICLE])


def test_the_status_of_a_refusal_is_that_of_http(service):
    problem = {"status": "odd", "code": "empty_text", "detail": "empty", "request_id": "r1"}
    service.answer(problem, 422)
    with pytest.raises(ServiceError, match="422 empty_text: empty") as raised:
        Client(service.url).evaluate(ARTICLE)
    assert raised.value.status == 422


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://localhost", "http://", "file:///etc/passwd", "http://host/?key=1"]
)
def test_an_address_that_cannot_be_asked_is_refused_at_once(url):
    with pytest.raises(ValueError, match="url must look like http://localhost:8000"):
        Client(url)


@pytest.mark.parametrize("api_key", ["", "a\r\nHost: elsewhere", "schlüssel"])
def test_a_key_that_no_header_can_say_is_refused_and_not_repeated(api_key):
    with pytest.raises(ValueError, match=r"^api_key must be printable ASCII$"):
        Client("http://localhost:8000", api_key=api_key)


def test_there_is_at_least_one_attempt():
    with pytest.raises(ValueError, match="attempts must be at least 1; got 0"):
        Client("http://localhost:8000", attempts=0)
