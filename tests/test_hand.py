"""Hands: a network's state goes on as the ink that made it would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save
from test_generate import STATISTICS, VOCABULARY, tiny

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError, VocabularyError
from hwkit.generate.hand import FILE, KEPT, Hand, read_hands, write_hands
from hwkit.generate.sampler import Primer, Request, Writer
from hwkit.model.config import NetworkConfig

OFFSETS = np.array([[0.0, 0, 0], [1, 2, 0], [3, -4, 1], [2, 1, 0], [0, 3, 0], [1, -1, 1]])


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer.open(tiny(tmp_path))


@pytest.fixture(scope="module")
def first() -> Writer:
    """A trained model, whose window sees no further than a few characters."""
    return Writer.open(pretrained.find("first"))


@pytest.fixture(scope="module")
def made(first: Writer) -> tuple[np.ndarray, str, Hand]:
    """Ink that the model wrote, what it says, and its hand."""
    text = "the ferry left without him"
    (written,) = first.write_all([Request(text=text, seed=(3,), bias=0.5)])
    assert written.ended
    return written.ink.offsets(), text, Hand.prime(first, written.ink.offsets(), text)


def test_a_hand_writes_what_its_ink_as_primer_would(first: Writer, made: tuple[np.ndarray, str, Hand]) -> None:
    """The whole primer clamped, with both texts before the window, or a state and the new text alone."""
    offsets, text, _ = made
    clamped = first.sample("a day", (1, 0), bias=1.0, primer=Primer(offsets, text))
    whole = Hand.prime(first, offsets, text, following="a day", kept=len(text))
    hand = Hand.prime(first, offsets, text, following="a day")
    assert hand.text == text[-KEPT:]
    exact, near, nobodys = first.write_all(
        [Request(text="a day", seed=(1,), bias=1.0, hand=own, retries=0) for own in (whole, hand, None)]
    )
    assert exact.ink.points.tobytes() == clamped.ink.points.tobytes()
    # Places counted from elsewhere round otherwise, and a line carries that on.
    assert near.ink.lengths.tolist() == clamped.ink.lengths.tolist()
    np.testing.assert_allclose(near.ink.points[:8], clamped.ink.points[:8], atol=0.02)
    np.testing.assert_allclose(near.ink.points, clamped.ink.points, atol=0.05 * np.ptp(clamped.ink.points))
    assert nobodys.ink.lengths.tolist() != clamped.ink.lengths.tolist()
    assert len(near.position) == len(near.ink)


def test_positions_count_from_the_new_text(first: Writer, made: tuple[np.ndarray, str, Hand]) -> None:
    (written,) = first.write_all([Request(text="a day", seed=(1,), bias=1.0, hand=made[2])])
    assert written.ended
    assert -1.5 < written.position[0] < 1.5
    assert 4 < written.position[-1] < 5.5


def test_the_way_from_the_primers_end_is_not_part_of_the_line(writer: Writer) -> None:
    hand = Hand.prime(writer, OFFSETS, "ab")
    (written,) = writer.write_all([Request(text="c", seed=(1,), hand=hand)])
    assert written.ink.origin == (0.0, 0.0)


def test_a_hand_is_the_state_before_its_last_point(writer: Writer) -> None:
    hand = Hand.prime(writer, OFFSETS, "ab")
    state = writer.network.start(1, 3)
    state.begin(0, VOCABULARY.encode("ab ")[:3])
    for point in STATISTICS.normalise(OFFSETS)[:-1]:
        state.feed(point[None])
        writer.network.step(state)
    np.testing.assert_array_equal(hand.kappa, state.kappa[0])
    np.testing.assert_allclose(hand.cell, np.concatenate([cell[0] for cell in state.cells]), rtol=1e-3)
    np.testing.assert_allclose(hand.x, STATISTICS.normalise(OFFSETS)[-1], rtol=1e-6)
    again = writer.network.start(2, 3)
    again.begin(1, VOCABULARY.encode("ab ")[:3])
    hand.put(again, 1)
    np.testing.assert_allclose(again.seen[1, :8], state.seen[0, :8], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        again.seen[1, 12:], state.seen[0, 12:], rtol=1e-3, atol=1e-4
    )  # all but the last offset
    assert not again.seen[0, :8].any()


def test_lines_of_several_hands_are_the_same_bytes_alone_and_together(writer: Writer) -> None:
    hands = [None, Hand.prime(writer, OFFSETS, "ab"), Hand.prime(writer, OFFSETS[:4], "cab ba")]
    requests = [Request(text="abc"[: 1 + n % 3], seed=(n,), hand=hands[n % 3], retries=1) for n in range(9)]
    alone = [writer.write_all([request])[0] for request in requests]
    for one, other in zip(alone, writer.write_all(requests), strict=True):
        assert one.ink.points.tobytes() == other.ink.points.tobytes()
        assert one.position.tobytes() == other.position.tobytes()


def same(a: Hand, b: Hand) -> bool:
    parts = ("hidden", "window", "kappa", "x")
    return a.text == b.text and all((getattr(a, part) == getattr(b, part)).all() for part in parts)


def test_a_hand_in_bytes_is_the_hand(first: Writer, made: tuple[np.ndarray, str, Hand]) -> None:
    hand = made[2]
    content = hand.to_bytes()
    assert len(content) < 10_000
    again = Hand.from_bytes(content)
    assert same(hand, again)
    np.testing.assert_allclose(again.cell, hand.cell, rtol=1e-3, atol=1e-6)  # float16
    assert again.to_bytes() == content


def test_a_folder_holds_hands_by_name(writer: Writer, tmp_path: Path) -> None:
    assert read_hands(tmp_path) == {}
    hands = {name: Hand.prime(writer, OFFSETS[:n], "ab c") for n, name in ((3, "round"), (5, "steep and neat"))}
    write_hands(tmp_path, hands)
    again = read_hands(tmp_path)
    assert sorted(again) == sorted(hands)
    assert all(same(again[name], hand) for name, hand in hands.items())
    for name in ("", "a/b"):
        with pytest.raises(InputError, match="no name"):
            write_hands(tmp_path, {name: hands["round"]})


def test_what_is_no_hand_is_refused(writer: Writer, tmp_path: Path) -> None:
    good = Hand.prime(writer, OFFSETS, "ab").tensors()
    faults = [
        b"nothing",
        save({name: part for name, part in good.items() if name != "cell"}),
        save(good | {"kappa": np.array([np.nan, 1], np.float32)}),
        save(good | {"x": np.zeros(2, np.float32)}),
        save(good | {"text": np.array([-1], np.int32)}),
    ]
    for content in faults:
        with pytest.raises(ArtifactError, match="hand"):
            Hand.from_bytes(content)
    (tmp_path / FILE).write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match=FILE):
        read_hands(tmp_path)


def test_another_models_hand_is_refused(writer: Writer, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    larger = Writer.open(tiny(other, config=NetworkConfig(layers=(9, 8), mixtures=3, window=2)))
    with pytest.raises(InputError, match="another model"):
        larger.write_all([Request(text="a", seed=(0,), hand=Hand.prime(writer, OFFSETS, "ab"))])


def test_a_hand_needs_ink_and_text_that_the_model_knows(writer: Writer) -> None:
    with pytest.raises(InputError, match="no ink"):
        Hand.prime(writer, OFFSETS[:0], "ab")
    with pytest.raises(VocabularyError, match="é"):
        Hand.prime(writer, OFFSETS, "é")
    with pytest.raises(InputError, match="no text"):
        Hand.prime(writer, OFFSETS, "")


def test_a_hand_is_made_of_what_the_model_writes(first: Writer) -> None:
    (written,) = first.write_all([Request(text="a day", seed=(2,), bias=1.0)])
    hand = Hand.made(first, "a day", (2,), 1.0)
    assert same(hand, Hand.prime(first, written.ink.offsets(), "a day"))


def test_ink_that_does_not_end_makes_no_hand(writer: Writer) -> None:
    writer.network.window_bias[:] = -8.0
    with pytest.raises(InputError, match="could not be written"):
        Hand.made(writer, "abc", (2,))
