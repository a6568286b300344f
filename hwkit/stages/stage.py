"""What all stages share: how they look to the store, and what they are run under."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hwkit.artifact import Artifact, Input
from hwkit.errors import HwkitError, InputError
from hwkit.progress import Progress, silent

INK = "ink.h5"
WEIGHTS = "model.safetensors"
Metrics = dict[str, Any]


@dataclass(frozen=True)
class Circumstances:
    """What a stage is run under. None of it changes what is made."""

    progress: Progress = silent
    stop: Callable[[], bool] = lambda: False  # asked by long stages: True saves and leaves
    device: str = "cpu"
    state: Path | None = None  # where a resumable stage keeps its state; None: in the artifact's folder


@dataclass(frozen=True)
class Stage:
    """A stage: `make(parameters, inputs, folder, circumstances)` fills the folder."""

    version: int
    parameters: Callable[[], type[msgspec.Struct]]  # called late: some need torch
    inputs: Mapping[str, str]  # what it reads: role -> the stage that makes it
    make: Callable[[Any, Mapping[str, Input], Path, Circumstances], Metrics]
    resumable: bool = False
    model: str = ""  # the parameter that names a model whose weights it reads too, if it reads one

    def weights(self, parameters: msgspec.Struct) -> dict[str, Input]:
        """The input "weights": those of the model that the parameters name, with its config beside them.

        They alone: what is told of a model in its card may change and leaves what is made as it is.
        Raises InputError where there is no such model.
        """
        from hwkit import pretrained

        name = getattr(parameters, self.model) if self.model else ""
        return {"weights": pretrained.find(name) / WEIGHTS} if name else {}


def file_of(source: Input, name: str) -> Path:
    """A file of an artifact; or the path itself, where a plain file is the input."""
    return source.file(name) if isinstance(source, Artifact) else source


def folder_of(source: Input) -> Path:
    """The folder of an artifact; or the path itself."""
    return source.path if isinstance(source, Artifact) else source


def write_json(file: Path, value: Any) -> None:
    """A value as JSON for people and programs."""
    file.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def read_json(file: Path, type: type[Any]) -> Any:
    """The struct in a JSON file. Raises InputError where it holds something else."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=type)
    except msgspec.MsgspecError as error:
        raise InputError(f"is no {type.__name__}: {error}", file=file) from error
    except OSError as error:
        raise HwkitError(f"cannot be read: {error.strerror}", file=file) from error
