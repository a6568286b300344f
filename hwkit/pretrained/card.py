"""The model card that is written beside every trained model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hwkit.pretrained import ModelConfig


def card(model: ModelConfig, training: Mapping[str, Any], figures: Mapping[str, Any]) -> str:
    """Markdown: what the network is, what it learned from, what it reached.

    training: the training parameters; figures: those that the training returned.
    """
    network = model.network
    knows = model.vocabulary.characters if model.vocabulary else ""
    rows = {
        "network": f"{network.kind}, LSTM {' + '.join(map(str, network.layers))}, {network.mixtures} mixtures"
        + (f", soft window of {network.window}" if network.kind == "synthesis" else ""),
        "peepholes": "on" if network.peepholes else "off",
        "derivatives clipped": f"gates {network.gate_clip or 'no'}, outputs {network.output_clip or 'no'}",
        "dropout": f"{network.dropout}",
        "weights": f"{figures['weights']:,} in float16",
        "preprocessing": ", ".join(f"{k} {v}" for k, v in _fields(model.recipe).items()),
        "optimiser": ", ".join(f"{k} {v}" for k, v in training["optimiser"].items()),
        "augmentation": ", ".join(f"{k} {v}" for k, v in training["augmentation"].items()),
        "updates": f"{figures['updates']:,} of {training['batch_lines']} lines",
        "training lines": f"{figures['lines']:,} ({figures['points']:,} scored points) of "
        + ", ".join(training["training"]),
        "left out": ", ".join(f"{n} {why}" for why, n in figures["left_out"].items() if n) or "none",
        "validation": f"{figures['validation_nats_per_point']:.4f} nats a point on "
        f"{figures['validation_lines']:,} lines of {training['validation']}, in normalised units",
        "offsets' deviation": "{:.4f} (x), {:.4f} (y)".format(*model.statistics.deviation),
        "characters": f"`{knows.strip().replace('`', '` ` `')}` and the space" if knows else "none",
        "seed": f"{training['seed']}",
    }
    table = "\n".join(f"| {name} | {value.replace('|', chr(92) + '|')} |" for name, value in rows.items())
    return (
        f"# A handwriting {network.kind} model\n\n| | |\n|---|---|\n{table}\n\n"
        "The loss by epoch stands in `log.jsonl` and `loss.svg` of the training artifact. Whatever terms\n"
        "the training ink came with apply to these weights.\n"
    )


def _fields(struct: Any) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
