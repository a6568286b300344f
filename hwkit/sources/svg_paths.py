"""SVG: paths, lines and shapes of a drawing as one line of ink, in pixels of 96 an inch, y growing downward.

Each part of a path becomes a stroke and curves become short straight ways (see `hwkit.render.svg_reader`).
Written are straight ways through the points, a unit of the ink a pixel, for another program to read; the place
of the ink becomes its place in the picture. For a plotter or a page take `hwkit write` or `hwkit render`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink, Sample
from hwkit.sources.source import Remark, Sink, Source, content_of, name_of

LARGEST = 64 << 20


def recognises(file: Path, start: bytes) -> bool:
    """XML with an svg element near its beginning."""
    return start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"<svg" in start


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """One line of ink: all the drawing."""
    from hwkit.render.svg_reader import read_svg_strokes

    strokes = [_dot(stroke) for stroke in read_svg_strokes(content_of(file, LARGEST))]
    yield Sample(name_of(file), Ink.from_strokes(strokes))


def _dot(stroke: Floats) -> Floats:
    """A way from a point to itself is how SVG shows a dot."""
    return stroke[:1] if len(stroke) == 2 and (stroke[0] == stroke[1]).all() else stroke


def encode(samples: Sequence[Sample]) -> bytes:
    """One line of ink as SVG, an open path a stroke. Raises InputError where there is no point."""
    from lxml import etree

    from hwkit.render.svg import SVG

    (sample,) = samples
    points = sample.ink.points
    if not len(points):
        raise InputError("there is no point in it", row=sample.id)
    with np.errstate(over="ignore", invalid="ignore"):
        low, size = points.min(axis=0), np.maximum(np.ptp(points, axis=0), 1e-3)
        edge = 0.05 * size.max()
        (left, top), (width, height) = (low - edge).tolist(), (size + 2 * edge).tolist()
    if not np.isfinite([left, top, width, height]).all():
        raise InputError("its coordinates are too large for a picture", row=sample.id)
    default: Any = {None: SVG}  # a name space without a prefix, which lxml-stubs leave out
    root = etree.Element(f"{{{SVG}}}svg", nsmap=default)
    for name, value in [("width", repr(width)), ("height", repr(height))]:
        root.set(name, value)
    root.set("viewBox", f"{left!r} {top!r} {width!r} {height!r}")
    look = {"fill": "none", "stroke": "#000000", "stroke-width": f"{0.01 * size.max():.6g}"}
    group = etree.SubElement(
        root, f"{{{SVG}}}g", {**look, "stroke-linecap": "round", "stroke-linejoin": "round"}
    )
    for stroke in sample.ink.strokes():
        first, *others = [f"{x!r},{y!r}" for x, y in stroke.tolist()]
        etree.SubElement(group, f"{{{SVG}}}path", d=f"M {first} L {' '.join(others or [first])}")
    text: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return text


SOURCE = Source("svg", (".svg",), read, recognises)
SINK = Sink("svg", (".svg",), frozenset(), encode)
