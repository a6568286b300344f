"""The soft window (Graves 2013, eqs. 46 to 51) and the LSTM layer it is fed back into (eq. 52).

At every step the layer's hidden state moves a mixture of Gaussians along the text; what lies
under it is the window vector w, which the same layer sees at the next step and the layers above
see at this one. Both passes are written by hand, for the reason given in `hwkit.model.lstm`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hwkit.model.config import GateLayout
from hwkit.model.lstm import LSTM, derivative_factors, peephole_gradient, project, squash, step_back


class WindowState(NamedTuple):
    """What the layer carries from step to step."""

    hidden: Tensor  # (batch, H)
    cell: Tensor  # (batch, H)
    window: Tensor  # (batch, V), w
    kappa: Tensor  # (batch, K), how far each component of the window has come


class WindowLSTM(LSTM):
    """The first hidden layer of the synthesis network, with its window on the text.

    (time, batch, inputs) and one-hot characters (batch, U, V) ->
    hidden (time, batch, H), window (time, batch, V), weights phi (time, batch, U).
    """

    def __init__(
        self, inputs: int, cells: int, classes: int, components: int, *, peepholes: bool, clip: float
    ) -> None:
        super().__init__(inputs, cells, peepholes=peepholes, clip=clip)
        self.classes, self.components = classes, components
        self.from_window = nn.Parameter(torch.randn(4 * cells, classes) * cells**-0.5)
        self.parameters_weight = nn.Parameter(torch.randn(3 * components, cells) * 0.1 * cells**-0.5)
        self.parameters_bias = nn.Parameter(window_bias(components))

    def begin(self, batch: int) -> WindowState:
        """The state before the first step: no window yet, all components before the text."""
        hidden, cell = self.start(batch)
        zeros = self.bias.new_zeros
        return WindowState(hidden, cell, zeros(batch, self.classes), zeros(batch, self.components))

    def read(
        self, x: Tensor, characters: Tensor, state: WindowState, product: torch.dtype
    ) -> tuple[Tensor, Tensor, Tensor, WindowState]:
        """Hidden states, windows, window weights phi (without derivative) and the last state."""
        gates = project(x, self.input, self.bias, product)
        recurrent = torch.cat([self.recurrent, self.from_window], 1).to(product)
        hidden, window, phi, cell, kappa = WindowSequence.apply(  # type: ignore[no-untyped-call]
            gates, recurrent, self.peephole, self.parameters_weight, self.parameters_bias,
            characters, *state, self.clip,
        )  # fmt: skip
        return hidden, window, phi, WindowState(hidden[-1], cell, window[-1], kappa)


def window_bias(components: int) -> Tensor:
    """Biases (3K,) of alpha, beta, kappa: a wide window that moves about 0.11 characters a step."""
    alpha, kappa = torch.full((components,), -1.5), torch.full((components,), -2.2)
    return torch.cat([alpha, torch.linspace(-2.0, 0.0, components), kappa])


class Gaussians(NamedTuple):
    """The window's components at one step, with what the backward pass needs of them."""

    alpha: Tensor  # (batch, K, 1), importance, eq. 49
    beta: Tensor  # (batch, K, 1), narrowness, eq. 50
    distance: Tensor  # (batch, K, U), kappa - u
    height: Tensor  # (batch, K, U), alpha exp(-beta distance^2), eq. 46


def gaussians(raw: Tensor, kappa: Tensor, place: Tensor) -> Gaussians:
    """Eqs. 46, 49, 50 for one step. raw: (batch, 2K), alpha and beta before exp; kappa: (batch, K)."""
    alpha, beta = raw.exp().unsqueeze(2).chunk(2, 1)
    distance = kappa.unsqueeze(2) - place
    return Gaussians(alpha, beta, distance, alpha * torch.exp(-beta * distance * distance))


