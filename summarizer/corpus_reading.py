"""Files of articles, read in chunks of bounded size: JSON Lines, plain or gzipped, and Parquet.

Where a chunk ends depends only on the file and the most rows per chunk, so every run makes the same chunks.
A chunk carries its rows as bytes, which are parsed where they are scored: here they are only counted.
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

# File name endings, and how such files are read.
FORMATS: Mapping[str, FileFormat] = {".jsonl": "jsonl", ".jsonl.gz": "jsonl.gz", ".parquet": "parquet"}

# A longer row is refused. Far more than any real article.
MAX_ROW_BYTES = 8 * 2**20

# A chunk of this size is complete, however few its rows. With MAX_ROW_BYTES this bounds memory.
MAX_CHUNK_BYTES = 8 * 2**20

# Rows decoded from a Parquet file at a time, and bytes of it that are read ahead.
_PARQUET_ROWS = 64
_PARQUET_BUFFER_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns that are read, by name.

    :ivar id: the id of an article, a string or whole number.
    :ivar text: the text of an article.
    :ivar keep: columns that are copied to the results unchanged.
    """

    id: str = "id"
    text: str = "text"
    keep: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, each once."""
        return tuple(dict.fromkeys((self.id, self.text, *self.keep)))


@dataclass(frozen=True, slots=True)
class InputFile:
    """One file of a corpus.

    :ivar name: its path within the corpus.
    :ivar size: in bytes.
    :ivar modified: in nanoseconds since 1970. A change of it or of the size means that the file has changed.
    """

    path: Path
    name: str
    format: FileFormat
    size: int
    modified: int


class Chunk(NamedTuple):
    """Consecutive rows of a file.

    :ivar first_row: number of the first row in the file, from 1; in JSON Lines, of the line.
    :ivar rows: how many rows it has, not counting blank lines.
    :ivar size: bytes of the file on disk that it covers; estimated for Parquet.
    :ivar payload: lines, or a table in Arrow's stream format.
    """

    first_row: int
    rows: int
    size: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Row:
    """An article, or the reason why there is none.

    :ivar id: None if it could not be read.
    :ivar text: empty if there is an error.
    :ivar kept: a value for each column to keep; empty if the row could not be read.
    :ivar error: code and detail; None for an article.
    """

    id: str | int | None
    text: str
    kept: Mapping[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None


def find_files(corpus: Path) -> tuple[InputFile, ...]:
    """The file itself, or all files in a folder and below it with a known ending, sorted by name.

    Files and folders whose names begin with ``.`` or ``_`` are skipped: editors and other jobs make them.

    :raises CorpusError: the path does not exist, the file has another ending, or the folder has no such file.
    """
    if not corpus.exists():
        raise CorpusError(f"{corpus} does not exist")
    endings = ", ".join(FORMATS)
    if not corpus.is_dir():
        file_format = _format_of(corpus)
        if file_format is None:
            raise CorpusError(f"{corpus} should end in one of {endings}")
        return (_input_file(corpus, corpus.name, file_format),)
    paths = sorted(
        (path.relative_to(corpus).as_posix(), path) for path in corpus.rglob("*") if path.is_file()
    )
    files = tuple(
        _input_file(path, name, file_format)
        for name, path in paths
        if (file_format := _format_of(path)) and not _is_skipped(name)
    )
    if not files:
        raise CorpusError(
            f"{corpus} contains no file that ends in one of {endings};"
            " names that begin with . or _ are skipped"
        )
    return files


def read_chunks(file: InputFile, columns: Columns, max_rows: int) -> Iterator[Chunk]:
    """All chunks of a file, in order.

    :param max_rows: most rows in a chunk.
    :raises CorpusError: the file is damaged.
    """
    if file.format == "parquet":
        chunks = _parquet_chunks(file, columns, max_rows)
    else:
        chunks = _line_chunks(file, max_rows)
    rows_read = 0
    try:
        for chunk in chunks:
            rows_read += chunk.rows
            yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CorpusError(f"{file.path} is damaged after row {rows_read}: {error}") from error


def rows_of(chunk: Chunk, file: InputFile, columns: Columns) -> Iterator[Row]:
    """The rows of a chunk, in order; blank lines are skipped."""
    readers = _table_rows(chunk, columns) if file.format == "parquet" else _line_rows(chunk)
    for number, read in readers:
        try:
            yield _row(read(), columns)
        except _UnusableRow as error:
            yield Row(error.id, "", error.kept, (error.code, f"{error} (row {number} of {file.name})"))
        except ValueError as error:  # not JSON, not UTF-8, or a number or date that Python cannot represent
            yield Row(None, "", {}, ("malformed_row", f"row {number} of {file.name} cannot be read: {error}"))


def parquet_fields(file: InputFile, columns: Columns) -> Mapping[str, "pyarrow.DataType"]:
    """The types of the columns that are read.

    :raises CorpusError: the file is not a Parquet file, or does not have each of the columns once.
    """
    with _parquet_file(file) as opened:
        schema = opened.schema_arrow
        for name in columns.names:
            if schema.names.count(name) != 1:
                present = ", ".join(schema.names)
                raise CorpusError(f"{file.path} should have one column {name!r}; its columns are {present}")
        return {name: schema.field(name).type for name in columns.names}


def require_pyarrow() -> Any:
    """Import pyarrow, which only Parquet and Ray need and which is slow to import.

    :raises CorpusError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise CorpusError(
            "Parquet needs pyarrow, which is not installed;"
            " run pip install '.[distributed]' in the project's folder"
        ) from error
    return pyarrow


