"""Draws the sample archive: a small IAM-OnDB whose ink this project made itself.

    python data/sample/draw.py [FOLDER]

writes lineStrokes-all.tar.gz, ascii-all.tar.gz and the four split lists into FOLDER (default: this
script's own), the same bytes every time. It needs numpy and nothing else.

The way of a line: text -> strokes of the ALPHABET, some of them joined -> control points in recording
units, bent to the form's hand -> smooth curves -> points at the whiteboard's reading rate.
"""

from __future__ import annotations

import gzip
import io
import sys
import tarfile
import textwrap
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# --- the alphabet ---------------------------------------------------------------------------------

# Printable ASCII: a character's strokes in the order of writing, parted by "/". A stroke is its points
# "x,y" on a small grid; the pen runs through them on a smooth (Catmull-Rom) curve, but turns sharply at
# a point marked "!".
# x grows to the right from 0, y grows downward:
CAP_LINE, X_LINE, BASE_LINE, DESCENDER = 0, 8, 20, 28

ALPHABET = {
    "a": "10,11 7,8 3,9 0,14 2,19 5,20 8,17 10,9! 10,17 13,20",
    "b": "0,0 0,20! 0,13 4,8 8,9 10,14 8,19 4,20 0,18",
    "c": "10,10 7,8 3,9 0,14 2,19 6,20 10,18",
    "d": "10,11 7,8 3,9 0,14 2,19 5,20 8,17 10,9! 10,0! 10,17 13,20",
    "e": "1,15 6,14 9,11 6,8 3,9 0,14 2,19 6,20 10,18",
    "f": "10,2 7,0 4,3 4,10 4,20 / 0,9 8,9",
    "g": "10,11 7,8 3,9 0,14 2,19 5,20 8,17 10,9! 10,23 8,27 4,28 0,26",
    "h": "0,0 0,20! 0,14 4,8 8,10 9,15 9,18 11,20",
    "i": "0,8 0,16 2,20 5,19 / 1,3 1,4",
    "j": "5,8 5,23 3,28 0,27 / 6,3 6,4",
    "k": "0,0 0,20 / 8,8 0,15! 9,20",
    "l": "0,0 0,16 2,20 5,19",
    "m": "0,8 0,20! 0,14 3,8 6,10 7,15 7,20! 7,14 10,8 13,10 14,15 14,18 16,20",
    "n": "0,8 0,20! 0,14 4,8 8,10 9,15 9,18 11,20",
    "o": "7,8 2,9 0,14 2,19 5,20 8,19 10,14 8,9 4,8",
    "p": "0,8 0,28! 0,14 4,8 8,9 10,14 8,19 4,20 0,18",
    "q": "10,11 7,8 3,9 0,14 2,19 5,20 8,17 10,9! 10,28! 13,24",
    "r": "0,8 0,20! 0,14 3,9 6,8 8,9",
    "s": "9,10 6,8 2,9 2,12 5,14 8,16 8,19 4,20 0,18",
    "t": "4,1 4,16 6,20 9,19 / 0,8 9,8",
    "u": "0,8 0,16 3,20 7,18 9,14 9,8! 9,16 12,20",
    "v": "0,8 5,20! 10,8",
    "w": "0,8 3,20! 7,9! 11,20! 14,8",
    "x": "0,8 9,20 / 9,8 0,20",
    "y": "0,8 0,15 3,19 7,17 9,13 9,8! 9,23 7,27 4,28 0,26",
    "z": "0,8 9,8! 0,20! 10,20",
    "A": "0,20 7,0! 14,20 / 3,13 11,13",
    "B": "0,0 0,20 / 0,0 7,0 11,4 8,9 1,10! 8,10 13,15 9,20 0,20",
    "C": "13,4 9,0 4,1 0,9 2,17 7,20 13,17",
    "D": "0,0 0,20 / 0,0 6,0 12,4 13,11 11,17 6,20 0,20",
    "E": "11,0 0,0! 0,20! 11,20 / 0,10 9,10",
    "F": "11,0 0,0! 0,20 / 0,10 9,10",
    "G": "13,4 9,0 4,1 0,9 2,17 7,20 12,18 13,12! 8,12",
    "H": "0,0 0,20 / 12,0 12,20 / 0,10 12,10",
    "I": "4,0 4,20 / 0,0 8,0 / 0,20 8,20",
    "J": "9,0 9,15 7,19 4,20 1,19 0,16 / 4,0 13,0",
    "K": "0,0 0,20 / 11,0 0,12! 12,20",
    "L": "0,0 0,20! 11,20",
    "M": "0,20 1,0! 8,14! 15,0! 16,20",
    "N": "0,20 0,0! 12,20! 12,0",
    "O": "9,0 3,2 0,10 3,18 7,20 11,18 14,10 11,2 6,0",
    "P": "0,0 0,20 / 0,0 7,0 12,3 12,8 7,11 0,11",
    "Q": "9,0 3,2 0,10 3,18 7,20 11,18 14,10 11,2 6,0 / 8,14 15,22",
    "R": "0,0 0,20 / 0,0 7,0 11,3 11,7 6,10 0,10! 4,10! 12,20",
    "S": "11,3 7,0 2,1 1,6 6,9 11,13 11,18 6,20 0,17",
    "T": "7,0 7,20 / 0,0 14,0",
    "U": "0,0 0,13 2,18 6,20 10,18 12,13 12,0",
    "V": "0,0 7,20! 14,0",
    "W": "0,0 4,20! 9,4! 14,20! 18,0",
    "X": "0,0 12,20 / 12,0 0,20",
    "Y": "0,0 6,10! 12,0 / 6,10 6,20",
    "Z": "0,0 12,0! 0,20! 12,20",
    "0": "6,0 2,2 0,10 2,18 5,20 8,18 10,10 8,2 4,0",
    "1": "0,5 5,0! 5,20",
    "2": "0,4 4,0 9,2 9,7 5,13 0,20! 10,20",
    "3": "0,2 5,0 9,3 8,8 3,9! 9,11 10,16 6,20 0,18",
    "4": "7,0 0,13! 11,13 / 8,7 8,20",
    "5": "1,0 0,9! 5,8 10,12 9,18 4,20 0,18 / 1,0 9,0",
    "6": "8,0 3,5 0,13 2,19 6,20 10,16 8,11 4,11 0,15",
    "7": "0,0 10,0! 3,20",
    "8": "9,2 5,0 1,3 3,8 8,12 9,17 5,20 1,17 2,12 7,8 9,4 7,0",
    "9": "9,3 5,0 1,2 1,8 5,10 8,7 9,2! 9,12 7,20",
    ".": "0,19 1,20",
    ",": "2,18 2,21 0,24",
    "'": "1,0 0,5",
    '"': "1,0 0,5 / 5,0 4,5",
    "-": "0,14 7,14",
    "!": "0,0 0,14 / 0,19 0,20",
    "?": "0,4 4,0 9,2 9,7 5,11 4,15 / 4,19 4,20",
    "(": "5,0 1,6 0,12 1,18 5,24",
    ")": "0,0 4,6 5,12 4,18 0,24",
    ":": "0,11 0,12 / 0,19 0,20",
    ";": "2,11 2,12 / 2,18 2,21 0,24",
    "#": "4,2 2,18 / 10,2 8,18 / 0,7 12,7 / 0,13 12,13",
    "$": "10,4 6,2 2,3 1,7 6,10 10,13 10,17 5,18 0,16 / 6,0 5,21",
    "%": "12,0 0,20 / 4,1 1,2 0,5 3,8 6,5 5,2 3,1 / 11,13 8,14 7,17 10,20 13,17 12,14 10,13",
    "&": "13,20 4,7 4,2 7,0 9,3 7,7 1,12 0,16 4,20 9,18 12,12",
    "*": "5,2 5,10 / 1,4 9,8 / 9,4 1,8",
    "+": "5,9 5,19 / 0,14 10,14",
    "/": "8,0 0,21",
    "<": "9,8 0,14! 9,20",
    "=": "0,11 9,11 / 0,16 9,16",
    ">": "0,8 9,14! 0,20",
    "@": "12,9 9,7 6,9 5,13 7,16 10,15 12,8! 12,14 14,16 17,13 17,7 13,2 8,1 3,4 0,11 3,19 9,22 15,20",
    "[": "5,0 0,0! 0,23! 5,23",
    "\\": "0,0 8,21",
    "]": "0,0 5,0! 5,23! 0,23",
    "^": "0,7 4,1! 8,7",
    "_": "0,23 10,23",
    "`": "0,0 3,4",
    "{": "5,0 3,2 3,9 0,11! 3,13 3,21 5,23",
    "|": "0,0 0,24",
    "}": "0,0 2,2 2,9 5,11! 2,13 2,21 0,23",
    "~": "0,15 3,12 7,15 10,12",
}

