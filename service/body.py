"""Reading the bytes of a request, with every limit checked before more work is done."""

from flask import current_app, request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

# What reading a body raises where the connection breaks or the chunks are malformed. The caller's doing,
# and the messages of the second kind quote the body, so they are for no log.
BROKEN_BODY = (OSError, ParseException)


class NotUtf8(Exception):
    """The body is not UTF-8."""


class IncompleteBody(Exception):
    """The body ends before its announced length, or its chunks are malformed."""


class UnsupportedMediaType(Exception):
    """The body is of a kind that the service does not read."""


def media_type(*supported: str) -> str:
    """What the body is said to be, once it is known that it can be read.

    :raises UnsupportedMediaType: none of the supported ones, another charset than UTF-8, or compressed.
    """
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            f"a body in Content-Encoding {encoding[:50]} is not read; send it uncompressed"
        )
    charset = request.mimetype_params.get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8", "us-ascii"):  # the last is a part of the first
        raise UnsupportedMediaType(f"charset {charset[:50]} is not read; send UTF-8")
    if request.mimetype not in supported:
        given = request.mimetype[:50] or "(none)"
        raise UnsupportedMediaType(f"Content-Type {given} is not read; supported: {', '.join(supported)}")
    return request.mimetype


def read_body() -> bytes:
    """The whole body, and never a byte more than the limit and one.

    :raises RequestEntityTooLarge: it is over the limit.
    :raises IncompleteBody: it was cut off.
    :raises NotUtf8: it is not UTF-8.
    """
    try:
        body = request.get_data()
    except (ClientDisconnected, *BROKEN_BODY):
        raise IncompleteBody(
            "the connection broke or was too slow, or the chunks of the body are malformed"
        ) from None
    if len(body) > current_app.config["MAX_BODY_BYTES"]:
        raise RequestEntityTooLarge
    if len(body) < (announced := request.content_length or 0):
        # A part of an article would be scored as if it were the whole.
        raise IncompleteBody(f"the body ends after {len(body)} of the {announced} bytes announced")
    _check_utf8(body, "body")
    return body


def read_query() -> list[tuple[str, str]]:
    """Names and values of the query parameters, as often as they were sent.

    :raises NotUtf8: the query is not UTF-8.
    """
    _check_utf8(request.query_string, "query")
    return list(request.args.items(multi=True))


def _check_utf8(raw: bytes, what: str) -> None:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotUtf8(
            f"the {what} is not UTF-8: byte {error.start} cannot be read; convert it first"
        ) from None
