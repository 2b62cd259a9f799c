"""The connection to a client: how long it may take, and whether it is still there."""

import errno
import socket
import ssl
import time
from collections.abc import Mapping
from typing import Any


class SlowClient(TimeoutError):
    """A client did not send its request, or receive its answer, within the time limit."""

    def __init__(self) -> None:
        # With the errno of a reset connection: gunicorn then closes it and does not log an error.
        super().__init__(errno.ECONNRESET, "the client was too slow")


class TimedSocket(socket.socket):
    """A socket whose peer has a time limit for a whole request, however small the pieces are.

    :ivar read_by: when the peer must have sent everything, on the clock of :func:`time.monotonic`.
    :ivar write_seconds: how long the peer may take to receive one piece of an answer.
    """

    read_by: float
    write_seconds: float

    @classmethod
    def of(cls, plain: socket.socket, write_seconds: float) -> "TimedSocket":
        """The same connection; the plain socket cannot be used any more."""
        timed = cls(plain.family, plain.type, plain.proto, fileno=plain.detach())
        timed.read_by = float("inf")
        timed.write_seconds = write_seconds
        return timed

    def recv(self, size: int, flags: int = 0, /) -> bytes:
        """Read like any socket, but only until ``read_by``.

        :raises SlowClient: nothing came by then.
        """
        if flags & socket.MSG_DONTWAIT or self.read_by == float("inf"):
            return super().recv(size, flags)
        former, left = self.gettimeout(), self.read_by - time.monotonic()
        if left <= 0:
            raise SlowClient
        try:
            self.settimeout(left)
            return super().recv(size, flags)
        except TimeoutError:
            raise SlowClient from None
        finally:
            self.settimeout(former)

    def sendall(self, data: Any, flags: int = 0, /) -> None:
        """Write like any socket, but for at most ``write_seconds``.

        :raises SlowClient: the peer did not receive all of it in time.
        """
        former = self.gettimeout()
        try:
            self.settimeout(self.write_seconds)
            super().sendall(data, flags)
        except TimeoutError:
            raise SlowClient from None
        finally:
            self.settimeout(former)


def client_gone(environ: Mapping[str, Any]) -> bool:
    """Whether the client of a request has closed its side of the connection.

    A client that has shut down only its sending side looks the same; few do, and proxies treat it the same.

    :param environ: the request's WSGI environment; without gunicorn's socket in it, the answer is False.
    """
    connection: socket.socket | None = environ.get("gunicorn.socket")
    if connection is None or isinstance(connection, ssl.SSLSocket):  # TLS cannot peek
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
