"""What happened to a request: recorded along the way, and read by the metrics and the log at the end."""

import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["parse", "queue", "split", "encode", "score", "select", "json"]

_KEY = "summarizer.record"


@dataclass(slots=True)
class RequestRecord:
    """Contains nothing of an article except its size.

    :ivar began: when the application first saw the request, on the clock of :func:`time.monotonic`.
    :ivar request_id: the same as in the answer's header.
    :ivar route: the pattern of the address; empty if no route matches.
    :ivar seconds: time in each stage; for a batch request, the sum over its articles.
    :ivar articles: number of valid articles in the request.
    :ivar sentences: number of sentences that were scored for it.
    :ivar cached: whether the whole answer came from the cache; None if nothing was looked up.
    :ivar rejected: why it was refused, for lack of capacity or access; empty if it was not.
    """

    began: float = field(default_factory=time.monotonic)
    request_id: str = ""
    route: str = ""
    seconds: dict[Stage, float] = field(default_factory=dict)
    articles: int = 0
    sentences: int = 0
    cached: bool | None = None
    rejected: str = ""

    @contextmanager
    def stage(self, name: Stage) -> Iterator[None]:
        """Add the time that the body of a ``with`` takes, even if it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - began)

    def add(self, stage: Stage, seconds: float) -> None:
        """Add to the time of a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def record_of(environ: MutableMapping[str, Any]) -> RequestRecord:
    """The record of a request, created on the first call.

    :param environ: the request's WSGI environment, which gunicorn's logger gets too.
    """
    record: RequestRecord = environ.setdefault(_KEY, RequestRecord())
    return record
