"""The charts of `hwkit plot`: what they count, against counts made by hand, and what they refuse."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from lxml import etree
from test_generate import tiny

from hwkit import pretrained
from hwkit.artifact import Artifact, Store
from hwkit.cli import main
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import ArtifactError, InputError
from hwkit.evaluate import curves
from hwkit.evaluate.outliers import removal
from hwkit.generate.sampler import Request, Writer
from hwkit.ink import Ink, Sample
from hwkit.preprocess import PRESETS, Recipe
from hwkit.render import charts, plot
from hwkit.render.grid import Cell, grid

SVG = "{http://www.w3.org/2000/svg}"
LOG = [
    {"update": 10, "epoch": 1.0, "training": 2.0, "validation": 1.0, "points_per_second": 5},
    {"update": 15, "returned_to": 10, "rate_factor": 0.5, "why": "a spike"},
    {"update": 20, "epoch": 2.0, "training": -1.0, "validation": -1.5},
]


def written(log: Path, entries: list[dict[str, Any]] = LOG) -> Path:
    log.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    return log


def texts(svg: bytes) -> list[str]:
    return [element.text or "" for element in etree.fromstring(svg).iter(f"{SVG}text")]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["plot", *arguments, "--json"]) == 0, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["plot", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


# Losses


def trained(
    store: Store, tmp_path: Path, *, terms: str = "free", source: str = "iam-ondb", **recipe: Any
) -> Artifact:
    """A train artifact over three validation lines of 5, 6 and 10 points; its log is LOG."""
    told = Recipe(**recipe)

    def ink(folder: Path) -> dict[str, object]:
        with InkWriter(folder / "ink.h5", recipe=told.text()) as out:
            for n, points in enumerate((5, 6, 10, 4)):
                steps = np.random.default_rng(n).normal(size=(points, 2))
                split = "train" if points == 4 else "first-validation"
                out.append(Sample(f"line-{n}", Ink.from_strokes([np.cumsum(steps, 0)]), "abc", "", split))
        return {}

    def model(folder: Path) -> dict[str, object]:
        config = pretrained.read_config(tiny(tmp_path, "prediction"))
        (folder / "config.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(config, recipe=told)))
        written(folder / "log.jsonl")
        return {}

    ingest = store.build("ingest", 1, {}, {}, lambda folder: {"source": source, "terms": terms})
    made = store.build("ink", 1, {}, {"ingest": ingest}, ink)
    return store.build("train", 1, {"validation": "first-validation", "max_points": 8}, {"ink": made}, model)


def test_a_run_on_the_papers_ink_stands_beside_the_papers_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store(tmp_path / "store")
    run = trained(store, tmp_path)
    out = tmp_path / "loss.svg"
    found = said(capsys, "loss", f"mine={run.name}", "-o", str(out), "--store", str(store.root))
    assert found["unit"] == "nats a line"
    assert found["published"] is True
    assert found["last"] == {"mine": pytest.approx(-1.5 * (4 + 5) / 2)}  # the line of 10 points is too long
    shown = texts(out.read_bytes())
    assert "mine" in shown
    for label in ("Graves 1×900: -1,025.7", "Graves 3×400: -1,041", "Graves 3×400, weight noise: -1,057.7"):
        assert label in shown
    assert not any("synthesis" in text for text in shown)


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        ({"smooth": 1}, "smoothed"),
        ({"decimate": 2.0}, "thinned"),
        ({"terms": ""}, "not that of IAM-OnDB"),  # data/sample has IAM-OnDB's format, and is none of it
        ({"source": "bigbank"}, "not that of IAM-OnDB"),
    ],
)
def test_what_does_not_compare_stands_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kept: dict[str, Any], why: str
) -> None:
    store = Store(tmp_path / "store")
    run = trained(store, tmp_path, **kept)
    found = said(capsys, "loss", run.name, "-o", str(tmp_path / "a.svg"), "--store", str(store.root))
    assert (found["unit"], found["published"], found["last"]) == ("nats a point", False, {run.name: -1.5})
    assert why in found["not_compared"]


def test_other_limits_of_the_repair_compare() -> None:
    first = pretrained.read_config(pretrained.find("first"))
    assert "smoothed" in curves._differs(first)
    for recipe in (Recipe(), Recipe(step_limit=500.0, gap_limit=3.0, pause=1.0)):
        assert curves._differs(msgspec.structs.replace(first, recipe=recipe)) == ""


def test_packaged_models_and_logs_are_runs_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = written(tmp_path / "alone.jsonl")
    found = said(capsys, "loss", "first", f"log={log}", "-o", str(tmp_path / "a.png"), "--across", "epoch")
    assert found["runs"] == ["first", "log"]
    assert found["last"]["log"] == -1.5
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    found = said(
        capsys, "loss", str(log), "-o", str(tmp_path / "b.svg"), "--points-a-line", "100", "--published"
    )
    assert found["unit"] == "nats a line"
    assert list(found["last"].values()) == [-150.0]
    assert sum("Graves" in text for text in texts((tmp_path / "b.svg").read_bytes())) == 5


def test_what_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "a.svg"), "--store", str(tmp_path / "store")]
    assert "no model 'nothing'" in refused(capsys, "loss", "nothing", *out)
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"update": 1, "training": 2}\nnonsense\n')
    assert "line 2 is no entry" in refused(capsys, "loss", str(broken), *out)
    log = str(written(tmp_path / "log.jsonl"))
    assert "--points-a-line" in refused(capsys, "loss", log, "--per", "line", *out)
    assert "--per point" in refused(capsys, "loss", log, "--per", "point", "--published", *out)
    assert "1 to 6" in refused(capsys, "loss", *[log] * 7, *out)
    empty = written(tmp_path / "empty.jsonl", [])
    assert "no run has a loss" in refused(capsys, "loss", str(empty), *out)
    assert "unknown" in refused(capsys, "loss", log, "-o", str(tmp_path / "a.pdf"))
    assert not (tmp_path / "a.svg").exists()


def test_a_log_says_what_was_logged(tmp_path: Path) -> None:
    curve = curves.Curve("c", curves.entries(written(tmp_path / "log.jsonl")))
    assert curve.points("training", "update") == [(10, 2.0), (20, -1.0)]
    assert curve.points("validation", "epoch", 10.0) == [(1.0, 10.0), (2.0, -15.0)]
    with pytest.raises(ArtifactError, match="cannot be read"):
        curves.entries(tmp_path / "nowhere.jsonl")


def heights(path: str) -> list[float]:
    return [float(y) for _, y in re.findall(r"(-?[\d.]+),(-?[\d.]+)", path)]


def test_a_curve_lies_where_its_figures_do() -> None:
    """The last validation of -1060 is as high in the frame as a published figure of -1060."""
    run = charts.Run("r", [(1, 0.0), (2, -900.0)], [(1, -500.0), (2, -1060.0)])
    svg = charts.losses([run], title="t", x="x", y="y", published={"same": -1060.0})
    ways = [str(path.get("d")) for path in etree.fromstring(svg).iter(f"{SVG}path")]
    (dashed,) = [
        path for path in etree.fromstring(svg).iter(f"{SVG}path") if path.get("stroke-dasharray") == "1.6 1.2"
    ]
    (level,) = heights(str(dashed.get("d")))
    validation = [way for way in ways if way.count(",") == 2 and way.startswith("M ") and "H" not in way][-1]
    assert heights(validation)[-1] == pytest.approx(level, abs=2e-3)


# Ink


@pytest.fixture
def outliers(tmp_path: Path) -> Path:
    """Ink of two lines; the second has a spike of 5,000 units, which is two steps."""
    file = tmp_path / "ink.h5"
    with InkWriter(file) as out:
        out.append(Sample("a", Ink.from_strokes([np.column_stack([np.arange(4.0) * 10, np.zeros(4)])]), "ab a"))
        spike = np.column_stack([np.arange(6.0) * 10, np.zeros(6)])
        spike[3, 0] += 5000
        out.append(Sample("b", Ink.from_strokes([spike]), "b<&"))
    return file


def test_outliers_are_counted_before_and_after(outliers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = said(capsys, "lengths", str(outliers), "-o", str(outliers.with_name("l.svg")))
    assert (found["lines"], found["points_before"], found["points_after"], found["removed"]) == (2, 10, 8, 2)
    assert (found["longest_before"], found["longest_after"]) == (6, 4)
    found = said(capsys, "offsets", str(outliers), "-o", str(outliers.with_name("o.svg")))
    assert (found["steps_before"], found["steps_after"]) == (8, 6)
    assert (found["largest_before"], found["largest_after"]) == (5010.0, 10.0)
    assert any("longest that stays: 1,000" in t for t in texts(outliers.with_name("o.svg").read_bytes()))
    found = said(capsys, "offsets", str(outliers), "-o", str(outliers.with_name("d.svg")), "--axis", "dy")
    assert found["largest_before"] == 0.0


def test_an_ink_artifact_says_which_limits(
    tmp_path: Path, outliers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a limit of 10,000 units nothing is removed; the ink itself is not looked at, for it is thinned."""
    store = Store(tmp_path / "store")
    recipe = Recipe(step_limit=10_000, decimate=2.0)

    def copy(folder: Path) -> dict[str, object]:
        (folder / "ink.h5").write_bytes(outliers.read_bytes())
        return {}

    def ink(folder: Path) -> dict[str, object]:
        with InkWriter(folder / "ink.h5", recipe=recipe.text()) as out:
            out.append(Sample("a", Ink.from_strokes([np.eye(2)])))
        return {}

    made = store.build("ink", 1, {}, {"ingest": store.build("ingest", 1, {}, {}, copy)}, ink)
    where = ["--store", str(store.root)]
    found = said(capsys, "lengths", made.name, "-o", str(tmp_path / "l.svg"), *where)
    assert (found["points_before"], found["points_after"], found["removed"]) == (10, 10, 0)
    assert said(capsys, "lengths", "-o", str(tmp_path / "l.svg"), *where)["removed"] == 2  # the newest ingest
    dataset = InkDataset.open(made.file("ink.h5"))
    with pytest.raises(InputError, match="preprocessed already"):
        removal(dataset, PRESETS["raw"])
    assert "preprocessed already" in refused(
        capsys, "lengths", str(made.file("ink.h5")), "-o", str(tmp_path / "x.svg"), *where
    )


