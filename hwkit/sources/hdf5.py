"""hwkit's own ink dataset (see `hwkit.dataset`): any `ink.h5`, recorded or preprocessed.

Written, its points are rounded to float32. An empty line comes back without times and channels.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from hwkit.ink import Sample
from hwkit.sources.source import PARTS, Remark, Sink, Source


def recognises(file: Path, start: bytes) -> bool:
    """HDF5 by its first bytes."""
    return start.startswith(b"\x89HDF\r\n\x1a\n")


def read(file: Path, remark: Remark) -> Iterator[Sample]:
    """The lines of the dataset."""
    from hwkit.dataset import InkDataset

    dataset = InkDataset.open(file)
    if dataset.recipe:
        remark(file.name, "not-kept", "the recipe of its preprocessing")
    for note in dataset.remarks:
        remark(note.name, note.kind if note.kind != "skipped" else "skipped-before", note.reason)
    yield from dataset


def encode(samples: Sequence[Sample]) -> bytes:
    """A dataset. Raises InputError for a line that it cannot store."""
    from hwkit.dataset import InkWriter

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "ink.h5")
        with InkWriter(file) as writer:
            for sample in samples:
                writer.append(sample)
        return file.read_bytes()


SOURCE = Source("ink", (".h5",), read, recognises)
SINK = Sink("ink", (".h5",), frozenset({*PARTS, "channels"}), encode)
