"""The SVG that a plotter takes, its PNG, sheets and charts."""

from __future__ import annotations

import re
import subprocess
import sys
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from numpy.typing import NDArray

from hwkit.errors import InputError
from hwkit.ink import Ink
from hwkit.layout import Page, Pen, lay_out
from hwkit.render import plot
from hwkit.render.png import png
from hwkit.render.sheet import before_and_after
from hwkit.render.svg import decimal, svg

SVG = "{http://www.w3.org/2000/svg}"
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"
NUMBER = r"-?\d+(?:\.\d{1,3})?"
Floats = NDArray[np.float64]


def page_of(
    *strokes: list[tuple[float, float]], size: tuple[float, float] = (30.0, 20.0), pen: Pen | None = None
) -> Page:
    return Page(*size, [np.array(stroke, float) for stroke in strokes], (pen or Pen(),))


def paths(drawn: bytes) -> list[str]:
    return [path.get("d", "") for path in etree.fromstring(drawn).iter(f"{SVG}path")]


def beziers(d: str) -> Floats:
    """Path data to its curves, (segments, 4, 2); straight segments as curves."""
    match = re.fullmatch(rf"M ({NUMBER}),({NUMBER}) ([CL])((?: {NUMBER},{NUMBER})+)", d)
    assert match, d
    start = np.array([[float(match[1]), float(match[2])]])
    rest = np.array([[float(n) for n in pair.split(",")] for pair in match[4].split()])
    if match[3] == "L":
        assert len(rest) == 1
        return np.concatenate([start, start, rest, rest])[None]
    rest = rest.reshape(-1, 3, 2)
    starts = np.concatenate([start, rest[:-1, 2]])
    return np.concatenate([starts[:, None], rest], axis=1)


def flattened(curves: Floats, steps: int = 24) -> Floats:
    """Points densely on the curves, by Bernstein's polynomials: (segments, steps + 1, 2)."""
    t = np.linspace(0, 1, steps + 1)
    weights = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    return np.einsum("kt,skd->std", weights, curves)


def test_the_contract() -> None:
    drawn = svg(page_of([(1, 2), (3, 4), (5, 2.5)], [(7, 8), (9, 10)], [(4, 4)], pen=Pen(0.3, "#12aBcd")))
    root = etree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    assert dict(root.attrib) == {"width": "30mm", "height": "20mm", "viewBox": "0 0 30 20"}
    (layer,) = root
    assert dict(layer.attrib) == {
        f"{INKSCAPE}groupmode": "layer",
        f"{INKSCAPE}label": "1 ink",
        "fill": "none",
        "stroke": "#12aBcd",
        "stroke-width": "0.3",
        "stroke-linecap": "round",
        "stroke-linejoin": "round",
    }
    assert [(path.tag, sorted(path.attrib), path.get("fill"), len(path)) for path in layer] == [
        (f"{SVG}path", ["d", "fill"], "none", 0)
    ] * 3
    assert "".join(root.itertext()).strip() == ""
    starts = [d.split(" ")[1] for d in paths(drawn)]
    assert starts == ["1,2", "7,8", "4,4"]  # in the order of writing
    assert all("z" not in d.lower() for d in paths(drawn))


def test_a_known_stroke_has_known_coordinates() -> None:
    assert paths(svg(page_of([(1, 2), (3.00049, 4.12351)]))) == ["M 1,2 L 3,4.124"]
    # Equal chords, so the tangents m solve, for x, 2a + b = 9 and a + 4b + b = 9, and for y 2a + b = 0 and
    # a + 4b + b = 9, from both ends alike: (4, -1) and (1, 2). A Bézier point is a third of that away.
    (d,) = paths(svg(page_of([(3, 3), (6, 3), (6, 6), (9, 6)])))
    assert d == "M 3,3 C 4.333,2.667 5.667,2.333 6,3 6.333,3.667 5.667,5.333 6,6 6.333,6.667 7.667,6.333 9,6"


POINTS = st.tuples(st.floats(0, 30), st.floats(0, 20))


