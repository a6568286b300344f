"""Mail merge: a letter for each row of a table, whatever is in it."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree
from test_commands import fails
from test_generate import tiny

from hwkit import style
from hwkit.cli import main, merge
from hwkit.errors import InputError
from hwkit.generate.hand import Hand, write_hands
from hwkit.generate.sampler import Writer


class Office:
    """A folder with a template, tables and letters."""

    def __init__(self, folder: Path, model: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self.model, self.capsys = folder, model, capsys
        self.target = str(folder / "out" / "{name}.svg")
        self.errors = ""

    def arguments(self, table: str | bytes, template: str, *more: str, suffix: str = ".csv") -> list[str]:
        rows, text = self.folder / f"rows{suffix}", self.folder / "template.txt"
        rows.write_bytes(table if isinstance(table, bytes) else table.encode())
        text.write_text(template, encoding="utf-8")
        given = ["-f", str(text), "--rows", str(rows), "--model", self.model, "--seed", "3", *more]
        return ["write", *given, *([] if "-o" in more else ["-o", self.target])]

    def merged(self, table: str | bytes, template: str, *more: str, code: int = 0, **named: str) -> Any:
        self.capsys.readouterr()
        assert main([*self.arguments(table, template, "--json", *more, **named)]) == code
        out, self.errors = self.capsys.readouterr()
        assert "Traceback" not in self.errors
        return json.loads(out)

    def alone(self, text: str, *more: str) -> bytes:
        out = self.folder / "alone.svg"
        assert main(["write", text, "-o", str(out), "--model", self.model, "-q", *more]) == 0
        return out.read_bytes()

    @property
    def letters(self) -> set[str]:
        out = self.folder / "out"
        return {path.name for path in out.iterdir()} if out.exists() else set()

    def letter(self, name: str) -> bytes:
        return (self.folder / "out" / name).read_bytes()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An untrained model with two hands."""
    folder = tiny(tmp_path_factory.mktemp("model"))
    writer = Writer.open(folder)
    write_hands(folder, {name: Hand.made(writer, "ab", (n,), 0.6) for n, name in enumerate(("ash", "oak"))})
    return str(folder)


@pytest.fixture
def office(tmp_path: Path, model: str, capsys: pytest.CaptureFixture[str]) -> Office:
    return Office(tmp_path, model, capsys)


def test_a_letter_is_the_same_bytes_alone_and_in_the_merge(office: Office) -> None:
    table = "name,style,seed\nab,ash,7\nbc,oak,8\n\nca,,\n"
    said = office.merged(table, "a {name}, c\n5 & {name}", "--bias", "0.4", "--style", "oak")
    assert (said["letters"], said["skipped"], said["bad"], said["seed"]) == (3, 0, [], 3)
    assert said["output"] == [str(office.folder / "out" / f"{n}.svg") for n in ("ab", "bc", "ca")]
    for name, hand, seed in [("ab", "ash", "7"), ("bc", "oak", "8"), ("ca", "oak", str(3 + 5))]:
        text = f"a {name}, c\n5 & {name}"
        alone = office.alone(text, "--style", hand, "--seed", seed, "--bias", "0.4")
        assert office.letter(f"{name}.svg") == alone, name
    assert office.letter("ab.svg") != office.alone("a ab, c\n5 & ab", "--style", "ash", "--seed", "8")


def test_more_letters_than_are_written_together(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    table = "name\n" + "".join(f"a{n}\n" for n in range(7))
    said = office.merged(table, "{name}")
    assert said["letters"] == 7
    whole = {name: office.letter(name) for name in office.letters}
    monkeypatch.setattr(merge, "TOGETHER", 3)
    assert office.merged(table, "{name}") == said
    assert {name: office.letter(name) for name in office.letters} == whole


def test_one_hand_writes_all_letters_unless_a_row_says_otherwise(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    own = style.hand
    monkeypatch.setattr(style, "hand", lambda *given: asked.append(given[2:4]) or own(*given))
    office.merged("name,style\na,\nb,\nc,oak\n", "{name}")
    assert asked == [(None, 3), ("oak", 3)]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".TSV"])
def test_cells_may_hold_anything_that_is_quoted(office: Office, suffix: str) -> None:
    between = "," if suffix == ".csv" else "\t"
    cells = [["name", "what is it"], ["1", 'a, "b"\tc'], ["2", "a\r\nb\nc"], ["3", "{a} {{b}} {name}"]]
    table = io.StringIO()
    csv.writer(table, delimiter=between).writerows(cells)
    office.merged("\ufeff" + table.getvalue(), "<{what is it}>", "--style", "ash", suffix=suffix)
    for name, text, line in [("1", cells[1][1], 2), ("2", "a\nb\nc", 5), ("3", cells[3][1], 6)]:
        alone = office.alone(f"<{text}>", "--style", "ash", "--seed", str(3 + line))
        assert office.letter(f"{name}.svg") == alone, name


