"""Letters: what the model writes and what the alphabet draws come together on pages."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from handmade import ADVANCE, HandmadeWriter
from hypothesis import given, settings
from hypothesis import strategies as st
from test_generate import tiny

from hwkit import alphabet, pretrained
from hwkit.errors import InputError, VocabularyError
from hwkit.generate.hand import Hand
from hwkit.generate.sampler import Writer
from hwkit.layout import Pen, Setting
from hwkit.letter import LONGEST, Letter, Order, in_short_parts, words_of_lines, write_letters
from hwkit.text import plan

SMALL = " abcdefghijklmnopqrstuvwxyz"
STILL = Setting(wander=0.0, size_mm=2.5)


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Writer:
    """An untrained model that knows a, b, c and the space."""
    return Writer.open(tiny(tmp_path_factory.mktemp("model")))


def letter_of(writer, text, **options) -> Letter:
    return write_letters(writer, [Order(text=text, **{"setting": STILL} | options)])[0]


def boxes(letter: Letter) -> np.ndarray:
    """(s, 4) of the strokes of the first page: left, top, right, bottom in mm."""
    return np.array([[*s.min(axis=0), *s.max(axis=0)] for s in letter.pages[0].strokes])


def same(one: Letter, other: Letter) -> bool:
    return (
        [stroke.tobytes() for stroke in one.strokes] == [stroke.tobytes() for stroke in other.strokes]
        and [page.lines for page in one.pages] == [page.lines for page in other.pages]
        and (one.seed, one.unwritten) == (other.seed, other.unwritten)
    )


def test_a_letter_is_the_same_bytes_alone_and_among_others(writer: Writer) -> None:
    paper = Setting(page="100x80")
    offsets = np.array([[0.0, 0, 0], [1, 2, 0], [3, -4, 1], [2, 1, 0], [0, 3, 0], [1, -1, 1]])
    hand = Hand.prime(writer, offsets, "ab")
    orders = [
        Order(text="abc cab", seed=1),
        Order(text="abc cab", seed=2),
        Order(text="a & b\n\nc@b", seed=1, setting=paper),
        Order(text="ca\nba", seed=1, hands=(hand, None), biases=(0.0, 3.0)),
        Order(text="b" * 12, seed=9),
    ]
    together = write_letters(writer, orders)
    for order, letter in zip(orders, together, strict=True):
        assert same(letter, write_letters(writer, [order])[0])
    for letter, again in zip(together, reversed(write_letters(writer, orders[::-1])), strict=True):
        assert same(letter, again)
    assert not same(together[0], together[1])


@pytest.mark.parametrize(
    ("text", "glyphs"),
    [("user@example.com", "@."), ("[ab]", "[]"), ("5oo%", "5%"), ("ab_cd{ef}", "_{}"), ("xo+yo=z", None)],
)
def test_what_the_model_lacks_stands_where_it_belongs(text: str, glyphs: str | None) -> None:
    writer = HandmadeWriter(SMALL.replace("z", "Z") if glyphs else SMALL.replace("z", ""))
    letter = letter_of(writer, text)
    seen = boxes(letter)
    glyphs = glyphs or "+=z"
    at, before = 0, -np.inf
    for c in text:
        count = len(alphabet.glyph(c)) if c in glyphs else 1
        own = seen[at : at + count]
        assert own[:, 0].min() > before, f"{c!r} begins left of what stands before it"
        assert own[:, 0].min() - before < 3.0 or at == 0, f"{c!r} stands apart from what is before it"
        before, at = own[:, 2].max(), at + count
    assert at == len(seen)
    asked = "".join(request.text for request in writer.asked).replace(" ", "")
    assert asked == "".join(c for c in text if c not in glyphs)


def test_glyphs_have_the_lines_size_and_slant() -> None:
    upright, leaning = (
        letter_of(HandmadeWriter(SMALL, slant=slant), "mum| mum", seed=4).pages[0].strokes[3]
        for slant in (0.0, 0.4)
    )
    assert np.ptp(upright[:, 0]) < 0.2 * np.ptp(upright[:, 1])
    (x0, x1), (y0, y1) = leaning[[0, -1]].T
    assert (x1 - x0) / (y0 - y1) == pytest.approx(0.4, abs=0.15)
    letter = letter_of(HandmadeWriter(SMALL), "aaaaa5")
    seen = boxes(letter)
    assert (seen[0, 3] - seen[0, 1]) == pytest.approx(2.5, rel=0.03)  # an x-height
    assert seen[5:, 3].max() == pytest.approx(seen[0, 3], abs=0.5)  # both on one base line
    assert 1.3 < (seen[5:, 3].max() - seen[5:, 1].min()) / 2.5 < 2.3


@pytest.mark.parametrize(
    ("text", "place", "above"),
    [("née", 1, True), ("señora", 2, True), ("çave", 0, False), ("Ärmel", 0, True), ("noël", 2, True)],
)
def test_accents_stand_at_their_letters(text: str, place: int, above: bool) -> None:
    """Over (or under) the box of the letter that they belong to, after their word's letters."""
    seen = boxes(letter_of(HandmadeWriter(SMALL + "A"), text))
    (left, top, right, bottom), marks = seen[place], seen[len(text) :]
    assert len(marks)
    middle = (marks[:, 0].min() + marks[:, 2].max()) / 2
    assert left - 0.5 < middle < right + 0.5
    if above:
        assert top - 3.0 < marks[:, 1].min()
        assert marks[:, 3].max() < top
    else:
        assert bottom - 1.0 < marks[:, 1].min()
        assert marks[:, 3].max() < bottom + 3.0


