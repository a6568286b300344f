"""Pipelines: the stages that a TOML file declares, checked, planned, and run where they are not up to date.

A pipeline file has one table a stage, which holds the stage's parameters; what it leaves out has its
default. Two tables have more: `[ingest]` names the files to read, and `[ink]` may start from a `preset`.

Where there is a table `[lines]`, the stages after it read its lines in place of the ink; and in place of
the recorded ink too, where the ink's own lines are not kept because they are words. A composition
whose `source` is another pipeline file takes that pipeline's ink for words; its stages up to the ink are
then planned and run first, under names such as `cursive.toml ingest`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from hwkit.artifact import Artifact, Input, Store, digest_of
from hwkit.errors import InputError, Stopped
from hwkit.manifest import canonical, key_of
from hwkit.preprocess import PRESETS
from hwkit.stages import (
    STAGES,
    Circumstances,
    LinesParameters,
    build,
    ingest_inputs,
)


class Sources(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The files that `[ingest]` names."""

    folder: str = "."  # from the pipeline file's own folder
    archives: tuple[str, ...] = ()  # from `folder`
    splits: str | None = None  # folder of the split lists, from `folder`; None: beside the first archive


@dataclass(frozen=True)
class Pipeline:
    """A pipeline file, read and checked."""

    path: Path
    declared: dict[str, msgspec.Struct]  # parameters by stage, in the order of the ink's way
    archives: tuple[Path, ...] = ()
    splits: Path | None = None
    joined: Mapping[str, Pipeline] = field(default_factory=dict)  # up to their ink, by the composition's source

    def declares(self, stage: str) -> bool:
        """Whether the file has a table of this stage."""
        return stage in self.declared

    def parameters(self, stage: str) -> msgspec.Struct:
        """The parameters of a stage. Raises InputError where the file has no table of it."""
        if stage not in self.declared:
            there = ", ".join(f"[{name}]" for name in self.declared) or "no stage at all"
            raise InputError(f"has no table [{stage}], only {there}", file=self.path, do="add the table")
        return self.declared[stage]

    def until(self, stage: str) -> Pipeline:
        """The same pipeline without the stages after `stage`. Raises InputError as `parameters` does."""
        self.parameters(stage)
        names = list(self.declared)
        declared = {n: self.declared[n] for n in names[: names.index(stage) + 1]}
        return replace(self, declared=declared, joined=self.joined if "lines" in declared else {})

    def reads(self, stage: str) -> dict[str, str]:
        """What a stage reads: role -> the stage that makes it, or `FILE ink` of a joined pipeline."""
        roles = dict(STAGES[stage].inputs)
        names = list(STAGES)
        if self.declares("lines") and names.index(stage) > names.index("lines"):
            lines = self.declared["lines"]
            whole = isinstance(lines, LinesParameters) and lines.own  # else the archive holds words, no lines
            replaced = ("ink",) if whole else ("ink", "ingest")
            roles = {role: "lines" if source in replaced else source for role, source in roles.items()}
        parameters = self.declared.get(stage)
        if isinstance(parameters, LinesParameters):
            sources = {rule.source for rule in parameters.compose} - {"ink"}
            roles |= {s: f"{s} ink" if s in self.joined else s for s in sorted(sources)}
        return roles


@dataclass(frozen=True)
class Step:
    """What a run would do about one stage, and why."""

    stage: str
    state: Literal["up to date", "runs", "goes on"]
    reason: str
    key: str | None = None  # None where an input is not made yet
    artifact: Artifact | None = None  # where it is up to date


def read(path: Path, data: Path | None = None) -> Pipeline:
    """The pipeline in a TOML file; `data` replaces the folder that `[ingest]` names, and holds the archives
    itself or in a folder of the same name: "../data/bigbank" is then `data` or `data`/bigbank.

    Raises InputError, which names the file, the table and the key, for what is no TOML, unknown tables
    and keys, and values of another type or beyond their bounds. Whether the stages suit one another
    and the archives are there is for `plan` and `run` to say.
    """
    return _read(path, data, tuple(STAGES))


