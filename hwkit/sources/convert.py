"""Ink from any source into any sink."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hwkit.errors import InputError
from hwkit.ink import Sample
from hwkit.progress import Progress, silent
from hwkit.sources import registry
from hwkit.sources.source import Remark, Sink, Source, checked, name_is_made_up


def converted(
    files: Sequence[Path], sink: Sink, drop: Iterable[str] = (), source: str = "", progress: Progress = silent
) -> tuple[bytes, dict[str, Any]]:
    """The content of a file in a sink's format, and what was read and not kept.

    drop: what to leave out (see `checked`). source: whose format the files have; "": they tell. Raises
    InputError where a file cannot be read, no line is left, or the sink cannot hold what is in them.
    """
    remarks: list[tuple[str, str, str]] = []
    used = [registry.source(source) if source else registry.source_of(file) for file in files]
    samples = _samples(files, used, lambda *remark: remarks.append(remark), progress)
    skipped = [f"{name}: {reason}" for name, kind, reason in remarks if kind == "skipped"]
    if not samples:
        first = f"; the first: {skipped[0]}" if skipped else ""
        raise InputError(f"holds no ink that can be used{first}", file=files[0])
    by_place = any(one.gather for one in used)  # bigbank's are named by place
    kept = checked(
        sink,
        samples,
        drop,
        lambda s: name_is_made_up(s.id, files) or (by_place and s.id.startswith("bigbank-")),
    )
    content = sink.encode(kept)
    return content, {
        "source": ", ".join(dict.fromkeys(one.name for one in used)),
        "format": sink.name,
        "lines": len(kept),
        "strokes": sum(len(sample.ink.lengths) for sample in kept),
        "points": sum(len(sample.ink) for sample in kept),
        "skipped": len(skipped),
        "first_skipped": skipped[0] if skipped else "",
        "not_kept": [f"{name}: {reason}" for name, kind, reason in remarks if kind == "not-kept"],
    }


def _samples(files: Sequence[Path], used: Sequence[Source], remark: Remark, progress: Progress) -> list[Sample]:
    """All lines of the files, each name once."""
    if any(source.gather for source in used):
        return _gathered(files, used, remark, progress)
    samples: dict[str, Sample] = {}
    for done, (file, source) in enumerate(zip(files, used, strict=True)):
        progress(done, len(files), file.name)
        for sample in source.lines(file, remark):
            if sample.id in samples:
                remark(sample.id, "skipped", f"{file.name}: two lines have the same name")
            else:
                samples[sample.id] = sample
    return list(samples.values())


def _gathered(
    files: Sequence[Path], used: Sequence[Source], remark: Remark, progress: Progress
) -> list[Sample]:
    """The lines of archives that must be read together, by way of a dataset."""
    from hwkit.dataset import InkDataset, InkWriter

    first = used[0]
    if any(source.name != first.name for source in used):
        raise InputError(
            f"files of two sources: this is {first.name}'s format", file=files[0], do="convert them apart"
        )
    with tempfile.TemporaryDirectory() as folder:
        with InkWriter(Path(folder, "ink.h5")) as writer:
            first.ingest(files, None, writer, progress)
        dataset = InkDataset.open(Path(folder, "ink.h5"))
    for note in dataset.remarks:
        remark(note.name, note.kind, note.reason)
    return list(dataset)
