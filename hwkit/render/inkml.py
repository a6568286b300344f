"""A page as InkML, the W3C's format for ink (2011), and the ink of other people's files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.layout import Page
from hwkit.render.svg import decimal, serialised
from hwkit.render.xml import parsed

if TYPE_CHECKING:
    from lxml.etree import _Element

INKML = "http://www.w3.org/2003/InkML"

READING_MS = 25
"""Between two points of a stroke."""

LIFT_MS, LIFT_MS_A_MM = 100, 2
"""How long a pen in the air takes to the next stroke: at the least, and for each millimetre of the way."""

TEXTS = ("text", "truth", "transcription", "label", "textline")
"""The types of annotation that say what is written, in the order of preference; case does not matter."""


def inkml(page: Page) -> bytes:
    """The page as InkML: traces of X and Y in mm (y grows downward, as the standard has it) and T in ms.

    Each row of writing is a trace group with its text as an annotation, each pen a brush. Raises InputError
    where a coordinate is not finite or the page's parts do not fit together.
    """
    from lxml import etree

    def add(parent: _Element, tag: str, text: str | None = None, **attributes: str) -> _Element:
        named = {
            k.replace("xml_id", "{http://www.w3.org/XML/1998/namespace}id"): v for k, v in attributes.items()
        }
        child = etree.SubElement(parent, f"{{{INKML}}}{tag}", named)
        child.text = text
        return child

    of_pen, rows = _per_stroke(page)
    default: Any = {None: INKML}  # a name space without a prefix, which lxml-stubs leave out
    root = etree.Element(f"{{{INKML}}}ink", nsmap=default)
    definitions = add(root, "definitions")
    for number, pen in enumerate(page.pens):
        brush = add(definitions, "brush", xml_id=f"pen{number + 1}")
        add(brush, "brushProperty", name="width", value=decimal(pen.width_mm), units="mm")
        add(brush, "brushProperty", name="color", value=pen.colour)
    channels = add(add(definitions, "context", xml_id="page"), "traceFormat")
    for name, kind, units in [("X", "decimal", "mm"), ("Y", "decimal", "mm"), ("T", "integer", "ms")]:
        add(channels, "channel", name=name, type=kind, units=units)
    add(root, "annotation", f"{decimal(page.width_mm)} x {decimal(page.height_mm)} mm", type="page")
    if not page.lines and page.text:
        add(root, "annotation", _plain("\n".join(page.text)), type="text")

    group, told = root, 0  # how many rows' texts are in the file
    for number, (stroke, begin) in enumerate(zip(page.strokes, times(page.strokes), strict=True)):
        if rows and (number == 0 or rows[number] != rows[number - 1]):
            if rows[number] < told:  # the pen comes back to a row that it had left
                group = add(root, "traceGroup", contextRef="#page")
            for text in page.text[told : rows[number] + 1]:
                group = add(root, "traceGroup", contextRef="#page")
                add(group, "annotation", _plain(text), type="text")
            told = max(told, rows[number] + 1)
        points = (
            f"{decimal(x)} {decimal(y)} {begin + n * READING_MS}" for n, (x, y) in enumerate(stroke.tolist())
        )
        reference = {} if rows else {"contextRef": "#page"}
        add(group, "trace", ", ".join(points), brushRef=f"#pen{of_pen[number] + 1}", **reference)
    if rows:
        for text in page.text[told:]:
            add(add(root, "traceGroup", contextRef="#page"), "annotation", _plain(text), type="text")
    return serialised(root)


def read_inkml(content: bytes) -> tuple[list[Floats], str | None]:
    """The strokes (n, 2) of an InkML file, y growing downward, in its own unit, and what they say.

    Takes the channels X and Y wherever they stand among others, plain or as differences, with or without
    the standard's namespace; passes over traces of a pen in the air. The text is that of the outermost
    annotations of one of TEXTS, a line for each; None where there is none. Raises InputError, in one line,
    for anything else.
    """
    root = parsed(content, "InkML")
    if _tag(root) != "ink":
        raise InputError(f"this is no InkML: it begins with <{_tag(root)}>, not with <ink>")
    formats = [_channels(element) for element in root.iter() if _tag(element) == "traceFormat"]
    if len(set(formats)) > 1:
        raise InputError("the InkML has traces of several formats", do="save each in a file of its own")
    channels = formats[0] if formats else Channels(0, 1, 2, 1)
    strokes = []
    for number, trace in enumerate(element for element in root.iter() if _tag(element) == "trace"):
        if trace.get("type", "penDown") == "penDown" and (trace.text or "").strip():
            strokes.append(_stroke(trace.text or "", channels, f"trace {number + 1}"))
    if not strokes:
        raise InputError("the InkML has no ink in it")
    kinds = {(e.get("type") or "").lower() for e in root.iter() if _tag(e) == "annotation"}
    kind = next((kind for kind in TEXTS if kind in kinds), None)
    return strokes, None if kind is None else "\n".join(_texts(root, kind))


def times(strokes: list[Floats]) -> list[int]:
    """When each stroke (n, 2) in mm begins, in ms."""
    begins, now = [], 0.0
    for number, stroke in enumerate(strokes):
        if number:
            now += LIFT_MS + LIFT_MS_A_MM * float(np.hypot(*(stroke[0] - strokes[number - 1][-1])))
        begins.append(round(now))
        now = begins[-1] + READING_MS * (len(stroke) - 1)
    return begins


class Channels(NamedTuple):
    """Where X and Y stand among a point's values, how many it must have, and which way Y grows."""

    x: int
    y: int
    least: int  # values beyond these are of intermittent channels, which may be left out
    down: int  # 1, or -1 where y grows upward


