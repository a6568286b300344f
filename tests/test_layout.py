"""Words to rows, rows to pages; text to lines."""

from __future__ import annotations

import textwrap
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink
from hwkit.layout import (
    ALIGN,
    Line,
    Page,
    Pen,
    Setting,
    Word,
    lay_out,
    page_size,
    set_pages,
    unit_of,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def boxes(text: str, *, wide: float = 0.8, up: float = 1.0, down: float = 0.0, **more: object) -> Word:
    """A word whose every letter is a box on the base line, 0.2 apart, and which may be cut between any two."""
    box = np.array([(0.0, -up), (0.0, down), (wide, down), (wide, -up), (0.0, -up)])
    strokes = [box + np.array([n * (wide + 0.2), 0.0]) for n in range(len(text))]
    more.setdefault("breaks", tuple((n, n) for n in range(1, len(text))))
    return Word(text, Ink.from_strokes(strokes), **more)  # type: ignore[arg-type]


def paragraph(text: str, pen: int = 0, **more: object) -> Line:
    return Line(tuple(boxes(word, **more) for word in text.split()), pen)


def rows_of(page: Page) -> list[Floats]:
    """The points of each row of writing."""
    return [
        np.concatenate([s for s, line in zip(page.strokes, page.lines, strict=True) if line == row])
        for row in range(len(page.text))
    ]


def written(pages: list[Page]) -> str:
    """What stands on the pages, hyphenated words joined again (no word of ours ends with a hyphen)."""
    return " ".join(row for page in pages for row in page.text).replace("- ", "")


WORDS = st.builds(
    boxes,
    st.text(LETTERS, min_size=1, max_size=14),
    wide=st.floats(0.0, 2.0),
    up=st.floats(-0.5, 4.0),
    down=st.floats(0.5, 2.0),
    gap=st.floats(-0.5, 3.0),
)
LINES = st.lists(st.builds(Line, st.lists(WORDS, max_size=12).map(tuple), st.integers(0, 1)), max_size=6)
SETTINGS = st.builds(
    Setting,
    page=st.sampled_from(["fit", "a6"]) | st.tuples(st.floats(60, 200), st.floats(60, 200)),
    width_mm=st.none() | st.floats(20, 30),
    margin_mm=st.none() | st.floats(0, 10) | st.tuples(*[st.floats(0, 10)] * 4),
    line_height_mm=st.none() | st.floats(2, 20),
    size_mm=st.floats(0.5, 4),
    align=st.sampled_from(ALIGN),
    ruled=st.booleans(),
    grid=st.booleans(),
    slope=st.floats(-3, 3),
    wander=st.floats(0, 2),
)
PENS = (Pen(0.5), Pen(1.5, "#aa0000", "red"))


@given(LINES, SETTINGS, st.integers(0, 9))
def test_all_ink_lies_inside_the_margins_and_no_word_is_lost(
    lines: list[Line], setting: Setting, seed: int
) -> None:
    pages = set_pages(lines, setting, PENS, seed)
    assert written(pages) == " ".join(word.text for line in lines for word in line.words)
    for page in pages:
        assert len(page.strokes) == len(page.of_pen) == len(page.lines)
        assert list(page.lines) == sorted(page.lines)
        assert setting.paper in (None, (page.width_mm, page.height_mm))
        top, right, bottom, left = setting.margins
        low, high = np.array([left, top]), np.array([page.width_mm - right, page.height_mm - bottom])
        for stroke, pen in zip(page.strokes, page.of_pen, strict=True):
            half = page.pens[pen].width_mm / 2
            assert (stroke >= low + half - 1e-6).all()
            assert (stroke <= high - half + 1e-6).all()
        for rule in page.rules:
            assert (rule >= low - 1e-6).all()
            assert (rule <= high + 1e-6).all()
    if setting.width_mm:
        assert all(np.ptp(row[:, 0]) <= setting.width_mm + 1e-6 for page in pages for row in rows_of(page))
    # A page that fits its ink is one; otherwise pages follow only where there is writing.
    assert len(pages) == 1 or (setting.paper and all(page.text for page in pages[1:]))


@given(LINES, SETTINGS)
def test_strokes_are_those_of_the_words_in_their_order(lines: list[Line], setting: Setting) -> None:
    """Each box keeps its proportions, wherever it stands: points are moved and scaled, never resampled."""
    setting = replace(setting, wander=0, slope=0)
    drawn = [
        (s, p)
        for page in set_pages(lines, setting, PENS)
        for s, p in zip(page.strokes, page.of_pen, strict=True)
    ]
    given = [(s, line.pen) for line in lines for word in line.words for s in word.ink.strokes()]
    letters = [(s, p) for s, p in drawn if len(s) == 5]  # a hyphen has seven points
    assert len(letters) == len(given)
    for (stroke, pen), (source, given_pen) in zip(letters, given, strict=True):
        size, was = np.ptp(stroke, axis=0), np.ptp(source, axis=0)
        assert pen == given_pen
        assert np.allclose(size[0] * was[1], size[1] * was[0], atol=1e-6)
        assert (size <= was * setting.size_mm + 1e-9).all()


@given(LINES, SETTINGS)
def test_hyphens_stand_at_breaks_alone_and_only_in_words_wider_than_a_row(
    lines: list[Line], setting: Setting
) -> None:
    pages = set_pages(lines, setting, PENS)
    rows = [row for page in pages for row in page.text]
    assert sum(len(s) == 7 for page in pages for s in page.strokes) == sum(row.endswith("-") for row in rows)
    assert not rows or not rows[-1].endswith("-")
    whole = [replace(w, breaks=()) for line in lines for w in line.words]
    assert not any("-" in row for page in set_pages([Line(tuple(whole))], setting, PENS) for row in page.text)


def test_a_word_wider_than_a_row_is_cut_where_it_may_be() -> None:
    # Measure 20: "ab" takes 1.8, the gap 1; a letter and its gap take 1.
    word = boxes("incomprehensibilities", breaks=((2, 2), (11, 11), (13, 13)), gap=1.0)
    setting = Setting(width_mm=16, size_mm=1, wander=0)
    (page,) = set_pages([Line((boxes("ab"), word))], setting)
    assert page.text == ("ab incomprehen-", "sibilities")
    hyphen = page.strokes[13]
    assert 0.5 < np.ptp(hyphen[:, 0]) < 0.7
    assert np.ptp(hyphen[:, 1]) < 0.15
    letter = page.strokes[12]
    assert letter[:, 1].min() < hyphen[:, 1].min() < hyphen[:, 1].max() < letter[:, 1].max()
    assert hyphen[:, 0].min() > letter[:, 0].max()
    # Where two letters alone would fit beside another word, a new row is begun.
    (page,) = set_pages([Line((boxes("abcdefghijk"), word))], setting)
    assert page.text == ("abcdefghijk", "incomprehensi-", "bilities")
    # A word that has a hyphen there needs no other.
    (page,) = set_pages([Line((boxes("abcdefgh-jklmnopqrst", breaks=((9, 9),)),))], setting)
    assert page.text == ("abcdefgh-", "jklmnopqrst")
    assert len(page.strokes) == 20


def test_no_letter_is_left_alone_where_the_word_may_be_cut_before() -> None:
    setting = Setting(width_mm=9.7, size_mm=1, wander=0)
    assert set_pages([paragraph("abcdefghij")], setting)[0].text == ("abcdefgh-", "ij")
    last = boxes("abcdefghij", breaks=((8, 9),))  # there is but this one; the tenth letter has two strokes
    assert set_pages([Line((last,))], setting)[0].text == ("abcdefghi-", "j")


def test_hyphens_differ_as_a_hand_does() -> None:
    def hyphen(wander: float, seed: int) -> Floats:
        (page,) = set_pages([paragraph("abcdefghij")], Setting(width_mm=20, wander=wander), seed=seed)
        return next(stroke for stroke in page.strokes if len(stroke) == 7)

    assert not np.allclose(hyphen(1, 1), hyphen(1, 2))
    assert np.array_equal(hyphen(0, 1), hyphen(0, 2))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(("up", "down"), [(6.0, 3.0), (0.1, 3.0), (6.0, 0.1)])
@pytest.mark.parametrize(("slope", "wander"), [(0.0, 0.0), (6.0, 0.0), (-6.0, 3.0)])
def test_ink_stays_on_the_lowest_page_there_is(
    seed: int, up: float, down: float, slope: float, wander: float
) -> None:
    """The page leaves 3 x-heights beside slope and wander: words are written smaller to fit."""
    height = 11 + 3 * 2 + 80 * np.tan(np.radians(6)) * (slope != 0) + 2 * 0.14 * 2 * wander
    setting = Setting(page=(91, height + 1e-6), margin_mm=5, size_mm=2, slope=slope, wander=wander)
    pages = set_pages([paragraph("abc abc abc abc abc abc abc", up=up, down=down)], setting, [Pen(1.0)], seed)
    points = np.concatenate([stroke for page in pages for stroke in page.strokes])
    assert points[:, 1].min() >= 5.5 - 1e-6
    assert points[:, 1].max() <= height - 5.5 + 1e-5
    with pytest.raises(InputError, match="no room"):
        set_pages([], replace(setting, page=(91, height - 0.01)), [Pen(1.0)])


def test_a_word_without_a_break_is_written_smaller() -> None:
    long, short = boxes("incomprehensibilities", breaks=()), boxes("of")
    (page,) = set_pages([Line((short, long, short))], Setting(width_mm=10, size_mm=1, wander=0))
    assert page.text == ("of", "incomprehensibilities", "of")
    before, middle, after = rows_of(page)
    assert np.ptp(middle[:, 0]) == pytest.approx(10)
    assert np.ptp(before, axis=0) == pytest.approx([1.8, 1])
    assert np.ptp(after, axis=0) == pytest.approx([1.8, 1])


@given(st.lists(st.text(LETTERS, min_size=1, max_size=9), min_size=1, max_size=40), st.integers(9, 40))
def test_rows_are_as_full_as_they_can_be(words: list[str], measure: int) -> None:
    """Boxes of 1 a letter make wrapping by ink the same as wrapping by characters."""
    setting = Setting(width_mm=measure, size_mm=1, wander=0)
    (page,) = set_pages([Line(tuple(boxes(word, gap=1.2) for word in words))], setting)
    # A row of n characters, spaces and all, is n - 0.2 wide.
    assert list(page.text) == textwrap.wrap(" ".join(words), measure, break_long_words=False)


def test_without_a_page_or_a_width_nothing_is_wrapped() -> None:
    text = "word " * 200
    (page,) = set_pages([paragraph(text)])
    assert page.text == (text.strip(),)


@given(st.lists(st.text(LETTERS, min_size=1, max_size=6), min_size=1, max_size=30))
def test_justified_rows_end_at_both_edges_but_the_last(words: list[str]) -> None:
    setting = Setting(page=(80, 200), margin_mm=10, size_mm=2, align="justify", wander=1)
    line = Line(tuple(boxes(word) for word in words))
    (page,), (ragged,) = set_pages([line], setting), set_pages([line], replace(setting, align="left"))
    assert page.text == ragged.text
    for number, (row, plain) in enumerate(zip(rows_of(page), rows_of(ragged), strict=True)):
        gaps = page.text[number].count(" ")
        to_spare = 69.75 - plain[:, 0].max()
        assert row[:, 0].min() == pytest.approx(10.25)
        if number == len(page.text) - 1 or to_spare > gaps * 2.4 * 2 * 1.3:
            assert np.array_equal(row[:, 0], plain[:, 0])
        elif to_spare < gaps * 2.4 * 2 * 0.75:  # a gap is 2.4 mm, varied by a fifth at most
            assert row[:, 0].max() == pytest.approx(69.75)
    for one, other in zip(page.strokes, ragged.strokes, strict=True):  # gaps grow, ink does not
        assert np.ptp(one[:, 0]) == pytest.approx(np.ptp(other[:, 0]))


@pytest.mark.parametrize(("align", "edge"), [("left", 0), ("center", 0.5), ("right", 1)])
@pytest.mark.parametrize("page", ["a6", "fit"])
@pytest.mark.parametrize("width", [None, 60.0])
def test_rows_are_flush(align: str, edge: float, page: str, width: float | None) -> None:
    setting = Setting(page=page, width_mm=width, align=align)
    lines = [paragraph("a few words that fill more than a row"), paragraph("one"), paragraph("and two")]
    (drawn,) = set_pages(lines, setting)
    places = [row[:, 0].min() * (1 - edge) + row[:, 0].max() * edge for row in rows_of(drawn)]
    assert places == pytest.approx([places[0]] * len(places))
    if page == "a6":
        assert places[0] == pytest.approx(10.75 + edge * (105 - 21.5))


@given(LINES, st.floats(1, 12), st.sampled_from(["a6", "fit"]))
def test_ruled_rows_stand_on_the_rules(lines: list[Line], height: float, page: str) -> None:
    # Boxes that end on the base line, so that a row's lowest ink is on it.
    flat = [Line(tuple(boxes(w.text, up=2) for w in line.words)) for line in lines]
    setting = Setting(page=page, ruled=True, line_height_mm=height, wander=0, size_mm=1)
    for drawn in set_pages(flat, setting):
        levels = np.array([rule[0, 1] for rule in drawn.rules])
        assert all(rule[0, 1] == rule[1, 1] for rule in drawn.rules)
        assert np.allclose(np.diff(levels), height)
        for row in rows_of(drawn):
            assert np.abs(levels - row[:, 1].max()).min() < 1e-6


def test_a_page_is_ruled_and_gridded_to_its_margins() -> None:
    (page,) = set_pages([paragraph("a")], Setting(page=(100, 80), margin_mm=10, grid=True), [Pen(1.0)])
    ends = np.concatenate(page.rules)
    assert ends.min(axis=0).tolist() == [10.5, 10.5]
    across = [rule[0, 0] for rule in page.rules if rule[0, 0] == rule[1, 0]]
    assert np.allclose(np.diff(across), 5)
    assert len(across) == 16
    assert len(page.rules) == 16 + 12
    assert set_pages([paragraph("a")], Setting(page="a6"))[0].rules == []


def test_rows_are_a_line_apart_and_an_empty_line_takes_one() -> None:
    lines = [Line(), paragraph("a"), paragraph("b"), Line(), Line(), paragraph("c")]
    (page,) = set_pages(lines, Setting(page="a5", line_height_mm=9, wander=0))
    base = [row[:, 1].max() for row in rows_of(page)]
    assert np.diff(base) == pytest.approx([9, 27])
    (without,) = set_pages(lines[1:], Setting(page="a5", line_height_mm=9, wander=0))
    assert base[0] - rows_of(without)[0][:, 1].max() == pytest.approx(9)
    assert page.text == ("a", "b", "c")


def test_rows_move_apart_where_their_bulk_would_collide_but_not_on_rules() -> None:
    lines = [paragraph("aaa", up=2, down=1), paragraph("bbb", up=2, down=1)]
    tight = Setting(page="a6", line_height_mm=4, size_mm=2.5, wander=0)
    above, below = rows_of(set_pages(lines, tight)[0])
    assert below[:, 1].min() >= above[:, 1].max() - 1e-9
    above, below = rows_of(set_pages(lines, replace(tight, ruled=True))[0])
    assert below[:, 1].max() - above[:, 1].max() == pytest.approx(4)
    # One deep loop in a row of small letters is none of the bulk.
    first = Line((*paragraph("abcdefghijklmnopqrstuv").words, boxes("y", down=1.4)))
    above, below = rows_of(set_pages([first, paragraph("abcdefgh")], replace(tight, page="fit"))[0])
    assert below[:, 1].max() - (above[:, 1].max() - 1.4 * 2.5) == pytest.approx(4)


def test_a_full_page_is_followed_by_another_without_its_empty_lines() -> None:
    setting = Setting(page=(50, 40), margin_mm=5, line_height_mm=10, size_mm=2, wander=0)
    row = paragraph("a")
    pages = set_pages([row, row, row, Line(), Line(), row, row], setting)
    assert [page.text for page in pages] == [("a",) * 3, ("a",) * 2]
    first, last = (rows_of(page)[0] for page in pages)
    assert np.allclose(first, last)  # pages begin alike
    assert set_pages([row] * 7, setting)[2].text == ("a",)


def test_slope_climbs_and_rows_stay_parallel() -> None:
    setting = Setting(page="a5", slope=2.0, wander=0)
    for row in rows_of(set_pages([paragraph("words " * 30)], setting)[0]):
        corners = row[2::5]  # a box's third point is its lower right corner
        assert np.polyfit(*corners.T, 1)[0] == pytest.approx(-np.tan(np.radians(2.0)))


def test_wander_is_small_slow_and_seeded() -> None:
    lines = [paragraph("several words in a row " * 8)]
    setting = Setting(page="a4")
    one, again, other = (set_pages(lines, setting, seed=seed)[0] for seed in (1, 1, 2))
    assert all(map(np.array_equal, one.strokes, again.strokes))
    assert not all(map(np.array_equal, one.strokes, other.strokes))
    for row in rows_of(one):
        base = row[2::5]
        off = base[:, 1] - np.median(base[:, 1])
        assert 0 < np.abs(off).max() <= 2 * 0.25 * 2.5
        assert np.abs(np.diff(off) / np.diff(base[:, 0])).max() < 0.06
    still = [set_pages(lines, replace(setting, wander=0), seed=seed)[0] for seed in (1, 2)]
    assert all(map(np.array_equal, still[0].strokes, still[1].strokes))
    base = rows_of(still[0])[0][2::5, 1]
    assert np.ptp(base) == pytest.approx(0, abs=1e-9)


def test_without_words_there_is_a_page() -> None:
    assert [page.text for page in set_pages([], Setting(page="a4"))] == [()]
    (page,) = set_pages([Line(), Line()], Setting(margin_mm=2), [Pen(1.0)])
    assert (page.width_mm, page.height_mm) == pytest.approx((5.01, 5.0))
    (page,) = set_pages([Line((Word("?", Ink.from_strokes([])), boxes("a")))])
    assert page.text == ("? a",)
    assert len(page.strokes) == 1


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ("fit", None),
        ("A4", (210, 297)),
        ("letter", (215.9, 279.4)),
        ("a5", (148, 210)),
        (" a6 ", (105, 148)),
        ("210x297", (210, 297)),
        ("99.5 x 20 mm", (99.5, 20)),
        ("10mm×20mm", (10, 20)),
        ((30, 40.5), (30, 40.5)),
    ],
)
def test_a_page_is_named_or_measured(
    given: str | tuple[float, float], size: tuple[float, float] | None
) -> None:
    assert page_size(given) == size
    assert Setting(page=given).paper == size


