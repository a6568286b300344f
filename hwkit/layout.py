"""Written words to rows, rows to pages, in millimetres."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink, Ints, median

DOT_MM = 0.01
"""How long a dot's segment is drawn: a plotter needs a way to go, however short."""

LONGEST = 2000.0
"""No line of writing is this many units long or high; see `unit_of`."""

LARGEST_MM = 1e6
"""A page beyond a kilometre is a mistake in the ink or its unit."""

PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4), "a5": (148.0, 210.0), "a6": (105.0, 148.0)}
GRID_MM = 5.0
STEEPEST = 20.0  # degrees

UNIT_MM, ROW_MM = 1.0, 10.0  # of ink that is laid out as it is: see `lay_out`

# In x-heights:
LEADING = 4.2  # from base line to base line
CAPITAL = 2.2  # the first base line lies so far below the margin, so that all pages begin alike
NARROWEST, LOWEST = 2.0, 3.0  # a letter has no room in less
HYPHEN = (0.25, 0.6)  # the gap before it, its length
SWAY = 0.14  # how far the base line wanders from its height at most, where wander is 1
WAVES = np.array([120.0, 60.0, 30.0, 15.0])
"""Lengths of the waves that a base line wanders in; each is as strong as it is long, as in a random walk."""

VARIED_GAP = 0.05  # standard deviation of a gap's logarithm, where wander is 1
WIDEST_GAP = 3.0  # justified gaps are at most so many times as wide
HYPHENS = "-\u2010\u2011\u2013\u2014"


@dataclass(frozen=True, slots=True, eq=False)
class Pen:
    """What a stroke is drawn with. Raises InputError for what is no colour or no width."""

    width_mm: float = 0.5
    colour: str = "#000000"  # #rrggbb
    name: str = "ink"  # a layer's label, without a digit in it

    def __post_init__(self) -> None:
        if not re.fullmatch("#[0-9a-fA-F]{6}", self.colour):
            raise InputError(f"{self.colour!r} is no colour", do="give six hexadecimal digits, such as #1a2b3c")
        if not 0 < self.width_mm <= LARGEST_MM:
            raise InputError(f"a pen {self.width_mm} mm wide", do="give a positive number")


