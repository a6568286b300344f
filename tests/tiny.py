"""A network and lines so small that a training of them takes a moment, and what tests ask of trainings."""

from __future__ import annotations

import json

import numpy as np

from hwkit.batching import Augmentation, Line
from hwkit.model.config import NetworkConfig
from hwkit.optimiser import OptimiserConfig
from hwkit.statistics import Statistics
from hwkit.train import LOG, TrainConfig, train
from hwkit.train.noise import NoiseConfig

CLASSES = 4
SCALED = Statistics(mean=(1.0, -0.5), deviation=(2.0, 3.0), points_per_character=3.0, unit=1.0)
PLAIN = Statistics(mean=(0.0, 0.0), deviation=(1.0, 1.0), points_per_character=3.0, unit=1.0)


def lines_of(*sizes, seed=0):
    rng = np.random.default_rng(seed)
    lines = []
    for n in sizes:
        offsets = np.column_stack([rng.normal(1, 2, n), rng.normal(-0.5, 3, n), rng.random(n) < 0.2])
        offsets[0, :2], offsets[-1, 2] = 0.0, 1.0
        lines.append(Line(f"line-{len(lines)}", offsets, np.append(rng.integers(1, CLASSES, n // 3), 0), 1.0))
    return lines


LINES = lines_of(9, 12, 10, 7, 11, 8, 10)  # 3 batches of 3, 3 and 1 line an epoch
HELD_OUT = lines_of(8, 11, 6, seed=1)


def config_of(*, kind="synthesis", optimiser=None, network=None, noise=None, **options):
    small = {"kind": kind, "layers": (6, 5), "mixtures": 2, "window": 2} | (network or {})
    rule = OptimiserConfig(**(optimiser or {"rate": 1e-3}))
    defaults = {"updates": 8, "batch_lines": 3, "products": "float32"}
    return TrainConfig(
        network=NetworkConfig(**small), optimiser=rule, noise=NoiseConfig(**noise or {}), **defaults | options
    )


EVERYTHING = {
    "augmentation": Augmentation(width=0.2, size=0.1, slant=0.3),
    "average": 0.9,
    "save_every": 100,
    "network": {"dropout": 0.3, "peepholes": True, "gate_clip": 10.0, "output_clip": 100.0},
}


def run(folder, config, stop_after=None):
    """Trains until done or until so many more updates are made."""
    folder.mkdir(exist_ok=True, parents=True)
    asked = iter(range(1, 10**6))
    stop = (lambda: next(asked) == stop_after) if stop_after else (lambda: False)
    return train(LINES, HELD_OUT, SCALED, CLASSES, config, folder, stop=stop)


def logged(folder):
    """The log, less what the clock says."""
    lines = (folder / LOG).read_text().splitlines()
    return [{k: v for k, v in json.loads(line).items() if k != "points_per_second"} for line in lines]


def same(one, other):
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
