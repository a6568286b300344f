"""Small charts as SVG: lines, a histogram, and the soft window as a picture of heat."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hwkit.errors import InputError
from hwkit.render.svg import SVG, decimal, document, serialised

if TYPE_CHECKING:
    from lxml.etree import _Element

ACCENT, BLACK, GREY, PALE = "#c2410c", "#000000", "#6b6b6b", "#e4e4e4"
FONTS = "DejaVu Sans, Liberation Sans, Arial, Helvetica, sans-serif"
STYLES = [(ACCENT, ""), (BLACK, ""), (GREY, ""), (ACCENT, "2 1"), (BLACK, "2 1"), (GREY, "2 1")]

Style = dict[str, float | str]

WIDTH, HEIGHT = 160.0, 100.0  # mm, the whole picture
LEFT, TOP, RIGHT, BOTTOM = 22.0, 20.0, 152.0, 82.0  # mm, the chart's frame in it


def lines(series: Mapping[str, Sequence[tuple[float, float]]], *, title: str, x: str, y: str) -> bytes:
    """A line chart: each series is (x, y) points in the order drawn, named in a legend.

    Raises InputError where a number is not finite.
    """
    curves = {name: _finite(points, "a series").reshape(-1, 2) for name, points in series.items()}
    everything = np.concatenate([np.zeros((0, 2)), *curves.values()])
    low, high = (
        (everything.min(axis=0), everything.max(axis=0)) if len(everything) else (np.zeros(2), np.ones(2))
    )
    chart = _Chart(title, x, y, (low[0], high[0]), (low[1], high[1]))
    for number, (name, points) in enumerate(curves.items()):
        colour, dash = STYLES[number % len(STYLES)]
        style: Style = {
            "stroke": colour,
            "stroke_width": 0.5,
            "stroke_linejoin": "round",
            "stroke_linecap": "round",
        }
        if dash:
            style["stroke_dasharray"] = dash
        way = " ".join(f"{decimal(chart.x(px))},{decimal(chart.y(py))}" for px, py in points)
        if len(points):
            draw(chart.root, "path", d=f"M {way}" + (" h 0" if len(points) == 1 else ""), fill="none", **style)
        # The legend: three names a row above the frame.
        at, height = LEFT + number % 3 * 45, TOP - 6.5 + number // 3 * 4
        draw(chart.root, "path", d=f"M {at},{height} h 7", **style)
        write(chart.root, at + 9, height + 1, name)
    return serialised(chart.root)


def histogram(counts: Sequence[int], edges: Sequence[float], *, title: str, x: str) -> bytes:
    """Bars between `edges` (one more than `counts`, and growing). Raises InputError where they do not fit."""
    heights, sides = _finite(counts, "the counts"), _finite(edges, "the edges")
    if len(sides) != len(heights) + 1 or not len(heights) or (np.diff(sides) <= 0).any() or heights.min() < 0:
        raise InputError(f"{len(heights)} counts and {len(sides)} edges make no histogram")
    chart = _Chart(title, x, "count", (sides[0], sides[-1]), (0.0, max(1.0, float(heights.max()))))
    for height, start, end in zip(heights, sides[:-1], sides[1:], strict=True):
        at, wide = chart.x(start), chart.x(end) - chart.x(start)
        gap = min(0.2, wide / 8)
        top, size = chart.y(height), BOTTOM - chart.y(height)
        draw(chart.root, "rect", x=at + gap, y=top, width=wide - 2 * gap, height=size, fill=ACCENT)
    return serialised(chart.root)


def heat(matrix: NDArray[np.floating], *, row_labels: Sequence[str], title: str) -> bytes:
    """A matrix (rows, columns) of numbers from 0 up, as the soft window is: characters down, time across.

    The largest number is darkest. Raises InputError where the labels are not one a row, or a number is
    below 0 or not finite.
    """
    values = _finite(matrix, "the matrix")
    if values.ndim != 2 or len(row_labels) != len(values) or (values < 0).any():
        raise InputError(
            f"{len(row_labels)} labels and numbers of shape {values.shape} make no picture of heat"
        )
    rows, columns = values.shape
    tall = 3.2  # mm a row
    bottom = TOP + tall * rows
    root = document(WIDTH, bottom + 16)
    draw(root, "rect", width=WIDTH, height=bottom + 16, fill="#ffffff")
    write(root, LEFT, 8, title, size=4.2)
    wide = (RIGHT - LEFT) / max(columns, 1)
    levels = np.rint(16 * values / (values.max() if values.any() else 1.0)).astype(int)
    shades: dict[int, list[str]] = {}  # each shade is one path of all its runs of cells
    for row, cells in enumerate(levels):
        starts = np.append(np.flatnonzero(np.diff(cells, prepend=-1)), columns)
        for start, end in pairwise(starts):
            left, right = decimal(LEFT + wide * start), decimal(LEFT + wide * end)
            box = f"M {left},{decimal(TOP + tall * row)} H {right} v {tall} H {left} z"
            shades.setdefault(int(cells[start]), []).append(box)
        write(root, LEFT - 2, TOP + tall * (row + 0.75), row_labels[row], anchor="end")
    for shade in sorted(set(shades) - {0}):
        boxes = " ".join(shades[shade])
        draw(root, "path", d=boxes, fill=ACCENT, fill_opacity=shade / 16, shape_rendering="crispEdges")
    draw(
        root,
        "rect",
        x=LEFT,
        y=TOP,
        width=RIGHT - LEFT,
        height=tall * rows,
        fill="none",
        stroke=GREY,
        stroke_width=0.2,
    )
    for tick in (tick for tick in _ticks(0.0, float(max(columns, 1))) if tick <= columns):
        write(root, LEFT + wide * tick, bottom + 4.5, f"{tick:,.10g}", anchor="middle")
    write(root, (LEFT + RIGHT) / 2, bottom + 11, "step", anchor="middle")
    return serialised(root)


def draw(parent: _Element, tag: str, **attributes: float | str) -> _Element:
    """An SVG element; `_` in a name stands for `-`, numbers are rounded to three decimals."""
    from lxml import etree

    given = {k.replace("_", "-"): v if isinstance(v, str) else decimal(v) for k, v in attributes.items()}
    return etree.SubElement(parent, f"{{{SVG}}}{tag}", given)


def write(
    parent: _Element,
    x: float,
    y: float,
    text: str,
    *,
    size: float = 3.0,
    colour: str = BLACK,
    anchor: str = "start",
    **attributes: str,
) -> None:
    """Text in type, without the characters that cannot be printed (XML refuses some of them)."""
    style: Style = {"font_family": FONTS, "font_size": size, "fill": colour, "text_anchor": anchor}
    label = draw(parent, "text", x=x, y=y, **style, **attributes)
    label.text = "".join(c for c in text if c.isprintable())


class _Chart:
    """A frame with a title, named axes and round ticks; `x` and `y` place numbers in it."""

    def __init__(
        self, title: str, x: str, y: str, across: tuple[float, float], up: tuple[float, float]
    ) -> None:
        columns, rows = _ticks(*across), _ticks(*up)
        self.across = (min(across[0], columns[0]), max(across[1], columns[-1]))
        self.up = (min(up[0], rows[0]), max(up[1], rows[-1]))
        self.root = root = document(WIDTH, HEIGHT)
        draw(root, "rect", width=WIDTH, height=HEIGHT, fill="#ffffff")
        write(root, LEFT, 8, title, size=4.2)
        write(root, (LEFT + RIGHT) / 2, BOTTOM + 12, x, anchor="middle")
        middle = decimal((TOP + BOTTOM) / 2)
        write(root, 5, (TOP + BOTTOM) / 2, y, anchor="middle", transform=f"rotate(-90 5 {middle})")
        for value in rows:
            draw(root, "path", d=f"M {LEFT},{decimal(self.y(value))} H {RIGHT}", stroke=PALE, stroke_width=0.2)
            write(root, LEFT - 2, self.y(value) + 1, f"{value:,.10g}", anchor="end")
        for value in columns:
            draw(root, "path", d=f"M {decimal(self.x(value))},{BOTTOM} v 1.2", stroke=BLACK, stroke_width=0.2)
            write(root, self.x(value), BOTTOM + 5, f"{value:,.10g}", anchor="middle")
        draw(
            root, "path", d=f"M {LEFT},{TOP} V {BOTTOM} H {RIGHT}", fill="none", stroke=BLACK, stroke_width=0.2
        )

    def x(self, value: float) -> float:
        return LEFT + (RIGHT - LEFT) * float((value - self.across[0]) / (self.across[1] - self.across[0]))

    def y(self, value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * float((value - self.up[0]) / (self.up[1] - self.up[0]))


def _finite(numbers: ArrayLike, what: str) -> NDArray[np.float64]:
    values = np.asarray(numbers, np.float64)
    if not (np.abs(values) < 1e100).all():  # far beyond what a chart is for; NaN fails too
        raise InputError(f"{what} of a chart has a number that is not finite")
    return values


def _ticks(low: float, high: float) -> list[float]:
    """Four to nine round numbers that go from `low` or below to `high` or above; always two or more."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        middle, half = (low + high) / 2, max(abs(low), abs(high), 1.0) / 2
        low, high = middle - half, middle + half
    rough = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    step = power * next(m for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    return [n * step for n in range(math.floor(low / step + 1e-6), math.ceil(high / step - 1e-6) + 1)]
