"""Graves's measures against densities from scipy, a change of units, and the numpy network."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from scipy import stats

from hwkit import pretrained
from hwkit.artifact import Store
from hwkit.cli import main
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import ArtifactError, InputError
from hwkit.evaluate import likelihood
from hwkit.evaluate.likelihood import EvaluateParameters, interval, measure
from hwkit.generate.network import NumpyNetwork
from hwkit.ink import Floats, Ink, Sample
from hwkit.model.config import NetworkConfig
from hwkit.model.network import build
from hwkit.preprocess import PRESETS, Recipe, prepare
from hwkit.stages import IngestParameters
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

DATA = Path(__file__).resolve().parents[1] / "data" / "sample"
RAW = PRESETS["raw"]
NETWORK = NetworkConfig(kind="synthesis", layers=(8, 8), mixtures=2, window=2, peepholes=True)
STATISTICS = Statistics(mean=(2.0, -1.0), deviation=(8.0, 5.0), points_per_character=10.0, unit=30.0)
LETTERS = Vocabulary(characters=" abc")

# An output vector of two components; each number is exact in float16.
# e, pi 1 and 2, mean x, mean y, ln sigma x, ln sigma y, rho before tanh
CONSTANT = np.array([1.5, 0.5, -0.25, -0.5, 1.0, 0.25, -0.75, -0.5, 0.25, 0.125, -0.25, 0.5, -1.0])


def parameters_of(output: Floats) -> tuple[Floats, Floats, Floats, float]:
    """Weights (2,), means (2, 2), covariances (2, 2, 2) and the probability of an end, by hand."""
    end, pi, (mx, my, sx, sy, rho) = output[0], np.exp(output[1:3]), output[3:].reshape(5, 2)
    sx, sy, rho = np.exp(sx), np.exp(sy), np.tanh(rho)
    covariances = np.array(
        [[[a * a, r * a * b], [r * a * b, b * b]] for a, b, r in zip(sx, sy, rho, strict=True)]
    )
    return pi / pi.sum(), np.column_stack([mx, my]), covariances, 1 / (1 + math.exp(end))  # eq. 18's sign


def nats_of(output: Floats, offset: Floats, scale: Floats | float = 1.0, shift: Floats | float = 0.0) -> float:
    """-ln p of one offset (dx, dy, end) where the offset is a normalised one times `scale` plus `shift`."""
    weights, means, covariances, end = parameters_of(output)
    factor = np.broadcast_to(np.asarray(scale, float), 2)
    density = sum(
        w * stats.multivariate_normal(m * factor + shift, c * np.outer(factor, factor)).pdf(offset[:2])
        for w, m, c in zip(weights, means, covariances, strict=True)
    )
    return -math.log(density) - stats.bernoulli(end).logpmf(int(offset[2]))


def ink(seed: int, points: int, step: float = 12.0) -> Ink:
    """A walk of whole numbers with a stroke of every seven points."""
    walk = np.random.default_rng(seed).integers(-step, step + 1, (points, 2)).cumsum(0).astype(float)
    ends = np.append(np.arange(7, points, 7), points)
    return Ink(walk, np.diff(ends, prepend=0) if points else np.zeros(0, np.int64))


def line(seed: int, points: int, text: str | None = "abc", split: str = "train", **more: Any) -> Sample:
    return Sample(f"line-{seed:02d}", ink(seed, points), text, split=split, **more)


def dataset(folder: Path, samples: Sequence[Sample], recipe: str = "", name: str = "ink.h5") -> InkDataset:
    with InkWriter(folder / name, recipe=recipe) as writer:
        for sample in samples:
            writer.append(sample)
    return InkDataset.open(folder / name)


def weights_of(network: NetworkConfig, classes: int, seed: int | None = None) -> dict[str, Any]:
    """Random weights, or all zero where there is no seed, exact in float16."""
    torch.manual_seed(seed or 0)
    named = build(network, classes).named_parameters()
    weights = {name: w.detach().numpy().astype(np.float16).astype(np.float32) for name, w in named}
    return weights if seed is not None else {name: np.zeros_like(w) for name, w in weights.items()}


def model(
    folder: Path,
    *,
    output: Floats | None = CONSTANT,
    network: NetworkConfig = NETWORK,
    statistics: Statistics = STATISTICS,
    recipe: Recipe = RAW,
    seed: int | None = None,
    weights: dict[str, Any] | None = None,
) -> Path:
    """A model's folder: constant where it has an output, else random by its seed."""
    vocabulary = LETTERS if network.kind == "synthesis" else None
    found = weights_of(network, LETTERS.size, seed)
    if seed is None:
        found["output.bias"] = np.asarray(output)
    folder.mkdir()
    config = pretrained.ModelConfig(
        network=network, statistics=statistics, vocabulary=vocabulary, recipe=recipe
    )
    pretrained.write(folder, config, weights or found, "# a model")
    return folder


