"""The commands as a person in a shell meets them: what they print, leave behind and answer."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from lxml import etree
from test_generate import tiny

from hwkit import alphabet
from hwkit.cli import COMMANDS, main
from hwkit.dataset import InkDataset, InkWriter
from hwkit.ink import Ink, Sample

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
ARCHIVES = [str(SAMPLE / "lineStrokes-all.tar.gz"), str(SAMPLE / "ascii-all.tar.gz")]


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store that holds data/sample, ingested and preprocessed, and that no test adds to."""
    root = str(tmp_path_factory.mktemp("store") / "artifacts")
    assert main(["ingest", *ARCHIVES, "--store", root, "--quiet"]) == 0
    assert main(["preprocess", "--store", root, "--quiet"]) == 0
    return root


@pytest.fixture(scope="session")
def store(fresh: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy of it, which the tests share."""
    return str(shutil.copytree(fresh, tmp_path_factory.mktemp("shared") / "artifacts"))


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(tiny(tmp_path))


def fails(capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, *words: str) -> None:
    """The command ends with `code` and one line on stderr that holds `words`."""
    capsys.readouterr()
    assert main([*arguments]) == code
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if line.startswith("hwkit: error: ")]
    assert len(lines) == 1, err
    assert "Traceback" not in err + out
    assert out == ""
    for word in words:
        assert word in lines[0]


# Every command


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert "Usage: hwkit" in out
    if command not in ("artifacts",):  # a group: its own commands have the examples
        assert "Example" in out


def test_ingest_counts_the_sample(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ingest", *ARCHIVES, "--store", store, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["line_files"], result["strokes"], result["points"]) == (183, 4856, 98394)
    assert result["matched"] == {"train": 128, "first-validation": 16, "second-validation": 16, "test": 16}
    remarks = (Path(result["artifact"]) / "remarks.csv").read_text().splitlines()
    assert sorted(line.split(",")[:2] for line in remarks[1:]) == [
        ["s05-000a", "no-ink"],
        ["s05-001a", "transcript-disagrees"],
        ["s05-002a", "no-split"],
    ]


def test_preprocess_repairs_the_two_declared_faults(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preprocess", "ink", "--preset", "raw", "--store", store, "--json"]) == 0
    ink = json.loads(capsys.readouterr().out)["ink"]
    assert (ink["removed"], ink["repaired_lines"], ink["lines"]) == (2, 2, 183)
    repairs = (Path(ink["artifact"]) / "repairs.csv").read_text().splitlines()
    assert repairs[1].startswith("s01-000a-02,0,2")
    assert repairs[2].startswith("s02-001b-03,")


def test_each_step_can_be_made_alone(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preprocess", "vocabulary", "--min-count", "5", "--store", store, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert list(result) == ["vocabulary"]
    assert result["vocabulary"]["classes"] == len(result["vocabulary"]["characters"]) + 1


def test_inspect_draws_lines_before_and_after(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "sheet.svg"
    command = ["inspect", "-o", str(sheet), "--line", "s01-000a-02", "--set", "slant=true", "--store", store]
    assert main([*command, "--json"]) == 0
    line = json.loads(capsys.readouterr().out)["lines"][0]
    assert line["removed"] == 2
    assert line["points_after"] < line["points"] / 2
    assert "s01-000a-02" in sheet.read_text()


def test_sample_keeps_what_the_network_thought(
    store: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file

    command = ["sample", model, "--text", "abc", "--text", "ba", "--count", "2", "--bias", "1"]
    assert main([*command, "--store", store, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    ink = InkDataset.open(Path(result["artifact"]) / "ink.h5")
    steps = load_file(Path(result["artifact"]) / "steps.safetensors")
    assert ink.texts == ["abc", "abc", "ba", "ba"]
    assert ink[0].ink.points.tobytes() != ink[1].ink.points.tobytes()
    for id, line in zip(ink.ids, ink, strict=True):
        n = len(line.ink) - 1
        assert steps[f"{id}/mixture"].shape == (n, 6, 3)
        assert steps[f"{id}/end"].shape == (n,)
        assert steps[f"{id}/window"].shape == (n, len(line.text or "") + 1)
    for suffix in ("svg", "png"):
        picture = tmp_path / f"lines.{suffix}"
        assert main(["render", result["artifact"], "-o", str(picture), "--store", store]) == 0
        assert picture.stat().st_size > 100
    assert len(etree.parse(tmp_path / "lines.svg").findall(".//{*}path")) == ink.strokes


def test_a_primer_comes_from_recorded_ink(
    store: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    primer = tmp_path / "ink.h5"
    with InkWriter(primer) as writer:
        writer.append(Sample("mine", Ink.from_strokes([np.array([[0.0, 0], [5, 9], [9, 2]])]), "ab"))
    command = ["sample", model, "--text", "c", "--store", store, "--json"]
    assert main([*command, "--prime", str(primer)]) == 0
    primed = json.loads(capsys.readouterr().out)
    assert main([*command, "--prime", str(primer), "--prime-text", "ba"]) == 0
    otherwise = json.loads(capsys.readouterr().out)
    assert primed["key"] != otherwise["key"]
    fails(capsys, [*command, "--prime", str(primer), "--prime-line", "his"], 2, "his")
    fails(capsys, [*command, "--prime-text", "ab"], 2, "--prime")


def test_write_gives_the_same_file_twice(model: str, tmp_path: Path) -> None:
    first, second = tmp_path / "a.svg", tmp_path / "b.svg"
    codes = {
        main(["write", "abc\n\ncab &", "-o", str(path), "--model", model, "--seed", "1"])
        for path in (first, second)
    }
    assert codes <= {0, 1}  # an untrained network may not come to the end of its text
    assert len(codes) == 1
    assert first.read_bytes() == second.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"a.svg", "b.svg", "synthesis"}
    root = etree.parse(first).getroot()
    assert root.get("width").endswith("mm")


def test_a_word_that_comes_to_no_end_is_named_and_the_rest_is_saved(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(Path(model) / "model.safetensors")
    weights["first.parameters_weight"][4:] = 0  # of kappa, two components after alpha's and beta's
    weights["first.parameters_bias"][4:] = -12  # the window stands still
    save_file(weights, Path(model) / "model.safetensors")
    out = tmp_path / "a.svg"
    fails(
        capsys, ["write", "abc & ab", "-o", str(out), "--model", model, "-q"], 1, "2 words", "'abc'", "--seed"
    )
    assert len(etree.parse(out).findall(".//{*}path")) == len(alphabet.glyph("&"))
    assert main(["write", "abc & ab", "-o", str(out), "--model", model, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["unwritten"] == ["abc", "ab"]
    before = out.read_bytes()
    fails(capsys, ["write", "abc", "-o", str(out), "--model", model, "-q"], 1, "'abc'", "nothing is saved")
    assert out.read_bytes() == before


def test_write_with_a_model_of_the_package_needs_neither_torch_nor_scipy(tmp_path: Path) -> None:
    script = (
        "import sys; from hwkit.cli import main;"
        f"code = main(['write', 'hello', '-o', {str(tmp_path / 'a.svg')!r}]);"
        "assert not {'torch', 'scipy', 'h5py', 'rich'} & set(sys.modules), sorted(sys.modules); sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "a.svg").read_bytes().count(b"<path") >= 2


def test_write_reads_standard_input_and_writes_standard_output(model: str) -> None:
    command = [sys.executable, "-m", "hwkit", "write", "-", "-o", "-", "--model", model]
    ran = subprocess.run(command, input=b"ab ba", capture_output=True, check=False)
    assert ran.returncode in (0, 1)
    assert ran.stdout.startswith(b"<?xml") or ran.stdout.startswith(b"<svg")
    assert etree.fromstring(ran.stdout).tag.endswith("svg")


TINY = """
[train]
updates = 25
batch_lines = 16
average = 0.9
[train.network]
layers = [12, 12]
mixtures = 2
window = 2
dropout = 0.1
[train.optimiser]
kind = "adamw"
rate = 1e-2
clip_norm = 100.0
[train.augmentation]
width = 0.1
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_training_that_is_stopped_goes_on_to_the_same_bytes(
    number: int, fresh: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text(TINY)
    stopped, undisturbed = tmp_path / "stopped", tmp_path / "undisturbed"
    for root in (stopped, undisturbed):
        shutil.copytree(fresh, root)
    command = [sys.executable, "-m", "hwkit", "train", str(config), "--store", str(stopped)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        seen = next(line for line in process.stderr if "nats a point" in line)  # the first update is done
        process.send_signal(number)
        rest = process.stderr.read()
    assert process.returncode == 130, seen + rest
    assert "stopped and saved after update" in rest
    assert "Traceback" not in rest
    states = list(stopped.glob("train/*.partial/training.state"))
    assert len(states) == 1
    models = []
    for root in (stopped, undisturbed):
        assert main(["train", str(config), "--store", str(root), "--json", "-q"]) == 0
        models.append(Path(json.loads(capsys.readouterr().out)["artifact"]))
    for file in ("model.safetensors", "config.json", "README.md"):
        assert (models[0] / file).read_bytes() == (models[1] / file).read_bytes()
    assert not list(stopped.glob("train/*.partial"))
    assert not (models[0] / "training.state").exists()


# Bad input


def test_write_refuses_what_it_cannot_do(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.svg"
    write = ["write", "-o", str(out), "--model", model]
    fails(capsys, [*write, "ab中"], 2, "中", "U+4E2D", "character 3")
    fails(capsys, [*write, ""], 2, "no text")
    fails(capsys, [*write, "ab", "--bias", "nan"], 2, "bias")
    fails(capsys, [*write, "ab", "--colour", "red"], 2, "red")
    fails(capsys, ["write", "ab", "-o", str(tmp_path / "out.gif"), "--model", model], 2, "out.gif", ".svg")
    fails(
        capsys, ["write", "ab", "-o", str(tmp_path / "no" / "out.svg"), "--model", model], 2, "no such folder"
    )
    fails(capsys, ["write", "ab", "-o", str(tmp_path), "--model", model], 2, str(tmp_path))
    fails(capsys, ["write", "ab", "-o", str(out), "--model", "nobody"], 2, "nobody")
    fails(capsys, ["write", "ab", "-o", str(out), "--model", str(SAMPLE)], 2, "is no model")
    fails(capsys, ["write", "ab", "-o", str(out), "--loud"], 2, "--loud")
    assert not out.exists()
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("config.json", b"{", "is no model config"),
        ("config.json", b'{"format": "hwkit-model", "format_version": 99}', "format version 99"),
        ("config.json", b"\xff\xfe", "is no model config"),
        ("model.safetensors", b"", "cannot be read as weights"),
        ("model.safetensors", b"\xff" * 64, "cannot be read as weights"),
    ],
)
def test_a_broken_model_is_named(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], file: str, content: bytes, words: str
) -> None:
    (Path(model) / file).write_bytes(content)
    fails(capsys, ["write", "ab", "-o", str(tmp_path / "a.svg"), "--model", model], 2, file, words)


def test_a_truncated_archive_leaves_no_artifact(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = tmp_path / "lineStrokes-all.tar.gz"
    broken.write_bytes(Path(ARCHIVES[0]).read_bytes()[:200_000])
    root = tmp_path / "store"
    fails(capsys, ["ingest", str(broken), ARCHIVES[1], "--store", str(root), "-q"], 2, broken.name)
    assert not [p for p in root.rglob("*") if p.is_file() and p.suffix != ".lock"]


def test_ingest_refuses_what_is_no_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(tmp_path / "store")
    fails(capsys, ["ingest", str(tmp_path / "none.tar.gz"), "--store", root, "-q"], 2, "none.tar.gz")
    text = tmp_path / "text.tar.gz"
    text.write_bytes(gzip.compress(b"this is no archive" * 100))
    fails(capsys, ["ingest", str(text), ARCHIVES[1], "--store", root, "-q"], 2, "text.tar.gz")
    fails(capsys, ["ingest", ARCHIVES[0], "--store", root, "-q"], 2, "transcript")
    fails(capsys, ["ingest", *ARCHIVES, "--splits", str(tmp_path), "--store", root, "-q"], 2, "trainset.txt")


def test_bad_lines_among_good_ones_are_a_counted_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    unpacked = tmp_path / "ink"
    for archive in ARCHIVES:
        shutil.unpack_archive(archive, unpacked, filter="data")
    form = unpacked / "lineStrokes" / "s01" / "s01-000"
    lines = sorted(form.glob("s01-000a-*.xml"))
    lines[0].write_text(lines[0].read_text()[:300])  # broken XML
    lines[1].write_text("<WhiteboardCaptureSession><StrokeSet><Stroke/></StrokeSet></WhiteboardCaptureSession>")
    lines[2].write_text(lines[2].read_text().replace('<Point x="', '<Point x="NaN', 1))
    root = tmp_path / "store"
    command = ["ingest", str(unpacked), "--splits", str(SAMPLE), "--store", str(root), "--json", "-q"]
    assert main(command) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["skipped"] == 3
    assert json.loads(out)["matched"]["train"] == 128 - 3  # the lists were found where --splits says
    assert err.count("warning") == 1
    assert "3 bad lines" in err
    dataset = InkDataset.open(Path(json.loads(out)["artifact"]) / "ink.h5")
    assert {r.name for r in dataset.remarks if r.kind == "skipped"} == {p.stem for p in lines[:3]}


def test_stages_say_what_must_come_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = str(tmp_path / "store")
    fails(capsys, ["preprocess", "--store", root, "-q"], 2, "hwkit ingest")
    fails(capsys, ["inspect", "-o", str(tmp_path / "a.svg"), "--store", root], 2, "hwkit ingest")
    first = str(Path(__file__).resolve().parents[1] / "pipelines" / "first.toml")
    fails(capsys, ["train", first, "--store", root, "-q"], 2, "hwkit run")
    fails(capsys, ["evaluate", "nobody", "--split", "test", "--store", root, "-q"], 2, "nobody")
    fails(capsys, ["render", "abcd", "-o", str(tmp_path / "a.svg"), "--store", root], 2, "abcd")
    assert not Path(root).exists()


def test_ink_of_another_version_is_refused(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ink = tmp_path / "ink.h5"
    with InkWriter(ink) as writer:
        writer.append(Sample("one", Ink.from_strokes([np.array([[0.0, 0], [5, 9]])])))
    with h5py.File(ink, "a") as file:
        file.attrs["format_version"] = 99
    fails(capsys, ["render", str(ink), "-o", str(tmp_path / "a.svg"), "--store", store], 2, "ink.h5", "99")
    ink.write_bytes(b"no HDF5 at all")
    fails(capsys, ["render", str(ink), "-o", str(tmp_path / "a.svg"), "--store", store], 2, "ink.h5")
    assert not (tmp_path / "a.svg").exists()


@pytest.mark.parametrize(
    "strokes",
    [[], [np.zeros((1, 2))], [np.zeros((3, 2)), np.array([[5.0, 1.0]])]],
    ids=["empty", "a dot", "dots"],
)
def test_render_takes_the_smallest_ink(strokes: list[np.ndarray], store: str, tmp_path: Path) -> None:
    ink, out = tmp_path / "ink.h5", tmp_path / "a.svg"
    with InkWriter(ink) as writer:
        writer.append(Sample("one", Ink.from_strokes(strokes)))
    assert main(["render", str(ink), "-o", str(out), "--store", store, "-q"]) == 0
    assert len(etree.parse(out).findall(".//{*}path")) == len(strokes)


# A full disk


def mounted(folder: Path, size: str) -> bool:
    """A tmpfs of `size` on a new folder, where this process may mount one."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, store: str, model: str, capsys: pytest.CaptureFixture[str]
) -> None:
    small = tmp_path / "small"
    if not mounted(small, "64k"):
        pytest.skip("this process may not mount a tmpfs")
    try:
        fails(capsys, ["ingest", *ARCHIVES, "--store", str(small / "store"), "-q"], 1, "full", "free")
        assert not [p for p in small.rglob("*") if p.is_file() and p.suffix != ".lock"]
        before = b"what stood here before"
        (small / "out.png").write_bytes(before)
        (small / "fill").write_bytes(b"x" * 57_000)
        command = ["write", "abc cab abc cab", "-o", str(small / "out.png"), "--model", model, "--dpi", "1200"]
        fails(capsys, command, 1, "disk is full")
        assert (small / "out.png").read_bytes() == before
        assert sorted(os.listdir(small)) == ["fill", "out.png", "store"]
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_standard_output_that_is_full_ends_in_one_line(model: str) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command = [sys.executable, "-m", "hwkit", "write", "ab", "-o", "-", "--model", model]
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr.splitlines() == [
        line for line in ran.stderr.splitlines() if line.startswith("hwkit: error")
    ]
    assert "full" in ran.stderr
