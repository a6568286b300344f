"""What `hwkit write` says of itself, and its margins. What it writes: test_letter, test_merge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_generate import tiny

from hwkit import pretrained
from hwkit.cli import main
from hwkit.pretrained import pack
from hwkit.render.jsonl import read_jsonl


def test_the_help_states_the_licence_of_the_weights(capsys: pytest.CaptureFixture[str]) -> None:
    licences = {model.name: model.config.licence for model in pack.packaged()}
    assert "non-commercial" in licences[pretrained.DEFAULT]
    assert licences["cursive"].startswith("MIT")
    assert main(["write", "--help"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "the default model's are for non-commercial research" in said
    assert "--model cursive are under the MIT licence" in said


@pytest.mark.parametrize(
    ("given", "edges"),
    [("9", (9, 9, 9, 9)), ("12,30", (12, 30, 12, 30)), ("45,20,10,100", (45, 20, 10, 100))],
)
def test_margins_are_one_two_or_four(given: str, edges: tuple[float, ...], tmp_path: Path) -> None:
    model, out = tiny(tmp_path), tmp_path / "a.jsonl"
    assert main(["write", "@@ " * 40, "-o", str(out), "--model", str(model), "--page", "220x110",
                 "--margin", given, "--seed", "1", "--wander", "0", "-q"]) == 0  # fmt: skip
    points = np.concatenate(read_jsonl(out.read_bytes())[0].strokes)
    top, right, bottom, left = edges
    assert points[:, 0].min() == pytest.approx(left + 0.25, abs=2e-3)
    assert points[:, 0].max() <= 220 - right - 0.25 + 1e-3
    assert points[:, 0].max() > 220 - right - 20  # it is full
    assert points[:, 1].min() >= top + 0.25 - 1e-3
    assert points[:, 1].max() <= 110 - bottom - 0.25 + 1e-3


@pytest.mark.parametrize("given", ["", "a", "1,,2", "1,2,3", "-1", "nan", "9999"])
def test_what_is_no_margin(given: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "a.svg"
    assert main(["write", "@", "-o", str(out), "--page", "a6", "--margin", given]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not out.exists()
