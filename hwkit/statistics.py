"""Statistics of offsets: what normalises them, and how lines and offsets are spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats
from hwkit.preprocess import unit

if TYPE_CHECKING:
    from hwkit.dataset import InkDataset  # for its name alone: a model's config needs no HDF5


class Statistics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Mean and standard deviation of dx and dy, over the scored offsets of the training lines.

    The first offset of a line is (0, 0) by construction; it is never scored and does not count.
    """

    mean: tuple[float, float]
    deviation: tuple[float, float]
    points_per_character: float  # so that a sampler knows how long a text may get
    unit: float  # median over lines of the size of the writing, in the ink's own unit

    def normalise(self, offsets: Floats) -> Floats:
        """Offsets (n, 3) with mean 0 and standard deviation 1 in dx and dy; the pen is kept."""
        out = np.array(offsets, np.float64)
        out[:, :2] = (out[:, :2] - self.mean) / self.deviation
        return out

    def restore(self, normalised: Floats) -> Floats:
        """The offsets (n, 3) that `normalise` made these of."""
        out = np.array(normalised, np.float64)
        out[:, :2] = out[:, :2] * self.deviation + self.mean
        return out


def measure(dataset: InkDataset, splits: Sequence[str]) -> tuple[Statistics, dict[str, Any]]:
    """Statistics of the lines of `splits`, and histograms: points a line, length of a step.

    Lines without text count too: they are ink. Raises InputError where the splits hold no ink.
    """
    rows = [row for split in splits for row in dataset.rows(split)]
    inks = [dataset[row].ink for row in rows]
    steps = [ink.offsets()[1:, :2] for ink in inks if len(ink) > 1]
    if not steps:
        raise InputError(f"no ink in the split {', '.join(splits)}", do="name a split that has lines")
    flat = np.concatenate(steps)
    characters = points = 0
    for row, ink in zip(rows, inks, strict=True):
        if text := dataset.texts[row]:
            characters, points = characters + len(text), points + len(ink)
    mean, deviation = flat.mean(axis=0), flat.std(axis=0)
    if not (deviation > 0).all():
        raise InputError("the offsets of the training lines do not vary", do="check the ink with hwkit inspect")
    statistics = Statistics(
        mean=(float(mean[0]), float(mean[1])),
        deviation=(float(deviation[0]), float(deviation[1])),
        points_per_character=points / characters if characters else 0.0,
        unit=float(np.median([unit(ink) for ink in inks if len(ink) > 1])),
    )
    normal = np.hypot(*(flat / deviation).T)
    return statistics, {
        "lines": len(inks),
        "points": sum(len(ink) for ink in inks),
        "points_a_line": _histogram(np.array([len(ink) for ink in inks], float)),
        "step_in_deviations": _histogram(np.log10(np.maximum(normal, 1e-3)), log=True),
    }


def _histogram(values: Floats, log: bool = False) -> dict[str, list[float] | list[int] | bool]:
    counts, edges = np.histogram(values, 24)
    return {"counts": counts.tolist(), "edges": np.round(edges, 4).tolist(), "log10": log}
