"""The HDF5 ink dataset: lines of ink, recorded or preprocessed, in one file.

The layout is flat, so that a line is a slice and opening is a handful of reads:

    /points           (P, 2) float32   x, y of every point, one line after another
    /times            (P,)   float64   seconds; NaN in lines without times; absent if no line has any
    /channels/NAME    (P,)   float64   what else was told of each point, "pressure"; NaN in lines without it;
                                       absent if no line has it. NAME: "%" and "/" are written %25 and %2F
    /strokes/offsets  (S+1,) int64     stroke s is the points offsets[s] up to offsets[s + 1]
    /lines/offsets    (L+1,) int64     line l is the strokes offsets[l] up to offsets[l + 1]
    /lines/id, text, form, split (L,)  utf-8 strings; id is unique
    /lines/has_text   (L,)   bool      tells a line without text from a line whose text is empty
    /lines/scale      (L,)   float64   recording units in one unit of the line's ink
    /remarks/name, kind, reason (R,)   utf-8 strings: what the maker found odd, by name

Root attributes: `format`, `format_version`, and `recipe`, the canonical JSON of the preprocessing
that made the ink ("" for recorded ink). Points are float32 because a recording counts in whole
numbers far below 2**24, where float32 is exact; preprocessed ink keeps 7 digits, finer than the
device's own step. Points and times are shuffled and packed by gzip 1, which takes them to a quarter
for half a second of writing and a third of reading on the whole of IAM-OnDB. A line without points
comes back without times and channels, and one whose channel is all NaN without that channel.

The channels came later than format_version 1 and did not change it: a file without them is as it was, and
a reader that does not know them may pass over them, as preprocessing does.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from dataclasses import field as filled
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, overload

import h5py
import numpy as np
from numpy.typing import NDArray

from hwkit.errors import ArtifactError, HwkitError, InkError, InputError
from hwkit.ink import Floats, Ink, Ints, Sample

FORMAT = "hwkit-ink"
FORMAT_VERSION = 1

BLOCK = 1 << 18  # points that the writer gathers before it writes them
SLACK = 2 << 20  # bytes: half-filled chunks and HDF5's own tables
STRINGS = h5py.string_dtype("utf-8")


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that the maker of a dataset found odd."""

    name: str  # of the line, form or file that it is about
    kind: str  # "skipped", "no-ink", "no-split", "transcript-disagrees", ...
    reason: str  # for people


class _Line(NamedTuple):
    """What the file's tables hold of a line, beside its ink."""

    id: str
    text: str
    has_text: bool
    form: str
    split: str
    scale: float


