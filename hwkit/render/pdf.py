"""Pages as a PDF of vector strokes.

Written here, for all that it takes is a page tree and a stream of curves: a library that does more would
cost a second at the start, and a minute for a long letter.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.layout import Page
from hwkit.render.curve import curves
from hwkit.render.pressure import outlines
from hwkit.render.svg import RULE_COLOUR, RULE_MM, decimal, guides, pairs

POINTS = 72 / 25.4  # PDF's unit, the point, is an inch's 72nd part
LARGEST_MM = 5080.0  # the largest side a page may have: 14,400 points


def pdf(pages: Sequence[Page], *, polyline: bool = False, pressure: bool = False) -> bytes:
    """The pages as PDF: the curves that `svg` draws, with round ends, in millimetres as they are on paper.

    The same pages give the same bytes: nothing in it tells the time. Raises InputError where there is no
    page, one is longer than LARGEST_MM, or as `svg` does.
    """
    if not pages:
        raise InputError("a PDF needs a page")
    # Objects 1 and 2 are the catalogue and the page tree, then come each page and its content.
    kids = " ".join(f"{3 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
    ]
    for n, page in enumerate(pages):
        if max(page.width_mm, page.height_mm) > LARGEST_MM:
            raise InputError(
                f"no side of a PDF's page may be longer than {LARGEST_MM:g} mm", do="give a page or a width"
            )
        box = f"0 0 {page.width_mm * POINTS:.4f} {page.height_mm * POINTS:.4f}"
        parts = f"/MediaBox [{box}] /Resources << >> /Contents {4 + 2 * n} 0 R"
        objects.append(f"<< /Type /Page /Parent 2 0 R {parts} >>".encode())
        stream = zlib.compress(_content(page, polyline, pressure).encode())
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%b\nendstream" % (len(stream), stream))
    file, places = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"), []
    for n, body in enumerate(objects):
        places.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (n + 1, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return bytes(
        file
        + b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(file))
    )


def _content(page: Page, polyline: bool, pressure: bool) -> str:
    """The operators that draw a page. A millimetre is the unit, y grows downward; ends and joins are round."""
    if polyline and pressure:
        raise InputError("straight lines have no pressure", do="choose one of polyline and pressure")
    drawn = [f"{POINTS:.8f} 0 0 {-POINTS:.8f} 0 {page.height_mm * POINTS:.4f} cm", "1 J 1 j"]
    for rule in guides(page):  # first, so that the ink covers them
        start, end = pairs(rule, " ")
        drawn.append(f"{_pen(RULE_COLOUR, RULE_MM)} {start} m {end} l S")
    if pressure:
        for number, contours in outlines(page):
            ways = " ".join(f"{_way(contour)} h" for contour in contours)
            drawn.append(f"{_colour(page.pens[number].colour)} rg {ways} f")
        return "\n".join(drawn)
    last = None
    for curve in curves(page):
        if curve.pen != last:
            pen, last = page.pens[curve.pen], curve.pen
            drawn.append(_pen(pen.colour, pen.width_mm))
        drawn.append(f"{_way(curve.beziers, polyline)} S")
    return "\n".join(drawn)


def _pen(colour: str, width_mm: float) -> str:
    return f"{_colour(colour)} RG {decimal(width_mm)} w"


def _colour(colour: str) -> str:
    return " ".join(decimal(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5))


def _way(beziers: Floats, straight: bool = False) -> str:
    """The operators of a way (segments, 4, 2) in micrometres."""
    start, *_ = pairs(beziers[0, :1], " ")
    if straight:
        return f"{start} m {' l '.join(pairs(beziers[:, 3], ' '))} l"
    rest = pairs(beziers[:, 1:].reshape(-1, 2), " ")
    bends = (f"{a} {b} {end} c" for a, b, end in zip(rest[::3], rest[1::3], rest[2::3], strict=True))
    return f"{start} m {' '.join(bends)}"
