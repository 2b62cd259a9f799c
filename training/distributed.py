"""One process, or several started by torchrun that share the work."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from training.errors import TrainingError

# The others wait while the first computes targets, which may take longer than PyTorch's default timeouts.
LONGEST_WAIT = timedelta(days=1)


class ProcessError(TrainingError):
    """The first process failed, or the device cannot be used."""


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes that fit one network together.

    :ivar rank: number of this process; 0 writes files and shows progress.
    :ivar count: number of processes.
    :ivar device: the device of this process.
    """

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """A module whose gradients are the mean over all processes."""
        return DistributedDataParallel(network) if self.count > 1 else network

    def sum(self, value: Tensor) -> Tensor:
        """The sum over all processes, without gradient."""
        value = value.detach().clone()
        if self.count > 1:
            distributed.all_reduce(value)
        return value

    def run_on_rank_zero(self, work: Callable[[], None]) -> None:
        """Run this in the first process while the others wait.

        :raises Exception: in the first process, what ``work`` raised.
        :raises ProcessError: in the others, if ``work`` raised.
        """
        error: Exception | None = None
        if self.first:
            try:
                work()
            except Exception as caught:  # noqa: BLE001 - raised below, when the others know
                error = caught
        if self.sum(torch.tensor(float(error is not None), device=self.device)):
            raise error or ProcessError(
                f"process {self.rank} stops because the first one failed; see its message"
            )

    def broadcast_buffers(self, network: nn.Module) -> None:
        """Copy the buffers of the first process, such as running means, to the others."""
        if self.count > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)


@contextmanager
def processes(device: str = "auto") -> Iterator[Processes]:
    """The processes that torchrun started, or this one alone.

    :param device: ``auto``: the GPU of this process where there is one, else the CPU; ``cpu``, ``cuda``, or
        ``cuda:N`` for one process on GPU N.
    :raises ProcessError: any other device, or a GPU that PyTorch does not find.
    """
    chosen = _device(device)
    on_gpu = chosen.type == "cuda"
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes(0, 1, chosen)
        return
    local = int(os.environ["LOCAL_RANK"])
    place = torch.device("cuda", local) if on_gpu else torch.device("cpu")
    if on_gpu:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if on_gpu else "gloo", timeout=LONGEST_WAIT)
    try:
        yield Processes(distributed.get_rank(), count, place)
    finally:
        distributed.destroy_process_group()


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if not re.fullmatch("cpu|cuda(:[0-9]+)?", name):
        raise ProcessError(
            f"device {name!r} is not supported; use 'auto', 'cpu', 'cuda' or 'cuda:N' with the number of"
            " a GPU"
        )
    kind, _, number = name.partition(":")
    if kind == "cuda" and not torch.cuda.is_available():
        raise ProcessError(
            f"device {name!r}: PyTorch {torch.__version__} finds no GPU here; use 'cpu' or 'auto', or"
            " install a CUDA build of PyTorch"
        )
    if not number:
        return torch.device(kind)
    if int(number) >= torch.cuda.device_count():
        raise ProcessError(
            f"device {name!r}: GPUs are numbered from 0, and PyTorch finds {torch.cuda.device_count()} here;"
            " use one of these, or 'cuda'"
        )
    return torch.device(kind, int(number))
