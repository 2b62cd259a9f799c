"""What gunicorn's master process does for its workers besides forking them: hooks for ``gunicorn.conf.py``.

Before workers use a checkpoint, at the start and at each SIGHUP, it is copied, and the application is built
with the copy in a separate process. So a damaged checkpoint is refused while the old workers keep serving,
and a replacement worker has the same model, whatever happens to the operator's folder meanwhile.

Each worker gets a number that no other living worker has. Its metrics are in files with that number, so a
replacement continues the counts of its predecessor, and the number of files does not grow.
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
from collections.abc import Collection
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
API_KEYS, API_KEYS_FILE = "SUMMARIZER_API_KEYS", "SUMMARIZER_API_KEYS_FILE"

# Prefix of the folders' names, and an empty file in them: only a folder with both is ever deleted.
WORKSPACE = "quote-summarizer-"
MARKER = "workspace-of-a-master"

# Time limit for copying a model, loading it and running it once.
CHECK_SECONDS = 120


class Refused(Exception):
    """The application cannot start as configured; the message says why."""


class Workspace:
    """The folder of one master: the copy of the checkpoint that its workers load, their metrics and rates.

    :param owner: user and group that the workers run as.
    :raises OSError: the folder cannot be created; TMPDIR says where.
    """

    def __init__(self, owner: tuple[int, int]) -> None:
        self._owner = owner
        _remove_abandoned({os.geteuid(), owner[0]})
        self._folder, self._lock = _locked_folder()
        (self._folder / MARKER).touch()
        self.metrics = self._folder / "metrics"
        self.rates = self._folder / "rates.sqlite"
        self.metrics.mkdir()
        for folder in (self._folder, self.metrics):
            os.chown(folder, *owner)
        self._copies = 0
        self.checkpoint: Path | None = None
        self.api_keys: frozenset[str] = frozenset()

    def take_checkpoint(self) -> None:
        """Copy the configured checkpoint and read the keys, for workers to use from now on.

        :raises Refused: the application cannot be built with them; the previous ones stay in use.
        """
        source = Path(os.environ.get(CHECKPOINT) or DEFAULT_CHECKPOINT)
        copy = self._folder / f"checkpoint-{self._copies + 1}"
        try:
            _check(source, copy, self._owner)
            api_keys = ServiceConfig.from_environment(os.environ).read_api_keys()
        except (Refused, ConfigError) as error:
            shutil.rmtree(copy, ignore_errors=True)
            raise Refused(str(error)) from None
        # A worker may still be loading the previous copy, but not the one before that.
        shutil.rmtree(self._folder / f"checkpoint-{self._copies - 1}", ignore_errors=True)
        self._copies += 1
        self.checkpoint, self.api_keys = copy, api_keys

    def restore(self) -> None:
        """Recreate what somebody has deleted, before a worker needs it.

        :raises Refused: as :meth:`take_checkpoint`.
        """
        self.metrics.mkdir(parents=True, exist_ok=True)
        for folder in (self._folder, self.metrics):
            os.chown(folder, *self._owner)
        if self.checkpoint is not None and not (self.checkpoint / CONFIG_FILE).exists():
            self.take_checkpoint()

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)
        os.close(self._lock)


def _locked_folder() -> tuple[Path, int]:
    """A new folder, and the descriptor that locks it while a process of this service lives.

    The lock shows cleaners of temporary folders (systemd-tmpfiles, and the next master) that it is in use.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=WORKSPACE, dir=_temporary_folder()))
        lock = os.open(folder, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_SH)
        if folder.exists():
            return folder, lock
        os.close(lock)  # before it was locked, another master removed it as abandoned


def _temporary_folder() -> str:
    """TMPDIR, even where it cannot be used: Python would silently take another folder."""
    return os.environ.get("TMPDIR") or tempfile.gettempdir()


def _remove_abandoned(owners: Collection[int]) -> None:
    """Delete the folders of masters that were killed, or stopped before they could clean up.

    :param owners: users whose folders these may be.
    """
    for folder in Path(_temporary_folder()).glob(f"{WORKSPACE}*"):
        with contextlib.suppress(OSError):  # somebody else's, or in use
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if (folder / MARKER).exists() and os.fstat(lock).st_uid in owners:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder)
            finally:
                os.close(lock)


def on_starting(server: Arbiter) -> None:
    """Check the checkpoint, or log in one line why the service cannot start, and exit."""
    try:
        server.workspace = Workspace((server.cfg.uid, server.cfg.gid))
    except OSError as error:
        server.log.critical(
            "cannot start: no folder can be created for copies and counts: %s; set TMPDIR to a writable one",
            error,
        )
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
    server.handle_hup = partial(_reload, server)
    os.register_at_fork(
        before=_hold_sigterm, after_in_parent=_release_sigterm, after_in_child=_die_of_sigterm
    )
    # What is imported by now is never freed. Garbage collection would visit it in each fork: shared pages
    # would be copied, and a worker would take another second of computation to exit.
    gc.freeze()
    try:
        server.workspace.take_checkpoint()
    except Refused as refusal:
        server.log.critical("cannot start: %s", refusal)
        server.workspace.remove()
        sys.exit(Arbiter.WORKER_BOOT_ERROR)


