"""The mixture density of the next offset (Graves 2013, eqs. 17 to 26), in log space."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from hwkit.model.config import OutputLayout

CORRELATION_LIMIT = 1 - 1e-6  # float32's tanh reaches 1, where the density has no meaning


class Mixture(NamedTuple):
    """Bivariate normal mixture and end of stroke, each (..., M) but the last (...)."""

    log_weight: Tensor
    mean_x: Tensor
    mean_y: Tensor
    log_scale_x: Tensor
    log_scale_y: Tensor
    correlation: Tensor
    end: Tensor  # the logit whose *negative* is the paper's e-hat: eq. 18 is 1 / (1 + exp(e-hat))


def mixture(outputs: Tensor, mixtures: int) -> Mixture:
    """Eqs. 18 to 22 from output vectors (..., 1 + 6M), in float32 or better."""
    at = OutputLayout(mixtures)
    y = outputs if outputs.dtype == torch.float64 else outputs.float()
    return Mixture(
        F.log_softmax(y[..., at.weight], -1),
        y[..., at.mean_x],
        y[..., at.mean_y],
        y[..., at.scale_x],
        y[..., at.scale_y],
        torch.tanh(y[..., at.correlation]) * CORRELATION_LIMIT,
        -y[..., at.end],
    )


def nats(m: Mixture, offsets: Tensor) -> Tensor:
    """Negative log-likelihood (...) of offsets (..., 3) in nats: eqs. 23 to 26."""
    dx, dy, end = offsets.unsqueeze(-2).unbind(-1)  # each (..., 1)
    x = (dx - m.mean_x) * torch.exp(-m.log_scale_x)
    y = (dy - m.mean_y) * torch.exp(-m.log_scale_y)
    # (1 - rho)(1 + rho) keeps its digits where 1 - rho^2 would lose them.
    rest = (1 - m.correlation) * (1 + m.correlation)
    # Z / (1 - rho^2) of eqs. 24 and 25 as a sum of squares, which cannot cancel to below zero.
    z = x * x + (y - m.correlation * x) ** 2 / rest
    log_normal = -0.5 * (z + torch.log(rest)) - m.log_scale_x - m.log_scale_y - math.log(2 * math.pi)
    point = torch.logsumexp(m.log_weight + log_normal, -1)
    pen = F.binary_cross_entropy_with_logits(m.end, end.squeeze(-1), reduction="none")
    return pen - point


def mean(m: Mixture) -> Tensor:
    """The mixture's mean offset (..., 2): the prediction that squared errors are taken from."""
    weight = m.log_weight.exp()
    return torch.stack([(weight * m.mean_x).sum(-1), (weight * m.mean_y).sum(-1)], -1)
