"""`hwkit models`: what is listed, what a trained model's ancestry says of it, and what a packed one holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_generate import tiny

from hwkit import pretrained
from hwkit.artifact import Artifact, Store
from hwkit.cli import main
from hwkit.errors import ArtifactError, InputError
from hwkit.pretrained import pack
from hwkit.pretrained.card import characters, licence

REACHED = {
    "weights": 1234, "updates": 10, "lines": 7, "points": 700, "left_out": {"too long": 1},
    "validation_nats_per_point": -0.5, "validation_lines": 3,
}  # fmt: skip
TRAINING = {
    "optimiser": {"kind": "adamw"}, "augmentation": {"width": 0.1}, "batch_lines": 4,
    "training": ["train"], "validation": "first-validation", "seed": 1,
}  # fmt: skip
FIGURES: dict[str, Any] = {
    "lines": 3, "points": 290, "nats_per_line": -1234.5, "nats_per_line_low": -1300.0,
    "nats_per_line_high": -1200.0, "nats_per_point": -12.77, "nats_per_line_recording": 2000.0,
    "nats_per_point_recording": 20.0, "sigma_x": 40.0, "sigma_y": 30.0, "sse_per_point": 0.25,
    "repaired_lines": 2, "interpolated": 11, "removed": 4, "unrepaired_nats_per_line": -1100.5,
    "long_lines": 1, "long_nats_per_line": -1500.5, "left_out": {},
}  # fmt: skip


class World:
    """A store in which models can be ingested, trained and measured in no time."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(folder / "store")
        self.tiny = tiny(folder)

    def ingest(self, name: str, **metrics: object) -> Artifact:
        archive = self.folder / f"{name}.zip"
        archive.write_text(name)

        def make(folder: Path) -> dict[str, object]:
            (folder / "ink.h5").write_text(name)
            return metrics

        return self.store.build("ingest", 1, {}, {"archive-1": archive}, make)

    def train(self, *ingests: Artifact) -> Artifact:
        inks = {
            f"ink-{n}": self.store.build("ink", 1, {}, {"ingest": one}, lambda folder: {})
            for n, one in enumerate(ingests)
        }

        def make(folder: Path) -> dict[str, object]:
            for file in self.tiny.iterdir():
                (folder / file.name).write_bytes(file.read_bytes())
            (folder / "log.jsonl").write_text("{}\n")
            (folder / "state.pt").write_text("what only training needs")
            return dict(REACHED)

        return self.store.build("train", 1, TRAINING, inks, make)

    def measure(
        self, model: Artifact, ingest: Artifact, split: str = "first-validation", lines: int = 0
    ) -> None:
        asked = {"split": split, "lines": lines}
        inputs = {"model": model, "ingest": ingest}
        figures = {**FIGURES, "nats_per_line": FIGURES["nats_per_line"] - len(split) - lines}
        self.store.build("evaluate", 2, asked, inputs, lambda folder: figures)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("HWKIT_STORE", str(tmp_path / "store"))
    return World(tmp_path)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["models", *arguments, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


# What is known


def test_every_packaged_model_says_what_it_is(capsys: pytest.CaptureFixture[str], world: World) -> None:
    found = {model["name"]: model for model in said(capsys)["models"]}
    assert set(found) == set(pretrained.names())
    assert [name for name in found if found[name]["default"]] == [pretrained.DEFAULT]
    for name, model in found.items():
        assert model["licence"], name
        assert model["data"], name
        assert model["about"], name
        figures = model["figures"]
        assert 0 < figures.get("character_error", 0.01) < 0.12, name  # of a reader
        assert figures.get("nats_per_line", -1.0) < 0, name
        assert model["figures"]["split"], name
        assert model["bytes"] == (Path(model["path"]) / "model.safetensors").stat().st_size


def test_a_config_of_before_is_read(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    for name in ("about", "licence", "data"):
        del config[name]
    (folder / "config.json").write_text(json.dumps(config))
    model = pack.of_folder(folder)
    assert (model.config.licence, model.config.data, model.figures) == ("", (), None)
    assert licence(model.config) == "unknown"
    (folder / "figures.json").write_text("[]")
    with pytest.raises(ArtifactError, match="holds no figures"):
        pack.of_folder(folder)


def test_terms_come_from_all_ink_that_went_in(world: World) -> None:
    mine = world.ingest("a", source="my hand", terms="CC0")
    yours = world.ingest("b", source="your hand", terms="Research only\n\nAnd cite me.")
    both = pack.of_artifact(world.store, world.train(mine, yours)).config
    assert both.data == ("my hand", "your hand")
    assert both.licence == "CC0, and Research only\n\nCC0\n\nResearch only\n\nAnd cite me."
    assert licence(both) == "CC0, and Research only"  # whoever reads one line reads all names
    one = pack.of_artifact(world.store, world.train(yours)).config
    assert (one.data, licence(one)) == (("your hand",), "Research only")


def test_terms_of_unknown_ink_are_unknown(world: World) -> None:
    """One source without terms, or gone from the store, and nobody knows what the weights may be used for."""
    mine, old = world.ingest("a", source="my hand", terms="CC0"), world.ingest("old")
    mixed = pack.of_artifact(world.store, world.train(mine, old)).config
    assert (mixed.data, mixed.licence) == (("my hand",), "")
    model = world.train(mine)
    (mine.path / "manifest.json").unlink()
    assert pack.of_artifact(world.store, model).config.licence == ""


def test_figures_are_the_newest_of_this_model_on_a_whole_split(world: World) -> None:
    ingest, other = world.ingest("a", source="my hand"), world.ingest("b")
    model, stranger = world.train(ingest), world.train(ingest, other)
    assert pack.of_artifact(world.store, model).figures is None
    world.measure(model, ingest, "validation")
    world.measure(model, ingest, "test")
    world.measure(model, ingest, "test", lines=5)
    (world.tiny / "README.md").write_text("# Another card, so that the stranger is another model")
    found = pack.of_artifact(world.store, model).figures
    assert found is not None
    assert (found["split"], found["data"], found["nats_per_line"]) == ("test", "my hand", -1234.5 - 4)
    assert stranger.key != model.key


# Listed


def test_the_list_has_trained_models_too(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    ingest = world.ingest("a", source="my hand", terms="CC0")
    model = world.train(ingest)
    assert main(["models"]) == 0
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if model.name in line]
    assert "CC0" in row
    assert row.count("unknown") == 2  # both figures
    world.measure(model, ingest)
    assert main(["models"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if model.name in line]
    assert "-1,250.5" in row
    assert "-12.770" in row
    found = next(m for m in said(capsys)["models"] if m["name"] == model.name)
    assert found["figures"]["unrepaired_nats_per_line"] == -1100.5
    assert (found["licence"], found["about"], found["data"]) == ("CC0", None, ["my hand"])


def test_a_broken_model_does_not_hide_the_others(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    model = world.train(world.ingest("a"))
    (model.path / "config.json").write_text("{")
    assert main(["models"]) == 0
    out, err = capsys.readouterr()
    assert pretrained.DEFAULT in out
    assert model.name not in out
    assert "warning" in err
    assert "is no model config" in err


def test_a_card_is_shown(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "show", str(world.tiny)]) == 0
    assert capsys.readouterr().out == "# A card\n"
    assert said(capsys, "show", str(world.tiny))["characters"].startswith(" ")
    (world.tiny / "README.md").unlink()
    assert main(["models", "show", str(world.tiny)]) == 1
    assert "no card" in capsys.readouterr().err


# Packed


def test_a_packed_model_stands_alone(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ingest = world.ingest("a", source="my hand", terms="CC0\n\nDo what you like.")
    model = world.train(ingest)
    world.measure(model, ingest)
    folder = tmp_path / "out" / "mine"
    result = said(capsys, "pack", model.name, str(folder), "--about", "my own hand")
    held = {file.name for file in folder.iterdir()}
    assert held == {"model.safetensors", "config.json", "README.md", "figures.json", "log.jsonl"}
    assert (folder / "model.safetensors").read_bytes() == model.file("model.safetensors").read_bytes()
    config = pretrained.read_config(folder)
    assert (config.about, config.data) == ("my own hand", ("my hand",))
    assert msgspec.structs.replace(config, about="", licence="", data=()) == pretrained.read_config(model.path)
    assert result["figures"] == pretrained.read_figures(folder)
    assert result["figures"]["long_nats_per_line"] == -1500.5
    card = (folder / "README.md").read_text()
    digest = ingest.manifest.inputs["archive-1"].digest
    for piece in (
        "my own hand",
        "my hand",
        "Do what you like.",
        "a.zip",
        digest,
        "-1,250.5",
        "2: 11 points",
        "-1,100.5",
    ):
        assert piece in card, piece
    command = ["write", "ab", "-o", str(tmp_path / "out.svg"), "--model", str(folder), "--quiet"]
    assert main(command) in (0, 1)  # an untrained model may not come to its end; it writes all the same
    assert (tmp_path / "out.svg").read_bytes().startswith(b"<?xml")
    assert said(capsys, "show", str(folder))["licence"] == "CC0\n\nDo what you like."


def test_what_is_unknown_of_a_packed_model_is_said(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = world.train(world.ingest("a"))
    assert main(["models", "pack", model.name, str(tmp_path / "mine")]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()[2:]] == [
        ["licence", "unknown"],
        ["nats", "a", "line", "unknown"],
    ]
    assert "no figures" in err
    assert "licence is unknown" in err
    card = (tmp_path / "mine" / "README.md").read_text()
    assert "licence is unknown" in card
    assert "Not measured" in card
    assert not (tmp_path / "mine" / "figures.json").exists()
    assert main(["models", "pack", model.name, str(tmp_path / "yours"), "--licence", "MIT"]) == 0
    assert pretrained.read_config(tmp_path / "yours").licence == "MIT"


def test_packing_destroys_nothing(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ingest = world.ingest("a")
    model = world.train(ingest)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    assert main(["models", "pack", model.name, str(tmp_path / "mine")]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [file.name for file in (tmp_path / "mine").iterdir()] == ["letter"]
    with pytest.raises(InputError, match="no trained model"):
        pack.pack(world.store, ingest, tmp_path / "other")
    before = {path.name for path in tmp_path.iterdir()}
    (model.path / "model.safetensors").unlink()
    assert main(["models", "pack", model.name, str(tmp_path / "other")]) == 2
    assert {path.name for path in tmp_path.iterdir()} == before


# The sheet


def test_a_sheet_through_the_command(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "sheet.png"
    result = said(capsys, "sheet", str(world.tiny), "-o", str(target), "--dpi", "20", "--quiet")
    assert result["bytes"] == target.stat().st_size
    assert result["lines"] % 4 == 0
    assert target.read_bytes().startswith(b"\x89PNG")
    assert main(["models", "sheet", "nobody", "-o", str(target), "--quiet"]) == 2
    assert "there is no model 'nobody'" in capsys.readouterr().err
    assert main(["models", "sheet", str(world.tiny), "-o", "sheet.txt", "--quiet"]) == 2


# Characters


def expanded(short: str) -> str:
    """What `characters` shortened, by hand: letters and digits around a hyphen are a run."""
    out, i = "", 0
    while i < len(short):
        if i + 2 < len(short) and short[i + 1] == "-" and short[i].isalnum() and short[i + 2].isalnum():
            out += "".join(map(chr, range(ord(short[i]), ord(short[i + 2]) + 1)))
            i += 3
        else:
            out, i = out + short[i], i + 1
    return out


@given(
    st.sets(
        st.sampled_from(" !\"'(),./:;?" + "".join(map(chr, [*range(48, 58), *range(65, 91), *range(97, 123)])))
    )
)
def test_no_character_is_lost_in_shortening(known: set[str]) -> None:
    """The hyphen itself is left out here: between letters it would be told from a run by its place alone."""
    if known:
        config = vocabulary_of("".join(known))
        assert sorted(expanded(characters(config))) == sorted(known)


def test_characters_are_told_in_few_words() -> None:
    alphabet = "".join(map(chr, range(97, 123)))
    known = " " + alphabet + alphabet.upper() + "0123456789.,!"
    assert characters(vocabulary_of(known)) == " !,.0-9A-Za-z"
    assert characters(vocabulary_of("abcé")) == "abcé"


def vocabulary_of(known: str) -> pretrained.ModelConfig:
    from hwkit.model.config import NetworkConfig
    from hwkit.preprocess import Recipe
    from hwkit.statistics import Statistics
    from hwkit.vocabulary import Vocabulary

    return pretrained.ModelConfig(
        network=NetworkConfig(),
        statistics=Statistics(mean=(0, 0), deviation=(1, 1), points_per_character=9.0, unit=1.0),
        vocabulary=Vocabulary(characters=known),
        recipe=Recipe(),
    )