def test_two_histograms_share_a_scale() -> None:
    svg = charts.overlaid(
        ("a", np.array([99.0, 0.0])), ("b", np.array([9.0, 9.0])), np.array([0.0, 1.0, 2.0]),
        title="t", x="x", logarithm=True,
    )  # fmt: skip
    grey, outline = [
        heights(str(path.get("d"))) for path in etree.fromstring(svg).iter(f"{SVG}path")
        if path.get("fill") == "#c9c9c9" or (path.get("stroke-width") == "0.45" and path.get("fill") == "none")
    ][:2]  # fmt: skip
    floor = grey[0]
    assert grey[1] - floor == pytest.approx(2 * (outline[1] - floor), abs=4e-3)  # log10 of 1 + 99 and 1 + 9
    assert grey[3] == floor
    assert outline[1] == outline[3]
    assert floor - grey[1] == pytest.approx((plot.BOTTOM - plot.TOP) * 1.0, abs=1e-3)


def test_characters_are_counted(outliers: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = outliers.with_name("c.svg")
    found = said(capsys, "characters", str(outliers), "-o", str(out))
    assert (found["characters"], found["letters_in_all"]) == (5, 7)
    labels = texts(out.read_bytes())
    assert [t for t in labels if len(t) == 1 and not t.isdigit()] == ["a", "b", "␣", "&", "<"]


def test_a_vocabulary_says_what_it_leaves_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "store")

    def make(folder: Path) -> dict[str, object]:
        (folder / "frequencies.csv").write_text(
            'character,name,count,class\n" ",space,1000,kept\n",",comma,10,kept\n"""",quote,1,rare\n'
        )
        return {}

    store.build("vocabulary", 1, {}, {}, make)
    out = tmp_path / "c.svg"
    found = said(capsys, "characters", "-o", str(out), "--store", str(store.root))
    assert (found["letters_in_all"], found["left_out"]) == (1011, '"')
    bars = [e for e in etree.fromstring(out.read_bytes()).iter(f"{SVG}rect")][1:]
    tall = [float(str(bar.get("height"))) for bar in bars]
    assert tall[0] == pytest.approx(3 * tall[1], abs=3e-3)  # powers of ten
    assert 0 < tall[2] < tall[1]
    assert [bar.get("fill") for bar in bars] == [plot.ACCENT, plot.ACCENT, plot.GREY]


