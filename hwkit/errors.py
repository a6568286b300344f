"""The errors that hwkit raises: what went wrong, where, and what to do about it.

The library raises these and nothing else for bad input; `hwkit.cli` alone turns them into one line
and an exit code.
"""

from __future__ import annotations

from pathlib import Path


class HwkitError(Exception):
    """Something failed while working (a full disk, a text written only in part): exit code 1.

    Parameters
    ----------
    what: the fault in one sentence, without a full stop.
    file: the file that is at fault, if one is.
    row: the line, record or member of that file.
    do: what the user can do about it, as an instruction.
    """

    exit_code = 1

    def __init__(
        self, what: str, *, file: Path | str | None = None, row: int | str | None = None, do: str = ""
    ) -> None:
        self.what, self.file, self.row, self.do = what, file, row, do
        super().__init__(what)

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.file}: "
        if self.row is not None:
            place = place[:-2] + f", {self.row}: " if place else f"{self.row}: "
        line = f"{place}{self.what}" + (f"; {self.do}" if self.do else "")
        # One line, and nothing in it that a terminal would obey.
        return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


class Stopped(HwkitError):
    """The work was asked to stop, by Ctrl-C or SIGTERM, and has left everything whole: exit code 130."""

    exit_code = 130


class InputError(HwkitError):
    """The user gave something that cannot be used: exit code 2."""

    exit_code = 2


class InkError(InputError):
    """Ink that is no ink: an empty stroke, a coordinate that is not a number."""


class VocabularyError(InputError):
    """A character that the model never learned."""


class ArtifactError(InputError):
    """An artifact that is missing, damaged, or of another version."""
