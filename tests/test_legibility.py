"""Legibility: what is written and read, on ink that says itself what it says, and with a real writer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from encoded import PRINTED, Planted, letters, sample
from handmade import HandmadeWriter

from hwkit.cli import main
from hwkit.dataset import InkDataset, InkWriter
from hwkit.errors import InputError
from hwkit.evaluate import legibility, report
from hwkit.evaluate.errors import CLASSES
from hwkit.evaluate.legibility import (
    SENTENCES,
    Desk,
    LegibilityParameters,
    Sentence,
    measure,
    read_sentences,
)
from hwkit.render.png import png

SHARED = Path(__file__).resolve().parents[2] / "shared" / "iam-ondb"
FEW = LegibilityParameters(lines=24, sweep_lines=6, real_lines=0)


class EncodedWriter(HandmadeWriter):
    def __init__(self):
        super().__init__(PRINTED)
        self.config.bias = 0.5


@pytest.fixture
def desk(monkeypatch, tmp_path):
    """Encoded letters; the reader takes every e for a c, and a digit for nothing."""
    monkeypatch.setattr(legibility, "write_letters", letters())
    reader = Planted(lambda text: "".join("c" if c == "e" else c for c in text if not c.isdigit()))
    return Desk(EncodedWriter(), tmp_path, reader, seed=7)


@pytest.fixture
def recorded(tmp_path):
    with InkWriter(tmp_path / "ink.h5") as writer:
        for n in range(30):
            writer.append(sample(n, f"here is line {n}"))
        writer.append(sample(99, "a Dear friend", "train"))
    return InkDataset.open(tmp_path / "ink.h5")


def test_planted_errors_are_the_figures(desk, recorded):
    sentences = read_sentences(SENTENCES)
    result = measure(desk, sentences, recorded, replace_lines(0))
    found, texts = result.figures, [sentence.text for sentence in sentences]
    digits, es = (sum(sum(map(k, t)) for t in texts) for k in (str.isdigit, lambda c: c == "e"))
    assert found["sentences"]["errors"] == digits + es
    assert found["sentences"]["characters"] == sum(map(len, texts))
    rows = {row["class"]: row for row in found["sentences"]["by_class"]}
    assert rows["digits"]["error"] == 1.0
    assert rows["lower case"]["errors"] == es
    assert rows["capitals"]["errors"] == rows["punctuation"]["errors"] == rows["inserted"]["errors"] == 0
    assert found["sentences"]["exact"] == sum(not any(c.isdigit() or c == "e" for c in t) for t in texts) / 240
    assert {row["kind"]: row["lines"] for row in found["sentences"]["by_kind"]} == dict.fromkeys(
        dict.fromkeys(s.kind for s in sentences), 20
    )
    real = "".join(f"here is line {n}" for n in range(30))
    assert found["real"]["errors"] == sum(c.isdigit() or c == "e" for c in real)
    assert found["ratio"]["ratio"] == pytest.approx(
        found["sentences"]["character_error"] / found["real"]["character_error"]
    )
    assert found["ratio_same_texts"]["ratio"] == 1.0
    assert found["likeness"]["0.5"]["pairs"] == 30


def replace_lines(lines):
    return LegibilityParameters(lines=lines, sweep_lines=6, real_lines=0)


def test_what_is_ordered_is_what_write_orders(desk, monkeypatch):
    monkeypatch.setattr(legibility, "can_choose", lambda: False)
    measure(desk, read_sentences(SENTENCES), None, FEW)
    orders = desk.writer.asked
    assert len(orders) == 24 + 3 * 6  # the model's own bias is not written anew
    assert {order.biases for order in orders} == {(None,), (0.0,), (1.0,), (2.0,)}
    main = {order.text: order for order in orders[:24]}
    for order in orders[24:]:
        assert replace(order, biases=(None,)) == main[order.text]
    assert len({order.seed for order in main.values()}) == 24


def test_candidates_are_one_more_number_of_the_order(desk, monkeypatch):
    monkeypatch.setattr(legibility, "can_choose", lambda: True)
    found = measure(desk, read_sentences(SENTENCES), None, FEW).figures
    assert [row["candidates"] for row in found["by_candidates"]] == [1, 2, 4, 8]
    assert [order.candidates for order in desk.writer.asked[-24:]] == [1] * 6 + [2] * 6 + [4] * 6 + [8] * 6
    assert all(moved["distance"] == 0.0 for moved in found["by_candidates"][3]["shift"].values())
    text = report.report(found)
    assert "| 8 | 6 |" in text
    assert b"number of candidates" in report.chart(found, "candidates")


def test_without_recorded_ink_what_hangs_on_it_is_unknown(desk):
    found = measure(desk, read_sentences(SENTENCES), None, FEW).figures
    assert found["real"] is found["likeness"] is found["ratio"] is found["transcripts"] is None
    text = report.report(found)
    assert "there are no real lines" in text
    assert "| in words not in training | unknown | unknown | unknown |" in text


def test_what_is_not_written_is_told(desk, monkeypatch):
    monkeypatch.setattr(legibility, "write_letters", letters(lambda order: "x" in order.text))
    run = desk.run([Sentence("abc"), Sentence("axe", "", 1)])
    figures = run.figures()
    assert (figures["unended"], figures["exact"], figures["errors"]) == (0.5, 0.5, 3)


def test_characters_that_the_reader_does_not_know_are_left_out_and_counted(desk):
    desk = replace(desk, reader=Planted(characters="abc "))
    found = measure(desk, [Sentence("a  cab! b"), Sentence("xyz", "", 1)], None, FEW)
    assert found.figures["sentences"]["left_out"] == 4
    assert [page.line.asked for page in found.pages] == ["a cab b"]
    with pytest.raises(InputError, match="no character of any sentence"):
        measure(desk, [Sentence("xyz")], None, FEW)


def test_the_worst_are_on_the_sheet(desk):
    texts = ["eel", "a stone", "no", "seen <&> 1"]
    result = measure(desk, [Sentence(t, "", n) for n, t in enumerate(texts)], None, FEW)
    assert [page.line.asked for page in result.worst()] == ["eel", "seen <&> 1", "a stone"]
    drawn = report.worst(result.worst(2))
    assert b"read: ccl" in drawn
    assert b"stone" not in drawn
    assert png(drawn, dpi=20).startswith(b"\x89PNG")
    assert report.worst([]).count(b"no line has an error") == 1


def test_a_writer_writes_what_is_judged(tmp_path):
    """Nothing is planted but the ink: words that do not end are left out, what is not known is drawn."""
    writer = HandmadeWriter(" abcdefghijklmnopqrstuvwxyz")
    writer.config.bias = 0.0
    run = Desk(writer, tmp_path, Nothing(), seed=1).run([Sentence("no zoo 4 me")])
    (page,) = run.pages
    assert page.unwritten == 1
    assert page.size == pytest.approx(1.0, abs=0.5)
    assert 4 <= len(page.ink.lengths) <= 6  # n, o, 4, m, e
    assert page.line.errors == len("no zoo 4 me")
    assert run.seconds > 0


class Nothing(Planted):
    """A reader that reads nothing."""

    def read(self, ink):
        return type("Said", (), {"text": ""})


# The sentences


def test_sentences_are_of_every_class():
    sentences = read_sentences(SENTENCES)
    assert len(sentences) == len({s.text for s in sentences}) == 240
    assert all(20 <= len(s.text) <= 60 and s.kind for s in sentences)
    every = "".join(s.text for s in sentences)
    assert all(kind(every).sum() >= 200 for kind in CLASSES.values())
    assert all(every.count(c) >= 10 for c in "QXZJqxzj0123456789")


def test_no_sentence_is_recorded():
    archive = SHARED / "ascii-all.tar.gz"
    if not archive.exists():
        pytest.skip("the transcripts of IAM-OnDB are not here")
    import tarfile

    def bare(text):
        return "".join(c for c in text.lower() if c.isalnum())

    with tarfile.open(archive) as files:
        texts = [files.extractfile(m).read().decode("latin-1") for m in files if m.isfile()]
    recorded = " ".join(bare(text) for text in texts)
    assert [s.text for s in read_sentences(SENTENCES) if bare(s.text) in recorded] == []


def test_a_file_of_sentences(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("\ufeffprice\t 3  eggs \n\nplain words\r\n\t x\n", encoding="utf-8")
    assert read_sentences(file) == [
        Sentence("3 eggs", "price", 0),
        Sentence("plain words", "", 1),
        Sentence("x", "", 2),
    ]
    file.write_bytes(b"\xff")
    with pytest.raises(InputError, match="UTF-8"):
        read_sentences(file)
    file.write_text("\n\n")
    with pytest.raises(InputError, match="no text"):
        read_sentences(file)


# The command


def test_the_command_makes_all_files(tmp_path, desk, monkeypatch, capsys):
    from test_reading import model

    from hwkit.generate.sampler import Writer
    from hwkit.reader.reader import Reader

    monkeypatch.setattr(Reader, "open", lambda folder: desk.reader)
    monkeypatch.setattr(Writer, "open", lambda folder: desk.writer)
    texts = tmp_path / "texts.txt"
    texts.write_text("letter\tDear Eve\nprice\t3 eggs\n")
    command = [
        "evaluate", str(model(tmp_path / "model", "synthesis")), "--legibility", "--store",
        str(tmp_path / "store"), "--reader", str(model(tmp_path / "read")), "--texts", str(texts),
        "-o", str(tmp_path / "out"),
    ]  # fmt: skip
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["stage"], found["sentences"]["errors"], found["data"]) == ("legibility", 2 + 1 + 2 - 1, None)
    names = ["bias.svg", "candidates.svg", "legibility.json", "lines.csv", "report.md", "worst.png"]
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == names
    asked = len(desk.writer.asked)
    assert main([*command, "--quiet"]) == 0
    assert main(command) == 0
    assert len(desk.writer.asked) == asked  # it is not measured anew
    assert "By class of character" in capsys.readouterr().out
