"""Text to lines, lines to a page."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwkit.errors import InputError
from hwkit.ink import Ink
from hwkit.layout import break_lines, lay_out, unit_of

COORDINATES = st.floats(-1e4, 1e4, allow_nan=False)
STROKES = st.lists(
    st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=12).map(np.array), min_size=1, max_size=5
)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("", 50, []),
        ("hello", 50, ["hello"]),
        ("hello\n", 50, ["hello"]),
        ("one\n\ntwo", 50, ["one", "", "two"]),
        ("one\r\ntwo\rthree", 50, ["one", "two", "three"]),
        ("\n", 50, [""]),
        ("   ", 50, []),
        ("  a   b\tc ", 50, ["a b c"]),
        ("aa bb cc", 5, ["aa bb", "cc"]),
        ("aa bb cc", 4, ["aa", "bb", "cc"]),
        ("a incomprehensibilities b", 5, ["a", "incomprehensibilities", "b"]),
        ("aa bb\ncc dd", 8, ["aa bb", "cc dd"]),
    ],
)
def test_lines_break_at_newlines_and_spaces(text: str, width: int, lines: list[str]) -> None:
    assert break_lines(text, width) == lines


@given(st.text("ab \n", max_size=80), st.integers(1, 12))
def test_no_word_is_lost_and_the_width_is_kept(text: str, width: int) -> None:
    lines = break_lines(text, width)
    assert " ".join(lines).split() == text.split()
    for line in lines:
        assert len(line) <= width or " " not in line
        assert line == " ".join(line.split())


@given(st.lists(st.text("ab", min_size=1, max_size=6), min_size=2), st.integers(1, 12))
def test_lines_are_as_full_as_they_can_be(words: list[str], width: int) -> None:
    lines = break_lines(" ".join(words), width)
    for line, following in pairwise(lines):
        assert len(line) + 1 + len(following.split()[0]) > width


def test_characters_that_are_no_spaces_stay() -> None:
    assert break_lines("a\u00a0b\x0bc d", 3) == ["a\u00a0b\x0bc", "d"]


def test_a_line_has_room_for_a_character() -> None:
    with pytest.raises(InputError):
        break_lines("a", 0)


def ink(*strokes: list[tuple[float, float]]) -> Ink:
    return Ink.from_strokes([np.array(stroke, float) for stroke in strokes])


def test_unit_by_hand() -> None:
    # Heights 0, 1, 2, 10, 3: median 2, distances 2, 1, 0, 8, 1, their median 1.
    assert unit_of(ink([(0, 0), (1, 1), (2, 2), (3, 10), (4, 3)])) == 1.0


@pytest.mark.parametrize(
    ("what", "unit"),
    [
        (Ink.from_strokes([]), 1.0),
        (ink([(5, 5)]), 1.0),
        (ink([(5, 5), (5, 5)], [(5, 5)]), 1.0),
        (ink([(0, 7), (30, 7)]), 30.0),
        (ink([(0, 7), (30, 7.001)]), 30.0),
        (ink([(0, 7), (0, 17)]), 5.0),
    ],
)
def test_unit_is_never_nothing(what: Ink, unit: float) -> None:
    assert unit_of(what) == unit


def test_a_known_line_has_known_places() -> None:
    # Twice as large; 3 mm of margin and 0.25 of pen; the dot's 0.01 mm on the right.
    page = lay_out([ink([(10, 20), (14, 26)], [(12, 23)])], unit=1, unit_mm=2, margin_mm=3, pen_mm=0.5)
    assert [stroke.tolist() for stroke in page.strokes] == [[[3.25, 3.25], [11.25, 15.25]], [[7.25, 9.25]]]
    assert (page.width_mm, page.height_mm) == pytest.approx((14.51, 18.5))


def test_rows_are_a_leading_apart_and_empty_lines_take_one() -> None:
    word = ink([(3, 0), (4, 2), (5, 1)])
    page = lay_out([word, None, Ink.from_strokes([]), word], unit=1, unit_mm=1, leading_mm=10)
    first, last = page.strokes
    assert np.allclose(last - first, [0, 30])


def test_left_edges_are_aligned_and_middles_stand_on_the_row() -> None:
    low = ink([(0, 0), (1, 2), (2, 0), (3, 40)])  # a descender; the median is 1
    high = ink([(100, 7), (101, 5), (102, 7), (103, -30)])  # a riser; the median is 6
    page = lay_out([low, high], unit=1, unit_mm=0.1, leading_mm=12)
    assert page.strokes[0][:, 0].min() == page.strokes[1][:, 0].min()
    rows = [np.median(stroke[:, 1]) for stroke in page.strokes]
    assert rows[1] - rows[0] == pytest.approx(12)


def test_lines_that_would_overlap_move_apart() -> None:
    slope = ink([(x, 2 * x) for x in range(100)])
    page = lay_out([slope, slope], unit=1, unit_mm=1, leading_mm=5)
    assert np.quantile(page.strokes[0][:, 1], 0.97) <= np.quantile(page.strokes[1][:, 1], 0.03) + 1e-9


def test_each_line_has_its_own_size() -> None:
    small, large = ink([(0, 0), (1, 2), (2, 1)]), ink([(0, 0), (100, 200), (200, 100)])
    one, other = lay_out([small, large]).strokes
    assert np.allclose(np.diff(one, axis=0), np.diff(other, axis=0))


@given(
    st.lists(st.none() | STROKES.map(Ink.from_strokes), max_size=4),
    st.floats(0, 20),
    st.floats(0.1, 5),
)
def test_the_page_is_just_as_large_as_the_ink_needs(inks: list[Ink | None], margin: float, pen: float) -> None:
    page = lay_out(inks, margin_mm=margin, pen_mm=pen)
    assert len(page.strokes) == sum(len(i.lengths) for i in inks if i is not None)
    if page.strokes:
        points = np.concatenate(page.strokes)
        edge = margin + pen / 2
        assert np.allclose(points.min(axis=0), edge)
        assert np.allclose(points.max(axis=0), [page.width_mm - edge - 0.01, page.height_mm - edge])
    else:
        assert page.width_mm >= pen
        assert page.height_mm >= pen


@pytest.mark.parametrize("extent", [1e300, 1.7e308])
def test_ink_without_end_is_refused(extent: float) -> None:
    with pytest.raises(InputError):
        lay_out([ink([(-extent, 0), (extent, 0), (0, 1)])], unit=1)
    lay_out([None])


@pytest.mark.parametrize(
    "measures",
    [
        {"unit": -1.0},
        {"unit": 0.0},
        {"unit": float("nan")},
        {"unit_mm": 0.0},
        {"pen_mm": 0.0},
        {"margin_mm": -1.0},
        {"leading_mm": float("inf")},
    ],
)
def test_measures_are_positive(measures: dict[str, float]) -> None:
    with pytest.raises(InputError):
        lay_out([ink([(0, 0), (1, 1)])], **measures)
