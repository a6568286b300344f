"""A line of text written alone and watched: what the network thought, and each bump of its soft window."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hwkit.errors import InputError
from hwkit.generate.batch import Batch, Recorder, Try, before_text, rank
from hwkit.generate.network import F32
from hwkit.generate.sampler import Request, Sampled, Writer, Written


@dataclass(frozen=True)
class Watched:
    """A line as it was written. Row t of all arrays is what point t + 1 of the ink was drawn from.

    Places in the text are counted from 1 at the first character of the line's own text, as in eq. 46; what
    the hand has written before stands at 0 and below.
    """

    sampled: Sampled  # its arrays have one row fewer than the ink has points; window: (n, B + U + 1)
    before: str  # what stands before the text, its hand's, of B characters; "" without a hand
    bumps: F32  # (n + 1, 3, K): height alpha, sharpness beta, place kappa (eqs. 48 to 51); last when it ended
    end: F32  # (B + U + 1,), the window when the line ended (section 5.3): after its last point


class _Watcher(Recorder):
    """A recorder that keeps the bumps too."""

    batch: Batch

    def __init__(self, writer: Writer, bias: float) -> None:
        super().__init__(writer, bias, lambda point: None)
        self.bumps: list[F32] = []

    def record(self, y: F32, phi: F32) -> None:
        super().record(y, phi)
        self.bumps.append(self.now())

    def now(self) -> F32:
        """The bumps of the last step, (3, K)."""
        state = self.batch.state
        alpha, beta, _ = state.raw[0].reshape(3, -1)  # the network has taken their exponentials
        return np.stack([alpha, beta, state.kappa[0]])


def watched(writer: Writer, request: Request) -> Watched:
    """A line, tried with the request's further seeds where it does not end well; the best try is kept.

    The same ink as `writer.write_all` makes of the request. Raises as it does.
    """
    best: tuple[Written, Watched] | None = None
    for n in range(request.retries + 1):
        one = Try(request, 0, (*request.seed, n), n + 1)
        recorder = _Watcher(writer, one.bias_of(writer))
        recorder.batch = batch = Batch(writer, [request], recorder=recorder)
        batch.add(one)
        while not (done := batch.step()):
            pass
        ((_, written),) = done
        if best is None or rank(written) > rank(best[0]):
            best = written, _watched(recorder, written, request)
        if written.ended:
            break
    assert best is not None
    return best[1]


def _watched(recorder: _Watcher, written: Written, request: Request) -> Watched:
    # In a hand the first point is drawn too, but its way begins at ink that is not the line's.
    skipped = 1 if request.hand else 0
    if len(written.ink) < 2:
        raise InputError(f"{request.text!r} came out as a single point", do="try another seed")
    sampled = recorder.sampled(written, request.text, 1 - skipped)
    before = before_text(request)
    bumps = np.stack([*recorder.bumps[skipped : len(sampled.end)], recorder.now()])
    bumps[:, 2] -= len(before)
    rest = Sampled(
        sampled.ink, sampled.text, sampled.ended,
        sampled.mixture[skipped:], sampled.end[skipped:], sampled.window[skipped:],
    )  # fmt: skip
    return Watched(rest, before, bumps, recorder.batch.state.phi[0].copy())
