"""`hwkit plot`: charts of trainings, of ink before and after its repair, of characters; grids of writing."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hwkit.artifact import Artifact, Store
from hwkit.cli import find, output, show
from hwkit.cli.write import numbers
from hwkit.errors import ArtifactError, InputError

if TYPE_CHECKING:
    from hwkit.evaluate.outliers import Removal

F = TypeVar("F", bound=Callable[..., Any])


def picture(command: F) -> F:
    """The options of every chart: `--output` (`target`), `--dpi`, and those of `show.habits`."""
    command = show.habits(command)
    command = click.option(
        "--dpi", type=click.IntRange(10, 2400), default=150, show_default=True, help="Of a PNG."
    )(command)
    return click.option(
        "--output", "-o", "target", required=True, metavar="FILE", help="FILE.svg, FILE.png, or - for SVG."
    )(command)


def wanted(target: str, as_json: bool) -> None:
    """Raise InputError before any work where nothing can be drawn there."""
    if as_json and target == "-":
        raise InputError("--json and -o - both want standard output", do="choose one of them")
    output.check(target)


def drawn(target: str, svg: bytes, dpi: int, figures: dict[str, Any], as_json: bool, quiet: bool) -> None:
    """Save a chart, and say what is in it."""
    size = output.save(target, svg, dpi)
    result = {"output": target, "bytes": size, **figures}
    show.emit(as_json, result, lambda: show.table("plot", result.items()), quiet=quiet or target == "-")


@click.group(epilog="Example: hwkit plot loss first default -o loss.svg")
def plot() -> None:
    """Draw a chart as SVG or PNG: of trainings, of ink, of characters, or a grid of writing."""


@plot.command(
    short_help="Loss curves of one or several trainings.",
    epilog="Example: hwkit plot loss small=train/3f2a large=runs/log.jsonl -o loss.png",
)
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--per",
    type=click.Choice(["point", "line"]),
    help="Nats of what.  [default: line, where all runs allow it]",
)
@click.option(
    "--points-a-line", type=click.FloatRange(1), help="Of the validation lines, for a log that stands alone."
)
@click.option(
    "--published/--no-published",
    default=None,
    help="The paper's figures as lines.  [default: where they compare]",
)
@click.option(
    "--across", type=click.Choice(["update", "epoch"]), default="update", show_default=True, help="The axis."
)
@picture
def loss(
    runs: tuple[str, ...],
    per: str | None,
    points_a_line: float | None,
    published: bool | None,
    across: str,
    target: str,
    dpi: int,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw the losses of RUNS: train artifacts, models, or log.jsonl files; NAME=RUN gives one a name.

    Validation is thick, training thin. The paper's figures (tables 3 and 4) are nats a line of ink as it was
    recorded, on the first validation list of IAM-OnDB; they are drawn where all runs are of that kind.
    """
    from hwkit.evaluate import curves
    from hwkit.render import charts

    wanted(target, as_json)
    found = []
    for given in runs:
        name, sign, reference = given.partition("=")
        if not sign or Path(given).exists():
            name, reference = "", given
        found.append(curves.read(store, reference, name, points_a_line))
    why = next((f"{curve.name}: {curve.why}" for curve in found if curve.why), "")
    compares = not why
    if published is None:
        published = compares and per != "point"
    lines = per == "line" or (per is None and (published or compares))
    if published and not lines:
        raise InputError("the paper's figures are nats a line", do="leave out --per point, or --published")
    unknown = [curve.name for curve in found if curve.points_a_line is None]
    if lines and unknown:
        raise InputError(
            f"how many points the validation lines of {unknown[0]} have is not known", do="give --points-a-line"
        )
    kinds = {c.kind for c in found if c.kind in curves.PUBLISHED} or set(curves.PUBLISHED)
    marks = {
        name: value
        for kind in curves.PUBLISHED
        if kind in kinds
        for name, value in curves.PUBLISHED[kind].items()
    }

    def of(curve: curves.Curve) -> charts.Run:
        scale = curve.points_a_line if lines and curve.points_a_line else 1.0
        return charts.Run(curve.name, *(curve.points(w, across, scale) for w in ("training", "validation")))

    unit = "nats a line" if lines else "nats a point"
    svg = charts.losses(
        [of(curve) for curve in found], title=f"Loss: {unit}, in normalised units; validation thick", x=across,
        y=unit, published=marks if published else {},
    )  # fmt: skip
    last = {c.name: p[-1][1] for c in found if (p := of(c).validation)}
    figures = {"runs": [curve.name for curve in found], "unit": unit, "published": published, "last": last}
    if why and not published:
        figures["not_compared"] = why
    drawn(target, svg, dpi, figures, as_json, quiet)


