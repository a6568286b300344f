"""Ink: strokes of absolute points, and the offsets that the networks see.

THE note on formats and axes, for the whole of hwkit:

- *points* are (n, 2) float64, column 0 is x, column 1 is y. x grows to the right and **y grows
  downward**, as on IAM-OnDB's whiteboard and in SVG. A source whose y grows upward turns it over
  when it reads.
- *strokes* are runs of points with the pen down. `lengths` (s,) counts the points of each, so a
  stroke is never empty and the lengths add up to n.
- *times* are (n,) seconds, or None where the source has none.
- *channels* are what else a device told of each point, (n,) by name, in its own units and NaN where it was
  silent: "pressure", "azimuth", "altitude". Preprocessing drops them, as it does times.
- *offsets* are (n, 3): dx, dy from the point before, and the *end of stroke*, 1 on the last point
  of a stroke and 0 elsewhere (Graves 2013, section 4.1). The first offset is (0, 0) by
  construction; the place of the first point travels beside them as `origin`.
- *recording units* are what the device counted in. `Sample.scale` says how many of them one unit
  of an ink is; it is 1 until preprocessing scales a line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import InkError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def median(values: Sequence[float] | Floats) -> float:
    """The median of at least one value: np.median's, without its import of masked arrays, which takes 8 ms."""
    middle = (len(values) - 1) // 2
    two = slice(middle, len(values) // 2 + 1)  # one or two values
    return float(np.partition(values, (two.start, two.stop - 1))[two].mean())


@dataclass(frozen=True, slots=True, eq=False)
class Ink:
    """Strokes of absolute points, in the order of writing (axes and units: see the module).

    Raises InkError where the arrays do not fit together, a stroke is empty, a coordinate or
    time is not a finite number, or a channel holds infinity. Ink with no stroke at all is allowed: it
    is what nobody wrote.
    """

    points: Floats  # (n, 2)
    lengths: Ints  # (s,)
    times: Floats | None = None  # (n,)
    channels: Mapping[str, Floats] = field(default_factory=dict)  # (n,) each

    def __post_init__(self) -> None:
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise InkError(f"points have shape {self.points.shape}, expected (n, 2)")
        if self.lengths.ndim != 1 or int(self.lengths.sum()) != len(self.points):
            raise InkError(f"strokes count {int(self.lengths.sum())} points, there are {len(self.points)}")
        if (self.lengths < 1).any():
            raise InkError(f"stroke {int(np.argmax(self.lengths < 1)) + 1} has no points")
        if not np.isfinite(self.points).all():
            row = int(np.argmax(~np.isfinite(self.points).all(axis=1)))
            raise InkError(f"point {row + 1} is not a finite number")
        if self.times is not None and (
            self.times.shape != (len(self.points),) or not np.isfinite(self.times).all()
        ):
            raise InkError("times are not one finite number a point")
        for name, values in self.channels.items():
            if values.shape != (len(self.points),) or np.isinf(values).any():
                raise InkError(f"the channel {name!r} is not one number a point")

    @classmethod
    def from_strokes(cls, strokes: Sequence[NDArray[np.floating]]) -> Ink:
        """Ink from strokes, each (n_i, 2). Raises InkError as the class does."""
        points = (
            np.concatenate([np.asarray(s, np.float64).reshape(-1, 2) for s in strokes]) if strokes else None
        )
        lengths = np.array([len(s) for s in strokes], np.int64)
        return cls(np.zeros((0, 2)) if points is None else points, lengths)

    @classmethod
    def from_offsets(cls, offsets: NDArray[np.floating], origin: tuple[float, float] = (0.0, 0.0)) -> Ink:
        """The ink of offsets (n, 3), its first point at `origin` plus the first offset.

        The last point ends a stroke whether or not its end of stroke says so.
        Exact where coordinates are whole numbers below 2**53.
        """
        if offsets.ndim != 2 or offsets.shape[1] != 3:
            raise InkError(f"offsets have shape {offsets.shape}, expected (n, 3)")
        points = np.cumsum(offsets[:, :2].astype(np.float64), axis=0) + np.asarray(origin, np.float64)
        ends = np.flatnonzero(offsets[:, 2] > 0.5)
        if len(offsets) and (not len(ends) or ends[-1] != len(offsets) - 1):
            ends = np.append(ends, len(offsets) - 1)
        return cls(points, np.diff(ends, prepend=-1).astype(np.int64))

    @property
    def origin(self) -> tuple[float, float]:
        """The first point, or (0, 0) where there is none."""
        return (float(self.points[0, 0]), float(self.points[0, 1])) if len(self.points) else (0.0, 0.0)

    def offsets(self) -> Floats:
        """(n, 3): dx, dy, end of stroke. The first row is (0, 0, end of stroke)."""
        offsets = np.zeros((len(self.points), 3))
        offsets[1:, :2] = np.diff(self.points, axis=0)
        offsets[np.cumsum(self.lengths) - 1, 2] = 1.0
        return offsets

    def strokes(self) -> Iterator[Floats]:
        """Each stroke's points, (n_i, 2), in the order of writing."""
        start = 0
        for length in self.lengths:
            yield self.points[start : start + length]
            start += int(length)

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One line of ink with what is known of it."""

    id: str  # the line's own name, "a01-000u-01"
    ink: Ink
    text: str | None = None  # None where nobody knows what it says
    form: str = ""  # the sheet it stands on; a form is one writer's
    split: str = ""  # "train", "first-validation", "second-validation", "test", or none of them
    scale: float = 1.0  # recording units in one unit of `ink`
