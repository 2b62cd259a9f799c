"""The OpenAPI description, generated from the types that parse requests, and a page that shows it."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, render_template
from markupsafe import Markup
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema, to_json

from service.access import API_KEY_HEADER
from service.config import ServiceConfig
from service.errors import CODES, PROBLEM_TYPE, REQUEST_ID_HEADER
from service.schema import (
    BatchRequest,
    BatchResponse,
    Busy,
    EvaluateQuery,
    EvaluateRequest,
    EvaluateResponse,
    Health,
    ModelResponse,
    Problem,
    Readiness,
)

_TYPES: Sequence[tuple[type[BaseModel], JsonSchemaMode]] = [
    (EvaluateQuery, "validation"),
    (EvaluateRequest, "validation"),
    (BatchRequest, "validation"),
    (EvaluateResponse, "serialization"),
    (BatchResponse, "serialization"),
    (ModelResponse, "serialization"),
    (Problem, "serialization"),
    (Health, "serialization"),
    (Readiness, "serialization"),
    (Busy, "serialization"),
]

# What each status means.
_PROBLEMS = {
    400: "The body is malformed JSON, is not UTF-8, or was cut off.",
    401: "The API key is missing or unknown.",
    413: "The body exceeds the size limit.",
    415: "The media type or charset is not supported, or the body is compressed.",
    422: "The article cannot be scored, or a field or parameter is missing, unknown, of the wrong type or out"
    " of range.",
    429: "The rate limit is exceeded; try again after Retry-After seconds.",
    500: "The service failed because of a bug; its log contains the request_id.",
    503: "The queue is full or the request exceeded its time limit; try again after Retry-After seconds.",
}
_READING = (400, 413, 415, 422, 500, 503)

_HEADERS = {
    REQUEST_ID_HEADER: "The id that the request was sent with, or else a new one; also in the service's log.",
    "Retry-After": "Seconds to wait before trying the same request again.",
    "WWW-Authenticate": "How to send the API key.",
}
_HEADERS_BY_STATUS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}

ARTICLE = "The council cut the budget. Nobody came. The bridge stays closed until spring."

# The answer for a summary of two sentences, except that scores, ranks and selection depend on the model.
ANSWER = {
    "model": {"name": "quotes", "version": "5", "sha256": 64 * "0", "encoder": "static-minilm-256"},
    "sentences": [
        {
            "index": 0,
            "text": "The council cut the budget.",
            "start": 0,
            "end": 27,
            "score": 0.413,
            "rank": 1,
            "selected": True,
            "truncated": False,
        },
        {
            "index": 1,
            "text": "Nobody came.",
            "start": 28,
            "end": 40,
            "score": 0.127,
            "rank": 3,
            "selected": False,
            "truncated": False,
        },
        {
            "index": 2,
            "text": "The bridge stays closed until spring.",
            "start": 41,
            "end": 78,
            "score": 0.302,
            "rank": 2,
            "selected": True,
            "truncated": False,
        },
    ],
    "summary": {
        "text": "The council cut the budget. The bridge stays closed until spring.",
        "indices": [0, 2],
    },
    "warnings": [],
}


def create_openapi(config: ServiceConfig) -> Blueprint:
    """The routes /openapi.json and /docs."""
    openapi = Blueprint("openapi", __name__)
    document = describe(config)
    written = to_json(document)
    style = (Path(__file__).parent / "templates" / "docs.css").read_text(encoding="utf-8")
    style_digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    @openapi.get("/openapi.json")
    def show_document() -> Response:
        return Response(written, content_type="application/json")

    @openapi.get("/docs")
    def show_page() -> Response:
        page = Response(render_template("docs.html", api=document, style=Markup(style)))  # noqa: S704  # ours
        page.headers["Content-Security-Policy"] = (
            f"default-src 'none'; style-src 'sha256-{style_digest}'; frame-ancestors 'none'; base-uri 'none'"
        )
        return page

    return openapi


def describe(config: ServiceConfig) -> dict[str, Any]:
    """The OpenAPI 3.1 document, with this configuration's limits and whether it needs keys."""
    _, definitions = models_json_schema(
        _TYPES, ref_template="#/components/schemas/{model}", schema_generator=_Schemas
    )
    schemas: dict[str, Any] = definitions["$defs"]
    query: dict[str, Any] = schemas.pop("EvaluateQuery")["properties"]
    schemas["BatchRequest"]["properties"]["articles"]["maxItems"] = config.max_articles
    paths: dict[str, Any] = {
        "/api/evaluate": {"post": _evaluate(query)},
        "/api/evaluate/batch": {"post": _evaluate_batch(config)},
        "/api/model": {
            "get": _get("get_model", "The model, its card, the limits and the options.", "ModelResponse")
        },
        "/healthz": {"get": _get("get_health", "Whether the process is up.", "Health")},
        "/readyz": {
            "get": _get("get_readiness", "Whether the model is loaded and the queue has room.", "Readiness")
        },
    }
    paths["/readyz"]["get"]["responses"]["503"] = _answer("Busy", "The queue is full.")
    if config.metrics:
        paths["/metrics"] = {"get": _metrics()}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "quote-summarizer",
            "version": version("quote-summarizer"),
            "description": "Scores every sentence of an article by how close it is to what a curator would"
            f" quote. Limits: {config.max_body_bytes} bytes per request body, {config.deadline_seconds} s per"
            f" request, {config.max_sentences} sentences per article.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if config.rate_limit is not None:
        _add_problem(paths, 429, "/api/")
    if config.api_keys or config.api_keys_file is not None:
        document["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "header": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER},
        }
        _add_problem(paths, 401, "/api/", "/metrics")
        for operation in _operations(paths, "/api/", "/metrics"):
            operation["security"] = [{"bearer": []}, {"header": []}]
    return document


