"""Encoding and scoring for all requests of a process, in batches, one at a time.

Splitting and selecting happen in the threads of the requests. Between them is one pass through the network:
the more articles go through it together, the less each costs. So articles wait in a queue, and the engine
takes as many as fit as one batch, without waiting for more while there is work. If the engine is idle, the
request's own thread computes its article: waking another thread would only take longer.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import NamedTuple

from service.config import ServiceConfig
from service.metrics import Metrics
from service.record import RequestRecord
from summarizer import Evaluation, InputError, Summarizer, SummaryOptions
from summarizer.document import Document
from summarizer.encoder import Encoded
from summarizer.selection import Scores


class Article(NamedTuple):
    """What to score: either a text or the caller's own sentences; the other is None."""

    text: str | None
    sentences: Sequence[str] | None
    options: SummaryOptions


class Unavailable(Exception):
    """The engine cannot answer this request now.

    :cvar code: stable, machine-readable name of the reason; also a label in the metrics.
    :ivar retry_after: seconds after which it is worth trying again.
    """

    code = "unavailable"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(Unavailable):
    """The queue has reached its limit. Nothing was begun."""

    code = "queue_full"


class DeadlineExceeded(Unavailable):
    """The request's time is up."""

    code = "deadline_exceeded"


class ClientGone(Unavailable):
    """The client has disconnected."""

    code = "client_gone"


