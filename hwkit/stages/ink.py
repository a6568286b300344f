"""Stages from the archive to what a network learns from: ingest, ink, statistics, vocabulary."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hwkit.artifact import Input
from hwkit.errors import InkError, InputError
from hwkit.preprocess import Recipe
from hwkit.stages.stage import INK, Circumstances, Metrics, file_of, write_json
from hwkit.vocabulary import VocabularyRule

if TYPE_CHECKING:
    from hwkit.sources.source import Source


class IngestParameters(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How an archive is read: as it is."""

    source: str = ""  # whose format it has; "": the files tell


class Splits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines are the training lines."""

    splits: tuple[str, ...] = ("train",)


class VocabularyParameters(VocabularyRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the vocabulary is taken, and from which lines."""

    splits: tuple[str, ...] = ("train",)


def ingest_inputs(archives: Sequence[Path], splits: Path | None = None, source: str = "") -> dict[str, Input]:
    """The inputs of the ingest stage: the files in their order, and the split lists of IAM-OnDB.

    splits: the folder of the lists; None looks in and beside the first archive. source: whose format the files
    have; "": they tell. Raises InputError for what is not there, for files of two sources, and for lists given
    to a source that has none.
    """
    from hwkit.sources.iam_ondb import LISTS, split_folder

    for archive in archives:
        if not archive.exists():
            do = "give an archive or a file of ink; 'hwkit ingest --help' has the formats"
            raise InputError("there is no such file", file=archive, do=do)
    inputs: dict[str, Input] = {f"archive-{n}": archive for n, archive in enumerate(archives, 1)}
    name = source_of(archives, source).name
    if name != "iam-ondb":
        if splits is not None:
            raise InputError(f"{name} has no split lists", file=splits, do="leave the folder of the lists out")
        return inputs
    folder = split_folder(archives) if splits is None else splits
    for file in [folder / list_ for list_ in LISTS.values()] if folder else []:
        if not file.is_file():
            raise InputError("there is no such split list", file=file, do="give its folder with --splits")
        inputs[file.name] = file
    return inputs


def source_of(files: Sequence[Path], name: str = "") -> Source:
    """The source that is named, or whose format all files have. Raises InputError where they are of two."""
    from hwkit.sources import registry

    if name:
        return registry.source(name)
    first, *others = [(file, registry.source_of(file)) for file in files]
    for file, source in others:
        if source.name != first[1].name:
            what = f"files of two sources: this is {first[1].name}'s format, {str(file)!r} is {source.name}'s"
            raise InputError(what, file=first[0], do="ingest them one after the other")
    return first[1]


def make_ingest(
    parameters: IngestParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`ink.h5` from archives, as they are, and `remarks.csv`: what is odd in them, by name.

    The inputs are as `ingest_inputs` gives them. The metrics are the source, its terms (their name in the
    first line; "" where they are unknown), and the reader's counts.
    """
    from hwkit.dataset import InkWriter
    from hwkit.sources.iam_ondb import LISTS

    paths = {name: Path(str(source)) for name, source in inputs.items()}
    archives = [paths[name] for name in paths if name.startswith("archive-")]
    train_list = paths.get(LISTS["train"])
    with InkWriter(folder / INK) as writer:
        source = source_of(archives, parameters.source)
        metrics = source.ingest(archives, train_list.parent if train_list else None, writer, around.progress)
    with (folder / "remarks.csv").open("w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["name", "kind", "reason"])
        rows.writerows((remark.name, remark.kind, remark.reason) for remark in writer.remarks)
    return metrics


def make_ink(recipe: Recipe, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """`ink.h5`, repaired and prepared, and `repairs.csv` with what was repaired, by line."""
    from hwkit.dataset import InkDataset, InkWriter
    from hwkit.preprocess import prepare

    source = InkDataset.open(file_of(inputs["ingest"], INK))
    totals = dict.fromkeys(("lines", "points", "interpolated", "removed", "repaired_lines", "skipped"), 0)
    with (
        InkWriter(folder / INK, recipe=recipe.text()) as writer,
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
