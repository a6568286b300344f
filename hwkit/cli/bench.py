"""`hwkit bench`: how fast this machine does hwkit's work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from hwkit.cli import find, show
from hwkit.errors import InputError

if TYPE_CHECKING:
    from hwkit.bench.sample import SampleFigures, Speed
    from hwkit.bench.train import TrainFigures

COUNT = click.IntRange(1)


@click.group(epilog="Examples: hwkit bench sample; hwkit bench train --updates 3")
def bench() -> None:
    """Measure how fast this machine does hwkit's work."""


@bench.command(
    "train",
    short_help="Measure whole training steps.",
    epilog="Example: hwkit bench train --batch 64 --profile",
)
@click.option(
    "--layers", default="400,400,400", show_default=True, metavar="N,...", help="Cells of each layer."
)
@click.option("--batch", type=COUNT, default=128, show_default=True, help="Lines a batch.")
@click.option("--points", type=COUNT, default=254, show_default=True, help="Points a line, within 2.5 %.")
@click.option("--characters", type=COUNT, default=30, show_default=True, help="Characters a line.")
@click.option(
    "--classes", type=click.IntRange(2), default=57, show_default=True, help="Size of the vocabulary."
)
@click.option("--updates", type=COUNT, default=5, show_default=True, help="Updates measured; in tens on a GPU.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option(
    "--products",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="Dtype of hwkit's matrix products.",
)
@click.option("--profile", is_flag=True, help="Say where the time of one step goes.")
@click.option("--no-reference", is_flag=True, help="Leave out plain PyTorch, which takes most of the time.")
@show.output_options
def train_command(as_json: bool, quiet: bool, layers: str, no_reference: bool, **shapes: Any) -> None:
    """Measure whole training steps on made-up lines, beside the machine's peak and plain PyTorch.

    A step is loader, forward, backward, clipping, optimiser and running average, as hwkit train does
    them. The peak is the best of several products of 2048 x 2048 matrices (8192 on a GPU), before and
    after. Plain PyTorch is the same network with nn.LSTM and a loop over the steps for the layer with
    the window, in float32 and under autocast in bfloat16; the better one counts.
    """
    from hwkit.bench.train import TrainBench, measure

    find.device(shapes["device"])
    work = TrainBench(layers=cells(layers), reference=not no_reference, **shapes)
    with show.progress_bar(quiet) as progress:
        figures = measure(work, progress)
    result = {"bench": "train", "shapes": msgspec.to_builtins(work), **msgspec.to_builtins(figures)}
    show.emit(as_json, result, lambda: draw(figures), quiet=quiet)


@bench.command(
    "sample",
    short_help="Measure writing and the start.",
    epilog="Example: hwkit bench sample --model first",
)
@click.option(
    "--layers",
    default="400,400,400",
    show_default=True,
    metavar="N,...",
    help="Cells of each layer of a made-up network.",
)
@click.option("--model", metavar="MODEL", help="A packaged model's name or a model's folder in its place.")
@click.option("--characters", type=COUNT, default=45, show_default=True, help="Characters a line.")
@click.option("--rounds", type=COUNT, default=3, show_default=True, help="Rounds, of which the median counts.")
@click.option("--no-reference", is_flag=True, help="Leave out plain PyTorch.")
@click.option("--no-start", is_flag=True, help="Leave out the cold start.")
@show.output_options
def sample_command(
    as_json: bool, quiet: bool, layers: str, no_reference: bool, no_start: bool, **shapes: Any
) -> None:
    """Measure how fast lines are written, one alone and 64 together, and how fast hwkit starts.

    Beside it the products of a step alone (the same weights, one line), a plain sampler in PyTorch where
    it is installed, and a cold hwkit write hello against importing numpy, click, rich, lxml and h5py.
    """
    from hwkit.bench.sample import SampleBench, measure

    work = SampleBench(layers=cells(layers), reference=not no_reference, start=not no_start, **shapes)
    with show.progress_bar(quiet) as progress:
        figures = measure(work, progress)
    result = {"bench": "sample", "asked": msgspec.to_builtins(work), **msgspec.to_builtins(figures)}
    show.emit(as_json, result, lambda: draw_sample(figures), quiet=quiet)


