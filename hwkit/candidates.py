"""Candidates: a line written several times side by side, of which the one is kept that reads best.

A reader says how likely the asked text is by each candidate's ink. Where the best one still reads
otherwise, the words that do are written again, from the state that the hand had before them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hwkit import pretrained
from hwkit.generate.hand import Hand
from hwkit.generate.sampler import Request, Writer, Written
from hwkit.generate.words import GAPS, Hold, evened, parts_of
from hwkit.ink import Floats, Ink, median
from hwkit.progress import Progress, silent

if TYPE_CHECKING:
    from hwkit.reader.reader import Reader

READER = "reader"  # a packaged model
MANY, FEW = 4, 2  # candidates of a text, and of a single word or a long text
SHORT, LONG = 10, 4_000  # characters
ROUNDS = 3  # of writing wrong words again
ENOUGH = 0.02  # nats a character; ink that reads so easily need not read easier, or every line would look alike
SURE = 0.6  # a character that is read with less is worth another try
ODD = 20.0  # nats for each unit of oddness
STEADY = 0.3  # how far, as a logarithm, an x-height may be off the other candidates', or change along a line
TOPS = 8  # of a line, before they say that its height changes
OTHER, ANEW, AGAIN = 900, 8_000, 9_000  # what sets seeds apart: of candidates, of lines tried anew, of words


def usual(text: str, data: Collection[str]) -> int:
    """How many candidates a text gets where nobody says: a word is there at once, a long text takes its time.

    data: the sources that the model learned from. Where the reader learned from others too, nothing is read
    unless it is asked for: the terms of its weights need not be the model's.
    """
    if not reader_data() <= set(data):
        return 1
    return MANY if SHORT < len(text) <= LONG else FEW


@dataclass(frozen=True, eq=False)
class Wish:
    """A line that is to be written."""

    request: Request
    words: Sequence[str]  # of its text, which are cut apart
    count: int = 1  # candidates


class Cut(NamedTuple):
    """A line's words: see hwkit.generate.words.parts_of."""

    words: list[tuple[Ink, Floats]]
    rooms: list[float]
    where: Hold


@dataclass(frozen=True, eq=False)
class Candidate:
    """A line that was written to its end, and what a reader thinks of it."""

    ink: Ink
    position: Floats  # (n,), where the window is after each point
    cut: Cut
    nats: float = 0.0  # -log p(the asked text | the ink)
    read: str | None = None  # what it says to the reader; None: it was not asked
    sure: tuple[float, ...] = ()  # of each character that was read, how sure it is


@dataclass
class Choice:
    """What became of a wish."""

    best: Candidate | None  # None: no try ended well
    tried: int = 0  # lines that were written for it
    again: int = 0  # words that were written again

    def doubtful(self, words: Sequence[str]) -> list[int]:
        """Which of the words are read otherwise."""
        if self.best is None or self.best.read is None:
            return []
        return wrong(words, self.best.read)


@cache
def reader_data() -> frozenset[str]:
    """The sources that the packaged reader learned from."""
    return frozenset(pretrained.read_config(pretrained.find(READER)).data)


@cache
def packaged_reader() -> Reader:
    """The reader that comes with the package."""
    from hwkit.reader.reader import Reader  # a letter without a choice needs none

    return Reader.open(pretrained.find(READER))


def choose(writer: Writer, wishes: Sequence[Wish], progress: Progress = silent) -> list[Choice]:
    """What is kept of each wish; it does not depend on the others.

    Where there is one candidate, or the text holds what the reader does not know, nothing is read: it is the
    first line that ended.
    """
    tries = [variants(wish) for wish in wishes]
    lines = iter(writer.write_all([one for group in tries for one in group], progress))
    found = [
        whole(writer, [next(lines) for _ in group], wish.words)
        for group, wish in zip(tries, wishes, strict=True)
    ]
    late = [n for n, group in enumerate(found) if not group and wishes[n].count > 1]
    anew = [replace(wishes[n].request, seed=(*wishes[n].request.seed, ANEW)) for n in late]
    for n, line in zip(late, writer.write_all(anew), strict=True):
        found[n] = whole(writer, [line], wishes[n].words)
    judged = judge(zip(wishes, found, strict=True))
    choices = [
        Choice(best_of(wish.words, group), len(tried) + (n in late))
        for n, (wish, tried, group) in enumerate(zip(wishes, tries, judged, strict=True))
    ]
    for turn in range(ROUNDS):
        mend(writer, wishes, choices, turn)
    return choices


