"""The sampler as a careful user of PyTorch writes it: the reference of `hwkit bench sample`."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from hwkit.bench.plain import PlainWindowLSTM, as_plain
from hwkit.generate.sampler import Writer
from hwkit.model.config import OutputLayout


class PlainSampler:
    """A synthesis network of nn.LSTMCell, without peepholes, which writes lines side by side."""

    def __init__(self, writer: Writer) -> None:
        config, weights = writer.network.config, writer.network.weights
        assert writer.config.vocabulary is not None
        self.config, self.vocabulary = config, writer.config.vocabulary
        plain = as_plain({name: torch.from_numpy(w) for name, w in weights.items()})
        self.first = PlainWindowLSTM(config.layers[0], self.vocabulary.size, config.window)
        self.first.load_state_dict(_under(plain, "first."))
        self.above = nn.ModuleList()
        for n, (under, cells) in enumerate(pairwise(config.layers)):
            cell = nn.LSTMCell(3 + under + self.vocabulary.size, cells)
            own = _under(plain, f"above.{n}.")
            cell.load_state_dict({name.removesuffix("_l0"): w for name, w in own.items()})
            self.above.append(cell)
        self.output = nn.Linear(sum(config.layers), config.outputs)
        self.output.load_state_dict(_under(plain, "output."))

    @torch.inference_mode()
    def write(self, texts: Sequence[str], points: int) -> int:
        """Draw so many points of each text, all of one length; how many that are together."""
        size, lines = self.vocabulary.size, len(texts)
        classes = torch.stack([torch.from_numpy(self.vocabulary.encode(text)) for text in texts])
        characters = torch.nn.functional.one_hot(classes, size).float()
        place = torch.arange(1, classes.shape[1] + 1, dtype=torch.float32)
        x, w = torch.zeros(lines, 3), torch.zeros(lines, size)
        h, c = torch.zeros(lines, self.first.cells), torch.zeros(lines, self.first.cells)
        kappa = torch.zeros(lines, self.config.window, 1)
        states = [(torch.zeros(lines, n), torch.zeros(lines, n)) for n in self.config.layers[1:]]
        generator = torch.Generator().manual_seed(0)
        for _ in range(points):
            gates = self.first.input(x) + self.first.recurrent(torch.cat([h, w], -1))
            i, f, o, g = gates.chunk(4, -1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            h = o.sigmoid() * c.tanh()
            alpha, beta, move = self.first.window(h).exp().unsqueeze(-1).chunk(3, 1)
            kappa = kappa + move
            phi = (alpha * torch.exp(-beta * (kappa - place) ** 2)).sum(1, keepdim=True)
            w = torch.bmm(phi, characters).squeeze(1)
            hidden = [h]
            for n, cell in enumerate(self.above):
                states[n] = cell(torch.cat([x, hidden[-1], w], -1), states[n])
                hidden.append(states[n][0])
            x = self._draw(self.output(torch.cat(hidden, -1)), generator)
        return lines * points

    def _draw(self, y: Tensor, generator: torch.Generator) -> Tensor:
        at = OutputLayout(self.config.mixtures)
        m = torch.multinomial(y[:, at.weight].softmax(-1), 1, generator=generator)
        mean_x, mean_y, scale_x, scale_y, rho = (
            y[:, part].gather(1, m)[:, 0]
            for part in (at.mean_x, at.mean_y, at.scale_x, at.scale_y, at.correlation)
        )
        u, v = torch.randn(2, len(y), generator=generator)
        rho = rho.tanh()
        dx = mean_x + scale_x.exp() * u
        dy = mean_y + scale_y.exp() * (rho * u + (1 - rho**2).sqrt() * v)
        end = torch.rand(len(y), generator=generator) < (-y[:, at.end]).sigmoid()
        return torch.stack([dx, dy, end.float()], 1)


def _under(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