class _Schemas(GenerateJsonSchema):
    """Omits titles that only repeat field names, and defaults that are null or objects.

    Validators and client generators reject a null default next to ``"type": "string"``.
    """

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  # pydantic's signature
        return False

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        found = super().default_schema(schema)
        if found.get("default") is None or isinstance(found["default"], dict):
            found.pop("default", None)
        return found


def _evaluate(query: Mapping[str, Any]) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "operationId": "evaluate",
        "summary": "Score every sentence of an article and select its summary.",
        "description": "With text/plain and text/html, options are query parameters. With application/json,"
        " they are fields of the body, and query parameters are refused. Give at most one length for the"
        " summary: sentences, words, ratio or threshold.",
        "parameters": [
            {
                "name": name,
                "in": "query",
                "description": schema["description"],
                "schema": _without_null(schema),
            }
            for name, schema in query.items()
        ],
        "requestBody": {
            "required": True,
            "content": {
                "text/plain": {"schema": text, "example": ARTICLE},
                "text/html": {"schema": text, "example": f"<article><p>{ARTICLE}</p></article>"},
                "application/json": {
                    "schema": _reference("EvaluateRequest"),
                    "example": {"text": ARTICLE, "summary": {"sentences": 2}},
                },
            },
        },
        "responses": {
            "200": _answer(
                "EvaluateResponse",
                "Every sentence with its score, in document order, and the summary.",
                ANSWER,
            ),
            **_problems(*_READING),
        },
    }


def _evaluate_batch(config: ServiceConfig) -> dict[str, Any]:
    return {
        "operationId": "evaluate_batch",
        "summary": f"Evaluate up to {config.max_articles} articles in one request.",
        "description": "Each article has its own options. If one is refused, its result contains an error and"
        " the others are still evaluated. The request as a whole is refused only if its body is not JSON, is"
        " too large, or is not an object with a list of articles within the limit.",
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": _reference("BatchRequest"),
                    "example": {"articles": [{"id": "a", "text": ARTICLE, "summary": {"words": 10}}]},
                }
            },
        },
        "responses": {
            "200": _answer("BatchResponse", "One result for each article, in the order of the request."),
            **_problems(*_READING),
        },
    }


def _get(operation: str, summary: str, answer: str) -> dict[str, Any]:
    return {"operationId": operation, "summary": summary, "responses": {"200": _answer(answer, summary)}}


def _metrics() -> dict[str, Any]:
    summary = "Metrics in Prometheus' text format."
    content = {"text/plain": {"schema": {"type": "string"}}}
    return {
        "operationId": "get_metrics",
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}},
    }


def _answer(schema: str, description: str, example: object = None) -> dict[str, Any]:
    content = {"schema": _reference(schema)}
    return {
        "description": description,
        "headers": _headers(REQUEST_ID_HEADER),
        "content": {"application/json": content if example is None else {**content, "example": example}},
    }


def _problems(*statuses: int) -> dict[str, Any]:
    return {str(status): _problem(status) for status in statuses}


def _problem(status: int) -> dict[str, Any]:
    codes = ", ".join(CODES[status])
    return {
        "description": f"{_PROBLEMS[status]} Codes: {codes}.",
        "headers": _headers(REQUEST_ID_HEADER, *_HEADERS_BY_STATUS.get(status, ())),
        "content": {PROBLEM_TYPE: {"schema": _reference("Problem")}},
    }


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"description": _HEADERS[name], "schema": {"type": "string"}} for name in names}


def _add_problem(paths: Mapping[str, Any], status: int, *prefixes: str) -> None:
    for operation in _operations(paths, *prefixes):
        operation["responses"].update(_problems(status))


def _operations(paths: Mapping[str, Any], *prefixes: str) -> Iterator[dict[str, Any]]:
    for path, methods in paths.items():
        if path.startswith(prefixes):
            yield from methods.values()


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a query parameter, which is never null; its description is next to the schema."""
    kept = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "description")}
    for kind in schema.get("anyOf", ()):
        kept.update(kind if kind != {"type": "null"} else {})
    return {**kept, "default": schema["default"]} if "default" in schema else kept


def _reference(schema: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{schema}"}
