"""Likeness: statistics of ink whose shape is known, scipy's distances, and samples that are alike or not."""

from __future__ import annotations

import numpy as np
import pytest
from handmade import zigzags
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from hwkit.evaluate.likeness import (
    HAND,
    hands,
    kolmogorov,
    likeness,
    logistic,
    shift,
    spread,
    traits,
    two_sample,
)
from hwkit.ink import Ink

TEXT = "on an open moor"


def line(scale=1.0, slant=0.0, text=TEXT):
    ink, _ = zigzags(text, slant=slant)
    return traits(Ink(ink.points * scale + 7.0, ink.lengths), text)


@given(st.floats(0.01, 1000.0))
def test_size_and_place_say_nothing(scale):
    one, other = line(), line(scale)
    for a, b in zip(one, other, strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), rel=1e-6)


def test_what_is_known_of_the_ink_is_found():
    upright, leaning = line(), line(slant=0.3)
    assert upright.slant < 0.35 < leaning.slant + 0.1
    assert leaning.slant - upright.slant == pytest.approx(0.3, abs=0.1)
    assert upright.strokes == len(TEXT.replace(" ", "")) / len(TEXT)
    unit = upright.width / (np.ptp(zigzags(TEXT)[0].points[:, 0]) / len(TEXT))
    assert upright.spacing == pytest.approx(unit * 2 * (2 * 1.4 - 1.0))  # an empty place, and the rest of one
    assert 0 < upright.pen_up < 1


def test_curvature_is_turn_over_way():
    corner = np.array([[0.0, 0.0], [0, 1], [1, 1], [1, 0], [2, 0], [2, 1], [3, 1], [3, 0], [4, 0]])
    found = traits(Ink(corner, np.array([9])), "n")
    assert found.turn == pytest.approx(np.full(7, np.pi / 2))
    assert found.curvature * found.speed.sum() == pytest.approx(7 * np.pi / 2)


def test_too_little_ink_has_no_statistics():
    assert traits(Ink(np.zeros((0, 2)), np.zeros(0, np.int64)), "x") is None
    assert traits(Ink(np.column_stack([np.arange(20.0), np.zeros(20)]), np.array([20])), "-") is None
    assert traits(zigzags("ab")[0], " ") is None


def test_the_distance_is_scipys():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 70), np.round(rng.normal(0.5, 1, 50), 1)
    assert kolmogorov(a, b) == pytest.approx(ks_2samp(a, b).statistic)


def test_samples_of_one_kind_cannot_be_told_apart_and_others_can():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 300, 5))
    same = two_sample(a, b)
    assert same["accuracy_low"] <= 0.5 <= same["accuracy_high"]
    assert two_sample(a, b + 6.0)["accuracy"] == 1.0
    assert two_sample(a, 0.2 * b)["accuracy"] > 0.9  # the same mean, less spread


def test_the_regression_is_where_its_slope_is_none():
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(200), rng.normal(size=(200, 3))])
    y = (rng.random(200) < 1 / (1 + np.exp(-x @ [0.3, 1.0, -2.0, 0.0]))).astype(float)
    weights = logistic(x, y)
    slope = x.T @ (y - 1 / (1 + np.exp(-x @ weights))) - np.array([1e-6, 1, 1, 1]) * weights
    assert slope == pytest.approx(np.zeros(4), abs=1e-6)
    assert weights[1] > 0 > weights[2]


def test_likeness_of_the_same_lines_has_no_distance():
    lines = [line(slant=s) for s in np.linspace(-0.3, 0.3, 30)]
    found = likeness(lines, lines)
    assert all(row["wasserstein"] == row["kolmogorov_smirnov"] == 0.0 for row in found["distances"])
    assert found["two_sample"]["accuracy"] == 0.5
    assert likeness(lines[:9], lines[:9]) == {"pairs": 9, "distances": None, "two_sample": None}


def test_hands_that_were_flattened_are_seen():
    slants = np.random.default_rng(0).normal(0, 0.2, 200)
    wide, narrow = (
        hands([line(slant=s, text="on an") for s in found], np.ones(200)) for found in (slants, 0.3 * slants)
    )
    assert list(spread(wide)) == list(HAND)
    assert spread(narrow)["slant"]["deviation"] < 0.5 * spread(wide)["slant"]["deviation"]
    moved = shift(narrow, wide)
    assert moved["slant"]["p"] < 0.001
    assert moved["size"] == {"distance": 0.0, "p": 1.0}
