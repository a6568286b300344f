"""Composed lines: whose words they are, where they stand, and which are drawn."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwkit.compose import GAP_MEDIAN, GAP_SPREAD, Composition, compose, gaps_between, hands, weights
from hwkit.errors import InputError
from hwkit.ink import Ink, Sample
from hwkit.preprocess import unit

LETTERS = "aaaaaabbbcdQ"


def word(
    text: str, name: str, hand: str = "h", split: str = "train", left: float = 0.0, size: float = 1.0
) -> Sample:
    """A word of one zigzag a letter, each of another height, 2 wide; from x = `left`, all times `size`."""
    strokes = [
        np.array([[2.0 * n, 1.0], [2.0 * n + 0.7, -1.0 - 0.1 * (ord(c) % 7)], [2.0 * n + 1.5, 0.4]])
        for n, c in enumerate(text)
    ]
    ink = Ink.from_strokes(strokes)
    return Sample(name, Ink((ink.points + np.array([left, 0.0])) * size, ink.lengths), text, hand, split, 0.5)


def bank(count: int, seed: int = 0, hand: str = "h", **more: float) -> list[Sample]:
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list(LETTERS), rng.integers(1, 7))) for _ in range(count)]
    return [word(text, f"{hand}{n:03d}", hand, **more) for n, text in enumerate(texts)]  # type: ignore[arg-type]


def same(some: list[Sample], others: list[Sample]) -> bool:
    names = [[(s.id, s.text, s.form, s.split) for s in lines] for lines in (some, others)]
    return names[0] == names[1] and all(
        np.allclose(a.ink.points, b.ink.points, atol=1e-6) for a, b in zip(some, others, strict=True)
    )


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(0, 30), st.floats(0, 2), st.integers(2, 60))
def test_a_line_is_words_of_one_hand_within_the_lengths(
    seed: int, shortest: int, more: int, power: float, count: int
) -> None:
    rule = Composition(lines=6, shortest=shortest, longest=shortest + more, power=power, uses=3)
    words = bank(count, seed, "a") + bank(count, seed + 1, "b")
    texts = {hand: [w.text for w in words if w.form == hand] for hand in "ab"}
    if all(len(w.text or "") > rule.longest for w in words):
        return
    drawn: Counter[str] = Counter()
    for line in compose(words, rule, seed):
        assert rule.shortest <= len(line.text or "") <= rule.longest
        assert (line.split, line.id.startswith("composed-words-0000")) == ("composed", True)
        parts = (line.text or "").split(" ")
        assert not Counter(parts) - Counter(texts[line.form])  # each of the hand's words once at most
        assert len(line.ink.lengths) == sum(map(len, parts))
        drawn.update(f"{line.form} {part}" for part in parts)
    there = Counter(f"{w.form} {w.text}" for w in words)
    assert all(times <= rule.uses * there[name] for name, times in drawn.items())


def test_words_keep_their_shape_and_height_and_stand_the_gap_apart() -> None:
    words = bank(40, 3)
    pooled = np.concatenate([w.ink.points for w in words])
    size, height = unit(Ink(pooled, np.array([len(pooled)]))), np.median(pooled[:, 1])
    gaps = []
    for line in compose(words, Composition(lines=60), 5):
        start, right = 0, None
        for part in (line.text or "").split(" "):
            points = line.ink.points[start : start + 3 * len(part)]
            source = next(w for w in words if w.text == part).ink.points
            assert np.allclose(points[:, 1] * size + height, source[:, 1])
            assert np.allclose(np.diff(points[:, 0]) * size, np.diff(source[:, 0]))
            if right is not None:
                gaps.append(points[:, 0].min() - right)
            start, right = start + len(points), points[:, 0].max()
        assert line.ink.points[:, 0].min() == 0
        assert line.scale == pytest.approx(0.5 * size)
    logs = np.log(gaps)
    assert len(logs) > 100
    assert logs.mean() == pytest.approx(np.log(GAP_MEDIAN), abs=0.06)
    assert logs.std() == pytest.approx(GAP_SPREAD, abs=0.05)


def test_a_hands_own_gaps_are_used_where_they_are_known() -> None:
    steps = [3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5]
    left, words = 0.0, []
    for n, step in enumerate([0.0, *steps]):
        left += step
        words.append(word("aabb", f"line-01/{n + 1}", left=left))
        left += 2.0 * 3 + 1.5  # to the end of its ink
    (hand,) = hands(words)
    size = hand.words[0].scale / 0.5
    assert np.allclose(hand.gaps * size, steps)
    for line in compose(words, Composition(lines=10, shortest=10, longest=30), 1):
        boxes = [line.ink.points[n : n + 12, 0] for n in range(0, len(line.ink), 12)]
        for one, other in pairwise(boxes):
            assert np.abs(hand.gaps - (other.min() - one.max())).min() < 1e-9
    assert not len(gaps_between(words[:8]))  # seven gaps are too few
    assert not len(gaps_between([w for w in words if not w.id.endswith("/5")]))  # and so is what is left here


@settings(max_examples=20)
@given(st.integers(0, 1000), st.floats(0.01, 100), st.floats(-50, 50))
def test_neither_the_order_nor_the_unit_of_words_matters(seed: int, size: float, shift: float) -> None:
    words, rule = bank(25, 1), Composition(lines=5, power=0.7)
    expected = list(compose(words, rule, seed))
    shuffled = [words[i] for i in np.random.default_rng(seed).permutation(len(words))]
    again = same(list(compose(shuffled, rule, seed)), expected)
    assert again
    moved = [
        Sample(w.id, Ink(w.ink.points * size + np.array([0.0, shift]), w.ink.lengths), w.text, w.form, w.split)
        for w in words
    ]
    elsewhere = same(list(compose(moved, rule, seed)), expected)
    assert elsewhere
    assert not same(list(compose(words, rule, seed + 1)), expected)


def test_only_words_of_the_splits_with_text_and_ink_are_used() -> None:
    good = bank(12, 2, "good")
    bad = [
        *bank(12, 2, "other", split="test"),  # type: ignore[arg-type]
        Sample("empty", Ink(np.zeros((0, 2)), np.zeros(0, np.int64)), "aaa", "e", "train"),
        Sample("mute", good[0].ink, None, "m", "train"),
        Sample("silent", good[0].ink, "", "m", "train"),
        word("b" * 46, "long", "l"),
    ]
    assert {line.form for line in compose(bad + good, Composition(lines=30, shortest=1), 0)} == {"good"}
    with pytest.raises(InputError, match="no words in the split nowhere"):
        list(compose(good, Composition(splits=("nowhere",)), 0))


def test_only_words_that_fit_the_pattern_are_drawn_and_all_tell_the_size() -> None:
    rule = Composition(lines=20, shortest=2, longest=9, pattern="[^ab]+")
    words = [*bank(40, 3), *(word(text, f"x{n}") for n, text in enumerate(("Q", "cc", "dQ", "QQc", "cdc")))]
    lines = list(compose(words, rule, 1))
    assert lines
    assert not set("".join(line.text or "" for line in lines)) - set("Qcd ")
    pooled = np.concatenate([w.ink.points for w in words])
    size = unit(Ink(pooled, np.array([len(pooled)])))
    assert [line.scale for line in lines] == pytest.approx([0.5 * size] * len(lines))
    with pytest.raises(InputError, match="no word fits"):
        list(compose(words, Composition(pattern="Z"), 1))


def test_a_weight_is_that_of_the_rarest_character() -> None:
    texts = ["aab", "aaab", "Q", "ab"]  # a: 6, b: 3, Q: 1
    assert np.allclose(weights(texts, 1.0), [1 / 3, 1 / 3, 1, 1 / 3])
    assert np.allclose(weights(texts, 0.5), [3**-0.5, 3**-0.5, 1, 3**-0.5])
    assert np.allclose(weights(texts, 0.0), 1)


def test_power_makes_what_is_rare_common() -> None:
    words = [word("aa", f"w{n:03d}") for n in range(199)] + [word("Q", "w999")]

    def share(power: float) -> float:
        rule = Composition(lines=200, shortest=2, longest=2, power=power, uses=1000)
        lines = list(compose([*words, word("aQ", "w998")], rule, 0))
        return sum("Q" in (line.text or "") for line in lines) / len(lines)

    assert share(0.0) < 0.05
    # 1 / 2 for the word with a Q, 1 / 399 for each of 199 others: just above one half.
    assert share(1.0) == pytest.approx(0.5, abs=0.12)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"lines": -1}, "lines and letters must not be negative"),
        ({"shortest": 0}, "1 <= shortest"),
        ({"shortest": 50}, "shortest <= longest"),
        ({"power": -0.1}, "power must be between"),
        ({"uses": 0}, "uses at least 1"),
        ({"pattern": "("}, "no regular expression"),
        ({"splits": ()}, "needs a split"),
        ({"into": ""}, "needs a split"),
    ],
)
def test_a_rule_that_cannot_be_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Composition(**change)  # type: ignore[arg-type]


def lettered(hand: str, letters: str, seed: int = 0) -> list[Sample]:
    """A bank of words of a hand and letters that were cut out of it."""
    words = bank(20, seed, hand)
    return words + [word(c, f"{hand}000/1:{n}", hand) for n, c in enumerate(letters, 1)]


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(1, 8), st.integers(0, 6))
def test_letters_are_set_in_words_of_so_many(seed: int, letters: int, shortest: int, more: int) -> None:
    rule = Composition(
        into="shouted", lines=8, shortest=shortest, longest=shortest + more, letters=letters, pattern="[A-Z]"
    )
    banks = {"a": "ABCDEFGH1x", "b": "KLMNOPQRS.,7"}
    words = lettered("a", banks["a"]) + lettered("b", banks["b"], 1)
    lines = list(compose(words, rule, seed))
    assert lines
    for line in lines:
        parts = (line.text or "").split(" ")
        assert max(map(len, parts)) <= letters
        together = "".join(parts)
        assert set(together) <= {c for c in banks[line.form] if c.isupper()}
        assert len(set(together)) == len(together)  # each at most once a line
        assert shortest <= len(together) - 1 <= shortest + more
        assert len(line.ink.lengths) == len(together)  # a stroke a letter, in the order of the text
        heights = [round(-float(s[1, 1] - s[0, 1]), 3) for s in line.ink.strokes()]
        scale = heights[0] / (2.0 + 0.1 * (ord(together[0]) % 7))
        assert heights == pytest.approx([scale * (2.0 + 0.1 * (ord(c) % 7)) for c in together], rel=1e-2)
        left = [float(s[:, 0].min()) for s in line.ink.strokes()]
        assert left == sorted(left)


def test_words_are_composed_as_if_no_letters_had_been_cut() -> None:
    rule = Composition(lines=5, shortest=5, longest=20)
    words = lettered("a", "ABCDEF")
    assert same(list(compose(words, rule, 3)), list(compose(words[:20], rule, 3)))


def test_letters_have_the_size_of_their_hands_words() -> None:
    """Alone they would be scaled to the height of small letters."""
    rule = Composition(into="shouted", lines=1, shortest=2, longest=4, letters=4, pattern="[A-Z]")
    words = lettered("a", "")
    high = [
        Sample(f"a000/1:{n}", Ink(one.ink.points * 3.0, one.ink.lengths), one.text, "a", "train", 0.5)
        for n, one in enumerate((word(c, c) for c in "ABCDE"), 1)
    ]
    (line,) = compose(words + high, rule, 1)
    assert unit(line.ink) > 2.0
