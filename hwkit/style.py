"""Styles: whose hand a line is written in. A packaged hand by name, one at random, or ink of one's own."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from hwkit.errors import InputError
from hwkit.generate.hand import Hand, read_hands
from hwkit.generate.sampler import Writer
from hwkit.ink import Floats, Ink, Sample
from hwkit.preprocess import prepare, unit

RANDOM = "random"
FORMATS = (".inkml", ".json", ".jsonl", ".svg", ".npy")


def hand(
    writer: Writer, folder: Path | None, style: str | None, seed: int, text: str | None = None
) -> Hand | None:
    """The hand of a style for a model, whose folder this is.

    style: a packaged hand's name; "random" or None, one that hangs on the seed (None where the model has none);
    or a file of ink (see `read_ink`). text: what the file's ink says, where it does not say so itself.

    Raises InputError for a name that is not there and for ink that cannot prime.
    """
    if style and (Path(style).suffix.lower() in FORMATS or "/" in style or style == "-"):
        return of_ink(writer, Path(style), text)
    hands = read_hands(folder) if folder else {}
    if not style or style == RANDOM:
        if seed < 0:
            raise InputError(f"the seed is {seed}", do="give 0 or more")
        names = sorted(hands)
        return hands[names[int(np.random.default_rng(seed).integers(len(names)))]] if names else None
    if style not in hands:
        there = f"there are {', '.join(sorted(hands))}, random" if hands else "the model has none"
        raise InputError(
            f"there is no style {style!r}", do=f"{there}; or give a file of ink ({', '.join(FORMATS)})"
        )
    return hands[style]


# Short: the model learned lines of some 50 characters, and what is written in a hand goes on from these. They
# end in letters that leave no dot or bar to come.
PRIMERS = ("The morning was calm", "Many people came along", "A house near the river")


def make_hand(writer: Writer, seed: int) -> Hand:
    """A hand from a line that the model writes by itself, a little neater than it learned."""
    return Hand.made(writer, PRIMERS[seed % len(PRIMERS)], (seed,), 0.6)


def of_ink(writer: Writer, file: Path, text: str | None = None) -> Hand:
    """The hand of recorded ink and what it says, taken up as in section 5.5 of the paper."""
    strokes, said = read_ink(file)
    text = " ".join((text or said or "").split())
    vocabulary, statistics = writer.config.vocabulary, writer.config.statistics
    if vocabulary is None:
        raise InputError("a prediction network has no style", do="give a synthesis model")
    if not text:
        raise InputError("does not say what is written in it", file=file, do="give --style-text TEXT")
    vocabulary.encode(text)
    ink = Ink.from_strokes(strokes)
    if len(ink) < 2 * len(text):
        raise InputError(
            f"holds {len(ink)} points for {len(text)} characters", file=file, do="give ink as it was recorded"
        )
    ink = scaled(ink, writer)
    wanted = statistics.points_per_character * len(text) / len(ink)
    ink = Ink.from_strokes([respaced(stroke, wanted) for stroke in ink.strokes()])
    return Hand.prime(writer, ink.offsets(), text)


def scaled(ink: Ink, writer: Writer) -> Ink:
    """Ink as the model's recipe wants it, in its unit, but for the number of points."""
    recipe = msgspec.structs.replace(writer.config.recipe, decimate=1.0, spacing=0.0, step_limit=np.inf)
    sample, _ = prepare(Sample("style", ink, None, "", ""), recipe)
    if recipe.scale:
        return sample.ink
    factor = unit(sample.ink) / writer.config.statistics.unit
    return Ink(sample.ink.points / factor, sample.ink.lengths)


def respaced(stroke: Floats, share: float) -> Floats:
    """The stroke with `share` times as many points, evenly along their index; its ends stay."""
    count = max(round(len(stroke) * share), min(len(stroke), 2))
    at, index = np.linspace(0, len(stroke) - 1, count), np.arange(len(stroke))
    return np.column_stack([np.interp(at, index, stroke[:, axis]) for axis in (0, 1)])


def read_ink(file: Path) -> tuple[list[Floats], str | None]:
    """The strokes of a file, each (n, 2), y growing downward, and what it says of its text.

    JSON: {"text": ..., "strokes": [[[x, y], ...], ...]}; JSON lines, InkML and SVG as `hwkit write` makes them,
    and as others do. Raises InputError for a file that is none of these.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file, do="check the path") from error
    suffix = file.suffix.lower()
    try:
        if suffix == ".inkml":
            from hwkit.render.inkml import read_inkml

            strokes, text = read_inkml(content)
        elif suffix == ".svg":
            from hwkit.render.svg_reader import read_svg_strokes

            strokes, text = read_svg_strokes(content), None
        elif suffix in (".json", ".jsonl"):
            strokes, text = read_json(content)
        elif suffix == ".npy":
            from hwkit.sources.sjvasquez import read_style

            strokes, text = read_style(file)
        else:
            raise InputError("is ink of an unknown format", do=f"give a file {', '.join(FORMATS)}")
    except InputError as error:
        if error.file is None:
            raise type(error)(error.what, file=file, row=error.row, do=error.do) from error
        raise
    strokes = [stroke for stroke in strokes if len(stroke)]
    if not strokes or not all(np.isfinite(stroke).all() for stroke in strokes):
        raise InputError("holds no ink" if not strokes else "holds a coordinate that is no number", file=file)
    return strokes, text


class Drawing(msgspec.Struct, frozen=True):
    """Ink as JSON."""

    strokes: list[list[tuple[float, float]]]
    text: str | None = None


def read_json(content: bytes) -> tuple[list[Floats], str | None]:
    """Strokes and text of one JSON object, or of hwkit's JSON lines. Raises InputError for anything else."""
    if b'"hwkit-page"' in content.lstrip().partition(b"\n")[0]:
        from hwkit.render.jsonl import read_jsonl

        pages = read_jsonl(content)
        text = " ".join(line for page in pages for line in page.text)
        return [stroke for page in pages for stroke in page.strokes], text or None
    try:
        drawing = msgspec.json.decode(content, type=Drawing)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(
            f"is no drawing: {error}", do='give {"text": ..., "strokes": [[[x, y], ...]]}'
        ) from error
    return [np.array(stroke, np.float64).reshape(-1, 2) for stroke in drawing.strokes], drawing.text
