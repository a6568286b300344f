"""Vocabulary: which characters a network knows, and how text becomes classes.

Class 0 is the end of the text. It follows the last character, so that the soft window has
somewhere to go when the text is written: position U + 1 of Graves 2013, section 5.3.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Literal

import msgspec

from hwkit.errors import InputError, VocabularyError
from hwkit.ink import Ints

END = 0


class VocabularyRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the vocabulary is taken from the training lines."""

    min_count: int = 1  # a character seen less often is rare
    rare: Literal["leave-out", "non-letter"] = "leave-out"
    # leave-out: lines with a rare character are left out, and counted; it stays unknown.
    # non-letter: all rare characters share one class, as in the paper (section 5.2).
    letters_only: bool = False  # every character but letters, space and .,'"- counts as rare
    leave_out: str = "#"  # lines with these are left out: '#' marks what could not be read


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Characters in class order (class 1 first) and what stands for the rare ones."""

    characters: str
    non_letter: str = ""  # the characters that share the last class; empty where there is none

    def __post_init__(self) -> None:
        every = self.characters + self.non_letter
        if not self.characters or len(set(every)) != len(every):
            raise InputError("a vocabulary needs characters, each of them once")

    @property
    def size(self) -> int:
        """How many classes there are, the end of the text among them."""
        return 1 + len(self.characters) + bool(self.non_letter)

    def unknown(self, text: str) -> list[tuple[int, str]]:
        """Each unknown character of `text` with its place, counted from 1."""
        known = set(self.characters) | set(self.non_letter)
        return [(place, c) for place, c in enumerate(text, 1) if c not in known]

    def encode(self, text: str) -> Ints:
        """Classes (U + 1,) of the characters of `text` and the end after them.

        Raises VocabularyError for an unknown character, naming it and its place, and for no text.
        """
        import numpy as np

        if not text:
            raise VocabularyError("there is no text to write", do="give at least one character")
        if unknown := self.unknown(text):
            place, c = unknown[0]
            raise VocabularyError(
                f"the model never learned {name_of(c)}, character {place} of {text!r}",
                do=f"it knows {self.characters.strip()!r} and the space",
            )
        classes = {c: n for n, c in enumerate(self.characters, 1)}
        classes |= dict.fromkeys(self.non_letter, len(self.characters) + 1)
        return np.array([classes[c] for c in text] + [END], np.int64)

    def decode(self, classes: Iterable[int]) -> str:
        """The text of classes; the end is dropped, the non-letter class reads as U+FFFD."""
        table = {n: c for n, c in enumerate(self.characters, 1)} | {END: ""}
        return "".join(table.get(int(n), "\N{REPLACEMENT CHARACTER}") for n in classes)


def name_of(character: str) -> str:
    """A character as a person can find it: itself where it prints, its code point and name."""
    shown = f"'{character}' " if character.isprintable() else ""
    return f"{shown}(U+{ord(character):04X} {unicodedata.name(character, 'without a name')})"


def learn(texts: Iterable[str], rule: VocabularyRule) -> tuple[Vocabulary, Counter[str]]:
    """The vocabulary of training texts, and how often each character stands in them.

    Lines that hold a character of `rule.leave_out` do not count. Raises InputError where nothing
    is left.
    """
    counts = Counter(c for text in texts if not set(text) & set(rule.leave_out) for c in text)
    plain = {c for c in counts if c.isalpha() or c in " .,'\"-"}
    kept = {c for c, n in counts.items() if n >= rule.min_count and (c in plain or not rule.letters_only)}
    if not kept:
        raise InputError("no character is left for the vocabulary", do="lower min_count")
    rare = "".join(sorted(set(counts) - kept)) if rule.rare == "non-letter" else ""
    return Vocabulary(characters="".join(sorted(kept)), non_letter=rare), counts
