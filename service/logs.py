"""The log: one line of JSON for each request and each message, never containing any text of an article.

Paths are logged percent-encoded and without the query.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from gunicorn.config import Config
from gunicorn.glogging import Logger

from service.record import record_of

LONGEST_PATH = 200

# The configured level is for these only: messages of other packages below a warning may contain anything.
OUR_LOGGERS = ("service", "summarizer")

# These log pieces of a page, at any level.
QUOTING_LOGGERS = ("trafilatura",)


class JsonFormatter(logging.Formatter):
    """A message as one line of JSON; its caller can add fields with ``extra={"fields": …}``."""

    def format(self, record: logging.LogRecord) -> str:
        """See :meth:`logging.Formatter.format`."""
        fields: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "process": record.process,
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["trace"] = self.formatException(record.exc_info)
        return json.dumps(fields)


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn brings no types
    """gunicorn's log, the lines of the requests and all other messages of the process, as JSON."""

    def setup(self, cfg: Config) -> None:
        """See :meth:`gunicorn.glogging.Logger.setup`; other loggers of the process then write here too."""
        super().setup(cfg)
        formatter = JsonFormatter()
        for handler in [*self.error_log.handlers, *self.access_log.handlers]:
            handler.setFormatter(formatter)
        root = logging.getLogger()
        root.handlers = list(self.error_log.handlers)
        root.setLevel(max(self.loglevel, logging.WARNING))
        for name in OUR_LOGGERS:
            logging.getLogger(name).setLevel(self.loglevel)
        for name in QUOTING_LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        logging.captureWarnings(True)

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning, but not what gunicorn quotes of an invalid request, which may contain a key."""
        if msg.startswith("Invalid request from ip="):
            msg = msg.partition(": ")[0]
        super().warning(msg, *args, **kwargs)

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:  # noqa: ARG002
        """Write the line of a request that was answered."""
        if not self.access_log_enabled:
            return
        path = quote(environ.get("PATH_INFO") or "-", encoding="latin-1")  # WSGI decodes bytes as Latin-1
        record = record_of(environ)
        fields = {
            "request_id": record.request_id,
            "method": environ.get("REQUEST_METHOD", "-"),
            "route": record.route,
            "path": path[:LONGEST_PATH],
            "status": int(str(resp.status).split()[0]),
            "bytes_in": _bytes_in(environ),
            "bytes_out": resp.sent,
            "articles": record.articles,
            "sentences": record.sentences,
            "seconds": round(request_time.total_seconds(), 6),
            "stages": {stage: round(seconds, 6) for stage, seconds in record.seconds.items()},
            "cached": record.cached,
            "rejected": record.rejected or None,
        }
        self.access_log.info("request", extra={"fields": fields})


def _bytes_in(environ: Mapping[str, Any]) -> int | None:
    """Length of the body as announced; None if it was sent in chunks."""
    announced = str(environ.get("CONTENT_LENGTH") or "")
    if announced.isdecimal():
        return int(announced)
    return None if "HTTP_TRANSFER_ENCODING" in environ else 0