def variants(wish: Wish) -> list[Request]:
    """A wish's request, and as many others for the same line as make up its candidates."""
    if wish.count == 1:
        return [wish.request]
    seeds = [tuple(wish.request.seed), *((*wish.request.seed, OTHER + n) for n in range(1, wish.count))]
    return [replace(wish.request, seed=seed, retries=0) for seed in seeds]


def whole(writer: Writer, lines: Sequence[Written], words: Sequence[str]) -> list[Candidate]:
    """The lines that ended and can be cut into their words."""
    found = (candidate(writer, line.ink, line.position, words) for line in lines if line.ended)
    return [one for one in found if one is not None]


def candidate(writer: Writer, ink: Ink, position: Floats, words: Sequence[str]) -> Candidate | None:
    """A candidate of ink that says `words`; None where it cannot be cut into them."""
    cut = parts_of(ink, position, words, writer.config.statistics.unit)
    return None if cut is None else Candidate(ink, position, Cut(*cut))


def judge(groups: Iterable[tuple[Wish, list[Candidate]]]) -> list[list[Candidate]]:
    """The same candidates, with what the reader thinks of those whose wishes want it."""
    told_of = [(wish, group, bool(group) and is_read(wish)) for wish, group in groups]
    asked = [(as_set(one.cut), wish.request.text) for wish, group, wanted in told_of if wanted for one in group]
    if not asked:
        return [group for _, group, _ in told_of]
    judgements = iter(packaged_reader().judge(*map(list, zip(*asked, strict=True))))

    def told(one: Candidate) -> Candidate:
        judgement = next(judgements)
        sure = tuple(character.confidence for character in judgement.reading.characters)
        return replace(one, nats=judgement.nats, read=judgement.reading.text, sure=sure)

    return [[told(one) for one in group] if wanted else group for _, group, wanted in told_of]


def as_set(cut: Cut) -> Ink:
    """A line as it will stand on a page: its words on the base line, of one x-height, with fair gaps."""
    points, right = [], 0.0
    for n, ((ink, _), room) in enumerate(zip(cut.words, cut.rooms, strict=True)):
        even, height = evened(ink, cut.where, cut.where.height)
        left = right + (float(np.clip(room / height, *GAPS)) if n else 0.0)
        points.append(even.points + np.array([left - even.points[:, 0].min(), 0.0]))
        right = points[-1][:, 0].max()
    return Ink(np.concatenate(points), np.concatenate([ink.lengths for ink, _ in cut.words]))


def is_read(wish: Wish) -> bool:
    """Whether the reader is asked about a wish."""
    return wish.count > 1 and not packaged_reader().vocabulary.unknown(wish.request.text)


def best_of(words: Sequence[str], group: Sequence[Candidate]) -> Candidate | None:
    """The candidate that reads best and is not odd; among equals the first."""
    heights = [one.cut.where.height for one in group if len(one.cut.where.tops)]
    usual = median(heights) if heights else 0.0
    enough = ENOUGH * len(" ".join(words))
    return min(group, key=lambda one: max(one.nats, enough) + ODD * oddness(one, usual), default=None)


def oddness(one: Candidate, usual: float) -> float:
    """How far a line's x-height is from the usual one, and from itself along the line, beyond what hands do."""
    tops = one.cut.where.tops
    if len(tops) < TOPS:
        return 0.0
    heights = tops[np.argsort(tops[:, 0]), 1]
    half = len(heights) // 2
    ratios = (one.cut.where.height / usual, median(heights[:half]) / median(heights[half:]))
    return float(sum(max(abs(np.log(ratio)) - STEADY, 0.0) for ratio in ratios))


