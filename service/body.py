"""Reading the bytes of a request, with every limit checked before more work is done."""

from flask import current_app, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

# What reading a body raises if the connection breaks (OSError) or the chunks are malformed (ParseException).
# Both are the caller's doing. Messages of the latter quote the body, so they must not be logged.
BROKEN_BODY = (OSError, ParseException)


class NotUtf8(Exception):
    """The body is not UTF-8."""


class IncompleteBody(Exception):
    """The body ends before its announced length, or its chunks are malformed."""


class UnsupportedMediaType(Exception):
    """The service does not accept this media type, charset or encoding."""


def media_type(*supported: str) -> str:
    """The declared media type of the body, after checking that it can be read.

    :raises UnsupportedMediaType: not a supported type, a charset other than UTF-8, or compressed.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            f"Content-Encoding {encoding[:50]} is not supported; send the body uncompressed"
        )
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):  # ASCII is a subset of UTF-8
        raise UnsupportedMediaType(f"charset {charset[:50]} is not supported; send UTF-8")
    if request.mimetype not in supported:
        given = request.mimetype[:50] or "(none)"
        raise UnsupportedMediaType(
            f"Content-Type {given} is not supported; the supported types are: {', '.join(supported)}"
        )
    return request.mimetype


def read_body() -> bytes:
    """The whole body, of which at most one byte more than the limit is read.

    :raises RequestEntityTooLarge: the body exceeds the limit.
    :raises IncompleteBody: it was cut off.
    :raises NotUtf8: it is not UTF-8.
    """
    try:
        body = request.get_data()
    except (ClientDisconnected, *BROKEN_BODY):
        raise IncompleteBody(
            "the connection broke or was too slow, or the chunks of the body are malformed; send it again"
        ) from None
    if len(body) > current_app.config["MAX_BODY_BYTES"]:
        raise RequestEntityTooLarge
    if len(body) < (announced := request.content_length or 0):
        # Otherwise a part of an article would be scored as if it were the whole.
        raise IncompleteBody(f"the body ends after {len(body)} of the {announced} bytes announced")
    _check_utf8(body, "body")
    return body


def read_query() -> list[tuple[str, str]]:
    """Names and values of the query parameters, including repeated ones.

    :raises NotUtf8: the query is not UTF-8.
    """
    _check_utf8(request.query_string, "query")
    return list(request.args.items(multi=True))


def _check_utf8(raw: bytes, what: str) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUtf8(
            f"the {what} is not UTF-8: byte {error.start} cannot be decoded; convert it first"
        ) from None
