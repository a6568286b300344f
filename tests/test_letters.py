"""Letters cut out of words: where a reader is sure of both parts, and nowhere else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from hwkit.evaluate.letters import CROSSED, STROKES, SURE, letters
from hwkit.ink import Ink, Sample
from hwkit.vocabulary import Vocabulary

WIDTH = {c: 1.0 + n / 100 for n, c in enumerate("ABCHTabcehot12.,")}  # of a stroke, by which it is read


class ByWidth:
    """Reads a stroke as the character of its width, whatever its case; what it reads otherwise costs 9 nats."""

    vocabulary = Vocabulary(characters="".join(WIDTH))

    def __init__(self, small: str = "") -> None:
        self.small = small  # capitals that it takes for small letters
        self.read = 0

    def judge(self, inks: list[Ink], texts: list[str]) -> list[SimpleNamespace]:
        self.read += len(inks)
        return [SimpleNamespace(nats=self.cost(ink, text)) for ink, text in zip(inks, texts, strict=True)]

    def cost(self, ink: Ink, text: str) -> float:
        widths = [round(float(np.ptp(stroke[:, 0])), 4) for stroke in ink.strokes()]
        seen = "".join(c for w in widths for c, known in WIDTH.items() if round(known, 4) == w)
        seen = "".join(c.lower() if c in self.small else c for c in seen)
        return 0.1 * len(text) if seen == text else 9.0


def word(text: str, *, gap: float = 0.5, id: str = "a01-000u-01/3") -> Sample:
    """A stroke a character, side by side."""
    strokes, x = [], 0.0
    for c in text:
        height = 0.5 if c in ".," else 3.0
        strokes.append(np.array([[x, 0.0], [x + WIDTH[c], -height]]))
        x += WIDTH[c] + gap
    return Sample(id, Ink.from_strokes(strokes), text, form="a01-000u", split="train", scale=2.0)


def found(*words: Sample, reader: ByWidth | None = None) -> dict[str, str]:
    return {one.id: one.text or "" for one in letters(reader or ByWidth(), list(words))}


def test_a_capital_is_cut_off_and_keeps_its_place() -> None:
    whole = word("The".replace("h", "c"))
    (one,) = letters(ByWidth(), [whole])
    assert (one.id, one.text) == ("a01-000u-01/3:1", "T")
    assert (one.form, one.split, one.scale) == (whole.form, whole.split, whole.scale)
    np.testing.assert_array_equal(one.ink.points, whole.ink.points[:2])


def test_all_letters_of_a_shout_and_all_digits() -> None:
    assert found(word("BATH")) == {f"a01-000u-01/3:{n}": c for n, c in enumerate("BATH", 1)}
    assert found(word("121")) == {f"a01-000u-01/3:{n}": c for n, c in enumerate("121", 1)}


def test_a_small_letter_is_left_in_its_word() -> None:
    assert found(word("cat".replace("t", "b"))) == {}
    assert list(found(word("Bath"))) == ["a01-000u-01/3:1"]


def test_what_the_reader_takes_for_something_else_is_left_alone() -> None:
    strange = word("Tee")
    assert found(Sample(strange.id, strange.ink, "Bee", split="train")) == {}
    assert found(Sample(strange.id, strange.ink, "Tea", split="train")) == {}  # the rest is not what it says


def test_alone_a_capital_may_be_read_as_the_small_letter_of_its_shape() -> None:
    assert list(found(word("Cob".replace("b", "e")), reader=ByWidth(small="C")).values()) == ["C"]


def test_a_letter_that_a_later_stroke_covers_is_left_alone() -> None:
    assert list(found(word("Te", gap=-0.9 * CROSSED)).values()) == ["T"]
    assert found(word("Te", gap=-1.5 * CROSSED)) == {}


def test_a_letter_has_few_strokes() -> None:
    points = np.array([[0.0, 0.0], [WIDTH["T"], -3.0]])
    many = Ink.from_strokes([points] * (STROKES + 1))
    reader = ByWidth()
    assert found(Sample("x/1", many, "T"), reader=reader) == {}
    assert reader.read == 0


@pytest.mark.parametrize(("text", "mark"), [("to.", "."), ("to,", ","), ("to", None)])
def test_a_mark_at_the_end_is_cut_off_by_its_size(text: str, mark: str | None) -> None:
    whole = word(text)
    seen = found(whole)
    assert seen == ({f"{whole.id}:3": mark} if mark else {})


def test_a_large_stroke_at_the_end_is_no_mark() -> None:
    strokes = list(word("to.").ink.strokes())
    strokes[-1] = strokes[-1] * [1.0, 8.0]
    assert found(Sample("x/1", Ink.from_strokes(strokes), "to.")) == {}


def test_the_reader_has_to_be_sure() -> None:
    class Unsure(ByWidth):
        def cost(self, ink: Ink, text: str) -> float:
            return super().cost(ink, text) + SURE

    assert found(word("Tee"), reader=Unsure()) == {}
