"""The frame of the command line: what it imports, what it prints, the exit codes, `hwkit artifacts`."""

from __future__ import annotations

import errno
import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

from hwkit import __version__, cli
from hwkit.artifact import Artifact, Store
from hwkit.cli import COMMANDS, main, show
from hwkit.errors import HwkitError, InputError


def run(*args: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "hwkit", *args], capture_output=True, text=True, **options)  # type: ignore[call-overload]


Boom = Callable[[Callable[[], object]], None]


@pytest.fixture
def boom(monkeypatch: pytest.MonkeyPatch) -> Boom:
    """Gives hwkit a command `boom` that does what the test says."""

    def install(body: Callable[[], object]) -> None:
        module = ModuleType("hwkit.cli.boom")
        module.boom = click.Command("boom", callback=body)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "hwkit.cli.boom", module)
        monkeypatch.setitem(cli.hwkit.commands, "boom", click.Command("boom"))

    return install


def raising(error: BaseException) -> Callable[[], object]:
    def body() -> object:
        raise error

    return body


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("HWKIT_STORE", str(tmp_path / "store"))
    return Store(tmp_path / "store")


@pytest.fixture
def made(store: Store, tmp_path: Path) -> list[Artifact]:
    """An old ingest; a new ingest; a model of the new one."""

    def make(folder: Path) -> dict[str, object]:
        (folder / "data").write_text("data")
        return {"lines": 12_195, "note": "\x1b[31mred [bold]x[/bold]"}

    (tmp_path / "archive").write_text("ink")
    archive = {"archive": tmp_path / "archive"}
    old = store.build("ingest", 1, {"n": 0}, archive, make)
    new = store.build("ingest", 1, {"n": 1}, archive, make)
    return [old, new, store.build("train", 1, {"rate": 0.1}, {"ink": new}, make)]


# The frame


def test_help_names_all_commands_and_loads_none() -> None:
    heavy = ["torch", "scipy", "h5py", "lxml", "numpy", "rich", "msgspec", "filelock"]
    code = (
        "import sys; from hwkit.cli import main; code = main(['--help']); "
        f"loaded = [m for m in {heavy} + ['hwkit.cli.artifacts'] if m in sys.modules]; "
        "print(code, loaded)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == "0 []"
    listed = [line.split()[0] for line in lines if line.startswith("  ") and line.split()[:1]]
    assert [name for name in listed if name in COMMANDS] == list(COMMANDS)
    assert "write 'hello' -o out.svg" in done.stdout


def test_version_and_usage_errors() -> None:
    assert run("--version").stdout == f"hwkit {__version__}\n"
    done = run("wrte")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("hwkit: error: No such command 'wrte'")
    assert done.stderr.endswith("; see 'hwkit --help'\n")
    done = run("artifacts", "list", "--bad\x1b[31m\noption")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "\x1b" not in done.stderr
    assert "see 'hwkit artifacts list --help'" in done.stderr
    done = run()
    assert "Commands:" in done.stdout + done.stderr
    assert done.returncode == (2 if done.stderr else 0)  # click's own habit changed in 8.2


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (HwkitError("it broke", do="mend it"), 1, "hwkit: error: it broke; mend it"),
        (InputError("no\nink", file="a\x07.xml", row=3), 2, r"hwkit: error: a\x07.xml, 3: no\x0aink"),
        (click.UsageError("bad.\n  choice."), 2, "hwkit: error: bad. choice; see 'hwkit boom --help'"),
        (click.FileError("x", "why"), 1, "hwkit: error: Could not open file 'x': why"),
        (
            OSError(errno.ENOSPC, "No space left on device", "/a"),
            1,
            "hwkit: error: /a: the disk is full; free some",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), 1, "hwkit: error: /a: Permission denied"),
        (MemoryError(), 1, "hwkit: error: there is not enough memory"),
        (
            RuntimeError("[enforce fail at x] DefaultCPUAllocator: can't allocate memory"),
            1,
            "hwkit: error: there is not enough memory",
        ),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA"), 1, "hwkit: error: there is not enough memory"),
        (ModuleNotFoundError(name="torch.nn"), 2, "hwkit: error: needs torch: pip install 'hwkit[train]'"),
        (ModuleNotFoundError(name="scipy"), 2, "hwkit: error: needs scipy: pip install 'hwkit[train]'"),
        (click.Abort(), 130, "hwkit: stopped"),
        (KeyboardInterrupt(), 130, "hwkit: stopped"),
    ],
)
def test_errors_become_one_line(
    boom: Boom,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
    code: int,
    line: str,
) -> None:
    # The frame closes what is left of stdout after a system error; here that must not be pytest's own.
    monkeypatch.setattr(cli, "_drop_output", lambda: None)

    def body() -> object:
        if isinstance(error, click.UsageError):
            error.ctx = click.get_current_context()
        raise error

    boom(body)
    assert main(["boom"]) == code
    out, err = capfd.readouterr()
    assert out == ""
    assert err.strip().startswith(line)
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "bug", [ZeroDivisionError(), RuntimeError("shapes"), ModuleNotFoundError(name="hwkit.missing")]
)
def test_a_bug_is_not_hidden(boom: Boom, bug: BaseException) -> None:
    boom(raising(bug))
    with pytest.raises(type(bug)):
        main(["boom"])


