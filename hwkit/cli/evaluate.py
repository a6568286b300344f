"""`hwkit evaluate`: Graves's measures of a model on a split."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from hwkit.artifact import Artifact, Store, digest_of
from hwkit.cli import find, show
from hwkit.stages import Circumstances, build


@click.command(epilog="Example: hwkit evaluate first --split first-validation --json")
@click.argument("model")
@click.argument("more", nargs=-1, metavar="")
@click.option("--split", default="first-validation", show_default=True, help="The lines to measure on.")
@click.option(
    "--data",
    multiple=True,
    metavar="ARTIFACT|ARCHIVE...",
    help="An ingest artifact, or archives as for hwkit ingest.  [default: the newest ingest artifact]",
)
@click.option(
    "--lines",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="So many of them, evenly chosen; 0: all.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@show.habits
def evaluate(
    model: str,
    more: tuple[str, ...],
    split: str,
    data: tuple[str, ...],
    lines: int,
    device: str,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure MODEL on the lines of a split: a packaged name, a model's folder, or a train artifact.

    The recorded ink gets the model's own preprocessing. Gives the log-loss in the model's normalised
    units, as Graves does, and in recording units, which no normalisation can flatter; without the
    repair of recording errors; and over lines of 300 points and more, as Ha, Dai and Le do.
    """
    from hwkit.evaluate.likelihood import EvaluateParameters

    if more and not data:
        raise click.UsageError(f"unexpected argument {more[0]!r}; ink is given with --data")
    measured = find.model(store, model)
    with show.progress_bar(quiet) as progress:
        ink = find.recorded(store, (*data, *more), progress)
        artifact = build(
            store, "evaluate", EvaluateParameters(split=split, lines=lines),
            {"model": measured, "ingest": ink}, Circumstances(progress, device=device),
        )  # fmt: skip
    figures = artifact.metrics
    result = {
        "stage": artifact.stage,
        "artifact": str(artifact.path),
        "key": artifact.key,
        "model": measured.name if isinstance(measured, Artifact) else model,
        "split": split,
        "data": ink.name if isinstance(ink, Artifact) else str(ink),
        "data_digest": digest_of(ink),
        **figures,
    }
    title = f"{result['model']} on {split} of {result['data']}"
    rows = [*table_rows(figures), ("artifact", artifact.path, "")]
    show.emit(
        as_json, result, lambda: show.columns(title, ("measure", "value", "what it is"), rows), quiet=quiet
    )


def table_rows(figures: Mapping[str, Any]) -> list[tuple[str, object, str]]:
    """Each measure with its value and what it means in few words."""

    def number(name: str, digits: int = 3) -> str:
        return "unknown" if figures[name] is None else f"{figures[name]:,.{digits}f}"

    left_out = ", ".join(f"{n:,} {why}" for why, n in figures["left_out"].items() if n) or "none"
    interval = "more lines are needed"
    if figures["nats_per_line_low"] is not None:
        interval = f"{number('nats_per_line_low', 1)} to {number('nats_per_line_high', 1)}"
    sigmas = f"{number('sigma_x')}, {number('sigma_y')}"
    long = show.count(figures["long_lines"])
    repaired = "unknown, for this ink was prepared before"
    if figures["repaired_lines"] is not None:
        put_in, taken = show.count(figures["interpolated"]), show.count(figures["removed"])
        repaired = f"{show.count(figures['repaired_lines'])} lines: {put_in} points in, {taken} steps out"
    return [
        ("lines", show.count(figures["lines"]), "that were measured"),
        ("left out", left_out, "lines of the split that cannot be measured"),
        ("points", show.count(figures["points"]), "offsets that were predicted"),
        ("nats per line", number("nats_per_line", 1), "log-loss in normalised units, as in Graves's tables"),
        ("", interval, "its 95 % interval over lines"),
        ("nats per point", number("nats_per_point"), "the same, a point"),
        ("of them for the pen", number("pen_nats_per_line", 1), "a line, for where strokes end"),
        ("nats per line, recorded", number("nats_per_line_recording", 1), "log-loss in recording units"),
        ("nats per point, recorded", number("nats_per_point_recording"), "the same, a point"),
        ("squared error per point", number("sse_per_point", 4), "from the mixture's mean, normalised, x + y"),
        ("sigma x, sigma y", sigmas, "recording units in one normalised unit"),
        ("repaired", repaired, "of the measured lines"),
        (
            "nats per line, unrepaired",
            number("unrepaired_nats_per_line", 1),
            "the same lines without any repair",
        ),
        ("nats per line, long", number("long_nats_per_line", 1), f"over {long} lines of 300 points and more"),
    ]
