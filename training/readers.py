"""A reader for each format of files: a generator of rows, whose fields have our names.

==========  ===========================  ==========================================================
format      file names end in            a row
==========  ===========================  ==========================================================
``jsonl``   .jsonl .ndjson .json, .gz    one object per line, or one array; Newsroom has such lines
``csv``     .csv, .gz                    a record under a header; also with semicolons or tabs for commas
``tsv``     .tsv, .gz                    the same with tabs
``parquet`` .parquet                     a row
``story``   .story                       a file: the text, then ``@highlight`` before each quote
``html``    a folder of .html, .htm      a page, with the blurb that a second file has for it
==========  ===========================  ==========================================================

What makes a row an article is decided in :mod:`training.formats`, the same for all.
"""

import ast
import csv
import gzip
import json
import re
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from summarizer import NoArticle
from summarizer.html_article import as_utf8, read_page
from training.corpus import CorpusError, folded

FIELDS = ("id", "title", "text", "quotes", "summary", "source")
SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "jsonl": (".jsonl", ".jsonl.gz", ".ndjson", ".ndjson.gz", ".json", ".json.gz"),
    "csv": (".csv", ".csv.gz"),
    "tsv": (".tsv", ".tsv.gz"),
    "parquet": (".parquet",),
    "story": (".story",),
    "html": (".html", ".htm", ".xhtml"),
}
FORMATS = tuple(SUFFIXES)

_HIGHLIGHT = "@highlight"
_DELIMITERS = ",;\t"  # spreadsheets write semicolons where the comma is the decimal mark
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LIST = re.compile(r"""\s*\[\s*['"].*['"]\s*,?\s*\]\s*""", re.DOTALL)  # not an edit in brackets
_BLURB_COLUMNS = {"summary": "blurb", "source": "page"}  # the page is in the place of the source


class Fault(NamedTuple):
    """The reason why a row is refused."""

    field: str
    reason: str


class Row(NamedTuple):
    """A row by our field names, or what is wrong with it, and its place.

    :ivar collection: its source if neither the row nor its id names one.
    :ivar names: the names of all its fields in the file; empty for files without names.
    """

    file: Path
    line: int
    fields: Mapping[str, Any] | Fault
    collection: str
    names: Sequence[str] = ()


Reader = Callable[[Path, Mapping[str, str]], Iterator[Row]]


def format_of(file: Path) -> str:
    """The format of a file by the ending of its name.

    :raises CorpusError: no format has this ending.
    """
    for name in READERS:
        if file.name.lower().endswith(SUFFIXES[name]):
            return name
    known = [suffix for name in READERS for suffix in SUFFIXES[name]]
    raise CorpusError(
        f"{file} does not end in {', '.join(known)}; name its format, one of {', '.join(READERS)}"
    )


