"""The page that explains: what is in it, that no text breaks out of it, and how it works in a browser."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from lxml import etree
from lxml import html as lxml_html
from test_generate import STATISTICS, tiny

from hwkit import pretrained
from hwkit.cli import main
from hwkit.errors import InputError
from hwkit.generate.hand import Hand
from hwkit.generate.sampler import Request, Writer
from hwkit.generate.watched import Watched, watched
from hwkit.model.config import NetworkConfig
from hwkit.model.network import build
from hwkit.preprocess import Recipe
from hwkit.render.explain import embedded, explanation, story
from hwkit.vocabulary import Vocabulary

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
EVIL = "</script><b>&amp;{{data}}<!--\"'"


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer.open(tiny(tmp_path))


def page_of(line: Watched) -> str:
    return explanation(line, STATISTICS, model="m", style="s", bias=0.5, seed=1).decode()


def data_in(page: str) -> dict[str, object]:
    """The data, as a browser finds it: from its element to the first end of a script."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script', page, re.DOTALL)
    assert found
    data: dict[str, object] = json.loads(found[1])
    return data


@pytest.mark.parametrize("hand", [False, True])
def test_what_is_watched_is_what_is_written(writer: Writer, hand: bool) -> None:
    offsets = np.array([[0.0, 0, 0], [1, 2, 0], [3, 4, 1], [5, 6, 0], [5, 6, 1]])
    primed = Hand.prime(writer, offsets, "ab") if hand else None
    request = Request(text="cab abc", seed=(5,), bias=0.5, hand=primed)
    (written,) = writer.write_all([request])
    seen = watched(writer, request)
    assert seen.sampled.ink.points.tobytes() == written.ink.points.tobytes()
    assert seen.sampled.ended == written.ended
    assert seen.before == ("ab " if hand else "")
    steps = len(written.ink) - 1
    assert seen.sampled.mixture.shape == (steps, 6, 3)
    assert seen.sampled.window.shape == (steps, len(seen.before) + 7 + 1)
    assert seen.bumps.shape == (steps + 1, 3, 2)
    # Eq. 46, by hand, at places counted from the first character of the text.
    alpha, beta, kappa = (seen.bumps[:, n, :, None].astype(np.float64) for n in range(3))
    u = np.arange(1, seen.sampled.window.shape[1] + 1) - len(seen.before)
    np.testing.assert_allclose(
        (alpha * np.exp(-beta * (kappa - u) ** 2)).sum(1),
        np.concatenate([seen.sampled.window, seen.end[None]]), rtol=1e-3, atol=1e-4,
    )  # fmt: skip
    if seen.sampled.ended:  # section 5.3
        assert seen.end.argmax() == len(seen.end) - 1
    assert (np.diff(seen.bumps[:, 2], axis=0) >= 0).all()  # eq. 51: never back


def test_the_story_is_the_line_in_thousandths(writer: Writer) -> None:
    line = watched(writer, Request(text="abc", seed=(1,), bias=0.5))
    told = story(line, STATISTICS)
    ink = line.sampled.ink
    points = np.array(told["points"]).reshape(-1, 2) / 1000
    np.testing.assert_allclose(points, ink.points - ink.points[0], atol=6e-4)
    assert len(told["steps"]) == len(ink) - 1
    assert np.diff([-1, *told["lifts"]]).tolist() == ink.lengths.tolist()
    for (end, first, phi, bumps, blobs), at, row, mixture in zip(
        told["steps"], line.sampled.end, line.sampled.window, line.sampled.mixture, strict=True
    ):
        assert end == round(float(at) * 1000)
        whole = np.zeros(len(row))
        whole[first : first + len(phi)] = np.array(phi) / 1000
        np.testing.assert_allclose(whole, row, atol=1.1e-3)
        assert len(bumps) == 3 * 2
        heavy = mixture[:, mixture[0] >= 0.003]
        got = np.array(blobs) / 1000
        np.testing.assert_allclose(got[:, 0], heavy[0], atol=6e-4)
        # The blob is where its offset leads, in the ink's unit: mean (0.5, -0.25), deviation (2, 3).
        np.testing.assert_allclose(got[:, 1], heavy[1] * 2 + 0.5, atol=6e-4)
        np.testing.assert_allclose(got[:, 4], np.maximum(heavy[4] * 3, 1e-3), atol=6e-4)


def test_what_is_embedded_is_the_same_json_and_closes_nothing() -> None:
    for text in (EVIL, "\u2028\u2029", "<!--<script>", "é ☃ 😀", "\\", '"'):
        held = embedded({"text": text})
        assert json.loads(held) == {"text": text}
        assert held.isascii()
        assert not set(held) & set("<>&")


