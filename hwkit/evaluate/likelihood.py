"""Graves's measures: the log-loss and the squared error of a model on the lines of a split.

The log-loss of a line is the sum of -ln p(offset | the offsets before it, the text) over its scored
points (eqs. 26 and 55), and that of a split is the mean over its lines, as in the paper's tables. It
is a density's, so it depends on the unit of the offsets: whoever divides them by a larger number
gets a smaller loss. Therefore it is given twice: in the model's normalised units, as in the paper,
and in recording units, where a density over dx, dy is that of the normalised offset divided by
sigma_x sigma_y. Recipes that smooth or drop points still change what is predicted; models are
comparable between the same recipe.

Two more figures say how much the choice of lines and their repair are worth. Ha, Dai and Le
("HyperNetworks", 2016, appendix) drop lines below 300 points, so the mean over the others is given.
And the same model with the same normalisation is measured on the split's ink as its recipe leaves it
with the repair alone left out: nothing interpolated, no step too long to stay.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError
from hwkit.ink import Floats, Ints
from hwkit.preprocess import Recipe, Repairs, prepare
from hwkit.pretrained import ModelConfig
from hwkit.progress import Progress, silent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hwkit.batching import Batch, Line
    from hwkit.dataset import InkDataset
    from hwkit.model.network import Network

STEPS = 32  # points that the network reads at once: memory does not grow with the line, and caches hold it
RESAMPLES = 2000  # of the lines, for the interval of their mean
LONG = 300  # points: Ha, Dai and Le drop lines that have fewer


class EvaluateParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model is measured on."""

    split: str = "first-validation"
    batch_lines: int = 128
    lines: int = 0  # so many of the split's lines, evenly chosen; 0: all

    def __post_init__(self) -> None:
        if self.batch_lines < 1 or self.lines < 0:
            raise InputError("batch_lines must be at least 1, lines not negative")