def _per_stroke(page: Page) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """For each stroke its pen and its row of the text, or no rows where these are not known."""
    of_pen = page.of_pen or (0,) * len(page.strokes)
    for numbers, count in [(of_pen, len(page.pens)), (page.lines, len(page.text))]:
        if numbers and (len(numbers) != len(page.strokes) or not 0 <= min(numbers) <= max(numbers) < count):
            raise InputError(f"{len(page.strokes)} strokes do not fit the pens and lines given for them")
    for number, stroke in enumerate(page.strokes):
        if not len(stroke) or not np.isfinite(stroke).all():
            raise InputError("the stroke is empty or not finite", row=f"stroke {number + 1}")
    return of_pen, page.lines


def _plain(text: str) -> str:
    """Text without the characters that XML cannot hold."""
    return re.sub("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "", text)


def _tag(element: _Element) -> str:
    """The name without its namespace; comments have none."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _channels(form: _Element) -> Channels:
    regular, everything = [], []
    for child in form.iter():
        if _tag(child) == "channel":
            everything.append(child)
            above = child.getparent()
            if above is None or _tag(above) != "intermittentChannels":
                regular.append(child)
    names = [child.get("name", "").upper() for child in everything]
    if "X" not in names[: len(regular)] or "Y" not in names[: len(regular)]:
        raise InputError("the InkML's trace format has no channels X and Y")
    x, y = names.index("X"), names.index("Y")
    return Channels(x, y, len(regular), -1 if everything[y].get("orientation") == "-ve" else 1)


VALUE = re.compile(r"\s*([!'\"]?)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|#[0-9A-Fa-f]+|[TF*?])")


def _stroke(text: str, channels: Channels, row: str) -> Floats:
    """The points (n, 2) of a trace: values, perhaps as differences, points between commas."""
    points = []
    kinds: dict[int, str] = {}  # for each channel how its values are to be read: until told otherwise
    values: dict[int, float] = {}
    speeds: dict[int, float] = {}
    for point in text.strip().strip(",").split(","):
        at, channel = 0, 0
        while point[at:].strip():
            match = VALUE.match(point, at)
            if match is None:
                raise InputError(f"{point.strip()[:30]!r} is no point of ink", row=row)
            at = match.end()
            kind = kinds[channel] = match[1] or kinds.get(channel, "!")
            if match[2] not in "TF*?":
                number = float(int(match[2][1:], 16)) if match[2][0] == "#" else float(match[2])
                if kind == "!":
                    values[channel] = number
                else:
                    speeds[channel] = number + (speeds.get(channel, 0.0) if kind == '"' else 0.0)
                    values[channel] = values.get(channel, 0.0) + speeds[channel]
            channel += 1
        if channel < min(channels.least, max(channels.x, channels.y) + 1):
            raise InputError(f"{point.strip()[:30]!r} has no value for X or Y", row=row)
        points.append((values.get(channels.x, np.nan), channels.down * values.get(channels.y, np.nan)))
    stroke = np.array(points, np.float64)
    if not np.isfinite(stroke).all():
        raise InputError("a coordinate is missing or not finite", row=row)
    return stroke


def _texts(element: _Element, kind: str) -> list[str]:
    """The annotations of a kind, of the outermost elements that have some."""
    children = [child for child in element if isinstance(child.tag, str)]
    own = [c.text or "" for c in children if _tag(c) == "annotation" and (c.get("type") or "").lower() == kind]
    return own or [text for child in children for text in _texts(child, kind)]
