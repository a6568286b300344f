"""Text to lines, and written lines to a page in millimetres."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink

DOT_MM = 0.01
"""How long a dot's segment is drawn: a plotter needs a way to go, however short."""

LONGEST = 2000.0
"""No line of writing is this many units long or high; see `unit_of`."""

LARGEST_MM = 1e6
"""A page beyond a kilometre is a mistake in the ink or its unit."""


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Ink on a page: strokes in the order of writing, in millimetres from the upper left corner."""

    width_mm: float
    height_mm: float
    strokes: list[Floats]  # each (n, 2), y grows downward


def break_lines(text: str, width: int = 50) -> list[str]:
    """Text as lines of at most `width` characters.

    Newlines break lines, and empty lines stay, as "" (but a newline at the very end opens no line).
    Longer lines are cut at spaces; a word longer than `width` stays whole on a line of its own.
    Runs of spaces and tabs become one space. Raises InputError where width is below 1.
    """
    if width < 1:
        raise InputError(f"a line of {width} characters holds no text", do="give a width of 1 or more")
    lines: list[str] = []
    for given in re.split(r"\r\n|\r|\n", text):
        line = ""
        for word in filter(None, re.split(r"[ \t]+", given)):
            if line and len(line) + 1 + len(word) > width:
                lines.append(line)
                line = word
            else:
                line = f"{line} {word}" if line else word
        lines.append(line)
    if lines[-1] == "":  # the end of the text, or nothing after its last newline
        lines.pop()
    return lines


def unit_of(ink: Ink) -> float:
    """The size of the writing: the median distance of the points from their median height.

    Somewhat less than half the height of an "x", and little moved by loops, strokes through a "t",
    or a stray point. It is never 0: ink that is level, or so nearly level that this measure says nothing of
    its size (a dash), is measured by its longer side; a dot, or no ink, is 1.
    """
    if not len(ink):
        return 1.0
    y = ink.points[:, 1]
    with np.errstate(over="ignore", invalid="ignore"):  # lay_out refuses what comes of it
        unit = float(np.median(np.abs(y - np.median(y))))
        extent = float(np.ptp(ink.points, axis=0).max())
    if unit * LONGEST > extent:
        return unit
    return extent or 1.0


def lay_out(
    inks: Sequence[Ink | None],
    *,
    unit: float | None = None,
    unit_mm: float = 1.0,
    leading_mm: float = 10.0,
    margin_mm: float = 8.0,
    pen_mm: float = 0.5,
) -> Page:
    """One written line an ink, one below the other; None is an empty line.

    A line is scaled so that `unit` (by default its own, see `unit_of`) becomes `unit_mm`. Its left
    edge stands at the margin, its median height, near the middle of an "x", on the row's. Rows are
    `leading_mm` apart, more where the bulk of two lines would overlap. The page is as large as the ink
    with half the pen and the margin around it, however far a line reaches up or down.

    Raises InputError where a measure is not a positive number, or the page would not end.
    """
    for name, value in [
        ("unit", 1.0 if unit is None else unit),
        ("unit_mm", unit_mm),
        ("leading_mm", leading_mm),
        ("pen_mm", pen_mm),
    ]:
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} is {value}", do="give a positive number")
    if not (math.isfinite(margin_mm) and margin_mm >= 0):
        raise InputError(f"margin_mm is {margin_mm}", do="give 0 or a positive number")

    strokes: list[Floats] = []
    row = 0.0  # mm, where the middle of the present line's letters stands
    floor = -math.inf  # mm, how far down the bulk of the lines above reaches
    for number, ink in enumerate(inks):
        row += leading_mm
        if ink is None or not len(ink):
            continue
        points = ink.points
        with np.errstate(over="ignore", invalid="ignore"):
            middle = np.array([points[:, 0].min(), np.median(points[:, 1])])
            placed = (points - middle) * (unit_mm / (unit or unit_of(ink)))
        if not (np.abs(placed) < LARGEST_MM).all():  # also what is not a number
            raise InputError(
                f"line {number + 1} would be more than a kilometre long",
                do="give the unit that belongs to this ink",
            )
        top, bottom = np.quantile(placed[:, 1], [0.03, 0.97])
        row = max(row, floor - float(top))
        floor = row + float(bottom)
        placed[:, 1] += row
        strokes += np.split(placed, np.cumsum(ink.lengths)[:-1])

    everything = np.concatenate(strokes) if strokes else np.zeros((1, 2))
    low, high = everything.min(axis=0), everything.max(axis=0)
    edge = margin_mm + pen_mm / 2
    width, height = (high - low) + 2 * edge
    return Page(float(width) + DOT_MM, float(height), [stroke - low + edge for stroke in strokes])
