import io

import pytest
from gunicorn.http.errors import InvalidChunkSize
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import errors

SECRET = "Confidential budget"


class BrokenBody:
    """A body that cannot be read, failing as gunicorn's does."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure

    def read(self, size: int = -1) -> bytes:
        raise self.failure


def problem_of(answer, status: int, code: str) -> dict:
    found = answer.get_json()
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert (found["status"], found["code"], found["type"]) == (status, code, "about:blank")
    assert found["request_id"] == answer.headers["X-Request-ID"]
    return found


@pytest.mark.parametrize("failure", [InvalidChunkSize(SECRET.encode()), ConnectionResetError("reset")])
def test_a_body_that_breaks_off_is_a_400_and_nothing_of_it_is_logged(client, caplog, failure):
    environment = {"wsgi.input": BrokenBody(failure), "wsgi.input_terminated": True}
    answer = client.post("/api/evaluate", content_type="text/plain", environ_overrides=environment)
    problem_of(answer, 400, "incomplete_body")
    assert SECRET not in caplog.text + answer.get_data(as_text=True)


def test_a_body_shorter_than_announced_is_refused_and_not_scored_in_part(client):
    environment = {
        "wsgi.input": io.BytesIO(b"It was."),
        "CONTENT_LENGTH": "50",
        "wsgi.input_terminated": True,
    }
    answer = client.post("/api/evaluate", content_type="text/plain", environ_overrides=environment)
    assert "after 7 of the 50 bytes" in problem_of(answer, 400, "incomplete_body")["detail"]


def test_a_query_that_is_not_utf8_is_a_400(client):
    environment = {"QUERY_STRING": "order=\x80"}
    answer = client.post(
        "/api/evaluate", data="It was.", content_type="text/plain", environ_overrides=environment
    )
    assert "byte 6" in problem_of(answer, 400, "not_utf8")["detail"]


@pytest.mark.parametrize("path", ["/api//evaluate", "/api/evaluate/", "/api/evaluate//"])
def test_a_wrong_address_is_a_404_and_never_a_redirect(client, path):
    answer = client.post("/", environ_overrides={"PATH_INFO": path})
    assert problem_of(answer, 404, "not_found")["instance"] == path


def test_options_and_head_are_answered_without_a_body(client):
    options = client.options("/api/evaluate")
    assert (options.status_code, options.data) == (200, b"")
    assert set(options.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    head = client.head("/api/evaluate")
    assert (head.status_code, head.data) == (405, b"")
    assert client.head("/api/model").status_code == 200


@pytest.mark.parametrize(("name", "value"), [("text", "hi"), ("colour", "red")])
def test_an_unknown_query_parameter_is_named_as_a_parameter(client, name, value):
    answer = client.post(f"/api/evaluate?{name}={value}", data="It was.", content_type="text/plain")
    found = problem_of(answer, 422, "invalid_request")
    assert found["errors"] == [{"parameter": name, "detail": f"{name} is not a known parameter"}]


@pytest.mark.parametrize("given_id", ["a", "A-b_c.9", "x" * 128])
def test_a_request_id_of_the_allowed_form_is_kept(client, given_id):
    assert client.get("/healthz", headers={"X-Request-ID": given_id}).headers["X-Request-ID"] == given_id


@pytest.mark.parametrize("given_id", ["", "x" * 129, "a b", "é", "a;b", "<b>"])
def test_any_other_request_id_is_replaced(client, given_id):
    made = client.get("/healthz", headers={"X-Request-ID": given_id}).headers["X-Request-ID"]
    assert made != given_id
    assert len(made) == 32


def test_how_much_of_a_refused_body_is_discarded_is_bounded(client, monkeypatch):
    monkeypatch.setattr(errors, "MOST_DISCARDED_BYTES", 100_000)
    body = io.BytesIO(b"x" * 1_000_000)
    environment = {"wsgi.input": body, "CONTENT_LENGTH": "1000000", "wsgi.input_terminated": True}
    answer = client.post("/api/evaluate", content_type="text/plain", environ_overrides=environment)
    problem_of(answer, 413, "body_too_large")
    assert 100_000 <= body.tell() < 300_000


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=60),
    kind=st.sampled_from(
        ["text/plain", "application/json", "text/plain;charset=", "application/json;charset=\xff"]
    )
    | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=30),
    query=st.text(st.characters(max_codepoint=255), max_size=30)
    | st.sampled_from(["sentences=2", "ratio=1e-999", "words=1&words=1", "%ff=%00"]),
    encoding=st.none() | st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=9),
    method=st.sampled_from(["POST", "GET", "PUT", "DELETE", "PATCH"]),
)
def test_whatever_is_sent_is_answered_with_200_or_a_problem_below_500(
    client, body, kind, query, encoding, method
):
    headers = {} if encoding is None else {"Content-Encoding": encoding}
    answer = client.open(
        "/api/evaluate",
        method=method,
        data=body,
        content_type=kind,
        headers=headers,
        environ_overrides={"QUERY_STRING": query},
    )
    assert answer.status_code in {200, 400, 405, 415, 422}
    if answer.status_code != 200:
        problem_of(answer, answer.status_code, answer.get_json()["code"])
