"""PDF, InkML, JSON lines, the animation and the readers of other people's ink, by independent readers."""

from __future__ import annotations

import io
import math
import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pypdf
import pytest
import svgelements
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from numpy.typing import NDArray

from hwkit.errors import InputError
from hwkit.layout import Page, Pen
from hwkit.render.animation import animation
from hwkit.render.formats import SUFFIXES, Format, name_of, numbered
from hwkit.render.inkml import inkml, read_inkml
from hwkit.render.jsonl import jsonl, read_jsonl
from hwkit.render.pdf import pdf
from hwkit.render.png import png
from hwkit.render.svg import svg
from hwkit.render.svg_reader import read_svg_strokes

Floats = NDArray[np.float64]
INK = "{http://www.w3.org/2003/InkML}"
SVG = "{http://www.w3.org/2000/svg}"

COORDINATES = st.floats(-1e4, 1e4, allow_nan=False)
STROKES = st.lists(st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=6), max_size=6)
ROWS = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=9)
)


def array(*points: tuple[float, float]) -> Floats:
    return np.array(points, float)


PAGE = Page(
    60.0,
    30.0,
    [
        array((5, 12), (6, 8), (8, 7), (9.5, 9)),
        array((12, 7), (12.2, 10)),
        array((20, 13)),
        array((5, 22), (9, 20)),
    ],
    pens=(Pen(), Pen(0.35, "#c2410c", "red")),
    of_pen=(0, 1, 0, 0),
    rules=[array((0, 13), (60, 13))],
    text=("a <b> & “c”", "", "d"),
    lines=(0, 0, 0, 2),
)


@st.composite
def pages(draw: st.DrawFn) -> Page:
    strokes = [array(*stroke) for stroke in draw(STROKES)]
    rows = draw(ROWS)
    pens = tuple(Pen(0.1 * n, f"#{n:06x}", f"n{n}") for n in range(1, draw(st.integers(2, 4))))
    of_pen = tuple(draw(st.integers(0, len(pens) - 1)) for _ in strokes)
    known = rows and strokes and draw(st.booleans())
    lines = tuple(draw(st.integers(0, len(rows) - 1)) for _ in strokes) if known else ()
    return Page(draw(st.floats(1, 500)), 9.5, strokes, pens, of_pen, text=tuple(rows), lines=lines)


# PDF


def operators(drawn: bytes, page: int = 0) -> list[tuple[list[float], str]]:
    """A page's operands and operators, as pypdf reads them."""
    content = pypdf.PdfReader(io.BytesIO(drawn), strict=True).pages[page].get_contents()
    assert content is not None
    return [([float(n) for n in operands], operator.decode()) for operands, operator in content.operations]


def test_a_pdf_has_its_pages_and_their_sizes() -> None:
    drawn = pdf([PAGE, Page(210.0, 297.0, [])])
    book = pypdf.PdfReader(io.BytesIO(drawn), strict=True)
    sizes = [(float(page.mediabox.width), float(page.mediabox.height)) for page in book.pages]
    assert np.allclose(sizes, np.array([[60, 30], [210, 297]]) * 72 / 25.4, atol=1e-3)
    assert pdf([PAGE, Page(210.0, 297.0, [])]) == drawn
    assert b"Date" not in drawn


def test_every_offset_of_the_pdfs_table_is_where_its_object_begins() -> None:
    drawn = pdf([PAGE, PAGE])
    start = int(drawn.split(b"startxref\n")[1].split()[0])
    offsets = [int(line[:10]) for line in drawn[start:].splitlines()[3:] if line.endswith(b" n ")]
    assert len(offsets) == 6
    for number, offset in enumerate(offsets, 1):
        assert drawn[offset:].startswith(b"%d 0 obj\n" % number)


