"""Folders and files that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8. If the process is killed meanwhile, the old file remains, or none."""
    draft = file.with_name(f".{file.name}{_DRAFT}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def is_free(folder: Path) -> bool:
    """Whether the folder is absent, empty, or contains only drafts of a killed :func:`write_whole`."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(
        path.name.startswith(".") and path.name.endswith(_DRAFT) for path in folder.iterdir()
    )


def _open_to_all(folder: Path) -> None:
    """Make a folder readable for every user: mkdtemp and safetensors create private files."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
