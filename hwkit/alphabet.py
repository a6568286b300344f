"""A small stroke alphabet, drawn for this project: what the model never learned is set with it.

The shapes stand in alphabet.json, in hundredths of the x-height with **y upward** from the base line;
reading turns them over. A stroke is a list of "x,y" that a smooth curve passes through; "/" after a
point makes a corner of it. "=C 60 46 52" is glyph C at 52 percent, moved by 60 and 46, half turned
where the percentage is negative.

Here, as everywhere in hwkit, y grows downward: the base line is y = 0, an "x" reaches from -1 to 0,
capitals and ascenders to about -1.9, descenders to about 0.8.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink

Box = tuple[float, float, float, float]
"""left, top, right, bottom of a letter's ink; top < bottom."""

ASCII = "".join(map(chr, range(33, 127)))
"""The characters of ASCII that leave ink; each has a glyph."""

SPACING = 0.4
"""The longest way between two points of a stroke: about what a pen goes between two readings."""

BEARING = 0.4
"""The least room between two neighbours."""

OVERHANG = 0.2
"""How far a neighbour may reach over or under another, as a full stop does beside a T."""

SPACE = 0.9

_SHAPES = Path(__file__).with_name("alphabet.json")

# Marks that go through the letter: a line from one place to another, each as a part of the box's width and
# height and a way from there.
_THROUGH = {
    "slash": ((0.0, 1.0, -0.12, 0.1), (1.0, 0.0, 0.12, -0.1)),  # ø
    "bar": ((0.5, 0.62, -0.32, 0.02), (0.5, 0.62, 0.32, -0.02)),  # ŧ
    "bar left": ((0.0, 0.24, -0.24, 0.02), (0.0, 0.24, 0.42, -0.02)),  # ħ
    "bar right": ((1.0, 0.24, -0.42, 0.02), (1.0, 0.24, 0.24, -0.02)),  # đ
    "bar wide": ((0.0, 0.27, -0.16, 0.02), (1.0, 0.27, 0.16, -0.02)),  # Ħ
    "tick": ((0.5, 0.52, -0.28, 0.12), (0.5, 0.48, 0.28, -0.14)),  # ł
    "tick left": ((0.0, 0.62, -0.24, 0.1), (0.0, 0.48, 0.42, -0.1)),  # Ł
}
# Marks that are also set under a letter, as "dot below".
_BOTH = ("breve", "circumflex", "diaeresis", "dot", "macron", "ring", "tilde")
_ABOVE = (
    *("acute", "breve", "caron", "circumflex", "comma", "diaeresis", "dot", "double acute", "double grave"),
    *("grave", "hook", "inverted breve", "macron", "ring", "tilde"),
)
_BELOW = ("cedilla", "comma below", "ogonek", *(f"{name} below" for name in _BOTH))

MARKS = tuple(sorted((*_ABOVE, *_BELOW, "apostrophe", "horn", *_THROUGH)))
"""The names of all marks."""

_GAP = 0.2  # between a letter and a mark that does not touch it


def has(character: str) -> bool:
    """Whether the alphabet has a glyph of this character."""
    return character in _shapes()["glyphs"]


def glyph(character: str) -> list[Floats]:
    """The strokes of a character, each (n, 2), x from 0. Raises InputError where there is no glyph."""
    if not has(character):
        raise InputError(f"the alphabet has no glyph of {character!r}")
    return [stroke.copy() for stroke in _glyph(character)]


def replaces_dot(name: str) -> bool:
    """Whether an i or j under this mark loses its dot."""
    return name in _ABOVE


def mark(name: str, over: Box, slant: float = 0.0, rng: np.random.Generator | None = None) -> list[Floats]:
    """The strokes, each (n, 2), of a mark on a letter whose ink fills the box `over`.

    The box is in units of the x-height, slanted as the letter is: `slant` is the way to the right per
    unit upward. Over an i or j, `over` is the box without its dot (see `replaces_dot`). `rng` makes
    each one a little different. Raises InputError for a name that is not in MARKS.
    """
    left, top, right, bottom = over
    # The upright letter's box; marks are set over it and slant about its middle with it.
    middle = np.array([left + right, top + bottom]) / 2
    half = max((right - left) - abs(slant) * (bottom - top), 0.0) / 2
    left, right = middle[0] - half, middle[0] + half
    if name in _THROUGH:
        if name == "slash":  # as steep through = as through o
            top, bottom = min(top, middle[1] - 0.5), max(bottom, middle[1] + 0.5)
        ends = [
            (left + x * (right - left) + dx, top + y * (bottom - top) + dy) for x, y, dx, dy in _THROUGH[name]
        ]
        strokes = [_curve([np.array(ends)])]
    elif name in _ABOVE:
        strokes = _moved(_mark(name), (middle[0], top - _GAP))
    elif name in ("apostrophe", "horn"):
        strokes = _moved(_mark(name), (right, top))
    elif name in ("cedilla", "ogonek"):  # they touch the letter
        strokes = _moved(_mark(name), (right if name == "ogonek" else middle[0], bottom))
    elif name in _BELOW:
        strokes = _moved(_mark(name), (middle[0], 0.0))
        highest = min(stroke[:, 1].min() for stroke in strokes)
        strokes = _moved(strokes, (0.0, bottom + _GAP - highest))
    else:
        raise InputError(f"there is no mark {name!r}", do=f"the marks are {', '.join(MARKS)}")
    if rng is not None:
        strokes = _wobbled(strokes, rng)
    return _slanted(strokes, slant, float(middle[1]))


