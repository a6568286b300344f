"""The LSTM layer (Graves 2013, eqs. 7 to 11), its backward pass written by hand.

Plain autograd spends most of its time on small operations, a dozen a step and twice as many
backward. Here the input products of all steps are one product before the loop, each step is one
product and a few fused operations in place, all derivative factors are computed for the whole
sequence at once, and the weight gradients are one product after the loop. Products run in the
dtype of the weights that are passed (bfloat16 where the processor has it); the state, the gates
and all derivatives stay in the dtype of the gates.

Peepholes (diagonal weights from the cell to its gates) and the paper's clipping of derivatives at
the layer's inputs, before the squashing functions, are options.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from hwkit.model.config import GateLayout

State = tuple[Tensor, Tensor]  # hidden (batch, cells), cell (batch, cells)


class LSTM(nn.Module):
    """One layer: (time, batch, inputs) -> (time, batch, cells).

    `forward` takes and returns the state, so a sequence may come in one piece or step by step.
    """

    def __init__(self, inputs: int, cells: int, *, peepholes: bool, clip: float) -> None:
        super().__init__()
        self.cells, self.clip = cells, clip
        self.input = nn.Parameter(torch.empty(4 * cells, inputs))
        self.recurrent = nn.Parameter(torch.empty(4 * cells, cells))
        self.bias = nn.Parameter(torch.empty(4 * cells))
        self.peephole = nn.Parameter(torch.empty(3, cells)) if peepholes else None  # i, f, o
        initialise(self)

    def start(self, batch: int) -> State:
        """The state before the first step: nothing."""
        nothing = self.bias.new_zeros(batch, self.cells)
        return nothing, nothing

    def forward(self, x: Tensor, state: State, product: torch.dtype) -> tuple[Tensor, State]:
        """Hidden states (time, batch, cells) and the state after the last step.

        x: (time, batch, inputs); product: the dtype in which matrix products run.
        """
        gates = project(x, self.input, self.bias, product)
        hidden, last_cell = Sequence.apply(  # type: ignore[no-untyped-call]
            gates, self.recurrent.to(product), self.peephole, *state, self.clip
        )
        return hidden, (hidden[-1], last_cell)


def initialise(layer: LSTM) -> None:
    """Weights from a normal distribution by fan-in; forget biases 1, so that cells remember."""
    for weight in (layer.input, layer.recurrent):
        nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.bias[GateLayout(layer.cells).forget] = 1.0
    if layer.peephole is not None:
        nn.init.zeros_(layer.peephole)


def project(x: Tensor, weight: Tensor, bias: Tensor, product: torch.dtype) -> Tensor:
    """x @ weight.T + bias over the last axis, the product in `product`, the result in x's dtype."""
    flat = x.flatten(0, -2).to(product) @ weight.to(product).T
    return flat.to(x.dtype).add_(bias).reshape(*x.shape[:-1], -1)


def squash(gates: Tensor, cell: Tensor, peephole: Tensor | None, at: GateLayout) -> tuple[Tensor, Tensor]:
    """One step of eqs. 7 to 11. `gates` (batch, 4H) holds the sums and is squashed in place.

    Returns the new cell and its tanh, both (batch, H).
    """
    if peephole is None:
        gates[:, at.gates].sigmoid_()
    else:
        gates[:, at.input].addcmul_(cell, peephole[0])
        gates[:, at.forget].addcmul_(cell, peephole[1])
        gates[:, : at.forget.stop].sigmoid_()
    gates[:, at.cell].tanh_()
    new = cell * gates[:, at.forget]
    new.addcmul_(gates[:, at.input], gates[:, at.cell])
    if peephole is not None:
        gates[:, at.output].addcmul_(new, peephole[2]).sigmoid_()
    return new, new.tanh()


def derivative_factors(gates: Tensor, cells: Tensor, tanh: Tensor, at: GateLayout) -> tuple[Tensor, Tensor]:
    """What each derivative is multiplied with, for all steps at once.

    gates: (time, batch, 4H) squashed; cells: (time + 1, batch, H), the first the one before the
    sequence; tanh: (time, batch, H) of the later ones. Returns `factors` (time, batch, 4H), the
    derivative of the cell (for i, f, g) or of the hidden state (for o) by each gate's sum, and
    `through` (time, batch, H), of the hidden state by the cell.
    """
    i, o, g = (gates[..., part] for part in (at.input, at.output, at.cell))
    factors = torch.empty_like(gates)
    factors[..., at.gates] = torch.addcmul(
        gates[..., at.gates], gates[..., at.gates], gates[..., at.gates], value=-1
    )
    factors[..., at.input] *= g
    factors[..., at.forget] *= cells[:-1]
    factors[..., at.output] *= tanh
    factors[..., at.cell] = torch.addcmul(i, (i * g), g, value=-1)
    through = torch.addcmul(o, (o * tanh), tanh, value=-1)
    return factors, through


