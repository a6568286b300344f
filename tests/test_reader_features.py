"""What a reader sees of ink: the same whatever the ink's size, place and points."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import zigzags
from hypothesis import given
from hypothesis import strategies as st

from hwkit.errors import InkError
from hwkit.ink import Ink
from hwkit.preprocess import respace
from hwkit.reader.features import SPACING, features, prepared

WORDS = zigzags("Hand in hand")[0]

texts = st.text(st.sampled_from("abcHT "), min_size=1, max_size=12).filter(str.strip)


def seen(ink):
    return features(prepared(ink))


def moved(ink, scale, x, y):
    return Ink(ink.points * scale + (x, y), ink.lengths)


@given(texts, st.floats(1e-3, 1e4), st.floats(-1e5, 1e5), st.floats(-1e5, 1e5))
def test_size_and_place_do_not_matter(text, scale, x, y):
    ink = zigzags(text)[0]
    there = moved(ink, scale, scale * x, scale * y)
    assert seen(there) == pytest.approx(seen(ink), abs=1e-4)


def cut(ink, pieces):
    """The ink with each way from point to point in so many pieces."""
    strokes = []
    for stroke in ink.strokes():
        at, index = np.linspace(0, len(stroke) - 1, (len(stroke) - 1) * pieces + 1), np.arange(len(stroke))
        strokes.append(np.column_stack([np.interp(at, index, stroke[:, axis]) for axis in (0, 1)]))
    return Ink.from_strokes(strokes)


@given(st.text(st.sampled_from("abcHT"), min_size=8, max_size=12), st.integers(2, 9))
def test_how_often_the_pen_was_asked_hardly_matters(text, pieces):
    seldom, often = cut(zigzags(text)[0], 8), cut(zigzags(text)[0], 8 * pieces)
    assert len(often) > (pieces - 1) * len(seldom)
    one, other = prepared(seldom), prepared(often)
    assert len(one) == pytest.approx(len(other), rel=0.1)
    assert np.ptp(one.points, axis=0) == pytest.approx(np.ptp(other.points, axis=0), rel=0.1)


LONG = zigzags("Hand in hand through the garden")[0]


@given(st.floats(-0.3, 0.3))
def test_a_slope_is_taken_out(slope):
    turn = np.array([[np.cos(slope), np.sin(slope)], [-np.sin(slope), np.cos(slope)]])
    sloped, plain = prepared(Ink(LONG.points @ turn, LONG.lengths)), prepared(LONG)
    x, y = (sloped.points - sloped.points.mean(axis=0)).T
    assert abs((x @ y) / (x @ x)) < 0.01
    assert len(sloped) == pytest.approx(len(plain), rel=0.1)
    assert np.ptp(sloped.points, axis=0) == pytest.approx(np.ptp(plain.points, axis=0), rel=0.1)


def test_the_unit_is_one_and_points_are_evenly_spaced():
    ink = prepared(moved(WORDS, 37.0, 5.0, -900.0))
    y = ink.points[:, 1]
    assert np.median(np.abs(y - np.median(y))) == pytest.approx(1.0, abs=0.15)
    steps = np.hypot(*np.diff(ink.points, axis=0).T)
    inside = np.delete(steps, np.cumsum(ink.lengths)[:-1] - 1)
    assert np.median(inside) == pytest.approx(SPACING, rel=0.1)
    assert inside.max() < 1.5 * SPACING
    assert len(ink.lengths) == len(WORDS.lengths)  # a stroke stays a stroke


def test_features_by_hand():
    """Two strokes, the second one back to the left and up by sinh 1."""
    far = np.sinh(1.0)
    ink = Ink(np.array([[0, 0], [0.6, 0], [0.6, 1.2], [0.6 - far, 1.2 - far]]), np.array([3, 1]))
    middle = (0.0 + 1.2 - far) / 2  # the heights in order: 0, 0, 1.2 - far, 1.2
    heights = (np.array([0.0, 0.0, 1.2, 1.2 - far]) - middle) / 2
    steps = [[0, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0, 2, 0, 0, 0], [0, 0, 1, -1, -1]]
    expected = np.column_stack([steps, heights])
    assert features(ink) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "strokes",
    [
        [[[3, 4]]],
        [[[3, 4]], [[5, 4]]],
        [[[0, 0], [100, 0]]],
        [[[0, 0], [0, 100]]],
        [[[0, 0], [100, 10]]],  # level but for rounding, once it is turned
        [[[0, 0], [1e6, 1e-9], [2e6, 0]]],
        [[[0, 0], [0, 0]]],
    ],
)
def test_dots_and_dashes_have_a_size(strokes):
    ink = prepared(Ink.from_strokes([np.array(s, np.float64) for s in strokes]))
    assert 0 < len(ink) < 20_000
    assert np.isfinite(features(ink)).all()


def test_no_ink_is_refused():
    with pytest.raises(InkError, match="no ink to read"):
        prepared(Ink(np.zeros((0, 2)), np.zeros(0, np.int64)))


def test_times_say_nothing():
    timed = Ink(WORDS.points, WORDS.lengths, np.arange(float(len(WORDS))))
    assert (seen(timed) == seen(WORDS)).all()
    assert respace(timed, 1.0).times is None
