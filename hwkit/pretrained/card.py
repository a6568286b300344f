"""The model card that is written beside every trained model."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from hwkit.preprocess import PRESETS
from hwkit.pretrained import ModelConfig

UNKNOWN = "unknown"
READS = (
    "It takes the strokes of one line, in the order of writing, and says what is written: for `hwkit read`, "
    "and for the choice among candidates of `hwkit write`. It has no language model, so it reads names and "
    "numbers as they stand. It is not made to tell writers apart, and not to be trusted with what must not "
    "be misread."
)


def card(
    model: ModelConfig,
    training: Mapping[str, Any],
    reached: Mapping[str, Any],
    *,
    figures: Mapping[str, Any] | None = None,
    archives: Mapping[str, str] | None = None,
) -> str:
    """Markdown: what the network is, what it learned from and under which terms, what it reaches.

    training: the training parameters; reached: what the training returned; figures: those of `hwkit
    evaluate`, as `read_figures` gives them; archives: sha256 of the training ink's files by name.
    """
    reads = model.network.kind == "reader"
    parts = [
        f"# A handwriting {model.network.kind}{'' if reads else ' model'}",
        model.about,
        READS if reads else "",
        _table(_what_it_is(model, training, reached)),
        "The loss by epoch stands in `log.jsonl` and `loss.svg`.",
        "## Data and terms",
        _terms(model),
        _table({name: f"`{sha256}`" for name, sha256 in (archives or {}).items()}, "file", "sha256"),
        "## What it reaches",
        _reading(figures) if reads else _figures(figures),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def network(model: ModelConfig) -> str:
    """A network in few words."""
    n = model.network
    if n.kind == "reader":
        return f"reader, convolutions, LSTM both ways {' + '.join(map(str, n.layers))}"
    window = f", soft window of {n.window}" if n.kind == "synthesis" else ""
    return f"{n.kind}, LSTM {' + '.join(map(str, n.layers))}, {n.mixtures} mixtures{window}"


def recipe(model: ModelConfig) -> str:
    """The name of a model's preprocessing where it has one."""
    return next((name for name, preset in PRESETS.items() if preset == model.recipe), "own recipe")


def characters(model: ModelConfig) -> str:
    """What a model writes or reads, runs of neighbours shortened: ` !A-Za-z`. "" for a prediction network."""
    if model.vocabulary is None:
        return ""
    known = sorted(model.vocabulary.characters + model.vocabulary.non_letter)
    breaks = [n for n, (a, b) in enumerate(pairwise(known), 1) if ord(b) != ord(a) + 1 or not _kin(a, b)]
    runs = [known[i:j] for i, j in pairwise([0, *breaks, len(known)])]
    return "".join(f"{run[0]}-{run[-1]}" if len(run) > 3 else "".join(run) for run in runs)


def licence(model: ModelConfig) -> str:
    """The name of the licence of a model's weights: the first line of what it says of it."""
    return (model.licence.splitlines() or [UNKNOWN])[0]


def _kin(a: str, b: str) -> bool:
    return a.isalnum() and b.isalnum() and a.isdigit() == b.isdigit() and a.isupper() == b.isupper()


def _what_it_is(model: ModelConfig, training: Mapping[str, Any], reached: Mapping[str, Any]) -> dict[str, str]:
    n = model.network
    knows = model.vocabulary.characters if model.vocabulary else ""
    loss, lines = reached["validation_nats_per_point"], f"{reached['validation_lines']:,} lines"
    validation = f"{loss:.4f} nats a point on {lines} of {training['validation']}"
    deviation = "{:.4f} (x), {:.4f} (y)".format(*model.statistics.deviation)
    reads = n.kind == "reader"
    return {
        "network": network(model),
        "peepholes": "on" if n.peepholes else "off",
        "derivatives clipped": f"gates {n.gate_clip or 'no'}, outputs {n.output_clip or 'no'}",
        "dropout": f"{n.dropout}",
        "weights": f"{reached['weights']:,} in float16",
        "preprocessing": _pairs({k: getattr(model.recipe, k) for k in model.recipe.__struct_fields__}),
        "optimiser": _pairs(training["optimiser"]),
        "augmentation": _pairs(training["augmentation"]),
        "updates": f"{reached['updates']:,} of {training['batch_lines']} lines",
        "training lines": f"{reached['lines']:,} ({reached['points']:,} scored points) of "
        + ", ".join(training["training"]),
        "left out": ", ".join(f"{k} {why}" for why, k in reached["left_out"].items() if k) or "none",
        "validation": f"{validation}, of the text" if reads else f"{validation}, in normalised units",
        **({} if reads else {"offsets' deviation": deviation}),
        "characters": f"`{knows.strip().replace('`', '` ` `')}` and the space" if knows else "none",
        "seed": f"{training['seed']}",
    }


