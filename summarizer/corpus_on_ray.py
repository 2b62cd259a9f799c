"""A corpus on a cluster: the same chunks and parts by Ray Data, which reads and scores where there is room.

The input, the folder of the parts and the checkpoint must have the same path on every machine.
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

# Files that are read at once, for each core that scores: reading a chunk is little beside scoring it.
_READERS_PER_CORE = 0.1


def on_ray(files: Sequence[InputFile], job: Job) -> Generator[Counts, None, None]:
    """A :class:`summarizer.corpus_scoring.Runner` that uses all cores of a Ray cluster.

    Connects as ``ray.init()`` does: to the cluster of RAY_ADDRESS or of this machine; else it starts one.

    :raises CorpusError: Ray is not installed, or the cluster gave up.
    """
    try:
        import ray
        import ray.data
        from ray.exceptions import RayError
    except ImportError as error:
        raise CorpusError(
            "Ray is not installed: in the project's folder, pip install '.[distributed]'"
        ) from error
    began_here = not ray.is_initialized()
    ray.init(ignore_reinit_error=True, log_to_driver=False, logging_level="warning")
    try:
        cores = max(int(ray.cluster_resources().get("CPU", 1)), 1)
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.target_max_block_size = 1  # each chunk is a block of its own, and goes on at once
        items = [{"position": position, "file": pickle.dumps(file)} for position, file in enumerate(files)]
        counted = (
            ray.data.from_items(items, override_num_blocks=len(items))
            # Needs no core, or a cluster with one would wait forever; so that a chunk can go to any
            # process, other resources than those of scoring keep Ray from doing both in one.
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
        for row in counted.iter_rows():
            yield Counts(**row)
    except RayError as error:
        last = str(error).strip().splitlines()[-1]
        raise CorpusError(
            f"the cluster gave up: {last}; the parts so far are kept: run the same again"
        ) from error
    finally:
        if began_here:
            ray.shutdown()


class _Read:
    """From files to tasks, one at a time."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, files: "pyarrow.Table") -> Iterator["pyarrow.Table"]:
        pyarrow = require_pyarrow()
        for item in files.to_pylist():
            for task in tasks_of(pickle.loads(item["file"]), item["position"], self._job):  # noqa: S301  # our own
                yield pyarrow.table({"task": pyarrow.array([pickle.dumps(task)], pyarrow.large_binary())})


class _Score:
    """From tasks to counts, in a process that keeps the model."""

    def __init__(self, job: Job) -> None:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"  # Ray gives each process one thread for the rest
        self._job = job

    def __call__(self, tasks: "pyarrow.Table") -> "pyarrow.Table":
        pyarrow = require_pyarrow()
        pickled: list[Any] = tasks.column("task").to_pylist()
        counts = [score_task(pickle.loads(task), self._job) for task in pickled]  # noqa: S301  # our own
        names = Counts.__slots__
        return pyarrow.table({name: [getattr(count, name) for count in counts] for name in names})
