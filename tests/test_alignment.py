"""Words cut out of lines: where the window is, what is cut, and what is left out."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hwkit.errors import InputError
from hwkit.evaluate.alignment import cut, gaps, marks_agree, positions, words_of
from hwkit.ink import Floats, Ink, Sample
from hwkit.model.config import NetworkConfig
from hwkit.model.network import build
from hwkit.preprocess import Recipe
from hwkit.pretrained import ModelConfig
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

LETTER = np.array([[0.0, 1.0], [0.7, -1.5], [1.4, -0.4], [1.8, -1.0], [2.5, 1.0]])
DOT = np.array([[0.0, 0.9], [0.2, 1.1], [0.1, 1.0]])


def line(text: str, between: float = 4.0) -> tuple[Sample, Floats]:
    """Ink with a stroke a letter, 3 apart, and `between` more at a space; and where a sharp window would be."""
    strokes, position, x = [], [], 0.0
    for place, c in enumerate(text):
        if c == " ":
            x += between
            continue
        strokes.append((DOT if c == "." else LETTER) + np.array([x, 0.0]))
        x += 0.5 if c == "." else 3.0
        position += [float(place)] * (len(strokes[-1]) - 1) + [place + 1.0]
    return Sample("f01-01", Ink.from_strokes(strokes), text, "f01", "train", 0.7), np.array(position)


def test_the_words_of_a_line_are_cut_with_their_ink() -> None:
    whole, position = line("to be ornot abc.")
    words, left_out = cut(whole, position)
    assert [(w.id, w.text) for w in words] == [
        ("f01-01/1", "to"), ("f01-01/2", "be"), ("f01-01/3", "ornot"), ("f01-01/4", "abc."),
    ]  # fmt: skip
    assert not left_out
    assert {(w.form, w.split, w.scale) for w in words} == {("f01", "train", 0.7)}
    height = np.median(whole.ink.points[:, 1])
    moved = np.concatenate([w.ink.points for w in words]) + np.array([0.0, height])
    assert np.allclose(moved, whole.ink.points)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.floats(-0.9, 0.9), st.integers(0, 99))
def test_a_window_that_is_off_by_less_than_a_letter_finds_the_same_words(
    lengths: list[int], off: float, seed: int
) -> None:
    text = " ".join("a" * n for n in lengths)
    sample, position = line(text)
    noise = np.random.default_rng(seed).uniform(-0.1, 0.1, len(position))
    words, _ = cut(sample, position + off + noise)
    assert [w.text for w in words] == text.split()
    assert [len(w.ink.lengths) for w in words] == lengths


def test_what_is_in_doubt_is_left_out() -> None:
    # No gap to be seen where the space is.
    words, left_out = cut(*line("abc abc", between=0.1))
    assert words == []
    assert left_out == {"no clear gap beside it": 2}
    # A dot of the first word is written after the second.
    sample, position = line("abc abc abc")
    strokes = list(sample.ink.strokes())
    strokes.insert(6, DOT + np.array([1.0, -4.0]))
    late = Sample("f", Ink.from_strokes(strokes), sample.text)
    words, _ = cut(late, np.insert(position, 6 * len(LETTER), [6.9] * 3))
    assert [w.id for w in words] == ["f/3"]
    # A window that never comes near the spaces.
    words, left_out = cut(line("abc abc")[0], np.zeros(6 * len(LETTER)))
    assert words == []
    assert left_out == {"no pen-up at a space of its line": 2}


def test_a_line_without_a_word_or_without_width_is_no_error() -> None:
    blank, position = line("a")
    assert cut(replace(blank, text="  "), position) == ([], {})
    upright = Ink.from_strokes([np.array([[0.0, 0.0], [0.0, 2.0]])])
    assert cut(Sample("f", upright, "il"), np.array([0.0, 2.0])) == ([], {"width unlike its letters": 1})


def test_ink_much_wider_than_its_letters_is_left_out() -> None:
    sample, position = line("aaaa aaaa aaaaaaaaaa aaaa")
    text = "aaaa aaaa aaaa aaaa"
    # The text has 4 letters where the hand wrote 10: the window goes more slowly there.
    told = np.interp(position, [0, 10, 20, 25], [0, 10, 14, 19])
    words, left_out = cut(Sample("f", sample.ink, text), told)
    assert [w.id for w in words] == ["f/1", "f/2", "f/4"]
    assert left_out == {"width unlike its letters": 1}


def test_a_full_stop_must_be_where_the_text_has_it() -> None:
    word = line("abc")[0].ink
    stop = line("abc.")[0].ink
    astray = Ink.from_strokes([DOT - np.array([1.0, 0.0]), *word.strokes()])
    dotted = Ink.from_strokes([*word.strokes(), DOT + np.array([4.0, -4.0])])
    assert marks_agree(word, "abc")
    assert marks_agree(stop, "abc.")
    assert marks_agree(dotted, "abi")  # a dot above the line belongs to a letter
    assert not marks_agree(word, "abc.")
    assert not marks_agree(stop, "abc")
    assert not marks_agree(astray, "abc")


def test_punctuation_that_is_set_apart() -> None:
    assert [w.text for w in words_of("Mr . Foot , he said :")] == ["Mr.", "Foot,", "he", "said:"]
    assert [(w.text, w.sure) for w in words_of('he said " no " - yes')] == [
        ("he", True), ("said", False), ('"', False), ("no", False), ('"', False), ("-", False), ("yes", True),
    ]  # fmt: skip
    assert [(w.text, w.sure) for w in words_of("a - b")] == [("a", True), ("-", True), ("b", True)]
    assert words_of("  ") == []
    assert [w.text for w in words_of(". a")] == [".", "a"]


@given(st.text("ab.,\" -'", max_size=30))
def test_words_are_what_the_text_has_but_for_spaces(text: str) -> None:
    words = words_of(text)
    assert "".join(w.text for w in words) == text.replace(" ", "")
    assert all(text[w.start : w.stop].replace(" ", "") == w.text for w in words)
    assert all(a.stop < b.start for a, b in pairwise(words))


@given(st.lists(st.lists(st.integers(-9, 9), min_size=1, max_size=4), min_size=1, max_size=6))
def test_gaps_are_those_of_the_ink_on_both_sides(xs: list[list[int]]) -> None:
    ink = Ink.from_strokes([np.array([[x, 0.0] for x in stroke]) for stroke in xs])
    expected = [min(sum(xs[n:], [])) - max(sum(xs[:n], [])) for n in range(1, len(xs))]  # noqa: RUF017
    assert gaps(ink).tolist() == expected


def model(kind: str = "synthesis") -> ModelConfig:
    return ModelConfig(
        network=NetworkConfig(kind=kind, layers=(8, 8), mixtures=2, window=3),  # type: ignore[arg-type]
        statistics=Statistics(mean=(0.3, 0.0), deviation=(1.2, 1.1), points_per_character=4.0, unit=1.0),
        vocabulary=Vocabulary(characters=" .abc"),
        recipe=Recipe(),
    )


def test_positions_are_the_means_of_the_window_whatever_the_batch() -> None:
    config = model()
    torch.manual_seed(3)
    network = build(config.network, 6).eval()
    samples = [line(text)[0] for text in ("abc ab", "a", "cab cab. abcabc", "b c a b c")]
    together = positions(network, config, samples)
    alone = [positions(network, config, [sample])[0] for sample in samples]
    for sample, one, other in zip(samples, together, alone, strict=True):
        assert one.shape == (len(sample.ink),)
        assert np.allclose(one, other, atol=1e-2)
        # By the network's own float32, a point at a time.
        assert config.vocabulary is not None
        classes = config.vocabulary.encode(sample.text or "")
        x = torch.from_numpy(config.statistics.normalise(sample.ink.offsets())).float().unsqueeze(1)
        characters = torch.eye(6)[torch.from_numpy(classes)].unsqueeze(0)
        state, expected = network.start(1), []
        for point in x:
            _, phi, state = network.hidden(point[None], characters, state)  # type: ignore[call-arg,arg-type,misc]
            weights = phi[0, 0].detach().double().numpy()
            expected.append(weights @ np.arange(len(weights)) / weights.sum())
        assert np.allclose(one, expected, atol=0.05)


def test_a_network_without_a_text_cannot_align() -> None:
    config = model("prediction")
    with pytest.raises(InputError, match="reads no text"):
        positions(build(config.network), config, [line("abc")[0]])
