"""SVC2004, signatures with pressure and tilt (Yeung et al., ICBA 2004): `Task2.zip`, its folder, single files.

`U<user>S<number>.TXT` begins with the number of points; a point a line follows: x, y, time stamp, button,
azimuth, altitude, pressure; Task 1 has the first four. The pen is down where the button is odd: the bits above
the first are the side buttons of the pen, which a hand may touch. y grows upward and is
turned over, time stamps are milliseconds. Points with the pen in the air are not kept.

Signatures 1 to 20 are the user's own, the others forged by somebody else, so their form is "U1" or "U1-forged".
There is no text. Users 37 to 40 are in "validation", the others in "train".
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from hwkit.errors import InkError, InputError
from hwkit.ink import Ink, Sample
from hwkit.sources.archives import unpacking
from hwkit.sources.source import Remark, Source

FILE = re.compile(r"U(?P<user>[0-9]{1,4})S(?P<number>[0-9]{1,4})\.TXT", re.IGNORECASE)
START = re.compile(rb"\s*[0-9]{1,9}\s*\r?\n\s*([-+]?[0-9]{1,12}[ \t]+){3}")
CHANNELS = ("azimuth", "altitude", "pressure")
GENUINE, HELD_OUT = 20, 37  # the last signature that is the user's own; the first user of "validation"
LARGEST, MOST = 4 << 20, 100_000  # bytes of a signature, the largest real one has 30,000; files of an archive

TERMS = """research

The ink is SVC2004's, published for research by the First International Signature Verification Competition:
Yeung et al., "SVC2004: First International Signature Verification Competition", ICBA 2004. What is made of it
carries these terms.
"""


def recognises(file: Path, start: bytes) -> bool:
    """A signature, or a folder or zip of some."""
    if file.is_dir():
        return any(FILE.fullmatch(path.name) for path in (*file.iterdir(), *file.glob("Task[12]/*")))
    if start.startswith(b"PK\x03\x04"):
        try:
            with zipfile.ZipFile(file) as archive:
                return any(FILE.fullmatch(PurePosixPath(name).name) for name in archive.namelist())
        except (zipfile.BadZipFile, OSError, ValueError):
            return False  # whoever reads it will say why
    return FILE.fullmatch(file.name) is not None or START.match(start) is not None


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The signatures, by user and number."""
    hovering = 0
    for name, content in _files(file):
        path = PurePosixPath(name)
        known = FILE.fullmatch(path.name)
        try:
            if len(content) > LARGEST:
                raise InkError(f"the file is larger than {LARGEST >> 20} MiB")
            ink, in_the_air = read_signature(content)
        except InkError as error:
            remark(path.stem, "skipped", f"{name}: {error.what}")
            continue
        hovering += in_the_air
        if known is None:
            yield Sample(path.stem, ink)
            continue
        user, forged = int(known["user"]), int(known["number"]) > GENUINE
        form, split = f"U{user}" + ("-forged" if forged else ""), "train" if user < HELD_OUT else "validation"
        yield Sample(path.stem.upper(), ink, form=form, split=split)
    if hovering:
        remark(file.name, "not-kept", f"points with the pen in the air: {hovering}")


def read_signature(content: bytes) -> tuple[Ink, int]:
    """The ink of one signature, and how many points have the pen in the air. Raises InkError, saying why."""
    first, _, rest = content.partition(b"\n")
    values = rest.split()
    try:
        count, table = int(first), np.array(values, np.float64)
    except (ValueError, OverflowError) as error:
        raise InkError("it holds something that is no number") from error
    width = len(rest.strip().partition(b"\n")[0].split())
    if width not in (4, 4 + len(CHANNELS)) or len(values) != count * width:
        raise InkError(f"it has {len(values)} numbers, not {count} points of 4 or 7")
    table = table.reshape(count, width)
    if not np.isfinite(table).all() or not np.isin(table[:, 3], range(256)).all():
        raise InkError("a number is not finite, or a button is none")
    down = table[:, 3] % 2 == 1
    if not down.any():
        raise InkError("the pen is never down")
    last = down & ~np.append(down[1:], False)
    lengths = np.diff(np.cumsum(down)[last], prepend=0)
    kept = table[down]
    channels = {name: np.ascontiguousarray(kept[:, 4 + n]) for n, name in enumerate(CHANNELS) if 4 + n < width}
    ink = Ink(kept[:, :2] * (1.0, -1.0) + 0.0, lengths.astype(np.int64), kept[:, 2] / 1000, channels)
    return ink, int((~down).sum())


def _files(place: Path) -> Iterator[tuple[str, bytes]]:
    """Name and content of the signatures in a zip, in a folder, or of a file, by user and number."""
    if place.is_dir():
        paths = [path for path in place.rglob("*") if FILE.fullmatch(path.name) and path.is_file()]
        for path in sorted(paths, key=lambda path: _order(path.name)):
            with path.open("rb") as opened:
                yield path.relative_to(place).as_posix(), opened.read(LARGEST + 1)
    elif zipfile.is_zipfile(place):
        with unpacking(place, "Task2.zip"), zipfile.ZipFile(place) as archive:
            members = [m for m in archive.infolist() if FILE.fullmatch(PurePosixPath(m.filename).name)]
            if len(members) > MOST:
                raise InputError(
                    f"the archive holds {len(members)} signatures, at most {MOST} are read", file=place
                )
            for member in sorted(members, key=lambda m: _order(PurePosixPath(m.filename).name)):
                with archive.open(member) as packed:  # a header can lie about the size
                    content = packed.read(LARGEST + 1)
                yield member.filename, content
    else:
        with place.open("rb") as opened:
            yield place.name, opened.read(LARGEST + 1)


def _order(name: str) -> tuple[int, int]:
    known = FILE.fullmatch(name)
    return (int(known["user"]), int(known["number"])) if known else (0, 0)


SOURCE = Source(
    "svc2004", (), read, recognises, TERMS, own=lambda sample: FILE.fullmatch(f"{sample.id}.TXT") is not None
)
