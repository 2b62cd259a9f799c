"""Answers that were given before, so that the same question costs nothing."""

import threading
from collections import OrderedDict

# What an entry takes beside its body: the key (32 bytes and a head), the body's head, a place in the
# dictionary and in its order. Measured with tracemalloc, rounded up.
ENTRY_BYTES = 320


class ResponseCache:
    """Bodies of answers by key; those unused the longest give way. Thread-safe.

    A body holds the sentences of its article: what must not stay in memory needs a cache of 0 bytes.

    :param max_bytes: most that all entries together take; 0 keeps nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._bodies: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """What the entries take now."""
        return self._bytes

    def get(self, key: bytes) -> bytes | None:
        """The body that was put under this key, if it is still there."""
        with self._lock:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
            return body

    def put(self, key: bytes, body: bytes) -> None:
        """Keep a body in place of the one before; one that would not fit alone is not kept.

        :param key: 32 bytes, a digest of all that the body depends on: the article, the options, the model.
        """
        size = len(body) + ENTRY_BYTES
        with self._lock:
            if (former := self._bodies.pop(key, None)) is not None:
                self._bytes -= len(former) + ENTRY_BYTES
            if size > self._max_bytes:
                return
            self._bodies[key] = body
            self._bytes += size
            while self._bytes > self._max_bytes:
                _, oldest = self._bodies.popitem(last=False)
                self._bytes -= len(oldest) + ENTRY_BYTES
