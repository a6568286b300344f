"""Which sources and sinks there are: hwkit's own, and the sources that other packages bring.

A package brings one by an entry point of the group "hwkit.sources", whose name is the source's and whose
value leads to a `Source`. Nothing is imported before it is needed, and a package that is broken harms only
those who need it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from hwkit.errors import InputError
from hwkit.sources.source import Sink, Source

GROUP = "hwkit.sources"

# In the order in which they are asked whether a file is theirs: bigbank takes any JSON.
SOURCES = {
    "iam-ondb": "hwkit.sources.iam_ondb",
    "ink": "hwkit.sources.hdf5",
    "jsonl": "hwkit.sources.json_lines",
    "inkml": "hwkit.sources.inkml",
    "svg": "hwkit.sources.svg_paths",
    "quickdraw": "hwkit.sources.quickdraw",
    "sketch-rnn": "hwkit.sources.sketch_rnn",
    "sjvasquez": "hwkit.sources.sjvasquez",
    "unipen": "hwkit.sources.unipen",
    "svc2004": "hwkit.sources.svc2004",
    "bigbank": "hwkit.sources.bigbank",
}
"""hwkit's own sources: the module of each has a `SOURCE`."""

SINKS = {
    "jsonl": "hwkit.sources.json_lines:SINK",
    "json": "hwkit.sources.json_lines:DRAWING",
    "inkml": "hwkit.sources.inkml:SINK",
    "svg": "hwkit.sources.svg_paths:SINK",
    "quickdraw": "hwkit.sources.quickdraw:SINK",
    "sketch-rnn": "hwkit.sources.sketch_rnn:SINK",
    "bigbank": "hwkit.sources.bigbank:SINK",
    "ink": "hwkit.sources.hdf5:SINK",
}
"""hwkit's sinks."""

SUFFIXES = {
    ".jsonl": "jsonl",
    ".json": "json",
    ".inkml": "inkml",
    ".svg": "svg",
    ".ndjson": "quickdraw",
    ".npz": "sketch-rnn",
    ".h5": "ink",
}
"""The sink that a file's name asks for."""


def names() -> list[str]:
    """The names of all sources, broken ones too."""
    return [*SOURCES, *_foreign()]


def source(name: str) -> Source:
    """The source of a name. Raises InputError where there is none, or its package cannot be loaded."""
    if name in SOURCES:
        found: Source = import_module(SOURCES[name]).SOURCE
        return found
    foreign = _foreign()
    if name not in foreign:
        raise InputError(f"there is no source {name!r}", do=f"choose from {', '.join(names())}")
    return _loaded(foreign[name])


def source_of(file: Path) -> Source:
    """The source whose format a file has, by its name or else its first bytes.

    What nobody recognises is IAM-OnDB's to read or refuse. Raises InputError where a package that might have
    recognised it cannot be loaded.
    """
    own = [source(name) for name in SOURCES]
    start = _start(file)
    for found in own:
        if found.named(file):
            return found
    for found in own:
        if found.recognises and found.recognises(file, start):
            return found
    broken: list[InputError] = []
    for found in _foreign_sources(broken):
        if found.named(file) or (found.recognises and found.recognises(file, start)):
            return found
    if broken and file.is_file() and not _is_packed(start):
        raise broken[0]
    return source("iam-ondb")


def sink(name: str) -> Sink:
    """The sink of a name. Raises InputError where there is none."""
    if name not in SINKS:
        raise InputError(f"there is no format {name!r} to write", do=f"choose from {', '.join(SINKS)}")
    module, _, attribute = SINKS[name].partition(":")
    found: Sink = getattr(import_module(module), attribute)
    return found


def sink_of(target: str, name: str | None = None) -> Sink:
    """The sink that is asked for, or that a file's name tells. Raises InputError where neither does."""
    if name:
        return sink(name)
    suffix = Path(target).suffix.lower()
    if suffix not in SUFFIXES:
        raise InputError(
            "what is to be written is unknown", file=target,
            do=f"end its name in {', '.join(SUFFIXES)}, or give --to",
        )  # fmt: skip
    return sink(SUFFIXES[suffix])


def _foreign() -> dict[str, EntryPoint]:
    """The entry points of other packages. hwkit's own stand there too, for others to find, and are left out."""
    return {point.name: point for point in entry_points(group=GROUP) if point.name not in SOURCES}


def _foreign_sources(broken: list[InputError]) -> Iterator[Source]:
    for point in _foreign().values():
        try:
            yield _loaded(point)
        except InputError as error:
            broken.append(error)


def _loaded(point: EntryPoint) -> Source:
    package = point.dist.name if point.dist else point.module
    do = f"reinstall or remove the package {package}"
    try:
        found = point.load()
    except Exception as error:  # whatever somebody else's module raises
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError(f"the source {point.name!r} cannot be loaded ({reason})", do=do) from error
    if not isinstance(found, Source):
        raise InputError(f"the source {point.name!r} is {type(found).__name__}, not a Source", do=do)
    return found


def _start(file: Path) -> bytes:
    """The first bytes of a file, and none of what is no file or cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(1 << 12)
    except OSError:
        return b""


def _is_packed(start: bytes) -> bool:
    return start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")) or start[257:262] == b"ustar"
