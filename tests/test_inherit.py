"""A network that starts from a smaller one begins as good as that was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hwkit import pretrained
from hwkit.dataset import InkWriter
from hwkit.errors import ArtifactError, InputError
from hwkit.ink import Ink, Sample
from hwkit.model.config import NetworkConfig
from hwkit.model.inherit import for_characters, inherit
from hwkit.model.network import build
from hwkit.preprocess import Recipe
from hwkit.stages.model import make_train
from hwkit.stages.stage import Circumstances, write_json
from hwkit.train import TrainConfig
from hwkit.vocabulary import Vocabulary

V = 5


def network_of(*layers, seed, **options):
    torch.manual_seed(seed)
    return build(NetworkConfig(layers=layers, mixtures=2, window=2, **options), V)


def outputs(network):
    x = torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(1))
    text = torch.eye(V).repeat(2, 1, 1)
    return network(x, text, network.start(2))[0]


def weights_of(network):
    return {name: w.detach().clone() for name, w in network.named_parameters()}


@pytest.mark.parametrize("layers", [(6, 4), (6, 4, 7), (6, 4, 7, 3)])
def test_it_predicts_what_the_other_did_and_new_layers_can_learn(layers):
    small, large = network_of(6, 4, seed=1), network_of(*layers, seed=2)
    assert not torch.allclose(outputs(large), outputs(small))
    inherit(large, weights_of(small))
    torch.testing.assert_close(outputs(large), outputs(small))
    outputs(large).square().sum().backward()
    assert all(w.grad is not None for w in large.parameters())
    if len(layers) > 2:
        heard = large.output.weight.grad[:, 10:]
        assert heard.abs().sum() > 0  # so the next update listens to the new layers


@pytest.mark.parametrize(
    ("layers", "options", "named"),
    [
        ((6,), {}, r"layers\.0"),
        ((7, 4), {}, "first"),
        ((6, 5), {}, r"layers\.0"),
        ((6, 4), {"peepholes": True}, None),
    ],
)
def test_a_network_of_another_shape_is_refused_by_name(layers, options, named):
    small, other = network_of(6, 4, seed=1), network_of(*layers, seed=2, **options)
    if named is None:  # what the other lacks stays fresh: peepholes begin at nothing
        inherit(other, weights_of(small))
        torch.testing.assert_close(outputs(other), outputs(small))
        return
    with pytest.raises(InputError, match=named):
        inherit(other, weights_of(small))


def test_other_characters_read_as_the_same_text():
    of, to = Vocabulary(characters="abcd"), Vocabulary(characters="dxba")
    small = network_of(6, 4, seed=1)
    with torch.no_grad():
        small.first.parameters_weight.normal_()  # so that the window hangs on what it saw
    arrays = {name: w.numpy() for name, w in weights_of(small).items()}
    other = network_of(6, 4, 3, seed=2)
    inherit(other, {n: torch.from_numpy(w) for n, w in for_characters(arrays, of, to).items()})

    def read(network, vocabulary, text):
        classes = torch.tensor(vocabulary.encode(text))
        one_hot = torch.nn.functional.one_hot(classes, vocabulary.size).float()[None]
        x = torch.randn(6, 1, 3, generator=torch.Generator().manual_seed(1))
        return network(x, one_hot, network.start(1))[0]

    for text in ("abd", "bad", "d"):
        torch.testing.assert_close(read(other, to, text), read(small, of, text))
    assert not torch.allclose(read(other, to, "bad"), read(other, to, "dab"))
    # A character that is new was never seen: it reads as nothing, and can be learned.
    blank = for_characters(arrays, of, to)["first.from_window"][:, to.characters.index("x") + 1]
    assert not blank.any()
    read(other, to, "x").square().sum().backward()
    assert other.first.from_window.grad[:, to.characters.index("x") + 1].abs().sum() > 0


def test_a_model_of_another_preprocessing_is_no_start(tmp_path):
    with InkWriter(tmp_path / "ink.h5", recipe=Recipe().text()) as writer:
        writer.append(Sample("a", Ink.from_strokes([np.eye(2)]), "a", "f", "train"))
    begun = pretrained.read_config(pretrained.find("first"))
    inputs = {"ink": tmp_path / "ink.h5"}
    for name in ("statistics", "vocabulary"):
        inputs[name] = tmp_path / f"{name}.json"
        write_json(inputs[name], getattr(begun, name))
    with pytest.raises(ArtifactError, match="another preprocessing"):
        make_train(TrainConfig(start="first"), inputs, tmp_path, Circumstances())