@given(
    st.lists(st.tuples(st.floats(0.8, 2.5), st.floats(-0.35, 0.35)), min_size=2, max_size=20), st.floats(0, 6)
)
def test_the_curve_is_the_natural_cubic_spline(steps: list[tuple[float, float]], way: float) -> None:
    """Of a stroke that bends gently, so that no handle is too long; scipy's spline is made in another way."""
    interpolate = pytest.importorskip("scipy.interpolate")
    ways = way + np.cumsum([turn for _, turn in steps])
    moves = np.array([length for length, _ in steps])[:, None] * np.stack([np.cos(ways), np.sin(ways)], axis=1)
    points = np.rint(1000 * (100 + np.concatenate([np.zeros((1, 2)), np.cumsum(moves, axis=0)]))) / 1000
    (d,) = paths(svg(Page(200.0, 200.0, [points])))  # far from the edge: nothing is clipped
    times = np.append(0.0, np.cumsum(np.sqrt(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    spline = interpolate.CubicSpline(times, points, bc_type="natural")
    at = times[:-1, None] + np.diff(times)[:, None] * np.linspace(0, 1, 25)
    assert np.allclose(flattened(beziers(d)), spline(at), atol=2e-3)


@given(st.lists(POINTS, min_size=1, max_size=12), st.floats(0.1, 4))
def test_the_curve_passes_through_every_point(points: list[tuple[float, float]], pen: float) -> None:
    stroke = np.array(points) + 2
    (d,) = paths(svg(Page(34.0, 24.0, [stroke], (Pen(pen),))))
    passed = [np.rint(stroke[0] * 1000)]
    for point in np.rint(stroke * 1000):
        if (point != passed[-1]).any():
            passed.append(point)
    curves = beziers(d)
    if len(passed) == 1:
        assert np.allclose(np.linalg.norm(curves[0, 3] - curves[0, 0]), 0.01)
    else:
        assert np.allclose(np.concatenate([curves[:1, 0], curves[:, 3]]), np.array(passed) / 1000, atol=1.5e-3)


@given(
    st.lists(st.lists(st.tuples(st.floats(-99, 99), st.floats(-99, 99)), min_size=1, max_size=9), max_size=4),
    st.floats(0.05, 5),
)
def test_ink_and_half_the_pen_lie_inside(strokes: list[list[tuple[float, float]]], pen: float) -> None:
    ink = Ink.from_strokes([np.array(stroke) for stroke in strokes])
    drawn = svg(lay_out([ink, None, ink], unit=7.0, pen=Pen(pen)))
    root = etree.fromstring(drawn)
    left, top, width, height = map(float, root.get("viewBox", "").split())
    assert (left, top) == (0, 0)
    half = float(root[0].get("stroke-width", "")) / 2
    for d in paths(drawn):
        curve = flattened(beziers(d)).reshape(-1, 2)
        assert curve.min() >= half - 1e-9
        assert (curve.max(axis=0) <= np.array([width, height]) - half + 1e-9).all()
        assert np.ptp(curve, axis=0).max() > 0


@pytest.mark.parametrize("strokes", [[[(4, 4)]], [[(4, 4), (4, 4)]], [[(4, 4), (4, 4), (4.0001, 4)]]])
def test_a_dot_is_a_tiny_segment(strokes: list[list[tuple[float, float]]]) -> None:
    assert paths(svg(page_of(*strokes))) == ["M 4,4 L 4.01,4"]


def test_a_dot_at_the_right_edge_is_drawn_to_the_left() -> None:
    assert paths(svg(page_of([(29.75, 4)]))) == ["M 29.75,4 L 29.74,4"]


def test_repeated_points_change_nothing() -> None:
    once = svg(page_of([(3, 3), (6, 3), (6, 6)]))
    assert svg(page_of([(3, 3), (3, 3), (6, 3), (6, 3), (6, 3), (6, 6)])) == once


def test_no_ink_is_an_empty_layer() -> None:
    root = etree.fromstring(svg(lay_out([])))
    assert [child.tag for child in root] == [f"{SVG}g"]
    assert len(root[0]) == 0


@pytest.mark.parametrize("colour", ["black", "#12345", "#1234567", "#12345g", "", '#000000" x="', "#000000\n"])
def test_a_colour_is_six_hexadecimal_digits(colour: str) -> None:
    with pytest.raises(InputError, match="colour"):
        Pen(colour=colour)


@pytest.mark.parametrize(
    "page",
    [
        page_of([(1, float("nan"))]),
        page_of([(float("inf"), 1), (2, 2)]),
        Page(30.0, 20.0, [np.zeros((0, 2))]),
        page_of([(0.2, 5), (5, 5)]),
        page_of([(5, 5), (5, 19.8)]),
        page_of([(1, 1)], size=(float("nan"), 20)),
        page_of(size=(0.4, 20)),
    ],
)
def test_ink_that_cannot_be_drawn_is_refused(page: Page) -> None:
    with pytest.raises(InputError):
        svg(page)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0001, "0"),
        (10, "10"),
        (1.5, "1.5"),
        (1.23456, "1.235"),
        (1e6, "1000000"),
        (0.001, "0.001"),
    ],
)
def test_decimals(value: float, text: str) -> None:
    assert decimal(value) == text


