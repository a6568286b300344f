"""`hwkit ingest`: a source archive into an ink dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from hwkit.artifact import Artifact, Store
from hwkit.cli import show
from hwkit.progress import Progress


def build_ingest(store: Store, archives: Sequence[Path], splits: Path | None, progress: Progress) -> Artifact:
    """The ingest artifact of archives."""
    from hwkit.stages import Circumstances, IngestParameters, build, ingest_inputs

    return build(store, "ingest", IngestParameters(), ingest_inputs(archives, splits), Circumstances(progress))


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
    """Read IAM-OnDB's two archives (or their unpacked folders) into an ink dataset.

    Nothing is cleaned: coordinates, times, strokes, transcripts, names and splits are kept as they are.
    """
    with show.progress_bar(quiet) as progress:
        artifact = build_ingest(store, archives, splits, progress)
    figures = artifact.metrics
    if figures["skipped"]:
        show.warn(
            f"{figures['skipped']} bad lines were skipped; 'hwkit artifacts show {artifact.name}' has more"
        )
    rows = [
        ("line files", show.count(figures["line_files"])),
        ("lines kept", show.count(figures["lines"])),
        ("strokes", show.count(figures["strokes"])),
        ("points", show.count(figures["points"])),
        *((f"matched lines, {split}", show.count(n)) for split, n in figures["matched"].items()),
        ("lines without text", show.count(figures["lines_without_text"])),
        *((f"{kind} (remarks.csv)", show.count(n)) for kind, n in figures["remarks"].items()),
    ]
    finish(artifact, rows, as_json, quiet)


def finish(artifact: Artifact, rows: Sequence[tuple[str, object]], as_json: bool, quiet: bool) -> None:
    """A stage's closing table, or its JSON object: the metrics, and where the artifact is."""
    manifest = artifact.manifest
    place = [
        ("artifact", f"{artifact.path}"),
        ("made in", f"{manifest.seconds:,.1f} s, {manifest.peak_mb:,.0f} MB"),
    ]
    result = {"stage": artifact.stage, "artifact": str(artifact.path), "key": artifact.key, **artifact.metrics}
    show.emit(as_json, result, lambda: show.table(artifact.stage, [*rows, *place]), quiet=quiet)