def marks(
    names: Iterable[str], over: Box, slant: float = 0.0, rng: np.random.Generator | None = None
) -> list[Floats]:
    """The strokes of several marks on one letter: each over the letter and the marks before it."""
    strokes: list[Floats] = []
    for name in names:
        new = mark(name, over, slant, rng)
        strokes += new
        left, top, right, bottom = over
        if name in _ABOVE or name in _BELOW:
            rise, sink = (f(float(f(s[:, 1])) for s in new) for f in (min, max))
            higher, lower = min(top, rise), max(bottom, sink)
            # The letter's width stays, grown by the slant of what it grew in height.
            way = slant * ((top - higher) - (lower - bottom)) / 2
            more = abs(slant) * ((top - higher) + (lower - bottom)) / 2
            over = (left + way - more, higher, right + way + more, lower)
    return strokes


def draw(
    text: str,
    *,
    slant: float = 0.0,
    size: float = 1.0,
    rng: np.random.Generator | None = None,
    marks_on: Sequence[tuple[int, str]] = (),
) -> Ink:
    """Characters side by side: x from 0, the base line at y = 0, an "x" `size` high.

    `slant` is the way to the right per unit upward; `marks_on` are (index in `text`, name of a mark).
    `rng` makes each drawing a little different, without it they are exact. Raises InputError where a
    character has no glyph.
    """
    written: list[Floats] = []  # in the order of writing
    pen, before = 0.0, None
    for index, character in enumerate(text):
        if character == " ":
            pen += SPACE
            continue
        names = [name for at, name in marks_on if at == index]
        strokes = _letter(character, names, rng)
        x = pen if before is None else max(pen, _beside(before, strokes))
        before = _moved(strokes, (x, 0.0))
        pen = max(float(stroke[:, 0].max()) for stroke in before)
        written += before
        if index + 1 < len(text) and text[index + 1] != " ":
            pen = 0.0  # the neighbour's own shape says where it goes
    if not written:
        return Ink.from_strokes([])
    written = _slanted(written, slant)
    least = min(float(stroke[:, 0].min()) for stroke in written)
    return Ink.from_strokes([size * stroke for stroke in _moved(written, (-least, 0.0))])


def _letter(character: str, names: Sequence[str], rng: np.random.Generator | None) -> list[Floats]:
    """An upright glyph and its marks."""
    if any(map(replaces_dot, names)):
        character = {"i": "ı", "j": "ȷ"}.get(character, character)
    strokes = glyph(character)
    if rng is not None:
        strokes = _wobbled(strokes, rng)
    points = np.concatenate(strokes)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return strokes + marks(names, (float(left), float(top), float(right), float(bottom)), 0.0, rng)


def _beside(before: Sequence[Floats], strokes: Sequence[Floats]) -> float:
    """The x at which `strokes` stand beside `before`, by the shapes of both."""
    bands = 24  # of 0.2 x-heights, from far above the letters to far below
    right, left = np.full(bands + 2, -np.inf), np.full(bands, np.inf)
    for points in before:
        np.maximum.at(right, 1 + _band(points, bands), points[:, 0])
    for points in strokes:
        np.minimum.at(left, _band(points, bands), points[:, 0])
    near = np.maximum(np.maximum(right[:-2], right[1:-1]), right[2:])  # a band and its neighbours
    return float(max((near - left).max() + BEARING, right.max() + BEARING - OVERHANG))


def _band(points: Floats, bands: int) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.clip((points[:, 1] + 3.0) * 5.0, 0, bands - 1).astype(np.intp)


