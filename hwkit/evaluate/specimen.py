"""A specimen of a model's writing, for a person to look at: the same sentences at four biases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hwkit.errors import InputError
from hwkit.generate.batch import write_together
from hwkit.generate.sampler import Writer
from hwkit.progress import Progress, silent
from hwkit.render.specimen import Row, sheet

BIASES = (0.0, 0.5, 1.0, 2.0)

SENTENCES = (
    # letters
    "Dear Aunt Josephine,",
    "thank you for the quince jam you sent us.",
    "We ate half of it on the very first day!",
    "Yours sincerely, Quentin and Zoe",
    # addresses and dates
    "Mr. K. Vogel, 27 Birch Avenue, Flat 3B",
    "Leeds LS6 4QX, United Kingdom",
    "Friday, 13 June 1958, at 7.45 p.m.",
    "Born 29/02/2004, moved here in 1963.",
    # prices and digits
    "2 kg of flour: 3.80, in all 16.95",
    "Call 0170 5529-8346 before 9:30, not after.",
    "0 1 2 3 4 5 6 7 8 9",
    # shouting
    "PLEASE DO NOT FEED THE DUCKS!",
    "KEEP OUT! EXTREMELY JUMPY ZEBRAS",
    "A B C D E F G H I J K L M",
    "N O P Q R S T U V W X Y Z",
    # pangrams
    "Big wolves vex quick jumpy frogs, dozing.",
    "Why did Max buy five quartz jugs of pink?",
    "a b c d e f g h i j k l m n o p q r s t u v w x y z",
    # punctuation
    '"Is it (really) so?" she asked; he nodded: "Yes."',
    "Salt & pepper, and/or mustard - that's all.",
    "Who? What? When?! See note [4], page 12.",
    # plain words
    "the little minimum of illumination",
    "Every morning the ferry left without him.",
    "OK",
)


def specimen(
    model: Path, *, seed: int = 0, title: str = "", progress: Progress = silent
) -> tuple[bytes, dict[str, Any]]:
    """A sheet as SVG, and how many `lines` it has and, by bias, how many did not come to their end (`unended`).

    Each line is the first try of its own seed. Characters that the model does not know are left out.
    Raises ArtifactError for a broken model, InputError for one that writes no text or knows none of it.
    """
    writer = Writer.open(model)
    vocabulary = writer.config.vocabulary
    if vocabulary is None:
        raise InputError("a prediction network writes no text", do="give a synthesis model")
    known = set(vocabulary.characters + vocabulary.non_letter)
    texts = [" ".join("".join(c for c in sentence if c in known).split()) for sentence in SENTENCES]
    texts = [text for text in texts if text]
    if not texts:
        raise InputError("the model knows no character of any sentence", file=model)
    rows: list[list[Row]] = [[] for _ in texts]
    seeds = [(seed, line) for line in range(len(texts))]
    for n, bias in enumerate(BIASES):
        progress(n, len(BIASES), "writing all lines at a bias")
        for row, line in zip(rows, write_together(writer, texts, seeds, bias), strict=True):
            row.append(Row(f"{bias:g}", line.ink, line.ended))
    progress(len(BIASES), len(BIASES), "drawing")
    blocks = list(zip(texts, rows, strict=True))
    unended = {f"{bias:g}": sum(not row[n].whole for row in rows) for n, bias in enumerate(BIASES)}
    heading = f"{title}, seed {seed}: biases {', '.join(f'{bias:g}' for bias in BIASES)}"
    drawn = sheet(blocks, unit=writer.config.statistics.unit, title=heading)
    return drawn, {"lines": len(texts) * len(BIASES), "unended": unended, "seed": seed}
