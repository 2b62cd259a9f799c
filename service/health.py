"""What an orchestrator asks: is the process up, may it get requests."""

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
        # The application exists only with a model that was loaded and has run once; until then the
        # socket accepts no connection for this worker.
        if engine.full:
            answer = Response('{"status":"busy"}', 503, content_type="application/json")
            answer.headers["Retry-After"] = "1"
            return answer
        return Response(
            f'{{"status":"ready","model":"{summarizer.model.sha256}"}}', content_type="application/json"
        )

    return health
