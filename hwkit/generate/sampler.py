"""Sampling: ink from a network, point by point (Graves 2013, sections 4.4 and 5.3 to 5.5)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hwkit.errors import InputError
from hwkit.generate.network import F32, Density, NumpyNetwork, density, load
from hwkit.ink import Floats, Ink
from hwkit.pretrained import ModelConfig

PATIENCE = 3.0  # a line may have this many times the points that its characters usually have
AFTER = 3.0  # characters' worth of points that may pass between the end of the text and a pen lift
RETRIES = 4  # seeds that are tried in turn where the window does not reach the end of the text


@dataclass(frozen=True)
class Primer:
    """Ink whose hand is to be taken up (section 5.5), prepared as the model's own."""

    offsets: Floats  # (n, 3), in the model's ink unit
    text: str


@dataclass(frozen=True)
class Sampled:
    """Ink that a network wrote, and what it thought at each of its steps.

    Row t of the arrays is what the point of step t was drawn from. Without a primer the first
    point is given, not drawn, so the ink has one point more than there are rows.
    """

    ink: Ink
    text: str
    ended: bool  # whether the window came to the end of the text, or it ran out of points
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

    def write(
        self,
        text: str,
        seed: Sequence[int],
        *,
        bias: float | None = None,
        primer: Primer | None = None,
        watch: Callable[[int], None] = lambda point: None,
    ) -> Sampled:
        """A line of `text`, tried with RETRIES further seeds where one does not come to its end.

        bias: None takes the model's own. Raises VocabularyError for an unknown character, InputError
        for a model that writes no text or a bias that is no number of at least 0.
        """
        tries = (
            self.sample(text, (*seed, n), bias=bias, primer=primer, watch=watch) for n in range(RETRIES + 1)
        )
        sampled = next(tries)
        while not sampled.ended and (again := next(tries, None)) is not None:
            sampled = again
        return sampled

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

        Raises as `write` does.
        """
        bias = self.config.bias if bias is None else bias
        if not (math.isfinite(bias) and 0 <= bias <= 20):
            raise InputError(f"a bias of {bias}", do="give one from 0 (as the model learned) to about 3 (neat)")
        random, characters, total = np.random.default_rng(list(seed)), None, points
        limit_after = points
        if self.config.vocabulary is not None:
            classes = self.config.vocabulary.encode((primer.text + " " if primer else "") + text)
            characters = np.zeros((1, len(classes), self.config.vocabulary.size), np.float32)
            characters[0, np.arange(len(classes)), classes] = 1.0
            pace = max(self.config.statistics.points_per_character, 1.0)
            total = math.ceil(PATIENCE * pace * (len(text) + 2))
            limit_after = math.ceil(AFTER * pace)
        elif text:
            raise InputError("a prediction network writes no text", do="give a synthesis model, or no text")
        state = self.network.start(1)
        clamped = self.config.statistics.normalise(primer.offsets if primer else np.zeros((1, 3)))
        for point in clamped[:-1]:
            _, state = self.network.step(_row(point), state, characters)
        x = clamped[-1]

        drawn: list[Floats] = []
        densities: list[Density] = []
        phis: list[F32] = []
        ended, after = characters is None, 0
        while len(drawn) < total and after < limit_after:
            y, state = self.network.step(_row(x), state, characters)
            if characters is not None and at_end(state.phi[0]):
                # Section 5.3. A last stroke is finished; a stroke that would only follow it is not begun.
                ended, after = True, after + 1
                if drawn and x[2] > 0.5:
                    break
            now = density(y, self.network.config.mixtures, bias)
            x = draw(now, random)
            drawn.append(x)
            densities.append(now)
            phis.append(state.phi[0] if characters is not None else np.zeros(0, np.float32))
            watch(len(drawn))
        offsets = self.config.statistics.restore(np.array(drawn))
        if primer:
            offsets[0, :2] = 0.0  # the way from the primer's end is not part of the line
        else:
            offsets = np.concatenate([np.zeros((1, 3)), offsets])
        return Sampled(
            Ink.from_offsets(offsets),
            text,
            ended,
            np.concatenate([d.parameters() for d in densities]),
            np.concatenate([d.end for d in densities]),
            np.stack(phis),
        )


def at_end(phi: F32) -> bool:
    """Whether the window has left the last character: phi(t, U + 1) exceeds all before it (section 5.3)."""
    return bool(phi[-1] > phi[:-1].max())


def draw(now: Density, random: np.random.Generator) -> Floats:
    """One offset (3,) from a density of batch 1: always four numbers of the generator."""
    pick, pen = random.random(2)
    u, v = random.standard_normal(2)
    m = min(int(np.searchsorted(np.cumsum(now.weight[0]), pick)), now.weight.shape[1] - 1)
    rho = float(now.correlation[0, m])
    x = now.mean_x[0, m] + now.scale_x[0, m] * u
    y = now.mean_y[0, m] + now.scale_y[0, m] * (rho * u + math.sqrt(max(1 - rho * rho, 0.0)) * v)
    return np.array([x, y, float(pen < now.end[0])])


def _row(point: Floats) -> F32:
    return point.astype(np.float32)[None]
