"""How real written ink looks: its strokes' statistics beside those of recorded ink of the same texts.

Two distances for each statistic: Wasserstein's (the mean way from one sorted sample to the other, in
the statistic's unit) and Kolmogorov and Smirnov's (the largest difference of the two distribution
functions, 0 to 1). And a classifier two-sample test (Lopez-Paz and Oquab 2017): a logistic regression
learns to tell a line that was written from a recorded one; its accuracy on pairs that it did not see is
0.5 where it cannot.

Both inks are level and in x-heights, and recorded ink has the model's own preprocessing, so that what
is compared is what the model learned: a step is that from one point to the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hwkit.evaluate.errors import rate
from hwkit.generate.words import X_HEIGHT, gaps, slant
from hwkit.ink import Floats, Ink
from hwkit.preprocess import unit
from hwkit.reader.features import level, sized

FOLDS = 5
RIDGE = 1.0  # on the weights of standardised statistics
STEPS = 25  # of Newton's method, which needs fewer
LEAST = 8  # points; a line with fewer has no statistics
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Traits(NamedTuple):
    """What a line of ink is like. Lengths are in x-heights, angles in radians."""

    speed: Floats  # (steps,), from point to point within strokes
    turn: Floats  # (turns,), how far the pen turns from step to step
    slant: float  # dx/dy of the down strokes, upward
    curvature: float  # turn over way: all turns of the line by its length with the pen down
    pen_up: float  # share of the pen's way that is in the air
    strokes: float  # a character
    width: float  # of a character, its share of the spaces too
    spacing: float  # median room between words; 0 where there is one word
    height: float  # from the 2nd to the 98th hundredth of its points


def traits(ink: Ink, text: str) -> Traits | None:
    """The statistics of a line; None where it has too little ink."""
    if len(ink) < LEAST or not text.strip() or np.ptp(ink.points[:, 1]) == 0.0:
        return None
    ink = level(sized(ink))
    ink = Ink(ink.points / (X_HEIGHT * unit(ink)), ink.lengths)
    steps = np.diff(ink.points, axis=0)
    lengths = np.hypot(*steps.T)
    down = np.ones(len(steps), bool)
    down[np.cumsum(ink.lengths)[:-1] - 1] = False
    both = down[:-1] & down[1:] & (lengths[:-1] > 0) & (lengths[1:] > 0)
    a, b = steps[:-1][both], steps[1:][both]
    turn = np.abs(np.arctan2(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0], (a * b).sum(1)))
    way = float(lengths[down].sum())
    words = len(text.split())
    wide = np.sort(gaps(ink))[::-1][: words - 1] if words > 1 else np.zeros(0)
    top, bottom = np.quantile(ink.points[:, 1], [0.02, 0.98])
    return Traits(
        speed=lengths[down],
        turn=turn,
        slant=slant(ink),
        curvature=float(turn.sum()) / max(way, 1e-9),
        pen_up=float(lengths[~down].sum()) / max(float(lengths.sum()), 1e-9),
        strokes=len(ink.lengths) / len(text),
        width=float(np.ptp(ink.points[:, 0])) / len(text),
        spacing=float(np.median(wide)) if len(wide) else 0.0,
        height=float(bottom - top),
    )


POOLED = ("speed", "turn")
EACH = ("slant", "curvature", "pen_up", "strokes", "width", "spacing", "height")


def vector(line: Traits) -> Floats:
    """(k,): a line's statistics for the two-sample test."""
    pooled = [
        f(values) if len(values) else 0.0
        for values in (line.speed, line.turn)
        for f in (np.mean, np.std, np.median)
    ]
    return np.array([*pooled, *(getattr(line, name) for name in EACH)], np.float64)


def likeness(written: Sequence[Traits], recorded: Sequence[Traits]) -> dict[str, Any]:
    """How far written lines are from recorded ones; pair n of both says the same text.

    `distances`: of each statistic `written` and `recorded` (medians), `wasserstein`, `kolmogorov_smirnov`,
    and `floor`, the latter between two halves of the recorded lines. `two_sample`: `accuracy` with its
    interval over pairs. Both are None where there are fewer than two pairs a fold.
    """
    if len(written) < 2 * FOLDS:
        return {"pairs": len(written), "distances": None, "two_sample": None}
    a, b = (np.array([vector(line) for line in lines]) for lines in (written, recorded))
    distances = [
        {"statistic": name, **distance(values(written, name), values(recorded, name)),
         "floor": kolmogorov(values(recorded[::2], name), values(recorded[1::2], name))}
        for name in (*POOLED, *EACH)
    ]  # fmt: skip
    return {"pairs": len(written), "distances": distances, "two_sample": two_sample(a, b)}


