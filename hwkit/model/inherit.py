"""Starting a network from the weights of another, smaller or equal one."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from hwkit.errors import InputError
from hwkit.model.network import Network


@torch.no_grad()
def inherit(network: Network, weights: Mapping[str, Tensor]) -> None:
    """Give `network` the `weights` of another, by name.

    It may have more layers on top. These keep their fresh weights, and the output layer does not
    listen to them at first, so that the network begins as good as the other was.

    Raises InputError where a layer of both differs in shape: it would begin as neither.
    """
    own = dict(network.named_parameters())
    missing = sorted(weights.keys() - own.keys())
    if missing:
        raise InputError(f"the network to start from has {missing[0]}, this one has not", do=ADVICE)
    for name, weight in weights.items():
        mine, wider = own[name], name == "output.weight" and own[name].shape[1] > weight.shape[1]
        if mine.shape[0] != weight.shape[0] or (mine.shape[1:] != weight.shape[1:] and not wider):
            raise InputError(
                f"{name} is {tuple(mine.shape)} here and {tuple(weight.shape)} in the network to start from",
                do=ADVICE,
            )
        if wider:
            mine.zero_()
            mine[:, : weight.shape[1]] = weight
        else:
            mine.copy_(weight)


ADVICE = "give it the same layers, or those and more on top, mixtures, window and characters"
