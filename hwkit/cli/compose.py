"""`hwkit compose`: words cut out of lines, and lines composed of words."""

from __future__ import annotations

import click
import msgspec

from hwkit.artifact import Artifact, Input, Store
from hwkit.cli import find, show
from hwkit.compose import Composition
from hwkit.stages import STAGES, Circumstances, LinesParameters, WordsParameters, build

RULE = Composition()


@click.command(epilog="Example: hwkit compose --training train,test --lines 4000 --power 0.7")
@click.option("--data", metavar="ARTIFACT", help="The ink.  [default: the newest of the stage ink]")
@click.option("--whole", is_flag=True, help="The ink holds words, not lines: cut nothing, keep none of it.")
@click.option("--model", default="first", show_default=True, help="Whose window says where a word ends.")
@click.option(
    "--also", metavar="ARTIFACT", help="Compose as many lines more of the words of this ink, whole words."
)
@click.option("--training", metavar="SPLITS", default="train", show_default=True, help="The words', by comma.")
@click.option("--lines", type=click.IntRange(0), default=RULE.lines, show_default=True, help="So many.")
@click.option(
    "--shortest", type=click.IntRange(1), default=RULE.shortest, show_default=True, help="In characters."
)
@click.option(
    "--longest", type=click.IntRange(1), default=RULE.longest, show_default=True, help="In characters."
)
@click.option(
    "--power",
    type=click.FloatRange(0, 4),
    default=RULE.power,
    show_default=True,
    help="0: words are drawn alike; 1: those with rare characters by far the most.",
)
@click.option(
    "--uses", type=click.IntRange(1), default=RULE.uses, show_default=True, help="Of one word at most."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@show.habits
def compose(
    data: str | None,
    whole: bool,
    model: str,
    also: str | None,
    training: str,
    lines: int,
    shortest: int,
    longest: int,
    power: float,
    uses: int,
    seed: int,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Cut ink into words and set words of one hand side by side, as lines rich in rare characters.

    The ink's own lines stay, and the composed ones follow them in the split "composed". A word weighs
    the largest 1 / count**power of its characters.
    """
    rule = Composition(
        source="ink" if whole else "words",
        splits=tuple(name.strip() for name in training.split(",")),
        lines=lines, shortest=shortest, longest=longest, power=power, uses=uses,
    )  # fmt: skip
    words = None
    with show.progress_bar(quiet) as progress:
        around = Circumstances(progress)
        ink = store.resolve(data) if data else find.newest(store, "ink", "run hwkit preprocess first")
        inputs: dict[str, Input] = {"ink": ink}
        rules = [rule]
        if not whole:
            aligning = WordsParameters(model=model)
            words = build(store, "words", aligning, inputs | STAGES["words"].weights(aligning), around)
            inputs["words"] = words
        if also is not None:
            inputs["also"] = find.ink(store, also)
            rules.append(msgspec.structs.replace(rule, source="also"))
        parameters = LinesParameters(own=not whole, seed=seed, compose=tuple(rules))
        made = build(store, "lines", parameters, inputs, around)
    if as_json:
        artifacts = [words, made] if words else [made]
        result = {a.stage: {"artifact": str(a.path), "key": a.key, **a.metrics} for a in artifacts}
        show.emit(True, result, lambda: None)
        return
    if words:
        show.finish(words, words_rows(words), False, quiet)
    show.finish(made, lines_rows(made), False, quiet)


def words_rows(words: Artifact) -> list[tuple[str, object]]:
    """What the closing table says of the words."""
    figures = words.metrics
    return [
        ("words cut out", f"{show.count(figures['words'])}, {figures['share']:.1%} of all"),
        *((f"left out: {reason}", show.count(n)) for reason, n in figures["left_out"].items()),
    ]


def lines_rows(lines: Artifact) -> list[tuple[str, object]]:
    """What the closing table says of the lines."""
    figures = lines.metrics
    return [
        *((f"lines, {name}", show.count(n)) for name, n in figures["by"].items()),
        ("lines", show.count(figures["lines"])),
        ("points", show.count(figures["points"])),
    ]
