"""Pages into files: each whole or not at all, and nothing before all is drawn."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwkit.errors import HwkitError, InputError
from hwkit.render.formats import BOOKS, Format, name_of, numbered

if TYPE_CHECKING:
    from hwkit.layout import Page


def check_pages(target: str, form: str | None = None, **options: Any) -> Format:
    """The format that pages are to have: as asked for, or by the target's name; with options of `Format`.

    Raises InputError before any work where nothing can be written so, or there.
    """
    checked = Format(name_of(target, form), **options)
    check_place(target)
    return checked


def encoded(target: str, pages: Sequence[Page], form: str | None = None, **options: Any) -> list[bytes]:
    """What the files of a target, or standard output, are to hold.

    Raises InputError as `check_pages`, and where pages of a format that holds one are to go where only one can
    (standard output, a device) or a page cannot be drawn.
    """
    if not pages:
        raise InputError("there is no page to write")
    to = check_pages(target, form, **options)
    if len(pages) > 1 and to.name not in BOOKS and (target == "-" or is_device(Path(target))):
        raise InputError(
            f"{len(pages)} pages of {to.name} do not fit one stream",
            do=f"name a file, or choose {' or '.join(BOOKS)}",
        )
    return to.encode(pages)


def save(target: str, pages: Sequence[Page], form: str | None = None, **options: Any) -> list[str]:
    """Write pages to a file, or to NAME-1.svg, NAME-2.svg … where the format holds one page.

    Returns the files' names. Raises InputError as `encoded`, HwkitError where the system refuses a file.
    """
    contents = encoded(target, pages, form, **options)
    count = len(contents)
    names = [numbered(target, number + 1) for number in range(count)] if count > 1 else [target]
    for name in names:
        check_place(name)
    write_files([(Path(name), content) for name, content in zip(names, contents, strict=True)])
    return names


def check_place(output: str) -> None:
    """Raise InputError where no file can be."""
    if output == "-":
        return
    path = Path(output)
    if not path.parent.is_dir():
        raise InputError("there is no such folder", file=path.parent, do="make it first, or choose another")
    if path.is_dir():
        raise InputError("is a folder", file=output, do="name a file")


def is_device(path: Path) -> bool:
    """A device or a pipe, which nothing may replace."""
    return path.exists() and not path.is_file()


def write_files(files: Sequence[tuple[Path, bytes]]) -> None:
    """Write files, each whole: first all beside their places, then into them."""
    written: list[tuple[str, Path]] = []
    path = files[0][0]
    try:
        for path, content in files:
            if is_device(path):
                path.write_bytes(content)
            else:
                written.append((_beside(path, content), path))
        while written:
            name, path = written[0]
            os.replace(name, path)
            written.pop(0)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else error.strerror or str(error)
        do = "free some space and run again" if full else "choose another place"
        raise HwkitError(f"cannot be written: {reason}", file=path, do=do) from error
    finally:
        for name, _ in written:
            with suppress(OSError):
                os.unlink(name)


def _beside(path: Path, content: bytes) -> str:
    """A file with the content in the same folder, whose name it returns."""
    handle, name = tempfile.mkstemp(prefix=".hwkit-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)  # mkstemp's own 0600 would surprise
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
    return name
