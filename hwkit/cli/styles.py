"""`hwkit styles`: the hands that come with a model, and how new ones are made."""

from __future__ import annotations

from pathlib import Path

import click

from hwkit.cli import output, show
from hwkit.errors import InputError

TEXT = "The quick brown fox jumps over 13 lazy dogs."


@click.command(
    epilog="Examples: hwkit styles -o styles.png; hwkit styles --model my-model --make maple=5 --make oak=36"
)
@click.option("--model", metavar="MODEL", help="A packaged model's name or a model's folder.")
@click.option("--output", "-o", "target", metavar="FILE", help="Draw them on a sheet: FILE.png, FILE.svg …")
@click.option("--text", default=TEXT, show_default=True, help="What each hand writes on the sheet.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the sheet's writing.")
@click.option(
    "--make",
    multiple=True,
    metavar="NAME=SEED",
    help="Put a hand into the model's folder: ink that it wrote itself.",
)
@show.output_options
def styles(
    model: str | None,
    target: str | None,
    text: str,
    seed: int,
    make: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """List the hands of a model, draw them, or make some.

    `hwkit write --style NAME` writes in one. A hand is the state of the network after it has written a
    line of its own, so what follows goes on in that hand (Graves 2013, section 5.5); no recorded ink is in it.
    """
    from hwkit import pretrained
    from hwkit.generate.hand import read_hands, write_hands
    from hwkit.generate.sampler import Writer

    folder = pretrained.find(model or pretrained.DEFAULT)
    pretrained.read_writing_config(folder)
    if target is not None:
        output.check_pages(target)
    hands = read_hands(folder)
    if make:
        from hwkit.style import make_hand

        writer = Writer.open(folder)
        for given in make:
            name, _, number = given.partition("=")
            if not (name.isidentifier() and number.isdecimal()):
                raise InputError(f"{given!r} is no NAME=SEED", do="say --make maple=5")
            hands[name] = make_hand(writer, int(number))
        write_hands(folder, hands)
    if target is not None:
        draw(folder, sorted(hands), text, seed, target, quiet)
    result = {"model": folder.name, "styles": sorted(hands), "output": target}
    listed = "\n".join(sorted(hands)) or f"{folder.name} has no hands to choose from: it writes in its own"
    show.emit(as_json, result, lambda: click.echo(listed), quiet=quiet or target == "-")


def draw(folder: Path, names: list[str], text: str, seed: int, target: str, quiet: bool) -> None:
    """A sheet: the text once in each hand, its name before it, written by the alphabet."""
    from hwkit import alphabet
    from hwkit.generate.hand import read_hands
    from hwkit.generate.sampler import Writer
    from hwkit.layout import Line, Pen, Setting, Word, set_pages
    from hwkit.letter import Order, words_of_lines

    if not names:
        raise InputError("the model has no hands", file=folder, do="make some with --make NAME=SEED")
    hands = read_hands(folder)
    order = Order(text="\n".join([text] * len(names)), hands=tuple(hands[name] for name in names), seed=seed)
    with show.progress_bar(quiet, after=1.0) as progress:
        ((lines, *_),) = words_of_lines(Writer.open(folder), [order], progress=progress)
    widest = max(alphabet.draw(name).points[:, 0].max() for name in names)
    rows = []
    for name, line in zip(names, lines, strict=True):
        label = alphabet.draw(name)
        indent = 2.0 + widest - label.points[:, 0].max()
        first, *rest = line.words
        moved = Word(first.text, first.ink, indent, first.breaks)
        rows.append(Line((Word(name, label), moved, *rest)))
    output.save_pages(target, set_pages(rows, Setting(wander=0.0), (Pen(0.35),)))
