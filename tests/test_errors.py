"""Errors of what was read: against a distance by recursion, scipy's bootstrap, and errors put in by hand."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from hwkit.evaluate.errors import (
    CLASSES,
    UNSEEN,
    Line,
    aligned,
    by_class,
    by_length,
    confusions,
    distance,
    figures,
    rate,
    ratio,
    word_of,
)

SHORT = st.text("ab c", max_size=6)


def by_recursion(a: str, b: str) -> int:
    """The edit distance by its definition."""

    @cache
    def least(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (a[i - 1] != b[j - 1]))

    return least(len(a), len(b))


def test_the_distance_is_that_of_its_definition() -> None:
    texts = ["".join(t) for n in range(4) for t in product("ab", repeat=n)]
    for a, b in product(texts, texts):
        assert distance(a, b) == by_recursion(a, b)


@given(SHORT, SHORT)
def test_an_alignment_holds_both_texts_and_costs_the_distance(a: str, b: str) -> None:
    pairs = aligned(a, b)
    assert "".join(x for x, _ in pairs if x is not None) == a
    assert "".join(y for _, y in pairs if y is not None) == b
    assert (None, None) not in pairs
    assert sum(x != y for x, y in pairs) == by_recursion(a, b) == Line(a, b).errors


@given(SHORT, SHORT)
def test_classes_and_what_was_put_in_make_up_all_errors(a: str, b: str) -> None:
    rows = {row["class"]: row for row in by_class([Line(a, b)], set())}
    assert sum(rows[name]["errors"] for name in [*CLASSES, "inserted"]) == by_recursion(a, b)
    assert sum(rows[name]["characters"] for name in CLASSES) == len(a)


def test_words_are_counted_as_words() -> None:
    found = figures([Line("the old mill", "the odd mill pond"), Line("", "")])
    assert found["word_error"] == pytest.approx(2 / 3)  # one wrong, one too many
    assert found["exact"] == 0.5


def test_planted_errors_are_found_where_they_are() -> None:
    lines = [
        Line("ABC abc 123 ,.", "AXC abc 12 ,."),  # a capital wrong, a digit missing
        Line("All the bells", "Al the bellss"),  # a double letter missing, a letter put in
        Line("see Zed", "see Zed"),
    ]
    rows = {row["class"]: (row["errors"], row["characters"]) for row in by_class(lines, {"see", "the"})}
    assert rows == {
        "lower case": (1, 3 + 2 + 3 + 5 + 3 + 2),
        "capitals": (1, 5),
        "digits": (1, 3),
        "punctuation": (0, 2),
        "spaces": (0, 3 + 2 + 1),
        "capitals in a row": (1, 3),
        "double letters": (1, 2 + 2 + 2),
        "last characters of a line": (0, 9),
        UNSEEN: (3 - 1, 6 + 3 + 5 + 3),  # ABC, abc, All, bells, Zed; 123 has no letter
        "inserted": (1, 14 + 13 + 7),
    }
    assert confusions(lines) == [
        {"asked": "", "read": "s", "times": 1, "of": 0},
        {"asked": "3", "read": "", "times": 1, "of": 1},
        {"asked": "B", "read": "X", "times": 1, "of": 1},
        {"asked": "l", "read": "", "times": 1, "of": 4},
    ]


def test_without_training_words_their_row_says_so() -> None:
    (row,) = (row for row in by_class([Line("a", "a")]) if row["class"] == UNSEEN)
    assert row["characters"] is row["errors"] is row["error"] is None


@pytest.mark.parametrize(("token", "word"), [("(Yes,", "yes"), ("don't", "don't"), ('"Hm?"', "hm"), ("-", "")])
def test_a_word_is_without_what_stands_at_it(token: str, word: str) -> None:
    assert word_of(token) == word


def test_lengths_are_told_apart_at_their_edges() -> None:
    lines = [Line("x" * n, "x" * n) for n in (1, 20, 21, 30, 31, 41, 90)]
    assert [(row["length"], row["lines"]) for row in by_length(lines)] == [
        ("1 to 20", 2),
        ("21 to 30", 2),
        ("31 to 40", 1),
        ("over 40", 2),
    ]


def test_the_interval_is_scipys() -> None:
    rng = np.random.default_rng(1)
    wholes = rng.integers(10, 60, 200)
    parts = rng.binomial(wholes, 0.1)

    def statistic(a, b, axis):  # type: ignore[no-untyped-def]
        return a.sum(axis) / b.sum(axis)

    theirs = bootstrap(
        (parts, wholes), statistic, paired=True, method="percentile", n_resamples=4000, random_state=rng
    ).confidence_interval
    ours = rate("x", parts, wholes)
    assert ours["x"] == parts.sum() / wholes.sum()
    assert (ours["x_low"], ours["x_high"]) == pytest.approx((theirs.low, theirs.high), abs=0.002)


def test_no_line_has_no_rate_and_one_has_no_interval() -> None:
    assert rate("x", [], []) == {"x": None, "x_low": None, "x_high": None}
    assert rate("x", [1], [4]) == {"x": 0.25, "x_low": None, "x_high": None}
    assert rate("x", [0, 0], [0, 0])["x"] is None


def test_a_ratio_is_that_of_both_rates() -> None:
    few = [Line("abcdefghij", "abcdefghij")] * 9 + [Line("abcdefghij", "bbcdefghij")]
    many = [Line("abcdefghij", "bbcdefghij")] * 10
    found = ratio(few, many)
    assert found["ratio"] == pytest.approx(0.1)
    assert found["ratio_low"] is not None
    assert found["ratio_high"] is not None
    assert found["ratio_low"] <= 0.1 <= found["ratio_high"] <= 0.5
    assert ratio(few, few[:9])["ratio"] is None  # nothing to be compared with
