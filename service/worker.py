"""gunicorn's threaded worker, for clients that are slow on purpose or not."""

import os
import select
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from service.config import ServiceConfig
from service.connection import TimedSocket

# How long a thread waits for the next request on its connection. Who asks for one article after the other
# sends it at once, and to pass a connection from thread to thread takes longer than to read a request.
LINGER_SECONDS = 0.02

# How long a worker leaves a new connection to the others: so long for each connection that it has, up to
# a most. Clients open several at once and keep them; without this one worker takes nearly all.
YIELD_SECONDS, MOST_YIELD_SECONDS = 0.00005, 0.0005


class TimedThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn brings no types
    """A thread is taken only by a connection that has sent something, and not for longer than a while.

    gunicorn itself reads without any limit of time, so as many slow clients as there are threads would stop
    a worker. Connections with TLS (which a balancer had better end) have no such limit.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._read_seconds = ServiceConfig.from_environment(os.environ).read_seconds

    def accept(self, listener: Any) -> None:
        """Take a new connection, unless a worker that has fewer of them was quicker."""
        if self.cfg.workers > 1:
            time.sleep(min(YIELD_SECONDS * self.nr_conns, MOST_YIELD_SECONDS))
        super().accept(listener)

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

    def handle(self, conn: TConn) -> Any:
        """Answer a request, and those that follow at once on the same connection.

        Unless there are more connections than threads: then nobody has a thread for longer than a request.
        """
        kept = super().handle(conn)
        while (
            kept is True
            and self.alive
            and self.nr_conns <= self.cfg.threads
            and isinstance(conn.sock, TimedSocket)
            and _follows(conn)
        ):
            conn.sock.read_by = time.monotonic() + self._read_seconds
            kept = super().handle(conn)
        return kept

    def _await_first_byte(self, conn: TConn) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))


def _follows(conn: TConn) -> bool:
    """Whether the next request begins within a moment."""
    if conn.parser.unreader.buf.getvalue():
        return True
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(LINGER_SECONDS * 1000))
