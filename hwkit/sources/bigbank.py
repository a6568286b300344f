"""bigbank: 3,500 words in one cursive hand (Greydanus and Wimpee 2025, arXiv 2504.00051), read as they are.

The file is a JSON list, alone or as the one `.json` of a zip (what lies in `__MACOSX` is passed over).
An item is a word: `metadata.asciiSequence` is its text, `points` a list of [x, y, pen], pen 0 on the
last point of a stroke and 1 elsewhere. y grows downward, the base line is 0.65 for every word, and the
canvas is 1 high. x was divided by `metadata.aspectRatio`, the width of the canvas in heights, and is
multiplied by it here, so that x and y have one unit.

Nothing is cleaned, but for *clicks*: strokes that stay in one place. They are slips of the pointer, far
from the ink in the worst case; a dot of this hand is a scribble of ten points and more.

Words are named by their place in the file, "bigbank-00001" on, and so are the splits, since the file has
none: every 12th word is in "validation", the others in "train". All words are of the form "bigbank", for
they are of one hand.
"""

from __future__ import annotations

import json
import math
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec
import numpy as np

from hwkit.dataset import InkWriter
from hwkit.errors import InkError, InputError
from hwkit.ink import Ink, Sample
from hwkit.progress import Progress, silent
from hwkit.sources.archives import unpacking
from hwkit.sources.source import Sink, Source

HAND = "bigbank"
SPLITS = ("train", "validation")
SPACE = re.compile(r"[ \t\n\r]+")
EVERY = 12  # one word in so many is in "validation"
FORMS = "bigbank_3500.json.zip, or the .json in it"
LARGEST = 64 << 20  # bytes of JSON; the real file has 19 million
SHA256 = "67446d004aae033450c8aac10fa3c018419e26d55d2c4e220f0cb6fc96affe51"  # of bigbank_3500.json

TERMS = """MIT, copyright 2026 Sam Greydanus

The ink is bigbank, the data of the Cursive Transformer (Greydanus and Wimpee 2025, arXiv 2504.00051), as
bundled with pengpt under the MIT licence. What is made of it alone may be used for anything, and carries
this notice:

MIT License

Copyright (c) 2026 Sam Greydanus

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
"""
"""Of the ink and of what learns from it: their name in the first line."""


class _Metadata(msgspec.Struct):
    asciiSequence: str
    aspectRatio: float = 1.0


class _Item(msgspec.Struct):
    metadata: _Metadata
    points: list[tuple[float, float, float]]


def recognises(file: Path) -> bool:
    """Whether a file is one for this reader, by its name or else by its first bytes: a zip, or JSON."""
    if file.name.lower().endswith((".json", ".json.zip")):
        return True
    if not file.is_file():
        return False
    try:
        with file.open("rb") as opened:
            start = opened.read(64)
    except OSError:
        return False  # whoever reads it will say why
    return start.startswith(b"PK\x03\x04") or start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"[", b"{")


def read(files: Sequence[Path], writer: InkWriter, progress: Progress = silent) -> dict[str, Any]:
    """Reads bigbank into `writer`, in the order of the files, and returns the source, its terms, and counts.

    files: bigbank_3500.json or the zip that it comes in, or others of this format; the terms of those are
        "", unknown.

    A word that is broken is left out and remarked upon. Raises InputError where a file is damaged, too
    large or no JSON list, and where no good word is left.
    """
    matched = dict.fromkeys(SPLITS, 0)
    strokes = points = clicks = place = 0
    characters: set[str] = set()
    terms = TERMS
    for file in files:
        content = _json(file)
        if sha256(content).hexdigest() != SHA256:
            terms = ""
        for item in _items(file, content, progress):
            place += 1
            id = f"{HAND}-{place:05d}"
            split = SPLITS[place % EVERY == 0]
            try:
                text, drawn = read_word(item)
                ink = without_clicks(drawn)
                writer.append(Sample(id, ink, text, HAND, split))
            except InputError as error:
                writer.remark(id, "skipped", f"{file.name}: {error.what}")
                continue
            if found := len(drawn.lengths) - len(ink.lengths):
                writer.remark(id, "click", f"{text}: strokes that stay in one place, left out: {found}")
                clicks += found
            matched[split] += 1
            strokes, points = strokes + len(ink.lengths), points + len(ink)
            characters.update(text)
    words = sum(matched.values())
    if not words:
        given = ", ".join(map(str, files)) or "nothing"
        raise InputError(f"none of the {place} items is a word (given: {given})", do=f"give {FORMS}")
    return {
        "source": "bigbank",
        "terms": terms,
        "words": place,
        "lines": words,
        "skipped": place - words,
        "strokes": strokes,
        "points": points,
        "clicks": clicks,
        "characters": len(characters),
        "matched": matched,
        "lines_without_text": 0,
        "remarks": dict(sorted(Counter(remark.kind for remark in writer.remarks).items())),
    }


