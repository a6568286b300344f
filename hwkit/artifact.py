"""The artifact store: what each stage made, kept by what it was made from.

An artifact is a folder `<store>/<stage>/<first 16 characters of its key>/` that holds the stage's files
and a `manifest.json`. The key is the sha256 of what decides the content: stage, version, parameters
and the digests of the inputs. An artifact appears by one rename, manifest and all: a folder without a
manifest is no artifact, and a stage that was killed leaves none.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from hwkit import __version__
from hwkit.errors import ArtifactError, HwkitError
from hwkit.manifest import (
    FORMAT_VERSION,
    MANIFEST,
    FileRecord,
    InputRecord,
    Manifest,
    digest_of_records,
    file_digest,
    hash_of,
    key_of,
    names_in,
    plain,
)
from hwkit.progress import Progress, silent

_SHORT = 16  # characters of the key in a folder's name
_FOLDER = re.compile(rf"[0-9a-f]{{{_SHORT}}}")


def digest_of(source: Artifact | Path) -> str:
    """The digest of an input: an artifact's own, or `file_digest` of a file or folder."""
    return source.digest if isinstance(source, Artifact) else file_digest(source)


@dataclass(frozen=True)
class Artifact:
    """A finished artifact: its folder, and a manifest that was found to be sound when it was opened."""

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, folder: Path) -> Artifact:
        """The artifact in a folder, inside a store or not. Raises ArtifactError as Manifest.read does."""
        return cls(folder, Manifest.read(folder / MANIFEST))

    @property
    def key(self) -> str:
        return self.manifest.key

    @property
    def stage(self) -> str:
        return self.manifest.stage

    @property
    def name(self) -> str:
        """`stage/key`, short, as people and references write it."""
        return f"{self.stage}/{self.key[:_SHORT]}"

    @property
    def digest(self) -> str:
        return self.manifest.digest

    @property
    def parameters(self) -> dict[str, Any]:
        return self.manifest.parameters

    @property
    def metrics(self) -> dict[str, Any]:
        return self.manifest.metrics

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(record.size for record in self.manifest.files.values())

    def file(self, name: str) -> Path:
        """The path of one of its files. Raises ArtifactError where there is no such file."""
        if name not in self.manifest.files:
            there = ", ".join(self.manifest.files) or "none"
            raise ArtifactError(f"the artifact holds no file {name!r}, only: {there}", file=self.path)
        path = self.path / name
        if not path.is_file():
            raise ArtifactError(
                "a file of the artifact is missing", file=path, do=f"remove {self.path} and make it again"
            )
        return path


Input = Artifact | Path
"""What a stage reads: an artifact, or a plain file or folder."""


@dataclass(frozen=True)
class Ancestor:
    """One input somewhere upstream of an artifact, `depth` steps (from 1) away, read as `role`.

    `artifact` is None for a plain file (its record has no key) and for what the store no longer holds.
    """

    depth: int
    role: str
    record: InputRecord
    artifact: Artifact | None


def problems(folder: Path) -> list[str]:
    """What is wrong with the artifact in a folder, one line each: every file is read and hashed."""
    try:
        manifest = Manifest.read(folder / MANIFEST)
    except ArtifactError as error:
        return [error.what]
    lines: list[str] = []
    there = set(names_in(folder)) - {MANIFEST}
    for name, record in manifest.files.items():
        path = folder / name
        try:
            if name not in there:
                lines.append(f"{name}: missing")
            elif (size := path.stat().st_size) != record.size:
                lines.append(f"{name}: {size} bytes, expected {record.size}")
            elif hash_of(path) != record.sha256:
                lines.append(f"{name}: the content differs (sha256)")
        except OSError as error:
            lines.append(f"{name}: cannot be read: {error.strerror or error}")
    return lines + [f"{name}: not in the manifest" for name in sorted(there - set(manifest.files))]


