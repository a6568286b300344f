"""One step of a trained network in numpy: what `hwkit write` runs, with no torch anywhere.

The same equations as `hwkit.model`, in float32, for a batch of lines side by side. Products are made
line by line, one vector times the weights each (see `times`), so that a line is the same to the bit alone
and among others: a product of all lines at once is twice as fast, but sums in an order that hangs on how
many they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError
from hwkit.ink import Floats, Ints
from hwkit.model.config import GateLayout, NetworkConfig, OutputLayout

F32 = NDArray[np.float32]


def times(seen: F32, weight: F32, out: F32) -> F32:
    """`seen @ weight`, (batch, n) of (batch, m) and (m, n), each row by itself; into `out`."""
    np.matmul(seen[:, None], weight, out=out[:, None])
    return out


class State:
    """What the network carries from step to step for up to `lines` lines, and the room that a step needs.

    `seen` (lines, width) is all that products take, side by side: the first layer's hidden state, the
    offset (3), a one for the biases, the window, the other hidden states. A layer sees one slice of it.
    """

    def __init__(self, network: NumpyNetwork, lines: int, places: int) -> None:
        self.network, self.lines, self.places = network, lines, places
        k = network.config.window if network.synthesis else 0
        self._seen = np.zeros((lines, network.width), np.float32)
        self._seen[:, network.at_one] = 1.0
        self._cells = [np.zeros((lines, layer.cells), np.float32) for layer in network.layers]
        self._kappa = np.zeros((lines, k), np.float32)  # how far each component of the window has come
        self._classes = np.zeros((lines, places), np.int64)
        self._text = np.zeros((lines, places), np.float32)  # 1 where a line has a character, 0 after its end
        self._gates = [np.empty((lines, 4 * layer.cells), np.float32) for layer in network.layers]
        self._y = np.empty((lines, network.config.outputs), np.float32)
        self._raw = np.empty((lines, 3 * k), np.float32)
        self._reach = np.empty(k * lines * places, np.float32)
        self._first = np.arange(lines)[:, None] * network.classes if network.synthesis else None
        self.take(lines)

    def take(self, lines: int) -> None:
        """Go on with the first `lines` lines alone."""
        self.batch = lines
        self.seen, self.kappa, self.y = self._seen[:lines], self._kappa[:lines], self._y[:lines]
        self.raw = self._raw[:lines]
        self.cells = [cell[:lines] for cell in self._cells]
        self.gates = [gates[:lines] for gates in self._gates]
        self.classes, self.text = self._classes[:lines], self._text[:lines]
        self.phi = np.zeros((lines, self.places), np.float32)  # of the last step
        if self._first is not None:
            self.first = self._first[:lines]
            size = self.network.config.window * lines * self.places
            self.reach = self._reach[:size].reshape(self.network.config.window, lines, self.places)

    def begin(self, line: int, classes: Ints | None = None) -> None:
        """A line from its start, on a text of `classes` (U,)."""
        self.seen[line] = 0.0
        self.seen[line, self.network.at_one] = 1.0
        for cell in self.cells:
            cell[line] = 0.0
        self.kappa[line] = 0.0
        self.read(line, classes)

    def read(self, line: int, classes: Ints | None) -> None:
        """Put another text of `classes` (U,) before a line's window."""
        self.classes[line], self.text[line] = 0, 0.0
        if classes is not None:
            self.classes[line, : len(classes)], self.text[line, : len(classes)] = classes, 1.0

    def move(self, line: int, to: int) -> None:
        """Put a line into another's place."""
        parts: tuple[NDArray[Any], ...] = (self.seen, *self.cells, self.kappa, self.classes, self.text)
        for part in parts:
            part[to] = part[line]

    def feed(self, x: Floats | F32) -> None:
        """The offsets (batch, 3), normalised, that the next step sees."""
        self.seen[:, self.network.at_x] = x


