"""Stages of writing: sample ink from a model, draw it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hwkit.artifact import Artifact, Input
from hwkit.errors import InputError
from hwkit.stages.stage import INK, Circumstances, Metrics, file_of, folder_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hwkit.layout import Page


class RenderParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How ink is drawn."""

    png: bool = True  # beside the SVG
    dpi: int = 200
    pen_mm: float = 0.5
    colour: str = "#000000"


def make_sample(parameters: Any, inputs: Mapping[str, Input], folder: Path, around: Circumstances) -> Metrics:
    """`ink.h5`, the lines as they were written, and `steps.safetensors`, what the network thought:

    for each line id `ID/mixture` (n, 6, M), `ID/end` (n,), `ID/window` (n, U + 1); see Sampled.
    """
    from safetensors.numpy import save

    from hwkit.dataset import InkDataset, InkWriter
    from hwkit.generate.request import SampleParameters, primer_from
    from hwkit.generate.sampler import Writer
    from hwkit.ink import Sample

    asked: SampleParameters = parameters
    writer = Writer.open(folder_of(inputs["model"]))
    texts = asked.texts
    if writer.config.vocabulary is None and not texts:
        texts = ("",)
    elif not texts:
        raise InputError("there is no text to write", do="give one")
    primer = None
    if "prime" in inputs:
        primer = primer_from(InkDataset.open(file_of(inputs["prime"], INK)), writer.config, asked)
    steps: dict[str, NDArray[np.float32]] = {}
    points, unended = 0, []
    total = len(texts) * asked.count
    with InkWriter(folder / INK, recipe=writer.config.recipe.text()) as ink:
        for n in range(total):
            text, id = texts[n // asked.count], f"sample-{n:05d}"

            def watch(point: int, n: int = n) -> None:
                if point % 50 == 0:
                    around.progress(n, total, f"writing lines, point {point} of line {n + 1}")

            if text:
                line = writer.write(text, (asked.seed, n), bias=asked.bias, primer=primer, watch=watch)
            else:
                line = writer.sample(
                    "", (asked.seed, n), bias=asked.bias, primer=primer, points=asked.points, watch=watch
                )
            if not line.ended:
                unended.append(id)
                ink.remark(id, "unended", "the window did not come to the end of the text")
            ink.append(Sample(id, line.ink, text or None))
            steps |= {f"{id}/mixture": line.mixture, f"{id}/end": line.end, f"{id}/window": line.window}
            points += len(line.ink)
            around.progress(n + 1, total, "writing lines")
    (folder / "steps.safetensors").write_bytes(save(steps))
    return {"lines": total, "points": points, "unended": unended, "unit": writer.config.statistics.unit}


def make_render(
    parameters: RenderParameters, inputs: Mapping[str, Input], folder: Path, around: Circumstances
) -> Metrics:
    """`page.svg`, and `page.png` unless it is not wanted: all lines of an ink dataset on one page."""
    from hwkit.render.png import png

    around.progress(0, 0, "drawing")
    svg, page = draw(inputs["ink"], parameters)
    (folder / "page.svg").write_bytes(svg)
    if parameters.png:
        (folder / "page.png").write_bytes(png(svg, dpi=parameters.dpi))
    return {"width_mm": page.width_mm, "height_mm": page.height_mm, "strokes": len(page.strokes)}


def draw(source: Input, parameters: RenderParameters) -> tuple[bytes, Page]:
    """All lines of an ink dataset (an artifact or a file) under one another: the SVG and its page."""
    from hwkit.dataset import InkDataset
    from hwkit.layout import Pen, lay_out
    from hwkit.render.svg import svg

    unit = source.metrics.get("unit") if isinstance(source, Artifact) else None
    inks = [sample.ink for sample in InkDataset.open(file_of(source, INK))]
    page = lay_out(inks, unit=unit, pen=Pen(parameters.pen_mm, parameters.colour))
    return svg(page), page


def sample_parameters() -> type[msgspec.Struct]:
    """SampleParameters, whose module needs h5py."""
    from hwkit.generate.request import SampleParameters

    return SampleParameters
