"""How gunicorn runs the service. Any setting can be overridden on its command line."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger

bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8000')}"  # noqa: S104  # a server is meant to be reached

# One process a core: the work is computation, and Python runs one thread at a time.
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = int(os.environ.get("WEB_CONCURRENCY") or 0) or cores

# A few threads each, so that /healthz answers while a long article is scored.
worker_class = "gthread"
threads = 4

# The model is loaded and run in each worker. With preload, PyTorch's thread pool would start in the master
# and be dead after the fork: the first request then hangs for ever.
preload_app = False

# Workers that each use all cores make each other wait, five to ten times longer than the work takes.
# Set here, before any worker imports PyTorch; what the operator has set stays.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, str(max(1, cores // workers)))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

# A worker that says nothing for this long is replaced. Threads serve requests, so only a stuck process
# falls silent; loading a model takes seconds.
timeout = 60
# What has begun is finished; shorter than the 30 s after which orchestrators kill.
graceful_timeout = 25
keepalive = 5

# Insurance against memory that grows: a worker is replaced after so many requests, not all at once.
max_requests = 50_000
max_requests_jitter = 5_000

# Heartbeats go through a file; on a slow disk they would come late and workers be killed for nothing.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Headers and query hold options, never an article.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# Nothing here is changed while it runs, so there is no socket to do it through.
control_socket_disable = True

# Nobody's X-Forwarded-For is believed unless the operator names the balancer.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")


class AccessLogger(Logger):  # type: ignore[misc]  # gunicorn brings no types
    """Writes paths as they were sent: decoded, a %0A in one would begin a line of the caller's own."""

    def atoms(self, *arguments: Any) -> dict[str, Any]:
        """Give what the format below can name."""
        found: dict[str, Any] = super().atoms(*arguments)
        return {**found, "U": quote(found["U"] or "-", encoding="latin-1")}  # WSGI has bytes as latin-1


# One line a request: method, path without query, status, bytes, seconds. Never the article.
logger_class = AccessLogger
accesslog = "-"
access_log_format = "%(t)s %(m)s %(U)s %(s)s %(B)s %(L)ss id=%({x-request-id}o)s"
errorlog = "-"