def pre_fork(server: Arbiter, worker: Worker) -> None:
    """Give a worker its number, and make sure that the files it will load exist."""
    try:
        server.workspace.restore()
    except (Refused, OSError) as error:
        server.log.critical("the copy of the checkpoint was deleted and cannot be recreated: %s", error)
    others = server.WORKERS.values()
    taken = {other.number for other in others}
    worker.number = next(number for number in range(len(taken) + 1) if number not in taken)
    # After a reload the numbers of those that stay do not alternate, so the core is chosen by itself. The
    # oldest are about to be stopped, if there are more than there should be.
    staying = sorted(others, key=lambda other: other.age)[-max(server.num_workers - 1, 1) :]
    cores = _cores()
    worker.core = min(cores, key=lambda core: sum(other.core == core for other in staying))


def post_fork(server: Arbiter, worker: Worker) -> None:
    """Set the paths of a worker's checkpoint, metrics and rates, before it builds the application."""
    os.environ[CHECKPOINT] = str(server.workspace.checkpoint)
    # The keys that were checked, not what is in their file by now, which may be half written.
    os.environ.pop(API_KEYS_FILE, None)
    os.environ[API_KEYS] = ",".join(server.workspace.api_keys)
    os.environ[METRICS_FOLDER] = str(server.workspace.metrics)
    os.environ[RATES_FILE] = str(server.workspace.rates)
    if ServiceConfig.from_environment(os.environ).pin_workers:
        _stay_on_one_core(worker.core, server.num_workers)
    values.ValueClass = values.MultiProcessValue(lambda: worker.number)  # type: ignore[no-untyped-call]


def post_worker_init(worker: Worker) -> None:
    """Give a worker's metrics their room on disk, now that their files exist.

    They are mapped into memory and sparse: in a folder that fills up later, writing to a page that has no
    room would kill the process.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    for file in Path(os.environ[METRICS_FOLDER]).glob(f"*_{worker.number}.db"):
        try:
            with file.open("r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, file.stat().st_size)
        except OSError as error:
            worker.log.warning("%s has no room: %s; give TMPDIR 256 MiB of its own", file, error)


def child_exit(server: Arbiter, worker: Worker) -> None:
    """Remove from the metrics what only living workers have, such as the depth of their queue."""
    mark_process_dead(worker.number, str(server.workspace.metrics))  # type: ignore[no-untyped-call]


def on_exit(server: Arbiter) -> None:
    """Delete the master's folder."""
    server.workspace.remove()


def _cores() -> list[int]:
    """Those that the master may use; one where the system does not say."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]


def _stay_on_one_core(core: int, workers: int) -> None:
    """Pin a worker to one core, if there are at least as many workers as cores. Only one of its threads runs
    at a time; if they take turns across cores, an article costs half as much computation again.
    """
    if hasattr(os, "sched_setaffinity") and workers >= len(_cores()):
        os.sched_setaffinity(0, {core})


def _hold_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def _release_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _die_of_sigterm() -> None:
    """Until a child has set its own handlers, it has the master's, which would only record the signal: a
    worker that is stopped while it boots would run on until it is killed.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _release_sigterm()


def _reload(server: Arbiter) -> None:
    """SIGHUP: replace the workers, unless new ones could not start."""
    try:
        server.workspace.take_checkpoint()
    except Refused as refusal:
        server.log.error("not reloaded, the old model stays in use: %s", refusal)
        return
    Arbiter.handle_hup(server)


def _check(source: Path, copy: Path, owner: tuple[int, int]) -> None:
    """Copy a checkpoint and build the application with the copy, in a separate process, as workers will.

    PyTorch, if an encoder needs it, must not run in the master, because the master's forks would hang.

    :raises Refused: the application cannot be built with it, or not in time.
    """
    context = multiprocessing.get_context("fork")
    try:
        receiver, sender = context.Pipe(duplex=False)
        child = context.Process(target=_try, args=(source, copy, owner, sender))
        child.start()
    except OSError as error:
        raise Refused(f"no process can be started to load {source}: {error}") from None
    sender.close()
    try:
        refusal = receiver.recv() if receiver.poll(CHECK_SECONDS) else f"not loaded within {CHECK_SECONDS} s"
    except EOFError:
        refusal = f"{source}: the process that loaded it died; perhaps it ran out of memory"
    finally:
        child.kill()
        child.join()
        receiver.close()
    if refusal:
        raise Refused(refusal)


def _copy(source: Path, copy: Path) -> None:
    """Copy a checkpoint.

    :raises OSError: it cannot be read, or there is no room for it.
    """
    try:
        shutil.copytree(source, copy)
    except shutil.Error as errors:  # a list of (source, target, reason); the first says enough
        name, _, reason = errors.args[0][0]
        raise OSError(f"{name} cannot be copied to {copy.parent} (TMPDIR): {reason}") from None


def _try(source: Path, copy: Path, owner: tuple[int, int], sender: Connection) -> None:
    try:
        if (source / CONFIG_FILE).is_file():  # any other folder, perhaps a large one, is refused uncopied
            _copy(source, copy)
            for path in (copy, *copy.rglob("*")):
                os.chown(path, *owner)
        keys = ServiceConfig.from_environment(os.environ).read_api_keys()
        os.environ.pop(API_KEYS_FILE, None)
        os.environ[API_KEYS] = ",".join(keys)
        if os.geteuid() == 0:
            os.setgid(owner[1])
            os.setuid(owner[0])
        os.environ[CHECKPOINT] = str(copy if copy.is_dir() else source)
        create_app(ServiceConfig.from_environment(os.environ))
        sender.send("")
    except Exception as error:  # noqa: BLE001  # an error that does not reach the master looks like a crash
        known = isinstance(error, (ConfigError, SummarizerError, OSError))
        message = str(error) if known else f"{source}: {type(error).__name__}: {error}"
        sender.send(message.replace(str(copy), str(source)))