class Store:
    """The artifacts under one folder, which is not created before something is built."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, stage: str, key: str) -> Artifact | None:
        """The finished artifact of a key, or None. Raises ArtifactError where what is there is damaged."""
        folder = self.root / stage / key[:_SHORT]
        if not (folder / MANIFEST).exists():
            return None
        artifact = Artifact.open(folder)
        if artifact.key != key:
            raise ArtifactError(
                "the folder holds an artifact with another key", file=folder, do="remove it and run again"
            )
        return artifact

    def build(
        self,
        stage: str,
        stage_version: int,
        parameters: Mapping[str, object],
        inputs: Mapping[str, Input],
        make: Callable[[Path], Mapping[str, object]],
        *,
        resumable: bool = False,
        progress: Progress = silent,
    ) -> Artifact:
        """The artifact of these parameters and inputs, made only if the store does not have it yet.

        `make` gets a folder to fill and returns metrics (JSON values). Where it raises or is stopped,
        nothing is left of it; with `resumable` the partial folder stays and the next build goes on in it.
        What a resumable stage keeps there only to go on, it removes itself before it returns. Two
        processes building the same key make it once: the second waits.

        Raises what `make` raises, InputError for inputs that cannot be read, ArtifactError as `find`
        does, and HwkitError for OSErrors, a full disk above all.
        """
        digests = {name: digest_of(source) for name, source in inputs.items()}
        key = key_of(stage, stage_version, dict(parameters), digests)
        if found := self.find(stage, key):
            return found
        folder = self.root / stage / key[:_SHORT]
        partial = folder.with_suffix(".partial")
        with _disk(partial), _lock(folder, progress):
            if found := self.find(stage, key):  # the process that we waited for made it
                return found
            started = time.monotonic()
            try:
                if not resumable and partial.exists():
                    shutil.rmtree(partial)
                partial.mkdir(exist_ok=True)
                metrics = make(partial)
                (partial / MANIFEST).unlink(missing_ok=True)  # of a run that stopped before its rename
                files = {name: _settle(partial / name) for name in names_in(partial)}
                manifest = Manifest(
                    format_version=FORMAT_VERSION,
                    stage=stage,
                    stage_version=stage_version,
                    key=key,
                    digest=digest_of_records(files),
                    parameters=plain(dict(parameters)),
                    inputs={name: _record(source, digests[name]) for name, source in inputs.items()},
                    files=files,
                    versions={
                        "hwkit": __version__,
                        "python": platform.python_version(),
                        "numpy": version("numpy"),
                    },
                    created=datetime.now(UTC).isoformat(timespec="microseconds"),
                    seconds=round(time.monotonic() - started, 3),
                    peak_mb=_peak_mb(),
                    metrics=plain(dict(metrics)),
                ).sealed()
                (partial / MANIFEST).write_bytes(manifest.encode())
                _settle(partial / MANIFEST)
                for inner in [*(path for path in partial.rglob("*") if path.is_dir()), partial]:
                    _sync_folder(inner)
                if folder.exists():  # without a manifest, or find would have had it: no artifact
                    shutil.rmtree(folder)
                partial.rename(folder)
                _sync_folder(folder.parent)
            finally:
                if not resumable:
                    shutil.rmtree(partial, ignore_errors=True)
            return Artifact(folder, manifest)

    def all(self) -> list[Artifact]:
        """The sound artifacts (by their manifests; files are not read), oldest first."""
        found = (artifact for _, artifact in self._opened() if isinstance(artifact, Artifact))
        return sorted(found, key=lambda artifact: (artifact.manifest.created, artifact.key))

    def damaged(self) -> list[tuple[Path, str]]:
        """The folders in artifacts' places that cannot be opened, and why."""
        return [(folder, fault) for folder, fault in self._opened() if isinstance(fault, str)]

    def newest(self, stage: str, *, accept: Callable[[Artifact], bool] | None = None) -> Artifact | None:
        """The newest artifact of a stage (that `accept` accepts), or None."""
        found = [a for a in self.all() if a.stage == stage and (accept is None or accept(a))]
        return found[-1] if found else None

    def locate(self, reference: str) -> Path:
        """The folder that a reference means, sound or not: a key's first characters (at least 4),
        `stage/` and those, or a path. Raises ArtifactError where it means none or several."""
        match = re.fullmatch(r"(?:([^/]+)/)?([0-9a-f]{4,64})", reference)
        if match:
            stage, prefix = match.groups()
            folders = [
                folder
                for folder in self._folders()
                if folder.name.startswith(prefix[:_SHORT]) and stage in (None, folder.parent.name)
            ]
            if len(folders) > 1:
                names = ", ".join(f"{folder.parent.name}/{folder.name}" for folder in folders)
                raise ArtifactError(f"{reference!r} means several: {names}", do="give more characters")
            if folders:
                return folders[0]
        if (Path(reference) / MANIFEST).is_file():
            return Path(reference)
        newest = ", ".join(artifact.name for artifact in self.all()[:-6:-1]) or "none"
        raise ArtifactError(
            f"no artifact {reference!r} in {self.root}; the newest there: {newest}",
            do="give a path, or at least 4 characters of a key from 'hwkit artifacts list'",
        )

    def resolve(self, reference: str) -> Artifact:
        """The artifact that a reference means (see `locate`). Raises ArtifactError where there is none."""
        return Artifact.open(self.locate(reference))

    def lineage(self, artifact: Artifact) -> list[Ancestor]:
        """All that is upstream of an artifact, depth first; what is met again is not followed again."""
        held = {(other.key, other.digest): other for other in self.all()}
        ancestors: list[Ancestor] = []
        followed = {artifact.key}

        def climb(below: Artifact, depth: int) -> None:
            for role, record in below.manifest.inputs.items():
                source = held.get((record.key, record.digest))
                ancestors.append(Ancestor(depth, role, record, source))
                if source and source.key not in followed:
                    followed.add(source.key)
                    climb(source, depth + 1)

        climb(artifact, 1)
        return ancestors

    def verify(self, artifact: Artifact) -> list[str]:
        """What is wrong with an artifact on disk, one line each (see `problems`)."""
        return problems(artifact.path)

    def prune(self, *, dry_run: bool) -> list[Path]:
        """Remove what is not needed, or with `dry_run` only name it; returns the paths.

        Goes: partial folders and locks of processes that no longer run, folders without a manifest, and
        artifacts that are neither the newest of their stage nor upstream of one. Damaged artifacts
        stay. While some process builds in this store no artifact goes, for it may be reading any.
        """
        removed: list[Path] = []
        busy = False
        beside = [*self._folders(".partial"), *self._folders(".lock")]
        for place in sorted({path.with_suffix("") for path in beside}):
            lock, partial = place.with_suffix(".lock"), place.with_suffix(".partial")
            leftovers = [path for path in (partial, lock) if path.exists()]
            with _disk(place):
                try:
                    with FileLock(lock, timeout=0):
                        removed += leftovers
                        if partial.exists() and not dry_run:
                            shutil.rmtree(partial)
                        if not dry_run or lock not in leftovers:
                            _unlink_lock(lock)
                except Timeout:
                    busy = True
        if busy:
            return removed
        artifacts = self.all()
        newest = {artifact.stage: artifact for artifact in artifacts}.values()
        kept = {artifact.path for artifact in newest}
        kept |= {up.artifact.path for artifact in newest for up in self.lineage(artifact) if up.artifact}
        spare = [artifact.path for artifact in artifacts if artifact.path not in kept]
        spare += [folder for folder in self._folders() if not (folder / MANIFEST).exists()]
        for folder in spare if not dry_run else []:
            with _disk(folder):
                (folder / MANIFEST).unlink(missing_ok=True)  # first, so that no half artifact can remain
                shutil.rmtree(folder)
        return removed + spare

    def _folders(self, suffix: str = "") -> list[Path]:
        """What lies in artifacts' places (or beside them, with `suffix`), and nothing else, sorted."""
        return [
            path
            for path in sorted(self.root.glob(f"*/*{suffix}"))
            if path.suffix == suffix and _FOLDER.fullmatch(path.stem)
        ]

    def _opened(self) -> Iterator[tuple[Path, Artifact | str]]:
        for folder in self._folders():
            try:
                artifact = Artifact.open(folder)
            except ArtifactError as error:
                yield folder, error.what
            else:
                misplaced = artifact.name != f"{folder.parent.name}/{folder.name}"
                yield folder, f"it is {artifact.name}, in the wrong place" if misplaced else artifact


