"""Quick, Draw!'s drawings, a JSON object a line, simplified or raw (Google, CC BY 4.0).

    {"word": "cat", "key_id": "5201136883597312", "drawing": [[[x0, x1, ...], [y0, y1, ...]], ...], ...}

A stroke of the raw files has a third list, milliseconds since the first point. y grows downward. The word is
what the player was asked to draw; it is taken for the drawing's text. Its country, its time stamp and whether
it was recognised are not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from hwkit.errors import InkError, InputError
from hwkit.ink import Ink, Sample
from hwkit.sources.source import Remark, Sink, Source, name_of, rows_of

LONGEST = 4 << 20  # bytes of a row; a raw drawing has some 20,000
OTHERS = ("countrycode", "recognized", "timestamp")

TERMS = """CC BY 4.0, Google

The drawings are of Quick, Draw! (https://quickdraw.withgoogle.com/data), made available by Google, Inc. under
the Creative Commons Attribution 4.0 International licence. What is made of them names that source.
"""


class Drawing(msgspec.Struct, omit_defaults=True):
    """A line of the file."""

    drawing: list[list[list[float]]]
    word: str | None = None
    key_id: str | int | None = None


def recognises(file: Path, start: bytes) -> bool:
    """A JSON object that has a drawing, in whatever order its keys stand."""
    return start.lstrip().startswith(b"{") and (b'"drawing"' in start or b'"key_id"' in start)


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The drawings of a file, in its order."""
    told = set()
    for number, row in rows_of(file, LONGEST):
        made_up = name_of(file, number)
        try:
            if row is None:
                raise InkError(f"it is longer than {LONGEST >> 20} MiB")
            sample = drawn(row, made_up)
        except InputError as error:
            remark(made_up, "skipped", f"{file.name}, line {number}: {error.what}")
            continue
        if extra := [name for name in OTHERS if name not in told and f'"{name}"'.encode() in row]:
            told.update(extra)
            remark(file.name, "not-kept", ", ".join(extra))
        yield sample


def drawn(content: bytes, made_up: str) -> Sample:
    """One drawing. Raises InkError, saying why, where it is none."""
    try:
        drawing = msgspec.json.decode(content, type=Drawing)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InkError(f"is no drawing ({error})") from error
    strokes, kinds = drawing.drawing, {len(stroke) for stroke in drawing.drawing}
    if not strokes:
        raise InkError("there is no stroke in it")
    if kinds not in ({2}, {3}):
        raise InkError("a stroke is not x and y, or x, y and time")
    for number, stroke in enumerate(strokes, 1):
        if len({len(values) for values in stroke}) != 1:
            raise InkError(f"stroke {number} has another number of x than of y or of times")
    columns = [np.array([v for stroke in strokes for v in stroke[n]], np.float64) for n in range(kinds.pop())]
    lengths = np.array([len(stroke[0]) for stroke in strokes], np.int64)
    times = columns[2] / 1000 if len(columns) == 3 else None
    ink = Ink(np.column_stack(columns[:2]), lengths, times)
    return Sample(made_up if drawing.key_id is None else str(drawing.key_id), ink, drawing.word)


def encode(samples: Sequence[Sample]) -> bytes:
    """Drawings as in the simplified files, but in their own size. Raises InputError for one without a point."""
    rows = []
    for sample in samples:
        if not len(sample.ink):
            raise InputError("there is no stroke in it", row=sample.id)
        strokes = [[_plain(stroke[:, axis].tolist()) for axis in (0, 1)] for stroke in sample.ink.strokes()]
        rows.append(msgspec.json.encode(Drawing(strokes, sample.text, sample.id)) + b"\n")
    return b"".join(rows)


def _plain(values: list[float]) -> list[float]:
    """Whole numbers without their point."""
    return [int(value) if value.is_integer() and abs(value) < 2**53 else value for value in values]


SOURCE = Source(
    "quickdraw",
    (".ndjson",),
    read,
    recognises,
    terms=TERMS,
    own=lambda sample: len(sample.id) == 16 and sample.id.isdecimal(),
)
SINK = Sink("quickdraw", (".ndjson",), frozenset({"text", "name", "lines"}), encode)
