"""The manifest of an artifact: what it was made from, what it holds, and digests that prove both."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from hwkit.errors import ArtifactError, InputError

FORMAT_VERSION = 1
MANIFEST = "manifest.json"


def canonical(value: object) -> str:
    """The one JSON text of a value: keys sorted, no spaces, ASCII. 1 and 1.0 are different texts.

    Raises InputError where the value is not JSON (NaN and infinity are not).
    """
    # Plain first: keys that are not strings would sort in an order of their own.
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"))


def plain(value: object) -> Any:
    """The value as it will be read back: lists for tuples, strings for keys. Raises as `canonical`."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise InputError(f"a value cannot be written as JSON: {error}") from error


def _sha256(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def key_of(stage: str, stage_version: int, parameters: object, inputs: Mapping[str, str]) -> str:
    """The key (64 hex characters) of what a stage makes; `inputs` maps each input's name to its digest."""
    return _sha256(
        {
            "format_version": FORMAT_VERSION,
            "stage": stage,
            "stage_version": stage_version,
            "parameters": parameters,
            "inputs": dict(inputs),
        }
    )


def file_digest(path: Path) -> str:
    """The sha256 (64 hex characters) of a file, or of a folder's sorted relative paths and files' sha256.

    Raises InputError where there is nothing at the path or it cannot be read.
    """
    try:
        if path.is_dir():
            return _digest({name: hash_of(path / name) for name in names_in(path)})
        return hash_of(path)
    except OSError as error:
        raise InputError(
            f"cannot be read: {error.strerror or error}", file=path, do="check the path and its permissions"
        ) from error


class FileRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of an artifact; `size` in bytes."""

    sha256: str
    size: int


class InputRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One input of a stage: an artifact, or (with an empty `key`) a plain file or folder."""

    key: str
    digest: str
    name: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `manifest.json` says of an artifact. `seal` is the sha256 of all the other fields."""

    format_version: int
    stage: str
    stage_version: int
    key: str
    digest: str
    parameters: dict[str, Any]
    inputs: dict[str, InputRecord]
    files: dict[str, FileRecord]  # by path in the folder, with forward slashes
    versions: dict[str, str]
    created: str  # UTC, ISO 8601
    seconds: float  # wall time of the run that finished it
    peak_mb: float  # of the whole process, so far
    metrics: dict[str, Any]
    seal: str = ""

    def faults(self) -> list[str]:
        """What in the manifest contradicts itself, one line each."""
        digests = {name: record.digest for name, record in self.inputs.items()}
        checks = {
            "the key is not that of its stage, parameters and inputs": self.key
            == key_of(self.stage, self.stage_version, self.parameters, digests),
            "the digest is not that of its files": self.digest == digest_of_records(self.files),
            "the seal is broken, so some field was changed": self.seal == self.sealed().seal,
            "a file's name leads outside the folder": not any(map(_leads_outside, self.files)),
        }
        return [fault for fault, right in checks.items() if not right]

    def sealed(self) -> Manifest:
        """The same manifest with its seal."""
        fields = msgspec.to_builtins(self)
        del fields["seal"]
        return msgspec.structs.replace(self, seal=_sha256(fields))

    def encode(self) -> bytes:
        """The bytes of `manifest.json`, the only ones that are read back without complaint."""
        return (json.dumps(msgspec.to_builtins(self), indent=2, allow_nan=False) + "\n").encode()

    @classmethod
    def read(cls, path: Path) -> Manifest:
        """The manifest in a file. Raises ArtifactError where it is missing, damaged or of another version."""
        do = f"remove the folder {path.parent} and make it again"
        try:
            raw = path.read_bytes()
        except OSError as error:
            why = "no artifact here, for there is no manifest" if not path.exists() else f"unreadable: {error}"
            raise ArtifactError(why, file=path.parent, do="check the path") from error
        try:
            found = json.loads(raw)
            there = found.get("format_version", FORMAT_VERSION) if isinstance(found, dict) else FORMAT_VERSION
            if there == FORMAT_VERSION:
                manifest = msgspec.convert(found, cls)
                # What JSON reads alike (a space more, another escape) is still not what was written.
                faults = manifest.faults() or ["not as it was written"] * (manifest.encode() != raw)
        except (ValueError, RecursionError, msgspec.MsgspecError, InputError) as error:
            raise ArtifactError(f"the manifest is damaged: {error}", file=path, do=do) from error
        if there != FORMAT_VERSION:
            raise ArtifactError(
                f"an artifact of format version {there!r}, but this hwkit reads version {FORMAT_VERSION}",
                file=path,
                do="use the hwkit that made it, or " + do,
            )
        if faults:
            raise ArtifactError(f"the manifest is damaged: {', '.join(faults)}", file=path, do=do)
        return manifest


def names_in(folder: Path) -> list[str]:
    """The relative paths of a folder's files, at any depth, with forward slashes, sorted."""
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(paths)


def _leads_outside(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest(hashes: Mapping[str, str]) -> str:
    """The digest of files: over their sorted relative paths and sha256."""
    return _sha256(sorted(hashes.items()))


def digest_of_records(files: Mapping[str, FileRecord]) -> str:
    return _digest({name: record.sha256 for name, record in files.items()})
