"""One process, or several that share the work, as torchrun starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


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

    def wait(self) -> None:
        """Until all have come here."""
        if self.count > 1:
            distributed.barrier()


@contextmanager
def processes(device: str = "auto") -> Iterator[Processes]:
    """Join the others, if torchrun started this process; else be alone.

    :param device: ``auto``: the GPU of this process where there is one, else the CPU; or as PyTorch names it.
    :raises ValueError: a GPU was asked for and PyTorch finds none.
    """
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError(
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
    distributed.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield Processes(distributed.get_rank(), count, place)
    finally:
        distributed.destroy_process_group()
