"""UNIPEN 1.0: a file of pen streams, and what is written in them (Guyon et al., ICPR 1994).

    .COORD X Y T
    .SEGMENT WORD 0-2 OK "hello"
    .PEN_DOWN
    100 200 0
    110 210 10
    .PEN_UP

A line of ink is a segment of the level nearest to a line that has labels (LEVELS), or the whole file where
there is none. Its delineation counts streams from 0, of pens down and up alike, and points in them
("0:3-2:7,4"); "?" goes to the next segment of the level. y grows upward and is turned over. T is milliseconds,
P "pressure", other coordinates keep their names. A form is the writer (.WRITER_ID). Streams of a pen in the
air, other levels' labels, and files named by .INCLUDE are not kept.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hwkit.errors import InkError, InputError
from hwkit.ink import Floats, Ink, Sample
from hwkit.sources.source import Remark, Source, content_of, name_of

LARGEST = 64 << 20
LEVELS = ("LINE", "SENTENCE", "PHRASE", "TEXT", "WORD", "CHARACTER", "DIGIT")
NAMES = {"P": "pressure"}
STREAMS = ("PEN_DOWN", "PEN_UP")
KEYWORD = re.compile(r"\.([A-Z_]+)\b[ \t]*(.*)")
SEGMENT = re.compile(r'(\S+)(?:\s+(\S+))?(?:\s+([^"\s]\S*))?\s*(?:"(.*)")?\s*', re.DOTALL)
PART = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}))?(?:-([0-9]{1,9})(?::([0-9]{1,9}))?)?", re.ASCII)


class Stream(NamedTuple):
    """The points of one .PEN_DOWN or .PEN_UP."""

    down: bool
    table: Floats  # (n, coordinates)


class Segment(NamedTuple):
    """What is written in some streams."""

    level: str
    where: str
    label: str | None
    stream: int  # the one that begins next after it


@dataclass
class _Contents:
    """What a file says."""

    coordinates: tuple[str, ...] = ("X", "Y")
    streams: list[Stream] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    writer: str = ""
    included: list[str] = field(default_factory=list)


def recognises(file: Path, start: bytes) -> bool:
    """UNIPEN's keywords at the beginning of lines."""
    return re.search(rb"^\.(VERSION|COORD|SEGMENT|PEN_DOWN|HIERARCHY)\b", start, re.MULTILINE) is not None


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The lines of a file, in the order of its segments."""
    contents = _contents(content_of(file, LARGEST))
    if not any(stream.down for stream in contents.streams):
        where = f"; its ink is in {contents.included[0]}" if contents.included else ""
        raise InputError(f"there is no .PEN_DOWN in it{where}", do="give the file with the ink")
    labels = Counter(segment.level for segment in contents.segments if segment.label is not None)
    level = next((level for level in (*LEVELS, *labels) if level in labels), None)
    segments = [segment for segment in contents.segments if segment.level == level]
    _remark_lost(contents, labels, level, file, remark)
    if level is None:
        yield _sample(_all(contents), None, contents, name_of(file))
        return
    for number, segment in enumerate(segments, 1):
        id = name_of(file, number)
        following = segments[number].stream if number < len(segments) else len(contents.streams)
        try:
            yield _sample(_delineated(segment, contents.streams, following), segment.label, contents, id)
        except InputError as error:
            remark(id, "skipped", f"{file.name}, segment {number}: {error.what}")


def _remark_lost(
    contents: _Contents, labels: Counter[str], level: str | None, file: Path, remark: Remark
) -> None:
    """Says what of the file is in no line."""
    lost = [f"labels of {other}: {count}" for other, count in labels.items() if other != level]
    if hovering := sum(not stream.down and len(stream.table) > 0 for stream in contents.streams):
        lost.append(f"streams of a pen in the air: {hovering}")
    if contents.included:
        lost.append(f"included files: {', '.join(contents.included[:5])}")
    if lost:
        remark(file.name, "not-kept", "; ".join(lost))


def _contents(content: bytes) -> _Contents:
    """Raises InputError, with the row, for what is no UNIPEN."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    found = _Contents()
    keyword, argument, begins = "", "", 0
    values: list[float] = []
    for number, row in enumerate([*text.splitlines(), ".END"], 1):
        match = KEYWORD.match(row)
        if match:
            _take(found, keyword, argument, values, f"line {begins}")
            keyword, argument, begins = match[1], match[2].strip(), number
            values = []
            if keyword in STREAMS:
                values += _numbers(argument, f"line {number}")
        elif keyword in STREAMS:
            values += _numbers(row, f"line {number}")
        else:
            argument += "\n" + row
    return found


