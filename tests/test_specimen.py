"""Specimens: lines written together are those written alone, and the sheet shows all of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from test_generate import tiny

from hwkit.errors import InputError, VocabularyError
from hwkit.evaluate.specimen import BIASES, SENTENCES, specimen
from hwkit.generate.batch import write_together
from hwkit.generate.sampler import Writer
from hwkit.ink import Ink
from hwkit.render.png import png
from hwkit.render.specimen import COLUMN, Row, sheet
from hwkit.render.svg import SVG

# Together


def test_lines_written_together_are_those_written_alone(tmp_path: Path) -> None:
    """Lines of several lengths, which end at several steps, with padding between them."""
    writer = Writer.open(tiny(tmp_path))
    texts = ["ab", "cab abc", "a", "bacabac cab ab", "c b a", "abc"]
    seeds = [(7, n) for n in range(len(texts))]
    together = write_together(writer, texts, seeds, 0.5)
    alone = [writer.sample(text, seed, bias=0.5) for text, seed in zip(texts, seeds, strict=True)]
    assert len({len(line.ink) for line in alone}) > 2
    for one, other in zip(together, alone, strict=True):
        assert one.ink.lengths.tolist() == other.ink.lengths.tolist()
        np.testing.assert_allclose(one.ink.points, other.ink.points, rtol=1e-4, atol=1e-3)
        assert one.ended == other.ended


def test_a_line_that_does_not_end_says_so(tmp_path: Path) -> None:
    """A window that hardly moves; beside it nothing else changes."""
    writer = Writer.open(tiny(tmp_path))
    writer.network.window_bias[:] = -8.0
    (stuck,) = write_together(writer, ["abc abc"], [(1,)], 1.0)
    assert not stuck.ended
    assert not writer.sample("abc abc", (1,), bias=1.0).ended
    assert len(stuck.ink) == len(writer.sample("abc abc", (1,), bias=1.0).ink)


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="é"):
        write_together(Writer.open(tiny(tmp_path)), ["ab", "é"], [(1,), (2,)], 0.0)
    with pytest.raises(InputError, match="prediction"):
        write_together(Writer.open(tiny(tmp_path, "prediction")), ["ab"], [(1,)], 0.0)


# The sheet


def square(side: float, strokes: int = 1) -> Ink:
    points = np.array([[0, 0], [side, 0], [side, side], [0, side]], float)
    return Ink(np.concatenate([points] * strokes), np.full(strokes, 4))


def drawn(svg: bytes) -> tuple[list[str], list[str]]:
    """Paths and texts."""
    root = etree.fromstring(svg)
    return [p.get("d") for p in root.iter(f"{{{SVG}}}path")], [t.text for t in root.iter(f"{{{SVG}}}text")]


def numbers(path: str) -> np.ndarray:
    return np.array(
        [pair.split(",") for pair in path.replace("M", "").replace("C", "").replace("L", "").split()], float
    )


def test_every_stroke_and_every_label_is_on_the_sheet() -> None:
    blocks = [(f"text {n}", [Row("0", square(40, 2)), Row("1", square(40), whole=n != 3)]) for n in range(7)]
    svg = sheet(blocks, unit=20.0, title="a <model>, seed 1")
    paths, texts = drawn(svg)
    assert len(paths) == 7 * 3
    assert {f"text {n}" for n in range(7)} < set(texts)
    assert texts[0] == "a <model>, seed 1"
    assert texts.count("no end") == 1
    assert png(svg, dpi=20).startswith(b"\x89PNG")


def test_ink_is_drawn_at_one_size_and_made_to_fit_where_it_is_too_wide() -> None:
    dash, longer, runaway = (Ink(np.array([[0, 0], [x, 0]], float), np.array([2])) for x in (20, 40, 2e7))
    blocks = [("", [Row("", dash), Row("", longer)]), ("", [Row("", runaway)])]
    paths, _ = drawn(sheet(blocks, unit=20.0))
    wide = [float(np.ptp(numbers(path)[:, 0])) for path in paths]
    assert wide == pytest.approx([1, 2, COLUMN], abs=0.01)


def test_ink_far_too_high_stays_on_the_page() -> None:
    tall = Ink(np.array([[0, -1e5], [10, 0], [20, 1e5]], float), np.array([3]))
    svg = sheet([("", [Row("", tall), Row("", Ink(np.zeros((0, 2)), np.zeros(0, np.int64)))])], unit=1.0)
    root = etree.fromstring(svg)
    height = float(root.get("viewBox").split()[3])
    y = numbers(drawn(svg)[0][0])[:, 1]
    assert 0 <= y.min() < y.max() <= height
    with pytest.raises(InputError):
        sheet([])


# The specimen of a model


def test_a_specimen_has_every_sentence_at_every_bias(tmp_path: Path) -> None:
    """The tiny model knows few characters: the others are left out, and sentences without any."""
    folder = tiny(tmp_path)
    vocabulary = Writer.open(folder).config.vocabulary
    assert vocabulary is not None
    known = [s for s in SENTENCES if set(s) & set(vocabulary.characters) - {" "}]
    svg, figures = specimen(folder, seed=3, title="tiny")
    assert figures["lines"] == len(known) * len(BIASES)
    assert figures["unended"].keys() == {"0", "0.5", "1", "2"}
    _, texts = drawn(svg)
    assert texts.count("0.5") == len(known)
    assert texts[0] == "tiny, seed 3: biases 0, 0.5, 1, 2"
    assert texts.count("no end") == sum(figures["unended"].values())
    assert specimen(folder, seed=3, title="tiny") == (svg, figures)
    assert specimen(folder, seed=4, title="tiny")[0] != svg


def test_a_specimen_of_what_writes_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="prediction"):
        specimen(tiny(tmp_path, "prediction"))


def test_the_sentences_hold_what_is_hard() -> None:
    """Every letter in both cases, every digit, and the punctuation that the transcripts have."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    wanted = set(letters + letters.upper() + "0123456789" + "!\"&'()+,-./:;?[]") - set("'+")
    assert wanted <= set("".join(SENTENCES))
    assert all(len(sentence) <= 52 for sentence in SENTENCES)
