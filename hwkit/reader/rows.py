"""The rows of writing on a page: which strokes stand side by side, from top to bottom.

It goes by place alone, so that the strokes may come in any order. All lengths are in x-heights, as far as these
can be known before anything is read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwkit.ink import Floats, Ints

STEEPEST = 25.0  # degrees
WIDE = 10.0  # narrower writing has no slope that could be told
CLEARER = 1.05  # a slope is believed where rows stand so many times as clear as without it
APART = 1.6  # rows are further apart than this, and a letter's parts are not
BLUR = 0.55  # standard deviation by which a stroke's height is uncertain
MARK = 0.7  # what is lower is a dot, a bar or a comma, and belongs to what stands nearest,
NEAR = 1.5  # or to what was drawn before or after it, where that is hardly further away
FINE = 8  # places that are looked at in an x-height
LEVELS = 12  # that are looked at in a stroke's height
DENSE, SPARSE = 6, 2  # points in an x-height of a stroke's length


def rows(strokes: Sequence[Floats]) -> list[list[int]]:
    """The numbers of the strokes, each (n, 2), of each row, from the topmost on; a row keeps their order.

    y grows downward. Rows may slope, all alike, by up to STEEPEST degrees.
    """
    if not strokes:
        return []
    level = turn(slope(strokes))
    strokes = [stroke @ level for stroke in strokes]
    size = x_height(strokes)
    shapes = [evenly(stroke / size, 1 / DENSE) for stroke in strokes]
    tall = np.array([np.ptp(shape[:, 1]) for shape in shapes])
    letters = np.flatnonzero(tall >= MARK)
    if not len(letters):
        return [list(range(len(strokes)))]
    heights = np.array([np.median(shapes[n][:, 1]) for n in letters])
    row = np.zeros(len(shapes), np.int64)
    row[letters] = nearest(heights, modes(heights, np.maximum(tall[letters], MARK)))
    points = np.concatenate([shapes[n] for n in letters])
    whose = np.repeat(letters, [len(shapes[n]) for n in letters])
    for mark in np.setdiff1d(np.arange(len(shapes)), letters):
        away = np.hypot(*(points - shapes[mark].mean(axis=0)).T)
        before, after = letters[letters < mark][-1:], letters[letters > mark][:1]
        beside = np.isin(whose, [*before, *after])
        if beside.any() and away[beside].min() < away.min() + NEAR:
            away[~beside] = np.inf
        row[mark] = row[whose[away.argmin()]]
    return [found for n in range(int(row.max()) + 1) if (found := np.flatnonzero(row == n).tolist())]


def x_height(strokes: Sequence[Floats]) -> float:
    """About the height of an x: how far the ink of each stroke lies from its middle on its way up and down.

    Ink that goes neither up nor down (a dash) has its length for a measure.
    """
    away, weight = [], []
    for stroke in strokes:
        climbed = np.append(0.0, np.cumsum(np.abs(np.diff(stroke[:, 1]))))
        if climbed[-1] > 0:
            count = int(np.ceil(climbed[-1] / np.ptp(stroke[:, 1]) * LEVELS))
            y = np.interp(np.linspace(0.0, climbed[-1], count), climbed, stroke[:, 1])
            away.append(np.abs(y - np.median(y)))
            weight.append(np.full(count, climbed[-1] / count))
    size = 2.8 * median(np.concatenate(away), np.concatenate(weight)) if away else 0.0
    extent = max(float(np.ptp(stroke, axis=0).max()) for stroke in strokes)
    return max(size, extent / 200) or 1.0


def slope(strokes: Sequence[Floats]) -> float:
    """The slope of the rows in radians, positive downhill: the one at which they stand out clearest."""
    size = x_height(strokes)
    points = np.concatenate([evenly(stroke / size, 1 / SPARSE) for stroke in strokes])
    points = points - points.mean(axis=0)
    if np.ptp(points[:, 0]) < WIDE:
        return 0.0

    def clarity(angle: float) -> float:
        y = points @ turn(np.radians(angle))[:, 1]
        counts = np.bincount(np.round((y - y.min()) * FINE / 2).astype(np.int64))
        return float((counts.astype(np.float64) ** 2).sum())

    about = max(np.arange(-STEEPEST, STEEPEST + 1), key=clarity)
    best = max(np.arange(about - 1, about + 1, 0.1), key=clarity)
    return float(np.radians(best)) if clarity(best) > CLEARER * clarity(0.0) else 0.0


def turn(angle: float) -> Floats:
    """(2, 2): points @ turn(angle) are level where they sloped by `angle`."""
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def modes(heights: Floats, weights: Floats) -> Floats:
    """Where most of the weight lies, from the least height on, more than APART from each other."""
    grid = np.arange(heights.min() - 1, heights.max() + 1, 1 / FINE)
    density = np.zeros(len(grid))
    for height, weight in zip(heights, weights, strict=True):
        density += weight * np.exp(-(((grid - height) / BLUR) ** 2) / 2)
    inner = density[1:-1]
    peaks = 1 + np.flatnonzero((inner > density[:-2]) & (inner >= density[2:]))
    kept: list[int] = []
    for peak in sorted(peaks.tolist(), key=lambda peak: -density[peak]):
        if all(abs(grid[peak] - grid[other]) > APART for other in kept):
            kept.append(peak)
    return np.sort(grid[kept])


def nearest(heights: Floats, centres: Floats) -> Ints:
    """For each height the number of the nearest centre."""
    found: NDArray[np.int64] = np.abs(heights[:, None] - centres).argmin(1)
    return found


def evenly(stroke: Floats, distance: float) -> Floats:
    """Points at even distances along a stroke, both its ends among them where it has a length."""
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(stroke, axis=0).T)))
    wanted = np.linspace(0.0, along[-1], int(np.ceil(along[-1] / distance)) + 1)
    return np.column_stack([np.interp(wanted, along, stroke[:, axis]) for axis in (0, 1)])


def median(values: Floats, weights: Floats) -> float:
    """The value with half of the weight below it."""
    order = np.argsort(values)
    below = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(below, below[-1] / 2)]])
