"""Optimisers: the paper's RMSProp (Graves 2013, eqs. 38 to 45) and AdamW, and the rate over time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, Literal

import msgspec
import torch
from torch import Tensor

from hwkit.errors import InputError


class OptimiserConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How weights follow their gradients (of nats a line, the mean over the batch)."""

    kind: Literal["rmsprop", "adamw"] = "rmsprop"
    rate: float = 1e-4  # eq. 44
    warmup: int = 0  # updates over which the rate rises from nothing
    cosine: bool = False  # whether it then falls to nothing along a cosine, at the last update
    weight_decay: float = 0.0  # AdamW only
    clip_norm: float = 0.0  # longest gradient; 0: not clipped

    def __post_init__(self) -> None:
        if self.rate <= 0 or min(self.warmup, self.weight_decay, self.clip_norm) < 0:
            raise InputError("rate must be above 0; warmup, weight_decay and clip_norm not below")


class RMSProp(torch.optim.Optimizer):
    """Eqs. 38 to 41: gradients divided by their running deviation, with momentum.

    The 1e-4 of eq. 45 stands inside the root, as in the paper.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        rate: float = 1e-4,
        averaging: float = 0.95,
        momentum: float = 0.9,
        floor: float = 1e-4,
    ) -> None:
        defaults = {"lr": rate, "averaging": averaging, "momentum": momentum, "floor": floor}
        super().__init__(parameters, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of all weights that have a gradient."""
        for group in self.param_groups:
            keep = group["averaging"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state |= {name: torch.zeros_like(weight) for name in ("square", "mean", "delta")}
                square, mean, delta = state["square"], state["mean"], state["delta"]
                square.mul_(keep).addcmul_(weight.grad, weight.grad, value=1 - keep)  # eq. 38
                mean.mul_(keep).add_(weight.grad, alpha=1 - keep)  # eq. 39
                # The variance is never negative; its difference in float32 may be.
                spread = torch.addcmul(square, mean, mean, value=-1).clamp_(min=0).add_(group["floor"]).sqrt_()
                delta.mul_(group["momentum"]).addcdiv_(weight.grad, spread, value=-group["lr"])  # eq. 40
                weight.add_(delta)  # eq. 41


def optimiser(
    config: OptimiserConfig, parameters: Iterable[Tensor], undecayed: Iterable[Tensor] = ()
) -> torch.optim.Optimizer:
    """The optimiser that `config` describes; `undecayed` tensors are moved too, but do not decay."""
    groups: list[dict[str, Any]] = [{"params": list(parameters)}]
    if apart := list(undecayed):
        groups.append({"params": apart, "weight_decay": 0.0})
    if config.kind == "rmsprop":
        return RMSProp(groups, config.rate)
    options: dict[str, Any] = {"betas": (0.9, 0.98), "weight_decay": config.weight_decay, "fused": True}
    return torch.optim.AdamW(groups, config.rate, **options)


def rate_at(config: OptimiserConfig, update: int, updates: int) -> float:
    """The learning rate of update `update`, counted from 0, out of `updates`."""
    if update < config.warmup:
        return config.rate * (update + 1) / config.warmup
    if not config.cosine:
        return config.rate
    share = (update - config.warmup) / max(updates - config.warmup, 1)
    return config.rate * 0.5 * (1 + math.cos(math.pi * share))
