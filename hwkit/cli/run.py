"""`hwkit run`: the stages that a pipeline file declares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from hwkit import pipeline
from hwkit.artifact import Artifact, Store
from hwkit.cli import find, show
from hwkit.cli.signals import stop_signals
from hwkit.errors import InputError
from hwkit.pipeline import Step
from hwkit.stages import Circumstances

# The first of these that a stage measured is the one to show.
HEADLINES = {
    "nats_per_line": "nats a line",
    "validation_nats_per_point": "nats a point on the validation lines",
    "points_per_character": "points a character",
    "classes": "classes",
    "words": "words",
    "lines": "lines",
    "strokes": "strokes",
}


@click.command(epilog="Example: hwkit run pipelines/sample.toml --plan")
@click.argument("path", metavar="PIPELINE", type=click.Path(path_type=Path))
@click.option("--plan", "only_plan", is_flag=True, help="Only say what would run, and why.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the archives, or of a folder for each source.  [default: PIPELINE's]",
)
@click.option("--until", metavar="STAGE", help="Leave out the stages after this one.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@show.habits
def run(
    path: Path,
    only_plan: bool,
    data: Path | None,
    until: str | None,
    device: str,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Run the stages that PIPELINE declares, and skip what is up to date.

    Ctrl-C and SIGTERM stop it: a training saves itself, a shorter stage leaves nothing, and the same
    command goes on from there.
    """
    declared = pipeline.read(path, data)
    if until is not None:
        declared = declared.until(until)
    if only_plan:
        show_plan(path, pipeline.plan(declared, store), as_json, quiet)
        return
    if declared.declares("train"):
        from hwkit.train import processes

        if processes.launched():  # each process would train a network of its own
            raise InputError("torchrun works with hwkit train", do="make the ink first: --until vocabulary")
        find.device(device)
    with show.progress_bar(quiet) as progress, stop_signals() as stop:
        done = pipeline.run(declared, store, Circumstances(progress, stop, device))
    result = [
        {
            "stage": stage,
            "made": made,
            "artifact": str(artifact.path),
            "key": artifact.key,
            "seconds": artifact.manifest.seconds,
            "metrics": artifact.metrics,
        }
        for stage, artifact, made in done
    ]
    show.emit(
        as_json,
        {"pipeline": str(path), "stages": result},
        lambda: show.columns(
            f"{path}: {sum(made for _, _, made in done)} made, {sum(not made for _, _, made in done)} skipped",
            ("stage", "artifact", "", "took", "what it holds"),
            [
                (
                    stage,
                    artifact.path,
                    "made" if made else "skipped",
                    seconds(artifact, made),
                    headline(artifact),
                )
                for stage, artifact, made in done
            ],
        ),
        quiet=quiet,
    )


def show_plan(path: Path, steps: Sequence[Step], as_json: bool, quiet: bool) -> None:
    """What would run, and why."""
    result = [
        {
            "stage": step.stage,
            "state": step.state,
            "reason": step.reason,
            "key": step.key,
            "artifact": str(step.artifact.path) if step.artifact else None,
        }
        for step in steps
    ]
    show.emit(
        as_json,
        {"pipeline": str(path), "plan": result},
        lambda: show.columns(
            str(path),
            ("stage", "", "why", "key"),
            [(step.stage, step.state, step.reason, (step.key or "")[:16]) for step in steps],
        ),
        quiet=quiet,
    )


def seconds(artifact: Artifact, made: bool) -> str:
    """How long a stage took; what was skipped took no time."""
    return f"{artifact.manifest.seconds:,.1f} s" if made else ""


def headline(artifact: Artifact) -> str:
    """The most telling figure of an artifact, in words."""
    for name, words in HEADLINES.items():
        figure = artifact.metrics.get(name)
        if isinstance(figure, int | float):
            return f"{figure:,} {words}" if isinstance(figure, int) else f"{figure:,.3f} {words}"
    return ""
