"""How well a model's writing is read: sentences written as `hwkit write` writes them, read by a reader.

Every sentence is a letter of its own, with its own seed and so its own hand, set on one line: what the
alphabet draws, what is written again and what is left out is in it as in any letter. Real lines are read
by the same reader, so that its own errors can be told from the model's. Their texts are written too:
that is the fairest comparison, and the one that likeness is measured on.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from hwkit import pretrained, style
from hwkit.candidates import usual
from hwkit.dataset import InkDataset
from hwkit.errors import InputError
from hwkit.evaluate.errors import Line, all_figures, figures, rate, ratio
from hwkit.evaluate.likeness import Traits, hands, likeness, shift, spread, traits
from hwkit.evaluate.reading import Reads, evenly, read_lines, real_lines, training_words
from hwkit.generate.sampler import Writer
from hwkit.generate.words import X_HEIGHT
from hwkit.ink import Ink
from hwkit.letter import Order, write_letters
from hwkit.preprocess import prepare, unit
from hwkit.progress import Progress, silent

SENTENCES = Path(__file__).with_name("sentences.txt")
READER = "reader"
SHOWN = 20  # lines on the sheet of the worst


class LegibilityParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written, and how much of it."""

    reader: str = READER  # a packaged model's name or a model's folder
    split: str = "first-validation"  # the real lines
    lines: int = 0  # so many of the sentences, evenly chosen; 0: all
    real_lines: int = 480  # so many real lines are read; 0: all
    sweep_lines: int = 120  # so many of the sentences at each bias and number of candidates
    biases: tuple[float, ...] = (0.0, 0.5, 1.0, 2.0)
    candidates: tuple[int, ...] = (1, 2, 4, 8)
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.lines, self.real_lines, self.sweep_lines, self.seed) < 0:
            raise InputError("numbers of lines and a seed must not be negative")
        if any(n < 1 for n in self.candidates):
            raise InputError("there is at least one candidate")


@dataclass(frozen=True)
class Sentence:
    """What is to be written."""

    text: str
    kind: str = ""  # what it is about
    number: int = 0  # for its seed


@dataclass(frozen=True, eq=False)
class Page:
    """A sentence that was written and read."""

    sentence: Sentence
    ink: Ink  # in mm
    line: Line
    unwritten: int  # words that did not come to an end and are left out
    size: float  # how high an x is, in those that it should be high
    traits: Traits | None


@dataclass(frozen=True)
class Run:
    """Sentences written under one condition."""

    bias: float | None  # None: the model's own
    candidates: int | None  # None: as `hwkit write` chooses
    pages: list[Page]
    seconds: float  # to write a line

    @property
    def lines(self) -> list[Line]:
        """What was asked and what was read."""
        return [page.line for page in self.pages]

    def only(self, sentences: Collection[Sentence]) -> Run:
        """The same run, of these sentences alone."""
        return Run(self.bias, self.candidates, [p for p in self.pages if p.sentence in sentences], self.seconds)

    def figures(self) -> dict[str, Any]:
        """The rates, the lines that do not come to their end, the time, and the hands."""
        return {
            **figures(self.lines),
            **rate("unended", [page.unwritten > 0 for page in self.pages], [1] * len(self.pages)),
            "seconds_per_line": self.seconds,
            "hand": spread(self.hand()),
        }

    def hand(self) -> dict[str, list[float]]:
        """See `likeness.hands`."""
        seen = [(page.traits, page.size) for page in self.pages if page.traits is not None]
        return hands([t for t, _ in seen], [size for _, size in seen])


def read_sentences(file: Path) -> list[Sentence]:
    """The lines of a UTF-8 text file; what stands before a tab says what a line is about.

    Raises InputError for a file that cannot be read or holds no text.
    """
    try:
        rows = file.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file=file, do="check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"is not UTF-8 (byte {error.start + 1})", file=file, do="convert it first") from error
    found: list[Sentence] = []
    for row in rows:
        kind, tab, text = row.partition("\t")
        text = " ".join((text if tab else row).split())
        if text:
            found.append(Sentence(text, kind.strip() if tab else "", len(found)))
    if not found:
        raise InputError("holds no text", file=file, do="give a sentence a line")
    return found


def readable(sentences: Sequence[Sentence], reader: Reads) -> tuple[list[Sentence], int]:
    """The sentences without what the reader does not know, and how many characters that was."""
    found: list[Sentence] = []
    left_out = 0
    for sentence in sentences:
        unknown = {c for _, c in reader.vocabulary.unknown(sentence.text)}
        left_out += sum(c in unknown for c in sentence.text)
        text = " ".join("".join(c for c in sentence.text if c not in unknown).split())
        if text:
            found.append(Sentence(text, sentence.kind, sentence.number))
    return found, left_out


def can_choose() -> bool:
    """Whether there is the packaged reader, which chooses among candidates."""
    return READER in pretrained.names()


