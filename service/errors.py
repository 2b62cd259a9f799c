"""Every error as ``application/problem+json`` (RFC 9457); the one place where statuses are decided."""

import contextlib
import logging
import re
import uuid
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, current_app, g, request
from pydantic_core import to_json
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from service.body import BROKEN_BODY, IncompleteBody, NotUtf8, UnsupportedMediaType
from service.engine import Unavailable
from service.reading import BadRequest, FieldError, MalformedJson
from service.record import record_of
from summarizer import InputError

PROBLEM_TYPE = "application/problem+json"
REQUEST_ID_HEADER = "X-Request-ID"

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")

# Status -> its codes; the first is used when the framework refuses a request.
CODES: Mapping[int, Sequence[str]] = {
    400: ("bad_request", "malformed_json", "not_utf8", "incomplete_body"),
    401: ("unauthorized",),
    404: ("not_found",),
    405: ("method_not_allowed",),
    413: ("body_too_large",),
    415: ("unsupported_media_type",),
    422: (
        "invalid_request",
        "invalid_option",
        "invalid_text",
        "empty_text",
        "no_sentences",
        "too_many_sentences",
        "no_article",
        "too_many_articles",
        "repeated_id",
    ),
    429: ("rate_limited",),
    500: ("internal_error",),
    503: ("queue_full", "deadline_exceeded", "client_gone"),
}

# How much of an unread body is read and discarded before an early answer (too large, wrong type, wrong
# address). Otherwise the connection is reset while the caller is still sending, and the answer is lost.
MOST_DISCARDED_BYTES = 16 * 1024 * 1024

_log = logging.getLogger(__name__)


def register(app: Flask) -> None:
    """Give every request an id, and answer every failure with a problem."""
    app.before_request(_name_request)
    app.after_request(_show_request_id)
    app.after_request(_discard_rest)
    for refusal in (BadRequest, InputError):
        app.register_error_handler(refusal, lambda error: _json(refusal_content(error)))
    app.register_error_handler(
        MalformedJson, lambda error: problem(400, "malformed_json", f"not JSON: {error}")
    )
    app.register_error_handler(NotUtf8, lambda error: problem(400, "not_utf8", str(error)))
    app.register_error_handler(IncompleteBody, lambda error: problem(400, "incomplete_body", str(error)))
    app.register_error_handler(
        UnsupportedMediaType, lambda error: problem(415, "unsupported_media_type", str(error))
    )
    app.register_error_handler(Unavailable, _unavailable)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def problem(
    status: int, code: str, detail: str, errors: Sequence[FieldError] = (), *, retry_after: int | None = None
) -> Response:
    """A problem as defined by RFC 9457.

    :param code: stable, machine-readable name of the error.
    :param errors: the invalid fields; those of a JSON body are given as RFC 6901 pointers, others as query
        parameters.
    :param retry_after: seconds after which it is worth trying the same request again.
    """
    answer = _json(_content(status, code, detail, errors))
    if retry_after is not None:
        answer.headers["Retry-After"] = str(retry_after)
    return answer


def refusal_content(error: BadRequest | InputError, within: tuple[str | int, ...] = ()) -> dict[str, Any]:
    """The members of the problem for an invalid article or invalid options.

    :param within: path of the article in the body, if it is one of several.
    """
    if isinstance(error, BadRequest):
        fields = [FieldError((*within, *each.path), each.detail, each.in_query) for each in error.errors]
    else:
        fields = [FieldError((*within, *error.field), str(error))]
    return _content(422, error.code, str(error), fields, within)


def _content(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    within: tuple[str | int, ...] = (),
) -> dict[str, Any]:
    content: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _encodable(detail),
        "instance": _encodable(request.path) + (f"#{_pointer(within)}" if within else ""),
        "code": code,
        "request_id": g.get("request_id", ""),
    }
    if errors:
        content["errors"] = [{**_place(error), "detail": _encodable(error.detail)} for error in errors]
    return content


def _json(content: dict[str, Any]) -> Response:
    return Response(to_json(content), content["status"], content_type=PROBLEM_TYPE)


def _encodable(text: str) -> str:
    """A path or a query may contain what UTF-8 cannot encode."""
    return text.encode("utf-8", "backslashreplace").decode()


def _place(error: FieldError) -> dict[str, str]:
    if request.mimetype == "application/json" and not error.in_query:
        return {"pointer": _pointer(error.path)}
    if error.path == ("text",) and not error.in_query:
        return {"pointer": ""}  # the whole body is the text
    return {"parameter": _encodable(str(error.path[-1]))}


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _unavailable(error: Unavailable) -> Response:
    record_of(request.environ).rejected = error.code
    return problem(503, error.code, str(error), retry_after=error.retry_after)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    detail = error.description or HTTPStatus(status).phrase
    if isinstance(error, RequestEntityTooLarge):
        limit = current_app.config["MAX_BODY_BYTES"]
        detail = f"the body is larger than the limit of {limit} bytes; send it in parts"
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(error.valid_methods or ())
        detail = f"{request.method} is not allowed here; allowed methods: {allowed}"
    if status == 404:
        detail = "nothing was found at this address; see /docs for the API"
    code = CODES[status][0] if status in CODES else HTTPStatus(status).name.lower()
    answer = problem(status, code, detail)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        answer.headers["Allow"] = ", ".join(error.valid_methods)
    return answer


def _unexpected(error: Exception) -> Response:
    """A bug of ours: the trace goes to the log under the request's id, not to the caller."""
    _log.error("unexpected error in request %s", g.get("request_id", ""), exc_info=error)
    return problem(500, "internal_error", "the service failed unexpectedly; report it with the request_id")


def _name_request() -> None:
    given = request.headers.get(REQUEST_ID_HEADER, "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _show_request_id(answer: Response) -> Response:
    answer.headers[REQUEST_ID_HEADER] = g.get("request_id", "")
    return answer


def _discard_rest(answer: Response) -> Response:
    stream, left = request.environ["wsgi.input"], MOST_DISCARDED_BYTES
    with contextlib.suppress(*BROKEN_BODY):
        while left > 0 and (piece := stream.read(64 * 1024)):
            left -= len(piece)
    return answer
