"""The soft window (Graves 2013, eqs. 46 to 51) and the LSTM layer it is fed back into (eq. 52).

At every step the layer's hidden state moves a mixture of Gaussians along the text; what lies
under it is the window vector w, which the same layer sees at the next step and the layers above
see at this one. Both passes are written by hand, for the reason given in `hwkit.model.lstm`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hwkit.model.lstm import LSTM, WeightGradients, begin
from hwkit.model.product import packed
from hwkit.model.steps import Look, Tape, steps_for


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
        self, x: Tensor, characters: Tensor, state: WindowState
    ) -> tuple[Tensor, Tensor, Tensor, WindowState]:
        """Hidden states, windows, window weights phi (without derivative) and the last state.

        x: (time, batch, inputs), in the dtype in which matrix products are to run; hidden states and
        windows come in the same. The window's own products run in the weights' dtype.
        """
        hidden, window, phi, cell, kappa = WindowSequence.apply(  # type: ignore[no-untyped-call]
            x, self.input, torch.cat([self.recurrent, self.from_window], 1), self.bias, self.peephole,
            self.parameters_weight, self.parameters_bias, characters, *state, self.clip,
        )  # fmt: skip
        return hidden, window, phi, WindowState(hidden[-1], cell, window[-1], kappa)


def window_bias(components: int) -> Tensor:
    """Biases (3K,) of alpha, beta, kappa: a wide window that moves about 0.11 characters a step."""
    alpha, kappa = torch.full((components,), -1.5), torch.full((components,), -2.2)
    return torch.cat([alpha, torch.linspace(-2.0, 0.0, components), kappa])


class WindowSequence(torch.autograd.Function):
    """The layer over a sequence; see WindowLSTM.read."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (time, batch, inputs) in the products' dtype
        weight: Tensor,  # (4H, inputs)
        recurrent: Tensor,  # (4H, H + V)
        bias: Tensor,  # (4H,)
        peephole: Tensor | None,  # (3, H)
        window_weight: Tensor,  # (3K, H)
        window_bias: Tensor,  # (3K,)
        characters: Tensor,  # (batch, U, V), one-hot; padding is all zeros
        hidden: Tensor,
        cell: Tensor,
        window: Tensor,
        kappa: Tensor,
        clip: float,
    ) -> tuple[Tensor, ...]:
        cells, new = hidden.shape[1], cell.new_empty
        tape = begin(x, weight, bias, peephole, cell, width=recurrent.shape[1])
        tape.states[0, :, :cells], tape.states[0, :, cells:] = hidden, window
        look = Look(
            new(len(x), len(cell), len(window_bias)), new(len(x) + 1, *kappa.shape),
            new(len(x), *characters.shape[:2]), characters.contiguous(), places(characters),
        )  # fmt: skip
        look.kappas[0] = kappa
        steps, product = steps_for(tape.gates), packed(recurrent.to(x.dtype), len(cell))
        cell, hidden = cell.clone(memory_format=torch.contiguous_format), torch.empty_like(cell)
        across = window_weight.T
        for t in range(len(x)):
            steps.forward(tape, t, product(tape.states[t]), cell, hidden)  # eq. 52: w of the step before
            torch.addmm(window_bias, hidden, across, out=look.raws[t])  # eq. 48
            steps.look(look, t, tape.states)
        ctx.save_for_backward(x, weight, recurrent, window_weight, *tape, *look)
        ctx.clip, ctx.peepholes = clip, peephole is not None
        ctx.mark_non_differentiable(look.phis)
        hiddens, windows = tape.states[1:, :, :cells], tape.states[1:, :, cells:]
        return hiddens, windows, look.phis, cell, look.kappas[-1].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, recurrent, window_weight, *parts = ctx.saved_tensors
        tape, look = Tape(*parts[: len(Tape._fields)]), Look(*parts[len(Tape._fields) :])
        steps, product = steps_for(tape.gates), packed(recurrent.T.to(x.dtype), x.shape[1])
        d_out, d_windows = grads[0].contiguous(), grads[1].contiguous()
        d_cell, d_kappa = (grad.clone(memory_format=torch.contiguous_format) for grad in grads[3:])
        d_gates, d_raws = torch.empty_like(tape.gates), torch.empty_like(look.raws)
        d_state = torch.zeros_like(tape.states[0])
        for t in reversed(range(len(x))):
            steps.look_back(look, t, d_windows, d_state, d_kappa, d_raws)
            steps.backward(tape, t, d_out, d_state, d_raws[t] @ window_weight, d_cell, d_gates, ctx.clip)
            d_state = product(d_gates[t])
        d, cells = WeightGradients(d_gates, tape, x, weight, recurrent.dtype), d_cell.shape[1]
        hiddens = tape.states[1:, :, :cells].flatten(0, 1)
        d_window_weight = (d_raws.flatten(0, 1).to(x.dtype).T @ hiddens).to(d_raws.dtype)
        d_state = d_state.to(d_cell.dtype)
        return (
            d.x, d.input, d.recurrent, d.bias, d.peephole() if ctx.peepholes else None,
            d_window_weight, d_raws.sum((0, 1)), None,
            d_state[:, :cells], d_cell, d_state[:, cells:], d_kappa, None,
        )  # fmt: skip


def places(characters: Tensor) -> Tensor:
    """The class at each place (batch, U), int32, of one-hot characters (batch, U, V); -1 for padding."""
    classes = characters.argmax(2).to(torch.int32)
    return torch.where(characters.any(2), classes, -1).to(torch.int32).contiguous()
