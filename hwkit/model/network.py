"""The prediction and the synthesis network (Graves 2013, figures 1 and 12)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hwkit.errors import InputError
from hwkit.model.config import NetworkConfig
from hwkit.model.lstm import LSTM, State
from hwkit.model.window import WindowLSTM, WindowState


class ClipDerivative(torch.autograd.Function):
    """The identity, whose derivatives are clipped to +-limit on their way back."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, limit: float) -> Tensor:
        ctx.limit = limit
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0].clamp(-ctx.limit, ctx.limit), None


class PredictionNetwork(nn.Module):
    """Offsets so far -> mixture density of the next one.

    Every hidden layer sees the offset and the layer below (eq. 2), and the output sees every
    hidden layer (eq. 3).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        below = [0, *config.layers[:-1]]
        self.layers = nn.ModuleList(
            LSTM(3 + under, cells, peepholes=config.peepholes, clip=config.gate_clip)
            for under, cells in zip(below, config.layers, strict=True)
        )
        self.output = output_layer(config)
        self.product = torch.float32  # the dtype of matrix products; training may set bfloat16

    def start(self, batch: int) -> list[State]:
        """The state before the first point."""
        return [layer.start(batch) for layer in self.layers]  # type: ignore[operator]

    def hidden(self, x: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """All hidden layers side by side, (time, batch, sum of cells), of offsets (time, batch, 3)."""
        x = x.to(product_dtype(self))
        seen, out, after = x, [], []
        for layer, before in zip(self.layers, state, strict=True):
            h, last = layer(seen, before)
            h = dropout(h, self.config.dropout, self.training)
            out.append(h)
            after.append(last)
            seen = torch.cat([x, h], -1)
        return torch.cat(out, -1), after

    def forward(self, x: Tensor, state: list[State]) -> tuple[Tensor, list[State]]:
        """Output vectors (time, batch, 1 + 6M) and the state after the last step."""
        hidden, state = self.hidden(x, state)
        return self.outputs(hidden), state

    def outputs(self, hidden: Tensor) -> Tensor:
        """Output vectors (..., 1 + 6M) of hidden states (..., sum of cells), eq. 3."""
        return outputs(self, hidden)


class SynthesisNetwork(nn.Module):
    """Offsets so far and a text -> mixture density of the next offset.

    The first layer sees the offset and the window of the step before (eq. 52); each later layer
    the offset, the layer below and the window of this step (eq. 53).
    """

    def __init__(self, config: NetworkConfig, classes: int) -> None:
        super().__init__()
        self.config, self.classes = config, classes
        cells, options = config.layers, {"peepholes": config.peepholes, "clip": config.gate_clip}
        self.first = WindowLSTM(3, cells[0], classes, config.window, **options)  # type: ignore[arg-type]
        self.layers = nn.ModuleList(
            LSTM(3 + under + classes, above, **options)  # type: ignore[arg-type]
            for under, above in pairwise(cells)
        )
        self.output = output_layer(config)
        self.product = torch.float32

    def start(self, batch: int) -> tuple[WindowState, list[State]]:
        """The state before the first point."""
        return self.first.begin(batch), [layer.start(batch) for layer in self.layers]  # type: ignore[operator]

    def hidden(
        self, x: Tensor, characters: Tensor, state: tuple[WindowState, list[State]]
    ) -> tuple[Tensor, Tensor, tuple[WindowState, list[State]]]:
        """Hidden layers (time, batch, sum of cells) and window weights phi (time, batch, U).

        x: offsets (time, batch, 3); characters: one-hot (batch, U, V), padding all zeros.
        """
        x = x.to(product_dtype(self))
        h, window, phi, first = self.first.read(x, characters, state[0])
        h = dropout(h, self.config.dropout, self.training)
        out, after = [h], []
        for layer, before in zip(self.layers, state[1], strict=True):
            h, last = layer(torch.cat([x, h, window], -1), before)
            h = dropout(h, self.config.dropout, self.training)
            out.append(h)
            after.append(last)
        return torch.cat(out, -1), phi, (first, after)

    def forward(
        self, x: Tensor, characters: Tensor, state: tuple[WindowState, list[State]]
    ) -> tuple[Tensor, Tensor, tuple[WindowState, list[State]]]:
        """Output vectors (time, batch, 1 + 6M), phi (time, batch, U) and the state after the last step."""
        hidden, phi, state = self.hidden(x, characters, state)
        return outputs(self, hidden), phi, state

    def outputs(self, hidden: Tensor) -> Tensor:
        """Output vectors (..., 1 + 6M) of hidden states (..., sum of cells), eq. 3."""
        return outputs(self, hidden)


Network = PredictionNetwork | SynthesisNetwork


def build(config: NetworkConfig, classes: int = 0) -> Network:
    """The network that `config` describes, freshly initialised from torch's global generator.

    classes: size of the vocabulary, for a synthesis network. Raises InputError without one.
    """
    if config.kind == "prediction":
        return PredictionNetwork(config)
    if config.kind == "reader":
        raise InputError("a reader writes nothing", do="give a synthesis or a prediction network")
    if classes < 2:
        raise InputError("a synthesis network needs a vocabulary")
    return SynthesisNetwork(config, classes)


def output_layer(config: NetworkConfig) -> nn.Linear:
    """The output layer, small at the start so that the first mixture is a broad one."""
    layer = nn.Linear(sum(config.layers), config.outputs)
    nn.init.normal_(layer.weight, std=0.3 * layer.in_features**-0.5)
    nn.init.zeros_(layer.bias)
    return layer


def dropout(hidden: Tensor, share: float, training: bool) -> Tensor:
    """Hidden states of which a share, rounded to 256ths, is nothing in training; the rest makes up for it.

    One number of torch's generator is eight bytes and serves eight cells: numbers drawn one by one
    took a tenth of a training step.
    """
    below = min(round(share * 256), 255)
    if not training or not below:
        return hidden
    words = torch.empty(-(-hidden.numel() // 8), dtype=torch.int64, device=hidden.device).random_(
        torch.iinfo(torch.int64).min, None
    )
    kept = words.view(torch.uint8)[: hidden.numel()].view(hidden.shape) >= below
    return hidden * kept.to(hidden.dtype).mul_(256 / (256 - below))


def outputs(network: Network, hidden: Tensor) -> Tensor:
    """Eq. 3, with the paper's clipping of the derivatives at the outputs where it is asked for."""
    product = product_dtype(network)
    y = F.linear(hidden.to(product), network.output.weight.to(product))
    y = y.to(network.output.bias.dtype) + network.output.bias
    limit = network.config.output_clip
    return ClipDerivative.apply(y, limit) if limit else y  # type: ignore[no-untyped-call]


def product_dtype(network: Network) -> torch.dtype:
    """The dtype of matrix products: the network's own where that is float64 (for gradcheck)."""
    own = network.output.weight.dtype
    return own if own == torch.float64 else network.product