@dataclass(frozen=True, slots=True, eq=False)
class Word:
    """A written word. Its unit is the x-height of its line's hand: an "x" is 1 high."""

    text: str  # what it says
    ink: Ink  # x from 0, its leftmost ink; y is 0 on the base line and negative above it
    gap: float = 1.2  # room before it, from the rightmost ink of the word before; below 0 is taken as 0
    breaks: tuple[tuple[int, int], ...] = ()
    """(stroke, character), rising: the word may be cut before this stroke, which begins this character."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A paragraph: what stood between two newlines. Without words it is an empty line."""

    words: tuple[Word, ...] = ()
    pen: int = 0  # index into the pens


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Ink on a page, in millimetres from its upper left corner; y grows downward."""

    width_mm: float
    height_mm: float
    strokes: list[Floats]  # in the order of writing, each (n, 2)
    pens: tuple[Pen, ...] = (Pen(),)
    of_pen: tuple[int, ...] = ()  # for each stroke the index of its pen; empty: the first pen's, all
    rules: list[Floats] = field(default_factory=list)  # guide lines, each (2, 2); no ink
    text: tuple[str, ...] = ()  # the rows of writing on it, for formats that carry text
    lines: tuple[int, ...] = ()  # for each stroke the row of `text` it belongs to; empty: unknown


Measures = float | Sequence[float] | None
ALIGN = ("left", "center", "right", "justify")
FLUSH = {"center": 0.5, "right": 1.0}  # the part of the room to spare that lies left of the text


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How words are set on pages. Raises InputError where a value makes no sense.

    page: "fit" (the ink's own box with a margin), a name of PAPERS, "WxH" in mm, or (width, height).
    width_mm: of the text; None: what the margins leave, and on a page that fits the ink, no wrapping.
    margin_mm: one number, (top and bottom, left and right), or (top, right, bottom, left); None: 8 on
        a page that fits, elsewhere a tenth of the shorter side and at most 20.
    line_height_mm: from base line to base line; None: 4.2 x-heights. Unruled rows whose bulk would
        collide stand further apart.
    size_mm: the x-height.
    ruled, grid: guide lines at the base lines, or 5 mm apart, in `Page.rules`.
    slope: of the base line, in degrees, positive uphill.
    wander: how much the base line and the gaps vary; 1 is a person on unlined paper, 0 a machine.
    """

    page: str | tuple[float, float] = "fit"
    width_mm: float | None = None
    margin_mm: Measures = None
    line_height_mm: float | None = None
    size_mm: float = 2.5
    align: str = "left"
    ruled: bool = False
    grid: bool = False
    slope: float = 0.0
    wander: float = 1.0

    def __post_init__(self) -> None:
        for name, value, least in [
            ("width_mm", self.width_mm, 1.0),
            ("line_height_mm", self.line_height_mm, 1.0),
            ("size_mm", self.size_mm, 0.1),
        ]:
            if value is not None and not least <= value <= 10_000:
                raise InputError(f"{name} is {value}", do=f"give {least:g} to 10000 mm")
        if self.align not in ALIGN:
            raise InputError(f"align is {self.align!r}", do=f"choose one of {', '.join(ALIGN)}")
        if not abs(self.slope) <= STEEPEST:
            raise InputError(f"a slope of {self.slope} degrees", do=f"give -{STEEPEST:g} to {STEEPEST:g}")
        if not 0 <= self.wander <= 5:
            raise InputError(f"wander is {self.wander}", do="give 0 (none) to 5, a person has about 1")
        if not all(0 <= margin <= 10_000 for margin in self.margins):  # and `page` is one
            raise InputError(f"margin_mm is {self.margin_mm}", do="give 0 to 10000 mm")

    @property
    def paper(self) -> tuple[float, float] | None:
        """Width and height in mm; None: as large as the ink needs."""
        return page_size(self.page)

    @property
    def margins(self) -> tuple[float, float, float, float]:
        """Top, right, bottom and left, in mm."""
        paper = self.paper
        if self.margin_mm is None:
            return (8.0 if paper is None else min(20.0, min(paper) / 10),) * 4
        given = (self.margin_mm,) if isinstance(self.margin_mm, int | float) else tuple(self.margin_mm)
        match given:
            case (every,):
                return (every,) * 4
            case (high, wide):
                return (high, wide, high, wide)
            case (top, right, bottom, left):
                return (top, right, bottom, left)
        raise InputError(f"margin_mm has {len(given)} numbers", do="give one, two or four")

    @property
    def leading(self) -> float:
        """From base line to base line, in mm."""
        return self.line_height_mm or LEADING * self.size_mm


def page_size(page: str | Sequence[float]) -> tuple[float, float] | None:
    """Width and height in mm of "a4", "210x297", "210 x 297 mm" or (210, 297); None for "fit".

    Raises InputError where this is no page, or a side is not between 1 mm and 10 m.
    """
    if isinstance(page, str):
        name = page.strip().lower()
        if name == "fit":
            return None
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:mm)?\s*[x×*]\s*(\d+(?:\.\d+)?)\s*(?:mm)?", name)
        given: Sequence[float] = PAPERS.get(name) or (tuple(map(float, found.groups())) if found else ())
    else:
        given = page
    if len(given) != 2:
        raise InputError(f"{page!r} is no page", do=f"give fit, {', '.join(PAPERS)}, or 210x297 in mm")
    width, height = given
    if not (1 <= width <= 10_000 and 1 <= height <= 10_000):
        raise InputError(f"a page of {width:g} by {height:g} mm", do="give sides between 1 and 10000 mm")
    return float(width), float(height)


def set_pages(
    lines: Sequence[Line], setting: Setting | None = None, pens: Sequence[Pen] = (Pen(),), seed: int = 0
) -> list[Page]:
    """Paragraphs of written words on pages, wrapped by the width of their ink; always one page or more.

    The ink with half its pen lies inside the margins. A word wider than a row is cut at one of its
    breaks, with a hyphen; without a break, or higher than the page, it is written smaller. The same
    seed gives the same pages; without wander the seed says nothing.

    Raises InputError where a letter finds no room, a line names no pen, or a word has no end.
    """
    setting = setting or Setting()
    used = [_pen(pens, line).width_mm for line in lines if line.words]
    room = _Room.of(setting, max(used, default=pens[0].width_mm if pens else 0.0))
    random = np.random.default_rng(seed if setting.wander else 0)
    rows = [row for line in lines for row in _wrapped(line, setting, room, random)]
    placed = _placed(rows, setting, room, random)
    pages = _paged(placed, setting, room)
    return [_page(page, setting, room, tuple(pens)) for page in pages]


