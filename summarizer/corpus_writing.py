"""The results of a chunk as one part: a file that appears whole or not at all, the same in each run."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic_core import to_json

from summarizer.corpus_reading import Columns, InputFile, parquet_fields, require_pyarrow
from summarizer.errors import CorpusError

PartFormat = Literal["jsonl", "parquet"]

# Fields of a result, apart from the columns to keep.
RESULT_FIELDS = ("id", "sentences", "summary", "warnings", "error")


def part_name(file: int, chunk: int, part_format: PartFormat) -> str:
    """The file name of a part. Sorted by name, parts are in the order of the input.

    :param file: index of the input file.
    :param chunk: index of the chunk in that file.

    >>> part_name(2, 17, "jsonl")
    'part-00002-000017.jsonl'
    """
    return f"part-{file:05}-{chunk:06}.{part_format}"


def as_lines(results: Sequence[Mapping[str, Any]]) -> bytes:
    """Results as JSON Lines. Values that JSON lacks become strings; NaN and infinities become null."""
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
        values = [_column_value(result.get(field.name), field, pyarrow) for result in results]
        try:
            columns[field.name] = pyarrow.array(values, field.type)
        except (pyarrow.ArrowException, OverflowError) as error:
            raise CorpusError(
                f"the column {field.name!r} of type {field.type} cannot be written: {error}; leave it out, or"
                " write JSON Lines"
            ) from error
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.table(columns, schema=fields), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def parquet_schema(files: Sequence[InputFile], columns: Columns) -> bytes:
    """The schema of all parts, serialized by Arrow.

    The id and the columns to keep have their types of the input if all of its files are Parquet and agree.
    Otherwise they are strings, and other values are written as JSON.

    :raises CorpusError: pyarrow is not installed, or a file lacks a column.
    """
    pyarrow = require_pyarrow()
    types = [parquet_fields(file, columns) for file in files if file.format == "parquet"]

    def type_of(name: str) -> Any:
        of_files = [fields[name] for fields in types]
        agree = len(of_files) == len(files) and all(one == of_files[0] for one in of_files)
        return of_files[0] if agree else pyarrow.string()

    integer, text = pyarrow.int32(), pyarrow.string()
    sentence = {
        "index": integer,
        "text": text,
        "start": integer,
        "end": integer,
        "score": pyarrow.float64(),
        "rank": integer,
        "selected": pyarrow.bool_(),
        "truncated": pyarrow.bool_(),
    }
    message = pyarrow.struct({"code": text, "detail": text})
    schema = pyarrow.schema(
        {
            "id": type_of(columns.id),
            **{name: type_of(name) for name in columns.keep},
            "sentences": pyarrow.list_(pyarrow.struct(sentence)),
            "summary": pyarrow.struct({"text": text, "indices": pyarrow.list_(integer)}),
            "warnings": pyarrow.list_(message),
            "error": message,
        }
    )
    content: bytes = schema.serialize().to_pybytes()
    return content


def _column_value(value: object, field: Any, pyarrow: Any) -> object:
    """The value, as JSON if it is not a string and the column is one of strings."""
    if value is None or isinstance(value, str) or not pyarrow.types.is_string(field.type):
        return value
    return to_json(value, inf_nan_mode="null", bytes_mode="base64", fallback=str).decode()
