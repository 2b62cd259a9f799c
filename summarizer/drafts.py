"""Folders and files that appear whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_DRAFT = ".draft"


@contextmanager
def draft_of(folder: Path, marker: str) -> Iterator[Path]:
    """A new folder beside the wanted one, which takes its name when the block ends well.

    An existing folder of that name is replaced only if it is empty or was written for the same purpose. A
    kill leaves a hidden folder ``.NAME-RANDOM``; between the two renames that replace a folder, which take
    microseconds, it leaves the former one as ``.NAME-RANDOM-old``.

    :param marker: a file that every folder of this kind holds.
    :raises FileExistsError: something else has the name.
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
    """Refuse a name that :func:`draft_of` would refuse; to be asked before long work.

    :raises FileExistsError: something else has the name.
    """
    if not folder.exists() or (folder / marker).is_file():
        return
    if not folder.is_dir() or any(folder.iterdir()):
        raise FileExistsError(
            f"{folder} exists and holds no {marker}, so it is not replaced; name another folder or remove it"
        )


def write_whole(file: Path, content: str | bytes) -> None:
    """Write a file, text as UTF-8; whoever is killed meanwhile leaves the old one, or none."""
    draft = file.with_name(f".{file.name}{_DRAFT}")
    try:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def is_free(folder: Path) -> bool:
    """Whether nothing is there, or nothing but what a kill left of :func:`write_whole`."""
    if not folder.exists():
        return True
    return folder.is_dir() and all(
        path.name.startswith(".") and path.name.endswith(_DRAFT) for path in folder.iterdir()
    )


def _open_to_all(folder: Path) -> None:
    """Readable for every user: mkdtemp and safetensors make what they write private."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
