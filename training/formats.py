"""Reading articles with quotes from files of several formats.

Each format is a generator of rows; what makes a row an article is decided in one place, the same for all:

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

Fields of a row, by our names:

``id``
    A string or a whole number, or else the field ``url``. Without both, the first 16 hexadecimal digits of
    the sha256 of the text, so that the same text always has the same id and the same split.
``title``
    Optional.
``text``
    The article.
``quotes``
    A list of strings. In a CSV, TSV or Parquet cell also a list in the syntax of JSON or Python, or one quote
    verbatim from the text; any other string there is a summary.
``summary``
    A curator's text instead of quotes; see :func:`training.quotations.quotations`.
``source``
    The collection it is from. Without one, that in the id (:func:`training.corpus.source_of`), or the name of
    the file up to its first dot; for stories and pages, which are one file each, the name of the folder.
"""

import ast
import csv
import gzip
import hashlib
import json
import re
import sys
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import IO, Any, NamedTuple

from summarizer.sentences import SentenceSplitter
from training.corpus import Article, Corpus, CorpusError, Origin, Refused, folded, source_of
from training.quotations import quotations

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

_ONLY_BY_NAME = (".json", ".json.gz")  # in a folder these more often describe the data than contain it
_HIGHLIGHT = "@highlight"
_DELIMITERS = ",;\t"  # spreadsheets write semicolons where the comma is the decimal mark
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LIST = re.compile(r"""\s*\[\s*['"].*['"]\s*,?\s*\]\s*""", re.DOTALL)  # not an edit in brackets
_BLURB_COLUMNS = {"summary": "blurb", "source": "page"}  # the page is in the place of the source


def read_corpus(
    paths: Sequence[Path],
    *,
    format: str | None = None,  # noqa: A002  # the best name
    columns: Mapping[str, str] | None = None,
    blurbs: Path | None = None,
) -> Corpus:
    """Read articles with quotes; see the module for formats and fields.

    :param paths: files, or folders whose files with the endings of the formats are read, sorted by name.
    :param format: one of :data:`FORMATS` for all files; by default according to their names.
    :param columns: our field -> its name in the rows, if it has another one.
    :param blurbs: for one folder of HTML pages: JSON Lines, CSV, TSV or Parquet with ``page`` (name of the
        file in the folder), ``blurb`` and optionally ``id`` (by default the name of the page without its
        ending) and ``title`` (by default that of the page).
    :returns: the valid rows; every other row is in ``refused`` with the reason. Rows with the same id and
        text, each with a quote or a blurb, are one article, in which blurbs that quote nothing count only if
        no row has a quote; of other rows with the same id the first is kept.
    :raises CorpusError: a path that does not exist, a file that is damaged or cannot be read, a file (of
        stories: a folder) without any valid row, or arguments that contradict each other.
    """
    _check_arguments(paths, format, columns, blurbs)
    inputs = (
        [_Input(paths[0], _read_pages(paths[0], blurbs))]
        if blurbs
        else list(_inputs(paths, format, columns or {}))
    )
    splitter = SentenceSplitter()
    gathered = _Gathered()
    for name, rows in inputs:
        refused_before = len(gathered.refused)
        usable = [gathered.add(row, _article(row, splitter)) for row in rows]
        if not any(usable):
            first = _first(gathered.refused[refused_before:], name)
            raise CorpusError(f"{name} contains no usable article{first}")
    return Corpus(list(gathered.articles.values()), gathered.refused)


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


class _Input(NamedTuple):
    """Rows that form a corpus: if none of them is valid, something is wrong with all of them."""

    name: Path
    rows: Iterator[Row]


def _check_arguments(
    paths: Sequence[Path], chosen: str | None, columns: Mapping[str, str] | None, blurbs: Path | None
) -> None:
    if chosen is not None and chosen not in FORMATS:
        raise CorpusError(f"unknown format {chosen!r}; the formats are {', '.join(FORMATS)}")
    unknown = [field for field in columns or {} if field not in FIELDS]
    if unknown:
        raise CorpusError(
            f"columns names an unknown field {unknown[0]!r}; the fields are {', '.join(FIELDS)}"
        )
    for path in (*paths, *filter(None, [blurbs])):
        if not path.exists():
            raise CorpusError(f"{path} does not exist")
    if blurbs is None:
        if chosen == "html":
            raise CorpusError("HTML pages need a file of blurbs with the quotes from each page")
    elif len(paths) != 1 or not paths[0].is_dir() or chosen not in (None, "html") or columns:
        raise CorpusError(f"the blurbs in {blurbs} require one folder of HTML pages and no columns")