@given(st.text(max_size=12) | st.tuples(st.floats(), st.floats()))
def test_what_is_no_page_is_refused(given: str | tuple[float, float]) -> None:
    try:
        size = page_size(given)
    except InputError:
        return
    assert size is None or all(1 <= side <= 10_000 for side in size)


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": "a9"}, {"page": "0x10"}, {"page": (10.0, INF)}, {"page": (1.0, 2.0, 3.0)}, {"page": "-5x10"},
        {"width_mm": 0.0}, {"width_mm": NAN}, {"line_height_mm": 0.0}, {"line_height_mm": INF},
        {"size_mm": 0.0}, {"size_mm": -1.0}, {"size_mm": NAN},
        {"margin_mm": -1.0}, {"margin_mm": NAN}, {"margin_mm": (1.0, 2.0, 3.0)}, {"margin_mm": (1.0, INF)},
        {"align": "middle"}, {"slope": 21.0}, {"slope": NAN}, {"wander": -0.1}, {"wander": NAN},
    ],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Setting(**wrong)


@pytest.mark.parametrize(
    ("lines", "setting", "says"),
    [
        ([], Setting(page=(30, 30), margin_mm=13), "no room for a letter"),
        ([], Setting(page=(100, 30), margin_mm=11.5), "no room for a letter"),
        ([], Setting(page=(200, 80), margin_mm=5, slope=20), "no room for a letter"),
        ([], Setting(page=(20, 20), margin_mm=15), "no room for a letter"),
        ([], Setting(page="a4", width_mm=200), "200 mm wide"),
        ([], Setting(width_mm=4), "no room for a letter"),
        ([paragraph("a", pen=2)], Setting(), "no pen 2"),
        ([paragraph("a", wide=1e300)], Setting(), "a kilometre"),
        ([paragraph("a", up=1e7)], Setting(), "a kilometre"),
        ([paragraph("a a", gap=1e300)], Setting(), "a gap"),
        ([paragraph("a a", gap=NAN)], Setting(), "a gap"),
        ([paragraph("a " * 9, wide=2e5)], Setting(), "a kilometre"),
    ],
)
def test_what_cannot_be_set_is_told(lines: list[Line], setting: Setting, says: str) -> None:
    with pytest.raises(InputError, match=says):
        set_pages(lines, setting, PENS)


