"""The summarizer over HTTP."""

from flask import Flask

from service import errors
from service.api import create_api
from service.config import ConfigError, ServiceConfig
from service.health import create_health
from summarizer import Summarizer

__all__ = ["ConfigError", "ServiceConfig", "create_app"]


def create_app(config: ServiceConfig | None = None, summarizer: Summarizer | None = None) -> Flask:
    """Put the parts together; the only place that knows them all.

    :param summarizer: loaded and run once, from the configured checkpoint, when none is handed in.
    :raises SummarizerError: the checkpoint cannot be used.
    """
    config = config or ServiceConfig()
    if summarizer is None:
        summarizer = Summarizer.load(config.checkpoint, max_sentences=config.max_sentences)
        summarizer.warm_up()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_BODY_BYTES"] = config.max_body_bytes
    # One more, because a chunked body is silently cut at this length: the byte too many tells.
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes + 1
    # Or //, as in /api//evaluate, is answered with a redirect in HTML and not as any other wrong address.
    app.url_map.merge_slashes = False
    errors.register(app)
    app.register_blueprint(create_api(summarizer, config))
    app.register_blueprint(create_health(summarizer))
    return app