def test_a_pdf_draws_the_curves_of_the_svg_in_millimetres() -> None:
    (matrix, cm), *rest = operators(pdf([PAGE]))
    assert cm == "cm"
    # A millimetre is 72 / 25.4 points; y = 0 is the upper edge.
    assert np.allclose(matrix, [72 / 25.4, 0, 0, -72 / 25.4, 0, 30 * 72 / 25.4], atol=1e-4)
    assert ([1.0], "J") in rest
    assert ([1.0], "j") in rest
    ways: list[list[float]] = []
    colours = []
    for operands, operator in rest:
        if operator == "m":
            ways.append(list(operands))
        elif operator in "lc":
            ways[-1] += operands
        elif operator == "RG":
            colours.append([round(255 * part) for part in operands])
    drawn = svgelements.SVG.parse(io.BytesIO(svg(PAGE)), ppi=25.4, reify=True)
    known = [path for path in drawn.elements() if isinstance(path, svgelements.Path)]
    assert len(ways) == len(known) == 1 + 4
    assert [tuple(way[:2]) for way in ways] == [(0.1, 13), (5, 12), (12, 7), (20, 13), (5, 22)]
    assert [operands for operands, operator in rest if operator == "w"] == [[0.2], [0.5], [0.35], [0.5]]
    (curve,) = [path for path in known if len(path) == 4]
    points = [p for s in list(curve)[1:] for p in (s.control1, s.control2, s.end)]
    assert np.allclose(ways[1][2:], np.array([(p.x, p.y) for p in points]).ravel(), atol=1e-3)
    assert colours[1:] == [[0, 0, 0], [0xC2, 0x41, 0x0C], [0, 0, 0]]


def test_a_pdf_with_pressure_is_filled_and_a_polyline_is_straight() -> None:
    assert {operator for _, operator in operators(pdf([replace(PAGE, rules=[])], pressure=True))} == {
        "cm", "J", "j", "rg", "m", "c", "h", "f",
    }  # fmt: skip
    assert "c" not in {operator for _, operator in operators(pdf([PAGE], polyline=True))}


@pytest.mark.parametrize(
    "given_pages",
    [
        [],
        [Page(5081.0, 10.0, [])],
        [Page(9.0, 9.0, [array((0, 0))])],
        [replace(PAGE, rules=[array((0, np.nan))])],
    ],
)
def test_pages_that_make_no_pdf(given_pages: list[Page]) -> None:
    with pytest.raises(InputError):
        pdf(given_pages)


# InkML


def test_inkml_is_what_the_standard_says() -> None:
    root = etree.fromstring(inkml(PAGE))
    assert root.tag == f"{INK}ink"
    channels = root.findall(f"{INK}definitions/{INK}context/{INK}traceFormat/{INK}channel")
    assert [(c.get("name"), c.get("type"), c.get("units")) for c in channels] == [
        ("X", "decimal", "mm"), ("Y", "decimal", "mm"), ("T", "integer", "ms"),
    ]  # fmt: skip
    groups = root.findall(f"{INK}traceGroup")
    assert [g.findtext(f"{INK}annotation") or "" for g in groups] == list(PAGE.text)
    assert [len(g.findall(f"{INK}trace")) for g in groups] == [3, 0, 1]
    traces = list(root.iter(f"{INK}trace"))
    assert [trace.get("brushRef") for trace in traces] == ["#pen1", "#pen2", "#pen1", "#pen1"]
    ids = {e.get("{http://www.w3.org/XML/1998/namespace}id") for e in root.iter()}
    referred = {e.get(name, "")[1:] for e in root.iter() for name in ("brushRef", "contextRef") if e.get(name)}
    assert referred == {"pen1", "pen2", "page"}
    assert referred <= ids
    assert traces[0].text == "5 12 0, 6 8 25, 8 7 50, 9.5 9 75"
    # 75 ms, then 100 ms and 2 ms for each of the 3.2 mm to the next stroke.
    way = math.hypot(12 - 9.5, 7 - 9)
    assert traces[1].text == f"12 7 {75 + 100 + round(2 * way)}, 12.2 10 {75 + 100 + round(2 * way) + 25}"


@given(pages())
def test_inkml_comes_back(page: Page) -> None:
    content = inkml(page)
    if not page.strokes:
        with pytest.raises(InputError, match="no ink"):
            read_inkml(content)
        return
    strokes, text = read_inkml(content)
    assert len(strokes) == len(page.strokes)
    for one, other in zip(strokes, page.strokes, strict=True):
        assert np.allclose(one, other, atol=0.00051)
    assert (text or "") == "\n".join(page.text)
    assert (text is None) == (not page.text)
    times = [
        int(p.split()[2])
        for t in etree.fromstring(content).iter(f"{INK}trace")
        for p in (t.text or "").split(",")
    ]
    assert times == sorted(set(times))


