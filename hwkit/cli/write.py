"""`hwkit write`: any text by hand, at once. Imports no torch, no scipy, no HDF5."""

from __future__ import annotations

import sys

import click

from hwkit.cli import output, show
from hwkit.errors import HwkitError, InputError


@click.command(epilog="Examples: hwkit write 'hello' -o out.svg; echo 'Thank you' | hwkit write - -o out.png")
@click.argument("text")
@click.option(
    "--output", "-o", "target", required=True, metavar="FILE", help="FILE.svg, FILE.png, or - for SVG."
)
@click.option(
    "--model", metavar="MODEL", help="A packaged model's name or a model's folder.  [default: the first]"
)
@click.option(
    "--bias", type=float, default=None, help="0 writes as learned, 1 to 2 neatly.  [default: the model's]"
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, another hand."
)
@click.option("--width", type=click.IntRange(10, 75), default=50, show_default=True, help="Characters a line.")
@click.option("--dpi", type=click.IntRange(10, 2400), default=200, show_default=True, help="Of a PNG.")
@click.option("--pen", "pen_mm", type=float, default=0.5, show_default=True, help="The pen's width in mm.")
@click.option("--colour", default="#000000", show_default=True, metavar="#RRGGBB")
@show.output_options
def write(
    text: str,
    target: str,
    model: str | None,
    bias: float | None,
    seed: int,
    width: int,
    dpi: int,
    pen_mm: float,
    colour: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write TEXT (or, with -, what comes on standard input) by hand.

    A newline is a line break, longer lines are cut at spaces. The same text, model and seed give the
    same file. A line that does not come to its end, even with other seeds, is saved as far as it
    came, named, and makes the exit code 1.
    """
    from hwkit import pretrained
    from hwkit.generate.sampler import Writer
    from hwkit.layout import break_lines, lay_out
    from hwkit.render.svg import svg

    output.check(target)
    if as_json and target == "-":
        raise InputError("--json and -o - both want standard output", do="choose one of them")
    lines = break_lines(standard_input() if text == "-" else text, width)
    if not any(lines):
        raise InputError("there is no text to write", do="give at least one character")
    writer = Writer.open(pretrained.find(model or pretrained.DEFAULT))
    if writer.config.vocabulary is None:
        raise InputError("a prediction network writes no text", do="give a synthesis model")
    for line in filter(None, lines):
        writer.config.vocabulary.encode(line)  # an unknown character is told before anything is written
    unended, inks = [], []
    with show.progress_bar(quiet or len(lines) < 3) as progress:
        for n, line in enumerate(lines):
            progress(n, len(lines), "writing lines")
            sampled = writer.write(line, (seed, n), bias=bias) if line else None
            if sampled and not sampled.ended:
                unended.append(line)
            inks.append(sampled.ink if sampled else None)
    page = lay_out(inks, unit=writer.config.statistics.unit, pen_mm=pen_mm)
    size = output.save(target, svg(page, pen_mm=pen_mm, colour=colour), dpi)
    if as_json:
        result = {
            "output": target, "bytes": size, "lines": lines, "unended": unended, "strokes": len(page.strokes),
            "width_mm": page.width_mm, "height_mm": page.height_mm,
        }  # fmt: skip
        show.emit(True, result, lambda: None)
    elif not quiet and target != "-":
        click.echo(
            show.plain(
                f"{target}: {len(lines)} line{'s' * (len(lines) != 1)}, {len(page.strokes)} strokes, "
                f"{page.width_mm:.0f} x {page.height_mm:.0f} mm"
            )
        )
    if unended:
        raise HwkitError(
            f"{len(unended)} of {len(lines)} lines could only be written in part, the first is {unended[0]!r}",
            file=target, do="it is saved; try another --seed",
        )  # fmt: skip


def standard_input() -> str:
    """Text from standard input. Raises InputError where it is not UTF-8."""
    try:
        return sys.stdin.buffer.read().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"standard input is not UTF-8 (byte {error.start + 1})", do="convert it first"
        ) from error
