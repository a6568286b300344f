"""`hwkit train`: a network from preprocessed ink."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from hwkit.artifact import Artifact, Input, Store
from hwkit.cli import find, show
from hwkit.cli.signals import stop_signals
from hwkit.errors import InputError, Stopped
from hwkit.manifest import canonical
from hwkit.pipeline import Pipeline
from hwkit.stages import STAGES, Circumstances, build
from hwkit.stages.model import make_train

if TYPE_CHECKING:
    from hwkit.train.processes import Group


@click.command(epilog="Example: hwkit train pipelines/first.toml --minutes 50")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--ink", metavar="ARTIFACT", help="Preprocessed ink.  [default: the newest that fits CONFIG]")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the unfinished training is kept; removed when it is done.  [default: in the store]",
)
@click.option("--minutes", type=click.FloatRange(min=0), help="Save and leave after so many, as Ctrl-C does.")
@show.habits
def train(
    config: Path,
    ink: str | None,
    device: str,
    state: Path | None,
    minutes: float | None,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Train the network of CONFIG, a pipeline file, on preprocessed ink of the store.

    Takes the newest ink, statistics and vocabulary whose parameters are those that CONFIG declares;
    what it does not declare may be anything. Ctrl-C, SIGTERM and the end of --minutes save and leave
    with exit code 130; the same command goes on from there, to the same weights.

    A training that outlasts one sitting keeps its state in a folder of its own with --state: it is small
    files that can be committed, and goes on from a fresh checkout.

    On several GPUs, or processes: torchrun --nproc-per-node N -m hwkit train CONFIG. Each takes whole
    lines of every batch; the weights are those of one process but for rounding and dropout.
    """
    started = time.monotonic()
    from hwkit import pipeline
    from hwkit.train import forget, processes

    declared = pipeline.read(config)
    parameters = declared.parameters("train")
    device = processes.own(device)
    find.device(device)
    with ExitStack() as stack:
        group = stack.enter_context(processes.joined(device))
        progress = stack.enter_context(show.progress_bar(quiet or not group.leads))
        asked = stack.enter_context(stop_signals())

        def stop() -> bool:
            return asked() or (minutes is not None and time.monotonic() - started >= 60 * minutes)

        around = Circumstances(progress, stop, device, state)
        inputs = inputs_of(store, declared, ink) | STAGES["train"].weights(parameters)
        if not group.leads:
            follow(group, lambda: make_train(parameters, inputs, Path(), around))
            return
        there = {artifact.key for artifact in store.all()}
        artifact = build(store, "train", parameters, inputs, around)
        group.share(b"")
    if state is not None and artifact.key not in there:  # else the folder may hold another training
        forget(state, log=True)
    figures = artifact.metrics
    rows: list[tuple[str, object]] = [
        ("training lines", show.count(figures["lines"])),
        ("points", show.count(figures["points"])),
        ("left out", ", ".join(f"{n} {why}" for why, n in figures["left_out"].items() if n) or "none"),
        ("weights", show.count(figures["weights"])),
        ("updates", show.count(figures["updates"])),
        ("best validation", f"{figures['validation_nats_per_point']:.4f} nats a point"),
        ("validation lines", show.count(figures["validation_lines"])),
    ]
    show.finish(artifact, rows, as_json, quiet)


def follow(group: Group, help_out: Callable[[], object]) -> None:
    """Help the leader, who alone has the store's lock, each time it calls, until it needs no help."""
    while group.share(b""):
        try:
            help_out()
        except Stopped as error:  # the leader says so
            raise click.exceptions.Exit(error.exit_code) from error


def inputs_of(store: Store, declared: Pipeline, ink: str | None) -> dict[str, Input]:
    """The ink, statistics and vocabulary to train on. Raises InputError where the store lacks one."""

    def fitting(stage: str, of: Artifact | None = None) -> Artifact:
        wanted = None
        if declared.declares(stage):
            wanted = canonical(msgspec.to_builtins(declared.parameters(stage)))
        found = store.newest(
            stage,
            accept=lambda a: (
                (wanted is None or canonical(a.parameters) == wanted)
                and (of is None or a.manifest.inputs["ink"].digest == of.digest)
            ),
        )
        if found is None:
            raise InputError(
                f"there is no {stage} artifact as {declared.path} declares it in {store.root}",
                do=f"run hwkit run {declared.path} --until vocabulary, or hwkit preprocess with its parameters",
            )
        return found

    prepared = store.resolve(ink) if ink else fitting(declared.reads("train")["ink"])  # or its lines
    return {
        "ink": prepared,
        "statistics": fitting("statistics", prepared),
        "vocabulary": fitting("vocabulary", prepared),
    }
