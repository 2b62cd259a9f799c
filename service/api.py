"""The API: articles in, a score for every sentence out. Read this first, then ``summarizer/pipeline.py``."""

from dataclasses import asdict
from functools import partial
from typing import NamedTuple

from flask import Blueprint, Response, request
from pydantic_core import to_json

from service.answers import batch_failure, batch_response, batch_result, evaluate_response
from service.body import media_type, read_body, read_query
from service.config import ServiceConfig
from service.connection import client_gone
from service.errors import refusal_content
from service.evaluating import Asked, Evaluator
from service.reading import (
    BadRequest,
    RefusedArticle,
    parse_batch,
    parse_evaluate,
    parse_query,
    refuse_query,
    summary_options,
)
from service.record import record_of
from service.schema import option_choices
from summarizer import InputError, Summarizer
from summarizer.html_article import main_text


class _Named(NamedTuple):
    """An article of a batch: its id, if it has one, and either the request or why it is refused."""

    id: str | None
    content: Asked | BadRequest


def create_api(summarizer: Summarizer, evaluator: Evaluator, config: ServiceConfig) -> Blueprint:
    """The routes under /api, for one loaded model."""
    api = Blueprint("api", __name__, url_prefix="/api")

    @api.post("/evaluate")
    def evaluate() -> Response:
        record = record_of(request.environ)
        evaluator.check_room(record)
        with record.stage("parse"):
            asked = _read_article()
        (found,) = evaluator.evaluate([asked], record, partial(client_gone, request.environ))
        if isinstance(found, InputError):
            raise found
        return _json(evaluate_response(summarizer.model, found))

    @api.post("/evaluate/batch")
    def evaluate_batch() -> Response:
        record = record_of(request.environ)
        evaluator.check_room(record)
        with record.stage("parse"):
            articles = _read_batch(config.max_articles)
        asked = [article.content for article in articles if isinstance(article.content, Asked)]
        found = iter(evaluator.evaluate(asked, record, partial(client_gone, request.environ)))
        results = []
        for position, (article_id, content) in enumerate(articles):
            result = next(found) if isinstance(content, Asked) else content
            if isinstance(result, bytes):
                results.append(batch_result(article_id or "", result))
            else:
                results.append(batch_failure(article_id, refusal_content(result, ("articles", position))))
        return _json(batch_response(summarizer.model, results))

    @api.get("/model")
    def model() -> Response:
        about = {"model": asdict(summarizer.model), "card": dict(summarizer.card)}
        return _json(to_json({**about, "limits": config.limits, "options": option_choices(summarizer.kinds)}))

    return api


def _read_article() -> Asked:
    """One article, in whichever format it was sent.

    :raises BadRequest: a field or parameter is invalid; for other errors see :mod:`service.body`,
        :mod:`service.reading` and :mod:`summarizer.html_article`.
    """
    kind = media_type("text/plain", "text/html", "application/json")
    body, parameters = read_body(), read_query()
    if kind == "application/json":
        refuse_query(parameters)
        asked = parse_evaluate(body)
    else:
        asked = parse_query(parameters, body.decode())
    options = summary_options(asked)  # before the costly reading of a page
    if kind == "text/html":
        asked = asked.model_copy(update={"text": main_text(body)})
    return Asked(asked, options, with_text=kind == "text/html" or asked.sentences is not None)


def _read_batch(max_articles: int) -> list[_Named]:
    """Several articles, each of which may be invalid on its own.

    :raises BadRequest: the list of articles is missing or too long.
    """
    media_type("application/json")
    body, parameters = read_body(), read_query()
    refuse_query(parameters)
    articles = []
    for article in parse_batch(body, max_articles):
        if isinstance(article, RefusedArticle):
            articles.append(_Named(*article))
            continue
        try:
            options = summary_options(article)
        except BadRequest as error:
            articles.append(_Named(article.id, error))
        else:
            articles.append(
                _Named(article.id, Asked(article, options, with_text=article.sentences is not None))
            )
    return articles


def _json(body: bytes) -> Response:
    return Response(body, content_type="application/json")
