"""`hwkit explain`: a page on which a line is written point by point, with all that the network thought."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hwkit.cli import show
from hwkit.cli.write import given_text, random_seed
from hwkit.errors import InputError
from hwkit.render import files

LONGEST = 100  # characters of a line; a page of more would be slow to open
BIAS = 0.5  # less than models have for writing, so that the blobs can be seen
SUFFIXES = (".html", ".htm")


@click.command(epilog="Example: hwkit explain 'how does it work?' -o page.html")
@click.argument("text", required=False)
@click.option(
    "--output", "-o", "target", required=True, metavar="FILE", help="FILE.html, or - for standard output."
)
@click.option("--model", metavar="MODEL", help="A packaged model's name or a model's folder.")
@click.option("--style", metavar="STYLE", help="A hand (see hwkit styles), random, or a file of your own ink.")
@click.option("--style-text", metavar="TEXT", help="What that file's ink says, where it does not say so.")
@click.option(
    "--bias", type=float, help="0 writes as learned, 1 to 2 neatly, in blobs too small to see.  [default: 0.5]"
)
@click.option(
    "--seed", type=click.IntRange(0), help="The same seed, the same page.  [default: random, printed]"
)
@show.output_options
def explain(
    text: str | None,
    target: str,
    model: str | None,
    style: str | None,
    style_text: str | None,
    bias: float | None,
    seed: int | None,
    as_json: bool,
    quiet: bool,
) -> None:
    """Explain how TEXT is written: a page of HTML, one file that needs no network.

    The ink is drawn point by point while the soft window slides over the characters (Graves 2013, eqs. 46
    to 51), blobs show where the pen may go, and the probability that the stroke ends rises (eqs. 18 to 25).
    TEXT is one line of what the model knows; - is standard input.
    """
    if as_json and target == "-":
        raise InputError("--json and -o - both want standard output", do="choose one of them")
    if target != "-" and Path(target).suffix.lower() not in SUFFIXES:
        raise InputError("what page that is to be is unknown", file=target, do="end its name in .html")
    files.check_place(target)
    line = given_text(text, None).strip("\n").strip()
    if len(line.splitlines()) > 1 or len(line) > LONGEST:
        raise InputError(f"a page explains one line of up to {LONGEST} characters", do="give a shorter text")

    from hwkit import pretrained
    from hwkit import style as styles
    from hwkit.generate.sampler import Request, Writer
    from hwkit.generate.watched import watched
    from hwkit.render.explain import explanation

    folder = pretrained.find(model or pretrained.DEFAULT)
    writer = Writer.open(folder)
    if writer.config.vocabulary is None:
        raise InputError("a prediction network writes no text", file=folder, do="give a synthesis model")
    seed = random_seed() if seed is None else seed
    hand = styles.hand(writer, folder, style, seed, style_text)
    bias = BIAS if bias is None else bias
    seen = watched(writer, Request(text=line, seed=(seed,), bias=bias, hand=hand))
    if not seen.sampled.ended:
        show.warn("the line did not come to the end of its text; try another --seed")
    page = explanation(
        seen, writer.config.statistics, model=folder.name, bias=bias, seed=seed,
        style=style or ("at random" if hand else "the model's own"),
    )  # fmt: skip
    if target == "-":
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
    else:
        files.write_files([(Path(target), page)])
    result = {
        "output": target, "bytes": len(page), "seed": seed, "bias": bias, "points": len(seen.sampled.ink),
        "ended": seen.sampled.ended,
    }  # fmt: skip
    size = f"{len(page) / 1e6:.2f} MB, {len(seen.sampled.ink):,} points"
    told = f"{target}: {size}, seed {seed}; open it in a browser"
    show.emit(as_json, result, lambda: click.echo(show.plain(told)), quiet=quiet or target == "-")
