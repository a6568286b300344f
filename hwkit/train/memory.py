"""What the process does with memory that was freed, and with numbers that are almost nothing."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

TRIM_EVERY = 10  # updates
LIBC = ctypes.CDLL(None) if os.name == "posix" else object()


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Numbers too small for full precision are 0 while inside: the window's far ends are, and slow."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def keep_memory() -> None:
    """Have glibc keep what is freed: each update's large arrays would else be mapped and zeroed anew.

    Measured at 40 % of an update's time. What is kept falls into pieces, since no two batches have the
    same shape, so `trim_memory` gives it back now and then. Elsewhere than on glibc nothing happens.
    """
    _thresholds(mmap=1 << 30, trim=2**31 - 1)


def usual_memory() -> None:
    """Have glibc do again what it comes to by itself in a process with large arrays."""
    _thresholds(mmap=32 << 20, trim=64 << 20)


def _thresholds(*, mmap: int, trim: int) -> None:
    if isinstance(LIBC, ctypes.CDLL) and hasattr(LIBC, "mallopt"):
        # glibc before 2.35 refuses more than 32 MB.
        LIBC.mallopt(-3, mmap) or LIBC.mallopt(-3, 32 << 20)  # M_MMAP_THRESHOLD
        LIBC.mallopt(-1, trim)  # M_TRIM_THRESHOLD


def trim_memory() -> None:
    """Give memory that was freed, and kept, back to the system."""
    if isinstance(LIBC, ctypes.CDLL) and hasattr(LIBC, "malloc_trim"):
        LIBC.malloc_trim(0)
