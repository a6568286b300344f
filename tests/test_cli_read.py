"""`hwkit read`: files, standard input, datasets; what is refused; and that readers do not write."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from handmade import zigzags
from test_reader import folder_of
from test_rows import page_of

from hwkit import pretrained
from hwkit.artifact import Store
from hwkit.cli import main
from hwkit.dataset import InkWriter
from hwkit.ink import Sample
from hwkit.reader.pages import read_rows
from hwkit.reader.reader import Reader
from hwkit.render.inkml import inkml
from hwkit.render.svg import svg


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A reader that learned nothing, an SVG and an InkML of two rows, and a dataset of two splits."""
    folder = tmp_path_factory.mktemp("read")
    folder_of(folder / "reader")
    page = page_of(["Hand in", "abc"])
    (folder / "two.svg").write_bytes(svg(page))
    (folder / "two.inkml").write_bytes(inkml(page))
    with InkWriter(folder / "ink.h5") as writer:
        for n, text in enumerate(["ab", "cd", "Te", None]):
            ink = zigzags(text or "b")[0]
            writer.append(Sample(f"line-{n}", ink, text, "form", "train" if n < 3 else "test"))
    return folder


@pytest.fixture
def read(world, capsys, monkeypatch):
    monkeypatch.setenv("HWKIT_STORE", str(world / "store"))

    def run(*arguments, code=0):
        capsys.readouterr()
        assert main(["read", "--model", str(world / "reader"), *map(str, arguments)]) == code
        return capsys.readouterr()

    return run


def texts_of(world, name):
    found = read_rows((world / name).read_bytes(), name.partition(".")[2])
    return [one.text for one in Reader.open(world / "reader").read_all([row.ink for row in found])]


def test_the_rows_of_a_file_are_printed(world, read):
    out, err = read(world / "two.svg")
    assert out.split("\n") == [*texts_of(world, "two.svg"), ""]
    assert err == ""


def test_several_files_are_told_apart_and_a_bad_one_stops_none(world, read):
    one, other, none = world / "two.svg", world / "two.inkml", world / "none.svg"
    out, err = read(one, none, other, code=1)
    expected = [f"{file}: {text}" for file in (one, other) for text in texts_of(world, file.name)]
    assert out.split("\n") == [*expected, ""]
    first, last = err.splitlines()
    assert f"{none}: cannot be read" in first
    assert "1 of 3 could not be read" in last
    _, err = read(none, code=2)
    assert len(err.splitlines()) == 1


def test_json_holds_everything(world, read):
    (first, second) = json.loads(read(world / "two.inkml", "--json").out)["lines"]
    assert (first["text"], second["text"]) == ("Hand in", "abc")
    assert (first["line"], first["source"]) == ("1", str(world / "two.inkml"))
    assert "".join(c["text"] for c in first["characters"]) == first["read"]
    assert 0 <= first["confidence"] <= 1
    assert all(0 <= c["first"] <= c["last"] <= 30 for c in first["characters"])


def test_places_are_a_row_a_character(world, read):
    lines = read(world / "two.svg", "--places").out.splitlines()
    characters = sum(len(text) for text in texts_of(world, "two.svg"))
    assert len([line for line in lines if "%  " in line and " to " in line]) == characters


def test_standard_input(world, read, monkeypatch):
    class Piped:
        buffer = io.BytesIO((world / "two.inkml").read_bytes())

    monkeypatch.setattr(sys, "stdin", Piped)
    assert read("-", "--format", "inkml").out.split("\n") == [*texts_of(world, "two.inkml"), ""]
    assert "say --format" in read("-", code=2).err
    Piped.buffer = io.BytesIO(b"nothing")
    assert "standard input: this is no InkML" in read("-", "--format", "inkml", code=2).err


def test_a_dataset_is_read_line_by_line(world, read):
    found = json.loads(read(world / "ink.h5", "--json").out)["lines"]
    assert [(line["line"], line["text"]) for line in found] == [
        ("line-0", "ab"), ("line-1", "cd"), ("line-2", "Te"), ("line-3", None)
    ]  # fmt: skip
    some = json.loads(read(world / "ink.h5", "--json", "--split", "train", "--lines", 2).out)["lines"]
    assert [line["line"] for line in some] == ["line-0", "line-1"]
    out = read(world / "ink.h5", "--split", "test").out
    assert "(unknown)" in out
    assert (
        "no lines of split 'nope'; splits there: test, train"
        in read(world / "ink.h5", "--split", "nope", code=2).err
    )


def test_an_artifact_is_read(world, read):
    def make(folder):
        (folder / "ink.h5").write_bytes((world / "ink.h5").read_bytes())
        return {}

    artifact = Store(world / "store").build("ink", 1, {}, {}, make)
    assert len(json.loads(read(artifact.name, "--json").out)["lines"]) == 4


def test_what_is_no_ink_is_refused_in_a_line(world, read):
    (world / "letter.txt").write_text("dear")
    (world / "bad.json").write_text("{}")
    for given, why in [
        ("letter.txt", "unknown format"),
        ("bad.json", "is no drawing"),
        ("no.h5", "cannot be read"),
    ]:
        _, err = read(world / given, code=2)
        assert why in err
        assert str(world / given) in err
        assert len(err.splitlines()) == 1


def test_a_model_that_writes_does_not_read(world, capsys):
    assert main(["read", str(world / "two.svg"), "--model", pretrained.DEFAULT]) == 2
    assert "the synthesis model writes, it does not read" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["write", "a", "-o", "a.svg", "--model"],
        ["styles", "--model"],
        ["sample", "--text", "a"],
        ["models", "sheet", "-o", "a.svg"],
        ["evaluate", "--legibility"],
    ],
    ids=lambda command: command[0],
)
def test_a_reader_does_not_write(world, capsys, monkeypatch, tmp_path, command):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HWKIT_STORE", str(tmp_path / "store"))
    assert main([*command, str(world / "reader")]) == 2
    err = capsys.readouterr().err
    assert "it does not write" in err
    assert "Traceback" not in err
    assert not (tmp_path / "a.svg").exists()


def test_the_likelihood_of_a_reader_is_refused(world):
    from hwkit.errors import InputError
    from hwkit.evaluate.likelihood import load

    with pytest.raises(InputError, match="it reads, it does not write"):
        load(world / "reader")


def test_reading_needs_neither_torch_nor_hdf5(world):
    script = (
        "import sys; from hwkit.cli import main; code = main(sys.argv[1:]); "
        "sys.exit(code or any(name in sys.modules for name in ('torch', 'scipy', 'h5py')))"
    )
    command = ["read", str(world / "two.svg"), "--model", str(world / "reader")]
    subprocess.run([sys.executable, "-c", script, *command], check=True, capture_output=True)
