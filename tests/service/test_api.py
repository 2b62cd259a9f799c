import json

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service import ServiceConfig, create_app
from service.engine import DeadlineExceeded, Engine, QueueFull

ARTICLE = (
    "The council cut the budget. 😀 Nobody came! The river is at the bridge."
    " It was said. A storm for the city."
)


def post_json(client: FlaskClient, content: object):
    return client.post("/api/evaluate", json=content)


def test_plain_text_gives_every_sentence_with_score_and_offsets(client):
    answer = client.post("/api/evaluate", data=ARTICLE.encode(), content_type="text/plain; charset=utf-8")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    found = answer.get_json()
    assert list(found) == ["model", "sentences", "summary", "warnings"]
    assert list(found["model"]) == ["name", "version", "sha256", "encoder"]
    for index, sentence in enumerate(found["sentences"]):
        assert list(sentence) == ["index", "text", "start", "end", "score", "rank", "selected", "truncated"]
        assert sentence["index"] == index
        assert ARTICLE[sentence["start"] : sentence["end"]] == sentence["text"]
        assert 0 <= sentence["score"] <= 1
    assert [s["index"] for s in found["sentences"] if s["selected"]] == found["summary"]["indices"]
    assert len(found["summary"]["indices"]) == 3
    assert "😀" in answer.get_data(as_text=True)


def test_json_and_plain_text_give_the_same_answer(client):
    plain = client.post(
        "/api/evaluate?words=12&order=score&redundancy=mmr", data=ARTICLE, content_type="text/plain"
    )
    as_json = post_json(
        client, {"text": ARTICLE, "summary": {"words": 12}, "order": "score", "redundancy": "mmr"}
    )
    assert plain.get_json() == as_json.get_json()


@pytest.mark.parametrize(
    ("summary", "count"),
    [({"sentences": 2}, 2), ({"ratio": 0.4}, 2), ({"threshold": 0.0}, 5), ({"words": 3}, 1), ({}, 3)],
)
def test_each_budget_is_kept(client, summary, count):
    found = post_json(client, {"text": ARTICLE, "summary": summary, "redundancy": "none"}).get_json()
    assert len(found["summary"]["indices"]) == count


def test_the_callers_sentences_are_scored_as_given_and_the_joined_text_is_returned(client):
    sentences = ["One. Still one.", "  two", "😀 three"]
    found = post_json(client, {"sentences": sentences, "index_unit": "utf16"}).get_json()
    assert [sentence["text"] for sentence in found["sentences"]] == sentences
    units = found["text"].encode("utf-16-le")
    for sentence in found["sentences"]:
        assert units[2 * sentence["start"] : 2 * sentence["end"]].decode("utf-16-le") == sentence["text"]


def test_utf16_offsets_count_as_javascript_does(client):
    found = client.post("/api/evaluate?index_unit=utf16", data=ARTICLE, content_type="text/plain").get_json()
    units = ARTICLE.encode("utf-16-le")
    for sentence in found["sentences"]:
        assert units[2 * sentence["start"] : 2 * sentence["end"]].decode("utf-16-le") == sentence["text"]


def test_a_byte_order_mark_is_counted_but_belongs_to_no_sentence(client):
    found = client.post("/api/evaluate", data=b"\xef\xbb\xbfIt was.", content_type="text/plain").get_json()
    assert (found["sentences"][0]["text"], found["sentences"][0]["start"]) == ("It was.", 1)