@pytest.mark.parametrize("width", [0.0, -1.0, NAN, INF])
def test_a_pen_has_a_width(width: float) -> None:
    with pytest.raises(InputError):
        set_pages([paragraph("a")], pens=[Pen(width)])


def test_margins_are_one_two_or_four() -> None:
    assert Setting(margin_mm=3).margins == (3, 3, 3, 3)
    assert Setting(margin_mm=(3, 4)).margins == (3, 4, 3, 4)
    assert Setting(margin_mm=[1, 2, 3, 4]).margins == (1, 2, 3, 4)
    assert Setting().margins == (8, 8, 8, 8)
    assert Setting(page="a4").margins == (20, 20, 20, 20)
    assert Setting(page="a6").margins == (10.5, 10.5, 10.5, 10.5)


COORDINATES = st.floats(-1e4, 1e4, allow_nan=False)
STROKES = st.lists(
    st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=12).map(np.array), min_size=1, max_size=5
)


def ink(*strokes: list[tuple[float, float]]) -> Ink:
    return Ink.from_strokes([np.array(stroke, float) for stroke in strokes])


def test_unit_by_hand() -> None:
    # Heights 0, 1, 2, 10, 3: median 2, distances 2, 1, 0, 8, 1, their median 1.
    assert unit_of(ink([(0, 0), (1, 1), (2, 2), (3, 10), (4, 3)])) == 1.0


