"""Models: a folder of weights, their config and their card; some come with the package.

model.safetensors   float16 weights, by the names of `hwkit.model.network`
config.json         ModelConfig: all that a sampler needs beside the weights
README.md           the model card: data and its terms, the command, the figures
figures.json        what `hwkit evaluate` measured, and on what; not every model has it
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from hwkit.errors import ArtifactError, InputError
from hwkit.model.config import NetworkConfig
from hwkit.preprocess import Recipe
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

FORMAT = "hwkit-model"
FORMAT_VERSION = 1
DEFAULT = "default"

Weights = Mapping[str, NDArray[np.floating]]


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is, beside its weights."""

    format: str = FORMAT
    format_version: int = FORMAT_VERSION
    network: NetworkConfig
    statistics: Statistics
    vocabulary: Vocabulary | None  # None for a prediction network
    recipe: Recipe  # the preprocessing of the ink that it learned from
    bias: float = 0.0  # the bias that suits it for writing (eqs. 61 and 62)
    about: str = ""  # one line: what it writes like, what it is for
    licence: str = ""  # of the weights: its name in the first line, then its text; "": unknown
    data: tuple[str, ...] = ()  # the sources of the ink that it learned from, by name
    learned: tuple[str, ...] = ()  # of a reader: the splits that it learned from; it is judged on none of them


def names() -> list[str]:
    """The packaged models."""
    return sorted(p.parent.name for p in Path(__file__).parent.glob("*/config.json"))


def find(reference: str) -> Path:
    """The folder of a packaged model by name, or of any model by path. Raises InputError."""
    try:
        for folder in (Path(__file__).parent / reference, Path(reference)):
            if (folder / "config.json").is_file():
                return folder
        there = Path(reference).exists()
    except (OSError, ValueError):  # a name that no file can have
        there = False
    if there:
        raise InputError("is no model: it holds no config.json", file=reference, do="name a model's folder")
    raise InputError(
        f"there is no model {reference!r}", do=f"packaged are {', '.join(names())}; or give a model's folder"
    )


def read_writing_config(folder: Path) -> ModelConfig:
    """The config of a model that writes. Raises InputError for a reader, else as `read_config` does."""
    config = read_config(folder)
    if config.network.kind == "reader":
        raise InputError(
            "the model is a reader: it reads, it does not write", file=folder,
            do="give one that writes; hwkit models lists them",
        )  # fmt: skip
    return config


def read_config(folder: Path) -> ModelConfig:
    """The config of a model. Raises ArtifactError where it is missing, broken or of another version."""
    file = folder / "config.json"
    try:
        raw = file.read_bytes()
        seen = msgspec.json.decode(raw)
        version = (
            seen.get("format_version") if isinstance(seen, dict) and seen.get("format") == FORMAT else None
        )
        if version is not None and version != FORMAT_VERSION:
            raise ArtifactError(
                f"is a model of format version {version}, this hwkit reads {FORMAT_VERSION}",
                file=file, do="use the hwkit that made it, or train it again",
            )  # fmt: skip
        return msgspec.json.decode(raw, type=ModelConfig)
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}", file=file) from error
    except (InputError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(f"is no model config: {error}", file=file, do="get the model anew") from error


def read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """The weights of a model as float32. Raises ArtifactError for a broken file or a NaN."""
    return {name: w.astype(np.float32) for name, w in stored_weights(folder).items()}


def stored_weights(folder: Path) -> dict[str, NDArray[np.floating]]:
    """The weights of a model as its file has them. Raises ArtifactError for a broken file or a NaN."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    file = folder / "model.safetensors"
    try:
        weights: dict[str, NDArray[np.floating]] = load_file(file)
    except (OSError, SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ArtifactError(
            f"cannot be read as weights: {error}", file=file, do="get the model anew"
        ) from error
    for name, w in weights.items():
        # The exponent of what is no number is all ones; to see it takes a tenth of isfinite's time.
        half = w.dtype == np.float16
        if (w.view(np.uint16) & 0x7C00 == 0x7C00).any() if half else not np.isfinite(w).all():
            raise ArtifactError(
                f"weight {name} holds values that are no numbers", file=file, do="train it again"
            )
    return weights


def read_figures(folder: Path) -> dict[str, Any] | None:
    """What was measured of a model: the figures of `hwkit evaluate`, with the `split` and the `data`.

    None where nothing is kept beside its weights. Raises ArtifactError for a broken file.
    """
    file = folder / "figures.json"
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}", file=file) from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(f"holds no figures: {error}", file=file, do="get the model anew") from error


def write(folder: Path, config: ModelConfig, weights: Weights, card: str) -> None:
    """A model into `folder`, which exists: weights as float16, config, card."""
    from safetensors.numpy import save

    with np.errstate(over="ignore"):  # the check below says it better
        half = {name: np.ascontiguousarray(w.astype(np.float16)) for name, w in weights.items()}
    for name, w in half.items():
        if not np.isfinite(w).all():
            raise InputError(f"weight {name} does not fit float16", do="train again with a smaller rate")
    (folder / "model.safetensors").write_bytes(save(half))
    write_about(folder, config, card)


def write_about(folder: Path, config: ModelConfig, card: str) -> None:
    """A model's config and card, beside weights that are there."""
    (folder / "config.json").write_bytes(msgspec.json.format(msgspec.json.encode(config), indent=1) + b"\n")
    (folder / "README.md").write_text(card, encoding="utf-8")
