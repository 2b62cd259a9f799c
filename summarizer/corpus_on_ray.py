"""A corpus scored on a cluster: Ray Data reads and scores the same chunks, wherever it finds free cores.

The input, the output folder and the checkpoint must have the same paths on every machine.
"""

import os
import pickle
from collections.abc import Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from summarizer.corpus_reading import InputFile, require_pyarrow
from summarizer.corpus_scoring import Counts, Job, score_task, tasks_of
from summarizer.errors import CorpusError

if TYPE_CHECKING:
    import pyarrow

# Files read at the same time per scoring core: reading a chunk takes little compared with scoring it.
_READERS_PER_CORE = 0.1


def on_ray(files: Sequence[InputFile], job: Job) -> Generator[Counts, None, None]:
    """A :class:`summarizer.corpus_scoring.Runner` that uses all cores of a Ray cluster.

    Connects as ``ray.init()`` does: to the cluster of RAY_ADDRESS or one on this machine, or to a new one.

    :raises CorpusError: Ray is not installed, or the cluster failed.
    """
    ray = _require_ray()
    started_here = not ray.is_initialized()
    ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="warning")
    try:
        for row in _scored(files, job).iter_rows():
            yield Counts(**row)
    except ray.exceptions.RayError as error:
        last = str(error).strip().splitlines()[-1]
        raise CorpusError(
            f"the cluster failed: {last}; the parts written so far are kept: run the same again"
        ) from error
    finally:
        if started_here:
            ray.shutdown()


def _require_ray() -> Any:
    try:
        import ray
        import ray.data
        import ray.exceptions
    except ImportError as error:
        raise CorpusError(
            "Ray is not installed; run pip install '.[distributed]' in the project's folder"
        ) from error
    return ray


def _scored(files: Sequence[InputFile], job: Job) -> Any:
    """A lazy ``ray.data.Dataset``: reading it scores the files. Each row has the counts of one part."""
    ray = _require_ray()
    cores = max(int(ray.cluster_resources().get("CPU", 1)), 1)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.target_max_block_size = 1  # each chunk is a block of its own, and is passed on immediately
    items = [{"index": index, "file": pickle.dumps(file)} for index, file in enumerate(files)]
    return (
        ray.data.from_items(items, override_num_blocks=len(items))
        # Reading reserves no core: with one, a cluster of a single core would wait forever. Ray does not fuse
        # steps that reserve different resources, so a chunk can be scored by any process.
        .map_batches(
            _Read(job),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=0,
            compute=ray.data.TaskPoolStrategy(max(round(cores * _READERS_PER_CORE), 1)),
        )
        .map_batches(
            _Score,
            fn_constructor_args=(job,),
            batch_size=1,
            batch_format="pyarrow",
            num_cpus=1,
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=cores),
        )
    )


class _Read:
    """Turns files into tasks, one at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, files: "pyarrow.Table") -> Iterator["pyarrow.Table"]:
        pyarrow = require_pyarrow()
        for item in files.to_pylist():
            for task in tasks_of(pickle.loads(item["file"]), item["index"], self._job):  # noqa: S301  # our own
                yield pyarrow.table({"task": pyarrow.array([pickle.dumps(task)], pyarrow.large_binary())})


class _Score:
    """Turns tasks into counts, in a process that keeps the model."""

    def __init__(self, job: Job) -> None:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # Ray itself limits the other libraries to one thread
        self._job = job

    def __call__(self, tasks: "pyarrow.Table") -> "pyarrow.Table":
        pyarrow = require_pyarrow()
        pickled: list[Any] = tasks.column("task").to_pylist()
        counts = [score_task(pickle.loads(task), self._job) for task in pickled]  # noqa: S301  # our own
        names = Counts.__slots__
        return pyarrow.table({name: [getattr(count, name) for count in counts] for name in names})