def test_unusual_newlines_end_no_row(office: Office) -> None:
    """U+2028, a form feed and the like are white space in a cell, as spreadsheets write them."""
    said = office.merged("name,b\n1,a\u2028b\n2,a\x0cb\n3,a\x85b\r\n4,c\r", "{b}")
    assert said["letters"] == 4
    assert office.letters == {"1.svg", "2.svg", "3.svg", "4.svg"}


@pytest.mark.parametrize(
    ("table", "template", "words"),
    [
        ("", "a", ["no header"]),
        ("name\nab\n", "a {nam}", ["no column 'nam'", "there are name"]),
        ("nam\nab\n", "a", ["no column 'name'", "there are nam"]),
        ("name,a,name\nx,y,z\n", "a", ["two columns 'name'"]),
        ('name\n"ab\n', "a", ["no CSV", "row"]),
        ('name\n"ab"c\n', "a", ["no CSV", "row 2"]),
        ("name\nab\n", "a {", ["braces"]),
        ("name\nab\n", "a {}", ["no column in {}"]),
        ("name\nab\n", "a {name.x}", ["{name.x}"]),
        ("name\nab\n", "a {name[0]}", ["{name[0]}"]),
        (b"name\n\xff\n", "a", ["not UTF-8"]),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_before_any_work(
    office: Office, table: str | bytes, template: str, words: list[str]
) -> None:
    fails(office.capsys, office.arguments(table, template), 2, *words)
    assert office.letters == set()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["-o", "-"], ["standard output"]),
        (["-o", "all.svg"], ["all.svg", "one name", "{name}"]),
        (["-o", "{name}.gif"], [".gif"]),
        (["-o", "{nam}.svg"], ["no column 'nam'"]),
        (["--variants", "2"], ["--variants"]),
        (["--rows", "nowhere.csv"], ["nowhere.csv", "cannot be read"]),
        (["--format", "pdf"], ["pdf", "svg"]),
        (["--seconds", "3"], ["svg", "seconds"]),
    ],
)
def test_options_that_make_no_sense_for_many_letters(office: Office, more: list[str], words: list[str]) -> None:
    fails(office.capsys, office.arguments("name\nab\n", "a", *more), 2, *words)
    assert office.letters == set()


def test_skip_existing_needs_rows(office: Office) -> None:
    arguments = ["write", "a", "-o", str(office.folder / "a.svg"), "--skip-existing", "--model", office.model]
    fails(office.capsys, arguments, 2, "--rows")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("Ann Lee", "Ann Lee"),
        ("../x", "___x"),
        ("a/b\\c:d", "a_b_c_d"),
        (".hidden", "_hidden"),
        ("..", "__"),
        ("", "_"),
        ("  ", "_"),
        ("a\nb\0c\x1b[31m", "a_b_c_[31m"),
        ("Zoë 中", "Zoë 中"),
        ("n" * 300, "n" * 120),
        ("中" * 300, "中" * 40),
        ("{name}", "{name}"),
        ('<a>|"b"*?', "_a___b___"),
        ("\u202egnp", "_gnp"),
    ],
)
def test_names_are_made_safe(given: str, name: str) -> None:
    assert merge.safe(given) == name


@given(st.text(max_size=400))
def test_a_name_stays_in_its_folder(value: str) -> None:
    name = merge.safe(value)
    path = Path("out") / name
    assert path.parent == Path("out")
    assert path.name == name
    assert name not in ("", ".", "..")
    assert not name.startswith(".")
    assert name.isprintable()
    assert 0 < len(name.encode()) <= merge.LONGEST
    assert merge.safe(name) == name


def test_unsafe_names_are_letters_in_the_folder(office: Office) -> None:
    outside = {path.name for path in office.folder.iterdir()}
    names = ["../x", "/etc/passwd", ".hidden", "n" * 300]
    said = office.merged("name\n" + "".join(f"{name}\n" for name in names), "a")
    assert said["letters"] == 4
    assert office.letters == {"___x.svg", "_etc_passwd.svg", "_hidden.svg", "n" * 120 + ".svg"}
    assert {p.name for p in office.folder.iterdir()} - outside <= {"out", "rows.csv", "template.txt"}


BAD = """name,style,bias,color,pen_width,seed
good,,,,,
few,ash
many,,,,,,
good,,,,,
hand,nobody,,,,
bias,,much,,,
nan,,nan,,,
color,,,red,,
pen,,,,-1,
wide,,,,x,
seed,,,,,-4
half,,,,,1.5
emoji🙂,,,,,
last,oak,2,#00ff00,0.8,5
"""