@contextmanager
def _lock(folder: Path, progress: Progress) -> Iterator[None]:
    """Hold the lock beside an artifact's place, waiting for it if another process has it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    path = folder.with_suffix(".lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(0, 0, f"waiting for another process that makes {folder.parent.name}/{folder.name}")
        lock.acquire()
    try:
        yield
        # Only now that the artifact is there: whoever takes a new lock finds it and builds nothing.
        _unlink_lock(path)
    finally:
        lock.release()


def _unlink_lock(path: Path) -> None:
    with suppress(PermissionError):  # Windows does not remove an open file
        path.unlink(missing_ok=True)


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    """Turn an OSError into a HwkitError that names the folder and what to do."""
    try:
        yield
    except BrokenPipeError:  # whoever watched the progress left: not the folder's fault
        raise
    except OSError as error:
        # h5py passes a full disk on in words alone.
        full = error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error)
        what = "the disk is full" if full else f"cannot be worked in: {error.strerror or error}"
        if not full and error.filename is not None and Path(os.fsdecode(error.filename)) != folder:
            what += f" ({os.fsdecode(error.filename)})"
        do = "free some space or give another store" if full else "check that it is a folder you can write"
        raise HwkitError(what, file=folder, do=do) from error


def _settle(path: Path) -> FileRecord:
    """Force a file to the disk and record it."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        return FileRecord(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":  # elsewhere a folder cannot be opened
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _record(source: Input, digest: str) -> InputRecord:
    if isinstance(source, Artifact):
        return InputRecord(source.key, digest, source.name)
    return InputRecord("", digest, source.name or str(source))


def _peak_mb() -> float:
    """The most memory this process has held, in MB of 10**6 bytes; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6, 1)
