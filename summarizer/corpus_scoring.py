"""A corpus of any size, scored in constant memory: chunks go out to processes, parts come back.

::

    OUT/manifest.json               the input, settings and model of the parts; whether all are present
    OUT/part-00000-000000.jsonl     results for the first chunk of the first file, in order
    OUT/part-00000-000001.jsonl     …

A part is on disk whole or not at all, so its presence is all that a run needs to know to resume one that was
killed. A :class:`Runner` does the work: processes on this machine, or a cluster.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from summarizer.corpus_folder import locked_output_folder, write_manifest
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
)
from summarizer.document import Document, Evaluation
from summarizer.drafts import write_whole
from summarizer.errors import CorpusError, InputError, InvalidOption
from summarizer.options import DEFAULT_OPTIONS, SummaryOptions
from summarizer.pipeline import Summarizer

DEFAULT_ROWS_PER_PART = 500
DEFAULT_MAX_SENTENCES = 5000

# Articles are encoded and scored in groups that have at least this many sentences.
_SENTENCES_AT_ONCE = 2048


@dataclass(frozen=True, slots=True)
class Settings:
    """What determines the contents of the parts, apart from the input and the model.

    :ivar rows_per_part: most rows in a part, at least 1; a part of long articles has fewer.
    :ivar max_sentences: an article with more becomes a row with an error; at least 1.
    :raises InvalidOption: one of these two is less than 1.
    :raises CorpusError: a column to keep has the name of a field of the results.
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
                raise CorpusError(
                    f"the column {name!r} cannot be kept: results have a field of that name; rename it"
                )


@dataclass(frozen=True, slots=True)
class Job:
    """What a process needs to know to score chunks.

    :ivar out: folder of the parts.
    :ivar checkpoint: folder of the model; None for the shipped one.
    :ivar encoder: where the checkpoint's encoder is; None for where the checkpoint says.
    :ivar model_sha256: digest that the checkpoint must still have.
    :ivar schema: serialized Arrow schema of the parts if they are Parquet, else None.
    """

    out: Path
    settings: Settings
    checkpoint: str | None
    encoder: str | None
    model_sha256: str
    schema: bytes | None


class Task(NamedTuple):
    """A chunk, and where its results go.

    :ivar file: the file that it is from.
    :ivar part: name of the part for its results.
    :ivar is_done: whether that part is there already.
    """

    file: InputFile
    part: str
    is_done: bool
    chunk: Chunk


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is done.

    :ivar rows: rows of the input.
    :ivar errors: rows that this run could not score; parts from an earlier run are not read.
    :ivar size: bytes of the input.
    :ivar kept_rows: those of the rows whose parts are from an earlier run.
    :ivar kept_size: bytes of the input whose parts are from an earlier run.
    :ivar parts: number of parts.
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
    """Scores those chunks of the files that have no part yet, in any order."""

    def __call__(self, files: Sequence[InputFile], job: Job) -> Generator[Counts, None, None]:
        """Yield the counts of each part as soon as it is there."""
        ...


