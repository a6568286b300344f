"""`hwkit preprocess`: repaired ink, its statistics, its vocabulary; each an artifact."""

from __future__ import annotations

import click
import msgspec

from hwkit.artifact import Artifact, Store
from hwkit.cli import find, show
from hwkit.errors import InputError
from hwkit.preprocess import PRESETS, Recipe
from hwkit.stages import Circumstances, Splits, VocabularyParameters, build

STEPS = ("ink", "statistics", "vocabulary")


@click.command(
    epilog="Examples: hwkit preprocess --preset aligned; hwkit preprocess statistics --training train"
)
@click.argument("steps", nargs=-1, type=click.Choice(STEPS), metavar="[ink|statistics|vocabulary]...")
@click.option("--data", metavar="ARTIFACT", help="The ingest artifact.  [default: the newest]")
@click.option("--preset", type=click.Choice(sorted(PRESETS)), default="aligned", show_default=True)
@click.option(
    "--set",
    "changes",
    metavar="NAME=VALUE",
    multiple=True,
    help="Change a step of the preset, e.g. slant=true.",
)
@click.option(
    "--training",
    metavar="SPLITS",
    default="train",
    show_default=True,
    help="The training lines' splits, by comma.",
)
@click.option(
    "--min-count", type=click.IntRange(1), default=1, show_default=True, help="Rarer characters are rare."
)
@click.option(
    "--rare",
    type=click.Choice(["leave-out", "non-letter"]),
    default="leave-out",
    show_default=True,
    help="Leave lines with rare characters out, or give these one class together.",
)
@show.habits
def preprocess(
    steps: tuple[str, ...],
    data: str | None,
    preset: str,
    changes: tuple[str, ...],
    training: str,
    min_count: int,
    rare: str,
    store: Store,
    as_json: bool,
    quiet: bool,
) -> None:
    """Repair recorded ink, prepare it by a preset, measure its offsets and count its characters.

    Without a step all three run. `raw` repairs recording errors and does nothing else, as the paper
    does; `aligned` also levels, scales, smooths and thins each line. Statistics and vocabulary come
    from the training lines alone.
    """
    recipe = with_changes(PRESETS[preset], changes)
    splits = tuple(name.strip() for name in training.split(","))
    wanted = steps or STEPS
    made: list[tuple[Artifact, list[tuple[str, object]]]] = []
    with show.progress_bar(quiet) as progress:
        around = Circumstances(progress)
        ingest = store.resolve(data) if data else find.newest(store, "ingest", "run hwkit ingest first")
        ink = build(store, "ink", recipe, {"ingest": ingest}, around)
        if "ink" in wanted:
            made.append((ink, ink_rows(ink)))
        if "statistics" in wanted:
            statistics = build(store, "statistics", Splits(splits=splits), {"ink": ink}, around)
            made.append((statistics, statistics_rows(statistics)))
        if "vocabulary" in wanted:
            parameters = msgspec.convert(
                {"splits": splits, "min_count": min_count, "rare": rare}, VocabularyParameters
            )
            vocabulary = build(store, "vocabulary", parameters, {"ink": ink}, around)
            made.append((vocabulary, vocabulary_rows(vocabulary)))
    if ink.metrics["skipped"]:
        show.warn(
            f"{ink.metrics['skipped']} bad lines were skipped; 'hwkit artifacts show {ink.name}' has more"
        )
    if as_json:
        results = {
            artifact.stage: {"artifact": str(artifact.path), "key": artifact.key, **artifact.metrics}
            for artifact, _ in made
        }
        show.emit(True, results, lambda: None)
        return
    for artifact, rows in made:
        show.finish(artifact, rows, False, quiet)


def with_changes(recipe: Recipe, changes: tuple[str, ...]) -> Recipe:
    """A recipe with NAME=VALUE changes. Raises InputError for a name or value that does not fit."""
    fields = msgspec.to_builtins(recipe)
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in fields:
            raise InputError(f"--set {change}: no such step", do=f"say NAME=VALUE, NAME of {', '.join(fields)}")
        try:
            fields[name] = msgspec.json.decode(value)
            recipe = msgspec.convert(fields, Recipe)
        except msgspec.MsgspecError as error:
            raise InputError(f"--set {change}: {error}", do="a number, true or false") from error
    return recipe


def ink_rows(ink: Artifact) -> list[tuple[str, object]]:
    """What the closing table says of repaired ink."""
    figures = ink.metrics
    return [
        ("lines", show.count(figures["lines"])),
        ("points", show.count(figures["points"])),
        ("missing readings interpolated", show.count(figures["interpolated"])),
        (f"steps over {ink.parameters['step_limit']:,.0f} units removed", show.count(figures["removed"])),
        ("lines repaired (repairs.csv)", show.count(figures["repaired_lines"])),
    ]


def statistics_rows(statistics: Artifact) -> list[tuple[str, object]]:
    """What the closing table says of the offsets."""
    figures = statistics.metrics
    return [
        ("training lines", show.count(figures["lines"])),
        ("points", show.count(figures["points"])),
        ("mean of dx, dy", "{:.4f}, {:.4f}".format(*figures["mean"])),
        ("deviation of dx, dy", "{:.4f}, {:.4f}".format(*figures["deviation"])),
        ("points a character", f"{figures['points_per_character']:.2f}"),
    ]


def vocabulary_rows(vocabulary: Artifact) -> list[tuple[str, object]]:
    """What the closing table says of the characters."""
    figures = vocabulary.metrics
    return [
        ("lines with text", show.count(figures["lines"])),
        ("classes (with the end of text)", figures["classes"]),
        ("characters", figures["characters"]),
        ("rare characters", figures["rare"] or "none"),
        ("lines left out for them", show.count(figures["lines_left_out_for_rare_characters"])),
        ("lines left out as unread (#)", show.count(figures["lines_left_out_as_unread"])),
    ]