def repaired(store: Store, data: str | None, preset: str, progress: Any) -> tuple[Removal, str, float]:
    """Recorded ink before and after its repair, a name for it, and the longest step that may stay.

    data: an ingest artifact, an ink artifact, whose own limits then count, or an ink.h5; None: the newest.
    """
    from hwkit.dataset import InkDataset
    from hwkit.evaluate.outliers import removal
    from hwkit.preprocess import PRESETS, Recipe

    found = find.ink(store, data) if data else find.newest(store, "ingest", "run hwkit ingest first")
    recipe = PRESETS[preset]
    if isinstance(found, Artifact) and found.stage == "ink":
        recipe = Recipe.read(InkDataset.open(found.file("ink.h5")).recipe)
        source = next((up.artifact for up in store.lineage(found) if up.role == "ingest"), None)
        if source is None:
            raise ArtifactError(
                f"the ink that {found.name} was made from is gone",
                do="ingest it again, or name an ingest artifact",
            )
        found = source
    dataset = InkDataset.open(found.file("ink.h5") if isinstance(found, Artifact) else found)
    return removal(dataset, recipe, progress), found.name, recipe.step_limit


PRESET = click.option(
    "--preset", default="raw", type=click.Choice(["raw", "aligned"]), show_default=True, help="Whose limits."
)


@plot.command(
    short_help="Points a line, before and after outliers are removed.",
    epilog="Example: hwkit plot lengths -o lengths.svg",
)
@click.argument("data", required=False)
@PRESET
@click.option("--bins", type=click.IntRange(2, 500), default=60, show_default=True)
@picture
def lengths(
    data: str | None, preset: str, bins: int, target: str, dpi: int, store: Store, as_json: bool, quiet: bool
) -> None:
    """Draw how many points lines have, as recorded and after the repair of outliers.

    DATA is an ingest artifact, an ink artifact (then its own limits count), or an ink.h5 of recorded ink; by
    default the newest ingest artifact.
    """
    import numpy as np

    from hwkit.render import charts

    wanted(target, as_json)
    with show.progress_bar(quiet, after=1.0) as progress:
        found, name, _ = repaired(store, data, preset, progress)
    both = [found.before.points, found.after.points]
    edges = np.linspace(0, max(1.0, *(float(p.max()) for p in both)) + 1, bins + 1)
    counts = [np.histogram(p, edges)[0].astype(np.float64) for p in both]
    svg = charts.overlaid(
        (f"as recorded: {int(both[0].sum()):,} points", counts[0]),
        (f"repaired: {int(both[1].sum()):,} points", counts[1]),
        edges, title=f"Points a line: {len(both[0]):,} lines of {name}", x="points a line",
    )  # fmt: skip
    figures = {
        "lines": len(both[0]), "points_before": int(both[0].sum()), "points_after": int(both[1].sum()),
        "interpolated": found.interpolated, "removed": found.removed,
        "longest_before": int(both[0].max()), "longest_after": int(both[1].max()),
    }  # fmt: skip
    drawn(target, svg, dpi, figures, as_json, quiet)


