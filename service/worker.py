"""gunicorn's threaded worker, for clients that are slow on purpose or not."""

import os
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from service.config import ServiceConfig
from service.connection import TimedSocket


class TimedThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn brings no types
    """A thread is taken only by a connection that has sent something, and not for longer than a while.

    gunicorn itself reads without any limit of time, so as many slow clients as there are threads would stop
    a worker. Connections with TLS (which a balancer had better end) have no such limit.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._read_seconds = ServiceConfig.from_environment(os.environ).read_seconds

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread once there is something to read."""
        if not self.cfg.is_ssl and not isinstance(conn.sock, TimedSocket):
            conn.sock = TimedSocket.of(conn.sock, write_seconds=self._read_seconds)
            if self.alive:
                self._await_first_byte(conn)
                return
        if isinstance(conn.sock, TimedSocket):
            conn.sock.read_by = time.monotonic() + self._read_seconds
        super().enqueue_req(conn)

    def _await_first_byte(self, conn: TConn) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))