def read_word(item: Any) -> tuple[str, Ink]:
    """Text and ink of one decoded item. Raises InkError, saying why, where it cannot be used."""
    try:
        word = msgspec.convert(item, _Item)
    except msgspec.ValidationError as error:
        raise InkError(str(error)) from error
    text, ratio = word.metadata.asciiSequence.strip(), word.metadata.aspectRatio
    if not text:
        raise InkError("there is no text")
    if not word.points:
        raise InkError("there is no point in it")
    if not (math.isfinite(ratio) and ratio > 0):
        raise InkError(f"the aspect ratio is {ratio}")
    table = np.array(word.points)  # (n, 3)
    pen_known = np.isin(table[:, 2], (0, 1))
    if not pen_known.all():
        raise InkError(f"the pen of point {int(np.argmin(pen_known)) + 1} is neither 0 nor 1")
    last = table[:, 2] == 0
    last[-1] = True
    lengths = np.diff(np.flatnonzero(last), prepend=-1)
    with np.errstate(over="ignore"):
        return text, Ink(table[:, :2] * (ratio, 1.0), lengths.astype(np.int64))


def without_clicks(ink: Ink) -> Ink:
    """The ink without the strokes that stay in one place. Raises InkError where nothing else is there."""
    kept = [stroke for stroke in ink.strokes() if (stroke != stroke[0]).any()]
    if not kept:
        raise InkError("no stroke moves")
    return Ink.from_strokes(kept)


def _items(file: Path, content: bytes, progress: Progress) -> Iterator[Any]:
    """The items of the list. NaN and Infinity are taken for numbers here, so that they spoil one item only."""
    with unpacking(file, FORMS):
        text = content.decode("utf-8-sig")
        for done, item in _decoded(text):
            progress(done, len(text), file.name)
            yield item
    progress(len(text), len(text), file.name)


def _decoded(text: str) -> Iterator[tuple[int, Any]]:
    """Where each item of a JSON list ends, and the item. Raises ValueError where it is no JSON list.

    Item by item, for a word is small, but all words as Python's objects take twenty times the file.
    """
    decode = json.JSONDecoder().raw_decode
    at = _skip_space(text, 0)
    if text[at : at + 1] != "[":
        raise ValueError("it does not begin as a JSON list")
    at = _skip_space(text, at + 1)
    while text[at : at + 1] != "]":
        item, at = decode(text, at)
        yield at, item
        at = _skip_space(text, at)
        if text[at : at + 1] == ",":
            at = _skip_space(text, at + 1)
        elif text[at : at + 1] != "]":
            raise ValueError(f"neither comma nor bracket after an item at character {at}")
    if _skip_space(text, at + 1) != len(text):
        raise ValueError("something follows the JSON list")


def _skip_space(text: str, at: int) -> int:
    """Where the white space that begins at `at` ends."""
    space = SPACE.match(text, at)
    return space.end() if space else at


def _json(file: Path) -> bytes:
    """The JSON in a file: all of it, or the one `.json` in the zip that it is. Raises InputError."""
    with unpacking(file, FORMS), file.open("rb") as plain:
        if not zipfile.is_zipfile(plain):
            plain.seek(0)
            content = plain.read(LARGEST + 1)
        else:
            with zipfile.ZipFile(plain) as archive:
                members = [member for member in archive.infolist() if _is_data(PurePosixPath(member.filename))]
                if len(members) != 1:
                    what = f"the archive holds {len(members)} .json files, expected one"
                    raise InputError(what, file=file, do=f"give {FORMS}")
                # A member can be larger than its header says, so it is never read without a limit.
                with archive.open(members[0]) as member:
                    content = member.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InputError(f"the JSON is larger than {LARGEST >> 20} MiB", file=file, do=f"give {FORMS}")
    return content


def _is_data(path: PurePosixPath) -> bool:
    return path.suffix.lower() == ".json" and "__MACOSX" not in path.parts and not path.name.startswith(".")


def encode(samples: Sequence[Sample]) -> bytes:
    """Lines as bigbank's JSON, in their own size. Raises InputError for one without text or stroke."""
    items = []
    for sample in samples:
        ink, text = sample.ink, sample.text
        if text is None or text != text.strip() or not text:
            raise InputError("bigbank cannot hold a line without text, or with space around it", row=sample.id)
        if not len(ink) or any((stroke == stroke[0]).all() for stroke in ink.strokes()):
            raise InputError("bigbank cannot hold strokes that stay in one place, or none", row=sample.id)
        pen = 1 - ink.offsets()[:, 2]
        points = [[x, y, int(down)] for (x, y), down in zip(ink.points.tolist(), pen, strict=True)]
        items.append({"metadata": {"asciiSequence": text, "aspectRatio": 1}, "points": points})
    return msgspec.json.encode(items)


SOURCE = Source(
    HAND,
    recognises=lambda file, _: recognises(file),
    gather=lambda files, _, writer, progress: read(files, writer, progress),
)
SINK = Sink(HAND, (), frozenset({"text", "lines"}), encode)
