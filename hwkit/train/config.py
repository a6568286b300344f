"""What a training depends on, beside its data."""

from __future__ import annotations

from typing import Literal

import msgspec

from hwkit.batching import Augmentation
from hwkit.errors import InputError
from hwkit.model.config import NetworkConfig
from hwkit.optimiser import OptimiserConfig
from hwkit.train.noise import NoiseConfig


class TrainConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a training run depends on, beside its data."""

    network: NetworkConfig = NetworkConfig()
    optimiser: OptimiserConfig = OptimiserConfig()
    augmentation: Augmentation = Augmentation()
    noise: NoiseConfig = NoiseConfig()  # on the weights
    updates: int = 1000
    batch_lines: int = 64
    max_points: int = 0  # longer lines are left out of training; 0: none
    training: tuple[str, ...] = ("train",)  # splits to learn from
    validation: str = "first-validation"  # the split that chooses the weights, each epoch
    validation_lines: int = 0  # so many of its lines, evenly chosen; 0: all
    average: float = 0.0  # decay of the running average of the weights that is kept; 0: no average
    products: Literal["auto", "float32", "bfloat16"] = "auto"  # dtype of matrix products
    save_every: int = 100  # updates between savings, each of which a bad update can fall back to
    bias: float = 0.5  # the bias that `hwkit write` takes with this model
    seed: int = 0
    start: str = ""  # a model, packaged or a folder, whose weights and statistics it starts from

    def __post_init__(self) -> None:
        if min(self.updates, self.batch_lines, self.save_every) < 1 or self.seed < 0:
            raise InputError("updates, batch_lines and save_every must be at least 1, the seed at least 0")
        if not 0 <= self.average < 1 or self.validation in self.training:
            raise InputError("average must lie in [0, 1), and the validation split not among the training ones")
        if self.start and self.network.kind == "reader":
            raise InputError("a reader learns from nothing", do="leave start out")
