"""gunicorn around the library, with Flask and without, to see what the service adds to that.

No limits, no metrics, no batches, no cache, no answer to anything that is wrong. ``throughput.py`` runs them
with the service's own configuration of gunicorn.
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from pydantic_core import from_json, to_json

from summarizer import Summarizer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def with_flask() -> Flask:
    """The two routes that the benchmark calls."""
    evaluate = _evaluator()
    flask = Flask(__name__)

    @flask.post("/api/evaluate")
    def answer() -> Response:
        return Response(evaluate(request.get_data()), content_type="application/json")

    @flask.get("/readyz")
    def ready() -> Response:
        return Response("ready")

    return flask


def without_flask() -> "WSGIApplication":
    """The same answer to every request; to one without a body, no evaluation."""
    evaluate = _evaluator()

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        found = evaluate(body) if body else b"ready"
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(found)))])
        return [found]

    return answer


def _evaluator() -> Callable[[bytes], bytes]:
    """From the JSON of a request to that of its answer."""
    summarizer = Summarizer.load()
    summarizer.warm_up()
    return lambda body: to_json(summarizer.evaluate(from_json(body)["text"]).as_dict())