# Writing


def test_a_grid_of_biases_is_what_the_writer_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, out = tiny(tmp_path), tmp_path / "bias.svg"
    found = said(
        capsys,
        "bias",
        "abc",
        "--model",
        str(model),
        "--bias",
        "0,2",
        "--count",
        "3",
        "--seed",
        "9",
        "-o",
        str(out),
    )
    assert (found["rows"], len(found["columns"])) == (["bias 0", "bias 2"], 3)
    requests = [Request(text="abc", seed=(9, n), bias=bias, retries=0) for bias in (0.0, 2.0) for n in range(3)]
    lines = Writer.open(model).write_all(requests)
    ways = list(etree.fromstring(out.read_bytes()).iter(f"{SVG}path"))
    assert len(ways) == sum(len(line.ink.lengths) for line in lines)
    assert found["did_not_end"] == sum(not line.ended for line in lines)
    assert sum(t == "no end" for t in texts(out.read_bytes())) == found["did_not_end"]


def test_a_grid_of_hands_is_texts_by_styles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "prime.png"
    found = said(capsys, "prime", "one", "two", "--style", "ash", "--style", "elm", "-o", str(out))
    assert (found["rows"], found["columns"]) == (["ash", "elm"], ["one", "two"])
    assert out.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_written_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = ["-o", str(tmp_path / "a.svg")]
    dreamer, writer = str(tiny(tmp_path, "prediction")), str(tiny(tmp_path))
    assert "hwkit dream" in refused(capsys, "bias", "abc", "--model", dreamer, *out)
    assert "no hands" in refused(capsys, "prime", "abc", "--model", writer, *out)
    assert "U+00E9" in refused(capsys, "bias", "é", "--model", writer, *out)
    assert "a bias of" in refused(capsys, "bias", "abc", "--model", writer, "--bias", "0,-1", *out)
    assert "numbers" in refused(capsys, "bias", "abc", "--model", writer, "--bias", "wild", *out)
    assert not (tmp_path / "a.svg").exists()


def test_a_grid_draws_all_at_one_size() -> None:
    small = Cell(Ink.from_strokes([np.array([[0.0, 0], [10, 0], [20, 0]])]))
    large = Cell(Ink.from_strokes([np.array([[7.0, 3], [47, 3]])]), whole=False)
    svg = grid([("a", [small, large]), ("b", [large, small])], ["x", "y"], unit=2.0)
    wide = []
    for path in etree.fromstring(svg).iter(f"{SVG}path"):
        xs = [float(x) for x, _ in re.findall(r"(-?[\d.]+),(-?[\d.]+)", str(path.get("d")))]
        wide.append(max(xs) - min(xs))
    assert wide == pytest.approx([10, 20, 20, 10], abs=1e-3)
    assert math.isclose(sum(t == "no end" for t in texts(svg)), 2)
    with pytest.raises(InputError, match="no grid"):
        grid([("a", [small])], ["x", "y"], unit=1.0)
