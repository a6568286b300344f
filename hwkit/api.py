"""`hwkit.write`: text to a letter, in one call."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias, TypeVar

from hwkit import pretrained
from hwkit import style as styles
from hwkit.candidates import usual
from hwkit.errors import InputError
from hwkit.generate.hand import Hand
from hwkit.generate.sampler import Writer
from hwkit.layout import Pen, Setting
from hwkit.letter import Letter, Order, write_letters
from hwkit.progress import Progress, silent

T = TypeVar("T")
Each: TypeAlias = "T | list[T] | tuple[T, ...]"
"""One value for all lines, or a list of values, one a line."""


def write(
    text: str | Sequence[str],
    *,
    style: Each[str | Hand | None] = None,
    style_text: str | None = None,
    model: str | Path | Writer | None = None,
    bias: Each[float | None] = None,
    seed: int = 0,
    color: Each[str] = "#000000",
    pen_width: Each[float] = 0.5,
    unknown: Literal["refuse", "skip", "replace"] = "refuse",
    candidates: int | None = None,
    page: str | tuple[float, float] = "fit",
    width: float | None = None,
    margin: float | tuple[float, ...] | None = None,
    size: float = 2.5,
    line_height: float | None = None,
    align: Literal["left", "center", "right", "justify"] = "left",
    ruled: bool = False,
    grid: bool = False,
    slope: float = 0.0,
    wander: float = 1.0,
    progress: Progress = silent,
) -> Letter:
    """Write text by hand.

    text: with newlines, or a list of lines. style: a packaged hand's name, a file of ink, "random", a Hand, or
    None (one that hangs on the seed); style_text says what the file's ink says. style, bias, color and
    pen_width may be lists with a value for each line; the last one goes on. candidates: lines that are written
    for each, of which the one that reads best is kept; None: 4, 2 for a word
    or a long text, 1 for a model whose terms are not the reader's. model: a packaged
    model's name, a folder, or a Writer that is open already. Lengths are in mm: width of the text, size of an
    x; slope is in degrees. The same arguments give the same strokes.

    Raises InputError for what cannot be written or set so. Words that did not come out are left out and
    stand in `Letter.unwritten`.
    """
    if isinstance(text, str):
        whole = text
    else:
        if any("\n" in line for line in text):
            raise InputError("a line of the list holds a newline", do="give each line by itself")
        whole = "\n".join(text)
    folder = None
    if not isinstance(model, Writer):
        folder = pretrained.find(str(model or pretrained.DEFAULT))
        model = Writer.open(folder)
    writer = model
    hands = tuple(
        one if isinstance(one, Hand) else styles.hand(writer, folder, one, seed, style_text)
        for one in several(style)
    )
    colors, widths = several(color), several(pen_width)
    pens = tuple(
        Pen(widths[min(n, len(widths) - 1)], colors[min(n, len(colors) - 1)])
        for n in range(max(len(colors), len(widths)))
    )
    setting = Setting(
        page=page, width_mm=width, margin_mm=margin, size_mm=size, line_height_mm=line_height, align=align,
        ruled=ruled, grid=grid, slope=slope, wander=wander,
    )  # fmt: skip
    order = Order(
        text=whole, hands=hands, biases=several(bias), pens=pens, seed=seed, setting=setting, unknown=unknown,
        candidates=usual(whole, writer.config.data) if candidates is None else candidates,
    )  # fmt: skip
    return write_letters(writer, [order], progress=progress)[0]


def several(values: Each[T]) -> tuple[T, ...]:
    """One value, or the values of a list. Raises InputError for an empty list."""
    if not isinstance(values, list | tuple):
        return (values,)
    if not values:
        raise InputError("an empty list has no value for any line", do="give one value or one a line")
    return tuple(values)
