"""The optimisers against a loop in plain Python, written from Graves 2013, eqs. 38 to 45."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from hwkit.errors import InputError
from hwkit.optimiser import OptimiserConfig, RMSProp, optimiser, rate_at

GRADIENTS = [0.5, -2.0, 0.01, 3.0, 3.0, 0.0, -0.4, 1e-3, 100.0, -7.0]


def graves(weight, gradients):
    """One weight after each update."""
    n = g = delta = 0.0
    out = []
    for epsilon in gradients:
        n = 0.95 * n + (1 - 0.95) * epsilon**2  # eq. 38
        g = 0.95 * g + (1 - 0.95) * epsilon  # eq. 39
        delta = 0.9 * delta - 0.0001 * epsilon / math.sqrt(n - g**2 + 0.0001)  # eq. 40
        weight += delta  # eq. 41
        out.append(weight)
    return out


@pytest.mark.parametrize("make", [RMSProp, lambda weights: optimiser(OptimiserConfig(), weights)])
def test_rmsprop_is_the_papers(make):
    weights = [torch.tensor([0.3, -1.0], dtype=torch.float64).requires_grad_() for _ in range(2)]
    rule = make(weights)
    expected = graves(0.3, GRADIENTS), graves(-1.0, [-2 * g for g in GRADIENTS])
    for step, g in enumerate(GRADIENTS):
        weights[0].grad = torch.tensor([g, -2 * g], dtype=torch.float64)
        rule.step()
        assert weights[0].tolist() == pytest.approx([expected[0][step], expected[1][step]], rel=1e-12)
    assert weights[1].tolist() == [0.3, -1.0]  # it has no gradient


def test_the_rate_is_a_factor_of_the_step():
    moves = []
    for rate in (1e-4, 5e-3):
        weight = torch.zeros(1, dtype=torch.float64).requires_grad_()
        weight.grad = torch.ones_like(weight)
        optimiser(OptimiserConfig(rate=rate), [weight]).step()
        moves.append(weight.item())
    assert moves[0] == pytest.approx(-1e-4 / math.sqrt(0.05 - 0.05**2 + 1e-4))
    assert moves[1] == pytest.approx(50 * moves[0])


def test_large_gradients_that_stay_the_same_give_numbers():
    weight = torch.zeros(1).requires_grad_()
    rule = RMSProp([weight])
    for _ in range(500):
        weight.grad = torch.tensor([12345.6])
        rule.step()
    assert weight.isfinite().all()


def test_a_state_that_is_loaded_goes_on_as_if_it_had_not_been():
    def updates(rule, weight, gradients):
        for g in gradients:
            weight.grad = torch.tensor([g])
            rule.step()

    weight = torch.zeros(1).requires_grad_()
    rule = RMSProp([weight])
    updates(rule, weight, GRADIENTS[:4])
    other = weight.detach().clone().requires_grad_()
    again = RMSProp([other])
    again.load_state_dict(copy.deepcopy(rule.state_dict()))
    updates(rule, weight, GRADIENTS[4:])
    updates(again, other, GRADIENTS[4:])
    assert torch.equal(weight, other)


def test_adamw_against_its_equations():
    config = OptimiserConfig(kind="adamw", rate=0.01, weight_decay=0.1)
    weight = torch.tensor([2.0], dtype=torch.float64).requires_grad_()
    rule = optimiser(config, [weight])
    w, m, v = 2.0, 0.0, 0.0
    for t, g in enumerate(GRADIENTS, 1):
        weight.grad = torch.tensor([g], dtype=torch.float64)
        rule.step()
        w -= 0.01 * 0.1 * w
        m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g * g
        w -= 0.01 * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.98**t)) + 1e-8)
        assert weight.item() == pytest.approx(w, rel=1e-9)


def test_the_rate_rises_and_then_stays_or_falls_along_a_cosine():
    flat = OptimiserConfig(rate=2.0, warmup=4)
    assert [rate_at(flat, update, 12) for update in range(6)] == [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]
    falling = OptimiserConfig(rate=2.0, warmup=4, cosine=True)
    assert [rate_at(falling, update, 12) for update in (0, 3, 4)] == [0.5, 2.0, 2.0]
    assert rate_at(falling, 6, 12) == pytest.approx(1 + math.cos(math.pi / 4))
    assert rate_at(falling, 8, 12) == pytest.approx(1.0)
    assert rate_at(falling, 12, 12) == pytest.approx(0.0)
    assert rate_at(OptimiserConfig(rate=2.0), 0, 12) == 2.0
    assert rate_at(OptimiserConfig(rate=2.0, cosine=True), 0, 12) == 2.0


@pytest.mark.parametrize("bad", [{"rate": 0.0}, {"warmup": -1}, {"weight_decay": -0.1}, {"clip_norm": -1.0}])
def test_a_config_that_makes_no_sense_is_refused(bad):
    with pytest.raises(InputError):
        OptimiserConfig(**bad)
