"""Where pages go: whole or not at all, numbered, to a file, a pipe or standard output."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from hwkit.cli import output
from hwkit.errors import HwkitError, InputError
from hwkit.layout import Page
from hwkit.render.formats import Format
from hwkit.render.svg import svg

PAGE = Page(30.0, 20.0, [np.array([(4.0, 4), (8, 5)])])
OTHER = Page(30.0, 20.0, [np.array([(9.0, 9), (8, 5)])])
OUTSIDE = Page(30.0, 20.0, [np.array([(90.0, 9)])])


@pytest.mark.parametrize("name", ["a.svg", "a.png", "a.pdf", "a.inkml", "a.jsonl", "a.anim.svg"])
def test_a_page_is_a_file(tmp_path: Path, name: str) -> None:
    target = str(tmp_path / name)
    assert output.save_pages(target, [PAGE]) == [target]
    assert (tmp_path / name).read_bytes() == output.check_pages(target).encode([PAGE])[0]
    assert os.listdir(tmp_path) == [name]


def test_pages_are_numbered_files_or_one(tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    done = output.save_pages(str(target), [PAGE, OTHER])
    assert [Path(name).name for name in done] == ["a-1.svg", "a-2.svg"]
    assert (tmp_path / "a-1.svg").read_bytes() == svg(PAGE)
    assert (tmp_path / "a-2.svg").read_bytes() == svg(OTHER)
    target = tmp_path / "a.pdf"
    output.save_pages(str(target), [PAGE, OTHER])
    assert sorted(os.listdir(tmp_path)) == ["a-1.svg", "a-2.svg", "a.pdf"]


def test_nothing_is_written_where_a_page_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "a-1.svg").write_text("before")
    with pytest.raises(InputError, match="edge"):
        output.save_pages(str(tmp_path / "a.svg"), [PAGE, OUTSIDE])
    (tmp_path / "b-2.svg").mkdir()
    with pytest.raises(InputError, match="folder"):
        output.save_pages(str(tmp_path / "b.svg"), [PAGE, OTHER])
    assert sorted(os.listdir(tmp_path)) == ["a-1.svg", "b-2.svg"]
    assert (tmp_path / "a-1.svg").read_text() == "before"


def test_a_system_that_refuses_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a-1.svg").write_text("before")
    synced = 0

    def full(handle: int) -> None:
        nonlocal synced
        synced += 1
        if synced == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HwkitError, match=r"a-2\.svg: cannot be written: the disk is full"):
        output.save_pages(str(tmp_path / "a.svg"), [PAGE, OTHER])
    assert os.listdir(tmp_path) == ["a-1.svg"]
    assert (tmp_path / "a-1.svg").read_text() == "before"


def test_a_file_has_the_rights_that_files_have(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        output.save_pages(str(tmp_path / "a.svg"), [PAGE])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.svg").stat().st_mode) == 0o640


@pytest.mark.parametrize("name", ["svg", "png", "pdf"])
def test_standard_output_takes_bytes(capsysbinary: pytest.CaptureFixture[bytes], name: str) -> None:
    assert output.save_pages("-", [PAGE], name) == ["-"]
    assert capsysbinary.readouterr().out == Format(name).encode([PAGE])[0]


def test_several_pages_on_one_stream(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with pytest.raises(InputError, match=r"2 pages of svg .* pdf or jsonl"):
        output.save_pages("-", [PAGE, OTHER])
    assert capsysbinary.readouterr().out == b""
    output.save_pages("-", [PAGE, OTHER], "jsonl")
    assert capsysbinary.readouterr().out.count(b"\n") == 4


def test_a_device_is_written_into() -> None:
    assert output.save_pages("/dev/null", [PAGE], "svg") == ["/dev/null"]
    assert not Path("/dev/null").is_file()
    with pytest.raises(InputError, match="one stream"):
        output.save_pages("/dev/null", [PAGE, OTHER], "svg")


@pytest.mark.parametrize(
    ("name", "asked", "match"),
    [
        ("a.gif", None, "unknown"),
        ("no/a.svg", None, "no such folder"),
        ("d.svg", None, "is a folder"),
        ("a.png", "svg", "png, but svg"),
        ("a.svg", "gif", "no format"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(
    tmp_path: Path, name: str, asked: str | None, match: str
) -> None:
    (tmp_path / "d.svg").mkdir()
    with pytest.raises(InputError, match=match):
        output.check_pages(str(tmp_path / name), asked)
    assert os.listdir(tmp_path) == ["d.svg"]


def test_options_are_those_of_the_format(tmp_path: Path) -> None:
    assert output.check_pages(str(tmp_path / "a.png"), dpi=72, transparent=True) == Format("png", 72, True)
    with pytest.raises(InputError, match="takes no"):
        output.check_pages(str(tmp_path / "a.inkml"), pressure=True)
    with pytest.raises(InputError, match="no page"):
        output.save_pages(str(tmp_path / "a.svg"), [])


@pytest.mark.parametrize("name", ["a.svg", "a.PNG"])
def test_a_picture_is_svg_or_png(tmp_path: Path, name: str) -> None:
    target = str(tmp_path / name)
    output.check(target)
    assert output.save(target, svg(PAGE), 50) == (tmp_path / name).stat().st_size
    assert (tmp_path / name).read_bytes()[:4] == (b"<?xm" if name == "a.svg" else b"\x89PNG")
    with pytest.raises(InputError, match="picture"):
        output.check(str(tmp_path / "a.pdf"))
