"""A page as the SVG that a plotter takes: one user unit is a millimetre, one path a stroke."""

from __future__ import annotations

import re
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.layout import DOT_MM, Page

if TYPE_CHECKING:
    from lxml.etree import _Element

SVG = "http://www.w3.org/2000/svg"
INKSCAPE = "http://www.inkscape.org/namespaces/inkscape"


def svg(page: Page, *, pen_mm: float = 0.5, colour: str = "#000000") -> bytes:
    """The page as SVG: ink alone, one open path a stroke in the order of writing, in one pen's layer.

    Smooth curves pass through every point, rounded to a micrometre. The curves plus half the pen lie
    inside the viewBox. Raises InputError where a coordinate is not finite or lies too near the edge
    for this pen, or the colour is not #rrggbb.
    """
    from lxml import etree

    if not re.fullmatch(r"#[0-9a-fA-F]{6}", colour):
        raise InputError(f"{colour!r} is no colour", do="give six hexadecimal digits, such as #1a2b3c")
    measures = np.array([page.width_mm, page.height_mm, pen_mm])
    if not (np.isfinite(measures).all() and measures.min() >= 0.001 and measures[:2].min() >= pen_mm):
        width, height, _ = measures
        raise InputError(f"a page of {width:g} by {height:g} mm has no room for a pen of {pen_mm:g} mm")
    # Where the pen's centre may go, in whole micrometres: all that follows is exact.
    low = np.full(2, np.ceil(np.rint(pen_mm * 1000) / 2))
    high = np.array([_micrometres(page.width_mm), _micrometres(page.height_mm)]) - low

    root = document(page.width_mm, page.height_mm)
    layer = etree.SubElement(
        root,
        f"{{{SVG}}}g",
        {
            f"{{{INKSCAPE}}}groupmode": "layer",
            f"{{{INKSCAPE}}}label": "1 ink",
            "fill": "none",
            "stroke": colour,
            "stroke-width": decimal(pen_mm),
            "stroke-linecap": "round",
            "stroke-linejoin": "round",
        },
    )
    for number, stroke in enumerate(page.strokes):
        if not len(stroke) or not np.isfinite(stroke).all():
            raise InputError("the stroke is empty or not finite", row=f"stroke {number + 1}")
        points = np.rint(stroke * 1000)
        if (points < low - 1).any() or (points > high + 1).any():
            raise InputError(
                f"the ink lies nearer to the page's edge than half the pen, {pen_mm / 2:g} mm",
                row=f"stroke {number + 1}",
                do="lay the page out for this pen",
            )
        # fill again, though the layer has it: a path that is taken out of its layer is still open ink.
        etree.SubElement(layer, f"{{{SVG}}}path", {"d": _path(points, low, high), "fill": "none"})
    return serialised(root)


def document(width_mm: float, height_mm: float) -> _Element:
    """An empty SVG of this size, with a viewBox in millimetres."""
    from lxml import etree

    width, height = (decimal(_micrometres(side) / 1000) for side in (width_mm, height_mm))
    names: dict[Any, str] = {None: SVG, "inkscape": INKSCAPE}
    root = etree.Element(f"{{{SVG}}}svg", nsmap=names)
    root.set("width", f"{width}mm")
    root.set("height", f"{height}mm")
    root.set("viewBox", f"0 0 {width} {height}")
    return root


def serialised(root: _Element) -> bytes:
    """The document as UTF-8, one element a line."""
    from lxml import etree

    text: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return text


def decimal(value: float) -> str:
    """At most three decimals, no trailing zeros, no exponent, no negative zero."""
    text = f"{value:.3f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _micrometres(side_mm: float) -> int:
    """A side's length, rounded up but for what floating point adds."""
    return ceil(side_mm * 1000 - 1e-6)


def _path(points: Floats, low: Floats, high: Floats) -> str:
    """The path data of a stroke (n, 2) in micrometres; no control point leaves low to high."""
    moved = np.append(True, (np.diff(points, axis=0) != 0).any(axis=1))
    points = np.clip(points[moved], low, high)
    if len(points) == 1:
        step = DOT_MM * 1000 if points[0, 0] + DOT_MM * 1000 <= high[0] else -DOT_MM * 1000
        points = np.concatenate([points, np.clip(points + np.array([step, 0.0]), low, high)])
    if len(points) == 2:
        return f"M {_pair(points[0])} L {_pair(points[1])}"
    # A Bézier curve lies within the hull of its control points: clipping these keeps it on the page.
    after, before = (np.clip(np.rint(control), low, high) for control in _controls(points))
    curves = (f"{_pair(a)} {_pair(b)} {_pair(p)}" for a, b, p in zip(after, before, points[1:], strict=True))
    return f"M {_pair(points[0])} C {' '.join(curves)}"


def _controls(points: Floats) -> tuple[Floats, Floats]:
    """The inner Bézier points, (n - 1, 2) and (n - 1, 2), of the Catmull-Rom curve through `points` (n, 2).

    Centripetal (time runs with the root of the distance), as the one of the family that makes no loop
    or cusp between two points; neighbours must differ. The curve leaves its ends along the chord.
    """
    chords = np.diff(points, axis=0)  # (n - 1, 2)
    times = np.sqrt(np.hypot(chords[:, 0], chords[:, 1]))[:, None]  # (n - 1, 1)
    speeds = chords / times
    across = (chords[:-1] + chords[1:]) / (times[:-1] + times[1:])
    tangents = np.concatenate([speeds[:1], speeds[:-1] + speeds[1:] - across, speeds[-1:]])  # (n, 2)
    return points[:-1] + tangents[:-1] * times / 3, points[1:] - tangents[1:] * times / 3


def _pair(point: Floats) -> str:
    return f"{decimal(point[0] / 1000)},{decimal(point[1] / 1000)}"
