"""A sheet that shows ink to a person: every point, and every way of the pen in the air."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink
from hwkit.render.plot import ACCENT, GREY, Style, draw, write
from hwkit.render.svg import decimal, document, serialised

if TYPE_CHECKING:
    from lxml.etree import _Element

MARGIN_MM, LABEL_MM, GAP_MM = 8.0, 5.0, 4.0


def before_and_after(
    rows: Sequence[tuple[str, Ink, Ink]],
    *,
    width_mm: float = 297.0,
    tallest_mm: float = 60.0,
) -> bytes:
    """An SVG sheet: for each row (label, ink before, ink after) the label and both inks, one below the other.

    Every ink is drawn as wide as the sheet (or as high as `tallest_mm`): thin lines from point to point,
    a dot at each point, faint dashes where the pen is up. Characters of a label that cannot be printed
    are left out. Raises InputError where a measure leaves no room.
    """
    if not (2 * MARGIN_MM < width_mm < 1e6 and 0 < tallest_mm < 1e6):
        raise InputError(f"a sheet {width_mm:g} mm wide, with ink {tallest_mm:g} mm high, cannot be drawn")
    inner = width_mm - 2 * MARGIN_MM
    placed = [
        (label, [(name, ink, *_fitted(ink, inner, tallest_mm)) for name, ink in (("before", a), ("after", b))])
        for label, a, b in rows
    ]
    height = 2 * MARGIN_MM
    for _, both in placed:
        height += LABEL_MM + GAP_MM + sum(LABEL_MM + tall + GAP_MM for *_, tall in both)
    root = document(width_mm, height)
    draw(root, "rect", width=width_mm, height=height, fill="#ffffff")
    y = MARGIN_MM
    for label, both in placed:
        write(root, MARGIN_MM, y + 3.5, label, size=4.0)
        y += LABEL_MM + GAP_MM / 2
        for name, ink, strokes, tall in both:
            count = f"{name}: {_count(len(ink), 'point')}, {_count(len(ink.lengths), 'stroke')}"
            write(root, MARGIN_MM, y + 2.0, count, size=2.6, colour=GREY)
            y += LABEL_MM
            _draw_ink(root, [stroke + np.array([MARGIN_MM, y]) for stroke in strokes])
            y += tall + GAP_MM
        y += GAP_MM / 2
    return serialised(root)


def _fitted(ink: Ink, width: float, tallest: float) -> tuple[list[Floats], float]:
    """The strokes with their upper left corner at (0, 0), as large as fits, and their height, in mm."""
    if not len(ink):
        return [], 0.0
    points = ink.points / max(1.0, float(np.abs(ink.points).max()) / 1e100)  # so that no difference overflows
    points = points - points.min(axis=0)
    extent = points.max(axis=0)
    scale = min(width / max(extent[0], 1e-9), tallest / max(extent[1], 1e-9))
    return np.split(points * scale, np.cumsum(ink.lengths)[:-1]), float(extent[1] * scale)


def _draw_ink(root: _Element, strokes: Sequence[Floats]) -> None:
    if not strokes:
        return
    lines = " ".join(_polyline(stroke) for stroke in strokes)
    hops = " ".join(_polyline(np.stack([a[-1], b[0]])) for a, b in pairwise(strokes))
    # A segment of no length with round caps is a dot: one path for all, not an element a point.
    dots = " ".join(f"M {_pair(point)} h 0" for stroke in strokes for point in stroke)
    if hops:
        dashes: Style = {"stroke_dasharray": "0.8 0.8", "stroke_width": 0.12}
        draw(root, "path", d=hops, fill="none", stroke="#c4c4c4", **dashes)
    draw(root, "path", d=lines, fill="none", stroke="#000000", stroke_width=0.15, stroke_linejoin="round")
    draw(root, "path", d=dots, fill="none", stroke=ACCENT, stroke_width=0.6, stroke_linecap="round")


def _polyline(points: Floats) -> str:
    return "M " + " ".join(map(_pair, points))


def _pair(point: Floats) -> str:
    return f"{decimal(point[0])},{decimal(point[1])}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