@dataclass(frozen=True, slots=True)
class _Room:
    """Where the pen's centre may go, in mm; a page that fits its ink has no end (and left and top are 0)."""

    left: float
    right: float
    top: float
    bottom: float
    edge: tuple[float, float, float, float]  # top, right, bottom, left: the margin and half the pen
    above: float  # the ink of a word may go so far above its base line,
    below: float  # and so far below

    @property
    def measure(self) -> float:
        return self.right - self.left

    @classmethod
    def of(cls, setting: Setting, pen_mm: float) -> _Room:
        edge = (
            setting.margins[0] + pen_mm / 2, setting.margins[1] + pen_mm / 2,
            setting.margins[2] + pen_mm / 2, setting.margins[3] + pen_mm / 2,
        )  # fmt: skip
        paper = setting.paper
        left, top, right, bottom = 0.0, 0.0, math.inf, math.inf
        if paper:
            left, top, right, bottom = edge[3], edge[0], paper[0] - edge[1], paper[1] - edge[2]
        width = right - left
        if setting.width_mm is not None:
            if setting.width_mm > width + 1e-9:
                raise InputError(
                    f"a text {setting.width_mm:g} mm wide, and {max(width, 0):g} mm between the margins",
                    do="give a smaller width or margin",
                )
            if paper:
                left += (width - setting.width_mm) * FLUSH.get(setting.align, 0.0)
            width = setting.width_mm
        height = bottom - top
        if paper:
            height -= abs(math.tan(math.radians(setting.slope))) * width + 2 * _sway(setting)
        if width < NARROWEST * setting.size_mm or height < LOWEST * setting.size_mm:
            raise InputError(
                f"there is no room for a letter with an x-height of {setting.size_mm:g} mm",
                do="give a larger page or width, a smaller size, margin or slope",
            )
        return cls(left, left + width, top, bottom, edge, height * 2 / 3, height / 3)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """A word, or a part of one, in mm from its left edge and base line."""

    text: str
    points: Floats  # (n, 2)
    lengths: Ints
    width: float
    gap: float
    unit: float  # mm in an x-height
    breaks: tuple[tuple[int, int], ...] = ()

    def scaled(self, factor: float) -> _Piece:
        return replace(self, points=self.points * factor, width=self.width * factor, unit=self.unit * factor)


@dataclass(slots=True, eq=False)
class _Row:
    """Pieces side by side; none: an empty line."""

    pen: int
    pieces: list[_Piece] = field(default_factory=list)
    last: bool = True  # of its paragraph

    @property
    def gaps(self) -> list[float]:
        return [0.0, *(piece.gap for piece in self.pieces[1:])] if self.pieces else []

    @property
    def width(self) -> float:
        return sum(self.gaps) + sum(piece.width for piece in self.pieces)


@dataclass(slots=True, eq=False)
class _Placed:
    """A row whose x is that of its page, and whose y is 0 on its base line (at the left, if it slopes)."""

    text: str
    pen: int
    points: Floats  # (n, 2)
    lengths: Ints
    bulk: tuple[float, float]  # from where to where most of it is, before the slope
    base: float = 0.0


def _pen(pens: Sequence[Pen], line: Line) -> Pen:
    if not 0 <= line.pen < len(pens):
        raise InputError(f"there is no pen {line.pen}, only {len(pens)}", do="name a pen that is there")
    return pens[line.pen]


def _piece(word: Word, factor: float, setting: Setting, room: _Room) -> _Piece:
    """The word in mm, smaller where it would be higher than the page; `factor`: of its gap."""
    gap = max(word.gap, 0.0) * factor * setting.size_mm
    if not gap < LARGEST_MM:
        raise InputError(f"a gap of {word.gap} before the word {word.text!r}")
    points, lengths = word.ink.points, word.ink.lengths
    if not len(points):
        return _Piece(word.text, points, lengths, 0.0, gap, setting.size_mm)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    if not max(-left, -top, right, bottom) < LARGEST_MM / setting.size_mm:
        raise InputError(f"the word {word.text!r} would be more than a kilometre long")
    unit = setting.size_mm
    if -top * unit > room.above or bottom * unit > room.below:
        unit = min(room.above / max(-top, 1e-9), room.below / max(bottom, 1e-9))
    return _Piece(
        word.text, (points - np.array([left, 0.0])) * unit, lengths, float(right - left) * unit,
        gap, unit, word.breaks,
    )  # fmt: skip


