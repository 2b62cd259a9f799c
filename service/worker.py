"""gunicorn's threaded worker, made robust against clients that are slow, on purpose or not."""

import errno
import os
import select
import time
from functools import partial
from selectors import EVENT_READ
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

from service.config import ServiceConfig
from service.connection import TimedSocket

# How long a thread waits for the next request on its connection. A client with several articles sends the
# next one immediately, and passing a connection between threads takes longer than reading a request.
LINGER_SECONDS = 0.02

# The pause after a connection that could not be accepted because too many files are open.
NO_FILES_SECONDS = 0.1

# How long a thread waits for a client to close its side as well, so that the end of the answer is not lost.
CLOSE_SECONDS = 2.0

# How long a worker leaves a new connection to the others: the first value for each connection that it has, up
# to the second. Clients open several at once and keep them; without this, one worker takes nearly all.
YIELD_SECONDS, MOST_YIELD_SECONDS = 0.00005, 0.0005


class TimedThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn brings no types
    """Gives a thread only to connections that have sent something, and limits the time to read a request.

    gunicorn itself reads a request without a time limit, so as many slow clients as there are threads would
    block a worker. Connections with TLS (better terminated at a balancer) have no such limit.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._read_seconds = ServiceConfig.from_environment(os.environ).read_seconds

    def accept(self, listener: Any) -> None:
        """Accept a new connection, unless a worker with fewer connections was quicker."""
        if self.cfg.workers > 1:
            time.sleep(min(YIELD_SECONDS * self.nr_conns, MOST_YIELD_SECONDS))
        try:
            super().accept(listener)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            # The caller waits in the backlog until another connection is closed.
            self.log.warning("cannot accept a connection: %s; raise the limit of open files", error)
            time.sleep(NO_FILES_SECONDS)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop accepting connections; a worker that stops leaves new callers to the others.

        With the socket open they would be connected without being answered until this worker has finished,
        and then be reset.
        """
        super().set_accept_enabled(enabled)
        if not self.alive:
            for listener in self.sockets:
                listener.close()

    def enqueue_req(self, conn: TConn) -> None:
        """Hand a connection to a thread once there is something to read from it."""
        if not self.cfg.is_ssl and not isinstance(conn.sock, TimedSocket):
            conn.sock = TimedSocket.of(conn.sock, write_seconds=self._read_seconds)
            if self.alive:
                self._await_first_byte(conn)
                return
        if isinstance(conn.sock, TimedSocket):
            conn.sock.read_by = time.monotonic() + self._read_seconds
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        """Answer a request, and those that follow immediately on the same connection.

        If there are more connections than threads, a connection gives up its thread after each request.
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
        if kept is False and isinstance(conn.sock, TimedSocket):
            # gunicorn would wait for the client to close its side in the one thread that accepts connections.
            conn.sock.read_by = time.monotonic() + CLOSE_SECONDS
            conn.close(graceful=True)
            conn.close = _already_closed
        return kept

    def _await_first_byte(self, conn: TConn) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, EVENT_READ, partial(self.on_pending_socket_readable, conn))


def _already_closed(graceful: bool = False) -> None:
    """What closing a closed connection does: nothing."""


def _follows(conn: TConn) -> bool:
    """Whether the next request begins within ``LINGER_SECONDS``."""
    if conn.parser.unreader.buf.getvalue():
        return True
    poll = select.poll()
    poll.register(conn.sock, select.POLLIN)
    return bool(poll.poll(LINGER_SECONDS * 1000))
