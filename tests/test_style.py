"""Styles: a hand by its name, by chance, or from a file of ink."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from handmade import zigzags
from hypothesis import given
from hypothesis import strategies as st
from test_generate import tiny

from hwkit import style
from hwkit.errors import InputError
from hwkit.generate.hand import Hand, write_hands
from hwkit.generate.sampler import Writer
from hwkit.ink import Ink
from hwkit.layout import Page
from hwkit.preprocess import unit
from hwkit.render.inkml import inkml
from hwkit.render.jsonl import jsonl
from hwkit.render.svg import svg

TEXT = "abc cab"


@pytest.fixture(scope="module")
def writer(tmp_path_factory: pytest.TempPathFactory) -> Writer:
    return Writer.open(tiny(tmp_path_factory.mktemp("model")))


def strokes() -> list[np.ndarray]:
    """Ink in mm, in whole micrometres, on a page of 60 by 30."""
    ink, _ = zigzags(TEXT, height=3.0, base=15.0, slant=0.2)
    return [np.round(stroke + np.array([5.0, 0.0]), 3) for stroke in ink.strokes()]


def page(text: str = TEXT) -> Page:
    own = strokes()
    return Page(60.0, 30.0, own, of_pen=(0,) * len(own), text=(text,), lines=(0,) * len(own))


def drawing(own: list[np.ndarray], **more: object) -> bytes:
    return json.dumps({"strokes": [stroke.tolist() for stroke in own], **more}).encode()


def files(folder: Path) -> dict[str, Path]:
    contents = {
        "ink.json": drawing(strokes(), text=TEXT),
        "ink.jsonl": jsonl([page()]),
        "ink.inkml": inkml(page()),
        "polyline.svg": svg(page(), polyline=True),
        "UPPER.JSON": drawing(strokes(), text="  abc \n cab "),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: folder / name for name in contents}


def near(one: Hand, other: Hand) -> bool:
    parts = ("hidden", "cell", "window", "kappa", "x")
    return one.text == other.text and all(
        np.allclose(getattr(one, part), getattr(other, part), atol=2e-3) for part in parts
    )


def test_the_same_ink_is_the_same_hand_in_every_format(writer: Writer, tmp_path: Path) -> None:
    first, *others = (style.hand(writer, None, str(file), 0, TEXT) for file in files(tmp_path).values())
    assert first is not None
    for hand in others:
        assert hand is not None
        assert near(first, hand)
    other = [stroke * (1.0, 1.4) for stroke in strokes()]
    (tmp_path / "other.json").write_bytes(drawing(other, text=TEXT))
    another = style.hand(writer, None, str(tmp_path / "other.json"), 0)
    assert another is not None
    assert not near(first, another)


def test_a_file_says_what_its_ink_says_but_one_may_say_otherwise(writer: Writer, tmp_path: Path) -> None:
    for name, file in files(tmp_path).items():
        _, said = style.read_ink(file)
        assert said is None if name.endswith(".svg") else " ".join((said or "").split()) == TEXT
    ink = str(tmp_path / "ink.json")
    hand, asked = style.hand(writer, None, ink, 0), style.hand(writer, None, ink, 0, "cab  abc")
    assert hand is not None
    assert asked is not None
    assert (hand.text, asked.text) == (TEXT, "cab abc")


def test_strokes_come_back_as_they_were(tmp_path: Path) -> None:
    for file in files(tmp_path).values():
        read, _ = style.read_ink(file)
        assert [len(stroke) for stroke in read] == [len(stroke) for stroke in strokes()]
        for one, other in zip(read, strokes(), strict=True):
            pixels = 96 / 25.4 if file.suffix == ".svg" else 1.0
            np.testing.assert_allclose(one, other * pixels, atol=0.01)


GOOD = [[[0, 0], [1, 1], [2, 0], [3, 1], [4, 0], [5, 1], [6, 0], [7, 1]]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", {"strokes": GOOD}, "--style-text"),
        ("a.json", {"strokes": GOOD, "text": "  "}, "does not say"),
        ("a.json", {"strokes": GOOD, "text": "abé"}, "é"),
        ("a.json", {"strokes": GOOD, "text": "abcab"}, "8 points for 5 characters"),
        ("a.json", {"strokes": [], "text": "ab"}, "no ink"),
        ("a.json", {"strokes": [[]], "text": "ab"}, "no ink"),
        ("a.json", {"strokes": [[[0]]], "text": "ab"}, "no drawing"),
        ("a.json", {"strokes": [[[0, "1"]]], "text": "ab"}, "no drawing"),
        ("a.json", {"text": "ab"}, "no drawing"),
        ("a.json", [1], "no drawing"),
        ("a.json", b'{"strokes": [[[NaN, 1]]], "text": "ab"}', "no drawing"),
        ("a.json", b'{"strokes": [[[1e999, 1], [1, 1]]], "text": "ab"}', "no drawing"),
        ("a.json", b"[" * 100_000, "no drawing"),
        ("a.json", b"\xff\xfe", "no drawing"),
        ("a.json", b"", "no drawing"),
        ("a.jsonl", b'{"format": "hwkit-page"}', "line 1"),
        ("a.svg", b"<svg", "a.svg"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"/>', "a.svg"),
        ("a.inkml", b"<ink/>", "no ink"),
        ("a.inkml", b"", "a.inkml"),
        ("a.inkml", b"<ink><trace>nan 1, 2 2</trace></ink>", "no point"),
        ("folder.json", None, "cannot be read"),
        ("x/a.png", {"strokes": GOOD}, "cannot be read|unknown format"),
    ],
)
def test_ink_that_cannot_prime_is_refused_in_one_line(
    writer: Writer, tmp_path: Path, name: str, content: object, words: str
) -> None:
    file = tmp_path / name
    if content is None:
        file.mkdir()
    elif file.parent.is_dir():
        file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(InputError, match=words) as caught:
        style.hand(writer, None, str(file), 0)
    assert len(str(caught.value).splitlines()) == 1


def test_a_file_of_another_kind_is_refused(tmp_path: Path, writer: Writer) -> None:
    (tmp_path / "ink.txt").write_text("ink")
    with pytest.raises(InputError, match="unknown format"):
        style.hand(writer, None, str(tmp_path / "ink.txt"), 0)  # a path, not a hand's name
    prediction = Writer.open(tiny(tmp_path, "prediction"))
    file = files(tmp_path)["ink.json"]
    with pytest.raises(InputError, match="prediction"):
        style.hand(prediction, None, str(file), 0)


def test_names_are_of_the_models_folder(writer: Writer, tmp_path: Path) -> None:
    hands = {name: Hand.made(writer, "ab", (n,)) for n, name in enumerate(("ash", "elm", "oak"))}
    write_hands(tmp_path, hands)
    for name, own in hands.items():
        found = style.hand(writer, tmp_path, name, 0)
        assert found is not None
        assert near(found, own)
    with pytest.raises(InputError, match="ash, elm, oak, random"):
        style.hand(writer, tmp_path, "fir", 0)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="the model has none"):
        style.hand(writer, tmp_path / "none", "ash", 0)
    assert style.hand(writer, tmp_path / "none", "random", 0) is None
    assert style.hand(writer, None, None, 0) is None


def test_a_random_hand_hangs_on_the_seed(writer: Writer, tmp_path: Path) -> None:
    write_hands(tmp_path, {name: Hand.made(writer, "ab", (n,)) for n, name in enumerate(("ash", "elm", "oak"))})

    def chosen(how: str | None, seed: int) -> bytes:
        found = style.hand(writer, tmp_path, how, seed)
        assert found is not None
        return found.to_bytes()

    of_seeds = [chosen(None, seed) for seed in range(20)]
    assert of_seeds == [chosen("random", seed) for seed in range(20)]
    assert len(set(of_seeds)) == 3
    with pytest.raises(InputError, match="seed"):
        style.hand(writer, tmp_path, "random", -1)


@given(st.integers(1, 60), st.floats(0.01, 20.0))
def test_a_respaced_stroke_keeps_its_ends_and_its_way(count: int, share: float) -> None:
    random = np.random.default_rng(count)
    stroke = np.cumsum(random.normal(0, 1, (count, 2)), axis=0)
    new = style.respaced(stroke, share)
    assert len(new) == max(round(count * share), min(count, 2))
    np.testing.assert_allclose(new[0], stroke[0])
    if len(new) > 1:
        np.testing.assert_allclose(new[-1], stroke[-1])
    assert (new.min(axis=0) >= stroke.min(axis=0) - 1e-9).all()
    assert (new.max(axis=0) <= stroke.max(axis=0) + 1e-9).all()
    np.testing.assert_allclose(style.respaced(stroke, 1.0), stroke)


def test_a_straight_stroke_is_respaced_evenly() -> None:
    stroke = np.column_stack([np.arange(5.0), 2 * np.arange(5.0)])
    new = style.respaced(stroke, 2.0)
    np.testing.assert_allclose(new[:, 0], np.linspace(0, 4, 10))
    np.testing.assert_allclose(new[:, 1], 2 * new[:, 0])


@given(st.floats(1e-3, 1e4), st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_ink_of_any_size_and_place_becomes_the_models(writer, size: float, dx: float, dy: float) -> None:
    ink, _ = zigzags("abc cab" * 3)
    one = style.scaled(ink, writer)
    other = style.scaled(Ink(ink.points * size + (dx * size, dy * size), ink.lengths), writer)
    assert one.lengths.tolist() == other.lengths.tolist()
    np.testing.assert_allclose(other.offsets(), one.offsets(), atol=1e-3 * np.abs(one.offsets()).max())
    assert unit(one) == pytest.approx(writer.config.statistics.unit, rel=0.05)


def test_ink_has_as_many_points_a_character_as_the_model_learned(
    writer: Writer, tmp_path: Path, monkeypatch
) -> None:
    """However densely it was recorded, and of the same size."""
    seen: list[np.ndarray] = []
    monkeypatch.setattr(Hand, "prime", classmethod(lambda cls, writer, offsets, text: seen.append(offsets)))
    for times in (8, 20, 50):
        dense = [style.respaced(stroke, times) for stroke in strokes()]
        file = tmp_path / "ink.json"
        file.write_bytes(drawing(dense, text=TEXT))
        style.of_ink(writer, file)
    wanted = writer.config.statistics.points_per_character * len(TEXT)
    assert [len(offsets) for offsets in seen] == pytest.approx([wanted] * 3, abs=len(strokes()))
    assert [offsets[:, 2].sum() for offsets in seen] == [len(strokes())] * 3
    np.testing.assert_allclose(seen[0].sum(axis=0), seen[2].sum(axis=0), rtol=0.1, atol=0.05)
