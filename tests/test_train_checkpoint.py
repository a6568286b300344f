"""Checkpoints: whole at every moment, small files, damage named."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load

from hwkit.errors import ArtifactError
from hwkit.train import checkpoint

PARTS = {
    "weights": {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor(7.0)},
    "none": {"c": torch.zeros(0)},
}
OTHER = {"weights": {"a": torch.full((2, 3), 8.0), "b": torch.tensor(9.0)}, "none": {"c": torch.zeros(0)}}


def files(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def equal(one, other):
    assert one.keys() == other.keys()
    for part, tensors in one.items():
        assert tensors.keys() == other[part].keys()
        for name, tensor in tensors.items():
            found = other[part][name]
            assert (tensor.dtype, tensor.shape) == (found.dtype, found.shape)
            # Bits, so that a NaN and a negative zero count as themselves.
            assert tensor.numpy().tobytes() == found.numpy().tobytes()


NUMBERS = st.floats(width=32) | st.sampled_from([float("nan"), -0.0, float("inf"), 1e-42])
TENSORS = st.dictionaries(st.text(min_size=1, max_size=8), st.lists(NUMBERS, max_size=9), max_size=3)


@settings(max_examples=25)
@given(st.dictionaries(st.text(max_size=8), TENSORS, max_size=3), st.floats(allow_nan=False))
def test_what_was_written_is_read(parts, figure):
    parts = {
        part: {name: torch.tensor(np.array(v, np.float32)) for name, v in tensors.items()}
        for part, tensors in parts.items()
    }
    with tempfile.TemporaryDirectory() as name:
        checkpoint.write(Path(name) / "state", parts, {"figure": figure, "words": ["x", "ä"]})
        found, facts = checkpoint.read(Path(name) / "state")
    equal(found, parts)
    assert facts == {"figure": figure, "words": ["x", "ä"]}


def test_shards_are_small_and_joined_they_are_safetensors(tmp_path, monkeypatch):
    assert checkpoint.SHARD < 15_000_000
    monkeypatch.setattr(checkpoint, "SHARD", 1000)
    weights = {"big": torch.randn(40, 30), "small": torch.randn(3)}
    checkpoint.write(tmp_path, {"weights": weights}, {})
    shards = {name: content for name, content in files(tmp_path).items() if name != checkpoint.INDEX}
    assert len(shards) >= 5
    assert max(map(len, shards.values())) <= 1000
    assert all(hashlib.sha256(content).hexdigest() + ".shard" == name for name, content in shards.items())
    order = json.loads((tmp_path / checkpoint.INDEX).read_text())["parts"]["weights"]
    independent = load(b"".join(shards[f"{digest}.shard"] for digest in order))
    for name, tensor in weights.items():
        np.testing.assert_array_equal(independent[name], tensor.numpy())
    equal(checkpoint.read(tmp_path)[0], {"weights": weights})


def test_only_what_has_changed_is_written_and_what_is_not_needed_goes(tmp_path):
    checkpoint.write(tmp_path, PARTS, {})
    before = files(tmp_path)
    kept = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    (tmp_path / "left.partial").write_bytes(b"of a killed process")
    checkpoint.write(tmp_path, OTHER | {"none": PARTS["none"]}, {})
    after = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    shared = before.keys() & after.keys() - {checkpoint.INDEX}
    assert len(shared) == 1
    assert all(after[name] == kept[name] for name in shared)
    assert len(after) == len(before)


@pytest.mark.parametrize("at", range(8))
def test_a_writing_that_is_cut_off_anywhere_leaves_the_old_or_the_new_one(tmp_path, monkeypatch, at):
    """The process dies before its at-th change of the folder; every change goes through these three."""
    checkpoint.write(tmp_path / "state", PARTS, {"n": 1})
    left = [at]

    def dying(method):
        def change(self, *args, **options):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return method(self, *args, **options)

        return change

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, dying(getattr(Path, name)))
        patch.setattr("os.fsync", dying(lambda handle: None))
        try:
            checkpoint.write(tmp_path / "state", OTHER, {"n": 2})
        except KeyboardInterrupt:
            cut = True
        else:
            cut = False
    assert cut == (at < 7)
    found, facts = checkpoint.read(tmp_path / "state")
    equal(found, PARTS if facts["n"] == 1 else OTHER)
    checkpoint.write(tmp_path / "state", OTHER, {"n": 3})  # and the next one is as if nothing had been
    checkpoint.write(tmp_path / "fresh", OTHER, {"n": 3})
    assert files(tmp_path / "state") == files(tmp_path / "fresh")


def test_a_first_writing_that_was_cut_off_is_none(tmp_path, monkeypatch):
    assert not checkpoint.exists(tmp_path / "state")
    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError("the disk is full")))
        with pytest.raises(OSError, match="full"):
            checkpoint.write(tmp_path / "state", PARTS, {})
    assert not checkpoint.exists(tmp_path / "state")
    checkpoint.write(tmp_path / "state", PARTS, {})
    assert checkpoint.exists(tmp_path / "state")
    checkpoint.remove(tmp_path / "state")
    assert not (tmp_path / "state").exists()


@settings(max_examples=25)
@given(st.data())
def test_a_byte_that_changed_anywhere_in_a_shard_is_one_clear_error(data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        checkpoint.write(folder, PARTS, {})
        file = data.draw(st.sampled_from(sorted(folder.glob("*.shard"))))
        content = bytearray(file.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        file.write_bytes(content)
        with pytest.raises(ArtifactError, match="damaged") as error:
            checkpoint.read(folder)
        assert error.value.file == file


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[" * 100_000,
        b"\xff",
        b'{"format": "hwkit-checkpoint", "format_version": 2, "parts": {}, "facts": {}}',
        b'{"format": "hwkit-checkpoint", "format_version": 1, "parts": {"a": 3}, "facts": {}}',
        b'{"format": "hwkit-checkpoint", "format_version": 1, "parts": {"a": []}, "facts": {}}',
        b'{"format": "hwkit-checkpoint", "format_version": 1, "parts": {"a": ["../x"]}, "facts": {}}',
        b'{"format": "hwkit-checkpoint", "format_version": 1, "parts": {"a": ["\\u0000"]}, "facts": {}}',
    ],
)
def test_an_index_that_is_none_is_one_clear_error(tmp_path, content):
    checkpoint.write(tmp_path, PARTS, {})
    (tmp_path / checkpoint.INDEX).write_bytes(content)
    with pytest.raises(ArtifactError) as error:
        checkpoint.read(tmp_path)
    assert error.value.file is not None
    shutil.rmtree(tmp_path)
    with pytest.raises(ArtifactError):
        checkpoint.read(tmp_path)
