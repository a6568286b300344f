"""What commands are given, found: artifacts, models, ink, devices. InputError says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hwkit.artifact import Artifact, Input, Store
from hwkit.errors import ArtifactError, InputError
from hwkit.manifest import MANIFEST
from hwkit.progress import Progress


def newest(store: Store, stage: str, do: str) -> Artifact:
    """The newest artifact of a stage. Raises InputError, which says what to do, where there is none."""
    artifact = store.newest(stage)
    if artifact is None:
        raise InputError(f"there is no {stage} artifact in {store.root}", do=do)
    return artifact


def model(store: Store, reference: str) -> Input:
    """A packaged model by name, a model's folder, or a train artifact of the store. Raises InputError."""
    from hwkit import pretrained

    try:
        return store.resolve(reference)
    except ArtifactError:
        return pretrained.find(reference)


def ink(store: Store, reference: str) -> Input:
    """Ink: an `ink.h5` by path, or an artifact of the store that holds one. Raises InputError."""
    if Path(reference).is_file():
        return Path(reference)
    artifact: Artifact = store.resolve(reference)
    artifact.file("ink.h5")
    return artifact


def recorded(store: Store, references: Sequence[str], progress: Progress) -> Input:
    """The ink to measure on: an artifact or an `ink.h5`; archives are ingested first. Raises InputError."""
    if not references:
        return newest(store, "ingest", "run hwkit ingest first, or give --data")
    paths = [Path(reference) for reference in references]
    if all(path.exists() and path.suffix != ".h5" and not (path / MANIFEST).exists() for path in paths):
        return ingested(store, paths, None, progress)
    if len(paths) > 1:
        missing = next((path for path in paths if not path.exists()), None)
        raise InputError(
            "--data takes one artifact, or archives that are there"
            + (f"; there is no file {str(missing)!r}" if missing else ""),
            do="give one artifact, or archives that are there",
        )
    if paths[0].is_file():
        return paths[0]
    artifact = store.resolve(references[0])
    artifact.file("ink.h5")
    return artifact


def ingested(store: Store, archives: Sequence[Path], splits: Path | None, progress: Progress) -> Artifact:
    """The ingest artifact of archives."""
    from hwkit.stages import Circumstances, IngestParameters, build, ingest_inputs

    return build(store, "ingest", IngestParameters(), ingest_inputs(archives, splits), Circumstances(progress))


def device(device: str) -> None:
    """Raise InputError for a device that torch does not have here."""
    import torch

    error: Exception | None = None
    try:
        if torch.zeros(1, device=device).device.type in ("cpu", "cuda"):
            return
    except (RuntimeError, AssertionError) as refused:
        error = refused
    raise InputError(f"the device {device!r} cannot be used here", do="choose another, such as cpu") from error
