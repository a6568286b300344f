"""Stages between ink and training: words cut out of lines, and lines composed of words."""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from hwkit.artifact import Input
from hwkit.compose import Composition, compose
from hwkit.errors import ArtifactError, InputError
from hwkit.ink import Ink, Sample
from hwkit.stages.stage import INK, WEIGHTS, Circumstances, Metrics, file_of

if TYPE_CHECKING:
    from hwkit.dataset import InkDataset


class WordsParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model aligns: a packaged one by name, or a model's folder. It must read this ink's recipe."""

    model: str = "first"


def make_words(_: WordsParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """`ink.h5` of the words that are cleanly cut out of the ink's lines; see hwkit.evaluate.alignment."""
    from hwkit.dataset import InkDataset, InkWriter
    from hwkit.evaluate.alignment import cut, positions
    from hwkit.evaluate.likelihood import load

    model = file_of(inputs["weights"], WEIGHTS).parent
    source = InkDataset.open(file_of(inputs["ink"], INK))
    config, network = load(model)
    if source.recipe != config.recipe.text():
        raise ArtifactError(
            "was trained on ink of another preprocessing than this", file=model, do="align with another model"
        )
    vocabulary, left_out = config.vocabulary, Counter[str]()
    if vocabulary is None:
        raise InputError("a prediction network reads no text", file=model, do="name a synthesis model")
    samples = []
    for sample in source:
        if sample.text and len(sample.ink) > 1 and not vocabulary.unknown(sample.text):
            samples.append(sample)
        elif sample.text:
            left_out["a line that the model cannot read"] += len(sample.text.split())
    if not samples:
        raise InputError("no line can be aligned", do="the ink needs text of the model's characters")
    words = points = 0
    with InkWriter(folder / INK, recipe=source.recipe) as writer:
        where = positions(network, config, samples, progress=around.progress)
        for sample, position in zip(samples, where, strict=True):
            found, missed = cut(sample, position)
            left_out += missed
            for word in found:
                writer.append(word)
                points += len(word.ink)
            words += len(found)
    if not words:
        raise InputError("no word could be cut out", do="look at the ink with hwkit inspect")
    total = words + left_out.total()
    return {
        "words": words,
        "share": round(words / total, 4),
        "points": points,
        "aligned_lines": len(samples),
        "left_out": dict(sorted(left_out.items())),
    }


class LettersParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which reader tells letters from what follows them: a packaged one by name, or a model's folder."""

    reader: str = "reader"


def make_letters(
    _: LettersParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`ink.h5` of the same words, and of the capitals, digits and marks that stand alone in them."""
    from hwkit.dataset import InkDataset, InkWriter
    from hwkit.evaluate.letters import letters
    from hwkit.reader.reader import Reader

    reader = Reader.open(file_of(inputs["weights"], WEIGHTS).parent)
    words = InkDataset.open(file_of(inputs["words"], INK))
    found = Counter[str]()
    with InkWriter(folder / INK, recipe=words.recipe) as writer:
        for word in words:
            writer.append(word)
        for letter in letters(reader, list(words), around.progress):
            writer.append(letter)
            found[letter.text or ""] += 1
    return {"words": len(words), "letters": found.total(), "by": dict(sorted(found.items()))}


class LinesParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a network is to learn from: the ink's own lines, if wanted, and composed ones."""

    own: bool = True  # keep the ink's own lines
    even: bool = False  # ... and give all lines of a form one size
    seed: int = 1
    compose: tuple[Composition, ...] = ()

    def __post_init__(self) -> None:
        if not self.own and not self.compose:
            raise InputError("there would be no lines at all", do="say own = true or add [[lines.compose]]")
        if len({(rule.source, rule.into) for rule in self.compose}) < len(self.compose):
            raise InputError("two compositions have the same source and into", do="give one another into")


def make_lines(
    parameters: LinesParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`ink.h5`: the ink's own lines, then composed ones; `characters.csv` counts their characters.

    With `even` the own lines of a form share its median scale. A line that the recipe has scaled by itself is
    the smaller the more capitals and digits it holds, and a network learns to shrink after them.

    Each composition's words are the input of the role that its `source` names.
    """
    from hwkit.dataset import InkDataset, InkWriter

    ink = InkDataset.open(file_of(inputs["ink"], INK))
    own, composed = Counter[str](), Counter[str]()
    figures: dict[str, int] = {}
    points = 0
    with InkWriter(folder / INK, recipe=ink.recipe) as writer:
        for remark in ink.remarks if parameters.own else []:
            writer.remark(remark.name, remark.kind, remark.reason)
        size = sizes(ink) if parameters.even else {}
        for sample in ink if parameters.own else []:
            writer.append(resized(sample, size.get(sample.form, sample.scale)))
            points += len(sample.ink)
            own.update(sample.text or "")
        figures["own"] = len(ink) if parameters.own else 0
        for n, rule in enumerate(parameters.compose):
            words = ink if rule.source == "ink" else InkDataset.open(file_of(inputs[rule.source], INK))
            name = f"{rule.into} of {rule.source}"
            figures[name] = 0
            for line in compose(words, rule, (parameters.seed, n)):
                if figures[name] % 100 == 0:
                    around.progress(figures[name], rule.lines, f"composing lines {name}")
                writer.append(line)
                points += len(line.ink)
                composed.update(line.text or "")
                figures[name] += 1
    with (folder / "characters.csv").open("w", newline="", encoding="utf-8") as table:
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["character", "own", "composed"])
        rows.writerows((c, own[c], composed[c]) for c in sorted(own.keys() | composed.keys()))
    return {"lines": sum(figures.values()), "points": points, "by": figures}


def sizes(ink: InkDataset) -> dict[str, float]:
    """The median scale of each form's lines."""
    by_form = defaultdict(list)
    for form, scale in zip(ink.forms, ink.scales.tolist(), strict=True):
        by_form[form].append(scale)
    return {form: float(np.median(scales)) for form, scales in by_form.items()}


def resized(sample: Sample, scale: float) -> Sample:
    """The sample in units of `scale` recording units."""
    if scale == sample.scale:
        return sample
    return replace(sample, ink=Ink(sample.ink.points * (sample.scale / scale), sample.ink.lengths), scale=scale)