def ink(body: str, head: str = "") -> bytes:
    return f'<?xml version="1.0"?>\n{head}<ink xmlns="http://www.w3.org/2003/InkML">{body}</ink>'.encode()


@pytest.mark.parametrize(
    ("content", "strokes", "text"),
    [
        (b"<ink><trace>1 2, 3 4</trace></ink>", [[(1, 2), (3, 4)]], None),  # without the namespace
        (ink("<trace>1 2 0.1 9,\n 3 4 0.2 9 , </trace><!-- T, F -->"), [[(1, 2), (3, 4)]], None),
        (
            ink(
                '<definitions><traceFormat><channel name="F"/><channel name="Y"/><channel name="X"/>'
                "</traceFormat></definitions><trace>7 2 1</trace><trace type='penUp'>0 0 0</trace>"
            ),
            [[(1, 2)]],
            None,
        ),
        (
            ink(
                '<traceFormat><channel name="X"/><channel name="Y" orientation="-ve"/><intermittentChannels>'
                '<channel name="F"/></intermittentChannels></traceFormat><trace>1 2 .5, 3 -4</trace>'
            ),
            [[(1, -2), (3, 4)]],
            None,
        ),
        # Differences, and differences of differences, as the standard's own example has them.
        (ink("<trace>1125 18432,'23'43,\"7\"-8,3-5,7 -3,6 2,6 8</trace>"),
         [[(1125, 18432), (1148, 18475), (1178, 18510), (1211, 18540), (1251, 18567), (1297, 18596),
           (1349, 18633)]],
         None),
        (ink("<trace>#0A 1e1, * 3 , !1 ? T</trace>"), [[(10, 10), (10, 3), (1, 3)]], None),
        (
            ink(
                '<annotation type="writer">me</annotation>'
                '<traceGroup><annotation type="truth">ab</annotation>'
                '<traceGroup><annotation type="truth">a</annotation><trace>0 0</trace></traceGroup>'
                "</traceGroup>"
                '<traceGroup><annotation type="Truth">c d</annotation></traceGroup>'
            ),
            [[(0, 0)]],
            "ab\nc d",
        ),
        (ink('<trace>0 0</trace><annotation type="truth">n</annotation><annotation type="text">y</annotation>'),
         [[(0, 0)]], "y"),
        (ink("<trace>0 0</trace>", '<!DOCTYPE ink SYSTEM "http://localhost:1/none.dtd">'), [[(0, 0)]], None),
    ],
)  # fmt: skip
def test_inkml_of_other_tools(
    content: bytes, strokes: list[list[tuple[float, float]]], text: str | None
) -> None:
    found, said = read_inkml(content)
    assert [stroke.tolist() for stroke in found] == [[list(point) for point in stroke] for stroke in strokes]
    assert said == text


LAUGHS = '<!DOCTYPE {0} [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
SECRET = '<!DOCTYPE {0} [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<ink", b"\xff\xfe\x00", b"nothing", b"<svg/>", ink(""), ink("<trace></trace>"),
        ink("<trace>a b</trace>"), ink("<trace>1</trace>"), ink("<trace>1 2, 3</trace>"),
        ink("<trace>1 2,,3 4</trace>"),
        ink("<trace>1 2e999</trace>"), ink("<trace>nan nan</trace>"), ink("<trace>? 2</trace>"),
        ink('<traceFormat><channel name="X"/></traceFormat><trace>1 2</trace>'),
        ink('<traceFormat><channel name="X"/><channel name="Y"/></traceFormat>'
            '<traceFormat><channel name="Y"/><channel name="X"/></traceFormat><trace>1 2</trace>'),
        ink("<trace>1 2</trace><annotation type='text'>&c;</annotation>", LAUGHS.format("ink")),
        ink("<trace>1 2</trace><annotation type='text'>&x;</annotation>", SECRET.format("ink")),
        ink("<a>" * 400 + "<trace>1 2</trace>" + "</a>" * 400),
    ],
)  # fmt: skip
def test_what_is_no_inkml(content: bytes) -> None:
    with pytest.raises(InputError) as error:
        read_inkml(content)
    assert "\n" not in str(error.value)


