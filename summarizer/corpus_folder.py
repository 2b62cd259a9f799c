"""The folder of the parts: for one run at a time, and for parts of one kind."""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from summarizer.corpus_writing import remove_drafts
from summarizer.drafts import write_whole
from summarizer.errors import CorpusError

MANIFEST_FILE = "manifest.json"

# To be raised when parts of an earlier version can no longer stand beside new ones.
MANIFEST_FORMAT = 1


@contextmanager
def taken(out: Path, manifest: Mapping[str, Any]) -> Iterator[None]:
    """The folder for this run alone, with its manifest in it; a kill sets it free.

    The manifest says that parts are missing until :func:`write_manifest` says otherwise.

    :param manifest: what the parts belong to.
    :raises CorpusError: it belongs to something else, or another run has it.
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for the parts")
    out.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CorpusError(f"{out} is being written by another run; wait for its end") from None
        _check_manifest(out, manifest)
        write_manifest(out, {**manifest, "complete": False})
        remove_drafts(out)
        yield
    finally:
        os.close(descriptor)


def write_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    """What the parts belong to, and whether they are all there."""
    content = {"format": MANIFEST_FORMAT, **manifest}
    write_whole(out / MANIFEST_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _check_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    file = out / MANIFEST_FILE
    if not file.exists():
        if any(not path.name.endswith(".draft") for path in out.iterdir()):
            raise CorpusError(f"{out} holds other things and no {MANIFEST_FILE}; name a new folder")
        return
    try:
        before = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise CorpusError(f"{file} cannot be read: {error}; name a new folder") from None
    if not isinstance(before, dict) or not before:
        raise CorpusError(f"{file} is not a manifest of scored articles; name a new folder")
    now = json.loads(json.dumps({"format": MANIFEST_FORMAT, **manifest}))
    for name in sorted(_leaves(before) | _leaves(now)):
        old, new = _leaf(before, name), _leaf(now, name)
        if name[0] in now and old != new:
            raise CorpusError(
                f"{out} belongs to another run: {' '.join(name)} was {old}, now it is {new};"
                " name another folder, or the same input, settings and model"
            )


def _leaves(content: Any, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """Names on the way to each value that is not an object."""
    if not isinstance(content, dict) or not content:
        return {above}
    return {leaf for name, value in content.items() for leaf in _leaves(value, (*above, name))}


def _leaf(content: Any, names: Sequence[str]) -> str:
    for name in names:
        if not isinstance(content, dict) or name not in content:
            return "absent"
        content = content[name]
    return json.dumps(content)
