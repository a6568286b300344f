"""Rows: pages that hwkit writes and drawn ones, whose strokes' rows are known; and files of them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from handmade import zigzags
from hypothesis import given, settings
from hypothesis import strategies as st

import hwkit
from hwkit.errors import InputError
from hwkit.ink import Ink
from hwkit.layout import Page
from hwkit.reader.pages import read_rows
from hwkit.reader.rows import rows, slope, x_height
from hwkit.render.inkml import inkml
from hwkit.render.jsonl import jsonl
from hwkit.render.svg import svg

TEXTS = ["Hand in hand", "He", "ab cd ef gh", "THE DATA", "b"]


def drawn(texts, *, leading=5.0, turn=0.0, height=2.0, shift=0.0):
    """The strokes of texts under one another, and the row of each; `turn` in radians, downhill."""
    strokes, row = [], []
    for n, text in enumerate(texts):
        ink = zigzags(text, height=height, base=n * leading * height)[0]
        own = [stroke + np.array([n * shift * height, 0.0]) for stroke in ink.strokes()]
        strokes += own
        row += [n] * len(own)
    back = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return [stroke @ back for stroke in strokes], row


def numbers(row):
    return [np.flatnonzero(np.array(row) == n).tolist() for n in dict.fromkeys(row)]


words = st.text(st.sampled_from("abcdeHT "), min_size=1, max_size=20).filter(str.strip)


@settings(max_examples=30)
@given(st.lists(words, min_size=1, max_size=6), st.floats(3.5, 8), st.floats(0.01, 1e4))
def test_rows_are_found_by_place(texts, leading, height):
    strokes, row = drawn(texts, leading=leading, height=height)
    assert rows(strokes) == numbers(row)


@settings(max_examples=20)
@given(st.permutations(range(len(drawn(TEXTS)[0]))))
def test_the_order_of_strokes_does_not_matter(order):
    strokes, row = drawn(TEXTS)
    found = rows([strokes[n] for n in order])
    assert [sorted(order[n] for n in own) for own in found] == numbers(row)
    assert all(own == sorted(own) for own in found)


@settings(max_examples=15)
@given(st.floats(-0.35, 0.35))
def test_rows_may_slope(turn):
    strokes, row = drawn(["Hand in hand and far"] * 4 + ["He"], turn=turn)
    assert slope(strokes) == pytest.approx(turn, abs=0.02)
    assert rows(strokes) == numbers(row)


def test_rows_may_be_set_in():
    strokes, row = drawn(TEXTS, shift=3.0)
    assert rows(strokes) == numbers(row)


def test_dots_belong_to_the_letters_beside_them():
    """Over the first row, under it, and one of the second row that hangs almost as near to the first."""
    strokes, row = drawn(["aaaa", "aaaa"], leading=4.0)
    for x, y, n in [(0.5, -3.6, 0), (3.0, 0.4, 0), (6.0, 4.6, 1), (8.5, 8.5, 1)]:
        strokes.append(np.array([[x, y], [x + 0.1, y + 0.1]]))
        row.append(n)
    assert rows(strokes) == numbers(row)


def test_hardly_any_ink_is_a_row():
    dot, dash = np.array([[3.0, 4.0]]), np.array([[0.0, 0.0], [9.0, 0.0]])
    assert rows([]) == []
    assert rows([dot]) == rows([dash]) == rows([np.repeat(dot, 5, axis=0)]) == [[0]]
    assert rows([dash, dot]) == [[0, 1]]
    assert x_height([dot]) == 1.0


@given(st.floats(0.1, 100.0))
def test_an_x_is_about_as_high_as_it_is(height):
    strokes, _ = drawn(["abcdeabcde", "cab"], height=height)
    assert x_height(strokes) == pytest.approx(height, rel=0.5)


@pytest.mark.parametrize(
    "options",
    [{}, {"slope": 6.0, "wander": 2.0}, {"align": "right", "width": 90}, {"model": "cursive"}],
    ids=["plain", "sloping", "flush right", "cursive"],
)
def test_pages_that_hwkit_writes(options):
    letter = hwkit.write("Dear Anna,\nthank you for your letter\nof 3 May.\nTom", seed=3, **options)
    (page,) = letter.pages
    found = rows(page.strokes)
    assert len(found) == len(page.text)
    placed = {stroke: n for n, own in enumerate(found) for stroke in own}
    wrong = [n for n, row in enumerate(page.lines) if placed[n] != row]
    assert len(wrong) <= len(page.strokes) // 50


# Files


def page_of(texts, **options):
    strokes, row = drawn(texts, **options)
    strokes = [stroke + 20.0 for stroke in strokes]
    return Page(200.0, 300.0, strokes, text=tuple(texts), lines=tuple(row))


def same(ink, strokes):
    return len(ink.lengths) == len(strokes) and ink.points == pytest.approx(np.concatenate(strokes), abs=2e-3)


def test_files_that_say_their_rows_are_believed():
    """Rows so near to each other that by place they would be one."""
    page = page_of(["ab", "cd", "Hand"], leading=0.2)
    assert len(rows(page.strokes)) == 1
    for content, form in ((inkml(page), "inkml"), (jsonl([page]), "jsonl"), (jsonl([page]), "json")):
        found = read_rows(content, form)
        assert [row.text for row in found] == ["ab", "cd", "Hand"]
        for n, row in enumerate(found):
            assert same(row.ink, [s for s, line in zip(page.strokes, page.lines, strict=True) if line == n])


def test_pages_follow_each_other():
    one, two = page_of(["ab", "cd"]), page_of(["Hand"])
    assert [row.text for row in read_rows(jsonl([one, two]), "jsonl")] == ["ab", "cd", "Hand"]


def test_guide_lines_are_no_ink():
    page = page_of(["Hand", "abc"])
    ruled = Page(
        200.0,
        300.0,
        page.strokes,
        rules=[np.array([[5.0, 20.0], [195.0, 20.0]])],
        text=page.text,
        lines=page.lines,
    )
    for form in ("svg", "inkml"):
        write = {"svg": svg, "inkml": inkml}[form]
        plain, found = read_rows(write(page), form), read_rows(write(ruled), form)
        assert [len(row.ink.lengths) for row in found] == [len(row.ink.lengths) for row in plain] == [4, 3]


def test_ink_of_others():
    strokes = [stroke.tolist() for stroke in drawn(["Hand", "abc"])[0]]
    told = json.dumps({"text": "Hand\nabc", "strokes": strokes}).encode()
    assert [row.text for row in read_rows(told, "json")] == ["Hand", "abc"]
    untold = json.dumps({"text": "Hand abc", "strokes": strokes}).encode()
    assert [row.text for row in read_rows(untold, "json")] == [None, None]  # nobody says which row says what
    both = told + b"\n\n" + untold
    assert [row.text for row in read_rows(both, "jsonl")] == ["Hand", "abc", None, None]
    symbols = b"""<ink><annotation type="truth">ab</annotation>
      <traceGroup><annotation type="truth">a</annotation><trace>0 0, 1 2, 2 0</trace></traceGroup>
      <traceGroup><annotation type="truth">b</annotation><trace>3 0, 4 2, 5 0</trace></traceGroup></ink>"""
    (row,) = read_rows(symbols, "inkml")
    assert (row.text, len(row.ink.lengths)) == ("ab", 2)
    plain = b"<ink><trace>0 0, 1 2, 2 0</trace><trace>0 40, 1 42, 2 40</trace></ink>"
    assert [row.text for row in read_rows(plain, "inkml")] == [None, None]


@pytest.mark.parametrize(
    ("content", "form", "why"),
    [
        (b"{}", "json", "is no drawing"),
        (b'{"strokes": []}', "json", "holds no ink"),
        (b'{"strokes": [[]]}', "json", "holds no ink"),
        (b'{"strokes": [[[0, 1e999]]]}', "json", "no"),
        (b'{"strokes": [[[0, 1]]]}\n{', "jsonl", "line 2"),
        (b"<ink/>", "inkml", "no ink"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "svg", "no ink"),
        (b"\xff\xfe", "svg", "no SVG"),
        (b"", "png", "unknown format"),
    ],
)
def test_what_is_no_ink_is_refused(content, form, why):
    with pytest.raises(InputError, match=why):
        read_rows(content, form)


@given(st.binary(max_size=200), st.sampled_from(["svg", "inkml", "json", "jsonl"]))
def test_anything_else_is_an_input_error(content, form):
    try:
        found = read_rows(content, form)
    except InputError:
        return
    assert all(isinstance(row.ink, Ink) and len(row.ink) for row in found)
