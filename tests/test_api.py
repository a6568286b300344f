"""`hwkit.write`: one call from text to a letter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from test_generate import tiny

import hwkit
from hwkit.errors import InputError, VocabularyError
from hwkit.generate.hand import Hand, write_hands
from hwkit.generate.sampler import Writer
from hwkit.render.jsonl import read_jsonl


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained model with two hands."""
    folder = tiny(tmp_path_factory.mktemp("model"))
    writer = Writer.open(folder)
    write_hands(folder, {name: Hand.made(writer, "ab", (n,), 0.6) for n, name in enumerate(("ash", "oak"))})
    return folder


def same(one: hwkit.Letter, other: hwkit.Letter) -> bool:
    return [s.tobytes() for s in one.strokes] == [s.tobytes() for s in other.strokes]


@pytest.mark.parametrize(
    "script",
    [
        "import hwkit; hwkit.__version__",
        "import hwkit.errors, hwkit.progress",
    ],
)
def test_importing_hwkit_imports_nothing_large(script: str) -> None:
    large = {"numpy", "click", "rich", "lxml", "h5py", "torch", "scipy", "msgspec", "safetensors"}
    check = f"import sys; {script}; print(*sorted({large!r} & set(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""


def test_what_is_not_in_hwkit_is_said() -> None:
    assert set(hwkit.__all__) == {"Letter", "write"}
    assert hwkit.Letter.__name__ == "Letter"
    with pytest.raises(AttributeError, match="no attribute 'wirte'"):
        hwkit.wirte  # noqa: B018


def test_the_same_arguments_give_the_same_strokes(model: Path) -> None:
    one = hwkit.write("ab & ca", model=model, seed=4)
    assert same(one, hwkit.write("ab & ca", model=str(model), seed=4))
    assert not same(one, hwkit.write("ab & ca", model=model, seed=5))
    assert one.seed == 4
    assert all(stroke.ndim == 2 and stroke.shape[1] == 2 for stroke in one.strokes)
    (page,) = one.pages
    points = np.concatenate(one.strokes)
    assert (points >= 8).all()  # the margin of a page that fits
    assert (points <= (page.width_mm - 8, page.height_mm - 8)).all()
    writer = Writer.open(model)
    named = [hwkit.write("ab & ca", model=each, seed=4, style=None) for each in (writer, writer)]
    assert same(*named)
    assert not same(named[0], one)  # an open model has no folder with hands


def test_it_is_what_the_command_writes(model: Path, tmp_path: Path) -> None:
    from hwkit.cli import main

    out = tmp_path / "a.svg"
    options = ["--style", "oak", "--bias", "0.3", "--seed", "2", "--page", "a6", "--color", "#112233"]
    assert main(["write", "ab\nc@", "-o", str(out), "--model", str(model), "-q", *options]) == 0
    letter = hwkit.write("ab\nc@", model=model, style="oak", bias=0.3, seed=2, page="a6", color="#112233")
    letter.save(tmp_path / "b.svg")
    assert (tmp_path / "b.svg").read_bytes() == out.read_bytes()


def test_lines_may_be_a_list(model: Path) -> None:
    assert same(hwkit.write(["ab", "", "ca"], model=model), hwkit.write("ab\n\nca", model=model))
    with pytest.raises(InputError, match="newline"):
        hwkit.write(["ab", "c\na"], model=model)


def test_each_line_may_have_its_own_hand_bias_colour_and_pen(model: Path) -> None:
    lines = ["ab", "ab", "ab"]
    letter = hwkit.write(
        lines, model=model, style=["ash", "oak"], bias=[0.1, 0.1, 2.0],
        color=["#ff0000", "#00ff00"], pen_width=(0.3, 0.4, 0.5),
    )  # fmt: skip
    page = letter.pages[0]
    assert [(pen.width_mm, pen.colour) for pen in page.pens] == [
        (0.3, "#ff0000"), (0.4, "#00ff00"), (0.5, "#00ff00")
    ]  # fmt: skip
    assert list(page.of_pen) == list(page.lines)
    assert set(page.lines) == {0, 1, 2}
    one = hwkit.write(lines, model=model, style="oak", bias=0.1).pages[0]
    assert len(one.pens) == 1
    drawn = letter._repr_svg_()
    assert "#ff0000" in drawn
    assert "#00ff00" in drawn


