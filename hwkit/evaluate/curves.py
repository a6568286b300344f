"""The curves of trainings, out of their logs, and whether they compare with the figures of the paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hwkit import pretrained
from hwkit.artifact import Artifact, Store
from hwkit.errors import ArtifactError, InputError
from hwkit.preprocess import Recipe
from hwkit.pretrained import ModelConfig, pack

LOG = "log.jsonl"
SOURCE = "iam-ondb"
LIST = "first-validation"  # what Graves reports on

# Graves 2013, tables 3 and 4: nats a line, of offsets normalised and otherwise as they were recorded.
PUBLISHED = {
    "prediction": {
        "Graves 1×900": -1025.7,
        "Graves 3×400": -1041.0,
        "Graves 3×400, weight noise": -1057.7,
    },
    "synthesis": {
        "Graves synthesis": -1096.9,
        "Graves synthesis, weight noise": -1128.2,
    },
}

Points = list[tuple[float, float]]


class Entry(msgspec.Struct, frozen=True):
    """A line of a log; others say why a run returned to an earlier state."""

    update: float
    epoch: float = 0.0
    training: float | None = None
    validation: float | None = None


@dataclass(frozen=True)
class Curve:
    """A training's log, in nats a point, and what is known of the training."""

    name: str
    entries: Sequence[Entry]
    kind: str | None = None  # of the network; None: unknown
    points_a_line: float | None = None  # of the validation lines; None where it is unknown
    why: str = ""  # it does not compare with the paper; "": it does

    def points(self, which: str, across: str, scale: float = 1.0) -> Points:
        """(update or epoch, loss times `scale`) of "training" or "validation"."""
        found = [(getattr(e, across), getattr(e, which)) for e in self.entries]
        return [(x, y * scale) for x, y in found if y is not None]


def read(store: Store, reference: str, name: str = "", points_a_line: float | None = None) -> Curve:
    """The training that a reference names: a train artifact, a model's folder or name, or a log.

    points_a_line: for a log that stands alone. Raises InputError, ArtifactError where there is no sound log.
    """
    found = _resolved(store, reference)
    if isinstance(found, Artifact):
        if found.stage != "train":
            raise InputError(f"{found.name} is no training", do="give a train artifact, a model or a log")
        return _of_artifact(store, found, name or found.name, points_a_line)
    if found.is_file():
        config = pretrained.read_config(found.parent) if (found.parent / "config.json").is_file() else None
        log, folder = found, found.parent
    else:
        config, log, folder = pretrained.read_config(found), found / LOG, found
    figures = pretrained.read_figures(folder) or {}
    whole = figures.get("split") == LIST and figures.get("points") and figures.get("lines")
    known = points_a_line or (figures["points"] / figures["lines"] if whole else None)
    kind = config.network.kind if config else None
    why = "its preprocessing is not known"
    if config is not None:
        why = _differs(config) or _elsewhere(set(config.data))
    return Curve(name or (log.parent.name or log.stem), entries(log), kind, known, why or _lacks(known))


def _of_artifact(store: Store, trained: Artifact, name: str, points_a_line: float | None) -> Curve:
    config = pretrained.read_config(trained.path)
    known_data = pack.ingests(store, trained)
    recorded = {
        str(one.metrics.get("source")) if one and one.metrics.get("terms") else "" for one in known_data
    }
    why = _differs(config) or _elsewhere(recorded)
    if not why and trained.parameters.get("validation") != LIST:
        why = f"it was validated on {trained.parameters.get('validation')!r}, the paper on {LIST!r}"
    known = points_a_line if why or points_a_line else _measured(store, trained, config)
    return Curve(name, entries(trained.path / LOG), config.network.kind, known, why or _lacks(known))


def _resolved(store: Store, reference: str) -> Artifact | Path:
    path = Path(reference)
    if path.is_file():
        return path
    try:
        return store.resolve(reference)
    except ArtifactError:
        return path / LOG if (path / LOG).is_file() else pretrained.find(reference)


def _differs(config: ModelConfig) -> str:
    """Why the losses of a model are not in the paper's units; "" where they are."""
    if config.network.kind not in PUBLISHED:
        return "it is a reader"
    plain = msgspec.structs.replace(
        config.recipe, step_limit=Recipe().step_limit, gap_limit=Recipe().gap_limit, pause=Recipe().pause
    )
    return "" if plain == Recipe() else "its ink was smoothed, thinned or turned, the paper's was not"


def _elsewhere(sources: set[str]) -> str:
    """Why the ink is not the paper's; "" where it is. The sample archive has its format, not its terms."""
    same = {source.casefold() for source in sources} == {SOURCE}
    return "" if same else "its ink is not that of IAM-OnDB alone"


def _lacks(points_a_line: float | None) -> str:
    return "" if points_a_line else "how many points its validation lines have is not known"


def _measured(store: Store, trained: Artifact, config: ModelConfig) -> float | None:
    """The mean of scored points over the validation lines of a training; None where their ink is gone."""
    from hwkit.batching import select
    from hwkit.dataset import InkDataset

    ink = next((up.artifact for up in store.lineage(trained) if up.depth == 1 and up.role == "ink"), None)
    if ink is None:
        return None
    asked = trained.parameters
    dataset = InkDataset.open(ink.file("ink.h5"))
    lines, _ = select(dataset, (asked["validation"],), config.vocabulary, asked.get("max_points", 0))
    return sum(len(line.offsets) - 1 for line in lines) / len(lines) if lines else None


def entries(log: Path) -> list[Entry]:
    """The entries of a log with a loss in them. Raises ArtifactError where it cannot be read."""
    try:
        lines = log.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise ArtifactError(f"cannot be read: {reason}", file=log, do="give a log of hwkit train") from error
    found = []
    for row, line in enumerate(lines, 1):
        try:
            entry = msgspec.json.decode(line.encode(), type=Entry)
        except msgspec.MsgspecError as error:
            raise ArtifactError(
                f"line {row} is no entry of a log: {error}", file=log, do="give a log of hwkit train"
            ) from error
        values = [entry.update, entry.epoch, *(v for v in (entry.training, entry.validation) if v is not None)]
        if not all(map(math.isfinite, values)):
            raise ArtifactError(f"line {row} has a number that is not finite", file=log)
        if entry.training is not None or entry.validation is not None:
            found.append(entry)
    return found
