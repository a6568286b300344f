"""A trained reader out of the store: what it learned from, its figures, its card."""

from __future__ import annotations

import pytest
from test_models import REACHED, TRAINING, World, said
from test_reader import folder_of

from hwkit import pretrained
from hwkit.cli import main
from hwkit.reader.reader import Reader

FIGURES = {
    "lines": 500, "characters": 12_000, "errors": 900, "character_error": 0.075, "character_error_low": 0.07,
    "character_error_high": 0.08, "word_error": 0.2, "exact": 0.4,
    "by_class": [{"class": "digits", "characters": 90, "errors": 9, "error": 0.1}],
    "confusions": [
        {"asked": "a", "read": "o", "times": 31, "of": 900},
        {"asked": "", "read": "|", "times": 2, "of": 0},
    ],
}  # fmt: skip


@pytest.fixture
def trained(tmp_path, monkeypatch):
    """A reader that learned from the train split and from words of the test split, measured on the rest."""
    monkeypatch.setenv("HWKIT_STORE", str(tmp_path / "store"))
    world = World(tmp_path)
    world.tiny = folder_of(tmp_path / "reader")
    ingest = world.ingest("a", source="my hand", terms="CC0")
    compose = {"compose": [{"splits": ["train", "test"]}, {"splits": ["train"]}]}
    lines = world.store.build("lines", 1, compose, {"ingest": ingest}, lambda folder: {})

    def make(folder):
        for file in world.tiny.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
        return dict(REACHED)

    model = world.store.build("train", 1, TRAINING | {"training": ["train", "composed"]}, {"ink": lines}, make)
    world.store.build(
        "reading",
        1,
        {"split": "first-validation", "lines": 0},
        {"model": model, "ingest": ingest},
        lambda f: FIGURES,
    )
    return model


def test_a_packed_reader_says_what_it_learned_and_reaches(trained, tmp_path, capsys):
    folder = tmp_path / "packed"
    result = said(capsys, "pack", trained.name, str(folder), "--about", "reads")
    config = pretrained.read_config(folder)
    assert config.learned == ("train", "composed", "test")
    assert result["learned"] == ["train", "composed", "test"]
    assert result["figures"]["character_error"] == 0.075
    assert Reader.open(folder).vocabulary == config.vocabulary
    card = (folder / "README.md").read_text()
    for piece in (
        "# A handwriting reader\n", "reads", "CC0", "my hand", "LSTM both ways 12 + 10", "`hwkit read`",
        "7.50% (95 % interval 7.00% to 8.00%)", "| digits | 10.00% |", "| `a` as `o` | 31 of 900 |",
        "lines that it did not learn from", "first-validation",
    ):  # fmt: skip
        assert piece in card, piece
    assert "mixtures" not in card
    assert "deviation |" not in card


def test_the_list_says_how_much_a_reader_misreads(trained, capsys):
    assert main(["models"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if trained.name in line]
    assert "7.5%" in row
    assert "unknown" not in row
