"""Folders and files that appear whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_DRAFT = ".draft"


@contextmanager
def draft_of(folder: Path, marker: str) -> Iterator[Path]:
    """A temporary folder next to the wanted one, renamed to it when the block succeeds.

    An existing folder is replaced only if it is empty or contains the marker. A process that is killed leaves
    a hidden folder ``.NAME-RANDOM``; if it is killed between the two renames that replace a folder, which are
    microseconds apart, it also leaves the former folder as ``.NAME-RANDOM-old``.

    :param marker: name of a file that every folder of this kind contains.
    :raises FileExistsError: the folder exists and contains something else, or is a file.
    """
    check_replaceable(folder, marker)
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield draft
        _open_to_all(draft)
        if folder.exists():
            old = draft.with_name(f"{draft.name}-old")
            folder.rename(old)
            try:
                draft.rename(folder)
            except BaseException:
                old.rename(folder)
                raise
            shutil.rmtree(old)
        else:
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_replaceable(folder: Path, marker: str) -> None:
    """Refuse a folder that :func:`draft_of` would refuse; to be called before long work.

    :raises FileExistsError: the folder exists and contains something else, or is a file.
    """
    if not folder.exists() or (folder / marker).is_file():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} exists and contains no {marker}, so it is not replaced; name another or remove it"
        )


@contextmanager
def draft_of_file(file: Path, *, shared: bool = False) -> Iterator[Path]:
    """A temporary file next to the wanted one, renamed to it when the block succeeds and it is on disk.

    A process that is killed leaves the old file, or none, and the draft; see :func:`is_draft`.

    :param shared: whether other processes may write the same file meanwhile, each to a draft of its own.
    """
    own = f".{uuid4().hex}" if shared else ""
    draft = file.with_name(f".{file.name}{own}{_DRAFT}")
    try:
        yield draft
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def write_whole(file: Path, content: str | bytes, *, shared: bool = False) -> None:
    """Write a file by :func:`draft_of_file`, text as UTF-8."""
    with draft_of_file(file, shared=shared) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)


def is_draft(file: Path) -> bool:
    """Whether the file is what a process left that was killed in :func:`draft_of_file`."""
    return file.name.startswith(".") and file.name.endswith(_DRAFT)


def remove_drafts(folder: Path) -> None:
    """Remove what processes left in a folder that were killed in :func:`draft_of_file`."""
    for file in filter(is_draft, folder.iterdir()):
        file.unlink(missing_ok=True)


def is_free(folder: Path) -> bool:
    """Whether the folder is absent, empty, or contains only drafts of files."""
    return not folder.exists() or (folder.is_dir() and all(map(is_draft, folder.iterdir())))


def _open_to_all(folder: Path) -> None:
    """Make a folder readable for every user: mkdtemp and safetensors create private files."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
