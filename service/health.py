"""Health checks for an orchestrator: whether the process is up, and whether it can take requests."""

from flask import Blueprint, Response

from service.engine import Engine
from summarizer import Summarizer


def create_health(summarizer: Summarizer, engine: Engine) -> Blueprint:
    """The routes /healthz and /readyz."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        return Response('{"status":"up"}', content_type="application/json")

    @health.get("/readyz")
    def readyz() -> Response:
        # The application is only created once a model has been loaded and run; until then this worker
        # accepts no connections.
        if engine.full:
            answer = Response('{"status":"busy"}', 503, content_type="application/json")
            answer.headers["Retry-After"] = "1"
            return answer
        return Response(
            f'{{"status":"ready","model":"{summarizer.model.sha256}"}}', content_type="application/json"
        )

    return health
