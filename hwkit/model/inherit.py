"""Starting a network from the weights of another, smaller or equal one, of the same characters or others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hwkit.errors import InputError
from hwkit.model.network import Network
from hwkit.vocabulary import Vocabulary


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


def for_characters(
    weights: Mapping[str, NDArray[np.floating]], of: Vocabulary, to: Vocabulary
) -> dict[str, NDArray[np.floating]]:
    """The weights of a synthesis network with vocabulary `of` as those of one with the vocabulary `to`.

    Only the columns through which the layers see the window change (eqs. 52 and 53). A character that
    `of` has not starts as nothing seen, and is learned.
    """
    old = {c: n for n, c in enumerate(of.characters, 1)} | {"": 0}
    columns = [old.get(c) for c in ("", *to.characters)] + [None] * bool(to.non_letter)
    if of.non_letter and to.non_letter == of.non_letter:
        columns[-1] = of.size - 1
    found = dict(weights)
    for name in weights:
        if name != "first.from_window" and not (name.startswith("layers.") and name.endswith(".input")):
            continue
        before, window = np.split(weights[name], [weights[name].shape[1] - of.size], axis=1)
        blank = np.zeros(len(window), window.dtype)
        seen = [blank if column is None else window[:, column] for column in columns]
        found[name] = np.concatenate([before, np.stack(seen, axis=1)], axis=1)
    return found


ADVICE = "give it the same layers, or those and more on top, mixtures and window"
