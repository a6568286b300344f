"""Statistics of offsets, against numpy on ink made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import InputError
from hwkit.ink import Ink, Sample
from hwkit.statistics import Statistics, measure

number = st.floats(-1e6, 1e6, allow_subnormal=False)


def stored(folder, *samples):
    with InkWriter(folder / "ink.h5") as writer:
        for sample in samples:
            writer.append(sample)
    return InkDataset.open(folder / "ink.h5")


def sample(id, *strokes, text=None, split="train"):
    return Sample(id, Ink.from_strokes([np.array(s, float) for s in strokes]), text, "form", split)


def three_lines(folder):
    return stored(
        folder,
        sample("a", [(100, 50), (110, 53), (111, 43)], [(105, 50)], text="ab"),
        sample("b", [(-7, 9), (-3, 29)]),  # nobody knows what it says; it is ink all the same
        sample("c", [(1, 1)], text="."),  # a point alone has no offset
        sample("d", [(0, 0), (999, 999)], text="not this one", split="test"),
        sample("e", [(0, 0), (50, 10)], text="x", split="more"),
    )


def test_mean_and_deviation_leave_out_the_first_offset_of_each_line(tmp_path):
    statistics, _ = measure(three_lines(tmp_path), ["train"])
    dx, dy = [10, 1, -6, 4], [3, -10, 7, 20]
    np.testing.assert_allclose(statistics.mean, (np.mean(dx), np.mean(dy)))
    np.testing.assert_allclose(statistics.deviation, (np.std(dx), np.std(dy)))


def test_splits_are_taken_together(tmp_path):
    statistics, histograms = measure(three_lines(tmp_path), ["train", "more"])
    np.testing.assert_allclose(statistics.mean, (np.mean([10, 1, -6, 4, 50]), np.mean([3, -10, 7, 20, 10])))
    assert (histograms["lines"], histograms["points"]) == (4, 9)


def test_points_a_character_are_those_of_lines_with_text(tmp_path):
    # 4 points of "ab" and 1 of "."
    assert measure(three_lines(tmp_path), ["train"])[0].points_per_character == pytest.approx(5 / 3)
    assert (
        measure(stored(tmp_path, sample("a", [(0, 0), (1, 1), (3, 4)])), ["train"])[0].points_per_character == 0
    )


def test_the_unit_is_the_median_over_lines(tmp_path):
    lines = [sample(str(k), [(0, 0), (1, 2 * k), (3, 0), (4, 2 * k)]) for k in (1, 5, 30)]
    assert measure(stored(tmp_path, *lines), ["train"])[0].unit == 5.0


def test_histograms_count_every_line_and_every_step(tmp_path):
    statistics, histograms = measure(three_lines(tmp_path), ["train"])
    points, steps = histograms["points_a_line"], histograms["step_in_deviations"]
    assert sum(points["counts"]) == 3
    assert (points["edges"][0], points["edges"][-1]) == (1.0, 4.0)
    assert sum(steps["counts"]) == 4
    longest = np.hypot(4 / statistics.deviation[0], 20 / statistics.deviation[1])
    assert steps["edges"][-1] == pytest.approx(np.log10(longest), abs=1e-4)
    assert (points["log10"], steps["log10"]) == (False, True)


def test_no_ink_has_no_statistics(tmp_path):
    with pytest.raises(InputError, match="no ink in the split test"):
        measure(stored(tmp_path, sample("a", [(0, 0), (1, 1)])), ["test"])
    with pytest.raises(InputError, match="no ink"):
        measure(stored(tmp_path, sample("a", [(0, 0)])), ["train"])
    with pytest.raises(InputError, match="do not vary"):
        measure(stored(tmp_path, sample("a", [(0, 0), (1, 1), (3, 2)])), ["train"])  # dy is 1 and 1


GIVEN = Statistics(mean=(2.0, -3.0), deviation=(4.0, 0.5), points_per_character=25.0, unit=1.0)


def test_normalising_by_hand():
    offsets = np.array([[0.0, 0.0, 0.0], [10.0, -3.5, 1.0]])
    assert GIVEN.normalise(offsets).tolist() == [[-0.5, 6.0, 0.0], [2.0, -1.0, 1.0]]
    assert GIVEN.restore(np.array([[2.0, -1.0, 1.0]])).tolist() == [[10.0, -3.5, 1.0]]
    assert offsets[1].tolist() == [10.0, -3.5, 1.0]  # untouched


@given(hnp.arrays(float, st.tuples(st.integers(0, 5), st.just(3)), elements=number))
def test_restoring_undoes_normalising(offsets):
    np.testing.assert_allclose(GIVEN.restore(GIVEN.normalise(offsets)), offsets, rtol=1e-9, atol=1e-9)
    assert np.array_equal(GIVEN.normalise(offsets)[:, 2], offsets[:, 2])


def test_what_it_measured_normalises_to_mean_0_and_deviation_1(tmp_path):
    dataset = three_lines(tmp_path)
    statistics, _ = measure(dataset, ["train"])
    flat = np.concatenate([statistics.normalise(dataset[row].ink.offsets())[1:, :2] for row in (0, 1)])
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(flat.std(axis=0), 1)
