"""sketch-rnn's `.npz`: lists of drawings in stroke-3, under "train", "valid" and "test" (Ha and Eck 2017).

A drawing is (n, 3): dx, dy from the point before (the first from 0, 0), and 1 on the last point of a stroke;
y grows downward. There is no text. Such a file is packed with pickle, which is read here without running it
(see `hwkit.sources.arrays`), and written by numpy, as sketch-rnn expects it.

Whole offsets are written as int16, all others as float64; a line without a split goes to "train".
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import InkError, InputError
from hwkit.ink import Ink, Sample
from hwkit.sources import arrays
from hwkit.sources.source import Remark, Sink, Source, name_of

SPLITS = {"train": "train", "valid": "validation", "test": "test"}


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The drawings of a file, split by split, in the order in which they stand in it."""
    number = 0
    for name, drawings in arrays.members(file, SPLITS):
        if drawings is None:
            remark(file.name, "not-kept", f"the array {name}")
            continue
        if not isinstance(drawings, list):  # drawings of one length make one array
            drawings = list(drawings)
        for drawing in drawings:
            number += 1
            id = name_of(file, number)
            try:
                yield Sample(id, _ink(drawing), split=SPLITS[name])
            except InputError as error:
                remark(id, "skipped", f"{file.name}, {name}: {error.what}")
    if not number:
        raise InputError(
            f"holds no drawing: none of the arrays {', '.join(SPLITS)}", do="give sketch-rnn's .npz"
        )


def _ink(drawing: NDArray[Any]) -> Ink:
    """Raises InkError where it is no drawing."""
    if drawing.ndim != 2 or drawing.shape[1] != 3 or drawing.dtype.kind not in "iuf":
        raise InkError(f"it has shape {drawing.shape} of {drawing.dtype}, expected (n, 3) numbers")
    if not len(drawing):
        raise InkError("there is no point in it")
    pen = drawing[:, 2]
    if not np.isin(pen, (0, 1)).all():
        raise InkError(f"the pen of point {int(np.argmin(np.isin(pen, (0, 1)))) + 1} is neither 0 nor 1")
    with np.errstate(over="ignore", invalid="ignore"):
        return Ink.from_offsets(drawing)


def encode(samples: Sequence[Sample]) -> bytes:
    """An `.npz`. Raises InputError for a line without a point, or of another split than sketch-rnn has."""
    lists: dict[str, list[NDArray[Any]]] = {name: [] for name in SPLITS}
    names = {split: name for name, split in SPLITS.items()} | {"": "train"}
    for sample in samples:
        if not len(sample.ink):
            raise InputError("there is no point in it", row=sample.id)
        if sample.split not in names:
            raise InputError(
                f"sketch-rnn cannot hold the split {sample.split!r}, only {', '.join(SPLITS.values())}",
                row=sample.id, do="leave it out with --drop split",
            )  # fmt: skip
        lists[names[sample.split]].append(_stroke3(sample.ink))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, drawings in lists.items():
            objects = np.empty(len(drawings), object)
            objects[:] = drawings
            array = io.BytesIO()
            np.lib.format.write_array(array, objects)
            member = zipfile.ZipInfo(f"{name}.npy")  # with no time: the same ink makes the same file
            archive.writestr(member, array.getvalue(), zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _stroke3(ink: Ink) -> NDArray[Any]:
    offsets = ink.offsets()
    offsets[0, :2] = ink.points[0]
    whole = (offsets == np.rint(offsets)).all() and (np.abs(offsets) < 2**15).all()
    return offsets.astype(np.int16) if whole else offsets


SOURCE = Source("sketch-rnn", (".npz",), read)
SINK = Sink("sketch-rnn", (".npz",), frozenset({"split", "lines"}), encode)
