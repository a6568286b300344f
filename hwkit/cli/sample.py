"""`hwkit sample`: ink from a model, with all that the network thought at each step."""

from __future__ import annotations

import click
import msgspec

from hwkit.artifact import Input, Store
from hwkit.cli import find, show
from hwkit.errors import InputError
from hwkit.stages import Circumstances, build


@click.command(epilog="Example: hwkit sample first --text 'a move to stop' --bias 1 --count 3")
@click.argument("model")
@click.option("--text", "-t", "texts", multiple=True, help="What to write; may be given several times.")
@click.option("--count", type=click.IntRange(1), default=1, show_default=True, help="Samples of each text.")
@click.option(
    "--bias",
    type=float,
    default=None,
    help="0 writes as learned, 1 to 2 neatly (section 5.4).  [default: the model's]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--points", type=click.IntRange(1), default=700, show_default=True, help="Without text: how many."
)
@click.option("--prime", metavar="INK", help="Ink whose hand is taken up (5.5): an artifact or an ink.h5.")
@click.option("--prime-line", default="", metavar="ID", help="Its line.  [default: the first]")
@click.option("--prime-text", default="", metavar="TEXT", help="What it says.  [default: its own transcript]")
@show.habits
def sample(
    model: str,
    texts: tuple[str, ...],
    count: int,
    bias: float | None,
    seed: int,
    points: int,
    prime: str | None,
    prime_line: str,
    prime_text: str,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write lines of ink with MODEL: a packaged name, a model's folder, or a train artifact.

    The artifact holds the strokes and, at every step, the mixture's parameters, the probability that
    the stroke ends, and the window. A prediction network takes no --text.
    """
    asked = {
        "texts": texts, "count": count, "bias": bias, "seed": seed, "points": points,
        "prime_line": prime_line, "prime_text": prime_text,
    }  # fmt: skip
    if not prime and (prime_line or prime_text):
        raise InputError("--prime-line and --prime-text go with --prime")
    from hwkit.generate.request import SampleParameters

    inputs: dict[str, Input] = {"model": find.model(store, model)}
    if prime:
        inputs["prime"] = find.ink(store, prime)
    with show.progress_bar(quiet) as progress:
        artifact = build(
            store, "sample", msgspec.convert(asked, SampleParameters), inputs, Circumstances(progress)
        )
    figures = artifact.metrics
    if figures["unended"]:
        show.warn(f"{len(figures['unended'])} lines did not come to the end of their text")
    show.finish(
        artifact, [("lines", figures["lines"]), ("points", show.count(figures["points"]))], as_json, quiet
    )