# Letters whose first stroke leaves at the base line, and those whose first stroke starts at their left:
# a hand may join the one to the other without lifting the pen.
LEAVING, ENTERING = frozenset("adehilmntu"), frozenset("bhiklmnprtuvwy")


class Stroke(NamedTuple):
    points: Floats  # (n, 2), on the alphabet's grid or in recording units
    sharp: NDArray[np.bool_]  # (n,), True where the pen turns sharply


def strokes_of(character: str) -> list[Stroke]:
    """The strokes of a character on the alphabet's grid. Raises KeyError for one it does not hold."""
    strokes = []
    for stroke in ALPHABET[character].split("/"):
        marks = stroke.split()
        points = [[float(v) for v in mark.rstrip("!").split(",")] for mark in marks]
        strokes.append(Stroke(np.array(points), np.array([mark.endswith("!") for mark in marks])))
    return strokes


def smooth(stroke: Stroke, step: float) -> Floats:
    """The stroke's curve as points (n, 2) about `step` apart along it."""
    cuts = [0, *np.flatnonzero(stroke.sharp[1:-1]) + 1, len(stroke.points) - 1]
    pieces = [catmull_rom(stroke.points[a : b + 1]) for a, b in pairwise(cuts)]
    curve = np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(curve, axis=0).T)))
    even = np.linspace(0.0, along[-1], max(3, int(np.ceil(along[-1] / step)) + 1))
    return np.column_stack([np.interp(even, along, curve[:, 0]), np.interp(even, along, curve[:, 1])])


