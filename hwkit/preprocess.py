"""Preprocessing: pure steps from recorded ink to the ink that a network learns, and their recipe.

Steps run in this order, each only where the recipe asks for it:

1. *repair* of recording errors (Graves 2013, opening of section 4), always;
2. *level*: turn the line so that the straight line through its points is horizontal;
3. *slant*: shear the line so that its down strokes stand upright;
4. *scale*: divide by the median distance of the points from their median height;
5. *smooth*: a binomial filter along each stroke, its end points kept;
6. *resample*: by index (`decimate`) or by distance (`spacing`), end points kept.

Preset `raw` is the paper's: repair and nothing else. Preset `aligned` levels, scales, smooths and
decimates; it keeps the slant, which belongs to the hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink, Ints, Sample, median


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is done to recorded ink. Lengths of step and gap are the rule of the repair."""

    step_limit: float = 1000.0  # recording units; a step longer than this is removed
    gap_limit: float = 4.0  # sampling intervals; a longer gap within a stroke misses readings
    pause: float = 0.5  # seconds; a gap longer than this is a rest of the hand, not a fault
    level: bool = False
    slant: bool = False
    scale: bool = False
    smooth: int = 0  # passes of (1, 2, 1)/4; two make the binomial filter that is 5 wide
    decimate: float = 1.0  # keep one point in so many, evenly along the point index
    spacing: float = 0.0  # or: points at this distance along the stroke, in the line's unit

    def __post_init__(self) -> None:
        if self.step_limit <= 0 or self.gap_limit <= 1 or self.pause <= 0:
            raise InputError("step_limit and pause must be above 0, gap_limit above 1")
        if self.smooth < 0 or self.decimate < 1 or self.spacing < 0:
            raise InputError("smooth and spacing must not be negative, decimate not below 1")
        if self.decimate > 1 and self.spacing > 0:
            raise InputError("decimate and spacing are two ways to resample", do="give one of them")

    def text(self) -> str:
        """The recipe as a dataset carries it; "" there is recorded ink, which no recipe has touched."""
        return msgspec.json.encode(self, order="sorted").decode()

    @classmethod
    def read(cls, text: str) -> Recipe:
        """The recipe that a dataset carries. Raises InputError for recorded ink and for unknown steps."""
        if not text:
            raise InputError("this ink is as it was recorded", do="run hwkit preprocess first")
        try:
            return msgspec.json.decode(text, type=cls)
        except msgspec.MsgspecError as error:
            raise InputError(
                f"this ink was preprocessed by another hwkit: {error}", do="preprocess it anew"
            ) from error


PRESETS = {
    "raw": Recipe(),
    "aligned": Recipe(level=True, scale=True, smooth=2, decimate=2.6),
}


@dataclass(frozen=True, slots=True)
class Repairs:
    """What the repair of one line did."""

    interpolated: int = 0  # points put in for missing readings
    removed: int = 0  # steps longer than the limit taken out


LEVEL_WIDTH = 800.0  # recording units; the slope of a shorter line says little, so it is left alone


def prepare(sample: Sample, recipe: Recipe) -> tuple[Sample, Repairs]:
    """A recorded sample as `recipe` wants it, and what its repair did.

    Coordinates come in recording units and leave in units of `Sample.scale` recording units.
    Times are used by the repair and then dropped. Text, names and split are kept. Ink without
    points stays so.
    """
    ink, repairs = repair(sample.ink, recipe)
    scale = 1.0
    if len(ink):
        if recipe.level:
            ink = level(ink)
        if recipe.slant:
            ink = unslant(ink)
        if recipe.scale:
            scale = unit(ink)
            ink = Ink(ink.points / scale, ink.lengths)
        for _ in range(recipe.smooth):
            ink = smooth(ink)
        if recipe.decimate > 1:
            ink = decimate(ink, recipe.decimate)
        if recipe.spacing > 0:
            ink = respace(ink, recipe.spacing)
    return replace(sample, ink=Ink(ink.points, ink.lengths), scale=sample.scale * scale), repairs


def repair(ink: Ink, recipe: Recipe) -> tuple[Ink, Repairs]:
    """Interpolate missing readings, then remove steps longer than the limit (Graves, section 4).

    Missing readings: within a stroke, a gap in time longer than `gap_limit` sampling intervals
    (the line's median one) and no longer than `pause`. Points are put in on the straight line
    between its ends, as many as the time has room for, but no closer together than the line's
    median step, so that a hand at rest gets none.

    Steps: one longer than `step_limit` is taken out of the sequence of offsets, so the ink after
    it moves up to the ink before it. A spike of one reading is two such steps. An end of stroke
    that is taken out moves to the point before it.
    """
    ink, interpolated = interpolate_missing(ink, recipe)
    offsets = ink.offsets()
    keep = np.hypot(offsets[:, 0], offsets[:, 1]) <= recipe.step_limit
    removed = int((~keep).sum())
    if removed:
        stroke = np.repeat(np.arange(len(ink.lengths)), ink.lengths)[keep]
        offsets = offsets[keep]
        offsets[:, 2] = np.append(np.diff(stroke) != 0, True)
        ink = Ink.from_offsets(offsets, ink.origin)
    return ink, Repairs(interpolated, removed)


