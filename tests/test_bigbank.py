"""bigbank's reader, on small files written by hand, whose answers are known."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
import tracemalloc
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwkit.artifact import Store
from hwkit.cli import main
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import InputError
from hwkit.pipeline import plan
from hwkit.pipeline import read as read_pipeline
from hwkit.sources import bigbank
from hwkit.stages import ingest_inputs

SHARED = Path(__file__).resolve().parents[2] / "shared" / "bigbank" / "bigbank_3500.json.zip"
SAMPLE = Path(__file__).parents[1] / "data" / "sample"

Item = dict[str, Any]
POINTS = [[0.05, 0.5, 1], [0.06, 0.65, 1], [0.06, 0.65, 0], [0.1, 0.4, 1], [0.08, 0.4, 0]]


def item(text: Any = "it", points: Any = POINTS, **metadata: Any) -> Item:
    return {"metadata": {"author": "A", "asciiSequence": text, "aspectRatio": 6} | metadata, "points": points}


def packed(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def plain(path: Path, items: Any) -> Path:
    path.write_text(json.dumps(items))
    return path


def ingest(out: Path, *files: Path) -> tuple[InkDataset, dict[str, Any]]:
    with InkWriter(out) as writer:
        metrics = bigbank.read(files, writer)
    return InkDataset.open(out), metrics


def test_known_answers(tmp_path: Path) -> None:
    ds, metrics = ingest(tmp_path / "ink.h5", plain(tmp_path / "b.json", [item("a"), item("it")]))
    assert metrics == {
        "source": "bigbank",
        "terms": "",  # nobody knows whose ink this is
        "words": 2,
        "lines": 2,
        "skipped": 0,
        "strokes": 4,
        "points": 10,
        "clicks": 0,
        "characters": 3,
        "matched": {"train": 2, "validation": 0},
        "lines_without_text": 0,
        "remarks": {},
    }
    word = ds[1]
    assert (word.id, word.text, word.form, word.split, word.scale) == (
        "bigbank-00002", "it", "bigbank", "train", 1.0,
    )  # fmt: skip
    # x times the aspect ratio, y as it is; pen 0 on the last point of a stroke.
    expected = [[0.3, 0.5], [0.36, 0.65], [0.36, 0.65], [0.6, 0.4], [0.48, 0.4]]
    np.testing.assert_allclose(word.ink.points, expected, rtol=1e-6)
    assert word.ink.lengths.tolist() == [3, 2]
    assert word.ink.times is None
    assert ds.recipe == ""


def test_every_twelfth_word_is_for_validation(tmp_path: Path) -> None:
    """By its place in the file, so that a bad word moves no other one."""
    items = [item(f"w{n}") for n in range(1, 31)]
    items[4] = {}
    ds, metrics = ingest(tmp_path / "ink.h5", plain(tmp_path / "b.json", items))
    held_out = [text for text, split in zip(ds.texts, ds.splits, strict=True) if split == "validation"]
    assert held_out == ["w12", "w24"]
    assert metrics["matched"] == {"train": 27, "validation": 2}


def test_packing_does_not_matter(tmp_path: Path) -> None:
    text = json.dumps([item("a"), item("b")], indent=1)
    shadow = {"__MACOSX/._b.json": "a Mac's shadow", "__MACOSX/b.json": "[]", "._b.json": "x", "READ.ME": "x"}
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf \n" + text.encode() + b"\n\n")
    ways = [
        plain(tmp_path / "b.json", [item("a"), item("b")]),
        tmp_path / "marked.json",
        packed(tmp_path / "b.json.zip", {"b.json": text, **shadow}),
        packed(tmp_path / "other name", {**shadow, "folder/b.JSON": text}),
    ]
    files = set()
    for way in ways:
        assert bigbank.recognises(way)
        ingest(tmp_path / "ink.h5", way)
        files.add((tmp_path / "ink.h5").read_bytes())
    assert len(files) == 1


def test_progress_ends_at_its_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    with InkWriter(tmp_path / "ink.h5") as writer:
        file = plain(tmp_path / "b.json", [item(), item()])
        bigbank.read([file], writer, lambda done, total, _: seen.append((done, total)))
    assert seen == sorted(seen)
    assert len(seen) == 3
    assert seen[-1][0] == seen[-1][1] == file.stat().st_size


def test_two_files_are_one_bank(tmp_path: Path) -> None:
    ds, _ = ingest(
        tmp_path / "i.h5", plain(tmp_path / "1.json", [item("a")]), plain(tmp_path / "2.json", [item("b")])
    )
    assert list(zip(ds.ids, ds.texts, strict=True)) == [("bigbank-00001", "a"), ("bigbank-00002", "b")]


def test_clicks_are_left_out(tmp_path: Path) -> None:
    click = [[0.7, 0.05, 1], [0.7, 0.05, 0]]
    bank = plain(tmp_path / "b.json", [item("peye", [*click, *POINTS, *click]), item(points=click)])
    ds, metrics = ingest(tmp_path / "ink.h5", bank)
    assert ds[0].ink.lengths.tolist() == [3, 2]
    assert ds[0].ink.points.max() < 0.7
    assert (metrics["clicks"], metrics["lines"], metrics["skipped"]) == (2, 1, 1)
    remarks = {remark.name: (remark.kind, remark.reason) for remark in ds.remarks}
    assert remarks["bigbank-00001"] == ("click", "peye: strokes that stay in one place, left out: 2")
    assert remarks["bigbank-00002"] == ("skipped", "b.json: no stroke moves")


def test_a_pen_that_is_never_lifted(tmp_path: Path) -> None:
    down = [[x, y, 1] for x, y, _ in POINTS]
    ds, _ = ingest(tmp_path / "ink.h5", plain(tmp_path / "b.json", [item(points=down)]))
    assert ds[0].ink.lengths.tolist() == [5]


NAN, INF = float("nan"), float("inf")
BAD = {
    "a number": (7, "Expected `object`"),
    "null": (None, "Expected `object`"),
    "a list": ([1, 2], "Expected `object`"),
    "nothing in it": ({}, "missing required field `metadata`"),
    "no points": ({"metadata": {"asciiSequence": "a"}}, "missing required field `points`"),
    "no text": ({"metadata": {}, "points": POINTS}, "asciiSequence"),
    "a text that is a number": (item(42), "Expected `str`"),
    "an empty text": (item(""), "no text"),
    "a blank text": (item(" \n"), "no text"),
    "a NUL in the text": (item("a\0"), "cannot be stored"),
    "half a character": (item("\ud800"), "cannot be stored"),
    "an empty list of points": (item(points=[]), "no point"),
    "points that are text": (item(points="abc"), "Expected `array`"),
    "a point that is a number": (item(points=[1, 2, 3]), "Expected `array`"),
    "a point of two": (item(points=[[1, 2]]), "length 3"),
    "a point of four": (item(points=[[1, 2, 0, 4]]), "length 3"),
    "a point with text": (item(points=[[1, "2", 0]]), "Expected `float`"),
    "a pen that is true": (item(points=[[1, 2, True]]), "Expected `float`"),
    "another pen": (item(points=[[1, 2, 1], [1, 2, 2]]), "the pen of point 2"),
    "a pen that is NaN": (item(points=[[1, 2, NAN]]), "the pen of point 1"),
    "NaN": (item(points=[[1, 2, 1], [NAN, 2, 0]]), "point 2 is not a finite number"),
    "infinity": (item(points=[[1, -INF, 1], [1, 2, 0]]), "point 1 is not a finite number"),
    "beyond a float": (item(points=[[1, 2, 1], [10**400, 2, 0]]), ""),
    "beyond a float, by the ratio": (item(points=[[1e308, 2, 1], [1, 2, 0]]), "not a finite number"),
    "beyond the dataset": (item(points=[[1, 1e99, 1], [1, 2, 0]]), "too large"),
    "a ratio of nothing": (item(aspectRatio=0), "aspect ratio"),
    "a ratio below nothing": (item(aspectRatio=-6), "aspect ratio"),
    "a ratio that is NaN": (item(aspectRatio=NAN), "aspect ratio"),
    "a ratio that is text": (item(aspectRatio="6"), "Expected `float`"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_word_is_skipped(tmp_path: Path, name: str) -> None:
    """And the others are as they were."""
    bad, reason = BAD[name]
    ds, metrics = ingest(tmp_path / "ink.h5", plain(tmp_path / "b.json", [item("a"), bad, item("b")]))
    assert list(zip(ds.ids, ds.texts, strict=True)) == [("bigbank-00001", "a"), ("bigbank-00003", "b")]
    assert (metrics["words"], metrics["lines"], metrics["skipped"]) == (3, 2, 1)
    assert metrics["remarks"] == {"skipped": 1}
    (remark,) = ds.remarks
    assert (remark.name, remark.kind) == ("bigbank-00002", "skipped")
    assert reason in remark.reason


# Files that cannot be used


def refused(tmp_path: Path, file: Path) -> str:
    with pytest.raises(InputError) as caught:
        ingest(tmp_path / "ink.h5", file)
    assert not (tmp_path / "ink.h5").exists()
    line = str(caught.value)
    assert str(file) in line
    assert len(line) < 500
    return line


GOOD = json.dumps([item("a"), item("b")])
BROKEN = {
    "nothing": "",
    "white space": " \n",
    "no JSON": "hello",
    "an object": '{"words": []}',
    "a number": "1",
    "no word": "[]",
    "bad words alone": "[1, 2, {}]",
    "cut short": GOOD[:-30],
    "without its bracket": GOOD[:-1],
    "something after it": GOOD + "[]",
    "no comma": GOOD.replace("}, {", "} {"),
    "an item that is no JSON": GOOD.replace("0.05", "0.0.5", 1),
    "nested deeply": "[" * 200_000,
    "a number of many digits": "[" + "1" * 5_000 + "]",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_list(tmp_path: Path, name: str) -> None:
    (tmp_path / "b.json").write_text(BROKEN[name])
    refused(tmp_path, tmp_path / "b.json")
    refused(tmp_path, packed(tmp_path / "b.json.zip", {"b.json": BROKEN[name]}))


def test_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(json.dumps([item("é")], ensure_ascii=False).encode("latin-1"))
    assert "utf-8" in refused(tmp_path, tmp_path / "b.json")


def test_none_or_several_in_the_zip(tmp_path: Path) -> None:
    assert "0 .json files" in refused(tmp_path, packed(tmp_path / "a.zip", {"__MACOSX/b.json": GOOD}))
    assert "2 .json files" in refused(tmp_path, packed(tmp_path / "b.zip", {"a.json": GOOD, "b.json": GOOD}))


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path, tmp_path / "none.json")
    assert "directory" in refused(tmp_path, tmp_path)
    assert not bigbank.recognises(tmp_path)
    assert not bigbank.recognises(tmp_path / "none")


def test_a_member_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigbank, "LARGEST", 1 << 20)
    spaces = GOOD + " " * (1 << 20)
    (tmp_path / "b.json").write_text(spaces)
    assert "larger than 1 MiB" in refused(tmp_path, tmp_path / "b.json")
    bomb = packed(tmp_path / "b.json.zip", {"b.json": spaces})
    assert "larger than 1 MiB" in refused(tmp_path, bomb)


def test_a_zip_that_lies_about_a_member_is_never_unpacked_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its size is 100 in both headers, and 20 MB in truth."""
    monkeypatch.setattr(bigbank, "LARGEST", 1 << 20)
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("b.json", "w") as member,
    ):
        for _ in range(20):
            member.write(b" " * 1_000_000)
    content = stream.getvalue()
    lying = content.replace(struct.pack("<I", 20_000_000), struct.pack("<I", 100))
    assert lying != content
    (tmp_path / "b.json.zip").write_bytes(lying)
    tracemalloc.start()
    refused(tmp_path, tmp_path / "b.json.zip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3 * bigbank.LARGEST


def test_an_encrypted_member(tmp_path: Path) -> None:
    path = packed(tmp_path / "b.json.zip", {"b.json": GOOD})
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the member's header, and in the directory's
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    assert "encrypted" in refused(tmp_path, path)


@settings(max_examples=60)
@given(st.randoms(use_true_random=False), st.booleans())
def test_any_damage_ends_in_an_input_error_or_a_result(
    tmp_path_factory: pytest.TempPathFactory, random: random.Random, in_zip: bool
) -> None:
    place = tmp_path_factory.mktemp("damage")
    path = place / "b.json"
    path.write_text(GOOD)
    if in_zip:
        path = packed(place / "b.json.zip", {"b.json": GOOD, "__MACOSX/._b.json": "x"})
    content = bytearray(path.read_bytes())
    for _ in range(random.randint(1, 6)):
        at, length = random.randrange(len(content)), random.randint(0, 3)
        content[at : at + length] = random.choices(b'[]{}",:. 019eNaI\x00\xff', k=random.randint(0, 3))
    path.write_bytes(content)
    try:
        _, metrics = ingest(place / "ink.h5", path)
    except InputError:
        assert not (place / "ink.h5").exists()
    else:
        assert metrics["lines"] + metrics["skipped"] == metrics["words"]


# The stage, the command, the pipeline


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive = packed(
        tmp_path / "bank.json.zip", {"b.json": json.dumps([item(f"w{n}") for n in range(13)] + [1])}
    )
    command = ["ingest", str(archive), "--store", str(tmp_path / "store")]
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["source"], found["terms"], found["lines"], found["skipped"]) == ("bigbank", "", 13, 1)
    assert "1 bad words were skipped" in err
    dataset = InkDataset.open(Path(found["artifact"]) / "ink.h5")
    assert Counter(dataset.splits) == found["matched"] == {"train": 12, "validation": 1}
    with (Path(found["artifact"]) / "remarks.csv").open(newline="") as table:
        assert [row["name"] for row in csv.DictReader(table)] == ["bigbank-00014"]
    assert main(command) == 0
    rows = {line.partition("  ")[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()}
    shown = ("source", "terms", "words", "words kept", "matched words, train", "matched words, validation")
    assert [rows[name] for name in shown] == ["bigbank", "unknown", "14", "13", "12", "1"]


def test_what_is_no_bigbank_is_refused_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = str(plain(tmp_path / "b.json", [item()]))
    (tmp_path / "broken.json").write_text("[")
    lines = str(SAMPLE / "lineStrokes-all.tar.gz")
    for arguments, words in (
        ([bank, lines], "two sources"),
        ([lines, bank], "two sources"),
        ([bank, "--splits", str(SAMPLE)], "no split lists"),
        ([str(tmp_path / "broken.json")], "broken.json"),
        ([str(tmp_path / "none.json.zip")], "no such file"),
    ):
        assert main(["ingest", *arguments, "--store", str(tmp_path / "store"), "-q"]) == 2
        out, err = capsys.readouterr()
        assert not out
        assert len(err.splitlines()) == 1
        assert words in err


def test_lists_that_lie_beside_it_do_not_matter(tmp_path: Path) -> None:
    bank = plain(tmp_path / "b.json", [item()])
    (tmp_path / "trainset.txt").write_text("a01-000u")
    assert ingest_inputs([bank]) == {"archive-1": bank}


def test_a_pipeline_file_leads_there(tmp_path: Path) -> None:
    plain(tmp_path / "b.json", [item()])
    (tmp_path / "p.toml").write_text('[ingest]\nfolder = "."\narchives = ["b.json"]\n')
    (step,) = plan(read_pipeline(tmp_path / "p.toml"), Store(tmp_path / "store"))
    assert (step.state, step.reason) == ("runs", "there is no artifact of this stage")
    assert step.key is not None


# The real archive


@pytest.mark.skipif(not SHARED.is_file(), reason=f"bigbank is not at {SHARED}")
def test_the_real_archive(tmp_path: Path) -> None:
    ds, metrics = ingest(tmp_path / "ink.h5", SHARED)
    assert metrics == {
        "source": "bigbank",
        "terms": bigbank.TERMS,
        "words": 3_500,
        "lines": 3_500,
        "skipped": 0,
        "strokes": 14_431 - 45,
        "points": 1_054_455 - 2 * 45,
        "clicks": 45,
        "characters": 70,
        "matched": {"train": 3_209, "validation": 291},
        "lines_without_text": 0,
        "remarks": {"click": 45},
    }
    # One writing surface for all, about which the notes of other users of the ink agree: x in the unit
    # of y (steps of the same length in both directions), and a base line at 0.65.
    step = np.abs(np.concatenate([np.diff(s, axis=0) for word in ds for s in word.ink.strokes()]))
    along, across = step[step[:, 1] < 1e-3, 0], step[step[:, 0] < 1e-3, 1]
    assert np.median(along[along > 1e-3]) == pytest.approx(np.median(across[across > 1e-3]), rel=0.05)
    numbers = [word.ink.points for word in ds if word.text and word.text.isdigit()]
    assert np.median([points[:, 1].max() for points in numbers]) == pytest.approx(0.65, abs=0.01)


def test_a_watcher_of_the_progress_who_left_is_not_the_files_fault(tmp_path: Path) -> None:
    def left(done: int, total: int, note: str) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    file = tmp_path / "words.json"
    file.write_text(json.dumps([item()]))
    with InkWriter(tmp_path / "ink.h5") as writer, pytest.raises(BrokenPipeError):
        bigbank.read([file], writer, left)
