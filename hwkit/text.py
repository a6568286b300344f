"""Any text as what can be written: words that the model writes, what the alphabet draws, marks over letters.

A character that the model learned is the model's. What has another common form becomes that first: a curly
quote a straight one, a no-break space a space, an accented letter its letter and a mark. What is left the
alphabet draws (`hwkit.alphabet`), and what it has no glyph of (an emoji, Greek) is unknown: refused, skipped
or replaced.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal

from hwkit import alphabet
from hwkit.errors import InputError, VocabularyError
from hwkit.vocabulary import name_of

Unknown = Literal["refuse", "skip", "replace"]

MOST_MARKS = 3
"""More marks than this on one letter are no language's; the next one is unknown."""


@dataclass(frozen=True)
class Part:
    """A run of characters that one hand writes: the model's (its ink joined), or the alphabet's."""

    text: str  # the base letters, without their marks
    drawn: bool  # each character is a glyph of the alphabet, else each is one that the model learned
    marks: tuple[tuple[int, str], ...] = ()  # (index in `text`, name in alphabet.MARKS), in rising order;
    # several on one letter are set one over the other: the first is the innermost


@dataclass(frozen=True)
class Written:
    """A word: what stands between two spaces."""

    text: str  # what it says once it is written: composed letters, straight quotes
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class _Letter:
    """One character as it is written: a base letter, and the marks on it."""

    base: str
    drawn: bool
    marks: tuple[str, ...] = ()
    says: str = ""


def plan(
    text: str, characters: str, *, unknown: Unknown = "refuse", replacement: str = "?"
) -> list[list[Written]]:
    """The words of each line of `text`; an empty line has none.

    `characters` are those that the model learned. A newline of any kind (also U+2028, U+2029, vertical tab
    and form feed) ends a line; at the very end it opens no other. Words stand between white space of any
    kind. Canonically equivalent texts have the same plan.

    Unknown characters are left out (`unknown="skip"`), stand as `replacement`, or raise VocabularyError,
    which names the first one with its place. InputError: the replacement cannot be written either.
    """
    if unknown not in ("refuse", "skip", "replace"):
        raise InputError(f"unknown characters are {unknown!r}", do="say refuse, skip or replace")
    known = frozenset(c for c in characters if not c.isspace() and not unicodedata.combining(c))
    other: tuple[_Letter, ...] = ()
    if unknown == "replace":
        other = _replacement(replacement, known)

    seen: dict[str, tuple[_Letter, ...] | None] = {}  # a text has few different characters
    refused: list[tuple[int, int, str]] = []  # line, column, character
    lines: list[list[Written]] = []
    for row, line in enumerate(_lines(text), 1):
        words: list[list[_Letter]] = [[]]
        lost = False  # the letter before was unknown: its marks go with it
        for column, c in enumerate(line, 1):
            if _is_space(c):
                words.append([])
                lost = False
                continue
            if unicodedata.combining(c):
                if lost or _set(words[-1], c):
                    continue
                found = None
            else:
                if c not in seen:
                    seen[c] = _letters(c, known)
                found = seen[c]
            lost = found is None
            if found is None:
                refused.append((row, column, c))
                found = other
            words[-1] += found
        lines.append([_word(letters) for letters in words if letters])
    if refused and unknown == "refuse":
        row, column, c = refused[0]
        more = f" (nor {len(refused) - 1} more)" if len(refused) > 1 else ""
        raise VocabularyError(
            f"nothing here can write {name_of(c)}, line {row}, character {column}{more}",
            do="say --unknown skip or replace",
        )
    return lines


def pieces(words: Sequence[str], longest: int = 60) -> list[list[int]]:
    """Consecutive words in pieces of at most `longest` characters, joined by one space: their indices.

    As few pieces as that takes, and of these the most even ones. A longer word is a piece of its own.
    """
    if longest < 1:
        raise InputError(f"a piece of {longest} characters holds no text", do="give 1 or more")
    # best[n]: how many pieces the first n words take, the sum of their squared lengths, where the last begins.
    best = [(0, 0, 0)]
    for end in range(1, len(words) + 1):
        length = -1
        options: list[tuple[int, int, int]] = []
        for start in range(end - 1, -1, -1):
            length += 1 + len(words[start])
            if length > longest and options:
                break
            count, squares, _ = best[start]
            options.append((count + 1, squares + length * length, start))
            if length > longest:
                break
        best.append(min(options))
    found: list[list[int]] = []
    end = len(words)
    while end:
        start = best[end][2]
        found.append(list(range(start, end)))
        end = start
    return found[::-1]


def _lines(text: str) -> list[str]:
    """The lines of a text in composed form, without what leaves no ink of its own."""
    lines = _NEWLINE.split(unicodedata.normalize("NFC", _UNSEEN.sub("", text)))
    return lines if lines[-1] else lines[:-1]


def _is_space(c: str) -> bool:
    return c.isspace() and c not in "\x1c\x1d\x1e\x1f"  # separators of records are no white space to a person


def _letters(c: str, known: frozenset[str]) -> tuple[_Letter, ...] | None:
    """How a character that is no mark is written; None where it cannot be."""
    if c in known:
        return (_Letter(c, False, says=c),)
    if c in _FORMS:
        return _all(_FORMS[c], known)
    if c in _STRUCK:
        base, mark = _STRUCK[c]
        return tuple(replace(letter, marks=(mark,), says=c) for letter in _all(base, known) or ())
    if alphabet.has(c):
        return (_Letter(c, True, says=c),)
    if len(apart := unicodedata.normalize("NFD", c)) > 1:
        letters = list(_letters(apart[0], known) or ())
        return tuple(letters) if all(_set(letters, mark) for mark in apart[1:]) else None
    if (plain := unicodedata.normalize("NFKC", c)) != c:
        return _all(plain, known)
    return None


