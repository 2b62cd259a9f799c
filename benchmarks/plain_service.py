"""Flask around the library and nothing else, to see what the service adds to that.

No limits, no metrics, no batches, no cache, no answer to anything that is wrong. ``throughput.py`` runs it
with the same gunicorn.
"""

from flask import Flask, Response, request
from pydantic_core import to_json

from summarizer import Summarizer


def app() -> Flask:
    """The application, with the two routes that the benchmark calls."""
    summarizer = Summarizer.load()
    summarizer.warm_up()
    flask = Flask(__name__)

    @flask.post("/api/evaluate")
    def evaluate() -> Response:
        evaluation = summarizer.evaluate(request.get_json()["text"])
        return Response(to_json(evaluation.as_dict()), content_type="application/json")

    @flask.get("/readyz")
    def ready() -> Response:
        return Response("ready")

    return flask
