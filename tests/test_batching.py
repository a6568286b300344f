"""Batches: what is left out, buckets, padding, and which offset is to be predicted from which."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hwkit.batching import Augmentation, Line, buckets, collate, select
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import InputError
from hwkit.ink import Ink, Sample
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

PLAIN = Statistics(mean=(0.0, 0.0), deviation=(1.0, 1.0), points_per_character=1.0, unit=1.0)
LETTERS = Vocabulary(characters="abc")


def line(n, text="a", start=0.0):
    """A line of n points whose offsets can be told apart: dx counts, dy is ten times as far."""
    offsets = np.zeros((n, 3))
    offsets[1:, 0] = start + np.arange(1, n)
    offsets[1:, 1] = 10 * offsets[1:, 0]
    offsets[-1, 2] = 1.0
    return Line(f"line-{n}", offsets, LETTERS.encode(text), 1.0)


# Which lines


@pytest.fixture
def dataset(tmp_path):
    def ink(points):
        return Ink(np.arange(2.0 * points).reshape(-1, 2), np.array([points], np.int64))

    with InkWriter(tmp_path / "ink.h5") as writer:
        for id, points, text, split in [
            ("a", 5, "abc", "train"),
            ("b", 1, "abc", "train"),
            ("c", 9, "abc", "train"),
            ("d", 4, None, "train"),
            ("e", 4, "", "train"),
            ("f", 4, "abz", "train"),
            ("g", 4, "zbc", "train"),
            ("h", 2, "c", "more"),
            ("i", 3, "ca", "test"),
        ]:
            writer.append(Sample(id, ink(points), text, "form", split, 2.0))
    return InkDataset.open(tmp_path / "ink.h5")


def test_lines_left_out_are_counted_by_reason(dataset):
    lines, left_out = select(dataset, ["train", "more"], LETTERS, max_points=8)
    assert [line.id for line in lines] == ["a", "h"]
    assert left_out == {"too short": 1, "too long": 1, "without text": 2, "unknown character": 2}
    assert lines[0].classes.tolist() == [1, 2, 3, 0]
    assert lines[0].offsets.tolist() == [[0, 0, 0], [2, 2, 0], [2, 2, 0], [2, 2, 0], [2, 2, 1]]
    assert lines[0].scale == 2.0


def test_the_limit_itself_is_not_too_long_and_0_is_no_limit(dataset):
    assert [line.id for line in select(dataset, ["train"], LETTERS, max_points=9)[0]] == ["a", "c"]
    assert [line.id for line in select(dataset, ["train"], LETTERS)[0]] == ["a", "c"]


def test_a_prediction_network_needs_no_text(dataset):
    lines, left_out = select(dataset, ["train"], None, max_points=8)
    assert [line.id for line in lines] == ["a", "d", "e", "f", "g"]
    assert all(len(line.classes) == 0 for line in lines)
    assert left_out == {"too short": 1, "too long": 1, "without text": 0, "unknown character": 0}


def test_no_line_left_says_why(dataset):
    with pytest.raises(InputError, match=r"no line of test can be used \(1 unknown character\)"):
        select(dataset, ["test"], Vocabulary(characters="c"))
    with pytest.raises(InputError, match="no such lines"):
        select(dataset, ["nowhere"], LETTERS)


# Buckets

lengths = st.lists(st.integers(2, 3000), max_size=60)


@given(lengths, st.integers(1, 9), st.one_of(st.none(), st.integers(0, 99)))
def test_buckets_hold_every_line_once(lengths, size, seed):
    rng = None if seed is None else np.random.default_rng(seed)
    batches = buckets(lengths, size, rng)
    assert sorted(int(row) for batch in batches for row in batch) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)
    assert all(1 <= len(batch) <= size for batch in batches)
    assert sum(len(batch) < size for batch in batches) <= 1


@given(lengths, st.integers(1, 9))
def test_without_a_generator_the_order_is_by_length(lengths, size):
    rows = [int(row) for batch in buckets(lengths, size) for row in batch]
    assert [lengths[row] for row in rows] == sorted(lengths)


@given(lengths, st.integers(1, 9), st.integers(0, 99))
def test_a_shuffled_batch_still_holds_lines_of_nearly_one_length(lengths, size, seed):
    spans = sorted(
        (min(lengths[r] for r in rows), max(lengths[r] for r in rows))
        for rows in buckets(lengths, size, np.random.default_rng(seed))
    )
    for (_, longest), (shortest, _) in pairwise(spans):
        assert longest * 0.98 <= shortest * 1.02


def test_shuffling_changes_with_the_generator_and_only_with_it():
    of = list(range(100, 160))
    first, again, other = (buckets(of, 5, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, other, strict=True))
    assert [batch.min() for batch in first] != sorted(batch.min() for batch in first)


# Batches


def test_each_point_is_followed_by_its_target():
    lines = [line(3, "ab"), line(5, "c", start=100)]
    batch = collate(lines, PLAIN, LETTERS.size)
    assert batch.x.shape == batch.target.shape == (4, 2, 3)
    assert batch.x.dtype == batch.target.dtype == batch.characters.dtype == torch.float32
    assert batch.x[:, 0].tolist() == [[0, 0, 0], [1, 10, 0], [0, 0, 0], [0, 0, 0]]
    assert batch.target[:, 0].tolist() == [[1, 10, 0], [2, 20, 1], [0, 0, 0], [0, 0, 0]]
    assert batch.x[:, 1, 0].tolist() == [0, 101, 102, 103]
    assert batch.target[:, 1, 0].tolist() == [101, 102, 103, 104]
    assert batch.mask.tolist() == [[True, True], [True, True], [False, True], [False, True]]


@given(st.lists(st.integers(2, 12), min_size=1, max_size=5))
def test_the_first_point_is_seen_and_never_scored(sizes):
    lines = [line(n, start=100 * n) for n in sizes]
    batch = collate(lines, PLAIN, LETTERS.size)
    assert int(batch.mask.sum()) == sum(n - 1 for n in sizes)
    for b, one in enumerate(lines):
        scored = batch.target[batch.mask[:, b], b]
        np.testing.assert_array_equal(scored, one.offsets[1:])
        np.testing.assert_array_equal(batch.x[batch.mask[:, b], b], one.offsets[:-1])
        assert not batch.x[~batch.mask[:, b], b].any()


def test_offsets_are_normalised_with_the_pen_as_it_was():
    statistics = Statistics(mean=(1.0, -2.0), deviation=(2.0, 4.0), points_per_character=1.0, unit=1.0)
    batch = collate([line(3)], statistics, LETTERS.size)
    assert batch.x[:, 0].tolist() == [[-0.5, 0.5, 0], [0, 3, 0]]
    assert batch.target[:, 0].tolist() == [[0, 3, 0], [0.5, 5.5, 1]]


def test_characters_are_one_hot_with_an_end_and_then_nothing():
    batch = collate([line(3, "cab"), line(3, "b")], PLAIN, LETTERS.size)
    assert batch.characters.tolist() == [
        [[0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0]],
        [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]],
    ]


def test_a_prediction_batch_has_no_characters():
    one = line(4)._replace(classes=np.zeros(0, np.int64))
    assert not collate([one, one], PLAIN, 0).characters.any()


# Augmentation


class Drawn:
    """A generator that draws what it is told to."""

    def __init__(self, *values):
        self.values = values

    def uniform(self, low, high, count):
        assert (low, high, count) == (-1, 1, 3)
        return np.array(self.values)


def test_width_stretches_x_size_both_and_slant_leans_to_the_right():
    offsets = np.array([[0.0, 0.0, 0.0], [10.0, 0.0, 0.0], [0.0, 10.0, 1.0]])
    wide = Augmentation(width=0.5).apply(offsets, Drawn(1, 1, 1))
    assert wide.tolist() == [[0, 0, 0], [15, 0, 0], [0, 10, 1]]
    large = Augmentation(size=0.5).apply(offsets, Drawn(1, -1, 1))
    assert large.tolist() == [[0, 0, 0], [5, 0, 0], [0, 5, 1]]
    # y grows downward: leaning to the right, a stroke that goes down goes left.
    slanted = Augmentation(slant=0.2).apply(offsets, Drawn(1, 1, 1))
    assert slanted.tolist() == [[0, 0, 0], [10, 0, 0], [-2, 10, 1]]
    every = Augmentation(width=0.5, size=1.0, slant=0.2).apply(offsets, Drawn(1, 0.5, -1))
    np.testing.assert_allclose(every, [[0, 0, 0], [22.5, 0, 0], [3, 15, 1]])
    assert offsets[2].tolist() == [0, 10, 1]  # untouched


@given(st.integers(0, 999))
def test_variation_stays_within_its_amounts(seed):
    offsets = np.array([[1.0, 0.0, 0.0]])
    varied = Augmentation(width=0.1).apply(offsets, np.random.default_rng(seed))
    assert 0.9 <= varied[0, 0] <= 1.1
    assert Augmentation().apply(offsets, np.random.default_rng(seed)).tolist() == offsets.tolist()


def test_each_line_of_a_batch_is_varied_for_itself_before_it_is_normalised():
    statistics = Statistics(mean=(1.0, 2.0), deviation=(2.0, 4.0), points_per_character=1.0, unit=1.0)
    lines, vary = [line(4), line(4)], Augmentation(width=0.3, size=0.3, slant=0.3)
    batch = collate(lines, statistics, LETTERS.size, vary, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    for b in (0, 1):
        expected = statistics.normalise(vary.apply(lines[b].offsets, rng))
        np.testing.assert_allclose(batch.x[:, b], expected[:-1], rtol=1e-6)
        np.testing.assert_allclose(batch.target[:, b], expected[1:], rtol=1e-6)
    assert not torch.equal(batch.x[:, 0], batch.x[:, 1])
    assert torch.equal(batch.target[:, :, 2], collate(lines, PLAIN, LETTERS.size).target[:, :, 2])
