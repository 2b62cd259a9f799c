"""The API: an article in, a score for every sentence out. Read this, then ``summarizer/pipeline.py``."""

import json
from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from service.config import ServiceConfig
from service.errors import BROKEN_BODY, IncompleteBody, NotUtf8, UnsupportedMediaType
from service.schema import EvaluateRequest, option_choices, parse_json, parse_query, response
from summarizer import Summarizer

SUPPORTED = "text/plain (charset utf-8) and application/json"


def create_api(summarizer: Summarizer, config: ServiceConfig) -> Blueprint:
    """The routes under /api, on top of one loaded model."""
    api = Blueprint("api", __name__, url_prefix="/api")

    @api.post("/evaluate")
    def evaluate() -> Response:
        asked = _read_request()
        options = asked.options()
        if asked.sentences is not None:
            evaluation = summarizer.evaluate_sentences(asked.sentences, options)
        else:
            evaluation = summarizer.evaluate(asked.text or "", options)
        return _json(response(evaluation, asked))

    @api.get("/model")
    def model() -> Response:
        about = {"model": asdict(summarizer.model), "card": dict(summarizer.card)}
        return _json({**about, "limits": config.limits, "options": option_choices()})

    return api


def _read_request() -> EvaluateRequest:
    """The request, whatever it came as.

    :raises UnsupportedMediaType: neither text nor JSON, another charset, or a compressed body.
    :raises RequestEntityTooLarge: a body over the limit.
    :raises IncompleteBody: a body that was cut off.
    :raises NotUtf8: a body or query that is not UTF-8.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() != "identity":
        raise UnsupportedMediaType(
            f"a body in Content-Encoding {encoding[:50]} is not read; send it uncompressed"
        )
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(f"charset {charset[:50]} is not read; supported: {SUPPORTED}")
    body, parameters = _read_body(), _read_query()
    if request.mimetype == "text/plain":
        return parse_query(parameters, _utf8(body, "body"))
    if request.mimetype == "application/json":
        _utf8(body, "body")
        return parse_json(body, parameters)
    raise UnsupportedMediaType(
        f"Content-Type {request.mimetype[:50] or '(none)'} is not read; supported: {SUPPORTED}"
    )


def _read_body() -> bytes:
    try:
        body = request.get_data()
    except (ClientDisconnected, *BROKEN_BODY):
        raise IncompleteBody("the connection broke or the chunks of the body are malformed") from None
    if len(body) > current_app.config["MAX_BODY_BYTES"]:
        raise RequestEntityTooLarge
    if len(body) < (announced := request.content_length or 0):
        # A part of an article would be scored as if it were the whole.
        raise IncompleteBody(f"the body ends after {len(body)} of the {announced} bytes announced")
    return body


def _read_query() -> list[tuple[str, str]]:
    _utf8(request.query_string, "query")
    return list(request.args.items(multi=True))


def _utf8(raw: bytes, what: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUtf8(
            f"the {what} is not UTF-8: byte {error.start} cannot be read; convert it first"
        ) from None


def _json(content: dict[str, Any]) -> Response:
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(body, content_type="application/json")