# body, content type, status, code, the pointer of its error
REFUSED = [
    (b"", "text/plain", 422, "empty_text", ""),
    (b" \n ", "text/plain", 422, "empty_text", ""),
    ("😀".encode(), "text/plain", 422, "no_sentences", ""),
    (b"caf\xe9", "text/plain", 400, "not_utf8", None),
    (b"x", "text/plain; charset=latin-1", 415, "unsupported_media_type", None),
    (b"<p></p>", "text/html", 422, "no_article", ""),
    (b"<p>caf\xe9</p>", "text/html", 400, "not_utf8", None),
    (b"{}", "application/pdf", 415, "unsupported_media_type", None),
    (b"x", None, 415, "unsupported_media_type", None),
    (b"x" * 20_001, "text/plain", 413, "body_too_large", None),
    (b"It was. " * 51, "text/plain", 422, "too_many_sentences", ""),
    (b"", "application/json", 400, "malformed_json", None),
    (b"{", "application/json", 400, "malformed_json", None),
    (b'{"text": "a", "text": "b"}', "application/json", 400, "malformed_json", None),
    (b'{"text": "a"} b', "application/json", 400, "malformed_json", None),
    (b'{"text": "\xff"}', "application/json", 400, "not_utf8", None),
    (b'{"text": "\\ud800"}', "application/json", 400, "malformed_json", None),
    (b"[" * 9000, "application/json", 400, "malformed_json", None),
    (b'{"text": "a", "summary": {"ratio": NaN}}', "application/json", 400, "malformed_json", None),
    (b"[]", "application/json", 422, "invalid_request", ""),
    (b"null", "application/json", 422, "invalid_request", ""),
    (b"{}", "application/json", 422, "invalid_request", "/text"),
    (b'{"text": "a", "sentences": ["a"]}', "application/json", 422, "invalid_request", "/sentences"),
    (b'{"text": 5}', "application/json", 422, "invalid_request", "/text"),
    (b'{"text": ""}', "application/json", 422, "empty_text", "/text"),
    (b'{"sentences": []}', "application/json", 422, "empty_text", "/sentences"),
    (b'{"sentences": ["a", " "]}', "application/json", 422, "empty_text", "/sentences/1"),
    (b'{"sentences": ["a", 5]}', "application/json", 422, "invalid_request", "/sentences/1"),
    (
        json.dumps({"sentences": ["a"] * 51}).encode(),
        "application/json",
        422,
        "too_many_sentences",
        "/sentences",
    ),
    (b'{"text": "a", "colour/~": 1}', "application/json", 422, "invalid_request", "/colour~1~0"),
    (b'{"text": "a", "summary": {"pages": 1}}', "application/json", 422, "invalid_request", "/summary/pages"),
    (
        b'{"text": "a", "summary": {"sentences": 0}}',
        "application/json",
        422,
        "invalid_option",
        "/summary/sentences",
    ),
    (
        b'{"text": "a", "summary": {"sentences": "3"}}',
        "application/json",
        422,
        "invalid_request",
        "/summary/sentences",
    ),
    (
        b'{"text": "a", "summary": {"sentences": true}}',
        "application/json",
        422,
        "invalid_request",
        "/summary/sentences",
    ),
    (
        b'{"text": "a", "summary": {"words": 1.5}}',
        "application/json",
        422,
        "invalid_request",
        "/summary/words",
    ),
    (b'{"text": "a", "summary": {"words": -1}}', "application/json", 422, "invalid_option", "/summary/words"),
    (b'{"text": "a", "summary": {"ratio": 0}}', "application/json", 422, "invalid_option", "/summary/ratio"),
    (
        b'{"text": "a", "summary": {"threshold": 2}}',
        "application/json",
        422,
        "invalid_option",
        "/summary/threshold",
    ),
    (
        b'{"text": "a", "summary": {"words": 1, "ratio": 1}}',
        "application/json",
        422,
        "invalid_option",
        "/summary/ratio",
    ),
    (b'{"text": "a", "summary": []}', "application/json", 422, "invalid_request", "/summary"),
    (b'{"text": "a", "order": "rank"}', "application/json", 422, "invalid_request", "/order"),
    (b'{"text": "a", "kind": 3}', "application/json", 422, "invalid_request", "/kind"),
    (b'{"text": "a", "kind": "news"}', "application/json", 422, "invalid_option", "/kind"),
    (b'{"text": "a", "redundancy": null}', "application/json", 422, "invalid_request", "/redundancy"),
    (b'{"text": "a", "index_unit": "byte"}', "application/json", 422, "invalid_request", "/index_unit"),
]


@pytest.mark.parametrize(("body", "content_type", "status", "code", "pointer"), REFUSED)
def test_a_bad_body_is_refused_with_its_status_code_and_field(
    client, body, content_type, status, code, pointer
):
    answer = client.post("/api/evaluate", data=body, content_type=content_type)
    assert_problem(answer, status, code)
    found = answer.get_json()
    assert [error["pointer"] for error in found.get("errors", [])] == ([] if pointer is None else [pointer])
    assert len(found["detail"]) < 700


