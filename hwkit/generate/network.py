"""One step of a trained network in numpy: what `hwkit write` runs, with no torch anywhere.

The same equations as `hwkit.model`, in float32; a test holds the two equal within 1e-4. Everything
has a leading batch axis, so that lines may be written side by side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError
from hwkit.model.config import GateLayout, NetworkConfig, OutputLayout

F32 = NDArray[np.float32]


@dataclass
class State:
    """What the network carries from step to step."""

    hidden: list[F32]  # of each layer, (batch, cells)
    cell: list[F32]  # of each layer, (batch, cells)
    window: F32  # (batch, V); empty for a prediction network
    kappa: F32  # (batch, K), how far each component of the window has come
    phi: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))  # (batch, U), of the last step


class Layer:
    """An LSTM layer; its input, recurrent and (first layer) window products are one product."""

    def __init__(self, weights: Mapping[str, F32], prefix: str) -> None:
        parts = [weights[prefix + name] for name in ("input", "recurrent")]
        if prefix + "from_window" in weights:
            parts.append(weights[prefix + "from_window"])
        self.weight = np.ascontiguousarray(np.concatenate(parts, 1).T)  # (inputs + cells [+ V], 4 cells)
        self.bias = weights[prefix + "bias"]
        self.peephole = weights.get(prefix + "peephole")
        self.cells = len(self.bias) // 4
        self.at = GateLayout(self.cells)

    def step(self, seen: list[F32], cell: F32) -> tuple[F32, F32]:
        """Hidden state and cell after one step (eqs. 7 to 11); `seen` lies side by side as the weights do."""
        gates = np.concatenate(seen, 1) @ self.weight + self.bias
        i, f, o, g = (gates[:, part] for part in (self.at.input, self.at.forget, self.at.output, self.at.cell))
        if self.peephole is not None:
            i, f = i + cell * self.peephole[0], f + cell * self.peephole[1]
        cell = logistic(f) * cell + logistic(i) * np.tanh(g)
        if self.peephole is not None:
            o = o + cell * self.peephole[2]
        return logistic(o) * np.tanh(cell), cell


class NumpyNetwork:
    """A trained prediction or synthesis network, one step at a time."""

    def __init__(self, config: NetworkConfig, weights: Mapping[str, F32]) -> None:
        """Raises ArtifactError where the weights are not those of the config."""
        self.config, self.weights = config, weights
        self.synthesis = config.kind == "synthesis"
        first = ["first."] if self.synthesis else []
        prefixes = first + [f"layers.{n}." for n in range(len(config.layers) - len(first))]
        try:
            self.layers = [Layer(weights, prefix) for prefix in prefixes]
            self.output, self.bias = np.ascontiguousarray(weights["output.weight"].T), weights["output.bias"]
            if self.synthesis:
                self.window, self.window_bias = (
                    np.ascontiguousarray(weights["first.parameters_weight"].T),
                    weights["first.parameters_bias"],
                )
                self.classes = weights["first.from_window"].shape[1]
        except KeyError as error:
            raise ArtifactError(f"the weights lack {error}", do="get the model anew") from error
        sizes = tuple(layer.cells for layer in self.layers)
        if sizes != config.layers or self.bias.shape != (config.outputs,):
            raise ArtifactError(
                f"weights of layers {sizes} under a config of {config.layers}", do="get it anew"
            )

    def start(self, batch: int) -> State:
        """The state before the first point."""
        zeros = [np.zeros((batch, layer.cells), np.float32) for layer in self.layers]
        classes, components = (self.classes, self.config.window) if self.synthesis else (0, 0)
        return State(
            zeros,
            list(zeros),
            np.zeros((batch, classes), np.float32),
            np.zeros((batch, components), np.float32),
        )

    def step(self, x: F32, state: State, characters: F32 | None = None) -> tuple[F32, State]:
        """Output vectors (batch, 1 + 6M) and the next state.

        x: offsets (batch, 3), normalised; characters: one-hot (batch, U, V) for a synthesis network.
        """
        hidden, cell, phi = [], [], state.phi
        window, kappa, above = state.window, state.kappa, [x]
        for n, layer in enumerate(self.layers):
            seen = [*above, state.hidden[n]]
            if n == 0 and self.synthesis:
                seen.append(window)  # of the step before, eq. 52
            h, c = layer.step(seen, state.cell[n])
            hidden.append(h)
            cell.append(c)
            if n == 0 and self.synthesis and characters is not None:
                window, kappa, phi = self._look(h, kappa, characters)
            above = [x, h, window] if self.synthesis else [x, h]  # eq. 53, eq. 2
        y = np.concatenate(hidden, 1) @ self.output + self.bias
        return y, State(hidden, cell, window, kappa, phi)

    def _look(self, h: F32, kappa: F32, characters: F32) -> tuple[F32, F32, F32]:
        """Window (batch, V), kappa (batch, K) and phi (batch, U): eqs. 46 to 51."""
        k = self.config.window
        raw = np.exp(h @ self.window + self.window_bias)
        alpha, beta, kappa = raw[:, :k], raw[:, k : 2 * k], kappa + raw[:, 2 * k :]
        distance = kappa[:, :, None] - np.arange(1, characters.shape[1] + 1, dtype=np.float32)
        phi = (alpha[:, :, None] * np.exp(-beta[:, :, None] * distance * distance)).sum(1)
        return (phi[:, None, :] @ characters)[:, 0], kappa, phi


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
        y[:, at.mean_x],
        y[:, at.mean_y],
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
    """A model's config and its network. Raises ArtifactError for a broken model."""
    config = pretrained.read_config(folder)
    network = NumpyNetwork(config.network, pretrained.read_weights(folder))
    if network.synthesis and (config.vocabulary is None or config.vocabulary.size != network.classes):
        raise InputError("the vocabulary does not fit the weights", file=folder, do="get the model anew")
    return config, network
