"""A reader's own errors: planted ones are found, and no line is judged that it learned from."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from encoded import Planted, sample

from hwkit import pretrained
from hwkit.artifact import Store
from hwkit.cli import main
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import InputError
from hwkit.evaluate.reading import (
    ReadingParameters,
    check_held_out,
    evenly,
    measure,
    real_lines,
    training_words,
)
from hwkit.model.config import NetworkConfig
from hwkit.preprocess import Recipe
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

SPLIT = "first-validation"
LINES = ["the cat sat", "see 12 Bees", "odd egg", "an # here", "", None]


def dataset(folder, recipe=""):
    with InkWriter(folder / "ink.h5", recipe=recipe) as writer:
        for n, text in enumerate(LINES):
            writer.append(sample(n, text))
        writer.append(sample(90, "The cat, see?", "train"))
        writer.append(sample(91, "an egg", "test"))
    return InkDataset.open(folder / "ink.h5")


def test_planted_errors_are_the_figures(tmp_path):
    reader = Planted(lambda text: text.replace("e", "c"), "abcdefghijklmnopqrstuvwxyzB 1")
    figures, rows = measure(reader, dataset(tmp_path), ReadingParameters())
    assert (figures["lines"], figures["characters"], figures["errors"]) == (3, 29, 1 + 4 + 1)
    assert figures["character_error"] == pytest.approx(6 / 29)
    assert figures["word_error"] == pytest.approx(4 / 8)
    assert figures["exact"] == 0.0
    assert figures["left_out"] == {"without ink": 0, "without text": 2, "illegible in part": 1}
    assert figures["unknown"] == 1  # the 2
    assert figures["confusions"] == [{"asked": "e", "read": "c", "times": 6, "of": 6}]
    assert figures["milliseconds_per_line"] > 0 < figures["milliseconds_alone"]
    unseen = next(row for row in figures["by_class"] if row["class"] == "in words not in training")
    assert (unseen["characters"], unseen["errors"]) == (len("satBeesodd"), 2)
    assert rows[0] == {"line": "line-000", "asked": "the cat sat", "read": "thc cat sat", "errors": 1}


def test_training_words_are_those_of_other_splits(tmp_path):
    assert training_words(dataset(tmp_path), SPLIT) == {"the", "cat", "see", "an", "egg"}


def test_only_recorded_lines_that_are_there(tmp_path):
    with pytest.raises(InputError, match="there is no line of split 'validation'"):
        real_lines(dataset(tmp_path), "validation")
    (tmp_path / "own").mkdir()
    with pytest.raises(InputError, match="preprocessed"):
        real_lines(dataset(tmp_path / "own", Recipe().text()), SPLIT)


def test_so_many_evenly():
    assert evenly(range(10), 4) == [0, 3, 6, 9]
    assert evenly(range(3), 0) == evenly(range(3), 9) == [0, 1, 2]


def test_no_reader_is_judged_on_what_it_learned_from():
    check_held_out(SPLIT, ["train", "test"])
    with pytest.raises(InputError, match="learned from the lines of test"):
        check_held_out("test", ["train", "test"])
    with pytest.raises(InputError, match="nothing says which lines"):
        check_held_out(SPLIT, None)


# The command


def model(folder, kind="reader", learned=("train", "test")):
    """A model's folder; nobody looks at its weights."""
    folder.mkdir()
    config = pretrained.ModelConfig(
        network=NetworkConfig(kind=kind, layers=(2,)),
        statistics=Statistics(mean=(0, 0), deviation=(1, 1), points_per_character=5.0, unit=1.0),
        vocabulary=Vocabulary(characters="ab"),
        recipe=Recipe(),
        learned=learned,
    )
    pretrained.write(folder, config, {"a": np.zeros(1, np.float32)}, "# a model")
    return folder


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store with an ingest artifact, and newer than it one that has no such split; readers are planted."""
    from hwkit.reader.reader import Reader

    monkeypatch.setenv("HWKIT_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(Reader, "open", lambda folder: Planted(lambda text: text.replace("e", "c")))
    store = Store(tmp_path / "store")

    def make(folder):
        dataset(folder)
        return {"matched": {SPLIT: 6, "train": 1}}

    store.build("ingest", 1, {}, {}, make)
    store.build("ingest", 1, {"other": 1}, {}, lambda folder: {"matched": {"validation": 1}})
    return store


def test_the_command_measures_a_reader(tmp_path, store, capsys):
    folder, target = str(model(tmp_path / "reader")), tmp_path / "out"
    assert main(["evaluate", folder, "--json", "-o", str(target)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["stage"], found["errors"], found["split"]) == ("reading", 6, SPLIT)
    assert json.loads((target / "figures.json").read_text())["errors"] == 6
    with (target / "lines.csv").open(encoding="utf-8", newline="") as table:
        assert [row["read"] for row in csv.DictReader(table)] == ["thc cat sat", "scc 12 Bccs", "odd cgg"]
    assert main(["evaluate", folder]) == 0
    table = capsys.readouterr().out
    assert "character error" in table
    assert "20.7 %" in table
    assert "in words not in training" in table


def test_the_command_refuses_in_one_line(tmp_path, store, capsys):
    reader, silent = model(tmp_path / "reader"), model(tmp_path / "silent", learned=())
    writer = model(tmp_path / "writer", "synthesis")
    for arguments, said in [
        ([reader, "--split", "train"], "learned from the lines of train"),
        ([silent], "nothing says which lines"),
        ([reader, "--legibility"], "it does not write"),
        ([reader, "--texts", "x"], "--texts goes with --legibility"),
        ([writer, "--legibility", "--reader", writer], "it does not read"),
        ([writer, "--legibility", "--reader", reader, "--texts", tmp_path / "none"], "cannot be read"),
        ([reader, "-o", reader / "config.json"], "is a file"),
    ]:
        assert main(["evaluate", *map(str, arguments), "--quiet"]) == 2, arguments
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert not [a for a in store.all() if a.stage != "ingest"]


def test_what_an_artifact_learned_from_is_in_its_ancestry(tmp_path):
    from hwkit.stages.reading import learned

    store = Store(tmp_path / "store")
    rules = {"compose": [{"splits": ["second-validation"]}, {"splits": ["train", "test"]}]}

    def make(folder):
        for file in model(tmp_path / "made", learned=()).iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return {}

    lines = store.build("lines", 1, rules, {}, lambda folder: (folder / "ink.h5").touch() or {})
    trained = store.build("train", 1, {"training": ["train", "composed"]}, {"ink": lines}, make)
    assert learned(trained) == ("train", "composed", "second-validation", "test")
    assert learned(Path(trained.path)) is None
