"""The LSTM layer (Graves 2013, eqs. 7 to 11), its backward pass written by hand.

Plain autograd spends most of its time on small operations, a dozen a step and twice as many
backward. Here the input products of all steps are one product before the loop, each step is one
product with weights that were laid out once, and one fused function (`hwkit.model.steps`); the
weight gradients are one product after the loop. Products run in the dtype that the caller names
(bfloat16 where the processor has it), and what products are made of is kept in it; the weights,
the cell and its derivative stay in their own dtype.

Peepholes (diagonal weights from the cell to its gates) and the paper's clipping of derivatives at
the layer's inputs, before the squashing functions, are options.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from hwkit.model.config import GateLayout
from hwkit.model.product import packed
from hwkit.model.steps import Tape, steps_for

State = tuple[Tensor, Tensor]  # hidden (batch, cells), cell (batch, cells)


class LSTM(nn.Module):
    """One layer: (time, batch, inputs) -> (time, batch, cells).

    `forward` takes and returns the state, so a sequence may come in one piece or step by step.
    """

    def __init__(self, inputs: int, cells: int, *, peepholes: bool, clip: float) -> None:
        super().__init__()
        self.cells, self.clip = cells, clip or math.inf
        self.input = nn.Parameter(torch.empty(4 * cells, inputs))
        self.recurrent = nn.Parameter(torch.empty(4 * cells, cells))
        self.bias = nn.Parameter(torch.empty(4 * cells))
        self.peephole = nn.Parameter(torch.empty(3, cells)) if peepholes else None  # i, f, o
        initialise(self)

    def start(self, batch: int) -> State:
        """The state before the first step: nothing."""
        nothing = self.bias.new_zeros(batch, self.cells)
        return nothing, nothing

    def forward(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Hidden states (time, batch, cells) and the state after the last step.

        x: (time, batch, inputs), in the dtype in which matrix products are to run; the hidden
        states come in the same.
        """
        if x.is_cuda and self.peephole is None and math.isinf(self.clip):
            return by_torch(self, x, state)
        hidden, cell = Sequence.apply(  # type: ignore[no-untyped-call]
            x, self.input, self.recurrent, self.bias, self.peephole, *state, self.clip
        )
        return hidden, (hidden[-1], cell)


def by_torch(layer: LSTM, x: Tensor, state: State) -> tuple[Tensor, State]:
    """`layer` without peepholes and clipping over a sequence, by torch's own LSTM: on CUDA cuDNN's."""
    order = [0, 1, 3, 2]  # torch keeps i, f, g, o
    weights = [
        weight.view(4, layer.cells, *weight.shape[1:])[order].flatten(0, 1).to(x.dtype)
        for weight in (layer.input, layer.recurrent, layer.bias, torch.zeros_like(layer.bias))
    ]
    hidden, cell = (part.to(x.dtype).unsqueeze(0) for part in state)
    out, last_hidden, last_cell = torch._VF.lstm(
        x, (hidden, cell), weights, True, 1, 0.0, layer.training, False, False
    )
    return out, (last_hidden[0], last_cell[0])


def initialise(layer: LSTM) -> None:
    """Weights from a normal distribution by fan-in; forget biases 1, so that cells remember."""
    for weight in (layer.input, layer.recurrent):
        nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    nn.init.zeros_(layer.bias)
    with torch.no_grad():
        layer.bias[GateLayout(layer.cells).forget] = 1.0
    if layer.peephole is not None:
        nn.init.zeros_(layer.peephole)


def begin(x: Tensor, weight: Tensor, bias: Tensor, peephole: Tensor | None, cell: Tensor, width: int) -> Tape:
    """A tape with the input products of all steps and the cell before the first.

    weight: (4H, inputs); width: of a state, which the caller writes into states[0].
    """
    steps, batch, cells = len(x), *cell.shape
    gates = (x.flatten(0, 1) @ weight.to(x.dtype).T).view(steps, batch, 4 * cells)
    kept = x.new_empty(steps + 1, batch, cells)
    kept[0] = cell
    states = x.new_empty(steps + 1, batch, width)
    peephole = bias.new_zeros(3, cells) if peephole is None else peephole.contiguous()
    return Tape(gates, kept, states, bias, peephole)


class WeightGradients:
    """What follows from the derivatives by the gates' sums, after the loop: one product each."""

    def __init__(self, d_gates: Tensor, tape: Tape, x: Tensor, weight: Tensor, dtype: torch.dtype) -> None:
        """d_gates: (time, batch, 4H); x and weight: of the input products; dtype: the weights' own."""
        flat, at = d_gates.flatten(0, 1), GateLayout(tape.cells.shape[2])
        self.x = (flat @ weight.to(flat.dtype)).view_as(x)
        self.input = (flat.T @ x.flatten(0, 1)).to(dtype)
        self.recurrent = (flat.T @ tape.states[:-1].flatten(0, 1)).to(dtype)
        self.bias = (flat.new_ones(1, len(flat)) @ flat)[0].to(dtype)  # a product is ten times faster than sum
        pairs = ((at.input, tape.cells[:-1]), (at.forget, tape.cells[:-1]), (at.output, tape.cells[1:]))
        self._peepholes = [(d_gates[..., part], cell) for part, cell in pairs]

    def peephole(self) -> Tensor:
        """(3, H): of the peepholes of i, f (from the cell before) and o (the new one)."""
        dtype = self.bias.dtype
        return torch.stack([(d * cell).sum((0, 1), dtype=dtype) for d, cell in self._peepholes])


class Sequence(torch.autograd.Function):
    """(x, weights, hidden, cell, clip) -> hidden states, last cell."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,  # (time, batch, inputs) in the products' dtype
        weight: Tensor,  # (4H, inputs)
        recurrent: Tensor,  # (4H, H)
        bias: Tensor,  # (4H,)
        peephole: Tensor | None,  # (3, H)
        hidden: Tensor,  # (batch, H)
        cell: Tensor,  # (batch, H)
        clip: float,
    ) -> tuple[Tensor, Tensor]:
        tape = begin(x, weight, bias, peephole, cell, width=hidden.shape[1])
        tape.states[0] = hidden
        steps, product = steps_for(tape.gates), packed(recurrent.to(x.dtype), len(cell))
        cell, hidden = cell.clone(memory_format=torch.contiguous_format), torch.empty_like(cell)
        for t in range(len(x)):
            steps.forward(tape, t, product(tape.states[t]), cell, hidden)
        ctx.save_for_backward(x, weight, recurrent, *tape)
        ctx.clip, ctx.peepholes = clip, peephole is not None
        return tape.states[1:], cell

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, recurrent, *parts = ctx.saved_tensors
        tape = Tape(*parts)
        steps, product = steps_for(tape.gates), packed(recurrent.T.to(x.dtype), x.shape[1])
        d_out, d_cell = grads[0].contiguous(), grads[1].clone(memory_format=torch.contiguous_format)
        d_gates, d_state = torch.empty_like(tape.gates), torch.zeros_like(tape.states[0])
        for t in reversed(range(len(x))):
            steps.backward(tape, t, d_out, d_state, None, d_cell, d_gates, ctx.clip)
            d_state = product(d_gates[t])
        d = WeightGradients(d_gates, tape, x, weight, recurrent.dtype)
        d_peephole = d.peephole() if ctx.peepholes else None
        return d.x, d.input, d.recurrent, d.bias, d_peephole, d_state.to(d_cell.dtype), d_cell, None
