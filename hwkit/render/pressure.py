"""Strokes whose width follows the pen's speed, as outlines to fill: for the eye, not for a plotter.

Points that are equally far apart tell no speed; there it follows from how the stroke bends.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hwkit.ink import Floats
from hwkit.layout import Page
from hwkit.render.curve import Curve, curves, micrometres, moving, through

WIDEST, NARROWEST = 1.3, 0.6
"""Times the pen: a pen that stands, and one that flies. At the page's median speed it is 1."""

EVEN = 1.25
"""Speeds whose upper quartile is less than so many times the lower one are those of points made equidistant."""

STRAIGHT = 0.05
"""Radians; what turns less from point to point counts as straight."""

UNITS = np.array([1, 1j])

BEND = 0.5
"""About how far, in radians, the stroke turns at most between two of its cross-sections."""

CORNER = 0.5
"""The cosine of a turn between two cross-sections beyond which the stroke turns back rather than bends."""

QUARTER = 4 / 3 * (np.sqrt(2) - 1)
"""How far the inner points of a quarter circle's Bézier curve lie along the tangents, for a radius of 1."""


def outlines(page: Page) -> list[tuple[int, list[Floats]]]:
    """For each stroke its pen, and what to fill: closed contours, each Bézier curves (segments, 4, 2).

    In whole micrometres. All contours turn the same way round, so that by the rule of non-zero winding their
    union is filled, however a stroke crosses itself. Raises InputError as `curves` does.
    """
    drawn = curves(page)
    chords = [_speeds(curve) for curve in drawn]
    if chords and _even(np.concatenate(chords)):
        chords = [_bent(curve.beziers) for curve in drawn]
    median = float(np.median(np.concatenate(chords))) if chords else 0.0
    size = np.array([micrometres(page.width_mm), micrometres(page.height_mm)], float)
    return [
        (
            curve.pen,
            _outline(curve.beziers, page.pens[curve.pen].width_mm * 500 * _widths(speeds, median), size),
        )
        for curve, speeds in zip(drawn, chords, strict=True)
    ]


def _speeds(curve: Curve) -> Floats:
    """Micrometres a reading, (segments,): readings come at equal times. A dot is as fast as it is long."""
    chords = curve.beziers[:, 3] - curve.beziers[:, 0]
    return np.hypot(chords[:, 0], chords[:, 1]) / np.maximum(np.diff(curve.readings), 1)


def _even(speeds: Floats) -> bool:
    """Whether the points stand at equal distances and not at equal times, so that they tell no speed."""
    slow, fast = np.quantile(speeds, [0.25, 0.75])
    return bool(fast < EVEN * slow)


def _bent(beziers: Floats) -> Floats:
    """The speed that a hand has where it bends so, (segments,), by the two-thirds power law.

    A pen's speed goes with the third root of the radius that it bends in (Lacquaniti, Terzuolo and Viviani,
    1983).
    """
    chords = beziers[:, 3] - beziers[:, 0]
    lengths = np.hypot(chords[:, 0], chords[:, 1])
    if len(chords) < 2:
        return np.cbrt(lengths / STRAIGHT)
    turns = np.abs(np.angle((chords[1:] @ UNITS) / (chords[:-1] @ UNITS)))  # at the inner points
    radii = (lengths[:-1] + lengths[1:]) / 2 / np.maximum(turns, STRAIGHT)
    speeds: Floats = np.cbrt(np.concatenate([radii[:1], (radii[:-1] + radii[1:]) / 2, radii[-1:]]))
    return speeds


