"""CTC: the likelihood of a text against torch's and against all paths, what is read, the places."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hwkit.reader import ctc

CLASSES = 4


def frames_of(seed, frames, classes=CLASSES, sharp=1.0):
    scores = sharp * np.random.default_rng(seed).normal(size=(frames, classes))
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))


def text_of(path):
    """What a path says, by the definition."""
    return tuple(c for c, _ in groupby(path) if c != ctc.BLANK)


def by_enumeration(frames):
    """The probability of each text, the sum over all its paths; and the best path of each."""
    total, best = defaultdict(float), {}
    for path in product(range(frames.shape[1]), repeat=len(frames)):
        p = float(np.exp(sum(frames[t, c] for t, c in enumerate(path))))
        text = text_of(path)
        total[text] += p
        if p > best.get(text, (0.0, None))[0]:
            best[text] = p, path
    return total, best


seeds = st.integers(0, 10_000)


@given(seeds, st.integers(1, 5))
def test_the_likelihood_is_the_sum_over_all_paths(seed, count):
    frames = frames_of(seed, count)
    total, _ = by_enumeration(frames)
    assert sum(total.values()) == pytest.approx(1.0)
    for text, p in total.items():
        assert ctc.nats(frames, np.array(text, np.int64)) == pytest.approx(-np.log(p))


@given(seeds, st.integers(1, 60), st.integers(0, 25))
def test_the_likelihood_is_torchs(seed, count, characters):
    rng = np.random.default_rng(seed)
    frames, classes = frames_of(seed, count, 9, sharp=4.0), rng.integers(1, 9, characters)
    expected = torch.nn.functional.ctc_loss(
        torch.from_numpy(frames)[:, None], torch.from_numpy(classes)[None], [count], [characters],
        blank=ctc.BLANK, reduction="none",
    )  # fmt: skip
    assert ctc.nats(frames, classes) == pytest.approx(float(expected[0]), rel=1e-9)
    assert np.isinf(ctc.nats(frames, classes)) == (ctc.least_frames(classes) > count)


def test_a_text_needs_a_blank_between_equal_characters():
    even = np.full((2, 3), -np.log(3))
    assert ctc.nats(even, np.array([1, 1])) == np.inf
    assert ctc.nats(even, np.array([1, 2])) == pytest.approx(2 * np.log(3))
    assert ctc.least_frames(np.array([1, 1, 2, 2, 2])) == 8
    with pytest.raises(ValueError, match="2 frames cannot hold 2 characters"):
        ctc.align(even, np.array([1, 1]))


def test_no_frames_say_nothing():
    nothing, empty = np.zeros((0, 5)), np.zeros(0, np.int64)
    assert ctc.nats(nothing, empty) == 0.0
    assert ctc.nats(nothing, np.array([1])) == np.inf
    assert len(ctc.best_path(nothing)) == len(ctc.align(nothing, empty)) == 0


@given(seeds, st.integers(1, 5))
def test_what_is_read_is_the_text_of_the_likeliest_path(seed, count):
    frames = frames_of(seed, count)
    assert tuple(ctc.best_path(frames).tolist()) == text_of(max(by_enumeration(frames)[1].values())[1])


@given(seeds, st.integers(1, 5))
def test_the_places_are_those_of_the_best_path_of_the_text(seed, count):
    frames = frames_of(seed, count)
    for text, (_, path) in by_enumeration(frames)[1].items():
        runs, t = [], 0
        for c, run in groupby(path):
            n = len(list(run))
            if c != ctc.BLANK:
                runs.append([t, t + n])
            t += n
        assert ctc.align(frames, np.array(text, np.int64)).tolist() == runs


def test_long_lines_do_not_vanish():
    """Products of so many probabilities are below what a number can be; their logarithms are not."""
    frames = frames_of(3, 3000, 50)
    classes = np.random.default_rng(3).integers(1, 50, 500)
    assert 5000 < ctc.nats(frames, classes) < 20_000
    assert len(ctc.align(frames, classes)) == 500
