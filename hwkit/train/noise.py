"""Noise on the weights while they learn: a means against overfitting (Graves 2013, section 4.2).

Fixed noise has one standard deviation. Adaptive noise (Graves 2011, "Practical variational inference for
neural networks") learns one for every weight, so that weights and lines together take the fewest nats
to tell: the mean nats of a line under the noise, and 1/N of the complexity, which is the divergence of
the weights' normal distribution from their prior, a normal distribution too, fitted to them in closed
form. Two deviations from that paper: deviations learn from the same noise as the weights (their exact
derivative for the noise drawn) in place of squared gradients, which it takes line by line; and one
draw serves a whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
import torch
from torch import Tensor

from hwkit.errors import InputError


class NoiseConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much noise the weights get."""

    deviation: float = 0.0  # standard deviation; 0: no noise. The paper takes 0.075
    adaptive: bool = False  # whether each weight's deviation is learned, from that one on

    def __post_init__(self) -> None:
        if not 0 <= self.deviation < 1 or (self.adaptive and not self.deviation):
            raise InputError("the noise's deviation must lie in [0, 1), above 0 where it is adaptive")


class WeightNoise:
    """The noise on some weights, by their names."""

    def __init__(self, config: NoiseConfig, weights: Mapping[str, Tensor]) -> None:
        self.config, self.weights = config, weights
        self.log_deviations: dict[str, Tensor] = {}  # what is learned; empty for fixed noise
        if config.adaptive:
            start = math.log(config.deviation)
            self.log_deviations = {n: torch.full_like(w, start).detach() for n, w in weights.items()}
        self.drawn: dict[str, Tensor] = {}  # standard normal numbers, the ones in force

    @contextmanager
    def added(self, seed: int) -> Iterator[None]:
        """The weights have noise, drawn from `seed` alone, while inside; then they are as they were."""
        if not self.config.deviation:
            yield
            return
        clean = {name: weight.detach().clone() for name, weight in self.weights.items()}
        generator = torch.Generator(next(iter(clean.values())).device).manual_seed(seed)
        self.drawn = {n: torch.empty_like(w).normal_(generator=generator) for n, w in clean.items()}
        try:
            with torch.no_grad():
                for name, weight in self.weights.items():
                    weight.add_(self.deviation(name) * self.drawn[name])
            yield
        finally:
            with torch.no_grad():
                for name, weight in self.weights.items():
                    weight.copy_(clean[name])

    def deviation(self, name: str) -> Tensor | float:
        """The standard deviation of a weight's noise."""
        return self.log_deviations[name].exp() if self.log_deviations else self.config.deviation

    @torch.no_grad()
    def learn(self, lines: int) -> None:
        """Turn gradients of nats a line into those of nats a line and its share of the complexity.

        Call it after the backward pass, outside of `added`; lines: how many there are in the training
        set. The derivatives of log deviations are found here too. Nothing happens for fixed noise.
        """
        if not self.log_deviations:
            return
        mean, variance = self.prior()
        for name, weight in self.weights.items():
            deviation, log_deviation = self.log_deviations[name].exp(), self.log_deviations[name]
            gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad
            share = (deviation**2 / variance - 1) / lines
            log_deviation.grad = gradient * self.drawn[name] * deviation + share
            weight.grad = gradient + (weight - mean) / variance / lines

    def prior(self) -> tuple[Tensor, Tensor]:
        """Mean and variance of the prior that makes the complexity least (Graves 2011, section 4)."""
        count = sum(weight.numel() for weight in self.weights.values())
        mean = torch.stack([weight.detach().sum() for weight in self.weights.values()]).sum() / count
        spread = [
            (self.log_deviations[name].exp() ** 2 + (weight.detach() - mean) ** 2).sum()
            for name, weight in self.weights.items()
        ]
        return mean, torch.stack(spread).sum() / count
