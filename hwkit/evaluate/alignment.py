"""Which character each point of a line belongs to, and the words that can be cut out of a line by it.

A trained synthesis network says where in the text the pen is: its soft window (Graves 2013, eqs. 46 to
51) moves along the characters while it reads the recorded points (figure 13). The window is soft and
often early or late by a character, so it names the neighbourhood of a cut and the ink itself decides:
a word ends where the pen is up, at the widest gap that the window allows, and nothing that is written
later lies left of it. What is in doubt is left out: a word that is missed costs nothing, a wrong one is
learned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hwkit.errors import InputError
from hwkit.generate.words import boundaries, gaps
from hwkit.ink import Floats, Ink, Sample
from hwkit.progress import Progress, silent

if TYPE_CHECKING:
    from hwkit.model.network import Network
    from hwkit.pretrained import ModelConfig

CLOSING = frozenset(".,;:!?)")  # a token of these alone stands at the word before it
NARROWEST = 1.6  # a gap between words is at least so wide, in the line's unit
AGAINST_INNER = 1.35  # ... and by so much wider than any gap within the two words beside it
AGAINST_LINE = 0.45  # ... and by so much as wide as the line's median gap between words
MARK = (2.0, 5.0)  # a full stop or comma is less wide and high, in the line's unit
DOT = 1.2  # ... and a dot less high
PROPORTION = (0.6, 1.7)  # a word's width over what its letters have elsewhere in the line
NARROW, WIDE = frozenset("iljtfrI1.,;:!'\"()[]-/"), frozenset("mwMWQGOD")


class Word(NamedTuple):
    """A word to be found in a line's text."""

    text: str  # as it is written, without spaces
    start: int  # place of its first character in the line's text
    stop: int  # place after its last
    sure: bool = True  # whether the transcript says what its ink looks like


def positions(
    network: Network, config: ModelConfig, samples: Sequence[Sample], *, batch_lines: int = 128,
    progress: Progress = silent,
) -> list[Floats]:  # fmt: skip
    """The place in its text where the window is after each point, (n,), counted from 0, for each sample.

    The place is the mean of the characters, weighted by phi (eq. 46); the end of the text is place U.
    The samples have the model's own preprocessing, text of its characters, and two points at least.
    """
    import torch

    from hwkit.batching import Line, buckets, collate
    from hwkit.model.network import SynthesisNetwork

    if not isinstance(network, SynthesisNetwork) or config.vocabulary is None:
        raise InputError("a prediction network reads no text", do="name a synthesis model")
    vocabulary = config.vocabulary
    found: list[Floats] = [np.zeros(0)] * len(samples)
    done = 0
    with torch.no_grad():
        for rows in buckets([len(sample.ink) for sample in samples], batch_lines):
            progress(done, len(samples), "aligning lines")
            # One point more than collate scores, so that the window after the last point is there too.
            lines = [
                Line(
                    s.id,
                    np.vstack([s.ink.offsets(), np.zeros((1, 3))]),
                    vocabulary.encode(s.text or ""),
                    s.scale,
                )
                for s in (samples[row] for row in rows)
            ]
            batch = collate(lines, config.statistics, vocabulary.size)
            # The first layer alone moves the window, and bfloat16 products are exact enough for a cut.
            start = network.first.begin(len(rows))
            phi = network.first.read(batch.x.bfloat16(), batch.characters, start)[2].numpy()
            place = np.arange(phi.shape[2])
            for column, row in enumerate(rows):
                weights = phi[: len(samples[row].ink), column, : len(lines[column].classes)]
                total = np.maximum(weights.sum(1), 1e-9)
                found[row] = (weights @ place[: weights.shape[1]]) / total
            done += len(rows)
    return found


def words_of(text: str) -> list[Word]:
    """The words of a transcript in their order.

    IAM-OnDB sets many a full stop and comma apart ("Mr . Foot") that the hand wrote at the word: tokens
    of closing punctuation alone belong to the word before. Other tokens of punctuation alone (a quotation
    mark, an apostrophe set apart) may belong to either side, so they and their neighbours are not sure.
    """
    words: list[Word] = []
    place = 0
    for token in text.split(" "):
        if token and words and set(token) <= CLOSING:
            words[-1] = Word(words[-1].text + token, words[-1].start, place + len(token))
        elif token:
            words.append(Word(token, place, place + len(token)))
        place += len(token) + 1
    bare = [False, *(not any(c.isalnum() for c in word.text) and word.text != "-" for word in words), False]
    return [word._replace(sure=not any(bare[n : n + 3])) for n, word in enumerate(words)]


