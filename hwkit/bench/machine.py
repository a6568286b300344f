"""The machine that is measured on: what it is, and how fast it multiplies matrices."""

from __future__ import annotations

import platform
import sys
import time
from pathlib import Path

import msgspec
import torch

SIDES = {"cpu": 2048, "cuda": 8192}  # of the matrices; a GPU is not busy with smaller ones
TRIES = 8
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile")


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """What a figure must be read with."""

    processor: str
    cores: int  # that the system shows; threads: that torch uses
    threads: int
    flags: tuple[str, ...]  # of FLAGS, those that the processor has
    capability: str  # the instruction set that torch chose
    torch: str
    gpu: str | None


class Peak(msgspec.Struct, frozen=True, kw_only=True):
    """The best rate of square matrix products, in FLOP/s."""

    bfloat16: float
    float32: float


def machine(device: str) -> Machine:
    """This machine, and the GPU if `device` is one."""
    facts = cpuinfo()
    flags = facts.get("flags", "").split()
    return Machine(
        processor=facts.get("model name") or platform.processor() or platform.machine(),
        cores=torch.multiprocessing.cpu_count(),
        threads=torch.get_num_threads(),
        flags=tuple(flag for flag in FLAGS if flag in flags),
        capability=torch.backends.cpu.get_cpu_capability(),
        torch=str(torch.__version__),
        gpu=torch.cuda.get_device_name(device) if device.startswith("cuda") else None,
    )


def cpuinfo() -> dict[str, str]:
    """Linux's facts about the first processor; none elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    pairs = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def peak(device: str) -> Peak:
    """The machine's peak now: the best of several products, with all threads that torch uses."""
    return Peak(bfloat16=_rate(torch.bfloat16, device), float32=_rate(torch.float32, device))


def _rate(dtype: torch.dtype, device: str) -> float:
    side = SIDES[torch.device(device).type]
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    out = a @ b  # the first one also packs, allocates and chooses a kernel
    best = float("inf")
    for _ in range(TRIES):
        synchronise(device)
        start = time.perf_counter()
        torch.matmul(a, b, out=out)
        synchronise(device)
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best


def synchronise(device: str) -> None:
    """Wait until the device has done all that it was given."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


def peak_memory(device: str) -> int:
    """The most memory, in bytes, that the process has had so far: on a GPU if `device` is one."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device)
    if sys.platform == "win32":
        return 0
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
