"""`hwkit write`: any text by hand, at once. Imports no torch, no scipy, no HDF5."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hwkit.cli import output, show
from hwkit.errors import HwkitError, InputError

if TYPE_CHECKING:
    from hwkit.generate.hand import Hand
    from hwkit.letter import Letter, Order

PAGES = "fit, a4, letter, a5, a6, or WxH in mm"


def numbers(ctx: click.Context, parameter: click.Parameter, value: str | None) -> tuple[float, ...] | None:
    """Numbers between commas, for an option."""
    try:
        return None if value is None else tuple(map(float, value.split(",")))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not one, two or four numbers") from None


@click.command(
    epilog="Examples: hwkit write 'hello' -o out.svg; hwkit write -f letter.txt --page a4 -o letter.pdf; "
    "hwkit write -f template.txt --rows people.csv -o 'out/{name}.svg'.\n\n"
    "Licence of the weights: the default model's are for non-commercial research, as the ink is that they "
    "learned from (IAM-OnDB); those of --model cursive are under the MIT licence, for any use. hwkit models "
    "lists the licence of each."
)
@click.argument("text", required=False)
@click.option("--file", "-f", metavar="FILE", help="The text, UTF-8; - is standard input.")
@click.option("--output", "-o", "target", required=True, metavar="FILE", help="Where to; - is standard output.")
@click.option("--format", "form", type=click.Choice(output.FORMATS), help="[default: as FILE's name ends]")
@click.option("--model", metavar="MODEL", help="A packaged model's name or a model's folder.")
@click.option("--style", metavar="STYLE", help="A hand (see hwkit styles), random, or a file of your own ink.")
@click.option("--style-text", metavar="TEXT", help="What that file's ink says, where it does not say so.")
@click.option("--bias", type=float, help="0 writes as learned, 1 to 2 neatly.  [default: the model's]")
@click.option(
    "--seed", type=click.IntRange(0), help="The same seed, the same file.  [default: random, printed]"
)
@click.option(
    "--variants", type=click.IntRange(1), default=1, show_default=True, help="So many, FILE-1, FILE-2 …"
)
@click.option(
    "--unknown",
    type=click.Choice(["refuse", "skip", "replace"]),
    default="refuse",
    show_default=True,
    help="What to do with a character that can neither be written nor drawn.",
)
@click.option(
    "--candidates",
    type=click.IntRange(1),
    metavar="N",
    help="Write each line N times and keep the one that reads best; 1 takes it as it comes.  "
    "[default: 4; 2 up to 10 characters and over 4,000; 1 for cursive, as the reader's terms are not MIT]",
)
@click.option("--report", is_flag=True, help="Say what was tried for each line, and which words are doubtful.")
@click.option("--page", default="fit", show_default=True, metavar="PAGE", help=f"{PAGES}.")
@click.option("--width", type=float, help="Of the text, in mm; wraps it.")
@click.option(
    "--margin",
    callback=numbers,
    metavar="MM",
    help="One for all sides; top and bottom,left and right; or top,right,bottom,left.",
)
@click.option("--size", type=float, default=2.5, show_default=True, help="Height of an x, in mm.")
@click.option("--line-height", type=float, help="From base line to base line, in mm.")
@click.option(
    "--align", type=click.Choice(["left", "center", "right", "justify"]), default="left", show_default=True
)
@click.option("--ruled", is_flag=True, help="Draw a line under each row.")
@click.option("--grid", is_flag=True, help="Draw a grid of 5 mm.")
@click.option("--slope", type=float, default=0.0, show_default=True, help="Of the base line, degrees uphill.")
@click.option(
    "--wander", type=float, default=1.0, show_default=True, help="Of the base line; 0 is a machine's."
)
@click.option("--pen-width", type=float, default=0.5, show_default=True, help="In mm.")
@click.option("--color", "--colour", default="#000000", show_default=True, metavar="#RRGGBB")
@click.option(
    "--pressure", is_flag=True, help="Strokes swell where the pen is slow or bends; not for plotters."
)
@click.option("--polyline", is_flag=True, help="Straight segments in the SVG in place of curves.")
@click.option("--dpi", type=click.IntRange(10, 2400), default=200, show_default=True, help="Of a PNG.")
@click.option("--seconds", type=float, help="How long an animation takes.  [default: as long as a hand]")
@click.option("--rows", metavar="CSV", help="A letter a row: {column} in text and FILE is the row's value.")
@click.option("--skip-existing", is_flag=True, help="With --rows: leave out letters whose file is there.")
@show.output_options
def write(**options: Any) -> None:
    """Write TEXT (or a file, or standard input) by hand.

    A newline is a line break. Lines are wrapped only with --width or a page other than fit, by what was
    really written. The same text, model, style and seed give the same bytes. A word that cannot be
    written, even with other seeds, is named and left out, and the exit code is 1.

    With --rows there is a letter for each row. All are in one hand, that of --style or --seed, but each is
    written anew, with a seed of its own (--seed and the row's number). The columns style, bias, color,
    pen_width and seed, where there are any, are the row's own.
    """
    as_json, quiet, target = options["as_json"], options["quiet"], options["target"]
    if as_json and target == "-":
        raise InputError("--json and -o - both want standard output", do="choose one of them")
    text = given_text(options["text"], options["file"])
    if options["rows"] is not None:
        from hwkit.cli.merge import merge

        merge(text, Path(options["rows"]), options)
        return
    if options["skip_existing"]:
        raise InputError("--skip-existing is for mail merge", do="give --rows too")
    output.check_pages(target, options["form"], **drawing(options))
    from hwkit import pretrained, style
    from hwkit.generate.sampler import Writer
    from hwkit.letter import write_letters
    from hwkit.render.formats import numbered

    folder = pretrained.find(options["model"] or pretrained.DEFAULT)
    writer = Writer.open(folder)
    seed = options["seed"] if options["seed"] is not None else random_seed()
    orders = [
        order_of(
            text, options, seed + n,
            style.hand(writer, folder, options["style"], seed + n, options["style_text"]),
            writer.config.data,
        )
        for n in range(options["variants"])
    ]  # fmt: skip
    with show.progress_bar(quiet, after=1.0) as progress:
        letters = write_letters(writer, orders, progress=progress)
    unwritten = [word for letter in letters for word in letter.unwritten]
    words = f"{len(unwritten)} words" if len(unwritten) > 1 else "a word"
    why = f"{words} could not be written, the first is {shortened(unwritten[0])!r}" if unwritten else ""
    if not any(letter.strokes for letter in letters):
        raise HwkitError(f"{why or 'nothing came out'}; nothing is saved", do="try another --seed")
    for n, letter in enumerate(letters):
        name = numbered(target, n + 1) if len(letters) > 1 else target
        saved = output.save_pages(name, letter.pages, options["form"], **drawing(options))
        told(letter, name, saved, as_json, quiet)
        if options["report"] and not as_json:
            reported(letter, to_stderr=target == "-")
    if unwritten:
        raise HwkitError(why, file=target, do="the rest is saved; try another --seed")


def shortened(word: str) -> str:
    """A word, or enough of it to know it by."""
    return word if len(word) <= 40 else f"{word[:37]}..."


def order_of(text: str, options: Mapping[str, Any], seed: int, hand: Hand | None, data: Sequence[str]) -> Order:
    """What a letter is to be, by the command's options. data: what the model learned from."""
    from hwkit.candidates import usual
    from hwkit.layout import Pen, Setting
    from hwkit.letter import Order

    setting = Setting(
        page=options["page"], width_mm=options["width"], margin_mm=options["margin"], size_mm=options["size"],
        line_height_mm=options["line_height"], align=options["align"], ruled=options["ruled"],
        grid=options["grid"], slope=options["slope"], wander=options["wander"],
    )  # fmt: skip
    pen = Pen(options["pen_width"], options["color"])
    return Order(
        text=text, hands=(hand,), biases=(options["bias"],), pens=(pen,), seed=seed, setting=setting,
        unknown=options["unknown"], candidates=options["candidates"] or usual(text, data),
    )  # fmt: skip


def drawing(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of the file's format that were given."""
    given = {name: options[name] for name in ("dpi", "pressure", "polyline", "seconds")}
    return {name: value for name, value in given.items() if value is not None and value is not False}


def told(letter: Letter, target: str, saved: Sequence[str], as_json: bool, quiet: bool) -> None:
    """Say what was written where."""
    pages = letter.pages
    if as_json:
        result = {
            "output": saved, "seed": letter.seed, "pages": len(pages), "strokes": len(letter.strokes),
            "width_mm": pages[0].width_mm, "height_mm": pages[0].height_mm, "unwritten": letter.unwritten,
            "report": [row._asdict() for row in letter.report],
        }  # fmt: skip
        show.emit(True, result, lambda: None)
    elif not quiet and target != "-":
        size = f"{pages[0].width_mm:.0f} x {pages[0].height_mm:.0f} mm"
        count = f"{len(pages)} pages of {size}" if len(pages) > 1 else size
        names = saved[0] if len(saved) == 1 else f"{saved[0]} … {saved[-1]}"
        click.echo(show.plain(f"{names}: {count}, {len(letter.strokes)} strokes, seed {letter.seed}"))


def reported(letter: Letter, to_stderr: bool) -> None:
    """Say how each piece of a letter came about."""
    for row in letter.report:
        again = f", {row.again} words again" if row.again else ""
        read = "not read" if row.read is None else f"read as {row.read!r}"
        doubt = f", doubtful: {' '.join(row.doubtful)}" if row.doubtful else ""
        click.echo(
            show.plain(f"line {row.line}, {row.text!r}: {row.tried} written{again}, {read}{doubt}"),
            err=to_stderr,
        )


def given_text(text: str | None, file: str | None) -> str:
    """The text of the argument, the file, or standard input. Raises InputError for none and for both."""
    if text is not None and file is not None:
        raise InputError("there are two texts, an argument and a file", do="give one of them")
    if text is not None and text != "-":
        return text
    if file is not None and file != "-":
        try:
            content = Path(file).read_bytes()
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", file=file, do="check the path") from error
        return decoded(content, file)
    if text is None and file is None and sys.stdin.isatty():
        raise InputError("there is no text to write", do="give it, or -f FILE")
    return decoded(sys.stdin.buffer.read(), "standard input")


def decoded(content: bytes, name: str) -> str:
    """Text from UTF-8, with or without a byte order mark. Raises InputError for anything else."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 (byte {error.start + 1})", file=name, do="convert it first") from error


def random_seed() -> int:
    """A seed that a person can type again."""
    from random import SystemRandom

    return SystemRandom().randrange(1_000_000)