def test_words_that_cannot_be_written_are_named_and_the_rest_is_there() -> None:
    """A piece that does not end is written again word by word."""
    writer = HandmadeWriter(SMALL)
    letter = letter_of(writer, "one zoo two\n\nzo-as lazy ox")
    assert letter.unwritten == ["zoo", "zo-as", "lazy"]
    assert letter.pages[0].text == ("one two", "ox")
    assert len(letter.strokes) == len("onetwoox")
    assert [r.text for r in writer.asked] == [
        "one zoo two", "zo as lazy ox", "one", "zoo", "two", "zo", "as", "lazy", "ox",
    ]  # fmt: skip
    assert len({tuple(r.seed) for r in writer.asked}) == len(writer.asked)
    nothing = letter_of(writer, "zzz")
    assert (nothing.unwritten, nothing.strokes, len(nothing.pages)) == (["zzz"], [], 1)


def test_hands_biases_and_pens_may_differ_by_line() -> None:
    writer = HandmadeWriter(SMALL)
    hands = [SimpleNamespace(check=lambda writer: None) for _ in range(2)]
    pens = (Pen(0.5, "#ff0000"), Pen(0.3, "#0000ff"))
    letter = letter_of(writer, "aa\nbb\n\ncc", hands=tuple(hands), biases=(0.5, None, 2.0), pens=pens, seed=5)
    by_text = {r.text: r for r in writer.asked}
    assert [by_text[text].hand for text in ("aa", "bb", "cc")] == [hands[0], hands[1], hands[1]]
    assert [by_text[text].bias for text in ("aa", "bb", "cc")] == [0.5, None, 2.0]
    assert all(r.seed[0] == 5 for r in writer.asked)
    page = letter.pages[0]
    assert page.pens == pens
    assert page.of_pen == (0, 0, 1, 1, 1, 1)
    assert page.text == ("aa", "bb", "cc")
    one = letter_of(writer, "aa\nbb", biases=(1.5,), pens=(pens[1],))
    assert {r.bias for r in writer.asked[-2:]} == {1.5}
    assert one.pages[0].of_pen == (0,) * 4