@given(st.text(max_size=40))
def test_a_trace_is_ink_or_an_input_error(text: str) -> None:
    root = etree.Element("ink")
    try:
        etree.SubElement(root, "trace").text = text
    except ValueError:  # a character that XML cannot hold
        return
    try:
        (stroke,), _ = read_inkml(etree.tostring(root))
    except InputError:
        return
    assert np.isfinite(stroke).all()


# JSON lines


def test_jsonl_is_a_line_for_the_page_and_one_for_each_stroke() -> None:
    assert jsonl([replace(PAGE, strokes=[array((1, 2.00049), (-0.0001, 3))], of_pen=(1,), lines=())]) == (
        b'{"format":"hwkit-page","format_version":1,"page":1,"width_mm":60.0,"height_mm":30.0,"pens":'
        b'[{"width_mm":0.5,"colour":"#000000","name":"ink"},{"width_mm":0.35,"colour":"#c2410c","name":"red"}],'
        b'"text":["a <b> & \xe2\x80\x9cc\xe2\x80\x9d","","d"]}\n'
        b'{"page":1,"pen":1,"line":null,"points":[[1.0,2.0],[0.0,3.0]]}\n'
    )


@given(st.lists(pages(), min_size=1, max_size=3))
def test_jsonl_comes_back(given_pages: list[Page]) -> None:
    for page, back in zip(given_pages, read_jsonl(jsonl(given_pages)), strict=True):
        assert (back.width_mm, back.height_mm, back.text) == (page.width_mm, page.height_mm, page.text)
        pens = [[(pen.width_mm, pen.colour, pen.name) for pen in some.pens] for some in (page, back)]
        assert pens[0] == pens[1]
        assert (back.of_pen, back.lines) == (page.of_pen, page.lines)
        assert len(back.strokes) == len(page.strokes)
        for one, other in zip(back.strokes, page.strokes, strict=True):
            assert np.allclose(one, other, atol=0.00051)


