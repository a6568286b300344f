"""The sample archive is what its script draws, and holds what its README says."""

from __future__ import annotations

import gzip
import importlib.util
import re
import string
import tarfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from lxml import etree

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
ARCHIVES = {"lineStrokes-all.tar.gz": "lineStrokes", "ascii-all.tar.gz": "ascii"}
LISTS = ["trainset.txt", "testset_v.txt", "testset_t.txt", "testset_f.txt"]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("draw_sample", SAMPLE / "draw.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ink() -> dict[str, list[list[tuple[str, str, str]]]]:
    """Every line's strokes by its name, the attributes as they are written."""
    lines = {}
    for path, content in files("lineStrokes-all.tar.gz").items():
        root = etree.fromstring(content)
        lines[Path(path).stem] = [
            [(p.get("x", ""), p.get("y", ""), p.get("time", "")) for p in stroke]
            for stroke in root.iterfind("StrokeSet/Stroke")
        ]
    return lines


@pytest.fixture(scope="module")
def transcripts() -> dict[str, list[str]]:
    """Every form's lines after CSR: by the form's name."""
    return {
        Path(path).stem: content.decode("ascii").split("CSR:\n\n")[1].splitlines()
        for path, content in files("ascii-all.tar.gz").items()
    }


def files(archive: str) -> dict[str, bytes]:
    with tarfile.open(SAMPLE / archive, "r:gz") as tar:
        return {m.name: tar.extractfile(m).read() for m in tar if m.isfile()}  # type: ignore[union-attr]


def listed(name: str) -> list[str]:
    return (SAMPLE / name).read_text().split()


def test_the_script_draws_it_again(script: ModuleType, tmp_path: Path) -> None:
    script.draw(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*ARCHIVES, *LISTS])
    for name in ARCHIVES:
        # The tar to the byte; how small zlib makes it is the machine's own affair, so of the gzip its
        # header alone: no name, no time of today.
        here, again = (SAMPLE / name).read_bytes(), (tmp_path / name).read_bytes()
        assert gzip.decompress(again) == gzip.decompress(here)
        assert again[:9] == here[:9]
    for name in LISTS:
        assert (tmp_path / name).read_bytes() == (SAMPLE / name).read_bytes()


@pytest.mark.parametrize(("archive", "root"), ARCHIVES.items())
def test_members_are_plain_and_below_the_root(archive: str, root: str) -> None:
    name = {"lineStrokes": r"/s\d\d-\d{3}[a-z]-\d\d\.xml", "ascii": r"/s\d\d-\d{3}[a-z]\.txt"}[root]
    with tarfile.open(SAMPLE / archive, "r:gz") as tar:
        for member in tar:
            assert member.isfile() or member.isdir()
            assert (member.uid, member.gid, member.uname, member.mtime) == (0, 0, "", 1262304000)
            assert re.fullmatch(rf"{root}(/s\d\d(/s\d\d-\d{{3}}({name})?)?)?", member.name)
            assert member.isfile() == ("." in member.name)


def test_archives_are_small() -> None:
    assert sum((SAMPLE / name).stat().st_size for name in ARCHIVES) < 1_500_000


def test_every_transcript_line_has_ink_but_the_declared_ones(
    ink: dict[str, object], transcripts: dict[str, list[str]]
) -> None:
    expected = {f"{form}-{row:02d}" for form, lines in transcripts.items() for row in range(1, len(lines) + 1)}
    no_ink = {f"s05-000a-{row:02d}" for row in range(1, 5)}
    assert expected - ink.keys() == no_ink | {"s05-001a-04"}
    assert ink.keys() <= expected
    assert all(15 <= len(line) <= 35 for lines in transcripts.values() for line in lines)