@pytest.mark.parametrize(
    ("what", "unit"),
    [
        (Ink.from_strokes([]), 1.0),
        (ink([(5, 5)]), 1.0),
        (ink([(5, 5), (5, 5)], [(5, 5)]), 1.0),
        (ink([(0, 7), (30, 7)]), 30.0),
        (ink([(0, 7), (30, 7.001)]), 30.0),
        (ink([(0, 7), (0, 17)]), 5.0),
    ],
)
def test_unit_is_never_nothing(what: Ink, unit: float) -> None:
    assert unit_of(what) == unit


def test_a_known_line_has_known_places() -> None:
    # Half as large; 8 mm of margin and 0.25 of pen; the dot's 0.01 mm on the right.
    page = lay_out([ink([(10, 20), (14, 26)], [(12, 23)])], unit=2, pen=Pen(0.5))
    assert [stroke.tolist() for stroke in page.strokes] == [[[8.25, 8.25], [10.25, 11.25]], [[9.25, 9.75]]]
    assert (page.width_mm, page.height_mm) == pytest.approx((18.51, 19.5))


def test_rows_are_a_leading_apart_and_empty_lines_take_one() -> None:
    word = ink([(3, 0), (4, 2), (5, 1)])
    first, last = lay_out([word, None, Ink.from_strokes([]), word], unit=1).strokes
    assert np.allclose(last - first, [0, 30])


