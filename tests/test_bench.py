"""The benchmark: its reference has hwkit's mathematics, its figures add up, its command speaks."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from hwkit.batching import collate
from hwkit.bench import machine
from hwkit.bench.lines import STATISTICS, made_up
from hwkit.bench.plain import PlainNetwork, as_plain
from hwkit.bench.profile import scopes
from hwkit.bench.train import Hwkit, Plain, TrainBench, flop_per_point, measure
from hwkit.cli import main
from hwkit.model.config import NetworkConfig
from hwkit.model.network import build
from hwkit.train import flushed_denormals, loss

SMALL = {"layers": (16, 12, 8), "batch": 6, "points": 24, "characters": 3, "classes": 7}


@pytest.fixture(autouse=True)
def small_peak(monkeypatch):
    """Matrices that are multiplied in no time."""
    monkeypatch.setattr(machine, "SIDES", {"cpu": 64})


def networks_and_batch():
    """hwkit's network and the reference in float64 with the same, not too small weights, and a padded batch."""
    torch.manual_seed(1)
    config = NetworkConfig(layers=(7, 5, 6), mixtures=3, window=2)
    ours = build(config, 6).double()
    with torch.no_grad():
        for weight in ours.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    plain = PlainNetwork(config, 6).double()
    plain.load_state_dict(as_plain(dict(ours.named_parameters())))
    lines = made_up(5, 40, 5, 6)
    batch = collate(lines, STATISTICS, 6)
    assert not batch.mask.all()  # something is padded
    return ours, plain, type(batch)(*(part if part.dtype == torch.bool else part.double() for part in batch))


def test_the_reference_has_the_loss_and_gradients_of_hwkit_in_float64():
    ours, plain, batch = networks_and_batch()
    own, other = loss(ours, batch, "cpu"), plain.loss(batch)
    torch.testing.assert_close(own, other, rtol=1e-10, atol=0)
    own.backward()
    other.backward()
    expected = as_plain({name: weight.grad for name, weight in ours.named_parameters()})
    for name, weight in plain.named_parameters():
        if weight.requires_grad:
            assert expected[name].abs().max() > 1e-3, name
            torch.testing.assert_close(weight.grad, expected[name], rtol=1e-7, atol=1e-9, msg=name)


def test_two_hundred_steps_in_bfloat16_follow_the_plain_formulation_in_float32(tmp_path):
    """Same weights, same batches, same AdamW: the curves part by 0.002 nats a point at most, in the mean."""
    bench = TrainBench(**SMALL | {"layers": (16, 12), "points": 21}, products="bfloat16")
    ours = Hwkit(bench, tmp_path)
    plain = Plain(bench, ours, torch.float32)
    curves: list[tuple[float, float]] = []
    with flushed_denormals():
        for _ in range(200):
            batch, same = ours.load(), next(plain.batches)
            assert torch.equal(batch.x, same.x)
            points = int(batch.mask.sum())
            curves.append((ours.update(batch) / points, plain.update(batch) / points))
    own, other = np.array(curves).T
    assert other[-10:].mean() < other[:10].mean() - 0.5  # something was learned
    assert np.abs(own - other).max() < 0.02
    assert np.abs(own - other).mean() < 0.002


def test_the_lines_are_of_the_size_that_was_asked_for():
    lines = made_up(200, 254, 30, 57)
    scored = np.array([len(line.offsets) - 1 for line in lines])
    assert 254 * 0.975 - 1 <= scored.min() < 254 < scored.max() <= 254 * 1.025 + 1
    assert scored.mean() == pytest.approx(254, abs=1)
    texts = np.array([len(line.classes) - 1 for line in lines])
    assert (texts.min(), texts.max()) == (29, 31)
    assert all((line.classes[:-1] > 0).all() and line.classes[-1] == 0 for line in lines)
    assert max(line.classes.max() for line in lines) == 56


def test_the_arithmetic_is_that_of_the_weights_that_are_multiplied_with():
    config = NetworkConfig(layers=(9, 7), mixtures=4, window=3)
    weights = build(config, 11).named_parameters()
    matrices = sum(weight.numel() for name, weight in weights if weight.ndim == 2)
    assert flop_per_point(config, 11) == 6 * matrices
    assert flop_per_point(NetworkConfig(), 57) == pytest.approx(21.9e6, rel=0.01)


def test_what_is_measured_adds_up():
    figures = measure(TrainBench(**SMALL, updates=2, profile=True))
    assert len(figures.hwkit.each) == 2
    assert set(figures.plain) == {"plain float32", "plain bfloat16"}
    best = max(rates.median for rates in figures.plain.values())
    assert figures.ratio == pytest.approx(figures.hwkit.median / best)
    highest = (getattr(figures.before, figures.products) + getattr(figures.after, figures.products)) / 2
    done = figures.hwkit.median * figures.flop_per_point
    assert figures.share_of_peak == pytest.approx(done / highest)
    assert 0 <= figures.padding < 0.1
    assert 50e6 < figures.memory <= figures.memory_with_reference
    parts = {row.part: row for row in figures.profile}
    assert sum(row.share for row in parts.values()) == pytest.approx(1)
    for row in parts.values():
        assert row.products + row.elementwise + row.copies + row.rest == pytest.approx(row.share)
    assert {"output layer", "mixture and loss", "optimiser", "clipping", "loader"} <= set(parts)
    layers = [part for part in parts if part.startswith("layer ")]
    assert len(layers) == 3
    assert all(parts[part].products > 0 for part in layers)


def test_profiling_leaves_the_network_as_it_was(tmp_path):
    ours = Hwkit(TrainBench(**SMALL), tmp_path)
    modules = [ours.network, *ours.network.modules()]
    before = [set(vars(module)) for module in modules]
    clipping = torch.nn.utils.clip_grad_norm_
    with scopes(ours.network):
        assert torch.nn.utils.clip_grad_norm_ is not clipping
    assert torch.nn.utils.clip_grad_norm_ is clipping
    assert [set(vars(module)) for module in modules] == before


def test_bench_train_prints_a_table_and_an_object(capsys):
    command = ["bench", "train", "--layers", "8,6", "--batch", "4", "--points", "9", "--characters", "2"]
    command += ["--updates", "1", "--no-reference"]
    assert main([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["shapes"]["layers"] == [8, 6]
    assert (result["plain"], result["ratio"]) == ({}, None)
    assert result["hwkit"]["median"] > 0
    assert main(command) == 0
    out = capsys.readouterr().out
    for word in ("processor", "peak of bfloat16 products", "points/s", "padding", "peak memory"):
        assert word in out
    assert main(["bench", "train", "--layers", "8,x"]) == 2
    assert main(["bench", "train", "--layers", "0"]) == 2
    assert main(["bench", "train", "--device", "cuda:99"]) == 2
    assert capsys.readouterr().out == ""
