"""The network of a reader: convolutions over the points of a line, then LSTM layers that run both ways.

It is trained as Graves's recognisers were, by connectionist temporal classification (Graves et al. 2006).
`hwkit.reader.network` is the same in numpy.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from hwkit.model.config import CHANNELS, FEATURES, KERNEL, STRIDE, NetworkConfig
from hwkit.model.lstm import LSTM
from hwkit.model.network import dropout

BLANK = 0  # the class that stands for no character: the end of the text in a vocabulary


class ReaderNetwork(nn.Module):
    """Features of points -> scores of characters, a frame for every four points."""

    def __init__(self, config: NetworkConfig, classes: int) -> None:
        super().__init__()
        self.config, self.classes = config, classes
        below = [FEATURES, *CHANNELS]
        self.convolutions = nn.ModuleList(
            nn.Linear(KERNEL * under, above) for under, above in zip(below, CHANNELS, strict=False)
        )
        seen = [CHANNELS[-1], *(2 * cells for cells in config.layers[:-1])]
        options = {"peepholes": config.peepholes, "clip": config.gate_clip}
        self.onward = nn.ModuleList(
            LSTM(under, cells, **options)  # type: ignore[arg-type]
            for under, cells in zip(seen, config.layers, strict=True)
        )
        self.homeward = nn.ModuleList(
            LSTM(under, cells, **options)  # type: ignore[arg-type]
            for under, cells in zip(seen, config.layers, strict=True)
        )
        self.output = nn.Linear(2 * config.layers[-1], classes)
        self.product = torch.float32  # the dtype of matrix products; training may set bfloat16

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Log probabilities (frames, batch, classes), of a blank the first, and each line's frames (batch,).

        x: (time, batch, features), lengths: (batch,), the points of each line.
        """
        h, own = x, self.output.weight.dtype
        product = own if own == torch.float64 else self.product  # as they are, for gradcheck
        weights = [(layer.weight, layer.bias) for layer in self.convolutions if isinstance(layer, nn.Linear)]
        for (weight, bias), stride in zip(weights, STRIDE, strict=True):
            h = present(h, lengths)
            h = F.linear(unfolded(h, stride).to(product), weight.to(product)).to(own) + bias
            h = dropout(F.relu(h), self.config.dropout / 2, self.training)
            lengths = (lengths + stride - 1) // stride
        h = present(h, lengths).to(product)
        turned = reversal(len(h), lengths)
        for there, back in zip(self.onward, self.homeward, strict=True):
            assert isinstance(there, LSTM)
            assert isinstance(back, LSTM)
            a, _ = there(h, there.start(h.shape[1]))
            b, _ = back(turn(h, turned), back.start(h.shape[1]))
            h = dropout(torch.cat([a, turn(b, turned)], -1), self.config.dropout, self.training)
        scores = F.linear(h, self.output.weight.to(product)).to(own) + self.output.bias
        return F.log_softmax(scores, -1), lengths


def present(h: Tensor, lengths: Tensor) -> Tensor:
    """The same (time, batch, channels) with nothing behind the end of each line."""
    there = torch.arange(len(h), device=h.device)[:, None] < lengths
    return h * there[..., None].to(h.dtype)


def unfolded(h: Tensor, stride: int) -> Tensor:
    """(ceil(time / stride), batch, KERNEL * channels): what a convolution sees about every stride-th row."""
    around = KERNEL // 2
    padded = F.pad(h, (0, 0, 0, 0, around, around))
    return torch.cat([padded[k : k + len(h) : stride] for k in range(KERNEL)], -1)


def reversal(steps: int, lengths: Tensor) -> Tensor:
    """(time, batch): the rows of each line from its own end to its start; those behind the end stay."""
    t = torch.arange(steps, device=lengths.device)[:, None]
    return torch.where(t < lengths, lengths - 1 - t, t)


def turn(h: Tensor, rows: Tensor) -> Tensor:
    """(time, batch, channels) with each line's rows in another order."""
    return h.gather(0, rows[..., None].expand_as(h))


def ctc(log_probabilities: Tensor, frames: Tensor, classes: Tensor, characters: Tensor) -> Tensor:
    """Nats of each line's text, summed over the lines.

    classes: (sum of characters,), all texts one after the other; characters: (batch,), how many are whose.
    A text that its frames cannot hold counts nothing.
    """
    return F.ctc_loss(
        log_probabilities, classes, frames, characters, blank=BLANK, reduction="sum", zero_infinity=True
    )
