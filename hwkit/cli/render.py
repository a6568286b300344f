"""`hwkit render`: ink to SVG and PNG."""

from __future__ import annotations

import click
import msgspec

from hwkit.artifact import Store
from hwkit.cli import find, output, show
from hwkit.stages import RenderParameters, draw


@click.command(epilog="Example: hwkit render sample/1f3a -o lines.png")
@click.argument("ink")
@click.option(
    "--output", "-o", "target", required=True, metavar="FILE", help="FILE.svg, FILE.png, or - for SVG."
)
@click.option("--dpi", type=click.IntRange(10, 2400), default=200, show_default=True, help="Of a PNG.")
@click.option("--pen", "pen_mm", type=float, default=0.5, show_default=True, help="The pen's width in mm.")
@click.option("--colour", default="#000000", show_default=True, metavar="#RRGGBB")
@show.habits
def render(
    ink: str, target: str, dpi: int, pen_mm: float, colour: str, store: Store, as_json: bool, quiet: bool
) -> None:
    """Draw all lines of INK, one below the other: a sample or ink artifact, or an ink.h5.

    The SVG is in millimetres, one open path a stroke in the order of writing, as pen plotters like it.
    """
    output.check(target)
    asked = {"dpi": dpi, "pen_mm": pen_mm, "colour": colour}
    svg, page = draw(find.ink(store, ink), msgspec.convert(asked, RenderParameters))
    size = output.save(target, svg, dpi)
    result = {
        "output": target, "bytes": size, "strokes": len(page.strokes),
        "width_mm": page.width_mm, "height_mm": page.height_mm,
    }  # fmt: skip
    show.emit(as_json, result, lambda: show.table("render", result.items()), quiet=quiet or target == "-")