HEADER = jsonl([replace(PAGE, strokes=[], of_pen=(), lines=())])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\n", b"{}", b"[]", b"1", b"nothing", b"\xff", b"[" * 100_000,
        HEADER.replace(b'"format_version":1', b'"format_version":2'),
        HEADER.replace(b"hwkit-page", b"other"),
        HEADER.replace(b'"page":1', b'"page":2'),
        HEADER + HEADER,
        HEADER.replace(b'"text"', b'"extra":1,"text"'),
        b'{"page":1,"pen":0,"line":0,"points":[[1,2]]}\n',
        *(
            HEADER + line
            for line in (
                b'{"page":2,"pen":0,"line":0,"points":[[1,2]]}',
                b'{"page":1,"pen":2,"line":0,"points":[[1,2]]}',
                b'{"page":1,"pen":0,"line":3,"points":[[1,2]]}',
                b'{"page":1,"pen":0,"line":-1,"points":[[1,2]]}',
                b'{"page":1,"pen":0,"line":0,"points":[]}',
                b'{"page":1,"pen":0,"line":0,"points":[[1]]}',
                b'{"page":1,"pen":0,"line":0,"points":[[1,"2"]]}',
                b'{"page":1,"pen":0,"line":0,"points":[[1,1e999]]}',
                b'{"page":1,"pen":0,"line":0,"points":[[1,2]]}\n{"page":1,"pen":0,"line":null,"points":[[1,2]]}',
                b'{"page":1,"pen":0,"line":0,"points":[[1,2]]',
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_page_of_strokes(content: bytes) -> None:
    with pytest.raises(InputError) as error:
        read_jsonl(content)
    assert "\n" not in str(error.value)


# The ink of an SVG


def drawing(body: str, head: str = "", size: str = "") -> bytes:
    return f'{head}<svg xmlns="http://www.w3.org/2000/svg" {size}>{body}</svg>'.encode()


@pytest.mark.parametrize(
    ("body", "strokes"),
    [
        ('<path d="M1 2 L3 4 5 6"/>', [[(1, 2), (3, 4), (5, 6)]]),
        ('<path d="M1,2h3v4zm1 1l1 1"/>', [[(1, 2), (4, 2), (4, 6), (1, 2)], [(2, 3), (3, 4)]]),
        (
            '<polyline points="1,2 3,4"/><line x1="0" y1="1" x2="2" y2="3"/>',
            [[(1, 2), (3, 4)], [(0, 1), (2, 3)]],
        ),
        ('<g transform="translate(10 0) scale(2)"><path d="M1 2 L3 4"/></g>', [[(12, 4), (16, 8)]]),
        ('<defs><path id="a" d="M0 0L1 1"/></defs><use href="#a" x="5"/>', [[(5, 0), (6, 1)]]),
        ('<g display="none"><path d="M0 0L9 9"/></g><path d="M0 0L1 1"/>', [[(0, 0), (1, 1)]]),
        ('<text>hello</text><path d="M0 0L1 1"/><script>1</script>', [[(0, 0), (1, 1)]]),
    ],
)
def test_strokes_of_an_svg(body: str, strokes: list[list[tuple[float, float]]]) -> None:
    found = read_svg_strokes(drawing(body))
    assert len(found) == len(strokes)
    for one, other in zip(found, strokes, strict=True):
        assert np.allclose(one, np.array(other), atol=1e-9)


def test_a_curve_becomes_points_on_it() -> None:
    (stroke,) = read_svg_strokes(drawing('<path d="M0 0 A5 5 0 0 1 10 0"/>'))
    assert len(stroke) == 17
    assert np.allclose(np.hypot(stroke[:, 0] - 5, stroke[:, 1]), 5)
    (stroke,) = read_svg_strokes(drawing('<path d="M0 0 Q5 10 10 0"/>'))
    assert np.allclose(stroke[8], [5, 5])


def test_our_own_svg_comes_back_without_its_rules() -> None:
    strokes = read_svg_strokes(svg(PAGE, polyline=True))
    order = [0, 2, 3, 1]  # by pen
    assert len(strokes) == 4
    for stroke, number in zip(strokes, order, strict=True):
        assert np.allclose(stroke[: len(PAGE.strokes[number])] * 25.4 / 96, PAGE.strokes[number], atol=0.001)


def test_a_doctype_is_passed_over() -> None:
    head = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://localhost:1/svg11.dtd">'
    assert len(read_svg_strokes(drawing('<path d="M0 0L1 1"/>', head))) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<svg", b"<ink/>", b"\x89PNG", drawing(""), drawing("<text>a</text>"), drawing('<path d=""/>'),
        drawing('<path d="M0 0L1 1"/><text>&c;</text>', LAUGHS.format("svg")),
        drawing('<path d="M0 0L1 1"/><text>&x;</text>', SECRET.format("svg")),
        drawing('<g id="a"><use href="#a"/></g>'),
        drawing('<path d="M0 0 L1e999 2"/>'),
    ],
)  # fmt: skip
def test_what_is_no_ink_of_an_svg(content: bytes) -> None:
    with pytest.raises(InputError) as error:
        read_svg_strokes(content)
    assert "\n" not in str(error.value)


@given(
    st.text("MmLlHhVvCcSsQqTtAaZz0123456789.,-+e #()", max_size=30),
    st.text("scaletrnmxiqw(0123456789,. )", max_size=20),
)
def test_any_path_is_ink_or_an_input_error(d: str, transform: str) -> None:
    root = etree.Element(f"{SVG}svg")
    etree.SubElement(root, f"{SVG}path", d=d, transform=transform)
    try:
        strokes = read_svg_strokes(etree.tostring(root))
    except InputError:
        return
    assert all(len(stroke) and np.isfinite(stroke).all() for stroke in strokes)


# The animation


def seconds(value: str | None) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d{1,3})?)s", value or "")
    assert match, value
    return float(match[1])


