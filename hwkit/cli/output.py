"""Where a command's picture goes: a file by its suffix, or standard output; whole or not at all."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from hwkit.errors import HwkitError, InputError

SUFFIXES = (".svg", ".png")


def check(output: str) -> None:
    """Raise InputError before any work where `output` cannot become a picture."""
    if output == "-":
        return
    path = Path(output)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            "what picture that is to be is unknown", file=output, do="end its name in .svg or .png"
        )
    if not path.parent.is_dir():
        raise InputError("there is no such folder", file=path.parent, do="make it first, or choose another")
    if path.is_dir():
        raise InputError("is a folder", file=output, do="name a file")


def save(output: str, svg: bytes, dpi: int) -> int:
    """Write a page to a file, as SVG or PNG by its suffix, or as SVG to standard output for `-`.

    The file appears whole, by a rename; where that fails, what stood there before still stands.
    Returns the bytes written. Raises HwkitError where the system refuses a file, OSError where it
    refuses standard output.
    """
    if output == "-":
        sys.stdout.buffer.write(svg)
        sys.stdout.buffer.flush()
        return len(svg)
    path = Path(output)
    content = svg
    if path.suffix.lower() == ".png":
        from hwkit.render.png import png

        content = png(svg, dpi=dpi)
    try:
        if path.exists() and not path.is_file():  # a device or a pipe, which nothing may replace
            path.write_bytes(content)
        else:
            _replace(path, content)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else error.strerror or str(error)
        do = "free some space and run again" if full else "choose another place"
        raise HwkitError(f"cannot be written: {reason}", file=output, do=do) from error
    return len(content)


def _replace(path: Path, content: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # mkstemp's own 0600 would surprise
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
