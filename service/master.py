"""What gunicorn's master process does for its workers beside forking them: hooks for ``gunicorn.conf.py``.

Before workers see a checkpoint, at the start and at each SIGHUP, it is copied and the application is built
with the copy in a process of its own. So a damaged one is refused while the old workers go on, and a worker
that replaces another has the same model, whatever happens to the operator's folder meanwhile.

Each worker gets a number that no other living one has. Its metrics are in files of that number, so a worker
that replaces another counts on where that ended, and the number of files does not grow.
"""

import contextlib
import fcntl
import gc
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker
from prometheus_client import values
from prometheus_client.multiprocess import mark_process_dead

from service import create_app
from service.config import ConfigError, ServiceConfig
from service.metrics import METRICS_FOLDER
from service.rates import RATES_FILE
from summarizer import SummarizerError
from summarizer.checkpoint import CONFIG_FILE
from summarizer.pipeline import DEFAULT_CHECKPOINT

CHECKPOINT = "SUMMARIZER_CHECKPOINT"

# How the names of the folders begin, and an empty file in them: only what has both is ever deleted.
WORKSPACE = "quote-summarizer-"
MARKER = "workspace-of-a-master"

# For copying, loading and running a model once.
CHECK_SECONDS = 120


class Refused(Exception):
    """The application cannot start as it is configured; the message says why."""


class Workspace:
    """The folder of one master: the copy of the checkpoint that its workers load, and their metrics.

    :param owner: user and group that the workers run as.
    :raises OSError: there is no room for it; TMPDIR says where it is made.
    """

    def __init__(self, owner: tuple[int, int]) -> None:
        _remove_abandoned()
        self._folder, self._lock = _locked_folder()
        (self._folder / MARKER).touch()
        self.metrics = self._folder / "metrics"
        self.rates = self._folder / "rates.sqlite"
        self.metrics.mkdir()
        for folder in (self._folder, self.metrics):
            os.chown(folder, *owner)
        self._copies = 0
        self.checkpoint: Path | None = None

    def take_checkpoint(self) -> None:
        """Copy the configured checkpoint and make it the one that workers load from now on.

        :raises Refused: the application cannot be built with it; nothing has changed.
        """
        source = Path(os.environ.get(CHECKPOINT) or DEFAULT_CHECKPOINT)
        copy = self._folder / f"checkpoint-{self._copies + 1}"
        try:
            _check(source, copy)
        except Refused:
            shutil.rmtree(copy, ignore_errors=True)
            raise
        # The copy before this one may still be loading somewhere; the one before that is not.
        shutil.rmtree(self._folder / f"checkpoint-{self._copies - 1}", ignore_errors=True)
        self._copies += 1
        self.checkpoint = copy

    def restore(self) -> None:
        """Make what somebody has deleted again, before a worker needs it.

        :raises Refused: as :meth:`take_checkpoint`.
        """
        self.metrics.mkdir(parents=True, exist_ok=True)
        if self.checkpoint is not None and not (self.checkpoint / CONFIG_FILE).exists():
            self.take_checkpoint()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)


