"""The smooth curves that a pen follows through the points of a page's strokes."""

from __future__ import annotations

import re
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
    """The Bézier curves (n - 1, 4, 2) of the Catmull-Rom curve through `points` (n, 2); neighbours differ.

    Centripetal (time runs with the root of the distance), as the one of the family that makes no loop
    or cusp between two points. The curve leaves its ends along the chord.
    """
    chords = np.diff(points, axis=0)  # (n - 1, 2)
    times = np.sqrt(np.hypot(chords[:, 0], chords[:, 1]))[:, None]  # (n - 1, 1)
    speeds = chords / times
    across = (chords[:-1] + chords[1:]) / (times[:-1] + times[1:])
    tangents = np.concatenate([speeds[:1], speeds[:-1] + speeds[1:] - across, speeds[-1:]])  # (n, 2)
    after, before = points[:-1] + tangents[:-1] * times / 3, points[1:] - tangents[1:] * times / 3
    return np.stack([points[:-1], after, before, points[1:]], axis=1)


def moving(points: Floats) -> Ints:
    """The indices of the points (n, 2) that are not where the one before is."""
    return np.flatnonzero(np.append(True, (np.diff(points, axis=0) != 0).any(axis=1)))


def micrometres(side_mm: float) -> int:
    """A page's side, rounded up but for what floating point adds."""
    return ceil(side_mm * 1000 - 1e-6)


def _room(page: Page, number: int) -> tuple[Floats, Floats]:
    """Where the centre of a pen may go: the least and the largest (2,), in whole micrometres, so exact."""
    pen = page.pens[number]
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", pen.colour):
        raise InputError(f"{pen.colour!r} is no colour", do="give six hexadecimal digits, such as #1a2b3c")
    width, height = sides = np.array([page.width_mm, page.height_mm])
    measures = np.append(sides, pen.width_mm)
    if not (np.isfinite(measures).all() and measures.min() >= 0.001 and sides.min() >= pen.width_mm):
        raise InputError(f"a page of {width:g} by {height:g} mm has no room for a pen of {pen.width_mm:g} mm")
    low = np.full(2, np.ceil(np.rint(pen.width_mm * 1000) / 2))
    return low, np.array([micrometres(width), micrometres(height)]) - low
