"""What a sample stage is asked for, and the ink that primes it."""

from __future__ import annotations

import msgspec

from hwkit.dataset import InkDataset
from hwkit.errors import InputError
from hwkit.generate.sampler import Primer
from hwkit.preprocess import prepare
from hwkit.pretrained import ModelConfig


class SampleParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines a model is to write."""

    texts: tuple[str, ...] = ()  # none for a prediction network
    count: int = 1  # samples of each text
    bias: float | None = None  # None: the model's own
    seed: int = 0
    points: int = 700  # of a prediction network's sample, which has no end (section 4.4)
    prime_line: str = ""  # the line of the primer's ink; "": its first
    prime_text: str = ""  # what the primer says; "": what its ink says of itself

    def __post_init__(self) -> None:
        if self.count < 1 or self.points < 1 or self.seed < 0:
            raise InputError("count and points must be at least 1, a seed at least 0")


def primer_from(ink: InkDataset, model: ModelConfig, asked: SampleParameters) -> Primer:
    """The primer that `asked` names, prepared as the model's ink is.

    Raises InputError for ink that was prepared otherwise, an unknown line, or one without text.
    """
    if not len(ink):
        raise InputError("the ink that is to prime holds no line")
    sample = ink[ink.find(asked.prime_line)] if asked.prime_line else ink[0]
    if ink.recipe == "":
        sample, _ = prepare(sample, model.recipe)
    elif ink.recipe != model.recipe.text():
        raise InputError(
            "the ink that is to prime was preprocessed otherwise than the model's", do="give recorded ink"
        )
    text = asked.prime_text or sample.text
    if not text and model.vocabulary is not None:
        raise InputError(f"nobody says what line {sample.id} says", do="give --prime-text")
    if len(sample.ink) < 2:
        raise InputError(f"line {sample.id} has no ink to prime with", do="choose another line")
    return Primer(sample.ink.offsets(), text or "")
