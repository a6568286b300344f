"""Pieces of ink side by side, as many in a row as fit: a sheet of what has no base line and no words."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink
from hwkit.layout import LARGEST_MM, Page, Pen

MARGIN_MM, GAP_MM = 8.0, 7.0


def flow(
    inks: Sequence[Ink],
    *,
    unit: float,
    unit_mm: float = 1.6,
    width_mm: float = 280.0,
    pen: Pen | None = None,
) -> Page:
    """A page of pieces in rows, all at one scale: `unit` of the ink becomes `unit_mm`.

    A piece that is wider than a row is made smaller until it fits. The page is `width_mm` wide, or narrower
    where all stand in one row, and as high as its rows. Raises InputError where a measure makes no sense, or
    nothing is to be drawn.
    """
    pen, inner = pen or Pen(), width_mm - 2 * MARGIN_MM
    if not (unit > 0 and 0 < unit_mm < LARGEST_MM and 0 < inner < LARGEST_MM and math.isfinite(unit)):
        raise InputError(f"a sheet {width_mm:g} mm wide with a unit of {unit_mm:g} mm cannot be drawn")
    strokes: list[Floats] = []
    x, y, tall, widest, placed = MARGIN_MM, MARGIN_MM, 0.0, 0.0, 0
    for ink in inks:
        if not len(ink):
            continue
        low, extent = ink.points.min(axis=0), np.ptp(ink.points, axis=0)
        scale = min(unit_mm / unit, inner / max(float(extent[0]), 1e-9))
        width, height = (extent * scale).tolist()
        if placed and x + width > MARGIN_MM + inner * (1 + 1e-9):
            x, y, tall = MARGIN_MM, y + tall + GAP_MM, 0.0
        if not y + height < LARGEST_MM:
            raise InputError("the sheet would not end", do="ask for fewer pieces, or a smaller --size")
        strokes += [(stroke - low) * scale + np.array([x, y]) for stroke in ink.strokes()]
        x, tall, widest, placed = x + width + GAP_MM, max(tall, height), max(widest, x + width), placed + 1
    if not placed:
        raise InputError("there is no ink to draw")
    return Page(widest + MARGIN_MM, y + tall + MARGIN_MM, strokes, (pen,))