def _read_jsonl(file: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    with _opened(file) as stream:
        for line, content in enumerate(stream, start=1):
            if line == 1:
                _check_encoding(file, content)
            if line == 1 and content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
                yield from _read_array(file, content + stream.read(), columns)
            elif content.strip():
                yield _json_row(file, line, _decoded(content), columns)


def _read_array(file: Path, content: bytes, columns: Mapping[str, str]) -> Iterator[Row]:
    """A file with one array of objects, as exports often are; the line of a row is its number."""
    rows = _parsed(content)
    if isinstance(rows, Fault):
        raise CorpusError(f"{file} begins like an array of objects but is {rows.reason}")
    for number, row in enumerate(rows, start=1):
        yield _json_row(file, number, _object(row), columns)


def _json_row(file: Path, line: int, row: dict[str, Any] | Fault, columns: Mapping[str, str]) -> Row:
    if isinstance(row, Fault):
        return Row(file, line, row, _stem(file))
    return Row(file, line, _named(row, columns), _stem(file), tuple(row))


def _decoded(line: bytes) -> dict[str, Any] | Fault:
    row = _parsed(line)
    return row if isinstance(row, Fault) else _object(row)


def _object(row: object) -> dict[str, Any] | Fault:
    return row if isinstance(row, dict) else Fault("(row)", f"should be an object, is {type(row).__name__}")


def _parsed(content: bytes) -> Any:
    """The parsed JSON, or what is wrong with it."""
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Fault("(row)", f"not UTF-8 at byte {error.start}")
    except ValueError as error:
        return Fault("(row)", f"not JSON: {error}")
    except RecursionError:
        return Fault("(row)", "not readable JSON: nested too deeply")


def _read_csv(file: Path, columns: Mapping[str, str], delimiter: str = "") -> Iterator[Row]:
    with _opened(file) as stream, _cells_of_any_size():
        first = stream.readline()
        _check_encoding(file, first)
        heading = first.decode("utf-8", "replace")
        if not delimiter or delimiter not in heading:
            delimiter = max(_DELIMITERS, key=heading.count)
        lines = (line.decode("utf-8", "surrogateescape") for line in chain([first], stream))
        # Strict: otherwise a file that was cut off inside quotation marks ends with one huge cell.
        records = csv.reader(_without_mark(lines), delimiter=delimiter, strict=True)
        try:
            header = next(records, [])
            _check_columns(file, header, columns)
            line = records.line_num + 1
            for record in records:
                if len(record) == len(header):
                    fields = _table_row(dict(zip(header, record, strict=True)), columns)
                    yield Row(file, line, fields, _stem(file), header)
                elif record:
                    fault = Fault("(row)", f"has {len(record)} cells, the header has {len(header)}")
                    yield Row(file, line, fault, _stem(file))
                line = records.line_num + 1
        except csv.Error as error:
            raise CorpusError(
                f"{file} is damaged after line {records.line_num}: {error}; cells that contain the"
                " delimiter, a quotation mark or a line feed should be in quotation marks"
            ) from error


def _read_tsv(file: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    return _read_csv(file, columns, delimiter="\t")


def _without_mark(lines: Iterator[str]) -> Iterator[str]:
    """Without the byte order mark with which spreadsheets begin."""
    for first in lines:
        yield first.removeprefix("\ufeff")
        break
    yield from lines


@contextmanager
def _cells_of_any_size() -> Iterator[None]:
    """Lift the limit of 128 KB, which is less than a long article; as it is global, it is restored."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _read_parquet(file: Path, columns: Mapping[str, str]) -> Iterator[Row]:
    import pyarrow  # here, as importing it takes longer than reading most corpora
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(file) as table:
            names = table.schema_arrow.names
            _check_columns(file, names, columns)
            wanted = [name for name in names if name in _names_read(columns)]
            line = 0
            for group in range(table.num_row_groups):
                cells = table.read_row_group(group, columns=wanted)
                for number in range(cells.num_rows):
                    line += 1
                    try:
                        record = {name: cells.column(name)[number].as_py() for name in wanted}
                    except UnicodeDecodeError as error:
                        yield Row(file, line, Fault("(row)", f"not UTF-8: {error.reason}"), _stem(file))
                    else:
                        yield Row(file, line, _table_row(record, columns), _stem(file), names)
    except (pyarrow.ArrowException, OSError) as error:
        raise CorpusError(f"{file} cannot be read as Parquet: {error}") from error


def _read_story(file: Path, _: Mapping[str, str]) -> Iterator[Row]:
    try:
        content = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{file} cannot be read: {error}") from error
    except UnicodeDecodeError as error:
        fields: dict[str, Any] | Fault = Fault("(row)", f"not UTF-8 at byte {error.start}")
    else:
        text, *highlights = _split_at_highlights(content)
        fields = {
            "id": file.stem,
            "text": text.strip(),
            "quotes": [folded(highlight) for highlight in highlights],
        }
    yield Row(file, 1, fields, file.absolute().parent.name)


def _split_at_highlights(content: str) -> list[str]:
    parts: list[list[str]] = [[]]
    for line in content.split("\n"):
        if line.strip() == _HIGHLIGHT:
            parts.append([])
        else:
            parts[-1].append(line)
    return ["\n".join(part) for part in parts]


READERS: Mapping[str, Reader] = {
    "jsonl": _read_jsonl,
    "csv": _read_csv,
    "tsv": _read_tsv,
    "parquet": _read_parquet,
    "story": _read_story,
}


def read_pages(folder: Path, blurbs: Path) -> Iterator[Row]:
    """The pages of a folder with a blurb; the others are refused."""
    pages = {
        file.relative_to(folder).as_posix(): file
        for file in sorted(folder.rglob("*"))
        if file.name.lower().endswith(SUFFIXES["html"]) and file.is_file()
    }
    collection, seen = folder.absolute().name, set()
    for row in READERS[format_of(blurbs)](blurbs, _BLURB_COLUMNS):
        fields = row.fields
        if not isinstance(fields, Fault):
            name = fields.get("source")
            seen.add(name if isinstance(name, str) else None)
            fields = _page(pages, name, fields)
        yield Row(blurbs, row.line, fields, collection)
    for name, file in pages.items():
        if name not in seen:
            yield Row(file, 1, Fault("page", f"{blurbs} has no blurb for it"), collection)


def _page(pages: Mapping[str, Path], name: object, blurb: Mapping[str, Any]) -> dict[str, Any] | Fault:
    if not isinstance(name, str) or name not in pages:
        return Fault("page", f"{name!r} is not a page of the folder")
    summary = blurb.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        return Fault("blurb", "should be a string that is not blank")
    try:
        content = pages[name].read_bytes()
    except OSError as error:
        raise CorpusError(f"{pages[name]} cannot be read: {error}") from error
    try:
        page = read_page(as_utf8(content))
    except NoArticle:
        return Fault("page", f"{name!r} has no main text, or too much markup")
    return {
        "id": blurb.get("id") or name.rpartition(".")[0],
        "title": blurb.get("title") or page.title,
        "text": page.text,
        "summary": summary,
    }


def _check_encoding(file: Path, beginning: bytes) -> None:
    if beginning.startswith(_UTF16):
        raise CorpusError(f"{file} is UTF-16; it should be saved as UTF-8 (iconv -f UTF-16 -t UTF-8)")


@contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    opener: Any = gzip.open if file.suffix == ".gz" else open
    try:
        with opener(file, "rb") as stream:
            yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise CorpusError(f"{file} cannot be read to its end: {error}; export or fetch it again") from error
    except OSError as error:
        raise CorpusError(f"{file} cannot be read: {error.strerror or error}") from error


def _stem(file: Path) -> str:
    return file.name.partition(".")[0]


def _named(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """The row by our names, without missing fields."""
    names = {field: columns.get(field, field) for field in FIELDS}
    fields = {field: row[name] for field, name in names.items() if name in row}
    if fields.get("id") in (None, ""):
        fields["id"] = row.get("url")
    return fields


def _table_row(row: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any] | Fault:
    """The row by our names; a string as its quotes is a list in some syntax, a quote or a summary."""
    fields = _named(row, columns)
    cell = fields.get("quotes")
    if isinstance(cell, str):
        fields["quotes"] = _list_in(cell)
        if fields["quotes"] is None and _LIST.fullmatch(cell):
            return Fault("quotes", "looks like a list, but is not valid in JSON or Python")
        if fields["quotes"] is None and cell.strip():
            if _stands_in(cell, fields.get("text")):
                fields["quotes"] = [cell]
            else:
                fields["summary"] = cell
    return fields


def _stands_in(cell: str, text: object) -> bool:
    """Whether the text contains it verbatim, except for white space."""
    return isinstance(text, str) and folded(cell) in folded(text)


def _list_in(cell: str) -> list[Any] | None:
    """The list in a cell in the syntax of JSON, or of Python, which pandas writes to CSV."""
    for read in (json.loads, ast.literal_eval) if cell.lstrip()[:1] == "[" else ():
        try:
            parsed = read(cell.strip())
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
        if isinstance(parsed, list):
            return parsed
    return None


def _check_columns(file: Path, found: Sequence[str], columns: Mapping[str, str]) -> None:
    missing = [name for name in columns.values() if name not in found]
    if missing:
        raise CorpusError(f"{file} has no column {missing[0]!r}; it has: {', '.join(found)}")
    twice = [name for name in _names_read(columns) if found.count(name) > 1]
    if twice:
        raise CorpusError(
            f"{file} has {found.count(twice[0])} columns {twice[0]!r}, of which only one can be read; rename"
            " the others"
        )


def _names_read(columns: Mapping[str, str]) -> Sequence[str]:
    """The columns that are read; the names of the others make no difference."""
    return [*(columns.get(field, field) for field in FIELDS), "url"]
