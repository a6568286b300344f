"""A page that writes itself: an SVG with animations and no script in it."""

from __future__ import annotations

import math

from hwkit.errors import InputError
from hwkit.layout import Page
from hwkit.render.inkml import READING_MS, times
from hwkit.render.svg import SVG, decimal, drawing, serialised


def animation(page: Page, *, seconds: float | None = None) -> bytes:
    """The page's SVG, each stroke drawn in its turn, once, as fast as the pen was, or in `seconds` in all.

    Where animations are not shown (a plotter, a print) all ink is there from the start. Raises InputError
    as `svg` does, and where the seconds are not a positive number.
    """
    from lxml import etree

    if seconds is not None and not (math.isfinite(seconds) and seconds > 0):
        raise InputError(f"nothing is written in {seconds} seconds", do="give a positive number")
    root, paths = drawing(page)
    starts = times(page.strokes)
    lasts = [READING_MS * max(len(stroke) - 1, 1) for stroke in page.strokes]
    whole = starts[-1] + lasts[-1] if starts else 0
    pace = 0.001 if seconds is None else seconds / max(whole, 1)  # seconds for a ms of the pen
    for path, start, last in zip(paths, starts, lasts, strict=True):
        begin, length = f"{decimal(start * pace)}s", f"{decimal(max(last * pace, 0.001))}s"
        path.set("pathLength", "1")
        if start:
            etree.SubElement(
                path, f"{{{SVG}}}set", attributeName="visibility", to="hidden", begin="0s", end=begin
            )
        # One dash grows from nothing to the stroke's length, the gap behind it is longer than what is left;
        # afterwards the stroke has no dashes, as before.
        etree.SubElement(
            path,
            f"{{{SVG}}}animate",
            {"attributeName": "stroke-dasharray", "from": "0 2", "to": "1 2", "begin": begin, "dur": length},
        )
    return serialised(root)
