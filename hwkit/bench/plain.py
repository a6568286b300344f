"""The synthesis network as a careful user of PyTorch writes it: the reference of the benchmark.

nn.LSTM for the layers without a window, a loop over the steps with autograd for the layer with one,
the loss on padded points and masked. No function of `hwkit.model` takes part, only its sizes and the
layout of its output vector, so that it is also an independent truth for the tests.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hwkit.batching import Batch
from hwkit.model.config import NetworkConfig, OutputLayout
from hwkit.model.mixture import CORRELATION_LIMIT


class PlainNetwork(nn.Module):
    """Graves 2013, figure 12, without peepholes, clipping of derivatives and dropout."""

    def __init__(self, config: NetworkConfig, classes: int) -> None:
        super().__init__()
        self.config = config
        self.first = PlainWindowLSTM(config.layers[0], classes, config.window)
        self.above = nn.ModuleList(
            nn.LSTM(3 + under + classes, cells) for under, cells in pairwise(config.layers)
        )
        for layer in self.above:
            layer.bias_hh_l0.requires_grad_(False)  # a second bias says nothing that the first does not
        self.output = nn.Linear(sum(config.layers), config.outputs)

    def loss(self, batch: Batch) -> Tensor:
        """Nats of the scored points of a batch, summed (eqs. 26 and 55)."""
        h, window = self.first(batch.x, batch.characters)
        hidden = [h]
        for layer in self.above:
            h, _ = layer(torch.cat([batch.x, h, window], -1))  # eq. 53
            hidden.append(h)
        y = self.output(torch.cat(hidden, -1)).to(batch.x.dtype)
        return (nats(y, batch.target, self.config.mixtures) * batch.mask).sum()


class PlainWindowLSTM(nn.Module):
    """The first layer and its window on the text (eqs. 46 to 52)."""

    def __init__(self, cells: int, classes: int, components: int) -> None:
        super().__init__()
        self.cells, self.components = cells, components
        self.input = nn.Linear(3, 4 * cells)
        self.recurrent = nn.Linear(cells + classes, 4 * cells, bias=False)
        self.window = nn.Linear(cells, 3 * components)

    def forward(self, x: Tensor, characters: Tensor) -> tuple[Tensor, Tensor]:
        """Hidden states (time, batch, H) and windows (time, batch, V)."""
        batch, length, classes = characters.shape
        h, c = x.new_zeros(batch, self.cells), x.new_zeros(batch, self.cells)
        w, kappa = x.new_zeros(batch, classes), x.new_zeros(batch, self.components, 1)
        place = torch.arange(1, length + 1, device=x.device, dtype=x.dtype)
        hidden, windows = [], []
        for step in self.input(x).unbind(0):
            i, f, o, g = (step + self.recurrent(torch.cat([h, w], -1))).chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            alpha, beta, move = self.window(h).to(x.dtype).exp().unsqueeze(-1).chunk(3, 1)
            kappa = kappa + move
            phi = (alpha * torch.exp(-beta * (kappa - place) ** 2)).sum(1, keepdim=True)  # (batch, 1, U)
            w = torch.bmm(phi, characters).squeeze(1)
            hidden.append(h)
            windows.append(w)
        return torch.stack(hidden), torch.stack(windows)


def nats(y: Tensor, target: Tensor, mixtures: int) -> Tensor:
    """Eqs. 18 to 26 (...) of output vectors (..., 1 + 6M) and offsets (..., 3)."""
    at = OutputLayout(mixtures)
    rho = torch.tanh(y[..., at.correlation]) * CORRELATION_LIMIT
    dx, dy, end = target.unsqueeze(-2).unbind(-1)
    x = (dx - y[..., at.mean_x]) / y[..., at.scale_x].exp()
    y_ = (dy - y[..., at.mean_y]) / y[..., at.scale_y].exp()
    z = x**2 + y_**2 - 2 * rho * x * y_  # eq. 25
    log_scale = y[..., at.scale_x] + y[..., at.scale_y]
    log_normal = -z / (2 * (1 - rho**2)) - log_scale - 0.5 * torch.log(1 - rho**2) - math.log(2 * math.pi)
    point = torch.logsumexp(y[..., at.weight].log_softmax(-1) + log_normal, -1)
    # Eq. 18 is 1 / (1 + exp(e)): the logit's sign is turned.
    pen = F.binary_cross_entropy_with_logits(-y[..., at.end], end.squeeze(-1), reduction="none")
    return pen - point


def as_plain(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of hwkit's synthesis network, or their gradients, under PlainNetwork's names."""
    plain = {
        "first.input.weight": weights["first.input"],
        "first.input.bias": weights["first.bias"],
        "first.recurrent.weight": torch.cat([weights["first.recurrent"], weights["first.from_window"]], 1),
        "first.window.weight": weights["first.parameters_weight"],
        "first.window.bias": weights["first.parameters_bias"],
        "output.weight": weights["output.weight"],
        "output.bias": weights["output.bias"],
    }
    for n in range(sum(name.startswith("layers.") and name.endswith(".bias") for name in weights)):
        plain[f"above.{n}.weight_ih_l0"] = _torch_order(weights[f"layers.{n}.input"])
        plain[f"above.{n}.weight_hh_l0"] = _torch_order(weights[f"layers.{n}.recurrent"])
        plain[f"above.{n}.bias_ih_l0"] = _torch_order(weights[f"layers.{n}.bias"])
        plain[f"above.{n}.bias_hh_l0"] = torch.zeros_like(weights[f"layers.{n}.bias"])
    return plain


def _torch_order(weight: Tensor) -> Tensor:
    """Gates i, f, o, g along the first axis as nn.LSTM has them: i, f, g, o."""
    i, f, o, g = weight.chunk(4)
    return torch.cat([i, f, g, o])


def plain_step(
    network: PlainNetwork, optimiser: torch.optim.Optimizer, batch: Batch, clip: float, product: torch.dtype
) -> float:
    """One update, and the nats of the batch. product: bfloat16 for torch's autocast."""
    device = network.output.weight.device
    batch = Batch(*(part.to(device) for part in batch))
    half = product == torch.bfloat16
    with torch.autocast(device.type, torch.bfloat16) if half else nullcontext():
        total = network.loss(batch)
    optimiser.zero_grad(set_to_none=True)
    (total / batch.mask.shape[1]).backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), clip)
    optimiser.step()
    return float(total.detach())
