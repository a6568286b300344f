"""A reader: what ink says, where each character stands in it, and how well the ink fits a text asked for.

It runs in numpy alone. A line is read to the same bytes alone and among others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp
from pathlib import Path

import numpy as np

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError
from hwkit.ink import Floats, Ink, Ints
from hwkit.model.config import STRIDE
from hwkit.progress import Progress, silent
from hwkit.reader import ctc
from hwkit.reader.features import features, prepared
from hwkit.reader.network import TOGETHER, ReaderNetwork
from hwkit.vocabulary import Vocabulary

FRAME = int(np.prod(STRIDE))  # points from one frame to the next


@dataclass(frozen=True, slots=True)
class Character:
    """A character that was read."""

    text: str
    confidence: float  # 0 to 1: its probability in the frame that shows it best
    points: tuple[int, int]  # of the ink that was given, end exclusive; a space has none: its ends are the same


@dataclass(frozen=True, slots=True)
class Reading:
    """What ink says."""

    text: str
    confidence: float  # 0 to 1: the probability of this text, all its characters together
    characters: tuple[Character, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """How well ink fits a text."""

    nats: float  # -log p(text | ink); inf where the ink is too short for the text
    reading: Reading  # what it says by itself


class Reader:
    """A trained recogniser of lines of ink."""

    def __init__(self, vocabulary: Vocabulary, network: ReaderNetwork) -> None:
        self.vocabulary, self.network = vocabulary, network  # nothing but the vocabulary is ever read

    @classmethod
    def open(cls, folder: Path) -> Reader:
        """The reader in a folder. Raises InputError for a model that writes, ArtifactError for a broken one."""
        config = pretrained.read_config(folder)
        if config.network.kind != "reader":
            raise InputError(
                f"the {config.network.kind} model writes, it does not read", file=folder, do="give a reader"
            )
        if config.vocabulary is None:
            raise ArtifactError("the reader has no vocabulary", file=folder, do="get the model anew")
        weights = pretrained.read_weights(folder)
        try:
            network = ReaderNetwork(config.network, config.vocabulary.size, weights)
        except ArtifactError as error:
            raise ArtifactError(error.what, file=folder, do=error.do) from error
        return cls(config.vocabulary, network)

    def read(self, ink: Ink) -> Reading:
        """What a line of ink says, in any unit and size."""
        return self.read_all([ink])[0]

    def read_all(self, inks: Sequence[Ink], progress: Progress = silent) -> list[Reading]:
        """What each line of ink says. Ink without points says nothing, and surely."""
        return [line.reading() for line in self._seen(inks, progress)]

    def judge(self, inks: Sequence[Ink], texts: Sequence[str]) -> list[Judgement]:
        """How well each line fits its text. Raises VocabularyError for a character that is never read."""
        classes = [self._encoded(text) for text in texts]
        lines = self._seen(inks, silent)
        return [
            Judgement(ctc.nats(line.frames, asked), line.reading())
            for line, asked in zip(lines, classes, strict=True)
        ]

    def _encoded(self, text: str) -> Ints:
        return self.vocabulary.encode(text)[:-1] if text else np.zeros(0, np.int64)

    def _seen(self, inks: Sequence[Ink], progress: Progress) -> list[Line]:
        lines = []
        for start in range(0, len(inks), 4 * TOGETHER):
            progress(start, len(inks), "reading")
            some = inks[start : start + 4 * TOGETHER]
            shown = [prepared(ink) if len(ink) else ink for ink in some]
            read = iter(self.network.read([features(ink) for ink in shown if len(ink)]))
            nothing = np.zeros((0, self.vocabulary.size))
            lines += [
                Line(self.vocabulary, given, ink, next(read) if len(ink) else nothing)
                for given, ink in zip(some, shown, strict=True)
            ]
        progress(len(inks), len(inks), "reading")
        return lines


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A line of ink that the network has seen."""

    vocabulary: Vocabulary
    given: Ink
    prepared: Ink
    frames: Floats  # (frames, classes), log probabilities

    def reading(self) -> Reading:
        """The text of the likeliest path, and where its characters stand."""
        if not len(self.given):
            return Reading("", 1.0, ())
        classes = ctc.best_path(self.frames)
        spans = ctc.align(self.frames, classes)
        text = [self.vocabulary.decode([c]) for c in classes]
        sure = [
            exp(self.frames[a:b, c].max()) for c, (a, b) in zip(classes.tolist(), spans.tolist(), strict=True)
        ]
        ranges = places(self.given, self.prepared, text, (spans[:, 0] + spans[:, 1] - 1) / 2 * FRAME)
        characters = [Character(*one) for one in zip(text, sure, ranges, strict=True)]
        return Reading("".join(text), exp(-ctc.nats(self.frames, classes)), tuple(characters))


def places(given: Ink, prepared: Ink, text: Sequence[str], centres: Floats) -> list[tuple[int, int]]:
    """The points of the given ink that are each character's, end exclusive: together all, in their order.

    centres: (characters,), of the prepared ink, where the network saw each, rising. Two characters part where
    the pen was lifted between them and set down again furthest to the right, or else half way.
    """
    drawn = [n for n, c in enumerate(text) if c != " "]
    parts = [0, *(_parting(prepared, centres[a], centres[b]) for a, b in pairwise(drawn))]
    index = _origin(given, prepared)
    bounds = [*(int(index[part]) for part in parts), len(given)]
    ranges, before = [], 0
    for c in text:
        ranges.append((bounds[before], bounds[before]) if c == " " else (bounds[before], bounds[before + 1]))
        before += c != " "
    return ranges


def _parting(ink: Ink, one: float, other: float) -> int:
    """The first point of the character about `other`, where the one before it is about `one`."""
    starts = np.cumsum(ink.lengths)[:-1]
    starts = starts[(starts > one) & (starts <= other)]
    if not len(starts):
        return int(np.ceil((one + other) / 2))
    return int(starts[np.argmax(ink.points[starts, 0] - ink.points[starts - 1, 0])])


def _origin(given: Ink, prepared: Ink) -> Ints:
    """(n,): for each point of prepared ink, the first of the given ink that is not before it on its stroke."""
    along = np.append(0.0, np.cumsum(np.hypot(*np.diff(given.points, axis=0).T)))
    out = []
    first = 0
    for count, pieces in zip(given.lengths.tolist(), prepared.lengths.tolist(), strict=True):
        own = along[first : first + count]
        wanted = np.linspace(own[0], own[-1], pieces)
        out.append(first + np.minimum(np.searchsorted(own, wanted), count - 1))
        first += count
    return np.concatenate(out)
