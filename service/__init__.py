"""The summarizer over HTTP."""

from flask import Flask

from service import access, errors
from service.api import create_api
from service.cache import ResponseCache
from service.config import ConfigError, ServiceConfig
from service.engine import Engine
from service.evaluating import Evaluator
from service.health import create_health
from service.metrics import Metrics, create_metrics, measure
from service.openapi import create_openapi
from service.page import create_page
from summarizer import Summarizer

__all__ = ["ConfigError", "ServiceConfig", "create_app"]


def create_app(config: ServiceConfig | None = None, summarizer: Summarizer | None = None) -> Flask:
    """Assemble the application; the only place that knows all its parts.

    :param summarizer: by default, loaded from the configured checkpoint and run once.
    :raises SummarizerError: the checkpoint cannot be used.
    """
    config = config or ServiceConfig()
    if summarizer is None:
        summarizer = Summarizer.load(config.checkpoint, max_sentences=config.max_sentences)
        summarizer.warm_up()
    app = Flask(__name__, static_folder=None)
    app.config["MAX_BODY_BYTES"] = config.max_body_bytes
    # Flask silently cuts a chunked body at this length; one extra byte shows that it was too long.
    app.config["MAX_CONTENT_LENGTH"] = config.max_body_bytes + 1
    # Otherwise /api//evaluate would get an HTML redirect instead of the usual answer to a wrong address.
    app.url_map.merge_slashes = False
    metrics = Metrics(summarizer.model)
    measure(app, metrics)
    errors.register(app)
    access.register(app, config)
    engine = Engine(summarizer, config, metrics)
    evaluator = Evaluator(
        summarizer.model, engine, ResponseCache(config.cache_bytes), metrics, config.deadline_seconds
    )
    app.register_blueprint(create_api(summarizer, evaluator, config))
    app.register_blueprint(create_health(summarizer, engine))
    app.register_blueprint(create_openapi(config))
    app.register_blueprint(create_page())
    if config.metrics:
        app.register_blueprint(create_metrics(metrics))
    return app
