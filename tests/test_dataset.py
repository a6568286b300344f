"""The ink dataset: what goes in comes out, and what is no dataset is refused."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwkit import dataset
from hwkit.dataset import FORMAT, FORMAT_VERSION, InkDataset, InkWriter, Remark
from hwkit.errors import ArtifactError, HwkitError, InkError, InputError
from hwkit.ink import Ink, Sample


def ink(*strokes: list[tuple[float, float]], times: list[float] | None = None) -> Ink:
    points = np.array([point for stroke in strokes for point in stroke], np.float64).reshape(-1, 2)
    lengths = np.array([len(stroke) for stroke in strokes], np.int64)
    return Ink(points, lengths, None if times is None else np.array(times))


HELLO = Sample("f-01", ink([(1, 2), (3, 4)], [(5, 6)], times=[0.5, 0.75, 2]), "hello", "f", "train")
WORLD = Sample("f-02", ink([(-7, 8)]), None, "f", "test", 2.5)
EMPTY = Sample("g-01", ink(), "", "g")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with InkWriter(tmp_path / "ink.h5", recipe='{"a":1}') as writer:
        for sample in (HELLO, WORLD, EMPTY):
            writer.append(sample)
        writer.remark("h", "no-ink", "nothing was written on it")
    return tmp_path / "ink.h5"


def same(one: Sample, other: Sample) -> None:
    assert (one.id, one.text, one.form, one.split, one.scale) == (
        other.id,
        other.text,
        other.form,
        other.split,
        other.scale,
    )
    assert one.ink.points.dtype == np.float64
    np.testing.assert_array_equal(one.ink.points, other.ink.points)
    np.testing.assert_array_equal(one.ink.lengths, other.ink.lengths)
    if other.ink.times is None or not len(other.ink):
        assert one.ink.times is None
    else:
        np.testing.assert_array_equal(one.ink.times, other.ink.times)


def test_comes_back_as_it_went(path: Path) -> None:
    ds = InkDataset.open(path)
    assert len(ds) == 3
    for got, line in zip(ds, (HELLO, WORLD, EMPTY), strict=True):
        same(got, line)
    same(ds[-1], EMPTY)
    assert [sample.id for sample in ds[1:]] == ["f-02", "g-01"]
    with pytest.raises(IndexError):
        ds[3]
    assert ds.ids == ["f-01", "f-02", "g-01"]
    assert ds.texts == ["hello", None, ""]
    assert ds.forms == ["f", "f", "g"]
    assert ds.splits == ["train", "test", ""]
    assert ds.scales.tolist() == [1.0, 2.5, 1.0]
    assert ds.remarks == [Remark("h", "no-ink", "nothing was written on it")]
    assert ds.recipe == '{"a":1}'
    assert (ds.strokes, ds.points_count) == (3, 4)


def test_rows_and_find(path: Path) -> None:
    ds = InkDataset.open(path)
    assert ds.rows(None, False) == [0, 1, 2]
    assert ds.rows(None, True) == [0, 2]
    assert ds.rows("test", False) == [1]
    assert ds.rows("test", True) == []
    assert ds.rows("", False) == [2]
    assert ds.find("f-02") == 1
    with pytest.raises(InputError, match='no line "f-03"'):
        ds.find("f-03")


def test_the_layout_is_the_documented_one(path: Path) -> None:
    """Read with h5py alone: another program may rely on it."""
    with h5py.File(path) as file:
        assert dict(file.attrs) == {"format": "hwkit-ink", "format_version": 1, "recipe": '{"a":1}'}
        assert file["points"].dtype == np.float32
        assert file["points"][()].tolist() == [[1, 2], [3, 4], [5, 6], [-7, 8]]
        np.testing.assert_array_equal(file["times"][()], [0.5, 0.75, 2, np.nan])
        assert file["strokes/offsets"][()].tolist() == [0, 2, 3, 4]
        assert file["lines/offsets"][()].tolist() == [0, 2, 3, 3]
        assert file["lines/text"].asstr()[()].tolist() == ["hello", "", ""]
        assert file["lines/has_text"][()].tolist() == [True, False, True]
        assert file["remarks/kind"].asstr()[()].tolist() == ["no-ink"]


def test_no_line_at_all(tmp_path: Path) -> None:
    with InkWriter(tmp_path / "ink.h5"):
        pass
    ds = InkDataset.open(tmp_path / "ink.h5")
    assert (len(ds), ds.strokes, ds.points_count, ds.times, ds.remarks, ds.recipe) == (0, 0, 0, None, [], "")


def test_times_only_where_a_line_has_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the first timed line comes after points were written out."""
    monkeypatch.setattr(dataset, "BLOCK", 4)
    many = [(float(i), 0.0) for i in range(9)]
    samples = [
        Sample("a", ink(many)),
        Sample("b", ink(many, times=[float(i) for i in range(9)])),
        Sample("c", ink(many)),
    ]
    for count, timed in ((1, False), (3, True)):
        with InkWriter(tmp_path / "ink.h5") as writer:
            for sample in samples[:count]:
                writer.append(sample)
        ds = InkDataset.open(tmp_path / "ink.h5")
        assert (ds.times is not None) == timed
        for got, line in zip(ds, samples, strict=False):
            same(got, line)


