"""Pipelines: what is refused, what a plan says, what a run makes and skips."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwkit import pipeline
from hwkit.artifact import Store
from hwkit.cli import main
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import InputError, Stopped
from hwkit.pipeline import Pipeline
from hwkit.preprocess import PRESETS, Recipe
from hwkit.stages import (
    STAGES,
    Circumstances,
    IngestParameters,
    Splits,
    VocabularyParameters,
    build,
    ingest_inputs,
)

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "data" / "sample"
SHIPPED = sorted((ROOT / "pipelines").glob("*.toml"))
SOURCES = f"""
[ingest]
folder = "{SAMPLE}"
archives = ["lineStrokes-all.tar.gz", "ascii-all.tar.gz"]
"""
DATA_STAGES = SOURCES + "[ink]\npreset = 'raw'\n[statistics]\n[vocabulary]\n"
TINY = "[train.network]\nlayers = [8]\nmixtures = 2\nwindow = 2\n"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store in which DATA_STAGES have run. Tests copy it before they build more."""
    folder = tmp_path_factory.mktemp("made")
    results = pipeline.run(declare(folder, DATA_STAGES), Store(folder / "store"), Circumstances())
    assert [(stage, new) for stage, _, new in results] == [
        ("ingest", True), ("ink", True), ("statistics", True), ("vocabulary", True),
    ]  # fmt: skip
    return folder / "store"


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Store:
    return Store(Path(shutil.copytree(made, tmp_path / "store")))


def declare(folder: Path, text: str) -> Pipeline:
    """The pipeline of a file with this text."""
    file = folder / "pipeline.toml"
    file.write_text(text, encoding="utf-8")
    return pipeline.read(file)


def states(declared: Pipeline, store: Store) -> dict[str, str]:
    return {step.stage: step.state for step in pipeline.plan(declared, store)}


def reasons(declared: Pipeline, store: Store) -> dict[str, str]:
    return {step.stage: step.reason for step in pipeline.plan(declared, store)}


# The files that we ship


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_a_shipped_pipeline_is_planned_without_its_archives(file: Path, tmp_path: Path) -> None:
    declared = pipeline.read(file, data=tmp_path / "nowhere")
    steps = pipeline.plan(declared, Store(tmp_path / "store"))
    assert {step.state for step in steps} == {"runs"}
    assert "its files are not there" in steps[0].reason
    assert "--data DIR" in steps[0].reason
    assert {step.key for step in steps} == {None}
    assert list(tmp_path.iterdir()) == []
    missing = r"there is no (lineStrokes-all\.tar\.gz, ascii-all\.tar\.gz|bigbank_3500\.json\.zip)"
    with pytest.raises(InputError, match=missing):
        pipeline.run(declared, Store(tmp_path / "store"), Circumstances())
    assert list(tmp_path.iterdir()) == []


def test_the_expected_files_are_shipped() -> None:
    assert {file.stem for file in SHIPPED} >= {"sample", "first", "graves-synthesis", "graves-prediction"}


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
def test_graves_is_as_in_the_paper(kind: str) -> None:
    declared = pipeline.read(ROOT / "pipelines" / f"graves-{kind}.toml")
    config: Any = declared.parameters("train")
    assert (config.network.kind, config.network.layers, config.network.outputs) == (kind, (400,) * 3, 121)
    assert (config.network.gate_clip, config.network.output_clip) == (10, 100)
    assert (config.optimiser.kind, config.optimiser.rate) == ("rmsprop", 1e-4)
    assert (config.training, config.validation) == (("train", "second-validation", "test"), "first-validation")
    assert declared.parameters("ink") == Recipe()
    assert (config.network.dropout, config.network.peepholes) == (0, True)
    learnt_from: Any = [declared.parameters(stage) for stage in ("statistics", "vocabulary")]
    assert {parameters.splits for parameters in learnt_from} == {config.training}


