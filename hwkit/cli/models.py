"""`hwkit models`: which models there are, what is known of them, and how they write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from hwkit.artifact import Artifact, Store
from hwkit.cli import find, output, show
from hwkit.errors import HwkitError

if TYPE_CHECKING:
    from hwkit.pretrained.pack import Described


@click.group(invoke_without_command=True, epilog="Example: hwkit models show first")
@show.habits
@click.pass_context
def models(ctx: click.Context, store: Store, as_json: bool, quiet: bool) -> None:
    """List the packaged models and the trained ones of the store; show, pack and look at one.

    The figures are of the split that the model was measured on, in its normalised units; models of
    different preprocessing cannot be compared by them. Of a reader it is the share of characters it misreads.
    """
    if ctx.invoked_subcommand is not None:
        return
    from hwkit import pretrained
    from hwkit.pretrained import card, pack

    found: list[Described] = pack.packaged()
    for trained in (a for a in store.all() if a.stage == "train"):
        try:
            found.append(pack.of_artifact(store, trained))
        except HwkitError as error:
            show.warn(str(error))

    def row(model: Described) -> tuple[object, ...]:
        config = model.config
        what = config.about or f"{card.network(config)}, {card.recipe(config)} ink"
        default = " (default)" if model.name == pretrained.DEFAULT else ""
        return (
            model.name + default, card.licence(config), what, *measured(model), f"{model.size / 1e6:.1f} MB",
            card.characters(config) or "none",
        )  # fmt: skip

    header = ("model", "licence", "what it is", "nats a line", "a point", "misread", "size", "characters")
    show.emit(
        as_json,
        {"models": [summary(model) for model in found]},
        lambda: show.columns(f"{len(found)} models", header, map(row, found)),
        quiet=quiet,
    )


@models.command("show", short_help="Print a model's card.", epilog="Example: hwkit models show first")
@click.argument("model")
@show.habits
def show_command(model: str, store: Store, as_json: bool, quiet: bool) -> None:
    """Print the card of MODEL: a packaged name, a model's folder, or a train artifact."""
    described = described_by(store, model)
    card = described.folder / "README.md"

    def draw() -> None:
        try:
            text = card.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise HwkitError("the model has no card that can be read", file=card) from error
        click.echo("\n".join(map(show.plain, text.splitlines())))

    show.emit(as_json, summary(described), draw, quiet=quiet)


@models.command(
    "pack",
    short_help="Write a train artifact as a model's folder.",
    epilog="Example: hwkit models pack train/3f2a my-model --about 'my own hand'",
)
@click.argument("trained", metavar="ARTIFACT")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--about", default="", metavar="LINE", help="What the model is, in a line.")
@click.option(
    "--licence", default="", metavar="TEXT", help="Of the weights.  [default: the training ink's terms]"
)
@show.habits
def pack_command(
    trained: str, folder: Path, about: str, licence: str, store: Store, as_json: bool, quiet: bool
) -> None:
    """Write ARTIFACT, a trained model, into the new FOLDER, which --model takes anywhere.

    It holds the weights, the config, the card with licence and data as the artifact's ancestry tells
    them, the curve of the loss, and the newest figures that hwkit evaluate has of a whole split.
    """
    from hwkit.pretrained import pack

    made = pack.pack(store, store.resolve(trained), folder, about=about, licence=licence)
    if made.figures is None:
        show.warn(f"{trained} has no figures; measure it with hwkit evaluate, then pack it")
    if not made.config.licence:
        show.warn("the licence is unknown; give it with --licence")
    rows: list[tuple[str, object]] = [
        ("size", f"{made.size / 1e6:.1f} MB"),
        ("licence", made.config.licence.partition("\n")[0] or "unknown"),
        ("characters misread", measured(made)[2]) if reads(made) else ("nats a line", measured(made)[0]),
    ]
    show.emit(as_json, summary(made), lambda: show.table(str(folder), rows), quiet=quiet)


@models.command(
    "sheet",
    short_help="Draw a model's writing at four biases, to look at.",
    epilog="Example: hwkit models sheet first -o sheet.png",
)
@click.argument("model")
@click.option(
    "--output", "-o", "target", required=True, metavar="FILE", help="FILE.png, FILE.svg, or - for SVG."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Another seed, other hands.")
@click.option("--dpi", type=click.IntRange(10, 600), default=110, show_default=True, help="Of a PNG.")
@show.habits
def sheet_command(
    model: str, target: str, seed: int, dpi: int, store: Store, as_json: bool, quiet: bool
) -> None:
    """Draw two dozen sentences as MODEL writes them at biases 0, 0.5, 1 and 2: look before you call it done.

    Nothing is chosen: every line is the first try of its seed, and one that did not come to its end is
    marked. Characters that the model does not know are left out of a sentence.
    """
    from hwkit.evaluate.specimen import specimen

    output.check(target)
    described = described_by(store, model)
    with show.progress_bar(quiet) as progress:
        svg, figures = specimen(described.folder, seed=seed, title=described.name, progress=progress)
    size = output.save(target, svg, dpi)
    if target == "-":
        return
    unended = ", ".join(f"{n} at {bias}" for bias, n in figures["unended"].items() if n) or "none"
    rows = [("lines", figures["lines"]), ("did not end", unended), ("bytes", show.count(size))]
    show.emit(
        as_json, {"output": target, "bytes": size, **figures}, lambda: show.table(target, rows), quiet=quiet
    )


def described_by(store: Store, reference: str) -> Described:
    """A model by its packaged name, its folder or its artifact. Raises InputError, ArtifactError."""
    from hwkit.pretrained import pack

    model = find.model(store, reference)
    return pack.of_artifact(store, model) if isinstance(model, Artifact) else pack.of_folder(model, reference)


def measured(model: Described) -> tuple[str, str, str]:
    """Of a model that writes its nats a line and a point, of a reader the share of characters it misreads."""
    if not reads(model):
        return figure(model, "nats_per_line", 1), figure(model, "nats_per_point", 3), ""
    error = (model.figures or {}).get("character_error")
    return "", "", f"{error:.1%}" if isinstance(error, float) else "unknown"


def reads(model: Described) -> bool:
    """Whether it is a reader."""
    return model.config.network.kind == "reader"


def figure(model: Described, name: str, digits: int) -> str:
    """One of a model's figures, or that it is unknown."""
    value = (model.figures or {}).get(name)
    return f"{value:,.{digits}f}" if isinstance(value, int | float) else "unknown"


def summary(model: Described) -> dict[str, object]:
    """A model for programs; null is what is unknown."""
    import msgspec

    from hwkit import pretrained

    config = model.config
    vocabulary = config.vocabulary
    return {
        "name": model.name,
        "path": str(model.folder),
        "default": model.name == pretrained.DEFAULT,
        "about": config.about or None,
        "licence": config.licence or None,
        "data": list(config.data) or None,
        "learned": list(config.learned) or None,
        "network": msgspec.to_builtins(config.network),
        "recipe": msgspec.to_builtins(config.recipe),
        "bias": config.bias,
        "bytes": model.size,
        "characters": vocabulary.characters + vocabulary.non_letter if vocabulary else "",
        "figures": model.figures,
    }
