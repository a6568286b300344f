"""The networks against a loop in numpy written from Graves 2013, eqs. 1 to 11 and 46 to 53."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hwkit.errors import InputError
from hwkit.model.config import NetworkConfig
from hwkit.model.network import PredictionNetwork, SynthesisNetwork, build

T, B, V = 6, 2, 4
DOUBLE = torch.float64
OPTIONS = [
    {},
    {"peepholes": True},
    {"peepholes": True, "gate_clip": 10.0, "output_clip": 100.0, "dropout": 0.5},
]


def drawn(*shape, seed=1):
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def network_of(kind, layers=(5, 3, 4), **options):
    """A network in float64, in use, whose weights are all large enough to matter."""
    torch.manual_seed(0)
    config = NetworkConfig(kind=kind, layers=layers, mixtures=2, window=2, **options)
    network = build(config, V if kind == "synthesis" else 0).double().eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn_like(weight) * 0.5)
    return network


TEXT = torch.zeros(B, 4, V, dtype=DOUBLE)
for b, classes in enumerate([(1, 3, 2, 0), (2, 0)]):
    TEXT[b, range(len(classes)), list(classes)] = 1.0


def run(network, x, state=None):
    """(outputs, phi or None, state after)."""
    state = network.start(x.shape[1]) if state is None else state
    if isinstance(network, SynthesisNetwork):
        return network(x, TEXT, state)
    y, state = network(x, state)
    return y, None, state


def logistic(v):
    return 1 / (1 + np.exp(-v))


def cell(weights, name, sums, c):
    """Eqs. 7 to 11 from the sums without peepholes; the gates stand in the order i, f, o, g."""
    i, f, o, g = np.split(sums, 4)
    p = weights.get(f"{name}.peephole", np.zeros((3, len(i))))
    new = logistic(f + p[1] * c) * c + logistic(i + p[0] * c) * np.tanh(g)
    return logistic(o + p[2] * new) * np.tanh(new), new


def reference(network, x, text):
    """The outputs of one line, (time, 1 + 6M), a step and a layer at a time."""
    weights = {name: w.detach().numpy() for name, w in network.named_parameters()}
    synthesis = isinstance(network, SynthesisNetwork)
    names = (["first"] if synthesis else []) + [f"layers.{n}" for n in range(len(network.layers))]
    h = {name: np.zeros(len(weights[f"{name}.bias"]) // 4) for name in names}
    c = {name: h[name].copy() for name in names}
    window, kappa, out = np.zeros(V), np.zeros(2), []
    for x_t in x.numpy():
        below = np.zeros(0)
        for name in names:
            if name == "first":
                seen, fed = x_t, weights["first.from_window"] @ window  # eq. 52: w of the step before
            elif synthesis:
                seen, fed = np.concatenate([x_t, below, window]), 0.0  # eq. 53: w of this step
            else:
                seen, fed = np.concatenate([x_t, below]), 0.0  # eqs. 1 and 2
            sums = weights[f"{name}.input"] @ seen + weights[f"{name}.recurrent"] @ h[name] + fed
            h[name], c[name] = cell(weights, name, sums + weights[f"{name}.bias"], c[name])
            if name == "first":
                hats = weights["first.parameters_weight"] @ h[name] + weights["first.parameters_bias"]
                alpha, beta, step = np.split(np.exp(hats), 3)
                kappa = kappa + step
                u = np.arange(1, len(text) + 1)
                phi = (alpha[:, None] * np.exp(-beta[:, None] * (kappa[:, None] - u) ** 2)).sum(0)
                window = phi @ text.numpy()
            below = h[name]
        hidden = np.concatenate([h[name] for name in names])
        out.append(weights["output.weight"] @ hidden + weights["output.bias"])  # eq. 3
    return np.array(out)


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
@pytest.mark.parametrize("options", OPTIONS)
def test_the_outputs_are_those_of_the_equations(kind, options):
    network, x = network_of(kind, **options), drawn(T, B, 3)
    y = run(network, x)[0]
    assert y.shape == (T, B, 13)
    for b in range(B):
        np.testing.assert_allclose(y[:, b].detach(), reference(network, x[:, b], TEXT[b]), atol=1e-9)


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
@pytest.mark.parametrize("options", OPTIONS)
def test_the_whole_sequence_is_its_single_steps(kind, options):
    network, x = network_of(kind, **options), drawn(T, B, 3)
    whole, phi, last = run(network, x)
    state, steps, phis = None, [], []
    for x_t in x:
        y, phi_t, state = run(network, x_t[None], state)
        steps.append(y)
        phis.append(phi_t)
    torch.testing.assert_close(torch.cat(steps), whole)
    if kind == "synthesis":
        torch.testing.assert_close(torch.cat(phis), phi)
        torch.testing.assert_close(state[0].kappa, last[0].kappa)


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_what_is_to_come_is_not_seen(kind):
    network, x = network_of(kind), drawn(T, B, 3)
    y = run(network, x)[0]
    changed = x.clone()
    changed[4] += 1.0
    other = run(network, changed)[0]
    assert torch.equal(other[:4], y[:4])
    assert not torch.isclose(other[4:], y[4:]).any()


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_skip_connections(kind):
    network, x = network_of(kind), drawn(1, B, 3)
    layers = [*([network.first] if kind == "synthesis" else []), *network.layers]
    hidden = network.hidden(x, TEXT, network.start(B))[0] if kind == "synthesis" else None
    hidden = network.hidden(x, network.start(B))[0] if hidden is None else hidden
    assert hidden.shape == (1, B, 5 + 3 + 4)
    sizes = [layer.cells for layer in layers]
    # Every later layer sees the point itself: what is below it may be cut off.
    for above, layer in enumerate(layers[1:], 1):
        with torch.no_grad():
            below = layer.input[:, 3 : 3 + sizes[above - 1]].clone()
            layer.input[:, 3 : 3 + sizes[above - 1]] = 0.0
        at = slice(sum(sizes[:above]), sum(sizes[: above + 1]))

        def seen(points, at=at):
            if kind == "synthesis":
                return network.hidden(points, torch.zeros_like(TEXT), network.start(B))[0][..., at]
            return network.hidden(points, network.start(B))[0][..., at]

        assert not torch.isclose(seen(x), seen(x + 0.1)).any()
        with torch.no_grad():
            layer.input[:, 3 : 3 + sizes[above - 1]] = below
    # The output sees every hidden unit.
    for unit in range(hidden.shape[-1]):
        moved = hidden.clone()
        moved[..., unit] += 1.0
        change = network.outputs(moved) - network.outputs(hidden)
        torch.testing.assert_close(change[0, 0], network.output.weight[:, unit])


def test_the_layers_above_see_the_window_of_this_step_and_the_first_that_of_the_one_before():
    network, x = network_of("synthesis"), drawn(2, B, 3)
    other = TEXT.roll(1, 2)
    one, _, _ = network.hidden(x, TEXT, network.start(B))
    two, _, _ = network.hidden(x, other, network.start(B))
    assert torch.equal(one[0, :, :5], two[0, :, :5])  # eq. 52, first step: no window yet
    assert not torch.isclose(one[0, :, 5:], two[0, :, 5:]).any()  # eq. 53, first step already
    assert not torch.isclose(one[1, :, :5], two[1, :, :5]).any()


def count(**options):
    classes = options.pop("classes", 0)
    return sum(w.numel() for w in build(NetworkConfig(**options), classes).parameters())


def test_the_papers_networks_have_the_papers_number_of_weights():
    lstm = 4 * 400 * 400 + 4 * 400 + 3 * 400  # recurrent, biases, peepholes
    deep = 3 * lstm + 4 * 400 * (3 + 403 + 403) + 121 * 1201
    assert count(kind="prediction", peepholes=True) == deep == 3_368_121  # "about 3.4 M"
    wide = 4 * 900 * (3 + 900 + 1) + 3 * 900 + 121 * 901
    assert count(kind="prediction", layers=(900,), peepholes=True) == wide  # 3.4 M too
    synthesis = count(kind="synthesis", peepholes=True, classes=57)
    assert synthesis == deep + 3 * 4 * 400 * 57 + 30 * 401
    assert round(synthesis / 1e6, 1) == 3.7
    assert build(NetworkConfig(kind="prediction", layers=(2,))).output.out_features == 121


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_products_in_bfloat16_come_close_to_those_in_float32(kind):
    network, x = network_of(kind).float(), drawn(T, B, 3).float()
    text = TEXT.float()

    def outputs():
        if kind == "synthesis":
            return network(x, text, network.start(B))[0]
        return network(x, network.start(B))[0]

    exact = outputs()
    wanted = list(network.parameters())
    derivatives = torch.autograd.grad((exact**2).sum(), wanted)
    network.product = torch.bfloat16
    coarse = outputs()
    assert coarse.dtype == torch.float32
    assert not torch.equal(coarse, exact)
    torch.testing.assert_close(coarse, exact, rtol=0.05, atol=0.05)
    for a, b in zip(torch.autograd.grad((coarse**2).sum(), wanted), derivatives, strict=True):
        assert torch.cosine_similarity(a.flatten(), b.flatten(), 0) > 0.99


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_derivatives_at_the_outputs_are_clipped_on_both_sides(kind):
    network, x = network_of(kind, output_clip=2.0), drawn(T, B, 3)
    y = run(network, x)[0]
    d = torch.zeros_like(y)
    d[..., 0], d[..., 1], d[..., 2] = 5.0, -5.0, 1.5
    (y * d).sum().backward()
    expected = torch.zeros(13, dtype=DOUBLE)
    expected[:3] = torch.tensor([2.0, -2.0, 1.5]) * T * B
    torch.testing.assert_close(network.output.bias.grad, expected)
    # And the outputs themselves are not.
    torch.testing.assert_close(run(network_of(kind), x)[0], y)


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_derivatives_at_the_gates_are_clipped_in_every_layer(kind):
    network, x = network_of(kind, gate_clip=1e-3), drawn(T, B, 3)
    (run(network, x)[0] * 100).sum().backward()
    layers = [*([network.first] if kind == "synthesis" else []), *network.layers]
    for layer in layers:
        assert 0 < layer.bias.grad.abs().max() <= 1e-3 * T * B * (1 + 1e-12)


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_dropout_is_between_the_layers_and_before_the_output_and_only_in_training(kind):
    network, x = network_of(kind, layers=(50, 40), dropout=0.25), drawn(T, B, 3)

    def hidden():
        if kind == "synthesis":
            return network.hidden(x, TEXT, network.start(B))[0]
        return network.hidden(x, network.start(B))[0]

    whole = hidden()
    assert torch.equal(hidden(), whole)
    network.train()
    torch.manual_seed(3)
    dropped = hidden()
    kept = dropped != 0
    assert 0.7 < kept.double().mean() < 0.8
    # The first layer's own recurrence is not dropped out: what is left of it is scaled and else the same.
    torch.testing.assert_close(dropped[..., :50][kept[..., :50]], whole[..., :50][kept[..., :50]] / 0.75)
    assert not torch.isclose(dropped[..., 50:][kept[..., 50:]], whole[..., 50:][kept[..., 50:]] / 0.75).all()


def test_the_same_seed_builds_the_same_network_and_the_output_starts_small():
    config = NetworkConfig(layers=(30, 30), mixtures=20)
    torch.manual_seed(4)
    one = build(config, 10)
    torch.manual_seed(4)
    two = build(config, 10)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not one.output.bias.any()
    assert one.output.weight.std().item() == pytest.approx(0.3 * 60**-0.5, rel=0.05)


def test_the_kind_is_built_and_a_synthesis_network_needs_a_vocabulary():
    assert isinstance(build(NetworkConfig(kind="prediction", layers=(2,))), PredictionNetwork)
    assert isinstance(build(NetworkConfig(layers=(2,)), 2), SynthesisNetwork)
    for classes in (0, 1):
        with pytest.raises(InputError, match="needs a vocabulary"):
            build(NetworkConfig(layers=(2,)), classes)


@pytest.mark.parametrize(
    "bad",
    [
        {"layers": ()},
        {"layers": (3, 0)},
        {"mixtures": 0},
        {"window": 0},
        {"dropout": 1.0},
        {"dropout": -0.1},
        {"gate_clip": -1.0},
        {"output_clip": -1.0},
    ],
)
def test_a_config_that_makes_no_network_is_refused(bad):
    with pytest.raises(InputError):
        NetworkConfig(**bad)
