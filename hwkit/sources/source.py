"""What a source and a sink are: how ink of one format comes in, and how it goes out.

A format is a file of its own with a `SOURCE`, and a `SINK` where hwkit writes it too. `hwkit.sources.registry`
finds them, those of other packages by their entry points.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwkit.errors import InputError
from hwkit.ink import Ink, Sample
from hwkit.progress import Progress, silent

if TYPE_CHECKING:
    from hwkit.dataset import InkWriter

Remark = Callable[[str, str, str], object]
"""How a reader says what is odd: name, kind, reason (see `hwkit.dataset.Remark`).

Two kinds are for all: "skipped", a line that is broken and left out; "not-kept", what the file says and ink
does not hold, such as the country of a drawing.
"""

EVERY = 12  # one line in so many is in "validation" where nobody says which are


@dataclass(frozen=True)
class Source:
    """A format that hwkit reads.

    Parameters
    ----------
    name: what `--source` and `--from` call it.
    endings: how the names of its files end, in small letters.
    read: the lines of a file, one by one. It remarks upon a line that is broken and goes on, and raises
        InputError where the whole file cannot be used.
    recognises: whether a file whose name does not tell is of this format, by its first bytes (b"" of a folder).
    terms: of the ink and of what learns from it, their name in the first line; "": unknown.
    own: whether a line is of the collection that the terms are of. Terms hold where one line is.
    gather: instead of `read`, for archives that must be read together: (files, folder of split lists, writer,
        progress) to the metrics of the ingest stage.
    """

    name: str
    endings: tuple[str, ...] = ()
    read: Callable[[Path, Remark], Iterable[Sample]] | None = None
    recognises: Callable[[Path, bytes], bool] | None = None
    terms: str = ""
    own: Callable[[Sample], bool] = lambda _: True
    gather: Callable[[Sequence[Path], Path | None, InkWriter, Progress], dict[str, Any]] | None = None

    def named(self, file: Path) -> bool:
        """Whether a file's name says that it is of this format."""
        return file.name.lower().endswith(self.endings) and not file.is_dir()

    def ingest(
        self, files: Sequence[Path], splits: Path | None, writer: InkWriter, progress: Progress = silent
    ) -> dict[str, Any]:
        """Reads files into `writer`, and returns the metrics of the ingest stage: source, terms, counts.

        Where no line has a split, every 12th is put into "validation" and the others into "train". Raises
        InputError where a file cannot be used, and where no line is left.
        """
        if self.gather is not None:
            return self.gather(files, splits, writer, progress)
        lines = strokes = points = without_text = 0
        characters: set[str] = set()
        own = False
        for done, file in enumerate(files):
            progress(done, len(files), file.name)
            for sample in self.lines(file, writer.remark):
                try:
                    writer.append(sample)
                except InputError as error:
                    writer.remark(sample.id, "skipped", f"{file.name}: {error.what}")
                    continue
                lines, strokes, points = lines + 1, strokes + len(sample.ink.lengths), points + len(sample.ink)
                if lines % 1000 == 0:
                    progress(lines, 0, file.name)
                without_text += sample.text is None
                characters.update(sample.text or "")
                own = own or self.own(sample)
        kinds = Counter(remark.kind for remark in writer.remarks)
        if not lines:
            given = ", ".join(map(str, files)) or "nothing"
            first = next((f"; the first: {r.reason}" for r in writer.remarks if r.kind == "skipped"), "")
            what = f"no line of ink can be used (given: {given}{first})"
            raise InputError(what, do=f"check that it is {self.name}")
        writer.divide(split_of)
        return {
            "source": self.name,
            "terms": self.terms if own else "",
            "found": lines + kinds["skipped"],
            "lines": lines,
            "skipped": kinds["skipped"],
            "strokes": strokes,
            "points": points,
            "characters": len(characters),
            "splits": writer.splits(),
            "lines_without_text": without_text,
            "remarks": dict(sorted(kinds.items())),
        }

    def lines(self, file: Path, remark: Remark) -> Iterator[Sample]:
        """The lines of a file. Raises InputError, with the file, where it cannot be used."""
        if self.read is None:
            raise InputError(f"{self.name} is read by hwkit ingest only", file=file)
        try:
            yield from self.read(file, remark)
        except InputError as error:
            if error.file is None:
                raise type(error)(error.what, file=file, row=error.row, do=error.do) from error
            raise
        except OSError as error:
            raise InputError(
                f"cannot be read: {error.strerror or error}", file=file, do="check the path"
            ) from error


PARTS = {
    "text": "what a line says",
    "times": "when its points were written",
    "name": "its name",
    "form": "its form",
    "split": "its split",
    "scale": "the recording units in one unit of its ink",
    "lines": "more than one line",
}
"""What a format may hold beside strokes, by the names that `--drop` takes; channels have their own."""


