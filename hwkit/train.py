"""Training: the loop, validation, saving and going on.

A run is a pure function of its lines, its config and the number of threads: batches and
variations are drawn from (seed, epoch, batch), dropout from torch's generator, whose state is
saved. So a run that was stopped and goes on ends with the weights of one that was not.
"""

from __future__ import annotations

import copy
import ctypes
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # what torch.load refuses with; nothing is unpickled
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from torch import Tensor

from hwkit.batching import Augmentation, Batch, Line, buckets, collate, evenly
from hwkit.errors import ArtifactError, HwkitError, InputError, Stopped
from hwkit.model.config import NetworkConfig
from hwkit.model.mixture import mixture, nats
from hwkit.model.network import Network, SynthesisNetwork, build
from hwkit.optimiser import OptimiserConfig, optimiser, rate_at
from hwkit.progress import Progress, silent
from hwkit.statistics import Statistics

STATE = "training.state"
LOG = "log.jsonl"
TRIM_EVERY = 10  # updates
LIBC = ctypes.CDLL(None) if os.name == "posix" else object()
DAMAGE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, EOFError, UnpicklingError)
"""What reading a state that is no state may end in."""


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a training run depends on, beside its data."""

    network: NetworkConfig = NetworkConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    augmentation: Augmentation = Augmentation()
    updates: int = 1000
    batch_lines: int = 64
    max_points: int = 0  # longer lines are left out of training; 0: none
    training: tuple[str, ...] = ("train",)  # splits to learn from
    validation: str = "first-validation"  # the split that chooses the weights, each epoch
    validation_lines: int = 0  # so many of its lines, evenly chosen; 0: all
    average: float = 0.0  # decay of the running average of the weights that is kept; 0: no average
    products: Literal["auto", "float32", "bfloat16"] = "auto"  # dtype of matrix products
    save_every: int = 100  # updates between savings
    bias: float = 0.5  # the bias that `hwkit write` takes with this model
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.updates, self.batch_lines, self.save_every) < 1 or self.seed < 0:
            raise InputError("updates, batch_lines and save_every must be at least 1, the seed at least 0")
        if not 0 <= self.average < 1 or self.validation in self.training:
            raise InputError("average must lie in [0, 1), and the validation split not among the training ones")


@dataclass
class Run:
    """All that changes while a network is trained; what is saved, and nothing else."""

    network: Network
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    best_nats: float = float("inf")  # a point, on the validation lines
    update: int = 0
    epoch_nats: float = 0.0
    epoch_points: int = 0


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """Numbers too small for full precision are 0 while inside: the window's far ends are, and slow."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@flushed_denormals()
def train(
    training: Sequence[Line],
    validation: Sequence[Line],
    statistics: Statistics,
    classes: int,
    config: TrainConfig,
    folder: Path,
    *,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Train, or go on from what `folder` holds; the best weights by name, and the figures.

    folder: holds the saved state and the log while the run lasts; the log stays.
    stop: asked after every update; True saves and raises Stopped.
    Raises HwkitError where the loss is no longer a number.
    """
    keep_memory()
    run = restore(folder, config, classes, device)
    run.network.product = product_dtype(config.products, device)
    per_epoch = len(buckets([len(line.offsets) for line in training], config.batch_lines))
    validation = evenly(validation, config.validation_lines)
    started, points = time.monotonic(), 0
    for batch in drawn(training, statistics, classes, config, per_epoch, run.update):
        loss, scored = learn(run, batch, config, device)
        points += scored
        rate = points / (time.monotonic() - started)
        note = f"{loss / scored:.3f} nats a point, {rate:,.0f} points/s"
        progress(run.update, config.updates, note + f", best {run.best_nats:.3f}")
        last = run.update == config.updates
        if run.update % per_epoch == 0 or last:
            held_out = validate(run, validation, statistics, classes, config, device)
            entry = {
                "update": run.update,
                "epoch": run.update / per_epoch,
                "training": run.epoch_nats / run.epoch_points,
                "validation": held_out,
                "points_per_second": round(rate),
            }
            log(folder, entry)
            run.epoch_nats, run.epoch_points = 0.0, 0
        if run.update % TRIM_EVERY == 0:
            trim_memory()
        stopping = stop() and not last
        if run.update % config.save_every == 0 or stopping:
            save(run, folder, device)
        if stopping:
            raise Stopped(
                f"stopped and saved after update {run.update}", file=folder, do="run it again to go on"
            )
    (folder / STATE).unlink(missing_ok=True)
    weights = {name: w.cpu().numpy() for name, w in run.best.items()}
    figures = {"updates": run.update, "validation_nats_per_point": run.best_nats}
    return weights, figures


def learn(run: Run, batch: Batch, config: TrainConfig, device: str) -> tuple[float, int]:
    """One update; the nats of the batch and its points."""
    run.network.train()
    scored = int(batch.mask.sum())
    total = loss(run.network, batch, device)
    nats_now = float(total.detach())
    if not np.isfinite(nats_now):
        raise HwkitError(
            f"the loss is {nats_now} at update {run.update + 1}",
            do="lower optimiser.rate, or set optimiser.clip_norm",
        )
    run.optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    # Derivatives ran back as those of one line's nats (eq. 55), as the paper's clipping wants them.
    weights = list(run.network.parameters())
    for weight in weights:
        if weight.grad is not None:
            weight.grad.div_(batch.mask.shape[1])
    if config.optimiser.clip_norm:
        torch.nn.utils.clip_grad_norm_(weights, config.optimiser.clip_norm)
    for group in run.optimiser.param_groups:
        group["lr"] = rate_at(config.optimiser, run.update, config.updates)
    run.optimiser.step()
    run.update += 1
    # The average starts as a plain mean, so that the first weights are soon forgotten.
    decay = min(config.average, run.update / (run.update + 9)) if config.average else 0.0
    with torch.no_grad():
        for name, weight in run.network.named_parameters():
            run.average[name].lerp_(weight, 1 - decay)
    run.epoch_nats += nats_now
    run.epoch_points += scored
    return nats_now, scored


def loss(network: Network, batch: Batch, device: str) -> Tensor:
    """Nats of the scored points of a batch, summed (eqs. 26 and 55)."""
    x, target, mask, characters = (part.to(device) for part in batch)
    if isinstance(network, SynthesisNetwork):
        hidden, _, _ = network.hidden(x, characters, network.start(x.shape[1]))
    else:
        hidden, _ = network.hidden(x, network.start(x.shape[1]))
    outputs = network.outputs(hidden[mask])
    return nats(mixture(outputs, network.config.mixtures), target[mask]).sum()


def validate(
    run: Run, lines: Sequence[Line], statistics: Statistics, classes: int, config: TrainConfig, device: str
) -> float:
    """Nats a point of the averaged weights on the validation lines; the best weights are kept."""
    averaged = copy.deepcopy(run.network).eval()
    averaged.load_state_dict(run.average)
    total = points = 0.0
    with torch.no_grad():
        for rows in buckets([len(line.offsets) for line in lines], config.batch_lines):
            batch = collate([lines[row] for row in rows], statistics, classes)
            total += float(loss(averaged, batch, device))
            points += float(batch.mask.sum())
    held_out = total / points
    if not np.isfinite(held_out):
        raise HwkitError(
            f"the validation loss is {held_out} after update {run.update}", do="lower optimiser.rate"
        )
    if held_out < run.best_nats:
        run.best_nats = held_out
        run.best = {name: w.clone() for name, w in run.average.items()}
    return held_out


def drawn(
    lines: Sequence[Line], statistics: Statistics, classes: int, config: TrainConfig, per_epoch: int, done: int
) -> Iterator[Batch]:
    """The batches from update `done` to the last, the same whether or not a run was stopped there."""
    lengths = [len(line.offsets) for line in lines]
    for update in range(done, config.updates):
        epoch, place = divmod(update, per_epoch)
        if update == done or place == 0:
            rows = buckets(lengths, config.batch_lines, np.random.default_rng((config.seed, epoch)))
        rng = np.random.default_rng((config.seed, epoch, place))
        yield collate([lines[row] for row in rows[place]], statistics, classes, config.augmentation, rng)


def restore(folder: Path, config: TrainConfig, classes: int, device: str) -> Run:
    """The run that `folder` holds, or a new one."""
    torch.manual_seed(config.seed)
    network = build(config.network, classes).to(device)
    start = {name: w.detach().clone() for name, w in network.named_parameters()}
    run = Run(network, optimiser(config.optimiser, network.parameters()), start, start)
    file = folder / STATE
    if not file.exists():
        (folder / LOG).write_text("", encoding="utf-8")
        return run
    try:
        state = torch.load(file, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        run.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"].cpu())
        if device.startswith("cuda"):
            torch.cuda.set_rng_state(state["random_cuda"].cpu(), device)
        for name in ("average", "best", "best_nats", "update", "epoch_nats", "epoch_points"):
            setattr(run, name, state[name])
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()[: state["logged"]]
    except DAMAGE as error:
        raise ArtifactError(
            f"the saved training cannot be read: {error}", file=file, do="remove it to start anew"
        ) from error
    (folder / LOG).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return run


def save(run: Run, folder: Path, device: str) -> None:
    """All of the run in one file, which is whole at every moment."""
    file = folder / STATE
    state = {
        "network": run.network.state_dict(),
        "optimiser": run.optimiser.state_dict(),
        "random": torch.get_rng_state(),
        "logged": len((folder / LOG).read_text(encoding="utf-8").splitlines()),
    } | {n: getattr(run, n) for n in ("average", "best", "best_nats", "update", "epoch_nats", "epoch_points")}
    if device.startswith("cuda"):
        state["random_cuda"] = torch.cuda.get_rng_state(device)  # dropout draws from it there
    partial = file.with_suffix(".partial")
    with partial.open("wb") as out:
        torch.save(state, out)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)


def log(folder: Path, entry: dict[str, float]) -> None:
    """One line of JSON more in the log."""
    with (folder / LOG).open("a", encoding="utf-8") as out:
        out.write(json.dumps(entry) + "\n")


def product_dtype(products: str, device: str) -> torch.dtype:
    """The dtype of matrix products; `auto` is bfloat16 where the device multiplies it natively."""
    if products != "auto":
        return torch.bfloat16 if products == "bfloat16" else torch.float32
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    capable = torch.backends.cpu.get_cpu_capability() == "AVX512" and _has_bfloat16()
    return torch.bfloat16 if capable else torch.float32


def _has_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def keep_memory() -> None:
    """Have glibc keep what is freed: each update's large arrays would else be mapped and zeroed anew.

    Measured at 40 % of an update's time. What is kept falls into pieces, since no two batches have the
    same shape, so `trim_memory` gives it back now and then. Elsewhere than on glibc nothing happens.
    """
    trim, mmap = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD
    if isinstance(LIBC, ctypes.CDLL) and hasattr(LIBC, "mallopt"):
        LIBC.mallopt(mmap, 1 << 30)
        LIBC.mallopt(trim, 2**31 - 1)


def trim_memory() -> None:
    """Give memory that was freed, and kept, back to the system."""
    if isinstance(LIBC, ctypes.CDLL) and hasattr(LIBC, "malloc_trim"):
        LIBC.malloc_trim(0)
