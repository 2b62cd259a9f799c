"""Request counts that the worker processes of a machine share, as a storage for the package ``limits``."""

import sqlite3
import threading
import time

from limits.storage import Storage

# Environment variable that names the file for worker processes; without it, each process counts alone.
RATES_FILE = "RATE_LIMIT_FILE"

# How long to wait while another process has locked the file.
BUSY_SECONDS = 5

_COUNT = """
    INSERT INTO counts VALUES (:key, :amount, :now + :seconds)
    ON CONFLICT (key) DO UPDATE SET
        amount = CASE WHEN expires <= :now THEN excluded.amount ELSE amount + excluded.amount END,
        expires = CASE WHEN expires <= :now THEN excluded.expires ELSE expires END
    RETURNING amount
"""


class SharedStorage(Storage):
    """Counts in an SQLite file that all processes share. Thread-safe.

    The counts are worth little after a crash, so nothing waits for the disk. Windows end by the monotonic
    clock, which all processes of a machine share: if the clock on the wall is set back, nobody is locked out.

    :param file: created if it does not exist; ``:memory:`` for counts that only this process sees.
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
        """The exceptions that the database raises."""
        return sqlite3.Error

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to the count of a window that begins with its first count.

        :param expiry: length of the window in seconds.
        :returns: the new count.
        """
        now = time.monotonic()
        values = {"key": key, "amount": amount, "now": now, "seconds": expiry}
        with self._lock:
            ((count,),) = self._database.execute(_COUNT, values).fetchall()
            if count == amount:  # a new window: a good time to delete old ones
                self._database.execute("DELETE FROM counts WHERE expires <= ?", (now,))
        return int(count)

    def get(self, key: str) -> int:
        """The count in the current window."""
        return int(self._find("amount", key, 0))

    def get_expiry(self, key: str) -> float:
        """When the current window ends, in seconds since the epoch; now, if there is no window."""
        now = time.monotonic()
        return time.time() + self._find("expires", key, now) - now

    def check(self) -> bool:
        """Whether the counts can be read."""
        with self._lock:
            return bool(self._database.execute("SELECT 1").fetchall())

    def reset(self) -> int:
        """Delete all counts, and return how many there were."""
        with self._lock:
            return self._database.execute("DELETE FROM counts").rowcount

    def clear(self, key: str) -> None:
        """Delete one count."""
        with self._lock:
            self._database.execute("DELETE FROM counts WHERE key = ?", (key,))

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _find(self, column: str, key: str, absent: float) -> float:
        query = f"SELECT {column} FROM counts WHERE key = ? AND expires > ?"  # noqa: S608  # our own column
        with self._lock:
            found = self._database.execute(query, (key, time.monotonic())).fetchone()
        return absent if found is None else float(found[0])


def _write_ahead(database: sqlite3.Connection) -> None:
    """Let processes read while one writes.

    Retries, since SQLite's own timeout does not apply if several processes do this to a new file.

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