class InkWriter:
    """Writes an ink dataset, a block of points at a time; use it in a `with`.

    Where the block raises, or the disk is full, no file is left. Raises HwkitError if the file
    cannot be written.
    """

    def __init__(self, path: Path | str, recipe: str = "") -> None:
        self.path, self.recipe = Path(path), recipe
        self._file: Any = None
        self._points: list[NDArray[np.float32]] = []
        self._times: list[Floats] = []
        self._channels: list[Mapping[str, Floats]] = []
        self._waiting = 0  # points in the three lists
        self._lengths: list[Ints] = []  # of strokes
        self._strokes: list[int] = []  # in each line
        self._lines: dict[str, _Line] = {}
        self.remarks: list[Remark] = []  # so far

    def __enter__(self) -> Self:
        try:
            self.path.write_bytes(b"")
        except OSError as failure:
            raise self._failed(failure) from failure
        try:
            self._reserve(0, 0)
            self._file = h5py.File(self.path, "w")
            self._create_column("points", np.zeros((0, 2), np.float32))
            self._file.flush()
        except BaseException as failure:
            self._drop()
            if isinstance(failure, OSError | RuntimeError):
                raise self._failed(failure) from failure
            raise
        return self

    def append(self, sample: Sample) -> None:
        """Adds a line. Its points are rounded to float32.

        Raises InkError where a coordinate is too large for that, and InputError where its id is
        taken or a string cannot be stored (a NUL, half a surrogate pair); the line is then left out.
        """
        ink = sample.ink
        with np.errstate(over="ignore"):
            points = ink.points.astype(np.float32)
        if not np.isfinite(points).all():
            raise InkError("a coordinate is too large", row=sample.id)
        if sample.id in self._lines:
            raise InputError("two lines have the same name", row=sample.id)
        line = _Line(
            sample.id, sample.text or "", sample.text is not None, sample.form, sample.split, sample.scale
        )
        for string in (line.id, line.text, line.form, line.split, *ink.channels):
            if not _storable(string):
                raise InputError("a string holds a character that cannot be stored", row=repr(sample.id))
        self._lines[line.id] = line
        self._points.append(points)
        self._times.append(np.full(len(ink), np.nan) if ink.times is None else ink.times)
        self._channels.append(ink.channels)
        self._lengths.append(ink.lengths)
        self._strokes.append(len(ink.lengths))
        self._waiting += len(points)
        if self._waiting >= BLOCK:
            self._flush()

    def divide(self, split_of: Callable[[int], str]) -> None:
        """Puts line n, from 1, into the split `split_of(n)`, but only where no line has a split."""
        if not any(line.split for line in self._lines.values()):
            for number, (id, line) in enumerate(self._lines.items(), 1):
                self._lines[id] = line._replace(split=split_of(number))

    def splits(self) -> dict[str, int]:
        """How many lines each split has so far, by name."""
        return dict(sorted(Counter(line.split for line in self._lines.values() if line.split).items()))

    def remark(self, name: str, kind: str, reason: str) -> None:
        """Adds a remark; characters that cannot be stored are written as escapes."""
        self.remarks.append(Remark(*(s if _storable(s) else ascii(s)[1:-1] for s in (name, kind, reason))))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._drop()
            return
        try:
            self._flush()
            self._write_tables()
            self._file.flush()
            size = self._file.id.get_filesize()
            self._file.close()
            os.truncate(self.path, size)  # what was reserved and not needed
        except BaseException as failure:
            self._drop()
            if isinstance(failure, OSError | RuntimeError):
                raise self._failed(failure) from failure
            raise

    def _flush(self) -> None:
        """Writes the waiting points and times to the end of their tables."""
        if not self._waiting:
            return
        points, times = np.concatenate(self._points), np.concatenate(self._times)
        try:
            table = self._file["points"]
            start, end = len(table), len(table) + len(points)
            timed = len(points) if "times" in self._file else end
            self._reserve(self._file.id.get_filesize(), points.nbytes + 8 * timed)
            table.resize(end, axis=0)
            table[start:] = points
            if "times" not in self._file and not np.isnan(times).all():
                # The fill value stands for the lines so far, which had none.
                self._create_column("times", np.zeros(0))
            if "times" in self._file:
                self._file["times"].resize(end, axis=0)
                self._file["times"][start:] = times
            self._flush_channels(start, end)
            self._file.flush()
        except (OSError, RuntimeError) as failure:
            raise self._failed(failure) from failure
        self._points, self._times, self._channels, self._waiting = [], [], [], 0

    def _flush_channels(self, start: int, end: int) -> None:
        """The waiting channels to the end of their tables; what has no such channel is NaN in it."""
        known = list(self._file["channels"]) if "channels" in self._file else []
        found = [_escaped(name) for channels in self._channels for name in channels]
        for name in dict.fromkeys([*known, *found]):
            parts = [
                {_escaped(own): values for own, values in channels.items()}.get(
                    name, np.full(len(points), np.nan)
                )
                for points, channels in zip(self._points, self._channels, strict=True)
            ]
            self._reserve(self._file.id.get_filesize(), 8 * end)
            if name not in known:
                self._create_column(f"channels/{name}", np.zeros(0))
            self._file["channels"][name].resize(end, axis=0)
            self._file["channels"][name][start:] = np.concatenate(parts)

    def _reserve(self, start: int, size: int) -> None:
        """Takes the room on the disk that the next `size` bytes will need, from byte `start` of the file.

        HDF5 brings the whole process down when a disk fills up under it, so it is not let to.
        Raises OSError where there is no room.
        """
        if not hasattr(os, "posix_fallocate"):  # macOS, Windows
            if shutil.disk_usage(self.path.parent).free < size + SLACK:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return
        with self.path.open("r+b") as file:
            os.posix_fallocate(file.fileno(), start, size + SLACK)

    def _write_tables(self) -> None:
        """Writes everything but the points: it is small, and complete only now."""
        lines = list(self._lines.values())
        strings = [s for line in lines for s in (line.id, line.text, line.form, line.split)]
        strings += [s for r in self.remarks for s in (r.name, r.kind, r.reason)]
        numbers = sum(self._strokes) + 4 * len(lines)
        # A string takes 16 bytes in its table, and a header of 16 and up to 8 of padding on the heap.
        room = sum(len(s.encode()) + 64 for s in strings) + 8 * numbers + 2 * len(self.recipe)
        self._reserve(self._file.id.get_filesize(), room)
        lengths = np.concatenate([np.zeros(1, np.int64), *self._lengths])
        self._create("strokes/offsets", np.cumsum(lengths))
        self._create("lines/offsets", np.cumsum([0, *self._strokes], dtype=np.int64))
        for field in ("id", "text", "form", "split"):
            self._create(f"lines/{field}", np.array([getattr(line, field) for line in lines], STRINGS))
        self._create("lines/has_text", np.array([line.has_text for line in lines], np.bool_))
        self._create("lines/scale", np.array([line.scale for line in lines], np.float64))
        for field in ("name", "kind", "reason"):
            self._create(f"remarks/{field}", np.array([getattr(r, field) for r in self.remarks], STRINGS))
        self._file.attrs["recipe"] = self.recipe
        self._file.attrs["format_version"] = FORMAT_VERSION
        self._file.attrs["format"] = FORMAT  # last: a file without it was never finished

    def _create(self, name: str, data: NDArray[Any]) -> None:
        # Without track_times=False the same ink would make another file every second.
        self._file.create_dataset(name, data=data, track_times=False)

    def _create_column(self, name: str, data: NDArray[Any]) -> None:
        """A table with a row a point, which grows as they come."""
        self._file.create_dataset(
            name,
            data=data,
            maxshape=(None, *data.shape[1:]),
            chunks=(BLOCK // 4, *data.shape[1:]),
            fillvalue=np.nan,
            shuffle=True,
            compression="gzip",
            compression_opts=1,
            track_times=False,
        )

    def _drop(self) -> None:
        """Closes the file, whole or not, and removes it."""
        with suppress(OSError, RuntimeError):  # it could not be written to its end, which is why it goes
            if self._file is not None:
                self._file.close()
            self.path.unlink(missing_ok=True)

    def _failed(self, failure: OSError | RuntimeError) -> HwkitError:
        reason = getattr(failure, "strerror", None) or str(failure).splitlines()[0]
        full = getattr(failure, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        do = "free some space" if full else "choose a folder that you can write to"
        return HwkitError(f"the dataset cannot be written ({reason})", file=self.path, do=do)


def _escaped(name: str) -> str:
    """A channel's name as HDF5 takes it: a slash would be a folder, and a point or nothing no name."""
    escaped = name.replace("%", "%25").replace("/", "%2F")
    return "%" + escaped if escaped in ("", ".", "..") else escaped


def _unescaped(name: str) -> str:
    name = name[1:] if name in ("%", "%.", "%..") else name
    return name.replace("%2F", "/").replace("%25", "%")


def _storable(string: str) -> bool:
    """Whether HDF5 gives this string back as it is."""
    return "\0" not in string and string.encode("utf-8", "ignore").decode("utf-8") == string


@dataclass(frozen=True, eq=False, repr=False)
class InkDataset(Sequence[Sample]):
    """An ink dataset, whole in memory: `dataset[i]` is line i, a Sample.

    The lists have one entry a line, in the same order. Make one with `InkDataset.open`.
    """

    points: NDArray[np.float32]  # (P, 2)
    times: Floats | None  # (P,)
    stroke_offsets: Ints  # (S+1,) into points
    line_offsets: Ints  # (L+1,) into strokes
    ids: list[str]
    texts: list[str | None]
    forms: list[str]
    splits: list[str]
    scales: Floats  # (L,)
    remarks: list[Remark]
    recipe: str
    channels: Mapping[str, Floats] = filled(default_factory=dict)  # (P,) each

    @classmethod
    def open(cls, path: Path | str) -> InkDataset:
        """Reads a dataset. Raises ArtifactError if it is missing, damaged or of another version."""
        path = Path(path)
        if not path.is_file():
            raise ArtifactError("there is no dataset", file=path, do="make it with `hwkit ingest`")
        do = "make it again with `hwkit ingest` or `hwkit preprocess`"
        try:
            with h5py.File(path, "r") as file:
                found = str(file.attrs.get("format", ""))
                if found != FORMAT:
                    raise ArtifactError(f"this is no ink dataset (format {found!r})", file=path, do=do)
                version = int(file.attrs["format_version"])
                if version != FORMAT_VERSION:
                    raise ArtifactError(
                        f"the ink dataset has version {version}, this hwkit reads {FORMAT_VERSION}",
                        file=path,
                        do=do,
                    )
                dataset = cls._read(file)
            dataset._check()
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError) as error:
            reason = str(error).strip("'\"").splitlines()[0] if str(error) else type(error).__name__
            raise ArtifactError(f"the ink dataset is damaged ({reason})", file=path, do=do) from error
        return dataset

    @classmethod
    def _read(cls, file: h5py.File) -> InkDataset:
        def strings(name: str) -> list[str]:
            return [str(s) for s in file[name].asstr()[()]]

        texts = strings("lines/text")
        remarks = zip(*(strings(f"remarks/{f}") for f in ("name", "kind", "reason")), strict=True)
        return cls(
            points=file["points"][()].astype(np.float32, copy=False),
            times=file["times"][()].astype(np.float64, copy=False) if "times" in file else None,
            stroke_offsets=file["strokes/offsets"][()].astype(np.int64, casting="safe", copy=False),
            line_offsets=file["lines/offsets"][()].astype(np.int64, casting="safe", copy=False),
            ids=strings("lines/id"),
            texts=[t if has else None for t, has in zip(texts, file["lines/has_text"][()], strict=True)],
            forms=strings("lines/form"),
            splits=strings("lines/split"),
            scales=file["lines/scale"][()].astype(np.float64, copy=False),
            remarks=[Remark(*r) for r in remarks],
            recipe=str(file.attrs["recipe"]),
            channels={
                _unescaped(name): table[()].astype(np.float64, copy=False)
                for name, table in (file["channels"].items() if "channels" in file else ())
            },
        )

    def _check(self) -> None:
        """Raises ValueError where the tables do not fit together."""
        if self.points.ndim != 2 or self.points.shape[1] != 2:
            raise ValueError(f"points have shape {self.points.shape}")
        if self.times is not None and self.times.shape != (len(self.points),):
            raise ValueError("times and points differ in number")
        if any(values.shape != (len(self.points),) for values in self.channels.values()):
            raise ValueError("channels and points differ in number")
        if not np.isfinite(self.points.sum(dtype=np.float64)):
            raise ValueError("a point is not a finite number")
        if not _fits(self.stroke_offsets, len(self.points)) or (np.diff(self.stroke_offsets) < 1).any():
            raise ValueError("the strokes do not fit the points")
        if not _fits(self.line_offsets, self.strokes) or (np.diff(self.line_offsets) < 0).any():
            raise ValueError("the lines do not fit the strokes")
        columns = (self.ids, self.texts, self.forms, self.splits, self.scales)
        if {len(column) for column in columns} != {len(self)}:
            raise ValueError("the tables of lines differ in length")
        if self.scales.ndim != 1 or not np.isfinite(self.scales).all() or (self.scales <= 0).any():
            raise ValueError("a scale is not a positive number")
        if len(self._rows_by_id) != len(self):
            raise ValueError("two lines have the same name")

    @cached_property
    def _rows_by_id(self) -> dict[str, int]:
        return {name: row for row, name in enumerate(self.ids)}

    @property
    def strokes(self) -> int:
        """How many strokes there are."""
        return len(self.stroke_offsets) - 1

    @property
    def points_count(self) -> int:
        """How many points there are."""
        return len(self.points)

    def __len__(self) -> int:
        return len(self.line_offsets) - 1

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = range(len(self))[index]  # counts from the end where negative, raises IndexError
        strokes = self.stroke_offsets[self.line_offsets[row] : self.line_offsets[row + 1] + 1]
        where = slice(strokes[0], strokes[-1])
        times = None if self.times is None else self.times[where]
        if times is not None and (not len(times) or np.isnan(times).all()):
            times = None
        channels = {name: values[where] for name, values in self.channels.items()}
        channels = {name: values for name, values in channels.items() if not np.isnan(values).all()}
        ink = Ink(self.points[where].astype(np.float64), np.diff(strokes), times, channels)
        return Sample(
            self.ids[row], ink, self.texts[row], self.forms[row], self.splits[row], float(self.scales[row])
        )

    def rows(self, split: str | None = None, with_text: bool = False) -> list[int]:
        """The rows of the lines in `split` (None: in any or none), only those with text if asked."""
        return [
            row
            for row, (s, text) in enumerate(zip(self.splits, self.texts, strict=True))
            if (split is None or s == split) and not (with_text and text is None)
        ]

    def find(self, id: str) -> int:
        """The row of the line with this name. Raises InputError if there is none."""
        if id not in self._rows_by_id:
            near = f'names look like "{self.ids[0]}"' if self.ids else "the dataset is empty"
            raise InputError(f'there is no line "{id}"', do=near)
        return self._rows_by_id[id]


def _fits(offsets: Ints, end: int) -> bool:
    """Whether these are the edges of something that runs from 0 to `end`."""
    return offsets.ndim == 1 and len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == end
