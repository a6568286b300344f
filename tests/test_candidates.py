"""Candidates: of several lines the one that reads best, and only wrong words written again."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from handmade import HandmadeWriter, letter
from test_generate import tiny

from hwkit import candidates
from hwkit.candidates import Candidate, Cut, Wish, best_of, choose, oddness, wrong
from hwkit.generate.hand import Hand
from hwkit.generate.sampler import Request, Writer, Written
from hwkit.generate.words import Hold
from hwkit.ink import Ink
from hwkit.letter import Order, write_letters
from hwkit.vocabulary import Vocabulary

LETTERS = " abcdefghijklmnopqrstuvwxy"
STEP = 2.0  # from one letter's start to the next
ALONE = 4  # numbers in the seed of a word that is written again have more
WAY = (3.0, 0.0)  # of the pen, from the word before it


def spelled(text: str) -> tuple[Ink, np.ndarray]:
    """Ink that says `text` by its strokes' widths, and the window's places."""
    strokes, position = [], []
    for place, c in enumerate(text):
        if c != " ":
            stroke = letter(1.0) * (1 + LETTERS.index(c) / 50, 2.0) + (STEP * place, 7.0)
            strokes.append(stroke)
            position.append(place + np.array([-0.5, -0.3, -0.1, 0.1, 0.9]))  # it leaves a letter early
    return Ink.from_strokes(strokes), np.concatenate(position)


def said(ink: Ink) -> str:
    """What the ink of `spelled` says, wherever its words stand and whatever its size."""
    text, right = "", None
    for drawn in ink.strokes():
        stroke = drawn * 2.0 / np.ptp(drawn[:, 1])
        left, width = stroke[0, 0], np.ptp(stroke[:, 0])
        text += " " if right is not None and left - right > STEP else ""
        text += LETTERS[round((width - 1) * 50)]
        right = left + width
    return text


class Misspeller(HandmadeWriter):
    """Writes each word right or wrong as `right(word, seed)` says; a wrong one begins with an x."""

    def __init__(self, right):
        super().__init__(LETTERS)
        self.right = right

    def _written(self, request):
        words = [w if self.right(w, tuple(request.seed)) else "x" + w[1:] for w in request.text.split(" ")]
        ink, position = spelled(" ".join(words))
        if len(request.seed) > ALONE:
            ink = Ink(ink.points - ink.points[0] + WAY, ink.lengths)
        return Written(
            ink=ink, ended=True, reason="ended", position=position, seed=tuple(request.seed), tries=1
        )


def reading(text: str, sure) -> SimpleNamespace:
    return SimpleNamespace(
        text=text, characters=[SimpleNamespace(confidence=sure(text, n)) for n in range(len(text))]
    )


class Spelling:
    """A reader of that ink: a wrong character costs 5 nats, a right one 0.1."""

    vocabulary = Vocabulary(characters=LETTERS)

    def __init__(self):
        self.seen = 0
        self.sure = lambda read, place: 1.0

    def judge(self, inks, texts):
        self.seen += len(inks)
        found = []
        for ink, text in zip(inks, texts, strict=True):
            read = said(ink)
            nats = sum(0.1 if a == b else 5.0 for a, b in zip(read, text, strict=True))
            found.append(SimpleNamespace(nats=nats, reading=reading(read, self.sure)))
        return found


@pytest.fixture
def reader(monkeypatch) -> Spelling:
    reader = Spelling()
    monkeypatch.setattr(candidates, "packaged_reader", lambda: reader)
    return reader


@pytest.fixture
def primed(monkeypatch) -> list[tuple[int, str]]:
    """What Hand.prime is asked for; it gives no hand."""
    asked = []

    def prime(writer, offsets, text, **_):
        asked.append((len(offsets), text))

    monkeypatch.setattr(Hand, "prime", prime)
    return asked


def wish(text: str, count: int, seed: int = 1) -> Wish:
    return Wish(Request(text=text, seed=(seed, 0, 0), onward=True), text.split(" "), count)


def test_the_candidate_that_reads_best_is_taken(reader, primed) -> None:
    writer = Misspeller(lambda word, seed: len(seed) > 3 and seed[3] == 902)
    (choice,) = choose(writer, [wish("one two", 4)])
    assert said(choice.best.ink) == choice.best.read == "one two"
    assert (choice.tried, choice.again, reader.seen, primed) == (4, 0, 4, [])


def test_a_single_candidate_is_not_read(reader, primed) -> None:
    (choice,) = choose(Misspeller(lambda word, seed: False), [wish("one two", 1)])
    assert said(choice.best.ink) == "xne xwo"
    assert choice.best.read is None
    assert reader.seen == 0
    assert choice.doubtful(["one", "two"]) == []


def test_what_the_reader_does_not_know_is_not_read(reader, primed) -> None:
    reader.vocabulary = Vocabulary(characters="abc ")
    (choice,) = choose(Misspeller(lambda word, seed: True), [wish("one two", 3)])
    assert choice.best.read is None
    assert reader.seen == 0


def test_only_wrong_words_are_written_again_from_where_the_pen_was(reader, primed) -> None:
    """`two` and `four` come right only when they are written alone."""
    writer = Misspeller(lambda word, seed: word in ("one", "three") or len(seed) > ALONE)
    (choice,) = choose(writer, [wish("one two three four", 2)])
    assert said(choice.best.ink) == "one two three four"
    alone = [request.text for request in writer.asked[2:]]
    assert alone == ["two", "two", "four", "four"]
    assert primed == [(15, "one"), (55, "one two three")]  # points, at five a letter, and what they say
    assert choice.again == 2
    assert choice.doubtful(["one", "two", "three", "four"]) == []


def test_a_word_written_again_leaves_the_others_as_they_are(reader, primed) -> None:
    writer = Misspeller(lambda word, seed: word != "two" or len(seed) > ALONE)
    (choice,) = choose(writer, [wish("one two ten", 2)])
    whole, _ = spelled("one xwo ten")
    ink = choice.best.ink
    np.testing.assert_array_equal(ink.points[:15], whole.points[:15])
    room = whole.points[30, 0] - whole.points[15:30, 0].max()
    assert ink.points[30, 0] - ink.points[15:30, 0].max() == pytest.approx(room)
    np.testing.assert_allclose(
        ink.points[30:] - ink.points[30], whole.points[30:] - whole.points[30], atol=1e-12
    )
    np.testing.assert_array_equal(choice.best.position, spelled("one two ten")[1])
    np.testing.assert_allclose(ink.points[15] - ink.points[14], WAY, atol=1e-12)


def test_a_word_that_stays_wrong_is_doubtful(reader, primed) -> None:
    (choice,) = choose(Misspeller(lambda word, seed: word != "two"), [wish("one two", 3)])
    assert choice.doubtful(["one", "two"]) == [1]
    assert choice.again == candidates.ROUNDS


def test_a_word_that_is_read_right_but_not_surely_is_tried_again(reader, primed) -> None:
    reader.sure = lambda read, place: 0.5 if place == read.index("two") + 1 else 1.0
    writer = Misspeller(lambda word, seed: True)
    (choice,) = choose(writer, [wish("one two ten", 2)])
    assert [request.text for request in writer.asked[2:]] == ["two"] * 2 * candidates.ROUNDS
    assert choice.doubtful(["one", "two", "ten"]) == []
    assert choice.best.read == "one two ten"


def test_what_a_wish_becomes_does_not_depend_on_the_others(reader, primed) -> None:
    def right(word, seed):
        return np.random.default_rng([*seed, len(word)]).random() < 0.5

    wishes = [
        wish(text, count, seed)
        for seed, (text, count) in enumerate([("one two", 4), ("ten", 1), ("six of", 2)])
    ]
    together = choose(Misspeller(right), wishes)
    for one, choice in zip(wishes, together, strict=True):
        (alone,) = choose(Misspeller(right), [one])
        assert alone.best.ink.points.tobytes() == choice.best.ink.points.tobytes()
        assert (alone.tried, alone.again, alone.best.read) == (choice.tried, choice.again, choice.best.read)


def test_a_line_whose_candidates_all_fail_is_tried_anew_and_given_up(reader, primed) -> None:
    class Failing(Misspeller):
        def _written(self, request):
            line = super()._written(request)
            return Written(**{**{n: getattr(line, n) for n in line.__dataclass_fields__}, "ended": False})

    writer = Failing(lambda word, seed: True)
    (choice,) = choose(writer, [wish("one two", 3)])
    assert choice.best is None
    assert (choice.tried, len(writer.asked)) == (4, 4)
    assert [request.retries for request in writer.asked] == [0, 0, 0, Request.retries]


@pytest.mark.parametrize(
    ("asked", "read", "words"),
    [
        ("one two", "one two", []),
        ("one two", "one twa", [1]),
        ("one two", "onetwo", []),
        ("one two", "o ne two", []),
        ("one six ten", "one ten", [1]),
        ("one two", "one twoo", [1]),
        ("one two", "aone two", [0]),
        ("one two", "", [0, 1]),
        ("I am", "l am", [0]),
    ],
)
def test_the_words_that_are_read_otherwise(asked: str, read: str, words: list[int]) -> None:
    assert wrong(asked.split(" "), read) == words


def candidate(heights: list[float], nats: float = 0.0) -> Candidate:
    tops = np.column_stack([np.arange(len(heights)), heights])
    cut = Cut([], [], Hold(0.0, 0.0, float(np.median(heights)), tops))
    return Candidate(Ink.from_strokes([]), np.zeros(0), cut, nats)


def test_a_line_that_collapses_is_odd_and_one_that_varies_is_not() -> None:
    usual = candidate([2.0] * 10)
    assert oddness(usual, 2.0) == oddness(candidate([2.2] * 5 + [1.8] * 5), 2.0) == 0.0
    assert oddness(candidate([2.0] * 5 + [1.0] * 5), 2.0) > 0.3
    assert oddness(candidate([1.0] * 10), 2.0) == pytest.approx(np.log(2) - candidates.STEADY)
    assert oddness(candidate([1.0] * 3), 2.0) == 0.0  # too little to tell


def test_among_candidates_that_read_easily_the_first_is_taken() -> None:
    """So that choosing does not make all lines alike."""
    words = ["twenty", "letters", "in all"]
    easy = candidates.ENOUGH * 20
    first, second = candidate([2.0] * 10, 0.9 * easy), candidate([2.0] * 10, 0.1 * easy)
    assert best_of(words, [first, second]) is first
    assert best_of(words, [candidate([2.0] * 10, 3 * easy), second]) is second
    assert best_of(words, []) is None


def test_the_state_before_a_word_is_the_one_that_the_line_had(tmp_path) -> None:
    """Against a network that is fed step by step what the line was drawn from."""
    writer = Writer.open(tiny(tmp_path))
    primer = np.array([[0.0, 0, 0], [1, 2, 0], [3, -4, 1], [2, 1, 0], [0, 3, 0], [1, -1, 1]])
    hand = Hand.prime(writer, primer, "ab")
    (line,) = writer.write_all([Request(text="ca b", seed=(3,), hand=hand, onward=True, retries=0)])
    offsets = line.ink.offsets()
    offsets[0, :2] = line.ink.points[0]
    again = Hand.prime(writer, offsets[:4], "ca", following="b", after=hand)
    state = writer.network.start(1, len("ab ca b") + 1)
    state.begin(0, writer.config.vocabulary.encode("ab ca b"))
    hand.put(state, 0)
    for x in [hand.x, *writer.config.statistics.normalise(offsets[:3])]:
        state.feed(x[None])
        writer.network.step(state)
    np.testing.assert_allclose(again.kappa, state.kappa[0], rtol=1e-6)
    hidden = np.concatenate([state.seen[0, at] for at in writer.network.at_hidden])
    np.testing.assert_allclose(again.hidden, hidden, atol=1e-3)  # a hand is kept as float16
    np.testing.assert_allclose(again.x, writer.config.statistics.normalise(offsets[3:4])[0], atol=1e-6)
    assert again.text == "ab ca"


def test_a_letter_reports_how_it_came_about(reader, primed) -> None:
    writer = Misspeller(lambda word, seed: word != "two")
    (letter,) = write_letters(writer, [Order(text="one two\nten", candidates=3)])
    assert [(row.line, row.text, row.tried, row.doubtful) for row in letter.report] == [
        (1, "one two", 3, ("two",)), (2, "ten", 3, ()),
    ]  # fmt: skip
    assert letter.report[0].read == "one xwo"
