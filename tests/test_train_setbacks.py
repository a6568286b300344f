"""Trainings that go wrong: back to the last good state, on with other batches, exactly repeatable."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from tiny import CLASSES, EVERYTHING, HELD_OUT, LINES, SCALED, config_of, logged, run, same

from hwkit.errors import HwkitError, InputError, Stopped
from hwkit.train import LOG, loop, restore, train
from hwkit.train.loader import ahead, drawn
from hwkit.train.run import ENOUGH, SETBACKS, Spoilt

RATE = {"kind": "adamw", "rate": 1e-2, "warmup": 3, "cosine": True, "clip_norm": 5.0}
CONFIG = config_of(optimiser=RATE, **EVERYTHING | {"save_every": 3, "updates": 9})


@pytest.fixture
def spoil(monkeypatch):
    """Makes the loss of batches with these numbers NaN (or what is given), through its gradient too."""
    real = loop.loss
    plan = {}

    def planted(network, batch, device):
        total = real(network, batch, device)
        number = plan.get("at", lambda: None)()
        if not network.training or number not in plan["batches"]:
            return total
        return plan["spoilt"](total)

    def plant(*batches, spoilt=lambda total: total * math.nan):
        plan.update(batches=batches, spoilt=spoilt)

    real_learn = loop.learn

    def learn(run, *args, **options):
        plan["at"] = lambda: run.drawn
        return real_learn(run, *args, **options)

    monkeypatch.setattr(loop, "loss", planted)
    monkeypatch.setattr(loop, "learn", learn)
    plant()
    return plant


def weights_of(run):
    return {name: w.detach().numpy().copy() for name, w in run.network.named_parameters()}


def by_hand(folder, config, plan):
    """The weights after these batches, one after the other: (number, factor on the rate)."""
    folder.mkdir()
    run = restore(folder, config, CLASSES, "cpu")
    for number, factor in plan:
        batch = next(drawn(LINES, SCALED, CLASSES, config, 3, number))
        run.drawn, run.setbacks = number, round(-math.log2(factor))
        loop.learn(run, batch, config, "cpu")
    return weights_of(run)


def final(monkeypatch):
    """Where the run of the next training will be found."""
    runs = []
    real = loop.restore
    monkeypatch.setattr(loop, "restore", lambda *a: runs.append(real(*a)) or runs[-1])
    return runs


def test_a_nan_is_a_return_to_the_last_good_state_and_other_batches_at_half_the_rate(
    tmp_path, spoil, monkeypatch
):
    spoil(4)
    runs = final(monkeypatch)
    run(tmp_path / "run", CONFIG)
    # Saved after 3 updates. Batch 4 spoils the fifth, so the fourth is made again, with batch 5.
    plan = [(0, 1), (1, 1), (2, 1), (5, 0.5), (6, 0.5), (7, 0.5), (8, 1), (9, 1), (10, 1)]
    spoil()
    assert same(weights_of(runs[0]), by_hand(tmp_path / "hand", CONFIG, plan))
    entry = next(entry for entry in logged(tmp_path / "run") if "returned_to" in entry)
    assert entry == {
        "update": 4,
        "returned_to": 3,
        "rate_factor": 0.5,
        "why": "the loss is nan at update 5",
    }
    assert [entry["update"] for entry in logged(tmp_path / "run")] == [3, 4, 6, 9]


def test_setbacks_in_a_row_lower_the_rate_further_until_a_state_is_saved(tmp_path, spoil, monkeypatch):
    spoil(0, 3, 7, spoilt=lambda total: total + math.inf)
    runs = final(monkeypatch)
    run(tmp_path / "run", CONFIG)
    # 0 spoils the first; 1 and 2 are undone when 3 spoils; 4 to 6 reach the saving; 7 spoils again.
    plan = [(4, 0.25), (5, 0.25), (6, 0.25), (8, 0.5), (9, 0.5), (10, 0.5), (11, 1), (12, 1), (13, 1)]
    spoil()
    assert same(weights_of(runs[0]), by_hand(tmp_path / "hand", CONFIG, plan))
    factors = [entry["rate_factor"] for entry in logged(tmp_path / "run") if "rate_factor" in entry]
    assert factors == [0.5, 0.25, 0.5]


def test_a_gradient_that_is_no_number_does_not_reach_the_weights(tmp_path, spoil):
    class NoNumber(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, grad):
            return grad * math.nan

    spoil(4, spoilt=NoNumber.apply)
    weights, _ = run(tmp_path, CONFIG)
    assert all(np.isfinite(w).all() for w in weights.values())
    (entry,) = (entry for entry in logged(tmp_path) if "why" in entry)
    assert entry["why"] == "the gradient's length is nan at update 5"


@pytest.mark.parametrize(
    ("spoilt", "noise"), [((4,), {}), ((0, 3, 7), {"deviation": 0.05, "adaptive": True}), ((2, 5), {})]
)
def test_a_run_with_setbacks_that_was_stopped_ends_as_one_that_was_not(tmp_path, spoil, spoilt, noise):
    config = config_of(optimiser=RATE, noise=noise, **EVERYTHING | {"save_every": 3, "updates": 9})
    spoil(*spoilt)
    weights, figures = run(tmp_path / "whole", config)
    assert sum("why" in entry for entry in logged(tmp_path / "whole")) == len(spoilt)
    for stops in ([5], [2, 1, 3, 1]):
        folder = tmp_path / "-".join(map(str, stops))
        for after in stops:
            with pytest.raises(Stopped):
                run(folder, config, stop_after=after)
            torch.rand(7)
        again, same_figures = run(folder, config)
        assert same(again, weights)
        assert same_figures == figures
        assert logged(folder) == logged(tmp_path / "whole")


def test_a_run_with_setbacks_that_was_killed_ends_as_one_that_was_not(tmp_path, spoil):
    spoil(4)
    weights, _ = run(tmp_path / "whole", CONFIG)
    seen = []

    def killed(done, total, note):
        seen.append(note)
        if "returned to update 3" in note:  # before anything of it could be saved
            raise KeyboardInterrupt

    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train(LINES, HELD_OUT, SCALED, CLASSES, CONFIG, folder, progress=killed)
    assert seen[-1] == "returned to update 3, rate x 0.5: the loss is nan at update 5"
    assert same(run(folder, CONFIG)[0], weights)
    assert logged(folder) == logged(tmp_path / "whole")


def test_a_line_that_always_spoils_is_one_clear_error_after_some_returns(tmp_path):
    wild = LINES[0]._replace(offsets=np.where(np.arange(9)[:, None] == 4, np.nan, LINES[0].offsets))
    with pytest.raises(HwkitError, match=f"the loss is nan at update 1, after {SETBACKS} returns") as error:
        train([wild], HELD_OUT, SCALED, CLASSES, config_of(), tmp_path)
    assert not isinstance(error.value, Spoilt | InputError)
    assert "rate" in error.value.do
    assert sum("why" in json.loads(line) for line in (tmp_path / LOG).read_text().splitlines()) == SETBACKS


def test_a_validation_that_is_no_number_is_a_setback_too(tmp_path, monkeypatch):
    real, left = loop.loss, [True]

    def planted(network, batch, device):
        if not network.training and left:
            left.clear()
            return real(network, batch, device) * math.nan
        return real(network, batch, device)

    monkeypatch.setattr(loop, "loss", planted)
    _, figures = run(tmp_path, config_of(updates=6, save_every=2))
    assert [entry.get("why") for entry in logged(tmp_path)] == [
        "the validation loss is nan after update 3",
        None,
        None,
    ]
    assert math.isfinite(figures["validation_nats_per_point"])


# Spikes


def watching(tmp_path, levels):
    run = restore(tmp_path, config_of(), CLASSES, "cpu")
    for level in levels:
        run.watch(level)
        run.count(level * 10, 10)
    return run


def test_a_huge_offset_in_a_line_is_a_spike_that_is_survived(tmp_path):
    wild = LINES[1]._replace(offsets=LINES[1].offsets * np.where(np.arange(12)[:, None] == 5, 1e4, 1.0))
    config = config_of(updates=50, batch_lines=1, save_every=10, optimiser={"rate": 1e-3})
    lines = [*LINES[:1], *LINES[2:]] * 5 + [wild]  # it comes once among the first 20 and once later
    weights, _ = train(lines, HELD_OUT, SCALED, CLASSES, config, tmp_path)
    faults = [entry for entry in logged(tmp_path) if "why" in entry]
    assert all(np.isfinite(w).all() for w in weights.values())
    assert len(faults) == 1
    assert "the loss rose to" in faults[0]["why"]


def test_a_level_far_above_the_median_is_a_spike_and_one_within_the_spread_is_not(tmp_path):
    rng = np.random.default_rng(0)
    quiet = [-0.9 + 0.02 * rng.normal() for _ in range(100)]
    run = watching(tmp_path, quiet)
    run.watch(0.0)  # 0.9 above
    with pytest.raises(Spoilt, match=r"rose to 0\.200 nats a point from -0\.896"):
        run.watch(0.2)
    wide = watching(tmp_path, [rng.normal() for _ in range(100)])  # median distance 0.67
    wide.watch(4.0)
    with pytest.raises(Spoilt):
        wide.watch(9.0)


def test_a_falling_loss_and_the_first_batches_are_no_spikes(tmp_path):
    watching(tmp_path, [4 * math.exp(-update / 50) - 1 for update in range(200)])
    early = watching(tmp_path, [0.0] * (ENOUGH - 1))
    early.watch(100.0)
    early.count(0.0, 10)
    with pytest.raises(Spoilt):
        early.watch(100.0)


# The loader


def test_the_next_item_is_made_while_one_is_worked_on_and_no_more():
    made = []

    def items():
        for number in range(5):
            made.append(number)
            yield number

    coming = ahead(items())
    assert next(coming) == 0
    assert next(coming) == 1
    assert len(made) in (2, 3)  # 2, which is under way, and never more
    assert list(coming) == [2, 3, 4]


def test_what_fails_in_the_loader_fails_in_the_loop(tmp_path):
    def items():
        yield 1
        raise InputError("a line that is none")

    coming = ahead(items())
    with pytest.raises(InputError, match="a line that is none"):
        list(coming)
    broken = LINES[0]._replace(classes=np.array([CLASSES + 3, 0]))
    with pytest.raises(IndexError):
        train([broken], HELD_OUT, SCALED, CLASSES, config_of(), tmp_path)
