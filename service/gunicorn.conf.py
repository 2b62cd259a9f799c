"""How gunicorn runs the service. Any setting can be overridden on its command line."""

import os
import signal
import sys
from pathlib import Path

# The first process of a container ignores SIGTERM until it has a handler, and gunicorn sets its own after a
# second. (SIGHUP it ignores as well, which is right as long as nothing is loaded.)
if os.getpid() == 1:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

# One process per core: the work is computation, and Python runs one thread at a time.
cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
workers = int(os.environ.get("WEB_CONCURRENCY") or 0) or cores

# Workers that each use all cores make each other wait, five to ten times longer than the work takes.
# Set here, before NumPy is imported; values set by the operator are kept.
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, str(max(1, cores // workers)))
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from service.config import ConfigError, ServiceConfig  # noqa: E402
from service.logs import JsonLogger  # noqa: E402
from service.master import child_exit, on_exit, on_starting, post_fork, post_worker_init, pre_fork  # noqa: E402, F401
from service.worker import TimedThreadWorker  # noqa: E402

try:
    settings = ServiceConfig.from_environment(os.environ)
except ConfigError:
    settings = ServiceConfig()  # on_starting says what is wrong, once there is a log

host = os.environ.get("HOST") or "0.0.0.0"  # noqa: S104  # a server is meant to be reached
bind = f"{f'[{host}]' if host.count(':') > 1 and host[0] != '[' else host}:{os.environ.get('PORT') or 8000}"

# Threads read, split, select and write; each request occupies one until it is answered. At most
# queue_articles requests wait for the engine; the other threads are for requests that are still being sent
# or are refused, and for /healthz. An idle thread costs a few kilobytes.
worker_class = TimedThreadWorker
threads = settings.queue_articles + 64
# Connections without a request in work are kept open beside those that have one.
worker_connections = max(1000, 2 * threads)

# The master imports the libraries, so that workers start in a fraction of a second and share memory, but
# never runs them. With preload it would: PyTorch's thread pool, if an encoder needs it, would be dead after
# the fork, and requests would hang forever.
preload_app = False

# A worker that sends no heartbeat for this long is replaced. Threads serve requests, so only a stuck process
# sends none; loading a model takes seconds.
timeout = 60
# Requests that have begun are finished: this is longer than the default deadline of a request.
graceful_timeout = 32
keepalive = 5

# Insurance against memory leaks: a worker is replaced after this many requests, plus a random number of up to
# the jitter so that workers are not all replaced at the same time.
max_requests = 50_000
max_requests_jitter = 5_000

# Heartbeats go through a file; on a slow disk they would be late, and workers killed for no reason.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Headers and query contain options, never an article.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# Nothing is changed at run time, so no control socket is needed.
control_socket_disable = True

# Balancers whose X-Forwarded-Proto is trusted; none but the local host unless the operator names them.
forwarder_headers = ""  # nothing here is mounted below a path, and another SCRIPT_NAME is a 500
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "127.0.0.1")

# Lines of JSON: requests to standard output, everything else to standard error.
logger_class = JsonLogger
accesslog = "-"
errorlog = "-"
loglevel = settings.log_level
