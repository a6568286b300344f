"""Files of ink as rows to read: where a file says which strokes are a row, as it says, else by their place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink
from hwkit.reader.rows import rows

if TYPE_CHECKING:
    from lxml.etree import _Element

FORMATS = ("svg", "inkml", "json", "jsonl")


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """A row of writing, and what the file says that it says; None where it does not say so row by row."""

    ink: Ink
    text: str | None


class Drawing(msgspec.Struct, frozen=True):
    """Ink as JSON."""

    strokes: list[list[tuple[float, float]]]
    text: str | None = None


def read_rows(content: bytes, form: str) -> list[Row]:
    """The rows of a file, one of FORMATS, from top to bottom, page after page. y grows downward.

    JSON: {"text": ..., "strokes": [[[x, y], ...], ...]}; JSON lines: one of these a line, or the pages that
    hwkit writes. Guide lines are left out. Raises InputError for a file that is none of these or holds no ink.
    """
    if form == "svg":
        from hwkit.render.svg_reader import read_svg_strokes

        found = by_place(read_svg_strokes(content), None)
    elif form == "inkml":
        found = of_inkml(content)
    elif form in ("json", "jsonl"):
        found = of_json(content, form)
    else:
        raise InputError("is ink of an unknown format", do=f"give {', '.join(FORMATS)}")
    if not found:
        raise InputError("holds no ink")
    return found


def of_inkml(content: bytes) -> list[Row]:
    """The rows of an InkML file: its trace groups with a text each, where it has these."""
    from hwkit.render.inkml import read_inkml
    from hwkit.render.xml import parsed

    strokes, text = read_inkml(content)
    groups = _groups(parsed(content, "InkML"))
    if len(groups) != len(strokes) or None in groups:
        return by_place(strokes, text)
    found: dict[_Group, list[Floats]] = {}
    for stroke, group in zip(strokes, groups, strict=True):
        if group is not None:
            found.setdefault(group, []).append(stroke)
    return [_row(own, said) for (_, said), own in found.items()]


def of_json(content: bytes, form: str) -> list[Row]:
    """The rows of drawings, or of hwkit's own pages."""
    if b'"hwkit-page"' in content.lstrip().partition(b"\n")[0]:
        from hwkit.render.jsonl import read_jsonl

        found = []
        for page in read_jsonl(content):
            if page.lines:
                for number in dict.fromkeys(page.lines):
                    own = [s for s, line in zip(page.strokes, page.lines, strict=True) if line == number]
                    found.append(_row(own, page.text[number]))
            else:
                found += by_place(page.strokes, "\n".join(page.text))
        return found
    pieces = [line for line in content.splitlines() if line.strip()] if form == "jsonl" else [content]
    found = []
    for number, piece in enumerate(pieces, 1):
        try:
            drawing = msgspec.json.decode(piece, type=Drawing)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(
                f"is no drawing: {error}", row=f"line {number}" if form == "jsonl" else None,
                do='give {"text": ..., "strokes": [[[x, y], ...]]}',
            ) from error  # fmt: skip
        found += by_place([np.array(s, np.float64).reshape(-1, 2) for s in drawing.strokes], drawing.text)
    return found


def by_place(strokes: Sequence[Floats], text: str | None) -> list[Row]:
    """The rows that strokes stand in, with the lines of the text where there are as many."""
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not all(np.isfinite(stroke).all() for stroke in strokes):
        raise InputError("holds a coordinate that is no number")
    found = rows(strokes)
    lines = [line for line in (text or "").split("\n") if line.strip()]
    texts = lines if len(lines) == len(found) else [None] * len(found)
    return [_row([strokes[n] for n in row], said) for row, said in zip(found, texts, strict=True)]


def _row(strokes: Sequence[Floats], text: str | None) -> Row:
    return Row(Ink.from_strokes(strokes), text)


_Group = tuple[int, str]
"""The number of a trace group, and its text."""


def _groups(root: _Element) -> list[_Group | None]:
    """For each stroke of InkML the outermost group with a text around it; [] where the whole has one."""
    found: list[_Group | None] = []
    count = 0

    def visit(element: _Element, group: _Group | None) -> None:
        nonlocal count
        if (
            _tag(element) == "trace"
            and element.get("type", "penDown") == "penDown"
            and (element.text or "").strip()
        ):
            found.append(group)
        if group is None and _tag(element) == "traceGroup" and (said := _said(element)):
            group, count = (count, said[0]), count + 1
        for child in element:
            visit(child, group)

    if not _said(root):
        visit(root, None)
    return found


def _said(element: _Element) -> list[str]:
    """What an element of InkML says of itself that it says."""
    from hwkit.render.inkml import TEXTS

    own = [child for child in element if _tag(child) == "annotation"]
    return [child.text or "" for child in own if (child.get("type") or "").lower() in TEXTS]


def _tag(element: _Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
