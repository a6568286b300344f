"""The LSTM layer against a loop written from Graves 2013, eqs. 7 to 11, and against torch's own."""

from __future__ import annotations

import math

import pytest
import torch

from hwkit.model.lstm import LSTM, Sequence, by_torch

T, B, I, H = 6, 3, 4, 5  # noqa: E741
DOUBLE = torch.float64
PARTS = ("i", "f", "o", "g")  # the order in which this layer keeps its gates


def layer_of(*, peepholes, clip=0.0, seed=0):
    """A layer in float64 whose weights are all large enough to matter."""
    torch.manual_seed(seed)
    layer = LSTM(I, H, peepholes=peepholes, clip=clip).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(torch.randn_like(weight) * 0.7)
    return layer


def drawn(*shape, seed=1):
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def clamped(sums, limit):
    """The sums, whose derivatives autograd will clip on their way back."""
    if limit:
        sums.register_hook(lambda d: d.clamp(-limit, limit))
    return sums


def reference(layer, x, hidden, cell, limit=0.0):
    """Eqs. 7 to 11 one step at a time, differentiated by autograd."""
    named = zip(("input", "recurrent", "bias"), (layer.input, layer.recurrent, layer.bias), strict=True)
    weights = {name: dict(zip(PARTS, weight.chunk(4), strict=True)) for name, weight in named}
    peephole = layer.peephole if layer.peephole is not None else torch.zeros(3, H, dtype=DOUBLE)

    def sums(part, x_t, h):
        return x_t @ weights["input"][part].T + h @ weights["recurrent"][part].T + weights["bias"][part]

    out, cells = [], []
    for x_t in x:
        i = torch.sigmoid(clamped(sums("i", x_t, hidden) + peephole[0] * cell, limit))  # eq. 7
        f = torch.sigmoid(clamped(sums("f", x_t, hidden) + peephole[1] * cell, limit))  # eq. 8
        new = f * cell + i * torch.tanh(clamped(sums("g", x_t, hidden), limit))  # eq. 9
        o = torch.sigmoid(clamped(sums("o", x_t, hidden) + peephole[2] * new, limit))  # eq. 10
        cell, hidden = new, o * torch.tanh(new)  # eq. 11
        out.append(hidden)
        cells.append(cell)
    return torch.stack(out), cells[-1]


def gradients(layer, run, out_weight, cell_weight):
    """Derivatives by the weights, x and the state of a sum over all hidden states and the last cell."""
    x, hidden, cell = drawn(T, B, I), drawn(B, H, seed=2), drawn(B, H, seed=3)
    out, last = run(x, hidden, cell)
    total = (out * out_weight).sum() + (last * cell_weight).sum()
    wanted = {name: w for name, w in layer.named_parameters()} | {"x": x, "hidden": hidden, "cell": cell}
    return dict(zip(wanted, torch.autograd.grad(total, list(wanted.values())), strict=True))


def ours(layer):
    def run(x, hidden, cell):
        out, (_, last) = layer(x, (hidden, cell))
        return out, last

    return run


@pytest.mark.parametrize("peepholes", [False, True])
def test_hidden_states_and_cell_are_those_of_the_equations(peepholes):
    layer = layer_of(peepholes=peepholes)
    x, hidden, cell = drawn(T, B, I), drawn(B, H, seed=2), drawn(B, H, seed=3)
    out, (last_hidden, last_cell) = layer(x, (hidden, cell))
    expected, expected_cell = reference(layer, x, hidden, cell)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(last_hidden, expected[-1])
    torch.testing.assert_close(last_cell, expected_cell)


def test_one_step_of_one_cell_in_plain_numbers():
    layer = LSTM(1, 1, peepholes=True, clip=0.0).double()
    with torch.no_grad():
        layer.input.copy_(torch.tensor([[0.1], [0.2], [0.3], [0.4]]))
        layer.recurrent.copy_(torch.tensor([[0.5], [0.6], [0.7], [0.8]]))
        layer.bias.copy_(torch.tensor([0.01, 0.02, 0.03, 0.04]))
        layer.peephole.copy_(torch.tensor([[0.9], [-1.0], [1.1]]))
    x, h, c = 2.0, 0.5, -0.3

    def logistic(v):
        return 1 / (1 + math.exp(-v))

    i = logistic(0.1 * x + 0.5 * h + 0.01 + 0.9 * c)
    f = logistic(0.2 * x + 0.6 * h + 0.02 - 1.0 * c)
    new = f * c + i * math.tanh(0.4 * x + 0.8 * h + 0.04)
    o = logistic(0.3 * x + 0.7 * h + 0.03 + 1.1 * new)
    given = (torch.tensor([[h]], dtype=DOUBLE), torch.tensor([[c]], dtype=DOUBLE))
    out, (_, last) = layer(torch.tensor([[[x]]], dtype=DOUBLE), given)
    assert last.item() == pytest.approx(new, abs=1e-7)
    assert out.item() == pytest.approx(o * math.tanh(new), abs=1e-7)


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("limit", [0.0, 0.05, 0.3])
def test_derivatives_are_autograds_clipped_at_the_sums_before_the_squashing(peepholes, limit):
    layer = layer_of(peepholes=peepholes, clip=limit)
    weights = drawn(T, B, H, seed=4).detach() * 2, drawn(B, H, seed=5).detach() * 2
    got = gradients(layer, ours(layer), *weights)
    expected = gradients(layer, lambda *a: reference(layer, *a, limit), *weights)
    for name, derivative in expected.items():
        torch.testing.assert_close(got[name], derivative, msg=lambda m, name=name: f"{name}: {m}")
    if limit:
        free = gradients(layer, lambda *a: reference(layer, *a), *weights)
        assert not torch.allclose(free["input"], expected["input"])


