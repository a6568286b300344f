"""One step of the LSTM layer and of the soft window, both ways, in torch operations.

The definition of what a step is (Graves 2013, eqs. 7 to 11 and 46 to 51), for every device and
dtype. `hwkit.model.native` has the same four functions, compiled; `steps_for` chooses.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from hwkit.model.config import GateLayout


class Tape(NamedTuple):
    """What a layer writes down of a sequence, for its backward pass.

    All but the peepholes are in the dtype of the products: the numbers that products are made of
    need no more digits than the products have.
    """

    gates: Tensor  # (time, batch, 4H): the input products, which each step squashes in place
    cells: Tensor  # (time + 1, batch, H), the first the one before the sequence
    states: Tensor  # (time + 1, batch, H) or (time + 1, batch, H + V): hidden states and windows
    bias: Tensor  # (4H,)
    peephole: Tensor  # (3, H) for i, f, o; zeros where there are none


class Look(NamedTuple):
    """The same for the soft window."""

    raws: Tensor  # (time, batch, 3K): alpha, beta, kappa before exp (eq. 48)
    kappas: Tensor  # (time + 1, batch, K), the first the one before the sequence
    phis: Tensor  # (time, batch, U), the window's weights
    characters: Tensor  # (batch, U, V), one-hot; padding is all zeros
    places: Tensor  # (batch, U) int32: the same as classes; padding is -1


class Steps(Protocol):
    """The four functions, one module's or the other's."""

    def forward(self, tape: Tape, t: int, sums: Tensor, cell: Tensor, hidden: Tensor) -> None: ...

    def backward(
        self,
        tape: Tape,
        t: int,
        d_out: Tensor,
        d_state: Tensor,
        d_more: Tensor | None,
        d_cell: Tensor,
        d_gates: Tensor,
        clip: float,
    ) -> None: ...

    def look(self, look: Look, t: int, states: Tensor) -> None: ...

    def look_back(
        self, look: Look, t: int, d_windows: Tensor, d_state: Tensor, d_kappa: Tensor, d_raws: Tensor
    ) -> None: ...


class PlainSteps:
    """The steps in torch operations."""

    def forward(self, tape: Tape, t: int, sums: Tensor, cell: Tensor, hidden: Tensor) -> None:
        """Eqs. 7 to 11. Writes gates[t], cells[t + 1], states[t + 1], `cell` and `hidden` (batch, H).

        sums: (batch, 4H), the recurrent products of this step.
        """
        cells, peephole = cell.shape[1], tape.peephole
        at = GateLayout(cells)
        gates = (tape.gates[t].to(cell.dtype) + sums).add_(tape.bias)
        gates[:, at.input].addcmul_(cell, peephole[0])
        gates[:, at.forget].addcmul_(cell, peephole[1])
        gates[:, : at.forget.stop].sigmoid_()
        gates[:, at.cell].tanh_()
        cell.mul_(gates[:, at.forget]).addcmul_(gates[:, at.input], gates[:, at.cell])
        gates[:, at.output].addcmul_(cell, peephole[2]).sigmoid_()
        torch.mul(gates[:, at.output], cell.tanh(), out=hidden)
        tape.gates[t], tape.cells[t + 1], tape.states[t + 1, :, :cells] = gates, cell, hidden

    def backward(
        self,
        tape: Tape,
        t: int,
        d_out: Tensor,
        d_state: Tensor,
        d_more: Tensor | None,
        d_cell: Tensor,
        d_gates: Tensor,
        clip: float,
    ) -> None:
        """Writes d_gates[t], the derivatives by the gates' sums, and `d_cell` (batch, H).

        d_out: (time, batch, H), derivatives by the hidden states, from above; d_state: (batch, S),
        from the step after; d_more: (batch, H), from the window. clip: the paper clips at the
        layer's inputs, before the squashing functions (section 2.1); inf does not.
        """
        cells, peephole = d_cell.shape[1], tape.peephole
        at, dtype = GateLayout(cells), d_cell.dtype
        gates, before, tanh = (
            tape.gates[t].to(dtype),
            tape.cells[t].to(dtype),
            tape.cells[t + 1].to(dtype).tanh(),
        )
        i, f, o, g = (gates[:, part] for part in (at.input, at.forget, at.output, at.cell))
        d_hidden = d_out[t].to(dtype) + d_state[:, :cells]
        if d_more is not None:
            d_hidden += d_more
        slope = torch.addcmul(gates, gates, gates, value=-1)  # of the logistic function; g's is below
        d = torch.empty_like(gates)
        torch.mul(d_hidden * tanh, slope[:, at.output], out=d[:, at.output]).clamp_(-clip, clip)
        d_cell.addcmul_(d_hidden, torch.addcmul(o, o * tanh, tanh, value=-1))
        d_cell.addcmul_(d[:, at.output], peephole[2])
        torch.mul(d_cell * g, slope[:, at.input], out=d[:, at.input])
        torch.mul(d_cell * before, slope[:, at.forget], out=d[:, at.forget])
        torch.mul(d_cell, torch.addcmul(i, i * g, g, value=-1), out=d[:, at.cell])
        d.clamp_(-clip, clip)
        d_cell.mul_(f).addcmul_(d[:, at.input], peephole[0]).addcmul_(d[:, at.forget], peephole[1])
        d_gates[t] = d

    def look(self, look: Look, t: int, states: Tensor) -> None:
        """Eqs. 46 to 51 from raws[t]. Writes kappas[t + 1], phis[t] and the window into states[t + 1]."""
        components, classes = look.kappas.shape[2], look.characters.shape[2]
        torch.add(look.kappas[t], look.raws[t, :, 2 * components :].exp(), out=look.kappas[t + 1])  # eq. 51
        torch.sum(_gaussians(look, t).height, 1, out=look.phis[t])  # eq. 46
        window = torch.bmm(look.phis[t].unsqueeze(1), look.characters)  # eq. 47
        states[t + 1, :, -classes:] = window.squeeze(1)

    def look_back(
        self, look: Look, t: int, d_windows: Tensor, d_state: Tensor, d_kappa: Tensor, d_raws: Tensor
    ) -> None:
        """Eqs. 56 to 60. Writes d_raws[t] (batch, 3K) and `d_kappa` (batch, K).

        d_windows: (time, batch, V), from above; d_state: (batch, H + V), from the step after.
        """
        components, classes = look.kappas.shape[2], look.characters.shape[2]
        d_window = d_windows[t].to(d_kappa.dtype) + d_state[:, -classes:]
        d_phi = torch.bmm(look.characters, d_window.unsqueeze(2)).transpose(1, 2)  # (batch, 1, U)
        now = _gaussians(look, t)
        share = now.height * d_phi  # shared by all three parameters
        moved = share * now.distance
        d_kappa -= 2 * moved.sum(2) * now.beta
        d_raws[t, :, :components] = share.sum(2)
        d_raws[t, :, components : 2 * components] = -(moved * now.distance).sum(2) * now.beta
        torch.mul(look.raws[t, :, 2 * components :].exp(), d_kappa, out=d_raws[t, :, 2 * components :])


class Gaussians(NamedTuple):
    """The window's components at one step."""

    beta: Tensor  # (batch, K), narrowness, eq. 50
    distance: Tensor  # (batch, K, U), kappa - u
    height: Tensor  # (batch, K, U), alpha exp(-beta distance^2), eq. 46


def _gaussians(look: Look, t: int) -> Gaussians:
    alpha, beta, _ = look.raws[t].exp().chunk(3, 1)
    place = torch.arange(1, look.phis.shape[2] + 1, device=alpha.device, dtype=alpha.dtype)
    distance = look.kappas[t + 1].unsqueeze(2) - place
    height = alpha.unsqueeze(2) * torch.exp(-beta.unsqueeze(2) * distance * distance)
    return Gaussians(beta, distance, height)


def steps_for(gates: Tensor) -> Steps:
    """The compiled steps where they can be had for the device and dtype of `gates`; else the plain ones."""
    from hwkit.model import native

    return native.steps_of(gates.dtype) if gates.device.type == "cpu" else PLAIN


PLAIN = PlainSteps()