def step_back(
    factors: Tensor,
    through: Tensor,
    forget: Tensor,
    d_hidden: Tensor,
    d_cell: Tensor,
    peephole: Tensor | None,
    clip: float,
    at: GateLayout,
) -> Tensor:
    """One step backward. `factors` (batch, 4H) becomes the derivatives of the gates' sums, in place.

    d_hidden, d_cell: derivatives (batch, H) of this step's hidden state and cell.
    Returns the derivative of the cell before.
    """
    # The paper clips at the layer's inputs, before the squashing functions (section 2.1).
    factors[:, at.output].mul_(d_hidden)
    if clip and peephole is not None:
        factors[:, at.output].clamp_(-clip, clip)
    d_cell = torch.addcmul(d_cell, d_hidden, through)
    if peephole is not None:
        d_cell.addcmul_(factors[:, at.output], peephole[2])
    factors[:, at.input].mul_(d_cell)
    factors[:, at.forget].mul_(d_cell)
    factors[:, at.cell].mul_(d_cell)
    if clip:
        factors.clamp_(-clip, clip)
    d_before = d_cell.mul_(forget)
    if peephole is not None:
        d_before.addcmul_(factors[:, at.input], peephole[0])
        d_before.addcmul_(factors[:, at.forget], peephole[1])
    return d_before


def peephole_gradient(d_gates: Tensor, cells: Tensor, at: GateLayout) -> Tensor:
    """(3, H): derivatives of the peepholes of i, f (from the cell before) and o (the new one)."""
    pairs = ((at.input, cells[:-1]), (at.forget, cells[:-1]), (at.output, cells[1:]))
    return torch.stack([(d_gates[..., part] * cell).sum((0, 1)) for part, cell in pairs])


class Sequence(torch.autograd.Function):
    """(gates, recurrent, peephole, hidden, cell, clip) -> hidden states, last cell."""

    @staticmethod
    def forward(
        ctx: Any,
        gates: Tensor,  # (time, batch, 4H): input products and biases
        recurrent: Tensor,  # (4H, H) in the products' dtype
        peephole: Tensor | None,  # (3, H)
        hidden: Tensor,  # (batch, H)
        cell: Tensor,  # (batch, H)
        clip: float,
    ) -> tuple[Tensor, Tensor]:
        at = GateLayout(hidden.shape[1])
        gates, transposed = gates.clone(), recurrent.T
        cells = gates.new_empty(len(gates) + 1, *hidden.shape)
        tanh = gates.new_empty(len(gates), *hidden.shape)
        states = gates.new_empty(len(gates) + 1, *hidden.shape, dtype=recurrent.dtype)
        out = gates.new_empty(len(gates), *hidden.shape)
        cells[0], states[0] = cell, hidden
        for t, step in enumerate(gates):
            step += states[t] @ transposed
            cells[t + 1], tanh[t] = squash(step, cells[t], peephole, at)
            torch.mul(step[:, at.output], tanh[t], out=out[t])
            states[t + 1] = out[t]
        ctx.save_for_backward(gates, recurrent, peephole, cells, tanh, states)
        ctx.clip = clip
        return out, cells[-1].clone()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        d_out, d_cell = grads
        gates, recurrent, peephole, cells, tanh, states = ctx.saved_tensors
        at = GateLayout(tanh.shape[2])
        factors, through = derivative_factors(gates, cells, tanh, at)
        d_before = torch.zeros_like(tanh[0])
        for t in reversed(range(len(gates))):
            forget = gates[t][:, at.forget]
            d_hidden = d_before.add_(d_out[t])
            d_cell = step_back(factors[t], through[t], forget, d_hidden, d_cell, peephole, ctx.clip, at)
            d_before = (factors[t].to(recurrent.dtype) @ recurrent).to(d_cell.dtype)
        flat = factors.flatten(0, 1)
        d_recurrent = flat.to(recurrent.dtype).T @ states[:-1].flatten(0, 1)
        d_peephole = None if peephole is None else peephole_gradient(factors, cells, at)
        return factors, d_recurrent, d_peephole, d_before, d_cell, None