def _widths(speeds: Floats, median: float) -> Floats:
    """The width at each point, (segments + 1,), times the pen: the slower the wider, and without steps."""
    if len(speeds) == 1 or median == 0:  # a dot or a dash says nothing of speed
        return np.ones(len(speeds) + 1)
    at = np.concatenate([speeds[:1], (speeds[:-1] + speeds[1:]) / 2, speeds[-1:]]) / median
    for _ in range(3):
        at = np.convolve(np.pad(at, 1, "edge"), [0.25, 0.5, 0.25], "valid")
    # At the median speed, 1: (WIDEST - NARROWEST) / (1 + bend) = 1 - NARROWEST.
    bend = (WIDEST - 1) / (1 - NARROWEST)
    widths: Floats = NARROWEST + (WIDEST - NARROWEST) / (1 + bend * at**2)
    return widths


def _outline(beziers: Floats, radii: Floats, size: Floats) -> list[Floats]:
    """The contours of a stroke (segments, 4, 2) of these radii at its points, on a page of this size (2,)."""
    # As many cross-sections as each curve bends: its control points turn at least as much as itself.
    legs = np.diff(beziers, axis=1)  # (segments, 3, 2)
    cross = legs[:, :-1, 0] * legs[:, 1:, 1] - legs[:, :-1, 1] * legs[:, 1:, 0]
    turns = np.abs(np.arctan2(cross, (legs[:, :-1] * legs[:, 1:]).sum(axis=2))).sum(axis=1)
    counts = np.maximum(np.ceil(turns / BEND), 2).astype(np.int64)  # (segments,)
    segment = np.repeat(np.arange(len(beziers)), counts)
    t = (np.arange(len(segment)) - (np.cumsum(counts) - counts)[segment]) / counts[segment]  # (samples - 1,)
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3], axis=1)
    centres = np.append((weights[:, :, None] * beziers[segment]).sum(axis=1), beziers[-1:, 3], axis=0)
    radii = np.interp(np.append(segment + t, len(beziers)), np.arange(len(radii)), radii)
    kept = moving(np.rint(centres))
    centres, radii = centres[kept], radii[kept]
    radii = np.minimum(radii, np.minimum(centres, size - centres).min(axis=1))  # no ink beyond the page

    ways = _unit(np.diff(centres, axis=0))  # (samples - 1, 2)
    corners = np.flatnonzero((ways[:-1] * ways[1:]).sum(axis=1) < CORNER) + 1
    # Each part is a ribbon of its own: at a corner the round ends of two make the joint.
    parts = [
        _ribbon(centres[start : end + 1], radii[start : end + 1], ways[start:end])
        for start, end in pairwise([0, *corners, len(centres) - 1])
    ]
    return [np.clip(np.rint(part), 0, size) for part in parts]


def _ribbon(centres: Floats, radii: Floats, ways: Floats) -> Floats:
    """The contour of a part without a corner: centres (n, 2), radii (n,), and the ways (n - 1, 2) between them.

    Along the left side, round the end, back on the right side, and round the start.
    """
    tangents = _unit(np.concatenate([ways[:1], ways[:-1] + ways[1:], ways[-1:]]))
    aside = np.stack([-tangents[:, 1], tangents[:, 0]], axis=1) * radii[:, None]
    left, right = centres + aside, centres - aside
    sides = [side[moving(np.rint(side))] for side in (left, right[::-1])]
    forth, back = (through(side) if len(side) > 1 else np.zeros((0, 4, 2)) for side in sides)
    ends = _cap(left[-1], right[-1], tangents[-1]), _cap(right[0], left[0], -tangents[0])
    return np.concatenate([forth, ends[0], back, ends[1]])


def _cap(start: Floats, end: Floats, way: Floats) -> Floats:
    """Half a circle (2, 4, 2) from start to end, which are across `way` (2,), bulging that way."""
    middle, radius = (start + end) / 2, float(np.hypot(*(end - start))) / 2
    top, side, up = middle + way * radius, (end - start) / 2 * QUARTER, way * radius * QUARTER
    return np.array([[start, start + up, top - side, top], [top, top + side, end + up, end]])


def _unit(vectors: Floats) -> Floats:
    units: Floats = vectors / np.maximum(np.hypot(vectors[:, 0], vectors[:, 1]), 1e-12)[:, None]
    return units
