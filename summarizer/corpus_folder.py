"""The output folder: used by one run at a time, and for one input, model and set of settings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from summarizer.alone import alone
from summarizer.drafts import is_free, remove_drafts, write_whole
from summarizer.errors import CorpusError

MANIFEST_FILE = "manifest.json"

# Increase it when parts of an earlier version can no longer be mixed with new ones.
MANIFEST_FORMAT = 1


@contextmanager
def locked_output_folder(out: Path, manifest: Mapping[str, Any]) -> Iterator[None]:
    """Lock the folder for this run and write its manifest. If the process is killed, the lock is released.

    The manifest says that parts are missing until :func:`write_manifest` says otherwise.

    :param manifest: the input, settings and model that the parts belong to.
    :raises CorpusError: the folder belongs to something else.
    :raises BlockingIOError: another run has locked it.
    """
    if out.exists() and not out.is_dir():
        raise CorpusError(f"{out} is a file; name a folder for the parts")
    out.mkdir(parents=True, exist_ok=True)
    with alone(out):
        _check_manifest(out, manifest)
        write_manifest(out, {**manifest, "complete": False})
        remove_drafts(out)
        yield


def write_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    """Write what the parts belong to, and whether all of them are present."""
    content = {"format": MANIFEST_FORMAT, **manifest}
    write_whole(out / MANIFEST_FILE, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def _check_manifest(out: Path, manifest: Mapping[str, Any]) -> None:
    file = out / MANIFEST_FILE
    if not file.exists():
        if not is_free(out):
            raise CorpusError(f"{out} contains other files, but no {MANIFEST_FILE}; name a new folder")
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
                " name another folder, or use the same input, settings and model"
            )


def _leaves(content: Any, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    """The path of names to each value that is not an object, or an empty one."""
    if not isinstance(content, dict) or not content:
        return {above}
    return {leaf for name, value in content.items() for leaf in _leaves(value, (*above, name))}


def _leaf(content: Any, names: Sequence[str]) -> str:
    for name in names:
        if not isinstance(content, dict) or name not in content:
            return "absent"
        content = content[name]
    return json.dumps(content)
