"""The whole way of the ink, from the sample archive to a page, as pipelines/sample.toml declares it."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from lxml import etree

from hwkit.cli import main

PIPELINE = Path(__file__).resolve().parents[1] / "pipelines" / "sample.toml"


def test_the_sample_pipeline_runs_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["run", str(PIPELINE), "--store", str(tmp_path / "store"), "--json", "--quiet"]
    assert main(command) == 0
    stages = {stage["stage"]: stage for stage in json.loads(capsys.readouterr().out)["stages"]}
    ways = ["ingest", "ink", "statistics", "vocabulary", "train", "sample", "render", "evaluate"]
    assert list(stages) == ways
    assert all(stage["made"] for stage in stages.values())
    assert stages["ingest"]["metrics"]["lines"] == 183
    # It learns: the first line of the log is of the first pass over the lines, the last of the fifth.
    log = (Path(stages["train"]["artifact"]) / "log.jsonl").read_text().splitlines()
    assert json.loads(log[-1])["training"] < json.loads(log[0])["training"] - 0.2
    figures = stages["evaluate"]["metrics"]
    assert figures["lines"] == 16
    assert math.isfinite(figures["nats_per_line"])
    # The validation loss of the training, measured again by another stage.
    learnt = stages["train"]["metrics"]["validation_nats_per_point"]
    assert figures["nats_per_point"] == pytest.approx(learnt, abs=0.02)
    page = Path(stages["render"]["artifact"])
    svg = etree.parse(page / "page.svg")
    assert len(svg.findall(".//{http://www.w3.org/2000/svg}path")) == stages["render"]["metrics"]["strokes"] > 0
    assert (page / "page.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")

    assert main(command) == 0
    again = json.loads(capsys.readouterr().out)["stages"]
    assert [stage["made"] for stage in again] == [False] * len(ways)
    assert [stage["key"] for stage in again] == [stage["key"] for stage in stages.values()]