TRAIN = EvaluateParameters(split="train")


# The likelihood


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_constant_density_is_that_of_scipy(tmp_path: Path, kind: Any) -> None:
    samples = [line(1, 300), line(2, 11, "a b"), line(3, 2, "c")]
    folder = model(tmp_path / "model", network=msgspec.structs.replace(NETWORK, kind=kind))
    figures, rows = measure(folder, dataset(tmp_path, samples), TRAIN)
    weights, means, _, end = parameters_of(CONSTANT)
    nats, pens, errors = [], [], []
    for sample in samples:
        steps = sample.ink.offsets()[1:]
        steps[:, :2] = (steps[:, :2] - (2, -1)) / (8, 5)
        nats.append(sum(nats_of(CONSTANT, step) for step in steps))
        pens.append(-stats.bernoulli(end).logpmf(steps[:, 2].astype(int)).sum())
        errors.append(((steps[:, :2] - weights @ means) ** 2).sum())
    assert [row["line"] for row in rows] == ["line-01", "line-02", "line-03"]
    assert [row["points"] for row in rows] == [299, 10, 1]
    assert [row["nats"] for row in rows] == pytest.approx(nats, rel=1e-6)
    assert [row["squared_error"] for row in rows] == pytest.approx(errors, rel=1e-6)
    assert (figures["lines"], figures["points"]) == (3, 310)
    assert figures["nats_per_line"] == pytest.approx(sum(nats) / 3, rel=1e-6)
    assert figures["nats_per_point"] == pytest.approx(sum(nats) / 310, rel=1e-6)
    assert figures["pen_nats_per_line"] == pytest.approx(sum(pens) / 3, rel=1e-6)
    assert figures["sse_per_line"] == pytest.approx(sum(errors) / 3, rel=1e-6)
    assert figures["sse_per_point"] == pytest.approx(sum(errors) / 310, rel=1e-6)
    assert figures["nats_per_line_low"] <= figures["nats_per_line"] <= figures["nats_per_line_high"]
    assert figures["sigma_x"] == pytest.approx(8)
    assert figures["sigma_y"] == pytest.approx(5)


def test_trained_weights_step_by_step(tmp_path: Path) -> None:
    """The numpy network, one step at a time, and scipy's density of each of its outputs."""
    folder, sample = model(tmp_path / "model", seed=3), line(1, 25, "ab c")
    _, rows = measure(folder, dataset(tmp_path, [sample]), TRAIN)
    network = NumpyNetwork(NETWORK, pretrained.read_weights(folder))
    offsets = sample.ink.offsets()
    offsets[:, :2] = (offsets[:, :2] - (2, -1)) / (8, 5)
    state, nats = network.start(1, len("ab c") + 1), 0.0
    state.begin(0, LETTERS.encode("ab c"))
    for seen, following in pairwise(offsets):
        state.feed(seen[None])
        nats += nats_of(network.step(state)[0].astype(float), following)
    assert rows[0]["nats"] == pytest.approx(nats, rel=1e-4)


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_a_line_does_not_depend_on_its_batch_or_on_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    folder = model(tmp_path / "model", seed=5, network=msgspec.structs.replace(NETWORK, kind=kind))
    data = dataset(tmp_path, [line(n, 20 + 53 * n, "abc"[: 1 + n % 3]) for n in range(6)])
    _, alone = measure(folder, data, EvaluateParameters(split="train", batch_lines=1))
    _, together = measure(folder, data, EvaluateParameters(split="train", batch_lines=4))
    monkeypatch.setattr(likelihood, "STEPS", 10_000)
    _, whole = measure(folder, data, EvaluateParameters(split="train", batch_lines=6))
    for name in ("nats", "nats_recording", "squared_error"):
        expected = pytest.approx([row[name] for row in alone], rel=1e-5)
        assert [row[name] for row in together] == expected
        assert [row[name] for row in whole] == expected


# Recording units


