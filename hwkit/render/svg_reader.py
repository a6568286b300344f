"""The ink of an SVG that somebody drew."""

from __future__ import annotations

import io
import re

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.render.xml import parsed

STEPS = 16
"""How many straight ways a curve becomes."""


def read_svg_strokes(content: bytes) -> list[Floats]:
    """The strokes (n, 2) of an SVG's paths, lines and other shapes, as its transforms place them.

    In the order of the file, in pixels (96 an inch), y growing downward; curves become STEPS straight ways
    each. What is hidden, text, pictures and the guide lines of hwkit's own pages are left out. Raises
    InputError, in one line, where the file is no SVG or has no ink in it.
    """
    import svgelements
    from lxml import etree

    root = parsed(content, "SVG")
    if not isinstance(root.tag, str) or root.tag.rpartition("}")[2] != "svg":
        raise InputError(f"this is no SVG: it begins with <{root.tag}>")
    strokes: list[Floats] = []
    try:
        # From the tree that was read with care, so without a DTD.
        drawn = svgelements.SVG.parse(io.BytesIO(etree.tostring(root)), reify=True)
        for shape in drawn.elements(lambda element: isinstance(element, svgelements.Shape)):
            if any(k.endswith("label") and re.fullmatch(r"\d+ rules", str(v)) for k, v in shape.values.items()):
                continue
            for part in svgelements.Path(shape).as_subpaths():
                points = _points(list(part))
                if len(points):
                    strokes.append(points)
    except InputError:
        raise
    # svgelements raises whatever happens to it on data that make no sense.
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise InputError(f"the SVG cannot be understood ({error or type(error).__name__})") from error
    if not strokes:
        raise InputError("the SVG has no ink in it", do="convert text to paths, and draw with paths or lines")
    return strokes


def _points(segments: list) -> Floats:  # type: ignore[type-arg]  # svgelements has no types
    import svgelements

    points = []
    for segment in segments:
        if isinstance(segment, svgelements.Curve | svgelements.Arc):
            points += [segment.point(t) for t in np.linspace(0, 1, STEPS + 1)[1:]]
        else:  # where the stroke begins, a line, or the line that closes a shape
            points.append(segment.end)
    stroke = np.array([(float(p.x), float(p.y)) for p in points if p is not None], np.float64).reshape(-1, 2)
    if not np.isfinite(stroke).all():
        raise InputError("a coordinate of the SVG is not finite")
    return stroke
