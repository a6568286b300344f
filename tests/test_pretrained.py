"""Models on disk: what is written is what is read, and what is no model says so."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError
from hwkit.model.config import NetworkConfig
from hwkit.preprocess import PRESETS
from hwkit.pretrained import ModelConfig, find, read_config, read_weights, write
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

CONFIG = ModelConfig(
    network=NetworkConfig(layers=(8, 8), mixtures=2, window=2, peepholes=True),
    statistics=Statistics(mean=(0.1, -0.2), deviation=(1.5, 1 / 3), points_per_character=25.5, unit=40.0),
    vocabulary=Vocabulary(characters=" abé'\"\\", non_letter="1!"),
    recipe=PRESETS["aligned"],
    bias=0.75,
)


def weights():
    rng = np.random.default_rng(0)
    named = {"layers.0.input": (32, 3), "output.bias": (13,), "first.recurrent": (4, 4)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in named.items()}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "a model"
    folder.mkdir()
    write(folder, CONFIG, weights(), "# A card, façade and all\n")
    return folder


def test_a_model_comes_back_as_it_was_written(model):
    assert read_config(model) == CONFIG
    back = read_weights(model)
    assert back.keys() == weights().keys()
    for name, w in weights().items():
        assert back[name].dtype == np.float32
        assert np.array_equal(back[name], w.astype(np.float16))  # the half precision that it was rounded to
        np.testing.assert_allclose(back[name], w, rtol=2**-11, atol=1e-7)
    assert (model / "README.md").read_text(encoding="utf-8") == "# A card, façade and all\n"


def test_the_files_by_their_own_formats(model):
    raw = (model / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    entry = header["layers.0.input"]
    assert (entry["dtype"], entry["shape"]) == ("F16", [32, 3])
    start, end = (8 + length + at for at in entry["data_offsets"])
    stored = np.frombuffer(raw[start:end], "<f2").reshape(32, 3)
    assert np.array_equal(stored, weights()["layers.0.input"].astype(np.float16))
    config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    assert (config["format"], config["format_version"]) == ("hwkit-model", 1)
    assert config["network"]["layers"] == [8, 8]
    assert config["statistics"]["deviation"] == [1.5, 1 / 3]


def test_weights_that_do_not_lie_in_order_are_written_as_they_read(tmp_path):
    turned = np.arange(12, dtype=np.float32).reshape(3, 4).T
    write(tmp_path, CONFIG, {"w": turned}, "")
    assert np.array_equal(read_weights(tmp_path)["w"], turned)


def test_a_prediction_model_has_no_vocabulary(tmp_path):
    config = ModelConfig(
        network=NetworkConfig(kind="prediction"),
        statistics=CONFIG.statistics,
        vocabulary=None,
        recipe=CONFIG.recipe,
    )
    write(tmp_path, config, {}, "")
    assert read_config(tmp_path).vocabulary is None
    assert read_config(tmp_path) == config


def test_a_model_is_found_by_its_path_and_by_its_name(model, tmp_path, monkeypatch):
    assert find(str(model)) == model
    packaged = tmp_path / "package"
    (packaged / "neat").mkdir(parents=True)
    write(packaged / "neat", CONFIG, {}, "")
    (packaged / "no model").mkdir()
    monkeypatch.setattr(pretrained, "__file__", str(packaged / "__init__.py"))
    assert pretrained.names() == ["neat"]
    assert find("neat") == packaged / "neat"
    monkeypatch.chdir(model.parent)
    assert read_config(find("a model")) == CONFIG
    with pytest.raises(InputError, match=r"no model 'nice'; packaged are neat"):
        find("nice")


def test_what_is_no_model_says_so(tmp_path):
    with pytest.raises(InputError, match=r"no model 'nowhere/at all'"):
        find("nowhere/at all")
    (tmp_path / "file").write_text("hello")
    for there in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="holds no config") as error:
            find(str(there))
        assert str(there) in str(error.value)


def edited(model, **changes):
    file = model / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_another_version_is_named(model):
    edited(model, format_version=2)
    with pytest.raises(ArtifactError, match="format version 2, this hwkit reads 1") as error:
        read_config(model)
    assert error.value.file == model / "config.json"
    edited(model, format_version=2, surprise=True)  # what a later version may well hold
    with pytest.raises(ArtifactError, match="format version 2"):
        read_config(model)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"hello", b"[]", b"7", b"{}", b"\xff\xfe{}", b"[" * 100_000, b'{"format": "hwkit-model"}'],
)
def test_a_broken_config_is_named(model, content):
    (model / "config.json").write_bytes(content)
    with pytest.raises(ArtifactError, match="is no model config") as error:
        read_config(model)
    assert error.value.file == model / "config.json"


@pytest.mark.parametrize(
    "changes",
    [
        {"surprise": 1},
        {"bias": "much"},
        {"network": {"kind": "other"}},
        {"network": {"layers": "many"}},
        {"statistics": None},
    ],
)
def test_a_config_with_wrong_values_is_named(model, changes):
    edited(model, **changes)
    with pytest.raises(ArtifactError, match="is no model config"):
        read_config(model)


def test_values_that_make_no_network_are_bad_input(model):
    edited(model, network={"layers": []})
    with pytest.raises(InputError):
        read_config(model)


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(ArtifactError, match="cannot be read"):
        read_config(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 20, 200, -1])
def test_truncated_weights_are_named(model, keep):
    file = model / "model.safetensors"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(ArtifactError, match="cannot be read as weights") as error:
        read_weights(model)
    assert error.value.file == file


def test_weights_that_are_no_weights_are_named(model):
    (model / "model.safetensors").write_bytes(b"hello, I am no weights at all" * 20)
    with pytest.raises(ArtifactError, match="cannot be read as weights"):
        read_weights(model)
    (model / "model.safetensors").unlink()
    with pytest.raises(ArtifactError, match="cannot be read as weights"):
        read_weights(model)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_no_number_is_refused_both_ways(model, value):
    from safetensors.numpy import save_file

    bad = {"w": np.zeros((2, 3), np.float16), "v": np.array([0, value], np.float16)}
    with pytest.raises(InputError, match="weight v does not fit float16"):
        write(model, CONFIG, bad, "")
    assert read_weights(model).keys() == weights().keys()  # what was there is there
    save_file(bad, model / "model.safetensors")
    with pytest.raises(ArtifactError, match="weight v holds values that are no numbers"):
        read_weights(model)


def test_weights_in_bfloat16_are_named(model):
    import torch
    from safetensors.torch import save_file

    save_file({"w": torch.zeros(3, dtype=torch.bfloat16)}, model / "model.safetensors")
    with pytest.raises(ArtifactError, match="cannot be read as weights"):
        read_weights(model)


def test_a_name_too_long_for_a_file_is_no_model():
    with pytest.raises(InputError, match="there is no model"):
        find("hello" * 100)


def test_a_weight_too_large_for_half_precision_is_refused(tmp_path):
    with pytest.raises(InputError, match="weight w does not fit float16"):
        write(tmp_path, CONFIG, {"w": np.array([1e6], np.float32)}, "")
    assert not list(tmp_path.iterdir())