class Layer:
    """An LSTM layer. Its logistic gates' weights are halved: logistic(x) = tanh(x / 2) / 2 + 1 / 2."""

    def __init__(self, weight: F32, peephole: F32 | None, seen: slice, hidden: slice) -> None:
        self.weight = weight.T  # (inputs, 4 cells)
        self.cells = len(weight) // 4
        self.at = GateLayout(self.cells)
        self.peephole = None if peephole is None else peephole * np.float32(0.5)
        self.seen, self.hidden = seen, hidden

    def step(self, seen: F32, cell: F32, gates: F32) -> None:
        """Hidden state (in `seen`) and cell after one step (eqs. 7 to 11)."""
        times(seen[:, self.seen], self.weight, gates)
        i, f, o, g = (gates[:, part] for part in (self.at.input, self.at.forget, self.at.output, self.at.cell))
        if self.peephole is None:
            np.tanh(gates, out=gates)
            _halve(gates[:, self.at.gates])
        else:
            i += cell * self.peephole[0]
            f += cell * self.peephole[1]
            for part in (i, f):
                np.tanh(part, out=part)
                _halve(part)
            np.tanh(g, out=g)
        cell *= f
        i *= g
        cell += i
        if self.peephole is not None:
            o += cell * self.peephole[2]
            np.tanh(o, out=o)
            _halve(o)
        np.tanh(cell, out=g)
        np.multiply(o, g, out=seen[:, self.hidden])


def _halve(gate: F32) -> None:
    gate *= np.float32(0.5)
    gate += np.float32(0.5)


