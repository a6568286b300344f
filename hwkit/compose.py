"""Lines composed of words of one hand, set side by side on their base line, rich in what is rare.

A word weighs `max over its characters c of 1 / count(c) ** power`, count(c) being how often c stands in
all the words: power 0 draws every word alike, power 1 draws words with a Q nearly as often as words with
a common letter as their rarest. A line's first draw is among all words and chooses the hand with it; the
others are drawn from that hand, by the same weights and each at most once a line, until the next one
would make the line longer than it was to be, a length drawn evenly from shortest to longest. The order
within the line is drawn last, so the rare word is not always first.

A rule may set letters side by side in place of words: the capitals, digits and marks that were cut out of a
hand's words, so that each hand shouts and counts, though none of IAM-OnDB's does. They are drawn as words
are, and put together to words of any letters, up to so many.

The words of a hand share one system of coordinates in y. Each hand is scaled so that
`hwkit.preprocess.unit` of all its points together is 1, with their median height at 0.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath

import msgspec
import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink, Ints, Sample
from hwkit.preprocess import unit

# The gap between two words, from the rightmost ink of the one to the leftmost of the next, in units. A hand
# whose own are not known takes them from a lognormal. IAM-OnDB's words (5,046 gaps) have a median of 5.3 and
# within one hand a spread of 0.23; joined writing, whose words begin and end in a stroke of their own, looks
# natural with less.
GAP_MEDIAN, GAP_SPREAD = 4.4, 0.2
LETTER_GAP = 0.7  # between letters that were not joined
KNOWN_GAPS = 8  # fewer than so many are not enough to draw from


class Composition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which lines are composed, and of what. Lengths count characters, spaces among them."""

    source: str = "words"  # "words" (cut out of lines), "ink" (words to begin with), a file
    splits: tuple[str, ...] = ("train",)  # of the words
    into: str = "composed"  # the split of the lines
    lines: int = 1000
    shortest: int = 15
    longest: int = 45
    power: float = 0.5  # of the rule above
    pattern: str = ".*"  # regular expression of the words that are drawn: "[^a-z]*" shouts and counts
    uses: int = 12  # of one word at most, lest one drawing of a rare letter be learned by heart
    letters: int = 0  # 0: words; else letters, in words of up to so many; shortest and longest count them

    def __post_init__(self) -> None:
        if self.lines < 0 or self.uses < 1 or self.letters < 0 or not 1 <= self.shortest <= self.longest:
            raise InputError(
                "lines and letters must not be negative, uses at least 1, 1 <= shortest <= longest"
            )
        if not 0 <= self.power <= 4:
            raise InputError("power must be between 0 and 4")
        try:
            re.compile(self.pattern)
        except (re.error, OverflowError, RecursionError) as error:
            raise InputError(f"pattern is no regular expression: {error}") from error
        if not self.into or not self.splits:
            raise InputError("a composition needs a split to take words from and one to put lines into")


@dataclass(frozen=True, eq=False)
class Hand:
    """The words of one hand, scaled to a unit of 1, about the height 0."""

    words: list[Sample]
    rows: Ints  # (n,), of each word among all words
    lengths: Ints  # (n,), characters of each, beside the one that it always adds: a space, or a letter itself
    gaps: Floats  # (g,), between its own words; empty where they are not known


def compose(words: Sequence[Sample], rule: Composition, seed: int | Sequence[int]) -> Iterator[Sample]:
    """Composed lines, named INTO-SOURCE-00001 and so on, with the hand as their form.

    words: of any hands, the hand of each being its `form`; used are those with text, ink and a split of
    `rule.splits`, no longer than `rule.longest`. Those that do not fit the pattern are not drawn, but tell
    the hand's size. Words named LINE/N and LINE/N+1 stood side by side and kept their place in x, so their
    gaps are the hand's own. The lines hang on the words and the seed, not on the words' order. There are
    fewer than `rule.lines` where the words are used up. Raises InputError where there is no word to use.
    """
    usable = sorted(
        (
            w for w in words
            if w.split in rule.splits and len(w.ink) and len(w.text or "") >= 1
            and (rule.letters or (len(w.text or "") <= rule.longest and not is_letter(w)))
        ),
        key=lambda word: word.id,
    )  # fmt: skip
    if not usable:
        raise InputError(f"no words in the split {', '.join(rule.splits)}", do="check the data and the split")
    rng = np.random.default_rng(seed)
    texts = [word.text or "" for word in usable]
    drawn = np.array([
        re.fullmatch(rule.pattern, word.text or "") is not None and is_letter(word) == (rule.letters > 0)
        for word in usable
    ])  # fmt: skip
    if not drawn.any():
        raise InputError(f"no word fits the pattern {rule.pattern!r}", do="check the pattern")
    weight = weights(texts, rule.power) * drawn
    home = {int(row): hand for hand in hands(usable) for row in hand.rows}
    uses = np.zeros(len(usable), np.int64)
    made, source = 0, PurePath(rule.source).stem
    while made < rule.lines and weight.any():
        first = draw(weight, rng)
        hand = home[first]
        chosen = fill(hand, int(np.flatnonzero(hand.rows == first)[0]), weight[hand.rows], rule, rng)
        rows = hand.rows[chosen]
        uses[rows] += 1
        weight[rows[uses[rows] >= rule.uses]] = 0.0
        if hand.lengths[chosen].sum() + len(chosen) - 1 < rule.shortest:
            weight[first] = 0.0  # its hand has too few words left
            continue
        made += 1
        yield join(hand, rng.permutation(chosen), f"{rule.into}-{source}-{made:05d}", rule, rng)