@plot.command(
    short_help="Steps of the pen, before and after outliers are removed.",
    epilog="Example: hwkit plot offsets --axis dx -o dx.png",
)
@click.argument("data", required=False)
@PRESET
@click.option(
    "--axis", type=click.Choice(["length", "dx", "dy"]), default="length", show_default=True, help="Of a step."
)
@click.option("--bins", type=click.IntRange(2, 500), default=80, show_default=True)
@picture
def offsets(
    data: str | None,
    preset: str,
    axis: str,
    bins: int,
    target: str,
    dpi: int,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw how long the pen's steps are, in recording units, as recorded and after the repair of outliers.

    Counts are on a logarithmic scale, for outliers are few. DATA is as for hwkit plot lengths.
    """
    import numpy as np

    from hwkit.render import charts

    wanted(target, as_json)
    with show.progress_bar(quiet, after=1.0) as progress:
        found, name, limit = repaired(store, data, preset, progress)
    mark = None
    if axis == "length":
        both = [np.hypot(*spread.steps.T) for spread in (found.before, found.after)]
        shown = [np.log10(np.maximum(steps, 0.1)) for steps in both]
        label = "log10 of a step's length, recording units (-1: no step)"
        if np.isfinite(limit):
            mark = (f"longest that stays: {limit:,.10g}", float(np.log10(limit)))
    else:
        both = [spread.steps[:, 0 if axis == "dx" else 1] for spread in (found.before, found.after)]
        shown, label = both, f"{axis}, recording units"
    everything = np.concatenate(shown)
    low, high = float(everything.min()), float(everything.max())
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    counts = [np.histogram(steps, edges)[0].astype(np.float64) for steps in shown]
    svg = charts.overlaid(
        (f"as recorded: {len(both[0]):,} steps", counts[0]),
        (f"repaired: {len(both[1]):,} steps", counts[1]),
        edges, title=f"Steps of the pen: {name}", x=label, logarithm=True, mark=mark,
    )  # fmt: skip
    figures = {
        "steps_before": len(both[0]), "steps_after": len(both[1]), "removed": found.removed,
        "interpolated": found.interpolated, "axis": axis,
        "deviation_before": float(both[0].std()), "deviation_after": float(both[1].std()),
        "largest_before": float(np.abs(both[0]).max()),
        "largest_after": float(np.abs(both[1]).max(initial=0.0)),
    }  # fmt: skip
    drawn(target, svg, dpi, figures, as_json, quiet)


@plot.command(
    short_help="How often each character stands in the texts.",
    epilog="Example: hwkit plot characters -o characters.svg",
)
@click.argument("data", required=False)
@picture
def characters(data: str | None, target: str, dpi: int, store: Store, as_json: bool, quiet: bool) -> None:
    """Draw how often each character stands in the texts of DATA: a vocabulary or ink artifact, or an ink.h5.

    By default the newest vocabulary. Characters that a vocabulary leaves out are grey.
    """
    from hwkit.render import charts

    wanted(target, as_json)
    counts, name = counted(store, data)
    svg = charts.characters(counts, title=f"Characters in the texts of {name}")
    figures = {
        "characters": len(counts), "letters_in_all": sum(n for _, n, _ in counts),
        "left_out": "".join(c for c, _, known in counts if not known),
        "rarest": [[c, n] for c, n, _ in counts[-5:]],
    }  # fmt: skip
    drawn(target, svg, dpi, figures, as_json, quiet)


def counted(store: Store, data: str | None) -> tuple[list[tuple[str, int, bool]], str]:
    """Each character of a vocabulary or of ink with how often it stands there, the most frequent first."""
    from collections import Counter

    from hwkit.dataset import InkDataset

    if data is None:
        found: Artifact | Path = find.newest(store, "vocabulary", "run hwkit preprocess first")
    else:
        found = Path(data) if Path(data).is_file() else store.resolve(data)
    if isinstance(found, Artifact) and found.stage == "vocabulary":
        with found.file("frequencies.csv").open(newline="", encoding="utf-8") as table:
            rows = [(r["character"], int(r["count"]), r["class"] == "kept") for r in csv.DictReader(table)]
        return rows, found.name
    dataset = InkDataset.open(found.file("ink.h5") if isinstance(found, Artifact) else found)
    counts = Counter(c for text in dataset.texts for c in text or "")
    if not counts:
        raise InputError("the ink has no text", file=data, do="name ink with text, or a vocabulary")
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(c, n, True) for c, n in ordered], found.name


MODEL = click.option(
    "--model",
    metavar="MODEL",
    help="A packaged model, a model's folder or a train artifact.  [default: default]",
)
SEED = click.option("--seed", type=click.IntRange(0), default=0, show_default=True)


@plot.command(
    short_help="A text at several biases.", epilog="Example: hwkit plot bias 'a move to stop' -o bias.png"
)
@click.argument("text")
@click.option("--bias", callback=numbers, default="0,0.5,1,2,5", show_default=True, help="Between commas.")
@click.option("--count", type=click.IntRange(1, 20), default=2, show_default=True, help="Columns, each a seed.")
@click.option(
    "--style", metavar="STYLE", help="A hand, or a file of ink.  [default: nobody's, as in the paper]"
)
@MODEL
@SEED
@picture
def bias(
    text: str,
    bias: tuple[float, ...],
    count: int,
    style: str | None,
    model: str | None,
    seed: int,
    target: str,
    dpi: int,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw TEXT once for each bias, one below the other (Graves 2013, section 5.4).

    Each column has a seed of its own. Nothing is chosen: every line is its seed's first try, and one that did
    not come to its end is marked.
    """
    from hwkit import style as styles
    from hwkit.generate.sampler import Request, Writer

    wanted(target, as_json)
    folder = folder_of(store, model)
    writer = Writer.open(folder)
    hand = styles.hand(writer, folder, style, seed) if style else None
    requests = [
        Request(text=text, seed=(seed, column), bias=value, hand=hand, retries=0)
        for value in bias
        for column in range(count)
    ]
    labels = [f"bias {value:g}" for value in bias]
    columns = [f"seed {seed}, {column + 1}" for column in range(count)]
    compared(writer, requests, labels, columns, f"{folder.name}: {text}", target, dpi, as_json, quiet)


@plot.command(
    short_help="Texts in several hands.",
    epilog="Example: hwkit plot prime 'a move to stop' 'Mr. Gaitskell' -o prime.png",
)
@click.argument("texts", nargs=-1, required=True)
@click.option(
    "--style",
    "names",
    multiple=True,
    metavar="STYLE",
    help="A hand, or a file of ink.  [default: all of the model's]",
)
@click.option("--bias", type=float, help="[default: the model's]")
@MODEL
@SEED
@picture
def prime(
    texts: tuple[str, ...],
    names: tuple[str, ...],
    bias: float | None,
    model: str | None,
    seed: int,
    target: str,
    dpi: int,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw TEXTS, a column each, in several hands, a row each (Graves 2013, section 5.5).

    Nothing is chosen: every line is its seed's first try, and one that did not come to its end is marked.
    """
    from hwkit import style as styles
    from hwkit.generate.hand import read_hands
    from hwkit.generate.sampler import Request, Writer

    wanted(target, as_json)
    folder = folder_of(store, model)
    writer = Writer.open(folder)
    names = names or tuple(sorted(read_hands(folder)))
    if not names:
        raise InputError("the model has no hands", file=folder, do="give --style FILE with ink of your own")
    requests = [
        Request(text=text, seed=(seed, row), bias=bias, hand=styles.hand(writer, folder, name, seed), retries=0)
        for row, name in enumerate(names)
        for text in texts
    ]
    labels = [Path(name).stem for name in names]
    used = writer.config.bias if bias is None else bias
    title = f"{folder.name}, bias {used:g}, seed {seed}"
    compared(writer, requests, labels, list(texts), title, target, dpi, as_json, quiet)


def folder_of(store: Store, model: str | None) -> Path:
    """The folder of a model that writes text. Raises InputError for one that does not."""
    from hwkit import pretrained

    found = find.model(store, model or pretrained.DEFAULT)
    folder = found.path if isinstance(found, Artifact) else found
    if pretrained.read_writing_config(folder).vocabulary is None:
        raise InputError(
            "a prediction network writes no text", file=folder, do="hwkit dream shows what it writes"
        )
    return folder


def compared(
    writer: Any,
    requests: Sequence[Any],
    labels: Sequence[str],
    columns: Sequence[str],
    title: str,
    target: str,
    dpi: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write all lines, row by row, and draw them in a grid."""
    from hwkit.render.grid import Cell, grid

    with show.progress_bar(quiet, after=1.0) as progress:
        written = writer.write_all(requests, progress)
    cells = [Cell(line.ink, line.ended) for line in written]
    wide = len(columns)
    rows = [(label, cells[n * wide : (n + 1) * wide]) for n, label in enumerate(labels)]
    svg = grid(rows, columns, unit=writer.config.statistics.unit, title=title)
    unended = sum(not cell.whole for cell in cells)
    drawn(
        target,
        svg,
        dpi,
        {"rows": list(labels), "columns": list(columns), "did_not_end": unended},
        as_json,
        quiet,
    )
