"""Sinks and `hwkit convert`: what goes out comes back, what cannot be held is named; foreign sources."""

from __future__ import annotations

import importlib
import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwkit.artifact import Store
from hwkit.cli import main
from hwkit.dataset import InkDataset
from hwkit.errors import InputError
from hwkit.ink import Ink, Sample
from hwkit.sources import registry
from hwkit.sources.source import PARTS, checked, name_is_made_up, name_of
from hwkit.stages import IngestParameters, ingest_inputs
from hwkit.style import read_ink

ROOT = Path(__file__).parents[1]
SUFFIX = {name: suffix for suffix, name in registry.SUFFIXES.items()} | {"bigbank": ".json"}
SOURCE = {"json": "jsonl"}  # where it is called otherwise
EVERYTHING = {"jsonl", "json", "inkml", "ink"}

words = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cc", "Cs", "Cn"]), max_size=6
)
whole = st.integers(-(10**4), 10**4).map(float)
exact = st.floats(-1e6, 1e6, width=32)


@st.composite
def inks(draw: st.DrawFn, coordinates: st.SearchStrategy[float], full: bool) -> Ink:
    strokes = draw(
        st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=4), min_size=1, max_size=3)
    )
    points = np.array([point for stroke in strokes for point in stroke])
    lengths = np.array([len(stroke) for stroke in strokes], np.int64)
    if not full:
        return Ink(points, lengths)
    column = st.lists(st.floats(-1e6, 1e6), min_size=len(points), max_size=len(points)).map(np.array)
    return Ink(points, lengths, draw(st.none() | column), draw(st.dictionaries(
        st.sampled_from(["pressure", "azimuth", "altitude", "Z", "tilt-x"]), column, max_size=3
    )))  # fmt: skip


@st.composite
def samples(draw: st.DrawFn, sink: str) -> list[Sample]:
    """Lines such as a sink can hold."""
    held = registry.sink(sink).holds
    full = sink in EVERYTHING
    most = 3 if "lines" in held else 1
    coordinates = whole if sink == "sketch-rnn" else exact
    ids = draw(st.lists(words.filter(bool), unique=True, min_size=1, max_size=most))
    texts = words.map(str.strip).filter(bool) if sink == "bigbank" else st.none() | words
    splits = st.sampled_from(["train", "validation", "test"])
    return [
        Sample(
            id if "name" in held else f"a-{n:05d}",
            draw(inks(coordinates, full)),
            draw(texts) if "text" in held else None,
            draw(words) if full else "",
            draw(splits) if "split" in held else "",
            draw(st.floats(1e-3, 1e3)) if full else 1.0,
        )
        for n, id in enumerate(ids, 1)
    ]


def back(sink: str, lines: list[Sample], folder: Path) -> list[Sample]:
    """Lines, written and read again, without a remark."""
    file = folder / f"a{SUFFIX[sink]}"
    made = checked(registry.sink(sink), lines, (), lambda sample: name_is_made_up(sample.id, [file]))
    content = registry.sink(sink).encode(made)
    assert content == registry.sink(sink).encode(made)  # the same file every time
    file.write_bytes(content)
    source = registry.source_of(file)
    assert source.name == SOURCE.get(sink, sink)
    if source.gather:
        from hwkit.sources.convert import _gathered

        return _gathered([file], [source], lambda *_: None, lambda *_: None)
    remarks: list[Any] = []
    found = list(source.lines(file, lambda *remark: remarks.append(remark)))
    assert remarks == []
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sinks")


