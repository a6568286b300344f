"""Sampling: ink from a network, point by point (Graves 2013, sections 4.4 and 5.3 to 5.5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import InputError
from hwkit.generate.network import F32, NumpyNetwork, load
from hwkit.ink import Floats, Ink
from hwkit.model.config import OutputLayout
from hwkit.pretrained import ModelConfig
from hwkit.progress import Progress, silent

if TYPE_CHECKING:
    from hwkit.generate.hand import Hand

RETRIES = 4  # seeds that are tried in turn where a line does not end well

Reason = Literal["ended", "ran away", "stalled", "skipped"]


@dataclass(frozen=True)
class Primer:
    """Ink whose hand is to be taken up (section 5.5), prepared as the model's own."""

    offsets: Floats  # (n, 3), in the model's ink unit
    text: str


@dataclass(frozen=True, eq=False, kw_only=True)
class Request:
    """A line to be written."""

    text: str  # "" for a prediction network
    seed: Sequence[int]  # each try adds its number
    bias: float | None = None  # None: the model's own
    hand: Hand | None = None  # whose writing goes on (section 5.5); None: nobody's yet
    retries: int = RETRIES
    onward: bool = False  # the ink begins where the hand's own ended, and not at (0, 0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Written:
    """A line that was written, and how it ended.

    ended: the window has left the text and the pen was lifted (section 5.3). ran away: it was not lifted, or
    the points were used up. stalled: the window stood still. skipped: it passed over characters.
    """

    ink: Ink
    ended: bool
    reason: Reason
    position: Floats  # (n,), where the window is after each point; see hwkit.evaluate.alignment.positions
    seed: tuple[int, ...]  # of the try that this is
    tries: int


@dataclass(frozen=True)
class Sampled:
    """Ink that a network wrote, and what it thought at each of its steps.

    Row t of the arrays is what the point of step t was drawn from. Without a primer the first
    point is given, not drawn, so the ink has one point more than there are rows.
    """

    ink: Ink
    text: str
    ended: bool  # see Written; a prediction network's line always has
    mixture: F32  # (n, 6, M): see Density.parameters; normalised units, bias applied
    end: F32  # (n,), probability that the stroke ends here
    window: F32  # (n, U + 1), phi over the characters and the end; (n, 0) without text


class Writer:
    """A model that is ready to write."""

    def __init__(self, config: ModelConfig, network: NumpyNetwork) -> None:
        self.config, self.network = config, network

    @classmethod
    def open(cls, folder: Path) -> Writer:
        """The model in a folder. Raises ArtifactError where it is broken."""
        return cls(*load(folder))

    def write_all(self, requests: Sequence[Request], progress: Progress = silent) -> list[Written]:
        """Lines side by side, each the same bytes as it would be alone.

        One that does not end well is tried again with other seeds; the best try is kept: one that ended,
        else the one that came furthest. Raises VocabularyError for an unknown character, InputError for a
        model that writes no text, a bias that is no number from 0 to 20, or another model's hand.
        """
        from hwkit.generate.batch import write_all

        return write_all(self, requests, progress)

    def write(
        self,
        text: str,
        seed: Sequence[int],
        *,
        bias: float | None = None,
        primer: Primer | None = None,
        watch: Callable[[int], None] = lambda point: None,
    ) -> Sampled:
        """A line of `text`, tried with RETRIES further seeds where one does not end well; the best is kept.

        Raises as `write_all` does.
        """
        best: tuple[tuple[bool, float], Sampled] | None = None
        for n in range(RETRIES + 1):
            rank, sampled = self._sample(text, (*seed, n), bias, primer, 0, watch)
            if best is None or rank > best[0]:
                best = rank, sampled
            if sampled.ended:
                break
        assert best is not None
        return best[1]

    def sample(
        self,
        text: str,
        seed: Sequence[int],
        *,
        bias: float | None = None,
        primer: Primer | None = None,
        points: int = 700,
        watch: Callable[[int], None] = lambda point: None,
    ) -> Sampled:
        """One line with one seed. A prediction network takes no text and writes `points` points.

        Raises as `write_all` does.
        """
        return self._sample(text, seed, bias, primer, points, watch)[1]

    def _sample(
        self,
        text: str,
        seed: Sequence[int],
        bias: float | None,
        primer: Primer | None,
        points: int,
        watch: Callable[[int], None],
    ) -> tuple[tuple[bool, float], Sampled]:
        """A line and its rank among tries."""
        from hwkit.generate.batch import Batch, Recorder, Try, rank
        from hwkit.generate.hand import Hand

        hand = None
        if primer:
            hand = Hand.prime(self, primer.offsets, primer.text, kept=len(primer.text), following=text)
        one = Try(Request(text=text, seed=seed, bias=bias, hand=hand), 0, tuple(seed))
        batch = Batch(self, [one.request], points=points, recorder=Recorder(self, one.bias_of(self), watch))
        batch.add(one)
        while not (done := batch.step()):
            pass
        (_, written), recorder = done[0], batch.recorder
        assert recorder is not None
        return rank(written), recorder.sampled(written, text, 0 if hand else 1)


def checked_bias(bias: float) -> float:
    """A bias. Raises InputError where it is none."""
    if not (math.isfinite(bias) and 0 <= bias <= 20):
        raise InputError(f"a bias of {bias}", do="give one from 0 (as the model learned) to about 3 (neat)")
    return bias


def at_end(phi: F32, last: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Of each line, whether the window has left it: phi(t, U + 1) exceeds all before it (section 5.3).

    phi: (batch, U), at least 0 and 0 behind a line's end; last: (batch,), the place of the end.
    """
    lines = np.arange(len(phi))
    end = phi[lines, last]
    before = phi.copy()
    before[lines, last] = -1.0  # an end alone, where all is 0, is not left
    gone: NDArray[np.bool_] = end > np.maximum(before.max(1), 0.0)
    return gone


def draw(y: F32, mixtures: int, bias: Floats, numbers: Floats) -> Floats:
    """Offsets (batch, 3) of output vectors (batch, 1 + 6M): eqs. 18 to 25, 61 and 62.

    bias: (batch,). numbers: (batch, 4) of each line: two uniform ones, for the component and the pen,
    and two normal ones.
    """
    at, lines = OutputLayout(mixtures), np.arange(len(y))
    weight = y[:, at.weight] - y[:, at.weight].max(1, keepdims=True)
    below = np.cumsum(np.exp(weight * (1.0 + bias[:, None])), axis=1)
    m = (below <= numbers[:, :1] * below[:, -1:]).sum(1)
    m = np.minimum(m, mixtures - 1)
    parts = (at.mean_x, at.mean_y, at.scale_x, at.scale_y, at.correlation)
    chosen = y[lines[:, None], m[:, None] + [part.start for part in parts]].astype(np.float64)  # (batch, 5)
    scale = np.exp(chosen[:, 2:4] - bias[:, None])
    rho = np.tanh(chosen[:, 4])
    u, v = numbers[:, 2], numbers[:, 3]
    x = np.empty((len(y), 3))
    x[:, 0] = chosen[:, 0] + scale[:, 0] * u
    x[:, 1] = chosen[:, 1] + scale[:, 1] * (rho * u + np.sqrt(1.0 - rho * rho) * v)
    end = np.tanh(y[:, at.end] * -0.5) * 0.5 + 0.5  # eq. 18: 1 / (1 + exp(e))
    x[:, 2] = numbers[:, 1] < end
    return x
