"""`hwkit evaluate`: a model on a split, what a reader gets wrong, how well a model's writing is read."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from hwkit.artifact import Artifact, Input, Store, digest_of
from hwkit.cli import find, show
from hwkit.errors import HwkitError, InputError
from hwkit.progress import Progress
from hwkit.stages import Circumstances, build


@click.command(
    epilog="Examples: hwkit evaluate first --split first-validation --json; hwkit evaluate reader; "
    "hwkit evaluate default --legibility --lines 40 -o report"
)
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
    help="So many of them, or of the sentences, evenly chosen; 0: all.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--legibility", is_flag=True, help="Have what the model writes read, in place of its log-loss.")
@click.option(
    "--texts", type=click.Path(path_type=Path), help="A sentence a line.  [default: 240 of hwkit's own]"
)
@click.option("--reader", metavar="MODEL", help="What reads: a packaged model or a folder.  [default: reader]")
@click.option(
    "--seed", type=click.IntRange(0), help="Of the first sentence; the others count on.  [default: 0]"
)
@click.option(
    "--output", "-o", "target", type=click.Path(path_type=Path), help="A folder for copies of the files."
)
@show.habits
def evaluate(
    model: str,
    more: tuple[str, ...],
    split: str,
    data: tuple[str, ...],
    lines: int,
    device: str,
    legibility: bool,
    texts: Path | None,
    reader: str | None,
    seed: int | None,
    target: Path | None,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Measure MODEL: a packaged name, a model's folder, or a train artifact.

    A model that writes is measured on the lines of a split: the log-loss in the model's normalised units,
    as Graves does, and in recording units, which no normalisation can flatter; without the repair of
    recording errors; and over lines of 300 points and more, as Ha, Dai and Le do. The recorded ink gets
    the model's own preprocessing.

    A reader is measured on the same lines by what it gets wrong; never on lines that it learned from.

    With --legibility sentences are written as hwkit write does, and read: their errors beside those of real
    lines, by class of character, bias and number of candidates; and how real the ink looks. Without
    recorded ink what hangs on it is left out.
    """
    if more and not data:
        raise click.UsageError(f"unexpected argument {more[0]!r}; ink is given with --data")
    if not legibility:
        for name, value in {"--texts": texts, "--reader": reader, "--seed": seed}.items():
            if value is not None:
                raise InputError(f"{name} goes with --legibility")
    from hwkit import pretrained
    from hwkit.stages.stage import folder_of

    measured = find.model(store, model)
    read = pretrained.read_writing_config if legibility else pretrained.read_config
    reads = read(folder_of(measured)).network.kind == "reader"
    check_target(target)
    with show.progress_bar(quiet) as progress:
        around = Circumstances(progress, device=device)
        inputs: dict[str, Input] = {"model": measured}
        if legibility:
            inputs |= {"weights": weights_of(store, reader), "texts": texts_of(texts)}
        recorded = ink_of(store, (*data, *more), split, progress)
        if recorded is not None:
            inputs["ingest"] = recorded
        elif not legibility:  # which alone goes without, and with less to say
            inputs["ingest"] = find.recorded(store, (), progress)
        artifact = build(store, *asked(legibility, reads, inputs, split, lines, seed), inputs, around)
    copied = copies(artifact, target)
    ink = inputs.get("ingest")
    result = {
        "stage": artifact.stage,
        "artifact": str(artifact.path),
        "key": artifact.key,
        "model": measured.name if isinstance(measured, Artifact) else model,
        "split": split,
        "data": ink.name if isinstance(ink, Artifact) else str(ink) if ink else None,
        "data_digest": digest_of(ink) if ink else None,
        **artifact.metrics,
    }
    show.emit(as_json, result, lambda: draw(result, copied or artifact.path), quiet=quiet)


def ink_of(store: Store, references: tuple[str, ...], split: str, progress: Progress) -> Input | None:
    """The ink that is named, else the newest that has lines of the split, or None. Raises InputError."""
    if references:
        return find.recorded(store, references, progress)
    return store.newest("ingest", accept=lambda a: split in a.metrics.get("matched", {}))


def asked(
    legibility: bool, reads: bool, inputs: Mapping[str, Input], split: str, lines: int, seed: int | None
) -> tuple[str, Any]:
    """The stage, and its parameters."""
    if legibility:
        from hwkit.evaluate.legibility import LegibilityParameters

        reader = inputs["weights"]
        assert isinstance(reader, Path)
        return "legibility", LegibilityParameters(
            reader=reader.parent.name, split=split, lines=lines, seed=seed or 0
        )
    if reads:
        from hwkit.evaluate.reading import ReadingParameters

        return "reading", ReadingParameters(split=split, lines=lines)
    from hwkit.evaluate.likelihood import EvaluateParameters

    return "evaluate", EvaluateParameters(split=split, lines=lines)


def weights_of(store: Store, reader: str | None) -> Path:
    """The weights of a reader, with its config beside them. Raises InputError for a model that writes."""
    from hwkit import pretrained
    from hwkit.evaluate.legibility import READER
    from hwkit.stages.stage import WEIGHTS, folder_of

    folder = folder_of(find.model(store, reader or READER))
    if pretrained.read_config(folder).network.kind != "reader":
        raise InputError("the model writes, it does not read", file=folder, do="give a reader")
    return folder / WEIGHTS


def texts_of(texts: Path | None) -> Path:
    """The file of sentences, checked before any work."""
    from hwkit.evaluate.legibility import SENTENCES, read_sentences

    file = texts or SENTENCES
    read_sentences(file)
    return file


def check_target(target: Path | None) -> None:
    """Raise InputError before any work where `target` can be no folder."""
    if target is not None and target.exists() and not target.is_dir():
        raise InputError("is a file", file=target, do="name a folder")


def copies(artifact: Artifact, target: Path | None) -> Path | None:
    """The artifact's files in a folder too. Raises HwkitError where the system refuses."""
    if target is None:
        return None
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in artifact.manifest.files:
            shutil.copyfile(artifact.file(name), target / name)
    except OSError as error:
        raise HwkitError(f"cannot be written: {error.strerror}", file=target) from error
    return target


def draw(result: Mapping[str, Any], place: Path) -> None:
    """The tables of a measurement."""
    title = f"{result['model']} on {result['split']} of {result['data'] or 'no recorded ink'}"
    if result["stage"] == "evaluate":
        rows = [*likelihood_rows(result), ("artifact", place, "")]
        show.columns(title, ("measure", "value", "what it is"), rows)
        return
    from hwkit.evaluate import report

    if result["stage"] == "reading":
        tables = {
            title: report.reading(result),
            "By class of character": report.classes(error=result),
            "By length": report.sorts(result["by_length"], "length"),
            "Most frequent confusions": report.confused(result),
        }
    else:
        tables = {
            f"Legibility of {result['model']}": report.overview(result),
            "Beside real lines": report.ratios(result),
            "By class of character": report.classes(written=result["sentences"], real=result["real"]),
            "By bias": report.sweep(result["by_bias"], "bias"),
            "By number of candidates": report.sweep(result["by_candidates"], "candidates"),
        }
    for name, (header, rows_of) in tables.items():
        if rows_of:
            show.columns(name, header, rows_of)
            click.echo()
    click.echo(f"files: {show.plain(place)}")


def likelihood_rows(figures: Mapping[str, Any]) -> list[tuple[str, object, str]]:
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
