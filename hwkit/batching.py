"""Batches: lines with text as normalised offsets and classes, bucketed by length, padded, masked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hwkit.dataset import InkDataset
from hwkit.errors import InputError
from hwkit.ink import Floats, Ink, Ints
from hwkit.model.config import FEATURES
from hwkit.reader.features import features, prepared
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary


class Line(NamedTuple):
    """One line ready for a network."""

    id: str
    offsets: Floats  # (n, 3), in the ink's own unit, not normalised
    classes: Ints  # (U + 1,); empty for a prediction network
    scale: float  # recording units in the ink's unit


class Augmentation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How training lines are varied, evenly within +- these amounts, each time they are drawn."""

    width: float = 0.0  # share by which x is stretched
    size: float = 0.0  # share by which x and y are
    slant: float = 0.0  # shear of x by y
    slope: float = 0.0  # radians by which the line rises or falls
    tremor: float = 0.0  # up to this: standard deviation of the points about their place, in the ink's unit
    dropped: float = 0.0  # up to this: share of the points within strokes that is left out

    def apply(self, offsets: Floats, rng: np.random.Generator) -> Floats:
        """Offsets (n, 3), varied. Draws three numbers whatever the amounts, so seeds keep their meaning;
        and more where there is to be slope or tremor, or points are left out.
        """
        width, size, slant = rng.uniform(-1, 1, 3) * (self.width, self.size, self.slant)
        out = offsets.copy()
        out[:, 0] = ((1 + width) * offsets[:, 0] - slant * offsets[:, 1]) * (1 + size)
        out[:, 1] = offsets[:, 1] * (1 + size)
        if self.slope or self.tremor or self.dropped:
            slope, tremor, dropped = rng.uniform(-1, 1), rng.uniform(0, 1), rng.uniform(0, 1)
            out = shaken(out, self.slope * slope, self.tremor * tremor, self.dropped * dropped, rng)
        return out


def shaken(offsets: Floats, slope: float, tremor: float, dropped: float, rng: np.random.Generator) -> Floats:
    """Offsets (n, 3) turned by `slope`, their points moved at random and some within strokes left out."""
    points = np.cumsum(offsets[:, :2], axis=0)
    points = points @ np.array([[np.cos(slope), -np.sin(slope)], [np.sin(slope), np.cos(slope)]])
    moved = points + tremor * rng.standard_normal(points.shape)
    inner = (offsets[:, 2] < 0.5) & (np.append(1.0, offsets[:-1, 2]) < 0.5)
    kept = ~inner | (rng.random(len(offsets)) >= dropped)
    return np.column_stack([np.diff(moved[kept], axis=0, prepend=moved[:1]), offsets[kept, 2]])


class Batch(NamedTuple):
    """Lines side by side, padded at their ends. Time comes first.

    Of a reader x is what it sees, (time, batch, features), and nothing is predicted.
    """

    x: Tensor  # (time, batch, 3) float32: offsets that are seen
    target: Tensor  # (time, batch, 3): the offset after each
    mask: Tensor  # (time, batch) bool: which of them are scored
    characters: Tensor  # (batch, U, V) float32, one-hot; padding all zeros


def select(
    dataset: InkDataset, splits: Sequence[str], vocabulary: Vocabulary | None, max_points: int = 0
) -> tuple[list[Line], dict[str, int]]:
    """The lines of `splits` that a network can learn from, and how many were left out and why.

    vocabulary: None for a prediction network, which needs no text. Lines are left out that have
    fewer than two points, more than `max_points` (0: no limit), no text, or an unknown character.
    Raises InputError where nothing is left.
    """
    lines, left_out = [], dict.fromkeys(("too short", "too long", "without text", "unknown character"), 0)
    for row in (row for split in splits for row in dataset.rows(split)):
        sample = dataset[row]
        classes = np.zeros(0, np.int64)
        if len(sample.ink) < 2:
            left_out["too short"] += 1
        elif max_points and len(sample.ink) > max_points:
            left_out["too long"] += 1
        elif vocabulary is not None and not sample.text:
            left_out["without text"] += 1
        elif vocabulary is not None and vocabulary.unknown(sample.text or ""):
            left_out["unknown character"] += 1
        else:
            if vocabulary is not None:
                classes = vocabulary.encode(sample.text or "")
            lines.append(Line(sample.id, sample.ink.offsets(), classes, sample.scale))
    if not lines:
        why = ", ".join(f"{n} {reason}" for reason, n in left_out.items() if n) or "no such lines"
        raise InputError(
            f"no line of {', '.join(splits)} can be used ({why})", do="check the data and the split"
        )
    return lines, left_out


def buckets(
    lengths: Sequence[int], size: int, rng: np.random.Generator | None = None
) -> list[NDArray[np.int64]]:
    """Rows in batches of `size` lines of nearly the same length.

    With a generator the lines are shuffled among those of their length and the batches among
    themselves; without one the order is by length.
    """
    keys = np.asarray(lengths, np.float64)
    if rng is not None:
        keys = keys * rng.uniform(0.98, 1.02, len(keys))  # neighbours in length change places
    order = np.argsort(keys, kind="stable")
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    if rng is not None:
        batches = [batches[i] for i in rng.permutation(len(batches))]
    return batches


def evenly(lines: Sequence[Line], count: int) -> list[Line]:
    """`count` of the lines, evenly chosen; all of them where `count` is 0 or too many."""
    if not 0 < count < len(lines):
        return list(lines)
    return [lines[int(i)] for i in np.linspace(0, len(lines) - 1, count)]


def collate(
    lines: Sequence[Line],
    statistics: Statistics,
    classes: int,
    augmentation: Augmentation | None = None,
    rng: np.random.Generator | None = None,
) -> Batch:
    """The batch of `lines`, normalised, and varied where an augmentation and a generator are given."""
    steps, longest = max(len(line.offsets) for line in lines) - 1, max(len(line.classes) for line in lines)
    x = np.zeros((steps, len(lines), 3), np.float32)
    target = np.zeros_like(x)
    mask = np.zeros((steps, len(lines)), bool)
    characters = np.zeros((len(lines), max(longest, 1), max(classes, 1)), np.float32)
    for b, line in enumerate(lines):
        offsets = line.offsets
        if augmentation is not None and rng is not None:
            offsets = augmentation.apply(offsets, rng)
        offsets, n = statistics.normalise(offsets), len(offsets) - 1
        x[:n, b], target[:n, b], mask[:n, b] = offsets[:-1], offsets[1:], True
        characters[b, np.arange(len(line.classes)), line.classes] = 1.0
    return Batch(*(torch.from_numpy(a) for a in (x, target, mask, characters)))


def collate_seen(lines: Sequence[Line], classes: int) -> Batch:
    """The batch of lines for a reader: what it sees of their ink, and their texts without the end."""
    seen = [features(prepared(Ink.from_offsets(line.offsets))) for line in lines]
    texts = [line.classes[:-1] for line in lines]
    steps, longest = max(map(len, seen)), max(map(len, texts))
    x = np.zeros((steps, len(lines), FEATURES), np.float32)
    mask = np.zeros((steps, len(lines)), bool)
    characters = np.zeros((len(lines), max(longest, 1), classes), np.float32)
    for b, (of_line, text) in enumerate(zip(seen, texts, strict=True)):
        x[: len(of_line), b], mask[: len(of_line), b] = of_line, True
        characters[b, np.arange(len(text)), text] = 1.0
    nothing = np.zeros((0, len(lines), 3), np.float32)
    return Batch(*(torch.from_numpy(a) for a in (x, nothing, mask, characters)))