def owners(words: Sequence[str]) -> list[int]:
    """The word of each character of a line, the space after a word among its characters."""
    return [n for n, word in enumerate(words) for _ in f"{word} "]


def wrong(words: Sequence[str], read: str) -> list[int]:
    """The words of a line that are read otherwise. A space too many or too few is nobody's fault."""
    asked, of = " ".join(words), owners(words)
    found: set[int] = set()
    for what, start, stop, first, last in SequenceMatcher(None, asked, read, autojunk=False).get_opcodes():
        if what != "equal" and (asked[start:stop] + read[first:last]).strip():
            found.update(of[start:stop] or of[max(start - 1, 0) : start + 1][-1:])
    return sorted(found)


def weak(words: Sequence[str], one: Candidate) -> list[int]:
    """The words of a line that are read otherwise, and those that are read right without being sure of it."""
    if one.read is None:
        return []
    asked, of = " ".join(words), owners(words)
    found = set(wrong(words, one.read))
    for block in SequenceMatcher(None, asked, one.read, autojunk=False).get_matching_blocks():
        for n in range(block.size):
            if one.sure[block.b + n] < SURE and asked[block.a + n] != " ":
                found.add(of[block.a + n])
    return sorted(found)


def mend(writer: Writer, wishes: Sequence[Wish], choices: Sequence[Choice], turn: int) -> None:
    """Write the words again that read badly in what was chosen; what reads better takes their place."""
    faults = [
        (choice, choice.best, wish, word)
        for wish, choice in zip(wishes, choices, strict=True)
        if choice.best is not None
        for word in weak(wish.words, choice.best)
    ]
    tries = [again(writer, best, wish, word, turn) for _, best, wish, word in faults]
    lines = iter(writer.write_all([one for group in tries for one in group]))
    for (choice, best, wish, word), group in zip(faults, tries, strict=True):
        now = choice.best or best  # another word of it may have been replaced by now
        new = [spliced(writer, now, wish.words, word, next(lines)) for _ in group]
        (judged,) = judge([(wish, [one for one in new if one is not None])])
        choice.best = best_of(wish.words, [now, *judged])
        choice.again += 1


def again(writer: Writer, one: Candidate, wish: Wish, word: int, turn: int) -> list[Request]:
    """Requests for one word of a line alone, from the state that the hand had when it came to it."""
    hand, points = wish.request.hand, sum(len(ink) for ink, _ in one.cut.words[:word])
    if points:
        offsets = one.ink.offsets()[:points]
        offsets[0, :2] = one.ink.points[0]  # the way from the hand's end
        before = " ".join(wish.words[:word])
        hand = Hand.prime(writer, offsets, before, following=wish.words[word], after=hand)
    seeds = [(*wish.request.seed, AGAIN + turn, word, n) for n in range(wish.count)]
    return [replace(wish.request, text=wish.words[word], hand=hand, seed=seed, retries=0) for seed in seeds]


def spliced(writer: Writer, one: Candidate, words: Sequence[str], word: int, line: Written) -> Candidate | None:
    """The candidate with one of its words as `line` has it; what follows keeps its distance.

    None where the line did not end well, or where the words cannot be told apart any more.
    """
    if not line.ended:
        return None
    inks = [ink for ink, _ in one.cut.words]
    start, stop = (sum(map(len, inks[: word + more])) for more in (0, 1))
    end = one.ink.points[start - 1] if start else np.zeros(2)  # where the pen was
    new = line.ink.points + end
    shift = (new[:, 0].max() - inks[word].points[:, 0].max(), 0.0)
    points = np.concatenate([one.ink.points[:start], new, one.ink.points[stop:] + shift])
    lengths = np.concatenate(
        [*(ink.lengths for ink in inks[:word]), line.ink.lengths, *(ink.lengths for ink in inks[word + 1 :])]
    )
    place = len(" ".join([*words[:word], ""]))
    position = np.concatenate([one.position[:start], line.position + place, one.position[stop:]])
    return candidate(writer, Ink(points, lengths), position, words)