def test_nats_in_recording_units_are_of_a_density_over_recorded_offsets(tmp_path: Path) -> None:
    """Lines of different scale; scipy's mixture itself is stretched to recording units."""
    recipe = Recipe(scale=True)
    samples = [line(1, 40, scale=3.0), line(2, 9, scale=0.5)]
    text = msgspec.json.encode(recipe, order="sorted").decode()
    folder = model(tmp_path / "model", recipe=recipe)
    figures, rows = measure(folder, dataset(tmp_path, samples, recipe=text), TRAIN)
    for sample, row in zip(samples, rows, strict=True):
        recorded = sample.ink.offsets()[1:] * (sample.scale, sample.scale, 1)
        scale, shift = sample.scale * np.array((8, 5)), sample.scale * np.array((2, -1))
        nats = sum(nats_of(CONSTANT, step, scale, shift) for step in recorded)
        assert row["nats_recording"] == pytest.approx(nats, rel=1e-6)
    assert figures["nats_per_line_recording"] == pytest.approx(np.mean([row["nats_recording"] for row in rows]))
    assert figures["sigma_x"] == pytest.approx(8 * (3.0**39 * 0.5**8) ** (1 / 47))
    assert figures["sigma_y"] == pytest.approx(5 * (3.0**39 * 0.5**8) ** (1 / 47))


def test_the_two_log_losses_differ_by_the_sigmas(tmp_path: Path) -> None:
    folder = model(tmp_path / "model", recipe=PRESETS["aligned"], seed=1)
    figures, rows = measure(folder, dataset(tmp_path, [line(n, 50 + 9 * n) for n in range(5)]), TRAIN)
    area = math.log(figures["sigma_x"] * figures["sigma_y"])
    assert figures["nats_per_line_recording"] == pytest.approx(
        figures["nats_per_line"] + figures["points"] / figures["lines"] * area, rel=1e-12
    )
    assert figures["nats_per_point_recording"] == pytest.approx(figures["nats_per_point"] + area, rel=1e-12)
    assert sum(row["points"] for row in rows) == figures["points"]


def test_larger_ink_has_the_same_loss_but_in_recording_units(tmp_path: Path) -> None:
    """Ink and statistics 3 times as large: the normalised offsets stay, each density shrinks by 9."""
    small = [line(1, 30), line(2, 12)]
    large = [replace(sample, ink=Ink(sample.ink.points * 3, sample.ink.lengths)) for sample in small]
    tripled = msgspec.structs.replace(STATISTICS, mean=(6.0, -3.0), deviation=(24.0, 15.0))
    before, _ = measure(model(tmp_path / "a", seed=1), dataset(tmp_path, small, name="a.h5"), TRAIN)
    after, _ = measure(
        model(tmp_path / "b", seed=1, statistics=tripled), dataset(tmp_path, large, name="b.h5"), TRAIN
    )
    assert after["nats_per_line"] == pytest.approx(before["nats_per_line"], rel=1e-6)
    assert after["sse_per_point"] == pytest.approx(before["sse_per_point"], rel=1e-6)
    assert after["sigma_x"] == pytest.approx(3 * before["sigma_x"])
    expected = before["nats_per_point_recording"] + math.log(9)
    assert after["nats_per_point_recording"] == pytest.approx(expected, rel=1e-6)


def test_no_normalisation_flatters_the_loss_in_recording_units(tmp_path: Path) -> None:
    """The same density of the same ink, told in units 4 and 2 times as large."""
    data = dataset(tmp_path, [line(1, 30), line(2, 12)])
    broad = msgspec.structs.replace(STATISTICS, mean=(0.0, 0.0), deviation=(32.0, 10.0))
    told = CONSTANT.copy()
    told[3:5] = (CONSTANT[3:5] * 8 + 2) / 32
    told[5:7] = (CONSTANT[5:7] * 5 - 1) / 10
    told[7:9] -= math.log(4)
    told[9:11] -= math.log(2)
    honest, _ = measure(model(tmp_path / "a"), data, TRAIN)
    flattered, _ = measure(model(tmp_path / "b", output=told, statistics=broad), data, TRAIN)
    assert flattered["nats_per_point"] == pytest.approx(honest["nats_per_point"] - math.log(8), abs=2e-3)
    expected = pytest.approx(honest["nats_per_point_recording"], abs=2e-3)  # the weights are float16
    assert flattered["nats_per_point_recording"] == expected