def test_splits(ink: dict[str, object], transcripts: dict[str, list[str]]) -> None:
    splits = [listed(name) for name in LISTS]
    named = [form for forms in splits for form in forms]
    assert len(named) == len(set(named))
    assert transcripts.keys() - set(named) == {"s05-000a", "s05-002a"}
    counted = {form: sum(line.startswith(form) for line in ink) for form in transcripts}
    matched = [sum(counted[f] for f in forms if counted[f] == len(transcripts[f])) for forms in splits]
    assert matched == [128, 16, 16, 16]
    assert all(text.startswith(" ") for name in LISTS for text in (SAMPLE / name).read_text().splitlines())
    # A text is in one split only, and training shows every character that the others need.
    texts = [{line for form in forms for line in transcripts[form]} for forms in splits]
    assert sum(map(len, texts)) == len(set.union(*texts))
    train, *others = ({c for line in lines for c in line} for lines in texts)
    assert set.union(*others) <= train
    assert train == set(string.ascii_letters + string.digits + " .,'\"-!?():;")


def test_readings(ink: dict[str, list[list[tuple[str, str, str]]]]) -> None:
    whole, hundredths = re.compile(r"\d+").fullmatch, re.compile(r"\d+\.\d\d").fullmatch
    jumps, gaps, widths = {}, {}, []
    for name, strokes in ink.items():
        assert all(whole(x) and whole(y) and hundredths(time) for stroke in strokes for x, y, time in stroke)
        points = np.array([point for stroke in strokes for point in stroke], float)
        assert (np.diff(points[:, 2]) >= 0).all()
        jumps[name] = int((np.hypot(*np.diff(points[:, :2], axis=0).T) > 1000).sum())
        within = np.concatenate([np.diff(np.array(stroke, float)[:, 2]) for stroke in strokes])
        gaps[name] = int((within > 0.025).sum())
        widths.append(np.ptp(points[:, 0]))
    assert {name: n for name, n in jumps.items() if n} == {"s01-000a-02": 2}  # there and back
    assert {name: n for name, n in gaps.items() if n} == {"s02-001b-03": 1}
    assert min(widths) > 2000
    assert np.median(widths) > 4000


def test_readme_counts(ink: dict[str, list[list[tuple[str, str, str]]]]) -> None:
    strokes = [stroke for line in ink.values() for stroke in line]
    counts = f"{len(ink)} files, {len(strokes):,} strokes, {sum(map(len, strokes)):,} points"
    assert counts in (SAMPLE / "README.md").read_text()


def test_line_file_is_in_iam_ondb_form() -> None:
    content = files("lineStrokes-all.tar.gz")["lineStrokes/s01/s01-000/s01-000b-01.xml"]
    assert content.startswith(b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<WhiteboardCaptureSession>\n')
    root = etree.fromstring(content)
    assert [child.tag for child in root] == ["WhiteboardDescription", "StrokeSet"]
    points = np.array([(p.get("x"), p.get("y")) for p in root.iter("Point")], int)
    corner = root.find("WhiteboardDescription/DiagonallyOppositeCoords")
    assert corner is not None
    assert (int(corner.get("x", "")), int(corner.get("y", ""))) == tuple(points.max(axis=0))
    for stroke in root.iterfind("StrokeSet/Stroke"):
        assert stroke.get("start_time") == stroke[0].get("time")
        assert stroke.get("end_time") == stroke[-1].get("time")


def test_y_grows_downward(ink: dict[str, list[list[tuple[str, str, str]]]]) -> None:
    # "!" ends the third line of s01-001: its dot is the last stroke written and lies below its bar.
    bar, dot = ([int(y) for _, y, _ in stroke] for stroke in ink["s01-001a-03"][-2:])
    assert max(bar) < min(dot)


def test_alphabet(script: ModuleType) -> None:
    assert set(script.ALPHABET) == set(string.ascii_letters + string.digits + string.punctuation)
    for character in script.ALPHABET:
        strokes = script.strokes_of(character)
        points = np.concatenate([stroke.points for stroke in strokes])
        assert points.min() >= 0
        assert points[:, 0].max() <= 20
        assert points[:, 1].max() <= script.DESCENDER
        for stroke in strokes:
            assert len(stroke.points) >= 2
            curve = script.smooth(stroke, 0.1)
            assert np.array_equal(curve[[0, -1]], stroke.points[[0, -1]])
            # The curve goes through every point of the table.
            far = np.hypot(*(stroke.points[:, None] - curve[None]).transpose(2, 0, 1)).min(axis=1)
            assert far.max() < 0.12
    with pytest.raises(KeyError):
        script.strokes_of("é")
