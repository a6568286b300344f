"""Channels of the ink dataset: pressure and tilt beside the points, and nothing new where there are none."""

from __future__ import annotations

import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwkit import dataset
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import ArtifactError, InkError, InputError
from hwkit.ink import Ink, Sample
from hwkit.preprocess import Recipe, prepare


def sample(id: str, count: int, **channels: list[float]) -> Sample:
    points = np.arange(2.0 * count).reshape(-1, 2)
    return Sample(id, Ink(points, np.array([count]), None, {n: np.array(v) for n, v in channels.items()}))


def written(path: Path, *samples: Sample) -> InkDataset:
    with InkWriter(path) as writer:
        for one in samples:
            writer.append(one)
    return InkDataset.open(path)


def test_they_come_back_to_the_lines_that_had_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the first line with a channel comes after points were written out."""
    monkeypatch.setattr(dataset, "BLOCK", 4)
    lines = [
        sample("a", 5),
        sample("b", 2, pressure=[3, 4]),
        sample("c", 3, pressure=[5, np.nan, 7], azimuth=[1, 2, 3]),
        sample("d", 5),
    ]
    ds = written(tmp_path / "ink.h5", *lines)
    assert [sorted(line.ink.channels) for line in ds] == [[], ["pressure"], ["azimuth", "pressure"], []]
    np.testing.assert_array_equal(ds[2].ink.channels["pressure"], [5, np.nan, 7])
    with h5py.File(tmp_path / "ink.h5") as file:
        assert file.attrs["format_version"] == 1
        np.testing.assert_array_equal(file["channels/azimuth"][7:10], [1, 2, 3])
        assert len(file["channels/azimuth"]) == len(file["channels/pressure"]) == len(file["points"]) == 15


def test_a_dataset_without_them_has_no_trace_of_them(tmp_path: Path) -> None:
    ds = written(tmp_path / "ink.h5", sample("a", 3))
    assert ds.channels == {}
    with h5py.File(tmp_path / "ink.h5") as file:
        assert sorted(file) == ["lines", "points", "remarks", "strokes"]


def test_the_same_channels_make_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        written(tmp_path / name, sample("a", 2, pressure=[1, 2], tilt=[0, 1]))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5)
numbers = st.floats(allow_infinity=False)


@settings(max_examples=40)
@given(
    st.lists(
        st.dictionaries(names | st.sampled_from(["", ".", "..", "a/b", "%2F"]), numbers, max_size=3), max_size=3
    )
)
def test_any_name_and_any_number(lines: list[dict[str, float]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        given_ = [Sample(str(n), Ink(np.zeros((2, 2)), np.array([2]), None, {
            name: np.array([1.0, value]) for name, value in channels.items()
        })) for n, channels in enumerate(lines)]  # fmt: skip
        ds = written(Path(folder, "ink.h5"), *given_)
        for got, line in zip(ds, given_, strict=True):
            assert got.ink.channels.keys() == line.ink.channels.keys()
            for name, values in line.ink.channels.items():
                np.testing.assert_array_equal(got.ink.channels[name], values)


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    for bad in ([1.0], [1.0, np.inf, 0.0]):
        with pytest.raises(InkError, match="'pressure' is not one number a point"):
            sample("a", 3, pressure=bad)
    with InkWriter(tmp_path / "ink.h5") as writer, pytest.raises(InputError, match="cannot be stored"):
        writer.append(sample("a", 1, **{"a\0": [1.0]}))
    written(tmp_path / "ink.h5", sample("a", 3, pressure=[1, 2, 3]))
    with h5py.File(tmp_path / "ink.h5", "r+") as file:
        file["channels/pressure"].resize(2, axis=0)
    with pytest.raises(ArtifactError, match="channels and points differ"):
        InkDataset.open(tmp_path / "ink.h5")


def test_preprocessing_drops_them() -> None:
    prepared, _ = prepare(sample("a", 4, pressure=[1, 2, 3, 4]), Recipe())
    assert len(prepared.ink) == 4
    assert not prepared.ink.channels


def test_splits_only_where_there_are_none(tmp_path: Path) -> None:
    with InkWriter(tmp_path / "ink.h5") as writer:
        writer.append(sample("a", 1))
        writer.append(sample("b", 1))
        writer.divide(lambda number: f"s{number}")
        writer.divide(lambda number: "other")
        assert writer.splits() == {"s1": 1, "s2": 1}
    assert InkDataset.open(tmp_path / "ink.h5").splits == ["s1", "s2"]
