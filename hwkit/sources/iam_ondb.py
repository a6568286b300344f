"""IAM-OnDB: its archives, or their unpacked folders, read as they are in one pass.

Two kinds of file matter, wherever in an archive they stand, and are told apart by their names:

- `a01-000u-01.xml`, one written line: `StrokeSet/Stroke/Point` with x, y and time. Its stem is the
  line's id, the id without the number its form.
- `a01-000u.txt`, one form's transcript: the lines after `CSR:`, in the order of the form's line
  files. Blank lines are skipped, so no line's text is ever empty.

A form whose line files and transcript lines differ in number keeps its ink and gets no text, since
nobody can tell which line says what. Nothing is cleaned: every point is as in its file. Only a
`Stroke` without a `Point` goes, as there is nothing of it to keep.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import tarfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import IO, Any, Self

import msgspec
import numpy as np
from lxml import etree

from hwkit.dataset import InkWriter
from hwkit.errors import InkError, InputError
from hwkit.ink import Ink, Sample
from hwkit.progress import Progress, silent
from hwkit.sources.archives import unpacking
from hwkit.sources.source import Source

LISTS = {
    "train": "trainset.txt",
    "first-validation": "testset_v.txt",
    "second-validation": "testset_t.txt",
    "test": "testset_f.txt",
}
"""The splits of the task IAM-OnDB-t1 and the file that lists the forms of each."""

LINE_FILE = re.compile(r"(?P<form>.+)-(?P<number>[0-9]{1,9})\.xml")
OWN_FORM = re.compile(r"[a-ryz][0-9]{2}-[0-9]{3}[a-z]?")  # data/sample's begin with "s"
NUMBER = re.compile(r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\s*", re.ASCII)
DECODER = msgspec.json.Decoder(list[float])
LARGEST = 16 << 20  # bytes in a member; the largest real one has a hundredth of it

TERMS = """non-commercial research