def is_letter(word: Sample) -> bool:
    """Whether a word is a letter that was cut out of one: `LINE/NUMBER:PLACE`."""
    return ":" in word.id.rpartition("/")[2]


def weights(texts: Sequence[str], power: float) -> Floats:
    """(n,) the weight of each text: of its characters' 1 / count ** power the largest."""
    counts = Counter(c for text in texts for c in text)
    return np.array([max(counts[c] ** -power for c in text) for text in texts])


def hands(words: Sequence[Sample]) -> list[Hand]:
    """The hands of words in the order of their names, each scaled and brought to the height 0."""
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, word in enumerate(words):
        rows_of[word.form].append(row)
    found = []
    for _, rows in sorted(rows_of.items()):
        points = np.concatenate([words[row].ink.points for row in rows])
        height = np.array([0.0, np.median(points[:, 1])])
        size = unit(Ink(points, np.array([len(points)])))
        own = [words[row] for row in rows]
        scaled = [
            replace(w, ink=Ink((w.ink.points - height) / size, w.ink.lengths), scale=w.scale * size)
            for w in own
        ]
        lengths = np.array([0 if is_letter(word) else len(word.text or "") for word in own])
        found.append(Hand(scaled, np.array(rows), lengths, gaps_between(scaled)))
    return found


def gaps_between(words: Sequence[Sample]) -> Floats:
    """(g,) the gaps between words that stood side by side; none where fewer than KNOWN_GAPS are known."""
    by_name = {word.id: word.ink.points[:, 0] for word in words}
    gaps = []
    for name, x in by_name.items():
        line, _, number = name.rpartition("/")
        if number.isdecimal() and (following := by_name.get(f"{line}/{int(number) + 1}")) is not None:
            gaps.append(following.min() - x.max())
    return np.sort(gaps) if len(gaps) >= KNOWN_GAPS else np.zeros(0)


def draw(weight: Floats, rng: np.random.Generator) -> int:
    """One row, by its weight."""
    total = np.cumsum(weight)
    return int(np.searchsorted(total, rng.random() * total[-1], side="right"))


def fill(hand: Hand, first: int, weight: Floats, rule: Composition, rng: np.random.Generator) -> Ints:
    """The words of one line, `first` of them, by their place in the hand."""
    chosen, left = [first], weight.copy()
    left[first] = 0.0
    length = int(hand.lengths[first])
    wanted = int(rng.integers(rule.shortest, rule.longest + 1))
    while left.any():
        word = draw(left, rng)
        left[word] = 0.0  # it is chosen now, or too long
        longer = length + 1 + int(hand.lengths[word])
        if longer > wanted and length >= rule.shortest:
            break
        if longer <= rule.longest:  # beyond `wanted` only where the line is still too short
            chosen.append(word)
            length = longer
    return np.array(chosen)


def join(hand: Hand, chosen: Ints, id: str, rule: Composition, rng: np.random.Generator) -> Sample:
    """The words at these places in the hand as one line, from x = 0 on; letters as words of any letters."""
    points, lengths, x, text = [], [], 0.0, ""
    left = 0  # letters that the word still gets
    for n, word in enumerate(hand.words[place] for place in chosen):
        begins = left == 0
        left = (int(rng.integers(1, rule.letters + 1)) if begins else left) - 1 if rule.letters else 0
        if n and begins:
            x += rng.choice(hand.gaps) if len(hand.gaps) else rng.lognormal(np.log(GAP_MEDIAN), GAP_SPREAD)
        elif n:
            x += rng.lognormal(np.log(LETTER_GAP), GAP_SPREAD)
        at = x - word.ink.points[:, 0].min()
        points.append(word.ink.points + np.array([at, 0.0]))
        lengths.append(word.ink.lengths)
        x = points[-1][:, 0].max()
        text += " " * (n > 0 and begins) + (word.text or "")
    of = [hand.words[place] for place in chosen]
    scale = float(np.median([word.scale for word in of]))
    return Sample(id, Ink(np.concatenate(points), np.concatenate(lengths)), text, of[0].form, rule.into, scale)
