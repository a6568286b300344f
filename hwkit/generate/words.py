"""Words out of a line that a network wrote: cut where the window moves on, on their base line, in x-heights.

The window says which character the pen is at (Graves 2013, figure 13), so the base line and the x-height
are seen where letters sit and end, whatever else a line holds, and a word may be cut where the pen is up.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwkit.ink import Floats, Ink, Ints, median

LATE = 0.3  # characters; the window lies so far behind a space's place when the pen goes over it
REACH = 1.4  # characters that the window may be off a space where the pen goes over it
EVEN = (0.6, 1.6)  # how far the x-height of a word may be off the hand's and is still made equal
GAPS = (1.1, 2.6)  # what a gap between words may be, in x-heights
BEHIND = 0.6  # characters; so much later than the window has come to a letter's place the next one begins
X_HEIGHT = 2.3  # of a hand that shows none, in the unit of its size
SITTING = frozenset("abcdehiklmnorstuvwxzABCDEFGHIKLMNOPRSTUVWXYZ0123456789")  # they end on the base line
LOW = frozenset("acemnorsuvwxz")  # they are as high as an x
TALL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
CAPITAL = 1.85  # how high a capital is, in x-heights
ENOUGH = 4  # turning points of the pen that say where a line lies
SLOPED = 12  # of them, before a base line may be sloped
NEAR = 5.0  # x-heights; how far tops tell of the x-height beside them
PRIOR = 1.5  # tops that the line's own x-height counts for, anywhere in it
STEEPEST = 0.15  # of a base line


class Hold(NamedTuple):
    """Where a line of writing lies: its base line is y = base + slope * x, an x is `height` high."""

    base: float
    slope: float
    height: float
    tops: Floats  # (k, 2), x and height of the tops that the height was seen at; none: it is a guess

    def height_at(self, left: float, right: float) -> float:
        """The x-height between two places, of the tops there and beside: a hand's size drifts along a line."""
        reach = NEAR * self.height
        away = np.maximum(np.maximum(left - self.tops[:, 0], self.tops[:, 0] - right), 0.0) / reach
        weight = np.exp(-0.5 * away**2)
        return float((weight @ self.tops[:, 1] + PRIOR * self.height) / (weight.sum() + PRIOR))


def gaps(ink: Ink) -> Floats:
    """(s - 1,): the room in x between all ink before a pen-up and all ink after it; negative: overlap."""
    starts = np.cumsum(ink.lengths) - ink.lengths
    x = ink.points[:, 0]
    right = np.maximum.accumulate(np.maximum.reduceat(x, starts))
    left = np.minimum.accumulate(np.minimum.reduceat(x, starts)[::-1])[::-1]
    return left[1:] - right[:-1]


def boundaries(ink: Ink, position: Floats, spaces: Sequence[int], gap: Floats) -> list[int] | None:
    """The stroke with which each word of a line begins, and the number of strokes; None where one has none.

    position: (n,), the window's place in the text after each point. spaces: the places of the spaces
    between the words. gap: `gaps(ink)`. A word ends where the pen is up, at the widest gap near the space.
    """
    after = position[np.cumsum(ink.lengths) - 1][:-1]  # where the window is when the pen goes up
    strokes = [0]
    for space in spaces:
        near = np.flatnonzero(np.abs(after - space - LATE) <= REACH)
        near = near[near >= strokes[-1]]
        if not len(near):
            return None
        strokes.append(int(near[np.argmax(gap[near])]) + 1)
    strokes.append(len(ink.lengths))
    return strokes


def hold(ink: Ink, position: Floats, text: str, unit: float) -> Hold:
    """The base line and the x-height of a line, by where the pen turns within its letters.

    unit: of the writing's size, for a line that shows no x-height.
    """
    at = np.clip(position + BEHIND, 0, len(text) - 1).astype(int)
    x, y = ink.points.T
    lower, upper = turns(y, ink.lengths)
    sits, low = (np.array([text[place] in kind for place in at]) for kind in (SITTING, LOW))
    lower, upper = lower[sits[lower]], upper[low[upper]]
    if len(lower) < ENOUGH:
        bottom = float(np.quantile(y, 0.9)) if len(y) else 0.0
        return Hold(bottom, 0.0, X_HEIGHT * unit, np.zeros((0, 2)))
    slope = steepness(x[lower], y[lower]) if len(lower) >= SLOPED else 0.0
    base = median(y[lower] - slope * x[lower])
    heights = base + slope * x[upper] - y[upper]
    high = heights > 0.8 * unit  # a turn within a letter is no top
    capitals = tall(ink, at, text, base, slope)
    if high.sum() + len(capitals) < ENOUGH:
        return Hold(base, slope, X_HEIGHT * unit, np.zeros((0, 2)))
    tops = np.vstack([np.column_stack([x[upper], heights])[high], capitals])
    return Hold(base, slope, median(tops[:, 1]), tops)


