"""Files of articles, read in chunks of bounded size: JSON Lines, plain or gzipped, and Parquet.

A chunk is cut by what the file holds and by nothing else, so that every run cuts the same ones. It
carries its rows as bytes, which are parsed where they are scored: here they are only counted.
"""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, NamedTuple

from pydantic_core import from_json

from summarizer.errors import CorpusError

if TYPE_CHECKING:
    import pyarrow

FileFormat = Literal["jsonl", "jsonl.gz", "parquet"]

# Endings of the names of files, and how they are read.
FORMATS: Mapping[str, FileFormat] = {".jsonl": "jsonl", ".jsonl.gz": "jsonl.gz", ".parquet": "parquet"}

# A longer row is not read; far more than any article that people read.
MAX_ROW_BYTES = 8 * 2**20

# A chunk is closed when it holds so much, however few its rows: with MAX_ROW_BYTES it bounds the memory.
MAX_CHUNK_BYTES = 8 * 2**20

# Rows that are decoded from a Parquet file at once, and the bytes of it that are read ahead.
_PARQUET_ROWS = 64
_PARQUET_BUFFER_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a row has what.

    :ivar keep: columns that come along to the result as they are.
    """

    id: str = "id"
    text: str = "text"
    keep: tuple[str, ...] = ()

    @property
    def read(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys((self.id, self.text, *self.keep)))


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a corpus.

    :ivar name: its path within the corpus.
    :ivar modified: nanoseconds since 1970. Together with the size it tells whether it is still the same.
    """

    path: Path
    name: str
    format: FileFormat
    size: int
    modified: int


