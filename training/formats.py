"""Reading articles with quotes from files of several formats.

The formats are those of :mod:`training.readers`. Fields of a row, by our names:

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

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from summarizer.sentences import SentenceSplitter
from training.corpus import Article, Corpus, CorpusError, Origin, Refused, source_of
from training.quotations import quotations
from training.readers import FIELDS, FORMATS, READERS, SUFFIXES, Fault, Row, format_of, read_pages

_ONLY_BY_NAME = (".json", ".json.gz")  # in a folder these more often describe the data than contain it


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
        [_Input(paths[0], read_pages(paths[0], blurbs))]
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
            yield _Input(path, READERS[chosen or format_of(path)](path, columns))


def _inputs_of_folder(folder: Path, chosen: str | None, columns: Mapping[str, str]) -> Iterator[_Input]:
    known = [suffix for name in READERS for suffix in SUFFIXES[name] if suffix not in _ONLY_BY_NAME]
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
    formats = {file: chosen or format_of(file) for file in files}
    stories = [file for file in files if formats[file] == "story"]
    if stories:
        yield _Input(folder, (row for file in stories for row in READERS["story"](file, columns)))
    for file in files:
        if formats[file] != "story":
            yield _Input(file, READERS[formats[file]](file, columns))


def _first(refused: Sequence[Refused], name: Path) -> str:
    for r in refused[:1]:
        return f"; {'' if r.file == name else f'{r.file}, '}line {r.line}: {r.field}: {r.reason}"
    return ""


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
