"""Many lines at once: what `Writer.sample` writes one by one, side by side in one product a step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import InputError
from hwkit.generate.network import State, density
from hwkit.generate.sampler import AFTER, PATIENCE, Writer, at_end, draw
from hwkit.ink import Floats, Ink


class Written(NamedTuple):
    """A line that was written."""

    ink: Ink
    ended: bool  # whether the window came to the end of the text


def write_together(
    writer: Writer,
    texts: Sequence[str],
    seeds: Sequence[Sequence[int]],
    bias: float,
) -> list[Written]:
    """Lines of `texts`, each with its own seed: those of `writer.sample` but for what a product rounds.

    Raises VocabularyError for an unknown character, InputError for a model that writes no text.
    """
    vocabulary = writer.config.vocabulary
    if vocabulary is None:
        raise InputError("a prediction network writes no text", do="give a synthesis model")
    classes = [vocabulary.encode(text) for text in texts]
    characters = np.zeros((len(texts), max(map(len, classes)), vocabulary.size), np.float32)
    for line, known in enumerate(classes):
        characters[line, np.arange(len(known)), known] = 1.0
    pace = max(writer.config.statistics.points_per_character, 1.0)
    most = [math.ceil(PATIENCE * pace * (len(text) + 2)) for text in texts]
    most_after = math.ceil(AFTER * pace)
    random = [np.random.default_rng(list(seed)) for seed in seeds]
    drawn: list[list[Floats]] = [[] for _ in texts]
    after = [0] * len(texts)  # points since the window left the text; 0: it has not

    rows = list(range(len(texts)))  # the lines that are still written, in the order of the state
    state = writer.network.start(len(rows))
    x = writer.config.statistics.normalise(np.zeros((len(rows), 3)))
    while rows:
        y, state = writer.network.step(x.astype(np.float32), state, characters[rows])
        going = np.ones(len(rows), bool)
        for row, line in enumerate(rows):
            if at_end(state.phi[row, : len(classes[line])]):
                after[line] += 1
                if drawn[line] and x[row, 2] > 0.5:  # a stroke that would only follow is not begun
                    going[row] = False
                    continue
            x[row] = draw(density(y[row : row + 1], writer.network.config.mixtures, bias), random[line])
            drawn[line].append(x[row].copy())
            going[row] = len(drawn[line]) < most[line] and after[line] < most_after
        if not going.all():
            x, state = x[going], _kept(state, going)
            rows = [line for line, goes in zip(rows, going, strict=True) if goes]
    return [Written(_ink(writer, points), passed > 0) for points, passed in zip(drawn, after, strict=True)]


def _ink(writer: Writer, drawn: list[Floats]) -> Ink:
    offsets = writer.config.statistics.restore(np.array(drawn))
    return Ink.from_offsets(np.concatenate([np.zeros((1, 3)), offsets]))


def _kept(state: State, rows: NDArray[np.bool_]) -> State:
    """The state of some of its lines."""
    hidden, cell = ([part[rows] for part in parts] for parts in (state.hidden, state.cell))
    return State(hidden, cell, state.window[rows], state.kappa[rows], state.phi[rows])
