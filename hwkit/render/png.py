"""An SVG as a PNG."""

from __future__ import annotations

import math
import re

from hwkit.errors import InputError
from hwkit.render.xml import parsed

MOST_PIXELS = 100_000_000
"""400 MB while it is drawn; an A4 page at 600 dots an inch has a third of it."""


def png(svg: bytes, *, dpi: int = 200, background: str | None = "#ffffff") -> bytes:
    """The SVG, whose width and height are in millimetres, drawn at `dpi` dots an inch on a background.

    Without a background the picture is transparent where there is no ink.

    Raises InputError where the SVG cannot be read or has no such size, the picture would have more than
    MOST_PIXELS, or the background is no colour.
    """
    import resvg_py

    if dpi < 1:
        raise InputError(f"nothing can be drawn at {dpi} dpi", do="give 1 or more")
    width, height = (side * dpi / 25.4 for side in _size(svg))
    if width * height > MOST_PIXELS:
        most = math.floor(dpi * math.sqrt(MOST_PIXELS / (width * height)))
        raise InputError(
            f"a picture of {width:.0f} by {height:.0f} pixels is larger than hwkit draws",
            do=f"give at most {most} dpi" if most else "draw it as SVG",
        )
    try:
        drawn = resvg_py.svg_to_bytes(
            svg_string=svg.decode(),
            dpi=float(dpi),
            background=background,
            skip_system_fonts=b"<text" not in svg,  # ink has no text, and looking for fonts takes a while
        )
    except ValueError as error:
        raise InputError(f"the SVG cannot be drawn on {background!r} ({error})") from error
    return bytes(drawn)


def _size(svg: bytes) -> tuple[float, float]:
    """Width and height in millimetres."""
    root = parsed(svg, "SVG")
    sides = [re.fullmatch(r"(\d+(?:\.\d+)?)mm", root.get(name, "")) for name in ("width", "height")]
    if sides[0] is None or sides[1] is None:
        raise InputError("the SVG does not say its width and height in mm")
    return float(sides[0][1]), float(sides[1][1])