def _locked_folder() -> tuple[Path, int]:
    """A new folder, and the descriptor that locks it while a process of this service lives.

    The lock tells what cleans temporary folders (systemd-tmpfiles, and the next master) that it is in use.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=WORKSPACE))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        if folder.exists():
            return folder, lock
        os.close(lock)  # another master took it for an abandoned one, just before it was locked


def _remove_abandoned() -> None:
    """Delete the folders of masters that were killed, or stopped before they could clean up."""
    for folder in Path(tempfile.gettempdir()).glob(f"{WORKSPACE}*"):
        with contextlib.suppress(OSError):  # somebody else's, or in use
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if (folder / MARKER).exists() and os.fstat(lock).st_uid == os.geteuid():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            finally:
                os.close(lock)


def on_starting(server: Arbiter) -> None:
    """Check the checkpoint, or say in one line why the service cannot start, and exit."""
    try:
        server.workspace = Workspace((server.cfg.uid, server.cfg.gid))
    except OSError as error:
        server.log.critical(
            "cannot start: no folder for copies and counts can be made: %s; name a writable one in TMPDIR",
            error,
        )
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
    server.handle_hup = partial(_reload, server)
    os.register_at_fork(
        before=_hold_sigterm, after_in_parent=_release_sigterm, after_in_child=_die_of_sigterm
    )
    # What is imported by now stays. Collecting garbage would visit it in each fork: shared pages would be
    # copied, and a worker take a second more of computation to end.
    gc.freeze()
    try:
        server.workspace.take_checkpoint()
    except Refused as refusal:
        server.log.critical("cannot start: %s", refusal)
        server.workspace.remove()
        sys.exit(Arbiter.WORKER_BOOT_ERROR)


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Give a worker its number, and see that there is what it will load."""
    try:
        server.workspace.restore()
    except (Refused, OSError) as error:
        server.log.critical("the copy of the checkpoint was deleted and cannot be made again: %s", error)
    taken = {other.number for other in server.WORKERS.values()}
    worker.number = next(number for number in range(len(taken) + 1) if number not in taken)


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Tell a worker where its checkpoint and its metrics are, before it builds the application."""
    os.environ[CHECKPOINT] = str(server.workspace.checkpoint)
    os.environ[METRICS_FOLDER] = str(server.workspace.metrics)
    os.environ[RATES_FILE] = str(server.workspace.rates)
    if ServiceConfig.from_environment(os.environ).pin_workers:
        _stay_on_one_core(worker.number, server.num_workers)
    values.ValueClass = values.MultiProcessValue(lambda: worker.number)  # type: ignore[no-untyped-call]


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Take what only living workers have, as the depth of their queue, out of the metrics."""
    mark_process_dead(worker.number, str(server.workspace.metrics))  # type: ignore[no-untyped-call]


def on_exit(server: Arbiter) -> None:
    """Leave nothing behind."""
    server.workspace.remove()


def _stay_on_one_core(number: int, workers: int) -> None:
    """Where there are as many workers as cores. One thread of a worker runs at a time; if they take turns
    across cores, an article costs half as much computation again.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if workers >= len(cores):
            os.sched_setaffinity(0, {cores[number % len(cores)]})


def _hold_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _release_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _die_of_sigterm() -> None:
    """Until it has handlers of its own, a child has the master's, which would only take note of the signal: a
    worker that is told to stop while it boots would go on until it is killed.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release_sigterm()


def _reload(server: Arbiter) -> None:
    """SIGHUP: replace the workers by new ones, unless those could not start."""
    try:
        server.workspace.take_checkpoint()
    except Refused as refusal:
        server.log.error("not reloaded, the old model goes on serving: %s", refusal)
        return
    Arbiter.handle_hup(server)


def _check(source: Path, copy: Path) -> None:
    """Copy a checkpoint and build the application with the copy.

    In a process of its own: PyTorch, where an encoder needs it, must not run in the master, whose forks would
    hang.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_try, args=(source, copy, sender))
    child.start()
    sender.close()
    try:
        refusal = receiver.recv() if receiver.poll(CHECK_SECONDS) else f"not loaded in {CHECK_SECONDS} s"
    except EOFError:
        refusal = f"{source}: the process that tried it ended; perhaps out of memory"
    finally:
        child.kill()
        child.join()
        receiver.close()
    if refusal:
        raise Refused(refusal)


def _copy(source: Path, copy: Path) -> None:
    """:raises OSError: it cannot be read, or there is no room for it."""
    try:
        shutil.copytree(source, copy)
    except shutil.Error as errors:  # a list of (from, to, what), of which the first says enough
        name, _, reason = errors.args[0][0]
        raise OSError(f"{name} cannot be copied to {copy.parent} (TMPDIR): {reason}") from None


def _try(source: Path, copy: Path, sender: Connection) -> None:
    try:
        if (source / CONFIG_FILE).is_file():  # any other folder is refused where it is, whatever its size
            _copy(source, copy)
        os.environ[CHECKPOINT] = str(copy if copy.is_dir() else source)
        create_app(ServiceConfig.from_environment(os.environ))
        sender.send("")
    except Exception as error:  # noqa: BLE001  # what does not reach the master looks like a crash
        known = isinstance(error, (ConfigError, SummarizerError, OSError))
        message = str(error) if known else f"{source}: {type(error).__name__}: {error}"
        sender.send(message.replace(str(copy), str(source)))
