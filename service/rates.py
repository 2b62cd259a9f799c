"""Counts of requests that the worker processes of one machine share, for the package ``limits``."""

import sqlite3
import threading
import time

from limits.storage import Storage

# Names the file in the environment of worker processes; without it, a process counts alone.
RATES_FILE = "RATE_LIMIT_FILE"

# How long to wait for another process to be done with the file.
BUSY_SECONDS = 5

_COUNT = """
    INSERT INTO counts VALUES (:key, :amount, :now + :seconds)
    ON CONFLICT (key) DO UPDATE SET
        amount = CASE WHEN expires <= :now THEN excluded.amount ELSE amount + excluded.amount END,
        expires = CASE WHEN expires <= :now THEN excluded.expires ELSE expires END
    RETURNING amount
"""


class SharedStorage(Storage):
    """Counts in an SQLite file, where each process sees what the others count. Thread-safe.

    What is counted is worth little after a crash, so nothing waits for the disk.

    :param file: made if it is not there; ``:memory:`` for counts that only this process sees.
    """

    def __init__(self, file: str) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._database = sqlite3.connect(
            file, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        _write_ahead(self._database)
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS counts (key TEXT PRIMARY KEY, amount INTEGER, expires REAL)"
        )
        self._database.execute("CREATE INDEX IF NOT EXISTS by_expiry ON counts (expires)")

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the database raises."""
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, in a window that begins with the first count.

        :param expiry: seconds that the window lasts.
        :returns: the count after this.
        """
        now = time.time()
        values = {"key": key, "amount": amount, "now": now, "seconds": expiry}
        with self._lock:
            ((count,),) = self._database.execute(_COUNT, values).fetchall()
            if count == amount:  # a new window: time to forget old ones
                self._database.execute("DELETE FROM counts WHERE expires <= ?", (now,))
        return int(count)

    def get(self, key: str) -> int:
        """The count in the current window."""
        return int(self._find("amount", key, 0))

    def get_expiry(self, key: str) -> float:
        """When the current window ends, in seconds since the epoch; now where there is none."""
        return self._find("expires", key, time.time())

    def check(self) -> bool:
        """Whether the counts can be read."""
        with self._lock:
            return bool(self._database.execute("SELECT 1").fetchall())

    def reset(self) -> int:
        """Forget everything, and say how much that was."""
        with self._lock:
            return self._database.execute("DELETE FROM counts").rowcount

    def clear(self, key: str) -> None:
        """Forget one count."""
        with self._lock:
            self._database.execute("DELETE FROM counts WHERE key = ?", (key,))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._database.close()

    def _find(self, column: str, key: str, absent: float) -> float:
        query = f"SELECT {column} FROM counts WHERE key = ? AND expires > ?"  # noqa: S608  # our own column
        with self._lock:
            found = self._database.execute(query, (key, time.time())).fetchone()
        return absent if found is None else float(found[0])


def _write_ahead(database: sqlite3.Connection) -> None:
    """Let processes read while one writes. SQLite itself waits for no other that does the same to a new file.

    :raises sqlite3.OperationalError: the file stays locked, or cannot be used.
    """
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL").close()
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(0.005)