def draw_sample(figures: SampleFigures) -> None:
    """The table for people."""
    rows = [
        ("processor", f"{figures.processor}, {figures.threads} threads"),
        ("numpy", figures.numpy),
        ("network", figures.network),
        ("one line", _speed(figures.alone)),
        ("its products alone", f"{figures.products_ms:.3f} ms a point"),
        (f"{figures.together.lines} lines", _speed(figures.together)),
    ]
    for name, plain in (("one line", figures.plain_alone), ("together", figures.plain_together)):
        if plain is not None:
            rows.append((f"plain PyTorch, {name}", _speed(plain)))
    rows.append(("peak memory", f"{figures.memory / 1e6:,.0f} MB without PyTorch"))
    if (start := figures.start) is not None:
        rows += [
            ("cold hwkit write hello", f"{start.write:.2f} s"),
            ("importing the packages", f"{start.imports:.2f} s: {start.write / start.imports:.2f} times that"),
        ]
    show.table("bench sample", rows)


def _speed(speed: Speed) -> str:
    ms = 1e3 * speed.processor_seconds / speed.points * speed.lines
    return (
        f"{speed.per_second:,.0f} points/s, {speed.milliseconds:.3f} ms for a point of each "
        f"({ms:.3f} ms of processor time)"
    )


def cells(layers: str) -> tuple[int, ...]:
    """`400,400` as numbers. Raises InputError."""
    try:
        return tuple(int(part) for part in layers.split(","))
    except ValueError as error:
        raise InputError(f"--layers {layers!r} is no list of numbers", do="give one such as 400,400") from error


def draw(figures: TrainFigures) -> None:
    """The tables for people."""
    at = figures.machine
    flags = [flag for flag in ("amx_bf16", "avx512_bf16") if flag not in at.flags]
    rows = [
        ("processor", f"{at.processor}, {at.cores} cores, {at.threads} threads"),
        ("instructions", ", ".join(at.flags) + (f"; no {', no '.join(flags)}" if flags else "")),
        ("torch", f"{at.torch}, {at.capability}"),
        ("peak of bfloat16 products", _peak(figures.before.bfloat16, figures.after.bfloat16)),
        ("peak of float32 products", _peak(figures.before.float32, figures.after.float32)),
        ("arithmetic", f"{figures.flop_per_point / 1e6:.2f} MFLOP a point (2 x weights used x 3 passes)"),
        (f"hwkit, products in {figures.products}", _rates(figures.hwkit.median, figures.hwkit.each)),
        (f"share of the {figures.products} peak", f"{figures.share_of_peak:.1%}"),
        ("steps", "compiled" if figures.steps == "NativeSteps" else "torch operations"),
        *((name, _rates(rates.median, rates.each)) for name, rates in figures.plain.items()),
    ]
    if at.gpu:
        rows.insert(0, ("GPU", at.gpu))
    if figures.ratio is not None:
        rows.append(("hwkit to the better of them", f"{figures.ratio:.2f} times"))
    memory = f"{figures.memory / 1e6:,.0f} MB"
    if figures.plain:
        memory += f", {figures.memory_with_reference / 1e6:,.0f} MB with the reference"
    rows += [("padding", f"{figures.padding:.1%} of a batch"), ("peak memory", memory)]
    show.table("bench train", rows)
    if figures.profile:
        click.echo()
        show.columns(
            "where the time of a step goes",
            ("part", "share", "products", "elementwise", "copies", "own kernels, Python"),
            [
                (row.part, *(f"{value:.1%}" for value in _shares(row)))
                for row in figures.profile
                if row.share >= 0.0005
            ],
        )


def _shares(row: Any) -> tuple[float, ...]:
    return row.share, row.products, row.elementwise, row.copies, row.rest


def _peak(before: float, after: float) -> str:
    mean = (before + after) / 2
    return f"{mean / 1e12:.3f} TFLOP/s ({before / 1e12:.3f} before, {after / 1e12:.3f} after)"


def _rates(median: float, each: tuple[float, ...]) -> str:
    return f"{median:,.0f} points/s ({min(each):,.0f} to {max(each):,.0f})"
