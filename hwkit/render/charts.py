"""Charts of trainings and of ink: losses with published figures, two histograms in one, characters."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.render.plot import (
    ACCENT,
    BLACK,
    BOTTOM,
    GREY,
    LEFT,
    PALE,
    RIGHT,
    TOP,
    Style,
    _Chart,
    _finite,
    draw,
    write,
)
from hwkit.render.svg import decimal, document, serialised

COLOURS = (ACCENT, "#1f6f8b", BLACK, "#6d8b1f", "#7a3b9a", GREY)
HALO = {"stroke": "#ffffff", "stroke_width": "0.8", "paint_order": "stroke"}
NAME = 24  # letters of a run's name that have room in the legend


class Run(NamedTuple):
    """A training: (x, loss) points, in the order of x."""

    name: str
    training: Sequence[tuple[float, float]]
    validation: Sequence[tuple[float, float]]


def losses(
    runs: Sequence[Run], *, title: str, x: str, y: str, published: Mapping[str, float] | None = None
) -> bytes:
    """The curves of runs, validation thick and training thin, with published figures as dashed lines.

    What lies far above the rest, as a loss does at a run's start, is cut off. Raises InputError for no run or
    too many, and for a number that is not finite.
    """
    if not 0 < len(runs) <= len(COLOURS):
        raise InputError(f"{len(runs)} runs make no chart", do=f"give 1 to {len(COLOURS)}")
    published = published or {}
    curves = [
        (run, number, thick, _finite(points, "a loss").reshape(-1, 2))
        for number, run in enumerate(runs)
        for thick, points in ((False, run.training), (True, run.validation))
    ]
    everything = np.concatenate([points for *_, points in curves])
    if not len(everything):
        raise InputError("no run has a loss in its log yet", do="let it train until its first epoch is done")
    marks = list(_finite([*published.values()], "the published figures"))
    low = min(everything[:, 1].min(), *marks) if marks else everything[:, 1].min()
    seen = np.append(np.quantile(everything[:, 1], 0.9), marks)
    high = min(everything[:, 1].max(), seen.max() + 0.25 * (seen.max() - low))
    room = 0.07 * len(marks) * (max(high, *seen) - low)  # for the names of the published figures
    low = min(low, min(marks) - room) if marks else low
    chart = _Chart(title, x, y, (everything[:, 0].min(), everything[:, 0].max()), (low, max(high, *seen)))
    frame = draw(chart.root, "clipPath", id="frame")
    draw(frame, "rect", x=LEFT, y=TOP, width=RIGHT - LEFT, height=BOTTOM - TOP)
    for value in published.values():
        dashes: Style = {"stroke_dasharray": "1.6 1.2", "stroke_width": 0.3}
        way = f"M {LEFT},{decimal(chart.y(value))} H {RIGHT}"
        draw(chart.root, "path", d=way, stroke=GREY, fill="none", **dashes)
    for _, number, thick, points in curves:
        if not len(points):
            continue
        colour = COLOURS[number]
        style: Style = {"stroke": colour, "stroke_width": 0.6 if thick else 0.25, "stroke_linejoin": "round"}
        way = " ".join(f"{decimal(chart.x(px))},{decimal(chart.y(py))}" for px, py in points)
        dot: Style = {"stroke_linecap": "round"} if len(points) == 1 else {}
        draw(
            chart.root, "path", d=f"M {way}" + (" h 0" if len(points) == 1 else ""), fill="none",
            clip_path="url(#frame)", **style, **dot,
        )  # fmt: skip
    # Their names stand in a block below them, in the order of the lines, which may lie close together; at the
    # left, where curves are still high.
    named = sorted(published.items(), key=lambda item: -item[1])
    for n, (name, value) in enumerate(named):
        at, text = chart.y(named[-1][1]) + 3.0 + 3.0 * n, f"{name}: {value:,.10g}"
        write(chart.root, LEFT + 1.5, at, text, size=2.4, colour=GREY, **HALO)
    for number, run in enumerate(runs):  # three names a row above the frame
        at, height = LEFT + number % 3 * 44, TOP - 6.5 + number // 3 * 4
        draw(chart.root, "path", d=f"M {at},{height} h 6", stroke=COLOURS[number], stroke_width=0.6)
        write(chart.root, at + 7.5, height + 1, shortened(run.name), size=2.7)
    return serialised(chart.root)


def shortened(name: str) -> str:
    """A name that fits the legend."""
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"


def overlaid(
    before: tuple[str, Floats],
    after: tuple[str, Floats],
    edges: Floats,
    *,
    title: str,
    x: str,
    logarithm: bool = False,
    mark: tuple[str, float] | None = None,
) -> bytes:
    """Two histograms in one frame: `before` filled grey, `after` as an outline. Each is (name, counts).

    logarithm: of the counts, so that a few outliers are seen. mark: (name, place) of a line across. Raises
    InputError where counts and edges do not fit.
    """
    sides = _finite(edges, "the edges")
    counts = [_finite(values, "the counts") for _, values in (before, after)]
    if (
        len(sides) < 2
        or (np.diff(sides) <= 0).any()
        or any(len(c) != len(sides) - 1 or c.min() < 0 for c in counts)
    ):
        raise InputError("counts and edges make no histogram")
    tall = [np.log10(1 + c) if logarithm else c for c in counts]
    label = "log10 (1 + how many)" if logarithm else "how many"
    top = max(1.0, float(max(t.max() for t in tall)))
    chart = _Chart(title, x, label, (sides[0], sides[-1]), (0.0, top))
    draw(chart.root, "path", d=_stairs(chart, sides, tall[0], closed=True), fill="#c9c9c9", stroke="none")
    draw(
        chart.root, "path", d=_stairs(chart, sides, tall[1], closed=False), fill="none", stroke=ACCENT,
        stroke_width=0.45, stroke_linejoin="round",
    )  # fmt: skip
    if mark is not None and chart.across[0] <= mark[1] <= chart.across[1]:
        at = chart.x(mark[1])
        draw(
            chart.root, "path", d=f"M {decimal(at)},{TOP} V {BOTTOM}", stroke=BLACK, stroke_width=0.3,
            stroke_dasharray="1.6 1.2",
        )  # fmt: skip
        write(chart.root, at - 1, TOP + 3, mark[0], size=2.5, anchor="end")
    draw(chart.root, "rect", x=LEFT, y=TOP - 8, width=6, height=2.6, fill="#c9c9c9")
    write(chart.root, LEFT + 7.5, TOP - 5.8, before[0], size=2.8)
    draw(chart.root, "path", d=f"M {LEFT + 66},{TOP - 6.7} h 6", stroke=ACCENT, stroke_width=0.45)
    write(chart.root, LEFT + 73.5, TOP - 5.8, after[0], size=2.8)
    return serialised(chart.root)


def _stairs(chart: _Chart, sides: Floats, heights: Floats, *, closed: bool) -> str:
    """The outline of bars, from the floor of the frame to its floor."""
    xs, ys = np.repeat(sides, 2), np.concatenate([[chart.up[0]], np.repeat(heights, 2), [chart.up[0]]])
    way = " ".join(f"{decimal(chart.x(a))},{decimal(chart.y(b))}" for a, b in zip(xs, ys, strict=True))
    return f"M {way}" + (" Z" if closed else "")


def characters(counts: Sequence[tuple[str, int, bool]], *, title: str) -> bytes:
    """A column for each (character, count, known), in the order given, on a scale of powers of ten.

    Unknown ones, which the vocabulary leaves out, are grey. Raises InputError for no character.
    """
    if not counts or min(n for _, n, _ in counts) < 1:
        raise InputError("there is no character to count")
    wide, top, tall = 3.6, 18.0, 62.0
    powers = max(1, math.ceil(math.log10(max(n for _, n, _ in counts))))
    left, width = 22.0, max(22.0 + wide * len(counts) + 8, 100.0)
    floor = top + tall
    root = document(width, floor + 14)
    draw(root, "rect", width=width, height=floor + 14, fill="#ffffff")
    write(root, left, 8, title, size=4.2)
    for power in range(powers + 1):
        y = floor - tall * power / powers
        draw(root, "path", d=f"M {left},{decimal(y)} H {decimal(width - 6)}", stroke=PALE, stroke_width=0.2)
        write(root, left - 2, y + 1, f"{10**power:,}", size=2.8, anchor="end")
    for n, (character, count, known) in enumerate(counts):
        # A character that was seen once still has a column that can be seen.
        height = max(tall * math.log10(count) / powers, 0.5)
        at = left + wide * n
        draw(
            root, "rect", x=at + 0.4, y=floor - height, width=wide - 0.8, height=height,
            fill=ACCENT if known else GREY,
        )  # fmt: skip
        shown = "␣" if character == " " else character
        write(root, at + wide / 2, floor + 4, shown, size=3.0, anchor="middle")
    write(root, left, floor + 10, f"{len(counts)} characters, the most frequent first", size=2.8, colour=GREY)
    return serialised(root)
