import base64
import hashlib
import json
import re
from pathlib import Path

import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator, meta
from pydantic import ValidationError
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from service import ServiceConfig, create_app
from service.engine import Unavailable
from service.errors import CODES
from service.openapi import describe
from service.schema import (
    BatchResponse,
    Budget,
    EvaluateResponse,
    Health,
    ModelResponse,
    Problem,
    Readiness,
)
from summarizer import InputError, SummaryOptions
from summarizer.options import BUDGETS

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
ROOT = Path(__file__).parents[2]
ARTICLE = "The council cut the budget. Nobody came! The river is at the bridge."


@pytest.fixture(scope="module")
def api(app):
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.mark.parametrize(
    ("method", "path", "examples"),
    [
        ("POST", "/api/evaluate", 150),
        ("POST", "/api/evaluate/batch", 100),
        ("GET", "/api/model", 3),
        ("GET", "/healthz", 3),
        ("GET", "/readyz", 3),
        ("GET", "/metrics", 3),
    ],
)
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_whatever_is_sent_the_answer_is_as_the_document_says(api, method, path, examples, mode):
    if mode.is_negative and method == "GET":
        pytest.skip("there is nothing to get wrong")

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(api[path][method].as_strategy(generation_mode=mode))
    def check(case):
        case.validate_response(case.call(), checks=CHECKS)

    check()


def test_the_document_is_valid_and_complete(app):
    document = app.test_client().get("/openapi.json").get_json()
    meta.validate({"$defs": document["components"]["schemas"]})
    routes = {
        (rule.rule, method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api") or rule.endpoint.partition(".")[0] in ("health", "metrics")
    }
    assert routes == {(path, method) for path, methods in document["paths"].items() for method in methods}
    references = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))
    assert references <= set(document["components"]["schemas"])


def test_validators_of_openapi_find_nothing_wrong_with_the_document():
    guarded = ServiceConfig(api_keys=("a key of ours",), rate_limit="60/minute")
    for config in (ServiceConfig(), guarded):
        openapi_spec_validator.validate(json.loads(json.dumps(describe(config))))


