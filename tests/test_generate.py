"""The numpy network against torch's, the sampler against the distributions that it samples from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError, VocabularyError
from hwkit.generate import batch
from hwkit.generate.batch import kept, write_together
from hwkit.generate.network import NumpyNetwork, State, density, load
from hwkit.generate.sampler import Primer, Request, Sampled, Writer, Written, at_end, draw
from hwkit.model.config import NetworkConfig, OutputLayout
from hwkit.model.mixture import mean, mixture
from hwkit.model.network import SynthesisNetwork, build
from hwkit.preprocess import Recipe
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

STATISTICS = Statistics(mean=(0.5, -0.25), deviation=(2.0, 3.0), points_per_character=4.0, unit=1.0)
VOCABULARY = Vocabulary(characters=" abc")


def networks(config: NetworkConfig) -> tuple[torch.nn.Module, NumpyNetwork]:
    """The same network twice, with weights large enough that every term shows."""
    torch.manual_seed(3)
    network = build(config, VOCABULARY.size)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * 0.2)
    weights = {name: w.detach().numpy().copy() for name, w in network.named_parameters()}
    return network.eval(), NumpyNetwork(config, weights)


def tiny(tmp_path: Path, kind: str = "synthesis", config: NetworkConfig | None = None) -> Path:
    """The folder of an untrained model."""
    config = config or NetworkConfig(kind=kind, layers=(8, 8), mixtures=3, window=2)
    network, _ = networks(config)
    weights = {name: w.detach().numpy() for name, w in network.named_parameters()}
    model = pretrained.ModelConfig(
        network=config,
        statistics=STATISTICS,
        vocabulary=VOCABULARY if kind == "synthesis" else None,
        recipe=Recipe(),
        bias=0.5,
    )
    folder = tmp_path / kind
    folder.mkdir()
    pretrained.write(folder, model, weights, "# A card\n")
    return folder


def begun(network: NumpyNetwork, classes: np.ndarray) -> State:
    """The start on texts of `classes` (batch, U)."""
    state = network.start(len(classes), classes.shape[1] if network.synthesis else 0)
    for line, own in enumerate(classes):
        state.begin(line, own if network.synthesis else None)
    return state


@pytest.mark.parametrize("layers", [(11, 7), (11, 7, 9), (5, 6, 7, 8)])
@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
@pytest.mark.parametrize("peepholes", [False, True])
def test_a_step_in_numpy_is_a_step_in_torch(kind: str, peepholes: bool, layers: tuple[int, ...]) -> None:
    config = NetworkConfig(kind=kind, layers=layers, mixtures=4, window=3, peepholes=peepholes)
    slow, fast = networks(config)
    random = np.random.default_rng(0)
    x = random.standard_normal((12, 2, 3)).astype(np.float32)
    classes = random.integers(0, VOCABULARY.size, (2, 5))
    characters = torch.from_numpy(np.eye(VOCABULARY.size, dtype=np.float32)[classes])
    state, torch_state = begun(fast, classes), slow.start(2)
    for step in x:
        state.feed(step)
        y = fast.step(state)
        with torch.no_grad():
            seen = torch.from_numpy(step)[None]
            if isinstance(slow, SynthesisNetwork):
                expected, phi, torch_state = slow(seen, characters, torch_state)
                np.testing.assert_allclose(state.phi, phi[0].numpy(), atol=1e-4)
            else:
                expected, torch_state = slow(seen, torch_state)
        np.testing.assert_allclose(y, expected[0].numpy(), atol=1e-4)


def test_weights_that_are_not_the_configs_are_refused() -> None:
    config = NetworkConfig(layers=(8, 8), mixtures=3, window=2)
    _, network = networks(config)
    lacking = {name: w for name, w in network.weights.items() if name != "layers.0.bias"}
    with pytest.raises(ArtifactError, match=r"layers\.0\.bias"):
        NumpyNetwork(config, lacking)
    with pytest.raises(ArtifactError, match="under a config of"):
        NumpyNetwork(NetworkConfig(layers=(8, 9), mixtures=3, window=2), network.weights)


def test_the_density_is_torchs_mixture() -> None:
    y = np.random.default_rng(1).standard_normal((5, 1 + 6 * 4)).astype(np.float32)
    ours, theirs = density(y, 4), mixture(torch.from_numpy(y), 4)
    np.testing.assert_allclose(ours.weight, theirs.log_weight.exp(), rtol=1e-5)
    np.testing.assert_allclose(ours.scale_x, theirs.log_scale_x.exp(), rtol=1e-5)
    np.testing.assert_allclose(ours.scale_y, theirs.log_scale_y.exp(), rtol=1e-5)
    np.testing.assert_allclose(ours.correlation, theirs.correlation, atol=1e-5)
    np.testing.assert_allclose(ours.end, torch.sigmoid(theirs.end), rtol=1e-5)
    expected = np.stack([(ours.weight * ours.mean_x).sum(1), (ours.weight * ours.mean_y).sum(1)], 1)
    np.testing.assert_allclose(mean(theirs), expected, atol=1e-5)


def test_the_bias_narrows_scales_and_sharpens_weights_as_in_eqs_61_and_62() -> None:
    at, y = OutputLayout(2), np.zeros((1, 13), np.float32)
    y[0, at.weight] = [0.0, 1.0]
    y[0, at.scale_x], y[0, at.scale_y] = [0.3, 0.4], [-0.1, 0.2]
    biased = density(y, 2, bias=0.7)
    assert biased.scale_x[0] == pytest.approx(np.exp([0.3 - 0.7, 0.4 - 0.7]))
    assert biased.scale_y[0] == pytest.approx(np.exp([-0.1 - 0.7, 0.2 - 0.7]))
    assert biased.weight[0, 1] / biased.weight[0, 0] == pytest.approx(np.exp(1.0 * 1.7), rel=1e-5)


def test_eq_18_ends_a_stroke_where_e_is_negative() -> None:
    y = np.zeros((1, 7), np.float32)
    y[0, 0] = -3.0
    assert density(y, 1).end[0] == pytest.approx(1 / (1 + np.exp(-3.0)))


def vector(weight: list[float]) -> np.ndarray:
    """An output vector (1, 13) of two components that are known, and whose strokes end 3 times in 10."""
    rho = np.arctanh([0.8, -0.6])
    rows = [
        np.log(np.maximum(weight, 1e-30)),
        [-3.0, 4.0],
        [1.0, -2.0],
        np.log([0.5, 1.5]),
        np.log([2.0, 0.25]),
        rho,
    ]
    return np.array([[-np.log(0.3 / 0.7), *np.concatenate(rows)]], np.float32)


def drawn(y: np.ndarray, count: int, seed: int, bias: float = 0.0) -> np.ndarray:
    """So many offsets of one output vector."""
    random = np.random.default_rng(seed)
    numbers = np.concatenate([random.random((count, 2)), random.standard_normal((count, 2))], 1)
    return draw(np.repeat(y, count, 0), 2, np.full(count, bias), numbers)


def test_drawn_offsets_have_the_moments_of_their_component() -> None:
    for m, weight in enumerate(([1.0, 0.0], [0.0, 1.0])):
        x, y, pen = drawn(vector(weight), 4000, 5).T
        assert stats.kstest((x - [-3.0, 4.0][m]) / [0.5, 1.5][m], "norm").pvalue > 1e-3
        assert stats.kstest((y - [1.0, -2.0][m]) / [2.0, 0.25][m], "norm").pvalue > 1e-3
        assert np.corrcoef(x, y)[0, 1] == pytest.approx([0.8, -0.6][m], abs=0.03)
        assert stats.binomtest(int(pen.sum()), 4000, 0.3).pvalue > 1e-3


def test_a_bias_narrows_what_is_drawn() -> None:
    x, y, _ = drawn(vector([1.0, 0.0]), 4000, 8, bias=1.5).T
    assert stats.kstest((x + 3) / (0.5 * np.exp(-1.5)), "norm").pvalue > 1e-3
    assert stats.kstest((y - 1) / (2 * np.exp(-1.5)), "norm").pvalue > 1e-3


@pytest.mark.parametrize("bias", [0.0, 0.8])
def test_components_are_drawn_by_their_weights(bias: float) -> None:
    first = int((drawn(vector([0.25, 0.75]), 4000, 6, bias)[:, 0] < 0.5).sum())
    share = 1 / (1 + 3 ** (1 + bias))  # eq. 62
    narrow = np.exp(-bias)
    lower = share * stats.norm.cdf(3.5 / 0.5 / narrow) + (1 - share) * stats.norm.cdf(-3.5 / 1.5 / narrow)
    assert stats.binomtest(first, 4000, lower).pvalue > 1e-3


def test_the_window_is_at_the_end_when_it_looks_past_the_last_character() -> None:
    phi = np.array(
        [[0.1, 0.2, 0.3], [0.1, 0.3, 0.3], [0.5, 0.2, 0.3], [0.1, 0.3, 0.0], [0.0, 0.0, 0.0]], np.float32
    )
    assert at_end(phi, np.array([2, 2, 2, 1, 2])).tolist() == [True, False, False, True, False]


class Scripted(NumpyNetwork):
    """A network whose strokes and window follow a script: pen lifts at given steps, the place at each.

    It writes one line at a time. The window is at `place(t)` alone.
    """

    def __init__(self, lifts: set[int], place: Callable[[int], int]) -> None:
        config = NetworkConfig(layers=(1,), mixtures=1, window=1)
        weights = {name: w.detach().numpy() for name, w in build(config, VOCABULARY.size).named_parameters()}
        super().__init__(config, weights)
        self.lifts, self.place, self.t = lifts, place, 0
        self.seen: list[np.ndarray] = []

    def start(self, lines: int, places: int = 0) -> State:
        self.t, self.seen = 0, []
        return super().start(lines, places)

    def step(self, state: State) -> np.ndarray:
        self.seen.append(state.seen[0, self.at_x].copy())
        y = np.zeros((1, 7), np.float32)
        y[0, OutputLayout(1).mean_x], y[0, 4:6] = 1.0, -20.0
        y[0, 0] = -50.0 if self.t in self.lifts else 50.0
        state.phi[:] = 0.0
        state.phi[0, self.place(self.t)] = 1.0
        self.t += 1
        return y


def scripted(lifts: set[int], past: int, text: str = "ab") -> Writer:
    """The window is on all characters in turn, then, from step `past` on, at the end."""
    return follows(lifts, lambda t: len(text) if t >= past else min(t, len(text) - 1))


def follows(lifts: set[int], place: Callable[[int], int]) -> Writer:
    config = pretrained.ModelConfig(
        network=NetworkConfig(layers=(1,), mixtures=1, window=1),
        statistics=STATISTICS,
        vocabulary=VOCABULARY,
        recipe=Recipe(),
    )
    return Writer(config, Scripted(lifts, place))


def one(writer: Writer, text: str, retries: int = 0) -> Written:
    (written,) = writer.write_all([Request(text=text, seed=(0,), retries=retries)])
    return written


def test_a_line_ends_where_the_pen_had_been_lifted_when_the_window_left_the_text() -> None:
    written = one(scripted(lifts={2, 5}, past=6), "ab")
    assert written.ended
    assert written.reason == "ended"
    assert [len(s) for s in written.ink.strokes()] == [4, 3]  # the given first point and steps 0 to 5
    # The given first point was seen at step 0, the point of step t at step t + 1.
    assert written.position.tolist() == [0, 1, 1, 1, 1, 1, 2]


def test_a_last_stroke_is_finished() -> None:
    written = one(scripted(lifts={2, 7}, past=5), "ab")
    assert written.ended
    assert [len(s) for s in written.ink.strokes()] == [4, 5]


def test_a_stroke_that_follows_the_text_is_left_out() -> None:
    written = one(scripted(lifts={2, 8}, past=4), "ab")
    assert written.ended
    assert [len(s) for s in written.ink.strokes()] == [4]
    assert len(written.position) == 4


def test_what_follows_the_text_is_a_long_last_stroke_after_its_last_character() -> None:
    lifts, written = np.array([0, 0, 1, 0, 0, 0, 0, 1], bool), np.ones(8, bool)
    assert [kept(lifts, written, left, 4.0) for left in (-1, 8, 6, 5, 4, 3)] == [8, 8, 8, 8, 3, 3]
    assert kept(lifts, written, 4, 5.0) == 8  # too short to be told from a crossbar
    assert kept(lifts, ~written, 4, 4.0) == 8  # it is the last character itself
    assert kept(lifts[3:], written[3:], 1, 4.0) == 5  # a line's only stroke stays


def test_a_pen_that_is_never_lifted_runs_away() -> None:
    written = one(scripted(lifts=set(), past=5), "ab")
    assert (written.ended, written.reason) == (False, "ran away")
    assert len(written.ink) == 1 + 5 + 12  # AFTER characters of four points each


def test_a_window_that_stands_still_stalls() -> None:
    written = one(follows({3}, lambda t: 0), "ab ab ab ab ab ab")
    assert (written.ended, written.reason) == (False, "stalled")
    assert len(written.ink) == 1 + 1 + 8 * 4  # STALL characters of four points each, and one


def test_a_line_has_a_budget_of_points() -> None:
    """The window moves on, but four times as slowly as it should."""
    written = one(follows({3}, lambda t: t // 16), "ab ab ab ab ab")
    assert (written.ended, written.reason) == (False, "ran away")
    assert len(written.ink) == 1 + 3 * 4 * (14 + 2)


def test_characters_that_were_passed_over_are_skipped() -> None:
    """The b is never looked at; a space need not be."""
    written = one(follows({9}, lambda t: 0 if t < 5 else 2 if t < 8 else 3), "abc")
    assert (written.ended, written.reason) == (False, "skipped")
    assert one(follows({9}, lambda t: 0 if t < 5 else 2 if t < 8 else 3), "a c").ended


def test_what_does_not_end_is_tried_again_and_the_best_try_is_kept() -> None:
    """Each try has a seed of its own; the third of these comes furthest."""
    turns: list[int] = []

    def place(t: int) -> int:
        if t == 0:
            turns.append(0)
        return 0 if t < 6 else {2: 3}.get(len(turns), 2)

    class Again(Scripted):
        def step(self, state: State) -> np.ndarray:
            if not state.cells[0].any():  # a line's first step
                self.t = 0
            state.cells[0][:] = 1.0
            return super().step(state)

    writer = follows(set(), place)
    assert isinstance(writer.network, Scripted)
    writer.network.__class__ = Again
    written = one(writer, "ab ab ab ab ab ab ab ab", retries=3)
    assert len(turns) == 4
    assert (written.ended, written.tries, written.seed) == (False, 2, (0, 1))
    assert written.position[-1] == 3


def test_offsets_are_restored_from_normalised_ones() -> None:
    written = one(scripted(lifts={1}, past=2, text="a"), "a")
    # Each drawn offset is (1, 0) in normalised units: 1 * 2.0 + 0.5 and 0 * 3.0 - 0.25.
    np.testing.assert_allclose(written.ink.points, [[0, 0], [2.5, -0.25], [5.0, -0.5]], atol=1e-6)


def test_the_network_first_sees_the_offset_that_training_lines_begin_with() -> None:
    writer = scripted(lifts={1}, past=2, text="a")
    one(writer, "a")
    assert isinstance(writer.network, Scripted)
    expected = STATISTICS.normalise(np.zeros((1, 3)))[0]
    np.testing.assert_allclose(writer.network.seen[0], expected, atol=1e-6)


def test_a_primer_is_clamped_before_anything_is_drawn(writer: Writer) -> None:
    """The network steps through the primer's points, by hand; what it then thinks is the line's first row."""
    primer = Primer(np.array([[0.0, 0, 0], [1, 2, 0], [3, 4, 0], [5, 6, 1]]), "ab")
    sampled = writer.sample("c", (0,), primer=primer)
    state = writer.network.start(1, 5)
    state.begin(0, VOCABULARY.encode("ab c"))
    for point in STATISTICS.normalise(primer.offsets):
        state.feed(point[None])
        y = writer.network.step(state)
    np.testing.assert_allclose(sampled.mixture[0], density(y, 3, 0.5).parameters()[0], atol=1e-3)
    np.testing.assert_allclose(sampled.window[0], state.phi[0], atol=1e-3)
    assert sampled.window.shape[1] == len("ab c") + 1
    assert len(sampled.ink) == len(sampled.end)  # every point was drawn
    assert sampled.ink.origin == (0.0, 0.0)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer.open(tiny(tmp_path))


def same(a: Sampled, b: Sampled) -> bool:
    return a.ink.points.tobytes() == b.ink.points.tobytes() and a.mixture.tobytes() == b.mixture.tobytes()


def bytes_of(written: Written) -> tuple[object, ...]:
    return (
        written.ink.points.tobytes(), written.ink.lengths.tobytes(), written.position.tobytes(),
        written.reason, written.seed, written.tries,
    )  # fmt: skip


def test_a_line_is_the_same_bytes_alone_and_among_others(tmp_path: Path) -> None:
    """In batches of several sizes, in any row, with lines that end before it and longer ones beside it."""
    config = NetworkConfig(layers=(50, 40, 30), mixtures=5, window=4)
    folder = tiny(tmp_path, config=config)
    writer, random = Writer.open(folder), np.random.default_rng(0)
    requests = [
        Request(
            text="".join(random.choice(list(" abc"), random.integers(1, 7))),
            seed=(7, n),
            bias=n % 3,
            retries=1,
        )
        for n in range(70)
    ]
    alone = [bytes_of(*writer.write_all([request])) for request in requests]
    assert len({line[3] for line in alone}) > 1  # some are tried again
    for size in (2, 3, 16, 64, 70):
        order = random.permutation(70)[:size]
        together = writer.write_all([requests[n] for n in order])
        assert [bytes_of(line) for line in together] == [alone[n] for n in order]


def test_two_ways_to_write_a_line_write_the_same(writer: Writer) -> None:
    texts, seeds = ["ab", "cab abc", "a"], [(7, n) for n in range(3)]
    for text, seed, line in zip(texts, seeds, write_together(writer, texts, seeds, 0.5), strict=True):
        sampled = writer.sample(text, seed, bias=0.5)
        assert sampled.ink.points.tobytes() == line.ink.points.tobytes()
        assert sampled.ended == line.ended
    tried = writer.write("cab abc", (5,), bias=0.5)
    (line,) = writer.write_all([Request(text="cab abc", seed=(5,), bias=0.5)])
    assert tried.ink.points.tobytes() == line.ink.points.tobytes()


def test_no_more_lines_than_a_batch_has_are_held(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, start = [], writer.network.start

    def counted(lines: int, places: int = 0) -> State:
        sizes.append(lines)
        return start(lines, places)

    monkeypatch.setattr(writer.network, "start", counted)
    seen: list[tuple[int, int]] = []
    requests = [Request(text="ab", seed=(n,)) for n in range(batch.LINES + 9)]
    writer.write_all(requests, lambda done, total, note: seen.append((done, total)))
    assert sizes == [batch.LINES]
    assert seen == [(n, len(requests)) for n in range(len(requests) + 1)]
    assert writer.write_all([]) == []


def test_a_seed_gives_the_same_bytes_and_another_seed_others(writer: Writer) -> None:
    first = writer.sample("abc", (1, 0))
    writer.sample("cab", (9, 9))  # what was written before makes no difference
    assert same(first, writer.sample("abc", (1, 0)))
    assert not same(first, writer.sample("abc", (1, 1)))


def test_every_step_says_what_it_was_drawn_from(writer: Writer) -> None:
    sampled = writer.sample("abc", (1,))
    n = len(sampled.ink) - 1
    assert sampled.mixture.shape == (n, 6, 3)
    assert sampled.end.shape == (n,)
    assert sampled.window.shape == (n, 4)
    np.testing.assert_allclose(sampled.mixture[:, 0].sum(1), 1, rtol=1e-5)
    assert ((sampled.end >= 0) & (sampled.end <= 1)).all()
    # Neat to the utmost, each point is at the mean of the heaviest component.
    neat = writer.sample("abc", (1,), bias=20)
    heaviest = neat.mixture[np.arange(len(neat.end)), :, neat.mixture[:, 0].argmax(1)]
    moved = STATISTICS.normalise(np.column_stack([np.diff(neat.ink.points, axis=0), neat.end]))
    np.testing.assert_allclose(moved[:, :2], heaviest[:, 1:3], atol=1e-4)


def test_a_prediction_network_writes_as_many_points_as_asked(tmp_path: Path) -> None:
    writer = Writer.open(tiny(tmp_path, "prediction"))
    sampled = writer.sample("", (0,), points=50)
    assert len(sampled.ink) == 51
    assert sampled.ended
    with pytest.raises(InputError, match="writes no text"):
        writer.sample("abc", (0,))


def test_what_cannot_be_written_is_named(writer: Writer) -> None:
    with pytest.raises(VocabularyError, match=r"'é' \(U\+00E9 .*character 2"):
        writer.sample("aé", (0,))
    with pytest.raises(InputError, match="no text"):
        writer.sample("", (0,))
    for bias in (float("nan"), -1.0, float("inf")):
        with pytest.raises(InputError, match="bias"):
            writer.sample("a", (0,), bias=bias)


def test_a_vocabulary_of_another_size_is_refused(tmp_path: Path) -> None:
    folder = tiny(tmp_path)
    config = folder / "config.json"
    config.write_text(config.read_text().replace('" abc"', '" abcd"'))
    with pytest.raises(InputError, match="vocabulary"):
        load(folder)