def score_corpus(
    corpus: Path,
    out: Path,
    runner: Runner,
    settings: Settings,
    *,
    checkpoint: str | None = None,
    encoder: str | None = None,
    on_progress: Callable[[Counts, int], None] | None = None,
) -> Counts:
    """Score every article of a corpus, resuming where an earlier run stopped.

    :param corpus: a file that ends in .jsonl, .jsonl.gz or .parquet, or a folder of them.
    :param out: folder of the parts; new, empty, or from an earlier run with the same arguments.
    :param on_progress: called after each part with the counts so far and the bytes of the whole input.
    :raises CorpusError: the input cannot be read, the folder belongs to something else, or the runner failed.
    :raises CheckpointError: the model cannot be used.
    :raises EncoderUnavailable: the encoder is not installed here.
    :raises InvalidOption: the model does not know the kind of text that the settings name.
    """
    _check_apart(corpus, out)
    files = find_files(corpus)
    for file in files:
        if file.format == "parquet":
            parquet_fields(file, settings.columns)
    schema = parquet_schema(files, settings.columns) if settings.format == "parquet" else None
    summarizer = Summarizer.load(checkpoint, encoder=encoder)
    summarizer.check_kind(settings.options.kind)
    model = summarizer.model
    folder = str(Path(checkpoint).resolve()) if checkpoint else None
    job = Job(out.resolve(), settings, folder, encoder, model.sha256, schema)
    told = asdict(settings)
    if settings.options.kind is None:
        del told["options"]["kind"]  # so that runs from before this option are resumed
    manifest = {
        "model": asdict(model),
        "settings": told,
        "input": {file.name: {"bytes": file.size, "modified": file.modified} for file in files},
    }
    counts, size = Counts(), sum(file.size for file in files)
    with locked_output_folder(out, manifest), closing(runner(files, job)) as parts:
        for part in parts:
            counts += part
            if on_progress is not None:
                on_progress(counts, size)
        done = {"complete": True, "parts": counts.parts, "rows": counts.rows}
        write_manifest(out, {**manifest, **done})
    return counts


def tasks_of(file: InputFile, file_index: int, job: Job) -> Iterator[Task]:
    """The chunks of a file; those that are scored already come without their payload.

    :param file_index: index of the file in the corpus.
    :raises CorpusError: the file is damaged.
    """
    settings = job.settings
    for chunk_index, chunk in enumerate(read_chunks(file, settings.columns, settings.rows_per_part)):
        part = part_name(file_index, chunk_index, settings.format)
        is_done = (job.out / part).exists()
        yield Task(file, part, is_done, chunk._replace(payload=b"") if is_done else chunk)


def score_task(task: Task, job: Job) -> Counts:
    """Score a chunk and write its part, with a model that the process loads once.

    :raises CorpusError: the checkpoint is not the one that the run began with.
    """
    if task.is_done:
        return counts_of(task)
    settings = job.settings
    rows = rows_of(task.chunk, task.file, settings.columns)
    results = list(_results(rows, _load(job), settings.options))
    content = as_lines(results) if job.schema is None else as_table(results, job.schema)
    # A process that briefly outlives its run may write the same part; both write the same bytes.
    write_whole(job.out / task.part, content, shared=True)
    return counts_of(task, sum("error" in result for result in results))


def counts_of(task: Task, errors: int = 0) -> Counts:
    """Counts of one part.

    :param errors: rows of it without scores; 0 for a part from an earlier run, where they are unknown.
    """
    rows, size = task.chunk.rows, task.chunk.size
    return Counts(rows, errors, size, task.is_done * rows, task.is_done * size, 1)


@lru_cache(maxsize=1)
def _load(job: Job) -> Summarizer:
    summarizer = Summarizer.load(
        job.checkpoint, encoder=job.encoder, max_sentences=job.settings.max_sentences
    )
    if summarizer.model.sha256 != job.model_sha256:
        raise CorpusError("the checkpoint was replaced after this run began; run again with the old one")
    return summarizer


def _results(
    rows: Iterable[Row], summarizer: Summarizer, options: SummaryOptions
) -> Iterator[Mapping[str, Any]]:
    """A result for each row, in order."""
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
            del content["model"]  # it is in the manifest
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
        scores = summarizer.score(documents, encoded, [options.kind] * len(documents))
        return [summarizer.select(*parts, options) for parts in zip(documents, encoded, scores, strict=True)]
    except Exception as error:  # noqa: BLE001  # one article must not fail the others, nor stop the run
        if len(documents) == 1:
            return [("internal_error", f"{type(error).__name__}: {error}")]
        return [outcome for one in documents for outcome in _evaluations([one], summarizer, options)]


def _check_apart(corpus: Path, out: Path) -> None:
    source, target = corpus.resolve(), out.resolve()
    if target == source or (source.is_dir() and source in target.parents):
        raise CorpusError(f"{out} is part of the input {corpus}; name a folder outside it")