def test_left_edges_are_aligned_and_middles_stand_on_the_row() -> None:
    low = ink([(0, 0), (1, 2), (2, 0), (3, 40)])  # a descender; the median is 1
    high = ink([(100, 7), (101, 5), (102, 7), (103, -30)])  # a riser; the median is 6
    page = lay_out([low, high], unit=10)
    assert page.strokes[0][:, 0].min() == page.strokes[1][:, 0].min()
    rows = [np.median(stroke[:, 1]) for stroke in page.strokes]
    assert rows[1] - rows[0] == pytest.approx(10)


def test_lines_that_would_overlap_move_apart() -> None:
    slope = ink([(x, 2 * x) for x in range(100)])
    page = lay_out([slope, slope], unit=1)
    assert np.quantile(page.strokes[0][:, 1], 0.97) <= np.quantile(page.strokes[1][:, 1], 0.03) + 1e-9


def test_each_line_has_its_own_size() -> None:
    small, large = ink([(0, 0), (1, 2), (2, 1)]), ink([(0, 0), (100, 200), (200, 100)])
    one, other = lay_out([small, large]).strokes
    assert np.allclose(np.diff(one, axis=0), np.diff(other, axis=0))


@given(st.lists(st.none() | STROKES.map(Ink.from_strokes), max_size=4), st.floats(0.1, 5))
def test_the_page_is_just_as_large_as_the_ink_needs(inks: list[Ink | None], pen: float) -> None:
    page = lay_out(inks, pen=Pen(pen))
    assert len(page.strokes) == sum(len(i.lengths) for i in inks if i is not None)
    if page.strokes:
        points = np.concatenate(page.strokes)
        edge = 8 + pen / 2
        assert np.allclose(points.min(axis=0), edge)
        assert np.allclose(points.max(axis=0), [page.width_mm - edge - 0.01, page.height_mm - edge])
    else:
        assert page.width_mm >= pen
        assert page.height_mm >= pen


@pytest.mark.parametrize("extent", [1e300, 1.7e308])
def test_ink_without_end_is_refused(extent: float) -> None:
    with pytest.raises(InputError):
        lay_out([ink([(-extent, 0), (extent, 0), (0, 1)])], unit=1)
    lay_out([None])


@pytest.mark.parametrize("unit", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_unit_is_positive(unit: float) -> None:
    with pytest.raises(InputError):
        lay_out([ink([(0, 0), (1, 1)])], unit=unit)


@pytest.mark.parametrize("ruled", [False, True])
def test_empty_lines_at_the_start_leave_no_page_blank(ruled: bool) -> None:
    setting = Setting(page="a6", ruled=ruled, wander=0)
    pages = set_pages([Line()] * 500 + [paragraph("at last")] * 2, setting)
    assert [page.text for page in pages] == [("at last",), ("at last",)]
    (first,) = rows_of(pages[0])
    assert 148 - 10.5 - setting.leading < first[:, 1].max() <= 148 - 10.5 + 1e-6  # as far down as it goes