def _wrapped(line: Line, setting: Setting, room: _Room, random: np.random.Generator) -> list[_Row]:
    """The rows of a paragraph. A hand writes on until a word does not fit."""
    rows, x = [_Row(line.pen)], 0.0
    varied = np.exp(VARIED_GAP * setting.wander * np.clip(random.standard_normal(len(line.words)), -2, 2))
    for word, factor in zip(line.words, varied.tolist(), strict=True):
        rest: _Piece | None = _piece(word, factor, setting, room)
        while rest:
            row = rows[-1]
            gap = rest.gap if row.pieces else 0.0
            piece, rest = _fitting(rest, room.measure, x + gap, random)
            if piece:
                row.pieces.append(piece)
                x += gap + piece.width
            if rest:
                row.last, x = False, 0.0
                rows.append(_Row(line.pen))
    return rows


def _fitting(
    piece: _Piece, measure: float, start: float, random: np.random.Generator
) -> tuple[_Piece | None, _Piece | None]:
    """What of a word is written at `start` of a row, and what on the next; at 0 some of it is, always."""
    if start + piece.width <= measure * (1 + 1e-9):
        return piece, None
    if piece.width <= measure:
        return None, piece
    if cut := _cut(piece, measure - start, 3 if start else 1, random):
        return cut
    if start:
        return None, piece
    # Alone on its row: as little of it as can be, smaller.
    head, rest = _cut(piece, math.inf, 1, random, first=True) or (piece, None)
    return head.scaled(measure / head.width), rest


def _cut(
    piece: _Piece, room: float, least: int, random: np.random.Generator, first: bool = False
) -> tuple[_Piece, _Piece] | None:
    """A word in two, as much as fits `room` with a hyphen and no fewer than `least` characters before it.

    `first`: at its first break instead of the last that fits. None where no break is left.
    """
    starts = np.cumsum(piece.lengths) - piece.lengths
    fitting = []
    for stroke, character in piece.breaks:
        if 0 < stroke < len(starts) and least <= character < len(piece.text):
            right = float(piece.points[: starts[stroke], 0].max())
            hyphen = 0.0 if piece.text[character - 1] in HYPHENS else sum(HYPHEN) * piece.unit
            if right + hyphen > room:
                break
            fitting.append((stroke, character, right, hyphen))
    if not fitting:
        return None
    well = [cut for cut in fitting if cut[1] <= len(piece.text) - 2]  # no letter alone on the next row
    stroke, character, right, hyphen = fitting[0] if first else (well or fitting)[-1]
    at = starts[stroke]
    points, lengths, text = piece.points[:at], piece.lengths[:stroke], piece.text[:character]
    if hyphen:
        drawn = _hyphen(random) * piece.unit + np.array([right, 0.0])
        points, lengths = np.concatenate([points, drawn]), np.append(lengths, len(drawn))
        text += "-"
    head = replace(piece, text=text, points=points, lengths=lengths, width=right + hyphen, breaks=())
    left = float(piece.points[at:, 0].min())
    tail = replace(
        piece,
        text=piece.text[character:],
        points=piece.points[at:] - np.array([left, 0.0]),
        lengths=piece.lengths[stroke:],
        width=float(piece.points[at:, 0].max()) - left,
        breaks=tuple((s - stroke, c - character) for s, c in piece.breaks if s > stroke and c > character),
    )
    return head, tail


def _hyphen(random: np.random.Generator) -> Floats:
    """(7, 2): a short stroke from the right of a word, slow at both ends as a pen is; in x-heights."""
    gap, length = HYPHEN
    way = (1 - np.cos(np.linspace(0, np.pi, 7))) / 2
    tilt, bend, lift = random.uniform([-0.08, 0.0, -0.04], [0.02, 0.04, 0.04])
    return np.stack([gap + length * way, -0.48 + lift + tilt * way - bend * np.sin(np.pi * way)], axis=1)