@pytest.mark.parametrize("sink", sorted(set(registry.SINKS) - {"svg", "bigbank"}))
@settings(max_examples=25)
@given(data=st.data())
def test_what_goes_out_comes_back(sink: str, data: st.DataObject, folder: Path) -> None:
    lines = data.draw(samples(sink))
    order = [line for split in ("train", "validation", "test") for line in lines if line.split == split]
    for got, line in zip(back(sink, lines, folder), order if sink == "sketch-rnn" else lines, strict=True):
        assert (got.text, got.form, got.split, got.scale) == (line.text, line.form, line.split, line.scale)
        if "name" in registry.sink(sink).holds:
            assert got.id == line.id
        np.testing.assert_array_equal(got.ink.points, line.ink.points)
        np.testing.assert_array_equal(got.ink.lengths, line.ink.lengths)
        assert (got.ink.times is None) == (line.ink.times is None)
        if line.ink.times is not None:
            np.testing.assert_array_equal(got.ink.times, line.ink.times)
        assert got.ink.channels.keys() == line.ink.channels.keys()
        for name, values in line.ink.channels.items():
            np.testing.assert_array_equal(got.ink.channels[name], values)


@settings(max_examples=25)
@given(lines=samples("bigbank"))
def test_bigbanks_words_come_back_or_are_refused(lines: list[Sample], folder: Path) -> None:
    if any((stroke == stroke[0]).all() for line in lines for stroke in line.ink.strokes()):
        with pytest.raises(InputError, match="stay in one place"):
            registry.sink("bigbank").encode(lines)
        return
    for got, line in zip(back("bigbank", lines, folder), lines, strict=True):
        assert got.text == line.text
        np.testing.assert_array_equal(got.ink.points, line.ink.points)
        np.testing.assert_array_equal(got.ink.lengths, line.ink.lengths)


@settings(max_examples=25)
@given(lines=samples("svg"))
def test_an_svg_comes_back_but_for_its_place(lines: list[Sample], folder: Path) -> None:
    (line,) = lines
    (got,) = back("svg", lines, folder)
    strokes = [s[:1] if len(s) == 2 and (s[0] == s[1]).all() else s for s in line.ink.strokes()]
    points = np.concatenate(strokes)
    size = max(np.abs(points).max(), 1)
    np.testing.assert_allclose(
        got.ink.points - got.ink.points[0], points - points[0], rtol=1e-9, atol=1e-9 * size
    )
    assert got.ink.lengths.tolist() == [len(stroke) for stroke in strokes]


def test_numpy_reads_what_sketch_rnn_gets(tmp_path: Path) -> None:
    """As sketch-rnn does: lists of (n, 3) whose sums are the points."""
    ink = Ink(np.array([[5.0, 6], [7, 4], [1, 1]]), np.array([2, 1]))
    halves = Ink(np.array([[0.5, 0.25]]), np.array([1]))
    lines = [Sample("a", ink), Sample("b", halves, split="validation")]
    (tmp_path / "a.npz").write_bytes(registry.sink("sketch-rnn").encode(lines))
    data = np.load(tmp_path / "a.npz", allow_pickle=True, encoding="latin1")
    assert sorted(data) == ["test", "train", "valid"]
    assert data["train"][0].dtype == np.int16
    assert data["train"][0].tolist() == [[5, 6, 0], [2, -2, 1], [-6, -3, 1]]
    assert data["valid"][0].tolist() == [[0.5, 0.25, 1]]
    assert len(data["test"]) == 0


FULL = Sample(
    "mine",
    Ink(np.array([[0.0, 1], [2, 3]]), np.array([2]), np.array([0.0, 1]), {"pressure": np.array([1.0, 2])}),
    "hi", "form", "train", 2.0,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted(registry.SINKS))
def test_every_part_is_held_or_refused_by_name(name: str, tmp_path: Path) -> None:
    """Nothing is dropped in silence: a part is either in what comes back, or in the error."""
    sink = registry.sink(name)
    parts = {"text", "times", "pressure", "name", "form", "split", "scale", "lines"}
    other = Sample("other", FULL.ink, "ho", "form", "train", 2.0)
    lost = parts - sink.holds - ({"pressure"} if "channels" in sink.holds else set())
    if not lost:
        assert len(back(name, [FULL, other], tmp_path)) == 2
        return
    with pytest.raises(InputError) as caught:
        checked(sink, [FULL, other], (), lambda _: False)
    told, _, todo = str(caught.value).partition("--drop ")
    assert {part for part in parts if f" {part} (of 2 of 2 lines)" in told} == lost
    named = todo.partition(", or")[0].split(",")
    assert set(named) == lost
    kept = checked(sink, [FULL, other], named, lambda _: False)
    assert len(kept) == (1 if "lines" in lost else 2)
    assert sink.encode(kept)


