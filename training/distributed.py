"""One process, or several that share the work, as torchrun starts them."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from training.errors import TrainingError

# The others wait while the first makes targets; that may take longer than PyTorch's ten or thirty minutes.
LONGEST_WAIT = timedelta(days=1)


class ProcessError(TrainingError):
    """The first process gave up, and with it this one."""


@dataclass(frozen=True, slots=True)
class Processes:
    """The processes that fit one network together.

    :ivar rank: which of them this is; 0 writes files and shows progress.
    :ivar count: how many there are.
    :ivar device: where this one computes.
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

    def first_does(self, work: Callable[[], None]) -> None:
        """Let the first process work, while the others wait for its end.

        :raises Exception: in the first, what the work raised.
        :raises ProcessError: in the others, if it raised.
        """
        error: Exception | None = None
        if self.first:
            try:
                work()
            except Exception as caught:  # noqa: BLE001 - raised below, when the others know
                error = caught
        if self.sum(torch.tensor(float(error is not None), device=self.device)):
            raise error or ProcessError(f"process {self.rank} ends, because the first one does; it says why")

    def share(self, network: nn.Module) -> None:
        """Give all the buffers of the first, such as the running means of batch normalization."""
        if self.count > 1:
            for buffer in network.buffers():
                distributed.broadcast(buffer, 0)


@contextmanager
def processes(device: str = "auto") -> Iterator[Processes]:
    """Join the others, if torchrun started this process; else be alone.

    :param device: ``auto``: the GPU of this process where there is one, else the CPU; or as PyTorch names it.
    :raises ProcessError: no such device, or a GPU was asked for and PyTorch finds none.
    """
    try:
        torch.device("cpu" if device == "auto" else device)
    except RuntimeError:
        raise ProcessError(f"device {device!r} is none; use 'auto', 'cpu' or 'cuda'") from None
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ProcessError(
            f"device {device!r}: PyTorch {torch.__version__} finds no GPU here; use 'cpu' or 'auto', or"
            " install a CUDA build of PyTorch"
        )
    on_gpu = device.startswith("cuda") or (device == "auto" and torch.cuda.is_available())
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        name = "cuda" if device == "auto" and on_gpu else "cpu" if device == "auto" else device
        yield Processes(0, 1, torch.device(name))
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
