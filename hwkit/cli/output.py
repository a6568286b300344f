"""Where a command's pictures and pages go: files by their suffix, or standard output; whole or not at all."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwkit.errors import InputError
from hwkit.render import files
from hwkit.render.files import check_pages
from hwkit.render.formats import SUFFIXES

if TYPE_CHECKING:
    from hwkit.layout import Page

__all__ = ["FORMATS", "check", "check_pages", "save", "save_pages"]

FORMATS = tuple(SUFFIXES)

PICTURES = (".svg", ".png")


def check(output: str) -> None:
    """Raise InputError before any work where `output` cannot become a picture, SVG or PNG."""
    if output != "-" and Path(output).suffix.lower() not in PICTURES:
        raise InputError(
            "what picture that is to be is unknown", file=output, do="end its name in .svg or .png"
        )
    files.check_place(output)


def save(output: str, svg: bytes, dpi: int) -> int:
    """Write an SVG to a file, as SVG or PNG by its suffix, or as SVG to standard output for `-`.

    The file appears whole, by a rename; where that fails, what stood there before still stands.
    Returns the bytes written. Raises HwkitError where the system refuses a file, OSError where it
    refuses standard output.
    """
    content = svg
    if output != "-" and Path(output).suffix.lower() == ".png":
        from hwkit.render.png import png

        content = png(svg, dpi=dpi)
    if output == "-":
        _to_standard_output(content)
    else:
        files.write_files([(Path(output), content)])
    return len(content)


def save_pages(target: str, pages: Sequence[Page], form: str | None = None, **options: Any) -> list[str]:
    """Write pages to files, as `hwkit.render.files.save` does, or to standard output for `-`."""
    if target != "-":
        return files.save(target, pages, form, **options)
    _to_standard_output(files.encoded(target, pages, form, **options)[0])
    return [target]


def _to_standard_output(content: bytes) -> None:
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
