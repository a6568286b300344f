"""The stroke alphabet: every glyph is ink of a sensible size, and marks stand where they belong."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwkit import alphabet
from hwkit.alphabet import ASCII, MARKS, SPACING, draw, glyph, has, mark, marks, replaces_dot
from hwkit.errors import InputError

EXTRA = "€£¢¥°§¶†‡©®™«»¡¿·•—„×÷±½⅓¾²³¹ªºßæÆœŒðÐþÞıŋə≤≥≈→✓⁴₂"


def box(strokes):
    points = np.concatenate(strokes)
    return *points.min(axis=0), *points.max(axis=0)


@pytest.mark.parametrize("character", ASCII + EXTRA)
def test_a_glyph_is_ink_of_a_letters_size(character):
    assert has(character)
    strokes = glyph(character)
    assert all(stroke.ndim == 2 and stroke.shape[1] == 2 and len(stroke) >= 2 for stroke in strokes)
    left, top, right, bottom = box(strokes)
    assert left == 0 < right <= 2.0
    assert -2.2 <= top < bottom <= 0.85
    steps = [np.hypot(*np.diff(stroke, axis=0).T) for stroke in strokes]
    assert all(s.min() > 0 and s.max() <= SPACING + 1e-9 for s in steps)


def test_letters_stand_on_their_lines():
    for c in "acemnorsuvwxz":
        _, top, _, bottom = box(glyph(c))
        assert (top, bottom) == pytest.approx((-1, 0), abs=0.08), c
    for c in "ABCDEFGHIKLMNOPRSTUVWXYZ0123456789bdhkl":
        _, top, _, bottom = box(glyph(c))
        assert (top, bottom) == pytest.approx((-1.9, 0), abs=0.1), c
    for c in "gpqy":
        _, top, _, bottom = box(glyph(c))
        assert (top, bottom) == pytest.approx((-1, 0.8), abs=0.08), c


def test_no_two_characters_look_the_same():
    def dense(stroke):
        at = np.linspace(0, len(stroke) - 1, 8 * len(stroke))
        return np.column_stack([np.interp(at, range(len(stroke)), stroke[:, axis]) for axis in (0, 1)])

    inks = {c: np.concatenate([dense(stroke) for stroke in glyph(c)]) for c in ASCII}
    for (a, of_a), (b, of_b) in combinations(inks.items(), 2):
        if np.abs(np.subtract(box([of_a]), box([of_b]))).max() > 0.2:
            continue
        away = np.hypot(*(of_a[:, None] - of_b[None]).transpose(2, 0, 1))
        # Somewhere one has ink where the other has none near.
        assert max(away.min(axis=0).max(), away.min(axis=1).max()) > 0.15, (a, b)


def test_what_has_no_glyph_is_refused_and_a_glyph_is_ones_own():
    assert not has("я")
    assert not has(" ")
    for missing in ("я", "", "ab"):
        with pytest.raises(InputError, match="no glyph"):
            glyph(missing)
    with pytest.raises(InputError, match="no glyph of 'я'"):
        draw("aя")
    glyph("a")[0][:] = 7
    assert box(glyph("a"))[2] < 2


@given(st.text(ASCII + EXTRA + " ", max_size=12), st.floats(-0.5, 0.6), st.floats(0.2, 30))
def test_drawn_text_starts_at_0_in_order_and_without_rng_is_exact(text, slant, size):
    ink = draw(text, slant=slant, size=size)
    assert len(ink.lengths) == sum(len(glyph(c)) for c in text if c != " ")
    if not len(ink):
        return
    assert ink.points[:, 0].min() == pytest.approx(0, abs=1e-9 * size)
    upright = draw(text, size=size).points
    assert ink.points[:, 1] == pytest.approx(upright[:, 1])
    sheared = upright[:, 0] - slant * upright[:, 1]
    assert ink.points[:, 0] == pytest.approx(sheared - sheared.min(), abs=1e-9 * size)


def test_neighbours_keep_their_distance():
    for a in ASCII:
        for b in "aA.,_j'-/":
            first = len(np.concatenate(glyph(a)))
            points = draw(a + b).points
            one, other = points[:first], points[first:]
            apart = np.hypot(*(one[:, None] - other[None]).transpose(2, 0, 1)).min()
            assert apart > 0.15, a + b
            assert other[:, 0].mean() > one[:, 0].mean()
            assert other[:, 0].min() < one[:, 0].max() + 0.7


def test_a_space_leaves_room():
    assert np.ptp(draw("a b").points[:, 0]) > np.ptp(draw("ab").points[:, 0]) + 0.5


def test_a_generator_makes_each_drawing_a_little_different_and_repeats():
    exact = draw("hamburg").points
    one, again, other = (draw("hamburg", rng=np.random.default_rng(seed)).points for seed in (1, 1, 2))
    assert (one == again).all()
    assert not np.allclose(one, other, atol=0.01)
    letters = draw("aa", rng=np.random.default_rng(3)).points
    half = len(letters) // 2
    assert not np.allclose(letters[:half] - letters[0], letters[half:] - letters[half], atol=0.01)
    for points in (one, other):
        assert points.shape == exact.shape
        assert np.abs(points[:, 1] - exact[:, 1]).max() < 0.2


BOX = (0.3, -1.0, 1.1, 0.0)
WAYS = st.floats(-5, 5)
SEEDS = st.none() | st.integers(0, 9)


@given(
    WAYS, WAYS, st.floats(0.05, 3), st.floats(0.05, 3), st.sampled_from(MARKS), st.none() | st.integers(0, 9)
)
def test_a_mark_stands_over_under_or_through_its_letter(left, top, width, height, name, seed):
    right, bottom = left + width, top + height
    rng = None if seed is None else np.random.default_rng(seed)
    a, b, c, d = box(mark(name, (left, top, right, bottom), 0.0, rng))
    slack = 0 if seed is None else 0.06
    assert c - a < width + 0.7
    if replaces_dot(name):
        assert d <= top - 0.1 + slack
        assert b >= top - 0.7 - slack
        assert (a + c) / 2 == pytest.approx((left + right) / 2, abs=0.08 + slack)
    elif name.endswith(" below"):
        assert bottom + 0.1 - slack <= b <= d <= bottom + 0.7 + slack
        assert (a + c) / 2 == pytest.approx((left + right) / 2, abs=0.08 + slack)
    elif name in ("cedilla", "ogonek"):
        assert b == pytest.approx(bottom, abs=0.05 + slack)
        assert d > bottom + 0.3
    elif name in ("apostrophe", "horn"):
        assert a >= right - 0.2 - slack
        assert b == pytest.approx(top, abs=0.35)
    else:
        assert max(b, top) <= min(d, bottom)  # through it
        assert max(a, left) <= min(c, right)


@pytest.mark.parametrize("name", MARKS)
def test_marks_are_all_different_and_repeat(name):
    here = np.concatenate(mark(name, BOX))
    assert np.isfinite(here).all()
    for other in MARKS:
        there = np.concatenate(mark(other, BOX))
        assert other == name or here.shape != there.shape or not np.allclose(here, there, atol=0.02)
    one, again = (mark(name, BOX, 0.2, np.random.default_rng(4)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(one, again, strict=True))


def test_a_mark_leans_with_its_letter():
    slanted = (0.3 - 0.5 * 0.3, -1.0, 1.1 + 0.5 * 0.3, 0.0)  # the box of the letter of BOX at a slant of 0.3
    for name in MARKS:
        upright = np.concatenate(mark(name, BOX))
        leaning = np.concatenate(mark(name, slanted, 0.3))
        assert leaning[:, 1] == pytest.approx(upright[:, 1])
        assert leaning[:, 0] == pytest.approx(upright[:, 0] - 0.3 * (upright[:, 1] + 0.5))


def test_several_marks_stand_one_over_the_other():
    inner, outer = marks(["circumflex", "acute"], BOX)
    assert outer[:, 1].max() < inner[:, 1].min()
    inner, outer = marks(["circumflex", "acute"], (0.15, -1.0, 1.25, 0.0), 0.3)
    assert outer[:, 1].max() < inner[:, 1].min()
    assert 0.1 < outer[:, 0].mean() - inner[:, 0].mean() < 0.25  # further right, by the slant
    above, below = marks(["breve", "dot below"], BOX)
    assert above[:, 1].max() < -1 < 0 < below[:, 1].min()


def test_an_accent_takes_the_dots_place():
    plain, accented, dotted = (draw("i", marks_on=m) for m in ([], [(0, "acute")], [(0, "ogonek")]))
    assert [len(ink.lengths) for ink in (plain, accented, dotted)] == [2, 2, 3]
    assert replaces_dot("acute")
    assert not replaces_dot("ogonek")
    assert len(draw("aba", marks_on=[(2, "tilde"), (0, "acute")]).lengths) == len(draw("aba").lengths) + 2


def test_an_unknown_mark_is_refused():
    with pytest.raises(InputError, match="no mark 'umlaut'"):
        mark("umlaut", BOX)


def test_every_shape_is_read():
    shapes = alphabet._shapes()
    for place in ("above", "below", "beside"):
        assert set(shapes[place]) <= set(MARKS)
    for character in shapes["glyphs"]:
        assert len(character) == 1
        assert np.isfinite(np.concatenate(glyph(character))).all()
