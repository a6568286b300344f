"""Several processes that train one network together, each on its share of every batch's lines.

Gradients and figures are summed by one plain all-reduce an update. DistributedDataParallel would add
nothing: it divides by the number of processes, where a batch's shares hold unequal numbers of lines and
of points and the sum is what is wanted; it wants the loss to come out of one call of the network; and
its overlap with the backward pass is small where a layer's gradients appear all at once, at its end.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from hwkit.errors import HwkitError

LAUNCHED = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun sets in the environment of each process."""


class Group(NamedTuple):
    """This process's place among those that train together. The one of rank 0 leads: it alone writes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        return self.rank == 0

    def sum(self, values: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the processes; all of them in one message."""
        if self.size == 1 or not values:
            return
        flat = torch.cat([value.reshape(-1) for value in values])
        with _others():
            dist.all_reduce(flat)
        for value, total in zip(values, torch.split(flat, [value.numel() for value in values]), strict=True):
            value.copy_(total.view_as(value))

    def any(self, flag: bool) -> bool:
        """Whether any of the processes says so."""
        if self.size == 1:
            return flag
        flags = torch.tensor([float(flag)], device=_device())
        self.sum([flags])
        return bool(flags.item())

    def share(self, message: bytes) -> bytes:
        """The leader's message, in every process. What the others give is not looked at."""
        if self.size == 1:
            return message
        length = torch.tensor([len(message)], device=_device())
        with _others():
            dist.broadcast(length, 0)
            content = torch.zeros(int(length.item()), dtype=torch.uint8, device=_device())
            if self.leads:
                content.copy_(torch.frombuffer(bytearray(message), dtype=torch.uint8) if message else content)
            if len(content):
                dist.broadcast(content, 0)
        return content.cpu().numpy().tobytes()

    def wait(self) -> None:
        """Go on when all processes have come here."""
        self.any(False)


ALONE = Group()


def current() -> Group:
    """The group that this process has joined, or a group of its own."""
    if dist.is_available() and dist.is_initialized():
        return Group(dist.get_rank(), dist.get_world_size())
    return ALONE


def launched() -> bool:
    """Whether torchrun has started this process."""
    return all(name in os.environ for name in LAUNCHED)


def own(device: str) -> str:
    """The device of this process: `cuda` is the GPU of its number on its machine, where torchrun started it."""
    return f"cuda:{os.environ['LOCAL_RANK']}" if device == "cuda" and launched() else device


@contextmanager
def joined(device: str) -> Iterator[Group]:
    """Join the processes that torchrun has started, if it has: over NCCL for a GPU, else over gloo."""
    if not launched():
        yield ALONE
        return
    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if on_gpu else "gloo")
    try:
        yield current()
    finally:
        dist.destroy_process_group()


def _device() -> str:
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


@contextmanager
def _others() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        raise HwkitError(
            "another process of this training has ended", do="see its message; run it again to go on"
        ) from error
