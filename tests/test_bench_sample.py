"""`hwkit bench sample`: its made-up network writes lines, its plain sampler is the same network."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch

from hwkit.bench import sample
from hwkit.bench.plain_sampler import PlainSampler
from hwkit.bench.sample import SampleBench, made_up, measure, speed, threads
from hwkit.cli import main
from hwkit.generate.sampler import Request


def test_a_made_up_network_writes_lines_that_end() -> None:
    """The window moves one character every PACE points, so a line has about as many points as a learned one."""
    writer = made_up((12, 10, 8))
    texts = ["etaoin", "shrdlu etaoin shrdlu"]
    for text, line in zip(texts, writer.write_all([Request(text=t, seed=(0,)) for t in texts]), strict=True):
        assert line.ended
        assert sample.PACE * len(text) < len(line.ink) < sample.PACE * (len(text) + 3)


def test_the_plain_sampler_is_the_same_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fed the same offsets, both have the same output vectors."""
    writer = made_up((12, 10, 8))
    plain = PlainSampler(writer)
    random = np.random.default_rng(0)
    given = [random.standard_normal((2, 3)).astype(np.float32) for _ in range(6)]
    seen: list[np.ndarray] = []

    def drawn(y: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        seen.append(y.numpy().copy())
        return torch.from_numpy(given[len(seen) - 1])

    monkeypatch.setattr(plain, "_draw", drawn)
    texts = ["eta", "oin"]
    assert plain.write(texts, len(given)) == 12
    state = writer.network.start(2, 4)
    assert writer.config.vocabulary is not None
    for line, text in enumerate(texts):
        state.begin(line, writer.config.vocabulary.encode(text))
    for x, expected in zip([np.zeros((2, 3)), *given[:-1]], seen, strict=True):
        state.feed(x)
        np.testing.assert_allclose(writer.network.step(state), expected, atol=0.05)


def test_the_plain_sampler_draws_from_its_mixture() -> None:
    plain = PlainSampler(made_up((4,)))
    y = torch.zeros(4000, 121)
    y[:, 1], y[:, 21], y[:, 41], y[:, 61], y[:, 0] = 50.0, 3.0, -1.0, -1.0, -50.0
    x = plain._draw(y, torch.Generator().manual_seed(0)).numpy()
    assert x[:, 0].mean() == pytest.approx(3.0, abs=0.03)
    assert x[:, 0].std() == pytest.approx(np.exp(-1.0), rel=0.05)
    assert x[:, 1].mean() == pytest.approx(-1.0, abs=0.06)
    assert (x[:, 2] == 1).all()


def test_medians_leave_out_the_first_round() -> None:
    turns = iter([1, 10, 10, 10])
    found = speed(lambda: next(turns), 2, 3)
    assert (found.points, found.lines) == (10, 2)
    assert found.per_second * found.milliseconds == pytest.approx(2000)


def test_threads_are_those_of_the_environment() -> None:
    assert threads({"OMP_NUM_THREADS": "3", "OPENBLAS_NUM_THREADS": "2"}) == 2
    assert threads({"OMP_NUM_THREADS": "3"}) == 3
    assert threads({}) >= 1


def test_a_start_is_measured_by_turns_and_its_first_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def seconds(command: list[str]) -> float:
        commands.append(command)
        return {1: 100.0, 2: 100.0}.get(len(commands), 3.0 if "write" in command else 2.0)

    monkeypatch.setattr(sample, "_seconds", seconds)
    start = sample.cold_start()
    assert (start.write, start.imports) == (3.0, 2.0)
    assert len(commands) == 2 * (sample.STARTS + 1)
    assert all(command[0] == sys.executable for command in commands)


def test_the_command_prints_every_figure(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["bench", "sample", "--layers", "8,8", "--characters", "3", "--rounds", "1", "--no-start"]
    assert main([*asked, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["together"]["lines"] == 64
    assert figures["plain_alone"]["points"] == 30
    assert figures["start"] is None
    assert figures["memory"] > 0
    assert main([*asked, "--no-reference"]) == 0
    table = capsys.readouterr().out
    for part in ("one line", "64 lines", "points/s", "its products alone", "peak memory"):
        assert part in table
    assert "PyTorch, one" not in table


def test_a_trained_model_can_be_measured() -> None:
    figures = measure(SampleBench(model="cursive", characters=2, rounds=1, reference=False, start=False))
    assert figures.network == "cursive"
    assert figures.alone.points > 0