def cut(sample: Sample, position: Floats) -> tuple[list[Sample], Counter[str]]:
    """The words of a line that are cleanly cut, in its order, and how many are left out and why.

    position: (n,), as `positions` gives it. A word is named `LINE/NUMBER`, NUMBER counting the words of
    the line from 1. Its x is that of the line, so that the gaps between neighbours can be seen; its y is
    0 at the line's median height. It has the line's form, split and scale.
    """
    words, ink = words_of(sample.text or ""), sample.ink
    if not words:
        return [], Counter()
    gap = gaps(ink)  # (s - 1,)
    strokes = boundaries(ink, position, [word.stop for word in words[:-1]], gap)
    if strokes is None:
        return [], Counter({"no pen-up at a space of its line": len(words)})

    edges = [gap[stroke - 1] for stroke in strokes[1:-1]]
    inner = [float(gap[a : b - 1].max(initial=0.0)) for a, b in pairwise(strokes)]
    usual = float(np.median(edges)) if edges else 0.0
    clean = [
        edge >= max(NARROWEST, AGAINST_LINE * usual, AGAINST_INNER * max(inner[n : n + 2]))
        for n, edge in enumerate(edges)
    ]
    clean = [True, *clean, True]
    points = [0, *np.cumsum(ink.lengths)]
    pieces = [slice(points[a], points[b]) for a, b in pairwise(strokes)]
    widths = np.array([np.ptp(ink.points[piece, 0]) for piece in pieces])
    share = widths / np.array([breadth(word.text) for word in words])
    share = share / max(float(np.median(share)), 1e-9)  # upright strokes alone have no width
    height = float(np.median(ink.points[:, 1]))

    found, left_out = [], Counter[str]()
    for n, (word, piece) in enumerate(zip(words, pieces, strict=True)):
        if not word.sure:
            left_out["punctuation set apart"] += 1
        elif not (clean[n] and clean[n + 1]):
            left_out["no clear gap beside it"] += 1
        elif not PROPORTION[0] <= share[n] <= PROPORTION[1] and len(word.text) > 1:
            left_out["width unlike its letters"] += 1
        elif not marks_agree(
            drawn := Ink(ink.points[piece] - (0.0, height), ink.lengths[strokes[n] : strokes[n + 1]]), word.text
        ):
            left_out["its full stop or a neighbour's is astray"] += 1
        else:
            found.append(replace(sample, id=f"{sample.id}/{n + 1}", ink=drawn, text=word.text))
    return found, left_out


def marks_agree(ink: Ink, text: str) -> bool:
    """Whether a word has a low mark at its end where its text does, and none outside where it has not.

    A full stop is often as far from its word as from the next one. ink: of the word, 0 at its height.
    """
    boxes = [(*stroke.min(axis=0), *stroke.max(axis=0)) for stroke in ink.strokes()]
    left, right = min(box[0] for box in boxes), max(box[2] for box in boxes)
    marks = [box for box in boxes if box[2] - box[0] < MARK[0] and box[3] - box[1] < MARK[1] and box[3] > 0.5]
    if text[-1] in ".,":
        return any(box[2] > right - 0.2 * (right - left) - MARK[0] for box in marks)
    dots = [box for box in marks if box[3] - box[1] < DOT]
    for dot in dots if len(boxes) > 1 else []:
        others = [box for box in boxes if box is not dot]
        if text[-1].isalnum() and dot[0] > max(box[2] for box in others):
            return False
        if text[0].isalnum() and dot[2] < min(box[0] for box in others):
            return False
    return True


def breadth(text: str) -> float:
    """How wide a text is, in letters, roughly: an i has half a letter's width, an m one and a half."""
    return sum(0.5 if c in NARROW else 1.5 if c in WIDE else 1.3 if c.isupper() else 1.0 for c in text)
