"""Dreams: what a prediction network writes, on a sheet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from test_generate import tiny

from hwkit.cli import main
from hwkit.errors import InputError
from hwkit.generate.sampler import Writer
from hwkit.ink import Ink
from hwkit.render.flow import GAP_MM, MARGIN_MM, flow

SVG = "{http://www.w3.org/2000/svg}"


def paths(svg: bytes) -> list[str]:
    return [str(path.get("d")) for path in etree.fromstring(svg).iter(f"{SVG}path")]


def test_a_dream_has_the_papers_points_and_the_models_strokes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(tiny(tmp_path, "prediction"))
    out, again = tmp_path / "dream.svg", tmp_path / "again.svg"
    assert main(["dream", model, "-o", str(out), "--count", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == 700 + 1  # the first point is given, as a line's is
    small = ["dream", model, "--count", "2", "--points", "60"]
    assert main([*small, "--seed", "7", "-o", str(out), "--json"]) == 0
    writer = Writer.open(Path(model))
    inks = [writer.sample("", (7, n), points=60).ink for n in range(2)]
    strokes = sum(len(ink.lengths) for ink in inks)
    assert json.loads(capsys.readouterr().out)["strokes"] == strokes == len(paths(out.read_bytes()))
    assert main([*small, "--seed", "7", "-o", str(again), "--quiet"]) == 0
    assert again.read_bytes() == out.read_bytes()
    assert main([*small, "--seed", "8", "-o", str(again), "--quiet"]) == 0
    assert again.read_bytes() != out.read_bytes()


def test_a_dream_is_a_picture_too(tmp_path: Path) -> None:
    model, out = tiny(tmp_path, "prediction"), tmp_path / "dream.png"
    assert main(["dream", str(model), "-o", str(out), "--count", "1", "--points", "40", "--quiet"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        ("synthesis", [], "only a prediction network dreams"),
        ("prediction", ["--bias", "-1"], "bias"),
        ("prediction", ["--width", "3"], "cannot be drawn"),
        ("prediction", ["--size", "0"], "cannot be drawn"),
    ],
)
def test_what_cannot_be_dreamt_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, arguments: list[str], words: str
) -> None:
    out = tmp_path / "dream.svg"
    small = ["--count", "1", "--points", "5"]
    assert main(["dream", str(tiny(tmp_path, kind)), "-o", str(out), *small, *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_a_reader_does_not_dream(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dream", "reader", "-o", str(tmp_path / "a.svg")]) == 2
    assert "it reads, it does not write" in capsys.readouterr().err


def box(width: float, height: float) -> Ink:
    return Ink.from_strokes([np.array([[0, 0], [width, height]]) + 5.0, np.array([[0.0, height]]) + 5.0])


def test_pieces_flow_in_rows_at_one_scale() -> None:
    # At 2 mm a unit of 4: half their size. 60 and 30 mm stand in the first row of 100 mm, 40 do not.
    page = flow([box(120, 20), box(60, 40), box(80, 10)], unit=4.0, unit_mm=2.0, width_mm=100 + 2 * MARGIN_MM)
    first, _, second, _, third, _ = page.strokes
    np.testing.assert_allclose(first, [[MARGIN_MM, MARGIN_MM], [MARGIN_MM + 60, MARGIN_MM + 10]])
    np.testing.assert_allclose(second[0], [MARGIN_MM + 60 + GAP_MM, MARGIN_MM])
    np.testing.assert_allclose(third[0], [MARGIN_MM, MARGIN_MM + 20 + GAP_MM])
    assert page.width_mm == pytest.approx(MARGIN_MM + 60 + GAP_MM + 30 + MARGIN_MM)
    assert page.height_mm == pytest.approx(MARGIN_MM + 20 + GAP_MM + 5 + MARGIN_MM)


def test_a_piece_wider_than_a_row_is_made_to_fit() -> None:
    (page,) = [flow([box(1000, 100)], unit=1.0, unit_mm=1.0, width_mm=100 + 2 * MARGIN_MM)]
    assert np.ptp(page.strokes[0][:, 0]) == pytest.approx(100)
    assert np.ptp(page.strokes[0][:, 1]) == pytest.approx(10)


def test_nothing_makes_no_sheet() -> None:
    with pytest.raises(InputError, match="no ink"):
        flow([Ink(np.zeros((0, 2)), np.zeros(0, np.int64))], unit=1.0)
