"""The loop of a training: learning, validation, saving and going on.

A run is a pure function of its lines, its config and the numbers of threads and processes: batches and
variations are drawn from (seed, epoch, batch), dropout and noise from (seed, batch). So a run that was
stopped and goes on ends with the weights of one that was not.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from hwkit.batching import Batch, Line, buckets, evenly
from hwkit.errors import Stopped
from hwkit.model.mixture import mixture, nats
from hwkit.model.network import Network, SynthesisNetwork
from hwkit.model.reader import ReaderNetwork, ctc
from hwkit.optimiser import rate_at
from hwkit.pretrained import Weights
from hwkit.progress import Progress, silent
from hwkit.statistics import Statistics
from hwkit.train.config import TrainConfig
from hwkit.train.loader import ahead, drawn, share
from hwkit.train.memory import TRIM_EVERY, flushed_denormals, keep_memory, trim_memory
from hwkit.train.processes import ALONE, Group, current
from hwkit.train.product import product_dtype
from hwkit.train.run import Run, Spoilt, log, new, restore, save, shared

DROPOUT, NOISE = 0, 1  # what a seed is for


@flushed_denormals()
def train(
    training: Sequence[Line],
    validation: Sequence[Line],
    statistics: Statistics,
    classes: int,
    config: TrainConfig,
    folder: Path,
    *,
    start: Weights | None = None,
    device: str = "cpu",
    stop: Callable[[], bool] = lambda: False,
    progress: Progress = silent,
) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Train, or go on from what `folder` holds; the best weights by name, and the figures.

    start: weights to begin with, of the same classes, a network like this one or with fewer layers.
    folder: holds the saved state and the log. Both stay, so that a finished training is not made again:
    who has put the weights into safety removes them.
    stop: asked after every update; True saves and raises Stopped.

    A batch whose loss or gradient is no number, or whose loss is a spike (see Run.watch), brings the run
    back to the last saving, as does such a validation; it goes on with other batches at a lower rate
    (see Run.fall_back), and the log says so. Raises HwkitError where that does not help.

    In a group of processes (see hwkit.train.processes) each learns from, and validates on, its share of
    the lines; the weights are the same in all. The leader alone reads and writes `folder`.
    """
    keep_memory()
    group = current()
    data = described(training, validation, statistics, classes)
    if group.leads:
        run = restore(folder, config, classes, device, data, start)
    else:
        run = new(config, classes, device, start)
    shared(run, group, device)
    run.network.product = product_dtype(config.products, device)
    per_epoch = len(buckets([len(line.offsets) for line in training], config.batch_lines))
    validation = evenly(validation, config.validation_lines)
    started, points = time.monotonic(), 0

    def note(entry: dict[str, float | str]) -> None:
        if group.leads:
            log(folder, entry)

    def keep() -> None:
        if group.leads:
            save(run, folder, config, data)
        group.wait()  # none leaves before the state is safe

    batches = drawn(training, statistics, classes, config, per_epoch, run.drawn, group)
    with closing(ahead(batches)) as coming:
        while run.update < config.updates:
            try:
                nats_now, scored = learn(run, next(coming), config, device, group, lines=len(training))
                last = run.update == config.updates
                held_out = None
                if run.update % per_epoch == 0 or last:
                    held_out = validate(run, validation, statistics, classes, config, device, group)
            except Spoilt as fault:
                at = run.update
                run.fall_back(fault)
                what = f"returned to update {run.update}, rate x {run.caution:g}: {fault.what}"
                note({"update": at, "returned_to": run.update, "rate_factor": run.caution, "why": fault.what})
                progress(run.update, config.updates, what)
                continue
            points += scored
            rate = points / (time.monotonic() - started)
            told = f"{nats_now / scored:.3f} nats a point, {rate:,.0f} points/s"
            progress(run.update, config.updates, told + f", best {run.best_nats:.3f}")
            if held_out is not None:
                note({
                    "update": run.update,
                    "epoch": run.update / per_epoch,
                    "training": run.epoch_nats / run.epoch_points,
                    "validation": held_out,
                    "points_per_second": round(rate),
                })  # fmt: skip
                run.epoch_nats, run.epoch_points = 0.0, 0
            if run.update % TRIM_EVERY == 0:
                trim_memory()
            if run.update % config.save_every == 0 or last:
                run.hold()
                keep()
            if group.any(stop()) and not last:
                if run.update % config.save_every:
                    keep()
                raise Stopped(
                    f"stopped and saved after update {run.update}", file=folder, do="run it again to go on"
                )
    weights = {name: w.cpu().numpy() for name, w in run.best.items()}
    figures = {"updates": run.update, "validation_nats_per_point": run.best_nats}
    return weights, figures


