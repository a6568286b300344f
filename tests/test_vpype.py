"""What a plotter's own tool makes of the SVG: `vpype read … linesort write`."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

from hwkit.layout import Page, Pen
from hwkit.render.svg import svg

SVG = "{http://www.w3.org/2000/svg}"
INKSCAPE = "{http://www.inkscape.org/namespaces/inkscape}"

if importlib.util.find_spec("vpype") is None:
    pytest.skip("vpype is not installed: pip install vpype", allow_module_level=True)


def vpype(folder: Path, *arguments: str) -> str:
    """In a process of its own, for its warnings are not ours."""
    code = "import sys; from vpype_cli import cli; sys.exit(cli())"
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    ran = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.mark.parametrize("polyline", [False, True])
def test_vpype_keeps_strokes_layers_and_sizes(tmp_path: Path, polyline: bool) -> None:
    turn = np.linspace(0, 6, 15)
    loop = np.stack([30 + 9 * np.cos(turn), 20 + 9 * np.sin(turn)], axis=1)
    page = Page(
        90.0,
        40.0,
        [
            loop, loop + np.array([25, 5]), np.array([[5.0, 5]]), np.array([[5.0, 30], [12, 32]]),
            np.array([[0.25, 0.25], [89.75, 39.75]]),
        ],
        pens=(Pen(), Pen(0.3, "#ff0000", "red 7")),
        of_pen=(0, 1, 0, 1, 0),
        rules=[np.array([[0.0, 30], [90, 30]])],
    )  # fmt: skip
    (tmp_path / "a.svg").write_bytes(svg(page, polyline=polyline))
    # vpype crops to the page as it reads: nothing may be cut off, or in two.
    vpype(tmp_path, "read", "a.svg", "linesort", "write", "b.svg")
    root = etree.parse(tmp_path / "b.svg").getroot()
    for name, side in (("width", 90), ("height", 40)):
        value = root.get(name, "")
        assert value.endswith("cm")
        assert float(value[:-2]) == pytest.approx(side / 10, abs=1e-4)
    layers = root.findall(f"{SVG}g")
    assert [(layer.get("id"), layer.get(f"{INKSCAPE}label")) for layer in layers] == [
        ("layer1", "1 ink"), ("layer2", "2 red"), ("layer3", "3 rules"),
    ]  # fmt: skip
    assert [layer.get("stroke") for layer in layers] == ["#000000", "#ff0000", "#b8cce4"]
    widths = [float(layer.get("stroke-width", "")) * 25.4 / 96 for layer in layers]
    assert np.allclose(widths, [0.5, 0.3, 0.2], atol=1e-4)
    assert [len(layer) for layer in layers] == [3, 2, 1]
