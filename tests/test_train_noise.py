"""Noise on the weights: its size, its repeatability, and the adaptive kind against torch's own derivatives."""

from __future__ import annotations

import math

import pytest
import torch
from tiny import CLASSES, LINES, SCALED, config_of, run, same
from torch.distributions import Normal, kl_divergence

from hwkit.errors import InputError
from hwkit.train import learn, restore
from hwkit.train.loader import drawn
from hwkit.train.noise import NoiseConfig, WeightNoise


def weights_of(*shapes):
    torch.manual_seed(3)
    return {str(n): torch.randn(shape).requires_grad_() for n, shape in enumerate(shapes)}


def test_fixed_noise_has_its_deviation_and_leaves_the_weights_as_they_were():
    weights = weights_of((200, 100), (50,))
    before = {name: w.detach().clone() for name, w in weights.items()}
    noise = WeightNoise(NoiseConfig(deviation=0.075), weights)
    seen = []
    for seed in (1, 1, 2):
        with noise.added(seed):
            seen.append({name: w.detach() - before[name] for name, w in weights.items()})
        assert all(torch.equal(w, before[name]) for name, w in weights.items())
    assert seen[0]["0"].std().item() == pytest.approx(0.075, rel=0.03)
    assert abs(seen[0]["0"].mean().item()) < 0.003
    assert torch.equal(seen[0]["0"], seen[1]["0"])
    assert not torch.equal(seen[0]["0"], seen[2]["0"])
    with pytest.raises(KeyboardInterrupt), noise.added(4):
        raise KeyboardInterrupt
    assert all(torch.equal(w, before[name]) for name, w in weights.items())


def test_adaptive_noise_against_torchs_derivatives_of_the_description_length():
    """The nats under the noise drawn, and 1/N of the divergence from the best prior, derived by autograd."""
    weights = weights_of((4, 3), (5,))
    noise = WeightNoise(NoiseConfig(deviation=0.3, adaptive=True), weights)
    torch.manual_seed(4)
    for log_deviation in noise.log_deviations.values():
        log_deviation.add_(torch.randn_like(log_deviation) * 0.5)

    def nats(values):
        return sum((v.sin() * (v + 2) ** 2).sum() for v in values)

    with noise.added(7):
        nats(weights.values()).backward()
    noise.learn(lines=50)

    means = [w.detach().clone().requires_grad_() for w in weights.values()]
    logs = [log.clone().requires_grad_() for log in noise.log_deviations.values()]
    everything = torch.cat([m.reshape(-1) for m in means])
    variances = torch.cat([(2 * log).exp().reshape(-1) for log in logs])
    mean = everything.mean()
    prior = Normal(mean, (variances + (everything - mean) ** 2).mean().sqrt())  # derived through, too
    total = nats(
        m + log.exp() * noise.drawn[str(n)] for n, (m, log) in enumerate(zip(means, logs, strict=True))
    )
    complexity = sum(
        kl_divergence(Normal(m, log.exp()), prior).sum() for m, log in zip(means, logs, strict=True)
    )
    (total + complexity / 50).backward()
    for n, (m, log) in enumerate(zip(means, logs, strict=True)):
        torch.testing.assert_close(weights[str(n)].grad, m.grad)
        torch.testing.assert_close(noise.log_deviations[str(n)].grad, log.grad)


def test_the_prior_is_the_one_that_makes_the_complexity_least():
    weights = weights_of((6,))
    noise = WeightNoise(NoiseConfig(deviation=0.2, adaptive=True), weights)
    mean, variance = noise.prior()

    def complexity(mean, variance):
        return kl_divergence(Normal(weights["0"].detach(), 0.2), Normal(mean, variance.sqrt())).sum()

    least = complexity(mean, variance)
    for shift in (-0.01, 0.01):
        assert complexity(mean + shift, variance) > least
        assert complexity(mean, variance * (1 + shift)) > least


def test_a_deviation_shrinks_where_the_weight_matters_and_becomes_the_priors_where_it_does_not():
    apart = torch.tensor([-1.0, 1.0]).repeat(25)
    weights = {name: torch.zeros(50).requires_grad_() for name in ("apart", "together", "idle")}
    noise = WeightNoise(NoiseConfig(deviation=0.1, adaptive=True), weights)
    rule = torch.optim.Adam([*weights.values(), *noise.log_deviations.values()], lr=0.03)
    for seed in range(300):
        rule.zero_grad()
        with noise.added(seed):
            (2000 * ((weights["apart"] - apart) ** 2 + weights["together"] ** 2)).sum().backward()
        noise.learn(lines=1)
        rule.step()
    deviation = {name: log.exp().mean().item() for name, log in noise.log_deviations.items()}
    assert deviation["together"] < 0.05
    assert deviation["apart"] < 0.05
    # The prior's variance v is (1 + 0 + v) / 3.
    assert deviation["idle"] == pytest.approx(math.sqrt(0.5), rel=0.1)
    assert noise.prior()[1].item() == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("rule", ["rmsprop", "adamw"])
def test_training_learns_the_deviations_and_without_noise_has_none(tmp_path, rule):
    config = config_of(noise={"deviation": 0.075, "adaptive": True}, optimiser={"kind": rule, "rate": 0.01})
    trained = restore(tmp_path, config, CLASSES, "cpu")
    batch = next(drawn(LINES, SCALED, CLASSES, config, 3, 0))
    learn(trained, batch, config, "cpu", lines=len(LINES))
    moved = [(log - math.log(0.075)).abs() for log in trained.noise.log_deviations.values()]
    assert all((change > 0).all() for change in moved)
    assert len(moved) == len(list(trained.network.parameters()))
    assert not restore(tmp_path, config_of(), CLASSES, "cpu").noise.log_deviations


def test_weights_that_learned_under_noise_are_others_and_the_same_again(tmp_path):
    plain, noisy, again, adaptive = (
        run(tmp_path / name, config_of(noise=noise))[0]
        for name, noise in [
            ("a", {}),
            ("b", {"deviation": 0.1}),
            ("c", {"deviation": 0.1}),
            ("d", {"deviation": 0.1, "adaptive": True}),
        ]
    )
    assert same(noisy, again)
    assert not same(plain, noisy)
    assert not same(noisy, adaptive)


@pytest.mark.parametrize("bad", [{"deviation": -0.1}, {"deviation": 1.0}, {"adaptive": True}])
def test_noise_that_makes_no_sense_is_refused(bad):
    with pytest.raises(InputError):
        NoiseConfig(**bad)