@dataclass(frozen=True)
class Sink:
    """A format that hwkit writes.

    holds: the parts of PARTS that it can hold, and "channels" or the names of those that it can.
    encode: lines to the content of a file. It raises InputError for what this format cannot hold otherwise.
    """

    name: str
    endings: tuple[str, ...]
    holds: frozenset[str]
    encode: Callable[[Sequence[Sample]], bytes]


def checked(
    sink: Sink, samples: Sequence[Sample], drop: Iterable[str], made_up: Callable[[Sample], bool]
) -> list[Sample]:
    """The samples without what is to be dropped, if the sink can hold what is left.

    drop: names of PARTS, or of channels. made_up: whether a line's name was made by its reader, and so need
    not be held. Raises InputError that names all that the sink cannot hold, and for an unknown name.
    """
    there = _parts(samples, made_up)
    drop = frozenset(drop)
    if unknown := sorted(drop - there.keys() - PARTS.keys()):
        known = ", ".join([*PARTS, *sorted(there.keys() - PARTS.keys())])
        raise InputError(f"there is no {unknown[0]!r} to drop", do=f"choose from {known}")
    channels = there.keys() - PARTS.keys()
    held = sink.holds | (channels if "channels" in sink.holds else frozenset())
    if lost := [part for part in there if part not in held | drop]:
        told = ", ".join(f"{part} (of {there[part]} of {len(samples)} lines)" for part in lost)
        everything = ",".join([part for part in there if part in drop] + lost)
        raise InputError(
            f"{sink.name} cannot hold {told}",
            do=f"leave out with --drop {everything}, or choose another format",
        )
    kept = samples[:1] if "lines" in drop else samples
    return [_without(sample, drop, number) for number, sample in enumerate(kept, 1)] if drop else list(kept)


def _parts(samples: Sequence[Sample], made_up: Callable[[Sample], bool]) -> dict[str, int]:
    """What the lines have beside strokes, by name, and how many of them have it."""
    counts: Counter[str] = Counter()
    for sample in samples:
        has: Mapping[str, bool] = {
            "text": sample.text is not None,
            "times": sample.ink.times is not None,
            "name": not made_up(sample),
            "form": bool(sample.form),
            "split": bool(sample.split),
            "scale": sample.scale != 1.0,
        }
        counts.update(part for part, there in has.items() if there)
        counts.update(sample.ink.channels.keys())
    if len(samples) > 1:
        counts["lines"] = len(samples)
    return {part: counts[part] for part in [*PARTS, *sorted(counts.keys() - PARTS.keys())] if counts[part]}


def _without(sample: Sample, drop: frozenset[str], number: int) -> Sample:
    ink = sample.ink
    channels = {name: values for name, values in ink.channels.items() if name not in drop}
    return replace(
        sample,
        id=f"{number:05d}" if "name" in drop else sample.id,
        ink=Ink(ink.points, ink.lengths, None if "times" in drop else ink.times, channels),
        text=None if "text" in drop else sample.text,
        form="" if "form" in drop else sample.form,
        split="" if "split" in drop else sample.split,
        scale=1.0 if "scale" in drop else sample.scale,
    )


def split_of(number: int) -> str:
    """The split of line `number`, from 1, where nobody says it."""
    return "validation" if number % EVERY == 0 else "train"


def name_of(file: Path, number: int | None = None) -> str:
    """A name for a line that has none: its file's, with the line's place in it if there may be several."""
    return file.stem if number is None else f"{file.stem}-{number:05d}"


def name_is_made_up(name: str, files: Iterable[Path]) -> bool:
    """Whether `name_of` gave this name."""
    return any(re.fullmatch(re.escape(name_of(file)) + "(-[0-9]{5,})?", name) for file in files)


def content_of(file: Path, largest: int) -> bytes:
    """All of a file. Raises InputError where it cannot be read, or has more than `largest` bytes."""
    try:
        with file.open("rb") as opened:
            content = opened.read(largest + 1)
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file, do="check the path") from error
    if len(content) > largest:
        raise InputError(f"is larger than {largest >> 20} MiB", file=file, do="give it in parts")
    return content


def rows_of(file: Path, longest: int) -> Iterator[tuple[int, bytes | None]]:
    """Number, from 1, and content of each row of a file that is not blank; None for a row that is too long."""
    with file.open("rb") as opened:
        number = 0
        while row := opened.readline(longest + 1):
            number += 1
            if len(row) > longest and not row.endswith(b"\n"):
                while (rest := opened.readline(longest)) and not rest.endswith(b"\n"):
                    pass
                yield number, None
            elif row.strip():
                yield number, row
