"""What a network is: its sizes and options, and the layout of its output vector. No torch here."""

from __future__ import annotations

from typing import Literal

import msgspec

from hwkit.errors import InputError


class NetworkConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prediction or synthesis network (Graves 2013, sections 4.1, 5.1), or a reader (hwkit.model.reader)."""

    kind: Literal["prediction", "synthesis", "reader"] = "synthesis"
    layers: tuple[int, ...] = (400, 400, 400)  # cells of each hidden layer; of a reader, each way
    mixtures: int = 20  # components of the mixture density
    window: int = 10  # components of the soft window; synthesis only
    peepholes: bool = False  # cells seen by their gates (eqs. 7, 8, 10)
    gate_clip: float = 0.0  # derivatives at the LSTM's inputs clipped to +-this; 0: not (paper: 10)
    output_clip: float = 0.0  # derivatives at the outputs clipped to +-this; 0: not (paper: 100)
    dropout: float = 0.0  # between hidden layers and before the output; ours, not the paper's

    def __post_init__(self) -> None:
        if not self.layers or min(self.layers) < 1 or self.mixtures < 1 or self.window < 1:
            raise InputError("a network needs layers, mixtures and a window of at least 1")
        if not 0 <= self.dropout < 1 or self.gate_clip < 0 or self.output_clip < 0:
            raise InputError("dropout must lie in [0, 1), clipping must not be negative")

    @property
    def outputs(self) -> int:
        """Length of the output vector: 121 for 20 components (section 4.1)."""
        return 1 + 6 * self.mixtures


FEATURES = 6
"""Of a point, as a reader sees it (hwkit.reader.features)."""

CHANNELS, STRIDE, KERNEL = (64, 128, 128), (1, 2, 2), 5
"""A reader's convolutions: channels of each, rows from one frame to the next, rows that it sees."""


class OutputLayout:
    """Where each parameter of the mixture density stands in the output vector (eq. 17).

    The one place that says so, for training and for sampling: slices of the last axis.
    """

    def __init__(self, mixtures: int) -> None:
        m = mixtures
        self.end = 0  # e, end of stroke
        self.weight = slice(1, 1 + m)  # pi
        self.mean_x = slice(1 + m, 1 + 2 * m)  # mu, x
        self.mean_y = slice(1 + 2 * m, 1 + 3 * m)  # mu, y
        self.scale_x = slice(1 + 3 * m, 1 + 4 * m)  # sigma, x (as its logarithm)
        self.scale_y = slice(1 + 4 * m, 1 + 5 * m)  # sigma, y
        self.correlation = slice(1 + 5 * m, 1 + 6 * m)  # rho (before tanh)


class GateLayout:
    """Where each gate stands along the 4H axis of an LSTM layer's weights: i, f, o, g."""

    def __init__(self, cells: int) -> None:
        h = cells
        self.input, self.forget = slice(0, h), slice(h, 2 * h)
        self.output, self.cell = slice(2 * h, 3 * h), slice(3 * h, 4 * h)
        self.gates = slice(0, 3 * h)  # the three that are squashed by the logistic function