def _read(path: Path, data: Path | None, stages: tuple[str, ...]) -> Pipeline:
    """The pipeline in a TOML file, as far as these stages; other tables are not looked into."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=path, do="check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no TOML: {error}", file=path) from error
    for name, table in tables.items():
        if name not in STAGES:
            raise InputError(f"there is no stage {name!r}", file=path, do=f"the stages are {', '.join(STAGES)}")
        if not isinstance(table, dict):
            raise InputError("is no table", file=path, row=f"[{name}]", do=f"write [{name}] and its keys below")
    sources = Sources()
    if "ingest" in tables:
        named = {key: tables["ingest"].pop(key) for key in Sources.__struct_fields__ if key in tables["ingest"]}
        sources = _convert(path, "ingest", named, Sources)
        if not sources.archives:
            raise InputError("names no archives", file=path, row="[ingest]", do='say archives = ["...", "..."]')
    if "preset" in tables.get("ink", {}):
        tables["ink"] = _from_preset(path, tables["ink"])
    folder = path.parent / sources.folder
    if data is not None:
        inner = data / folder.resolve().name
        within = all((inner / name).exists() for name in sources.archives)
        folder = inner if within and not all((data / name).exists() for name in sources.archives) else data
    declared = {n: _convert(path, n, tables[n], STAGES[n].parameters()) for n in stages if n in tables}
    return Pipeline(
        path,
        declared,
        tuple(folder / name for name in sources.archives),
        None if sources.splits is None else folder / sources.splits,
        {source: _joined(path, source, data) for source in _files(declared.get("lines"))},
    )


def plan(pipeline: Pipeline, store: Store) -> list[Step]:
    """What `run` would do, stage by stage. Raises InputError where a stage reads one not declared."""
    _check(pipeline)
    steps: dict[str, Step] = {}
    for source, other in pipeline.joined.items():
        steps |= {f"{source} {s.stage}": replace(s, stage=f"{source} {s.stage}") for s in plan(other, store)}
    for name in pipeline.declared:
        steps[name] = _step(pipeline, store, name, steps)
    return list(steps.values())


def run(pipeline: Pipeline, store: Store, around: Circumstances) -> list[tuple[str, Artifact, bool]]:
    """Each stage with its artifact, and whether it was made now.

    Raises InputError where a stage reads one not declared or archives are missing, and what the stages
    raise. Where `around.stop` answers True, Stopped is raised: a stage that can go on later saves itself
    first, any other leaves nothing.
    """
    _check(pipeline)
    done: list[tuple[str, Artifact, bool]] = []
    for source, other in pipeline.joined.items():
        done += [(f"{source} {name}", artifact, new) for name, artifact, new in run(other, store, around)]
    made = {name: artifact for name, artifact, _ in done}
    there = {artifact.key for artifact in store.all()}
    for name, parameters in pipeline.declared.items():
        inputs = _inputs(pipeline, name, made)
        made[name] = build(store, name, parameters, inputs, _within(name, around))
        done.append((name, made[name], made[name].key not in there))
    return done


def _convert(path: Path, stage: str, table: Mapping[str, Any], type: type[Any]) -> Any:
    """A table as a struct. Raises InputError that says where in the table it goes wrong."""
    try:
        converted = msgspec.convert(table, type)
        canonical(msgspec.to_builtins(converted))  # nan and inf are TOML, but have no key
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at `$")
        what = what.replace("Object contains unknown field", "there is no key")
        row = f"[{stage}] {place.strip('.`')}".rstrip()
        raise InputError(what[0].lower() + what[1:], file=path, row=row) from error
    except InputError as error:
        raise InputError(error.what, file=path, row=f"[{stage}]", do=error.do) from error
    return converted


def _files(lines: msgspec.Struct | None) -> list[str]:
    """The pipeline files that compositions take their words from."""
    sources = {rule.source for rule in lines.compose} if isinstance(lines, LinesParameters) else set()
    return sorted(source for source in sources if source.endswith(".toml"))


def _joined(path: Path, source: str, data: Path | None) -> Pipeline:
    """The pipeline, up to its ink, that a composition names by its file, from `path`'s folder."""
    other = _read(path.parent / source, data, ("ingest", "ink"))
    other.parameters("ink")
    return other


def _from_preset(path: Path, table: Mapping[str, Any]) -> dict[str, Any]:
    """The `[ink]` table with the fields of its preset, where it does not have its own."""
    name = table["preset"]
    if not isinstance(name, str) or name not in PRESETS:
        do = f"the presets are {', '.join(PRESETS)}"
        raise InputError(f"there is no preset {name!r}", file=path, row="[ink] preset", do=do)
    fields: dict[str, Any] = msgspec.to_builtins(PRESETS[name])
    return fields | {key: value for key, value in table.items() if key != "preset"}


