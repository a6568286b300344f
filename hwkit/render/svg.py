"""A page as the SVG that a plotter takes: one user unit is a millimetre, one path a stroke."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.layout import Page
from hwkit.render.curve import curves, micrometres
from hwkit.render.pressure import outlines

if TYPE_CHECKING:
    from lxml.etree import _Element

SVG = "http://www.w3.org/2000/svg"
INKSCAPE = "http://www.inkscape.org/namespaces/inkscape"

RULE_MM, RULE_COLOUR = 0.2, "#b8cce4"
"""Guide lines: thin and pale, so that they stay behind the ink."""


def svg(page: Page, *, polyline: bool = False, pressure: bool = False) -> bytes:
    """The page as SVG: ink alone, one open path a stroke in the order of writing, in a layer for each pen.

    Smooth curves pass through every point, rounded to a micrometre (see `curves`); `polyline` goes straight
    from point to point instead. Ink plus half the pen lies inside the viewBox. Guide lines have a layer of
    their own, numbered after the inks, below them. `pressure` draws strokes whose width follows the pen's
    speed, as filled outlines, which a plotter has no use for.

    Raises InputError where a coordinate is not finite or lies too near the edge for its pen, or polyline
    and pressure are asked for together.
    """
    return serialised(drawing(page, polyline=polyline, pressure=pressure)[0])


def drawing(page: Page, *, polyline: bool = False, pressure: bool = False) -> tuple[_Element, list[_Element]]:
    """What `svg` writes, and the path of each of the page's strokes in it. Raises InputError as `svg` does."""
    from lxml import etree

    if polyline and pressure:
        raise InputError("straight lines have no pressure", do="choose one of polyline and pressure")
    shapes: list[tuple[int, str]] = []
    if pressure:
        shapes += [(pen, " ".join(_closed(shape) for shape in ring)) for pen, ring in outlines(page)]
    else:
        shapes += [(curve.pen, _open(curve.beziers, polyline)) for curve in curves(page)]

    root = document(page.width_mm, page.height_mm)
    if page.rules:  # first, so that the ink covers them; its number is the last
        layer = _layer(root, len(page.pens) + 1, "rules", _stroked(RULE_COLOUR, RULE_MM))
        for rule in guides(page):
            way = " L ".join(pairs(rule))
            etree.SubElement(layer, f"{{{SVG}}}path", {"d": f"M {way}", "fill": "none"})
    layers: dict[int, _Element] = {}
    for number in sorted({pen for pen, _ in shapes} or {0}):
        pen = page.pens[number]
        style = {"fill": pen.colour, "stroke": "none"} if pressure else _stroked(pen.colour, pen.width_mm)
        layers[number] = _layer(root, number + 1, pen.name, style)
    paths = []
    for number, way in shapes:
        # fill again, though the layer has it: a path that is taken out of its layer is still open ink.
        attributes = {"d": way} if pressure else {"d": way, "fill": "none"}
        paths.append(etree.SubElement(layers[number], f"{{{SVG}}}path", attributes))
    return root, paths


def guides(page: Page) -> list[Floats]:
    """The page's guide lines, each (2, 2), in whole micrometres, drawn on the page. Raises InputError."""
    edge = np.array([micrometres(page.width_mm), micrometres(page.height_mm)]) - RULE_MM * 500
    if not all(rule.shape == (2, 2) and np.isfinite(rule).all() for rule in page.rules):
        raise InputError("a guide line is not two points")
    return [np.clip(np.rint(rule * 1000), RULE_MM * 500, edge) for rule in page.rules]


def document(width_mm: float, height_mm: float) -> _Element:
    """An empty SVG of this size, with a viewBox in millimetres."""
    from lxml import etree

    width, height = (decimal(micrometres(side) / 1000) for side in (width_mm, height_mm))
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


def _layer(root: _Element, number: int, name: str, style: dict[str, str]) -> _Element:
    from lxml import etree

    # vpype reads all digits of a label as the layer's number, so the name may have none of its own.
    plain = " ".join("".join(c if c.isprintable() and not c.isnumeric() else " " for c in name).split())
    names = {f"{{{INKSCAPE}}}groupmode": "layer", f"{{{INKSCAPE}}}label": f"{number} {plain or 'ink'}"}
    return etree.SubElement(root, f"{{{SVG}}}g", names | style)


def _stroked(colour: str, width_mm: float) -> dict[str, str]:
    return {
        "fill": "none",
        "stroke": colour,
        "stroke-width": decimal(width_mm),
        "stroke-linecap": "round",
        "stroke-linejoin": "round",
    }


def _open(beziers: Floats, polyline: bool) -> str:
    """The path data of a stroke (segments, 4, 2) in micrometres."""
    start, *_ = pairs(beziers[0, :1])
    if polyline or len(beziers) == 1:
        return f"M {start} L {' '.join(pairs(beziers[:, 3]))}"
    return f"M {start} C {' '.join(pairs(beziers[:, 1:].reshape(-1, 2)))}"


def _closed(beziers: Floats) -> str:
    return f"{_open(beziers, polyline=False)} Z"


def pairs(points: Floats, between: str = ",") -> list[str]:
    """Points (n, 2) in whole micrometres, below a kilometre, as millimetres."""
    # Ten digits are more than there are, so each number comes out as short as `decimal` has it.
    return [f"{x:.10g}{between}{y:.10g}" for x, y in (points / 1000 + 0.0).tolist()]
