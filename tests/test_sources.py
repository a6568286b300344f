"""The sources: small files written by hand, whose ink is known, and files that mean harm."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwkit.errors import InputError
from hwkit.ink import Sample
from hwkit.layout import Page, Pen
from hwkit.render.inkml import inkml as inkml_page
from hwkit.render.jsonl import jsonl as jsonl_pages
from hwkit.sources import arrays, json_lines, quickdraw, registry, svc2004
from hwkit.sources.source import rows_of

SHARED = Path(__file__).resolve().parents[2] / "shared" / "svc2004" / "Task2.zip"

Remarks = list[tuple[str, str, str]]


def lines(file: Path, source: str = "") -> tuple[list[Sample], Remarks]:
    remarks: Remarks = []
    found = registry.source(source) if source else registry.source_of(file)
    return list(found.lines(file, lambda *remark: remarks.append(remark))), remarks


def put(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def strokes(sample: Sample) -> list[Any]:
    return [stroke.tolist() for stroke in sample.ink.strokes()]


def refused(file: Path, source: str = "") -> str:
    with pytest.raises(InputError) as caught:
        lines(file, source)
    assert caught.value.file is not None
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000
    return str(caught.value)


# Plain JSON


def test_json_lines(tmp_path: Path) -> None:
    file = put(tmp_path / "mine.jsonl", "\n".join([
        '{"text": "hé", "strokes": [[[0, 1], [2.5, 3]], [[4, 5]]], "times": [[0, 0.1], [0.5]], "id": "a",'
        ' "form": "f", "split": "test", "scale": 2, "channels": {"pressure": [[1, null], [3]]}}',
        "",
        '{"strokes": [[[7, 8]]]}',
    ]))  # fmt: skip
    (first, second), remarks = lines(file)
    assert strokes(first) == [[[0, 1], [2.5, 3]], [[4, 5]]]
    assert (first.id, first.text, first.form, first.split, first.scale) == ("a", "hé", "f", "test", 2)
    assert first.ink.times is not None
    assert first.ink.times.tolist() == [0, 0.1, 0.5]
    np.testing.assert_array_equal(first.ink.channels["pressure"], [1, np.nan, 3])
    assert (second.id, second.text, strokes(second)) == ("mine-00003", None, [[[7, 8]]])
    assert remarks == []


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("no JSON", "is no line of ink"),
        ('{"strokes": []}', "no point"),
        ('{"strokes": [[]], "text": "a"}', "no point"),
        ('{"strokes": [[[1, 2]], []]}', "no points"),
        ('{"strokes": [[[1]]]}', "is no line of ink"),
        ('{"strokes": [[["a", 2]]]}', "is no line of ink"),
        ('{"strokes": [[[1, 2]]], "times": [[1, 2]]}', "times do not fit"),
        ('{"strokes": [[[1, 2]]], "channels": {"p": []}}', "p do not fit"),
        ('{"strokes": [[[1, 2]]], "scale": 0}', "scale"),
        ('{"strokes": [[[1e999, 2]]]}', ""),
        ("[" * 100_000, "is no line of ink"),
        ('{"strokes": ' + "[" * 100_000, "is no line of ink"),
        ("\x00\xff", "is no line of ink"),
    ],
)
def test_a_bad_line_among_good_ones(tmp_path: Path, row: str, words: str) -> None:
    good = '{"strokes": [[[1, 2]]]}'
    file = put(tmp_path / "a.jsonl", f"{good}\n{row}\n{good}\n")
    found, ((name, kind, reason),) = lines(file)
    assert [one.id for one in found] == ["a-00001", "a-00003"]
    assert (name, kind) == ("a-00002", "skipped")
    assert words in reason
    assert "a.jsonl, line 2" in reason


def test_what_json_says_beside_is_named(tmp_path: Path) -> None:
    _, remarks = lines(put(tmp_path / "a.jsonl", '{"strokes": [[[1, 2]]], "writer": 3, "age": 4}'))
    assert remarks == [("a-00001", "not-kept", "a.jsonl: age, writer")]


def test_one_drawing(tmp_path: Path) -> None:
    file = put(tmp_path / "hand.json", json.dumps({"text": "hi", "strokes": [[[1, 2], [3, 4]]]}, indent=1))
    ((only,), _) = lines(file)
    assert (only.id, only.text, strokes(only)) == ("hand", "hi", [[[1, 2], [3, 4]]])
    assert "no line of ink" in refused(put(tmp_path / "bad.json", '{"strokes": 3}'))


def test_pages_of_hwkit(tmp_path: Path) -> None:
    ink = [np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0]]), np.array([[7.0, 8.0]])]
    pens = (Pen(0.5, "#000000", "a"), Pen(0.5, "#ff0000", "b"))
    page = Page(50, 50, ink, pens=pens, of_pen=(0, 1, 0), text=("one", "two"), lines=(0, 1, 1))
    found, remarks = lines(put(tmp_path / "page.jsonl", jsonl_pages([page, page])))
    assert [(one.text, len(one.ink.lengths)) for one in found] == [("one", 1), ("two", 2)] * 2
    assert [remark[1:] for remark in remarks] == [("not-kept", "page.jsonl: its pens")] * 2


def test_a_row_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "LONGEST", 40)
    good = '{"strokes": [[[1, 2]]]}'
    found, remarks = lines(put(tmp_path / "a.jsonl", f'{good}\n{{"strokes": [[[1, {" " * 500}2]]]}}\n{good}'))
    assert [one.id for one in found] == ["a-00001", "a-00003"]
    assert "longer" in remarks[0][2]


@given(st.lists(st.binary(max_size=30).filter(lambda row: b"\n" not in row), max_size=8), st.booleans())
def test_rows_are_those_of_the_file(rows: list[bytes], ended: bool) -> None:
    class File:
        def open(self, mode: str) -> io.BytesIO:
            return io.BytesIO(b"\n".join(rows) + b"\n" * ended)

    found = list(rows_of(File(), 12))  # type: ignore[arg-type]
    expected = [
        (n, row if len(row) <= 12 else None) for n, row in enumerate(rows, 1) if row.strip() or len(row) > 12
    ]
    assert [(n, row if row is None else row.rstrip(b"\n")) for n, row in found] == expected


# Quick, Draw!


def test_quickdraw_simplified_and_raw(tmp_path: Path) -> None:
    file = put(tmp_path / "cat.ndjson", "\n".join([
        '{"word":"cat","countrycode":"VE","timestamp":"2017-03-02 23:25:10.07453 UTC","recognized":true,'
        '"key_id":"5201136883597312","drawing":[[[130,113,99],[72,40,27]],[[76],[82]]]}',
        '{"word":"cat","key_id":"6","drawing":[[[1.5,2.5],[3,4],[0,170]]]}',
        '{"word":"cat","key_id":"7","drawing":[[[1,2],[3]]]}',
        '{"word":"cat","key_id":"8","drawing":[[[1,2]]]}',
        '{"word":"cat","key_id":"9","drawing":[]}',
        '{"word":"cat","key_id":"10","drawing":[[[],[]]]}',
        '{"drawing":[[[1],[2]]]}',
    ]))  # fmt: skip
    found, remarks = lines(file)
    assert [one.id for one in found] == ["5201136883597312", "6", "cat-00007"]
    assert strokes(found[0]) == [[[130, 72], [113, 40], [99, 27]], [[76, 82]]]
    assert (found[0].text, found[0].ink.times, found[2].text) == ("cat", None, None)
    assert found[1].ink.times is not None
    assert found[1].ink.times.tolist() == [0, 0.17]
    assert [(name, kind) for name, kind, _ in remarks] == [
        ("cat.ndjson", "not-kept"), *((f"cat-0000{n}", "skipped") for n in (3, 4, 5, 6)),
    ]  # fmt: skip
    assert remarks[0][2] == "countrycode, recognized, timestamp"
    assert registry.source("quickdraw").own(found[0])
    assert not registry.source("quickdraw").own(found[1])


def test_a_drawing_that_is_nested_too_deeply() -> None:
    with pytest.raises(InputError, match="no drawing"):
        quickdraw.drawn(b'{"drawing": ' + b"[" * 100_000, "a")


# InkML

INKML = '<ink xmlns="http://www.w3.org/2003/InkML">'


def test_inkml_with_all_that_it_says(tmp_path: Path) -> None:
    file = put(tmp_path / "a.inkml", INKML + """
      <traceFormat><channel name="T" units="ms"/><channel name="Y" orientation="-ve"/><channel name="X"/>
        <intermittentChannels><channel name="F"/></intermittentChannels></traceFormat>
      <traceGroup><annotation type="truth">one</annotation><trace>0 1 2 9, '10 '3 '4, 10 3 "1 7</trace>
        <trace type="penUp">0 0 0</trace></traceGroup>
      <traceGroup><annotation type="truth">two</annotation><trace>500 5 6 #ff</trace></traceGroup>
      <trace>600 7 8</trace></ink>""")  # fmt: skip
    (one, two), remarks = lines(file)
    assert (one.text, two.text, one.id) == ("one", "two", "a-00001")
    assert strokes(one) == [[[2, -1], [6, -4], [11, -7]]]
    assert one.ink.times is not None
    np.testing.assert_allclose(one.ink.times, [0, 0.01, 0.02])
    np.testing.assert_array_equal(one.ink.channels["pressure"], [9, np.nan, 7])
    assert two.ink.channels["pressure"].tolist() == [255]
    assert remarks == [
        ("a.inkml", "not-kept", "traces of a pen in the air: 1; traces that no text belongs to: 1")
    ]


def test_inkml_without_a_format_or_text(tmp_path: Path) -> None:
    (only,), remarks = lines(put(tmp_path / "a", INKML + "<trace>1 2, 3 4</trace><trace>5 6</trace></ink>"))
    assert (only.id, only.text, strokes(only)) == ("a", None, [[[1, 2], [3, 4]], [[5, 6]]])
    assert remarks == []


def test_a_page_of_hwkit_write(tmp_path: Path) -> None:
    """The writer of hwkit.render, which is another's, as a witness."""
    ink = [np.array([[1.0, 2.0], [3.0, 4.5]]), np.array([[5.0, 6.0], [5.5, 6.0]])]
    page = Page(50, 50, ink, text=("one", "two"), lines=(0, 1))
    found, _ = lines(put(tmp_path / "page.inkml", inkml_page(page)))
    assert [(one.text, strokes(one)) for one in found] == [
        ("one", [ink[0].tolist()]),
        ("two", [ink[1].tolist()]),
    ]
    assert found[0].ink.times is not None
    assert found[0].ink.times.tolist() == [0, 0.025]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<trace>1</trace></ink>", "1 values, expected 2"),
        ("<trace>1 2 3</trace></ink>", "is no point of ink"),
        ("<trace>1 x</trace></ink>", "is no point of ink"),
        ("<trace>1 ?</trace></ink>", "coordinate is missing"),
        ("<trace>1 1e999</trace></ink>", "coordinate is missing"),
        ("</ink>", "no ink in it"),
        ("<traceFormat><channel name='X'/></traceFormat><trace>1</trace></ink>", "no channels X and Y"),
        (
            "<traceFormat><channel name='X'/><channel name='Y'/><channel name='T' units='h'/></traceFormat>"
            "</ink>",
            "'h'",
        ),
        ("<a>" * 300 + "</a>" * 300 + "</ink>", "no InkML"),
        ("<trace>", "no InkML"),
    ],
)
def test_bad_inkml(tmp_path: Path, body: str, words: str) -> None:
    assert words in refused(put(tmp_path / "a.inkml", INKML + body))