class Chunk(NamedTuple):
    """Some rows of a file.

    :ivar first_row: number of its first row in the file, from 1; for JSON Lines the line.
    :ivar rows: in it, without blank lines.
    :ivar size: bytes of the file that it covers, as they are on disk.
    :ivar payload: lines, or a table in Arrow's stream format.
    """

    first_row: int
    rows: int
    size: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """An article, or why there is none.

    :ivar id: None if it could not be read.
    :ivar text: empty where there is an error.
    :ivar kept: a value for each column to keep, if the row could be read.
    :ivar error: code and detail; None for an article.
    """

    id: str | int | None
    text: str
    kept: Mapping[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None


def find_files(corpus: Path) -> tuple[InputFile, ...]:
    """A file alone, or all in a folder and below it that have a known ending, by their names.

    What begins with ``.`` or ``_`` is passed over, folders too: editors and other jobs leave it behind.

    :raises CorpusError: there is none, or a file of another kind is named.
    """
    if not corpus.exists():
        raise CorpusError(f"{corpus} does not exist")
    endings = ", ".join(FORMATS)
    if not corpus.is_dir():
        file_format = _format_of(corpus)
        if file_format is None:
            raise CorpusError(f"{corpus} should end in one of {endings}")
        return (_input_file(corpus, corpus.name, file_format),)
    found = sorted(
        (path.relative_to(corpus).as_posix(), path) for path in corpus.rglob("*") if path.is_file()
    )
    files = tuple(
        _input_file(path, name, file_format)
        for name, path in found
        if (file_format := _format_of(path)) and not _is_passed_over(name)
    )
    if not files:
        raise CorpusError(
            f"{corpus} holds no file that ends in one of {endings}; names that begin with . or _ do not count"
        )
    return files


def read_chunks(file: InputFile, columns: Columns, rows: int) -> Iterator[Chunk]:
    """All of a file, in its order.

    :param rows: most in a chunk.
    :raises CorpusError: the file is damaged or has other columns.
    """
    chunks = _parquet_chunks(file, columns, rows) if file.format == "parquet" else _line_chunks(file, rows)
    read = 0
    try:
        for chunk in chunks:
            read += chunk.rows
            yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorpusError(f"{file.path} is damaged after row {read}: {error}") from error


def rows_of(chunk: Chunk, file: InputFile, columns: Columns) -> Iterator[Row]:
    """The rows of a chunk in their order; blank lines are none."""
    readers = _table_rows(chunk, columns) if file.format == "parquet" else _line_rows(chunk)
    for number, read in readers:
        try:
            yield _row(read(), columns)
        except _Unusable as error:
            yield Row(error.id, "", error.kept, (error.code, f"{error} (row {number} of {file.name})"))
        except ValueError as error:  # not JSON, not UTF-8, a number or date that Python does not have
            yield Row(None, "", {}, ("malformed_row", f"row {number} of {file.name} cannot be read: {error}"))


def parquet_fields(file: InputFile, columns: Columns) -> Mapping[str, "pyarrow.DataType"]:
    """The types of the columns that are read.

    :raises CorpusError: not a Parquet file, or a column is missing.
    """
    with _parquet_file(file) as opened:
        schema = opened.schema_arrow
        for name in columns.read:
            if schema.names.count(name) != 1:
                found = ", ".join(schema.names)
                raise CorpusError(f"{file.path} should have one column {name!r}; its columns are {found}")
        return {name: schema.field(name).type for name in columns.read}


def require_pyarrow() -> Any:
    """The package, which only Parquet needs and which takes long to import.

    :raises CorpusError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise CorpusError(
            "Parquet needs pyarrow, which is not installed:"
            " in the project's folder, pip install '.[distributed]'"
        ) from error
    return pyarrow


class _Unusable(Exception):
    """A row without an article that can be scored."""

    def __init__(
        self,
        detail: str,
        row_id: str | int | None = None,
        kept: Mapping[str, Any] | None = None,
        code: str = "invalid_row",
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.id = row_id
        self.kept = kept or {}


def _format_of(path: Path) -> FileFormat | None:
    return next((FORMATS[ending] for ending in FORMATS if path.name.endswith(ending)), None)


def _is_passed_over(name: str) -> bool:
    """Whether a file, or a folder above it within the corpus, has a name that hides it.

    >>> _is_passed_over(".ipynb_checkpoints/a.jsonl"), _is_passed_over("2025/a_b.jsonl")
    (True, False)
    """
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _input_file(path: Path, name: str, file_format: FileFormat) -> InputFile:
    status = path.stat()
    return InputFile(path.resolve(), name, file_format, status.st_size, status.st_mtime_ns)


def _line_chunks(file: InputFile, rows: int) -> Iterator[Chunk]:
    with file.path.open("rb") as raw:
        stream = gzip.GzipFile(fileobj=raw) if file.format == "jsonl.gz" else raw
        lines: list[bytes] = []
        first, size, position = 1, 0, 0
        for line in _lines(stream):  # type: ignore[arg-type]  # a GzipFile reads as well
            lines.append(line)
            size += len(line)
            if len(lines) == rows or size >= MAX_CHUNK_BYTES:
                reached = raw.tell()
                yield Chunk(first, _filled(lines), reached - position, b"".join(lines))
                first, size, position = first + len(lines), 0, reached
                lines.clear()
        if lines:
            yield Chunk(first, _filled(lines), raw.tell() - position, b"".join(lines))


def _filled(lines: list[bytes]) -> int:
    """Lines that are not blank."""
    return sum(1 for line in lines if line.strip())


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Of a line that is too long only so much that this can be seen."""
    while line := stream.readline(MAX_ROW_BYTES + 1):
        if len(line) > MAX_ROW_BYTES and not line.endswith(b"\n"):
            while (rest := stream.readline(MAX_ROW_BYTES)) and not rest.endswith(b"\n"):
                pass
            line += b"\n"
        yield line


def _line_rows(chunk: Chunk) -> Iterator[tuple[int, Callable[[], object]]]:
    for number, line in enumerate(chunk.payload.split(b"\n"), start=chunk.first_row):
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield number, partial(_parse_line, line)


def _parse_line(line: bytes) -> object:
    if len(line) > MAX_ROW_BYTES:
        raise _Unusable(f"longer than {MAX_ROW_BYTES} bytes", code="row_too_long")
    content: object = from_json(line, allow_inf_nan=False)
    return content


def _parquet_file(file: InputFile) -> Any:
    pyarrow = require_pyarrow()
    try:
        # Or it would hold whole row groups, which may be the whole file.
        return pyarrow.parquet.ParquetFile(file.path, pre_buffer=False, buffer_size=_PARQUET_BUFFER_BYTES)
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{file.path} is no readable Parquet file: {error}") from error


def _parquet_chunks(file: InputFile, columns: Columns, rows: int) -> Iterator[Chunk]:
    pyarrow = require_pyarrow()
    with _parquet_file(file) as opened:
        per_row = file.size / max(opened.metadata.num_rows, 1)
        names = list(columns.read)
        batches: Iterable[Any] = opened.iter_batches(min(rows, _PARQUET_ROWS), columns=names)
        waiting: list[Any] = []
        first, count, size = 1, 0, 0
        try:
            for batch in batches:
                for piece in _pieces(batch, rows - count, rows):
                    waiting.append(piece)
                    count += piece.num_rows
                    size += piece.nbytes
                    if count == rows or size >= MAX_CHUNK_BYTES:
                        yield Chunk(first, count, round(count * per_row), _stream(waiting))
                        first, count, size = first + count, 0, 0
                        waiting.clear()
        except (pyarrow.ArrowException, OSError) as error:
            raise CorpusError(f"{file.path} is damaged after row {first + count - 1}: {error}") from error
        if waiting:
            yield Chunk(first, count, round(count * per_row), _stream(waiting))


def _pieces(batch: Any, room: int, rows: int) -> Iterator[Any]:
    """A batch, cut where the chunk is full."""
    start = 0
    while start < batch.num_rows:
        yield batch.slice(start, room)
        start, room = start + room, rows


def _stream(batches: list[Any]) -> bytes:
    pyarrow = require_pyarrow()
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, batches[0].schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _table_rows(chunk: Chunk, columns: Columns) -> Iterator[tuple[int, Callable[[], object]]]:
    pyarrow = require_pyarrow()
    number = chunk.first_row
    with pyarrow.ipc.open_stream(chunk.payload) as batches:
        for batch in batches:
            for position in range(batch.num_rows):
                yield number, partial(_read_record, batch, position, columns)
                number += 1


def _read_record(batch: Any, position: int, columns: Columns) -> object:
    return {name: batch.column(name)[position].as_py() for name in columns.read}


def _row(content: object, columns: Columns) -> Row:
    if not isinstance(content, dict):
        raise _Unusable(f"a row must be an object; got {_kind(content)}")
    kept = {name: content.get(name) for name in columns.keep}
    row_id, text = content.get(columns.id), content.get(columns.text)
    if isinstance(row_id, bool) or not isinstance(row_id, (str, int)):
        got = _kind(row_id) if columns.id in content else "no such field"
        raise _Unusable(f"{columns.id} must be a string or a whole number; got {got}", None, kept)
    if not isinstance(text, str):
        got = _kind(text) if columns.text in content else "no such field"
        raise _Unusable(f"{columns.text} must be a string; got {got}", row_id, kept)
    if len(text) > MAX_ROW_BYTES:
        detail = f"{columns.text} is longer than {MAX_ROW_BYTES} characters"
        raise _Unusable(detail, row_id, kept, "row_too_long")
    return Row(row_id, text, kept)


def _kind(value: object) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number" if isinstance(value, (int, float)) else type(value).__name__)