@pytest.mark.parametrize("whole", [None, 6.0])
def test_the_animation_draws_one_stroke_after_the_other(whole: float | None) -> None:
    root = etree.fromstring(animation(PAGE, seconds=whole))
    spans = []
    for path in root.iter(f"{SVG}path"):
        if path.getparent().get("{http://www.inkscape.org/namespaces/inkscape}label") == "3 rules":
            assert len(path) == 0
            continue
        *hidden, drawn = path
        assert path.get("pathLength") == "1"
        assert (drawn.tag, drawn.get("attributeName")) == (f"{SVG}animate", "stroke-dasharray")
        assert "repeatCount" not in drawn.attrib
        begin = seconds(drawn.get("begin"))
        spans.append((begin, begin + seconds(drawn.get("dur"))))
        if begin:
            (before,) = hidden
            assert (before.get("attributeName"), before.get("to")) == ("visibility", "hidden")
            assert (seconds(before.get("begin")), seconds(before.get("end"))) == (0, begin)
    spans.sort()
    assert len(spans) == 4
    assert spans[0][0] == 0
    assert all(one[1] < other[0] for one, other in pairwise(spans))
    if whole:
        assert spans[-1][1] == pytest.approx(whole, abs=0.003)
    else:
        assert spans[0][1] == 0.075  # four readings


def test_the_animation_has_no_script_and_ends_as_the_picture() -> None:
    drawn = animation(PAGE)
    tags = {element.tag for element in etree.fromstring(drawn).iter()}
    assert tags == {f"{SVG}{tag}" for tag in ("svg", "g", "path", "set", "animate")}
    assert png(drawn, dpi=100) == png(svg(PAGE), dpi=100)
    paths = [element.get("d") for element in etree.fromstring(svg(PAGE)).iter(f"{SVG}path")]
    assert [element.get("d") for element in etree.fromstring(drawn).iter(f"{SVG}path")] == paths


@pytest.mark.parametrize("given_seconds", [0, -1, float("nan"), float("inf")])
def test_seconds_are_positive(given_seconds: float) -> None:
    with pytest.raises(InputError, match="seconds"):
        animation(PAGE, seconds=given_seconds)


# Which format


@pytest.mark.parametrize(
    ("target", "asked", "name"),
    [
        ("a.svg", None, "svg"), ("b/A.SVG", None, "svg"), ("a.png", None, "png"), ("a.b.pdf", None, "pdf"),
        ("a.inkml", None, "inkml"), ("a.jsonl", None, "jsonl"), ("a.anim.svg", None, "animation"),
        ("a.svg", "animation", "animation"), ("a.txt", "jsonl", "jsonl"), ("a", "pdf", "pdf"),
        ("-", None, "svg"),
        ("-", "png", "png"), ("/dev/stdout", "svg", "svg"), ("anim.svg", None, "svg"),
    ],
)  # fmt: skip
def test_the_format_is_told_by_the_name_or_asked_for(target: str, asked: str | None, name: str) -> None:
    assert name_of(target, asked) == name


@pytest.mark.parametrize(
    "bad",
    [
        lambda: name_of("a.gif"), lambda: name_of("a"), lambda: name_of(".svg"),
        lambda: name_of("a.png", "svg"),
        lambda: name_of("a.anim.svg", "svg"), lambda: name_of("a.svg", "gif"), lambda: Format("gif"),
        lambda: Format("inkml", polyline=True), lambda: Format("jsonl", pressure=True),
        lambda: Format("animation", pressure=True), lambda: Format("svg", transparent=True),
        lambda: Format("svg", seconds=3.0), lambda: Format("svg", polyline=True, pressure=True),
    ],
)  # fmt: skip
def test_formats_that_do_not_fit(bad: Callable[[], object]) -> None:
    with pytest.raises(InputError) as error:
        bad()
    assert "\n" not in str(error.value)


def test_files_of_several_pages() -> None:
    for name, second in [
        ("out/a.b.svg", "out/a.b-2.svg"),
        ("A.ANIM.SVG", "A-2.ANIM.SVG"),
        ("a", "a-2"),
        (".svg", ".svg-2"),
    ]:
        assert numbered(name, 2) == second
    with pytest.raises(InputError, match="standard output"):
        numbered("-", 1)
    for name in SUFFIXES:
        contents = Format(name).encode([PAGE, PAGE])
        assert len(contents) == (1 if name in ("pdf", "jsonl") else 2)
        assert all(contents)


def test_a_pdfs_content_is_small() -> None:
    plain = pdf([PAGE])
    stream = plain.split(b"stream\n")[1].split(b"\nendstream")[0]
    assert zlib.decompress(stream).count(b" S") == 5