def test_the_same_ink_makes_the_same_file(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with InkWriter(tmp_path / name) as writer:
            writer.append(HELLO)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
coordinates = st.integers(-(2**24), 2**24).map(float) | st.floats(
    width=32, allow_nan=False, allow_infinity=False
)
strokes = st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=5), max_size=4)


@st.composite
def samples(draw: st.DrawFn) -> list[Sample]:
    made = []
    for id in draw(st.lists(strings, unique=True, max_size=6)):
        line = ink(*draw(strokes))
        if draw(st.booleans()):
            time = st.floats(allow_nan=False, allow_infinity=False)
            times = draw(st.lists(time, min_size=len(line), max_size=len(line)))
            line = Ink(line.points, line.lengths, np.array(times))
        scale = draw(st.floats(1e-6, 1e6))
        made.append(Sample(id, line, draw(st.none() | strings), draw(strings), draw(strings), scale))
    return made


@settings(max_examples=60, deadline=None)
@given(samples(), st.lists(st.tuples(strings, strings, strings), max_size=3), strings)
def test_round_trip(lines: list[Sample], remarks: list[tuple[str, str, str]], recipe: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with InkWriter(Path(folder) / "ink.h5", recipe) as writer:
            for line in lines:
                writer.append(line)
            for remark in remarks:
                writer.remark(*remark)
        ds = InkDataset.open(Path(folder) / "ink.h5")
    assert len(ds) == len(lines)
    for got, line in zip(ds, lines, strict=True):
        same(got, line)
    assert ds.remarks == [Remark(*remark) for remark in remarks]
    assert ds.recipe == recipe


# What cannot be stored


def test_a_line_that_cannot_be_stored_is_left_out(tmp_path: Path) -> None:
    with InkWriter(tmp_path / "ink.h5") as writer:
        writer.append(HELLO)
        with pytest.raises(InputError, match="same name"):
            writer.append(HELLO)
        with pytest.raises(InkError, match="too large"):
            writer.append(Sample("big", ink([(1e39, 0)])))
        for bad in ("a\0b", "a\udc80b"):
            with pytest.raises(InputError, match="cannot be stored"):
                writer.append(Sample("text", ink([(0, 0)]), bad))
        writer.remark("a\udc80b", "skipped", "a\0b")
    ds = InkDataset.open(tmp_path / "ink.h5")
    assert ds.ids == ["f-01"]
    assert ds.remarks == [Remark(r"a\udc80b", "skipped", r"a\x00b")]


def test_an_exception_leaves_no_file(tmp_path: Path) -> None:
    def stop() -> None:
        with InkWriter(tmp_path / "ink.h5") as writer:
            writer.append(HELLO)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [1_000, 3_000_000, 7_000_000])
def test_a_full_disk_leaves_no_file(tmp_path: Path, limit: int) -> None:
    """A limit on a file's size stands for the disk: full at the start, at the points, at the texts."""
    path = tmp_path / "ink.h5"
    rng = np.random.default_rng(1)

    def write() -> None:
        with InkWriter(path) as writer:
            for row in range(280):
                writer.append(Sample(str(row), ink(*rng.normal(size=(10, 100, 2)).tolist()), "x" * 20_000))

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        with pytest.raises(HwkitError, match="free some space") as caught:
            write()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.exit_code == 1
    assert caught.value.file == path
    assert not path.exists()
    write()  # the process lives on
    assert len(InkDataset.open(path)) == 280


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "no folder" / "ink.h5"):
        with pytest.raises(HwkitError, match="choose a folder"), InkWriter(path):
            pass