def interpolate_missing(ink: Ink, recipe: Recipe) -> tuple[Ink, int]:
    """The first half of `repair`: (ink without gaps and without times, points put in)."""
    bare = Ink(ink.points, ink.lengths)
    if ink.times is None or len(ink) < 3:
        return bare, 0
    within = np.ones(len(ink), bool)
    within[np.cumsum(ink.lengths)[:-1]] = False  # the first point of each later stroke
    within = within[1:]
    gap = np.diff(ink.times)
    step = np.hypot(*np.diff(ink.points, axis=0).T)
    ticking = within & (gap > 0)
    if not ticking.any():
        return bare, 0
    interval, stride = float(np.median(gap[ticking])), max(float(np.median(step[within])), 1e-9)
    missing = within & (gap > recipe.gap_limit * interval) & (gap <= recipe.pause)
    room = np.minimum(np.round(gap / interval), np.floor(step / stride)) - 1
    put = np.where(missing, np.maximum(room, 0), 0).astype(np.int64)
    if not put.any():
        return bare, 0
    # Position along the old index of every new point: i, i + 1/(n+1), ..., i + n/(n+1), i + 1.
    pieces = np.append(put + 1, 1)
    position = np.repeat(np.arange(len(ink)), pieces) + _ramp(pieces) / np.repeat(pieces, pieces)
    stroke = np.repeat(np.repeat(np.arange(len(ink.lengths)), ink.lengths), pieces)
    return Ink(_at(ink.points, position), np.bincount(stroke).astype(np.int64)), int(put.sum())


def level(ink: Ink) -> Ink:
    """Turn the ink about its first point so that the least-squares line through it is level.

    Lines narrower than LEVEL_WIDTH recording units are left alone.
    """
    x, y = (ink.points - ink.points.mean(axis=0)).T
    if np.ptp(x) < LEVEL_WIDTH:
        return ink
    angle = np.arctan2(float(x @ y), float(x @ x))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return Ink((ink.points - ink.points[0]) @ turn + ink.points[0], ink.lengths)


def unslant(ink: Ink) -> Ink:
    """Shear the ink along x so that its down strokes stand upright.

    The slant is the least-squares dx/dy over steps within strokes steeper than 45 degrees.
    """
    offsets = ink.offsets()[1:]
    first = np.cumsum(ink.lengths)[:-1] - 1
    drawn = np.ones(len(offsets), bool)
    drawn[first] = False
    steep = drawn & (np.abs(offsets[:, 1]) > np.abs(offsets[:, 0]))
    dx, dy = offsets[steep, 0], offsets[steep, 1]
    if not len(dy):
        return ink
    shear = float(dx @ dy) / float(dy @ dy)
    x, y = ink.points.T
    return Ink(np.column_stack([x - shear * (y - y[0]), y]), ink.lengths)


def unit(ink: Ink) -> float:
    """The size of the writing: the median distance of its points from their median height.

    Falls back to 1 where the ink has no height (a dot, a level dash).
    """
    y = ink.points[:, 1]
    size = median(np.abs(y - median(y))) if len(y) else 0.0
    return size if size > 0 else 1.0


def smooth(ink: Ink) -> Ink:
    """One pass of (1, 2, 1)/4 along each stroke; its first and last point stay."""
    inner = np.ones(len(ink), bool)
    ends = np.cumsum(ink.lengths)
    inner[ends - 1] = False
    inner[ends - ink.lengths] = False
    at = np.flatnonzero(inner)
    points = ink.points.copy()
    points[at] = (ink.points[at - 1] + 2 * ink.points[at] + ink.points[at + 1]) / 4
    return Ink(points, ink.lengths)


def decimate(ink: Ink, factor: float) -> Ink:
    """Keep one point in `factor`, evenly along each stroke's point index, both ends kept."""
    along = np.arange(len(ink), dtype=np.float64)
    return _resample(ink, along, np.round((ink.lengths - 1) / factor))


def respace(ink: Ink, spacing: float) -> Ink:
    """Points at even distances of about `spacing` along each stroke, both ends kept."""
    step = np.hypot(*np.diff(ink.points, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(step)])
    ends = np.cumsum(ink.lengths) - 1
    length = along[ends] - along[ends - ink.lengths + 1]
    return _resample(ink, along, np.round(length / spacing))


def _resample(ink: Ink, along: Floats, pieces: Floats) -> Ink:
    """Each stroke cut into `pieces` (s,) even pieces of the monotone measure `along` (n,)."""
    cuts = np.where(ink.lengths > 1, np.maximum(pieces, 1), 0).astype(np.int64)
    counts = cuts + 1
    last = np.cumsum(ink.lengths) - 1
    start, end = along[last - ink.lengths + 1], along[last]
    share = _ramp(counts) / np.repeat(np.maximum(cuts, 1), counts)
    wanted = np.repeat(start, counts) + share * np.repeat(end - start, counts)
    points = np.column_stack([np.interp(wanted, along, ink.points[:, axis]) for axis in (0, 1)])
    # np.interp may take another point where `along` stands still or rounds; the ends are exact.
    ends = np.cumsum(counts) - 1
    points[ends] = ink.points[last]
    points[ends - cuts] = ink.points[last - ink.lengths + 1]
    return Ink(points, counts)


def _ramp(counts: Ints) -> Ints:
    """0, 1, ..., counts[0] - 1, 0, 1, ..., counts[1] - 1, ..."""
    return np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)


def _at(points: Floats, position: Floats) -> Floats:
    """Points at fractional positions of their index, on straight lines between them."""
    index = np.arange(len(points))
    return np.column_stack([np.interp(position, index, points[:, axis]) for axis in (0, 1)])