class NumpyNetwork:
    """A trained prediction or synthesis network, one step at a time."""

    def __init__(self, config: NetworkConfig, weights: Mapping[str, NDArray[np.floating]]) -> None:
        """weights: of any precision. Raises ArtifactError where they are not those of the config."""
        self.config, self.weights = config, weights
        self.synthesis = config.kind == "synthesis"
        first = ["first."] if self.synthesis else []
        prefixes = first + [f"layers.{n}." for n in range(len(config.layers) - len(first))]
        try:
            sizes = tuple(len(weights[prefix + "bias"]) // 4 for prefix in prefixes)
            if sizes != config.layers or weights["output.bias"].shape != (config.outputs,):
                raise ArtifactError(
                    f"weights of layers {sizes} under a config of {config.layers}", do="get it anew"
                )
            self.classes = weights["first.from_window"].shape[1] if self.synthesis else 0
            self._lay_out(sizes)
            self.layers = [self._layer(n, prefix) for n, prefix in enumerate(prefixes)]
            self.output = self._output()
            if self.synthesis:
                self.window = weights["first.parameters_weight"].astype(np.float32).T
                self.window_bias = weights["first.parameters_bias"].astype(np.float32)
        except KeyError as error:
            raise ArtifactError(f"the weights lack {error}", do="get the model anew") from error
        except ValueError as error:
            raise ArtifactError(f"the weights' sizes do not fit: {error}", do="get the model anew") from error

    def _lay_out(self, sizes: tuple[int, ...]) -> None:
        """Where everything stands in State.seen: h1, x, 1, w, h2, h3, ..."""
        x = sizes[0]
        self.at_x, self.at_one = slice(x, x + 3), x + 3
        self.at_window = slice(x + 4, x + 4 + self.classes)
        self.at_hidden = [slice(0, x)]
        self.width = x + 4 + self.classes
        for cells in sizes[1:]:
            self.at_hidden.append(slice(self.width, self.width + cells))
            self.width += cells

    def _layer(self, n: int, prefix: str) -> Layer:
        """The layer's products as one, of one slice: eqs. 52 and 53, or 1 and 2."""
        own = self.at_hidden[n]
        # From the third layer on the first one's hidden state is not looked at.
        seen = slice(0 if n < 2 else self.at_x.start, own.stop)
        if n == 0:
            seen = slice(0, self.at_window.stop)
        weight = np.zeros((4 * self.config.layers[n], seen.stop), np.float32)
        weight[:, own] = self.weights[prefix + "recurrent"]
        weight[:, self.at_one] = self.weights[prefix + "bias"]
        parts = [self.at_x]
        if n:
            parts.append(self.at_hidden[n - 1])
        if n and self.synthesis:
            parts.append(self.at_window)
        elif self.synthesis:
            weight[:, self.at_window] = self.weights[prefix + "from_window"]
        given, start = self.weights[prefix + "input"], 0
        for part in parts:
            stop = start + part.stop - part.start
            weight[:, part] = given[:, start:stop]
            start = stop
        weight = np.ascontiguousarray(weight[:, seen])
        weight[GateLayout(self.config.layers[n]).gates] *= np.float32(0.5)
        peephole = self.weights.get(prefix + "peephole")
        return Layer(weight, None if peephole is None else peephole.astype(np.float32), seen, own)

    def _output(self) -> F32:
        weight = np.zeros((self.config.outputs, self.width), np.float32)
        given, start = self.weights["output.weight"], 0
        for part in self.at_hidden:
            stop = start + part.stop - part.start
            weight[:, part] = given[:, start:stop]
            start = stop
        weight[:, self.at_one] = self.weights["output.bias"]
        return weight.T

    def start(self, lines: int, places: int = 0) -> State:
        """The state before the first point, for texts of up to `places` characters, their end counted."""
        return State(self, lines, places)

    def step(self, state: State) -> F32:
        """Output vectors (batch, 1 + 6M) after the offsets that were fed; they last until the next step."""
        for n, layer in enumerate(self.layers):
            layer.step(state.seen, state.cells[n], state.gates[n])
            if n == 0 and self.synthesis and state.places:
                self._look(state)
        return times(state.seen, self.output, state.y)

    def _look(self, state: State) -> None:
        """The window, kappa and phi: eqs. 46 to 51."""
        k = self.config.window
        raw = times(state.seen[:, self.at_hidden[0]], self.window, state.raw)
        raw += self.window_bias
        np.exp(raw, out=raw)
        state.kappa += raw[:, 2 * k :]
        alpha, beta = raw.T[:k, :, None], raw.T[k : 2 * k, :, None]
        reach = state.reach  # (K, batch, U): summed over the outermost axis, so always in the same order
        np.subtract(state.kappa.T[:, :, None], np.arange(1, state.places + 1, dtype=np.float32), out=reach)
        reach *= reach
        reach *= -beta
        np.exp(reach, out=reach)
        reach *= alpha
        np.sum(reach, axis=0, out=state.phi)
        state.phi *= state.text
        held = np.bincount((state.classes + state.first).ravel(), state.phi.ravel(), state.batch * self.classes)
        state.seen[:, self.at_window] = held.reshape(-1, self.classes)


@dataclass(frozen=True)
class Density:
    """The density of the next offset, as it is sampled from: parameters (batch, M) and the pen's (batch,)."""

    weight: F32
    mean_x: F32
    mean_y: F32
    scale_x: F32
    scale_y: F32
    correlation: F32
    end: F32  # probability that the stroke ends

    def parameters(self) -> F32:
        """(batch, 6, M): weight, mean x, mean y, scale x, scale y, correlation."""
        parts = (self.weight, self.mean_x, self.mean_y, self.scale_x, self.scale_y, self.correlation)
        return np.stack(parts, 1)


def density(y: F32, mixtures: int, bias: float = 0.0) -> Density:
    """Eqs. 18 to 22 with the bias of eqs. 61 and 62, of output vectors (batch, 1 + 6M)."""
    at = OutputLayout(mixtures)
    weight = y[:, at.weight] * (1 + bias)  # eq. 62
    weight = np.exp(weight - weight.max(1, keepdims=True))
    return Density(
        weight / weight.sum(1, keepdims=True),
        y[:, at.mean_x].copy(),
        y[:, at.mean_y].copy(),
        np.exp(y[:, at.scale_x] - bias),  # eq. 61
        np.exp(y[:, at.scale_y] - bias),
        np.tanh(y[:, at.correlation]),
        logistic(-y[:, at.end]),  # eq. 18: 1 / (1 + exp(e))
    )


def logistic(x: F32) -> F32:
    """1 / (1 + exp(-x)), by tanh, which cannot overflow."""
    out: F32 = np.tanh(x * np.float32(0.5))
    return out * np.float32(0.5) + np.float32(0.5)


def load(folder: Path) -> tuple[pretrained.ModelConfig, NumpyNetwork]:
    """A model's config and its network. Raises ArtifactError for a broken model, InputError for a reader."""
    config = pretrained.read_writing_config(folder)
    network = NumpyNetwork(config.network, pretrained.stored_weights(folder))
    if network.synthesis and (config.vocabulary is None or config.vocabulary.size != network.classes):
        raise InputError("the vocabulary does not fit the weights", file=folder, do="get the model anew")
    return config, network
