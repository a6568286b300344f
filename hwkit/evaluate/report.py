"""What was measured, for people: tables in Markdown, charts, and a sheet of the lines that were read worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hwkit.evaluate.legibility import Page
from hwkit.ink import Ink
from hwkit.render import plot
from hwkit.render.specimen import Row, sheet

Figures = Mapping[str, Any]
Table = tuple[tuple[str, ...], list[tuple[str, ...]]]  # a header and its rows

UNKNOWN = "unknown"
RATES = {"character_error": "character error", "word_error": "word error", "exact": "lines without error"}
WRITTEN = ("lines not ended", "seconds a line")
NOTHING = Ink(np.zeros((0, 2)), np.zeros(0, np.int64))


def share(row: Figures, name: str) -> str:
    """A rate in per cent with its interval."""
    if row.get(name) is None:
        return UNKNOWN
    told = f"{100 * row[name]:.1f} %"
    low, high = row.get(f"{name}_low"), row.get(f"{name}_high")
    return told if low is None or high is None else f"{told} ({100 * low:.1f} to {100 * high:.1f})"


def times(row: Figures | None) -> str:
    """A ratio with its interval."""
    if not row or row["ratio"] is None:
        return UNKNOWN
    return f"{row['ratio']:.3f} ({row['ratio_low']:.3f} to {row['ratio_high']:.3f})"


def number(value: float | None) -> str:
    """A count, or that it is unknown."""
    return UNKNOWN if value is None else f"{value:,}"


def rates(row: Figures | None) -> tuple[str, ...]:
    """The cells of RATES."""
    if row is None:
        return (UNKNOWN,) * (1 + len(RATES))
    return number(row["lines"]), *(share(row, name) for name in RATES)


def written(row: Figures | None) -> tuple[str, ...]:
    """The cells of RATES and WRITTEN; what is not told of real ink is empty."""
    if row is None or "unended" not in row:
        return *rates(row), "", ""
    return *rates(row), share(row, "unended"), f"{row['seconds_per_line']:.2f}"


def overview(figures: Figures) -> Table:
    """Sentences, real lines and their texts written, one below the other."""
    named = {"sentences": "sentences", "real": "real lines", "transcripts": "the real lines' texts, written"}
    return ("", "lines", *RATES.values(), *WRITTEN), [
        (name, *written(figures[key])) for key, name in named.items()
    ]


def classes(**tables: Figures | None) -> Table:
    """Character error by class of some lines, a column each; the characters are the first one's."""
    errors: list[Figures] = [
        {r["class"]: r for r in (of or {"by_class": ()})["by_class"]} for of in tables.values()
    ]
    return ("", "characters", *tables), [
        (name, number(row["characters"]), *(share(each.get(name, {}), "error") for each in errors))
        for name, row in errors[0].items()
    ]


def reading(figures: Figures) -> Table:
    """A reader's figures."""
    left_out = ", ".join(f"{n:,} {why}" for why, n in figures["left_out"].items() if n) or "none"
    return ("measure", "value"), [
        ("lines, characters", f"{number(figures['lines'])}, {number(figures['characters'])}"),
        *((name, share(figures, key)) for key, name in RATES.items()),
        ("left out", left_out),
        ("characters that it does not know", number(figures["unknown"])),
        ("milliseconds a line", f"{figures['milliseconds_per_line']:.1f}"),
        ("milliseconds for one alone", f"{figures['milliseconds_alone']:.1f}"),
    ]


def ratios(figures: Figures) -> Table:
    """Character errors over those of real lines, and how well written lines are told from recorded ones."""
    looks = [
        (f"accuracy of telling them apart, bias {bias}", share(found["two_sample"], "accuracy"))
        for bias, found in (figures["likeness"] or {}).items()
        if found["two_sample"] is not None
    ]
    return ("measure", "value"), [
        ("character error over that of real lines", times(figures["ratio"])),
        ("the same, of the same texts", times(figures["ratio_same_texts"])),
        *looks,
    ]


def sorts(rows: Sequence[Figures], name: str) -> Table:
    """The rates of lines by what sort they are of."""
    return (name, "lines", *RATES.values()), [(row[name], *rates(row)) for row in rows]


def sweep(rows: Sequence[Figures], name: str) -> Table:
    """The rates by a number that was changed."""
    header = (name, "lines", *RATES.values(), *WRITTEN)
    return header, [(f"{row[name]:g}", *written(row)) for row in rows]


def confused(figures: Figures, most: int = 20) -> Table:
    """What was most often read for what."""
    return ("asked", "read", "times", "of"), [
        (shown(row["asked"]), shown(row["read"]), number(row["times"]), number(row["of"]))
        for row in figures["confusions"][:most]
    ]


def shown(character: str) -> str:
    """A character that can be seen."""
    return {"": "nothing", " ": "a space"}.get(character, character)


