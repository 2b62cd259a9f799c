"""Callers of the service that cost little themselves: one thread, plain sockets, requests made beforehand."""

import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Found:
    """What callers saw.

    :ivar seconds: from the first request to the last answer.
    :ivar cpu_seconds: of the callers.
    :ivar latencies: in seconds, one an answer; on schedule from the time it was due.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Articles a second that were scored."""
        return self.statuses[200] / self.seconds

    def percentile(self, percent: float) -> float:
        """Seconds within which so many of a hundred answers were there."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def request_of(body: bytes, path: str = "/api/evaluate") -> bytes:
    """The bytes of a request for an evaluation, or for several."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"Content-Type: application/json\r\n\r\n" + body


class Callers:
    """Connections that are kept open and post articles in turn.

    :param requests: as :func:`request_of` makes them; the next call goes on where the last one ended.
    """

    def __init__(self, port: int, connections: int, requests: Sequence[bytes]) -> None:
        self._requests = requests
        self._sent = 0
        # select() waits to the microsecond, epoll to the millisecond, which a schedule would feel.
        self._selector = selectors.SelectSelector()
        self._idle: deque[_Connection] = deque()
        for _ in range(connections):
            connection = _Connection(port)
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
            self._idle.append(connection)

    def close(self) -> None:
        """Close all connections."""
        for key in list(self._selector.get_map().values()):
            key.data.socket.close()
        self._selector.close()

    def saturate(self, seconds: float) -> Found:
        """Each connection asks again as soon as it has its answer."""
        return self._call(seconds, None)

    def on_schedule(self, rate: float, seconds: float) -> Found:
        """Requests come at even intervals, whether those before are answered or not."""
        return self._call(seconds, 1 / rate)

    def _call(self, seconds: float, interval: float | None) -> Found:
        found = Found()
        began, cpu_began = time.perf_counter(), time.process_time()
        due, end = began, began + seconds
        while True:
            now = time.perf_counter()
            while now < end and self._idle and due <= now:
                self._send(self._idle.popleft(), now if interval is None else due)
                due += interval or 0.0
            working = len(self._selector.get_map()) - len(self._idle)
            if now >= end and not working:
                break
            wait = max(0.0, due - now) if now < end and self._idle else None
            for key, _ in self._selector.select(wait):
                self._receive(key.data, found)
        found.seconds = time.perf_counter() - began
        found.cpu_seconds = time.process_time() - cpu_began
        return found

    def _send(self, connection: "_Connection", due: float) -> None:
        connection.send(self._requests[self._sent % len(self._requests)], due)
        self._sent += 1

    def _receive(self, connection: "_Connection", found: Found) -> None:
        if (status := connection.receive()) is not None:
            found.latencies.append(time.perf_counter() - connection.due)
            found.statuses[status] += 1
            self._idle.append(connection)


class _Connection:
    """One connection, with at most one request under way.

    :ivar due: when the request was to be sent.
    """

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self._buffer = bytearray()
        self._length = 0

    def send(self, request: bytes, due: float) -> None:
        self.due, self._length = due, 0
        self._buffer.clear()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """:returns: the status, once the whole answer is there."""
        piece = self.socket.recv(1 << 18)
        if not piece:
            raise ConnectionError("the service has closed a connection")
        self._buffer += piece
        if not self._length:
            head, separator, _ = self._buffer.partition(b"\r\n\r\n")
            if not separator:
                return None
            body = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
            self._length = len(head) + len(separator) + body
        return int(self._buffer[9:12]) if len(self._buffer) >= self._length else None