@pytest.mark.parametrize(("larger", "even"), [(1.4, True), (0.7, True), (4.0, False)])
def test_a_hand_has_one_size(larger: float, even: bool) -> None:
    """A line that came out larger is made as large as the others, but nothing is blown up."""
    writer = HandmadeWriter(SMALL, height_of=lambda request: 2.0 * (larger if "q" in request.text else 1.0))
    letter = letter_of(writer, "many more\nsame more\nqua qua qua")
    heights = np.ptp(np.array(boxes(letter))[:, [1, 3]], axis=1)
    assert heights[:16] == pytest.approx(2.5, rel=0.01)
    assert (heights[16:] == pytest.approx(2.5, rel=0.05)) is even


def test_words_stand_as_far_apart_as_they_were_written() -> None:
    seen = boxes(letter_of(HandmadeWriter(SMALL), "no on no"))
    room = seen[1:, 0] - seen[:-1, 2]
    assert room[[0, 2, 4]] == pytest.approx((ADVANCE - 1) * 2.5)
    assert room[[1, 3]] == pytest.approx((2 * ADVANCE - 1) * 2.5)
    assert (np.diff(seen[:, 0]) > 0).all()


def test_a_long_line_is_written_in_pieces_and_stays_one_line() -> None:
    writer = HandmadeWriter(SMALL)
    text = " ".join(["some", "words", "again"] * 12)
    letter = letter_of(writer, text)
    assert letter.pages[0].text == (text,)
    assert len(writer.asked) == -(-len(text) // LONGEST)
    assert all(len(r.text) <= LONGEST for r in writer.asked)
    assert " ".join(r.text for r in writer.asked) == text
    assert len({tuple(r.seed) for r in writer.asked}) == len(writer.asked)


def test_words_may_be_broken_between_letters_not_near_their_ends() -> None:
    (((line,), *_),) = words_of_lines(HandmadeWriter(SMALL), [Order(text="abcdefg ab")])
    long, short = line.words
    assert [character for _, character in long.breaks] == [2, 3, 4, 5]
    assert all(stroke == character for stroke, character in long.breaks)
    assert short.breaks == ()
    letter = letter_of(HandmadeWriter(SMALL), "abcdefghi", setting=Setting(width_mm=20, wander=0))
    assert "".join(row.rstrip("-") for row in letter.pages[0].text) == "abcdefghi"
    assert len(letter.pages[0].text) > 1
    assert max(page_box[2] for page_box in boxes(letter)) - min(b[0] for b in boxes(letter)) <= 20


def test_what_cannot_be_is_refused_before_any_work() -> None:
    def foreign(writer):
        raise InputError("the hand is another model's")

    faults = [
        ("a", {"seed": -1}, "seed"),
        ("a", {"biases": (0.5, float("nan"))}, "bias"),
        ("a", {"biases": (-1.0,)}, "bias"),
        ("a", {"hands": (None, SimpleNamespace(check=foreign))}, "another model"),
        ("a", {"setting": Setting(page="10x10")}, "no room"),
        ("", {}, "no text"),
        (" \n\t\n", {}, "no text"),
        ("\u200b", {}, "no text"),
        ("a\nb\u4e2d", {}, "line 2, character 2"),
        ("🙂", {"unknown": "skip"}, "no text"),
        ("a", {"unknown": "drop"}, "drop"),
    ]
    for text, options, words in faults:
        writer = HandmadeWriter(SMALL)
        with pytest.raises(InputError, match=words):
            write_letters(writer, [Order(text="fine"), Order(text=text, **options)])
        assert writer.asked == [], (text, options)


def test_a_prediction_network_writes_no_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prediction"):
        letter_of(Writer.open(tiny(tmp_path, "prediction")), "a")


def test_unknown_characters_are_skipped_or_replaced() -> None:
    writer = HandmadeWriter(SMALL)
    with pytest.raises(VocabularyError, match="U\\+4E2D"):
        letter_of(writer, "ab中d")
    skipped, replaced = (letter_of(writer, "ab中d", unknown=how) for how in ("skip", "replace"))
    assert skipped.pages[0].text == ("abd",)
    assert replaced.pages[0].text == ("ab?d",)
    assert len(replaced.strokes) == len(skipped.strokes) + len(alphabet.glyph("?"))


def assert_told(line: str, unknown: str) -> None:
    assert len(line.splitlines()) == 1
    assert unknown == "refuse" or "no text" in line, line


SETTINGS = [
    Setting(),
    Setting(page="70x50", margin_mm=5),
    Setting(page="90x60", margin_mm=(3, 9, 5, 7), slope=6, align="justify", size_mm=1.5),
    Setting(width_mm=30, align="right", wander=3.0),
]


@settings(max_examples=150)
@given(
    st.text(st.one_of(st.sampled_from("abc \n.é@ñ5"), st.characters(codec="utf-8")), max_size=30),
    st.sampled_from(["refuse", "skip", "replace"]),
    st.sampled_from(SETTINGS),
    st.floats(0.1, 2.0),
    st.integers(0, 10_000),
)
def test_any_text_is_refused_or_written_inside_the_margins(writer, text, unknown, setting, pen, seed) -> None:
    order = Order(text=text, unknown=unknown, setting=setting, pens=(Pen(pen),), seed=seed)
    try:
        (letter,) = write_letters(writer, [order])
    except InputError as error:
        assert_told(str(error), unknown)
        return
    assert letter.strokes or letter.unwritten
    top, right, bottom, left = setting.margins
    for page in letter.pages:
        for stroke in page.strokes:
            assert np.isfinite(stroke).all()
            (x0, y0), (x1, y1) = stroke.min(axis=0) - pen / 2, stroke.max(axis=0) + pen / 2
            assert left - 1e-6 <= x0
            assert x1 <= page.width_mm - right + 1e-6
            assert top - 1e-6 <= y0
            assert y1 <= page.height_mm - bottom + 1e-6
    said = " ".join(row for page in letter.pages for row in page.text)
    for word in letter.unwritten:
        assert word
    assert said or letter.unwritten


def test_every_ascii_symbol_in_a_row_is_written(writer: Writer) -> None:
    symbols = "".join(map(chr, range(33, 127)))
    letter = letter_of(writer, symbols)
    assert letter.unwritten == []
    assert letter.pages[0].text == (symbols,)


def test_an_accent_changes_nothing_else_of_the_packaged_models_ink() -> None:
    writer = Writer.open(pretrained.find(pretrained.DEFAULT))
    options = {"seed": 2, "setting": Setting(wander=0, page="a6")}
    plain, accented = (letter_of(writer, text, **options) for text in ("a@e", "a@é"))
    assert (plain.unwritten, accented.unwritten) == ([], [])
    assert (plain.pages[0].text, accented.pages[0].text) == (("a@e",), ("a@é",))
    assert len(accented.strokes) == len(plain.strokes) + 1
    for one, other in zip(plain.strokes, accented.strokes, strict=False):
        np.testing.assert_allclose(other - other[0], one - one[0], atol=1e-9)
    left, top, right, _ = boxes(plain)[-1]
    accent = boxes(accented)[-1]
    assert left - 1 < accent[[0, 2]].mean() < right + 1
    assert accent[3] < top + 0.3


def test_a_word_longer_than_a_piece_is_written_in_parts() -> None:
    ((whole,),) = plan("n" * 99 + "é" + "n" * 30 + "@nn", "ne")
    word = in_short_parts(whole)
    texts = [part.text for part in word.parts]
    assert "".join(texts) == "n" * 99 + "e" + "n" * 30 + "@nn"
    assert word.text == whole.text
    assert max(map(len, texts)) <= LONGEST
    assert [part.text for part in word.parts if part.drawn] == ["@"]
    ((place, part, name),) = ((at, part, name) for part in word.parts for at, name in part.marks)
    assert (part.text[place], name) == ("e", "acute")
    ((short,),) = plan("n" * LONGEST, "n")
    assert in_short_parts(short) is short