def catmull_rom(points: Floats, pieces: int = 12) -> Floats:
    """The centripetal Catmull-Rom curve through points (n, 2), n > 1: `pieces` a gap, ends included."""
    chord = np.diff(points, axis=0)
    knots = np.sqrt(np.hypot(*chord.T))[:, None] + 1e-9  # (n - 1, 1): centripetal, so no loops or overshoot
    speed = chord / knots
    tangent = np.empty_like(points)
    tangent[1:-1] = (speed[:-1] * knots[1:] + speed[1:] * knots[:-1]) / (knots[:-1] + knots[1:])
    if len(points) == 2:
        tangent[:] = speed
    else:
        tangent[0], tangent[-1] = 1.5 * speed[0] - 0.5 * tangent[1], 1.5 * speed[-1] - 0.5 * tangent[-2]
    u = np.linspace(0.0, 1.0, pieces, endpoint=False)[:, None, None]
    hermite = (
        (2 * u**3 - 3 * u**2 + 1) * points[:-1]
        + (u**3 - 2 * u**2 + u) * knots * tangent[:-1]
        + (3 * u**2 - 2 * u**3) * points[1:]
        + (u**3 - u**2) * knots * tangent[1:]
    )  # (pieces, n - 1, 2)
    return np.concatenate([hermite.transpose(1, 0, 2).reshape(-1, 2), points[-1:]])


# --- a hand ---------------------------------------------------------------------------------------

READING = 1 / 75  # seconds between two readings of the whiteboard


class Hand(NamedTuple):
    """What tells one form's writer from another's."""

    unit: float  # recording units in one step of the grid, downward
    aspect: float  # and across, as a share of it
    slant: float  # to the right for each step upward
    slope: float  # of the line, downward for each unit to the right
    gap: float  # between letters, in steps of the grid
    space: float  # between words
    joins: float  # chance that two letters are joined where they can be
    jitter: float  # of a stroke's points, in steps of the grid
    tremble: float  # of the pen, in recording units
    tempo: float  # x-heights a second, where the ink is straight


