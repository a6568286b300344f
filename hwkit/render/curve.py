"""The smooth curves that a pen follows through the points of a page's strokes."""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ints
from hwkit.layout import DOT_MM, Page


class Curve(NamedTuple):
    """A stroke as a pen draws it."""

    pen: int  # index into the page's pens
    beziers: Floats  # (segments, 4, 2), whole micrometres, each from where the one before ended
    readings: Ints  # (segments + 1,) which of the stroke's points these go through (a dot's second: the first)


def curves(page: Page) -> list[Curve]:
    """The page's strokes as cubic Bézier curves, in the order of writing.

    They pass through every point, rounded to a micrometre. Between two points they stay within a quarter of
    their distance of the straight way. They lie, with half the pen, on the page. Raises InputError where the
    page's parts do not fit together, a coordinate is not finite, or ink lies too near the edge for its pen.
    """
    room = [_room(page, number) for number in range(len(page.pens))]
    of_pen = page.of_pen or (0,) * len(page.strokes)
    if len(of_pen) != len(page.strokes) or not set(of_pen) <= set(range(len(page.pens))):
        raise InputError(f"{len(page.strokes)} strokes do not fit the pens given for them")
    drawn = []
    for number, (pen, stroke) in enumerate(zip(of_pen, page.strokes, strict=True)):
        if not len(stroke) or not np.isfinite(stroke).all():
            raise InputError("the stroke is empty or not finite", row=f"stroke {number + 1}")
        low, high = room[pen]
        points = np.rint(stroke * 1000)
        if (points < low - 1).any() or (points > high + 1).any():
            raise InputError(
                f"the ink lies nearer to the page's edge than half the pen, {page.pens[pen].width_mm / 2:g} mm",
                row=f"stroke {number + 1}",
                do="lay the page out for this pen",
            )
        points = np.clip(points, low, high)
        readings = moving(points)
        points = points[readings]
        if len(points) == 1:
            step = DOT_MM * 1000 if points[0, 0] + DOT_MM * 1000 <= high[0] else -DOT_MM * 1000
            points = np.concatenate([points, np.clip(points + np.array([step, 0.0]), low, high)])
            readings = np.zeros(2, np.int64)
        # A Bézier curve lies within the hull of its control points: clipping these keeps it on the page.
        drawn.append(Curve(pen, np.clip(np.rint(through(points)), low, high), readings))
    return drawn


def through(points: Floats) -> Floats:
    """The Bézier curves (n - 1, 4, 2) of the natural cubic spline through `points` (n, 2); neighbours differ.

    Time runs with the root of the distance (centripetal), so that the curve does not swing out between points
    that are near each other. Its curvature has no jumps, which the eye sees in large writing, but where it
    would leave the straight way between two points by more than a quarter of their distance: there its
    handles are shortened, and only its direction goes on.
    """
    chords = np.diff(points, axis=0)  # (n - 1, 2)
    lengths = np.hypot(chords[:, 0], chords[:, 1])  # (n - 1,)
    times = np.sqrt(lengths)
    tangents = slopes(chords / times[:, None], times)  # (n, 2)
    handles = np.stack([tangents[:-1], tangents[1:]], axis=1) * times[:, None, None] / 3  # (n - 1, 2, 2)
    size = np.hypot(handles[..., 0], handles[..., 1])
    ways = chords / lengths[:, None]
    aside = np.abs(handles[..., 0] * ways[:, None, 1] - handles[..., 1] * ways[:, None, 0])
    # Two handles that reach h to one side draw the curve to 3/4 h at most.
    most = np.minimum(
        lengths[:, None] / 2 / np.maximum(size, 1e-9), lengths[:, None] / 3 / np.maximum(aside, 1e-9)
    )
    handles *= np.minimum(most, 1.0)[..., None]
    return np.stack([points[:-1], points[:-1] + handles[:, 0], points[1:] - handles[:, 1], points[1:]], axis=1)


def slopes(speeds: Floats, times: Floats) -> Floats:
    """The tangents (n, 2) of a natural cubic spline whose parts have these mean speeds (n - 1, 2) and times.

    A system of three diagonals, solved forth and back; x and y are the parts of complex numbers.
    """
    means = (speeds @ np.array([1, 1j])).tolist()
    spans = times.tolist()
    over, right = [0.5], [1.5 * means[0]]  # what is above the diagonal, and the right side, after elimination
    for before, after, one, other in zip(spans[:-1], spans[1:], means[:-1], means[1:], strict=True):
        pivot = 2 * (before + after) - after * over[-1]
        right.append((3 * (after * one + before * other) - after * right[-1]) / pivot)
        over.append(before / pivot)
    found = [(3 * means[-1] - right[-1]) / (2 - over[-1])]
    for share, value in zip(reversed(over), reversed(right), strict=True):
        found.append(value - share * found[-1])
    tangents = np.array(found[::-1])
    return np.stack([tangents.real, tangents.imag], axis=1)


def moving(points: Floats) -> Ints:
    """The indices of the points (n, 2) that are not where the one before is."""
    return np.flatnonzero(np.append(True, (np.diff(points, axis=0) != 0).any(axis=1)))


def micrometres(side_mm: float) -> int:
    """A page's side, rounded up but for what floating point adds."""
    return ceil(side_mm * 1000 - 1e-6)


def _room(page: Page, number: int) -> tuple[Floats, Floats]:
    """Where the centre of a pen may go: the least and the largest (2,), in whole micrometres, so exact."""
    pen = page.pens[number]
    width, height = sides = np.array([page.width_mm, page.height_mm])
    measures = np.append(sides, pen.width_mm)
    if not (np.isfinite(measures).all() and measures.min() >= 0.001 and sides.min() >= pen.width_mm):
        raise InputError(f"a page of {width:g} by {height:g} mm has no room for a pen of {pen.width_mm:g} mm")
    low = np.full(2, np.ceil(np.rint(pen.width_mm * 1000) / 2))
    return low, np.array([micrometres(width), micrometres(height)]) - low