def _check(pipeline: Pipeline) -> None:
    """Raise InputError where nothing is declared, or a stage without one that it reads."""
    for other in pipeline.joined.values():
        _check(other)
    if not pipeline.declared:
        raise InputError("declares no stage", file=pipeline.path, do="add a table such as [ingest]")
    for name in pipeline.declared:
        for source in pipeline.reads(name).values():
            if source not in pipeline.declared and source.removesuffix(" ink") not in pipeline.joined:
                what = f"reads what the stage {source} makes, which is not declared"
                raise InputError(what, file=pipeline.path, row=f"[{name}]", do=f"add the table [{source}]")


def _inputs(pipeline: Pipeline, name: str, made: Mapping[str, Artifact]) -> dict[str, Input]:
    """The inputs of a stage by their roles. Raises InputError for archives or a model that are not there."""
    if roles := pipeline.reads(name):
        inputs: dict[str, Input] = {role: made[source] for role, source in roles.items()}
        return inputs | STAGES[name].weights(pipeline.declared[name])
    if missing := [archive for archive in pipeline.archives if not archive.exists()]:
        names = ", ".join(archive.name for archive in missing)
        do = "put the archives there, or say --data DIR with their folder"
        raise InputError(f"there is no {names}", file=missing[0].parent, do=do)
    return ingest_inputs(pipeline.archives, pipeline.splits, pipeline.declared[name].source)  # type: ignore[attr-defined]


def _step(pipeline: Pipeline, store: Store, name: str, before: Mapping[str, Step]) -> Step:
    stage = STAGES[name]
    sources = dict.fromkeys(pipeline.reads(name).values())
    if new := [source for source in sources if before[source].artifact is None]:
        which = "its inputs" if len(new) > 1 else "its input"
        return Step(name, "runs", f"{which} {', '.join(new)} will be made anew, so its key is not known yet")
    made = {source: artifact for source in sources if (artifact := before[source].artifact)}
    try:
        inputs = _inputs(pipeline, name, made)
    except InputError as error:
        return Step(name, "runs", f"its files are not there: {error}")
    digests = {role: digest_of(source) for role, source in inputs.items()}
    parameters = msgspec.to_builtins(pipeline.declared[name])
    key = key_of(name, stage.version, parameters, digests)
    if found := store.find(name, key):
        return Step(name, "up to date", f"made on {found.manifest.created[:10]}", key, found)
    partial = (path.stem for path in (store.root / name).glob("*.partial"))
    if stage.resumable and any(key.startswith(start) for start in partial):
        return Step(name, "goes on", "it was stopped before its end", key)
    return Step(name, "runs", _reason(store.newest(name), stage.version, parameters, digests), key)


def _reason(newest: Artifact | None, version: int, parameters: Any, digests: Mapping[str, str]) -> str:
    """Why there is no artifact yet, in comparison with the newest of the stage."""
    if newest is None:
        return "there is no artifact of this stage"
    if newest.manifest.stage_version != version:
        return f"the stage is of version {version}, the newest artifact of {newest.manifest.stage_version}"
    old, new = _flat(newest.parameters), _flat(parameters)
    names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
    if names:
        changes = ", ".join(f"{n} {_short(old.get(n))} -> {_short(new.get(n))}" for n in names)
        return f"parameters changed: {changes} compared with the newest"
    before = {role: record.digest for role, record in newest.manifest.inputs.items()}
    others = sorted(role for role in {*before, *digests} if before.get(role) != digests.get(role))
    return f"other input than the newest artifact's: {', '.join(others)}"


def _short(value: str | None) -> str:
    """A parameter's JSON text, or as much of it as a table has room for."""
    if value is None:
        return "absent"
    return value if len(value) <= 60 else f"{value[:57]}..."


def _flat(parameters: Mapping[str, Any], within: str = "") -> dict[str, str]:
    """Parameters as JSON texts, by names such as `network.layers`."""
    flat: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{within}{name}.")
        else:
            flat[within + name] = canonical(value)
    return flat


def _within(name: str, around: Circumstances) -> Circumstances:
    """The circumstances of one stage: its reports begin with its name, and are where it can be stopped."""

    def report(done: int, total: int, note: str) -> None:
        around.progress(done, total, f"{name}: {note}")
        if around.stop() and not STAGES[name].resumable:
            raise Stopped(f"stopped in the stage {name}", do="run it again to go on")

    return replace(around, progress=report)
