"""Ink made by hand, whose base line, x-height, slant and words are known, and a writer that writes it."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from hwkit.generate.sampler import Written
from hwkit.ink import Ink
from hwkit.preprocess import Recipe
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

CAPITAL = 1.85
ADVANCE = 1.4  # of a character, in x-heights; its ink is 1 wide


def letter(height):
    """A zigzag (5, 2) from the base line up to `height`: it starts and ends half way, and turns thrice."""
    y = [-height / 2, 0, -height, 0, -height / 2]
    return np.column_stack([np.linspace(0, 1, 5), y])


def zigzags(text, *, height=2.0, base=0.0, slope=0.0, slant=0.0):
    """The ink of a text, a stroke a character, and the window's place at its points."""
    strokes, position = [], []
    for place, c in enumerate(text):
        if c == " ":
            continue
        stroke = letter(CAPITAL if c.isupper() or c.isdigit() else 1.0)
        stroke[:, 0] += place * ADVANCE - slant * stroke[:, 1]
        stroke *= height
        stroke[:, 1] += base + slope * stroke[:, 0]
        strokes.append(stroke)
        position.append(place + np.array([-0.5, -0.3, -0.1, 0.1, 0.9]))  # it leaves a letter early
    return Ink.from_strokes(strokes), np.concatenate(position)


class HandmadeWriter:
    """In the place of a `Writer`: what it is asked for is in `asked`, and it fails at words with a z."""

    def __init__(self, characters, *, height_of=lambda request: 2.0, slant=0.0):
        self.config = SimpleNamespace(
            vocabulary=Vocabulary(characters=characters),
            statistics=Statistics(mean=(0, 0), deviation=(1, 1), points_per_character=5.0, unit=0.9),
            recipe=Recipe(),
            data=(),
        )
        self.height_of, self.slant = height_of, slant
        self.asked = []

    def write_all(self, requests, progress=None):
        self.asked += requests
        return [self._written(request) for request in requests]

    def _written(self, request):
        assert not set(request.text) - set(self.config.vocabulary.characters), request.text
        ink, position = zigzags(request.text, height=self.height_of(request), slant=self.slant, base=7.0)
        ended = "z" not in request.text
        return Written(
            ink=ink, ended=ended, reason="ended" if ended else "stalled", position=position,
            seed=tuple(request.seed), tries=1,
        )  # fmt: skip
