"""`hwkit inspect`: lines of a dataset on a sheet, before and after preprocessing."""

from __future__ import annotations

import click

from hwkit.artifact import Artifact, Store
from hwkit.cli import find, output, show
from hwkit.cli.preprocess import with_changes
from hwkit.errors import InputError
from hwkit.preprocess import PRESETS


@click.command(epilog="Example: hwkit inspect -o sheet.svg --lines 6 --split train --preset aligned")
@click.argument("data", required=False)
@click.option(
    "--output", "-o", "target", required=True, metavar="FILE", help="FILE.svg, FILE.png, or - for SVG."
)
@click.option("--line", "ids", multiple=True, metavar="ID", help="This line; may be given several times.")
@click.option(
    "--lines", "count", type=click.IntRange(1, 200), default=8, show_default=True, help="Else so many."
)
@click.option("--split", default=None, help="Only lines of this split.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Which lines are chosen.")
@click.option("--preset", type=click.Choice(sorted(PRESETS)), default="aligned", show_default=True)
@click.option("--set", "changes", metavar="NAME=VALUE", multiple=True, help="Change a step of the preset.")
@show.habits
def inspect(
    data: str | None,
    target: str,
    ids: tuple[str, ...],
    count: int,
    split: str | None,
    seed: int,
    preset: str,
    changes: tuple[str, ...],
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw lines of DATA, an ingest artifact or an ink.h5 (by default the newest ingest artifact).

    Each row shows a line as it was recorded and as the preset makes it, every point a dot.
    """
    import numpy as np

    from hwkit.dataset import InkDataset
    from hwkit.preprocess import prepare
    from hwkit.render.sheet import before_and_after

    output.check(target)
    recipe = with_changes(PRESETS[preset], changes)
    found = find.ink(store, data) if data else find.newest(store, "ingest", "run hwkit ingest first")
    dataset = InkDataset.open(found.file("ink.h5") if isinstance(found, Artifact) else found)
    if dataset.recipe:
        raise InputError("this ink is preprocessed already", do="name an ingest artifact")
    rows = [dataset.find(id) for id in ids] or dataset.rows(split)
    if not rows:
        there = ", ".join(sorted({name for name in dataset.splits if name})) or "none"
        raise InputError(f"no lines in split {split!r}", do=f"splits there: {there}")
    if not ids and len(rows) > count:
        rows = sorted(np.random.default_rng(seed).choice(rows, count, replace=False).tolist())
    samples = [dataset[row] for row in rows]
    prepared = [prepare(sample, recipe) for sample in samples]
    sheet = before_and_after(
        [
            (f"{sample.id}  {sample.text or '(no text)'}", sample.ink, after.ink)
            for sample, (after, _) in zip(samples, prepared, strict=True)
        ]
    )
    size = output.save(target, sheet, 120)
    result = {
        "output": target,
        "bytes": size,
        "lines": [
            {
                "id": sample.id, "text": sample.text, "points": len(sample.ink), "points_after": len(after.ink),
                "interpolated": repairs.interpolated, "removed": repairs.removed,
            }
            for sample, (after, repairs) in zip(samples, prepared, strict=True)
        ],
    }  # fmt: skip
    header = ("line", "points", "after", "interpolated", "removed")
    table = [
        (sample.id, len(sample.ink), len(after.ink), repairs.interpolated, repairs.removed)
        for sample, (after, repairs) in zip(samples, prepared, strict=True)
    ]
    show.emit(as_json, result, lambda: show.columns("inspect", header, table), quiet=quiet or target == "-")
