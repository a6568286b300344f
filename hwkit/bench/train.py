"""How fast this machine trains: whole steps of hwkit and of plain PyTorch, by turns, on made-up lines."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, NamedTuple

import msgspec
import torch

from hwkit.batching import Augmentation, Batch, buckets
from hwkit.bench.lines import STATISTICS, made_up
from hwkit.bench.machine import Machine, Peak, machine, peak, peak_memory, synchronise
from hwkit.bench.plain import PlainNetwork, as_plain, plain_step
from hwkit.bench.profile import Share, profile
from hwkit.errors import InputError
from hwkit.model.config import NetworkConfig
from hwkit.model.steps import steps_for
from hwkit.optimiser import OptimiserConfig
from hwkit.progress import Progress, silent
from hwkit.train import (
    TRIM_EVERY,
    TrainConfig,
    drawn,
    flushed_denormals,
    keep_memory,
    learn,
    product_dtype,
    restore,
    trim_memory,
    usual_memory,
)

BUCKETS = 4  # batches an epoch, so that lines are sorted into them as real ones are
WARM_UP = 2  # updates before the first that counts
AT_ONCE = {"cpu": 1, "cuda": 10}  # updates between two looks at the clock


class TrainBench(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured: the shapes, and how often."""

    layers: tuple[int, ...] = (400, 400, 400)
    batch: int = 128  # lines
    points: int = 254  # scored points a line, about
    characters: int = 30  # of a line's text, about
    classes: int = 57  # size of the vocabulary; 57 is the paper's
    updates: int = 5  # that count
    device: str = "cpu"
    products: Literal["auto", "float32", "bfloat16"] = "auto"
    reference: bool = True  # whether plain PyTorch is measured beside it
    profile: bool = False

    def __post_init__(self) -> None:
        if min(self.batch, self.points, self.characters, self.updates) < 1 or self.classes < 2:
            raise InputError("batch, points, characters and updates must be at least 1, classes at least 2")


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Scored points a second of whole training steps."""

    median: float
    each: tuple[float, ...]  # in the order in which they were measured


class TrainFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured."""

    machine: Machine
    products: str  # the dtype that hwkit's products ran in
    steps: str  # by what hwkit took its steps: NativeSteps, compiled, or PlainSteps
    before: Peak  # the machine's peak before the measurements, and after them
    after: Peak
    flop_per_point: float
    hwkit: Rates
    share_of_peak: float  # of products in that dtype, the mean of before and after
    plain: dict[str, Rates]  # by dtype; empty without a reference
    ratio: float | None  # hwkit to the better of them
    padding: float  # share of the places of a batch that hold no point
    memory: int  # bytes, the most that hwkit had before any reference ran
    memory_with_reference: int
    profile: tuple[Share, ...]


class Step(NamedTuple):
    """What one training step went through."""

    points: int
    places: int  # points and padding


