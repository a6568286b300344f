"""Many lines at once, side by side in one product a step; a line that ends makes room for the next one."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import InputError
from hwkit.generate.network import F32, Density, density
from hwkit.generate.sampler import (
    Reason,
    Request,
    Sampled,
    Writer,
    Written,
    at_end,
    checked_bias,
    draw,
)
from hwkit.ink import Floats, Ink, Ints
from hwkit.progress import Progress, silent

LINES = 64  # side by side; more are not faster
BLOCK = 32  # points for which a line draws its random numbers at once
PATIENCE = 3.0  # a line may have this many times the points that its characters usually have
AFTER = 3.0  # characters' worth of points that may pass between the end of the text and a pen lift
STALL = 8.0  # characters' worth of points in which the window must move on
ONWARD = 0.25  # characters; so far it moves on
SEEN = 0.2  # share of the window that every character must have had at some time
STRAY = 3.0  # times the points of a last stroke within the text may follow it
SHORT = 0.8  # characters' worth of points; a stroke with fewer after the text is kept
FINE = 2.0**20  # phi is rounded to this for the mean place, so that its sums are exact in float64


Flags = NDArray[np.bool_]


def write_all(writer: Writer, requests: Sequence[Request], progress: Progress = silent) -> list[Written]:
    """See Writer.write_all."""
    best: list[Written | None] = [None] * len(requests)
    tries = [Try(request, n, (*request.seed, 0)) for n, request in enumerate(requests)]
    batch = Batch(writer, requests)
    # Longest first, so that no long line is left over at the end.
    waiting = deque(sorted(tries, key=lambda one: -len(one.request.text)))
    done = 0
    progress(done, len(requests), "writing")
    while waiting or batch.tries:
        while waiting and len(batch.tries) < batch.lines:
            batch.add(waiting.popleft())
        for one, written in batch.step():
            before = best[one.number]
            if before is None or rank(written) > rank(before):
                best[one.number] = written
            if written.ended or one.tries > one.request.retries:
                done += 1
                progress(done, len(requests), "writing")
            else:
                waiting.append(Try(one.request, one.number, (*one.request.seed, one.tries), one.tries + 1))
    return [written for written in best if written is not None]


def write_together(
    writer: Writer, texts: Sequence[str], seeds: Sequence[Sequence[int]], bias: float
) -> list[Written]:
    """The first try of each text with its own seed, as it is: the line of `writer.sample`."""
    batch, found = Batch(writer, [Request(text=text, seed=()) for text in texts]), {}
    waiting = deque(
        Try(Request(text=text, seed=seed, bias=bias), n, tuple(seed))
        for n, (text, seed) in enumerate(zip(texts, seeds, strict=True))
    )
    while waiting or batch.tries:
        while waiting and len(batch.tries) < batch.lines:
            batch.add(waiting.popleft())
        found.update({one.number: written for one, written in batch.step()})
    return [found[n] for n in range(len(texts))]


def rank(written: Written) -> tuple[bool, float]:
    """What makes one try better than another."""
    return written.ended, float(written.position[-1]) if len(written.position) else 0.0


@dataclass(eq=False)
class Try:
    """A line while it is written."""

    request: Request
    number: int  # of the request
    seed: tuple[int, ...]
    tries: int = 1
    offset: int = 0  # characters of the hand before the text
    most: int = 0  # points it may have
    count: int = 0  # points it has
    left: int = -1  # points it had when the window left the text; -1: it is within
    after: int = 0  # steps with the window past the text
    furthest: float = 0.0  # how far the window has come, and
    since: int = 0  # how many points the line had then
    random: np.random.Generator = field(default_factory=np.random.default_rng)

    def bias_of(self, writer: Writer) -> float:
        """The bias it is written with."""
        return checked_bias(writer.config.bias if self.request.bias is None else self.request.bias)


class Batch:
    """Lines that are written side by side, in the first places of every array."""

    def __init__(
        self,
        writer: Writer,
        requests: Sequence[Request],
        *,
        points: int = 700,
        recorder: Recorder | None = None,
    ) -> None:
        """Room for any of these requests. points: of a line without text."""
        self.writer, self.points, self.recorder = writer, points, recorder
        for request in requests:
            self.encode(request)
        pace = max(writer.config.statistics.points_per_character, 1.0)
        self.pace, self.most_after = pace, math.ceil(AFTER * pace)
        self.lines = lines = min(LINES, max(len(requests), 1))
        texts = [len(before_text(request)) + len(request.text) + 1 for request in requests]
        self.places = max(texts, default=1) if writer.config.vocabulary else 0
        longest = max((self.budget(request) for request in requests), default=0)
        self.state = writer.network.start(lines, self.places)
        self.tries: list[Try] = []
        self.x = np.zeros((lines, 3))
        self.bias = np.zeros(lines)
        self.last = np.zeros(lines, np.int64)
        self.numbers = np.zeros((lines, BLOCK, 4))
        self.drawn = np.zeros((lines, longest + 1, 3))
        self.position = np.zeros((lines, longest + 2))
        self.share = np.zeros(
            (lines, self.places), np.float32
        )  # the most that each character had of the window
        self.moments = np.stack([np.ones(self.places), np.arange(self.places)], 1)

    def encode(self, request: Request) -> Ints | None:
        """The classes of a request's text. Raises as Writer.write_all does."""
        checked_bias(self.writer.config.bias if request.bias is None else request.bias)
        vocabulary = self.writer.config.vocabulary
        if request.hand is not None:
            request.hand.check(self.writer)
        if vocabulary is not None:
            classes = vocabulary.encode(request.text)
            return (
                np.concatenate([vocabulary.encode(before_text(request))[:-1], classes])
                if request.hand
                else classes
            )
        if request.text:
            raise InputError("a prediction network writes no text", do="give a synthesis model, or no text")
        return None

    def budget(self, request: Request) -> int:
        """How many points a request's line may have."""
        if not self.writer.config.vocabulary:
            return self.points
        return math.ceil(PATIENCE * self.pace * (len(request.text) + 2))

    def add(self, one: Try) -> None:
        """Begin a line."""
        line = len(self.tries)
        self.tries.append(one)
        self.state.take(line + 1)
        classes = self.encode(one.request)
        one.random = np.random.default_rng(list(one.seed))
        one.most, one.offset = self.budget(one.request), len(before_text(one.request))
        self.state.begin(line, classes)
        self.bias[line], self.share[line] = one.bias_of(self.writer), 0.0
        self.last[line] = len(classes) - 1 if classes is not None else 0
        if one.request.hand is not None:
            one.request.hand.put(self.state, line)
            self.x[line] = one.request.hand.x
        else:
            self.x[line] = self.writer.config.statistics.normalise(np.zeros((1, 3)))[0]

    def step(self) -> list[tuple[Try, Written]]:
        """Draw a point of every line; the lines that have ended, which leave the batch."""
        batch = len(self.tries)
        self.state.feed(self.x[:batch])
        y = self.writer.network.step(self.state)
        done = self._look() if self.places else self._enough()
        numbers = self._numbers()
        x = draw(y, self.writer.network.config.mixtures, self.bias[:batch], numbers)
        if self.recorder and not done:
            self.recorder.record(y, self.state.phi)
        self.x[:batch] = x
        counts = [one.count for one in self.tries]
        self.drawn[np.arange(batch), counts] = x
        for one in self.tries:
            one.count += 1
        ended = []
        for line in sorted(done, reverse=True):
            one = self.tries[line]
            one.count -= 1  # what was drawn just now is not part of it
            ended.append((one, self._written(line, done[line])))
            self._leave(line)
        return ended

    def _look(self) -> dict[int, Reason]:
        """Where the windows are, and which lines are done."""
        phi, batch = self.state.phi, len(self.tries)
        past = at_end(phi, self.last[:batch])
        fine = np.rint(phi.astype(np.float64) * FINE)
        total, moment = (fine @ self.moments).T
        total = np.maximum(total, 1.0)
        np.maximum(self.share[:batch], fine / total[:, None], out=self.share[:batch], casting="unsafe")
        done: dict[int, Reason] = {}
        for line, (one, gone, place) in enumerate(
            zip(self.tries, past.tolist(), (moment / total).tolist(), strict=True)
        ):
            place -= one.offset
            self.position[line, one.count] = place
            if place > one.furthest + ONWARD:  # no faster than that: it jumps about while it finds its start
                one.furthest, one.since = one.furthest + ONWARD, one.count
            if not gone:
                one.left = -1
            else:
                # Section 5.3. A last stroke is finished; a stroke that would only follow it is not begun.
                one.left, one.after = (one.count if one.left < 0 else one.left), one.after + 1
                if one.count and self.x[line, 2] > 0.5:
                    done[line] = "ended" if self._complete(line) else "skipped"
                    continue
            if one.after > self.most_after or one.count == one.most:
                done[line] = "ran away"
            elif not gone and one.count - one.since > STALL * self.pace:
                done[line] = "stalled"
        return done

    def _enough(self) -> dict[int, Reason]:
        """Which lines without text have all their points."""
        return {line: "ended" for line, one in enumerate(self.tries) if one.count == one.most}

    def _complete(self, line: int) -> bool:
        """Whether the window looked at every character that has ink."""
        one = self.tries[line]
        inked = [n for n, c in enumerate(one.request.text, one.offset) if c != " "]
        return bool((self.share[line, inked] >= SEEN).all())

    def _numbers(self) -> Floats:
        """(batch, 4): the next random numbers of each line, from its own generator."""
        at = []
        for line, one in enumerate(self.tries):
            now = one.count % BLOCK
            if now == 0:
                self.numbers[line, :, :2] = one.random.random((BLOCK, 2))
                self.numbers[line, :, 2:] = one.random.standard_normal((BLOCK, 2))
            at.append(now)
        return self.numbers[np.arange(len(at)), at]

    def _written(self, line: int, reason: Reason) -> Written:
        one = self.tries[line]
        drawn = self.drawn[line, : one.count]
        if reason != "ran away" or one.left >= 0:
            # Where the window is on the last character when a stroke ends, that one is written.
            written = self.position[line, 1 : one.count + 1] > len(one.request.text) - 1.5
            drawn = drawn[: kept(drawn[:, 2] > 0.5, written, one.left, self.pace)]
        offsets = self.writer.config.statistics.restore(drawn)
        position = self.position[line, : len(drawn) + 1].copy()
        if one.request.hand is not None:
            if not one.request.onward:
                offsets[0, :2] = 0.0  # the way from the primer's end is not part of the line
            position = position[1:]
        else:
            offsets = np.concatenate([np.zeros((1, 3)), offsets])
        return Written(
            ink=Ink.from_offsets(offsets), ended=reason == "ended", reason=reason, position=position,
            seed=one.seed, tries=one.tries,
        )  # fmt: skip

    def _leave(self, line: int) -> None:
        """The last line takes the place of one that is done."""
        last = len(self.tries) - 1
        one = self.tries.pop()
        if line != last:
            self.tries[line] = one
            self.state.move(last, line)
            for part in (self.x, self.bias, self.last, self.numbers, self.share):
                part[line] = part[last]
            self.drawn[line, : one.count] = self.drawn[last, : one.count]
            self.position[line, : one.count + 1] = self.position[last, : one.count + 1]
        if last:
            self.state.take(last)


