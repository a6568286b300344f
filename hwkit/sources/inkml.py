"""InkML, the W3C's format for ink (2011), with times, channels, and a line of ink for each text.

Lines are the outermost elements that say a text in an annotation (`hwkit.render.inkml.TEXTS`), or a name in
hwkit's own "line-id"; or else the whole file. Of a point are kept X, Y, T (times; milliseconds where the file
does not say) and all other numbers as channels: F is "pressure", OA "azimuth", OE "altitude", OTx "tilt-x",
OTy "tilt-y", others have their own names. Traces of a pen in the air, and what trace views tell, are not kept.

Written is a trace group a line, with its text, name, form, split and scale as annotations.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwkit.errors import InkError, InputError
from hwkit.ink import Ink, Sample
from hwkit.sources.source import PARTS, Remark, Sink, Source, content_of, name_of

if TYPE_CHECKING:
    from lxml.etree import _Element

LARGEST = 64 << 20
NAMES = {"F": "pressure", "OA": "azimuth", "OE": "altitude", "OTx": "tilt-x", "OTy": "tilt-y"}
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ID = "line-id"
"""The type of annotation that names a line; beside it hwkit writes "form", "split" and "scale"."""

VALUE = re.compile(r"\s*([!'\"]?)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|#[0-9A-Fa-f]+|[TF*?])", re.ASCII)
UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold; and a carriage return, which it gives back as a line feed."""


@dataclass(frozen=True)
class Format:
    """The channels of a trace."""

    names: tuple[str, ...] = ("X", "Y")  # the intermittent ones last
    regular: int = 2  # how many of them every point has
    down: bool = True  # whether y grows downward
    second: float = 1e-3  # of T

    @classmethod
    def of(cls, element: _Element) -> Format:
        """The format that a traceFormat describes. Raises InputError where it has no X or Y."""
        channels = [child for child in element.iter() if _tag(child) == "channel"]
        channels.sort(key=lambda c: _tag(c.getparent()) == "intermittentChannels")  # stable
        names = tuple(channel.get("name", "") for channel in channels)
        regular = sum(_tag(c.getparent()) != "intermittentChannels" for c in channels)
        if not {"X", "Y"} <= set(names[:regular]) or len(set(names)) < len(names):
            raise InputError("the InkML's trace format has no channels X and Y, or one twice")
        of = dict(zip(names, channels, strict=True))
        units = of["T"].get("units", "ms") if "T" in of else "ms"
        if units not in SECONDS:
            raise InputError(f"the InkML counts time in {units!r}", do=f"give {', '.join(SECONDS)}")
        return cls(names, regular, of["Y"].get("orientation") != "-ve", SECONDS[units])