@pytest.mark.parametrize("peepholes", [False, True])
def test_gradcheck(peepholes):
    inputs = [drawn(3, 2, 3), drawn(8, 3, seed=6), drawn(8, 2, seed=2), drawn(8, seed=7)]
    inputs += [drawn(3, 2, seed=3) if peepholes else None, drawn(2, 2, seed=4), drawn(2, 2, seed=5)]
    assert torch.autograd.gradcheck(lambda *a: Sequence.apply(*a, math.inf), inputs)


def test_without_peepholes_it_is_torchs_lstm():
    layer = layer_of(peepholes=False)
    theirs = torch.nn.LSTM(I, H).double()

    def reordered(weight):  # torch keeps i, f, g, o
        i, f, o, g = weight.detach().chunk(4)
        return torch.cat([i, f, g, o])

    with torch.no_grad():
        theirs.weight_ih_l0.copy_(reordered(layer.input))
        theirs.weight_hh_l0.copy_(reordered(layer.recurrent))
        theirs.bias_ih_l0.copy_(reordered(layer.bias))
        theirs.bias_hh_l0.zero_()
    x, hidden, cell = drawn(T, B, I), drawn(B, H, seed=2), drawn(B, H, seed=3)
    out, (last_hidden, last_cell) = layer(x, (hidden, cell))
    expected, (their_hidden, their_cell) = theirs(x, (hidden[None], cell[None]))
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(last_hidden, their_hidden[0])
    torch.testing.assert_close(last_cell, their_cell[0])
    d_out = drawn(T, B, H, seed=4).detach()
    (got,) = torch.autograd.grad(out, x, d_out)
    torch.testing.assert_close(got, torch.autograd.grad(expected, x, d_out)[0])


def test_what_runs_on_cuda_gives_the_same_derivatives():
    layer = layer_of(peepholes=False)
    weights = drawn(T, B, H, seed=4).detach(), drawn(B, H, seed=5).detach()

    def by_cudnn(x, hidden, cell):  # by the processor's kernel of the same torch function
        out, (_, last) = by_torch(layer, x, (hidden, cell))
        return out, last

    expected = gradients(layer, ours(layer), *weights)
    for name, derivative in gradients(layer, by_cudnn, *weights).items():
        torch.testing.assert_close(derivative, expected[name], msg=lambda m, name=name: f"{name}: {m}")


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("cut", [1, 3, 5])
def test_a_sequence_may_come_in_pieces(peepholes, cut):
    layer, x = layer_of(peepholes=peepholes), drawn(T, B, I)
    whole, last = layer(x, layer.start(B))
    first, state = layer(x[:cut], layer.start(B))
    second, state = layer(x[cut:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    for a, b in zip(state, last, strict=True):
        torch.testing.assert_close(a, b)
    d_out = drawn(T, B, H, seed=4).detach()
    for a, b in zip(
        torch.autograd.grad(torch.cat([first, second]), list(layer.parameters()), d_out, retain_graph=True),
        torch.autograd.grad(whole, list(layer.parameters()), d_out, retain_graph=True),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_lines_of_a_batch_do_not_see_each_other():
    layer, x = layer_of(peepholes=True), drawn(T, B, I)
    together, _ = layer(x, layer.start(B))
    for b in range(B):
        torch.testing.assert_close(layer(x[:, b : b + 1], layer.start(1))[0], together[:, b : b + 1])


def test_the_input_is_left_as_it_was():
    layer, x = layer_of(peepholes=True, clip=1.0), drawn(T, B, I)
    before, state = x.detach().clone(), [s.clone() for s in layer.start(B)]
    out, _ = layer(x, tuple(state))
    kept = out.detach().clone()
    out.sum().backward(retain_graph=True)
    first = x.grad.clone()
    x.grad = None
    out.sum().backward()  # a second time, from what was saved
    assert torch.equal(x, before)
    assert torch.equal(out, kept)
    assert torch.equal(x.grad, first)
    assert not any(s.any() for s in state)


def test_a_fresh_layer_remembers_and_has_no_peepholes_yet():
    torch.manual_seed(0)
    layer = LSTM(30, 40, peepholes=True, clip=0.0)
    bias = layer.bias.view(4, 40)
    assert bias[1].tolist() == [1.0] * 40  # forget
    assert not bias[[0, 2, 3]].any()
    assert not layer.peephole.any()
    assert layer.input.std().item() == pytest.approx(30**-0.5, rel=0.05)
    assert layer.recurrent.std().item() == pytest.approx(40**-0.5, rel=0.05)
    assert LSTM(3, 4, peepholes=False, clip=0.0).peephole is None


def test_products_in_bfloat16_leave_the_cell_and_the_weights_derivatives_in_float32():
    layer = layer_of(peepholes=True, clip=10.0).float()
    x = drawn(T, B, I).detach().float().requires_grad_()
    exact, _ = layer(x, layer.start(B))
    coarse, (_, cell) = layer(x.bfloat16(), layer.start(B))
    assert (coarse.dtype, cell.dtype) == (torch.bfloat16, torch.float32)
    torch.testing.assert_close(coarse.float(), exact, rtol=0.05, atol=0.05)
    wanted = [x, *layer.parameters()]
    for a, b in zip(
        torch.autograd.grad(coarse.sum(), wanted), torch.autograd.grad(exact.sum(), wanted), strict=True
    ):
        assert a.dtype == torch.float32
        assert torch.cosine_similarity(a.flatten(), b.flatten(), 0) > 0.99
