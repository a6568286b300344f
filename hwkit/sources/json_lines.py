"""Plain JSON: a line of ink a line of the file, for one's own programs; or one alone, as `hwkit write` takes.

    {"text": "hello", "strokes": [[[x, y], ...], ...],
     "id": "a01-000u-01", "form": "a01-000u", "split": "train", "scale": 1.0,
     "times": [[seconds, ...], ...], "channels": {"pressure": [[...], ...]}}

y grows downward. Only "strokes" must be there; "times" and each channel have the form of "strokes", with a
number a point (null: a channel was silent). What else a line says is remarked upon. The pages of `hwkit write
-o FILE.jsonl` are read too: their rows of writing, in mm.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from hwkit.errors import InkError, InputError
from hwkit.ink import Floats, Ink, Sample
from hwkit.sources.source import PARTS, Remark, Sink, Source, content_of, name_of, rows_of

LONGEST = 16 << 20  # bytes of a row; a line of handwriting has some 10,000
LARGEST = 64 << 20  # bytes of a page or a drawing
PAGE = b'"hwkit-page"'
FORMS = '{"text": ..., "strokes": [[[x, y], ...], ...]}'


class Line(msgspec.Struct, omit_defaults=True):
    """A line of ink as JSON."""

    strokes: list[list[tuple[float, float]]]
    text: str | None = None
    id: str | None = None
    form: str = ""
    split: str = ""
    scale: float = 1.0
    times: list[list[float]] | None = None
    channels: dict[str, list[list[float | None]]] = {}


def recognises(file: Path, start: bytes) -> bool:
    """An object that speaks of strokes, or a page of hwkit. bigbank's list has neither."""
    begins = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    return begins.startswith(b"{") and (b'"strokes"' in begins or PAGE in begins)


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The lines of a file of JSON lines, of a drawing, or of hwkit's pages."""
    with file.open("rb") as opened:
        start = opened.read(1 << 12)
    if PAGE in start.lstrip().partition(b"\n")[0]:
        yield from _pages(file, remark)
    elif (alone := _alone(file)) is not None:
        yield _sample(alone, name_of(file), file, remark)
    else:
        yield from _rows(file, remark)


def _rows(file: Path, remark: Remark) -> Iterator[Sample]:
    for number, row in rows_of(file, LONGEST):
        made_up = name_of(file, number)
        try:
            if row is None:
                raise InkError(f"it is longer than {LONGEST >> 20} MiB")
            sample = _sample(row.removeprefix(b"\xef\xbb\xbf"), made_up, file, remark)
        except InputError as error:
            remark(made_up, "skipped", f"{file.name}, line {number}: {error.what}")
            continue
        yield sample


def _alone(file: Path) -> bytes | None:
    """The content of a file that is one JSON object over several rows, or None."""
    if file.suffix.lower() != ".json":
        return None
    return content_of(file, LARGEST).removeprefix(b"\xef\xbb\xbf")


def _sample(content: bytes, made_up: str, file: Path, remark: Remark) -> Sample:
    """One line of ink. Raises InkError, saying why, where it is none."""
    try:
        raw = msgspec.json.decode(content)
        line = msgspec.convert(raw, Line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InkError(f"is no line of ink ({error})", do=f"give {FORMS}") from error
    if extra := sorted(raw.keys() - set(Line.__struct_fields__)):
        remark(line.id or made_up, "not-kept", f"{file.name}: {', '.join(extra)}")
    lengths = [len(stroke) for stroke in line.strokes]
    points = [point for stroke in line.strokes for point in stroke]
    if not points:
        raise InkError("there is no point in it")
    if not 0 < line.scale < np.inf:
        raise InkError(f"the scale is {line.scale}")
    table = np.array(points, np.float64).reshape(-1, 2)
    times = None if line.times is None else _column(line.times, lengths, "times")
    channels = {name: _column(values, lengths, name) for name, values in line.channels.items()}
    ink = Ink(table, np.array(lengths, np.int64), times, channels)
    return Sample(made_up if line.id is None else line.id, ink, line.text, line.form, line.split, line.scale)


def _column(values: Sequence[Sequence[float | None]], lengths: Sequence[int], name: str) -> Floats:
    """One number a point, (n,). Raises InkError where they do not fit the strokes."""
    if [len(stroke) for stroke in values] != list(lengths):
        raise InkError(f"{name} do not fit the strokes")
    return np.array([value for stroke in values for value in stroke], np.float64)


def _pages(file: Path, remark: Remark) -> Iterator[Sample]:
    from hwkit.render.jsonl import read_jsonl

    number = 0
    for place, page in enumerate(read_jsonl(content_of(file, LARGEST)), 1):
        if len(page.pens) > 1:
            remark(f"page {place}", "not-kept", f"{file.name}: its pens")
        rows = page.lines or (0,) * len(page.strokes)
        texts = list(page.text) if page.lines else ["\n".join(page.text) or None]
        for row, text in enumerate(texts):
            number += 1
            strokes = [stroke for stroke, of in zip(page.strokes, rows, strict=True) if of == row]
            if strokes:
                yield Sample(name_of(file, number), Ink.from_strokes(strokes), text)


def encode(samples: Sequence[Sample]) -> bytes:
    """JSON lines."""
    return b"".join(msgspec.json.encode(_line(sample)) + b"\n" for sample in samples)


def encode_drawing(samples: Sequence[Sample]) -> bytes:
    """One line of ink as a JSON object: what `hwkit write --style` takes."""
    (sample,) = samples
    return msgspec.json.encode(_line(sample)) + b"\n"


def _line(sample: Sample) -> Line:
    ink = sample.ink
    if not len(ink):
        raise InputError("there is no point in it", row=sample.id)
    edges = np.cumsum(ink.lengths)[:-1]

    def nested(values: Floats) -> list[Any]:
        return [part.tolist() for part in np.split(values, edges)]

    return Line(
        strokes=nested(ink.points),
        text=sample.text,
        id=sample.id,
        form=sample.form,
        split=sample.split,
        scale=sample.scale,
        times=None if ink.times is None else nested(ink.times),
        # msgspec writes NaN as null
        channels={name: nested(values) for name, values in ink.channels.items()},
    )


SOURCE = Source("jsonl", (".jsonl",), read, recognises)
SINK = Sink("jsonl", (".jsonl",), frozenset({*PARTS, "channels"}), encode)
DRAWING = Sink("json", (".json",), frozenset({*PARTS, "channels"} - {"lines"}), encode_drawing)
