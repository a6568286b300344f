"""The hands of sjvasquez/handwriting-synthesis: `style-N-strokes.npy`, and `style-N-chars.npy` beside it.

The strokes are offsets (n, 3), dx, dy, end of stroke, of which y grows upward; the characters are UTF-8. His
first row is (0, 0, 1) whatever the first point is, for he loses its end of stroke; here it belongs to the
stroke that follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from hwkit.errors import InkError, InputError
from hwkit.ink import Floats, Ink, Sample
from hwkit.sources import arrays
from hwkit.sources.source import Remark, Source, content_of, name_of

STROKES, CHARACTERS = "-strokes.npy", "-chars.npy"
LARGEST = 64 << 20


def recognises(file: Path, start: bytes) -> bool:
    """Either file of the pair."""
    return file.name.endswith((STROKES, CHARACTERS))


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The one line of a pair, of which either file may be given."""
    strokes, text = read_style(file)
    id = name_of(file).removesuffix("-strokes").removesuffix("-chars")
    yield Sample(id, Ink.from_strokes(strokes), text)


def read_style(file: Path) -> tuple[list[Floats], str | None]:
    """The strokes (n, 2), y growing downward, and what they say, None without characters beside them.

    Raises InputError for files that are something else.
    """
    stem = file.name.removesuffix(STROKES).removesuffix(CHARACTERS)
    if stem == file.name:
        raise InputError(
            "is no hand by its name", file=file, do=f"give NAME{STROKES} with NAME{CHARACTERS} beside it"
        )
    strokes, characters = file.with_name(stem + STROKES), file.with_name(stem + CHARACTERS)
    offsets = arrays.array(content_of(strokes, LARGEST), strokes.name)
    if (
        isinstance(offsets, list)
        or offsets.ndim != 2
        or offsets.shape[1] != 3
        or offsets.dtype.kind not in "iuf"
    ):
        raise InkError("its strokes are no offsets (n, 3)", file=strokes)
    if not len(offsets) or not np.isin(offsets[:, 2], (0, 1)).all():
        raise InkError("has no point, or an end of stroke that is neither 0 nor 1", file=strokes)
    turned = offsets * np.array([1.0, -1.0, 1.0])
    if len(turned) > 1 and turned[0].tolist() == [0, 0, 1]:
        turned[0, 2] = 0
    text = _text(characters) if characters.exists() else None
    return list(Ink.from_offsets(turned + 0.0).strokes()), text


def _text(file: Path) -> str:
    found = arrays.array(content_of(file, LARGEST), file.name)
    if isinstance(found, list) or found.dtype.kind not in "SU" or found.size != 1:
        raise InputError("holds no characters", file=file)
    value = found.reshape(-1)[0].item()
    try:
        return value if isinstance(value, str) else value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("its characters are no UTF-8", file=file) from error


SOURCE = Source("sjvasquez", (STROKES,), read, recognises)