def described(
    training: Sequence[Line], validation: Sequence[Line], statistics: Statistics, classes: int
) -> dict[str, Any]:
    """The lines of a training in a few figures, by which a saved run knows its own."""
    return {
        "lines": len(training),
        "points": sum(len(line.offsets) for line in training),
        "validation_lines": len(validation),
        "classes": classes,
        "mean": list(statistics.mean),
        "deviation": list(statistics.deviation),
    }


def learn(
    run: Run, batch: Batch, config: TrainConfig, device: str, group: Group = ALONE, lines: int = 1
) -> tuple[float, int]:
    """One update, from the shares of a batch that the processes have; the batch's nats and its points.

    lines: of the training set, for adaptive noise. Raises Spoilt, and leaves the weights alone, where
    the loss or the gradient is no number or the loss is a spike.
    """
    run.network.train()
    torch.manual_seed(seed_of(config, run.drawn, DROPOUT, group.rank))
    run.optimiser.zero_grad(set_to_none=True)
    with run.noise.added(seed_of(config, run.drawn, NOISE)):
        total = loss(run.network, batch, device)
        total.backward()  # type: ignore[no-untyped-call]
    run.drawn += 1
    weights = list(run.network.parameters())
    gradients = [w.grad for w in weights if w.grad is not None]
    in_batch = torch.stack([batch.mask.sum(), batch.mask.any(0).sum()]).to(device, torch.float32)
    sums = [total.detach().float(), *in_batch]
    group.sum([*gradients, *sums])
    nats_now, scored, share_of = (float(one) for one in sums)
    # Derivatives ran back as those of one line's nats (eq. 55), as the paper's clipping wants them.
    for gradient in gradients:
        gradient.div_(share_of)
    norm = torch.nn.utils.clip_grad_norm_(weights, config.optimiser.clip_norm or math.inf)
    for what, figure in (("loss", nats_now), ("gradient's length", float(norm))):
        if not math.isfinite(figure):
            raise Spoilt(f"the {what} is {figure} at update {run.update + 1}")
    run.watch(nats_now / scored)
    run.noise.learn(lines)
    for settings in run.optimiser.param_groups:
        settings["lr"] = rate_at(config.optimiser, run.update, config.updates) * run.caution
    run.optimiser.step()
    run.follow(config.average)
    run.count(nats_now, int(scored))
    return nats_now, int(scored)


def seed_of(config: TrainConfig, *numbers: int) -> int:
    """A seed for torch from the training's own and some numbers."""
    return int(np.random.SeedSequence((config.seed, *numbers)).generate_state(1, np.uint64)[0] >> 1)


def loss(network: Network | ReaderNetwork, batch: Batch, device: str) -> Tensor:
    """Nats of the scored points of a batch, summed (eqs. 26 and 55)."""
    x, target, mask, characters = (part.to(device) for part in batch)
    if isinstance(network, ReaderNetwork):
        log_probabilities, frames = network(x, mask.sum(0))
        written = characters.sum(-1) > 0
        return ctc(log_probabilities, frames, characters.argmax(-1)[written], written.sum(1))
    if isinstance(network, SynthesisNetwork):
        hidden, _, _ = network.hidden(x, characters, network.start(x.shape[1]))
    else:
        hidden, _ = network.hidden(x, network.start(x.shape[1]))
    outputs = network.outputs(hidden)[mask]
    return nats(mixture(outputs, network.config.mixtures), target[mask]).sum()


def validate(
    run: Run,
    lines: Sequence[Line],
    statistics: Statistics,
    classes: int,
    config: TrainConfig,
    device: str,
    group: Group = ALONE,
) -> float:
    """Nats a point of the averaged weights on the validation lines; the best weights are kept.

    In a group each process takes its share of every batch. Raises Spoilt where it is no number.
    """
    averaged = copy.deepcopy(run.network).eval()
    averaged.load_state_dict(run.average)
    sums = torch.zeros(2, dtype=torch.float64, device=device)
    with torch.no_grad():
        for rows in buckets([len(line.offsets) for line in lines], config.batch_lines):
            batch = share([lines[row] for row in rows], statistics, classes, config, group)
            sums[0] += loss(averaged, batch, device)
            sums[1] += int(batch.mask.sum())
    group.sum([sums])
    held_out = float(sums[0] / sums[1])
    if not math.isfinite(held_out):
        raise Spoilt(f"the validation loss is {held_out} after update {run.update}")
    if held_out < run.best_nats:
        run.best_nats = held_out
        run.best = {name: w.clone() for name, w in run.average.items()}
    return held_out