def measure(bench: TrainBench, progress: Progress = silent) -> TrainFigures:
    """Measure whole training steps: loader, forward, backward, clipping, optimiser, running average.

    hwkit and plain PyTorch take turns, since other work on a machine comes and goes; medians count.
    """
    with TemporaryDirectory() as folder:
        ours = Hwkit(bench, Path(folder))
        steps: dict[str, Callable[[], Step]] = {"hwkit": ours}
        before = peak(bench.device)
        warm_up(ours)
        memory = peak_memory(bench.device)
        if bench.reference:
            steps |= {name: Plain(bench, ours, dtype) for name, dtype in PLAIN.items()}
            for name in PLAIN:
                warm_up(steps[name])
        rates: dict[str, list[float]] = {name: [] for name in steps}
        padding = []
        at_once = AT_ONCE[torch.device(bench.device).type]
        rounds = -(-bench.updates // at_once)
        for done in range(rounds):
            for name, step in steps.items():
                progress(done, rounds, name)
                points, places, seconds = timed(step, at_once, bench.device)
                rates[name].append(points / seconds)
                padding.append(1 - points / places)
        if not bench.reference:
            memory = peak_memory(bench.device)
        after = peak(bench.device)
        where = profile(ours.network, ours.load, ours.update, bench.device) if bench.profile else ()
    found = {name: Rates(median=statistics.median(each), each=tuple(each)) for name, each in rates.items()}
    hwkit = found.pop("hwkit")
    flop = flop_per_point(ours.config.network, bench.classes)
    products = str(ours.network.product).removeprefix("torch.")
    highest = (getattr(before, products) + getattr(after, products)) / 2
    return TrainFigures(
        machine=machine(bench.device),
        products=products,
        steps=type(steps_for(torch.empty(0, dtype=ours.network.product, device=bench.device))).__name__,
        before=before,
        after=after,
        flop_per_point=flop,
        hwkit=hwkit,
        share_of_peak=hwkit.median * flop / highest,
        plain=found,
        ratio=hwkit.median / max(rates.median for rates in found.values()) if found else None,
        padding=statistics.fmean(padding),
        memory=memory,
        memory_with_reference=peak_memory(bench.device),
        profile=where,
    )


def flop_per_point(config: NetworkConfig, classes: int) -> float:
    """Arithmetic of one point: 2 x the multiply-adds of all weight matrices x 3.

    A weight is multiplied with once forward and twice backward (for the derivative of its input and for
    its own). The matrices are, with H cells, V classes, K window components, M mixture components and B
    cells in the layer below: first layer 4H (3 + H + V), window 3K H, each layer above
    4H (3 + B + V + H), output (1 + 6M) times the sum of all H.
    """
    cells = config.layers
    products = 4 * cells[0] * (3 + cells[0] + classes) + 3 * config.window * cells[0]
    for under, above in pairwise(cells):
        products += 4 * above * (3 + under + classes + above)
    products += config.outputs * sum(cells)
    return 2.0 * products * 3


def timed(step: Callable[[], Step], times: int, device: str) -> tuple[int, int, float]:
    """Points, places and seconds of some steps."""
    points = places = 0
    synchronise(device)
    start = time.perf_counter()
    for _ in range(times):
        went = step()
        points, places = points + went.points, places + went.places
    synchronise(device)
    return points, places, time.perf_counter() - start


def warm_up(step: Callable[[], Step]) -> None:
    """The first steps allocate and choose kernels."""
    for _ in range(WARM_UP):
        step()


def train_config(bench: TrainBench) -> TrainConfig:
    """A training as the packaged models have it: AdamW, clipping, a running average, varied lines."""
    return TrainConfig(
        network=NetworkConfig(layers=bench.layers),
        optimiser=OptimiserConfig(kind="adamw", rate=1e-3, weight_decay=0.01, clip_norm=1000.0),
        augmentation=Augmentation(width=0.1, size=0.08, slant=0.1),
        updates=1_000_000,  # more than are measured
        batch_lines=bench.batch,
        average=0.995,
        products=bench.products,
    )


def batches(bench: TrainBench, config: TrainConfig) -> Iterator[Batch]:
    """Training's own batches of made-up lines, without end."""
    lines = made_up(BUCKETS * bench.batch, bench.points, bench.characters, bench.classes)
    per_epoch = len(buckets([len(line.offsets) for line in lines], config.batch_lines))
    return drawn(lines, STATISTICS, bench.classes, config, per_epoch, 0)


class Hwkit:
    """hwkit's training step, through the functions of its own loop."""

    def __init__(self, bench: TrainBench, folder: Path) -> None:
        self.config, self.device = train_config(bench), bench.device
        self.run = restore(folder, self.config, bench.classes, bench.device)
        self.network = self.run.network
        self.network.product = product_dtype(bench.products, bench.device)
        self.batches = batches(bench, self.config)

    def load(self) -> Batch:
        """The next batch."""
        return next(self.batches)

    def update(self, batch: Batch) -> float:
        """Learn from a batch; its nats."""
        nats, _ = learn(self.run, batch, self.config, self.device)
        if self.run.update % TRIM_EVERY == 0:
            trim_memory()
        return nats

    def __call__(self) -> Step:
        keep_memory()
        with flushed_denormals():
            batch = self.load()
            self.update(batch)
        return Step(int(batch.mask.sum()), batch.mask.numel())


PLAIN = {"plain float32": torch.float32, "plain bfloat16": torch.bfloat16}


class Plain:
    """The reference's training step, from the same weights and on the same batches."""

    def __init__(self, bench: TrainBench, ours: Hwkit, product: torch.dtype) -> None:
        self.config, self.product = ours.config, product
        self.network = PlainNetwork(ours.config.network, bench.classes).to(bench.device)
        weights: Mapping[str, Any] = dict(ours.network.named_parameters())
        self.network.load_state_dict(as_plain(weights))
        self.optimiser = torch.optim.AdamW(
            self.network.parameters(), self.config.optimiser.rate, betas=(0.9, 0.98), fused=True,
            weight_decay=self.config.optimiser.weight_decay,
        )  # fmt: skip
        self.batches = batches(bench, self.config)

    def update(self, batch: Batch) -> float:
        """Learn from a batch; its nats."""
        return plain_step(self.network, self.optimiser, batch, self.config.optimiser.clip_norm, self.product)

    def __call__(self) -> Step:
        usual_memory()  # the process as PyTorch finds it
        batch = next(self.batches)
        self.update(batch)
        return Step(int(batch.mask.sum()), batch.mask.numel())
