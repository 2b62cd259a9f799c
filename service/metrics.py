"""What the service counts and measures, for Prometheus.

With several worker processes, each writes to its own files in a common folder, and ``/metrics`` adds them up;
``master.py`` sets that up. In a single process, everything is in memory.
"""

import os
import time
from bisect import bisect_left
from collections.abc import Iterable, Sequence

from flask import Blueprint, Flask, Response, g, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from service.record import RequestRecord, record_of
from summarizer import Evaluation, ModelInfo

# From a cached answer to the default deadline.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
SCORES = tuple(tenth / 10 for tenth in range(1, 11))
ARTICLES = (1, 2, 4, 8, 16, 32, 64, 128)
SENTENCES = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 5000)

# Exposed as 0 from the start: an alert on an increase does not see a series that begins with 1.
EVALUATIONS = ("/api/evaluate", "/api/evaluate/batch")
STATUSES = (200, 500)
REJECTIONS = ("queue_full", "deadline_exceeded", "client_gone", "rate_limited", "unauthorized")

METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"


class _HistogramOfMany(Histogram):
    """A histogram that takes all scores of an article at once.

    With several processes, each observation writes to a file twice, which is slow for 5,000 sentences.
    """

    def observe_all(self, amounts: Sequence[float]) -> None:
        """The same as observing them one by one."""
        counts = [0] * len(self._upper_bounds)
        for amount in amounts:
            counts[bisect_left(self._upper_bounds, amount)] += 1
        self._sum.inc(sum(amounts))
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


class Metrics:
    """The metrics of one application."""

    def __init__(self, model: ModelInfo) -> None:
        self.registry = registry = CollectorRegistry()
        self._requests = Counter(
            "summarizer_requests", "Requests that were answered.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "summarizer_request_seconds",
            "Time from the arrival of a request to its answer.",
            ["route"],
            buckets=SECONDS,
            registry=registry,
        )
        self._stage_seconds = Histogram(
            "summarizer_stage_seconds",
            "Time of a request by stage; encode and score are the times of the batches it was in.",
            ["stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._batch_articles = Histogram(
            "summarizer_batch_articles",
            "Articles that went through the network together.",
            buckets=ARTICLES,
            registry=registry,
        )
        self._batch_sentences = Histogram(
            "summarizer_batch_sentences",
            "Sentences that went through the network together.",
            buckets=SENTENCES,
            registry=registry,
        )
        self._sentences = Counter("summarizer_sentences", "Sentences that were scored.", registry=registry)
        self._queue_depth = Gauge(
            "summarizer_queue_articles",
            "Articles that wait or are in work.",
            multiprocess_mode="livesum",
            registry=registry,
        )
        self._rejections = Counter(
            "summarizer_rejections",
            "Requests that were refused, by reason, whatever their content.",
            ["reason"],
            registry=registry,
        )
        self._cache = Counter(
            "summarizer_cache_lookups", "Requests looked up in the cache.", ["result"], registry=registry
        )
        self._scores = _HistogramOfMany(
            "summarizer_score",
            "Scores of sentences; a changed distribution means other articles or another model.",
            buckets=SCORES,
            registry=registry,
        )
        # An info metric does not work with several processes; a gauge with the value 1 does.
        info = Gauge(
            "summarizer_model_info",
            "The model that gives the scores.",
            ["name", "version", "sha256", "encoder"],
            multiprocess_mode="livemax",
            registry=registry,
        )
        info.labels(model.name, model.version, model.sha256, model.encoder).set(1)
        for route in EVALUATIONS:
            for status in STATUSES:
                self._requests.labels(route, status)
        for reason in REJECTIONS:
            self._rejections.labels(reason)
        self._queue_depth.set(0)  # the replacement of a killed worker continues its file

    def request(self, record: RequestRecord, status: int, seconds: float) -> None:
        """Count a request that was answered.

        :param seconds: in total.
        """
        route = record.route or "(none)"
        self._requests.labels(route, status).inc()
        self._seconds.labels(route).observe(seconds)
        for stage, stage_seconds in record.seconds.items():
            self._stage_seconds.labels(stage).observe(stage_seconds)
        if record.rejected:
            self._rejections.labels(record.rejected).inc()
        if record.cached is not None:
            self._cache.labels("hit" if record.cached else "miss").inc()

    def batch(self, articles: int, sentences: int) -> None:
        """Count articles and sentences that went through the network together."""
        self._batch_articles.observe(articles)
        self._batch_sentences.observe(sentences)
        self._sentences.inc(sentences)

    def scores(self, evaluations: Iterable[Evaluation]) -> None:
        """Add scores to the histogram."""
        for evaluation in evaluations:
            self._scores.observe_all([sentence.score for sentence in evaluation.sentences])

    def queue_depth(self, articles: int) -> None:
        """Set how many articles wait or are in work in this process."""
        self._queue_depth.set(articles)

    def exposition(self) -> bytes:
        """All metrics of all worker processes, in Prometheus' text format."""
        if METRICS_FOLDER not in os.environ:
            return generate_latest(self.registry)
        everything = CollectorRegistry()
        MultiProcessCollector(everything)  # type: ignore[no-untyped-call]
        return generate_latest(everything)


def measure(app: Flask, metrics: Metrics) -> None:
    """Record the route, the id and the time of every request, and count it.

    Call this before registering any other after-request functions: the one registered first runs last.
    """
    app.before_request(_begin)

    @app.after_request
    def count(answer: Response) -> Response:
        record = record_of(request.environ)
        record.request_id = g.get("request_id", "")
        metrics.request(record, answer.status_code, time.monotonic() - record.began)
        return answer


def _begin() -> None:
    record = record_of(request.environ)
    record.route = request.url_rule.rule if request.url_rule else ""


def create_metrics(metrics: Metrics) -> Blueprint:
    """The route /metrics."""
    blueprint = Blueprint("metrics", __name__)

    @blueprint.get("/metrics")
    def expose() -> Response:
        return Response(metrics.exposition(), content_type=CONTENT_TYPE_LATEST)

    return blueprint
