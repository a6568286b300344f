"""The command line: open, call the library, show; nothing else. The only place that knows exit codes.

Exit codes: 0 done, 1 failed while working, 2 what the user gave cannot be used (a missing extra package
counts as that), 130 stopped by Ctrl-C, 141 the reader of our output went away.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module

import click

from hwkit import __version__
from hwkit.cli import settings
from hwkit.cli.show import plain
from hwkit.errors import HwkitError, Stopped

# Each command is hwkit.cli.NAME:NAME. The help stands here so that `hwkit --help` imports none of them.
COMMANDS = {
    "ingest": "Read a source archive into an ink dataset.",
    "convert": "Turn ink of one format into another.",
    "preprocess": "Repair ink, measure its statistics, collect its vocabulary.",
    "compose": "Cut ink into words, and compose lines of them.",
    "train": "Train a prediction or synthesis network, or a reader.",
    "sample": "Write ink with a trained model.",
    "render": "Turn ink into SVG or PNG.",
    "write": "Write a text by hand with the packaged model.",
    "styles": "Show the packaged hands, or make some.",
    "dream": "Let a prediction network write, without a text.",
    "explain": "Show on a page how a text is written, point by point.",
    "read": "Read what is written in ink.",
    "run": "Run the stages that a pipeline file declares.",
    "artifacts": "List, show, verify and prune what the stages made.",
    "evaluate": "Measure a model, a reader, or how well writing is read.",
    "models": "List, show, pack and look at models.",
    "inspect": "Draw lines of a dataset on a sheet, to look at.",
    "plot": "Draw charts of training, of ink, and of writing.",
    "bench": "Measure how fast this machine does hwkit's work.",
    "completion": "Print the completion script of a shell.",
}
NO_MEMORY = "there is not enough memory; use a smaller batch or fewer lines"


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)  # in the order of work, not of the alphabet

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name is not None:
            command = getattr(import_module(f"hwkit.cli.{name}"), name)
            if own := settings.defaults(name, command, self.commands):
                ctx.default_map = {name: own}
        return name, command, rest

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # click itself would turn it into exit code 1
            raise click.exceptions.Exit(141) from error


@click.group(
    cls=LazyGroup,
    commands={name: click.Command(name, help=text) for name, text in COMMANDS.items()},
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: hwkit write 'hello' -o out.svg\n\n"
    "hwkit is under the MIT licence. Its weights have the terms of the ink that they learned from: the default "
    "model's are for non-commercial research, those of cursive are MIT. hwkit models lists them.",
)
@click.version_option(__version__, prog_name="hwkit", message="%(prog)s %(version)s")
def hwkit() -> None:
    """Learns handwriting from pen strokes and writes any text by hand."""


def main(args: Sequence[str] | None = None) -> int:
    """Run a command line (the process's own by default) and return its exit code; errors become one line."""
    try:
        result = hwkit.main(args, prog_name="hwkit", standalone_mode=False)
        code = result if isinstance(result, int) else 0
        if code != 141:
            sys.stdout.flush()
    except Stopped as stop:
        click.echo(f"hwkit: {plain(stop)}", err=True)
        return stop.exit_code
    except HwkitError as error:
        return _fail(str(error), error.exit_code)
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("hwkit: stopped", err=True)
        return 130
    except BrokenPipeError:
        code = 141
    except OSError as error:
        return _system(error)
    except MemoryError:
        return _fail(NO_MEMORY, 1)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("torch", "scipy"):
            raise  # ours, and a bug
        return _fail(f"needs {package}: pip install 'hwkit[train]'", 2)
    except RuntimeError as error:
        # torch's words for it, on a GPU and on a processor
        if type(error).__name__ != "OutOfMemoryError" and "DefaultCPUAllocator" not in str(error):
            raise
        return _fail(NO_MEMORY, 1)
    if code == 141:
        _drop_output()
    return code


def _fail(line: str, code: int) -> int:
    click.echo(f"hwkit: error: {plain(line)}", err=True)
    return code


def _usage(error: click.UsageError) -> int:
    # Since click 8.2, a group without a command raises its help as an error.
    if isinstance(error, getattr(click.exceptions, "NoArgsIsHelpError", ())):
        error.show()
        return 2
    command = error.ctx.command_path if error.ctx else "hwkit"
    message = " ".join(error.format_message().split()).rstrip(".")
    return _fail(f"{message}; see '{command} --help'", 2)


def _system(error: OSError) -> int:
    _drop_output()
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        reason = "the disk is full; free some space and run again"
    else:
        reason = error.strerror or str(error) or type(error).__name__
    place = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
    return _fail(place + reason, 1)


def _drop_output() -> None:
    """Let nothing that is left in stdout's buffer be written when the interpreter ends: it would fail again."""
    null = os.open(os.devnull, os.O_WRONLY)
    with suppress(OSError):  # a stdout that is no file of the system's has nothing to fail at
        os.dup2(null, sys.stdout.fileno())
    os.close(null)