def test_an_unknown_part() -> None:
    with pytest.raises(InputError, match=r"no 'presure' to drop; choose from text, .*, pressure"):
        checked(registry.sink("svg"), [FULL], ["presure"], lambda _: False)
    assert set(PARTS) >= registry.sink("quickdraw").holds


@pytest.mark.parametrize("name", sorted(registry.SINKS))
def test_ink_without_a_point_is_refused(name: str) -> None:
    empty = Sample("a", Ink(np.zeros((0, 2)), np.zeros(0, np.int64)), "a")
    if name == "ink":  # which holds it
        assert registry.sink(name).encode([empty])
        return
    with pytest.raises(InputError, match=r"no point|no stroke|or none"):
        registry.sink(name).encode([empty])


def test_what_a_format_refuses_of_its_own() -> None:
    def line(**changes: Any) -> Sample:
        return Sample(**({"id": "a", "ink": FULL.ink, "text": "a"} | changes))

    for name, sample, what in [
        ("bigbank", line(text=None), "without text"),
        ("bigbank", line(text=" a"), "space around"),
        ("sketch-rnn", line(split="first-validation"), "'first-validation'"),
        ("inkml", line(text="a\x01"), "XML cannot hold"),
        (
            "inkml",
            line(ink=Ink(FULL.ink.points, FULL.ink.lengths, None, {"T": np.zeros(2)})),
            "channel of the name 'T'",
        ),
        (
            "inkml",
            line(ink=Ink(FULL.ink.points, FULL.ink.lengths, None, {"F": np.zeros(2)})),
            "channel of the name 'F'",
        ),
        ("svg", line(ink=Ink(np.array([[-1e308, 0], [1e308, 0]]), np.array([2]))), "too large"),
    ]:
        with pytest.raises(InputError, match=what):
            registry.sink(name).encode([sample])


# The command


@pytest.fixture
def two(tmp_path: Path) -> Path:
    file = tmp_path / "two.jsonl"
    file.write_text(
        '{"text": "one", "strokes": [[[1, 2], [3, 4]]], "times": [[0, 1]]}\n'
        '{"text": "two", "strokes": [[[5, 6], [7, 8]]]}\n'
    )
    return file