def measure(
    model: Path,
    dataset: InkDataset,
    parameters: EvaluateParameters,
    *,
    device: str = "cpu",
    progress: Progress = silent,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The figures of a model on a split, and a row for each line in the order of the dataset.

    model: its folder. dataset: recorded ink, which gets the model's own preprocessing, or ink that
    already has it.

    Figures; "normalised" means offsets with mean 0 and standard deviation 1 over the training lines:

    - `lines`, `points`: what was scored. The first point of a line never is.
    - `nats_per_line`: log-loss, normalised, mean over lines; `nats_per_line_low` and `_high` are its
      95 % bootstrap interval over lines (None for a single line). `nats_per_point`.
    - `pen_nats_per_line`: the part of `nats_per_line` that is the end of stroke's.
    - `sigma_x`, `sigma_y`: what offsets were divided by, in recording units: the deviation of the
      training lines times the line's scale, as the geometric mean over scored points.
    - `nats_per_line_recording`, `nats_per_point_recording`: log-loss in recording units. Exactly
      nats_per_line + points / lines * ln(sigma_x sigma_y).
    - `sse_per_line`, `sse_per_point`: squared distance in dx, dy between the mixture's mean and the
      offset, normalised, x and y summed.
    - `long_lines`, `long_nats_per_line`, `long_nats_per_point`: those of the lines that have LONG points
      or more as the network sees them (None where no line has).
    - `repaired_lines`, `interpolated`, `removed`: how many of the lines the repair changed, how many
      points it put in, how many steps it took out. `unrepaired_points`, `unrepaired_nats_per_line`,
      `unrepaired_nats_per_point`: the same lines without it. All None for ink that is already prepared.
    - `left_out`: lines of the split that cannot be scored, by reason.

    A row has `line`, `points`, `nats`, `nats_recording`, `squared_error`: sums over the line; and
    `interpolated`, `removed`, `unrepaired_points`, `unrepaired_nats`, where they are known.

    Raises InputError for a split or a device that is not there, for ink of another preprocessing
    and where no line can be scored, ArtifactError for a folder that is no sound model.
    """
    from hwkit.batching import evenly

    config, network = load(model, device)
    lines, touched, left_out = usable(dataset, config, parameters.split, progress)
    lines = evenly(lines, parameters.lines)
    # What the repair left alone is the same ink without it, and is read once.
    changed = [row for row, line in enumerate(lines) if line.id in touched]
    every = [*lines, *(touched[lines[row].id].before for row in changed)]
    scores = score_all(network, every, config, parameters.batch_lines, device, progress)
    if not np.isfinite(scores).all():
        bad = every[int(np.argmin(np.isfinite(scores).all(axis=0)))].id
        raise ArtifactError(
            f"the log-loss of line {bad} is no number", file=model, do="train it again with a smaller rate"
        )
    pen, offsets, error = scores[:, : len(lines)]
    nats = pen + offsets
    points = np.array([len(line.offsets) - 1 for line in lines])
    scale = np.array([line.scale for line in lines])
    ln_x, ln_y = (np.log(deviation * scale) for deviation in config.statistics.deviation)
    columns: dict[str, Any] = {
        "points": points,
        "nats": nats,
        "nats_recording": nats + points * (ln_x + ln_y),
        "squared_error": error,
    }
    low, high = interval(nats)
    long = points + 1 >= LONG
    total = int(points.sum())
    figures = {
        "lines": len(lines),
        "points": total,
        **means("nats", nats, points),
        "nats_per_line_low": low,
        "nats_per_line_high": high,
        "pen_nats_per_line": float(pen.mean()),
        **means("sse", error, points),
        "sigma_x": float(np.exp(points @ ln_x / total)),
        "sigma_y": float(np.exp(points @ ln_y / total)),
        **means("nats", columns["nats_recording"], points, after="_recording"),
        "long_lines": int(long.sum()),
        **means("long_nats", nats[long], points[long]),
        **dict.fromkeys(("repaired_lines", "interpolated", "removed", "unrepaired_points")),
        **means("unrepaired_nats", nats[:0], points[:0]),
        "left_out": left_out,
    }
    if not dataset.recipe:
        repairs = [touched[line.id].repairs if line.id in touched else Repairs() for line in lines]
        bare_nats, bare_points = nats.copy(), points.copy()
        bare_nats[changed] = scores[:2, len(lines) :].sum(0)
        bare_points[changed] = [len(line.offsets) - 1 for line in every[len(lines) :]]
        columns |= {
            "interpolated": np.array([repair.interpolated for repair in repairs]),
            "removed": np.array([repair.removed for repair in repairs]),
            "unrepaired_points": bare_points,
            "unrepaired_nats": bare_nats,
        }
        figures |= {
            "repaired_lines": len(changed),
            **{name: int(columns[name].sum()) for name in ("interpolated", "removed", "unrepaired_points")},
            **means("unrepaired_nats", bare_nats, bare_points),
        }
    rows = zip(*(column.tolist() for column in columns.values()), strict=True)
    return figures, [
        {"line": line.id, **dict(zip(columns, row, strict=True))} for line, row in zip(lines, rows, strict=True)
    ]


def means(name: str, sums: Floats, points: Ints, after: str = "") -> dict[str, float | None]:
    """The mean over lines and over points of a sum that each line has; None where there is no line."""
    if not len(sums):
        return dict.fromkeys((f"{name}_per_line{after}", f"{name}_per_point{after}"))
    return {
        f"{name}_per_line{after}": float(sums.mean()),
        f"{name}_per_point{after}": float(sums.sum() / points.sum()),
    }


class Touched(NamedTuple):
    """What the repair did to a line, and the line without it."""

    repairs: Repairs
    before: Line


def load(model: Path, device: str = "cpu") -> tuple[ModelConfig, Network]:
    """A model's config and its network, in float32, on a device, for use and not for training.

    Raises ArtifactError where the weights are not those of the config, InputError for a device that
    is not there.
    """
    import torch

    from hwkit.model.network import build

    config, weights = pretrained.read_writing_config(model), pretrained.read_weights(model)
    if min(config.statistics.deviation) <= 0:
        raise ArtifactError("the deviation of the offsets is not above 0", file=model, do="get the model anew")
    try:
        with torch.device("meta"):  # shapes alone: a config may ask for more than there is memory
            network = build(config.network, config.vocabulary.size if config.vocabulary else 0)
    except (RuntimeError, TypeError) as error:
        raise ArtifactError(
            "the network is too large to be one", file=model, do="get the model anew"
        ) from error
    expected = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    found = {name: weight.shape for name, weight in weights.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise ArtifactError(
                f"weight {name} has shape {found.get(name)}, the config wants {expected.get(name)}",
                file=model, do="get the model anew",
            )  # fmt: skip
    try:
        state = {name: torch.from_numpy(weight).to(device) for name, weight in weights.items()}
    except (RuntimeError, AssertionError) as error:  # a torch without CUDA asserts that it has it
        raise InputError(
            f"the device {device!r} cannot be used here", do="choose another, such as cpu"
        ) from error
    network.load_state_dict(state, assign=True)
    network.product = torch.float32  # whatever the machine is good at: figures do not depend on it
    return config, network.eval()


def usable(
    dataset: InkDataset, config: ModelConfig, split: str, progress: Progress = silent
) -> tuple[list[Line], dict[str, Touched], dict[str, int]]:
    """The lines of a split as the model wants them, by id those that the repair changed, what was left out.

    Unlike in training, no line is too long. Raises InputError as `measure` does.
    """
    from hwkit.batching import Line

    own = config.recipe.text()
    if dataset.recipe not in ("", own):
        raise InputError(
            "this ink was preprocessed otherwise than the model's", do="give recorded ink, from hwkit ingest"
        )
    rows = dataset.rows(split)
    if not rows:
        counts = {name: dataset.splits.count(name) for name in sorted(set(dataset.splits))}
        there = ", ".join(f"{name or '(none)'} ({n:,} lines)" for name, n in counts.items())
        raise InputError(f"there is no split {split!r}", do=f"the data has {there or 'no lines'}")
    without = unrepairing(config.recipe)
    lines: list[Line] = []
    touched: dict[str, Touched] = {}
    left_out = dict.fromkeys(("too short", "without text", "unknown character"), 0)
    for done, row in enumerate(rows):
        if done % 100 == 0:
            progress(done, len(rows), "preparing lines")
        sample, repairs = dataset[row], Repairs()
        if not dataset.recipe:
            sample, repairs = prepare(sample, config.recipe)
        text, vocabulary = sample.text or "", config.vocabulary
        if len(sample.ink) < 2:
            left_out["too short"] += 1
        elif vocabulary and not text:
            left_out["without text"] += 1
        elif vocabulary and vocabulary.unknown(text):
            left_out["unknown character"] += 1
        else:
            classes = vocabulary.encode(text) if vocabulary else np.zeros(0, np.int64)
            if repairs != Repairs():
                raw, _ = prepare(dataset[row], without)
                touched[raw.id] = Touched(repairs, Line(raw.id, raw.ink.offsets(), classes, raw.scale))
            lines.append(Line(sample.id, sample.ink.offsets(), classes, sample.scale))
    if not lines:
        why = ", ".join(f"{n} {reason}" for reason, n in left_out.items() if n)
        raise InputError(f"no line of {split} can be scored ({why})", do="check the data and the split")
    return lines, touched, left_out


def unrepairing(recipe: Recipe) -> Recipe:
    """The same recipe with a repair that finds nothing to do."""
    return msgspec.structs.replace(recipe, step_limit=math.inf, gap_limit=math.inf)


def score_all(
    network: Network,
    lines: Sequence[Line],
    config: ModelConfig,
    batch_lines: int,
    device: str,
    progress: Progress,
) -> Floats:
    """`score` of all lines, (3, lines): those of nearly the same length are read together."""
    import torch

    from hwkit.batching import buckets, collate

    classes = config.vocabulary.size if config.vocabulary else 0
    lengths = [len(line.offsets) for line in lines]
    scores, done, total = np.zeros((3, len(lines))), 0, sum(lengths)
    with torch.no_grad():
        for rows in buckets(lengths, batch_lines):
            progress(done, total, "measuring points")
            batch = collate([lines[row] for row in rows], config.statistics, classes)
            scores[:, rows] = score(network, batch, device)
            done += sum(lengths[row] for row in rows)
    progress(done, total, "measuring points")
    return scores


def score(network: Network, batch: Batch, device: str) -> Floats:
    """Of each line of a batch, (3, batch): nats of the pen, nats of the offsets, squared error.

    The lines are read STEPS points at a time, the state carried on. The network's outputs are
    float32; all that follows them is float64.
    """
    import torch

    from hwkit.model.mixture import mean, mixture, nats
    from hwkit.model.network import SynthesisNetwork

    x, target, mask, characters = (part.to(device) for part in batch)
    lines = x.shape[1]
    totals = torch.zeros(3, lines, dtype=torch.float64, device=device)
    state: Any = network.start(lines)
    for begin in range(0, len(x), STEPS):
        piece = slice(begin, begin + STEPS)
        if isinstance(network, SynthesisNetwork):
            hidden, _, state = network.hidden(x[piece], characters, state)
        else:
            hidden, state = network.hidden(x[piece], state)
        scored, offsets = mask[piece], target[piece][mask[piece]].double()
        density = mixture(network.outputs(hidden[scored]).double(), network.config.mixtures)
        pen = torch.nn.functional.binary_cross_entropy_with_logits(density.end, offsets[:, 2], reduction="none")
        error = (mean(density) - offsets[:, :2]).square().sum(-1)
        at_points = torch.zeros(3, *scored.shape, dtype=torch.float64, device=device)
        at_points[:, scored] = torch.stack([pen, nats(density, offsets) - pen, error])
        totals += at_points.sum(1)
    return totals.cpu().numpy()


def interval(values: Floats) -> tuple[float | None, float | None]:
    """The 95 % bootstrap interval (percentile, seeded) of the mean; (None, None) of fewer than two."""
    from scipy.stats import bootstrap

    if len(values) < 2:
        return None, None
    found = bootstrap(
        (values,), np.mean, n_resamples=RESAMPLES, batch=100, method="percentile",
        random_state=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return float(found.low), float(found.high)