def test_recorded_ink_gets_the_models_own_preprocessing(tmp_path: Path) -> None:
    recipe = PRESETS["aligned"]
    folder = model(tmp_path / "model", recipe=recipe, seed=2)
    recorded = [line(n, 60 + 10 * n) for n in range(3)]
    prepared = [prepare(sample, recipe)[0] for sample in recorded]
    text = msgspec.json.encode(recipe, order="sorted").decode()
    figures, _ = measure(folder, dataset(tmp_path, recorded), TRAIN)
    again, _ = measure(folder, dataset(tmp_path, prepared, recipe=text, name="prepared.h5"), TRAIN)
    assert figures["points"] == sum(len(sample.ink) - 1 for sample in prepared) < 150
    assert again["nats_per_line_recording"] == pytest.approx(figures["nats_per_line_recording"], rel=1e-4)
    other = dataset(tmp_path, prepared, recipe='{"step_limit":5.0}', name="other.h5")
    with pytest.raises(InputError, match="preprocessed otherwise"):
        measure(folder, other, TRAIN)


# Which lines


def test_left_out_lines_are_counted(tmp_path: Path) -> None:
    samples = [
        line(1, 20),
        line(2, 1),
        line(3, 0),
        line(4, 20, None),
        line(5, 20, ""),
        line(6, 20, "a?"),
        line(7, 3000),
        line(8, 20, split="test"),
    ]
    data = dataset(tmp_path, samples)
    figures, rows = measure(model(tmp_path / "model"), data, TRAIN)
    assert [row["line"] for row in rows] == ["line-01", "line-07"]
    assert figures["left_out"] == {"too short": 2, "without text": 2, "unknown character": 1}
    predicts = model(tmp_path / "predicts", network=msgspec.structs.replace(NETWORK, kind="prediction"))
    figures, _ = measure(predicts, data, TRAIN)
    assert figures["lines"] == 5
    assert figures["left_out"] == {"too short": 2, "without text": 0, "unknown character": 0}
    only_bad = dataset(tmp_path, samples[1:6], name="bad.h5")
    with pytest.raises(InputError, match=r"2 too short, 2 without text, 1 unknown character"):
        measure(model(tmp_path / "again"), only_bad, TRAIN)


def test_so_many_lines_evenly(tmp_path: Path) -> None:
    data = dataset(tmp_path, [line(n, 8) for n in range(9)])
    figures, rows = measure(model(tmp_path / "model"), data, EvaluateParameters(split="train", lines=3))
    assert [row["line"] for row in rows] == ["line-00", "line-04", "line-08"]
    assert figures["lines"] == 3
    with pytest.raises(InputError):
        EvaluateParameters(batch_lines=0)


def test_interval_covers_the_mean_nineteen_times_in_twenty() -> None:
    """100 samples of 40 normal numbers; 95 of them are expected, and 87 at least (a binomial's 0.1 %)."""
    rng = np.random.default_rng(0)
    found = [interval(rng.normal(10, 3, 40)) for _ in range(100)]
    assert sum(low < 10 < high for low, high in found if low is not None and high is not None) >= 87
    assert interval(np.array([4.0])) == (None, None)
    assert interval(np.full(5, 4.0)) == (4.0, 4.0)


# Other lines, and the same without their repair


def recorded(seed: int, points: int, *, spike: int = 0, gap: int = 0) -> Sample:
    """A line of one stroke with a reading every 10 ms, 10 units on: one of them far off, or some missing."""
    x = 10.0 * np.arange(points)
    walk = np.column_stack([x, np.random.default_rng(seed).integers(-4, 5, points)]).astype(float)
    if spike:
        walk[spike, 1] += 2000
    keep = np.ones(points, bool)
    keep[5 : 5 + gap] = False
    ink = Ink(walk[keep], np.array([keep.sum()]), np.arange(points)[keep] * 0.01)
    return Sample(f"line-{seed:02d}", ink, "abc", split="train")


def test_what_the_repair_did_is_told_and_left_out_once(tmp_path: Path) -> None:
    """A spike is two steps out; where six readings miss, five have room; the rest is the same either way."""
    samples = [recorded(1, 40), recorded(2, 40, spike=20), recorded(3, 40, gap=6), recorded(4, 30)]
    data = dataset(tmp_path, samples)
    figures, rows = measure(model(tmp_path / "model", seed=4), data, TRAIN)
    assert (figures["repaired_lines"], figures["interpolated"], figures["removed"]) == (2, 5, 2)
    assert [(row["interpolated"], row["removed"]) for row in rows] == [(0, 0), (0, 2), (5, 0), (0, 0)]
    assert [row["points"] for row in rows] == [39, 37, 38, 29]
    assert [row["unrepaired_points"] for row in rows] == [39, 39, 33, 29]
    # A model whose own recipe repairs next to nothing, through the whole of the measure.
    bare = model(tmp_path / "bare", seed=4, recipe=Recipe(step_limit=1e9, gap_limit=1e9))
    other, others = measure(bare, data, TRAIN)
    assert other["repaired_lines"] == 0
    for name in ("points", "nats_per_line", "nats_per_point"):
        before = "unrepaired_points" if name == "points" else f"unrepaired_{name}"
        assert figures[before] == pytest.approx(other[name], rel=1e-6)
        assert other[before] == other[name]
    assert [row["unrepaired_nats"] for row in rows] == pytest.approx([row["nats"] for row in others], rel=1e-5)
    assert figures["unrepaired_nats_per_line"] > figures["nats_per_line"] + 1000  # the spike