class WindowSequence(torch.autograd.Function):
    """The layer over a sequence; see WindowLSTM.read."""

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,  # (time, batch, 4H): input products and biases
        recurrent: Tensor,  # (4H, H + V) in the products' dtype
        peephole: Tensor | None,  # (3, H)
        weight: Tensor,  # (3K, H)
        bias: Tensor,  # (3K,)
        characters: Tensor,  # (batch, U, V), one-hot; padding is all zeros
        hidden: Tensor,
        cell: Tensor,
        window: Tensor,
        kappa: Tensor,
        clip: float,
    ) -> tuple[Tensor, ...]:
        cells_count, components = hidden.shape[1], kappa.shape[1]
        at, gates, transposed = GateLayout(cells_count), gates.clone(), recurrent.T
        steps, batch = gates.shape[:2]
        cells = gates.new_empty(steps + 1, batch, cells_count)
        tanh = gates.new_empty(steps, batch, cells_count)
        states = gates.new_empty(steps + 1, batch, recurrent.shape[1], dtype=recurrent.dtype)
        out = gates.new_empty(steps, batch, cells_count)
        windows = gates.new_empty(steps, batch, characters.shape[2])
        phis = gates.new_empty(steps, batch, characters.shape[1])
        raws = gates.new_empty(steps, batch, 3 * components)
        kappas = gates.new_empty(steps + 1, batch, components)
        cells[0], kappas[0] = cell, kappa
        states[0, :, :cells_count], states[0, :, cells_count:] = hidden, window
        place = torch.arange(1, characters.shape[1] + 1, device=gates.device, dtype=gates.dtype)
        for t, step in enumerate(gates):
            step += states[t] @ transposed  # eq. 52: w of the step before
            cells[t + 1], tanh[t] = squash(step, cells[t], peephole, at)
            torch.mul(step[:, at.output], tanh[t], out=out[t])
            torch.addmm(bias, out[t], weight.T, out=raws[t])  # eq. 48
            torch.add(kappas[t], raws[t, :, 2 * components :].exp(), out=kappas[t + 1])  # eq. 51
            window_now = gaussians(raws[t, :, : 2 * components], kappas[t + 1], place)
            torch.sum(window_now.height, 1, out=phis[t])  # eq. 46
            torch.bmm(phis[t].unsqueeze(1), characters, out=windows[t].unsqueeze(1))  # eq. 47
            states[t + 1, :, :cells_count], states[t + 1, :, cells_count:] = out[t], windows[t]
        ctx.save_for_backward(
            gates, recurrent, peephole, weight, characters, cells, tanh, states, out, raws, kappas, place
        )
        ctx.clip = clip
        ctx.mark_non_differentiable(phis)
        return out, windows, phis, cells[-1].clone(), kappas[-1].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        d_out, d_windows, _, d_cell, d_kappa = grads
        (gates, recurrent, peephole, weight, characters, cells, tanh, states, out, raws, kappas, place) = (
            ctx.saved_tensors
        )
        at, components, cells_count = GateLayout(tanh.shape[2]), kappas.shape[2], tanh.shape[2]
        factors, through = derivative_factors(gates, cells, tanh, at)
        d_raws = torch.empty_like(raws)
        d_state = gates.new_zeros(gates.shape[1], recurrent.shape[1])
        for t in reversed(range(len(gates))):
            d_window = d_state[:, cells_count:] + d_windows[t]
            d_phi = torch.bmm(characters, d_window.unsqueeze(2)).transpose(1, 2)  # (batch, 1, U)
            now = gaussians(raws[t, :, : 2 * components], kappas[t + 1], place)
            # Eqs. 56 to 60: e = height * d_phi is shared by all three parameters.
            share = now.height * d_phi
            moved = share * now.distance
            d_raws[t, :, :components] = share.sum(2)
            d_raws[t, :, components : 2 * components] = -(moved * now.distance).sum(2) * now.beta.squeeze(2)
            d_kappa = d_kappa - 2 * moved.sum(2) * now.beta.squeeze(2)
            torch.mul(raws[t, :, 2 * components :].exp(), d_kappa, out=d_raws[t, :, 2 * components :])
            d_hidden = torch.addmm(d_state[:, :cells_count] + d_out[t], d_raws[t], weight)
            forget = gates[t][:, at.forget]
            d_cell = step_back(factors[t], through[t], forget, d_hidden, d_cell, peephole, ctx.clip, at)
            d_state = (factors[t].to(recurrent.dtype) @ recurrent).to(d_cell.dtype)
        d_recurrent = factors.flatten(0, 1).to(recurrent.dtype).T @ states[:-1].flatten(0, 1)
        d_weight = d_raws.flatten(0, 1).T @ out.flatten(0, 1)
        d_peephole = None if peephole is None else peephole_gradient(factors, cells, at)
        d_hidden, d_window = d_state[:, :cells_count], d_state[:, cells_count:]
        return (
            factors, d_recurrent, d_peephole, d_weight, d_raws.sum((0, 1)),
            None, d_hidden, d_cell, d_window, d_kappa, None,
        )  # fmt: skip