def _all(text: str, known: frozenset[str]) -> tuple[_Letter, ...] | None:
    """How each character of `text` is written; None where one cannot be."""
    found: list[_Letter] = []
    for c in text:
        letters = _letters(c, known)
        if letters is None:
            return None
        found += letters
    return tuple(found)


def _set(letters: list[_Letter], c: str) -> bool:
    """Sets the combining character on the last letter; False where that cannot be."""
    if c not in _MARK_OF or not letters or len(letters[-1].marks) == MOST_MARKS:
        return False
    letter, name = letters[-1], _MARK_OF[c]
    if name == "cedilla" and letter.base in "dDgGkKlLnNrR":  # Latvian: a comma, and over g, whose tail is there
        name = "comma" if letter.base == "g" else "comma below"
    elif name == "caron" and letter.base in "dtlL":  # Czech and Slovak
        name = "apostrophe"
    says = unicodedata.normalize("NFC", letter.says + c)
    letters[-1] = replace(letter, marks=(*letter.marks, name), says=says)
    return True


def _word(letters: Sequence[_Letter]) -> Written:
    parts = []
    for drawn, run in groupby(_evened(letters), key=lambda letter: letter.drawn):
        here = list(run)
        marks = tuple((n, name) for n, letter in enumerate(here) for name in letter.marks)
        parts.append(Part("".join(letter.base for letter in here), drawn, marks))
    return Written("".join(letter.says for letter in letters), tuple(parts))


def _evened(letters: Sequence[_Letter]) -> list[_Letter]:
    """The letters of a word; one that stands alone among drawn ones is drawn too.

    A model learned letters among others: by itself, the x of {x} may become anything.
    """
    found = list(letters)
    for n, letter in enumerate(letters):
        beside = [other.drawn for other in (*letters[max(n - 1, 0) : n], *letters[n + 1 : n + 2])]
        if beside and all(beside) and alphabet.has(letter.base):
            found[n] = replace(letter, drawn=True)
    return found


def _replacement(text: str, known: frozenset[str]) -> tuple[_Letter, ...]:
    found: list[_Letter] = []
    for c in unicodedata.normalize("NFC", text):
        letters = None if unicodedata.combining(c) or _is_space(c) else _letters(c, known)
        if letters is None:
            raise InputError(f"{name_of(c)} cannot stand for unknown characters", do="give another")
        found += letters
    return tuple(found)


# What leaves no ink of its own: soft hyphen, joiners, zero width spaces, directions, variation selectors, tags.
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff]"
)
_NEWLINE = re.compile("\r\n|[\n\r\v\f\x85\u2028\u2029]")

_FORMS = {
    form: plain
    for plain, forms in {
        "'": "‘’‛′‵ʹʻʼʽˈ´ʾʿ",
        '"': "“”‟″‶ʺ˝¨〃",
        ",": "‚",
        "-": "‐‑‒–−⁃﹣¯",
        "—": "―⸺⸻﹘",
        "...": "…⋯",
        "^": "ˆ",
        "~": "˜∼",
        "`": "ˋ",
        "·": "∙⋅‧・",
        "•": "‣●",
        "/": "⁄∕",
        "\\": "∖",
        "*": "∗⁎",
        "|": "∣❘",
        ":": "∶",
        "°": "˚",
        "×": "✕✗✘",
        "✓": "✔",
        "s": "ſ",
        "k": "ĸ",
        "SS": "ẞ",
        "µ": "μ",
    }.items()
    for form in forms
}

# Letters with a stroke through them have no decomposition in Unicode.
_STRUCK = {
    "ø": ("o", "slash"),
    "Ø": ("O", "slash"),
    "ł": ("l", "tick"),
    "Ł": ("L", "tick left"),
    "đ": ("d", "bar right"),
    "ħ": ("h", "bar left"),
    "Ħ": ("H", "bar wide"),
    "ŧ": ("t", "bar"),
    "Ŧ": ("T", "bar"),
    "ɨ": ("i", "bar"),
    "Ɨ": ("I", "bar"),
    "ƶ": ("z", "bar"),
    "Ƶ": ("Z", "bar"),
}

_MARK_OF = {
    "\u0300": "grave",
    "\u0301": "acute",
    "\u0302": "circumflex",
    "\u0303": "tilde",
    "\u0304": "macron",
    "\u0305": "macron",
    "\u0306": "breve",
    "\u0307": "dot",
    "\u0308": "diaeresis",
    "\u0309": "hook",
    "\u030a": "ring",
    "\u030b": "double acute",
    "\u030c": "caron",
    "\u030f": "double grave",
    "\u0311": "inverted breve",
    "\u0312": "comma",
    "\u0313": "comma",
    "\u0315": "apostrophe",
    "\u031b": "horn",
    "\u0323": "dot below",
    "\u0324": "diaeresis below",
    "\u0325": "ring below",
    "\u0326": "comma below",
    "\u0327": "cedilla",
    "\u0328": "ogonek",
    "\u032d": "circumflex below",
    "\u032e": "breve below",
    "\u0330": "tilde below",
    "\u0331": "macron below",
    "\u0332": "macron below",
    "\u0335": "bar",
    "\u0336": "bar",
    "\u0337": "slash",
    "\u0338": "slash",
}