def _numbers(row: str, place: str) -> list[float]:
    try:
        return [float(value) for value in row.split()]
    except ValueError as error:
        raise InputError(f"{row.strip()[:40]!r} is no point", row=place) from error


def _take(found: _Contents, keyword: str, argument: str, values: list[float], place: str) -> None:
    """Takes in a statement that is complete."""
    words = argument.split()
    if keyword == "COORD":
        if found.streams:
            raise InputError("the coordinates change within the file", row=place, do="give it in parts")
        if not {"X", "Y"} <= set(words) or len(set(words)) < len(words):
            raise InputError("the coordinates have no X or Y, or one twice", row=place)
        found.coordinates = tuple(words)
    elif keyword in STREAMS:
        width = len(found.coordinates)
        if len(values) % width:
            raise InputError(f"{len(values)} numbers are no points of {width}", row=place)
        found.streams.append(Stream(keyword == "PEN_DOWN", np.array(values, np.float64).reshape(-1, width)))
    elif keyword == "SEGMENT" and (match := SEGMENT.fullmatch(argument.strip())):
        found.segments.append(Segment(match[1], match[2] or "?", match[4], len(found.streams)))
    elif keyword == "SEGMENT":
        raise InputError(f"{argument.strip()[:40]!r} is no segment", row=place)
    elif keyword == "WRITER_ID":
        found.writer = argument.strip()
    elif keyword == "INCLUDE":
        found.included.append(argument.strip())


def _all(contents: _Contents) -> list[Floats]:
    return [stream.table for stream in contents.streams if stream.down]


def _delineated(segment: Segment, streams: list[Stream], following: int) -> list[Floats]:
    """The tables of the strokes of a segment. Raises InkError where it goes beyond the file."""
    if segment.where == "?":
        return [stream.table for stream in streams[segment.stream : following] if stream.down]
    tables = []
    for part in segment.where.split(","):
        match = PART.fullmatch(part)
        if match is None:
            raise InkError(f"{segment.where[:40]!r} is no delineation")
        first, last = int(match[1]), int(match[3] or match[1])
        if not first <= last < len(streams):
            raise InkError(f"{part} is beyond the {len(streams)} streams")
        for number in range(first, last + 1):
            stream = streams[number]
            begin = int(match[2] or 0) if number == first else 0
            # "3:5" alone is one point
            end_at = match[4] if match[3] else match[2]
            end = int(end_at) + 1 if number == last and end_at else len(stream.table)
            if stream.down:
                tables.append(stream.table[begin:end])
    return tables


def _sample(tables: list[Floats], text: str | None, contents: _Contents, id: str) -> Sample:
    tables = [table for table in tables if len(table)]
    if not tables:
        raise InkError("there is no point in it")
    table = np.concatenate(tables)
    of = {name: np.ascontiguousarray(table[:, place]) for place, name in enumerate(contents.coordinates)}
    points = np.column_stack([of.pop("X"), -of.pop("Y")]) + 0.0
    times = of.pop("T", None)
    channels = {NAMES.get(name, name): values for name, values in of.items()}
    lengths = np.array([len(table) for table in tables], np.int64)
    ink = Ink(points, lengths, None if times is None else times / 1000, channels)
    return Sample(id, ink, text, contents.writer)


SOURCE = Source("unipen", (".unipen", ".upn"), read, recognises)