def values(lines: Sequence[Traits], name: str) -> Floats:
    """A statistic of all lines, of all their points where it is a point's."""
    found = [np.atleast_1d(np.asarray(getattr(line, name), np.float64)) for line in lines]
    return np.concatenate(found) if found else np.zeros(0)


def distance(written: Floats, recorded: Floats) -> dict[str, float]:
    """The medians of two samples and both distances."""
    from scipy.stats import wasserstein_distance

    return {
        "written": float(np.median(written)),
        "recorded": float(np.median(recorded)),
        "wasserstein": float(wasserstein_distance(written, recorded)),
        "kolmogorov_smirnov": kolmogorov(written, recorded),
    }


def kolmogorov(a: Floats, b: Floats) -> float:
    """The largest difference between the distribution functions of two samples."""
    every = np.concatenate([a, b])
    below = (np.searchsorted(np.sort(sample), every, side="right") / len(sample) for sample in (a, b))
    return float(np.abs(next(below) - next(below)).max())


def two_sample(written: Floats, recorded: Floats, seed: int = 0) -> dict[str, float | None]:
    """The accuracy of telling rows of one (n, k) from those of the other, on rows that were not learned from.

    Row n of both is a pair and stays together. The statistics' squares are told too, so that a spread that
    is too small is seen. Interval: over pairs.
    """
    n = len(written)
    fold = np.random.default_rng(seed).permutation(n) % FOLDS
    right = np.zeros(n)
    for held in range(FOLDS):
        inner, outer = fold != held, fold == held
        known = np.concatenate([written[inner], recorded[inner]])
        mean, deviation = known.mean(0), known.std(0)
        deviation[deviation < 1e-12] = 1.0

        def told(rows: Floats, mean: Floats = mean, deviation: Floats = deviation) -> Floats:
            z = np.clip((rows - mean) / deviation, -5, 5)
            return np.column_stack([np.ones(len(z)), z, z * z])

        weights = logistic(told(known), np.repeat([1.0, 0.0], inner.sum()))
        right[outer] += told(written[outer]) @ weights > 0
        right[outer] += told(recorded[outer]) @ weights <= 0
    return rate("accuracy", right, np.full(n, 2.0))


def logistic(x: Floats, y: Floats) -> Floats:
    """(k,): the weights of a logistic regression with a ridge, x (n, k) with the constant first, y 0 or 1."""
    weights = np.zeros(x.shape[1])
    ridge = np.full(len(weights), RIDGE)
    ridge[0] = 1e-6
    for _ in range(STEPS):
        p = 1 / (1 + np.exp(-np.clip(x @ weights, -30, 30)))
        slope = x.T @ (y - p) - ridge * weights
        bend = (x * (p * (1 - p))[:, None]).T @ x + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        weights += step * min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-9:
            break
    return weights


HAND = ("slant", "size", "spacing", "curvature")


def hands(lines: Sequence[Traits], sizes: Sequence[float]) -> dict[str, list[float]]:
    """Slant, size, spacing and curvature of each line, for `spread` and `shift`. sizes: one a line."""
    return {
        name: list(map(float, sizes)) if name == "size" else [float(getattr(line, name)) for line in lines]
        for name in HAND
    }


def spread(hand: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """How each varies over lines: mean, deviation and QUANTILES."""
    return {
        name: {
            "mean": float(np.mean(own)), "deviation": float(np.std(own)),
            "quantiles": [float(q) for q in np.quantile(own, QUANTILES)],
        }
        for name, own in hand.items() if len(own)
    }  # fmt: skip


def shift(hand: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]]) -> dict[str, Any]:
    """How far the hands of some lines are from those of others: Kolmogorov and Smirnov's distance and its p."""
    from scipy.stats import ks_2samp

    found = {name: ks_2samp(own, other[name]) for name, own in hand.items() if len(own) and len(other[name])}
    return {name: {"distance": float(k.statistic), "p": float(k.pvalue)} for name, k in found.items()}
