"""Mail merge: a letter for each row of a table, all of them written side by side."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

from hwkit.cli import output, show
from hwkit.cli.write import decoded, drawing, order_of, random_seed
from hwkit.errors import HwkitError, InputError

TOGETHER = 64  # letters that are written side by side
LONGEST = 120  # bytes of a value in a file's name
LONGEST_NAME = 240  # bytes of it all, with room for a page's number
OWN = {"style": str, "bias": float, "color": str, "pen_width": float, "seed": int}  # columns that are options


class Row(NamedTuple):
    """A row of the table."""

    number: int  # its line in the file
    values: dict[str, str]
    target: str


def merge(template: str, table: Path, options: dict[str, Any]) -> None:
    """Write a letter for each row. A bad row is reported and passed over, and raises HwkitError at the end."""
    from hwkit import pretrained, style
    from hwkit.generate.sampler import Writer
    from hwkit.letter import check, write_letters
    from hwkit.render.formats import Format, name_of

    if options["target"] == "-":
        raise InputError("many letters do not fit standard output", do="give -o 'out/{column}.svg'")
    if options["variants"] > 1:
        raise InputError("--variants and --rows are two ways to many letters", do="choose one of them")
    Format(name_of(options["target"], options["form"]), **drawing(options))  # refused before any work
    rows, bad = read(table, options["target"], fields(template))
    for number, why in bad:
        show.warn(f"{table}, row {number}: {why}; it is passed over")
    there = [options["skip_existing"] and is_there(row.target) for row in rows]
    rows = [row for row, old in zip(rows, there, strict=True) if not old]
    folder = pretrained.find(options["model"] or pretrained.DEFAULT)
    writer = Writer.open(folder)
    seed = options["seed"] if options["seed"] is not None else random_seed()
    saved: list[str] = []
    letters = 0
    hands: dict[tuple[str | None, int], Any] = {}
    with show.progress_bar(options["quiet"], after=1.0) as progress:
        for begin in range(0, len(rows), TOGETHER):
            orders, of = [], []
            for row in rows[begin : begin + TOGETHER]:
                try:
                    given = own_options(row.values)
                    own = options | {"seed": seed} | given
                    key = (own["style"], own["seed"])  # one hand in all letters
                    if key not in hands:
                        hands[key] = style.hand(writer, folder, *key, own["style_text"])
                    own_text = filled(template, row.values)
                    own_seed = given.get("seed", seed + row.number)
                    order = order_of(own_text, own, own_seed, hands[key], writer.config.data)
                    check(writer, order)
                except InputError as error:
                    bad.append((row.number, str(error)))
                    show.warn(f"{table}, row {row.number}: {error}; it is passed over")
                    continue
                orders.append(order)
                of.append(row)
            progress(begin, len(rows), "writing letters")
            for row, letter in zip(of, write_letters(writer, orders), strict=True):
                try:
                    if not letter.strokes:
                        raise InputError(f"{letter.unwritten[0]!r} could not be written; nothing is saved")
                    Path(row.target).parent.mkdir(parents=True, exist_ok=True)
                    saved += output.save_pages(row.target, letter.pages, options["form"], **drawing(options))
                    letters += 1
                    if letter.unwritten:
                        raise InputError(f"{letter.unwritten[0]!r} could not be written, the rest is saved")
                except InputError as error:
                    bad.append((row.number, str(error)))
                    show.warn(f"{table}, row {row.number}: {error}")
        progress(len(rows), len(rows), "writing letters")
    result = {
        "output": saved, "seed": seed, "letters": letters, "skipped": sum(there),
        "bad": [{"row": number, "why": why} for number, why in sorted(bad)],
    }  # fmt: skip
    counts = f"{len(saved)} files written, {sum(there)} were there, {len(bad)} rows bad, seed {seed}"
    show.emit(options["as_json"], result, lambda: print(counts), quiet=options["quiet"])
    if bad:
        raise HwkitError(f"{len(bad)} rows were not written as they say", file=table, do="see above")


def fields(template: str) -> list[str]:
    """The columns that a template names in braces; {{ and }} are braces. Raises InputError."""
    try:
        found = [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise InputError(f"the template's braces do not match: {error}", do="write {{ for a brace") from error
    if bad := [name for name in found if not re.fullmatch(r"[^\[\].!:{}]+", name)]:
        raise InputError(f"the template has no column in {{{bad[0]}}}", do="write {{ for a brace")
    return found


def filled(template: str, values: Mapping[str, str]) -> str:
    """The template with a row's values."""
    parts = Formatter().parse(template)
    return "".join(literal + (values[name] if name is not None else "") for literal, name, _, _ in parts)


def read(table: Path, target: str, needed: list[str]) -> tuple[list[Row], list[tuple[int, str]]]:
    """The rows of a CSV file, and those that cannot be used, by line and reason.

    Raises InputError where it cannot be read, has no header, or lacks a column that is named.
    """
    try:
        content = decoded(table.read_bytes(), str(table))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=table, do="check the path") from error
    delimiter = "\t" if table.suffix.lower() == ".tsv" else ","
    lines = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    bad: list[tuple[int, str]] = []
    try:
        header = next(lines, None)
        if not header:
            raise InputError("has no header", file=table, do="name the columns in the first line")
        if twice := [name for n, name in enumerate(header) if name and name in header[:n]]:
            raise InputError(f"has two columns {twice[0]!r}", file=table, do="give each a name of its own")
        missing = [name for name in (*needed, *fields(target)) if name not in header]
        if missing:
            raise InputError(f"has no column {missing[0]!r}", file=table, do=f"there are {', '.join(header)}")
        if not fields(target):
            raise InputError(
                "all letters would have one name",
                file=target,
                do="name a column in it, such as {" + header[0] + "}",
            )
        taken: dict[str, int] = {}
        for cells in lines:
            number = lines.line_num
            if not cells:
                continue
            if len(cells) != len(header):
                bad.append((number, f"has {len(cells)} cells, the header {len(header)}"))
                continue
            values = dict(zip(header, cells, strict=True))
            name = filled(target, {column: safe(value) for column, value in values.items()})
            if len(Path(name).name.encode()) > LONGEST_NAME:
                bad.append((number, "would have too long a file name"))
                continue
            if name in taken:
                bad.append((number, f"would be {name}, as row {taken[name]} is"))
                continue
            taken[name] = number
            rows.append(Row(number, values, name))
    except csv.Error as error:
        raise InputError(f"is no CSV: {error}", file=table, row=f"row {lines.line_num}") from error
    return rows, bad


def is_there(target: str) -> bool:
    """Whether a letter was saved before, on one page or on several."""
    from hwkit.render.formats import numbered

    return Path(target).exists() or Path(numbered(target, 1)).exists()


def safe(value: str) -> str:
    """A value as a part of a file's name: no separator, no control character, no leading dot, not too long."""
    name = "".join("_" if c in '/\\:*?"<>|' or not c.isprintable() else c for c in value.strip())
    name = re.sub(r"^\.+", lambda dots: "_" * len(dots[0]), name)
    while len(name.encode()) > LONGEST:
        name = name[:-1]
    return name or "_"


def own_options(values: Mapping[str, str]) -> dict[str, Any]:
    """A row's own options. Raises InputError for a value of another type."""
    return dict(_own(values))


def _own(values: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    for name, kind in OWN.items():
        value = values.get(name, "").strip()
        if not value:
            continue
        try:
            yield name, kind(value)
        except ValueError as error:
            raise InputError(f"{name} is {value!r}", do="give a number") from error