def _placed(
    rows: Sequence[_Row], setting: Setting, room: _Room, random: np.random.Generator
) -> list[_Placed | None]:
    """Rows in their x, with their wander and slope; None for an empty line."""
    widths = [row.width for row in rows]
    measure = room.measure if math.isfinite(room.measure) else max(widths, default=0.0)
    rise = math.tan(math.radians(setting.slope))
    placed: list[_Placed | None] = []
    for row, width in zip(rows, widths, strict=True):
        phases = random.random(len(WAVES)) * (2 * math.pi)
        if not row.pieces:
            placed.append(None)
            continue
        gaps, slack = row.gaps, measure - width
        if setting.align == "justify" and not row.last and (stretch := _stretch(sum(gaps), slack)):
            gaps = [gap * stretch for gap in gaps]
        start = room.left + slack * FLUSH.get(setting.align, 0.0)
        lefts = start + np.cumsum(gaps) + np.cumsum([0.0, *(piece.width for piece in row.pieces[:-1])])
        points = np.concatenate([piece.points for piece in row.pieces])
        points[:, 0] += np.repeat(lefts, [len(piece.points) for piece in row.pieces])
        waves = 2 * math.pi / (WAVES * setting.size_mm)  # (waves,) radians a mm
        points[:, 1] += np.sin(points[:, :1] * waves + phases) @ (WAVES / WAVES.sum()) * _sway(setting)
        top, bottom = np.quantile(points[:, 1], [0.03, 0.97]) if len(points) else (0.0, 0.0)
        points[:, 1] -= (points[:, 0] - room.left) * rise
        lengths = np.concatenate([piece.lengths for piece in row.pieces])
        text = " ".join(piece.text for piece in row.pieces)
        placed.append(_Placed(text, row.pen, points, lengths, (float(top), float(bottom))))
    return placed


def _sway(setting: Setting) -> float:
    """How far the base line goes up or down at most, in mm; a hand keeps to a ruled line."""
    return SWAY * setting.wander * setting.size_mm * (0.3 if setting.ruled else 1.0)


def _stretch(gaps: float, slack: float) -> float | None:
    """By how much gaps grow to fill a row; None where that would look unlike writing."""
    return (gaps + slack) / gaps if gaps > 0 and gaps + slack <= WIDEST_GAP * gaps else None


def _paged(rows: Sequence[_Placed | None], setting: Setting, room: _Room) -> list[list[_Placed]]:
    """The rows of each page, with their base lines."""
    pages: list[list[_Placed]] = [[]]
    first, leading = room.top + CAPITAL * setting.size_mm, setting.leading
    base: float | None = None  # of the row before; None: there is none on this page
    floor = -math.inf  # how far down the bulk of the rows on this page reaches
    for row in rows:
        if row is None:
            if base is not None or len(pages) == 1:
                base = first if base is None else base + leading
            continue
        highest, lowest = -math.inf, math.inf  # where its base line may be
        if setting.paper and len(row.points):
            highest = room.top - float(row.points[:, 1].min())
            lowest = room.bottom - float(row.points[:, 1].max())
        if base is not None:
            base += leading
            if setting.ruled:  # on the next rule that is low enough
                base += leading * math.ceil(max(0.0, highest - base) / leading - 1e-9)
            else:
                base = max(base, highest, floor - row.bulk[0])
            if (
                base > lowest + 1e-9 and not pages[-1]
            ):  # more empty lines than a page has room for: its last row
                base = max(highest, base - leading * math.ceil((base - lowest) / leading - 1e-9))
            elif base > lowest + 1e-9:
                base = None
                pages.append([])
        if base is None:
            base, floor = max(highest, min(first, lowest)), -math.inf
        floor = max(floor, base + row.bulk[1])
        row.base = base
        row.points[:, 1] += base
        pages[-1].append(row)
    return pages


