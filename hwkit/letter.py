"""A letter: any text written by hand and set on pages.

Text is planned as words (hwkit.text), what the model knows of it is written in pieces side by side, each by
the line's hand (hwkit.generate), the pieces are cut into words where the window moves on
(hwkit.generate.words), what the model does not know is drawn by the alphabet, and the words are set on pages
(hwkit.layout).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import numpy as np

from hwkit import alphabet
from hwkit.candidates import Choice, Wish, choose
from hwkit.errors import InputError
from hwkit.generate.hand import Hand
from hwkit.generate.sampler import Request, Writer, checked_bias
from hwkit.generate.words import BEHIND, GAPS, X_HEIGHT, Hold, box_of, evened, gaps, slant
from hwkit.ink import Floats, Ink, median
from hwkit.layout import Line, Page, Pen, Setting, Word, set_pages
from hwkit.progress import Progress, silent
from hwkit.text import Part as WrittenPart
from hwkit.text import Written, pieces, plan

T = TypeVar("T")

LONGEST = 48  # characters of a piece; the packaged models learned lines of about so many
USUAL_GAP = 1.6  # between words, in x-heights, where none was seen
INSIDE = 0.22  # room between parts of one word, in x-heights
WIDEST = 1.3  # x-heights; an accent's letter is no wider
KEPT = 2  # characters that stay on either side of a break
DOT = Word(".", Ink(np.zeros((1, 2)), np.array([1])))  # that finds room wherever anything does
ALONE = 1_000  # what is added to a part's number where it is written without its neighbours


@dataclass(frozen=True, kw_only=True)
class Order:
    """A text and how it is to be written. What may differ by line has one value or one a line of the text."""

    text: str
    hands: tuple[Hand | None, ...] = (None,)
    biases: tuple[float | None, ...] = (None,)  # None: the model's own
    pens: tuple[Pen, ...] = (Pen(),)
    seed: int = 0
    setting: Setting = field(default_factory=Setting)
    unknown: Literal["refuse", "skip", "replace"] = "refuse"
    candidates: int = 1  # lines of which the one that reads best is taken; 1: none is read


class Row(NamedTuple):
    """What became of some words of a line, which were written together."""

    line: int  # of the text, from 1
    text: str
    tried: int  # candidates
    again: int  # times that a word was written again
    doubtful: tuple[str, ...]  # words that are read otherwise
    read: str | None  # what it says to the reader; None: it was not asked


@dataclass(frozen=True)
class Letter:
    """A text that was written."""

    pages: list[Page]
    seed: int
    unwritten: list[str]  # words that could not be written, in their order; they are left out
    report: list[Row] = field(default_factory=list)

    @property
    def strokes(self) -> list[Floats]:
        """All strokes in the order of writing, each (n, 2) in mm on its page."""
        return [stroke for page in self.pages for stroke in page.strokes]

    def save(self, target: str | Path, form: str | None = None, **options: Any) -> list[str]:
        """Write the pages to a file of the kind that its name's end, or `form`, says; the names of the files.

        Several pages become NAME-1.svg, NAME-2.svg …, or one PDF. options: those of
        `hwkit.render.formats.Format`. Raises InputError for what cannot be written so or there, HwkitError
        where the system refuses.
        """
        from hwkit.render.files import save

        return save(str(target), self.pages, form, **options)

    def _repr_svg_(self) -> str:
        """The first page, for a notebook."""
        from hwkit.render.svg import svg

        return svg(self.pages[0]).decode()


class Part(NamedTuple):
    """Ink of a word's part, in x-heights from its base line, and the window's place in its text."""

    ink: Ink
    position: Floats
    gap: float | None  # to what was written before it; None: it was not seen
    slant: float


class Piece(NamedTuple):
    """What is written at one go: some parts of a line's words."""

    line: int
    parts: list[int]  # of the line, counted through its words
    texts: list[str]
    number: int  # for the seed