def new_hand(lines: list[str], random: np.random.RandomState) -> Hand:
    """A hand that fits the longest of its lines on the board."""
    aspect, gap, space = random.uniform(0.55, 0.75), random.uniform(3.6, 4.8), random.uniform(10.5, 13.0)
    longest = max(
        sum(space if c == " " else max(s.points[:, 0].max() for s in strokes_of(c)) + gap for c in line)
        for line in lines
    )
    unit = min(random.uniform(5400, 6400) / (longest * aspect), 33.0)
    return Hand(
        unit,
        aspect,
        slant=random.uniform(-0.08, 0.38),
        slope=random.normal(0, 0.012),
        gap=gap,
        space=space,
        joins=random.choice([0.0, 0.25, 0.6, 0.9]),
        jitter=random.uniform(0.15, 0.45),
        tremble=random.uniform(1.0, 4.0),
        tempo=random.uniform(14.0, 20.0),
    )


def lay_out(text: str, hand: Hand, random: np.random.RandomState) -> list[Stroke]:
    """The strokes of a line of text in recording units, from x = 0, on the base line y = 0.

    Crosses and dots of joined letters follow when the joined stroke is done, as in a real hand.
    """
    strokes: list[Stroke] = []
    later: list[Stroke] = []
    x, before = 0.0, " "
    for character in text:
        if character == " ":
            strokes, later = strokes + later, []
            x, before = x + hand.space * random.uniform(0.9, 1.2), " "
            continue
        size, lift = random.normal(1.0, 0.03), random.normal(0.0, 0.3)
        placed = []
        for points, sharp in strokes_of(character):
            points = points + random.normal(0.0, hand.jitter, points.shape)
            points[:, 1] = (points[:, 1] - BASE_LINE) * size + lift
            points[:, 0] = (points[:, 0] * size + x) * hand.aspect - points[:, 1] * hand.slant
            placed.append(Stroke(points * hand.unit, sharp))
        first, *rest = placed
        if before in LEAVING and character in ENTERING and random.uniform() < hand.joins:
            joined = strokes[-1]
            points = np.concatenate([joined.points, first.points])
            strokes[-1] = Stroke(points, np.concatenate([joined.sharp, [True], first.sharp[1:]]))
            later += rest
        else:
            strokes, later = [*strokes, *later, first], rest
        width = max(s.points[:, 0].max() for s in strokes_of(character))
        x, before = x + width * size + hand.gap * random.uniform(0.8, 1.2), character
    return strokes + later


def write(strokes: list[Stroke], hand: Hand, start: float, random: np.random.RandomState) -> list[Floats]:
    """What the whiteboard reads of the strokes: (n, 3) x, y, time in whole units and hundredths a stroke.

    The pen starts and stops slowly, and slows down where the ink bends.
    """
    x_height = (BASE_LINE - X_LINE) * hand.unit
    readings, clock = [], start
    wave, phase = random.uniform(0.0, 0.08), random.uniform(0.0, 2 * np.pi)
    for stroke in strokes:
        curve = smooth(stroke, x_height / 30)
        way = np.diff(curve, axis=0)
        turn = np.abs(np.diff(np.unwrap(np.arctan2(way[:, 1], way[:, 0])), prepend=0.0))
        turn[0] = 0.0
        bend = np.convolve(np.pad(turn, 3, mode="edge"), np.hanning(9)[1:-1] / 4, mode="valid")
        steps = np.arange(len(way))
        edge = np.minimum(steps, steps[::-1])
        slowness = 1.0 + np.minimum(8.0 * bend, 2.5) + 1.5 * np.exp(-edge / 3.0)
        seconds = np.append(0.0, np.cumsum(np.hypot(*way.T) * slowness / (hand.tempo * x_height)))
        count = max(2, round(seconds[-1] / READING) + 1)
        at = np.linspace(0.0, seconds[-1], count)
        x, y = (np.interp(at, seconds, axis) for axis in curve.T)
        # The pen trembles smoothly, and the base line is neither level nor straight.
        noise = random.normal(0.0, hand.tremble, (2, count + 4))
        noise = np.stack([np.convolve(row, np.ones(5) / 5**0.5, mode="valid") for row in noise])
        y = y + hand.slope * x + wave * x_height * np.sin(x / (5 * x_height) + phase)
        times = clock + np.arange(count) * READING
        readings.append(
            np.column_stack([np.rint(x + noise[0]), np.rint(y + noise[1]), np.rint(times * 100) / 100])
        )
        clock = times[-1] + random.uniform(0.12, 0.6)
    return readings


# --- the archive ----------------------------------------------------------------------------------