def _inputs(paths: Sequence[Path], chosen: str | None, columns: Mapping[str, str]) -> Iterator[_Input]:
    for path in paths:
        if path.is_dir():
            yield from _inputs_of_folder(path, chosen, columns)
        else:
            yield _Input(path, _READERS[chosen or _format_of(path)](path, columns))


def _inputs_of_folder(folder: Path, chosen: str | None, columns: Mapping[str, str]) -> Iterator[_Input]:
    known = [suffix for name in _READERS for suffix in SUFFIXES[name] if suffix not in _ONLY_BY_NAME]
    suffixes = SUFFIXES[chosen] if chosen else tuple(known)
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.name.lower().endswith(suffixes) and not file.name.startswith(".") and file.is_file()
    ]
    if not files:
        raise CorpusError(
            f"{folder} contains no file that ends in {', '.join(suffixes)}; HTML pages need a file of blurbs"
        )
    formats = {file: chosen or _format_of(file) for file in files}
    stories = [file for file in files if formats[file] == "story"]
    if stories:
        yield _Input(folder, (row for file in stories for row in _read_story(file, columns)))
    for file in files:
        if formats[file] != "story":
            yield _Input(file, _READERS[formats[file]](file, columns))


def _format_of(file: Path) -> str:
    for name in _READERS:
        if file.name.lower().endswith(SUFFIXES[name]):
            return name
    known = [suffix for name in _READERS for suffix in SUFFIXES[name]]
    raise CorpusError(
        f"{file} does not end in {', '.join(known)}; name its format, one of {', '.join(_READERS)}"
    )


def _first(refused: Sequence[Refused], name: Path) -> str:
    for r in refused[:1]:
        return f"; {'' if r.file == name else f'{r.file}, '}line {r.line}: {r.field}: {r.reason}"
    return ""


# From a row to an article


def _article(row: Row, splitter: SentenceSplitter) -> Article | Refused:
    fields = row.fields if isinstance(row.fields, Fault) else _checked(row.fields, row.collection, splitter)
    if not isinstance(fields, Fault):
        return fields
    return Refused(row.file, row.line, fields.field, fields.reason + _hint(row, fields.field))


def _hint(row: Row, field: str) -> str:
    """The names of the fields, if a required one is missing: often it has another name."""
    needed = {"text": ("text",), "quotes": ("quotes", "summary")}.get(field)
    if not needed or not row.names or isinstance(row.fields, Fault):
        return ""
    if any(name in row.fields for name in needed):
        return ""
    return f'; the fields are "{", ".join(row.names)}": use --columns {field}=NAME to say which one it is'


class _Gathered:
    """Collects articles by id, and the refused rows.

    The sentences of a blurb that quotes nothing are used only if no other row of the article has quotes.
    """

    def __init__(self) -> None:
        self.articles: dict[str, Article] = {}
        self.refused: list[Refused] = []
        self._sentences: defaultdict[str, list[Refused]] = defaultdict(list)  # refused if quotes follow

    def add(self, row: Row, article: Article | Refused) -> bool:
        """:returns: whether the row is valid; one that only repeats others is valid, but refused."""
        if isinstance(article, Refused):
            self.refused.append(article)
            return False
        first = self.articles.get(article.id)
        if first and first.text.strip() != article.text.strip():
            reason = f"{article.id!r} is already in the corpus, with another text"
            self.refused.append(Refused(row.file, row.line, "id", reason))
            return False
        self._add(row, article, first)
        return True

    def _add(self, row: Row, article: Article, first: Article | None) -> None:
        if first and set(article.quotes) <= set(first.quotes):
            reason = f"{article.id!r} is already in the corpus"
            self.refused.append(Refused(row.file, row.line, "id", reason))
            return
        if article.origin == "sentences":
            outdone = _outdone(row, article)
            if first and first.origin != "sentences":
                self.refused.append(outdone)
                return
            self._sentences[article.id].append(outdone)
        elif first and first.origin == "sentences":
            self.refused += self._sentences.pop(article.id)
            first = None
        self.articles[article.id] = _merged(first, article) if first else article


def _outdone(row: Row, article: Article) -> Refused:
    return Refused(
        row.file,
        row.line,
        "summary",
        f"quotes nothing from the article, and other rows of {article.id!r} have quotes, so it is not"
        ' used; if it is a quote, give it as a list: ["..."]',
    )


def _merged(first: Article, second: Article) -> Article:
    return replace(first, quotes=tuple(dict.fromkeys([*first.quotes, *second.quotes])))


