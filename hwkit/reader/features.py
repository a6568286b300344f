"""What a reader sees: any ink brought to one size and one distance between points, then six numbers a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import InkError
from hwkit.ink import Ink, median
from hwkit.model.config import FEATURES
from hwkit.preprocess import respace, smooth, unit

F32 = NDArray[np.float32]

SPACING = 0.6  # between points along a stroke, in units; some 15 of them make a letter
FINE = 3  # points for each of them while the stroke is smoothed
WIDE = 12.0  # units; the slope of narrower ink says little, so it is left alone

STEEP = 0.06  # radians; no line is this steep in training
LONGEST = 5000.0  # units; no line of writing is longer or higher, whatever its median distance says


def prepared(ink: Ink) -> Ink:
    """Ink of any source and size as a reader takes it: level, its unit 1, points at even distances.

    y grows downward. Times are dropped. Raises InkError for ink without points.
    """
    if not len(ink):
        raise InkError("there is no ink to read")
    ink = Ink(ink.points - [median(axis) for axis in ink.points.T], ink.lengths)
    ink = respace(sized(unsloped(ink)), SPACING / FINE)  # by length, not by time: a slow part weighs no more
    ink = sized(level(ink))
    return respace(smooth(smooth(ink)), SPACING)


def sized(ink: Ink) -> Ink:
    """The ink with a unit of 1; what has no height (a dot, a dash) has its width for a measure."""
    height = unit(ink)
    width = float(np.ptp(ink.points[:, 0]))
    if np.ptp(ink.points[:, 1]) <= width / LONGEST:  # but for rounding, a straight line
        height = width / 2 or 1.0
    height = max(height, float(np.ptp(ink.points, axis=0).max()) / LONGEST)
    return Ink(ink.points / height, ink.lengths)


def unsloped(ink: Ink) -> Ink:
    """Level what is steep before it is measured: the slope of a long line would pass for its height."""
    angle = slope(ink)
    turned = turn(ink, angle)
    wide = np.ptp(turned.points[:, 0]) >= WIDE * unit(turned)
    return turned if wide and abs(angle) > STEEP else ink


def level(ink: Ink) -> Ink:
    """Turn the ink about its first point so that the least-squares line through it is level."""
    return ink if np.ptp(ink.points[:, 0]) < WIDE else turn(ink, slope(ink))


def slope(ink: Ink) -> float:
    """The angle of the least-squares line through the points, in radians, positive downhill."""
    x, y = (ink.points - ink.points.mean(axis=0)).T
    return float(np.arctan2(float(x @ y), float(x @ x)))


def turn(ink: Ink, angle: float) -> Ink:
    """The ink turned so that what slopes by `angle` is level."""
    back = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Ink(ink.points @ back, ink.lengths)


def features(ink: Ink) -> F32:
    """(n, 6) of prepared ink: the step within a stroke (dx, dy, in SPACING), or, where a stroke begins, 1 and
    the way of the pen in the air (its logarithm, signed); and y, from the middle of the ink.
    """
    offsets = ink.offsets()
    begins = np.append(True, offsets[:-1, 2] > 0.5)
    out = np.zeros((len(ink), FEATURES), np.float32)
    out[:, 0:2] = np.where(begins[:, None], 0.0, offsets[:, :2] / SPACING)
    out[:, 2] = begins
    out[:, 3:5] = np.where(begins[:, None], np.arcsinh(offsets[:, :2]), 0.0)
    out[:, 5] = (ink.points[:, 1] - median(ink.points[:, 1])) / 2
    return out
