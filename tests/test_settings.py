"""One's own defaults: where the file is, what it may hold, and that the command line wins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from test_commands import fails
from test_generate import tiny

from hwkit.cli import main, settings


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "own.toml"
    monkeypatch.setenv("HWKIT_CONFIG", str(path))
    return path


@pytest.fixture
def model(tmp_path: Path) -> str:
    return str(tiny(tmp_path))


def written(capsys: pytest.CaptureFixture[str], model: str, tmp_path: Path, *more: str) -> dict[str, object]:
    capsys.readouterr()
    out = str(tmp_path / "a.svg")
    assert main(["write", "a@b", "--model", model, "-o", out, "--json", *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_defaults_apply_and_the_command_line_wins(
    config: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text(
        '[write]\npage = "a6"\nseed = 7\nbias = 1\nruled = true\nline_height = 20\ncolor = "#aa0000"\n'
        "[styles]\nseed = 1\n[train]\n"
    )
    said = written(capsys, model, tmp_path)
    assert (said["width_mm"], said["height_mm"], said["seed"]) == (105, 148, 7)
    drawn = (tmp_path / "a.svg").read_text()
    assert "#aa0000" in drawn
    said = written(capsys, model, tmp_path, "--page", "80x40", "--seed", "2", "--color", "#00bb00")
    assert (said["width_mm"], said["height_mm"], said["seed"]) == (80, 40, 2)
    assert "#00bb00" in (tmp_path / "a.svg").read_text()
    assert "#aa0000" not in (tmp_path / "a.svg").read_text()


@pytest.mark.parametrize(("value", "rules"), [("true", True), ("false", False)])
def test_a_flag_is_true_or_false(
    config: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], value: str, rules: bool
) -> None:
    base = 'page = "a6"\nseed = 1\n'
    config.write_text(f"[write]\n{base}")
    written(capsys, model, tmp_path)
    plain = (tmp_path / "a.svg").read_bytes()
    config.write_text(f"[write]\n{base}ruled = {value}\n")
    written(capsys, model, tmp_path)
    assert ((tmp_path / "a.svg").read_bytes() != plain) is rules


def test_the_file_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HWKIT_CONFIG", "/somewhere/else.toml")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings.file() == Path("/somewhere/else.toml")
    monkeypatch.setenv("HWKIT_CONFIG", "")
    assert settings.file() is None
    monkeypatch.delenv("HWKIT_CONFIG")
    assert settings.file() == tmp_path / "hwkit.toml"
    monkeypatch.delenv("XDG_CONFIG_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert settings.file() == tmp_path / "home" / ".config" / "hwkit.toml"


def test_the_usual_place_may_be_empty_a_named_file_not(
    monkeypatch: pytest.MonkeyPatch, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HWKIT_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    written(capsys, model, tmp_path)
    (tmp_path / "hwkit.toml").write_text("[write]\nseed = 5\n")
    assert written(capsys, model, tmp_path)["seed"] == 5
    missing = str(tmp_path / "missing.toml")
    monkeypatch.setenv("HWKIT_CONFIG", missing)
    fails(capsys, ["write", "a", "-o", str(tmp_path / "b.svg"), "--model", model], 2, missing, "HWKIT_CONFIG")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[write", ["own.toml", "no TOML"]),
        (b"\xff\xfe\xfa", ["own.toml", "cannot be read"]),
        (b"[write]\nwidht = 5\n", ["own.toml", "[write]", "no option --widht"]),
        (b"[wirte]\nwidth = 5\n", ["own.toml", "no command 'wirte'"]),
        (b"width = 5\n", ["own.toml", "no command 'width'"]),
        (b"write = 5\n", ["own.toml", "no table"]),
        (b"[write]\npage = [1, 2]\n", ["page", "no single value"]),
        (b"[write]\nmargin = {top = 1}\n", ["margin", "no single value"]),
        (b"[write]\nseed = -1\n", ["seed", "-1"]),
        (b"[write]\nseed = inf\n", ["seed", "inf"]),
        (b"[write]\nseed = 1.5\n", ["seed", "1.5"]),
        (b"[write]\nseed = 2020-01-01\n", ["seed", "2020-01-01"]),
        (b"[write]\nruled = 3.5\n", ["ruled", "3.5"]),
        (b"[write]\nalign = 'up'\n", ["align", "up"]),
        (b"[write]\nbias = 'much'\n", ["own.toml", "[write]", "bias", "much"]),
        (b"[write]\nmargin = '1,a'\n", ["own.toml", "[write]", "margin", "1,a"]),
        (b"[write]\ntext = 'a'\n", ["--text"]),  # an argument is no option
        (b"[write]\npage = 'b52'\n", ["b52"]),
        (b"a = " + b"[" * 5000, ["own.toml"]),
    ],
)
def test_a_fault_in_the_file_is_one_line(
    config: Path,
    model: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    words: list[str],
) -> None:
    config.write_bytes(content)
    fails(capsys, ["write", "a", "-o", str(tmp_path / "a.svg"), "--model", model], 2, *words)
    assert not (tmp_path / "a.svg").exists()
    assert main(["--help"]) == 0  # which needs no settings
    assert "write" in capsys.readouterr().out


def test_the_file_may_be_a_folder(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config.mkdir()
    fails(capsys, ["models"], 2, "own.toml", "cannot be read")


def test_another_commands_table_says_nothing_here(
    config: Path, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text('[styles]\nseed = 3\n[write]\n"pen-width" = 0.9\n')
    assert 0 <= written(capsys, model, tmp_path, "--seed", "4")["seed"] == 4  # type: ignore[operator]
    assert "0.9" in (tmp_path / "a.svg").read_text()
