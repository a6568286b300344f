"""What commands share: their common options, and what they draw. rich is imported only to draw.

Results go to stdout, everything else to stderr. Text that comes from outside (a transcript, a file's
name) is shown as data: its control characters are escaped and nothing in it is markup.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hwkit.progress import Progress, silent

if TYPE_CHECKING:
    from rich.console import RenderableType

    from hwkit.artifact import Artifact, Store

F = TypeVar("F", bound=Callable[..., Any])


def output_options(command: F) -> F:
    """Give a command `--json` (as `as_json: bool`) and `--quiet` (`quiet: bool`)."""
    command = click.option("--quiet", "-q", is_flag=True, help="Show no progress and no table.")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")(command)


def store_option(command: F) -> F:
    """Give a command `--store DIR` (as `store: hwkit.artifact.Store`)."""
    return click.option(
        "--store",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("data/artifacts"),
        envvar="HWKIT_STORE",
        show_default=True,
        show_envvar=True,
        callback=_open_store,
        help="Where artifacts are kept.",
    )(command)


def habits(command: F) -> F:
    """The options of every stage's command: `--store`, `--json` and `--quiet`."""
    return store_option(output_options(command))


def _open_store(ctx: click.Context, parameter: click.Parameter, root: Path) -> Store:
    from hwkit.artifact import Store

    return Store(root)


def plain(text: object) -> str:
    """One line of text with nothing in it that a terminal would obey; line breaks become spaces."""
    line = " ".join(str(text).splitlines())
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def warn(line: str) -> None:
    """One line on stderr about something that is no error."""
    click.echo(f"hwkit: warning: {plain(line)}", err=True)


def emit(
    as_json: bool, result: Mapping[str, object], draw: Callable[[], object], *, quiet: bool = False
) -> None:
    """Print the result as one JSON object on stdout, or else (unless quiet) call `draw` for a table."""
    if as_json:
        text = json.dumps(result, ensure_ascii=False, allow_nan=False)
        # What a terminal would obey, or an encoding could not hold, is escaped; it stays the same JSON.
        utf = (sys.stdout.encoding or "utf-8").lower().startswith("utf")
        click.echo("".join(c if c.isprintable() and (utf or c < "\x7f") else json.dumps(c)[1:-1] for c in text))
    elif not quiet:
        draw()


def table(title: str, rows: Iterable[tuple[str, object]]) -> None:
    """Print names and values under a title."""
    _grid(title, (), rows)


def columns(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a title and a header."""
    _grid(title, header, rows)


def tree(title: str, nodes: Iterable[tuple[int, str]]) -> None:
    """Print (depth, text) nodes, depth first and depth from 1, as a tree under a title."""
    from rich.text import Text
    from rich.tree import Tree

    branches = [Tree(Text(plain(title)))]
    for depth, text in nodes:
        del branches[depth:]
        branches.append(branches[-1].add(Text(plain(text))))
    _draw(branches[0])


def count(number: float) -> str:
    """A number for people: 7656867 is 7,656,867."""
    return f"{number:,}"


def _grid(title: str, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        box=SIMPLE_HEAD if header else None,
        show_header=bool(header),
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for name in header or ("", ""):
        grid.add_column(Text(plain(name)), overflow="fold")  # folded, for a cut key or path is of no use
    for row in rows:
        grid.add_row(*(Text(plain(cell)) for cell in row))
    # Not the table's own title, which would be folded to the table's width.
    _draw(Group(Text(plain(title), style="bold"), *([grid] if grid.row_count else [])))


def _draw(drawing: RenderableType) -> None:
    from rich.console import Console

    # A pipe or a file has no edge to fold lines at.
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 10_000)
    # Through click.echo, because rich would end the process itself when the pipe's reader has left.
    with console.capture() as drawn:
        console.print(drawing)
    click.echo("\n".join(line.rstrip() for line in drawn.get().split("\n")), nl=False)


@contextmanager
def progress_bar(quiet: bool = False, *, after: float = 0.0) -> Iterator[Progress]:
    """A Progress callback that draws on stderr: a bar on a terminal, now and then a line elsewhere.

    after: seconds in which nothing is drawn, for what is often done sooner.
    """
    if quiet:
        yield silent
    elif after > 0:
        with ExitStack() as stack:
            yield _later(stack, time.monotonic() + after)
    elif sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        with _bar() as report:
            yield report
    else:
        yield _lines()


def _later(stack: ExitStack, due: float) -> Progress:
    """A Progress callback that begins to draw when it is due."""
    drawing: list[Progress] = []

    def report(done: int, total: int, note: str) -> None:
        if not drawing and time.monotonic() >= due:
            drawing.append(stack.enter_context(progress_bar()))
        if drawing:
            drawing[0](done, total, note)

    return report


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[amount]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False, highlight=False),
        transient=True,
    )
    pace = _Pace(says_left=False)
    with bar:
        task = bar.add_task("", total=None, amount="")

        def report(done: int, total: int, note: str) -> None:
            if pace.begins(done, total):
                bar.reset(task, total=total or None, completed=done)
            bar.update(task, completed=done, description=plain(note), amount=pace.amount(done, total))

        yield report


def _lines() -> Progress:
    """A Progress callback that prints a line when a phase begins, then ever more seldom."""
    pace = _Pace(says_left=True)
    due, pause = 0.0, 5.0
    last = ""

    def report(done: int, total: int, note: str) -> None:
        nonlocal due, pause, last
        begins = pace.begins(done, total) or (done == 0 and note != last)
        now = time.monotonic()
        if begins or now >= due:
            pause = 5.0 if begins else min(2 * pause, 300.0)
            due, last = now + pause, note
            click.echo(f"hwkit: {plain(note)} {pace.amount(done, total)}".rstrip(), err=True)

    return report


class _Pace:
    """How fast a phase goes; a phase begins when the total changes or the count goes back."""

    def __init__(self, says_left: bool) -> None:
        self.says_left = says_left  # a bar has a column of its own for it
        self.total, self.done = -1, 0
        self.first, self.since = 0, 0.0

    def begins(self, done: int, total: int) -> bool:
        new = total != self.total or done < self.done
        if new:  # what was done before (a resumed training) says nothing about the pace
            self.total, self.first, self.since = total, done, time.monotonic()
        self.done = done
        return new

    def amount(self, done: int, total: int) -> str:
        if not (done or total):
            return ""
        text = f"{done:,} of {total:,}" if total else f"{done:,}"
        elapsed = time.monotonic() - self.since
        if done > self.first and elapsed > 0.2:
            rate = (done - self.first) / elapsed
            text += f", {rate:,.0f}/s" if rate >= 10 else f", {rate:.2g}/s"
            if total and self.says_left:
                text += f", {span((total - done) / rate)} left"
        return text


def span(seconds: float) -> str:
    """A time for people: 40 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def finish(artifact: Artifact, rows: Sequence[tuple[str, object]], as_json: bool, quiet: bool) -> None:
    """A stage's closing table, or its JSON object: the metrics, and where the artifact is."""
    manifest = artifact.manifest
    place = [
        ("artifact", f"{artifact.path}"),
        ("made in", f"{manifest.seconds:,.1f} s, {manifest.peak_mb:,.0f} MB"),
    ]
    result = {"stage": artifact.stage, "artifact": str(artifact.path), "key": artifact.key, **artifact.metrics}
    emit(as_json, result, lambda: table(artifact.stage, [*rows, *place]), quiet=quiet)
