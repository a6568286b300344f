"""Pages as JSON lines of strokes, for a program of one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from hwkit.errors import InputError
from hwkit.layout import Page, Pen

FORMAT, VERSION = "hwkit-page", 1


class _Pen(msgspec.Struct, forbid_unknown_fields=True):
    width_mm: float
    colour: str
    name: str


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    """Before the strokes of a page."""

    format: str
    format_version: int
    page: int  # 1 is the first
    width_mm: float
    height_mm: float
    pens: list[_Pen]
    text: list[str]  # the rows of writing


class _Stroke(msgspec.Struct, forbid_unknown_fields=True):
    page: int
    pen: int  # 0 is the first of its page
    line: int | None  # its row of the text, 0 is the first
    points: list[tuple[float, float]]  # mm


def jsonl(pages: Sequence[Page]) -> bytes:
    """For each page a line that says what it is, then a line a stroke, in mm rounded to a micrometre.

    Raises InputError where a coordinate is not finite or the page's parts do not fit together.
    """
    lines: list[Any] = []
    for number, page in enumerate(pages, 1):
        pens = [_Pen(pen.width_mm, pen.colour, pen.name) for pen in page.pens]
        lines.append(_Header(FORMAT, VERSION, number, page.width_mm, page.height_mm, pens, list(page.text)))
        of_pen = page.of_pen or (0,) * len(page.strokes)
        rows = page.lines or (None,) * len(page.strokes)
        if not len(of_pen) == len(rows) == len(page.strokes):
            raise InputError(f"{len(page.strokes)} strokes do not fit the pens and lines given for them")
        for pen, row, stroke in zip(of_pen, rows, page.strokes, strict=True):
            if not len(stroke) or not np.isfinite(stroke).all():
                raise InputError("a stroke is empty or not finite", row=f"page {number}")
            rounded = (np.round(stroke, 3) + 0.0).tolist()  # no negative zero
            lines.append(_Stroke(number, int(pen), None if row is None else int(row), rounded))
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def read_jsonl(content: bytes) -> list[Page]:
    """The pages that `jsonl` wrote. Raises InputError, with the line, where they are something else."""
    headers: list[_Header] = []
    strokes: list[list[_Stroke]] = []
    for number, line in enumerate(content.splitlines(), 1):
        row = f"line {number}"
        try:
            entry = msgspec.json.decode(line)
            if isinstance(entry, dict) and "points" not in entry:
                header = msgspec.convert(entry, _Header)
                if (header.format, header.format_version) != (FORMAT, VERSION):
                    raise InputError("this is no page that this version of hwkit reads", row=row)
                if header.page != len(headers) + 1:
                    raise InputError(f"page {header.page} comes after page {len(headers)}", row=row)
                headers.append(header)
                strokes.append([])
            else:
                stroke = msgspec.convert(entry, _Stroke)
                if stroke.page != len(headers) or not stroke.points:
                    raise InputError("the stroke is empty or not of the page it stands on", row=row)
                if not 0 <= stroke.pen < len(headers[-1].pens):
                    raise InputError(f"there is no pen {stroke.pen}", row=row)
                if stroke.line is not None and not 0 <= stroke.line < len(headers[-1].text):
                    raise InputError(f"there is no line {stroke.line}", row=row)
                strokes[-1].append(stroke)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"this is no page of strokes ({error})", row=row) from error
    if not headers:
        raise InputError("there is no page in it", do="give what hwkit wrote as .jsonl")
    return [_page(header, of_page) for header, of_page in zip(headers, strokes, strict=True)]


def _page(header: _Header, strokes: Sequence[_Stroke]) -> Page:
    points = [np.array(stroke.points, np.float64) for stroke in strokes]
    if not all(np.isfinite(stroke).all() for stroke in points):
        raise InputError("a coordinate is not finite", row=f"page {header.page}")
    rows = [stroke.line for stroke in strokes if stroke.line is not None]
    if rows and len(rows) != len(strokes):
        raise InputError("some strokes have a line of the text and some have none", row=f"page {header.page}")
    return Page(
        header.width_mm,
        header.height_mm,
        points,
        pens=tuple(Pen(pen.width_mm, pen.colour, pen.name) for pen in header.pens),
        of_pen=tuple(stroke.pen for stroke in strokes),
        text=tuple(header.text),
        lines=tuple(rows),
    )