@pytest.mark.parametrize(
    ("query", "code", "parameter"),
    [
        ("sentences=0", "invalid_option", "sentences"),
        ("sentences=two", "invalid_request", "sentences"),
        ("sentences=", "invalid_request", "sentences"),
        ("sentences=1.5", "invalid_request", "sentences"),
        ("sentences=" + "9" * 5000, "invalid_request", "sentences"),
        ("ratio=nan", "invalid_request", "ratio"),
        ("ratio=1.1", "invalid_option", "ratio"),
        ("words=3&words=4", "invalid_request", "words"),
        ("words=3&sentences=4", "invalid_option", "words"),
        ("colour=red", "invalid_request", "colour"),
        ("order=rank", "invalid_request", "order"),
        ("index_unit=UTF16", "invalid_request", "index_unit"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(client, query, code, parameter):
    answer = client.post(f"/api/evaluate?{query}", data="It was.", content_type="text/plain")
    assert_problem(answer, 422, code)
    assert [error["parameter"] for error in answer.get_json()["errors"]] == [parameter]


def test_query_parameters_are_refused_with_json(client):
    answer = client.post("/api/evaluate?sentences=1", json={"text": "It was."})
    assert_problem(answer, 422, "invalid_request")
    assert answer.get_json()["errors"][0]["parameter"] == "sentences"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/evaluate", 405, "method_not_allowed"),
        ("DELETE", "/api/model", 405, "method_not_allowed"),
        ("POST", "/api/nothing", 404, "not_found"),
        ("GET", "/api/", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
    ],
)
def test_addresses_and_methods_that_do_not_exist_are_problems_too(client, method, path, status, code):
    answer = client.open(path, method=method)
    assert_problem(answer, status, code)
    assert answer.get_json()["instance"] == path
    assert ("Allow" in answer.headers) == (status == 405)


def test_a_compressed_body_is_refused(client):
    answer = client.post(
        "/api/evaluate", data=b"\x1f\x8b", content_type="text/plain", headers={"Content-Encoding": "gzip"}
    )
    assert_problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        (b'\xef\xbb\xbf{"text": "It is read."}', "application/json", "identity"),  # as written by PowerShell
        (b"It is read.", "text/plain; charset=us-ascii", "identity"),
        (b"It is read.", "text/plain", ""),
    ],
)
def test_harmless_variants_of_a_body_are_read(client, body, content_type, encoding):
    answer = client.post(
        "/api/evaluate", data=body, content_type=content_type, headers={"Content-Encoding": encoding}
    )
    assert [sentence["text"] for sentence in answer.get_json()["sentences"]] == ["It is read."]


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        ({"text": "a", "summary": None}, "summary should be an object; got null"),
        ({"text": "a", "summary": {"words": True}}, "words should be a valid integer; got true"),
        ({"text": "a", "summary": ["é", 1]}, 'summary should be an object; got ["é",1]'),
        (
            {"text": "a", "sentences": 2},
            "sentences should be a valid list of strings (the number of sentences to select is"
            " summary.sentences); got 2",
        ),
    ],
)
def test_a_wrong_value_is_repeated_as_json_with_what_it_should_be(client, content, detail):
    answer = post_json(client, content)
    assert_problem(answer, 422, "invalid_request")
    assert [error["detail"] for error in answer.get_json()["errors"]] == [detail]


def test_a_bug_is_a_500_without_a_trace(app, monkeypatch, caplog):
    monkeypatch.setattr("service.evaluating.evaluated", lambda *_, **__: 1 / 0)
    answer = app.test_client().post("/api/evaluate", data="It was.", content_type="text/plain")
    assert_problem(answer, 500, "internal_error")
    assert "Zero" not in answer.get_data(as_text=True)
    assert answer.get_json()["request_id"] in caplog.text
    assert "ZeroDivisionError" in caplog.text
    assert "It was" not in caplog.text


def test_a_request_id_is_kept_or_created(client):
    taken = client.get("/api/model", headers={"X-Request-ID": "abc-123"})
    assert taken.headers["X-Request-ID"] == "abc-123"
    made = client.get("/api/nothing", headers={"X-Request-ID": "not valid!"})
    assert made.headers["X-Request-ID"] == made.get_json()["request_id"]
    assert len(made.headers["X-Request-ID"]) == 32


def test_the_model_shows_its_card_limits_and_options(client):
    found = client.get("/api/model").get_json()
    assert found["model"]["name"] == "tiny"
    assert found["card"]["metrics"] == {"test": {"rouge1": 12.5}}
    assert found["limits"] == {"body_bytes": 20_000, "sentences": 50, "articles": 8, "seconds": 30}
    assert found["options"]["redundancy"] == ["none", "trigram", "mmr"]


def batch(client, *articles: object):
    return client.post("/api/evaluate/batch", json={"articles": articles})


