"""The steps of `hwkit.model.steps`, compiled from `steps.c` where there is a compiler.

Training on a processor is several times as fast with them. Nothing has to be installed: the first
training compiles one file in about two seconds and keeps the result in the user's cache. Without a
compiler, or with HWKIT_NATIVE=0 in the environment, the plain steps are taken.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from hwkit.model.steps import Look, Steps, Tape

SOURCE = Path(__file__).with_name("steps.c")
OPTIONS = (
    "-std=c99", "-O3", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math",
    "-fPIC", "-shared",
)  # fmt: skip
TYPES = {torch.float32: (), torch.bfloat16: ("-DBFLOAT16",)}
SECONDS = 120  # after which a compiler is taken for a broken one


class NativeSteps:
    """The steps for one dtype; see PlainSteps for what each does. All tensors are contiguous."""

    def __init__(self, library: ctypes.CDLL) -> None:
        number, pointer = ctypes.c_long, ctypes.c_void_p
        self._forward, self._backward = library.forward, library.backward
        self._look, self._look_back = library.look, library.look_back
        self._forward.argtypes = [number] * 4 + [pointer] * 8
        self._backward.argtypes = [number] * 4 + [pointer] * 6 + [ctypes.c_float] + [pointer] * 2
        self._look.argtypes = [number] * 6 + [pointer] * 5
        self._look_back.argtypes = [number] * 6 + [pointer] * 7
        for function in (self._forward, self._backward, self._look, self._look_back):
            function.restype = None

    def forward(self, tape: Tape, t: int, sums: Tensor, cell: Tensor, hidden: Tensor) -> None:
        """See PlainSteps."""
        self._forward(
            t, *cell.shape, tape.states.shape[2], tape.gates.data_ptr(), sums.data_ptr(), tape.bias.data_ptr(),
            tape.peephole.data_ptr(), cell.data_ptr(), tape.cells.data_ptr(), tape.states.data_ptr(),
            hidden.data_ptr(),
        )  # fmt: skip

    def backward(
        self,
        tape: Tape,
        t: int,
        d_out: Tensor,
        d_state: Tensor,
        d_more: Tensor | None,
        d_cell: Tensor,
        d_gates: Tensor,
        clip: float,
    ) -> None:
        """See PlainSteps."""
        self._backward(
            t, *d_cell.shape, d_state.shape[1], tape.gates.data_ptr(), tape.cells.data_ptr(), d_out.data_ptr(),
            d_state.data_ptr(), None if d_more is None else d_more.data_ptr(), tape.peephole.data_ptr(), clip,
            d_cell.data_ptr(), d_gates.data_ptr(),
        )  # fmt: skip

    def look(self, look: Look, t: int, states: Tensor) -> None:
        """See PlainSteps."""
        batch, length, classes = look.characters.shape
        self._look(
            t, batch, look.kappas.shape[2], length, classes, states.shape[2], look.raws.data_ptr(),
            look.places.data_ptr(), look.kappas.data_ptr(), look.phis.data_ptr(), states.data_ptr(),
        )  # fmt: skip

    def look_back(
        self, look: Look, t: int, d_windows: Tensor, d_state: Tensor, d_kappa: Tensor, d_raws: Tensor
    ) -> None:
        """See PlainSteps."""
        batch, length, classes = look.characters.shape
        self._look_back(
            t, batch, look.kappas.shape[2], length, classes, d_state.shape[1], look.raws.data_ptr(),
            look.places.data_ptr(), look.kappas.data_ptr(), d_windows.data_ptr(), d_state.data_ptr(),
            d_kappa.data_ptr(), d_raws.data_ptr(),
        )  # fmt: skip


@functools.cache
def steps_of(dtype: torch.dtype) -> Steps:
    """The compiled steps for products of `dtype`, or the plain ones where they cannot be had."""
    from hwkit.model.steps import PLAIN

    if dtype not in TYPES or os.environ.get("HWKIT_NATIVE") == "0":
        return PLAIN
    library = compiled(TYPES[dtype])
    return NativeSteps(library) if library else PLAIN


def compiled(definitions: tuple[str, ...]) -> ctypes.CDLL | None:
    """The library of steps.c, from the cache or freshly compiled; None where that does not work."""
    command = shlex.split(os.environ.get("CC", "cc"))  # such as "ccache gcc"
    if os.name != "posix" or not command or shutil.which(command[0]) is None:
        return None
    # What the machine code depends on; -march=native means this very kind of processor.
    key = (
        SOURCE.read_bytes(), *OPTIONS, *definitions, *command, processor(), *platform.libc_ver(),
        torch.__version__,
    )  # fmt: skip
    name = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwkit"
        library = cache / f"steps-{name}.so"
        if not library.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=cache) as folder:
                fresh = Path(folder) / library.name
                command += [*OPTIONS, *definitions, str(SOURCE), "-o", str(fresh), "-lm"]
                subprocess.run(command, check=True, capture_output=True, timeout=SECONDS)
                fresh.replace(library)
        return ctypes.CDLL(str(library))
    except (OSError, RuntimeError, subprocess.SubprocessError):  # no home, no room, another compiler's options
        return None


def processor() -> str:
    """What tells one kind of processor from another."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return "\n".join(line for line in lines[:40] if line.startswith(("model name", "flags", "Features")))
    except OSError:
        return platform.processor() + platform.machine()
