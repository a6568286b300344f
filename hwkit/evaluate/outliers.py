"""What the repair of recorded ink changes: points a line, and the steps of the pen, before and after."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from hwkit.dataset import InkDataset
from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.preprocess import Recipe, repair
from hwkit.progress import Progress, silent


class Spread(NamedTuple):
    """Of a dataset, in recording units."""

    points: Floats  # of each line
    steps: Floats  # (n, 2): dx, dy between points that follow one another in a line


class Removal(NamedTuple):
    """Recorded ink and the same ink repaired, with what the repair did."""

    before: Spread
    after: Spread
    interpolated: int
    removed: int


def removal(dataset: InkDataset, recipe: Recipe, progress: Progress = silent) -> Removal:
    """Recorded ink before and after the repair of a recipe alone, whatever else the recipe does.

    Raises InputError for ink that is preprocessed already, or where there is none.
    """
    if dataset.recipe:
        raise InputError("this ink is preprocessed already", do="name an ingest artifact")
    before: list[Floats] = []
    after: list[Floats] = []
    interpolated = removed = 0
    for n, sample in enumerate(dataset):
        if n % 100 == 0:
            progress(n, len(dataset), "repairing lines")
        repaired, repairs = repair(sample.ink, recipe)
        before.append(sample.ink.points)
        after.append(repaired.points)
        interpolated, removed = interpolated + repairs.interpolated, removed + repairs.removed
    if not any(len(points) > 1 for points in before):
        raise InputError("there is no ink to measure", do="name an ingest artifact with lines in it")
    return Removal(_spread(before), _spread(after), interpolated, removed)


def _spread(lines: list[Floats]) -> Spread:
    steps = [np.diff(points, axis=0) for points in lines if len(points) > 1]
    return Spread(
        np.array([len(points) for points in lines], np.float64),
        np.concatenate(steps) if steps else np.zeros((0, 2)),
    )
