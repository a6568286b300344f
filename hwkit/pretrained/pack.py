"""A trained model out of the store: what its ancestry says of it, and a folder that stands alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hwkit.artifact import Artifact, Store
from hwkit.errors import HwkitError, InputError
from hwkit.pretrained import ModelConfig, names, read_config, read_figures, write_about
from hwkit.pretrained.card import card

KEPT = ("model.safetensors", "log.jsonl", "loss.svg")  # of a train artifact, as they are


@dataclass(frozen=True)
class Described:
    """A model, and what is known of it."""

    name: str
    folder: Path
    config: ModelConfig
    figures: dict[str, Any] | None  # None: not measured

    @property
    def size(self) -> int:
        """Bytes of its weights."""
        return (self.folder / "model.safetensors").stat().st_size


def packaged() -> list[Described]:
    """The models that came with the package. Raises ArtifactError for a broken one."""
    here = Path(__file__).parent
    return [of_folder(here / name, name) for name in names()]


def of_folder(folder: Path, name: str = "") -> Described:
    """The model in a folder. Raises ArtifactError where it is broken."""
    return Described(name or str(folder), folder, read_config(folder), read_figures(folder))


def of_artifact(store: Store, trained: Artifact) -> Described:
    """A train artifact: its licence and its data as its ancestry knows them, its newest figures.

    Raises ArtifactError where it holds no sound model.
    """
    config = read_config(trained.path)
    ingested = ingests(store, trained)
    config = msgspec.structs.replace(
        config,
        data=config.data or _known(source for one in ingested for source in _list(one, "source")),
        licence=config.licence or licence_of(ingested),
        learned=config.learned or learned(store, trained, config),
    )
    return Described(trained.name, trained.path, config, measured(store, trained))


def ingests(store: Store, trained: Artifact) -> list[Artifact | None]:
    """The ingest artifacts upstream of a model, each once; None for one that the store no longer holds."""
    found = {
        up.record.digest: up.artifact for up in store.lineage(trained) if up.record.name.startswith("ingest/")
    }
    return list(found.values())


def licence_of(ingested: Iterable[Artifact | None]) -> str:
    """The terms of all ink that went in, their names in the first line; "" where those of one are unknown."""
    known = [_list(one, "terms") for one in ingested]
    if not all(known):
        return ""
    terms = _known(term.strip() for each in known for term in each)
    names = [term.partition("\n")[0] for term in terms]
    return "\n\n".join([", and ".join(names), *terms] if len(terms) > 1 else terms)


def learned(store: Store, trained: Artifact, config: ModelConfig) -> tuple[str, ...]:
    """The splits that a reader learned from, the words of composed lines among them; () for other models."""
    if config.network.kind != "reader":
        return ()
    composed = [up.artifact for up in store.lineage(trained) if up.artifact and up.artifact.stage == "lines"]
    words = (split for one in composed for rule in one.parameters["compose"] for split in rule["splits"])
    return _known([*trained.parameters["training"], *words])


def measured(store: Store, trained: Artifact) -> dict[str, Any] | None:
    """The newest figures of a model on a whole split, with the `split` and the `data`; None without any."""
    stage = "reading" if read_config(trained.path).network.kind == "reader" else "evaluate"
    found = store.newest(
        stage,
        accept=lambda a: a.manifest.inputs["model"].digest == trained.digest and not a.parameters.get("lines"),
    )
    if found is None:
        return None
    ink = store.lineage(found)
    source = next((up.artifact for up in ink if up.depth == 1 and up.role == "ingest"), None)
    data = ", ".join(_list(source, "source")) or found.manifest.inputs["ingest"].name
    return {"split": found.parameters["split"], "data": data, **found.metrics}


def pack(store: Store, trained: Artifact, folder: Path, *, about: str = "", licence: str = "") -> Described:
    """A model's folder from a train artifact: weights, config, card, the curve of its loss, its figures.

    about, licence: in place of what is known. The folder appears whole, by a rename. Raises InputError
    where it is there already or the artifact is no trained model, HwkitError where it cannot be written.
    """
    if trained.stage != "train":
        raise InputError(f"{trained.name} is no trained model", do="give a train artifact")
    if folder.exists():
        raise InputError("is there already", file=folder, do="name a folder that is not")
    model = of_artifact(store, trained)
    config = msgspec.structs.replace(
        model.config, about=about or model.config.about, licence=licence or model.config.licence
    )
    archives = {
        record.name: record.digest
        for one in ingests(store, trained)
        for record in (one.manifest.inputs.values() if one else ())
    }
    text = card(config, trained.parameters, trained.metrics, figures=model.figures, archives=archives)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as place:
            made = Path(place) / "model"
            made.mkdir()
            for name in KEPT:
                if name in trained.manifest.files:
                    shutil.copyfile(trained.file(name), made / name)
            write_about(made, config, text)
            if model.figures is not None:
                encoded = msgspec.json.format(msgspec.json.encode(model.figures), indent=1)
                (made / "figures.json").write_bytes(encoded + b"\n")
            made.rename(folder)
    except OSError as error:
        raise HwkitError(f"cannot be written: {error.strerror or error}", file=folder) from error
    return of_folder(folder)


def _list(ingested: Artifact | None, name: str) -> list[str]:
    """A metric of an ingest artifact that is a string or a list of strings; [] where it is missing."""
    value = ingested.metrics.get(name) if ingested else None
    return [value] if isinstance(value, str) and value else list(value) if isinstance(value, list) else []


def _known(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