The ink is IAM-OnDB, which is freely available for non-commercial research: Liwicki and Bunke, "IAM-OnDB,
an on-line English sentence database acquired from handwritten text on a whiteboard", ICDAR 2005. What is
made of it carries these terms.
"""
"""Of the ink and of what learns from it: their name in the first line."""


def read(
    archives: Sequence[Path], splits: Path | None, writer: InkWriter, progress: Progress = silent
) -> dict[str, Any]:
    """Reads IAM-OnDB into `writer` and returns the source, its terms, and what was found, as counts.

    The terms are "", unknown, for ink in IAM-OnDB's format whose forms are not named as its own are.

    archives: `.tar.gz` (or any tar) and unpacked folders, in any order; together they must hold both
        the line files and the transcripts. Lines are written sorted by form and number, so that
        neither the order nor the packing matters.
    splits: the folder with trainset.txt and the three testset lists. None takes the folder of the
        first archive if trainset.txt is there, and otherwise leaves every line without a split.

    A line file that is broken is left out and remarked upon. Raises InputError where an archive is
    damaged or has a member outside its own root, where ink or transcripts are missing altogether,
    and where no good line is left.
    """
    find = _Finds(writer)
    for archive in archives:
        before = find.files
        for name, content in _members(archive, progress):
            find.take(name, content)
        if find.files == before:
            raise InputError(
                "there is neither a line file (a01-000u-01.xml) nor a transcript (a01-000u.txt) in it",
                file=archive,
                do="give lineStrokes-all.tar.gz and ascii-all.tar.gz, or their unpacked folders",
            )
    given = ", ".join(str(archive) for archive in archives) or "nothing"
    if not find.forms:
        raise InputError(
            f"there is no ink in the archives (given: {given})", do="give lineStrokes-all.tar.gz beside it"
        )
    if not find.transcripts:
        raise InputError(
            f"there is no transcript in the archives (given: {given})", do="give ascii-all.tar.gz beside it"
        )
    split_of = _read_splits(split_folder(archives) if splits is None else splits, writer)
    counts = _write(find, split_of, writer)
    if not counts["lines"]:
        raise InputError(
            f"none of the {counts['line_files']} line files can be used (given: {given})",
            do="check that the archives are whole",
        )
    return {
        "source": "iam-ondb",
        "terms": TERMS if any(map(OWN_FORM.fullmatch, find.forms)) else "",
        **counts,
        "remarks": dict(sorted(Counter(r.kind for r in writer.remarks).items())),
    }


class _Finds:
    """What the archives have been found to hold so far."""

    def __init__(self, writer: InkWriter) -> None:
        self.writer = writer
        self.files = 0  # line files and transcripts, good or not
        self.inks: dict[str, Ink | None] = {}  # by line id; None where the file was broken
        self.forms: dict[str, list[tuple[int, str]]] = defaultdict(list)  # number and id of each line file
        self.transcripts: dict[str, list[str]] = {}  # by form

    def take(self, name: str, content: bytes | None) -> None:
        """Takes a member in; content None stands for one too large to be a line or a transcript."""
        path = PurePosixPath(name)
        line = LINE_FILE.fullmatch(path.name)
        if path.name.startswith(".") or path.name in LISTS.values():
            return
        if line:
            self.files += 1
            self._take_line(path.stem, line["form"], int(line["number"]), name, content)
        elif path.suffix == ".txt":
            self._take_transcript(path.stem, name, content)

    def _take_line(self, id: str, form: str, number: int, name: str, content: bytes | None) -> None:
        if id in self.inks:
            self.writer.remark(id, "skipped", f"{name} is a second file of this name")
            return
        # A broken file still is the form's line of that number: the others keep their texts.
        self.forms[form].append((number, id))
        try:
            self.inks[id] = read_line(content)
        except InkError as error:
            self.inks[id] = None
            self.writer.remark(id, "skipped", f"{name}: {error.what}")

    def _take_transcript(self, form: str, name: str, content: bytes | None) -> None:
        lines = [line.strip() for line in (content or b"").decode("latin-1").split("\n")]
        if "CSR:" not in lines:
            self.writer.remark(form, "skipped", f"{name} has no line CSR:, so it is no transcript")
            return
        self.files += 1
        if form in self.transcripts:
            self.writer.remark(form, "skipped", f"{name} is a second transcript of this form")
            return
        self.transcripts[form] = [line for line in lines[lines.index("CSR:") + 1 :] if line]


def _write(find: _Finds, split_of: dict[str, str], writer: InkWriter) -> dict[str, Any]:
    """Matches lines with texts and splits, form by form, writes them, and counts."""
    matched = dict.fromkeys(LISTS, 0)
    lines = strokes = points = without_text = 0
    for form, files in sorted(find.forms.items()):
        texts: Sequence[str | None] = find.transcripts.get(form, [])
        if len(texts) != len(files):
            kind = "transcript-disagrees" if form in find.transcripts else "no-transcript"
            reason = f"{len(files)} line files, {len(texts)} transcript lines; its lines have no text"
            writer.remark(form, kind, reason)
            texts = [None] * len(files)
        split = split_of.get(form, "")
        if not split and split_of:
            names = ", ".join(id for _, id in sorted(files))
            writer.remark(form, "no-split", f"the form is in no split list; its lines: {names}")
        for (_, id), text in zip(sorted(files), texts, strict=True):
            ink = find.inks.pop(id)
            if ink is None:
                continue
            try:
                writer.append(Sample(id, ink, text, form, split))
            except InputError as error:  # a coordinate or a name that the dataset cannot hold
                writer.remark(id, "skipped", error.what)
                continue
            lines, strokes, points = lines + 1, strokes + len(ink.lengths), points + len(ink)
            without_text += text is None
            if split and text is not None:
                matched[split] += 1
    for form in sorted(find.transcripts.keys() - find.forms.keys()):
        writer.remark(form, "no-ink", f"no line file; transcript lines: {len(find.transcripts[form])}")
    line_files = sum(len(files) for files in find.forms.values())
    return {
        "line_files": line_files,
        "lines": lines,
        "skipped": line_files - lines,
        "strokes": strokes,
        "points": points,
        "forms": len(find.forms),
        "matched": matched,
        "lines_without_text": without_text,
    }


# Line files


def read_line(content: bytes | None) -> Ink:
    """The ink of one line file. Raises InkError, saying why, where it cannot be used."""
    if content is None:
        raise InkError(f"the file is larger than {LARGEST >> 20} MiB")
    values, lengths = _quick_strokes(content) or _plain_strokes(content)
    if not values:
        raise InkError("there is no point in it")
    table = np.array(values).reshape(-1, 3)
    return Ink(
        np.ascontiguousarray(table[:, :2]),
        np.array([length for length in lengths if length], np.int64),
        np.ascontiguousarray(table[:, 2]),
    )


def _parse(content: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    return etree.fromstring(content, parser)


def _plain_strokes(content: bytes) -> tuple[list[float], list[int]]:
    """x, y, time of one point after another, and how many points each stroke has."""
    try:
        root = _parse(content)
    except etree.XMLSyntaxError as error:
        raise InkError(f"the XML is broken ({error.msg})") from error
    values: list[float] = []
    lengths: list[int] = []
    for stroke in root.iterfind("StrokeSet/Stroke"):
        points = stroke.findall("Point")
        lengths.append(len(points))
        for point in points:
            for name in ("x", "y", "time"):
                value = point.get(name, "")
                if not NUMBER.fullmatch(value):
                    raise InkError(f"point {len(values) // 3 + 1} has the {name} {value[:40]!r}")
                values.append(float(value))
    return values, lengths


def _quick_strokes(content: bytes) -> tuple[list[float], list[int]] | None:
    """What `_plain_strokes` returns, in a fraction of its time, or None if it must be asked.

    Nearly all of a file is points, and all are written `<Point x="1" y="2" time="3"/>`. Here they
    become `1,2,3,` before the parser sees them, and so the text of their stroke, which but for
    brackets is JSON. A file that may be another document than it seems is left to the plain way.
    """
    head, tag, body = content.partition(b"<StrokeSet>")
    counts = set()
    for mark, instead in ((b'<Point x="', b""), (b'" y="', b","), (b'" time="', b","), (b'"/>', b",")):
        before = len(body)
        body = body.replace(mark, instead)
        counts.add((before - len(body)) // (len(mark) - len(instead)))
    if b"<!" in content or len(counts) != 1:
        return None
    try:
        strokes = list(_parse(head + tag + body).iterfind("StrokeSet/Stroke"))
        texts = [stroke.text or "" for stroke in strokes]
        values = DECODER.decode("[" + "".join(texts).rstrip()[:-1] + "]")
    except (etree.XMLSyntaxError, msgspec.MsgspecError):
        return None
    commas = [text.count(",") for text in texts]
    if any(len(stroke) for stroke in strokes) or any(n % 3 for n in commas):
        return None
    if not len(values) == sum(commas) == 3 * counts.pop():
        return None
    return values, [n // 3 for n in commas]


# Split lists


def split_folder(archives: Sequence[Path]) -> Path | None:
    """Where the lists lie if nobody says so: in or beside the first archive."""
    first = archives[0]
    return next((f for f in (first, first.resolve().parent) if (f / LISTS["train"]).is_file()), None)


def _read_splits(folder: Path | None, writer: InkWriter) -> dict[str, str]:
    """The split of every form in the lists; a form that is in two belongs to the first."""
    if folder is None:
        writer.remark("splits", "no-lists", "no split lists were found, so no line has a split")
        return {}
    split_of: dict[str, str] = {}
    for split, name in LISTS.items():
        try:
            forms = (folder / name).read_text("latin-1").split()
        except OSError as error:
            raise InputError(
                f"the split list cannot be read ({error.strerror})",
                file=folder / name,
                do="give the folder that holds " + ", ".join(LISTS.values()),
            ) from error
        for form in forms:
            first = split_of.setdefault(form, split)
            if first != split:
                writer.remark(
                    form, "two-splits", f"the form is in the lists of {first} and {split}; {first} has it"
                )
    return split_of


# Archives


def _members(archive: Path, progress: Progress) -> Iterator[tuple[str, bytes | None]]:
    """Name and content of every file in an archive or a folder; content None if it is too large."""
    with unpacking(archive, "a .tar.gz or an unpacked folder"):
        yield from (_folder_members if archive.is_dir() else _tar_members)(archive, progress)


def _folder_members(folder: Path, progress: Progress) -> Iterator[tuple[str, bytes | None]]:
    own = [folder / name for name in ("lineStrokes", "ascii") if (folder / name).is_dir()]
    files: list[Path] = []
    for top in own or [folder]:
        for place, folders, names in os.walk(top, onerror=_raise):
            folders.sort()
            for name in sorted(folders + names):
                path = Path(place, name)
                if path.is_symlink() or not (path.is_file() or path.is_dir()):
                    raise _hostile(
                        folder, path.relative_to(folder).as_posix(), "is neither a file nor a folder"
                    )
            files += (Path(place, name) for name in sorted(names))
    for done, path in enumerate(files):
        progress(done, len(files), folder.name)
        small = path.stat().st_size <= LARGEST
        yield path.relative_to(folder).as_posix(), path.read_bytes() if small else None
    progress(len(files), len(files), folder.name)


def _tar_members(archive: Path, progress: Progress) -> Iterator[tuple[str, bytes | None]]:
    size = archive.stat().st_size
    with (
        archive.open("rb") as packed,
        _unpacked(packed) as unpacked,
        tarfile.open(fileobj=unpacked, mode="r|", bufsize=1 << 14, tarinfo=_Member) as tar,
    ):
        for member in tar:
            name = PurePosixPath(member.name)
            if name.is_absolute() or ".." in name.parts:
                raise _hostile(archive, member.name, "lies outside the archive")
            if member.isdir():
                continue
            if not member.isfile():
                raise _hostile(archive, member.name, "is neither a file nor a folder")
            progress(packed.tell(), size, archive.name)
            content = tar.extractfile(member) if member.size <= LARGEST else None
            yield member.name, content.read() if content else None
        while unpacked.read(1 << 20):  # to the checksum at the end
            pass
    progress(size, size, archive.name)


def _unpacked(packed: IO[bytes]) -> IO[bytes]:
    """The tar in a compressed file. tarfile's own stream would not look at the checksum."""
    start = packed.read(6)
    packed.seek(0)
    ways: dict[bytes, Callable[..., Any]] = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
    way = next((way for magic, way in ways.items() if start.startswith(magic)), None)
    return packed if way is None else way(packed)


class _Member(tarfile.TarInfo):
    """A member whose header must be whole: tarfile itself takes a broken one for the archive's end."""

    @classmethod
    def fromtarfile(cls, tarfile_: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(tarfile_)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from error


def _hostile(archive: Path, name: str, fault: str) -> InputError:
    return InputError(f"the member {name!r} {fault}", file=archive, do="do not trust this archive")


def _raise(error: OSError) -> None:
    raise error


SOURCE = Source("iam-ondb", gather=read)
