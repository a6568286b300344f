"""Made-up lines of the size of real ones, for measurements that no data set should be needed for."""

from __future__ import annotations

import numpy as np

from hwkit.batching import Line
from hwkit.statistics import Statistics

SPREAD = 0.025  # lengths lie within +- this share, as those of a bucket do
PEN_UP = 0.04  # share of points that end a stroke

STATISTICS = Statistics(mean=(0.0, 0.0), deviation=(1.0, 1.0), points_per_character=9.0, unit=1.0)


def made_up(count: int, points: int, characters: int, classes: int, seed: int = 0) -> list[Line]:
    """`count` random walks of about `points` scored points, with texts of about `characters` characters.

    classes: size of the vocabulary, of which class 0 ends each text.
    """
    rng = np.random.default_rng(seed)
    lines = []
    for n in range(count):
        factor = 1 + rng.uniform(-SPREAD, SPREAD)
        offsets = rng.standard_normal((round(points * factor) + 1, 3))
        offsets[:, 2] = rng.random(len(offsets)) < PEN_UP
        text = rng.integers(1, classes, max(round(characters * factor), 1) + 1)
        text[-1] = 0
        lines.append(Line(f"made-up-{n}", offsets, text, 1.0))
    return lines