def kept(lifts: Flags, written: Flags, left: int, pace: float) -> int:
    """How many points of a line are its text's: a last stroke that follows it, but for its start, is not.

    lifts: (n,), where strokes end; written: (n,), whether the last character had its turn; left: how many
    points there were when the window left the text, or -1; pace: points a character. A full stop or a crossbar
    is often begun as the window leaves: so the stroke must be long, and the one before it at the text's end.
    """
    ends = np.flatnonzero(lifts[:-1])
    if left < 0 or not len(ends):
        return len(lifts)
    start, after = int(ends[-1]) + 1, len(lifts) - left
    stray = after > STRAY * (left - start) and after > SHORT * pace and written[start - 1]
    return start if stray else len(lifts)


def before_text(request: Request) -> str:
    """What stands before a request's text: the end of its hand's own, and a space."""
    return request.hand.text + " " if request.hand is not None and request.hand.text else ""


class Recorder:
    """What the network thought at each step of a line that is written alone."""

    def __init__(self, writer: Writer, bias: float, watch: Callable[[int], None]) -> None:
        self.mixtures, self.bias, self.watch = writer.network.config.mixtures, bias, watch
        self.densities: list[Density] = []
        self.phis: list[F32] = []

    def record(self, y: F32, phi: F32) -> None:
        """A step."""
        self.densities.append(density(y.copy(), self.mixtures, self.bias))
        self.phis.append(phi[0].copy())
        self.watch(len(self.phis))

    def sampled(self, written: Written, text: str, first: int) -> Sampled:
        """All steps of the line's own points, of which the `first` ones were given."""
        steps = len(written.ink) - first
        return Sampled(
            written.ink,
            text,
            written.ended,
            np.concatenate([d.parameters() for d in self.densities[:steps]]),
            np.concatenate([d.end for d in self.densities[:steps]]),
            np.stack(self.phis[:steps]),
        )
