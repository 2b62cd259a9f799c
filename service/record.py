"""What one request did: written down on its way, read by the metrics and the log at its end."""

import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

Stage = Literal["parse", "queue", "split", "encode", "score", "select", "json"]

_KEY = "summarizer.record"


@dataclass(slots=True)
class RequestRecord:
    """Never holds anything of an article but its sizes.

    :ivar began: on the clock of :func:`time.monotonic`.
    :ivar request_id: as the answer's header says it.
    :ivar route: the pattern of the address, of which there are few; empty where none fits.
    :ivar seconds: of the stages it went through; a batch request has the sum over its articles.
    :ivar articles: number that it asked to score.
    :ivar sentences: number that it got scores for.
    :ivar cached: whether the answer came from the cache; None where the cache was not asked.
    :ivar rejected: why it was turned away; empty where it was not.
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
        """Add the time that the body of a ``with`` takes, also where it fails."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.add(name, time.perf_counter() - began)

    def add(self, stage: Stage, seconds: float) -> None:
        """Add to the time of a stage."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds


def record_of(environ: MutableMapping[str, Any]) -> RequestRecord:
    """The record of a request, begun where there is none yet.

    :param environ: the request's WSGI environment, which the server's log sees too.
    """
    record: RequestRecord = environ.setdefault(_KEY, RequestRecord())
    return record
