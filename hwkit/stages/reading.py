"""Stages of reading: measure a reader, and how well a model's writing is read."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from hwkit.artifact import Artifact, Input, Store
from hwkit.stages.stage import INK, WEIGHTS, Circumstances, Metrics, file_of, folder_of, write_json


def make_reading(parameters: Any, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """`figures.json` and, line by line, `lines.csv`: what a reader gets wrong on a split."""
    from hwkit.dataset import InkDataset
    from hwkit.evaluate.reading import check_held_out, measure
    from hwkit.reader.reader import Reader

    check_held_out(parameters.split, learned(inputs["model"]))
    reader = Reader.open(folder_of(inputs["model"]))
    dataset = InkDataset.open(file_of(inputs["ingest"], INK))
    figures, rows = measure(reader, dataset, parameters, progress=around.progress)
    write_json(folder / "figures.json", figures)
    write_rows(folder / "lines.csv", rows)
    return figures


def make_legibility(
    parameters: Any, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`legibility.json`, `report.md`, `lines.csv`, `worst.png`, `bias.svg`; `candidates.svg` of several.

    inputs: "model"; "weights", those of the reader; and, where they are there, "ingest" and "texts".
    """
    from hwkit.dataset import InkDataset
    from hwkit.evaluate import report
    from hwkit.evaluate.legibility import SENTENCES, Desk, measure, read_sentences
    from hwkit.evaluate.reading import check_held_out
    from hwkit.generate.sampler import Writer
    from hwkit.reader.reader import Reader
    from hwkit.render.png import png

    model, reader = folder_of(inputs["model"]), file_of(inputs["weights"], WEIGHTS).parent
    dataset = None
    if "ingest" in inputs:
        check_held_out(parameters.split, learned(reader))
        dataset = InkDataset.open(file_of(inputs["ingest"], INK))
    sentences = read_sentences(file_of(inputs["texts"], SENTENCES.name) if "texts" in inputs else SENTENCES)
    desk = Desk(Writer.open(model), model, Reader.open(reader), parameters.seed, around.progress)
    result = measure(desk, sentences, dataset, parameters)
    figures = result.figures
    write_json(folder / "legibility.json", figures)
    write_rows(folder / "lines.csv", result.rows())
    (folder / "report.md").write_text(
        report.report(figures, model=model.name, reader=reader.name), encoding="utf-8"
    )
    (folder / "worst.png").write_bytes(png(report.worst(result.worst(), "The lines read worst"), dpi=110))
    (folder / "bias.svg").write_bytes(report.chart(figures, "bias"))
    if figures["by_candidates"]:
        (folder / "candidates.svg").write_bytes(report.chart(figures, "candidates"))
    return figures


def learned(model: Input) -> tuple[str, ...] | None:
    """The splits that a reader learned from, by its config or, where it is an artifact, by its ancestry.
    None: nobody says."""
    from hwkit import pretrained
    from hwkit.pretrained import pack

    config = pretrained.read_config(folder_of(model))
    if not config.learned and isinstance(model, Artifact):
        return pack.learned(Store(model.path.parent.parent), model, config) or None
    return config.learned or None


def write_rows(file: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of the same names as CSV."""
    with file.open("w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def reading_parameters() -> type[msgspec.Struct]:
    """ReadingParameters, whose module needs HDF5."""
    from hwkit.evaluate.reading import ReadingParameters

    return ReadingParameters


def legibility_parameters() -> type[msgspec.Struct]:
    """LegibilityParameters, whose module needs HDF5."""
    from hwkit.evaluate.legibility import LegibilityParameters

    return LegibilityParameters