def test_bad_rows_are_named_and_passed_over(office: Office) -> None:
    said = office.merged(BAD, "ab {name}", code=1)
    assert office.letters == {"good.svg", "last.svg"}
    assert (said["letters"], len(said["output"])) == (2, 2)
    reasons = {entry["row"]: entry["why"] for entry in said["bad"]}
    words = {
        3: "2 cells, the header 6", 4: "7 cells", 5: "as row 2 is", 6: "nobody", 7: "bias is 'much'",
        8: "a bias of nan", 9: "'red'", 10: "-1", 11: "pen_width is 'x'", 12: "seed", 13: "seed is '1.5'",
        14: "U+1F642",
    }  # fmt: skip
    assert reasons.keys() == words.keys()
    for row, why in words.items():
        assert why in reasons[row]
        assert f"row {row}: " in office.errors
    assert "12 rows were not written" in office.errors.splitlines()[-1]
    (first, last) = (office.letter(name).decode() for name in ("good.svg", "last.svg"))
    assert "#000000" in first
    assert "#00ff00" in last
    assert "0.8" in last
    own = ["--style", "oak", "--bias", "2", "--color", "#00ff00", "--pen-width", "0.8", "--seed", "5"]
    assert last.encode() == office.alone("ab last", *own)


def test_names_that_are_too_long_together_are_passed_over(office: Office) -> None:
    target = str(office.folder / "out" / "{a}{b}{c}.svg")
    table = "a,b,c\n" + ",".join(["n" * 120] * 3) + "\n1,2,3\n"
    said = office.merged(table, "a", "-o", target, code=1)
    assert [entry["row"] for entry in said["bad"]] == [2]
    assert office.letters == {"123.svg"}


def test_a_letter_whose_place_is_a_folder_is_passed_over(office: Office) -> None:
    (office.folder / "out" / "a.svg").mkdir(parents=True)
    said = office.merged("name\na\nb\n", "a", code=1)
    assert said["letters"] == 1
    assert "is a folder" in said["bad"][0]["why"]
    assert office.letters == {"a.svg", "b.svg"}


def test_letters_that_are_there_may_be_left_out(office: Office) -> None:
    table, text = "name\na\nb\nc\n", "{name} & a"
    office.merged(table, text)
    whole = {name: office.letter(name) for name in office.letters}
    (office.folder / "out" / "b.svg").unlink()
    (office.folder / "out" / "c.svg").write_bytes(b"mine")
    said = office.merged(table, text, "--skip-existing")
    assert (said["letters"], said["skipped"]) == (1, 2)
    assert office.letter("b.svg") == whole["b.svg"]
    assert office.letter("c.svg") == b"mine"
    said = office.merged(table, text)
    assert (said["letters"], said["skipped"]) == (3, 0)
    assert office.letter("c.svg") == whole["c.svg"]
    said = office.merged(table, text, "--skip-existing")
    assert (said["letters"], said["skipped"], said["output"]) == (0, 3, [])


def test_a_letter_of_several_pages_is_there_too(office: Office) -> None:
    table, text = "name\na\n", "\n".join(["{name}"] * 9)
    page = ["--page", "60x40"]
    office.merged(table, text, *page)
    assert {"a-1.svg", "a-2.svg"} <= office.letters
    assert office.merged(table, text, *page, "--skip-existing")["skipped"] == 1


def test_a_table_without_rows_has_no_letters(office: Office) -> None:
    said = office.merged("name\n", "a {name}")
    assert (said["letters"], said["output"], said["bad"]) == (0, [], [])


def test_folders_are_made_and_doubled_braces_are_braces(office: Office) -> None:
    target = str(office.folder / "new" / "{name}" / "{{letter}}.svg")
    office.merged("name\na\n", "{{a}} {name}", "-o", target)
    content = (office.folder / "new" / "a" / "{letter}.svg").read_bytes()
    assert content == office.alone("{a} a", "--seed", str(3 + 2))
    assert etree.fromstring(content).tag.endswith("svg")


@given(st.dictionaries(st.sampled_from("abc"), st.text(max_size=5), min_size=3), st.text("abc{}x", max_size=12))
def test_a_template_is_filled_as_format_fills_it(values: dict[str, str], template: str) -> None:
    try:
        expected = template.format(**values)
    except (ValueError, IndexError, KeyError, AttributeError):
        expected = None
    try:
        known = set(merge.fields(template)) <= set(values)
    except InputError:
        assert expected is None
        return
    assert known is (expected is not None)
    if known:
        assert merge.filled(template, values) == expected