def odd(folder: Path) -> Path:
    """A model that knows the characters with which a text would break out."""
    vocabulary = Vocabulary(characters="".join(sorted({*EVIL, *" abc"})))
    config = NetworkConfig(layers=(8, 8), mixtures=3, window=2)
    network = build(config, vocabulary.size)
    model = pretrained.ModelConfig(
        network=config, statistics=STATISTICS, vocabulary=vocabulary, recipe=Recipe(), bias=0.5
    )
    folder.mkdir()
    weights = {name: w.detach().numpy() for name, w in network.named_parameters()}
    pretrained.write(folder, model, weights, "# A card\n")
    return folder


def test_a_text_cannot_break_out_of_the_page(tmp_path: Path) -> None:
    line = watched(Writer.open(odd(tmp_path / "odd")), Request(text=EVIL, seed=(1,), retries=0))
    page = page_of(line)
    assert data_in(page)["text"] == EVIL
    tree = lxml_html.document_fromstring(page)
    assert tree.findtext(".//h1") == f"How a machine writes “{EVIL}”"
    assert tree.findtext(".//title") == f"How a machine writes “{EVIL}”"
    assert len(tree.findall(".//script")) == 2
    assert page.count("</script>") == 2
    assert "<b>&amp;{{data}}" not in page
    assert html.escape(EVIL) in page


