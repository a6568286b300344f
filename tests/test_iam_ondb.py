"""IAM-OnDB's reader, on small archives written by hand, whose answers are known."""

from __future__ import annotations

import gzip
import io
import random
import tarfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import InkError, InputError
from hwkit.sources import iam_ondb
from hwkit.sources.iam_ondb import read_line

SHARED = Path(__file__).resolve().parents[2] / "shared" / "iam-ondb"

HEAD = """<?xml version="1.0" encoding="ISO-8859-1"?>
<WhiteboardCaptureSession>
  <WhiteboardDescription>
    <SensorLocation corner="top_left"/>
    <DiagonallyOppositeCoords x="6512" y="1376"/>
  </WhiteboardDescription>
"""
TWO_STROKES = """  <StrokeSet>
    <Stroke colour="black" start_time="1.05" end_time="1.07">
      <Point x="10" y="-20" time="1.05"/>
      <Point x="11" y="21" time="1.07"/>
    </Stroke>
    <Stroke colour="black" start_time="2" end_time="2">
      <Point x="6512" y="0" time="2.0"/>
    </Stroke>
  </StrokeSet>
</WhiteboardCaptureSession>
"""
LINE = HEAD + TWO_STROKES
DOT = """<WhiteboardCaptureSession><StrokeSet><Stroke><Point time="3" y="2" x="1"/></Stroke></StrokeSet>
</WhiteboardCaptureSession>"""


def transcript(*lines: str) -> str:
    return "OCR:\r\n\r\nwhat a machine read\r\n\r\nCSR:\r\n\r\n" + "".join(f"{line}\r\n" for line in lines)


INKS = {
    "lineStrokes/a01/a01-000/a01-000u-01.xml": LINE,
    "lineStrokes/a01/a01-000/a01-000u-02.xml": DOT,
    "lineStrokes/a01/a01-001/a01-001x-01.xml": DOT,
    "lineStrokes/b02/b02-000/b02-000z-01.xml": LINE,
    "lineStrokes/b02/b02-000/b02-000z-02.xml": LINE,
    "lineStrokes/c03/c03-000/c03-000-01.xml": DOT,
    "lineStrokes/c03/c03-000/c03-000-02.xml": DOT,
    "lineStrokes/d04/d04-000/d04-000-01.xml": DOT,
}
TEXTS = {
    "ascii/a01/a01-000/a01-000u.txt": transcript("  A # of caf\xe9 ", "", "two  words"),
    "ascii/a01/a01-001/a01-001x.txt": "CSR:\nvalidate",  # no blank line, no return
    "ascii/b02/b02-000/b02-000z.txt": transcript("one line for two"),
    "ascii/c03/c03-000/c03-000.txt": transcript("in no", "split"),
    "ascii/d04/d04-000/d04-000.txt": transcript("test"),
    "ascii/e05/e05-000/e05-000.txt": transcript("never", "recorded"),
}
SPLITS = {
    "trainset.txt": " a01-000u\n b02-000z\n\n",
    "testset_v.txt": "a01-001x \r\n",
    "testset_t.txt": "\tunheard-of\n",
    "testset_f.txt": " d04-000",
}


