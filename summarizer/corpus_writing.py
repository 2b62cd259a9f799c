"""Results of a chunk as one part: a file that is whole or not there, of the same bytes each time."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

from pydantic_core import to_json

from summarizer.corpus_reading import Columns, InputFile, parquet_fields, require_pyarrow
from summarizer.errors import CorpusError

PartFormat = Literal["jsonl", "parquet"]

# What a result holds beside the columns that are kept.
RESULT_FIELDS = ("id", "sentences", "summary", "warnings", "error")

_DRAFTS = ".part-*.draft"


def part_name(file: int, chunk: int, part_format: PartFormat) -> str:
    """Parts sorted by name are in the order of the input.

    :param file: position of the input file.
    :param chunk: number of the chunk in that file.

    >>> part_name(2, 17, "jsonl")
    'part-00002-000017.jsonl'
    """
    return f"part-{file:05}-{chunk:06}.{part_format}"


def as_lines(results: Sequence[Mapping[str, Any]]) -> bytes:
    """Results as JSON Lines. What JSON has no form for comes as text; numbers that are none as null."""
    return b"".join(
        to_json(result, inf_nan_mode="null", bytes_mode="base64", fallback=str) + b"\n" for result in results
    )


def as_table(results: Sequence[Mapping[str, Any]], schema: bytes) -> bytes:
    """Results as a Parquet file.

    :param schema: from :func:`parquet_schema`.
    :raises CorpusError: a kept column has a type that cannot be written.
    """
    pyarrow = require_pyarrow()
    fields = pyarrow.ipc.read_schema(pyarrow.py_buffer(schema))
    columns = {}
    for field in fields:
        values = [_fitting(result.get(field.name), field, pyarrow) for result in results]
        try:
            columns[field.name] = pyarrow.array(values, field.type)
        except (pyarrow.ArrowException, OverflowError) as error:
            raise CorpusError(
                f"the column {field.name!r} of type {field.type} cannot be written: {error}; leave it out, or"
                " take JSON Lines"
            ) from error
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns, schema=fields), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def parquet_schema(files: Sequence[InputFile], columns: Columns) -> bytes:
    """The columns of all parts: id and what is kept as in the input, if all of it is Parquet and agrees.

    Otherwise they are strings, and values that are none come as JSON.

    :raises CorpusError: no pyarrow, or a file that lacks a column.
    """
    pyarrow = require_pyarrow()
    types = [parquet_fields(file, columns) for file in files if file.format == "parquet"]

    def type_of(name: str) -> Any:
        found = [fields[name] for fields in types]
        agree = len(found) == len(files) and all(one == found[0] for one in found)
        return found[0] if agree else pyarrow.string()

    whole, text = pyarrow.int32(), pyarrow.string()
    sentence = {
        "index": whole,
        "text": text,
        "start": whole,
        "end": whole,
        "score": pyarrow.float64(),
        "rank": whole,
        "selected": pyarrow.bool_(),
        "truncated": pyarrow.bool_(),
    }
    remark = pyarrow.struct({"code": text, "detail": text})
    schema = pyarrow.schema(
        {
            "id": type_of(columns.id),
            **{name: type_of(name) for name in columns.keep},
            "sentences": pyarrow.list_(pyarrow.struct(sentence)),
            "summary": pyarrow.struct({"text": text, "indices": pyarrow.list_(whole)}),
            "warnings": pyarrow.list_(remark),
            "error": remark,
        }
    )
    content: bytes = schema.serialize().to_pybytes()
    return content


def write_part(file: Path, content: bytes) -> None:
    """Write a part under a name of its own, and rename it when it is safely on disk.

    Two processes may write the same part, such as one that outlives its run for a moment: neither sees
    the other's draft, and both write the same bytes.
    """
    draft = file.with_name(f".{file.name}.{uuid4().hex}.draft")
    try:
        with draft.open("xb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(file)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def remove_drafts(folder: Path) -> None:
    """What was left by those who were killed while they wrote."""
    for draft in folder.glob(_DRAFTS):
        draft.unlink(missing_ok=True)


def _fitting(value: object, field: Any, pyarrow: Any) -> object:
    if value is None or isinstance(value, str) or not pyarrow.types.is_string(field.type):
        return value
    return to_json(value, inf_nan_mode="null", bytes_mode="base64", fallback=str).decode()