def test_the_repair_of_prepared_ink_is_unknown(tmp_path: Path) -> None:
    sample, _ = prepare(recorded(2, 40, spike=20), RAW)
    figures, rows = measure(model(tmp_path / "model"), dataset(tmp_path, [sample], recipe=RAW.text()), TRAIN)
    assert {figures[name] for name in figures if "repaired" in name} == {None}
    assert (figures["interpolated"], figures["removed"]) == (None, None)
    assert "unrepaired_nats" not in rows[0]


def test_a_mean_over_long_lines(tmp_path: Path) -> None:
    """Ha, Dai and Le: fewer than 300 points are dropped, 300 stay."""
    lengths = [299, 300, 40, 412]
    data = dataset(tmp_path, [line(n, points) for n, points in enumerate(lengths)])
    figures, rows = measure(model(tmp_path / "model", seed=6), data, TRAIN)
    kept = [rows[1]["nats"], rows[3]["nats"]]
    assert figures["long_lines"] == 2
    assert figures["long_nats_per_line"] == pytest.approx(sum(kept) / 2)
    assert figures["long_nats_per_point"] == pytest.approx(sum(kept) / (299 + 411))
    short = dataset(tmp_path, [line(1, 299)], name="short.h5")
    figures, _ = measure(model(tmp_path / "again"), short, TRAIN)
    assert (figures["long_lines"], figures["long_nats_per_line"]) == (0, None)


def test_products_are_in_float32(tmp_path: Path) -> None:
    """Half the digits would be within a machine's choice, and a figure is not."""
    _, network = likelihood.load(model(tmp_path / "model", seed=1))
    assert network.product == torch.float32


# Faults


def broken(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    weights = weights_of(NETWORK, LETTERS.size, 1)
    change(weights)
    return weights


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w: w.pop("layers.0.bias"), r"layers.0.bias has shape None.*wants \(32,\)"),
        (lambda w: w.update(extra=np.zeros(3)), r"extra has shape \(3,\).*wants None"),
        (lambda w: w.update({"output.bias": np.zeros(12)}), r"output.bias has shape \(12,\).*wants \(13,\)"),
        (lambda w: w.update({"first.input": np.zeros((3, 32))}), r"first.input has shape \(3, 32\)"),
        (lambda w: w.update({"output.bias": np.full(13, -3e4)}), "log-loss of line line-01 is no number"),
    ],
)
def test_weights_that_are_not_the_configs(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], message: str
) -> None:
    folder = model(tmp_path / "model", weights=broken(change))
    with pytest.raises(ArtifactError, match=message):
        measure(folder, dataset(tmp_path, [line(1, 20)]), TRAIN)


def test_config_that_no_memory_could_hold(tmp_path: Path) -> None:
    for n, cells in enumerate((10**8, 10**12, 10**30)):
        folder = model(tmp_path / f"model-{n}")
        config = json.loads((folder / "config.json").read_text())
        config["network"]["layers"] = [cells, 8]
        (folder / "config.json").write_text(json.dumps(config))
        with pytest.raises(ArtifactError, match=r"has shape|too large"):
            measure(folder, dataset(tmp_path, [line(1, 20)]), TRAIN)


def test_statistics_that_cannot_normalise(tmp_path: Path) -> None:
    flat = msgspec.structs.replace(STATISTICS, deviation=(8.0, 0.0))
    with pytest.raises(ArtifactError, match="deviation"):
        measure(model(tmp_path / "model", statistics=flat), dataset(tmp_path, [line(1, 20)]), TRAIN)


