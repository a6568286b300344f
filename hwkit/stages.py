"""The stages: what each reads, what it depends on, what it makes.

`STAGES` names them in the order of the ink's way. A stage is a pure function of its parameters and
inputs into a folder; `build` runs one through the artifact store, which skips what is there.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hwkit.artifact import Artifact, Input, Store
from hwkit.errors import HwkitError, InkError, InputError
from hwkit.preprocess import Recipe
from hwkit.progress import Progress, silent
from hwkit.vocabulary import Vocabulary, VocabularyRule

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hwkit.layout import Page

Metrics = dict[str, Any]


@dataclass(frozen=True)
class Circumstances:
    """What a stage is run under. None of it changes what is made."""

    progress: Progress = silent
    stop: Callable[[], bool] = lambda: False  # asked by long stages: True saves and leaves
    device: str = "cpu"


@dataclass(frozen=True)
class Stage:
    """A stage: `make(parameters, inputs, folder, circumstances)` fills the folder."""

    version: int
    parameters: Callable[[], type[msgspec.Struct]]  # called late: some need torch
    inputs: Mapping[str, str]  # what it reads: role -> the stage that makes it
    make: Callable[[Any, Mapping[str, Input], Path, Circumstances], Metrics]
    resumable: bool = False


class IngestParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing: an archive is read as it is."""


class Splits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines are the training lines."""

    splits: tuple[str, ...] = ("train",)


class VocabularyParameters(VocabularyRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the vocabulary is taken, and from which lines."""

    splits: tuple[str, ...] = ("train",)


def ingest_inputs(archives: Sequence[Path], splits: Path | None = None) -> dict[str, Input]:
    """The inputs of the ingest stage: the archives in their order, and the split lists.

    splits: the folder of the lists; None looks in and beside the first archive. Raises InputError for
    what is not there.
    """
    from hwkit.sources.iam_ondb import LISTS, split_folder

    for archive in archives:
        if not archive.exists():
            raise InputError(
                "there is no such file", file=archive, do="give an archive of IAM-OnDB or its unpacked folder"
            )
    inputs: dict[str, Input] = {f"archive-{n}": archive for n, archive in enumerate(archives, 1)}
    folder = split_folder(archives) if splits is None else splits
    for file in [folder / name for name in LISTS.values()] if folder else []:
        if not file.is_file():
            raise InputError("there is no such split list", file=file, do="give its folder with --splits")
        inputs[file.name] = file
    return inputs