def test_exit_codes_of_commands(boom: Boom) -> None:
    boom(lambda: click.get_current_context().exit(7))
    assert main(["boom"]) == 7
    boom(lambda: "a result")
    assert main(["boom"]) == 0


def test_a_reader_that_left_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "hwkit", "completion", "zsh"], stdout=write, stderr=subprocess.PIPE, text=True
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "hwkit", "completion", "zsh"], stdout=full, stderr=subprocess.PIPE, text=True
        )
    assert done.returncode == 1
    assert done.stderr == "hwkit: error: the disk is full; free some space and run again\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "_HWKIT_COMPLETE" in done.stdout


def test_completion_completes() -> None:
    words = {"_HWKIT_COMPLETE": "bash_complete", "COMP_WORDS": "hwkit artifacts ve", "COMP_CWORD": "2"}
    assert run(env=os.environ | words).stdout == "plain,verify\n"
    words |= {"COMP_WORDS": "hwkit ev", "COMP_CWORD": "1"}
    assert run(env=os.environ | words).stdout == "plain,evaluate\n"


# What is shown


def test_plain() -> None:
    assert show.plain("a\x1b[2J\x9b\u202eb\r\nc\ud800") == r"a\x1b[2J\x9b\x202eb c\xd800"
    assert show.plain("Grüße, 手") == "Grüße, 手"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_json_is_safe_and_the_same(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
    result = {"text": "é手 \x1b\x7f\x9b\u202e\ud800\U000e0001", "n": [1, 2.5, None]}
    show.emit(True, result, lambda: pytest.fail("drew a table"))
    sys.stdout.flush()
    text = raw.getvalue().decode(encoding)
    assert json.loads(text) == result
    assert text.rstrip("\n").isprintable()
    assert ("é手" in text) is (encoding == "utf-8")
    with pytest.raises(ValueError, match="JSON"):
        show.emit(True, {"nats": float("nan")}, lambda: None)


def test_quiet_draws_nothing() -> None:
    show.emit(False, {}, lambda: pytest.fail("drew a table"), quiet=True)
    with show.progress_bar(quiet=True) as progress:
        progress(1, 2, "x")


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    show.table("a [b]title[/b]", [("name", "[red]x\x1b[0m"), ("other", 12)])
    show.columns("title", ("one", "two"), [("k" * 300, "v")])
    show.tree("root", [(1, "a"), (2, "b"), (1, "c")])
    out = capsys.readouterr().out
    assert "a [b]title[/b]\nname   [red]x\\x1b[0m\nother  12\n" in out
    assert "\n" + "k" * 300 + "   v\n" in out
    assert out.endswith("root\n├── a\n│   └── b\n└── c\n")
    assert all(line == line.rstrip() for line in out.splitlines())


def test_progress_beyond_a_terminal_is_a_few_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with show.progress_bar() as progress:
        for done in range(1000):
            progress(done, 1000, "reading [b]\x1b")
        progress(0, 0, "waiting")
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.splitlines()
    assert lines[0] == r"hwkit: reading [b]\x1b 0 of 1,000"
    assert lines[-1] == "hwkit: waiting"
    assert len(lines) < 20


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    ends = pty.openpty()
    yield ends
    for end in ends:
        os.close(end)


def test_progress_on_a_terminal_is_a_bar(terminal: tuple[int, int]) -> None:
    code = (
        "from hwkit.cli.show import progress_bar\n"
        "with progress_bar() as progress:\n"
        "    progress(0, 0, 'opening')\n"
        "    progress(3, 4, 'reading [b]')\n"
        "    progress(4, 4, 'reading [b]')\n"
    )
    ours, theirs = terminal
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )
    drawn = os.read(ours, 100_000).decode()
    assert done.returncode == 0
    assert done.stdout == b""
    assert "reading [b]" in drawn
    assert "4 of 4" in drawn
    assert drawn.rstrip().endswith("\x1b[2K")  # nothing of the bar stays