class Engine:
    """The queue and its thread, which is started when first needed. Thread-safe.

    :param config: the engine uses ``queue_articles``, ``batch_sentences`` and ``batch_wait_ms``.
    """

    def __init__(self, summarizer: Summarizer, config: ServiceConfig, metrics: Metrics) -> None:
        self._summarizer = summarizer
        self._metrics = metrics
        self._limit = config.queue_articles
        self._batch_sentences = config.batch_sentences
        self._batch_wait = config.batch_wait_ms / 1000
        self._changed = threading.Condition()  # guards everything below
        self._jobs: deque[_Job] = deque()
        self._depth = 0
        self._computing = False
        self._thread: threading.Thread | None = None

    @property
    def depth(self) -> int:
        """Articles that wait or are in work."""
        return self._depth

    @property
    def full(self) -> bool:
        """Whether the next request would be refused."""
        return self._depth >= self._limit

    def check_room(self) -> None:
        """Check that there is room, before a request is read.

        :raises QueueFull: the queue is full.
        """
        if self.full:
            raise QueueFull(
                f"{self._depth} articles are waiting or in work and the limit is {self._limit};"
                " try again in a second"
            )

    def evaluate(
        self,
        articles: Sequence[Article],
        deadline: float,
        abandoned: Callable[[], bool],
        record: RequestRecord | None = None,
    ) -> list[Evaluation | InputError]:
        """Score articles, together with those of other requests.

        An article gets the same scores as it would alone; with a transformer encoder that pads its input, to
        within rounding. While the queue is not full, a request is admitted as a whole, so a batch may exceed
        the limit.

        :param deadline: on the clock of :func:`time.monotonic`.
        :param abandoned: whether the client has disconnected. Called from any thread.
        :param record: receives the times of the stages and the number of sentences.
        :returns: in the order of the articles; an InputError for each that cannot be scored.
        :raises QueueFull: the queue is full; raised immediately.
        :raises DeadlineExceeded: the deadline passed; articles not yet begun are not computed.
        :raises ClientGone: the client had disconnected before an article was computed.
        """
        record = record or RequestRecord()
        try:
            with self._admitted(len(articles)):
                results = self._evaluate(articles, deadline, abandoned, record)
        except Unavailable as error:
            record.rejected = error.code
            raise
        record.sentences += sum(len(r.sentences) for r in results if isinstance(r, Evaluation))
        return results

    @contextmanager
    def _admitted(self, count: int) -> Iterator[None]:
        with self._changed:
            self.check_room()
            self._change_depth(count)
        try:
            yield
        finally:
            with self._changed:
                self._change_depth(-count)

    def _change_depth(self, by: int) -> None:
        self._depth += by
        self._metrics.queue_depth(self._depth)

    def _evaluate(
        self,
        articles: Sequence[Article],
        deadline: float,
        abandoned: Callable[[], bool],
        record: RequestRecord,
    ) -> list[Evaluation | InputError]:
        documents: list[Document | InputError] = []
        with record.stage("split"):
            for article in articles:
                _check(deadline)
                documents.append(self._split(article))
        jobs = [
            _Job(found, article.options.kind, deadline, abandoned)
            for article, found in zip(articles, documents, strict=True)
            if isinstance(found, Document)
        ]
        computed = iter(self._compute(jobs, deadline, record))
        results: list[Evaluation | InputError] = []
        with record.stage("select"):
            for article, document in zip(articles, documents, strict=True):
                if isinstance(document, InputError):
                    results.append(document)
                    continue
                _check(deadline)
                encoded, scores, _ = next(computed)
                results.append(self._summarizer.select(document, encoded, scores, article.options))
        return results

    def _split(self, article: Article) -> Document | InputError:
        try:
            self._summarizer.check_kind(article.options.kind)
            if article.sentences is not None:
                return self._summarizer.take_sentences(article.sentences)
            return self._summarizer.split(article.text or "")
        except InputError as error:
            return error

    def _compute(self, jobs: Sequence["_Job"], deadline: float, record: RequestRecord) -> list["_Computed"]:
        """Compute a single article here if the engine is idle; else hand over to its thread and wait."""
        if not jobs:
            return []
        began = time.monotonic()
        if len(jobs) == 1 and self._begins_alone():
            self._compute_and_leave(jobs)
        else:
            self._hand_over(jobs)
        try:
            computed = [job.future.result(max(0.0, deadline - time.monotonic())) for job in jobs]
        except TimeoutError:
            raise _late() from None
        finally:
            for job in jobs:
                job.future.cancel()  # after a failure, those that have not begun
        times = {result.times for result in computed}
        encode, score = sum(batch.encode for batch in times), sum(batch.score for batch in times)
        record.add("encode", encode)
        record.add("score", score)
        record.add("queue", max(0.0, time.monotonic() - began - encode - score))
        return computed

    def _begins_alone(self) -> bool:
        """Claim the engine if nothing waits or is in work, and batches are not to be waited for."""
        with self._changed:
            if self._computing or self._jobs or self._batch_wait:
                return False
            self._computing = True
            return True

    def _hand_over(self, jobs: Sequence["_Job"]) -> None:
        with self._changed:
            if self._thread is None or not self._thread.is_alive():
                thread = threading.Thread(target=self._run, name="engine", daemon=True)
                thread.start()  # where the system has no room for another thread, nothing has been queued
                self._thread = thread
            self._jobs.extend(jobs)
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            self._compute_and_leave(self._next_batch())

    def _compute_and_leave(self, batch: Sequence["_Job"]) -> None:
        """Compute, and release the engine."""
        try:
            self._work(batch)
        finally:
            with self._changed:
                self._computing = False
                self._changed.notify_all()

    def _next_batch(self) -> list["_Job"]:
        """Wait for articles and for the engine to be free, and take as many articles as fit."""
        with self._changed:
            if not self._jobs:
                self._changed.wait_for(lambda: self._jobs)
                if self._batch_wait:
                    self._changed.wait_for(self._is_enough, self._batch_wait)
            self._changed.wait_for(lambda: not self._computing)
            batch: list[_Job] = []
            sentences = 0
            while self._jobs:
                size = len(self._jobs[0].document.sentences)
                if batch and sentences + size > self._batch_sentences:
                    break
                sentences += size
                batch.append(self._jobs.popleft())
            self._computing = True
            return batch

    def _is_enough(self) -> bool:
        return sum(len(job.document.sentences) for job in self._jobs) >= self._batch_sentences

    def _work(self, batch: Sequence["_Job"]) -> None:
        jobs = [job for job in batch if job.begins()]
        if not jobs:
            return
        try:
            self._score(jobs)
        except Exception as error:  # noqa: BLE001  # the waiting threads raise it
            if len(jobs) == 1:
                jobs[0].future.set_exception(error)
                return
            for job in jobs:  # one article must not make the others fail
                try:
                    self._score([job])
                except Exception as own_error:  # noqa: BLE001
                    job.future.set_exception(own_error)

    def _score(self, jobs: Sequence["_Job"]) -> None:
        documents = [job.document for job in jobs]
        began = time.perf_counter()
        encoded = self._summarizer.encode(documents)
        between = time.perf_counter()
        scores = self._summarizer.score(documents, encoded, [job.kind for job in jobs])
        times = _BatchTimes(between - began, time.perf_counter() - between)
        self._metrics.batch(len(documents), sum(len(document.sentences) for document in documents))
        for job, vectors, own_scores in zip(jobs, encoded, scores, strict=True):
            job.future.set_result(_Computed(vectors, own_scores, times))


class _BatchTimes:
    """Seconds that a batch took. Compared by identity: articles of one request may share a batch."""

    def __init__(self, encode: float, score: float) -> None:
        self.encode = encode
        self.score = score


class _Computed(NamedTuple):
    encoded: Encoded
    scores: Scores
    times: _BatchTimes


class _Job:
    """An article that is waiting."""

    def __init__(
        self, document: Document, kind: str | None, deadline: float, abandoned: Callable[[], bool]
    ) -> None:
        self.document = document
        self.kind = kind
        self.future: Future[_Computed] = Future()
        self._deadline = deadline
        self._abandoned = abandoned

    def begins(self) -> bool:
        """Whether it is still worth computing; if not, the waiting thread gets the reason."""
        if not self.future.set_running_or_notify_cancel():
            return False
        if time.monotonic() >= self._deadline:
            self.future.set_exception(_late())
            return False
        if self._abandoned():
            self.future.set_exception(ClientGone("the client has closed the connection"))
            return False
        return True


def _check(deadline: float) -> None:
    if time.monotonic() >= deadline:
        raise _late()


def _late() -> DeadlineExceeded:
    return DeadlineExceeded("the request exceeded its time limit; send less at once, or try again later")
