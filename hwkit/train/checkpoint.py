"""A checkpoint: named tensors and a few facts in a folder, whole at every moment, in small files.

index.json      the facts, and for every part its shards in order: names, which are their sha256
<sha256>.shard  a piece of a part; the pieces of a part, joined, are one safetensors file

New shards are written beside the old ones and the index is replaced last, by one rename; only then
the shards that it no longer names go. So a reader sees the old checkpoint or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from hwkit.errors import ArtifactError

INDEX = "index.json"
SHARD = 14_900_000  # bytes at most, so that a folder of them can be kept where files must be small

Parts = Mapping[str, Mapping[str, Tensor]]
"""Tensors by part and name."""


class Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `index.json` holds."""

    format: Literal["hwkit-checkpoint"] = "hwkit-checkpoint"
    format_version: Literal[1] = 1
    parts: dict[str, list[str]]  # sha256 of the shards of each part, in order
    facts: dict[str, Any]


def write(folder: Path, parts: Parts, facts: Mapping[str, Any]) -> None:
    """Make `folder` hold these tensors and facts (JSON values), in place of what it held.

    What has not changed since the last writing is not written again. Raises OSError, a full disk above
    all; the old checkpoint is whole then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shards = {}
    for part, tensors in parts.items():
        whole = memoryview(encode(tensors))
        pieces = [whole[start : start + SHARD] for start in range(0, len(whole), SHARD)]
        shards[part] = [_keep(folder, piece) for piece in pieces]
    index = Index(parts=shards, facts=dict(facts))
    _sync(folder)  # the shards' names, before the index that needs them
    _replace(folder / INDEX, json.dumps(msgspec.to_builtins(index), indent=1).encode())
    _sync(folder)
    needed = {INDEX, *(_name(digest) for digests in shards.values() for digest in digests)}
    for file in folder.iterdir():
        if file.name not in needed:
            file.unlink()


def read(folder: Path, device: str = "cpu") -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The tensors and the facts in a folder.

    Raises ArtifactError, which names the file, where the index or a shard is missing or damaged.
    """
    file = folder / INDEX
    try:
        # Python's own JSON has a word for infinity, which a loss may be.
        index = msgspec.convert(json.loads(file.read_bytes()), Index)
    except (OSError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ArtifactError(f"is no index of a checkpoint: {error}", file=file) from error
    parts = {}
    for part, digests in index.parts.items():
        whole = b"".join(_piece(folder, digest) for digest in digests)
        try:
            parts[part] = decode(whole, device)
        except (SafetensorError, ValueError, KeyError) as error:
            raise ArtifactError(f"its part {part!r} holds no tensors: {error}", file=file) from error
    return parts, index.facts


def encode(tensors: Mapping[str, Tensor]) -> bytes:
    """A part as one safetensors file."""
    return save({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()})


def decode(content: bytes, device: str = "cpu") -> dict[str, Tensor]:
    """The tensors of a part. Raises ValueError, KeyError or SafetensorError for what is none."""
    return {name: tensor.to(device) for name, tensor in load(content).items()}


def exists(folder: Path) -> bool:
    """Whether a folder holds a checkpoint, sound or not; one whose first writing was cut off is none."""
    return (folder / INDEX).exists() or folder.is_file()


def remove(folder: Path) -> None:
    """Remove a checkpoint, index first."""
    (folder / INDEX).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def _name(digest: str) -> str:
    return f"{digest}.shard"


def _keep(folder: Path, piece: memoryview) -> str:
    """Have the folder hold a shard; its digest."""
    digest = hashlib.sha256(piece).hexdigest()
    file = folder / _name(digest)
    if not (file.is_file() and file.stat().st_size == len(piece)):
        _replace(file, piece)
    return digest


def _piece(folder: Path, digest: str) -> bytes:
    file = folder / _name(digest)
    try:
        piece = file.read_bytes()
    except (OSError, ValueError) as error:
        raise ArtifactError(f"a shard of the checkpoint cannot be read: {error}", file=file) from error
    if hashlib.sha256(piece).hexdigest() != digest:
        raise ArtifactError("a shard of the checkpoint is damaged: its sha256 is another", file=file)
    return piece


def _replace(file: Path, content: bytes | memoryview) -> None:
    """A file with this content, or the old one, at every moment."""
    partial = file.with_suffix(".partial")
    with partial.open("wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    partial.replace(file)


def _sync(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
