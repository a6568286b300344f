"""The soft window against a loop in plain Python, written from Graves 2013, eqs. 46 to 52."""

from __future__ import annotations

import math

import pytest
import torch

from hwkit.model.window import WindowLSTM, WindowSequence, WindowState

T, B, I, H, V, K, U = 5, 2, 3, 4, 3, 2, 4  # noqa: E741
DOUBLE = torch.float64


def layer_of(*, peepholes=False, clip=0.0, seed=0):
    """A layer in float64 whose weights are all large enough to matter."""
    torch.manual_seed(seed)
    layer = WindowLSTM(I, H, V, K, peepholes=peepholes, clip=clip).double()
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(torch.randn_like(weight) * 0.6)
    return layer


def drawn(*shape, seed=1):
    return torch.randn(*shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def text_of(*classes, length=U):
    """One-hot (batch, U, V); padding is all zeros."""
    characters = torch.zeros(len(classes), length, V, dtype=DOUBLE)
    for b, line in enumerate(classes):
        for u, c in enumerate(line):
            characters[b, u, c] = 1.0
    return characters


TEXT = text_of((1, 2, 1, 0), (2, 0))


def begun(seed=7):
    """A state in the middle of things."""
    kappa = drawn(B, K, seed=seed + 3).detach().abs().requires_grad_()
    return WindowState(drawn(B, H, seed=seed), drawn(B, H, seed=seed + 1), drawn(B, V, seed=seed + 2), kappa)


def logistic(v):
    return 1 / (1 + math.exp(-v))


def plain(layer, x, characters, state):
    """Eqs. 7 to 11 and 46 to 52 for one line, in numbers and lists: (hidden, windows, phis, kappas)."""
    wx, wh, ww, bias = (w.tolist() for w in (layer.input, layer.recurrent, layer.from_window, layer.bias))
    pw, pb = layer.parameters_weight.tolist(), layer.parameters_bias.tolist()
    peep = layer.peephole.tolist() if layer.peephole is not None else [[0.0] * H] * 3
    h, c, w, kappa = (part.tolist() for part in state)
    text, all_h, all_w, all_phi, all_kappa = characters.tolist(), [], [], [], []

    def total(row, h, x_t):
        s = bias[row]
        s += sum(wx[row][j] * x_t[j] for j in range(I))
        s += sum(wh[row][j] * h[j] for j in range(H))
        return s + sum(ww[row][j] * w[j] for j in range(V))  # eq. 52: w is still the one before

    for x_t in x.tolist():
        new_h, new_c = [0.0] * H, [0.0] * H
        for n in range(H):
            i = logistic(total(n, h, x_t) + peep[0][n] * c[n])
            f = logistic(total(H + n, h, x_t) + peep[1][n] * c[n])
            new_c[n] = f * c[n] + i * math.tanh(total(3 * H + n, h, x_t))
            o = logistic(total(2 * H + n, h, x_t) + peep[2][n] * new_c[n])
            new_h[n] = o * math.tanh(new_c[n])
        h, c = new_h, new_c
        hats = [pb[p] + sum(pw[p][j] * h[j] for j in range(H)) for p in range(3 * K)]  # eq. 48
        alpha = [math.exp(v) for v in hats[:K]]  # eq. 49
        beta = [math.exp(v) for v in hats[K : 2 * K]]  # eq. 50
        kappa = [before + math.exp(v) for before, v in zip(kappa, hats[2 * K :], strict=True)]  # eq. 51
        phi = [
            sum(alpha[k] * math.exp(-beta[k] * (kappa[k] - u) ** 2) for k in range(K))  # eq. 46
            for u in range(1, len(text) + 1)
        ]
        w = [sum(phi[u] * text[u][v] for u in range(len(text))) for v in range(V)]  # eq. 47
        for kept, part in zip((all_h, all_w, all_phi, all_kappa), (h, w, phi, kappa), strict=True):
            kept.append(part)
    return tuple(torch.tensor(kept, dtype=DOUBLE) for kept in (all_h, all_w, all_phi, all_kappa)), c


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("middle", [False, True])
def test_everything_is_that_of_the_equations(peepholes, middle):
    layer, x = layer_of(peepholes=peepholes), drawn(T, B, I)
    state = begun() if middle else layer.begin(B)
    hidden, window, phi, last = layer.read(x, TEXT, state)
    for b in range(B):
        (h, w, p, kappa), cell = plain(layer, x[:, b], TEXT[b], [part[b] for part in state])
        torch.testing.assert_close(hidden[:, b], h)
        torch.testing.assert_close(window[:, b], w)
        torch.testing.assert_close(phi[:, b], p)
        torch.testing.assert_close(last.hidden[b], h[-1])
        torch.testing.assert_close(last.cell[b], torch.tensor(cell, dtype=DOUBLE))
        torch.testing.assert_close(last.window[b], w[-1])
        torch.testing.assert_close(last.kappa[b], kappa[-1])


def differentiable(layer, x, characters, state, limit):
    """The same equations for autograd, derivatives clipped at the sums before the squashing."""
    hidden, cell, window, kappa = state
    peephole = layer.peephole if layer.peephole is not None else torch.zeros(3, H, dtype=DOUBLE)

    def clamped(sums):
        if limit:
            sums.register_hook(lambda d: d.clamp(-limit, limit))
        return sums

    out, windows = [], []
    place = torch.arange(1, characters.shape[1] + 1, dtype=DOUBLE)
    for x_t in x:
        s = x_t @ layer.input.T + hidden @ layer.recurrent.T + window @ layer.from_window.T + layer.bias
        i, f, o, g = s.chunk(4, 1)
        i, f = (torch.sigmoid(clamped(p + peephole[n] * cell)) for n, p in enumerate((i, f)))
        cell = f * cell + i * torch.tanh(clamped(g * 1.0))
        hidden = torch.sigmoid(clamped(o + peephole[2] * cell)) * torch.tanh(cell)
        hats = hidden @ layer.parameters_weight.T + layer.parameters_bias
        alpha, beta, step = (part.exp() for part in hats.chunk(3, 1))
        kappa = kappa + step
        phi = (alpha[..., None] * torch.exp(-beta[..., None] * (kappa[..., None] - place) ** 2)).sum(1)
        window = torch.einsum("bu,buv->bv", phi, characters)
        out.append(hidden)
        windows.append(window)
    return torch.stack(out), torch.stack(windows), cell, kappa


@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("limit", [0.0, 0.02, 0.2])
def test_derivatives_are_autograds_clipped_at_the_sums(peepholes, limit):
    layer = layer_of(peepholes=peepholes, clip=limit)
    seeds = [
        drawn(*shape, seed=20 + n).detach() for n, shape in enumerate([(T, B, H), (T, B, V), (B, H), (B, K)])
    ]

    def gradients(run):
        x, state = drawn(T, B, I), begun()
        parts = run(x, state)
        total = sum((part * seed).sum() for part, seed in zip(parts, seeds, strict=True))
        wanted = {name: w for name, w in layer.named_parameters()} | {"x": x} | state._asdict()
        return dict(zip(wanted, torch.autograd.grad(total, list(wanted.values())), strict=True))

    def ours(x, state):
        hidden, window, _, last = layer.read(x, TEXT, state)
        return hidden, window, last.cell, last.kappa

    got = gradients(ours)
    expected = gradients(lambda x, state: differentiable(layer, x, TEXT, state, limit))
    for name, derivative in expected.items():
        torch.testing.assert_close(got[name], derivative, msg=lambda m, name=name: f"{name}: {m}")
    if limit:
        free = gradients(lambda x, state: differentiable(layer, x, TEXT, state, 0.0))
        assert not torch.allclose(free["input"], expected["input"])


@pytest.mark.parametrize("peepholes", [False, True])
def test_gradcheck(peepholes):
    x, weight, bias = drawn(3, B, I), drawn(4 * H, I, seed=15), drawn(4 * H, seed=16)
    recurrent = drawn(4 * H, H + V, seed=3)
    peephole = drawn(3, H, seed=4) if peepholes else None
    window_weight, window_bias, state = drawn(3 * K, H, seed=5), drawn(3 * K, seed=6), begun()

    def run(*inputs):
        hidden, window, _, cell, kappa = WindowSequence.apply(*inputs[:7], TEXT, *inputs[7:], math.inf)
        return hidden, window, cell, kappa

    weights = [weight, recurrent, bias, peephole, window_weight, window_bias]
    assert torch.autograd.gradcheck(run, [x, *weights, *state])


def moving(step, narrow=4.0):
    """A layer whose window has height 1 and moves `step` characters a step, whatever it sees."""
    layer = WindowLSTM(I, H, V, 1, peepholes=False, clip=0.0).double()
    with torch.no_grad():
        layer.parameters_weight.zero_()
        layer.parameters_bias.copy_(torch.tensor([0.0, narrow, math.log(step)]))
    return layer


def test_characters_are_counted_from_1():
    text = text_of((1, 2, 1, 0))
    _, window, phi, last = moving(1.0).read(drawn(4, 1, I), text, moving(1.0).begin(1))
    torch.testing.assert_close(phi[:, 0], torch.eye(4, dtype=DOUBLE))  # kappa is 1, 2, 3, 4
    torch.testing.assert_close(window[:, 0], text[0])
    assert last.kappa.item() == pytest.approx(4.0)


def test_kappa_starts_before_the_text_and_only_grows():
    layer, x = layer_of(), drawn(40, B, I)
    state, kappas = layer.begin(B), [layer.begin(B).kappa]
    assert not any(part.any() for part in state)
    for x_t in x:
        state = layer.read(x_t[None], TEXT, state)[3]
        kappas.append(state.kappa)
    assert (torch.stack(kappas).diff(dim=0) > 0).all()


def test_a_fresh_window_is_wide_and_moves_a_tenth_of_a_character_a_step():
    layer = WindowLSTM(I, H, V, 10, peepholes=False, clip=0.0)
    alpha, beta, kappa = layer.parameters_bias.exp().chunk(3)
    assert kappa.tolist() == pytest.approx([0.1108] * 10, abs=1e-4)
    assert alpha.tolist() == pytest.approx([0.2231] * 10, abs=1e-4)
    assert beta[0].item() == pytest.approx(math.exp(-2))
    assert beta[-1].item() == pytest.approx(1.0)
    assert len(set(beta.tolist())) == 10


def test_the_first_hidden_state_does_not_depend_on_the_text_and_the_second_does():
    layer, x = layer_of(), drawn(T, B, I)
    one = layer.read(x, TEXT, layer.begin(B))[0]
    other = layer.read(x, text_of((2, 2, 0), (1, 0)), layer.begin(B))[0]
    assert torch.equal(one[0], other[0])
    assert ((one[1] - other[1]).abs() > 1e-6).any(1).all()


def test_padding_of_the_text_is_not_seen():
    layer, x = layer_of(), drawn(T, B, I)
    hidden, window, phi, _ = layer.read(x, TEXT, layer.begin(B))
    padded = torch.cat([TEXT, torch.zeros(B, 3, V, dtype=DOUBLE)], 1)
    h, w, p, _ = layer.read(x, padded, layer.begin(B))
    torch.testing.assert_close(h, hidden)
    torch.testing.assert_close(w, window)
    torch.testing.assert_close(p[..., :U], phi)
    alone = layer.read(x[:, 1:], TEXT[1:, :2], layer.begin(1))
    torch.testing.assert_close(alone[0], hidden[:, 1:])
    torch.testing.assert_close(alone[1], window[:, 1:])


@pytest.mark.parametrize("cut", [1, 3])
def test_a_sequence_may_come_in_pieces(cut):
    layer, x, state = layer_of(peepholes=True), drawn(T, B, I), begun()
    whole = layer.read(x, TEXT, state)
    first = layer.read(x[:cut], TEXT, state)
    second = layer.read(x[cut:], TEXT, first[3])
    for n in range(3):
        torch.testing.assert_close(torch.cat([first[n], second[n]]), whole[n])
    for a, b in zip(second[3], whole[3], strict=True):
        torch.testing.assert_close(a, b)
    weights = list(layer.parameters())

    def total(parts):
        return sum((p[0] ** 2).sum() + (p[1] ** 2).sum() for p in parts) + parts[-1][3].kappa.sum()

    got = torch.autograd.grad(total([first, second]), weights, retain_graph=True)
    for a, b in zip(got, torch.autograd.grad(total([whole]), weights), strict=True):
        torch.testing.assert_close(a, b)