def test_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE ink [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + INKML + "<trace>1 &b;</trace></ink>"
    assert "entities" in refused(put(tmp_path / "a.inkml", bomb))


def test_one_bad_line_of_inkml(tmp_path: Path) -> None:
    group = '<traceGroup><annotation type="text">a</annotation><trace>1 {}</trace></traceGroup>'
    file = put(tmp_path / "a.inkml", INKML + group.format(2) + group.format("x") + group.format(3) + "</ink>")
    found, remarks = lines(file)
    assert [one.id for one in found] == ["a-00001", "a-00003"]
    assert [(name, kind) for name, kind, _ in remarks] == [("a-00002", "skipped")]


# UNIPEN

UNIPEN = """.VERSION 1.0
.COORD X Y T P
.HIERARCHY TEXT WORD CHARACTER
.WRITER_ID w 7
.SEGMENT WORD 0-2 OK "two strokes"
.SEGMENT CHARACTER 0 ? "t"
.SEGMENT WORD 4:1,5 ? "in \\"parts\\""
.SEGMENT WORD 9 ? "beyond"
.PEN_DOWN
 100 200 0 5
 110 210 10 6
.PEN_UP
 1 1 1 1
.PEN_DOWN 120 190 500 7
.PEN_UP
.PEN_DOWN
1 2 600 1
3 4 610 2
.PEN_DOWN
5 6 900 3
.COMMENT the end
"""


def test_unipen(tmp_path: Path) -> None:
    (first, second), remarks = lines(put(tmp_path / "a.dat", UNIPEN))
    assert (first.id, first.text, first.form) == ("a-00001", "two strokes", "w 7")
    assert strokes(first) == [[[100, -200], [110, -210]], [[120, -190]]]
    assert first.ink.times is not None
    assert first.ink.times.tolist() == [0, 0.01, 0.5]
    assert first.ink.channels["pressure"].tolist() == [5, 6, 7]
    assert strokes(second) == [[[3, -4]], [[5, -6]]]
    assert [kind for _, kind, _ in remarks] == ["not-kept", "skipped"]
    assert remarks[0][2] == "labels of CHARACTER: 1; streams of a pen in the air: 1"
    assert "beyond the 6 streams" in remarks[1][2]


def test_unipen_that_names_no_streams(tmp_path: Path) -> None:
    """As the pen digits have it: each segment is what follows it."""
    digit = '.SEGMENT DIGIT ? ? "{}"\n.PEN_DOWN\n{} 1\n2 2\n.PEN_UP\n.DT 7\n'
    found, _ = lines(put(tmp_path / "a.upn", ".COORD X Y\n" + digit.format(8, 8) + digit.format(3, 3)))
    assert [(one.text, strokes(one)) for one in found] == [
        ("8", [[[8, -1], [2, -2]]]), ("3", [[[3, -1], [2, -2]]]),
    ]  # fmt: skip
    (only,), _ = lines(put(tmp_path / "b.upn", ".PEN_DOWN\n1 2\n3 4\n.PEN_UP\n"))
    assert (only.id, only.text, strokes(only)) == ("b", None, [[[1, -2], [3, -4]]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (".COORD X Y\n.PEN_DOWN\n1 2 3\n", "line 2"),
        (".COORD X Y\n.PEN_DOWN\n1 a\n", "line 3"),
        (".COORD X T\n.PEN_DOWN\n1 2\n", "no X or Y"),
        (".PEN_DOWN\n1 2\n.COORD Y X\n.PEN_DOWN\n", "change within"),
        (".COORD X Y\n.INCLUDE /etc/passwd\n", "its ink is in /etc/passwd"),
        (".PEN_DOWN\n1 nan\n", "not a finite"),
        (".PEN_DOWN\n.PEN_UP\n", "no point"),
    ],
)
def test_bad_unipen(tmp_path: Path, content: str, words: str) -> None:
    assert words in refused(put(tmp_path / "a.upn", content))


def test_a_delineation_without_end(tmp_path: Path) -> None:
    content = '.SEGMENT WORD 0-999999999 ? "a"\n.SEGMENT WORD 0 ? "b"\n.PEN_DOWN\n1 2\n'
    found, remarks = lines(put(tmp_path / "a.upn", content))
    assert [one.text for one in found] == ["b"]
    assert "beyond" in remarks[0][2]


# SVG


def test_svg(tmp_path: Path) -> None:
    shapes = '<path d="M 1,2 L 3,4 M 5,6 l 1,1"/><line x1="0" y1="0" x2="2" y2="0"/><path d="M 9,9 L 9,9"/>'
    file = put(tmp_path / "a.svg", f'<svg xmlns="http://www.w3.org/2000/svg">{shapes}</svg>')
    ((only,), _) = lines(file)
    assert strokes(only) == [[[1, 2], [3, 4]], [[5, 6], [6, 7]], [[0, 0], [2, 0]], [[9, 9]]]
    assert "no SVG" in refused(put(tmp_path / "b.svg", "<html/>"))


# Arrays without pickle


def npz(path: Path, **objects: Any) -> Path:
    np.savez_compressed(path, **objects)
    return path


def listed(*drawings: Any) -> Any:
    made = np.empty(len(drawings), object)
    made[:] = drawings
    return made


CAT = np.array([[10, 20, 0], [1, -1, 0], [2, 2, 1], [0, 5, 1]], np.int16)


def test_sketch_rnn(tmp_path: Path) -> None:
    empty, bad = np.zeros((0, 3), np.int16), np.array([[1, 2, 7]], np.int16)
    file = npz(
        tmp_path / "cat.npz",
        train=listed(CAT, bad, empty),
        valid=listed(CAT.astype(">f4")),
        test=listed(),
        std=3,
    )
    found, remarks = lines(file)
    assert [(one.id, one.split) for one in found] == [("cat-00001", "train"), ("cat-00004", "validation")]
    for one in found:
        assert strokes(one) == [[[10, 20], [11, 19], [13, 21]], [[13, 26]]]
    assert [kind for _, kind, _ in remarks] == ["skipped", "skipped", "not-kept"]
    assert remarks[2][2] == "the array std"


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4])
def test_all_ways_of_packing_an_array(protocol: int) -> None:
    """0 and 1 are text and Python 2's, 2 is how the published files are packed."""
    drawings = listed(CAT, CAT[:1], np.asfortranarray(CAT[:3]), CAT.astype(np.float64))
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (4,)})
    found = arrays.array(header.getvalue() + pickle.dumps(drawings, protocol), "a")
    assert isinstance(found, list)
    for one, other in zip(found, drawings, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype


def test_bytes_of_python_2() -> None:
    """As numpy in Python 2 wrote them: a string of bytes, whose numbers Python 3 would take for Latin 1."""
    packed = pickle.dumps(listed(CAT), 3).replace(b"C" + bytes([CAT.nbytes]), b"U" + bytes([CAT.nbytes]))
    assert b"U" + bytes([CAT.nbytes]) in packed
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    found = arrays.array(header.getvalue() + packed, "a")
    np.testing.assert_array_equal(found[0], CAT)


class Evil:
    """What a pickle may do to those who load it."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("import pathlib; pathlib.Path('evil').touch()",)


def test_a_pickle_that_means_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, objects in (("a", listed(Evil())), ("b", listed({"a": 1})), ("c", listed("a", None))):
        refused(npz(tmp_path / f"{name}.npz", train=objects))
    assert "exec" in refused(tmp_path / "a.npz")
    assert not (tmp_path / "evil").exists()


def of_pickle(content: bytes, shape: tuple[int, ...] = (1,)) -> bytes:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|O", "fortran_order": False, "shape": shape})
    return header.getvalue() + content


@pytest.mark.parametrize(
    "content",
    [
        b"", b".", b"(" * 10_000 + b".", b"0", b"]q\x00h\x00a.", b"\x80\x04\x95", b"h\x05.", b"K\x01K\x01R.",
        # A tuple of itself twice, thirty times: it would fill the memory where somebody prints it.
        b"K\x01" + b"\x940h\x00h\x00\x86" * 1 + b"".join(b"\x94h%c\x86" % n for n in range(1, 30)) + b".",
    ],
)  # fmt: skip
def test_pickles_that_are_none(content: bytes) -> None:
    with pytest.raises(InputError):
        arrays.array(of_pickle(content), "a")


@given(st.binary(max_size=60), st.integers(0, 400), st.integers(0, 255))
def test_a_damaged_pickle_is_refused_or_read(tail: bytes, at: int, byte: int) -> None:
    packed = bytearray(pickle.dumps(listed(CAT, CAT[:2]), 4))
    packed[at % len(packed)] = byte
    for content in (bytes(packed), bytes(packed[:at]) + tail):
        try:
            found = arrays.array(of_pickle(content, (2,)), "a")
        except InputError:
            continue
        assert len(found) == 2


def test_headers_that_lie(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (1 << 38, 3)}
    )
    with pytest.raises(InputError, match="which its 8 bytes are not"):
        arrays.array(header.getvalue() + bytes(8), "a")
    for content in (b"", b"\x93NUMPY\x01\x00\x05\x00(((((", b"\x93NUMPY\x09\x00", b"PK"):
        with pytest.raises(InputError):
            arrays.array(content, "a")


def test_a_zip_bomb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays, "LARGEST", 1 << 16)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.npy", bytes(1 << 20))
    assert "larger" in refused(tmp_path / "a.npz")
    assert "no archive" in refused(put(tmp_path / "b.npz", b"PK\x03\x04 not a zip"))
    assert "holds no drawing" in refused(npz(tmp_path / "c.npz", other=CAT))


# sjvasquez


def pair(folder: Path, offsets: Any, text: Any = b"by hand", name: str = "style-0") -> Path:
    np.save(folder / f"{name}-strokes.npy", offsets)
    np.save(folder / f"{name}-chars.npy", text)
    return folder / f"{name}-strokes.npy"


def test_a_hand_of_sjvasquez(tmp_path: Path) -> None:
    """Made as his prepare_data does: y turned upward, offsets whose first row is (0, 0, 1)."""
    ink = [np.array([[10.0, 20.0], [11, 22], [14, 20]]), np.array([[20.0, 25.0], [21, 26]])]
    coordinates = np.concatenate(
        [np.column_stack([s[:, 0], -s[:, 1], np.arange(len(s)) == len(s) - 1]) for s in ink]
    )
    offsets = np.concatenate(
        [[[0, 0, 1]], np.column_stack([np.diff(coordinates[:, :2], axis=0), coordinates[1:, 2]])]
    )
    file = pair(tmp_path, offsets.astype(np.float32))
    for given_ in (file, tmp_path / "style-0-chars.npy"):
        ((only,), _) = lines(given_)
        assert (only.id, only.text) == ("style-0", "by hand")
        assert strokes(only) == [(s - ink[0][0]).tolist() for s in ink]
    (tmp_path / "style-0-chars.npy").unlink()
    assert lines(file)[0][0].text is None


def test_hands_that_are_none(tmp_path: Path) -> None:
    assert "no offsets" in refused(pair(tmp_path, np.zeros((3, 2))))
    assert "end of stroke" in refused(pair(tmp_path, np.full((3, 3), 0.5)))
    assert "finite" in refused(pair(tmp_path, np.array([[np.nan, 0, 1]])))
    assert "no characters" in refused(pair(tmp_path, CAT, np.zeros(3)))
    assert "UTF-8" in refused(pair(tmp_path, CAT, np.array(b"\xff")))
    assert "no offsets" in refused(pair(tmp_path, listed(Evil(), Evil())[:0]))
    assert "exec" in refused(pair(tmp_path, listed(Evil())))
    assert lines(pair(tmp_path, CAT, np.array("Zoë")))[0][0].text == "Zoë"


# SVC2004

SIGNATURE = """5\r
1 10 1000 0 1 2 0\r
2 20 1010 1 3 4 5\r
3 30 1020 3 6 7 8\r
4 40 1030 2 1 1 1\r
5 50 1040 1 9 9 9\r
"""


def test_a_signature(tmp_path: Path) -> None:
    (only,), remarks = lines(put(tmp_path / "U38S21.TXT", SIGNATURE))
    assert (only.id, only.form, only.split, only.text) == ("U38S21", "U38-forged", "validation", None)
    assert strokes(only) == [[[2, -20], [3, -30]], [[5, -50]]]
    assert only.ink.times is not None
    assert only.ink.times.tolist() == [1.01, 1.02, 1.04]
    assert {name: values.tolist() for name, values in only.ink.channels.items()} == {
        "azimuth": [3, 6, 9], "altitude": [4, 7, 9], "pressure": [5, 8, 9],
    }  # fmt: skip
    assert remarks == [("U38S21.TXT", "not-kept", "points with the pen in the air: 2")]


def test_a_zip_and_a_folder_of_them(tmp_path: Path) -> None:
    (tmp_path / "Task2").mkdir()
    with zipfile.ZipFile(tmp_path / "Task2.zip", "w") as archive:
        for name, content in (
            ("U10S1.TXT", SIGNATURE),
            ("U2S1.txt", SIGNATURE),
            ("U2S2.TXT", "3\n1 2\n"),
            ("a.TXT", ""),
        ):
            archive.writestr(f"Task2/{name}", content)
            put(tmp_path / "Task2" / name, content)
    for place in (tmp_path / "Task2.zip", tmp_path / "Task2", tmp_path):
        found, remarks = lines(place, "" if place != tmp_path else "svc2004")
        if place == tmp_path:
            assert registry.source_of(place).name == "svc2004"
        assert [one.id for one in found] == ["U2S1", "U10S1"]
        assert [one.form for one in found] == ["U2", "U10"]
        assert [kind for _, kind, _ in remarks] == ["skipped", "not-kept"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no number"), (b"a\n", "no number"), (b"2\n1 2 3 1\n", "not 2 points"),
        (b"1\n1 2 3 1 5\n", "not 1 points"),
        (b"999999999\n1 2 3 1\n", "not 999999999"), (b"1\n1 2 nan 1\n", "not finite"),
        (b"1\n1 2 3 0.5\n", "button"),
        (b"1\n1 2 3 0\n", "never down"), (b"1\n1 2 x 0\n", "no number"),
    ],
)  # fmt: skip
def test_bad_signatures(content: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        svc2004.read_signature(content)


def test_a_signature_of_task_1() -> None:
    ink, hovering = svc2004.read_signature(b"2\n1 2 3 1\n4 5 6 1")
    assert (ink.points.tolist(), ink.channels, hovering) == ([[1, -2], [4, -5]], {}, 0)


@pytest.mark.skipif(not SHARED.is_file(), reason=f"SVC2004 is not at {SHARED}")
def test_the_real_signatures() -> None:
    found, remarks = lines(SHARED)
    assert len(found) == 1600
    points = sum(len(one.ink) for one in found)
    assert (points, sum(len(one.ink.lengths) for one in found)) == (323_934, 9_068)
    assert remarks == [("Task2.zip", "not-kept", f"points with the pen in the air: {333_133 - points}")]
    assert {len(one.ink.channels) for one in found} == {3}
    assert sum(one.form.endswith("-forged") for one in found) == 800
    assert sum(one.split == "validation" for one in found) == 160


# Which source it is


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    for n, (content, name) in enumerate([
        (b'{"strokes": [[[1, 2]]]}', "jsonl"),
        (b'{"word": "a", "key_id": "1", "drawing": []}', "quickdraw"),
        (INKML.encode(), "inkml"),
        (b'<?xml version="1.0"?><svg>', "svg"),
        (UNIPEN.encode(), "unipen"),
        (SIGNATURE.encode(), "svc2004"),
        (b"\x89HDF\r\n\x1a\n", "ink"),
        (b"[]", "bigbank"),
        (b"\x1f\x8b", "iam-ondb"),
        (b"", "iam-ondb"),
    ]):  # fmt: skip
        assert registry.source_of(put(tmp_path / str(n), content)).name == name


@settings(max_examples=150)
@given(
    st.sampled_from(sorted(set(registry.SOURCES) - {"iam-ondb", "bigbank", "ink"})),
    st.binary(max_size=200),
    st.booleans(),
)
def test_no_content_brings_a_source_down(
    tmp_path_factory: pytest.TempPathFactory, name: str, content: bytes, known: bool
) -> None:
    starts = {
        "jsonl": b'{"strokes": ', "inkml": INKML.encode() + b"<trace>", "svg": b'<svg><path d="',
        "quickdraw": b'{"drawing": ',
        "sketch-rnn": b"PK\x03\x04", "sjvasquez": b"\x93NUMPY\x01\x00", "unipen": b".PEN_DOWN\n",
        "svc2004": b"1\n1 2 3 1 ",
    }  # fmt: skip
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    file = put(
        folder / ("a-strokes.npy" if name == "sjvasquez" else "a"), (starts[name] if known else b"") + content
    )
    with suppress(InputError):
        found, _ = lines(file, name)
        assert all(len(one.ink) for one in found)
