"""One writer in a folder at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def alone(folder: Path) -> Iterator[int]:
    """Keep other processes from writing to a folder; a kill releases the lock, and no file is left behind.

    :returns: descriptor of the lock, for :func:`together`.
    :raises BlockingIOError: another process holds the lock.
    """
    with _opened(folder) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"{folder} is being written by another process; wait until it ends or name another folder"
            ) from None
        yield descriptor


def together(descriptor: int) -> None:
    """Share the lock with callers of :func:`helping`, but not with those of :func:`alone`."""
    fcntl.flock(descriptor, fcntl.LOCK_SH)


@contextmanager
def helping(folder: Path) -> Iterator[None]:
    """Share the lock that :func:`together` opened, and hold it even if that process is killed."""
    with _opened(folder) as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        yield


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