# hwkit artifacts


def test_list(made: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "list"]) == 0
    out = capsys.readouterr().out
    assert all(artifact.name in out for artifact in made)
    assert main(["artifacts", "list", "--stage", "ingest", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["key"] for entry in listed["artifacts"]] == [made[0].key, made[1].key]
    assert listed["artifacts"][0]["metrics"]["lines"] == 12_195
    (made[0].path / "manifest.json").write_text("{}")
    assert main(["artifacts", "list", "-q"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"hwkit: warning: {made[0].path}: the manifest is damaged")


def test_list_of_no_store(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"artifacts": [], "damaged": []}
    assert not store.root.exists()


def test_show(made: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    _, ingest, model = made
    assert main(["artifacts", "show", model.key[:6]]) == 0
    out = capsys.readouterr().out
    assert r"\x1b[31mred [bold]x[/bold]" in out
    assert "\x1b" not in out
    assert f"{model.name} comes from\n└── ink: {ingest.name}\n    └── archive: archive (file, digest " in out
    assert main(["artifacts", "show", model.name, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["manifest"] == json.loads((model.path / "manifest.json").read_text())
    assert [(up["depth"], up["role"]) for up in shown["lineage"]] == [(1, "ink"), (2, "archive")]
    assert main(["artifacts", "show", "ffff"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("hwkit: error: no artifact 'ffff'")


def test_verify(made: list[Artifact], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", "verify", "-q"]) == 0
    assert capsys.readouterr() == ("", "")
    (made[1].path / "data").write_text("dada")
    (made[2].path / "manifest.json").write_text("{")
    assert main(["artifacts", "verify", "-q"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{made[1].path}: data: the content differs (sha256)"
    assert lines[1].startswith(f"{made[2].path}: the manifest is damaged")
    assert main(["artifacts", "verify", "--json", made[0].name, made[2].name]) == 1
    verified = json.loads(capsys.readouterr().out)
    assert verified["checked"] == 2
    assert [problem["path"] for problem in verified["problems"]] == [str(made[2].path)]
    assert main(["artifacts", "verify", made[0].name, "-q"]) == 0
    assert main(["artifacts", "verify", "ffff"]) == 2


def test_prune(made: list[Artifact], store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    spare = str(made[0].path)
    assert main(["artifacts", "prune", "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"dry_run": True, "removed": [spare]}
    assert main(["artifacts", "prune"]) == 2  # nobody to ask
    assert "--yes" in capsys.readouterr().err
    assert made[0].path.exists()
    assert main(["artifacts", "prune", "--yes"]) == 0
    assert "removed 1\n" in capsys.readouterr().out
    assert store.all() == made[1:]


def test_prune_asks_on_a_terminal(made: list[Artifact], store: Store, terminal: tuple[int, int]) -> None:
    ours, theirs = terminal
    for answer, left in ((b"n\n", 3), (b"y\n", 2)):
        os.write(ours, answer)
        done = subprocess.run(
            [sys.executable, "-m", "hwkit", "artifacts", "prune"], stdin=theirs, capture_output=True, text=True
        )
        assert str(made[0].path) in done.stderr
        assert done.returncode == (130 if left == 3 else 0)
        assert len(store.all()) == left


@pytest.mark.parametrize("command", ["list", "show", "verify", "prune"])
def test_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["artifacts", command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"Example: hwkit artifacts {command}" in out
    assert "HWKIT_STORE" in out