# The command


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store with one ingest artifact."""
    monkeypatch.setenv("HWKIT_STORE", str(tmp_path / "store"))
    store = Store(tmp_path / "store")

    def make(folder: Path) -> dict[str, object]:
        samples = [line(n, 20 + n) for n in range(4)]
        dataset(folder, [*samples, line(5, 1), line(6, 30, split="test"), line(7, 30, split="")])
        return {}

    store.build("ingest", 1, msgspec.to_builtins(IngestParameters()), {}, make)
    return store


def test_json_and_artifact(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    folder = model(tmp_path / "model", seed=1)
    assert main(["evaluate", str(folder), "--split", "train", "--json"]) == 0
    out = capsys.readouterr().out
    found = json.loads(out)
    assert out.count("\n") == 1
    keys = {"lines", "points", "nats_per_line", "nats_per_point", "sse_per_point", "sigma_x", "sigma_y"}
    assert keys | {"nats_per_line_recording", "nats_per_point_recording", "model", "data"} <= found.keys()
    ingest = store.newest("ingest")
    assert ingest is not None
    assert (found["split"], found["data"], found["data_digest"]) == ("train", ingest.name, ingest.digest)
    assert (found["lines"], found["points"], found["left_out"]["too short"]) == (4, 82, 1)
    figures, rows = measure(folder, InkDataset.open(ingest.file("ink.h5")), TRAIN)
    assert {name: found[name] for name in figures} == figures
    artifact = Path(found["artifact"])
    assert json.loads((artifact / "figures.json").read_text()) == figures
    with (artifact / "lines.csv").open(encoding="utf-8", newline="") as table:
        written = list(csv.DictReader(table))
    assert [row["line"] for row in written] == [row["line"] for row in rows]
    assert [float(row["nats_recording"]) for row in written] == [row["nats_recording"] for row in rows]


def test_table_and_references(tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The model as a train artifact, the data by its key; a second time nothing is measured anew."""

    def make(folder: Path) -> dict[str, object]:
        for file in model(tmp_path / "made").iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return {}

    trained = store.build("train", 1, {}, {}, make)
    ingest = store.newest("ingest")
    assert ingest is not None
    for _ in range(2):
        arguments = [trained.name, "--split", "test", "--data", ingest.key[:8], "--quiet"]
        assert main(["evaluate", *arguments[:-1]]) == 0
        out = capsys.readouterr().out
        assert trained.name in out
        assert "nats per line, recorded" in out
        assert "more lines are needed" in out
    assert len([a for a in store.all() if a.stage == "evaluate"]) == 1
    assert main(["evaluate", *arguments]) == 0
    assert capsys.readouterr().out == ""


def test_archives_are_ingested_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = msgspec.structs.replace(NETWORK, kind="prediction")
    folder = model(tmp_path / "model", network=network)
    archives = [str(DATA / name) for name in ("lineStrokes-all.tar.gz", "ascii-all.tar.gz")]
    command = ["evaluate", str(folder), "--data", archives[0], "--data", archives[1], "--lines", "2", "--json"]
    assert main([*command, "--store", str(tmp_path / "store")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["lines"] == 2
    assert found["data"].startswith("ingest/")
    assert math.isfinite(found["nats_per_line_recording"])


def test_faults_are_one_line_and_exit_code_2(
    tmp_path: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    good = str(model(tmp_path / "model"))
    wrong = str(model(tmp_path / "wrong", weights=broken(lambda w: w.pop("output.bias"))))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("no archive")
    cases = {
        ("nobody",): "there is no model 'nobody'",
        (str(tmp_path / "empty"),): "is no model",
        (wrong, "--split", "train"): "output.bias",
        (
            good,
            "--split",
            "tset",
        ): "there is no split 'tset'; the data has (none) (1 lines), test (1 lines), train",
        (good, "--store", str(tmp_path / "no-store")): "run hwkit ingest",
        (good, "--data", "abcdef"): "no artifact 'abcdef'",
        (good, "--data", str(tmp_path / "file")): "file",
        (good, "--data", str(tmp_path / "file"), "--data", "gone"): "no file 'gone'",
        (good, "--split", "train", "--device", "abacus"): "'abacus' cannot be used here",
        (good, "--lines", "-1"): "--lines",
    }
    for arguments, message in cases.items():
        assert main(["evaluate", *arguments, "--quiet"]) == 2, arguments
        out, err = capsys.readouterr()
        assert out == ""
        assert message in err
        assert err.count("\n") == 1
        assert err.startswith("hwkit: error: ")
    assert [a.stage for a in store.all()] == ["ingest"]
    assert not list(tmp_path.glob("store/evaluate/*.partial"))