@dataclass(frozen=True)
class Desk:
    """All that writing and reading takes."""

    writer: Writer
    folder: Path  # the model's
    reader: Reads
    seed: int = 0
    progress: Progress = silent

    def run(
        self, sentences: Sequence[Sentence], bias: float | None = None, candidates: int | None = None
    ) -> Run:
        """Write sentences under one condition, and have them read."""
        orders = [self.order(sentence, bias, candidates) for sentence in sentences]
        how = "" if bias is None else f", bias {bias:g}"
        how += "" if candidates is None else f", candidates {candidates}"

        def progress(done: int, total: int, note: str) -> None:
            self.progress(done, total, note + how)

        start = time.perf_counter()
        letters = write_letters(self.writer, orders, progress=progress)
        seconds = (time.perf_counter() - start) / len(orders)
        inks = [Ink.from_strokes(letter.strokes) for letter in letters]
        lines = read_lines(self.reader, inks, [sentence.text for sentence in sentences], progress)
        pages = [
            Page(
                sentence, ink, line, len(letter.unwritten),
                X_HEIGHT * unit(ink) / order.setting.size_mm, traits(ink, sentence.text),
            )
            for sentence, ink, line, letter, order in zip(sentences, inks, lines, letters, orders, strict=True)
        ]  # fmt: skip
        return Run(bias, candidates, pages, seconds)

    def order(self, sentence: Sentence, bias: float | None, candidates: int | None) -> Order:
        """What `hwkit write` would order for a sentence."""
        seed = self.seed + sentence.number
        hand = style.hand(self.writer, self.folder, None, seed)
        return Order(
            text=sentence.text, seed=seed, hands=(hand,), biases=(bias,), unknown="skip",
            candidates=usual(sentence.text, self.writer.config.data) if candidates is None else candidates,
        )  # fmt: skip


@dataclass(frozen=True)
class Result:
    """What was measured: the figures, and the pages of the sentences."""

    figures: dict[str, Any]
    pages: list[Page]

    def worst(self, count: int = SHOWN) -> list[Page]:
        """The pages with errors, the most for their length first."""
        wrong = [page for page in self.pages if page.line.errors]
        return sorted(wrong, key=lambda p: (-p.line.errors / len(p.line.asked), p.sentence.number))[:count]

    def rows(self) -> list[dict[str, Any]]:
        """A row for each sentence, in their order."""
        return [
            {
                "kind": page.sentence.kind, "asked": page.line.asked, "read": page.line.read,
                "errors": page.line.errors, "unwritten": page.unwritten,
            }
            for page in self.pages
        ]  # fmt: skip


def measure(
    desk: Desk, sentences: Sequence[Sentence], dataset: InkDataset | None, asked: LegibilityParameters
) -> Result:
    """Legibility and likeness of a model.

    dataset: recorded ink, whose split is read beside; None: it is not there, and what hangs on it is None.

    Figures: `sentences` (as written by default: `all_figures`, those of `Run.figures`, `by_kind`, and
    `left_out`, characters that the reader does not know); `real`, the real lines; `transcripts`, their
    texts written; `ratio`, the character error of the sentences over that of the real lines, and
    `ratio_same_texts`; `by_bias`, `by_candidates` (empty where there is no reader that chooses; with
    `shift`, of the hands from those of the first number), each of the first `sweep_lines` sentences, evenly
    chosen; `likeness` of the transcripts at the model's own bias and at 0.
    """
    sentences, left_out = readable(evenly(sentences, asked.lines), desk.reader)
    if not sentences:
        raise InputError("the reader knows no character of any sentence")
    own = desk.writer.config.bias
    some = evenly(sentences, asked.sweep_lines)
    words = training_words(dataset, asked.split) if dataset else None
    main = desk.run(sentences)
    biases = [main.only(some) if bias == own else desk.run(some, bias) for bias in asked.biases]
    counts = [desk.run(some, None, count) for count in asked.candidates] if can_choose() else []
    found: dict[str, Any] = {
        "bias": own,
        "seed": desk.seed,
        "sentences": {
            **main.figures(), **all_figures(main.lines, words), "by_kind": by_kind(main), "left_out": left_out,
        },
        "by_bias": [{"bias": b, **run.figures()} for b, run in zip(asked.biases, biases, strict=True)],
        "by_candidates": [
            {"candidates": run.candidates, **run.figures(), "shift": shift(run.hand(), counts[0].hand())}
            for run in counts
        ],
        **dict.fromkeys(("real", "transcripts", "ratio", "ratio_same_texts", "likeness")),
    }  # fmt: skip
    if dataset:
        found |= beside_real(desk, dataset, asked, main, words or set())
    return Result(found, main.pages)


def beside_real(
    desk: Desk, dataset: InkDataset, asked: LegibilityParameters, main: Run, words: Collection[str]
) -> dict[str, Any]:
    """The figures that hang on real lines."""
    samples, left_out = real_lines(dataset, asked.split, asked.real_lines)
    texts = [" ".join((sample.text or "").split()) for sample in samples]
    real = read_lines(desk.reader, [sample.ink for sample in samples], texts, desk.progress)
    chosen = evenly(range(len(samples)), len(main.pages))
    same = [Sentence(texts[n], "transcript", n) for n in chosen]
    recorded = [traits(prepare(samples[n], desk.writer.config.recipe)[0].ink, texts[n]) for n in chosen]
    likenesses = {}
    transcripts = desk.run(same)
    for bias, run in ((desk.writer.config.bias, transcripts), (0.0, None)):
        if f"{bias:g}" not in likenesses:
            run = run or desk.run(same, bias)
            pairs = [
                (page.traits, other)
                for page, other in zip(run.pages, recorded, strict=True)
                if page.traits is not None and other is not None
            ]
            likenesses[f"{bias:g}"] = likeness([a for a, _ in pairs], [b for _, b in pairs])
    return {
        "real": {**all_figures(real, words), "left_out": left_out},
        "transcripts": {**transcripts.figures(), **all_figures(transcripts.lines, words)},
        "ratio": ratio(main.lines, real),
        "ratio_same_texts": ratio(transcripts.lines, [real[n] for n in chosen]),
        "likeness": likenesses,
    }


def by_kind(run: Run) -> list[dict[str, Any]]:
    """The figures of the sentences by what they are about; none where nobody says so."""
    kinds = list(dict.fromkeys(page.sentence.kind for page in run.pages))
    if kinds == [""]:
        return []
    return [
        {"kind": kind, **figures([page.line for page in run.pages if page.sentence.kind == kind])}
        for kind in kinds
    ]