# Reading


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[ink", ["is no TOML"]),
        ("x = 1", ["there is no stage 'x'", "ingest, ink"]),
        ("[trian]\nupdates = 1", ["there is no stage 'trian'"]),
        ("ink = 3", ["[ink]", "is no table"]),
        ("[[statistics]]\nsplits = ['train']", ["[statistics]", "is no table"]),
        (SOURCES + "speed = 1", ["[ingest]", "no key `speed`"]),
        ("[ingest]\narchives = 'a.tar.gz'", ["[ingest] archives", "expected `array`, got `str`"]),
        ("[ingest]\nfolder = '.'", ["[ingest]", "names no archives"]),
        ("[ink]\npreset = 'rough'", ["[ink] preset", "'rough'", "raw, aligned"]),
        ("[ink]\npreset = ['raw']", ["[ink] preset", "raw, aligned"]),
        ("[ink]\npreset = 'aligned'\nslnt = true", ["[ink]", "no key `slnt`"]),
        ("[ink]\nslant = 'yes'", ["[ink] slant", "expected `bool`, got `str`"]),
        ("[ink]\nsmooth = 1.5", ["[ink] smooth", "expected `int`, got `float`"]),
        ("[ink]\nsmooth = -1", ["[ink]", "smooth and spacing must not be negative"]),
        ("[ink]\npreset = 'aligned'\nspacing = 2.0", ["[ink]", "two ways to resample", "give one"]),
        ("[ink]\nstep_limit = nan", ["[ink]", "JSON"]),
        ("[statistics]\nsplits = ['train', 3]", ["[statistics] splits[1]", "expected `str`, got `int`"]),
        ("[vocabulary]\nrare = 'drop'", ["[vocabulary] rare", "drop"]),
        ("[train]\nupdates = '3000'", ["[train] updates", "expected `int`, got `str`"]),
        ("[train.network]\nlayer = [8]", ["[train] network", "no key `layer`"]),
        ("[train.network]\nlayers = []", ["[train]", "a network needs layers"]),
        ("[train.optimiser]\nrate = inf", ["[train]", "JSON"]),
        ("[render]\npng = 1", ["[render] png", "expected `bool`, got `int`"]),
        ("[evaluate]\nsplit = 1", ["[evaluate] split", "expected `str`, got `int`"]),
    ],
)
def test_what_is_wrong_is_named_with_its_table_and_key(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        declare(tmp_path, text)
    line = str(caught.value)
    assert line.startswith(str(tmp_path / "pipeline.toml"))
    for word in words:
        assert word in line


def test_a_file_that_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        pipeline.read(tmp_path / "none.toml")
    with pytest.raises(InputError, match="cannot be read"):
        pipeline.read(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="is no TOML"):
        pipeline.read(tmp_path / "binary.toml")
    (tmp_path / "deep.toml").write_text("x = " + "[" * 5000)
    with pytest.raises(InputError, match="is no TOML"):
        pipeline.read(tmp_path / "deep.toml")


PIECES = st.sampled_from(
    ["[ingest]", "[ink]", "[statistics]", "[vocabulary]", "[render]", "[ink.x]", "preset", "archives", "splits",
     "smooth", "decimate", "dpi", "folder", " = ", " = ", " = ", "'raw'", "'aligned'", "1", "-1", "2.5", "nan",
     "true", "['a', 'b']", "[[1]]", "{}", "1979-05-27", "'\\u0000'", "9" * 5000, "\n", "\n", "\n", "'", "#"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=20))
def test_any_text_is_a_pipeline_or_an_input_error(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "any.toml"
        file.write_bytes(text.encode("utf-8", "replace"))
        with suppress(InputError):
            pipeline.plan(pipeline.read(file), Store(Path(folder) / "store"))
        assert [path.name for path in Path(folder).iterdir()] == ["any.toml"]


def test_a_table_has_the_defaults_of_what_it_leaves_out(tmp_path: Path) -> None:
    declared = declare(tmp_path, "[vocabulary]\nmin_count = 3\n")
    assert declared.parameters("vocabulary") == VocabularyParameters(min_count=3)
    assert declared.declares("vocabulary")
    assert not declared.declares("ink")
    with pytest.raises(InputError, match=r"has no table \[ink\], only \[vocabulary\]"):
        declared.parameters("ink")


def test_a_preset_is_a_start_that_the_table_overrides(tmp_path: Path) -> None:
    aligned = msgspec.structs.replace(PRESETS["aligned"], decimate=3.0, slant=True)
    assert declare(tmp_path, "[ink]\npreset='aligned'\ndecimate=3\nslant=true").parameters("ink") == aligned
    assert declare(tmp_path, "[ink]").parameters("ink") == PRESETS["raw"]


def test_archives_are_sought_from_the_files_own_folder_or_in_data(tmp_path: Path) -> None:
    text = "[ingest]\nfolder = 'ink'\narchives = ['a.tar', 'b.tar']\nsplits = 'lists'"
    declared = declare(tmp_path, text)
    assert declared.archives == (tmp_path / "ink" / "a.tar", tmp_path / "ink" / "b.tar")
    assert declared.splits == tmp_path / "ink" / "lists"
    elsewhere = pipeline.read(tmp_path / "pipeline.toml", data=Path("there"))
    assert (elsewhere.archives[0], elsewhere.splits) == (Path("there/a.tar"), Path("there/lists"))


def test_data_may_hold_a_folder_for_each_source(tmp_path: Path) -> None:
    declare(tmp_path, "[ingest]\nfolder = '../data/one'\narchives = ['a.tar']\nsplits = '.'")
    data = tmp_path / "data"
    (data / "one").mkdir(parents=True)
    for file, folder in ((data / "one" / "a.tar", data / "one"), (data / "a.tar", data)):
        file.touch()
        declared = pipeline.read(tmp_path / "pipeline.toml", data=data)
        assert (declared.archives, declared.splits) == ((folder / "a.tar",), folder)


def test_reading_without_a_network_leaves_torch_alone(tmp_path: Path) -> None:
    (tmp_path / "pipeline.toml").write_text(DATA_STAGES)
    code = (
        "import sys; from pathlib import Path; from hwkit import pipeline; from hwkit.artifact import Store;"
        "pipeline.plan(pipeline.read(Path('pipeline.toml')), Store(Path('store')));"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env={"PYTHONPATH": str(ROOT)})


# Composed lines

OTHER = SOURCES + "[ink]\npreset = 'aligned'\n[train]\nupdates = 'what is not needed is not read'\n"
COMPOSED = """
[lines]
own = false
[[lines.compose]]
source = "ink"
lines = 3
longest = 300
[[lines.compose]]
source = "other.toml"
lines = 2
longest = 300
"""


def test_lines_take_the_place_of_ink_and_join_another_pipelines(tmp_path: Path) -> None:
    (tmp_path / "other.toml").write_text(OTHER)
    learnt = "[statistics]\nsplits = ['composed']\n[vocabulary]\nsplits = ['composed']\n"
    declared = declare(tmp_path, DATA_STAGES.replace("[statistics]\n[vocabulary]\n", learnt) + COMPOSED)
    assert declared.reads("lines") == {"ink": "ink", "other.toml": "other.toml ink"}
    assert declared.reads("statistics") == {"ink": "lines"}
    assert declared.until("ink").joined == {}
    store = Store(tmp_path / "store")
    names = ["other.toml ingest", "other.toml ink", "ingest", "ink", "lines", "statistics", "vocabulary"]
    assert [step.stage for step in pipeline.plan(declared, store)] == names
    done = pipeline.run(declared, store, Circumstances())
    assert [(name, new) for name, _, new in done] == [
        (n, n != "ingest") for n in names
    ]  # they share an archive
    made = {name: artifact for name, artifact, _ in done}
    assert made["lines"].metrics["by"] == {"own": 0, "composed of ink": 3, "composed of other.toml": 2}
    assert made["statistics"].manifest.inputs["ink"].name == made["lines"].name
    assert {step.state for step in pipeline.plan(declared, store)} == {"up to date"}

    dataset = InkDataset.open(made["lines"].file("ink.h5"))
    assert set(dataset.splits) == {"composed"}
    assert dataset.recipe == Recipe().text()
    rows = list(csv.DictReader(made["lines"].file("characters.csv").read_text("utf-8").splitlines()))
    counted = {row["character"]: (int(row["own"]), int(row["composed"])) for row in rows}
    assert counted == {c: (0, n) for c, n in Counter("".join(t or "" for t in dataset.texts)).items()}


def test_own_lines_stay_where_they_are_kept(store: Store, tmp_path: Path) -> None:
    lines = COMPOSED.replace("own = false", "").partition('[[lines.compose]]\nsource = "other')[0]
    declared = declare(tmp_path, DATA_STAGES + lines)
    assert declared.reads("train") == {"ink": "lines", "statistics": "statistics", "vocabulary": "vocabulary"}
    assert declared.reads("evaluate")["ingest"] == "ingest"  # recorded lines, where there are any
    whole = declare(tmp_path, DATA_STAGES + lines.replace("[lines]", "[lines]\nown = false"))
    assert whole.reads("evaluate")["ingest"] == "lines"
    declared = declare(tmp_path, DATA_STAGES + lines)
    made = {name: artifact for name, artifact, _ in pipeline.run(declared, store, Circumstances())}
    ink, dataset = (InkDataset.open(made[stage].file("ink.h5")) for stage in ("ink", "lines"))
    assert list(dataset.ids[: len(ink)]) == list(ink.ids)
    assert np.array_equal(dataset.points[: len(ink.points)], ink.points)
    assert list(dataset.splits[len(ink) :]) == ["composed"] * 3


def test_own_lines_of_a_form_can_have_one_size(store: Store, tmp_path: Path) -> None:
    lines = "[lines]\neven = true\n[[lines.compose]]\nsource = 'ink'\nlines = 1\nlongest = 300\n"
    declared = declare(tmp_path, DATA_STAGES.replace("'raw'", "'aligned'") + lines)
    made = {name: artifact for name, artifact, _ in pipeline.run(declared, store, Circumstances())}
    before, after = (InkDataset.open(made[stage].file("ink.h5")) for stage in ("ink", "lines"))
    scales: dict[str, set[float]] = {}
    for was, sample in zip(before, after, strict=False):
        scales.setdefault(sample.form, set()).add(sample.scale)
        np.testing.assert_allclose(sample.ink.points * sample.scale, was.ink.points * was.scale, atol=1e-2)
    assert {len(of) for of in scales.values()} == {1}
    assert len(set(before.scales.tolist())) > len(scales)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[lines]\nown = false", ["[lines]", "no lines at all"]),
        ("[[lines.compose]]\nsource = 'words'", ["[lines]", "add the table [words]"]),
        ("[[lines.compose]]\nsource = 'none.toml'", ["none.toml", "cannot be read"]),
        ("[[lines.compose]]\nlines = -1", ["[lines]", "must not be negative"]),
        ("[[lines.compose]]\n[[lines.compose]]", ["[lines]", "same source and into"]),
        ("[words]\nmodel = 'none'", ["there is no model 'none'"]),
    ],
)
def test_compositions_that_cannot_be_are_named(
    store: Store, tmp_path: Path, text: str, words: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        pipeline.run(declare(tmp_path, DATA_STAGES + text), store, Circumstances())
    for word in words:
        assert word in str(caught.value)


def test_a_pipeline_that_names_itself_ends(tmp_path: Path) -> None:
    declared = declare(tmp_path, DATA_STAGES + "[[lines.compose]]\nsource = 'pipeline.toml'")
    assert list(declared.joined) == ["pipeline.toml"]
    assert declared.joined["pipeline.toml"].joined == {}


def test_words_are_cut_and_composed_by_the_command(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest = Store(made).newest("ingest")
    assert ingest is not None
    with InkWriter(tmp_path / "few.h5") as writer:
        for sample in InkDataset.open(ingest.file("ink.h5"))[:8]:
            writer.append(replace(sample, split="train"))
    place = Store(tmp_path / "store")
    ink = build(place, "ink", PRESETS["aligned"], {"ingest": tmp_path / "few.h5"}, Circumstances())
    asked = ["compose", "--lines", "5", "--store", str(place.root), "--also", str(ink.path), "--longest", "200"]
    assert main([*asked, "--json", "-q"]) == 0
    result = json.loads(capsys.readouterr().out)
    words, lines = (InkDataset.open(Path(result[stage]["artifact"]) / "ink.h5") for stage in ("words", "lines"))
    figures = result["words"]
    assert len(words) == figures["words"] > 10
    texts = {id: text or "" for id, text in zip(lines.ids, lines.texts, strict=True)}
    total = sum(len(texts[id].split()) for id in lines.ids[:8])
    assert figures["words"] + sum(figures["left_out"].values()) == total
    for id, word in zip(words.ids, words.texts, strict=True):
        assert word in texts[id.rpartition("/")[0]].split()
    assert result["lines"]["by"] == {"own": 8, "composed of words": 5, "composed of also": 5}
    assert main(asked) == 0
    table = capsys.readouterr().out
    assert f"words cut out {figures['words']}, " in " ".join(table.split())
    assert main([*asked, "--whole", "--quiet"]) == 0
    assert len(InkDataset.open(place.newest("lines").file("ink.h5"))) == 10  # type: ignore[union-attr]


# Planning


def test_a_stage_needs_the_stages_that_it_reads(tmp_path: Path) -> None:
    for text, table, missing in (
        ("[ink]", "[ink]", "[ingest]"),
        (SOURCES + "[vocabulary]", "[vocabulary]", "[ink]"),
        (DATA_STAGES + "[render]", "[render]", "[sample]"),
    ):
        declared = declare(tmp_path, text)
        for act in (lambda d: pipeline.plan(d, Store(tmp_path)), pipeline_run(tmp_path)):
            with pytest.raises(InputError) as caught:
                act(declared)
            assert f"{table}: reads" in str(caught.value)
            assert f"add the table {missing}" in str(caught.value)
    with pytest.raises(InputError, match="declares no stage"):
        pipeline.plan(declare(tmp_path, "# nothing"), Store(tmp_path))


def pipeline_run(folder: Path) -> Any:
    return lambda declared: pipeline.run(declared, Store(folder), Circumstances())


def test_every_stage_comes_after_those_that_it_reads() -> None:
    names = list(STAGES)
    for name, stage in STAGES.items():
        assert all(names.index(source) < names.index(name) for source in stage.inputs.values())


def test_a_plan_from_nothing_runs_all_and_writes_nothing(tmp_path: Path) -> None:
    declared = declare(tmp_path, DATA_STAGES)
    steps = pipeline.plan(declared, Store(tmp_path / "store"))
    assert [step.reason for step in steps] == [
        "there is no artifact of this stage",
        "its input ingest will be made anew, so its key is not known yet",
        "its input ink will be made anew, so its key is not known yet",
        "its input ink will be made anew, so its key is not known yet",
    ]
    assert [step.key is None for step in steps] == [False, True, True, True]
    assert not (tmp_path / "store").exists()


def test_what_is_up_to_date_is_skipped(store: Store, tmp_path: Path) -> None:
    declared = declare(tmp_path, DATA_STAGES)
    assert set(states(declared, store).values()) == {"up to date"}
    before = {artifact.path: artifact.manifest.created for artifact in store.all()}
    assert [new for _, _, new in pipeline.run(declared, store, Circumstances())] == [False] * 4
    assert {artifact.path: artifact.manifest.created for artifact in store.all()} == before


@pytest.mark.parametrize(
    ("old", "new", "runs", "stage", "reason"),
    [
        ("[vocabulary]", "[vocabulary]\nmin_count = 2", ["vocabulary"], "vocabulary", "min_count 1 -> 2"),
        ("'raw'", "'raw'\nsmooth = 1", ["ink", "statistics", "vocabulary"], "ink", "smooth 0 -> 1"),
        (
            "[statistics]",
            "[statistics]\nsplits = ['train', 'test']",
            ["statistics"],
            "statistics",
            'splits ["train"] -> ["train","test"]',
        ),
    ],
)
def test_a_change_runs_what_is_downstream_and_nothing_else(
    store: Store, tmp_path: Path, old: str, new: str, runs: list[str], stage: str, reason: str
) -> None:
    declared = declare(tmp_path, DATA_STAGES.replace(old, new))
    assert [name for name, state in states(declared, store).items() if state == "runs"] == runs
    assert reasons(declared, store)[stage] == f"parameters changed: {reason} compared with the newest"
    done = pipeline.run(declared, store, Circumstances())
    assert [name for name, _, made in done if made] == runs


def test_other_archives_are_another_input(store: Store, tmp_path: Path) -> None:
    shutil.copytree(SAMPLE, tmp_path / "data")
    (tmp_path / "data" / "testset_f.txt").write_text("s04-000a\n")
    (tmp_path / "pipeline.toml").write_text(DATA_STAGES)
    declared = pipeline.read(tmp_path / "pipeline.toml", data=tmp_path / "data")
    assert reasons(declared, store)["ingest"] == "other input than the newest artifact's: testset_f.txt"


def test_another_version_of_a_stage_runs(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STAGES, "statistics", replace(STAGES["statistics"], version=99))
    steps = reasons(declare(tmp_path, DATA_STAGES), store)
    assert steps["statistics"].startswith("the stage is of version 99, the newest artifact of ")
    assert steps["vocabulary"].startswith("made on ")


def test_a_training_that_was_stopped_goes_on(store: Store, tmp_path: Path) -> None:
    declared = declare(tmp_path, DATA_STAGES + TINY)
    step = pipeline.plan(declared, store)[-1]
    assert (step.stage, step.state, step.reason) == ("train", "runs", "there is no artifact of this stage")
    assert step.key is not None
    (store.root / "train" / f"{step.key[:16]}.partial").mkdir(parents=True)
    assert states(declared, store)["train"] == "goes on"
    other = declare(tmp_path, DATA_STAGES + "[train]\nupdates = 7\n" + TINY)
    assert states(other, store)["train"] == "runs"
    # What another stage left behind is no start for it.
    (store.root / "ink").mkdir(exist_ok=True)
    changed = declare(tmp_path, DATA_STAGES.replace("'raw'", "'aligned'"))
    key = pipeline.plan(changed, store)[1].key
    assert key is not None
    (store.root / "ink" / f"{key[:16]}.partial").mkdir()
    assert states(changed, store)["ink"] == "runs"


def test_until_leaves_out_what_comes_after(tmp_path: Path) -> None:
    declared = declare(tmp_path, DATA_STAGES)
    assert list(declared.until("ink").declared) == ["ingest", "ink"]
    assert list(declared.until("vocabulary").declared) == list(declared.declared)
    with pytest.raises(InputError, match=r"has no table \[train\]"):
        declared.until("train")


# Running


def test_keys_are_those_of_the_stages_run_one_by_one(store: Store, tmp_path: Path) -> None:
    done = pipeline.run(declare(tmp_path, DATA_STAGES), store, Circumstances())
    alone, around = Store(tmp_path / "alone"), Circumstances()
    archives = [SAMPLE / "lineStrokes-all.tar.gz", SAMPLE / "ascii-all.tar.gz"]
    ingest = build(alone, "ingest", IngestParameters(), ingest_inputs(archives), around)
    ink = build(alone, "ink", Recipe(), {"ingest": ingest}, around)
    statistics = build(alone, "statistics", Splits(), {"ink": ink}, around)
    vocabulary = build(alone, "vocabulary", VocabularyParameters(), {"ink": ink}, around)
    one_by_one = [ingest, ink, statistics, vocabulary]
    assert [artifact.key for _, artifact, _ in done] == [artifact.key for artifact in one_by_one]
    assert [artifact.digest for _, artifact, _ in done] == [artifact.digest for artifact in one_by_one]


def test_every_report_names_its_stage(tmp_path: Path) -> None:
    notes: list[str] = []
    around = Circumstances(lambda done, total, note: notes.append(note))
    pipeline.run(declare(tmp_path, DATA_STAGES), Store(tmp_path / "store"), around)
    assert list(dict.fromkeys(note.partition(": ")[0] for note in notes)) == [
        "ingest", "ink", "statistics", "vocabulary",
    ]  # fmt: skip


def test_a_stop_leaves_what_was_done_and_nothing_half(tmp_path: Path) -> None:
    notes: list[str] = []
    around = Circumstances(
        lambda done, total, note: notes.append(note), stop=lambda: notes[-1].startswith("statistics")
    )
    store = Store(tmp_path / "store")
    declared = declare(tmp_path, DATA_STAGES)
    with pytest.raises(Stopped):
        pipeline.run(declared, store, around)
    assert [artifact.stage for artifact in store.all()] == ["ingest", "ink"]
    assert list(store.root.glob("*/*.partial")) == []
    done = pipeline.run(declared, store, Circumstances())
    assert [new for _, _, new in done] == [False, False, True, True]


# The command


def test_the_command_runs_and_then_skips(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    declare(tmp_path, DATA_STAGES.replace("'raw'", "'raw'\nsmooth = 1"))
    command = ["run", str(tmp_path / "pipeline.toml"), "--store", str(store.root)]
    assert main([*command, "--plan", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)["plan"]
    assert [step["state"] for step in plan] == ["up to date", "runs", "runs", "runs"]
    assert main([*command, "--until", "ink", "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)["stages"]
    assert [(stage["stage"], stage["made"]) for stage in stages] == [("ingest", False), ("ink", True)]
    assert stages[1]["key"] == plan[1]["key"]
    assert stages[1]["metrics"]["lines"] == 183
    assert main(command) == 0
    table = capsys.readouterr().out
    assert "2 made, 2 skipped" in table
    assert "183 lines" in table
    assert main([*command, "--plan"]) == 0
    assert capsys.readouterr().out.count("up to date") == 4
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_the_command_agrees_with_ingest_and_preprocess(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--store", str(store.root), "--json"]
    archives = [str(SAMPLE / "lineStrokes-all.tar.gz"), str(SAMPLE / "ascii-all.tar.gz")]
    assert main(["ingest", *archives, *where]) == 0
    key = json.loads(capsys.readouterr().out)["key"]
    steps = pipeline.plan(declare(tmp_path, DATA_STAGES), store)
    assert steps[0].key == key
    assert main(["preprocess", "--preset", "raw", *where]) == 0
    preprocessed = json.loads(capsys.readouterr().out)
    keys = {step.stage: step.key for step in steps[1:]}
    assert {stage: result["key"] for stage, result in preprocessed.items()} == keys


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["none.toml"], "none.toml: cannot be read"),
        (["pipeline.toml", "--until", "write"], "has no table [write]"),
        (["pipeline.toml", "--data", "nowhere"], "there is no lineStrokes-all.tar.gz"),
        (["train.toml", "--device", "abacus"], "the device 'abacus' cannot be used here"),
        (["train.toml", "--device", "meta"], "the device 'meta' cannot be used here"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pipeline.toml").write_text(DATA_STAGES)
    (tmp_path / "train.toml").write_text(DATA_STAGES + TINY)
    assert main(["run", *arguments, "--store", "store"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert words in err
    assert not (tmp_path / "store").exists()
