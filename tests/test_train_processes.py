"""Two processes that train together over gloo, beside one on the same global batches."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import CLASSES, HELD_OUT, LINES, SCALED, config_of, logged, same

from hwkit.batching import Augmentation
from hwkit.train import loss, restore, train
from hwkit.train.loader import drawn, share
from hwkit.train.processes import Group, current, own

RULE = {"kind": "adamw", "rate": 1e-3, "warmup": 2, "clip_norm": 5.0}
# Batches of 3, 3 and 1 line: one process has more lines than the other, or all of them.
OPTIONS = {
    "plain": {"augmentation": Augmentation(width=0.2), "average": 0.9, "network": {"gate_clip": 10.0}},
    "noise": {"noise": {"deviation": 0.05, "adaptive": True}, "kind": "prediction"},
    "stop": {"save_every": 2},
    "nan": {"save_every": 2},
    "fails": {},
}

WORKER = """
import json, sys
from itertools import count
from pathlib import Path
import numpy as np
import torch.distributed as dist
from hwkit.errors import HwkitError
from hwkit.train import loop, train
from test_train_processes import OPTIONS, LINES, HELD_OUT, SCALED, CLASSES, config_for

rank, root = int(sys.argv[1]), Path(sys.argv[2])
dist.init_process_group("gloo", init_method=f"file://{root}/meeting", rank=rank, world_size=2)
real = loop.loss
for case in OPTIONS:
    asked, spoilt = count(), count()

    def planted(network, batch, device):
        total = real(network, batch, device)
        bad = case == "nan" and network.training and rank == 1 and next(spoilt) == 3
        return total * float("nan") if bad else total

    def stop():
        if case == "fails" and rank == 1:
            sys.exit(3)
        return case == "stop" and rank == 1 and next(asked) == 2

    loop.loss = planted
    folder = root / case / str(rank)
    folder.mkdir(parents=True)
    try:
        weights, figures = train(LINES, HELD_OUT, SCALED, CLASSES, config_for(case), folder, stop=stop)
        np.savez(root / case / f"{rank}.npz", **weights)
        (root / case / f"{rank}.json").write_text(json.dumps(figures))
    except HwkitError as error:
        (root / case / f"{rank}.error").write_text(str(error))
        code = error.exit_code
sys.exit(code)
"""


def config_for(case):
    return config_of(optimiser=RULE, updates=6, **OPTIONS[case])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What two processes left of one training after the other, the last of which one of them leaves."""
    root = tmp_path_factory.mktemp("together")
    paths = [str(Path(__file__).parent), str(Path(__file__).parent.parent)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, str(rank), str(root)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    words = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [1, 3], words
    return root


def arrays(file):
    with np.load(file) as found:
        return dict(found)


@pytest.mark.parametrize("case", ["plain", "noise"])
def test_two_processes_come_to_the_weights_of_one(trained, tmp_path, case):
    first, second = (arrays(trained / case / f"{rank}.npz") for rank in range(2))
    assert same(first, second)
    alone, figures = train(LINES, HELD_OUT, SCALED, CLASSES, config_for(case), tmp_path / "alone")
    before = restore(tmp_path / "new", config_for(case), CLASSES, "cpu").network.state_dict()
    for name, weight in alone.items():
        # Adam moves every weight by about its rate however small the gradient, so some rounding shows.
        np.testing.assert_allclose(first[name], weight, rtol=0, atol=2e-4, err_msg=name)
        assert np.abs(weight - before[name].numpy()).max() > 1e-3
    got = json.loads((trained / case / "0.json").read_text())
    assert got["validation_nats_per_point"] == pytest.approx(figures["validation_nats_per_point"], rel=1e-4)
    ours, theirs = logged(trained / case / "0"), logged(tmp_path / "alone")
    assert [entry["update"] for entry in ours] == [entry["update"] for entry in theirs] == [3, 6]
    for one, other in zip(ours, theirs, strict=True):
        assert one["training"] == pytest.approx(other["training"], rel=1e-4)
    assert not list((trained / case / "1").iterdir())  # the leader alone writes


def test_one_that_is_asked_to_stop_stops_both_when_the_state_is_safe(trained):
    folder = trained / "stop"
    assert all("saved after update 3" in (folder / f"{rank}.error").read_text() for rank in range(2))
    assert restore(folder / "0", config_for("stop"), CLASSES, "cpu").update == 3


def test_a_nan_in_one_is_a_setback_of_both(trained):
    assert same(*(arrays(trained / "nan" / f"{rank}.npz") for rank in range(2)))
    faults = [entry["why"] for entry in logged(trained / "nan" / "0") if "why" in entry]
    assert faults == ["the loss is nan at update 4"]


def test_when_one_ends_the_other_says_so_and_ends(trained):
    assert "another process of this training has ended" in (trained / "fails" / "0.error").read_text()
    assert not (trained / "fails" / "1.error").exists()


def test_the_gradient_of_a_batch_is_the_sum_of_its_shares(tmp_path):
    config = config_of()
    network = restore(tmp_path, config, CLASSES, "cpu").network

    def gradients(batch):
        network.zero_grad()
        loss(network, batch, "cpu").backward()
        return [w.grad.clone() for w in network.parameters()]

    for rows in (LINES, LINES[:3], LINES[:1]):
        whole = gradients(share(rows, SCALED, CLASSES, config, Group()))
        shares = [share(rows, SCALED, CLASSES, config, Group(rank, 3)) for rank in range(3)]
        assert sum(int(batch.mask.sum()) for batch in shares) == sum(len(line.offsets) - 1 for line in rows)
        assert sum(int(batch.mask.any(0).sum()) for batch in shares) == len(rows)
        for sum_of, *parts in zip(whole, *map(gradients, shares), strict=True):
            torch.testing.assert_close(sum(parts), sum_of, rtol=1e-4, atol=1e-5)


def test_shares_have_the_lines_of_the_whole_as_they_are_varied_there():
    config = config_for("plain")
    whole = next(drawn(LINES, SCALED, CLASSES, config, 3, 2))
    assert whole.x.shape[1] == 3
    for rank in range(2):
        part = next(drawn(LINES, SCALED, CLASSES, config, 3, 2, Group(rank, 2)))
        steps = len(part.x)
        assert torch.equal(part.x, whole.x[:steps, rank::2])
        assert torch.equal(part.mask, whole.mask[:steps, rank::2])


def test_a_process_alone_needs_no_others(monkeypatch):
    group = current()
    assert group == Group(0, 1)
    assert group.leads
    values = torch.tensor([1.5, 2.0])
    group.sum([values])
    assert values.tolist() == [1.5, 2.0]
    assert group.share(b"word") == b"word"
    assert group.any(True)
    assert not group.any(False)
    group.wait()
    assert own("cuda") == "cuda"
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.setenv(name, "3")
    assert own("cuda") == "cuda:3"
    assert own("cpu") == "cpu"
    assert own("cuda:1") == "cuda:1"