def _wobbled(strokes: Sequence[Floats], rng: np.random.Generator) -> list[Floats]:
    """The strokes a little larger or smaller, turned, and led by a hand that sways slowly."""
    points = np.concatenate(strokes)
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    scale = 1 + rng.uniform(-0.03, 0.03)
    turn = np.radians(rng.uniform(-2.5, 2.5))
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    points = (points - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
    way = np.append(0.0, np.cumsum(np.hypot(*np.diff(points, axis=0).T)))[:, None]  # (n, 1)
    size = min(1.0, float(np.ptp(points, axis=0).max()))  # a dot sways less than a letter
    phase, length = rng.uniform(0, 2 * np.pi, 2), rng.uniform(1.6, 3.2, 2)
    points = points + 0.025 * size * np.sin(2 * np.pi * way / length + phase)
    return np.split(points, np.cumsum([len(stroke) for stroke in strokes])[:-1])


def _slanted(strokes: Sequence[Floats], slant: float, about: float = 0.0) -> list[Floats]:
    return [stroke - slant * (stroke[:, 1:] - about) * np.array([1.0, 0.0]) for stroke in strokes]


def _moved(strokes: Iterable[Floats], by: tuple[float, float]) -> list[Floats]:
    return [stroke + np.array(by) for stroke in strokes]


@lru_cache(maxsize=1)
def _shapes() -> dict[str, dict[str, list[str]]]:
    shapes: dict[str, dict[str, list[str]]] = json.loads(_SHAPES.read_text(encoding="utf-8"))
    return shapes


@lru_cache(maxsize=512)
def _glyph(character: str) -> list[Floats]:
    strokes = [_curve(pieces) for pieces in _knots(_shapes()["glyphs"][character])]
    return _moved(strokes, (-min(float(stroke[:, 0].min()) for stroke in strokes), 0.0))


@lru_cache(maxsize=64)
def _mark(name: str) -> list[Floats]:
    """A mark's strokes around its anchor: over a letter, (0, 0) is the middle of its lower edge."""
    for place in ("above", "below", "beside"):
        if (shape := _shapes()[place].get(name)) is not None:
            return [_curve(pieces) for pieces in _knots(shape)]
    return _mark(name.removesuffix(" below"))


def _knots(shape: Sequence[str]) -> list[list[Floats]]:
    """Of each stroke the smooth pieces, of each piece the points (k, 2) that its curve passes through."""
    strokes: list[list[Floats]] = []
    for stroke in shape:
        if stroke.startswith("="):
            x, y, percent = map(float, stroke[2:].split())
            move, scale = np.array([x, -y]) / 100, percent / 100
            strokes += [
                [piece * scale + move for piece in pieces] for pieces in _knots(_shapes()["glyphs"][stroke[1]])
            ]
            continue
        pieces: list[Floats] = []
        for part in stroke.split("/"):
            points = np.array([point.split(",") for point in part.split()], np.float64)
            points *= np.array([0.01, -0.01])
            pieces.append(np.concatenate([pieces[-1][-1:], points]) if pieces else points)
        strokes.append(pieces)
    return strokes


def _curve(pieces: Sequence[Floats]) -> Floats:
    """A stroke (n, 2) of smooth pieces that meet in corners, its points at about equal distances."""
    strokes = [_even(_spline(piece)) for piece in pieces]
    return np.concatenate([strokes[0], *(stroke[1:] for stroke in strokes[1:])])


def _spline(knots: Floats, fine: int = 24) -> Floats:
    """The natural cubic spline through knots (k, 2), `fine` points from one to the next.

    Its parameter runs with the root of the distance (centripetal), which keeps it from overshooting.
    """
    if len(knots) < 3:
        return knots
    step = np.sqrt(np.hypot(*np.diff(knots, axis=0).T))  # (k - 1,)
    slope = np.diff(knots, axis=0) / step[:, None]
    # Second derivatives, 0 at both ends: the first derivatives of neighbouring pieces are equal.
    system = np.diag(2 * (step[:-1] + step[1:])) + np.diag(step[1:-1], 1) + np.diag(step[1:-1], -1)
    second = np.zeros_like(knots)
    second[1:-1] = np.linalg.solve(system, 6 * np.diff(slope, axis=0))
    t = np.linspace(0, 1, fine, endpoint=False)[None, :, None]
    h2 = (step * step)[:, None, None] / 6
    a, b = knots[:-1, None], knots[1:, None]
    m, n = second[:-1, None], second[1:, None]
    curve = a * (1 - t) + b * t + h2 * (((1 - t) ** 3 - (1 - t)) * m + (t**3 - t) * n)
    return np.concatenate([curve.reshape(-1, 2), knots[-1:]])


def _even(curve: Floats) -> Floats:
    """The curve by points at equal distances along it: at most SPACING, closer where it is small."""
    way = np.append(0.0, np.cumsum(np.hypot(*np.diff(curve, axis=0).T)))
    bent = len(curve) > 2
    steps = int(np.ceil(way[-1] / (np.clip(way[-1] / 8, 0.06, SPACING) if bent else SPACING)))
    at = np.linspace(0, way[-1], steps + 1)
    return np.column_stack([np.interp(at, way, curve[:, 0]), np.interp(at, way, curve[:, 1])])