TWO_PENS = Page(
    60.0,
    30.0,
    [np.array(stroke, float) for stroke in (
        [(5, 12), (6, 8), (8, 7), (9.5, 9), (9, 12), (7, 13), (5.2, 12)],
        [(12, 7), (12.2, 10), (12.1, 13.4)],
        [(15, 13), (16.5, 7), (18, 13), (15.6, 11), (17.4, 11)],
        [(20, 13)],
        [(5, 22), (9, 20), (9, 20), (13, 24), (9, 20.5), (6, 27)],
        [(22, 22), (30, 22)],
    )],
    pens=(Pen(), Pen(0.35, "#c2410c", "red 2nd\x07 ② <pen>")),
    of_pen=(0, 1, 0, 1, 1, 0),
    rules=[np.array([[0.0, 13.0], [60, 13]]), np.array([[0.0, 27.0], [60, 27]])],
)  # fmt: skip
"""Ink made by hand: a loop, a straight line, a corner, dots, a cusp and a point that is there twice."""


@pytest.mark.parametrize(
    ("name", "options"),
    [("curves", {}), ("polyline", {"polyline": True}), ("pressure", {"pressure": True})],
)
def test_goldens(name: str, options: dict[str, bool], request: pytest.FixtureRequest) -> None:
    golden = Path(__file__).parent / "goldens" / f"{name}.svg"
    drawn = svg(TWO_PENS, **options)
    if request.config.getoption("--refresh-goldens"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(drawn)
    assert drawn == golden.read_bytes(), "if it is meant to be so: pytest --refresh-goldens, and look at it"


def test_a_pen_is_a_layer_and_the_rules_are_one_more() -> None:
    root = etree.fromstring(svg(TWO_PENS))
    layers = {layer.get(f"{INKSCAPE}label"): layer for layer in root}
    assert set(layers) == {"1 ink", "2 red nd <pen>", "3 rules"}
    assert [root[0], root[1], root[2]] == [layers["3 rules"], layers["1 ink"], layers["2 red nd <pen>"]]
    red = layers["2 red nd <pen>"]
    assert (red.get("stroke"), red.get("stroke-width"), red.get("fill")) == ("#c2410c", "0.35", "none")
    assert [path.get("d", "").split()[1] for path in red] == ["12,7", "20,13", "5,22"]
    assert [path.get("d") for path in layers["3 rules"]] == ["M 0.1,13 L 59.9,13", "M 0.1,27 L 59.9,27"]


def test_a_page_keeps_the_numbers_of_its_pens() -> None:
    page = replace(TWO_PENS, of_pen=(1,) * 6, rules=[])
    assert [layer.get(f"{INKSCAPE}label") for layer in etree.fromstring(svg(page))] == ["2 red nd <pen>"]


@given(st.text(max_size=12))
def test_a_label_has_no_digit_but_the_layers(name: str) -> None:
    (layer,) = etree.fromstring(svg(Page(9.0, 9.0, [], pens=(Pen(name=name),))))
    assert re.fullmatch(r"1 \D+", layer.get(f"{INKSCAPE}label", ""))


@pytest.mark.parametrize("of_pen", [(0,), (0, 0, 2), (0, -1, 0)])
def test_pens_that_do_not_fit(of_pen: tuple[int, ...]) -> None:
    page = page_of([(1, 1)], [(2, 2)], [(3, 3)])
    with pytest.raises(InputError, match="pens"):
        svg(replace(page, pens=(Pen(), Pen()), of_pen=of_pen))


def test_a_polyline_goes_straight_from_point_to_point() -> None:
    drawn = svg(page_of([(1, 2), (3, 4.12351), (5, 2)], [(4, 4)]), polyline=True)
    assert paths(drawn) == ["M 1,2 L 3,4.124 5,2", "M 4,4 L 4.01,4"]
    with pytest.raises(InputError, match="polyline and pressure"):
        svg(page_of([(1, 1)]), polyline=True, pressure=True)


@given(st.lists(POINTS, min_size=2, max_size=12))
def test_the_curve_is_near_the_ink(points: list[tuple[float, float]]) -> None:
    """Every point is within 0.05 mm of the curve, and the curve within a quarter of a chord of that chord."""
    stroke = np.array(points) + 2
    (d,) = paths(svg(Page(34.0, 24.0, [stroke])))
    curve = flattened(beziers(d), 200)
    away = np.linalg.norm(stroke[:, None] - curve.reshape(-1, 2), axis=2).min(axis=1)
    assert away.max() <= 0.011 if len(curve) == 1 and np.ptp(stroke) < 0.02 else away.max() <= 0.05
    start, chord = curve[:, :1], curve[:, -1:] - curve[:, :1]  # (segments, 1, 2)
    long = (chord**2).sum(axis=2, keepdims=True)
    along = np.clip(((curve - start) * chord).sum(axis=2, keepdims=True) / long, 0, 1)
    beside = np.linalg.norm(curve - start - along * chord, axis=2).max(axis=1)
    assert (beside <= np.sqrt(long[:, 0, 0]) / 4 + 0.002).all()


def filled(drawn: bytes) -> NDArray[np.bool_]:
    return pixels(png(drawn, dpi=254))[..., 0] < 128


def shifted(picture: NDArray[np.bool_], most: int) -> NDArray[np.bool_]:
    """Grown by `most` pixels, by the book."""
    grown = np.pad(picture, most)
    high, wide = picture.shape
    around = [
        (y, x) for y in range(-most, most + 1) for x in range(-most, most + 1) if y * y + x * x <= most * most
    ]
    return np.any([grown[most + y : most + y + high, most + x : most + x + wide] for y, x in around], axis=0)


@pytest.mark.parametrize("name", ["hook", "loops", "zigzag", "curl", "dot"])
def test_pressure_fills_what_a_pen_of_that_width_would(name: str) -> None:
    """No hole within 0.6 of the pen, nothing beyond 1.3 of it, where the stroke bends or turns back."""
    strokes: dict[str, list[tuple[float, float]]] = {
        "hook": [(2, 2), (8, 2), (8.3, 2.3), (8, 2.6), (2, 2.6), (7, 2.7), (7, 6)],
        "loops": [(5 + 2.5 * np.cos(k) + k / 9, 4 + 1.2 * np.sin(k) * (k % 3)) for k in np.arange(0, 20, 0.7)],
        "zigzag": [(2, 4), (9, 4.2), (2, 4.4), (3, 4.4), (2.9, 5), (2.9, 4), (6, 6), (6, 6), (6.1, 5.9)],
        "curl": [(6 + 0.25 * np.cos(k), 4.5 + 0.25 * np.sin(k)) for k in np.arange(0, 4, 0.3)],
        "dot": [(5, 5)],
    }
    page, pen = page_of(strokes[name], size=(12, 9)), 0.8
    drawn = filled(svg(replace(page, pens=(Pen(pen),)), pressure=True))
    thin, thick = (filled(svg(replace(page, pens=(Pen(pen * times),)))) for times in (0.6, 1.3))
    assert not (thin & ~shifted(drawn, 1)).any()
    assert not (drawn & ~shifted(thick, 1)).any()
    assert thin.any()


def test_pressure_is_wider_where_the_pen_is_slow_and_changes_little_by_little() -> None:
    x = np.concatenate([np.arange(2, 8, 0.4), np.arange(8, 29, 1.0), np.arange(29, 53, 2.0)])
    drawn = filled(
        svg(Page(60.0, 10.0, [np.stack([x, np.full(len(x), 5.0)], axis=1)], (Pen(3.0),)), pressure=True)
    )
    widths = drawn.sum(axis=0)[30:470] / 10  # mm at each tenth of a mm, without the ends
    assert widths[:40].min() > 3.5
    assert widths[-150:].max() < 2.6
    assert widths.min() >= 0.6 * 3 - 0.1
    assert widths.max() <= 1.3 * 3 + 0.1
    assert np.abs(np.diff(widths)).max() <= 0.21
    root = etree.fromstring(svg(TWO_PENS, pressure=True))
    assert {(g.get("fill"), g.get("stroke")) for g in root[1:]} == {("#000000", "none"), ("#c2410c", "none")}
    assert all(d.endswith("Z") for g in root[1:] for d in [path.get("d", "") for path in g])


@given(st.lists(st.lists(POINTS, min_size=1, max_size=9), min_size=1, max_size=3))
def test_pressure_stays_on_the_page(strokes: list[list[tuple[float, float]]]) -> None:
    page = Page(31.0, 21.0, [np.array(stroke) + 0.5 for stroke in strokes], pens=(Pen(1.0),))
    drawn = paths(svg(page, pressure=True))
    assert len(drawn) == len(strokes)
    numbers = np.array([float(n) for d in drawn for n in re.findall(NUMBER, d)]).reshape(-1, 2)
    assert numbers.min() >= 0
    assert (numbers.max(axis=0) <= [31, 21]).all()


def test_a_picture_without_a_background_is_ink_alone() -> None:
    drawn = pixels(png(svg(page_of([(1, 2.5), (4, 2.5)], size=(5, 5))), dpi=254, background=None))
    assert drawn[0, 0].tolist() == [0, 0, 0, 0]
    assert drawn[25, 25].tolist() == [0, 0, 0, 255]


def pixels(data: bytes) -> NDArray[np.uint8]:
    """A PNG of 8-bit RGBA, not interlaced, decoded by the book: (height, width, 4)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, body = 8, b""
    while at < len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height = int.from_bytes(chunk[:4], "big"), int.from_bytes(chunk[4:8], "big")
            assert chunk[8:] == bytes([8, 6, 0, 0, 0])
        body += chunk if kind == b"IDAT" else b""
        at += length + 12
    raw, previous, rows = zlib.decompress(body), [0] * (4 * width), []
    for start in range(0, len(raw), 4 * width + 1):
        how, row = raw[start], list(raw[start + 1 : start + 1 + 4 * width])
        for i in range(len(row)):
            a, b, c = (row[i - 4] if i > 3 else 0), previous[i], (previous[i - 4] if i > 3 else 0)
            paeth = min((a, b, c), key=lambda v: abs(a + b - c - v))
            row[i] = (row[i] + (0, a, b, (a + b) // 2, paeth)[how]) % 256
        rows.append(row)
        previous = row
    return np.array(rows, np.uint8).reshape(height, width, 4)


def test_the_picture_has_its_size_and_the_ink_its_place() -> None:
    # 25.4 mm at 100 dpi is 100 pixels. A level line at y = 6.35 mm, an upright one at x = 19.05 mm.
    page = page_of(
        [(2.54, 6.35), (12.7, 6.35)], [(19.05, 2.54), (19.05, 10.16)], size=(25.4, 12.7), pen=Pen(1.016)
    )
    picture = pixels(png(svg(page), dpi=100))
    assert picture.shape == (50, 100, 4)
    assert (picture[..., 3] == 255).all()
    dark = picture[..., :3].max(axis=2) < 128
    assert dark[23:27, 10:50].all()
    assert dark[10:40, 73:77].all()
    dark[22:28, 7:53] = dark[7:43, 72:78] = False
    assert not dark.any()
    assert (picture[0, 0] == 255).all()


@pytest.mark.parametrize("dpi", [72, 150, 300])
def test_pixels_are_millimetres_times_dpi(dpi: int) -> None:
    drawn = png(svg(page_of([(1, 1)], size=(40, 15))), dpi=dpi)
    width, height = (int.from_bytes(drawn[at : at + 4], "big") for at in (16, 20))
    assert abs(width - 40 * dpi / 25.4) <= 1
    assert abs(height - 15 * dpi / 25.4) <= 1


def test_the_background_is_as_asked() -> None:
    drawn = png(svg(page_of([(1, 1)], size=(5, 5))), dpi=50, background="#ff8000")
    assert pixels(drawn)[-1, -1].tolist() == [255, 128, 0, 255]


@pytest.mark.parametrize(
    ("drawn", "options", "match"),
    [
        (svg(page_of(size=(1000, 1000))), {"dpi": 300}, "at most 253 dpi|at most 254 dpi"),
        (svg(page_of(size=(1e6, 1e6))), {"dpi": 1}, "draw it as SVG"),
        (svg(page_of()), {"dpi": 0}, "1 or more"),
        (svg(page_of()), {"background": "mud"}, "mud"),
        (b"", {}, "no SVG"),
        (b"<svg", {}, "no SVG"),
        (b"<svg width='10' height='10'/>", {}, "mm"),
        (b"<nothing width='10mm' height='10mm'/>", {}, "cannot be drawn"),
    ],
)
def test_a_picture_that_cannot_be_drawn(drawn: bytes, options: dict[str, object], match: str) -> None:
    with pytest.raises(InputError, match=match):
        png(drawn, **options)  # type: ignore[arg-type]


def test_a_sheet_shows_label_counts_and_every_point() -> None:
    before = Ink.from_strokes([np.array([[0.0, 0], [1000, 50], [2000, 0]]), np.array([[2100.0, 10]])])
    after = Ink.from_strokes([np.array([[0.0, 0], [2, 0.1]])])
    drawn = before_and_after([("a01 <b> & “c” \x00\x1b\u202e\udc80", before, after)], width_mm=116.0)
    root = etree.fromstring(drawn)
    assert [text.text for text in root.iter(f"{SVG}text")] == [
        "a01 <b> & “c” ",
        "before: 4 points, 2 strokes",
        "after: 2 points, 1 stroke",
    ]
    hops, lines, dots, *_ = paths(drawn)
    places = {float(x) for x in re.findall(r"M ([\d.]+),", dots)}
    assert min(places) == 8  # both inks begin at the margin and are 100 mm wide
    assert max(places) == 108
    assert hops.count("M") == 1
    assert lines.count("M") == 2
    assert dots.count("h 0") == 4


@pytest.mark.parametrize(
    "strokes", [[], [[(3, 3)]], [[(0, 0), (1e-300, 0)]], [[(-1.7e308, 0), (1.7e308, 1)]], [[(0, 0), (0, 1e9)]]]
)
def test_a_sheet_takes_any_ink(strokes: list[list[tuple[float, float]]]) -> None:
    ink = Ink.from_strokes([np.array(stroke) for stroke in strokes])
    drawn = before_and_after([("any", ink, ink)])
    root = etree.fromstring(drawn)
    assert float(root.get("height", "")[:-2]) < 200
    assert b"nan" not in drawn
    assert b"inf" not in drawn
    assert len(png(drawn, dpi=30)) > 100
    assert etree.fromstring(before_and_after([])).tag == f"{SVG}svg"


def test_a_sheet_needs_room() -> None:
    with pytest.raises(InputError):
        before_and_after([], width_mm=10)


def labels(drawn: bytes) -> list[str]:
    return [text.text or "" for text in etree.fromstring(drawn).iter(f"{SVG}text")]


def test_a_chart_of_lines_has_round_ticks_and_places_its_points() -> None:
    drawn = plot.lines({"train": [(0, -1.0), (10, 1.0)], "<b>\x07": [(5, 0)]}, title="T", x="epoch", y="nats")
    assert labels(drawn)[:3] == ["T", "epoch", "nats"]
    assert {"-1", "-0.5", "0", "0.5", "1", "2", "10", "train", "<b>"} <= set(labels(drawn))
    (curve,) = [d for d in paths(drawn) if re.fullmatch(r"M \S+ \S+", d)]
    assert curve == "M 22,82 152,20"  # corner to corner of the frame
    assert "M 87,51 h 0" in paths(drawn)


@pytest.mark.parametrize(
    "points", [[], [(0, 5.0)], [(1, 1), (1, 1)], [(0, 1e-30), (1, 3e-30)], [(1e9, 0), (2e9, 1e50)]]
)
def test_a_chart_of_few_points(points: list[tuple[float, float]]) -> None:
    drawn = plot.lines({"a": points}, title="", x="", y="")
    assert b"nan" not in drawn
    assert len(labels(drawn)) < 30


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_ticks_are_few_and_hold_the_range(one: float, other: float) -> None:
    low, high = sorted((one, other))
    ticks = plot._ticks(low, high)
    assert 2 <= len(ticks) <= 9
    slack = 1e-5 * (ticks[1] - ticks[0])
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack


def test_a_histogram_draws_its_counts() -> None:
    drawn = plot.histogram([1, 4, 2], [0, 10, 20, 40], title="Lengths", x="points")
    bars = [bar for bar in etree.fromstring(drawn).iter(f"{SVG}rect") if bar.get("fill") == plot.ACCENT]
    heights = [float(bar.get("height", "")) for bar in bars]
    widths = [float(bar.get("width", "")) for bar in bars]
    assert np.allclose(np.array(heights) / heights[0], [1, 4, 2], rtol=1e-3)
    assert widths[0] == pytest.approx(widths[1], abs=0.01)
    assert widths[2] > 1.9 * widths[0]


def test_heat_is_characters_down_and_time_across() -> None:
    matrix = np.array([[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.5, 0.0]])
    drawn = plot.heat(matrix, row_labels=["a", "<"], title="Window")
    pale, dark = (
        path for path in etree.fromstring(drawn).iter(f"{SVG}path") if path.get("fill") == plot.ACCENT
    )
    assert (pale.get("fill-opacity"), pale.get("d")) == ("0.5", "M 87,23.2 H 119.5 v 3.2 H 87 z")
    assert (dark.get("fill-opacity"), dark.get("d")) == ("1", "M 22,20 H 87 v 3.2 H 22 z")
    assert {"Window", "a", "<"} <= set(labels(drawn))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plot.lines({"a": [(0, float("nan"))]}, title="", x="", y=""),
        lambda: plot.histogram([1, 2], [0, 1], title="", x=""),
        lambda: plot.histogram([], [0], title="", x=""),
        lambda: plot.histogram([1], [1, 1], title="", x=""),
        lambda: plot.histogram([-1], [0, 1], title="", x=""),
        lambda: plot.heat(np.ones((2, 3)), row_labels=["a"], title=""),
        lambda: plot.heat(-np.ones((1, 3)), row_labels=["a"], title=""),
        lambda: plot.heat(np.full((1, 3), np.inf), row_labels=["a"], title=""),
    ],
)
def test_numbers_that_make_no_chart(draw: Callable[[], bytes]) -> None:
    with pytest.raises(InputError):
        draw()


def test_heat_of_nothing() -> None:
    for shape in [(0, 0), (2, 0), (0, 3), (1, 1)]:
        assert plot.heat(np.zeros(shape), row_labels=["x"] * shape[0], title="").startswith(b"<?xml")


def test_importing_is_cheap() -> None:
    code = (
        "import sys, hwkit.layout, hwkit.render.png, hwkit.render.sheet, hwkit.render.plot\n"
        "from hwkit.render import animation, formats, inkml, jsonl, pdf, svg, svg_reader\n"
        "heavy = {'torch', 'scipy', 'h5py', 'click', 'rich', 'lxml', 'resvg_py', 'svgelements'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "set()", "")


def test_pressure_of_points_at_equal_distances_follows_the_bends() -> None:
    """They tell no speed: a half circle of 1 mm is wider than the straight ways that lead into it and out."""
    bend = [(30 + np.sin(k), 5 - np.cos(k)) for k in np.arange(0.0, np.pi + 0.1, np.pi / 10)]
    way = np.arange(2, 30, np.pi / 10)
    points = [*((x, 4.0) for x in way), *bend, *((x, 6.0) for x in way[::-1])]
    drawn = filled(svg(page_of(points, size=(40, 10), pen=Pen(0.8)), pressure=True))
    straight = drawn[:50, 100:200].sum(axis=0) / 10
    turning = drawn[45:55, 290:].sum(axis=1) / 10
    assert np.ptp(straight) <= 0.11
    assert turning.min() > straight.max() + 0.1