class _UnusableRow(Exception):
    """Raised for a row that does not contain an article that can be scored."""

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


def _is_skipped(name: str) -> bool:
    """Whether the file, or a folder above it within the corpus, has a name that begins with ``.`` or ``_``.

    >>> _is_skipped(".ipynb_checkpoints/a.jsonl"), _is_skipped("2025/a_b.jsonl")
    (True, False)
    """
    return any(part.startswith((".", "_")) for part in name.split("/"))


def _input_file(path: Path, name: str, file_format: FileFormat) -> InputFile:
    status = path.stat()
    return InputFile(path.resolve(), name, file_format, status.st_size, status.st_mtime_ns)


def _line_chunks(file: InputFile, max_rows: int) -> Iterator[Chunk]:
    with file.path.open("rb") as raw:
        stream = gzip.GzipFile(fileobj=raw) if file.format == "jsonl.gz" else raw
        lines: list[bytes] = []
        first, size, position = 1, 0, 0
        for line in _lines(stream):  # type: ignore[arg-type]  # a GzipFile has the same readline
            lines.append(line)
            size += len(line)
            if len(lines) == max_rows or size >= MAX_CHUNK_BYTES:
                reached = raw.tell()
                yield Chunk(first, _count_filled(lines), reached - position, b"".join(lines))
                first, size, position = first + len(lines), 0, reached
                lines.clear()
        if lines:
            yield Chunk(first, _count_filled(lines), raw.tell() - position, b"".join(lines))


def _count_filled(lines: list[bytes]) -> int:
    """The number of lines that are not blank."""
    return sum(1 for line in lines if line.strip())


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a stream; one that is too long is cut, but stays longer than the limit."""
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
        raise _UnusableRow(f"the row is longer than {MAX_ROW_BYTES} bytes; shorten it", code="row_too_long")
    content: object = from_json(line, allow_inf_nan=False)
    return content


def _parquet_file(file: InputFile) -> Any:
    pyarrow = require_pyarrow()
    try:
        # Without these it would keep whole row groups in memory, and a row group may be the whole file.
        return pyarrow.parquet.ParquetFile(file.path, pre_buffer=False, buffer_size=_PARQUET_BUFFER_BYTES)
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{file.path} is not a readable Parquet file: {error}") from error


def _parquet_chunks(file: InputFile, columns: Columns, max_rows: int) -> Iterator[Chunk]:
    pyarrow = require_pyarrow()
    with _parquet_file(file) as opened:
        per_row = file.size / max(opened.metadata.num_rows, 1)
        names = list(columns.names)
        batches: Iterable[Any] = opened.iter_batches(min(max_rows, _PARQUET_ROWS), columns=names)
        waiting: list[Any] = []
        first, count, size = 1, 0, 0
        try:
            for batch in batches:
                for piece in _pieces(batch, max_rows - count, max_rows):
                    waiting.append(piece)
                    count += piece.num_rows
                    size += piece.nbytes
                    if count == max_rows or size >= MAX_CHUNK_BYTES:
                        yield Chunk(first, count, round(count * per_row), _stream(waiting))
                        first, count, size = first + count, 0, 0
                        waiting.clear()
        except (pyarrow.ArrowException, OSError) as error:
            raise CorpusError(f"{file.path} is damaged after row {first + count - 1}: {error}") from error
        if waiting:
            yield Chunk(first, count, round(count * per_row), _stream(waiting))


def _pieces(batch: Any, room: int, max_rows: int) -> Iterator[Any]:
    """Slices of a batch, cut where a chunk is full.

    :param room: rows that the current chunk can still take.
    """
    start = 0
    while start < batch.num_rows:
        yield batch.slice(start, room)
        start, room = start + room, max_rows


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
            for index in range(batch.num_rows):
                yield number, partial(_read_record, batch, index, columns)
                number += 1


def _read_record(batch: Any, index: int, columns: Columns) -> object:
    return {name: batch.column(name)[index].as_py() for name in columns.names}


def _row(content: object, columns: Columns) -> Row:
    if not isinstance(content, dict):
        raise _UnusableRow(f"a row must be an object; got {_kind(content)}")
    kept = {name: content.get(name) for name in columns.keep}
    row_id, text = content.get(columns.id), content.get(columns.text)
    if isinstance(row_id, bool) or not isinstance(row_id, (str, int)):
        problem = f"got {_kind(row_id)}" if columns.id in content else "the row has no such field"
        raise _UnusableRow(f"{columns.id} must be a string or a whole number; {problem}", None, kept)
    if not isinstance(text, str):
        problem = f"got {_kind(text)}" if columns.text in content else "the row has no such field"
        raise _UnusableRow(f"{columns.text} must be a string; {problem}", row_id, kept)
    if len(text) > MAX_ROW_BYTES:
        detail = f"{columns.text} is longer than {MAX_ROW_BYTES} characters; shorten it"
        raise _UnusableRow(detail, row_id, kept, "row_too_long")
    return Row(row_id, text, kept)


def _kind(value: object) -> str:
    names = {dict: "object", list: "list", str: "string", bool: "boolean", type(None): "null"}
    return names.get(type(value), "number" if isinstance(value, (int, float)) else type(value).__name__)
