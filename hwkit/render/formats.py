"""The formats that a page can be written in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwkit.errors import InputError

if TYPE_CHECKING:
    from hwkit.layout import Page

SUFFIXES = {
    "svg": ".svg",
    "png": ".png",
    "pdf": ".pdf",
    "inkml": ".inkml",
    "jsonl": ".jsonl",
    "animation": ".anim.svg",
}
"""Each format's name, and how a file's name tells it; the longest that fits counts."""

BOOKS = ("pdf", "jsonl")
"""The formats that hold several pages in a file."""


@dataclass(frozen=True, slots=True)
class Format:
    """How pages become bytes. Raises InputError where an option is not one of the format's."""

    name: str = "svg"
    dpi: int = 200  # of a PNG
    transparent: bool = False  # a PNG without its white background
    polyline: bool = False  # straight from point to point
    pressure: bool = False  # the stroke's width follows the pen's speed
    seconds: float | None = None  # how long an animation takes; None: as long as the pen took

    def __post_init__(self) -> None:
        if self.name not in SUFFIXES:
            raise InputError(f"there is no format {self.name!r}", do=f"choose one of {', '.join(SUFFIXES)}")
        for option, formats in [
            ("polyline", ("svg", "png", "pdf")),
            ("pressure", ("svg", "png", "pdf")),
            ("transparent", ("png",)),
            ("seconds", ("animation",)),
        ]:
            if getattr(self, option) not in (False, None) and self.name not in formats:
                raise InputError(f"{self.name} takes no {option}", do=f"choose {' or '.join(formats)}")
        if self.polyline and self.pressure:
            raise InputError("straight lines have no pressure", do="choose one of polyline and pressure")

    def encode(self, pages: Sequence[Page]) -> list[bytes]:
        """The contents of the files: one for a format that holds several pages, else one a page.

        Raises InputError where a page cannot be drawn so.
        """
        if self.name == "pdf":
            from hwkit.render.pdf import pdf

            return [pdf(pages, polyline=self.polyline, pressure=self.pressure)]
        if self.name == "jsonl":
            from hwkit.render.jsonl import jsonl

            return [jsonl(pages)]
        return [self._encoded(page) for page in pages]

    def _encoded(self, page: Page) -> bytes:
        if self.name == "inkml":
            from hwkit.render.inkml import inkml

            return inkml(page)
        if self.name == "animation":
            from hwkit.render.animation import animation

            return animation(page, seconds=self.seconds)
        from hwkit.render.svg import svg

        drawn = svg(page, polyline=self.polyline, pressure=self.pressure)
        if self.name == "png":
            from hwkit.render.png import png

            return png(drawn, dpi=self.dpi, background=None if self.transparent else "#ffffff")
        return drawn


def name_of(target: str, asked: str | None = None) -> str:
    """The format's name: the one asked for, else by the file's name; `-` is svg.

    Raises InputError where there is none, or the file's name says another than was asked for.
    """
    ending = "" if target == "-" else _suffix(Path(target).name)
    told = {suffix: name for name, suffix in SUFFIXES.items()}.get(ending.lower())
    if asked is not None and asked not in SUFFIXES:
        raise InputError(f"there is no format {asked!r}", do=f"choose one of {', '.join(SUFFIXES)}")
    if target == "-":
        return asked or "svg"
    if asked is None and told is None:
        *some, last = SUFFIXES.values()
        raise InputError(
            "what is to be written is unknown", file=target,
            do=f"end its name in {', '.join(some)} or {last}, or give a format",
        )  # fmt: skip
    if asked and told and asked != told and (asked, told) != ("animation", "svg"):
        raise InputError(f"its name says {told}, but {asked} was asked for", file=target, do="choose one")
    return asked or told or "svg"


def numbered(target: str, number: int) -> str:
    """The file's name with a number: NAME-1.svg. Raises InputError for standard output, which has no name."""
    if target == "-":
        raise InputError("several files do not fit standard output", do="name a file")
    path = Path(target)
    ending = _suffix(path.name)
    return str(path.with_name(f"{path.name[: len(path.name) - len(ending)]}-{number}{ending}"))


def _suffix(name: str) -> str:
    """The end of a file's name that tells its format, else what pathlib has for one."""
    for suffix in sorted(SUFFIXES.values(), key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[-len(suffix) :]
    return Path(name).suffix
