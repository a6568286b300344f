"""`hwkit ingest`: a source archive into an ink dataset."""

from __future__ import annotations

from pathlib import Path

import click

from hwkit.artifact import Store
from hwkit.cli import find, show


@click.command(
    epilog="Example: hwkit ingest data/iam-ondb/lineStrokes-all.tar.gz data/iam-ondb/ascii-all.tar.gz"
)
@click.argument("archives", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="ARCHIVE...")
@click.option(
    "--splits",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of trainset.txt and the testset lists.  [default: beside the first archive]",
)
@show.habits
def ingest(archives: tuple[Path, ...], splits: Path | None, store: Store, as_json: bool, quiet: bool) -> None:
    """Read IAM-OnDB's two archives (or their unpacked folders), or bigbank's .json.zip, into an ink dataset.

    Which of them it is, the files tell. Nothing is cleaned: coordinates, times, strokes, transcripts, names
    and splits are kept as they are. bigbank has no splits: every 12th word is in "validation", the others
    are in "train".
    """
    with show.progress_bar(quiet) as progress:
        artifact = find.ingested(store, archives, splits, progress)
    figures = artifact.metrics
    read, unit = ("words", "words") if "words" in figures else ("line_files", "lines")
    if figures["skipped"]:
        show.warn(
            f"{figures['skipped']} bad {unit} were skipped; 'hwkit artifacts show {artifact.name}' has more"
        )
    rows = [
        ("source", figures.get("source", "iam-ondb")),  # what was ingested before bigbank could be
        ("terms", figures.get("terms", "").partition("\n")[0] or "unknown"),
        (read.replace("_", " "), show.count(figures[read])),
        (f"{unit} kept", show.count(figures["lines"])),
        ("strokes", show.count(figures["strokes"])),
        ("points", show.count(figures["points"])),
        *((f"matched {unit}, {split}", show.count(n)) for split, n in figures["matched"].items()),
        (f"{unit} without text", show.count(figures["lines_without_text"])),
        *((f"{kind} (remarks.csv)", show.count(n)) for kind, n in figures["remarks"].items()),
    ]
    show.finish(artifact, rows, as_json, quiet)