def make_ingest(
    _: IngestParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`ink.h5` from archives, as they are; inputs as `ingest_inputs` gives them."""
    from hwkit.dataset import InkWriter
    from hwkit.sources import iam_ondb

    paths = {name: Path(str(source)) for name, source in inputs.items()}
    archives = [paths[name] for name in paths if name.startswith("archive-")]
    train_list = paths.get(iam_ondb.LISTS["train"])
    with InkWriter(folder / INK) as writer:
        return iam_ondb.read(archives, train_list.parent if train_list else None, writer, around.progress)


def make_ink(recipe: Recipe, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """`ink.h5`, repaired and prepared, and `repairs.csv` with what was repaired, by line."""
    from hwkit.dataset import InkDataset, InkWriter
    from hwkit.preprocess import prepare

    source = InkDataset.open(file_of(inputs["ingest"], INK))
    totals = dict.fromkeys(("lines", "points", "interpolated", "removed", "repaired_lines", "skipped"), 0)
    with (
        InkWriter(folder / INK, recipe=recipe_text(recipe)) as writer,
        (folder / "repairs.csv").open("w", newline="", encoding="utf-8") as table,
    ):
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["line", "interpolated", "removed"])
        for remark in source.remarks:
            writer.remark(remark.name, remark.kind, remark.reason)
        for n, sample in enumerate(source):
            if n % 100 == 0:
                around.progress(n, len(source), "preprocessing lines")
            try:
                prepared, repairs = prepare(sample, recipe)
            except InkError as error:
                writer.remark(sample.id, "skipped", error.what)
                totals["skipped"] += 1
                continue
            writer.append(prepared)
            totals["lines"] += 1
            totals["points"] += len(prepared.ink)
            totals["interpolated"] += repairs.interpolated
            totals["removed"] += repairs.removed
            if repairs.interpolated or repairs.removed:
                totals["repaired_lines"] += 1
                rows.writerow([sample.id, repairs.interpolated, repairs.removed])
    if not totals["lines"]:
        raise InputError("no line is left after preprocessing", do="look at the ink with hwkit inspect")
    return dict(totals)


def make_statistics(
    parameters: Splits, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`statistics.json`, `histograms.json` and a picture of each histogram."""
    from hwkit.dataset import InkDataset
    from hwkit.render import plot
    from hwkit.statistics import measure

    around.progress(0, 0, "measuring offsets")
    statistics, histograms = measure(InkDataset.open(file_of(inputs["ink"], INK)), parameters.splits)
    write_json(folder / "statistics.json", statistics)
    write_json(folder / "histograms.json", histograms)
    for name, x in (("points_a_line", "points a line"), ("step_in_deviations", "log10 of a step's length")):
        histogram = histograms[name]
        drawn = plot.histogram(histogram["counts"], histogram["edges"], title="Training lines", x=x)
        (folder / f"{name}.svg").write_bytes(drawn)
    built: Metrics = msgspec.to_builtins(statistics)
    return built | {"lines": histograms["lines"], "points": histograms["points"]}


def make_vocabulary(
    parameters: VocabularyParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`vocabulary.json` and `frequencies.csv`."""
    from hwkit.dataset import InkDataset
    from hwkit.vocabulary import learn, name_of

    around.progress(0, 0, "counting characters")
    dataset = InkDataset.open(file_of(inputs["ink"], INK))
    texts = [dataset.texts[row] for split in parameters.splits for row in dataset.rows(split, with_text=True)]
    vocabulary, counts = learn((text for text in texts if text), parameters)
    write_json(folder / "vocabulary.json", vocabulary)
    rare = sorted(set(counts) - set(vocabulary.characters))
    with (folder / "frequencies.csv").open("w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["character", "name", "count", "class"])
        for c, n in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            known = "kept" if c in vocabulary.characters else "non-letter" if vocabulary.non_letter else "rare"
            rows.writerow([c, name_of(c), n, known])
    lost = sum(bool(set(text) & (set(rare) - set(vocabulary.non_letter))) for text in texts if text)
    unread = sum(bool(set(text) & set(parameters.leave_out)) for text in texts if text)
    return {
        "classes": vocabulary.size,
        "characters": vocabulary.characters,
        "rare": "".join(rare),
        "lines": len(texts),
        "lines_left_out_for_rare_characters": lost,
        "lines_left_out_as_unread": unread,
    }


def make_train(parameters: Any, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """A model (see hwkit.pretrained), its log and its loss curve; goes on in a folder it was stopped in."""
    from hwkit import pretrained
    from hwkit.batching import select
    from hwkit.dataset import InkDataset
    from hwkit.pretrained.card import card
    from hwkit.render import plot
    from hwkit.statistics import Statistics
    from hwkit.train import LOG, TrainConfig, train

    config: TrainConfig = parameters
    around.progress(0, 0, "reading lines")
    dataset = InkDataset.open(file_of(inputs["ink"], INK))
    statistics = read_json(file_of(inputs["statistics"], "statistics.json"), Statistics)
    synthesis = config.network.kind == "synthesis"
    vocabulary = read_json(file_of(inputs["vocabulary"], "vocabulary.json"), Vocabulary) if synthesis else None
    training, left_out = select(dataset, config.training, vocabulary, config.max_points)
    validation, left_out_of_validation = select(dataset, (config.validation,), vocabulary, config.max_points)
    weights, figures = train(
        training, validation, statistics, vocabulary.size if vocabulary else 0, config, folder,
        device=around.device, stop=around.stop, progress=around.progress,
    )  # fmt: skip
    model = pretrained.ModelConfig(
        network=config.network, statistics=statistics, vocabulary=vocabulary,
        recipe=recipe_of(dataset.recipe), bias=config.bias,
    )  # fmt: skip
    figures |= {
        "lines": len(training),
        "points": sum(len(line.offsets) - 1 for line in training),
        "left_out": left_out,
        "validation_lines": len(validation),
        "left_out_of_validation": left_out_of_validation,
        "weights": sum(w.size for w in weights.values()),
    }
    pretrained.write(folder, model, weights, card(model, msgspec.to_builtins(config), figures))
    entries = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    curves = {which: [(e["epoch"], e[which]) for e in entries] for which in ("training", "validation")}
    drawn = plot.lines(curves, title="Nats a point, in normalised units", x="epoch", y="nats a point")
    (folder / "loss.svg").write_bytes(drawn)
    return figures


def make_sample(parameters: Any, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """`ink.h5`, the lines as they were written, and `steps.safetensors`, what the network thought:

    for each line id `ID/mixture` (n, 6, M), `ID/end` (n,), `ID/window` (n, U + 1); see Sampled.
    """
    from safetensors.numpy import save

    from hwkit.dataset import InkDataset, InkWriter
    from hwkit.generate.request import SampleParameters, primer_from
    from hwkit.generate.sampler import Writer
    from hwkit.ink import Sample

    asked: SampleParameters = parameters
    writer = Writer.open(folder_of(inputs["model"]))
    recipe = recipe_text(writer.config.recipe)
    texts = asked.texts
    if writer.config.vocabulary is None and not texts:
        texts = ("",)
    elif not texts:
        raise InputError("there is no text to write", do="give one")
    primer = None
    if "prime" in inputs:
        primer = primer_from(InkDataset.open(file_of(inputs["prime"], INK)), recipe, writer.config, asked)
    steps: dict[str, NDArray[np.float32]] = {}
    points, unended = 0, []
    total = len(texts) * asked.count
    with InkWriter(folder / INK, recipe=recipe) as ink:
        for n in range(total):
            text, id = texts[n // asked.count], f"sample-{n:05d}"

            def watch(point: int, n: int = n) -> None:
                if point % 50 == 0:
                    around.progress(n, total, f"writing lines, point {point} of line {n + 1}")

            if text:
                line = writer.write(text, (asked.seed, n), bias=asked.bias, primer=primer, watch=watch)
            else:
                line = writer.sample(
                    "", (asked.seed, n), bias=asked.bias, primer=primer, points=asked.points, watch=watch
                )
            if not line.ended:
                unended.append(id)
                ink.remark(id, "unended", "the window did not come to the end of the text")
            ink.append(Sample(id, line.ink, text or None))
            steps |= {f"{id}/mixture": line.mixture, f"{id}/end": line.end, f"{id}/window": line.window}
            points += len(line.ink)
            around.progress(n + 1, total, "writing lines")
    (folder / "steps.safetensors").write_bytes(save(steps))
    return {"lines": total, "points": points, "unended": unended, "unit": writer.config.statistics.unit}


class RenderParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How ink is drawn."""

    png: bool = True  # beside the SVG
    dpi: int = 200
    pen_mm: float = 0.5
    colour: str = "#000000"


def make_render(
    parameters: RenderParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`page.svg`, and `page.png` unless it is not wanted: all lines of an ink dataset on one page."""
    from hwkit.render.png import png

    around.progress(0, 0, "drawing")
    svg, page = draw(inputs["ink"], parameters)
    (folder / "page.svg").write_bytes(svg)
    if parameters.png:
        (folder / "page.png").write_bytes(png(svg, dpi=parameters.dpi))
    return {"width_mm": page.width_mm, "height_mm": page.height_mm, "strokes": len(page.strokes)}


def draw(source: Input, parameters: RenderParameters) -> tuple[bytes, Page]:
    """All lines of an ink dataset (an artifact or a file) under one another: the SVG and its page."""
    from hwkit.dataset import InkDataset
    from hwkit.layout import lay_out
    from hwkit.render.svg import svg

    unit = source.metrics.get("unit") if isinstance(source, Artifact) else None
    inks = [sample.ink for sample in InkDataset.open(file_of(source, INK))]
    page = lay_out(inks, unit=unit, pen_mm=parameters.pen_mm)
    return svg(page, pen_mm=parameters.pen_mm, colour=parameters.colour), page


def sample_parameters() -> type[msgspec.Struct]:
    """SampleParameters, whose module needs h5py."""
    from hwkit.generate.request import SampleParameters

    return SampleParameters


def train_parameters() -> type[msgspec.Struct]:
    """TrainConfig, whose module needs torch."""
    from hwkit.train import TrainConfig

    return TrainConfig


STAGES: dict[str, Stage] = {
    "ingest": Stage(1, lambda: IngestParameters, {}, make_ingest),
    "ink": Stage(1, lambda: Recipe, {"ingest": "ingest"}, make_ink),
    "statistics": Stage(1, lambda: Splits, {"ink": "ink"}, make_statistics),
    "vocabulary": Stage(1, lambda: VocabularyParameters, {"ink": "ink"}, make_vocabulary),
    "train": Stage(
        1,
        train_parameters,
        {"ink": "ink", "statistics": "statistics", "vocabulary": "vocabulary"},
        make_train,
        resumable=True,
    ),
    "sample": Stage(1, sample_parameters, {"model": "train"}, make_sample),
    "render": Stage(1, lambda: RenderParameters, {"ink": "sample"}, make_render),
}

INK = "ink.h5"


def build(
    store: Store, name: str, parameters: msgspec.Struct, inputs: Mapping[str, Input], around: Circumstances
) -> Artifact:
    """The artifact of a stage, made only where the store does not have it."""
    stage = STAGES[name]
    return store.build(
        name, stage.version, msgspec.to_builtins(parameters), inputs,
        lambda folder: stage.make(parameters, inputs, folder, around),
        resumable=stage.resumable, progress=around.progress,
    )  # fmt: skip


def file_of(source: Input, name: str) -> Path:
    """A file of an artifact; or the path itself, where a plain file is the input."""
    return source.file(name) if isinstance(source, Artifact) else source


def folder_of(source: Input) -> Path:
    """The folder of an artifact; or the path itself."""
    return source.path if isinstance(source, Artifact) else source


def recipe_text(recipe: Recipe) -> str:
    """A recipe as a dataset carries it; "" is recorded ink, which no recipe has touched."""
    return msgspec.json.encode(recipe, order="sorted").decode()


def recipe_of(text: str) -> Recipe:
    """The recipe that a dataset carries. Raises InputError for recorded ink and for unknown steps."""
    if not text:
        raise InputError("this ink is as it was recorded", do="run hwkit preprocess first")
    try:
        return msgspec.json.decode(text, type=Recipe)
    except msgspec.MsgspecError as error:
        raise InputError(f"ink was preprocessed by another hwkit: {error}", do="preprocess it anew") from error


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
