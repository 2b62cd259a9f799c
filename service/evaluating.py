"""From articles to the JSON of their evaluations, from the cache or the engine. Knows nothing of HTTP."""

import hashlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from service.answers import evaluated
from service.cache import ResponseCache
from service.engine import Article, Engine, QueueFull
from service.metrics import Metrics
from service.record import RequestRecord
from service.schema import EvaluateRequest
from summarizer import InputError, ModelInfo, SummaryOptions


class Asked(NamedTuple):
    """An article whose request is valid.

    :ivar with_text: include the text that offsets refer to, because the caller does not have it.
    """

    request: EvaluateRequest
    options: SummaryOptions
    with_text: bool = False


class Evaluator:
    """Answers repeated requests from the cache, and all others with the engine. Thread-safe.

    :param model: the model that the engine uses; the cache is never used for another model.
    :param deadline_seconds: time limit, counted from when a request began.
    """

    def __init__(
        self,
        model: ModelInfo,
        engine: Engine,
        cache: ResponseCache,
        metrics: Metrics,
        deadline_seconds: float,
    ) -> None:
        self._model = model
        self._engine = engine
        self._cache = cache
        self._metrics = metrics
        self._deadline_seconds = deadline_seconds

    def check_room(self, record: RequestRecord) -> None:
        """Refuse a request before it is parsed, if the queue is full.

        This includes requests that the cache could answer: an overloaded service does not look them up.

        :raises QueueFull: the queue is full.
        """
        try:
            self._engine.check_room()
        except QueueFull as error:
            record.rejected = error.code
            raise

    def evaluate(
        self, asked: Sequence[Asked], record: RequestRecord, abandoned: Callable[[], bool]
    ) -> list[bytes | InputError]:
        """Evaluate the articles of one request.

        :param record: of the request; the deadline counts from its ``began``.
        :param abandoned: whether the client has disconnected.
        :returns: for each article, in order, the JSON of an ``Evaluated``, or why it cannot be scored.
        :raises Unavailable: the engine cannot answer this request now.
        """
        record.articles = len(asked)
        keys = [self._key(article) for article in asked]
        found: dict[int, bytes | InputError] = {
            index: body for index, key in enumerate(keys) if (body := self._cache.get(key)) is not None
        }
        missing = [index for index in range(len(asked)) if index not in found]
        record.cached = not missing if asked else None
        evaluations = (
            self._engine.evaluate(
                [_article(asked[index]) for index in missing],
                record.began + self._deadline_seconds,
                abandoned,
                record,
            )
            if missing
            else []
        )
        for index, evaluation in zip(missing, evaluations, strict=True):
            if isinstance(evaluation, InputError):
                found[index] = evaluation
                continue
            with record.stage("json"):
                body = evaluated(
                    evaluation, asked[index].request.index_unit, with_text=asked[index].with_text
                )
            self._cache.put(keys[index], body)
            self._metrics.scores([evaluation])
            found[index] = body
        return [found[index] for index in range(len(asked))]

    def _key(self, asked: Asked) -> bytes:
        """A digest of everything that the answer depends on."""
        digest = hashlib.sha256(f"{self._model.sha256} {asked.with_text} ".encode())
        digest.update(asked.request.model_dump_json(exclude={"id"}).encode())
        return digest.digest()


def _article(asked: Asked) -> Article:
    return Article(asked.request.text, asked.request.sentences, asked.options)
