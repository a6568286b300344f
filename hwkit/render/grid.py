"""A grid of written lines, all at one size: rows and columns with labels, to compare."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink, median
from hwkit.layout import Page, Pen
from hwkit.render.plot import ACCENT, GREY, write
from hwkit.render.svg import serialised, svg

MARGIN, TITLE, HEAD, ROW, GAP = 6.0, 9.0, 6.0, 12.0, 6.0  # mm
LETTER = 1.75  # mm, of a label's letter, roughly
PEN = 0.35  # mm


class Cell(NamedTuple):
    """A line of the grid."""

    ink: Ink
    whole: bool = True  # False: it did not come to its end, and is marked


def grid(
    rows: Sequence[tuple[str, Sequence[Cell]]], columns: Sequence[str], *, unit: float, title: str = ""
) -> bytes:
    """An SVG: each row (label, a cell for each of the `columns`), at the scale where `unit` is 1 mm.

    Raises InputError where a row has not one cell a column, or there is none.
    """
    if not rows or not columns or any(len(cells) != len(columns) for _, cells in rows):
        raise InputError("rows and columns make no grid")
    note = LETTER * max(len(label) for label, _ in rows) + 4
    placed = [[_levelled(cell.ink, unit) for cell in cells] for _, cells in rows]
    wide = [
        max(max((float(s[:, 0].max()) for s in line[n]), default=0.0) for line in placed)
        for n in range(len(columns))
    ]
    wide = [max(w, LETTER * len(name)) for w, name in zip(wide, columns, strict=True)]
    starts = MARGIN + note + np.concatenate([[0.0], np.cumsum([w + GAP for w in wide])])
    width = float(starts[-1]) - GAP + MARGIN
    strokes: list[Floats] = []
    labels: list[tuple[float, float, str, float, str]] = [(MARGIN, MARGIN + 4, title, 4.0, GREY)]
    labels += [
        (float(x), MARGIN + TITLE + 3, name, 3.0, GREY) for x, name in zip(starts, columns, strict=False)
    ]
    y = MARGIN + TITLE + HEAD
    for (label, cells), line in zip(rows, placed, strict=True):
        up = max(max((-float(s[:, 1].min()) for s in cell), default=0.0) for cell in line)
        down = max(max((float(s[:, 1].max()) for s in cell), default=0.0) for cell in line)
        middle = y + max(up, ROW / 2)
        labels.append((MARGIN, middle + 1, label, 3.0, GREY))
        for x, cell, drawn in zip(starts, cells, line, strict=False):
            strokes += [stroke + np.array([float(x), middle]) for stroke in drawn]
            if not cell.whole:
                labels.append((float(x), middle + max(down, 3.0) + 2.5, "no end", 2.0, ACCENT))
        y = middle + max(down, ROW / 2) + 1.0
    page = Page(max(width, 60.0), y + MARGIN, strokes, (Pen(PEN),))
    return _labelled(svg(page), labels)


def _levelled(ink: Ink, unit: float) -> list[Floats]:
    """The strokes in mm, the left edge at 0, the median height at 0."""
    if not len(ink):
        return []
    corner = np.array([ink.points[:, 0].min(), median(ink.points[:, 1])])
    return [(stroke - corner) / unit for stroke in ink.strokes()]


def _labelled(drawn: bytes, labels: Sequence[tuple[float, float, str, float, str]]) -> bytes:
    """The SVG with (x, y, text, size, colour) in type on it."""
    from hwkit.render.xml import parsed

    root = parsed(drawn, "SVG")
    for x, y, text, size, colour in labels:
        write(root, x, y, text, size=size, colour=colour)
    return serialised(root)