# What is no dataset


def replaced(name: str, make: Callable[[np.ndarray], np.ndarray]) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        data = make(file[name][()])
        del file[name]
        file[name] = data

    return change


def attribute(name: str, value: object) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


def without(name: str) -> Callable[[h5py.File], None]:
    return lambda file: file.__delitem__(name)


def a_point_too_many(file: h5py.File) -> None:
    for name in ("points", "times"):
        replaced(name, lambda rows: rows[[0, 0, 1, 2, 3]])(file)


DAMAGE: dict[str, Callable[[h5py.File], None]] = {
    "another format": attribute("format", "pictures"),
    "no format": lambda file: file.attrs.__delitem__("format"),
    "no version": lambda file: file.attrs.__delitem__("format_version"),
    "a version that is text": attribute("format_version", "one"),
    "no recipe": lambda file: file.attrs.__delitem__("recipe"),
    "no points": without("points"),
    "points are a folder": lambda file: (file.__delitem__("points"), file.create_group("points"))[0],
    "no lines": without("lines"),
    "no remarks": without("remarks"),
    "three columns": replaced("points", lambda p: np.hstack([p, p[:, :1]])),
    "flat points": replaced("points", np.ravel),
    "a point is NaN": replaced("points", lambda p: np.where(p == 3, np.nan, p)),
    "a point is infinite": replaced("points", lambda p: np.where(p == 3, np.inf, p)),
    "too few times": replaced("times", lambda t: t[:-1]),
    "too few points": replaced("points", lambda p: p[:-1]),
    "a point too many": a_point_too_many,
    "strokes do not start at 0": replaced("strokes/offsets", lambda o: o + 1),
    "strokes run backwards": replaced("strokes/offsets", lambda o: o[[0, 2, 1, 3]]),
    "an empty stroke": replaced("strokes/offsets", lambda o: o[[0, 1, 1, 3]]),
    "no stroke offsets": replaced("strokes/offsets", lambda o: o[:0]),
    "stroke offsets are floats": replaced("strokes/offsets", lambda o: o + 0.5),
    "lines run backwards": replaced("lines/offsets", lambda o: o[[0, 2, 1, 3]]),
    "too few lines": replaced("lines/offsets", lambda o: o[[0, 1, 3]]),
    "too few texts": replaced("lines/text", lambda t: t[:-1]),
    "too few forms": replaced("lines/form", lambda t: t[:-1]),
    "texts are numbers": replaced("lines/text", lambda t: np.arange(len(t))),
    "two lines of one name": replaced("lines/id", lambda i: i[[0, 0, 2]]),
    "a scale is 0": replaced("lines/scale", lambda s: s * 0),
    "a scale is NaN": replaced("lines/scale", lambda s: s * np.nan),
    "remarks differ in length": replaced("remarks/kind", lambda k: k[:0]),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_refuses_damage(path: Path, name: str) -> None:
    with h5py.File(path, "r+") as file:
        DAMAGE[name](file)
    with pytest.raises(ArtifactError) as caught:
        InkDataset.open(path)
    assert caught.value.file == path
    assert caught.value.do
    assert "\n" not in str(caught.value)


def test_refuses_another_version(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        assert (file.attrs["format"], file.attrs["format_version"]) == (FORMAT, FORMAT_VERSION)
        file.attrs["format_version"] = FORMAT_VERSION + 1
    with pytest.raises(ArtifactError, match="version 2, this hwkit reads 1"):
        InkDataset.open(path)


def test_refuses_what_is_no_file(path: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="there is no dataset"):
        InkDataset.open(tmp_path / "nothing.h5")
    with pytest.raises(ArtifactError, match="there is no dataset"):
        InkDataset.open(tmp_path)
    whole = path.read_bytes()
    for content in (b"", b"hello", whole[: len(whole) // 2], whole[:600]):
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match="damaged"):
            InkDataset.open(path)