def test_a_hand_goes_on_until_the_next_one_is_given(model: Path) -> None:
    """Each line has the shapes that it has where its hand writes them all."""

    def shapes(style: str | list[str]) -> list[list[list[float]]]:
        letter = hwkit.write(["abc", "5", "abc", "abc"], model=model, style=style, wander=0.0)
        page = letter.pages[0]
        rows: list[list[list[float]]] = [[], [], [], []]
        for row, stroke in zip(page.lines, page.strokes, strict=True):
            size = np.ptp(stroke, axis=0)
            rows[row].append([len(stroke), round(float(size[0] / (size[1] + 0.01)), 1)])
        return rows

    ash, oak, both = shapes("ash"), shapes("oak"), shapes(["ash", "ash", "oak"])
    assert [len(row) for row in both] == [len(row) for row in (ash[0], both[1], oak[2], oak[3])]
    assert both[0] == ash[0]
    assert [stroke[0] for stroke in both[2]] == [stroke[0] for stroke in oak[2]]
    assert [stroke[0] for stroke in both[2]] != [stroke[0] for stroke in ash[2]]


def test_a_hand_may_be_given_itself(model: Path) -> None:
    writer = Writer.open(model)
    hand = Hand.made(writer, "ab", (0,), 0.6)
    assert not same(hwkit.write("abc", model=writer, style=hand), hwkit.write("abc", model=writer))


@pytest.mark.parametrize(
    ("name", "begin"),
    [
        ("a.svg", b"<"), ("a.png", b"\x89PNG"), ("a.pdf", b"%PDF"), ("a.inkml", b"<?xml"), ("a.jsonl", b"{"),
    ],
)  # fmt: skip
def test_a_letter_is_saved_in_any_format(model: Path, tmp_path: Path, name: str, begin: bytes) -> None:
    letter = hwkit.write("ab\nc", model=model, seed=1)
    assert letter.save(tmp_path / name) == [str(tmp_path / name)]
    content = (tmp_path / name).read_bytes()
    assert content.startswith(begin)
    letter.save(str(tmp_path / "again"), form=name.partition(".")[2])
    assert (tmp_path / "again").read_bytes() == content
    if name.endswith("jsonl"):
        (page,) = read_jsonl(content)
        assert page.text == ("ab", "c")
        for one, other in zip(page.strokes, letter.strokes, strict=True):
            np.testing.assert_allclose(one, other, atol=0.0006)


def test_several_pages_are_several_files(model: Path, tmp_path: Path) -> None:
    letter = hwkit.write(["ab"] * 9, model=model, page=(60, 40))
    count = len(letter.pages)
    assert count > 1
    assert letter.save(tmp_path / "a.svg") == [str(tmp_path / f"a-{n + 1}.svg") for n in range(count)]
    assert letter.save(tmp_path / "a.pdf") == [str(tmp_path / "a.pdf")]
    assert len(letter.strokes) == sum(len(page.strokes) for page in letter.pages)


def test_a_notebook_shows_the_first_page(model: Path, tmp_path: Path) -> None:
    letter = hwkit.write("ab c", model=model)
    shown = letter._repr_svg_()
    letter.save(tmp_path / "a.svg")
    assert shown.encode() == (tmp_path / "a.svg").read_bytes()
    assert etree.fromstring(shown.encode()).tag.endswith("svg")


def test_what_cannot_be_written_is_refused(model: Path, tmp_path: Path) -> None:
    faults = [
        (("",), {}, "no text"),
        (([],), {}, "no text"),
        (("ab",), {"style": []}, "empty list"),
        (("ab",), {"bias": ()}, "empty list"),
        (("ab",), {"color": []}, "empty list"),
        (("ab",), {"style": "fir"}, "ash, oak"),
        (("ab",), {"style": ["ash", "fir"]}, "fir"),
        (("ab",), {"seed": -1}, "seed"),
        (("ab",), {"seed": -1, "style": "ash"}, "seed"),
        (("ab",), {"bias": float("nan")}, "bias"),
        (("ab",), {"color": "red"}, "'red'"),
        (("ab",), {"pen_width": 0.0}, "pen"),
        (("ab",), {"size": 0.0}, "size"),
        (("ab",), {"align": "up"}, "align"),
        (("ab",), {"page": "b52"}, "b52"),
        (("ab",), {"page": (10.0, 10.0)}, "no room"),
        (("ab",), {"unknown": "drop"}, "drop"),
        (("ab",), {"model": "nobody"}, "nobody"),
    ]
    for arguments, options, words in faults:
        with pytest.raises(InputError, match=words):
            hwkit.write(*arguments, **{"model": model} | options)
    with pytest.raises(VocabularyError, match="line 2, character 1"):
        hwkit.write(["ab", "中"], model=model)
    letter = hwkit.write("ab", model=model)
    for target, words in [("a.gif", "a.gif"), ("no/a.svg", "no such folder"), ("a", "a")]:
        with pytest.raises(InputError, match=words):
            letter.save(tmp_path / target)
    assert list(tmp_path.iterdir()) == []


def test_words_that_did_not_come_out_are_named(model: Path) -> None:
    writer = Writer.open(model)
    writer.network.window_bias[:] = -8.0  # the window stands still
    letter = hwkit.write("abc & ab", model=writer)
    assert letter.unwritten == ["abc", "ab"]
    assert letter.pages[0].text == ("&",)
