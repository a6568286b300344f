"""Letters that stand alone, cut out of words: capitals and digits, by what a reader makes of the two parts.

A capital mostly begins a word and is lifted off what follows. So the first strokes of a word are its first
letter if a reader takes them for it and takes what is left for the rest of the word. What is in doubt is left
in its word. Full stops and commas are cut off the ends of words by their size alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from hwkit.ink import Ink, Sample
from hwkit.progress import Progress, silent
from hwkit.reader.reader import Reader

STROKES = 4  # a letter has at most so many
SURE = 1.2  # nats; what a letter may cost the reader
REST = 0.35  # nats a character; what the rest may
CROSSED = 0.25  # of a letter's width that later strokes may cover
MARK = (1.5, 2.5)  # a full stop or a comma is less wide and high, in the line's unit
TOGETHER = 2_000  # words that are read at once


class Attempt(NamedTuple):
    """A word cut in two after some of its strokes."""

    word: Sample
    place: int  # of the letter in the word that was given, from 1
    first: Ink
    rest: Ink | None


def letters(reader: Reader, words: Sequence[Sample], progress: Progress = silent) -> Iterator[Sample]:
    """The letters of words, named `WORD:PLACE`, PLACE counting the word's characters from 1.

    They keep their place in the word's ink, and its form, split and scale.
    """
    for begin in range(0, len(words), TOGETHER):
        some = words[begin : begin + TOGETHER]
        progress(begin, len(words), "cutting out letters")
        for word in some:
            yield from mark(word)
        waiting = [(word, word, 1) for word in some]
        while waiting:
            tries = [Attempt(left, place, *parts) for _, left, place in waiting for parts in cuts(reader, left)]
            whole = {id(left): (word, place) for word, left, place in waiting}
            waiting = []
            for one in best(reader, tries):
                word, place = whole[id(one.word)]
                text = one.word.text or ""
                yield replace(word, id=f"{word.id}:{place}", ink=one.first, text=text[0])
                if one.rest is not None:
                    waiting.append((word, replace(one.word, ink=one.rest, text=text[1:]), place + 1))


def mark(word: Sample) -> Iterator[Sample]:
    """The full stop or comma at the end of a word, where it is a small last stroke on the right."""
    text = word.text or ""
    if len(text) > 1 and text[-1] in ".," and len(word.ink.lengths) > 1:
        *others, last = word.ink.strokes()
        width, height = np.ptp(last, axis=0)
        if width < MARK[0] and height < MARK[1] and last[:, 0].min() > max(s[:, 0].max() for s in others):
            yield replace(word, id=f"{word.id}:{len(text)}", ink=Ink.from_strokes([last]), text=text[-1])


def cuts(reader: Reader, word: Sample) -> Iterator[tuple[Ink, Ink | None]]:
    """The ways in which a word's first strokes may be its first letter."""
    text = word.text or ""
    if not text or not (text[0].isupper() or text[0].isdigit()) or reader.vocabulary.unknown(text):
        return
    strokes = list(word.ink.strokes())
    if len(text) == 1:
        if len(strokes) <= STROKES:
            yield word.ink, None
        return
    for count in range(1, min(STROKES, len(strokes) - 1) + 1):
        first, rest = Ink.from_strokes(strokes[:count]), Ink.from_strokes(strokes[count:])
        left, right = first.points[:, 0].min(), first.points[:, 0].max()
        if right - rest.points[:, 0].min() <= CROSSED * (right - left):
            yield first, rest


def best(reader: Reader, tries: Sequence[Attempt]) -> Iterator[Attempt]:
    """Of each word the cut that a reader believes most, where it is sure.

    Alone an S is as good as an s, so a letter may be read as either; that it is the larger one the text says.
    """
    inks, texts = [one.first for one in tries], [(one.word.text or "")[0] for one in tries]
    small = [text.lower() if not reader.vocabulary.unknown(text.lower()) else text for text in texts]
    either = zip(reader.judge(inks, texts), reader.judge(inks, small), strict=True)
    nats = [min(a.nats, b.nats) for a, b in either]
    sure = [(one, cost) for one, cost in zip(tries, nats, strict=True) if cost < SURE]
    rests = [(one, cost) for one, cost in sure if one.rest is not None]
    judged = reader.judge(
        [one.rest for one, _ in rests if one.rest], [(one.word.text or "")[1:] for one, _ in rests]
    )
    costs = {id(one): cost for one, cost in sure if one.rest is None}
    for (one, cost), found in zip(rests, judged, strict=True):
        if found.nats < REST * (len(one.word.text or "") - 1) + SURE:
            costs[id(one)] = cost + found.nats
    chosen: dict[int, Attempt] = {}
    for one, _ in sure:
        if id(one) in costs:
            other = chosen.get(id(one.word))
            if other is None or costs[id(one)] < costs[id(other)]:
                chosen[id(one.word)] = one
    yield from chosen.values()
