"""From articles to the JSON of their evaluations, by the cache or the engine. Knows nothing of HTTP."""

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
    """An article that can be evaluated, as far as its request tells.

    :ivar with_text: whether the answer gives the text that offsets refer to, which the caller does not have.
    """

    request: EvaluateRequest
    options: SummaryOptions
    with_text: bool = False


class Evaluator:
    """Answers what it has answered before from the cache, and the rest by the engine. Thread-safe.

    :param model: whose scores the engine gives; another model's answers are not taken from the cache.
    :param deadline_seconds: from the beginning of a request.
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
        """Turn a request away before it is parsed, if it would be turned away after that.

        An answer that is in the cache is not given then either: who is overloaded looks nothing up.

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

        :param record: of the request; its beginning counts for the deadline.
        :param abandoned: whether nobody waits for the answer any more.
        :returns: for each article, in their order, the JSON of an ``Evaluated``, or why it cannot be scored.
        :raises Unavailable: the engine does not answer this request now.
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
