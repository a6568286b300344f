"""`hwkit ingest`: a source archive into an ink dataset."""

from __future__ import annotations

from pathlib import Path

import click

from hwkit.artifact import Store
from hwkit.cli import show


@click.command(
    epilog="Example: hwkit ingest data/iam-ondb/lineStrokes-all.tar.gz data/iam-ondb/ascii-all.tar.gz"
)
@click.argument("archives", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--splits",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of IAM-OnDB's trainset.txt and testset lists.  [default: beside the first file]",
)
@click.option("--source", default="", metavar="NAME", help="Whose format it is.  [default: as the files tell]")
@show.habits
def ingest(
    archives: tuple[Path, ...], splits: Path | None, source: str, store: Store, as_json: bool, quiet: bool
) -> None:
    """Read ink of one source into an ink dataset: one or several files, archives or folders.

    \b
    iam-ondb    its two archives, or their unpacked folders
    bigbank     its .json.zip, or the .json in it
    svc2004     Task2.zip, its folder, or signatures (U1S1.TXT)
    inkml, svg, unipen
    jsonl       {"text": ..., "strokes": [[[x, y], ...], ...]} a line
    quickdraw   .ndjson, simplified or raw
    sketch-rnn  .npz
    sjvasquez   style-N-strokes.npy with style-N-chars.npy beside it
    ink         an ink.h5

    Which of them it is, the files tell. Nothing is cleaned: coordinates, times, pressure, strokes, texts, names
    and splits are kept as they are. Where a source has no splits, every 12th line is in "validation", the
    others are in "train". Packages can bring more sources.
    """
    from hwkit.stages import Circumstances, IngestParameters, build, ingest_inputs

    inputs = ingest_inputs(archives, splits, source)
    with show.progress_bar(quiet) as progress:
        artifact = build(store, "ingest", IngestParameters(source=source), inputs, Circumstances(progress))
    figures = artifact.metrics
    unit = "words" if "words" in figures else "lines"
    read = next(name for name in ("words", "line_files", "found") if name in figures)
    if figures["skipped"]:
        show.warn(
            f"{figures['skipped']} bad {unit} were skipped; 'hwkit artifacts show {artifact.name}' has more"
        )
    matched = [(f"matched {unit}, {split}", n) for split, n in figures.get("matched", {}).items()]
    matched += [(f"{unit}, {split}", n) for split, n in figures.get("splits", {}).items()]
    rows = [
        ("source", figures.get("source", "iam-ondb")),  # what was ingested before bigbank could be
        ("terms", figures.get("terms", "").partition("\n")[0] or "unknown"),
        ("lines found" if read == "found" else read.replace("_", " "), show.count(figures[read])),
        (f"{unit} kept", show.count(figures["lines"])),
        ("strokes", show.count(figures["strokes"])),
        ("points", show.count(figures["points"])),
        *((name, show.count(n)) for name, n in matched),
        (f"{unit} without text", show.count(figures["lines_without_text"])),
        *((f"{kind} (remarks.csv)", show.count(n)) for kind, n in figures["remarks"].items()),
    ]
    show.finish(artifact, rows, as_json, quiet)
