"""The mixture density against torch.distributions, and where its numbers get extreme."""

from __future__ import annotations

import math

import pytest
import torch
from torch.distributions import Bernoulli, Categorical, MixtureSameFamily, MultivariateNormal

from hwkit.model.config import NetworkConfig
from hwkit.model.mixture import mean, mixture, nats

M = 3
DOUBLE = torch.float64


def drawn(*shape, seed=0):
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def parts(y):
    """The output vector of eq. 17 taken apart by hand: e, pi, mu x, mu y, sigma x, sigma y, rho."""
    return [y[..., 0], *(y[..., 1 + k * M : 1 + (k + 1) * M] for k in range(6))]


def distributions(y):
    """Eqs. 18 to 24 in torch.distributions: the offset's and the end of stroke's."""
    e, pi, mu_x, mu_y, sigma_x, sigma_y, rho = parts(y)
    sx, sy, r = sigma_x.exp(), sigma_y.exp(), torch.tanh(rho)
    covariance = torch.stack([sx * sx, r * sx * sy, r * sx * sy, sy * sy], -1).unflatten(-1, (2, 2))
    normal = MultivariateNormal(torch.stack([mu_x, mu_y], -1), covariance)
    return MixtureSameFamily(Categorical(logits=pi), normal), Bernoulli(1 / (1 + torch.exp(e)))


def test_nats_are_those_of_torchs_distributions():
    y, offsets = drawn(7, 4, 1 + 6 * M), drawn(7, 4, 3, seed=1)
    offsets[..., 2] = (offsets[..., 2] > 0).double()
    point, end = distributions(y)
    expected = -point.log_prob(offsets[..., :2]) - end.log_prob(offsets[..., 2])
    torch.testing.assert_close(nats(mixture(y, M), offsets), expected, rtol=1e-4, atol=1e-4)
    # The limit on the correlation is a part in a million; beyond it nothing differs.
    y[..., 1 + 5 * M :] = 0.0
    point, end = distributions(y)
    expected = -point.log_prob(offsets[..., :2]) - end.log_prob(offsets[..., 2])
    torch.testing.assert_close(nats(mixture(y, M), offsets), expected)


def test_the_derivatives_are_those_of_torchs_distributions():
    y, offsets = drawn(6, 1 + 6 * M).requires_grad_(), drawn(6, 3, seed=1)
    offsets[:, 2] = torch.tensor([0, 1, 0, 1, 1, 0])
    (got,) = torch.autograd.grad(nats(mixture(y, M), offsets).sum(), y)
    point, end = distributions(y)
    expected = -(point.log_prob(offsets[:, :2]) + end.log_prob(offsets[:, 2])).sum()
    torch.testing.assert_close(got, torch.autograd.grad(expected, y)[0], rtol=1e-4, atol=1e-4)


def test_a_likely_end_of_stroke_has_a_negative_output():
    y = torch.zeros(1 + 6 * M, dtype=DOUBLE)
    y[0] = 3.0  # eq. 18: e = 1 / (1 + exp(3)), 0.047
    up, down = nats(mixture(y.expand(2, -1), M), torch.tensor([[0, 0, 1], [0, 0, 0.0]], dtype=DOUBLE))
    assert (up - down).item() == pytest.approx(3.0)
    expected = math.log(1 + math.exp(3)) + math.log(2 * math.pi)
    assert up.item() == pytest.approx(expected)


def test_each_parameter_stands_where_eq_17_puts_it():
    # One component has all the weight; its normal is far from round.
    y = torch.zeros(1 + 6 * M, dtype=DOUBLE)
    y[1 + 1] = 40.0  # pi of component 1
    y[1 + M + 1], y[1 + 2 * M + 1] = 5.0, -2.0  # mu
    y[1 + 3 * M + 1], y[1 + 4 * M + 1] = math.log(3.0), math.log(0.5)  # sigma
    y[1 + 5 * M + 1] = math.atanh(0.8)  # rho
    x, dy, end = 6.0, -1.5, 0.0
    zx, zy = (x - 5) / 3, (dy + 2) / 0.5
    z = zx**2 + zy**2 - 2 * 0.8 * zx * zy
    density = math.exp(-z / (2 * (1 - 0.64))) / (2 * math.pi * 3 * 0.5 * 0.6)
    got = nats(mixture(y, M), torch.tensor([x, dy, end], dtype=DOUBLE)).item()
    assert got == pytest.approx(-math.log(density) + math.log(2), abs=1e-4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [20.0, -20.0])
@pytest.mark.parametrize("place", range(7))
def test_extreme_outputs_give_numbers(dtype, size, place):
    y = torch.zeros(5, 1 + 6 * M, dtype=dtype)
    parts(y)[place][...] = size * (10.0 if place in (0, 1, 2, 3) else 1.0)
    y.requires_grad_()
    offsets = torch.tensor([(0, 0, 0), (1, -1, 1), (-30, 40, 0), (500, 1, 1), (1e-6, 0, 0)], dtype=dtype)
    total = nats(mixture(y, M), offsets)
    total.sum().backward()
    assert torch.isfinite(total).all()
    assert torch.isfinite(y.grad).all()


def test_far_from_every_component_the_loss_still_says_how_far():
    y = torch.zeros(1 + 6 * M)
    far = nats(mixture(y, M), torch.tensor([1e4, 0.0, 0.0]))
    assert far.item() == pytest.approx(0.5e8, rel=1e-5)  # exp(-0.5e8) is nothing; its logarithm is


def test_a_strong_correlation_keeps_its_digits_in_float32():
    y = torch.zeros(1 + 6 * M, dtype=DOUBLE)
    y[1 + 5 * M :] = 5.0  # rho 0.99991
    offset = torch.tensor([1.0, 1.02, 0.0], dtype=DOUBLE)
    exact = nats(mixture(y, M), offset)
    assert nats(mixture(y.float(), M), offset.float()).item() == pytest.approx(exact.item(), rel=1e-3)
    assert nats(mixture(y.bfloat16(), M), offset.float()).dtype == torch.float32


def test_the_mean_is_that_of_torchs_mixture():
    y = drawn(5, 2, 1 + 6 * M)
    torch.testing.assert_close(mean(mixture(y, M)), distributions(y)[0].mean)


def test_the_density_adds_up_to_one():
    y = drawn(1 + 6 * M, seed=3) * 0.5
    axis = torch.linspace(-15, 15, 601, dtype=DOUBLE)
    grid = torch.cartesian_prod(axis, axis)
    total = 0.0
    for end in (0.0, 1.0):
        offsets = torch.cat([grid, torch.full((len(grid), 1), end, dtype=DOUBLE)], 1)
        total += torch.exp(-nats(mixture(y.expand(len(grid), -1), M), offsets)).sum().item() * 0.05**2
    assert total == pytest.approx(1.0, abs=1e-6)


def test_twenty_components_make_121_outputs():
    assert NetworkConfig(mixtures=20).outputs == 121
