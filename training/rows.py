"""Rows of numbers on disk, in groups under keys that say what they were computed from.

::

    about.json     what the rows are, and how wide
    rows.f32       little-endian float32, one row after another, append only
    index.jsonl    one line for each group: key, first row, number of rows, CRC-32 of the rows

A group is appended in two steps: first its rows, then its line. A process that is killed in between
leaves rows without a line, or half a line; both are cut off when the store is opened again.
"""

import json
import os
import zlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from summarizer.alone import alone
from summarizer.drafts import write_whole
from training.errors import TrainingError

ABOUT_FILE = "about.json"
ROWS_FILE = "rows.f32"
INDEX_FILE = "index.jsonl"

_FLOAT = np.dtype("<f4")


class RowStoreError(TrainingError):
    """A store cannot be used; the message names the file and what to do."""


class RowStore:
    """Groups of rows under keys. One writer at a time; any number of readers.

    :param folder: created if it does not exist.
    :param about: what the rows are; a store with other contents is refused.
    :param width: numbers in a row.
    :raises RowStoreError: it contains something else, or is damaged.
    :raises BlockingIOError: another process writes to it.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any], width: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.width = width
        self._check_about({**about, "width": width})
        with ExitStack() as held:
            held.enter_context(alone(folder))
            self._rows = held.enter_context((folder / ROWS_FILE).open("ab"))
            self._places = self._recover()
            self._index = held.enter_context((folder / INDEX_FILE).open("a", encoding="utf-8"))
            self._held = held.pop_all()

    def __enter__(self) -> "RowStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def close(self) -> None:
        """Close the files and release the lock."""
        self._held.close()

    def add(self, key: str, rows: NDArray[np.float32]) -> None:
        """Append one group; it survives a kill once :meth:`flush` has run.

        :param rows: shape (n, width), float32.
        """
        if rows.shape[1:] != (self.width,):
            raise ValueError(f"rows of shape (n, {self.width}) expected, got {rows.shape}")
        start = self._rows.tell() // (self.width * _FLOAT.itemsize)
        content = np.ascontiguousarray(rows, _FLOAT).tobytes()
        self._rows.write(content)
        self._places[key] = _Place(start, len(rows), zlib.crc32(content))
        self._index.write(json.dumps([key, *self._places[key]]) + "\n")

    def flush(self) -> None:
        """Write what was added to disk: first the rows, then the index that lists them."""
        for stream in (self._rows, self._index):
            _to_disk(stream)

    def read(self) -> "Rows":
        """What has been flushed, memory-mapped."""
        return Rows(self.folder, self._places, self.width)

    def _check_about(self, about: Mapping[str, Any]) -> None:
        file = self.folder / ABOUT_FILE
        if not file.exists():
            write_whole(file, json.dumps(about, indent=2) + "\n")
            return
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RowStoreError(f"{file} is damaged: {error}; remove {self.folder} and run again") from error
        if found != about:
            raise RowStoreError(f"{file} says {found}, expected {about}; remove {self.folder} and run again")

    def _recover(self) -> dict[str, "_Place"]:
        """Read the index, then cut off what a kill left behind."""
        places, sound = _read_index(self.folder, self.width)
        end = max((place.start + place.length for place in places.values()), default=0)
        if (self.folder / INDEX_FILE).exists():
            os.truncate(self.folder / INDEX_FILE, sound)
        os.truncate(self.folder / ROWS_FILE, end * self.width * _FLOAT.itemsize)
        self._rows.seek(0, os.SEEK_END)
        return places


class Rows:
    """Groups of rows that are on disk, by key.

    :raises RowStoreError: the folder does not contain a store.
    """

    def __init__(self, folder: Path, places: Mapping[str, "_Place"], width: int) -> None:
        self._file = folder / ROWS_FILE
        self._places = places
        # An empty file cannot be mapped.
        mapped = np.memmap(self._file, _FLOAT, mode="r") if places else np.zeros(0, np.float32)
        self._rows = mapped[: len(mapped) // width * width].reshape(-1, width)  # (N, width)

    @classmethod
    def open(cls, folder: Path) -> "Rows":
        """Read without locking; groups that another process is adding are not seen.

        :raises RowStoreError: the folder does not contain a store, or its files are damaged.
        """
        try:
            width = int(json.loads((folder / ABOUT_FILE).read_text(encoding="utf-8"))["width"])
            return cls(folder, _read_index(folder, width)[0], width)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RowStoreError(f"{folder} does not contain readable rows: {error}") from error

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __getitem__(self, key: str) -> NDArray[np.float32]:
        """One group, shape (n, width), float32, a view of the file.

        :raises RowStoreError: the rows have changed since they were written.
        """
        place = self._places[key]
        rows = self._rows[place.start : place.start + place.length]
        if zlib.crc32(rows.tobytes()) != place.crc:
            raise RowStoreError(
                f"{self._file} is damaged: rows {place.start} to {place.start + place.length} have changed"
                f" since they were written; remove {self._file.parent} and run again"
            )
        return rows


class _Place(NamedTuple):
    start: int
    length: int
    crc: int


def _read_index(folder: Path, width: int) -> tuple[dict[str, _Place], int]:
    """:returns: the groups whose rows are all there, and the bytes of the index that name them."""
    places: dict[str, _Place] = {}
    file = folder / INDEX_FILE
    size = (folder / ROWS_FILE).stat().st_size // (width * _FLOAT.itemsize)
    end, sound = 0, 0
    for line in file.read_bytes().splitlines(keepends=True) if file.exists() else ():
        try:
            key, start, count, crc = json.loads(line)
        except ValueError:  # half a line
            break
        if not line.endswith(b"\n") or start != end or start + count > size:
            break
        places[key] = _Place(start, count, crc)
        end, sound = start + count, sound + len(line)
    return places, sound


def _to_disk(stream: IO[Any]) -> None:
    stream.flush()
    os.fsync(stream.fileno())