def test_a_batch_gives_each_article_what_it_gets_alone(client):
    first = {"text": ARTICLE, "summary": {"words": 12}, "index_unit": "utf16"}
    second = {"sentences": ["One.", "😀 two"], "order": "score"}
    found = batch(client, {"id": "b", **first}, {"id": "a", **second}).get_json()
    assert list(found) == ["model", "results"]
    for result, article_id, article in zip(found["results"], "ba", (first, second), strict=True):
        alone = post_json(client, article).get_json()
        assert result == {"id": article_id, **{k: v for k, v in alone.items() if k != "model"}}
        assert found["model"] == alone["model"]


def test_one_bad_article_fails_alone_and_says_where(client):
    bad = [
        ({"id": "empty", "text": " "}, "empty_text", "/text"),
        ({"id": "long", "text": "It was. " * 51}, "too_many_sentences", "/text"),
        ({"id": "blank", "sentences": ["a", ""]}, "empty_text", "/sentences/1"),
        ({"id": "option", "text": "a", "summary": {"words": 0}}, "invalid_option", "/summary/words"),
        ({"id": "field", "text": "a", "colour/": 1}, "invalid_request", "/colour~1"),
        ({"id": None, "text": "a"}, "invalid_request", "/id"),
    ]
    answer = batch(client, {"id": "good", "text": ARTICLE}, *(article for article, *_ in bad), {"id": "good"})
    assert answer.status_code == 200
    good, *results, repeated = answer.get_json()["results"]
    assert len(good["sentences"]) == 5
    for position, (result, (article, code, pointer)) in enumerate(zip(results, bad, strict=True), start=1):
        assert list(result) == ["id", "error"]
        assert result["id"] == article["id"]
        assert (result["error"]["status"], result["error"]["code"]) == (422, code)
        assert result["error"]["instance"] == f"/api/evaluate/batch#/articles/{position}"
        assert [e["pointer"] for e in result["error"]["errors"]] == [f"/articles/{position}{pointer}"]
        assert result["error"]["request_id"] == answer.headers["X-Request-ID"]
    assert (repeated["id"], repeated["error"]["code"]) == ("good", "repeated_id")


def test_an_empty_batch_has_no_results(client):
    assert batch(client).get_json()["results"] == []


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (b"{", 400, "malformed_json", None),
        (b"[]", 422, "invalid_request", ""),
        (b'{"articles": 5}', 422, "invalid_request", "/articles"),
        (b'{"text": "a"}', 422, "invalid_request", "/articles"),
        (b'{"articles": [' + b"{}," * 8 + b"{}]}", 422, "too_many_articles", "/articles"),
        (b"x" * 20_001, 413, "body_too_large", None),
    ],
)
def test_a_batch_is_refused_whole_only_for_what_is_around_its_articles(client, body, status, code, pointer):
    answer = client.post("/api/evaluate/batch", data=body, content_type="application/json")
    assert_problem(answer, status, code)
    found = answer.get_json()
    assert pointer in [None, *(error["pointer"] for error in found.get("errors", []))]
    assert ("8" in found["detail"]) == (code == "too_many_articles")


@pytest.mark.parametrize("kind", ["text/plain", "text/html", None])
def test_a_batch_is_json(client, kind):
    answer = client.post("/api/evaluate/batch", data=b"{}", content_type=kind)
    assert_problem(answer, 415, "unsupported_media_type")


def test_a_repeated_request_is_answered_from_the_cache_with_the_same_bytes(summarizer, monkeypatch):
    client = create_app(ServiceConfig(), summarizer).test_client()
    questions = [
        {"text": ARTICLE},
        {"text": ARTICLE, "index_unit": "utf16"},
        {"text": ARTICLE, "summary": {"sentences": 2}},
        {"text": ARTICLE, "summary": {"sentences": 1}},
        {"sentences": [ARTICLE]},
    ]
    answers = [post_json(client, question).data for question in questions]
    assert len(set(answers)) == len(questions)
    whole = batch(client, *({"id": str(n), **question} for n, question in enumerate(questions))).get_json()
    monkeypatch.setattr("service.engine.Engine.evaluate", lambda *_: 1 / 0)
    assert [post_json(client, question).data for question in questions] == answers
    again = batch(client, *({"id": str(n), **question} for n, question in enumerate(questions))).get_json()
    assert again == whole
    assert post_json(client, {"text": ARTICLE + "!"}).status_code == 500  # not in the cache


