"""A reader's own errors: what it reads of real lines that it never learned from, beside what they say."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np

from hwkit.dataset import InkDataset
from hwkit.errors import InputError
from hwkit.evaluate.errors import Line, all_figures, word_of
from hwkit.ink import Ink, Sample
from hwkit.progress import Progress, silent
from hwkit.vocabulary import Vocabulary

T = TypeVar("T")

ILLEGIBLE = "#"  # IAM-OnDB's mark of what nobody could read
ALONE = 50  # lines that are read one by one, for the time that one takes


class Said(Protocol):
    """What was read."""

    @property
    def text(self) -> str: ...


class Reads(Protocol):
    """A reader, as far as its errors go: hwkit.reader.reader.Reader is one."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    def read(self, ink: Ink) -> Said: ...

    def read_all(self, inks: Sequence[Ink], progress: Progress = silent) -> Sequence[Said]: ...


class ReadingParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reader is measured on."""

    split: str = "first-validation"
    lines: int = 0  # so many of the split's lines, evenly chosen; 0: all

    def __post_init__(self) -> None:
        if self.lines < 0:
            raise InputError("lines must not be negative")


def check_held_out(split: str, learned: Collection[str] | None) -> None:
    """Raise InputError where a reader learned from a split, or nobody knows what it learned from.

    learned: the splits of the training ink, those of the words in composed lines among them; None: unknown.
    """
    if learned is None:
        raise InputError(
            "nothing says which lines the reader learned from, so it cannot be judged on any",
            do='name them in its config.json, as "learned": ["train", ...], or give the train artifact',
        )
    if split in learned:
        raise InputError(
            f"the reader learned from the lines of {split}, so it is not judged on them",
            do=f"choose a split other than {', '.join(learned)}",
        )


def real_lines(dataset: InkDataset, split: str, lines: int = 0) -> tuple[list[Sample], dict[str, int]]:
    """The recorded lines of a split that can be judged, evenly chosen, and how many cannot and why.

    Raises InputError for ink that is not as it was recorded, and where no line is there.
    """
    if dataset.recipe:
        raise InputError("this ink was preprocessed", do="give recorded ink, from hwkit ingest")
    left_out = dict.fromkeys(("without ink", "without text", "illegible in part"), 0)
    found = []
    for row in dataset.rows(split):
        text = dataset.texts[row]
        if not text or not text.strip():
            left_out["without text"] += 1
        elif ILLEGIBLE in text:
            left_out["illegible in part"] += 1
        elif not len((sample := dataset[row]).ink):
            left_out["without ink"] += 1
        else:
            found.append(sample)
    if not found:
        there = ", ".join(sorted(filter(None, set(dataset.splits)))) or "none"
        raise InputError(f"there is no line of split {split!r}", do=f"the data has the splits {there}")
    return evenly(found, lines), left_out


def evenly(values: Sequence[T], count: int) -> list[T]:
    """`count` of the values, evenly chosen; all of them where `count` is 0 or too many."""
    if not 0 < count < len(values):
        return list(values)
    return [values[int(i)] for i in np.linspace(0, len(values) - 1, count)]


def training_words(dataset: InkDataset, held_out: str) -> set[str]:
    """The words of all transcripts but those of a split, as `word_of` has them."""
    texts = (t for t, split in zip(dataset.texts, dataset.splits, strict=True) if t and split != held_out)
    return {word_of(token) for text in texts for token in text.split()}


def read_lines(reader: Reads, inks: Sequence[Ink], texts: Sequence[str], progress: Progress) -> list[Line]:
    """What is read of each ink beside its text."""
    readings = reader.read_all(inks, progress)
    return [Line(text, reading.text) for text, reading in zip(texts, readings, strict=True)]


def measure(
    reader: Reads, dataset: InkDataset, parameters: ReadingParameters, *, progress: Progress = silent
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A reader's figures on the real lines of a split, and a row for each line.

    Figures: those of `all_figures`; `left_out`, lines that cannot be judged, by reason; `unknown`, asked
    characters that the reader does not know and so gets wrong; `milliseconds_per_line` side by side, and
    `milliseconds_alone`, the median over lines that are read one by one. A row has `line`, `asked`,
    `read`, `errors`.

    The text is as the transcript has it. Raises InputError as `real_lines` does.
    """
    samples, left_out = real_lines(dataset, parameters.split, parameters.lines)
    inks = [sample.ink for sample in samples]
    texts = [" ".join((sample.text or "").split()) for sample in samples]
    times = []
    for ink in evenly(inks, ALONE):
        start = time.perf_counter()
        reader.read(ink)
        times.append(time.perf_counter() - start)
    start = time.perf_counter()
    lines = read_lines(reader, inks, texts, progress)
    seconds = time.perf_counter() - start
    figures = {
        **all_figures(lines, training_words(dataset, parameters.split)),
        "left_out": left_out,
        "unknown": sum(len(reader.vocabulary.unknown(text)) for text in texts),
        "milliseconds_per_line": 1e3 * seconds / len(lines),
        "milliseconds_alone": 1e3 * float(np.median(times)),
    }
    return figures, [
        {"line": sample.id, "asked": line.asked, "read": line.read, "errors": line.errors}
        for sample, line in zip(samples, lines, strict=True)
    ]
