"""Stages of a model: train it, measure it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from hwkit.artifact import Input
from hwkit.preprocess import Recipe
from hwkit.stages.stage import INK, Circumstances, Metrics, file_of, folder_of, read_json, write_json
from hwkit.vocabulary import Vocabulary

CALL = b"train"  # what the leader of several processes tells the others, who wait for it


def make_train(parameters: Any, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """A model (see hwkit.pretrained), its log and its loss curve; goes on in a folder it was stopped in.

    With `around.state` the saved training is there instead, and stays: who gave the folder removes it
    when the artifact is there. In a group of processes the leader calls the others here, and alone
    writes; their folders are not touched.
    """
    from hwkit import pretrained
    from hwkit.batching import select
    from hwkit.dataset import InkDataset
    from hwkit.errors import ArtifactError
    from hwkit.model.inherit import for_characters
    from hwkit.pretrained.card import card
    from hwkit.render import plot
    from hwkit.statistics import Statistics
    from hwkit.train import LOG, TrainConfig, forget, train
    from hwkit.train.processes import current

    config: TrainConfig = parameters
    group, state = current(), around.state or folder
    if group.leads:
        group.share(CALL)
    around.progress(0, 0, "reading lines")
    dataset = InkDataset.open(file_of(inputs["ink"], INK))
    statistics = read_json(file_of(inputs["statistics"], "statistics.json"), Statistics)
    texts = config.network.kind != "prediction"
    vocabulary = read_json(file_of(inputs["vocabulary"], "vocabulary.json"), Vocabulary) if texts else None
    start = None
    if config.start:  # its weights mean what they mean in its units
        begun = pretrained.read_config(model := pretrained.find(config.start))
        if dataset.recipe != begun.recipe.text():
            raise ArtifactError(
                "was trained on ink of another preprocessing than this",
                file=model, do="start from another model, or preprocess the ink as its card says",
            )  # fmt: skip
        statistics, start = begun.statistics, pretrained.read_weights(model)
        if vocabulary and begun.vocabulary:
            start = for_characters(start, begun.vocabulary, vocabulary)
    training, left_out = select(dataset, config.training, vocabulary, config.max_points)
    validation, left_out_of_validation = select(dataset, (config.validation,), vocabulary, config.max_points)
    weights, figures = train(
        training, validation, statistics, vocabulary.size if vocabulary else 0, config, state,
        start=start, device=around.device, stop=around.stop, progress=around.progress,
    )  # fmt: skip
    if not group.leads:
        return figures
    described = pretrained.ModelConfig(
        network=config.network, statistics=statistics, vocabulary=vocabulary,
        recipe=Recipe.read(dataset.recipe), bias=config.bias,
    )  # fmt: skip
    figures |= {
        "lines": len(training),
        "points": sum(len(line.offsets) - 1 for line in training),
        "left_out": left_out,
        "validation_lines": len(validation),
        "left_out_of_validation": left_out_of_validation,
        "weights": sum(w.size for w in weights.values()),
    }
    pretrained.write(folder, described, weights, card(described, msgspec.to_builtins(config), figures))
    if state != folder:
        shutil.copyfile(state / LOG, folder / LOG)
    entries = [json.loads(line) for line in (folder / LOG).read_text(encoding="utf-8").splitlines()]
    curves = {
        which: [(e["epoch"], e[which]) for e in entries if which in e] for which in ("training", "validation")
    }
    drawn = plot.lines(curves, title="Nats a point, in normalised units", x="epoch", y="nats a point")
    (folder / "loss.svg").write_bytes(drawn)
    forget(folder, log=False)
    return figures


def make_evaluate(parameters: Any, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """`figures.json` and, line by line, `lines.csv`: Graves's measures of a model on a split."""
    from hwkit.dataset import InkDataset
    from hwkit.evaluate.likelihood import measure

    dataset = InkDataset.open(file_of(inputs["ingest"], INK))
    figures, lines = measure(
        folder_of(inputs["model"]), dataset, parameters, device=around.device, progress=around.progress
    )
    write_json(folder / "figures.json", figures)
    with (folder / "lines.csv").open("w", newline="", encoding="utf-8") as table:
        rows = csv.DictWriter(table, list(lines[0]), lineterminator="\n")
        rows.writeheader()
        rows.writerows(lines)
    return figures


def train_parameters() -> type[msgspec.Struct]:
    """TrainConfig, whose module needs torch."""
    from hwkit.train import TrainConfig

    return TrainConfig


def evaluate_parameters() -> type[msgspec.Struct]:
    """EvaluateParameters; its module is needed by this stage alone."""
    from hwkit.evaluate.likelihood import EvaluateParameters

    return EvaluateParameters
