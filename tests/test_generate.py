"""The numpy network against torch's, the sampler against the distributions that it samples from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats

from hwkit import pretrained
from hwkit.errors import ArtifactError, InputError, VocabularyError
from hwkit.generate.network import Density, NumpyNetwork, State, density, load
from hwkit.generate.sampler import Primer, Sampled, Writer, at_end, draw
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


def tiny(tmp_path: Path, kind: str = "synthesis") -> Path:
    """The folder of an untrained model."""
    config = NetworkConfig(kind=kind, layers=(8, 8), mixtures=3, window=2)
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


@pytest.mark.parametrize("kind", ["prediction", "synthesis"])
@pytest.mark.parametrize("peepholes", [False, True])
def test_a_step_in_numpy_is_a_step_in_torch(kind: str, peepholes: bool) -> None:
    config = NetworkConfig(kind=kind, layers=(11, 7, 9), mixtures=4, window=3, peepholes=peepholes)
    slow, fast = networks(config)
    random = np.random.default_rng(0)
    x = random.standard_normal((12, 2, 3)).astype(np.float32)
    characters = np.eye(VOCABULARY.size, dtype=np.float32)[random.integers(0, VOCABULARY.size, (2, 5))]
    state, torch_state = fast.start(2), slow.start(2)
    for step in x:
        y, state = fast.step(step, state, characters if kind == "synthesis" else None)
        with torch.no_grad():
            seen = torch.from_numpy(step)[None]
            if isinstance(slow, SynthesisNetwork):
                expected, phi, torch_state = slow(seen, torch.from_numpy(characters), torch_state)
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


def known(weight: list[float]) -> Density:
    one = [np.array([row], np.float32) for row in ([-3.0, 4.0], [1.0, -2.0], [0.5, 1.5], [2.0, 0.25])]
    return Density(
        np.array([weight], np.float32), *one, np.array([[0.8, -0.6]], np.float32), np.array([0.3], np.float32)
    )


def test_drawn_offsets_have_the_moments_of_their_component() -> None:
    random = np.random.default_rng(5)
    for m, weight in enumerate(([1.0, 0.0], [0.0, 1.0])):
        now = known(weight)
        drawn = np.array([draw(now, random) for _ in range(4000)])
        x, y, rho = drawn[:, 0], drawn[:, 1], now.correlation[0, m]
        assert stats.kstest((x - now.mean_x[0, m]) / now.scale_x[0, m], "norm").pvalue > 1e-3
        assert stats.kstest((y - now.mean_y[0, m]) / now.scale_y[0, m], "norm").pvalue > 1e-3
        assert np.corrcoef(x, y)[0, 1] == pytest.approx(rho, abs=0.03)
        assert stats.binomtest(int(drawn[:, 2].sum()), 4000, 0.3).pvalue > 1e-3


def test_components_are_drawn_by_their_weights() -> None:
    random, now = np.random.default_rng(6), known([0.25, 0.75])
    first = sum(draw(now, random)[0] < 0.5 for _ in range(4000))
    lower = 0.25 * stats.norm.cdf((0.5 + 3) / 0.5) + 0.75 * stats.norm.cdf((0.5 - 4) / 1.5)
    assert stats.binomtest(first, 4000, lower).pvalue > 1e-3


def test_the_window_is_at_the_end_when_it_looks_past_the_last_character() -> None:
    assert at_end(np.array([0.1, 0.2, 0.3], np.float32))
    assert not at_end(np.array([0.1, 0.3, 0.3], np.float32))
    assert not at_end(np.array([0.5, 0.2, 0.3], np.float32))


class Scripted(NumpyNetwork):
    """A network whose strokes and window follow a script: pen lifts at given steps, the end at one."""

    def __init__(self, lifts: set[int], past: int) -> None:
        self.config = NetworkConfig(layers=(1,), mixtures=1, window=1)
        self.synthesis, self.lifts, self.past, self.t = True, lifts, past, 0
        self.seen: list[np.ndarray] = []

    def start(self, batch: int) -> State:
        self.t, self.seen = 0, []
        empty = np.zeros((1, 1), np.float32)
        return State([empty], [empty], empty, empty)

    def step(
        self, x: np.ndarray, state: State, characters: np.ndarray | None = None
    ) -> tuple[np.ndarray, State]:
        assert characters is not None
        self.seen.append(x[0])
        y = np.zeros((1, 7), np.float32)
        y[0, OutputLayout(1).mean_x], y[0, 4:6] = 1.0, -20.0
        y[0, 0] = -50.0 if self.t in self.lifts else 50.0
        phi = np.zeros((1, characters.shape[1]), np.float32)
        phi[0, -1 if self.t >= self.past else 0] = 1.0
        self.t += 1
        return y, State(state.hidden, state.cell, state.window, state.kappa, phi)


def scripted(lifts: set[int], past: int) -> Writer:
    config = pretrained.ModelConfig(
        network=NetworkConfig(layers=(1,), mixtures=1, window=1),
        statistics=STATISTICS,
        vocabulary=VOCABULARY,
        recipe=Recipe(),
    )
    return Writer(config, Scripted(lifts, past))


def test_a_line_ends_where_the_pen_had_been_lifted_when_the_window_left_the_text() -> None:
    sampled = scripted(lifts={2, 5}, past=6).sample("ab", (0,))
    assert sampled.ended
    assert [len(s) for s in sampled.ink.strokes()] == [4, 3]  # the given first point and steps 0 to 5


def test_a_last_stroke_is_finished() -> None:
    sampled = scripted(lifts={2, 7}, past=5).sample("ab", (0,))
    assert sampled.ended
    assert [len(s) for s in sampled.ink.strokes()] == [4, 5]


def test_a_pen_that_is_never_lifted_is_stopped_after_a_while() -> None:
    sampled = scripted(lifts=set(), past=5).sample("ab", (0,))
    assert sampled.ended
    assert len(sampled.ink) == 1 + 5 + 12  # AFTER characters of four points each


def test_a_window_that_stalls_ends_the_line_unended() -> None:
    sampled = scripted(lifts={3}, past=10**9).write("ab", (0,))
    assert not sampled.ended
    assert len(sampled.ink) == 1 + 3 * 4 * (2 + 2)


def test_offsets_are_restored_from_normalised_ones() -> None:
    sampled = scripted(lifts={1}, past=2).sample("a", (0,))
    # Each drawn offset is (1, 0) in normalised units: 1 * 2.0 + 0.5 and 0 * 3.0 - 0.25.
    np.testing.assert_allclose(sampled.ink.points, [[0, 0], [2.5, -0.25], [5.0, -0.5]], atol=1e-6)


def test_the_network_first_sees_the_offset_that_training_lines_begin_with() -> None:
    writer = scripted(lifts={1}, past=2)
    writer.sample("a", (0,))
    assert isinstance(writer.network, Scripted)
    expected = STATISTICS.normalise(np.zeros((1, 3)))[0]
    np.testing.assert_allclose(writer.network.seen[0], expected, atol=1e-6)


def test_a_primer_is_clamped_before_anything_is_drawn() -> None:
    writer = scripted(lifts={7}, past=8)
    primer = Primer(np.array([[0.0, 0, 0], [1, 2, 0], [3, 4, 0], [5, 6, 1]]), "ab")
    sampled = writer.sample("c", (0,), primer=primer)
    assert isinstance(writer.network, Scripted)
    np.testing.assert_allclose(writer.network.seen[:4], STATISTICS.normalise(primer.offsets), atol=1e-6)
    assert sampled.window.shape[1] == len("ab c") + 1
    assert len(sampled.ink) == len(sampled.end)  # every point was drawn
    assert sampled.ink.origin == (0.0, 0.0)


@pytest.fixture
def writer(tmp_path: Path) -> Writer:
    return Writer.open(tiny(tmp_path))


def same(a: Sampled, b: Sampled) -> bool:
    return a.ink.points.tobytes() == b.ink.points.tobytes() and a.mixture.tobytes() == b.mixture.tobytes()


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
