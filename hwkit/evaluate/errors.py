"""How what was read differs from what was asked: errors of characters, words and lines, and where they are.

Character error is the edit distance of all lines over their asked characters, word error the same over
words (what stands between spaces). An error within the text is that of an asked character; what was read
where nothing was asked belongs to no class and is counted apart, so all classes and it add up to the whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from math import inf
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

T = TypeVar("T")

RESAMPLES = 2000  # of the lines, for intervals
Pair = tuple[T | None, T | None]  # what was asked and what was read there; None: nothing
Flags = NDArray[np.bool_]

LENGTHS = (20, 30, 40)  # characters; lines are told apart by these
QUOTED = ".,;:!?\"'()[]-/&+*"  # what stands at a word and is not of it
END = 3  # characters


def aligned(asked: Sequence[T], read: Sequence[T]) -> list[Pair[T]]:
    """The cheapest way from one sequence to the other, as pairs in order; at a tie one replaces the other."""
    rows, columns = len(asked), len(read)
    cost = [list(range(columns + 1))]
    for i, wanted in enumerate(asked, 1):
        before, row = cost[-1], [i]
        for j, found in enumerate(read, 1):
            row.append(min(before[j - 1] + (wanted != found), before[j] + 1, row[-1] + 1))
        cost.append(row)
    pairs: list[Pair[T]] = []
    i, j = rows, columns
    while i or j:
        here = cost[i][j]
        if i and j and here == cost[i - 1][j - 1] + (asked[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((asked[i], read[j]))
        elif i and here == cost[i - 1][j] + 1:
            i -= 1
            pairs.append((asked[i], None))
        else:
            j -= 1
            pairs.append((None, read[j]))
    return pairs[::-1]


def distance(asked: Sequence[T], read: Sequence[T]) -> int:
    """The edit distance (Levenshtein)."""
    return sum(wanted != found for wanted, found in aligned(asked, read))


@dataclass(frozen=True)
class Line:
    """A text that was asked, and what was read in its place."""

    asked: str
    read: str

    @cached_property
    def pairs(self) -> list[Pair[str]]:
        """Its characters beside those that were read."""
        return aligned(self.asked, self.read)

    @cached_property
    def errors(self) -> int:
        """How many characters are wrong, missing or too many."""
        return sum(wanted != found for wanted, found in self.pairs)

    @cached_property
    def wrong(self) -> Flags:
        """(characters asked,), which of them were not read as themselves."""
        return np.array([wanted != found for wanted, found in self.pairs if wanted is not None], bool)

    @cached_property
    def word_errors(self) -> int:
        """How many words are wrong, missing or too many."""
        return distance(self.asked.split(), self.read.split())


def figures(lines: Sequence[Line]) -> dict[str, Any]:
    """Of lines: their number and characters, the three rates with their intervals; None where there is none.

    `character_error`, `word_error`, `exact` (lines without any error), each with `_low` and `_high`.
    """
    errors = [line.errors for line in lines]
    characters = [len(line.asked) for line in lines]
    words = [len(line.asked.split()) for line in lines]
    return {
        "lines": len(lines),
        "characters": sum(characters),
        "errors": sum(errors),
        **rate("character_error", errors, characters),
        **rate("word_error", [line.word_errors for line in lines], words),
        **rate("exact", [line.errors == 0 for line in lines], [1] * len(lines)),
    }


def rate(name: str, parts: ArrayLike, wholes: ArrayLike) -> dict[str, float | None]:
    """sum(parts) / sum(wholes) and its 95 % bootstrap interval over lines (percentile, seeded).

    parts, wholes: (n,), of each line. All are None where the wholes are 0; a single line has no interval.
    """
    a, b = np.asarray(parts, np.float64), np.asarray(wholes, np.float64)
    low = high = None
    if len(b) > 1 and b.sum():
        low, high = (float(v) for v in np.quantile(resampled(a, b), [0.025, 0.975]))
    return {name: float(a.sum() / b.sum()) if b.sum() else None, f"{name}_low": low, f"{name}_high": high}


def resampled(parts: NDArray[np.float64], wholes: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """(RESAMPLES,): sum(parts) / sum(wholes) of lines drawn anew; draws without any whole are left out."""
    above, below = (draws(len(wholes), seed) @ np.column_stack([parts, wholes])).T
    found: NDArray[np.float64] = above[below > 0] / below[below > 0]
    return found


@lru_cache(maxsize=8)
def draws(lines: int, seed: int) -> NDArray[np.float64]:
    """(RESAMPLES, lines): how often each line is drawn."""
    times = np.random.default_rng(seed).multinomial(lines, np.full(lines, 1 / lines), RESAMPLES)
    return times.astype(np.float64)


def ratio(lines: Sequence[Line], others: Sequence[Line]) -> dict[str, float | None]:
    """The character error of lines over that of others, with its interval; None where those have no error."""
    sides = [
        (np.array([line.errors for line in each], float), np.array([len(line.asked) for line in each], float))
        for each in (lines, others)
    ]
    nothing = dict.fromkeys(("ratio", "ratio_low", "ratio_high"))
    if any(len(b) < 2 or not b.sum() for _, b in sides) or not sides[1][0].sum():
        return nothing
    above, below = (resampled(a, b, seed) for seed, (a, b) in enumerate(sides))
    size = min(len(above), len(below))
    above, below = above[:size][below[:size] > 0], below[:size][below[:size] > 0]
    low, high = (float(v) for v in np.quantile(above / below, [0.025, 0.975]))
    (a, b), (c, d) = sides
    return {"ratio": float(a.sum() / b.sum() / (c.sum() / d.sum())), "ratio_low": low, "ratio_high": high}


Kind = Callable[[str], Flags]


def each(holds: Callable[[str], bool]) -> Kind:
    """The characters that something holds of."""
    return lambda text: np.array([holds(c) for c in text], bool)


def beside(holds: Callable[[str, str], bool]) -> Kind:
    """The characters of which, together with a neighbour, something holds."""

    def found(text: str) -> Flags:
        pairs = np.array([holds(a, b) for a, b in pairwise(text)], bool)
        return np.append(pairs, False) | np.append(False, pairs) if len(text) else np.zeros(0, bool)

    return found


def word_of(token: str) -> str:
    """A word without what stands at it, in lower case."""
    return token.strip(QUOTED).lower()


def unseen(words: Collection[str]) -> Kind:
    """The characters of words, with a letter in them, that are not among these (each a `word_of`)."""

    def found(text: str) -> Flags:
        flags: list[bool] = []
        for token in text.split(" "):
            word = word_of(token)
            flags += [any(c.isalpha() for c in word) and word not in words] * len(token) + [False]
        return np.array(flags[:-1], bool)

    return found


CLASSES: Mapping[str, Kind] = {  # every character is of one of these
    "lower case": each(str.islower),
    "capitals": each(lambda c: c.isalpha() and not c.islower()),
    "digits": each(str.isdigit),
    "punctuation": each(lambda c: not (c.isalnum() or c.isspace())),
    "spaces": each(str.isspace),
}
PLACES: Mapping[str, Kind] = {  # and may be of some of these
    "capitals in a row": beside(lambda a, b: a.isupper() and b.isupper()),
    "double letters": beside(lambda a, b: a == b and a.isalpha()),
    "last characters of a line": lambda text: np.arange(len(text)) >= len(text) - END,
}
UNSEEN = "in words not in training"


def by_class(lines: Sequence[Line], words: Collection[str] | None = None) -> list[dict[str, Any]]:
    """A row for each class and place: its characters, how many were not read as themselves, their share.

    words: of the training texts, in lower case; None: they are not known, and that row has no figures.
    The last row, `inserted`, counts what was read where nothing was asked, over all characters asked.
    """
    kinds = {**CLASSES, **PLACES, **({UNSEEN: unseen(words)} if words is not None else {})}
    rows = []
    for name, kind in kinds.items():
        flags = [kind(line.asked) for line in lines]
        wrong = [int(line.wrong[flag].sum()) for line, flag in zip(lines, flags, strict=True)]
        rows.append(_row(name, wrong, [int(flag.sum()) for flag in flags]))
    if words is None:
        rows.append({**_row(UNSEEN, [], []), "characters": None, "errors": None})
    inserted = [sum(wanted is None for wanted, _ in line.pairs) for line in lines]
    return [*rows, _row("inserted", inserted, [len(line.asked) for line in lines])]


def _row(name: str, wrong: Sequence[int], of: Sequence[int]) -> dict[str, Any]:
    return {"class": name, "characters": sum(of), "errors": sum(wrong), **rate("error", wrong, of)}


def by_length(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """The figures of lines by their length; lengths that no line has are left out."""
    rows = []
    for low, high in pairwise((0, *LENGTHS, inf)):
        own = [line for line in lines if low < len(line.asked) <= high]
        if own:
            name = f"over {low}" if high == inf else f"{low + 1} to {high}"
            rows.append({"length": name, **figures(own)})
    return rows


def confusions(lines: Sequence[Line], most: int = 30) -> list[dict[str, Any]]:
    """What was most often read for what: `asked`, `read` ("" for nothing), `times`, and `of`, times asked."""
    asked = Counter(c for line in lines for c in line.asked)
    found = Counter((a or "", b or "") for line in lines for a, b in line.pairs if a != b)
    ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    return [{"asked": a, "read": b, "times": n, "of": asked[a]} for (a, b), n in ranked[:most]]


def all_figures(lines: Sequence[Line], words: Collection[str] | None = None) -> dict[str, Any]:
    """`figures`, and the tables by class and length and of confusions."""
    return {
        **figures(lines),
        "by_class": by_class(lines, words),
        "by_length": by_length(lines),
        "confusions": confusions(lines),
    }
