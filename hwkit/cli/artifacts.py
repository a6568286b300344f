"""`hwkit artifacts`: what the stages made."""

from __future__ import annotations

import sys

import click
import msgspec

from hwkit.artifact import Ancestor, Artifact, Store, problems
from hwkit.cli import show


@click.group()
def artifacts() -> None:
    """List, show, verify and prune what the stages made."""


@artifacts.command(
    "list", short_help="List what there is.", epilog="Example: hwkit artifacts list --stage train"
)
@click.option("--stage", metavar="STAGE", help="Only this stage's artifacts.")
@show.habits
def list_command(stage: str | None, store: Store, as_json: bool, quiet: bool) -> None:
    """List the artifacts of the store, oldest first."""
    found = [a for a in store.all() if stage in (None, a.stage)]
    damaged = [(folder, fault) for folder, fault in store.damaged() if stage in (None, folder.parent.name)]
    if not as_json:
        for folder, fault in damaged:
            show.warn(f"{folder}: {fault}")
    show.emit(
        as_json,
        {
            "artifacts": [_summary(artifact) for artifact in found],
            "damaged": [{"path": str(folder), "fault": fault} for folder, fault in damaged],
        },
        lambda: show.columns(
            f"{len(found)} artifacts in {store.root}",
            ("artifact", "made (UTC)", "took", "size"),
            [(a.name, _when(a), f"{a.manifest.seconds:,.1f} s", _bytes(a.size)) for a in found],
        ),
        quiet=quiet,
    )


@artifacts.command(
    "show", short_help="Show one with its lineage.", epilog="Example: hwkit artifacts show train/3f2a"
)
@click.argument("reference", metavar="REF")
@show.habits
def show_command(reference: str, store: Store, as_json: bool, quiet: bool) -> None:
    """Show the manifest, metrics and lineage of an artifact.

    REF is a path, or the first characters of a key (at least 4), or STAGE/ and those.
    """
    artifact = store.resolve(reference)
    manifest = artifact.manifest
    lineage = store.lineage(artifact)

    def draw() -> None:
        show.table(
            artifact.name,
            [
                ("path", artifact.path),
                ("key", artifact.key),
                ("digest", artifact.digest),
                ("stage version", manifest.stage_version),
                ("made (UTC)", _when(artifact)),
                ("took", f"{manifest.seconds:,.1f} s"),
                ("peak memory", f"{manifest.peak_mb:,.0f} MB"),
                ("made with", ", ".join(f"{name} {number}" for name, number in manifest.versions.items())),
            ],
        )
        for title, values in (("parameters", artifact.parameters), ("metrics", artifact.metrics)):
            if values:
                click.echo()
                show.table(title, values.items())
        click.echo()
        show.columns("files", ("file", "size", "sha256"), _files(artifact))
        click.echo()
        show.tree(f"{artifact.name} comes from", [(up.depth, _line(up)) for up in lineage])

    show.emit(
        as_json,
        {
            "path": str(artifact.path),
            "manifest": msgspec.to_builtins(manifest),
            "lineage": [
                {
                    "depth": up.depth,
                    "role": up.role,
                    **msgspec.to_builtins(up.record),
                    "path": str(up.artifact.path) if up.artifact else None,
                }
                for up in lineage
            ],
        },
        draw,
        quiet=quiet,
    )


@artifacts.command(
    "verify", short_help="Find what is damaged.", epilog="Example: hwkit artifacts verify ingest/3f2a"
)
@click.argument("references", metavar="[REF]...", nargs=-1)
@show.habits
@click.pass_context
def verify_command(
    ctx: click.Context, references: tuple[str, ...], store: Store, as_json: bool, quiet: bool
) -> None:
    """Read every file of artifacts (all by default) and compare it with its manifest.

    Exit code 1 if anything is damaged, with a line for each problem.
    """
    if references:
        folders = [store.locate(reference) for reference in references]
    else:
        folders = sorted([a.path for a in store.all()] + [folder for folder, _ in store.damaged()])
    misplaced = dict(store.damaged())
    found: list[dict[str, str]] = []
    with show.progress_bar(quiet) as progress:
        for done, folder in enumerate(folders):
            progress(done, len(folders), f"verifying {folder.parent.name}/{folder.name}")
            lines = problems(folder) or ([misplaced[folder]] if folder in misplaced else [])
            found += [{"path": str(folder), "problem": line} for line in lines]

    if not as_json:
        for problem in found:
            click.echo(show.plain(f"{problem['path']}: {problem['problem']}"))
    bad = len({problem["path"] for problem in found})
    show.emit(
        as_json,
        {"checked": len(folders), "problems": found},
        lambda: show.table("verified", [("sound", len(folders) - bad), ("damaged", bad)]),
        quiet=quiet,
    )
    if found:
        ctx.exit(1)


@artifacts.command(
    "prune", short_help="Remove what is not needed.", epilog="Example: hwkit artifacts prune --dry-run"
)
@click.option("--dry-run", is_flag=True, help="Only name what would go.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@show.habits
def prune_command(dry_run: bool, yes: bool, store: Store, as_json: bool, quiet: bool) -> None:
    """Remove artifacts that are neither the newest of their stage nor upstream of one.

    Partial folders of stages that no longer run go too, and with them what a stopped training would have
    gone on from.
    """
    spare = store.prune(dry_run=True)
    if spare and not dry_run and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(
                "there is nobody to ask; say --yes or --dry-run", click.get_current_context()
            )
        for path in spare:
            click.echo(show.plain(path), err=True)
        click.confirm(f"Remove these {len(spare)}?", abort=True, err=True)
    removed = spare if dry_run else store.prune(dry_run=False)
    title = f"{'would remove' if dry_run else 'removed'} {len(removed)}"
    show.emit(
        as_json,
        {"dry_run": dry_run, "removed": [str(path) for path in removed]},
        lambda: show.columns(title, ("path",), [(path,) for path in removed]),
        quiet=quiet,
    )


def _summary(artifact: Artifact) -> dict[str, object]:
    manifest = artifact.manifest
    return {
        "stage": manifest.stage,
        "key": manifest.key,
        "digest": manifest.digest,
        "path": str(artifact.path),
        "created": manifest.created,
        "seconds": manifest.seconds,
        "size": artifact.size,
        "metrics": manifest.metrics,
    }


def _files(artifact: Artifact) -> list[tuple[str, str, str]]:
    records = artifact.manifest.files.items()
    return [(name, _bytes(record.size), record.sha256[:16]) for name, record in records]


def _when(artifact: Artifact) -> str:
    return artifact.manifest.created[:19].replace("T", " ")


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.2f} GB"


def _line(up: Ancestor) -> str:
    line = f"{up.role}: {up.record.name}"
    if up.artifact is None:
        line += f" ({'no longer in the store' if up.record.key else 'file'}, digest {up.record.digest})"
    return line