# Sheets of text, four lines each, by the split that their forms belong to. Every hand writes a form of its
# own of the sheet: s01-000a, s01-000b, and so on. IAM-OnDB's own names start with no "s".
SHEETS = {
    "trainset": {
        "s01-000": "Victor fixed the kitchen clock\nwith glue, wax and a zip tie;\n"
        "it now runs just 15 minutes\nfast (or quite slow) a day.",
        "s01-001": "Dear Kate, the 7 hens are well\nand Buster guards the yard.\n"
        "We had 23 eggs on Friday!\nYours, Owen and Penelope",
        "s01-002": "Is it true that Zoe can juggle\n4 oranges and a kiwi? I asked\n"
        'her; she said: "Maybe in May."\nSo we wait, quite amazed.',
        "s01-003": "Take the X90 bus from Quay Lane\nto Upper Green, then walk east\n"
        "for 8 minutes, past the mill.\nRing twice if it is dark.",
        "s02-000": "Jam needs 6 lemons, sugar, water\nand a heavy pan. Never rush it!\n"
        "Half a cup of juice is enough\nto make the mixture set.",
        "s02-001": "Grandfather's boat has a new sail\nand two extra ropes. Last June\n"
        "Eve crossed the bay in an hour,\nalthough the wind was weak.",
        "s02-002": "Rain fell on the zinc roof all day.\nCould anyone sleep? Not I.\n"
        "Even the dog hid (under the bed)\nuntil a quarter past five.",
        "s02-003": 'Your well-worn book came back\nwith a note: "Thank you, Hugo!"\n'
        "I put it on the shelf by the door,\nnext to the Zebra Atlas of 1948.",
    },
    "testset_v": {
        "s03-000": "Emma paints the garden fence\nin blue and a very pale grey.\n"
        "It took 3 days, 2 brushes\nand a great deal of patience.",
        "s03-001": "Did you hear the owl at night?\nIt sat in the oak by the gate\n"
        "and called for an hour or more;\nthen it simply flew away.",
    },
    "testset_t": {
        "s03-002": "Our train leaves at 9 o'clock.\nBring bread, cheese and a map,\n"
        "because the path is not marked\nand the inn may be closed.",
        "s03-003": "The museum keeps a tiny bridge\nmade of 460 wooden sticks.\n"
        "Nobody knows who built it,\nor why it has no middle.",
    },
    "testset_f": {
        "s04-000": "Please water the six young figs\non Monday and on Thursday.\n"
        "The key is under the jug,\nexactly where it always was.",
        "s04-001": "Frozen lakes make odd noises:\nthey hum, crack and even sing.\n"
        "We listened for half the evening\nand forgot about the cold.",
    },
}
HANDS = {"trainset": "abcd", "testset_v": "ab", "testset_t": "ab", "testset_f": "ab"}

# What is odd in the real archive is odd here too, once each.
NO_INK = "s05-000a"  # a transcript without a line file, in no list
LINE_MISSING = "s05-001a"  # in trainset.txt; four lines in the transcript, three line files
NO_SPLIT = "s05-002a"  # whole, but in no list
JUMP = "s01-000a-02"  # one reading thousands of units away
GAP = "s02-001b-03"  # readings missing in the middle of a stroke
ODD_SHEETS = {
    NO_INK: "This page was left outside\n"
    "and the rain washed it clean,\nso that nobody can tell us\nhow it had looked.",
    LINE_MISSING: "One line of this small poem\n"
    "slipped behind the cupboard;\nif you find it, be so kind\nand send it on.",
    NO_SPLIT: "Nobody put me on a list.\n"
    "I wait here, next to the others,\nand hope that some fine day\nI may join in too.",
}
MADE = 1262304000  # 2010-01-01, the time of every member: the archive must not change with the day


def forms() -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Every form's lines of text by its name, and the form names of each list."""
    texts, lists = {}, {}
    for split, sheets in SHEETS.items():
        for sheet, text in sheets.items():
            texts.update({sheet + hand: text.split("\n") for hand in HANDS[split]})
        lists[split] = [sheet + hand for sheet in sheets for hand in HANDS[split]]
    texts.update({form: text.split("\n") for form, text in ODD_SHEETS.items()})
    lists["trainset"].append(LINE_MISSING)
    return texts, lists


