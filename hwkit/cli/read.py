"""`hwkit read`: what ink says. Imports no torch, and HDF5 for datasets alone."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwkit.artifact import Artifact, Store
from hwkit.cli import find, show
from hwkit.errors import HwkitError, InputError

if TYPE_CHECKING:
    from hwkit.ink import Ink
    from hwkit.reader.reader import Reading

FORMATS = ("svg", "inkml", "json", "jsonl")


@dataclass(frozen=True, eq=False)
class Line:
    """A line to read."""

    source: str  # the file or artifact, as it was given
    name: str  # of the line in a dataset; else the number of the row
    ink: Ink
    text: str | None  # what the source says that it says
    of_dataset: bool = False


@click.command(
    epilog="Examples: hwkit read out.svg; hwkit read letter.inkml --places; "
    "cat letter.json | hwkit read - --format json; "
    "hwkit read data/artifacts/ingest/1a2b --split first-validation --lines 20"
)
@click.argument("inks", metavar="INK...", nargs=-1, required=True)
@click.option("--model", default="reader", show_default=True, metavar="MODEL", help="What reads.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), help="Of the files.  [default: as their names end]"
)
@click.option("--places", is_flag=True, help="Show each character, how sure it is, and where it stands.")
@click.option("--split", help="Of a dataset: only lines of this split.")
@click.option(
    "--lines", "count", type=click.IntRange(0), default=0, show_default=True,
    help="Of a dataset: so many, evenly chosen; 0: all.",
)  # fmt: skip
@show.habits
def read(
    inks: tuple[str, ...],
    model: str,
    form: str | None,
    places: bool,
    split: str | None,
    count: int,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Print what is written in INK: an SVG, InkML, JSON or JSON lines file, or - for standard input; a
    dataset (.h5) or an artifact of the store.

    Strokes are read in the order in which they were drawn; a picture (PNG, PDF) has none. A page is read row by
    row, from top to bottom. A dataset is read line by line, and what a line says of itself is shown beside what
    was read. A file that cannot be read is named, the others are read, and the exit code is 1.
    """
    from hwkit.reader.reader import Reader

    found = find.model(store, model)
    reader = Reader.open(found.path if isinstance(found, Artifact) else found)
    lines: list[Line] = []
    faults: list[HwkitError] = []
    for ink in inks:
        try:
            lines += lines_of(ink, form, split, count, store)
        except HwkitError as fault:
            if len(inks) == 1:
                raise
            faults.append(fault)
    with show.progress_bar(quiet, after=1.0) as progress:
        readings = reader.read_all([line.ink for line in lines], progress)
    for named_fault in faults:
        click.echo(f"hwkit: error: {show.plain(named_fault)}", err=True)
    if as_json:
        told = [summary(line, reading) for line, reading in zip(lines, readings, strict=True)]
        show.emit(True, {"model": model, "lines": told}, lambda: None)
    elif not quiet:
        draw(lines, readings, places, several=len(inks) > 1)
    if faults:
        raise HwkitError(f"{len(faults)} of {len(inks)} could not be read")


def lines_of(ink: str, form: str | None, split: str | None, count: int, store: Store) -> list[Line]:
    """The lines of a file, a dataset or an artifact. Raises InputError, with the file, where there are none."""
    suffix = Path(ink).suffix.lower().removeprefix(".")
    if ink == "-" or form or suffix in FORMATS:
        return lines_of_file(ink, form or suffix)
    if Path(ink).is_file() and suffix != "h5":
        raise InputError(
            "is ink of an unknown format", file=ink, do=f"give .h5 or {', '.join(FORMATS)}, or say --format"
        )
    if suffix == "h5" and not Path(ink).exists():
        raise InputError("cannot be read: No such file or directory", file=ink, do="check the path")
    return lines_of_dataset(ink, split, count, store)


def lines_of_file(ink: str, form: str) -> list[Line]:
    """The rows of a file, or of standard input for `-`."""
    from hwkit.reader.pages import read_rows

    if not form:
        raise InputError("standard input has no name that says its format", do="say --format")
    with named(ink):
        content = sys.stdin.buffer.read() if ink == "-" else Path(ink).read_bytes()
        return [Line(ink, str(n), row.ink, row.text) for n, row in enumerate(read_rows(content, form), 1)]


def lines_of_dataset(ink: str, split: str | None, count: int, store: Store) -> list[Line]:
    """The lines of a dataset by path, or in an artifact."""
    from hwkit.dataset import InkDataset

    found = find.ink(store, ink)
    dataset = InkDataset.open(found.file("ink.h5") if isinstance(found, Artifact) else found)
    rows = dataset.rows(split)
    if not rows:
        there = ", ".join(sorted({name for name in dataset.splits if name})) or "none"
        raise InputError(f"holds no lines of split {split!r}", file=ink, do=f"splits there: {there}")
    if 0 < count < len(rows):
        rows = [rows[n * len(rows) // count] for n in range(count)]
    samples = [dataset[row] for row in rows]
    return [Line(ink, sample.id, sample.ink, sample.text, True) for sample in samples]


@contextmanager
def named(ink: str) -> Iterator[None]:
    """Let errors name the file."""
    name = "standard input" if ink == "-" else ink
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=name, do="check the path") from error
    except InputError as error:
        raise type(error)(error.what, file=name, row=error.row, do=error.do) from error


def draw(lines: Sequence[Line], readings: Sequence[Reading], places: bool, *, several: bool) -> None:
    """Show what was read: of files the text alone, of datasets beside what is said."""
    if places:
        for line, reading in zip(lines, readings, strict=True):
            title = f"{line.source}, {line.name}: {reading.text}  (sure: {reading.confidence:.1%})"
            show.columns(title, ("character", "sure", "points", "x", "y"), place_rows(line, reading))
        return
    files = [(line, reading) for line, reading in zip(lines, readings, strict=True) if not line.of_dataset]
    for line, reading in files:
        click.echo(show.plain(f"{line.source}: {reading.text}" if several else reading.text))
    rows = [
        (
            line.name,
            line.text if line.text is not None else "(unknown)",
            reading.text,
            f"{reading.confidence:.1%}",
        )
        for line, reading in zip(lines, readings, strict=True)
        if line.of_dataset
    ]
    if rows:
        show.columns(f"{len(rows)} lines", ("line", "says", "read", "sure"), rows)


def place_rows(line: Line, reading: Reading) -> list[tuple[object, ...]]:
    """Each character with its points, and its box in the ink's own unit."""
    rows: list[tuple[object, ...]] = []
    for character in reading.characters:
        first, last = character.points
        own = line.ink.points[first:last]
        box = (
            [f"{low:.4g} to {high:.4g}" for low, high in zip(own.min(0), own.max(0), strict=True)]
            if len(own)
            else ["", ""]
        )
        shown = "(space)" if character.text == " " else character.text
        rows.append((shown, f"{character.confidence:.1%}", f"{first} to {last}", *box))
    return rows


def summary(line: Line, reading: Reading) -> dict[str, object]:
    """A line for programs."""
    return {
        "source": line.source,
        "line": line.name,
        "text": line.text,
        "read": reading.text,
        "confidence": reading.confidence,
        "characters": [
            {"text": c.text, "confidence": c.confidence, "first": c.points[0], "last": c.points[1]}
            for c in reading.characters
        ],
    }
