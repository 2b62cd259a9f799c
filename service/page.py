"""The reader's page: the files of the folder ``page``, served as they are, with restrictive headers."""

import hashlib
from http import HTTPStatus
from pathlib import Path

from flask import Blueprint, Response, abort, request

FOLDER = Path(__file__).parent / "page"

CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

HEADERS = {
    # A script that an article might smuggle in cannot run, and cannot send anything anywhere.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:;"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Always revalidated by ETag, so that files of different versions are never mixed. Each file is small.
    "Cache-Control": "no-cache",
}


def create_page() -> Blueprint:
    """The routes / and /page/FILE. Files are read once, here; no other path on disk can be requested."""
    page = Blueprint("page", __name__)
    files = {file.name: file.read_bytes() for file in FOLDER.iterdir() if file.suffix in CONTENT_TYPES}
    etags = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}

    def send(name: str) -> Response:
        if name not in files:
            abort(HTTPStatus.NOT_FOUND)
        response = Response(files[name], content_type=CONTENT_TYPES[Path(name).suffix], headers=HEADERS)
        response.set_etag(etags[name])
        response.make_conditional(request)
        return response

    @page.get("/")
    def index() -> Response:
        return send("index.html")

    @page.get("/page/<name>")
    def file(name: str) -> Response:
        return send(name)

    return page
