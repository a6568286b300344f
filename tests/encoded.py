"""Ink in which every character is a stroke as high as its code, and readers that read it with known faults."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hwkit.ink import Ink, Sample
from hwkit.progress import silent
from hwkit.vocabulary import Vocabulary

PRINTED = "".join(map(chr, range(32, 127)))
ENDS = np.array([0.0, -1.0])  # of every stroke, so that a reader finds the unit


def ink(text):
    """A stroke (6, 2) a character: dots at x 10 n, its code at y, the unit at its start."""
    strokes = [
        np.column_stack([10.0 * n + np.arange(6.0), [0, -1, 0, ord(c), 0, -1]]) for n, c in enumerate(text)
    ]
    return Ink.from_strokes(strokes)


def said(ink):
    """What ink of `ink` says."""
    return "".join(chr(round(stroke[:, 1].max() / -stroke[:, 1].min())) for stroke in ink.strokes())


def sample(number, text, split="first-validation"):
    return Sample(f"line-{number:03d}", ink(text or ""), text, split=split)


class Planted:
    """A reader that reads encoded ink and errs as `err` says, a function of the text."""

    def __init__(self, err=lambda text: text, characters=PRINTED):
        self.err, self.vocabulary = err, Vocabulary(characters=characters)

    def read(self, ink):
        return SimpleNamespace(text=self.err(said(ink)))

    def read_all(self, inks, progress=silent):
        return [self.read(ink) for ink in inks]


def letters(unwritten=lambda order: False):
    """In the place of `write_letters`: encoded ink, but for orders that are not written."""

    def write(writer, orders, *, progress=silent):
        writer.asked += orders
        return [
            SimpleNamespace(
                strokes=[] if unwritten(o) else list(ink(o.text).strokes()),
                unwritten=o.text.split() if unwritten(o) else [],
            )
            for o in orders
        ]

    return write
