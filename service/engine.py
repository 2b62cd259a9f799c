"""Encoding and scoring for all requests of a process, in batches, one at a time.

Requests split and select in threads of their own. What lies between is one pass through the network: the
more articles go through it together, the less each costs. So articles wait in a queue, and the engine takes
whatever is there as one batch. While there is work it waits for nobody. Where nothing is in work, an article
is computed by the thread that brings it: to wake another and wait for it would take longer and gain nothing.
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
from summarizer.pipeline import Scores


class Article(NamedTuple):
    """What to score: a text, or the caller's own sentences, of which the other is None."""

    text: str | None
    sentences: Sequence[str] | None
    options: SummaryOptions


class Unavailable(Exception):
    """The engine does not answer this request now.

    :cvar code: stable name of the reason, for programs and metrics.
    :ivar retry_after: seconds after which it is worth to ask again.
    """

    code = "unavailable"

    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(Unavailable):
    """As many articles as may wait are waiting. Nothing was begun."""

    code = "queue_full"


class DeadlineExceeded(Unavailable):
    """The request's time is up."""

    code = "deadline_exceeded"


class ClientGone(Unavailable):
    """Nobody waits for the answer any more."""

    code = "client_gone"


class Engine:
    """The queue and its thread, which begins with the first article. Thread-safe.

    :param config: ``queue_articles``, ``batch_sentences`` and ``batch_wait_ms`` count here.
    """

    def __init__(self, summarizer: Summarizer, config: ServiceConfig, metrics: Metrics) -> None:
        self._summarizer = summarizer
        self._metrics = metrics
        self._limit = config.queue_articles
        self._batch_sentences = config.batch_sentences
        self._batch_wait = config.batch_wait_ms / 1000
        self._changed = threading.Condition()  # guards all below
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
        """Whether the next request is turned away."""
        return self._depth >= self._limit

    def check_room(self) -> None:
        """Before the work of reading a request: is there room for it now?

        :raises QueueFull: there is none.
        """
        if self.full:
            raise QueueFull(
                f"{self._depth} articles are waiting or in work here and the limit is {self._limit};"
                " ask again in a second"
            )

    def evaluate(
        self,
        articles: Sequence[Article],
        deadline: float,
        abandoned: Callable[[], bool],
        record: RequestRecord | None = None,
    ) -> list[Evaluation | InputError]:
        """Score articles, together with those of other requests; the scores are the same as alone.

        A request is let in whole while the queue is not full, so a batch request may exceed the limit once.

        :param deadline: on the clock of :func:`time.monotonic`.
        :param abandoned: whether nobody waits for the answer any more. Called from any thread.
        :param record: is told the times of the stages and the number of sentences.
        :returns: in the order of the articles; an InputError for each that cannot be scored.
        :raises QueueFull: the queue is full; at once.
        :raises DeadlineExceeded: the deadline passed; what had not begun is not computed.
        :raises ClientGone: found to be abandoned before it was computed.
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
        jobs = [_Job(found, deadline, abandoned) for found in documents if isinstance(found, Document)]
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
            if article.sentences is not None:
                return self._summarizer.take_sentences(article.sentences)
            return self._summarizer.split(article.text or "")
        except InputError as error:
            return error

    def _compute(self, jobs: Sequence["_Job"], deadline: float, record: RequestRecord) -> list["_Computed"]:
        """Compute one article here where nobody else does; else hand them to the engine's thread and wait."""
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
                job.future.cancel()  # those that have not begun, where one has failed
        times = {result.times for result in computed}
        encode, score = sum(batch.encode for batch in times), sum(batch.score for batch in times)
        record.add("encode", encode)
        record.add("score", score)
        record.add("queue", max(0.0, time.monotonic() - began - encode - score))
        return computed

    def _begins_alone(self) -> bool:
        """Take the turn to compute if nothing is in work or waits, and nobody shall wait for company."""
        with self._changed:
            if self._computing or self._jobs or self._batch_wait:
                return False
            self._computing = True
            return True

    def _hand_over(self, jobs: Sequence["_Job"]) -> None:
        with self._changed:
            self._jobs.extend(jobs)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            self._compute_and_leave(self._next_batch())

    def _compute_and_leave(self, batch: Sequence["_Job"]) -> None:
        """Compute, and give up the turn to do so."""
        try:
            self._work(batch)
        finally:
            with self._changed:
                self._computing = False
                self._changed.notify_all()

    def _next_batch(self) -> list["_Job"]:
        """Wait for articles and the turn, and take as many as fit."""
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
        except Exception as error:  # noqa: BLE001  # whatever it is, the waiting threads raise it
            if len(jobs) == 1:
                jobs[0].future.set_exception(error)
                return
            for job in jobs:  # one article must not take its company down
                try:
                    self._score([job])
                except Exception as own_error:  # noqa: BLE001
                    job.future.set_exception(own_error)

    def _score(self, jobs: Sequence["_Job"]) -> None:
        documents = [job.document for job in jobs]
        began = time.perf_counter()
        encoded = self._summarizer.encode(documents)
        between = time.perf_counter()
        scores = self._summarizer.score(documents, encoded)
        times = _BatchTimes(between - began, time.perf_counter() - between)
        self._metrics.batch(len(documents), sum(len(document.sentences) for document in documents))
        for job, vectors, own_scores in zip(jobs, encoded, scores, strict=True):
            job.future.set_result(_Computed(vectors, own_scores, times))


class _BatchTimes:
    """Seconds that a batch took. Told apart by identity: articles of one request may share a batch."""

    def __init__(self, encode: float, score: float) -> None:
        self.encode = encode
        self.score = score


class _Computed(NamedTuple):
    encoded: Encoded
    scores: Scores
    times: _BatchTimes


class _Job:
    """An article that waits."""

    def __init__(self, document: Document, deadline: float, abandoned: Callable[[], bool]) -> None:
        self.document = document
        self.future: Future[_Computed] = Future()
        self._deadline = deadline
        self._abandoned = abandoned

    def begins(self) -> bool:
        """Whether it is worth to compute it; if not, who waits for it learns why."""
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
    return DeadlineExceeded("the request took longer than it may; send less at once, or ask again later")