def _checked(fields: Mapping[str, Any], collection: str, splitter: SentenceSplitter) -> Article | Fault:
    text = fields.get("text")
    if not isinstance(text, str) or not text.strip():
        return Fault("text", "should be a string that is not blank")
    for field in ("title", "summary", "source"):
        if not isinstance(fields.get(field), str | None):
            return Fault(field, "should be a string or null")
    article_id, quotes = fields.get("id"), fields.get("quotes")
    if not isinstance(article_id, str | int | None) or isinstance(article_id, bool):
        return Fault("id", "should be a string, a whole number or null")
    if wrong := _not_strings(quotes):
        return Fault("quotes", f"should be a list of strings, {wrong}")
    strings = {name: value for name, value in fields.items() if name in FIELDS and isinstance(value, str)}
    for field, value in {**strings, "quotes": "\n".join(quotes or ())}.items():
        if not _is_well_formed(value):
            return Fault(field, "is not well-formed Unicode: not UTF-8, or a lone surrogate in an escape")
    taken = _quotes(quotes or (), fields.get("summary") or "", text, splitter)
    if isinstance(taken, Fault):
        return taken
    article_id = str(article_id if article_id is not None else "")
    if not article_id.strip():
        article_id = hashlib.sha256(text.strip().encode()).hexdigest()[:16]
    title, source = ((fields.get(field) or "").strip() for field in ("title", "source"))
    return Article(
        article_id, title or None, text, taken[0], source or source_of(article_id) or collection, taken[1]
    )


def _not_strings(quotes: object) -> str:
    if not isinstance(quotes, list | None):
        return f"is {type(quotes).__name__}"
    others = [type(quote).__name__ for quote in quotes or () if not isinstance(quote, str)]
    return f"contains {others[0]}" if others else ""


def _quotes(
    quotes: Iterable[str], summary: str, text: str, splitter: SentenceSplitter
) -> tuple[tuple[str, ...], Origin] | Fault:
    kept = tuple(quote.strip() for quote in quotes if quote.strip())
    if kept:
        return kept, "quotes"
    if not summary.strip():
        return Fault("quotes", "should contain a quote that is not blank, or there should be a summary")
    taken = quotations(summary, text, splitter)
    if not taken.quotes:
        return Fault("summary", "has neither a quotation that is in the text nor a sentence")
    return taken.quotes, taken.origin


def _is_well_formed(text: str) -> bool:
    """Whether it can be hashed and written: JSON can contain a lone surrogate, UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


# Readers


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


_READERS: Mapping[str, Reader] = {
    "jsonl": _read_jsonl,
    "csv": _read_csv,
    "tsv": _read_tsv,
    "parquet": _read_parquet,
    "story": _read_story,
}


def _read_pages(folder: Path, blurbs: Path) -> Iterator[Row]:
    """The pages of a folder with a blurb; the others are refused."""
    pages = {
        file.relative_to(folder).as_posix(): file
        for file in sorted(folder.rglob("*"))
        if file.name.lower().endswith(SUFFIXES["html"]) and file.is_file()
    }
    collection, seen = folder.absolute().name, set()
    for row in _READERS[_format_of(blurbs)](blurbs, _BLURB_COLUMNS):
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
    import trafilatura  # here, as importing it takes longer than reading most corpora
    from trafilatura.settings import Document

    if not isinstance(name, str) or name not in pages:
        return Fault("page", f"{name!r} is not a page of the folder")
    summary = blurb.get("summary")
    if not isinstance(summary, str) or not summary.strip():
        return Fault("blurb", "should be a string that is not blank")
    try:
        content = trafilatura.bare_extraction(
            pages[name].read_bytes(), include_comments=False, with_metadata=True
        )
    except OSError as error:
        raise CorpusError(f"{pages[name]} cannot be read: {error}") from error
    if not isinstance(content, Document) or not content.text:
        return Fault("page", f"{name!r} has no main text")
    return {
        "id": blurb.get("id") or name.rpartition(".")[0],
        "title": blurb.get("title") or content.title,
        # each of its lines is a paragraph
        "text": _without_title(content.text, content.title).replace("\n", "\n\n"),
        "summary": summary,
    }


def _check_encoding(file: Path, beginning: bytes) -> None:
    if beginning.startswith(_UTF16):
        raise CorpusError(f"{file} is UTF-16; it should be saved as UTF-8 (iconv -f UTF-16 -t UTF-8)")


def _without_title(text: str, title: str | None) -> str:
    """The text without the heading of the page, with which it begins, as nobody quotes it."""
    first, _, rest = text.partition("\n")
    return rest if title and rest and first.strip().casefold() == title.strip().casefold() else text


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