def write_letters(writer: Writer, orders: Sequence[Order], *, progress: Progress = silent) -> list[Letter]:
    """Each order's letter; all their pieces are written side by side.

    The letter of an order is the same whatever it is written with. Raises VocabularyError for a character
    that can neither be written nor drawn, InputError for a text without one that can.
    """
    return [
        Letter(set_pages(lines, order.setting, order.pens, order.seed), order.seed, unwritten, report)
        for order, (lines, unwritten, report) in zip(
            orders, words_of_lines(writer, orders, progress=progress), strict=True
        )
    ]


def words_of_lines(
    writer: Writer, orders: Sequence[Order], *, progress: Progress = silent
) -> list[tuple[list[Line], list[str], list[Row]]]:
    """The written words of each order's lines, before they are set on pages; those that are left out; and how
    each piece came about.
    """
    plans = [check(writer, order) for order in orders]
    cut = [cut_pieces(lines) for lines in plans]
    written, reports = write_pieces(writer, orders, cut, progress)
    return [
        (*joined(order, lines, parts), report)
        for order, lines, parts, report in zip(orders, plans, written, reports, strict=True)
    ]


def check(writer: Writer, order: Order) -> list[list[Written]]:
    """An order's text, planned; all that can be refused is refused here, before any work.

    Raises InputError as `write_letters` does, and for a seed, a bias, a hand, a pen or a page that is none.
    """
    if order.candidates < 1:
        raise InputError(f"{order.candidates} candidates", do="give 1 or more")
    if order.seed < 0:
        raise InputError(f"the seed is {order.seed}", do="give 0 or more")
    for bias in order.biases:
        if bias is not None:
            checked_bias(bias)
    for hand in order.hands:
        if hand is not None:
            hand.check(writer)
    set_pages([Line((DOT,), n) for n in range(len(order.pens))], order.setting, order.pens)
    if writer.config.vocabulary is None:
        raise InputError("a prediction network writes no text", do="give a synthesis model")
    lines = plan(order.text, writer.config.vocabulary.characters, unknown=order.unknown)
    if not any(lines):
        raise InputError("there is no text to write", do="give at least one character")
    return [[in_short_parts(word) for word in line] for line in lines]


