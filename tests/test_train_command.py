"""`hwkit train` over several sittings, and with several processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.exceptions import Exit
from safetensors.numpy import load_file

from hwkit.artifact import Store
from hwkit.cli import main
from hwkit.cli.train import follow
from hwkit.errors import Stopped

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"
CONFIG = """
[train]
updates = 4
batch_lines = 16
average = 0.9
save_every = 3
validation_lines = 5
products = "float32"
[train.network]
layers = [8, 8]
mixtures = 2
window = 2
dropout = 0.0
[train.optimiser]
kind = "adamw"
rate = 1e-3
[train.augmentation]
width = 0.1
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of data/sample, preprocessed, and beside it the config of a training."""
    root = tmp_path_factory.mktemp("prepared")
    archives = [str(SAMPLE / name) for name in ("lineStrokes-all.tar.gz", "ascii-all.tar.gz")]
    assert main(["ingest", *archives, "--store", str(root / "store"), "--quiet"]) == 0
    assert main(["preprocess", "--store", str(root / "store"), "--quiet"]) == 0
    (root / "tiny.toml").write_text(CONFIG)
    return root


def command(root: Path, *more: str) -> list[str]:
    return ["train", str(root / "tiny.toml"), "--store", str(root / "store"), "--json", "-q", *more]


def model(capsys: pytest.CaptureFixture[str]) -> Path:
    return Path(json.loads(capsys.readouterr().out)["artifact"])


def test_a_training_over_several_sittings_and_checkouts_ends_in_the_same_bytes(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(prepared, tmp_path / "whole")
    assert main(command(tmp_path / "whole")) == 0
    whole = model(capsys)
    for sitting in range(3):
        here, before = tmp_path / f"checkout-{sitting}", tmp_path / f"checkout-{sitting - 1}"
        shutil.copytree(prepared, here)  # the store is not under version control; the state is
        if sitting:
            shutil.copytree(before / ".training", here / ".training")
        last = sitting == 2
        limit = () if last else ("--minutes", "0")
        state = here / ".training" / "tiny"
        assert main(command(here, "--state", str(state), *limit)) == (0 if last else 130)
        if not last:
            assert f"stopped and saved after update {sitting + 1}" in capsys.readouterr().err
            assert (state / "training.state" / "index.json").is_file()
            assert not [file for file in here.glob("store/train/*.partial/*") if file.is_file()]
    again = model(capsys)
    assert not state.exists()
    names = {file.name for file in whole.iterdir()}
    assert names == {file.name for file in again.iterdir()}
    assert not {"training.state", "index.json"} & names
    for file in ("model.safetensors", "config.json", "README.md"):
        assert (whole / file).read_bytes() == (again / file).read_bytes()
    # What is done is not made again, and a folder that was not asked for may be another training's.
    (state / "training.state").mkdir(parents=True)
    assert main(command(here, "--state", str(state))) == 0
    assert model(capsys) == again
    assert (state / "training.state").is_dir()


def test_a_state_of_another_config_is_refused(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(prepared, tmp_path / "a")
    state = tmp_path / "state"
    assert main(command(tmp_path / "a", "--state", str(state), "--minutes", "0")) == 130
    config = tmp_path / "a" / "tiny.toml"
    config.write_text(config.read_text().replace("updates = 4", "updates = 5"))
    capsys.readouterr()
    assert main(command(tmp_path / "a", "--state", str(state))) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "updates 4, here 5" in line
    assert (state / "training.state" / "index.json").is_file()


def test_torchrun_trains_with_two_processes_to_the_weights_of_one(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two"):
        shutil.copytree(prepared, tmp_path / name)
    assert main(command(tmp_path / "one")) == 0
    one = load_file(model(capsys) / "model.safetensors")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    ran = subprocess.run(
        [*launcher, "-m", "hwkit", *command(tmp_path / "two")],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    (artifact,) = (a for a in Store(tmp_path / "two" / "store").all() if a.stage == "train")
    assert json.loads(ran.stdout)["artifact"] == str(artifact.path)  # one process speaks
    two = load_file(artifact.path / "model.safetensors")
    assert one.keys() == two.keys()
    for name, weight in one.items():  # float16: a rounding more
        np.testing.assert_allclose(
            two[name].astype(np.float32), weight.astype(np.float32), rtol=0, atol=1e-3, err_msg=name
        )


class Leader:
    """A group whose leader calls so often."""

    def __init__(self, calls: int) -> None:
        self.messages = [b"train"] * calls + [b""]

    def share(self, message: bytes) -> bytes:
        return self.messages.pop(0)


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_follower_helps_as_often_as_it_is_called(calls: int) -> None:
    helped: list[int] = []
    follow(Leader(calls), lambda: helped.append(1))  # type: ignore[arg-type]
    assert len(helped) == calls


def test_a_follower_that_is_stopped_leaves_the_words_to_the_leader() -> None:
    def stopped() -> None:
        raise Stopped("stopped and saved")

    with pytest.raises(Exit) as leaving:
        follow(Leader(2), stopped)  # type: ignore[arg-type]
    assert leaving.value.exit_code == 130


def test_a_pipeline_is_not_run_by_many_processes(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "0")
    pipeline = Path(__file__).resolve().parents[1] / "pipelines" / "sample.toml"
    assert main(["run", str(pipeline), "--store", str(prepared / "elsewhere")]) == 2
    assert "torchrun works with hwkit train" in capsys.readouterr().err
    assert not list((prepared / "elsewhere").glob("*/*"))