def tall(ink: Ink, at: Ints, text: str, base: float, slope: float) -> Floats:
    """(k, 2): the x of each capital and digit, and the x-height that its height stands for."""
    found = []
    for place in np.unique(at):
        own = ink.points[at == place]
        if text[place] in TALL and len(own) >= ENOUGH:
            x = float(own[:, 0].mean())
            found.append((x, (base + slope * x - float(own[:, 1].min())) / CAPITAL))
    return np.array(found).reshape(-1, 2)


def turns(y: Floats, lengths: Ints) -> tuple[Ints, Ints]:
    """The points within strokes at which the pen turns: at the bottom, and at the top (y grows down)."""
    within = np.ones(len(y), bool)
    ends = np.cumsum(lengths)
    within[ends - 1] = within[ends - lengths] = False
    inner = within[1:-1]
    bottom = (y[1:-1] >= y[:-2]) & (y[1:-1] > y[2:]) & inner
    top = (y[1:-1] <= y[:-2]) & (y[1:-1] < y[2:]) & inner
    return np.flatnonzero(bottom) + 1, np.flatnonzero(top) + 1


def steepness(x: Floats, y: Floats) -> float:
    """The median slope between points that stand far apart (Theil and Sen), no steeper than STEEPEST."""
    dx, dy = (v[:, None] - v[None, :] for v in (x, y))
    far = dx > 0.3 * np.ptp(x)
    return float(np.clip(median(dy[far] / dx[far]), -STEEPEST, STEEPEST)) if far.any() else 0.0


def slant(ink: Ink) -> float:
    """How far the down strokes lean, as dx/dy upward: the least squares over steps steeper than 45 degrees."""
    steps = np.diff(ink.points, axis=0)
    drawn = np.ones(len(steps), bool)
    drawn[np.cumsum(ink.lengths)[:-1] - 1] = False
    steep = drawn & (np.abs(steps[:, 1]) > np.abs(steps[:, 0]))
    dx, dy = steps[steep].T
    return float(-(dx @ dy) / (dy @ dy)) if len(dy) else 0.0


def levelled(ink: Ink, where: Hold, height: float) -> Ink:
    """The ink with its base line at y = 0, in units of `height`."""
    x, y = ink.points.T
    return Ink(np.column_stack([x, y - where.base - where.slope * x]) / height, ink.lengths)


def evened(ink: Ink, where: Hold, usual: float) -> tuple[Ink, float]:
    """A word of a line as it is set: its base line at y = 0, in x-heights; and its x-height.

    where: the line lies; usual: the x-height of its hand.
    """
    own = where.height_at(ink.points[:, 0].min(), ink.points[:, 0].max()) if len(where.tops) else usual
    height = float(np.clip(own, EVEN[0] * usual, EVEN[1] * usual))
    return levelled(ink, where, height), height


def piece_of(ink: Ink, position: Floats, strokes: slice) -> tuple[Ink, Floats]:
    """Some strokes of ink, and the window's places at their points."""
    ends = np.concatenate([[0], np.cumsum(ink.lengths)])
    points = slice(ends[strokes.start], ends[strokes.stop])
    return Ink(ink.points[points], ink.lengths[strokes]), position[points]


def box_of(ink: Ink, position: Floats, place: int) -> NDArray[np.float64] | None:
    """(left, top, right, bottom) of the ink of one character; None where the window was never at it."""
    at = np.clip(position + BEHIND, 0, None).astype(int) == place
    if not at.any():
        return None
    points = ink.points[at]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def parts_of(
    ink: Ink, position: Floats, texts: Sequence[str], unit: float
) -> tuple[list[tuple[Ink, Floats]], list[float], Hold] | None:
    """The ink of each of `texts`, which were written as one line with a space between, in its order.

    Gives for each text its ink, in the line's own units and place, with the window's place in that text at
    each point; the room in x before each (the first one's is 0); and where the line lies. None where the pen
    was not up between two of them.
    """
    starts = np.cumsum([0, *(len(text) + 1 for text in texts)])
    strokes = boundaries(ink, position, [int(start) - 1 for start in starts[1:-1]], gap := gaps(ink))
    if strokes is None:
        return None
    pieces = [piece_of(ink, position, slice(a, b)) for a, b in pairwise(strokes)]
    parts = [(part, place - start) for (part, place), start in zip(pieces, starts, strict=False)]
    room = [0.0, *(float(gap[stroke - 1]) for stroke in strokes[1:-1])]
    return parts, room, hold(ink, position, " ".join(texts), unit)
