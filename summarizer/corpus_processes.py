"""A corpus on this machine: processes that take a chunk at a time."""

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

# Chunks that wait or are in work, for each process: it never waits for the reader, and memory stays bounded.
_CHUNKS_PER_PROCESS = 2

# Read by NumPy, PyTorch and tokenizers when they are imported. Processes share the cores among them; threads
# in each would only wait for one another.
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


class LocalProcesses:
    """Processes of this machine, each with its own copy of the model, in one thread.

    :param count: at least 1.
    """

    def __init__(self, count: int) -> None:
        if count < 1:
            raise InvalidOption(f"processes must be at least 1; got {count}")
        self._count = count

    def __call__(self, files: Sequence[InputFile], job: Job) -> Generator[Counts, None, None]:
        """See :meth:`Runner.__call__`."""
        context = multiprocessing.get_context("spawn")  # a fork would copy the threads of libraries half
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
                with _environment(_ONE_THREAD):  # the pool starts a process when it is given work
                    waiting.add(pool.submit(score_task, task, job))
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool:
            raise CorpusError(
                "one of the processes was killed, perhaps for want of memory; the parts so far are kept:"
                " run the same again, with fewer processes or rows in a part"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


def _all_tasks(files: Sequence[InputFile], job: Job) -> Iterator[Task]:
    for position, file in enumerate(files):
        yield from tasks_of(file, position, job)


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """For what is started meanwhile."""
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
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # ends at once and without a trace; parts are whole anyway
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Or a process whose parent was killed would wait for work forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