def in_short_parts(word: Written) -> Written:
    """The word with no part that the model writes longer than a piece: one is cut into even ones."""
    if all(part.drawn or len(part.text) <= LONGEST for part in word.parts):
        return word
    parts: list[WrittenPart] = []
    for part in word.parts:
        count = 1 if part.drawn else -(-len(part.text) // LONGEST)
        size = -(-len(part.text) // count)
        for start in range(0, len(part.text), size):
            marks = tuple((at - start, name) for at, name in part.marks if start <= at < start + size)
            parts.append(WrittenPart(part.text[start : start + size], part.drawn, marks))
    return Written(word.text, tuple(parts))


def cut_pieces(lines: Sequence[Sequence[Written]]) -> list[Piece]:
    """The pieces of a text: of each line what the model writes, in pieces of about LONGEST characters."""
    found: list[Piece] = []
    for n, line in enumerate(lines):
        texts = {
            m: part.text
            for m, part in enumerate(part for word in line for part in word.parts)
            if not part.drawn
        }
        rows = list(texts)
        for group in pieces(list(texts.values()), LONGEST):
            found.append(Piece(n, [rows[k] for k in group], [texts[rows[k]] for k in group], len(found)))
    return found


def write_pieces(
    writer: Writer, orders: Sequence[Order], cut: Sequence[Sequence[Piece]], progress: Progress
) -> tuple[list[dict[tuple[int, int], Part | None]], list[list[Row]]]:
    """Of each order its parts by (line, part), None for one that could not be written; and a row a piece.

    A piece that does not end well, or that cannot be cut, is written again part by part.
    """
    found: list[dict[tuple[int, int], Part | None]] = [{} for _ in orders]
    reports: list[list[Row]] = [[] for _ in orders]
    jobs = [(n, piece) for n, order in enumerate(cut) for piece in order]
    alone: list[tuple[int, Piece]] = []
    seen: list[tuple[int, Piece, list[tuple[Ink, Floats]], list[float], Hold]] = []
    unit = writer.config.statistics.unit
    for again in (False, True):
        if again:
            jobs = alone
        wishes = [wish_of(orders[n], piece) for n, piece in jobs]
        for (n, piece), choice in zip(jobs, choose(writer, wishes, progress), strict=True):
            reports[n].append(row_of(piece, choice))
            if choice.best is not None:
                seen.append((n, piece, *choice.best.cut))
            elif again:
                found[n][piece.line, piece.parts[0]] = None
            else:
                singles = zip(piece.parts, piece.texts, strict=True)
                alone += [(n, Piece(piece.line, [p], [t], ALONE + p)) for p, t in singles]
    heights = usual_heights(orders, [(n, piece.line, where) for n, piece, _, _, where in seen], unit)
    for n, piece, parts, rooms, where in seen:
        usual = heights[n, hand_of(orders[n], piece.line)]
        for part, (ink, position), room in zip(piece.parts, parts, rooms, strict=True):
            even, height = evened(ink, where, usual)
            gap = room / height if part != piece.parts[0] else None
            found[n][piece.line, part] = Part(even, position, gap, slant(even))
    for report in reports:
        report.sort(key=lambda row: row.line)
    return found, reports


def wish_of(order: Order, piece: Piece) -> Wish:
    """What the sampler is asked for."""
    request = Request(
        text=" ".join(piece.texts),
        seed=(order.seed, piece.line, piece.number),
        bias=of_line(order.biases, piece.line),
        hand=of_line(order.hands, piece.line),
        onward=True,
    )
    return Wish(request, piece.texts, order.candidates)


def row_of(piece: Piece, choice: Choice) -> Row:
    """What is told of a piece."""
    doubtful = tuple(piece.texts[n] for n in choice.doubtful(piece.texts))
    read = choice.best.read if choice.best is not None else None
    return Row(piece.line + 1, " ".join(piece.texts), choice.tried, choice.again, doubtful, read)


def of_line(values: Sequence[T], line: int) -> T:
    """What a line has of what may differ by line: one value for all, or its own; the last one goes on."""
    return values[min(line, len(values) - 1)]


def hand_of(order: Order, line: int) -> int:
    """Which of an order's hands a line has."""
    return min(line, len(order.hands) - 1)


def usual_heights(
    orders: Sequence[Order], seen: Sequence[tuple[int, int, Hold]], unit: float
) -> dict[tuple[int, int], float]:
    """The x-height of each hand of each order, as the model writes it, over all its lines."""
    heights: dict[tuple[int, int], list[float]] = {}
    for n, line, where in seen:
        own = heights.setdefault((n, hand_of(orders[n], line)), [])
        own += [where.height] * len(where.tops)
    return {key: median(own) if own else X_HEIGHT * unit for key, own in heights.items()}


def joined(
    order: Order, lines: Sequence[Sequence[Written]], parts: Mapping[tuple[int, int], Part | None]
) -> tuple[list[Line], list[str]]:
    """The lines of an order, their words put together from their parts; and the words that have not all."""
    known = [part for part in parts.values() if part is not None]
    rooms = [part.gap for part in known if part.gap is not None]
    usual_gap = median(rooms) if rooms else USUAL_GAP
    usual_slant = median([part.slant for part in known]) if known else 0.1
    unwritten: list[str] = []
    rows: list[Line] = []
    for n, line in enumerate(lines):
        own = [part.slant for (at, _), part in parts.items() if at == n and part is not None]
        leaning = median(own) if own else usual_slant
        words, first = [], 0
        for m, word in enumerate(line):
            found = [parts.get((n, first + k)) for k in range(len(word.parts))]
            first += len(word.parts)
            if any(ink is None and not part.drawn for ink, part in zip(found, word.parts, strict=True)):
                unwritten.append(word.text)
                continue
            gap = found[0].gap if found[0] is not None and found[0].gap is not None else usual_gap
            random = np.random.default_rng([order.seed, n, m])
            words.append(word_of(word, found, float(np.clip(gap, *GAPS)), leaning, random))
        rows.append(Line(tuple(words), min(n, len(order.pens) - 1)))
    return rows, unwritten


def word_of(
    word: Written, parts: Sequence[Part | None], gap: float, leaning: float, random: np.random.Generator
) -> Word:
    """A word of its parts, side by side, with its accents; what is drawn leans as the hand does."""
    strokes: list[Floats] = []
    begins: list[int] = []  # the character that each stroke begins with
    right, before = 0.0, 0
    for planned, part in zip(word.parts, parts, strict=True):
        ink = part.ink if part is not None else drawn(planned, leaning, random)
        inside = INSIDE if strokes else 0.0
        left = ink.points[:, 0].min()
        placed = Ink(ink.points + np.array([right + inside - left, 0.0]), ink.lengths)
        own = list(placed.strokes())
        if part is not None:
            starts = np.cumsum(ink.lengths) - ink.lengths
            at = np.clip(part.position[starts] + BEHIND, 0, len(planned.text) - 1).astype(int)
            of = dict(zip(map(id, own), at.tolist(), strict=True))
            own += accents(planned.marks, Part(placed, part.position, None, leaning), own, random)
            begins += [before + of.get(id(stroke), len(word.text)) for stroke in own]
        else:
            begins += [before] * len(own)
        strokes += own
        right = max(right, placed.points[:, 0].max())
        before += len(planned.text)
    left = min(stroke[:, 0].min() for stroke in strokes)
    ink = Ink.from_strokes([stroke - (left, 0.0) for stroke in strokes])
    return Word(word.text, ink, gap, breaks_of(ink, begins, before))


def drawn(part: WrittenPart, leaning: float, random: np.random.Generator) -> Ink:
    """What the alphabet draws."""
    return alphabet.draw(part.text, slant=leaning, rng=random, marks_on=part.marks)


def accents(
    marks: Sequence[tuple[int, str]], part: Part, strokes: list[Floats], random: np.random.Generator
) -> list[Floats]:
    """The strokes of a part's accents, each over its letter; a dot that an accent replaces leaves `strokes`."""
    found: list[Floats] = []
    for place, of_letter in groupby(marks, key=lambda mark: mark[0]):
        names = [name for _, name in of_letter]
        box = box_of(part.ink, part.position, place)
        if box is None:
            continue
        left, top, right, bottom = (float(v) for v in box)
        if right - left > WIDEST:  # a stroke that joins it to its neighbours is not the letter
            left, right = (left + right - WIDEST) / 2, (left + right + WIDEST) / 2
        if any(map(alphabet.replaces_dot, names)):
            dots = [s for s in strokes if is_dot(s) and left - 0.5 < s[:, 0].mean() < right + 0.5]
            for dot in dots[:1]:
                strokes[:] = [s for s in strokes if s is not dot]
                top = max(top, float(dot[:, 1].max()))
        found += alphabet.marks(names, (left, top, right, bottom), part.slant, random)
    return found


def is_dot(stroke: Floats) -> bool:
    """Whether a stroke is the dot of an i: small, and above the x-height."""
    size = np.ptp(stroke, axis=0)
    return bool(stroke[:, 1].max() < -1.05 and size[0] < 0.5 and size[1] < 0.5)


def breaks_of(ink: Ink, begins: Sequence[int], length: int) -> tuple[tuple[int, int], ...]:
    """Where a word may be cut: before strokes with all earlier ink on their left, not near its ends."""
    if len(ink.lengths) < 2:
        return ()
    room = gaps(ink)
    found: list[tuple[int, int]] = []
    for stroke, character in enumerate(begins):
        inner = KEPT <= character <= length - KEPT
        if stroke and inner and room[stroke - 1] > 0 and (not found or character > found[-1][1]):
            found.append((stroke, character))
    return tuple(found)