def _terms(model: ModelConfig) -> str:
    learned = (
        f"Learned from {', '.join(model.data)}." if model.data else "What it learned from is not recorded."
    )
    unknown = "The licence is unknown: whatever terms the training ink came with apply to these weights."
    return f"{learned}\n\n{model.licence.strip() or unknown}"


def _figures(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return "Not measured: `hwkit evaluate` does."

    def number(name: str, digits: int = 1) -> str:
        return "unknown" if figures.get(name) is None else f"{figures[name]:,.{digits}f}"

    interval = ""
    if figures.get("nats_per_line_low") is not None:
        interval = f" (95 % interval {number('nats_per_line_low')} to {number('nats_per_line_high')})"
    rows = {
        "lines, points": f"{figures['lines']:,}, {figures['points']:,}",
        "nats a line, normalised, end of stroke included": number("nats_per_line") + interval,
        "nats a point, normalised": number("nats_per_point", 3),
        "nats a line, in recording units": number("nats_per_line_recording"),
        "nats a point, in recording units": number("nats_per_point_recording", 3),
        "sigma x, sigma y, recording units": f"{number('sigma_x', 2)}, {number('sigma_y', 2)}",
        "squared error a point, normalised": number("sse_per_point", 4),
        "lines that the repair touched": f"{number('repaired_lines', 0)}: {number('interpolated', 0)} points "
        f"put in, {number('removed', 0)} steps taken out",
        "nats a line without any repair": number("unrepaired_nats_per_line"),
        "nats a line over lines of 300 points and more": f"{number('long_nats_per_line')} "
        f"({number('long_lines', 0)} lines)",
    }
    measured = f"Measured from these weights by `hwkit evaluate` on {figures['split']}"
    return f"{measured} of {figures['data']}.\n\n{_table(rows)}"


def _reading(figures: Mapping[str, Any] | None) -> str:
    """A reader's figures."""
    if figures is None:
        return "Not measured: `hwkit evaluate` does."

    def share(row: Mapping[str, Any], name: str) -> str:
        if row.get(name) is None:
            return UNKNOWN
        low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
        interval = "" if low is None or high is None else f" (95 % interval {low:.2%} to {high:.2%})"
        return f"{row[name]:.2%}{interval}"

    rows = {
        "lines, characters": f"{figures['lines']:,}, {figures['characters']:,}",
        "character error": share(figures, "character_error"),
        "word error": share(figures, "word_error"),
        "lines without error": share(figures, "exact"),
    }
    classes = {row["class"]: share(row, "error") for row in figures["by_class"]}
    confusions = {
        f"`{row['asked'] or 'nothing'}` as `{row['read'] or 'nothing'}`": f"{row['times']:,} of {row['of']:,}"
        for row in figures["confusions"][:12]
    }
    told = (
        f"Measured from these weights by `hwkit evaluate` on {figures['split']} of {figures['data']}, "
        "lines that it did not learn from."
    )
    parts = [
        told, _table(rows), _table(classes, "class", "character error"),
        _table(confusions, "read wrongly most often", "times"),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _table(rows: Mapping[str, str], *header: str) -> str:
    if not rows:
        return ""
    cells = [(name, value.replace("|", "\\|")) for name, value in rows.items()]
    top, rule = f"| {' | '.join(header)} |" if header else "| | |", "|---|---|"
    return "\n".join([top, rule, *(f"| {name} | {value} |" for name, value in cells)])