def test_the_page_asks_nothing_of_the_network(writer: Writer) -> None:
    page = page_of(watched(writer, Request(text="abc", seed=(1,))))
    tree = lxml_html.document_fromstring(page)
    for element in tree.iter(etree.Element):
        assert element.get("src") is None
        assert element.tag not in ("link", "img", "iframe", "object", "embed")
        assert (element.get("href") or "#").startswith("#")
    policy = next(
        e.get("content") for e in tree.iter("meta") if e.get("http-equiv") == "Content-Security-Policy"
    )
    assert "default-src 'none'" in policy
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|WebSocket|import\(", page)
    assert not re.search(r"\{\{\w+\}\}", page)
    named = {int(n) for n in re.findall(r"eqs?\. (\d+)", page)}
    assert {18, 19, 20, 23, 24, 25, 46, 47, 48, 49, 51, 61} <= named


def test_the_command_writes_the_same_page_for_the_same_seed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = str(tiny(tmp_path))
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    for file in (first, second):
        assert main(["explain", "abc", "--model", model, "--seed", "4", "-o", str(file), "--json"]) == 0
    said = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert said["seed"] == 4
    assert said["points"] == len(data_in(first.read_text())["points"]) // 2  # type: ignore[arg-type]
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["abc", "-o", "page.svg"], ".html"),
        (["a\nb", "-o", "page.html"], "one line"),
        (["a" * 101, "-o", "page.html"], "100 characters"),
        (["", "-o", "page.html"], "no text"),
        (["aé", "-o", "page.html"], "U+00E9"),
        (["abc", "-o", "nowhere/page.html"], "no such folder"),
        (["abc", "-o", "-", "--json"], "standard output"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    arguments: list[str], words: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    model = tiny(tmp_path)
    assert main(["explain", *arguments, "--model", str(model)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert not list(tmp_path.glob("*.html"))


def test_a_prediction_network_explains_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny(tmp_path, "prediction")
    assert main(["explain", "abc", "--model", str(model), "-o", str(tmp_path / "a.html")]) == 2
    assert "prediction network" in capsys.readouterr().err


def test_a_single_point_is_no_line(writer: Writer) -> None:
    line = watched(writer, Request(text="abc", seed=(1,)))
    none = Watched(
        type(line.sampled)(line.sampled.ink, "abc", True, line.sampled.mixture[:0], line.sampled.end[:0],
                           line.sampled.window[:0]),
        "", line.bumps[:1], line.end,
    )  # fmt: skip
    with pytest.raises(InputError, match="no step"):
        page_of(none)


# In a browser


def browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser is here: none of {', '.join(BROWSERS)}")
    return found


SCRIPT = """
<script>
addEventListener("load", () => {
  const said = {errors: window.failed || []}, key = (k, more) =>
    document.body.dispatchEvent(
      new KeyboardEvent("keydown", {key: k, bubbles: true, cancelable: true, ...more}));
  const inked = id => {
    const c = document.getElementById(id), d = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
    let n = 0;
    for (let i = 3; i < d.length; i += 4) n += d[i] > 0;
    return n;
  };
  const at = () => Number(document.getElementById("slider").value), button = id => document.getElementById(id);
  said.steps = N;
  said.first = at();
  said.inkAtFirst = inked("line");
  key("ArrowRight"); said.right = at();
  key("ArrowRight", {shiftKey: true}); said.shift = at();
  key("ArrowLeft"); said.left = at();
  key("End"); said.end = at(); said.now = button("now").textContent; said.again = button("play").textContent;
  said.last = steps[N].phi.indexOf(Math.max(...steps[N].phi));
  key("Home"); said.home = at();
  button("letter").click(); said.letter = at();
  button("slider").value = 5; button("slider").dispatchEvent(new Event("input")); said.slider = at();
  said.jumps = Array.from(document.querySelectorAll("[data-jump]"), a => { a.click(); return at(); });
  said.inked = Object.fromEntries(["pen", "lens", "line", "window", "lift", "map"].map(id => [id, inked(id)]));
  said.wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  said.calm = document.body.classList.contains("calm");
  said.playShown = getComputedStyle(button("play")).display !== "none";
  said.title = document.title;
  said.bold = document.querySelectorAll("h1 b").length;
  key("Home"); key("+"); said.speed = button("speed").value;
  button("play").click(); said.playing = button("play").textContent;
  const told = () => {
    said.played = at();
    button("play").click(); said.paused = button("play").textContent;
    const out = document.createElement("pre");
    out.id = "said"; out.textContent = JSON.stringify(said); document.body.append(out);
  };
  let frames = 0;
  const wait = () => { if (at() > 2 || ++frames > 400) told(); else requestAnimationFrame(wait); };
  if (said.calm) told(); else requestAnimationFrame(wait);
});
</script>
"""
CATCH = '<script>addEventListener("error", e => (window.failed ||= []).push(e.message));</script>'


def tried(page: str, folder: Path, *options: str, width: int = 1000, hash_: str = "") -> dict[str, object]:
    """What a browser makes of a page: its buttons and keys are pressed, and what happens is said."""
    file = folder / "tried.html"
    file.write_text(page.replace("<main>", CATCH + "<main>", 1).replace("</body>", SCRIPT + "</body>"))
    done = subprocess.run(
        [
            browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900", "--virtual-time-budget=8000",
            *options, "--dump-dom", f"{file.as_uri()}{hash_}",
        ],
        capture_output=True, timeout=180, check=False,
    )  # fmt: skip
    shown = lxml_html.document_fromstring(done.stdout.decode())
    said = shown.find(".//pre[@id='said']")
    assert said is not None, done.stderr.decode()[-2000:]
    found: dict[str, object] = json.loads(said.text)
    return found


def test_the_page_works_in_a_browser(tmp_path: Path) -> None:
    browser()
    writer = Writer.open(pretrained.find(pretrained.DEFAULT))
    line = watched(writer, Request(text="how, now?", seed=(3,), bias=0.5))
    page = explanation(line, writer.config.statistics, model="m", style="s", bias=0.5, seed=3).decode()
    said = tried(page, tmp_path)
    n = len(line.sampled.ink) - 1
    assert said["errors"] == []
    assert (said["steps"], said["first"]) == (n, 0)
    assert (said["right"], said["shift"], said["left"], said["end"], said["home"]) == (1, 11, 10, n, 0)
    assert said["again"] == "Again"
    assert str(said["now"]).startswith(
        f"All {n + 1} points are written. The window looks at the end of the text"
    )
    assert said["last"] == len("how, now?")  # section 5.3: at the end the window is behind the text
    main_letter = line.sampled.window.argmax(1)
    assert said["letter"] == int(np.argmax(main_letter > main_letter[0]))
    assert said["slider"] == 5
    spread, tight, lift, between, end = said["jumps"]  # type: ignore[misc]
    assert end == n
    area = [math.prod(m[3:5, m[0].argmax()] * writer.config.statistics.deviation) for m in line.sampled.mixture]
    assert area[spread] == pytest.approx(max(area[3 : n - 2]), rel=0.05)
    assert area[tight] < np.median(area)
    assert lift + 1 in np.cumsum(line.sampled.ink.lengths) - 1
    two = np.sort(line.sampled.window[between])[::-1]
    assert two[1] > 0.5 * two[0]
    assert all(count > 100 for count in said["inked"].values()), said["inked"]  # type: ignore[attr-defined]
    assert said["calm"] is False
    assert (said["playing"], said["paused"]) == ("Pause", "Play")
    assert said["speed"] == "30"
    assert said["played"] > 2  # type: ignore[operator]
    assert said["wide"] <= 0  # type: ignore[operator]


def test_nothing_moves_by_itself_for_who_asks_for_that_and_a_text_stays_a_text(tmp_path: Path) -> None:
    browser()
    line = watched(Writer.open(odd(tmp_path / "odd")), Request(text=EVIL, seed=(1,), retries=0))
    said = tried(page_of(line), tmp_path, "--force-prefers-reduced-motion", width=500, hash_="#step=4")
    assert said["errors"] == []
    assert (said["calm"], said["playShown"]) == (True, False)
    assert said["playing"] != "Pause"
    assert said["played"] == 0
    assert said["first"] == 4
    assert said["title"] == f"How a machine writes “{EVIL}”"
    assert said["bold"] == 0
    assert said["wide"] <= 0  # type: ignore[operator]