def test_without_a_cache_everything_is_computed(summarizer, monkeypatch):
    client = create_app(ServiceConfig(cache_bytes=0), summarizer).test_client()
    assert post_json(client, {"text": ARTICLE}).status_code == 200
    monkeypatch.setattr("service.engine.Engine.evaluate", lambda *_: 1 / 0)
    assert post_json(client, {"text": ARTICLE}).status_code == 500


@pytest.mark.parametrize("path", ["/api/evaluate", "/api/evaluate/batch"])
def test_with_a_full_queue_a_request_is_refused_before_it_is_parsed(app, client, monkeypatch, path):
    monkeypatch.setattr(Engine, "full", property(lambda self: True))
    answer = client.post(path, data=b"{", content_type="application/json")
    assert (answer.status_code, answer.get_json()["code"]) == (503, "queue_full")
    assert answer.headers["Retry-After"] == "1"


@pytest.mark.parametrize("failure", [QueueFull("full", 7), DeadlineExceeded("late", 7)])
@pytest.mark.parametrize("path", ["/api/evaluate", "/api/evaluate/batch"])
def test_what_cannot_be_answered_now_is_a_503_that_says_when(summarizer, monkeypatch, failure, path):
    def refuse(*_):
        raise failure

    monkeypatch.setattr("service.engine.Engine.evaluate", refuse)
    client = create_app(ServiceConfig(), summarizer).test_client()
    article = {"text": ARTICLE} if path == "/api/evaluate" else {"articles": [{"id": "a", "text": ARTICLE}]}
    answer = client.post(path, json=article)
    assert_problem(answer, 503, failure.code)
    assert answer.headers["Retry-After"] == "7"


def test_health_and_readiness(client):
    assert client.get("/healthz").get_json() == {"status": "up"}
    assert client.get("/readyz").get_json()["status"] == "ready"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "sentences", "summary", "words", "ratio", "threshold", "order"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()),
    kind=st.sampled_from(["text/plain", "text/html", "application/json"]),
    path=st.sampled_from(["/api/evaluate", "/api/evaluate/batch"]),
)
def test_any_body_is_answered_or_refused_and_never_breaks_the_service(
    client: FlaskClient, body: bytes, kind: str, path: str
):
    answer = client.post(path, data=body, content_type=kind)
    assert answer.status_code in {200, 400, 415, 422}
    if answer.status_code != 200:
        assert_problem(answer, answer.status_code, answer.get_json()["code"])


def assert_problem(answer, status: int, code: str) -> None:
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    found = answer.get_json()
    assert found["status"] == status
    assert found["code"] == code
    assert {"type", "title", "status", "detail", "instance", "code", "request_id"} <= set(found)
    assert found["request_id"] == answer.headers["X-Request-ID"]


@pytest.fixture(scope="module")
def kinds_client(kinds_checkpoint) -> FlaskClient:
    return create_app(ServiceConfig(checkpoint=kinds_checkpoint)).test_client()


def test_a_kind_of_any_length_is_refused_in_a_short_answer(kinds_client):
    answer = post_json(kinds_client, {"text": ARTICLE, "kind": "x" * 10_000})
    assert answer.status_code == 422
    (error,) = answer.get_json()["errors"]
    assert error["pointer"] == "/kind"
    assert error["detail"] == f"kind should be at most 100 characters long; got {'x' * 100}…"


def test_an_article_is_read_as_the_kind_that_is_named(kinds_client):
    assert kinds_client.get("/api/model").get_json()["options"]["kind"] == ["news", "paper"]
    found = {
        kind: post_json(kinds_client, {"text": ARTICLE, "kind": kind}).get_json()
        for kind in ("news", "paper")
    }
    assert found["news"]["sentences"] != found["paper"]["sentences"]
    assert post_json(kinds_client, {"text": ARTICLE, "kind": None}).get_json() in found.values()
    for kind, answer in found.items():
        plain = kinds_client.post(f"/api/evaluate?kind={kind}", data=ARTICLE, content_type="text/plain")
        assert plain.get_json() == answer
    articles = [{"id": str(kind), "text": ARTICLE, "kind": kind} for kind in ("paper", "poem", "news")]
    results = kinds_client.post("/api/evaluate/batch", json={"articles": articles}).get_json()["results"]
    assert [result.get("sentences") for result in results] == [
        found["paper"]["sentences"],
        None,
        found["news"]["sentences"],
    ]
    assert results[1]["error"]["code"] == "invalid_option"
    assert results[1]["error"]["errors"] == [
        {"pointer": "/articles/1/kind", "detail": "kind must be one of news, paper; got 'poem'"}
    ]
