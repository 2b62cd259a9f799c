"""A corpus of any size, scored in constant memory: chunks of it go out to processes, parts come back.

::

    OUT/manifest.json               what the parts belong to: input, settings, model; whether all are there
    OUT/part-00000-000000.jsonl     the rows of the first chunk of the first file, in their order
    OUT/part-00000-000001.jsonl     …

A part is on disk whole or not at all, so that is all that a run needs to know to go on where an earlier
one was killed. Who does the work is up to a :class:`Runner`: processes of this machine, or a cluster.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from summarizer.corpus_folder import taken, write_manifest
from summarizer.corpus_reading import (
    Chunk,
    Columns,
    InputFile,
    Row,
    find_files,
    parquet_fields,
    read_chunks,
    rows_of,
)
from summarizer.corpus_writing import (
    RESULT_FIELDS,
    PartFormat,
    as_lines,
    as_table,
    parquet_schema,
    part_name,
    write_part,
)
from summarizer.document import Document, Evaluation
from summarizer.errors import CorpusError, InputError, InvalidOption
from summarizer.options import DEFAULT_OPTIONS, SummaryOptions
from summarizer.pipeline import Summarizer

DEFAULT_ROWS_PER_PART = 500
DEFAULT_MAX_SENTENCES = 5000

# Sentences that are encoded and scored together.
_SENTENCES_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class Settings:
    """What decides the content of the parts, beside the input and the model.

    :ivar rows_per_part: most rows in a part, at least 1; a part of long articles has fewer.
    :ivar max_sentences: an article with more becomes a row with an error, at least 1.
    """

    columns: Columns = field(default_factory=Columns)
    format: PartFormat = "jsonl"
    rows_per_part: int = DEFAULT_ROWS_PER_PART
    max_sentences: int = DEFAULT_MAX_SENTENCES
    options: SummaryOptions = DEFAULT_OPTIONS

    def __post_init__(self) -> None:
        for name in ("rows_per_part", "max_sentences"):
            if getattr(self, name) < 1:
                raise InvalidOption(f"{name} must be at least 1; got {getattr(self, name)}")
        for name in self.columns.keep:
            if name in RESULT_FIELDS:
                raise CorpusError(f"the column {name!r} cannot be kept: results have a field of that name")


@dataclass(frozen=True, slots=True)
class Job:
    """What somebody who scores chunks has to know.

    :ivar out: folder of the parts.
    :ivar checkpoint: folder of the model, None for the shipped one.
    :ivar encoder: where the checkpoint's encoder is, None for where it says.
    :ivar model_sha256: what the checkpoint must still be.
    :ivar schema: of the parts, where they are Parquet.
    """

    out: Path
    settings: Settings
    checkpoint: str | None
    encoder: str | None
    model_sha256: str
    schema: bytes | None


class Task(NamedTuple):
    """A chunk with its place in the corpus.

    :ivar file: where it is from.
    :ivar part: name of the file for its results.
    :ivar is_done: that file was there before.
    """

    file: InputFile
    part: str
    is_done: bool
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Counts:
    """How much was done.

    :ivar rows: rows of the input.
    :ivar errors: those of them that could not be scored, as far as this run has seen them.
    :ivar size: bytes of input.
    :ivar kept_rows: rows among them whose parts were there before.
    :ivar kept_size: likewise in bytes.
    :ivar parts: files.
    """

    rows: int = 0
    errors: int = 0
    size: int = 0
    kept_rows: int = 0
    kept_size: int = 0
    parts: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, name) + getattr(other, name) for name in self.__slots__))


class Runner(Protocol):
    """Scores all chunks of files that have no part yet, in any order."""

    def __call__(self, files: Sequence[InputFile], job: Job) -> Generator[Counts, None, None]:
        """Counts of each part as soon as it is there."""
        ...


def score_corpus(
    corpus: Path,
    out: Path,
    runner: Runner,
    settings: Settings,
    *,
    checkpoint: str | None = None,
    encoder: str | None = None,
    told: Callable[[Counts, int], None] | None = None,
) -> Counts:
    """Score every article of a corpus, and go on where an earlier run stopped.

    :param corpus: a file that ends in .jsonl, .jsonl.gz or .parquet, or a folder of them.
    :param out: folder of the parts; new, empty, or from an earlier run with the same arguments.
    :param told: called after each part with the counts so far and the bytes of the whole input.
    :raises CorpusError: the input cannot be read, or the folder belongs to something else.
    :raises CheckpointError: the model cannot be used.
    :raises EncoderUnavailable: the encoder is not installed here.
    """
    _check_apart(corpus, out)
    files = find_files(corpus)
    for file in files:
        if file.format == "parquet":
            parquet_fields(file, settings.columns)
    schema = parquet_schema(files, settings.columns) if settings.format == "parquet" else None
    model = Summarizer.load(checkpoint, encoder=encoder).model
    folder = str(Path(checkpoint).resolve()) if checkpoint else None
    job = Job(out.resolve(), settings, folder, encoder, model.sha256, schema)
    manifest = {
        "model": asdict(model),
        "settings": asdict(settings),
        "input": {file.name: {"bytes": file.size, "modified": file.modified} for file in files},
    }
    counts, size = Counts(), sum(file.size for file in files)
    with taken(out, manifest), closing(runner(files, job)) as parts:
        for part in parts:
            counts += part
            if told is not None:
                told(counts, size)
        done = {"complete": True, "parts": counts.parts, "rows": counts.rows}
        write_manifest(out, {**manifest, **done})
    return counts


def tasks_of(file: InputFile, position: int, job: Job) -> Iterator[Task]:
    """The chunks of a file; those that are scored already come without their content.

    :param position: of the file in the corpus.
    :raises CorpusError: the file is damaged.
    """
    settings = job.settings
    for number, chunk in enumerate(read_chunks(file, settings.columns, settings.rows_per_part)):
        part = part_name(position, number, settings.format)
        is_done = (job.out / part).exists()
        yield Task(file, part, is_done, chunk._replace(payload=b"") if is_done else chunk)


def score_task(task: Task, job: Job) -> Counts:
    """Score a chunk and write its part, with a model that the process loads once.

    :raises CorpusError: the model is not the one that the job began with.
    """
    if task.is_done:
        return counts_of(task)
    settings = job.settings
    rows = rows_of(task.chunk, task.file, settings.columns)
    results = list(_results(rows, _load(job), settings.options))
    content = as_lines(results) if job.schema is None else as_table(results, job.schema)
    write_part(job.out / task.part, content)
    return counts_of(task, sum("error" in result for result in results))


def counts_of(task: Task, errors: int = 0) -> Counts:
    """Counts of one part.

    :param errors: rows without scores in it; unknown, and so 0, if it was there before.
    """
    rows, size = task.chunk.rows, task.chunk.size
    return Counts(rows, errors, size, task.is_done * rows, task.is_done * size, 1)


@lru_cache(maxsize=1)
def _load(job: Job) -> Summarizer:
    summarizer = Summarizer.load(
        job.checkpoint, encoder=job.encoder, max_sentences=job.settings.max_sentences
    )
    if summarizer.model.sha256 != job.model_sha256:
        raise CorpusError("the checkpoint has been replaced since this run began; run again with the old one")
    return summarizer


def _results(
    rows: Iterable[Row], summarizer: Summarizer, options: SummaryOptions
) -> Iterator[Mapping[str, Any]]:
    """One for each row, in their order."""
    group: list[tuple[Row, Document | None]] = []
    sentences = 0
    for row in rows:
        document = None
        if row.error is None:
            try:
                document = summarizer.split(row.text)
                sentences += len(document.sentences)
            except InputError as error:
                row = Row(row.id, "", row.kept, (error.code, str(error)))
        group.append((row, document))
        if sentences >= _SENTENCES_AT_ONCE:
            yield from _scored(group, summarizer, options)
            group, sentences = [], 0
    yield from _scored(group, summarizer, options)


def _scored(
    group: Sequence[tuple[Row, Document | None]], summarizer: Summarizer, options: SummaryOptions
) -> Iterator[Mapping[str, Any]]:
    documents = [document for _, document in group if document is not None]
    evaluations = iter(_evaluations(documents, summarizer, options))
    for row, document in group:
        outcome = next(evaluations) if document is not None else row.error
        first = {"id": row.id, **row.kept}
        if isinstance(outcome, Evaluation):
            content = outcome.as_dict()
            del content["model"]  # it stands in the manifest
            yield {**first, **content}
        else:
            assert outcome is not None  # noqa: S101
            yield {**first, "error": {"code": outcome[0], "detail": outcome[1]}}


def _evaluations(
    documents: Sequence[Document], summarizer: Summarizer, options: SummaryOptions
) -> list[Evaluation | tuple[str, str]]:
    if not documents:
        return []
    try:
        encoded = summarizer.encode(documents)
        scores = summarizer.score(documents, encoded)
        return [summarizer.select(*parts, options) for parts in zip(documents, encoded, scores, strict=True)]
    except Exception as error:  # noqa: BLE001  # one article must neither take its company down nor stop the run
        if len(documents) == 1:
            return [("internal_error", f"{type(error).__name__}: {error}")]
        return [found for one in documents for found in _evaluations([one], summarizer, options)]


def _check_apart(corpus: Path, out: Path) -> None:
    source, target = corpus.resolve(), out.resolve()
    if target == source or (source.is_dir() and source in target.parents):
        raise CorpusError(f"{out} is part of the input {corpus}; name a folder outside of it")
