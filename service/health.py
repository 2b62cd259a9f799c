"""What an orchestrator asks: is the process up, may it get requests."""

from flask import Blueprint, Response

from summarizer import Summarizer


def create_health(summarizer: Summarizer) -> Blueprint:
    """The routes /healthz and /readyz."""
    health = Blueprint("health", __name__)

    @health.get("/healthz")
    def healthz() -> Response:
        return Response('{"status":"up"}', content_type="application/json")

    @health.get("/readyz")
    def readyz() -> Response:
        # The application exists only with a model that was loaded and has run once; until then the
        # socket accepts no connection for this worker.
        return Response(
            f'{{"status":"ready","model":"{summarizer.model.sha256}"}}', content_type="application/json"
        )

    return health
