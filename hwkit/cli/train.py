"""`hwkit train`: a network from preprocessed ink."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from hwkit.artifact import Artifact, Input, Store
from hwkit.cli import find, show
from hwkit.cli.signals import stop_signals
from hwkit.errors import InputError
from hwkit.manifest import canonical
from hwkit.pipeline import Pipeline
from hwkit.stages import Circumstances, build


@click.command(epilog="Example: hwkit train pipelines/first.toml")
@click.argument("config", type=click.Path(path_type=Path))
@click.option("--ink", metavar="ARTIFACT", help="Preprocessed ink.  [default: the newest that fits CONFIG]")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@show.habits
def train(config: Path, ink: str | None, device: str, store: Store, as_json: bool, quiet: bool) -> None:
    """Train the network of CONFIG, a pipeline file, on preprocessed ink of the store.

    Takes the newest ink, statistics and vocabulary whose parameters are those that CONFIG declares;
    what it does not declare may be anything. Ctrl-C and SIGTERM save and leave; the same command goes
    on from there, to the same weights.
    """
    from hwkit import pipeline

    declared = pipeline.read(config)
    parameters = declared.parameters("train")
    find.device(device)
    with show.progress_bar(quiet) as progress, stop_signals() as stop:
        inputs = inputs_of(store, declared, ink)
        artifact = build(store, "train", parameters, inputs, Circumstances(progress, stop, device))
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

    prepared = store.resolve(ink) if ink else fitting("ink")
    return {
        "ink": prepared,
        "statistics": fitting("statistics", prepared),
        "vocabulary": fitting("vocabulary", prepared),
    }
