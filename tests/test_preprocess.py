"""Preprocessing: each step against numbers worked out by hand or a loop written for the test."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import convolve1d

from hwkit.errors import InputError
from hwkit.ink import Ink, Sample
from hwkit.preprocess import (
    LEVEL_WIDTH,
    PRESETS,
    Recipe,
    decimate,
    interpolate_missing,
    level,
    prepare,
    repair,
    respace,
    smooth,
    unit,
    unslant,
)

RAW = PRESETS["raw"]
TICK = 1 / 64  # seconds between readings; a power of two, so that sums of it are exact


def ink_of(*strokes):
    return Ink.from_strokes([np.array(stroke, float) for stroke in strokes])


def timed(times, *strokes):
    ink = ink_of(*strokes)
    return Ink(ink.points, ink.lengths, np.array(times, float))


small = st.integers(-300, 300)
any_strokes = st.lists(st.lists(st.tuples(small, small), min_size=1, max_size=9), min_size=1, max_size=4).map(
    lambda drawn: ink_of(*drawn)
)


# Repair: steps that are too long


def test_a_spike_is_taken_out_and_the_ink_closes_up():
    spiked = ink_of([(0, 0), (10, 1), (20, 3), (5000, 3), (30, 7), (40, 12)], [(45, 0)])
    ink, repairs = repair(spiked, RAW)
    # The steps to the spike and back from it go; (10, 5) and then the pen-up step (5, -12) remain.
    assert ink.points.tolist() == [[0, 0], [10, 1], [20, 3], [30, 8], [35, -4]]
    assert ink.lengths.tolist() == [4, 1]
    assert (repairs.removed, repairs.interpolated) == (2, 0)


def test_a_long_step_with_the_pen_up_is_taken_out():
    ink, repairs = repair(ink_of([(0, 0), (10, 0)], [(5000, 100), (5010, 110), (5020, 105)]), RAW)
    assert ink.points.tolist() == [[0, 0], [10, 0], [20, 10], [30, 5]]
    assert ink.lengths.tolist() == [2, 2]
    assert repairs.removed == 1


def test_the_end_of_stroke_on_a_step_taken_out_moves_to_the_point_before():
    ink, repairs = repair(ink_of([(0, 0), (10, 0), (3000, 0)], [(3010, 5), (3020, 5)]), RAW)
    assert ink.points.tolist() == [[0, 0], [10, 0], [20, 5], [30, 5]]
    assert ink.offsets()[:, 2].tolist() == [0, 1, 0, 1]
    assert repairs.removed == 1


def test_the_end_of_the_line_moves_to_the_point_before_too():
    ink, _ = repair(ink_of([(0, 0)], [(5, 5), (6, 5), (6, -2000)]), RAW)
    assert ink.points.tolist() == [[0, 0], [5, 5], [6, 5]]
    assert ink.lengths.tolist() == [1, 2]


def test_a_stroke_taken_out_whole_is_gone():
    ink, repairs = repair(ink_of([(0, 0), (1, 0)], [(2000, 0)], [(2, 0), (4, 1)]), RAW)
    assert ink.points.tolist() == [[0, 0], [1, 0], [3, 1]]
    assert ink.lengths.tolist() == [2, 1]
    assert repairs.removed == 2


def test_the_line_keeps_its_place():
    ink, _ = repair(ink_of([(700, 900), (5000, 0), (5001, 2)]), RAW)
    assert ink.points.tolist() == [[700, 900], [701, 902]]


def test_the_limit_is_a_distance_and_itself_allowed():
    far = [(0, 0), (600, 800), (0, 0), (-600, -800)]  # 1000 exactly
    assert repair(ink_of(far), RAW)[0].points.tolist() == [list(p) for p in far]
    ink, repairs = repair(ink_of([(0, 0), (800, 700)]), RAW)  # 1063, though neither axis is beyond
    assert (ink.points.tolist(), repairs.removed) == ([[0, 0]], 1)
    assert repair(ink_of([(0, 0), (30, 40)]), Recipe(step_limit=49.9))[1].removed == 1


# Repair: missing readings


def test_missing_readings_are_put_on_the_straight_line():
    x = [0, 10, 20, 70, 80, 90]
    times = [0, 1, 2, 7, 8, 9]  # five intervals and five strides between 20 and 70
    ink, put = interpolate_missing(timed([t * TICK for t in times], [(v, v / 2) for v in x]), RAW)
    assert put == 4
    np.testing.assert_allclose(ink.points, [[v, v / 2] for v in range(0, 100, 10)], rtol=1e-12)
    assert ink.lengths.tolist() == [10]
    assert ink.times is None


def test_each_gap_gets_its_own_readings_and_each_stroke_its_own():
    first = [(0, 0), (8, 0), (16, 0)]
    second = [(16, 40), (16, 48), (16, 96), (16, 104), (64, 104), (72, 104)]  # gaps of 6 and of 6
    times = [0, 1, 2, 10, 11, 17, 18, 23, 24]  # in intervals: 6, then 5
    ink, repairs = repair(timed([t * TICK for t in times], first, second), RAW)
    assert repairs.interpolated == 5 + 4
    assert ink.lengths.tolist() == [3, 15]
    expected = [*first, *((16, y) for y in range(40, 105, 8)), *((16 + 48 * k / 5, 104) for k in range(1, 6))]
    np.testing.assert_allclose(ink.points, [*expected, (72, 104)], rtol=1e-12)


@pytest.mark.parametrize(("ticks", "put"), [(4, 0), (4.5, 3), (5, 4), (32, 31), (33, 0)])
def test_a_gap_is_filled_above_the_limit_and_up_to_a_pause(ticks, put):
    # gap_limit 4 intervals is still no gap; a pause of 0.5 s (32 ticks) still is one.
    times = np.array([0, 1, 2, 2 + ticks, 3 + ticks, 4 + ticks]) * TICK
    x = [0, 10, 20, 520, 530, 540]
    ink, found = interpolate_missing(timed(times, [(v, 0) for v in x]), RAW)
    assert found == put
    np.testing.assert_allclose(ink.points[2 : put + 4, 0], np.linspace(20, 520, put + 2))


@pytest.mark.parametrize(("step", "put"), [(0, 0), (19.9, 0), (20, 1), (39, 2), (500, 7)])
def test_a_slow_hand_is_not_filled_closer_than_its_stride(step, put):
    times = np.array([0, 1, 2, 10, 11, 12]) * TICK  # room for 7 readings in time
    x = np.array([0, 10, 20, 20 + step, 30 + step, 40 + step])
    assert interpolate_missing(timed(times, [(v, 0) for v in x]), RAW)[1] == put


def test_between_strokes_nothing_is_missing():
    times = np.array([0, 1, 2, 10, 11, 12]) * TICK
    apart = timed(times, [(0, 0), (10, 0), (20, 0)], [(100, 0), (110, 0), (120, 0)])
    ink, put = interpolate_missing(apart, RAW)
    assert put == 0
    assert ink.points.tolist() == apart.points.tolist()
    assert ink.lengths.tolist() == [3, 3]


def test_the_step_between_strokes_says_nothing_of_the_stride_or_the_interval():
    # Three long steps with the pen up, three short ones with it down: the stride is 10.
    times = np.array([0, 9, 10, 30, 31, 60, 65, 66]) * TICK
    ink = timed(times, [(-200, 0)], [(0, 0), (10, 0)], [(300, 0), (310, 0)], [(700, 0), (750, 0), (760, 0)])
    assert interpolate_missing(ink, RAW)[1] == 4


def test_without_times_nothing_is_known_to_be_missing():
    assert interpolate_missing(ink_of([(0, 0), (1, 0), (90, 0)]), RAW)[1] == 0
    assert interpolate_missing(timed([0, 0, 0], [(0, 0), (1, 0), (90, 0)]), RAW)[1] == 0
    assert interpolate_missing(timed([0, 1], [(0, 0), (1, 0)]), RAW)[1] == 0


# Level, slant, scale


@pytest.mark.parametrize("degrees", [-20, -3, 5, 30])
def test_a_tilted_line_is_turned_level_about_its_first_point(degrees):
    angle = math.radians(degrees)
    along = np.linspace(0, 2000, 21)
    tilted = np.column_stack([50 + along * math.cos(angle), 70 + along * math.sin(angle)])
    ink = level(ink_of(tilted[:7], tilted[7:]))
    np.testing.assert_allclose(ink.points, np.column_stack([50 + along, np.full(21, 70.0)]), atol=1e-9)
    assert ink.lengths.tolist() == [7, 14]


def test_the_angle_is_that_of_the_least_squares_line():
    rng = np.random.default_rng(5)
    x = np.sort(rng.uniform(0, 3000, 60))
    y = 0.2 * x + rng.normal(0, 40, 60)
    slope = np.polyfit(x, y, 1)[0]
    turned = ((x - x[0]) + 1j * (y - y[0])) * np.exp(-1j * math.atan(slope))
    points = level(ink_of(np.column_stack([x, y]))).points
    np.testing.assert_allclose(points, np.column_stack([turned.real + x[0], turned.imag + y[0]]), atol=1e-8)


def test_a_short_line_is_left_as_it_is():
    short = ink_of([(0, 0), (400, 100), (LEVEL_WIDTH - 1, 200)])
    assert level(short).points.tolist() == short.points.tolist()
    wide = ink_of([(0, 0), (400, 100), (LEVEL_WIDTH, 200)])
    np.testing.assert_allclose(level(wide).points[:, 1], 0, atol=1e-9)


def test_slanted_down_strokes_stand_upright():
    # Down strokes lean by 0.3; flat steps and the steep step with the pen up must not count.
    slanted = ink_of(
        [(5, 0), (8, 10), (11, 20), (31, 20), (28, 10)], [(-50, -500), (-44, -480), (-25, -470), (-5, -480)]
    )
    ink = unslant(slanted)
    lean = slanted.points[:, 0] - 0.3 * slanted.points[:, 1]  # the first point's y is 0
    np.testing.assert_allclose(ink.points[:, 0], lean)
    assert ink.points[:, 1].tolist() == slanted.points[:, 1].tolist()
    np.testing.assert_allclose(ink.points[:3, 0], 5)


def test_the_slant_is_a_least_squares_one_and_the_first_point_stays():
    steps = np.array([(1, 2), (2, -5), (-3, -4), (0, 7)], float)
    points = np.cumsum(np.vstack([[3.0, 100.0], steps]), axis=0)
    shear = np.linalg.lstsq(steps[:, 1:], steps[:, 0], rcond=None)[0][0]
    expected = points[:, 0] - shear * (points[:, 1] - 100)
    np.testing.assert_allclose(unslant(ink_of(points)).points[:, 0], expected)


def test_ink_without_a_steep_step_has_no_slant():
    flat = ink_of([(0, 0), (10, 5), (20, -5)], [(20, 80)])
    assert unslant(flat).points.tolist() == flat.points.tolist()


def test_the_unit_is_the_median_distance_from_the_median_height():
    assert unit(ink_of([(900, 0), (70, 1), (-5, 2)], [(3, 3), (4, 10)])) == 1.0  # |y - 2| = 2 1 0 1 8
    assert unit(ink_of([(0, 10), (0, 20), (0, 40), (0, 80)])) == 15.0  # |y - 30| = 20 10 10 50
    assert unit(ink_of([(0, 7), (50, 7)])) == 1.0
    assert unit(ink_of()) == 1.0


# Smoothing and resampling


@given(any_strokes)
def test_smoothing_is_a_convolution_of_each_stroke_that_keeps_its_ends(ink):
    for before, after in zip(ink.strokes(), smooth(ink).strokes(), strict=True):
        expected = before.copy()
        expected[1:-1] = convolve1d(before, [0.25, 0.5, 0.25], axis=0)[1:-1]
        np.testing.assert_allclose(after, expected, atol=1e-9)
        assert after[0].tolist() == before[0].tolist()
        assert after[-1].tolist() == before[-1].tolist()


def test_two_passes_are_the_binomial_filter_that_is_five_wide():
    points = np.random.default_rng(1).normal(size=(12, 2))
    twice = smooth(smooth(ink_of(points))).points
    for axis in (0, 1):
        expected = np.convolve(points[:, axis], np.array([1, 4, 6, 4, 1]) / 16, "valid")
        np.testing.assert_allclose(twice[2:-2, axis], expected)


@given(any_strokes, st.sampled_from([1.0, 1.5, 2.0, 2.6, 3.0, 7.0]))
def test_decimation_against_a_loop(ink, factor):
    expected = []
    for stroke in ink.strokes():
        n = len(stroke)
        pieces = max(round((n - 1) / factor), 1) if n > 1 else 0
        places = [k * (n - 1) / pieces for k in range(pieces + 1)] if pieces else [0]
        points = []
        for place in places:
            i = min(int(place), n - 2) if n > 1 else 0
            share = place - i
            points.append(stroke[i] + share * (stroke[i + 1] - stroke[i]) if n > 1 else stroke[0])
        expected.append(np.array(points))
    for stroke, want, old in zip(decimate(ink, factor).strokes(), expected, ink.strokes(), strict=True):
        np.testing.assert_allclose(stroke, want, atol=1e-6)
        assert stroke[0].tolist() == old[0].tolist()
        assert stroke[-1].tolist() == old[-1].tolist()


def test_decimation_by_hand():
    ink = decimate(ink_of([(k * k, -k) for k in range(7)], [(9, 9)]), 2)
    assert ink.points.tolist() == [[0, 0], [4, -2], [16, -4], [36, -6], [9, 9]]
    assert ink.lengths.tolist() == [4, 1]


def walked(stroke, distance):
    """The point of a polyline that is `distance` from its start along it, by walking."""
    for a, b in pairwise(stroke):
        step = math.dist(a, b)
        if distance <= step and step > 0:
            return a + (b - a) * distance / step
        distance -= step
    return stroke[-1]


@given(any_strokes, st.sampled_from([1.0, 7.5, 40.0, 1000.0]))
def test_respacing_puts_points_at_even_distances_along_the_stroke(ink, spacing):
    after = respace(ink, spacing)
    assert len(after.lengths) == len(ink.lengths)
    for old, new in zip(ink.strokes(), after.strokes(), strict=True):
        length = sum(math.dist(a, b) for a, b in pairwise(old))
        pieces = len(new) - 1
        assert new[0].tolist() == old[0].tolist()
        assert new[-1].tolist() == old[-1].tolist()
        if len(old) == 1:
            assert pieces == 0
            continue
        assert abs(pieces - length / spacing) <= 0.5 + 1e-6 or pieces == 1
        assert pieces >= 1
        for k in range(1, pieces):
            np.testing.assert_allclose(new[k], walked(old, length * k / pieces), atol=1e-6)


def test_respacing_by_hand():
    ink = respace(ink_of([(0, 0), (3, 4), (3, 14)], [(50, 50), (50, 50)], [(60, 60)]), 5.0)
    np.testing.assert_allclose(ink.points[:4], [(0, 0), (3, 4), (3, 9), (3, 14)])
    assert ink.points[4:].tolist() == [[50, 50], [50, 50], [60, 60]]
    assert ink.lengths.tolist() == [4, 2, 1]


def test_the_ends_of_strokes_are_exact_where_a_step_is_lost_in_the_sum_of_steps():
    # At a length of 1e9 a step of 1e-9 is nothing to float64: three points lie at one distance.
    first, second = [(0, 0), (1e9, 0)], [(1e9, 1e-9), (1e9, 2e-9), (1e9, 5)]
    ends = [[0, 0], [1e9, 0], [1e9, 1e-9], [1e9, 5]]
    assert respace(ink_of(first, second), 1e9).points.tolist() == ends


# The recipe


@given(st.lists(st.lists(st.tuples(small, small), min_size=1, max_size=9), max_size=4))
def test_the_raw_preset_changes_nothing_on_clean_ink(drawn):
    ink = ink_of(*drawn)
    ink = Ink(ink.points, ink.lengths, np.arange(len(ink)) * TICK)
    sample = Sample("a", ink, "hello", "form", "train", 2.5)
    after, repairs = prepare(sample, RAW)
    assert np.array_equal(after.ink.points, ink.points)
    assert np.array_equal(after.ink.lengths, ink.lengths)
    assert after.ink.times is None
    assert (after.id, after.text, after.form, after.split, after.scale) == ("a", "hello", "form", "train", 2.5)
    assert (repairs.interpolated, repairs.removed) == (0, 0)


def wave(n=200):
    t = np.arange(n)
    return np.column_stack([9.0 * t, 0.1 * 9 * t + 80 * np.sin(t / 3)])


def test_the_aligned_preset_levels_scales_smooths_and_decimates_in_this_order():
    sample = Sample("a", ink_of(wave()[:90], wave()[90:]), scale=3.0)
    after, _ = prepare(sample, PRESETS["aligned"])
    levelled = level(sample.ink)
    size = unit(levelled)
    expected = decimate(smooth(smooth(Ink(levelled.points / size, levelled.lengths))), 2.6)
    np.testing.assert_allclose(after.ink.points, expected.points)
    assert after.ink.lengths.tolist() == expected.lengths.tolist() == [35, 43]
    assert after.scale == pytest.approx(3.0 * size)
    np.testing.assert_allclose(unit(after.ink), 1.0, rtol=0.1)
    assert abs(np.polyfit(*after.ink.points.T, 1)[0]) < 0.02


def test_slant_and_spacing_are_done_where_they_are_asked_for():
    sample = Sample("a", ink_of(wave()))
    after, _ = prepare(sample, Recipe(slant=True, spacing=12.0))
    np.testing.assert_allclose(after.ink.points, respace(unslant(sample.ink), 12.0).points)
    assert after.scale == 1.0


def test_coordinates_times_scale_are_recording_units():
    sample = Sample("a", ink_of(wave()))
    after, _ = prepare(sample, Recipe(scale=True))
    np.testing.assert_allclose(after.ink.points * after.scale, sample.ink.points)


def test_repair_comes_before_everything_else():
    points = wave()
    points[120] += 9000
    after, repairs = prepare(Sample("a", ink_of(points)), Recipe(level=True, scale=True))
    assert repairs.removed == 2
    assert len(after.ink) == 198
    assert np.ptp(after.ink.points[:, 1]) < 8


@pytest.mark.parametrize("recipe", [*PRESETS.values(), Recipe(slant=True, spacing=3.0)])
@pytest.mark.parametrize("strokes", [(), ([(4, 5)],), ([(4, 5)], [(4, 5), (4, 5)])])
def test_ink_that_is_hardly_there_goes_through(recipe, strokes):
    after, _ = prepare(Sample("a", ink_of(*strokes)), recipe)
    assert after.ink.points.tolist() == ink_of(*strokes).points.tolist()


@pytest.mark.parametrize(
    "bad",
    [
        {"step_limit": 0.0},
        {"gap_limit": 1.0},
        {"pause": 0.0},
        {"smooth": -1},
        {"decimate": 0.9},
        {"spacing": -1.0},
        {"decimate": 2.0, "spacing": 1.0},
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(bad):
    with pytest.raises(InputError):
        Recipe(**bad)
