"""`hwkit dream`: ink from a prediction network, which writes without a text."""

from __future__ import annotations

import click

from hwkit.artifact import Artifact, Store
from hwkit.cli import find, output, show
from hwkit.errors import InputError


@click.command(epilog="Example: hwkit dream train/3f2a --count 6 --bias 0.5 -o dreams.png")
@click.argument("model")
@click.option(
    "--output", "-o", "target", required=True, metavar="FILE", help="FILE.svg, FILE.png, or - for SVG."
)
@click.option("--count", type=click.IntRange(1, 1000), default=8, show_default=True, help="So many pieces.")
@click.option(
    "--points",
    type=click.IntRange(1, 100_000),
    default=700,
    show_default=True,
    help="Of each, as in the paper.",
)
@click.option(
    "--bias", type=float, help="0 dreams as learned, 1 to 2 neatly (section 5.4).  [default: the model's]"
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--width", type=float, default=280.0, show_default=True, help="Of the sheet, in mm.")
@click.option("--size", type=float, default=1.6, show_default=True, help="Of the writing's unit, in mm.")
@click.option("--pen-width", type=float, default=0.3, show_default=True, help="In mm.")
@click.option("--dpi", type=click.IntRange(10, 2400), default=150, show_default=True, help="Of a PNG.")
@show.habits
def dream(
    model: str,
    target: str,
    count: int,
    points: int,
    bias: float | None,
    seed: int,
    width: float,
    size: float,
    pen_width: float,
    dpi: int,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Let MODEL, a prediction network, write what comes to it (Graves 2013, section 4.4).

    A train artifact or a model's folder; hwkit train with kind = "prediction" makes one. Each piece is begun
    anew, with a seed of its own, and has as many points as asked, for nothing says where it ends. The SVG is
    one open path a stroke, in mm.
    """
    if as_json and target == "-":
        raise InputError("--json and -o - both want standard output", do="choose one of them")
    output.check(target)

    from hwkit import pretrained
    from hwkit.generate.sampler import Writer, checked_bias
    from hwkit.layout import Pen
    from hwkit.render.flow import flow
    from hwkit.render.svg import svg

    found = find.model(store, model)
    folder = found.path if isinstance(found, Artifact) else found
    config = pretrained.read_writing_config(folder)
    if config.vocabulary is not None:
        raise InputError(
            "the model writes what it is told: it is a synthesis network", file=folder,
            do="hwkit write or hwkit sample gives it a text; only a prediction network dreams",
        )  # fmt: skip
    used = checked_bias(config.bias if bias is None else bias)
    pen = Pen(pen_width)
    inks = []
    writer = Writer.open(folder)
    with show.progress_bar(quiet, after=1.0) as progress:
        for n in range(count):
            progress(n, count, "dreaming")
            inks.append(writer.sample("", (seed, n), bias=used, points=points).ink)
        progress(count, count, "drawing")
    page = flow(inks, unit=config.statistics.unit, unit_mm=size, width_mm=width, pen=pen)
    size_bytes = output.save(target, svg(page), dpi)
    result = {
        "output": target, "bytes": size_bytes, "count": count, "points": sum(map(len, inks)),
        "strokes": len(page.strokes), "bias": used, "seed": seed,
        "width_mm": round(page.width_mm, 3), "height_mm": round(page.height_mm, 3),
    }  # fmt: skip
    show.emit(as_json, result, lambda: show.table("dream", result.items()), quiet=quiet or target == "-")
