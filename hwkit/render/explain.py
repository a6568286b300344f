"""A page of HTML that shows a line being written, and what the network thought at each step.

All of it is in one file, which asks nothing of the network. The template beside this module has the page,
its words and its script; what is put in is escaped for the place where it stands.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwkit.errors import InputError
from hwkit.ink import Floats, Ink
from hwkit.statistics import Statistics

if TYPE_CHECKING:
    from hwkit.generate.network import F32
    from hwkit.generate.watched import Watched

TEMPLATE = Path(__file__).with_name("explain.html")
FINE = 1000  # numbers are kept to a thousandth: of a probability, of the line's unit
LIGHT = 0.003  # a blob with less weight is not seen
DIM = 0.0005  # nor is so little of the window


def explanation(
    line: Watched, statistics: Statistics, *, model: str, style: str, bias: float, seed: int
) -> bytes:
    """The page, UTF-8. statistics: of the model that wrote the line; the rest is told in small print.

    Raises InputError for a line with fewer than two points: nothing moves in it.
    """
    steps = story(line, statistics)
    if not steps["steps"]:
        raise InputError("the line has no step to explain", do="try another --seed, or more text")
    parts = {
        "text": html.escape(line.sampled.text),
        "model": html.escape(model),
        "style": html.escape(style),
        "bias": f"{bias:g}",
        "seed": str(seed),
        "points": f"{len(line.sampled.ink):,}",
        "bumps": str(line.bumps.shape[2]),
        "still": still(line.sampled.ink),
        "data": embedded(steps),
    }
    template = TEMPLATE.read_text(encoding="utf-8")
    # In one pass, so that nothing within a part is taken for a place.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], template).encode()


def story(line: Watched, statistics: Statistics) -> dict[str, Any]:
    """What the page's script reads: whole numbers are thousandths, lengths are in units of the writing's size.

    points: x, y, x, y … of all points; lifts: which of them end a stroke; steps: for each point but the first
    [end of stroke, first place of the window, the window from there on, bumps, blobs]; end: the window when
    the line ended, [first place, the window, bumps]. bumps: all heights, all sharpnesses, all places. blobs:
    [weight, x, y from the point before, scale x, scale y, correlation].
    """
    sampled, unit = line.sampled, statistics.unit
    deviation, mean = np.array(statistics.deviation) / unit, np.array(statistics.mean) / unit
    points = (sampled.ink.points - sampled.ink.points[:1]) / unit
    steps = []
    for end, phi, bumps, mixture in zip(
        sampled.end, sampled.window, line.bumps[:-1], sampled.mixture.astype(np.float64), strict=True
    ):
        blobs = mixture.T[mixture[0] >= min(LIGHT, mixture[0].max())]  # (m, 6)
        blobs[:, 1:3] = blobs[:, 1:3] * deviation + mean
        blobs[:, 3:5] *= deviation
        whole = thousandths(blobs)
        whole[:, 3:5] = np.maximum(whole[:, 3:5], 1)
        whole[:, 5] = np.clip(whole[:, 5], 1 - FINE, FINE - 1)
        steps.append([int(thousandths(end)), *window(phi, bumps), whole.tolist()])
    return {
        "text": sampled.text,
        "before": line.before,
        "points": thousandths(points).ravel().tolist(),
        "lifts": (np.cumsum(sampled.ink.lengths) - 1).tolist(),
        "steps": steps,
        "end": window(line.end, line.bumps[-1]),
    }


def window(phi: Floats | F32, bumps: Floats | F32) -> list[Any]:
    """Where the window (B + U + 1,) begins to be seen, what is seen from there on, and its bumps (3, K)."""
    lit = np.flatnonzero(phi > DIM)
    first, after = (int(lit[0]), int(lit[-1]) + 1) if len(lit) else (0, 0)
    return [first, thousandths(phi[first:after]).tolist(), [float(f"{value:.4g}") for value in bumps.ravel()]]


def thousandths(values: Any) -> Any:
    """Numbers as whole thousandths."""
    return np.rint(np.asarray(values, np.float64) * FINE).astype(np.int64)


def embedded(data: Any) -> str:
    """JSON that can stand in a script element of HTML: no character in it begins or ends anything there."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)  # ASCII alone
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def still(ink: Ink) -> str:
    """The ink as a plain SVG, for who runs no script."""
    low = ink.points.min(axis=0)
    extent = np.maximum(np.ptp(ink.points, axis=0), 1e-9)
    scale = 1000.0 / float(extent.max())
    wide, tall = extent * scale + 40
    ways = " ".join(way((stroke - low) * scale + 20) for stroke in ink.strokes())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide:.0f} {tall:.0f}" role="img">'
        f'<path d="{ways}" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" '
        'stroke-linejoin="round"/></svg>'
    )


def way(points: Floats | Sequence[Floats]) -> str:
    """Points as an SVG path; one alone is a dot."""
    pairs = [f"{x:.1f},{y:.1f}" for x, y in points]
    return "M" + " ".join(pairs if len(pairs) > 1 else [*pairs, "h0"])