def _page(rows: Sequence[_Placed], setting: Setting, room: _Room, pens: tuple[Pen, ...]) -> Page:
    """The page of rows that have their place, moved to its corner where it fits its ink."""
    low, high = np.array([room.left, room.top]), np.array([room.right, room.bottom])
    size = setting.paper
    bases = [row.base for row in rows]
    if size is None:
        top, right, bottom, left = room.edge
        inked = [row.points for row in rows if len(row.points)]
        if setting.ruled and inked:  # the ruling is on the page, too
            x = inked[0][0, 0]
            inked += [np.array([[x, bases[0]], [x, bases[-1]]])]
        everything = np.concatenate(inked) if inked else np.zeros((1, 2))
        low, high = everything.min(axis=0), everything.max(axis=0)
        for row in rows:
            row.points += np.array([left, top]) - low
        bases = [base + top - low[1] for base in bases]
        low, high = np.array([left, top]), high - low + np.array([left, top])
        size = float(high[0] + right) + DOT_MM, float(high[1] + bottom)
        if not max(size) < LARGEST_MM:
            raise InputError("the page would be more than a kilometre long", do="give a page or a width")
    strokes: list[Floats] = []
    of_pen: list[int] = []
    lines: list[int] = []
    for number, row in enumerate(rows):
        ends = np.cumsum(row.lengths)
        strokes += [
            row.points[end - n : end] for end, n in zip(ends.tolist(), row.lengths.tolist(), strict=True)
        ]
        of_pen += [row.pen] * len(ends)
        lines += [number] * len(ends)
    return Page(
        *size, strokes, pens, tuple(of_pen), _rules(low, high, bases, setting),
        tuple(row.text for row in rows), tuple(lines),
    )  # fmt: skip


def _rules(low: Floats, high: Floats, bases: Sequence[float], setting: Setting) -> list[Floats]:
    """The guide lines between two corners (2,) of a page."""
    (left, top), (right, bottom) = low, high
    levels: list[float] = []
    rules: list[Floats] = []
    if setting.ruled:
        first = bases[0] if bases else top + CAPITAL * setting.size_mm
        first -= setting.leading * math.floor((first - top) / setting.leading)
        levels += np.arange(first, bottom + 1e-6, setting.leading).tolist()
    if setting.grid:
        rules += [np.array([[x, top], [x, bottom]]) for x in np.arange(left, right + 1e-6, GRID_MM)]
        levels += np.arange(top, bottom + 1e-6, GRID_MM).tolist()
    return rules + [np.array([[left, y], [right, y]]) for y in levels]


def unit_of(ink: Ink) -> float:
    """The size of the writing: the median distance of the points from their median height.

    Somewhat less than half the height of an "x", and little moved by loops, strokes through a "t",
    or a stray point. It is never 0: ink that is level, or so nearly level that this measure says nothing of
    its size (a dash), is measured by its longer side; a dot, or no ink, is 1.
    """
    if not len(ink):
        return 1.0
    y = ink.points[:, 1]
    with np.errstate(over="ignore", invalid="ignore"):  # lay_out refuses what comes of it
        unit = median(np.abs(y - median(y)))
        extent = float(np.ptp(ink.points, axis=0).max())
    if unit * LONGEST > extent:
        return unit
    return extent or 1.0


def lay_out(inks: Sequence[Ink | None], *, unit: float | None = None, pen: Pen | None = None) -> Page:
    """One written line an ink, one below the other, as they were recorded or sampled; None is an empty line.

    A line is scaled so that `unit` (by default its own, see `unit_of`) becomes UNIT_MM. Its left edge stands at
    the margin, its median height, near the middle of an "x", on the row's. Rows are ROW_MM apart, more where
    the bulk of two lines would overlap. The page is as large as the ink with half the pen and the margin
    around it, however far a line reaches up or down.

    Raises InputError where the unit is not a positive number, or the page would not end.
    """
    if unit is not None and not (math.isfinite(unit) and unit > 0):
        raise InputError(f"unit is {unit}", do="give a positive number")
    lines = [Line() if ink is None or not len(ink) else Line((_levelled(ink, unit),)) for ink in inks]
    setting = Setting(size_mm=UNIT_MM, line_height_mm=ROW_MM, wander=0.0)
    return set_pages(lines, setting, (pen or Pen(),))[0]


def _levelled(ink: Ink, unit: float | None) -> Word:
    """The ink as a word, its median height on the base line, in units; LARGEST_MM where that is no number."""
    with np.errstate(over="ignore", invalid="ignore"):
        corner = np.array([ink.points[:, 0].min(), median(ink.points[:, 1])])
        points = (ink.points - corner) / (unit or unit_of(ink))
    return Word(
        "", Ink(np.nan_to_num(points, nan=LARGEST_MM, posinf=LARGEST_MM, neginf=-LARGEST_MM), ink.lengths)
    )