def draw_form(form: str, lines: list[str]) -> dict[str, list[Floats]]:
    """The readings of each of a form's lines by the line's name, written down the board one after another."""
    # RandomState and not a Generator: numpy promises that its numbers never change. Every form has a seed
    # of its own, its name, so that a new form leaves the others' ink as it was.
    random = np.random.RandomState(list(form.encode()))
    hand = new_hand(lines, random)
    left, top, clock = random.uniform(700, 1100), random.uniform(900, 1300), random.uniform(10, 900)
    drawn = {}
    for row, text in enumerate(lines):
        name = f"{form}-{row + 1:02d}"
        x, y = left + random.normal(0, 40), top + row * 38 * hand.unit + random.normal(0, 20)
        readings = write(lay_out(text, hand, random), hand, clock, random)
        for stroke in readings:
            stroke[:, :2] += np.rint([x, y])
        clock = readings[-1][-1, 2] + random.uniform(1.0, 3.0)
        longest = max(range(len(readings)), key=lambda i: len(readings[i]))
        middle = len(readings[longest]) // 2
        if name == JUMP:
            readings[longest][middle, :2] += [4211, 2903]
        if name == GAP:
            readings[longest] = np.delete(readings[longest], range(middle - 4, middle + 5), axis=0)
        if not (form == LINE_MISSING and row == len(lines) - 1) and form != NO_INK:
            drawn[name] = readings
    return drawn


def line_xml(readings: list[Floats]) -> str:
    """A line file as the whiteboard's software wrote it."""
    points = np.concatenate(readings)[:, :2]
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    parts = [
        '<?xml version="1.0" encoding="ISO-8859-1"?>',
        "<WhiteboardCaptureSession>",
        "  <WhiteboardDescription>",
        '    <SensorLocation corner="top_left"/>',
        f'    <DiagonallyOppositeCoords x="{right:.0f}" y="{bottom:.0f}"/>',
        f'    <VerticallyOppositeCoords x="{left:.0f}" y="{bottom:.0f}"/>',
        f'    <HorizontallyOppositeCoords x="{right:.0f}" y="{top:.0f}"/>',
        "  </WhiteboardDescription>",
        "  <StrokeSet>",
    ]
    for stroke in readings:
        start, end = stroke[0, 2], stroke[-1, 2]
        parts.append(f'    <Stroke colour="black" start_time="{start:.2f}" end_time="{end:.2f}">')
        parts += [f'      <Point x="{x:.0f}" y="{y:.0f}" time="{time:.2f}"/>' for x, y, time in stroke.tolist()]
        parts.append("    </Stroke>")
    return "\n".join([*parts, "  </StrokeSet>", "</WhiteboardCaptureSession>", ""])


def transcript(lines: list[str]) -> str:
    """A form's text file: what was to be copied, in the print's own lines, and what stands on the board."""
    return "\n".join(["OCR:", "", *textwrap.wrap(" ".join(lines), 48), "", "CSR:", "", *lines, ""])


def pack(archive: Path, members: dict[str, str]) -> None:
    """Write members (path, text) and their folders as .tar.gz, the same bytes for the same members."""
    folders = {str(parent) for path in members for parent in Path(path).parents} - {"."}
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(folders | members.keys()):
            member = tarfile.TarInfo(path)
            member.mtime = MADE
            if path in folders:
                member.type, member.mode = tarfile.DIRTYPE, 0o755
                tar.addfile(member)
            else:
                content = members[path].encode("iso-8859-1")
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    archive.write_bytes(gzip.compress(plain.getvalue(), compresslevel=9, mtime=MADE))


def draw(folder: Path) -> None:
    """Write the two archives and the four lists into an existing folder."""
    texts, lists = forms()
    ink: dict[str, str] = {}
    for form, lines in texts.items():
        place = f"lineStrokes/{form[:3]}/{form[:7]}"
        ink.update({f"{place}/{name}.xml": line_xml(drawn) for name, drawn in draw_form(form, lines).items()})
    pack(folder / "lineStrokes-all.tar.gz", ink)
    ascii_files = {
        f"ascii/{form[:3]}/{form[:7]}/{form}.txt": transcript(lines) for form, lines in texts.items()
    }
    pack(folder / "ascii-all.tar.gz", ascii_files)
    for name, names in lists.items():
        (folder / f"{name}.txt").write_bytes("".join(f" {form}\n" for form in names).encode())


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
