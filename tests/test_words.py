"""Words cut out of lines, against ink made by hand whose base line, x-height, slant and words are known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from handmade import ADVANCE, zigzags
from hypothesis import given
from hypothesis import strategies as st

from hwkit.generate import words
from hwkit.generate.words import (
    SLOPED,
    STEEPEST,
    X_HEIGHT,
    boundaries,
    box_of,
    gaps,
    hold,
    levelled,
    parts_of,
    slant,
    turns,
)
from hwkit.ink import Ink

UNIT = 0.9
TEXT = "sam runs over no moor"

slopes = st.floats(-0.9 * STEEPEST, 0.9 * STEEPEST)
places = st.floats(-500, 500)


@given(slopes, places, st.floats(1.0, 40.0))
def test_a_line_lies_where_it_was_drawn(slope: float, base: float, height: float) -> None:
    ink, position = zigzags(TEXT, height=height, base=base, slope=slope)
    held = hold(ink, position, TEXT, UNIT)
    assert held.base == pytest.approx(
        base, abs=0.08 * height
    )  # turns of a sloped line are not quite its lowest
    assert held.slope == pytest.approx(slope, abs=0.01)
    assert held.height == pytest.approx(height, rel=0.03)
    level = levelled(ink, held, held.height)
    for stroke in level.strokes():
        assert stroke[:, 1].max() == pytest.approx(0.0, abs=0.05)
        assert stroke[:, 1].min() == pytest.approx(-1.0, abs=0.06)


@given(slopes, places, places, st.floats(0.01, 100.0))
def test_where_a_line_lies_moves_and_grows_with_it(slope: float, dx: float, dy: float, size: float) -> None:
    ink, position = zigzags(TEXT, slope=slope, base=3.0)
    one = hold(ink, position, TEXT, UNIT)
    moved = hold(Ink(ink.points * size + (dx, dy), ink.lengths), position, TEXT, UNIT * size)
    assert moved.slope == pytest.approx(one.slope, abs=1e-7)
    assert moved.base == pytest.approx(one.base * size + dy - one.slope * dx, abs=1e-6 * (1 + size))
    assert moved.height == pytest.approx(one.height * size, rel=1e-6)
    np.testing.assert_allclose(moved.tops[:, 0], one.tops[:, 0] * size + dx, atol=1e-6 * (1 + size))
    np.testing.assert_allclose(moved.tops[:, 1], one.tops[:, 1] * size, rtol=1e-6)


@given(slopes, st.integers(0, 1000), st.sampled_from([-30.0, -5.0, 5.0, 30.0]))
def test_a_few_letters_far_off_the_line_do_not_tilt_it(slope: float, seed: int, off: float) -> None:
    ink, position = zigzags(TEXT, slope=slope)
    starts = np.cumsum(ink.lengths) - ink.lengths
    for stroke in np.random.default_rng(seed).choice(len(starts), 2, replace=False):
        ink.points[starts[stroke] : starts[stroke] + 5, 1] += off
    held = hold(ink, position, TEXT, UNIT)
    assert held.slope == pytest.approx(slope, abs=0.025)
    assert held.base == pytest.approx(0.0, abs=0.6)
    assert held.height == pytest.approx(2.0, rel=0.25)


def test_no_base_line_is_steeper_than_a_hand_writes() -> None:
    ink, position = zigzags(TEXT, slope=0.6)
    assert hold(ink, position, TEXT, UNIT).slope == STEEPEST
    ink, position = zigzags(TEXT, slope=-0.6)
    assert hold(ink, position, TEXT, UNIT).slope == -STEEPEST


def test_a_short_text_has_a_level_base_line() -> None:
    text = "rose"
    ink, position = zigzags(text, slope=0.1)
    assert 2 * len(text) < SLOPED
    assert hold(ink, position, text, UNIT).slope == 0.0


def test_letters_that_hang_below_or_reach_above_say_nothing_of_the_line() -> None:
    """Of g, p, y the lowest turn, of l, d, k the highest, which are not on the line or at the x-height."""
    text = "a" * 6 + "gpyq" * 2 + "ldkh" * 2
    ink, position = zigzags(text)
    ends = np.cumsum(ink.lengths)
    for place, c in enumerate(text):
        points = ink.points[ends[place] - 5 : ends[place]]
        if c in "gpyq":
            points[[1, 3], 1] += 2.0
        elif c in "ldkh":
            points[2, 1] -= 2.0
    held = hold(ink, position, text, UNIT)
    assert (held.base, held.slope) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert held.height == pytest.approx(2.0)
    assert len(held.tops) == 6


def test_capitals_and_digits_stand_for_an_x_height() -> None:
    """A line of them alone shows it, and among small letters they say the same as those do."""
    for text in ("NEMO", "1860", "Ann has 2 Rams"):
        ink, position = zigzags(text, height=3.0, base=5.0)
        held = hold(ink, position, text, UNIT)
        assert held.base == pytest.approx(5.0)
        assert held.height == pytest.approx(3.0), text
        assert held.tops[:, 1] == pytest.approx(3.0)
    assert len(held.tops) == 3 + sum(c in words.LOW for c in text)


def test_a_line_that_shows_no_height_has_the_usual_one() -> None:
    for text in ("gy", "lll lll", "no"):
        ink, position = zigzags(text, base=4.0)
        held = hold(ink, position, text, UNIT)
        assert held.height == X_HEIGHT * UNIT
        assert held.base == pytest.approx(4.0, abs=0.1)
        assert not len(held.tops)
        assert held.height_at(0.0, 10.0) == held.height


def test_the_height_follows_a_hand_that_grows_along_its_line() -> None:
    text = "aaaaaaaaaa eeeeeeeeee"
    ink, position = zigzags(text)
    late = ink.points[:, 0] > 10 * ADVANCE * 2.0
    ink.points[late, 1] *= 1.4
    held = hold(ink, position, text, UNIT)
    x = ink.points[:, 0]
    small, large = held.height_at(x.min(), x.min() + 5), held.height_at(x.max() - 5, x.max())
    assert small == pytest.approx(2.0, rel=0.12)
    assert large == pytest.approx(2.8, rel=0.12)
    assert small < held.height_at(*np.quantile(x, [0.45, 0.55])) < large
    far = held.height_at(1e6, 1e6 + 1)
    assert far == pytest.approx(held.height)  # no top is near: the line's own


@given(st.floats(-0.45, 0.45), st.floats(0.1, 50))  # beyond, the steps upward are not steep
def test_the_slant_is_the_way_to_the_right_for_each_unit_upward(lean: float, height: float) -> None:
    ink, _ = zigzags(TEXT, height=height, slant=lean)
    assert slant(ink) == pytest.approx(lean, abs=1e-6)


def test_the_slant_is_of_drawn_steps_alone() -> None:
    ink, _ = zigzags("a a a", slant=0.3)
    jumps = Ink(ink.points + np.repeat([[0, 0], [0, 900], [0, 0]], 5, axis=0), ink.lengths)
    assert slant(jumps) == pytest.approx(0.3)
    assert slant(Ink(np.array([[0.0, 0], [5, 1]]), np.array([2]))) == 0.0  # no steep step


def test_the_pen_turns_within_strokes_alone() -> None:
    y = np.array([0.0, 1, 0, 0, -1, 0, 3, 2, 2, 5.0])
    lower, upper = turns(y, np.array([3, 3, 4]))
    assert lower.tolist() == [1]  # 6 is a stroke's first point
    assert upper.tolist() == [4, 8]  # where it is level, the last point counts


def test_gaps_are_between_all_ink_before_and_all_after() -> None:
    strokes = [[(0, 0), (4, 0)], [(1, 1), (2, 1)], [(7, 0), (9, 0)], [(6, 0), (8, 0)], [(12, 0)]]
    ink = Ink.from_strokes([np.array(stroke, float) for stroke in strokes])
    assert gaps(ink).tolist() == [-3.0, 2.0, -3.0, 3.0]
    assert not len(gaps(Ink(np.zeros((1, 2)), np.array([1]))))


texts = st.lists(st.text("acegmnoprsy", min_size=1, max_size=5), min_size=1, max_size=6)


@given(texts, st.integers(0, 1000))
def test_parts_keep_all_ink_in_its_order(own: list[str], seed: int) -> None:
    ink, position = zigzags(" ".join(own))
    random = np.random.default_rng(seed)
    ink.points[:] += random.normal(0, 0.02, ink.points.shape)
    found = parts_of(ink, position, own, UNIT)
    assert found is not None
    parts, room, _ = found
    assert [len(part.lengths) for part, _ in parts] == [len(word) for word in own]
    np.testing.assert_array_equal(np.concatenate([part.points for part, _ in parts]), ink.points)
    for (part, place), word in zip(parts, own, strict=True):
        assert len(place) == len(part)
        assert np.unique(place.astype(int)).tolist() == list(range(len(word)))  # each counts from its own start
    assert room[0] == 0.0
    for (a, _), (b, _), between in zip(parts, parts[1:], room[1:], strict=False):
        assert between == pytest.approx(b.points[:, 0].min() - a.points[:, 0].max())


def test_no_word_is_cut_where_the_pen_was_down() -> None:
    ink, position = zigzags("no no")
    joined = Ink(ink.points, np.array([5, 10, 5]))  # the pen stays down between the two words
    assert parts_of(joined, position, ["no", "no"], UNIT) is None
    assert parts_of(Ink(ink.points, np.array([20])), position, ["no", "no"], UNIT) is None


def test_two_words_have_not_one_boundary() -> None:
    """A single pen-up near two spaces is the end of one word only."""
    ink, position = zigzags("no o no")
    joined = Ink(ink.points, np.array([5, 5, 15]))
    assert parts_of(joined, position, ["no", "o", "no"], UNIT) is None


def test_the_widest_gap_near_a_space_is_the_boundary() -> None:
    """The window is late or early there: a letter's end lies as near as the word's."""
    ink, position = zigzags("man nor")
    for late in (-0.5, 0.0, 0.6, 1.0):
        strokes = boundaries(ink, position + late, [3], gaps(ink))
        assert strokes == [0, 3, 6], late
    assert boundaries(ink, position + 4.0, [3], gaps(ink)) is None


def test_a_dot_that_is_set_late_stays_with_its_word() -> None:
    ink, position = zigzags("sin no")
    dot = np.array([[2.0, -3.0], [2.1, -3.1]])
    strokes = list(ink.strokes())
    dotted = Ink.from_strokes([*strokes[:3], dot, *strokes[3:]])
    position = np.concatenate([position[:15], [2.9, 2.95], position[15:]])
    found = parts_of(dotted, position, ["sin", "no"], UNIT)
    assert found is not None
    assert [len(part.lengths) for part, _ in found[0]] == [4, 2]


def test_the_box_is_of_one_characters_ink() -> None:
    ink, _ = zigzags("nAn", height=2.0, base=1.0)
    position = np.concatenate([place + np.linspace(-0.5, 0.3, 5) for place in range(3)])
    for place, height in enumerate((1.0, 1.85, 1.0)):
        left = 2.0 * ADVANCE * place
        box = box_of(ink, position, place)
        assert box is not None
        np.testing.assert_allclose(box, [left, 1.0 - 2.0 * height, left + 2.0, 1.0])
    assert box_of(ink, position, 3) is None
    early = position - 0.5  # before the text the window is at its first character
    box = box_of(ink, early, 0)
    assert box is not None
    assert box[0] == 0.0


def test_a_line_is_cut_into_its_strokes() -> None:
    ink, position = zigzags("abcd")
    pieces = [words.piece_of(ink, position, slice(a, b)) for a, b in pairwise([0, 1, 3, 4])]
    assert [len(piece.lengths) for piece, _ in pieces] == [1, 2, 1]
    np.testing.assert_array_equal(np.concatenate([place for _, place in pieces]), position)
