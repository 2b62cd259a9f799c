"""A corpus scored on this machine, by processes that take one chunk at a time."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from summarizer.corpus_reading import InputFile
from summarizer.corpus_scoring import Counts, Job, Task, counts_of, score_task, tasks_of
from summarizer.errors import CorpusError, InvalidOption

# Chunks waiting or in progress per process: none waits for the reader, and memory stays bounded.
_CHUNKS_PER_PROCESS = 2

# Read by NumPy, PyTorch and tokenizers when they are imported. The processes share the cores; threads in each
# of them would only wait for one another.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class LocalProcesses:
    """Processes on this machine, each with one thread and its own copy of the model.

    :param count: at least 1.
    :raises InvalidOption: it is less.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise InvalidOption(f"processes must be at least 1; got {count}")
        self._count = count

    def __call__(self, files: Sequence[InputFile], job: Job) -> Generator[Counts, None, None]:
        """See :meth:`summarizer.corpus_scoring.Runner.__call__`."""
        # A fork would copy the locks of libraries' threads, but not the threads.
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(self._count, context, _begin_process)
        waiting: set[Future[Counts]] = set()
        try:
            for task in _all_tasks(files, job):
                if task.is_done:
                    yield counts_of(task)
                    continue
                if len(waiting) == self._count * _CHUNKS_PER_PROCESS:
                    done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                with _environment(_ONE_THREAD):  # submitting a task may start a process
                    waiting.add(pool.submit(score_task, task, job))
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool:
            raise CorpusError(
                "one of the processes was killed, perhaps for lack of memory; the parts written so far are"
                " kept: run the same again with fewer processes, or into a new folder with smaller parts"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _all_tasks(files: Sequence[InputFile], job: Job) -> Iterator[Task]:
    for index, file in enumerate(files):
        yield from tasks_of(file, index, job)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for processes that are started within the block."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _begin_process() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # exit immediately, without a traceback; parts stay whole
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Exit when the parent does; a process whose parent was killed would otherwise wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
