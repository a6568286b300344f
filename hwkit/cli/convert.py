"""`hwkit convert`: ink from one format into another."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hwkit.cli import show


@click.command(epilog="Example: hwkit convert style-0-strokes.npy hand.json")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.argument("target")
@click.option(
    "--from", "source", default="", metavar="NAME", help="Whose format FILE has.  [default: as it tells]"
)
@click.option("--to", "form", default=None, metavar="NAME", help="Format of TARGET.  [default: by its name]")
@click.option("--drop", multiple=True, metavar="PART,...", help="Leave out what TARGET's format cannot hold.")
@show.output_options
def convert(
    files: tuple[Path, ...],
    target: str,
    source: str,
    form: str | None,
    drop: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Read ink of any source (see 'hwkit ingest --help') and write it to TARGET; - is standard output.

    \b
    jsonl       .jsonl   everything: text, times, channels (pressure, tilt), name, form, split, scale
    json        .json    the same of one line; hwkit write --style takes it
    inkml       .inkml   everything
    ink         .h5      everything, points rounded to 32 bits
    quickdraw   .ndjson  text, names
    sketch-rnn  .npz     splits
    bigbank     (--to)   text
    svg         .svg     one line's strokes

    What a format cannot hold is named, and nothing is written; --drop text,times leaves it out. With --drop
    lines the first line alone is written.
    """
    from hwkit.render.files import check_place, write_files
    from hwkit.sources import registry
    from hwkit.sources.convert import converted

    if target == "-" and form is None:
        raise click.UsageError("what is to be written is unknown; give --to")
    sink = registry.sink_of(target, form)
    check_place(target)
    parts = [part.strip() for given in drop for part in given.split(",") if part.strip()]
    with show.progress_bar(quiet or target == "-", after=1.0) as progress:
        content, result = converted(files, sink, parts, source, progress)
    if result["skipped"]:
        show.warn(f"{result['skipped']} bad lines were skipped; the first: {result['first_skipped']}")
    for note in result["not_kept"]:
        show.warn(f"not kept: {note}")
    if target == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    write_files([(Path(target), content)])
    result = {"output": target, "bytes": len(content), **result}
    shown = [(name.replace("_", " "), value) for name, value in result.items() if value not in ("", [])]
    show.emit(as_json, result, lambda: show.table("convert", shown), quiet=quiet)