def hands(rows: Sequence[Figures], name: str) -> Table:
    """How hands vary over lines: the median, the 5th to the 95th hundredth, and p of `likeness.shift`."""
    traits = list(rows[0]["hand"]) if rows else []

    def cell(row: Figures, key: str) -> str:
        if key not in row["hand"]:
            return UNKNOWN
        low, _, middle, _, high = row["hand"][key]["quantiles"]
        moved = row["shift"].get(key)
        return f"{middle:.3f} ({low:.3f} to {high:.3f})" + (f", p {moved['p']:.2g}" if moved else "")

    return (name, *traits), [(f"{row[name]:g}", *(cell(row, key) for key in traits)) for row in rows]


def distances(likeness: Figures) -> Table:
    """Each statistic's medians and distances."""
    columns = {
        "written": "written", "recorded": "recorded", "wasserstein": "Wasserstein",
        "kolmogorov_smirnov": "Kolmogorov-Smirnov", "floor": "the same, between halves of the recorded",
    }  # fmt: skip
    return ("statistic", *columns.values()), [
        (row["statistic"].replace("_", " "), *(f"{row[name]:.3f}" for name in columns))
        for row in likeness["distances"]
    ]


def report(figures: Figures, *, model: str = "", reader: str = "") -> str:
    """Markdown: all tables of a legibility measurement."""
    own = f"{figures['bias']:g}"
    parts = [
        "# Legibility" + (f" of {model}" if model else ""),
        f"Written as `hwkit write` does, at the model's own bias of {own} unless said otherwise; seeds from "
        f"{figures['seed']}.{f' Read by {reader}.' if reader else ''} In brackets: 95 % bootstrap intervals "
        "over lines.",
        markdown(overview(figures)),
        f"Character error of the sentences over that of the real lines: {times(figures['ratio'])}; "
        f"of the same texts: {times(figures['ratio_same_texts'])}. "
        f"Characters left out because the reader does not know them: {figures['sentences']['left_out']}.",
        "## By class of character", markdown(classes(written=figures["sentences"], real=figures["real"])),
        "## By content", markdown(sorts(figures["sentences"]["by_kind"], "kind")),
        "## By length", markdown(sorts(figures["sentences"]["by_length"], "length")),
        "## By bias", markdown(sweep(figures["by_bias"], "bias")), "![](bias.svg)",
        "## By number of candidates", *candidates(figures["by_candidates"]),
        "## Confusions", markdown(confused(figures["sentences"])),
        "## How real it looks", *looks(figures["likeness"]),
        "## The worst lines", "![](worst.png)",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def candidates(rows: Sequence[Figures]) -> list[str]:
    """The part on candidates."""
    if not rows:
        return ["There is no packaged reader, so letters are written without a choice."]
    return [
        "They are chosen by the packaged reader. Where that reader judges too, the figures flatter.",
        markdown(sweep(rows, "candidates")), "![](candidates.svg)",
        "How the hands vary over lines, and p that they vary as with the first number (Kolmogorov-Smirnov):",
        markdown(hands(rows, "candidates")),
    ]  # fmt: skip


def looks(likeness: Mapping[str, Figures] | None) -> list[str]:
    """The part on likeness."""
    if not likeness:
        return ["Unknown: there are no real lines to compare with."]
    parts = []
    for bias, found in likeness.items():
        if found["two_sample"] is None:
            parts.append(f"At bias {bias}: {found['pairs']} pairs are too few.")
            continue
        accuracy = share(found["two_sample"], "accuracy")
        parts += [
            f"At bias {bias}, over {found['pairs']} pairs of a written and a recorded line of the same text: a "
            f"logistic regression tells them apart with an accuracy of {accuracy}; 50 % is by chance.",
            markdown(distances(found)),
        ]
    return parts


def markdown(table: Table) -> str:
    """A table in Markdown; "" without rows."""
    header, rows = table
    if not rows:
        return ""
    cells = [tuple(cell.replace("|", "\\|") for cell in row) for row in (header, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return "\n".join([lines[0], "|" + "---|" * len(header), *lines[1:]])


def chart(figures: Figures, by: str) -> bytes:
    """An SVG: character error and lines with an error, in per cent, by `bias` or `candidates`."""
    rows = figures[f"by_{by}"]
    at = [float(row[by]) for row in rows]
    series = {
        "character error": [(x, 100 * row["character_error"]) for x, row in zip(at, rows, strict=True)],
        "lines with an error": [(x, 100 * (1 - row["exact"])) for x, row in zip(at, rows, strict=True)],
    }
    if figures["real"] and at:
        real = 100 * figures["real"]["character_error"]
        series["character error, real"] = [(min(at), real), (max(at), real)]
    named = {"bias": "bias", "candidates": "number of candidates"}
    return plot.lines(series, title=f"Legibility by {named[by]}", x=named[by], y="per cent")


def worst(pages: Sequence[Page], title: str = "") -> bytes:
    """An SVG sheet: what was asked, the ink, and what was read, of each page."""
    blocks = [
        (page.sentence.text, [Row("", page.ink), Row(f"read: {page.line.read or 'nothing'}", NOTHING)])
        for page in pages
    ]
    return sheet(blocks or [("no line has an error", [])], title=title)