def failed(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main([*map(str, arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    return err


def test_convert(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["convert", str(two), str(tmp_path / "a.inkml"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["source"], told["format"], told["lines"], told["points"]) == ("jsonl", "inkml", 2, 4)
    assert main(["convert", str(tmp_path / "a.inkml"), "-", "--to", "jsonl", "-q"]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [(row["id"], row["text"]) for row in rows] == [("two-00001", "one"), ("two-00002", "two")]
    assert rows[0]["times"] == [[0, 1]]

    assert "cannot hold times (of 1 of 2 lines); leave out with --drop times" in failed(
        capsys, "convert", two, tmp_path / "a.ndjson"
    )
    assert not (tmp_path / "a.ndjson").exists()
    assert main(["convert", str(two), str(tmp_path / "a.ndjson"), "--drop", "times", "-q"]) == 0
    assert (
        main(["convert", str(two), str(tmp_path / "a.svg"), "--drop", "times,text", "--drop", "lines", "-q"])
        == 0
    )
    assert "2 lines" in failed(capsys, "convert", two, tmp_path / "b.json", "--drop", "text")


def test_convert_says_what_it_needs(two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "end its name in .jsonl" in failed(capsys, "convert", two, tmp_path / "a.xyz")
    assert "no format 'x'" in failed(capsys, "convert", two, tmp_path / "a", "--to", "x")
    assert "no source 'x'; choose from iam-ondb, ink" in failed(
        capsys, "convert", two, tmp_path / "a.svg", "--from", "x"
    )
    assert "give --to" in failed(capsys, "convert", two, "-")
    assert "no such folder" in failed(capsys, "convert", two, tmp_path / "none" / "a.svg")
    assert "No such file" in failed(capsys, "convert", tmp_path / "none.jsonl", tmp_path / "a.svg")
    two.write_text("{}\n")
    assert "no ink that can be used; the first: two-00001" in failed(capsys, "convert", two, tmp_path / "a.svg")


def test_convert_several_and_count_the_bad(
    two: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.inkml"
    other.write_text("<ink><trace>1 2, 3 4</trace></ink>")
    two.write_text(two.read_text() + "bad\n")
    assert main(["convert", str(two), str(other), str(tmp_path / "all.jsonl"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert (json.loads(out)["lines"], json.loads(out)["skipped"]) == (3, 1)
    assert "1 bad lines were skipped; the first: two-00003" in err


def test_a_hand_of_sjvasquez_becomes_a_style(tmp_path: Path) -> None:
    offsets = np.array([[0, 0, 1], [1, 2, 0], [1, -3, 1], [4, 0, 0], [1, 1, 1]], np.float32)
    np.save(tmp_path / "style-3-strokes.npy", offsets)
    np.save(tmp_path / "style-3-chars.npy", b"hand")
    assert main(["convert", str(tmp_path / "style-3-strokes.npy"), str(tmp_path / "hand.json"), "-q"]) == 0
    strokes, text = read_ink(tmp_path / "hand.json")
    assert text == "hand"
    assert [stroke.tolist() for stroke in strokes] == [[[0, 0], [1, -2], [2, 1]], [[6, 1], [7, 0]]]


def test_the_archives_are_converted_by_way_of_a_dataset(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sample = ROOT / "data" / "sample"
    archives = sorted(str(path) for path in sample.glob("*.tar.gz"))
    assert main(["convert", *archives, str(tmp_path / "sample.jsonl"), "--json"]) == 0
    lines = json.loads(capsys.readouterr().out)["lines"]
    rows = [json.loads(row) for row in (tmp_path / "sample.jsonl").read_text().splitlines()]
    assert len(rows) == lines > 10
    ds, _ = ingested(tmp_path, *archives)
    assert [(row["id"], row.get("text"), row.get("split", "")) for row in rows] == list(
        zip(ds.ids, ds.texts, ds.splits, strict=True)
    )
    assert sum(len(times) for row in rows for times in row["times"]) == ds.points_count


# Ingest


def ingested(tmp_path: Path, *arguments: object) -> tuple[InkDataset, dict[str, Any]]:
    store = tmp_path / "store"
    assert main(["ingest", *map(str, arguments), "--store", str(store), "-q"]) == 0
    artifact = Store(store).newest("ingest")
    assert artifact is not None
    return InkDataset.open(artifact.file("ink.h5")), artifact.metrics


def test_ingest_takes_what_has_no_splits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.jsonl"
    row = '{"text": "a", "strokes": [[[1, 2], [3, 4]]], "channels": {"pressure": [[5, 6]]}}\n'
    file.write_text(row * 13 + "bad\n")
    ds, metrics = ingested(tmp_path, file)
    assert ds.splits == ["train"] * 11 + ["validation", "train"]
    assert ds[0].ink.channels["pressure"].tolist() == [5, 6]
    assert metrics == {
        "source": "jsonl", "terms": "", "found": 14, "lines": 13, "skipped": 1, "strokes": 13, "points": 26,
        "characters": 1, "splits": {"train": 12, "validation": 1}, "lines_without_text": 0,
        "remarks": {"skipped": 1},
    }  # fmt: skip
    assert "1 bad lines were skipped" in capsys.readouterr().err


def test_ingest_keeps_the_splits_that_there_are(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"strokes": [[[1, 2]]]}\n{"strokes": [[[1, 2]]], "split": "test"}\n')
    ds, metrics = ingested(tmp_path, tmp_path / "a.jsonl")
    assert (ds.splits, metrics["splits"]) == (["", "test"], {"test": 1})


def test_ingest_refuses(tmp_path: Path, two: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "a.inkml"
    other.write_text("<ink><trace>1 2</trace></ink>")
    store = ["-q", "--store", str(tmp_path / "store")]
    assert "two sources: this is jsonl's format" in failed(capsys, "ingest", two, other, *store)
    assert "inkml has no split lists" in failed(capsys, "ingest", other, "--splits", tmp_path, *store)
    assert "this is no InkML" in failed(capsys, "ingest", two, "--source", "inkml", *store)
    assert "no source 'x'" in failed(capsys, "ingest", two, "--source", "x", *store)
    two.write_text("bad\n")
    assert "no line of ink can be used" in failed(capsys, "ingest", two, *store)


def test_a_source_that_is_named_is_part_of_the_key_and_none_is_not() -> None:
    """Artifacts that were made before sources could be named keep their keys."""
    import msgspec

    assert msgspec.to_builtins(IngestParameters()) == {}
    assert msgspec.to_builtins(IngestParameters(source="svg")) == {"source": "svg"}


# Sources of other packages


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs a package of one module whose entry point is `name = "module:source"`."""
    monkeypatch.syspath_prepend(str(tmp_path / "site"))

    def install(name: str, code: str) -> None:
        site = tmp_path / "site"
        info = site / f"hwkit_{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (site / f"hwkit_{name}.py").write_text(textwrap.dedent(code))
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: hwkit-{name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[hwkit.sources]\n{name} = hwkit_{name}:source\n")
        monkeypatch.delitem(sys.modules, f"hwkit_{name}", raising=False)
        importlib.invalidate_caches()

    return install


def test_the_readmes_example(package: Any, tmp_path: Path) -> None:
    blocks = (ROOT / "README.md").read_text().split("```")
    code = next((block.partition("\n")[2] for block in blocks if " Source(" in block), "")
    assert 0 < len(code.strip().splitlines()) <= 20
    package("pen", code)
    (tmp_path / "a.pen").write_text("hello\t1,2 3,4|5,6\nbad\nx\t1,nan\nworld\t7,8 9,9\n")
    ds, metrics = ingested(tmp_path, tmp_path / "a.pen")
    assert (metrics["source"], metrics["skipped"]) == ("pen", 2)
    assert ds.texts == ["hello", "world"]
    assert [stroke.tolist() for stroke in ds[0].ink.strokes()] == [[[1, 2], [3, 4]], [[5, 6]]]


def test_a_broken_package_harms_nobody_else(
    package: Any, tmp_path: Path, two: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package("broken", "import nothing_of_this_name")
    assert main(["convert", str(two), str(tmp_path / "a.inkml"), "-q"]) == 0
    unknown = tmp_path / "a.xyz"
    unknown.write_text("what")
    for arguments in ([two, "--from", "broken"], [unknown]):
        err = failed(capsys, "convert", *arguments, tmp_path / "b.jsonl")
        assert "'broken' cannot be loaded (ModuleNotFoundError: No module named 'nothing_of_this_name')" in err
        assert "remove the package hwkit-broken" in err


def test_an_entry_point_that_is_no_source(package: Any) -> None:
    package("wrong", "source = 3")
    with pytest.raises(InputError, match="'wrong' is int, not a Source"):
        registry.source("wrong")
    assert "wrong" in registry.names()


def test_hwkits_own_sources_are_entry_points_too() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    points = project["entry-points"]["hwkit.sources"]
    assert points == {name: f"{module}:SOURCE" for name, module in registry.SOURCES.items()}


def test_every_source_says_what_it_is() -> None:
    for name in registry.SOURCES:
        source = registry.source(name)
        assert source.name == name
        assert bool(source.read) != bool(source.gather)
    for name in registry.SINKS:
        assert registry.sink(name).name == name


def test_names(tmp_path: Path) -> None:
    file = tmp_path / "my.page.inkml"
    assert (name_of(file), name_of(file, 3)) == ("my.page", "my.page-00003")
    assert name_is_made_up("my.page-00003", [file])
    assert not name_is_made_up("my.page-3", [file])
    assert not name_is_made_up("other", [file])


def test_ingest_inputs_of_a_named_source(two: Path) -> None:
    assert ingest_inputs([two], None, "jsonl") == {"archive-1": two}