def recognises(file: Path, start: bytes) -> bool:
    """XML with an ink element near its beginning."""
    begins = start.lstrip(b"\xef\xbb\xbf \t\r\n")
    return begins.startswith(b"<") and re.search(rb"<(\w+:)?ink[\s>]", begins) is not None


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The lines of an InkML file, in its order."""
    from hwkit.render.inkml import TEXTS
    from hwkit.render.xml import parsed

    root = parsed(content_of(file, LARGEST), "InkML")
    if _tag(root) != "ink":
        raise InputError(f"this is no InkML: it begins with <{_tag(root)}>, not with <ink>")
    formats = {Format.of(element) for element in root.iter() if _tag(element) == "traceFormat"}
    if len(formats) > 1:
        raise InputError("the InkML has traces of several formats", do="save each in a file of its own")
    form = formats.pop() if formats else Format()
    kinds = {(e.get("type") or "").lower() for e in root.iter() if _tag(e) == "annotation"}
    kind = next((kind for kind in TEXTS if kind in kinds), "text")
    lines = list(_lines(root, kind)) or [root]
    _remark_lost(root, lines, file, remark)
    for number, element in enumerate(lines, 1):
        made_up = name_of(file, number if len(lines) > 1 else None)
        try:
            sample = _sample(element, kind, form, made_up, remark)
        except InputError as error:
            if len(lines) == 1:
                raise
            remark(made_up, "skipped", f"{file.name}: {error.row or 'line'}: {error.what}")
            continue
        yield sample


def _lines(element: _Element, kind: str) -> Iterator[_Element]:
    """The outermost elements with a text or a name."""
    if _annotations(element).keys() & {kind, ID}:
        yield element
        return
    for child in element:
        if _tag(child) in ("traceGroup", "trace"):
            yield from _lines(child, kind)


def _remark_lost(root: _Element, lines: Sequence[_Element], file: Path, remark: Remark) -> None:
    """Says what of the file is in no line."""
    lost = []
    inside = {trace for line in lines for trace in line.iter() if _tag(trace) == "trace"}
    traces = [element for element in root.iter() if _tag(element) == "trace"]
    if hovering := sum(trace.get("type", "penDown") != "penDown" for trace in traces):
        lost.append(f"traces of a pen in the air: {hovering}")
    if strangers := sum(trace not in inside for trace in traces):
        lost.append(f"traces that no text belongs to: {strangers}")
    if views := sum(_tag(element) == "traceView" for element in root.iter()):
        lost.append(f"trace views: {views}")
    if lost:
        remark(file.name, "not-kept", "; ".join(lost))


def _sample(element: _Element, kind: str, form: Format, made_up: str, remark: Remark) -> Sample:
    """The line of ink in an element. Raises InkError, saying why, where it cannot be used."""
    traces = [element] if _tag(element) == "trace" else [e for e in element.iter() if _tag(e) == "trace"]
    tables = []
    for number, trace in enumerate(traces, 1):
        if trace.get("type", "penDown") == "penDown" and (trace.text or "").strip():
            tables.append(_values(trace.text or "", form, f"trace {number}"))
    if not tables:
        raise InkError("the InkML has no ink in it")
    table = np.concatenate(tables)
    of = {name: table[:, place] for place, name in enumerate(form.names)}
    points = np.column_stack([of.pop("X"), of.pop("Y") * (1.0 if form.down else -1.0)])
    times = of.pop("T", np.array([np.nan])) * form.second
    channels = {NAMES.get(name, name): v for name, v in of.items() if not np.isnan(v).all()}
    said = _annotations(element)
    name = said.get(ID, made_up)
    if np.isnan(times).any() and not np.isnan(times).all():
        remark(name, "not-kept", "times, for some points have none")
    lengths = np.array([len(t) for t in tables], np.int64)
    ink = Ink(points, lengths, None if np.isnan(times).any() else times, channels)
    try:
        scale = float(said.get("scale", "1"))
    except ValueError as error:
        raise InkError(f"the scale is {said['scale'][:30]!r}") from error
    if not 0 < scale < np.inf:
        raise InkError(f"the scale is {scale}")
    return Sample(name, ink, said.get(kind), said.get("form", ""), said.get("split", ""), scale)


def _annotations(element: _Element) -> dict[str, str]:
    """What an element says of itself, by type; several of a type are lines of it."""
    found: dict[str, str] = {}
    for child in element:
        if _tag(child) == "annotation":
            name, text = (child.get("type") or "").lower(), child.text or ""
            found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def _values(text: str, form: Format, row: str) -> Any:
    """The values (n, channels) of a trace: plain or as differences, NaN where there is none.

    Each value may say how it and those after it in its channel are to be read: ! as they are, ' as
    differences, " as differences of differences (InkML, 3.2.1). * repeats the value before, ? is none.
    """
    count = len(form.names)
    kinds, now, speed = ["!"] * count, [np.nan] * count, [0.0] * count
    rows = []
    for point in text.strip().strip(",").split(","):
        at, place = 0, 0
        values = [np.nan] * count
        while point[at:].strip():
            match = VALUE.match(point, at)
            if match is None or place == count:
                raise InkError(f"{point.strip()[:30]!r} is no point of ink", row=row)
            at, kind, told = match.end(), match[1] or kinds[place], match[2]
            kinds[place] = kind
            if told in ("T", "F"):
                now[place] = float(told == "T")
            elif told not in ("*", "?"):
                number = float(int(told[1:], 16)) if told[0] == "#" else float(told)
                if kind == "!":
                    now[place] = number
                else:
                    speed[place] = number + (speed[place] if kind == '"' else 0.0)
                    now[place] += speed[place]
            values[place] = np.nan if told == "?" else now[place]
            place += 1
        if place < form.regular:
            raise InkError(f"{point.strip()[:30]!r} has {place} values, expected {form.regular}", row=row)
        rows.append(values)
    table = np.array(rows, np.float64)
    xy = table[:, [form.names.index("X"), form.names.index("Y")]]
    if not np.isfinite(xy).all():
        raise InkError("a coordinate is missing or not finite", row=row)
    return table


def _tag(element: Any) -> str:
    """The name without its name space; comments and nothing have none."""
    return element.tag.rpartition("}")[2] if element is not None and isinstance(element.tag, str) else ""


def encode(samples: Sequence[Sample]) -> bytes:
    """InkML. Raises InputError for a line without a point, and for characters that XML cannot hold."""
    from lxml import etree

    from hwkit.render.inkml import INKML

    def add(parent: _Element, tag: str, text: str | None = None, **attributes: str) -> _Element:
        child = etree.SubElement(parent, f"{{{INKML}}}{tag}", attributes)
        child.text = text
        return child

    timed = any(sample.ink.times is not None for sample in samples)
    channels = sorted({name for sample in samples for name in sample.ink.channels})
    foreign = {theirs: ours for ours, theirs in NAMES.items()}
    default: Any = {None: INKML}  # a name space without a prefix, which lxml-stubs leave out
    root = etree.Element(f"{{{INKML}}}ink", nsmap=default)
    form = add(root, "traceFormat")
    for name in ("X", "Y"):
        add(form, "channel", name=name, type="decimal", units="dev")
    if timed:
        add(form, "channel", name="T", type="decimal", units="s")
    for name in channels:
        theirs = foreign.get(name, name)
        if theirs in ("X", "Y", "T") or (theirs in NAMES and theirs == name) or not theirs.strip():
            raise InputError(
                f"InkML cannot hold a channel of the name {name!r}", do=f"leave it out with --drop {name}"
            )
        add(form, "channel", name=_fit(theirs, name), type="decimal", units="dev")
    for sample in samples:
        ink = sample.ink
        if not len(ink):
            raise InputError("there is no point in it", row=sample.id)
        group = add(root, "traceGroup")
        if sample.text is not None:
            add(group, "annotation", _fit(sample.text, sample.id), type="text")
        parts = {ID: sample.id, "form": sample.form, "split": sample.split}
        for kind, value in parts.items():
            if value:
                add(group, "annotation", _fit(value, sample.id), type=kind)
        if sample.scale != 1.0:
            add(group, "annotation", repr(sample.scale), type="scale")
        columns = [*ink.points.T]
        if timed:
            columns.append(np.full(len(ink), np.nan) if ink.times is None else ink.times)
        columns += [ink.channels.get(name, np.full(len(ink), np.nan)) for name in channels]
        for part in np.split(np.column_stack(columns), np.cumsum(ink.lengths)[:-1]):
            add(group, "trace", ", ".join(" ".join(map(_number, row)) for row in part.tolist()))
    content: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return content


def _number(value: float) -> str:
    """All of a number's digits; ? for none."""
    return (
        "?"
        if np.isnan(value)
        else str(int(value))
        if value.is_integer() and abs(value) < 2**53
        else repr(value)
    )


def _fit(text: str, row: str) -> str:
    if UNFIT.search(text):
        raise InputError("XML cannot hold a character of its text or name", row=repr(row))
    return text


SOURCE = Source("inkml", (".inkml",), read, recognises)
SINK = Sink("inkml", (".inkml",), frozenset({*PARTS, "channels"}), encode)