def test_what_a_field_is_by_default_is_of_its_type_and_answers_may_grow(app):
    schemas = app.test_client().get("/openapi.json").get_json()["components"]["schemas"]
    written = json.dumps(schemas)
    assert '"default": null' not in written
    assert "text" not in schemas["EvaluateResponse"]["required"]
    closed = {name for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert closed == {"BatchArticle", "BatchRequest", "Budget", "EvaluateRequest"}


def test_the_examples_are_what_is_answered(app):
    operation = app.test_client().get("/openapi.json").get_json()["paths"]["/api/evaluate"]["post"]
    for media, content in operation["requestBody"]["content"].items():
        body = content["example"] if isinstance(content["example"], str) else json.dumps(content["example"])
        assert app.test_client().post("/api/evaluate", data=body, content_type=media).status_code == 200, (
            media
        )
    asked = operation["requestBody"]["content"]["application/json"]["example"]
    shown = operation["responses"]["200"]["content"]["application/json"]["example"]
    EvaluateResponse.model_validate_json(json.dumps(shown), strict=True)
    answered = app.test_client().post("/api/evaluate", json=asked).get_json()
    for answer in (shown, answered):
        for sentence in answer["sentences"]:
            del sentence["score"], sentence["rank"], sentence["selected"]
    assert shown["sentences"] == answered["sentences"]
    assert shown["model"].keys() == answered["model"].keys()


def test_every_code_that_is_answered_is_in_the_document(app):
    document = json.dumps(app.test_client().get("/openapi.json").get_json()["paths"])
    sources = "".join(file.read_text() for file in (ROOT / "service").glob("*.py"))
    in_routes = re.findall(r'problem\(\s*(\d+),\s*"(\w+)"', sources)
    assert len(in_routes) >= 7
    for status, code in in_routes:
        assert code in CODES[int(status)]
    refused = {kind.code for kind in InputError.__subclasses__()}
    refused |= set(re.findall(r'BadRequest\(\s*"(\w+)"', sources))
    assert refused <= set(CODES[422])
    assert {kind.code for kind in Unavailable.__subclasses__()} == set(CODES[503])
    for status in (400, 413, 415, 422, 500, 503):
        assert f"Codes: {', '.join(CODES[status])}." in document


@pytest.mark.parametrize(
    ("method", "path", "body", "answer"),
    [
        ("POST", "/api/evaluate", {"text": ARTICLE}, EvaluateResponse),
        ("POST", "/api/evaluate", {"text": ARTICLE, "summary": {"threshold": 1}}, EvaluateResponse),
        ("POST", "/api/evaluate", {"sentences": ["One.", "Two."], "index_unit": "utf16"}, EvaluateResponse),
        ("POST", "/api/evaluate", {"text": ""}, Problem),
        ("POST", "/api/evaluate", {"text": 5, "colour": 1}, Problem),
        ("POST", "/api/evaluate?colour=1", {"text": "a"}, Problem),
        ("POST", "/api/evaluate/batch", {"articles": [{"id": "a", "text": ARTICLE}, {}]}, BatchResponse),
        ("GET", "/api/model", None, ModelResponse),
        ("GET", "/api/nothing", None, Problem),
        ("GET", "/healthz", None, Health),
        ("GET", "/readyz", None, Readiness),
    ],
)
def test_every_answer_is_of_its_type(client, method, path, body, answer):
    given = {} if body is None else {"json": body}
    answer.model_validate_json(client.open(path, method=method, **given).data, strict=True)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(BUDGETS),
        st.none() | st.integers(-2, 5) | st.floats(-1, 2) | st.sampled_from([0, 1, 0.0, 1.0]),
        max_size=2,
    )
)
def test_the_ranges_that_the_document_shows_are_those_that_the_library_keeps(budget):
    try:
        SummaryOptions(**Budget(**budget).model_dump())
        accepted = True
    except (InputError, ValidationError):
        accepted = False
    assert Draft202012Validator(Budget.model_json_schema()).is_valid(budget) == accepted


def test_limits_keys_and_rates_are_described_where_they_are_configured():
    plain = describe(ServiceConfig(max_articles=7, metrics=False))
    assert plain["components"]["schemas"]["BatchRequest"]["properties"]["articles"]["maxItems"] == 7
    assert "securitySchemes" not in plain["components"]
    assert "/metrics" not in plain["paths"]
    guarded = describe(ServiceConfig(api_keys=("a key of ours",), rate_limit="60/minute"))
    operation = guarded["paths"]["/api/model"]["get"]
    assert {"401", "429"} <= set(operation["responses"])
    assert operation["security"] == [{"bearer": []}, {"header": []}]
    assert "security" not in guarded["paths"]["/healthz"]["get"]
    assert "a key of ours" not in json.dumps(guarded)


def test_the_document_is_the_same_every_time():
    assert json.dumps(describe(ServiceConfig())) == json.dumps(describe(ServiceConfig()))


def test_the_page_shows_every_address_and_type_and_needs_nothing_else(client):
    answer = client.get("/docs")
    page = answer.get_data(as_text=True)
    document = client.get("/openapi.json").get_json()
    assert answer.content_type == "text/html; charset=utf-8"
    for path in document["paths"]:
        assert path in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page
    targets = re.findall(r'(?:href|src)="([^"]+)"', page)
    assert set(targets) <= {"openapi.json", *(f"#{name}" for name in document["components"]["schemas"])}
    assert "<script" not in page
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() in policy


def test_markup_in_the_configuration_or_a_description_is_escaped(summarizer):
    page = create_app(ServiceConfig(rate_limit="1/minute"), summarizer).test_client().get("/docs")
    assert "&lt;article&gt;" in page.get_data(as_text=True)
