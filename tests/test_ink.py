"""Ink: strokes, offsets and back, and what is no ink."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwkit.errors import InkError
from hwkit.ink import Ink

coordinate = st.integers(-(2**40), 2**40)
strokes = st.lists(st.lists(st.tuples(coordinate, coordinate), min_size=1, max_size=6), max_size=5)


@given(strokes)
def test_offsets_and_back_is_exact(drawn):
    ink = Ink.from_strokes([np.array(stroke, float) for stroke in drawn])
    back = Ink.from_offsets(ink.offsets(), ink.origin)
    assert np.array_equal(back.points, ink.points)
    assert np.array_equal(back.lengths, ink.lengths)


@given(strokes)
def test_ink_holds_the_strokes_it_was_made_of(drawn):
    ink = Ink.from_strokes([np.array(stroke, float) for stroke in drawn])
    assert [[tuple(p) for p in stroke] for stroke in ink.strokes()] == drawn
    assert len(ink) == sum(map(len, drawn))
    assert ink.lengths.tolist() == [len(stroke) for stroke in drawn]


@given(strokes)
def test_every_stroke_has_one_end_and_it_is_its_last_point(drawn):
    ends = Ink.from_strokes([np.array(stroke, float) for stroke in drawn]).offsets()[:, 2]
    assert ends.tolist() == [float(i == len(stroke) - 1) for stroke in drawn for i in range(len(stroke))]


def test_offsets_by_hand():
    ink = Ink.from_strokes([np.array([(10.0, 20.0), (13.0, 16.0)]), np.array([(0.0, 5.0)])])
    assert ink.origin == (10.0, 20.0)
    assert ink.offsets().tolist() == [[0, 0, 0], [3, -4, 1], [-13, -11, 1]]


def test_points_of_offsets_by_hand():
    offsets = np.array([[1.0, 2.0, 0.0], [3.0, -4.0, 1.0], [5.0, 6.0, 0.0], [-1.0, 0.5, 0.0]])
    ink = Ink.from_offsets(offsets, (100.0, 200.0))
    assert ink.points.tolist() == [[101, 202], [104, 198], [109, 204], [108, 204.5]]
    assert ink.lengths.tolist() == [2, 2]  # the last point ends a stroke, said or not


def test_an_end_of_stroke_is_more_than_a_half():
    offsets = np.zeros((4, 3))
    offsets[:, 2] = (0.5, 0.51, 0.49, 1.0)
    assert Ink.from_offsets(offsets).lengths.tolist() == [2, 2]


def test_offsets_in_float32_are_summed_in_float64():
    offsets = np.full((3, 3), 2.0**24, np.float32)
    offsets[2, 0] = 1.0
    assert Ink.from_offsets(offsets).points[2, 0] == 2.0**25 + 1


def test_what_nobody_wrote_is_ink():
    for ink in (Ink.from_strokes([]), Ink.from_offsets(np.zeros((0, 3)))):
        assert len(ink) == 0
        assert ink.points.shape == (0, 2)
        assert ink.offsets().shape == (0, 3)
        assert ink.origin == (0.0, 0.0)
        assert list(ink.strokes()) == []


@pytest.mark.parametrize(
    ("points", "lengths", "times", "said"),
    [
        (np.zeros((3, 3)), [3], None, "shape"),
        (np.zeros(3), [3], None, "shape"),
        (np.zeros((3, 2)), [2], None, "2 points"),
        (np.zeros((3, 2)), [2, 2], None, "4 points"),
        (np.zeros((3, 2)), [2, 0, 1], None, "stroke 2"),
        (np.zeros((3, 2)), [4, -1], None, "stroke 2"),
        (np.array([[0, 0], [0, 0], [0, np.nan]]), [3], None, "point 3"),
        (np.array([[0, 0], [np.inf, 0], [0, 0]]), [3], None, "point 2"),
        (np.zeros((3, 2)), [3], np.zeros(2), "times"),
        (np.zeros((3, 2)), [3], np.array([0, np.nan, 1]), "times"),
    ],
)
def test_what_is_no_ink_says_why(points, lengths, times, said):
    with pytest.raises(InkError, match=said):
        Ink(points, np.array(lengths, np.int64), times)


@pytest.mark.parametrize("shape", [(3, 2), (3,), (1, 3, 3)])
def test_offsets_have_three_columns(shape):
    with pytest.raises(InkError, match="offsets have shape"):
        Ink.from_offsets(np.zeros(shape))


def test_offsets_that_are_no_numbers_make_no_ink():
    with pytest.raises(InkError, match="point 2"):
        Ink.from_offsets(np.array([[0, 0, 0], [np.nan, 0, 1.0]]))
