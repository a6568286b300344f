"""The stages: what each reads, what it depends on, what it makes.

`STAGES` names them in the order of the ink's way. A stage is a pure function of its parameters and
inputs into a folder; `build` runs one through the artifact store, which skips what is there.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hwkit.artifact import Artifact, Input, Store
from hwkit.preprocess import Recipe
from hwkit.stages.composing import (
    LettersParameters,
    LinesParameters,
    WordsParameters,
    make_letters,
    make_lines,
    make_words,
)
from hwkit.stages.ink import (
    IngestParameters,
    Splits,
    VocabularyParameters,
    ingest_inputs,
    make_ingest,
    make_ink,
    make_statistics,
    make_vocabulary,
)
from hwkit.stages.model import evaluate_parameters, make_evaluate, make_train, train_parameters
from hwkit.stages.reading import (
    legibility_parameters,
    make_legibility,
    make_reading,
    reading_parameters,
)
from hwkit.stages.stage import Circumstances, Stage
from hwkit.stages.writing import RenderParameters, draw, make_render, make_sample, sample_parameters

__all__ = [
    "STAGES",
    "Circumstances",
    "IngestParameters",
    "LettersParameters",
    "LinesParameters",
    "RenderParameters",
    "Splits",
    "VocabularyParameters",
    "WordsParameters",
    "build",
    "draw",
    "ingest_inputs",
]

STAGES: dict[str, Stage] = {
    "ingest": Stage(1, lambda: IngestParameters, {}, make_ingest),
    "ink": Stage(1, lambda: Recipe, {"ingest": "ingest"}, make_ink),
    # In a pipeline words also reads a model, and lines all that its compositions name (see hwkit.pipeline).
    "words": Stage(1, lambda: WordsParameters, {"ink": "ink"}, make_words, model="model"),
    "letters": Stage(1, lambda: LettersParameters, {"words": "words"}, make_letters, model="reader"),
    "lines": Stage(1, lambda: LinesParameters, {"ink": "ink"}, make_lines),
    "statistics": Stage(1, lambda: Splits, {"ink": "ink"}, make_statistics),
    "vocabulary": Stage(1, lambda: VocabularyParameters, {"ink": "ink"}, make_vocabulary),
    "train": Stage(
        1,
        train_parameters,
        {"ink": "ink", "statistics": "statistics", "vocabulary": "vocabulary"},
        make_train,
        resumable=True,
        model="start",
    ),
    "sample": Stage(1, sample_parameters, {"model": "train"}, make_sample),
    "render": Stage(2, lambda: RenderParameters, {"ink": "sample"}, make_render),
    "evaluate": Stage(2, evaluate_parameters, {"model": "train", "ingest": "ingest"}, make_evaluate),
    "reading": Stage(1, reading_parameters, {"model": "train", "ingest": "ingest"}, make_reading),
    "legibility": Stage(
        1,
        legibility_parameters,
        {"model": "train", "ingest": "ingest"},
        make_legibility,
        model="reader",
    ),
}


def build(
    store: Store, name: str, parameters: msgspec.Struct, inputs: Mapping[str, Input], around: Circumstances
) -> Artifact:
    """The artifact of a stage, made only where the store does not have it."""
    stage = STAGES[name]
    return store.build(
        name, stage.version, msgspec.to_builtins(parameters), inputs,
        lambda folder: stage.make(parameters, inputs, folder, around),
        resumable=stage.resumable, progress=around.progress,
    )  # fmt: skip
