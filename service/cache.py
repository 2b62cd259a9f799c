"""A cache of earlier answers, so that a repeated request costs nothing."""

import threading
from collections import OrderedDict

# Memory of an entry besides its body: the key (32 bytes and an object header), the body's object header, a
# slot in the dictionary and in its order. Measured with tracemalloc, rounded up.
ENTRY_BYTES = 320


class ResponseCache:
    """Bodies of answers by key; the least recently used are dropped first. Thread-safe.

    A body contains the sentences of its article: if they must not stay in memory, use a cache of 0 bytes.

    :param max_bytes: limit for all entries together; 0 keeps nothing.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._bodies: OrderedDict[bytes, bytes] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> int:
        """Bytes that the entries take now."""
        return self._bytes

    def get(self, key: bytes) -> bytes | None:
        """The body stored under this key, or None if it is not there (any more)."""
        with self._lock:
            body = self._bodies.get(key)
            if body is not None:
                self._bodies.move_to_end(key)
            return body

    def put(self, key: bytes, body: bytes) -> None:
        """Store a body, replacing any previous one; a body larger than the cache is not stored.

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