def tar(path: Path, members: dict[str, str], mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:
        folders = {parent.as_posix() for name in members for parent in Path(name).parents} - {"."}
        for name in sorted(folders):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            archive.addfile(info)
        for name, text in members.items():
            content = text.encode("latin-1")
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def folder(path: Path, members: dict[str, str]) -> Path:
    for name, text in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(text.encode("latin-1"))
    return path


def ingest(out: Path, *archives: Path, splits: Path | None = None) -> tuple[InkDataset, dict[str, Any]]:
    with InkWriter(out) as writer:
        metrics = iam_ondb.read(archives, splits, writer)
    return InkDataset.open(out), metrics


def remarks(ds: InkDataset, kind: str) -> dict[str, str]:
    found = [(remark.name, remark.reason) for remark in ds.remarks if remark.kind == kind]
    assert len({name for name, _ in found}) == len(found)
    return dict(found)


@pytest.fixture
def archives(tmp_path: Path) -> tuple[Path, Path]:
    folder(tmp_path, SPLITS)
    return tar(tmp_path / "lines.tar.gz", INKS), tar(tmp_path / "ascii.tar.gz", TEXTS)


def test_known_answers(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    ds, metrics = ingest(tmp_path / "ink.h5", *archives)
    assert metrics == {
        "source": "iam-ondb",
        "terms": iam_ondb.TERMS,
        "line_files": 8,
        "lines": 8,
        "skipped": 0,
        "strokes": 3 * 2 + 5,
        "points": 3 * 3 + 5,
        "forms": 5,
        "matched": {"train": 2, "first-validation": 1, "second-validation": 0, "test": 1},
        "lines_without_text": 2,
        "remarks": {"no-ink": 1, "no-split": 1, "transcript-disagrees": 1},
    }
    assert list(zip(ds.ids, ds.forms, ds.splits, ds.texts, strict=True)) == [
        ("a01-000u-01", "a01-000u", "train", "A # of caf\xe9"),
        ("a01-000u-02", "a01-000u", "train", "two  words"),
        ("a01-001x-01", "a01-001x", "first-validation", "validate"),
        ("b02-000z-01", "b02-000z", "train", None),
        ("b02-000z-02", "b02-000z", "train", None),
        ("c03-000-01", "c03-000", "", "in no"),
        ("c03-000-02", "c03-000", "", "split"),
        ("d04-000-01", "d04-000", "test", "test"),
    ]
    line, dot = ds[0].ink, ds[1].ink
    assert line.points.tolist() == [[10, -20], [11, 21], [6512, 0]]
    assert line.lengths.tolist() == [2, 1]
    assert line.times is not None
    assert line.times.tolist() == [1.05, 1.07, 2.0]
    assert dot.points.tolist() == [[1, 2]]
    assert ds[0].scale == 1
    assert "transcript lines: 2" in remarks(ds, "no-ink")["e05-000"]
    assert remarks(ds, "no-split")["c03-000"].endswith("its lines: c03-000-01, c03-000-02")
    assert "2 line files, 1 transcript lines" in remarks(ds, "transcript-disagrees")["b02-000z"]
    assert ds.recipe == ""


def test_packing_and_order_do_not_matter(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    both = folder(tmp_path / "both", INKS | TEXTS)
    ways: dict[str, tuple[Path, ...]] = {
        "archives": archives,
        "turned round": archives[::-1],
        "one archive": (tar(tmp_path / "all.tar.gz", dict(reversed((INKS | TEXTS).items()))),),
        "no compression": (tar(tmp_path / "all.tar", INKS | TEXTS, "w"),),
        "bzip2": (tar(tmp_path / "all.tar.bz2", INKS | TEXTS, "w:bz2"),),
        "xz": (tar(tmp_path / "all.tar.xz", INKS | TEXTS, "w:xz"),),
        "their parent": (both,),
        "their folders": (both / "ascii", both / "lineStrokes"),
        "mixed": (both / "lineStrokes", archives[1]),
    }
    files = set()
    for way in ways.values():
        ingest(tmp_path / "ink.h5", *way, splits=tmp_path)
        files.add((tmp_path / "ink.h5").read_bytes())
    assert len(files) == 1


def test_progress_ends_at_its_total(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}
    both = (archives[0], folder(tmp_path / "texts", TEXTS))
    with InkWriter(tmp_path / "ink.h5") as writer:
        iam_ondb.read(
            both, None, writer, lambda done, total, note: seen.setdefault(note, []).append((done, total))
        )
    assert set(seen) == {"lines.tar.gz", "texts"}
    for steps in seen.values():
        assert steps == sorted(steps)
        assert steps[-1][0] == steps[-1][1] > 0


# Splits


def test_where_the_lists_are_looked_for(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    inside = folder(tmp_path / "elsewhere" / "inside", INKS | TEXTS | SPLITS)
    ds, metrics = ingest(tmp_path / "ink.h5", inside)
    assert metrics["matched"]["train"] == 2
    assert "skipped" not in metrics["remarks"]  # a split list is no transcript

    bare = folder(tmp_path / "bare" / "data", INKS | TEXTS)
    ds, metrics = ingest(tmp_path / "ink.h5", bare)
    assert set(ds.splits) == {""}
    assert metrics["matched"] == dict.fromkeys(iam_ondb.LISTS, 0)
    assert metrics["remarks"] == {"no-ink": 1, "no-lists": 1, "transcript-disagrees": 1}

    with pytest.raises(InputError, match="split list") as caught:
        ingest(tmp_path / "ink.h5", *archives, splits=tmp_path / "bare")
    assert caught.value.file == tmp_path / "bare" / "trainset.txt"


def test_a_form_in_two_lists(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    (tmp_path / "testset_f.txt").write_text("d04-000\na01-000u\nd04-000\n")
    ds, metrics = ingest(tmp_path / "ink.h5", *archives)
    assert metrics["matched"]["train"] == 2
    assert "train and test" in remarks(ds, "two-splits")["a01-000u"]


# Single bad lines among good ones


def strokes(*points: str) -> str:
    return f"<W><StrokeSet><Stroke>{''.join(points)}</Stroke></StrokeSet></W>"


GOOD = '<Point x="1" y="2" time="3"/>'
BAD = {
    "not XML": ("hello", "XML is broken"),
    "empty": ("", "XML is broken"),
    "cut short": (LINE[: len(LINE) // 2], "XML is broken"),
    "an open stroke": (LINE.replace("</Stroke>", "", 1), "XML is broken"),
    "no stroke": ("<W><StrokeSet/></W>", "no point"),
    "no stroke set": ("<W/>", "no point"),
    "strokes without points": (strokes("") + "\n", "no point"),
    "NaN": (LINE.replace('"11"', '"NaN"'), "point 2 has the x 'NaN'"),
    "inf": (LINE.replace('"21"', '"inf"'), "point 2 has the y 'inf'"),
    "beyond a float": (LINE.replace('"11"', '"1e999"'), "not a finite number"),
    "beyond the dataset": (LINE.replace('"11"', '"1e99"'), "too large"),
    "empty coordinate": (LINE.replace('x="11"', 'x=""'), "point 2 has the x ''"),
    "no coordinate": (LINE.replace('x="11"', ""), "point 2 has the x ''"),
    "no time": (LINE.replace('time="2.0"', ""), "point 3 has the time ''"),
    "a word": (LINE.replace('"11"', '"eleven"'), "point 2 has the x 'eleven'"),
    "two numbers": (LINE.replace('"11"', '"1 1"'), "point 2 has the x '1 1'"),
    "a comma": (LINE.replace('x="11" y="21"', 'x="11,21"'), "point 2 has the x '11,21'"),
    "commas that make up for it": (
        strokes('<Point x="1,2" y="3"/>', '<Point time="4" x="5" y="6"/>'),
        "point 1 has the x '1,2'",
    ),
    "an underscore": (LINE.replace('"11"', '"1_1"'), "point 2 has the x '1_1'"),
    "other digits": (LINE.replace('"11"', '"&#1633;"'), "point 2 has the x"),
    "an unknown entity": (LINE.replace('"11"', '"&eleven;"'), "XML is broken"),
    "an entity from a file": (
        '<!DOCTYPE W [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + strokes('<Point x="&e;" y="1" time="1"/>'),
        "XML is broken",
    ),
    "an entity with a point": (
        '<!DOCTYPE W [<!ENTITY e \'<Point x="1" y="1" time="1"/>\'>]>' + strokes("&e;"),
        "no point",
    ),
    "a billion laughs": (
        '<!DOCTYPE W [<!ENTITY a "1111111111">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True))
        + "]>"
        + strokes('<Point x="&i;" y="1" time="1"/>'),
        "XML is broken",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_line_is_skipped(tmp_path: Path, archives: tuple[Path, Path], name: str) -> None:
    """And the other line of its form keeps the text that belongs to it."""
    content, reason = BAD[name]
    lines = tar(tmp_path / "lines.tar.gz", INKS | {"lineStrokes/a01/a01-000/a01-000u-01.xml": content})
    ds, metrics = ingest(tmp_path / "ink.h5", lines, archives[1])
    assert (metrics["line_files"], metrics["lines"], metrics["skipped"]) == (8, 7, 1)
    assert metrics["remarks"]["skipped"] == 1
    assert reason in remarks(ds, "skipped")["a01-000u-01"]
    assert ds.texts[ds.find("a01-000u-02")] == "two  words"
    assert "a01-000u-01" not in ds.ids
    assert metrics["matched"]["train"] == 1


def test_no_other_file_is_opened(tmp_path: Path) -> None:
    (tmp_path / "point.xml").write_text(GOOD)
    url = (tmp_path / "point.xml").as_uri()
    entity = f'<!DOCTYPE W [<!ENTITY e SYSTEM "{url}">]>' + strokes("&e;")
    (tmp_path / "point.dtd").write_text('<!ATTLIST Point x CDATA "1" y CDATA "1" time CDATA "1">')
    defaults = f'<!DOCTYPE W SYSTEM "{(tmp_path / "point.dtd").as_uri()}">' + strokes("<Point/>")
    for content in (entity, defaults):
        with pytest.raises(InkError):
            read_line(content.encode())


def test_more_texts_than_lines(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    texts = tar(tmp_path / "t.tar.gz", TEXTS | {"ascii/d04/d04-000/d04-000.txt": transcript("one", "two")})
    ds, metrics = ingest(tmp_path / "ink.h5", archives[0], texts)
    assert ds.texts[ds.find("d04-000-01")] is None
    assert metrics["matched"]["test"] == 0
    assert "1 line files, 2 transcript lines" in remarks(ds, "transcript-disagrees")["d04-000"]


def test_no_good_line_left(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    lines = tar(tmp_path / "lines.tar.gz", dict.fromkeys(INKS, "<W/>"))
    with pytest.raises(InputError, match="none of the 8 line files"):
        ingest(tmp_path / "ink.h5", lines, archives[1])
    assert not (tmp_path / "ink.h5").exists()


def test_second_files_of_a_name(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    again = {"copy/a01-000u-01.xml": DOT, "copy/a01-000u.txt": transcript("other", "words")}
    ds, metrics = ingest(tmp_path / "ink.h5", *archives, tar(tmp_path / "again.tar.gz", again))
    assert metrics["line_files"] == 8
    assert len(ds[ds.find("a01-000u-01")].ink) == 3
    assert ds.texts[ds.find("a01-000u-01")] == "A # of caf\xe9"
    assert set(remarks(ds, "skipped")) == {"a01-000u-01", "a01-000u"}


def test_odd_files(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    odd = {
        "ascii/._a01-000u.txt": "a Mac's shadow",
        "lineStrokes/._a01-000u-03.xml": "a Mac's shadow",
        "lineStrokes/a01/a01-000/a01-000u-01.tif": "a picture",
        "README.txt": "no transcript",
        "ascii/f06/f06-000/f06-000.txt": "OCR:\r\nno end\r\n",
        "lineStrokes/g07/g07-000/g07-000-01.xml": DOT,
        "lineStrokes/h08/h08-000/h08-000-01.xml": " " * (iam_ondb.LARGEST + 1),
    }
    ds, metrics = ingest(tmp_path / "ink.h5", *archives, tar(tmp_path / "odd.tar.gz", odd))
    assert metrics["lines"] == 9
    assert set(remarks(ds, "skipped")) == {"README", "f06-000", "h08-000-01"}
    assert set(remarks(ds, "no-transcript")) == {"g07-000", "h08-000"}
    assert ds.texts[ds.find("g07-000-01")] is None


def test_lines_sort_by_number(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    lines = tar(tmp_path / "l.tar", {f"z/n-{number}.xml": DOT for number in (10, 9, 100)}, "w")
    texts = tar(tmp_path / "t.tar", {"z/n.txt": transcript("nine", "ten", "hundred")}, "w")
    ds, _ = ingest(tmp_path / "ink.h5", lines, texts)
    assert list(zip(ds.ids, ds.texts, strict=True)) == [("n-9", "nine"), ("n-10", "ten"), ("n-100", "hundred")]


# Archives that cannot be used


def refused(tmp_path: Path, *archives: Path) -> InputError:
    with pytest.raises(InputError) as caught:
        ingest(tmp_path / "ink.h5", *archives)
    assert caught.value.exit_code == 2
    assert not (tmp_path / "ink.h5").exists()
    return caught.value


def test_one_of_the_two_is_missing(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    error = str(refused(tmp_path, archives[0]))
    assert "no transcript" in error
    assert "ascii-all.tar.gz" in error
    assert str(archives[0]) in error
    error = str(refused(tmp_path, archives[1]))
    assert "no ink" in error
    assert "lineStrokes-all.tar.gz" in error
    assert str(archives[1]) in error
    refused(tmp_path)


def test_an_archive_of_something_else(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    other = tar(tmp_path / "other.tar.gz", {"a.py": "print()"})
    for bad in (other, folder(tmp_path / "other", {"a.py": "print()"})):
        assert refused(tmp_path, *archives, bad).file == bad


def test_a_truncated_archive(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    """Wherever it was cut: in the tar's headers, in its contents, in gzip's checksum."""
    whole = archives[0].read_bytes()
    plain = gzip.decompress(whole)
    members = plain.rindex(b"</WhiteboardCaptureSession>")
    cuts = [whole[:-1], whole[:-8], whole[: len(whole) // 2], whole[:20], whole[:3], b""]
    cuts += [plain[:length] for length in (100, 512, 700, members // 512 * 512 + 512, members)]
    cuts += [gzip.compress(cut) for cut in cuts[6:]]
    bad = tmp_path / "cut.tar.gz"
    for cut in cuts:
        bad.write_bytes(cut)
        assert refused(tmp_path, bad, archives[1]).file == bad


def test_a_damaged_archive(tmp_path: Path, archives: tuple[Path, Path]) -> None:
    bad = tmp_path / "bad.tar.gz"
    bad.write_bytes(b"hello" * 1000)
    assert refused(tmp_path, bad).file == bad
    plain = bytearray(gzip.decompress(archives[0].read_bytes()))
    header = plain.index(b"lineStrokes/c03/c03-000/c03-000-01.xml")
    plain[header] ^= 1  # the header's own checksum tells
    bad.write_bytes(plain)
    assert refused(tmp_path, bad, archives[1]).file == bad
    whole = bytearray(archives[0].read_bytes())
    whole[-6] ^= 1  # gzip's
    bad.write_bytes(whole)
    assert refused(tmp_path, bad, archives[1]).file == bad
    assert "No such file" in refused(tmp_path, tmp_path / "nothing.tar.gz").what


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_any_damage_ends_in_an_input_error_or_a_result(
    tmp_path_factory: pytest.TempPathFactory, random: random.Random
) -> None:
    place = tmp_path_factory.mktemp("damage")
    texts = tar(place / "t.tar", TEXTS, "w")
    content = bytearray(tar(place / "l.tar", INKS, "w").read_bytes())
    for _ in range(random.randint(1, 8)):
        content[random.randrange(12_000)] = random.randrange(256)
    (place / "l.tar").write_bytes(content)
    try:
        ingest(place / "ink.h5", place / "l.tar", texts)
    except InputError:
        assert not (place / "ink.h5").exists()


@pytest.mark.parametrize(
    "name", ["/etc/a01-000u-09.xml", "../a01-000u-09.xml", "lineStrokes/../../a01-000u-09.xml", "a/.."]
)
def test_a_member_outside_the_archive(tmp_path: Path, archives: tuple[Path, Path], name: str) -> None:
    bad = tmp_path / "bad.tar"
    with tarfile.open(bad, "w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    assert "outside" in refused(tmp_path, *archives, bad).what


@pytest.mark.parametrize(
    "type", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE]
)
def test_a_member_that_is_no_file(tmp_path: Path, archives: tuple[Path, Path], type: bytes) -> None:
    bad = tmp_path / "bad.tar"
    info = tarfile.TarInfo("lineStrokes/a01/a01-000/a01-000u-09.xml")
    info.type, info.linkname = type, "lineStrokes/a01/a01-000/a01-000u-01.xml"
    with tarfile.open(bad, "w") as archive:
        archive.addfile(info)
    assert "neither a file nor a folder" in refused(tmp_path, *archives, bad).what


def test_a_link_in_a_folder(tmp_path: Path) -> None:
    place = folder(tmp_path / "place", INKS | TEXTS)
    (place / "lineStrokes" / "a01" / "more").symlink_to(tmp_path)
    assert "neither a file nor a folder" in refused(tmp_path, place).what


# One line file


def plain(content: bytes) -> tuple[Any, ...] | None:
    """What the slow and simple way makes of a line file."""
    try:
        values, lengths = iam_ondb._plain_strokes(content)
    except InkError:
        return None
    if not values or not np.isfinite(values).all():
        return None
    return values, [length for length in lengths if length]


def quick(content: bytes) -> tuple[Any, ...] | None:
    try:
        ink = read_line(content)
    except InkError:
        return None
    assert ink.times is not None
    return np.column_stack([ink.points, ink.times]).ravel().tolist(), ink.lengths.tolist()


SHAPES = {
    "IAM-OnDB's own": LINE,
    "attributes in another order": DOT,
    "single quotes": LINE.replace('"10"', "'10'"),
    "a comment": LINE.replace("</Stroke>", "<!-- an <Point x='1'/> --></Stroke>"),
    "a hidden point": LINE.replace("</Stroke>", '<!-- <Point x="1" y="2" time="3"/> --></Stroke>'),
    "a character section": LINE.replace("</Stroke>", '<![CDATA[<Point x="1" y="2" time="3"/>]]></Stroke>'),
    "an instruction": LINE.replace("</Stroke>", "<?pen up?></Stroke>", 1),
    "a stroke set with a name": LINE.replace("<StrokeSet>", '<StrokeSet id="1">'),
    "two stroke sets": LINE.replace(
        "  <StrokeSet>", f'<StrokeSet id="1"><Stroke>{GOOD}</Stroke></StrokeSet><StrokeSet>'
    ),
    "points outside strokes": LINE.replace("</StrokeSet>", f"{GOOD}</StrokeSet>"),
    "points outside the set": LINE.replace("</StrokeSet>", f"</StrokeSet><Stroke>{GOOD}</Stroke>"),
    "another element": LINE.replace("</Stroke>", '<Pressure x="1"/></Stroke>'),
    "text in a stroke": LINE.replace("</Stroke>", "1,2,3,</Stroke>"),
    "brackets in a stroke": LINE.replace("</Stroke>", "],[</Stroke>"),
    "an empty stroke": LINE.replace("  </StrokeSet>", "<Stroke></Stroke><Stroke/></StrokeSet>"),
    "numbers of every kind": LINE.replace('"10"', '"+1.5e1"')
    .replace('"-20"', '" 007. "')
    .replace('"11"', '".5"'),
    "a number by its code": LINE.replace('"10"', '"&#49;0"'),
    "on one line": LINE.replace("\n", ""),
    "no time": LINE.replace(' time="2.0"', ""),
    "UTF-16": LINE.replace("ISO-8859-1", "UTF-16"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_the_quick_way_agrees_with_the_plain_one(name: str) -> None:
    content = SHAPES[name].encode("utf-16" if name == "UTF-16" else "latin-1")
    expected = plain(content)
    assert quick(content) == expected
    assert (expected is None) == (name == "no time")


def test_the_quick_way_is_taken() -> None:
    assert iam_ondb._quick_strokes(LINE.encode()) == iam_ondb._plain_strokes(LINE.encode())


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_ways_agree_on_damaged_lines(random: random.Random) -> None:
    content = bytearray(LINE.encode())
    for _ in range(random.randint(1, 3)):
        at, length = random.randrange(len(content)), random.randint(0, 4)
        content[at : at + length] = random.choices(b'<>/"=!,. 0159exy&-\n\xe9', k=random.randint(0, 4))
    assert quick(bytes(content)) == plain(bytes(content))


# The real archives


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"IAM-OnDB is not at {SHARED}")
def test_the_real_archives(tmp_path: Path) -> None:
    ds, metrics = ingest(tmp_path / "ink.h5", SHARED / "lineStrokes-all.tar.gz", SHARED / "ascii-all.tar.gz")
    assert metrics == {
        "source": "iam-ondb",
        "terms": iam_ondb.TERMS,
        "line_files": 12_195,
        "lines": 12_195,
        "skipped": 0,
        "strokes": 303_676,
        "points": 7_656_867,
        "forms": 1_730,
        "matched": {"train": 5_355, "first-validation": 1_438, "second-validation": 1_518, "test": 3_859},
        "lines_without_text": 17,
        "remarks": {"no-ink": 177, "no-split": 3, "transcript-disagrees": 2},
    }
    assert (len(ds), ds.strokes, ds.points_count) == (12_195, 303_676, 7_656_867)
    assert {split: len(ds.rows(split, True)) for split in iam_ondb.LISTS} == metrics["matched"]
    assert set(remarks(ds, "no-split")) == {"z00-001", "z01-000", "z01-000z"}
    assert set(remarks(ds, "transcript-disagrees")) == {"a08-551z", "z01-000z"}
    assert [text for text, form in zip(ds.texts, ds.forms, strict=True) if form == "a08-551z"] == [None] * 9
    # One line, read by the standard library's parser.
    with tarfile.open(SHARED / "lineStrokes-all.tar.gz") as archive:
        member = next(member for member in archive if member.name.endswith("a01-000u-02.xml"))
        content = archive.extractfile(member)
        assert content is not None
        root = ElementTree.fromstring(content.read())
    strokes = [stroke.findall("Point") for stroke in root.iter("Stroke")]
    ink = ds[ds.find("a01-000u-02")].ink
    assert ink.lengths.tolist() == [len(stroke) for stroke in strokes]
    assert ink.times is not None
    for name, column in (("x", ink.points[:, 0]), ("y", ink.points[:, 1]), ("time", ink.times)):
        assert column.tolist() == [float(point.attrib[name]) for stroke in strokes for point in stroke]
