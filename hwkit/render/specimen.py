"""A sheet of written lines with labels, in columns, for a person to look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink
from hwkit.layout import Page, Pen, unit_of
from hwkit.render.plot import ACCENT, GREY, write
from hwkit.render.svg import serialised, svg

MARGIN, TITLE, LABEL, ROW, NOTE, GAP = 6.0, 9.0, 6.5, 10.5, 8.0, 3.0  # mm
COLUMNS, COLUMN = 3, 122.0  # how many, and how wide their lines may be, mm
PEN = 0.4  # mm


class Row(NamedTuple):
    """A line of a block."""

    note: str  # before it, short
    ink: Ink
    whole: bool = True  # False: it broke off, and is marked


def sheet(blocks: Sequence[tuple[str, Sequence[Row]]], *, unit: float | None = None, title: str = "") -> bytes:
    """An SVG: each block (label, lines) under its label, one block below the other in COLUMNS columns.

    unit: as `lay_out` has it; all lines are drawn at one size, but those too wide for their column are
    made to fit. Raises InputError where there is no block.
    """
    if not blocks:
        raise InputError("a sheet needs a line")
    each = -(-len(blocks) // COLUMNS)
    columns = [blocks[start : start + each] for start in range(0, len(blocks), each)]
    width = len(columns) * (NOTE + COLUMN + MARGIN) + MARGIN
    tall = max(sum(LABEL + ROW * len(rows) + GAP for _, rows in column) for column in columns)
    height = TITLE + tall + 2 * MARGIN
    labels: list[tuple[float, float, str, float, str]] = [(MARGIN, MARGIN + 4, title, 4.0, GREY)]
    strokes: list[Floats] = []
    for n, column in enumerate(columns):
        left, y = MARGIN + n * (NOTE + COLUMN + MARGIN), MARGIN + TITLE
        for label, rows in column:
            labels.append((left, y + 3, label, 3.0, GREY))
            y += LABEL
            for note, ink, whole in rows:
                labels.append((left, y + ROW / 2 + 1, note, 2.8, GREY if whole else ACCENT))
                if not whole:
                    labels.append((left, y + ROW / 2 + 4, "no end", 2.0, ACCENT))
                strokes += _placed(ink, unit, np.array([left + NOTE, y + ROW / 2]))
                y += ROW
            y += GAP
    # Ink that is far too high stays on the page; that it does not fit is seen.
    edge = np.array([PEN, PEN])
    inside = [np.clip(stroke, edge, np.array([width, height]) - edge) for stroke in strokes]
    return _labelled(svg(Page(width, height, inside, (Pen(PEN),))), labels)


def _placed(ink: Ink, unit: float | None, at: Floats) -> list[Floats]:
    """The strokes in mm: the left edge and the median height of the ink at a point (2,)."""
    if not len(ink):
        return []
    points = ink.points - np.array([ink.points[:, 0].min(), np.median(ink.points[:, 1])])
    scale = min(1.0 / (unit or unit_of(ink)), COLUMN / max(float(points[:, 0].max()), 1e-9))
    return np.split(points * scale + at, np.cumsum(ink.lengths)[:-1])


def _labelled(drawn: bytes, labels: Sequence[tuple[float, float, str, float, str]]) -> bytes:
    """The SVG with (x, y, text, size, colour) in type on it."""
    from lxml import etree

    root = etree.fromstring(drawn, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    for x, y, text, size, colour in labels:
        write(root, x, y, text, size=size, colour=colour)
    return serialised(root)
