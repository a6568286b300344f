"""The network of a reader in numpy: what `hwkit.model.reader` is in torch.

Lines run side by side, but each has products of its own, so that it is read the same to the bit alone and
among others: a choice between two ways of writing a word may hang on the last bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import ArtifactError
from hwkit.ink import Floats
from hwkit.model.config import CHANNELS, FEATURES, KERNEL, STRIDE, GateLayout, NetworkConfig

F32 = NDArray[np.float32]

TOGETHER = 16  # lines that run side by side; what they need stays in the processor's cache

HALF = np.float32(0.5)


class ReaderNetwork:
    """Features of points -> log probabilities of characters, a frame for every four points."""

    def __init__(self, config: NetworkConfig, classes: int, weights: Mapping[str, F32]) -> None:
        """Raises ArtifactError where the weights are not those of the config."""
        expected = shapes(config, classes)
        for name in sorted(expected.keys() | weights.keys()):
            found = weights[name].shape if name in weights else None
            if found != expected.get(name):
                raise ArtifactError(
                    f"weight {name} has shape {found}, the config wants {expected.get(name)}",
                    do="get the model anew",
                )
        self.convolutions = [
            (weights[f"convolutions.{n}.weight"].T, weights[f"convolutions.{n}.bias"], stride)
            for n, stride in enumerate(STRIDE)
        ]
        self.layers = [Layer(weights, n) for n in range(len(config.layers))]
        self.output = weights["output.weight"].T, weights["output.bias"]

    def read(self, lines: Sequence[F32]) -> list[Floats]:
        """Log probabilities (frames, classes) of each line's features (n, 6), in the order of the lines."""
        longest_first = sorted(range(len(lines)), key=lambda line: -len(lines[line]))
        read: list[Floats] = [np.zeros((0, 0))] * len(lines)
        for start in range(0, len(lines), TOGETHER):
            rows = longest_first[start : start + TOGETHER]
            seen = [self._convolved(lines[row]) for row in rows]
            for layer in self.layers:
                seen = layer.run(seen)
            for row, hidden in zip(rows, seen, strict=True):
                read[row] = log_softmax(hidden @ self.output[0] + self.output[1])
        return read

    def _convolved(self, h: F32) -> F32:
        """(frames, channels) of features (n, 6)."""
        for weight, bias, stride in self.convolutions:
            h = np.maximum(unfolded(h, stride) @ weight + bias, np.float32(0.0))
        return h


class Layer:
    """An LSTM layer that runs both ways. Its logistic gates' weights are halved: see `squash`."""

    def __init__(self, weights: Mapping[str, F32], n: int) -> None:
        ways = [f"onward.{n}.", f"homeward.{n}."]
        self.cells = weights[ways[0] + "recurrent"].shape[1]
        self.at = GateLayout(self.cells)
        scale = np.ones((4 * self.cells, 1), np.float32)
        scale[self.at.gates] = HALF
        # (inputs, 2 * 4 cells): both ways see the same input, so that their products are one.
        self.input = np.concatenate([weights[way + "input"] * scale for way in ways]).T
        self.bias = np.concatenate([weights[way + "bias"] * scale[:, 0] for way in ways])
        recurrent = [(weights[way + "recurrent"] * scale).T for way in ways]
        self.recurrent = np.ascontiguousarray(recurrent)[:, None]  # (2, 1, cells, 4 cells)
        self.peephole = None
        if ways[0] + "peephole" in weights:
            self.peephole = np.stack([weights[way + "peephole"] * HALF for way in ways], 1)[:, :, None]

    def run(self, lines: Sequence[F32]) -> list[F32]:
        """(frames, 2 cells) of each line's (frames, inputs): onward, homeward. The longest line comes first."""
        lengths = [len(line) for line in lines]
        sums = np.empty((lengths[0], 2, len(lines), 4 * self.cells), np.float32)
        for b, line in enumerate(lines):
            both = line @ self.input + self.bias
            sums[: len(line), 0, b] = both[:, : 4 * self.cells]
            sums[: len(line), 1, b] = both[::-1, 4 * self.cells :]
        hidden = np.zeros((lengths[0] + 1, 2, len(lines), self.cells), np.float32)
        cell = np.zeros((2, len(lines), self.cells), np.float32)
        room = np.empty((2, len(lines), 4 * self.cells), np.float32)
        on = len(lines)  # lines that have not come to their end
        for t in range(lengths[0]):
            while lengths[on - 1] <= t:
                on -= 1
            gates = room[:, :on]
            np.matmul(hidden[t, :, :on, None], self.recurrent, out=gates[:, :, None])
            gates += sums[t, :, :on]
            self._step(gates, cell[:, :on], hidden[t + 1, :, :on])
        return [
            np.concatenate([hidden[1 : n + 1, 0, b], hidden[n:0:-1, 1, b]], axis=1)
            for b, n in enumerate(lengths)
        ]

    def _step(self, gates: F32, cell: F32, hidden: F32) -> None:
        """One step of all lines from the sums of their gates (eqs. 7 to 11)."""
        i, f, o, g = (
            gates[..., part] for part in (self.at.input, self.at.forget, self.at.output, self.at.cell)
        )
        if self.peephole is None:
            np.tanh(gates, out=gates)
            squash(gates[..., self.at.gates])
        else:
            i += cell * self.peephole[0]
            f += cell * self.peephole[1]
            for part in (i, f):
                squash(np.tanh(part, out=part))
            np.tanh(g, out=g)
        cell *= f
        i *= g
        cell += i
        if self.peephole is not None:
            o += cell * self.peephole[2]
            squash(np.tanh(o, out=o))
        np.tanh(cell, out=g)
        np.multiply(o, g, out=hidden)


def shapes(config: NetworkConfig, classes: int) -> dict[str, tuple[int, ...]]:
    """The weights of a reader, by name."""
    found: dict[str, tuple[int, ...]] = {
        "output.weight": (classes, 2 * config.layers[-1]),
        "output.bias": (classes,),
    }
    for n, (under, above) in enumerate(zip((FEATURES, *CHANNELS), CHANNELS, strict=False)):
        found |= {f"convolutions.{n}.weight": (above, KERNEL * under), f"convolutions.{n}.bias": (above,)}
    seen = (CHANNELS[-1], *(2 * cells for cells in config.layers))
    for n, (under, cells) in enumerate(zip(seen, config.layers, strict=False)):
        for way in (f"onward.{n}.", f"homeward.{n}."):
            found |= {way + "input": (4 * cells, under), way + "recurrent": (4 * cells, cells)}
            found |= {way + "bias": (4 * cells,)} | ({way + "peephole": (3, cells)} if config.peepholes else {})
    return found


def unfolded(h: F32, stride: int) -> F32:
    """(ceil(n / stride), KERNEL * channels): what a convolution sees about each stride-th row of h."""
    padded = np.pad(h, ((KERNEL // 2, KERNEL // 2), (0, 0)))
    return np.concatenate([padded[k : k + len(h) : stride] for k in range(KERNEL)], axis=1)


def squash(gate: F32) -> None:
    """Make tanh(x / 2) the logistic function of x."""
    gate *= HALF
    gate += HALF


def log_softmax(scores: F32) -> Floats:
    """Log probabilities of scores (frames, classes), in float64."""
    out = scores.astype(np.float64)
    out -= out.max(1, keepdims=True)
    return np.asarray(out - np.log(np.exp(out).sum(1, keepdims=True)))
