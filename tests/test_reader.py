"""The reader: its network in numpy against torch's and torch's against torch.nn.LSTM, places, judgements."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import numpy as np
import pytest
import torch
from handmade import zigzags
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hwkit import pretrained
from hwkit.batching import Augmentation, Line, collate_seen, shaken
from hwkit.errors import ArtifactError, InputError, VocabularyError
from hwkit.ink import Ink
from hwkit.model.config import NetworkConfig
from hwkit.model.reader import ReaderNetwork as Trained
from hwkit.model.reader import ctc, unfolded
from hwkit.preprocess import Recipe
from hwkit.reader.features import features, prepared
from hwkit.reader.network import TOGETHER, ReaderNetwork, shapes
from hwkit.reader.reader import Judgement, Reader, Reading, places
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

CHARACTERS = " abcdeHT"
CLASSES = 1 + len(CHARACTERS)
NOTHING = Ink(np.zeros((0, 2)), np.zeros(0, np.int64))
PLAIN = Statistics(mean=(0.0, 0.0), deviation=(1.0, 1.0), points_per_character=1.0, unit=1.0)


def config_of(**options):
    return NetworkConfig(**{"kind": "reader", "layers": (12, 10)} | options)


def trained(config, classes=CLASSES, seed=0, dtype=torch.float32):
    """A network with weights of its own at every place."""
    torch.manual_seed(seed)
    network = Trained(config, classes).to(dtype).eval()
    with torch.no_grad():
        for name, weight in network.named_parameters():
            if "bias" in name or "peephole" in name:
                weight.add_(0.3 * torch.randn_like(weight))
    return network


def weights_of(network):
    return {name: weight.detach().numpy() for name, weight in network.named_parameters()}


def lines_of(*lengths, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, 6)).astype(np.float32) for n in lengths]


def padded(lines, behind=0.0):
    x = torch.full((max(map(len, lines)), len(lines), 6), behind)
    for b, line in enumerate(lines):
        x[: len(line), b] = torch.from_numpy(line)
    return x, torch.tensor([len(line) for line in lines])


def folder_of(folder, config=None, **options):
    """A reader that learned nothing, in a folder."""
    folder.mkdir()
    network = config or config_of()
    model = pretrained.ModelConfig(
        network=network,
        statistics=PLAIN,
        vocabulary=Vocabulary(characters=CHARACTERS),
        recipe=Recipe(),
        **options,
    )
    pretrained.write(folder, model, weights_of(trained(network)), "# A reader\n")
    return folder


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    return Reader.open(folder_of(tmp_path_factory.mktemp("model") / "reader"))


# The network in torch


LENGTHS = (41, 1, 17, 40, 39, 38, 2, 5)


@torch.no_grad()
def test_a_line_is_the_same_alone_and_among_others():
    network, lines = trained(config_of()), lines_of(*LENGTHS)
    together, frames = network(*padded(lines))
    assert frames.tolist() == [-(-n // 4) for n in LENGTHS]
    for b, line in enumerate(lines):
        alone, _ = network(*padded([line]))
        assert together[: frames[b], b].numpy() == pytest.approx(alone[:, 0].numpy(), abs=1e-5)


@torch.no_grad()
def test_what_stands_behind_a_line_does_not_matter():
    network, lines = trained(config_of()), lines_of(*LENGTHS)
    quiet, frames = network(*padded(lines))
    loud, _ = network(*padded(lines, behind=7.0))
    for b, n in enumerate(frames.tolist()):
        assert torch.equal(quiet[:n, b], loud[:n, b])


@torch.no_grad()
def test_a_convolution_is_torchs():
    layer = nn.Conv1d(3, 4, 5, stride=2, padding=2)
    h = torch.randn(21, 2, 3)
    weight = layer.weight.permute(0, 2, 1).reshape(4, 15)
    mine = unfolded(h, 2) @ weight.T + layer.bias
    assert mine.numpy() == pytest.approx(layer(h.permute(1, 2, 0)).permute(2, 0, 1).numpy(), abs=1e-6)


@torch.no_grad()
def test_layers_that_run_both_ways_are_torchs():
    """The frames of one line through torch.nn.LSTM with the same weights; its gates are i, f, g, o."""
    config = config_of(layers=(9, 7))
    network, (line,) = trained(config), lines_of(50)
    seen = []
    network.onward[0].register_forward_pre_hook(lambda module, given: seen.append(given[0]))
    found, _ = network(*padded([line]))
    h = seen[0]
    for there, back in zip(network.onward, network.homeward, strict=True):
        theirs = nn.LSTM(h.shape[2], there.cells, bidirectional=True)
        for layer, end in ((there, ""), (back, "_reverse")):
            order = [0, 1, 3, 2]
            for name, weight in (
                ("weight_ih", layer.input),
                ("weight_hh", layer.recurrent),
                ("bias_ih", layer.bias),
            ):
                parts = weight.view(4, layer.cells, *weight.shape[1:])[order].flatten(0, 1)
                getattr(theirs, f"{name}_l0{end}").copy_(parts)
            getattr(theirs, f"bias_hh_l0{end}").zero_()
        h, _ = theirs(h)
    expected = torch.log_softmax(h @ network.output.weight.T + network.output.bias, -1)
    assert found.numpy() == pytest.approx(expected.numpy(), abs=1e-5)


def test_the_gradient_is_that_of_differences():
    """Of each weight along its own gradient, where the loss rises fastest; sums are made in float32."""
    network = trained(config_of(layers=(5, 4)), classes=4)
    x, lengths = padded(lines_of(29, 17))
    texts, characters = torch.tensor([1, 2, 2]), torch.tensor([2, 1])

    def nats():
        return ctc(*network(x, lengths), texts, characters)

    nats().backward()
    for name, weight in network.named_parameters():
        size = float(weight.grad.norm())
        step = weight.grad * (1e-2 / size)
        with torch.no_grad():
            weight += step
            above = float(nats())
            weight -= 2 * step
            below = float(nats())
            weight += step
        assert (above - below) / 2e-2 == pytest.approx(size, rel=2e-2, abs=2e-4), name


# The network in numpy


@pytest.mark.parametrize("peepholes", [False, True])
def test_numpy_reads_as_torch_does(peepholes):
    network = trained(config_of(layers=(32, 20, 24), peepholes=peepholes))
    mine = ReaderNetwork(network.config, network.classes, weights_of(network))
    lines = lines_of(*LENGTHS)
    with torch.no_grad():
        theirs, frames = network(*padded(lines))
    for b, found in enumerate(mine.read(lines)):
        assert found.shape == (int(frames[b]), network.classes)
        assert found == pytest.approx(theirs[: frames[b], b].numpy(), abs=1e-4)
        assert np.exp(found).sum(1) == pytest.approx(1.0)


@settings(max_examples=25)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=2 * TOGETHER + 3), st.integers(0, 99))
def test_a_line_is_read_to_the_same_bytes_in_any_company(lengths, seed):
    network, lines = trained(config_of()), lines_of(*lengths, seed=seed)
    mine = ReaderNetwork(network.config, network.classes, weights_of(network))
    for line, found in zip(lines, mine.read(lines), strict=True):
        assert found.tobytes() == mine.read([line])[0].tobytes()


def test_weights_are_those_of_the_config():
    network = trained(config := config_of(peepholes=True))
    weights = weights_of(network)
    assert shapes(config, network.classes) == {name: w.shape for name, w in weights.items()}
    with pytest.raises(ArtifactError, match=r"homeward\.1\.bias has shape None"):
        ReaderNetwork(config, network.classes, {n: w for n, w in weights.items() if n != "homeward.1.bias"})
    with pytest.raises(
        ArtifactError, match=r"homeward\.0\.peephole has shape \(3, 12\), the config wants None"
    ):
        ReaderNetwork(config_of(), network.classes, weights)
    with pytest.raises(ArtifactError, match=r"output\.bias has shape \(9,\), the config wants \(5,\)"):
        ReaderNetwork(config, 5, weights)


# Reading


def test_a_model_that_writes_is_refused(tmp_path):
    with pytest.raises(InputError, match="the synthesis model writes, it does not read"):
        Reader.open(pretrained.find(pretrained.DEFAULT))
    folder = folder_of(tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(ArtifactError, match="cannot be read as weights"):
        Reader.open(folder)
    config = msgspec.structs.replace(pretrained.read_config(folder), vocabulary=Vocabulary(characters="ab"))
    pretrained.write(folder, config, weights_of(trained(config.network)), "")
    with pytest.raises(ArtifactError, match=r"broken: weight output\.bias has shape \(9,\)"):
        Reader.open(folder)


def test_many_are_read_as_one_is(reader):
    inks = [zigzags(text)[0] for text in ("abc", "HaTe bad dad", "a", "cab", "bb cc dd ee")] * 3
    assert reader.read_all(inks) == [reader.read(ink) for ink in inks]
    assert reader.read_all([]) == []


def test_no_ink_says_nothing(reader):
    assert reader.read(NOTHING) == Reading("", 1.0, ())
    first, second = reader.read_all([NOTHING, zigzags("abc")[0]])
    assert (first, second) == (Reading("", 1.0, ()), reader.read(zigzags("abc")[0]))
    assert [j.nats for j in reader.judge([NOTHING, NOTHING], ["", "a"])] == [0.0, np.inf]


def test_progress_comes_to_its_end(reader):
    told = []
    reader.read_all([zigzags("ab")[0]] * 3, lambda done, total, note: told.append((done, total)))
    assert told == [(0, 3), (3, 3)]


@settings(max_examples=25)
@given(st.text(st.sampled_from("abcdeHT "), min_size=1, max_size=9).filter(str.strip))
def test_a_judgement_is_the_likelihood_of_the_text(reader, text):
    ink = zigzags(text)[0]
    (found,) = reader.judge([ink], [text])
    assert found.reading == reader.read(ink)
    frames = reader.network.read([features(prepared(ink))])[0]
    classes = [1 + CHARACTERS.index(c) for c in text]
    expected = nn.functional.ctc_loss(
        torch.from_numpy(frames)[:, None], torch.tensor([classes]), [len(frames)], [len(classes)],
        reduction="none",
    )  # fmt: skip
    assert found.nats == pytest.approx(float(expected[0]), rel=1e-6)
    (own,) = reader.judge([ink], [found.reading.text])
    assert np.exp(-own.nats) == pytest.approx(found.reading.confidence)
    assert isinstance(own, Judgement)


def test_what_is_never_read_is_refused(reader):
    with pytest.raises(VocabularyError, match="never learned 'x'"):
        reader.judge([zigzags("abc")[0]], ["axc"])


@settings(max_examples=25)
@given(st.text(st.sampled_from("abcdeHT "), min_size=1, max_size=9).filter(str.strip), st.floats(1e-2, 1e3))
def test_characters_share_the_points_among_them(reader, text, scale):
    ink = zigzags(text)[0]
    ink = Ink(ink.points * scale, ink.lengths)
    reading = reader.read(ink)
    assert "".join(c.text for c in reading.characters) == reading.text
    assert all(0 <= c.confidence <= 1 for c in (*reading.characters, reading))
    drawn = [c.points for c in reading.characters if c.text != " "]
    if drawn:
        assert (drawn[0][0], drawn[-1][1]) == (0, len(ink))
        assert all(one[1] == other[0] for one, other in pairwise(drawn))
    assert all(c.points[0] == c.points[1] for c in reading.characters if c.text == " ")


def test_places_are_where_the_pen_was_lifted():
    """Each letter of the zigzags is a stroke; the network is to have seen each in its stroke's middle."""
    text = "ab cd"
    ink = zigzags(text)[0]
    shown = prepared(ink)
    ends = np.cumsum(shown.lengths)
    middles = (ends - shown.lengths + ends - 1) / 2
    centres = np.insert(middles, 2, ends[1] - 0.5)
    expected = [(0, 5), (5, 10), (10, 10), (10, 15), (15, 20)]  # five points a letter
    assert places(ink, shown, list(text), centres) == expected
    dense = Ink.from_strokes([np.repeat(stroke, 3, axis=0) for stroke in ink.strokes()])
    assert places(dense, shown, list(text), centres) == [(3 * a, 3 * b) for a, b in expected]


def test_one_stroke_is_parted_half_way():
    ink = Ink(np.column_stack([np.linspace(0, 100, 101), np.tile([0.0, 5.0], 51)[:101]]), np.array([101]))
    shown = prepared(ink)
    first, second = places(ink, shown, ["a", "b"], np.array([0.2, 0.6]) * len(shown))
    assert (first[0], second[1]) == (0, 101)
    assert first[1] == second[0] == pytest.approx(40, abs=2)


# What it is trained on


def test_augmentation_draws_nothing_new_where_nothing_new_is_wanted():
    offsets = zigzags("abc")[0].offsets()
    before = Augmentation(width=0.2, size=0.1, slant=0.3)
    after = Augmentation(width=0.2, size=0.1, slant=0.3, slope=0.1, tremor=0.1, dropped=0.3)
    one, other = np.random.default_rng(5), np.random.default_rng(5)
    before.apply(offsets, one)
    other.uniform(-1, 1, 3)
    assert one.random() == other.random()
    changed = after.apply(offsets, np.random.default_rng(5))
    assert (changed == after.apply(offsets, np.random.default_rng(5))).all()


@given(st.floats(-0.5, 0.5), st.integers(0, 99))
def test_a_slope_turns_the_ink(slope, seed):
    offsets = zigzags("abHT")[0].offsets()
    turned = shaken(offsets, slope, 0.0, 0.0, np.random.default_rng(seed))
    flat, sloped = (np.cumsum(o[:, :2], axis=0) for o in (offsets, turned))
    as_complex = (flat[:, 0] + 1j * flat[:, 1]) * np.exp(-1j * slope)
    assert sloped[:, 0] + 1j * sloped[:, 1] == pytest.approx(as_complex)
    assert (turned[:, 2] == offsets[:, 2]).all()


@given(st.floats(0, 1), st.integers(0, 99))
def test_points_are_left_out_within_strokes_alone(dropped, seed):
    ink = zigzags("abHTcde")[0]
    left = Ink.from_offsets(shaken(ink.offsets(), 0.0, 0.0, dropped, np.random.default_rng(seed)))
    assert len(left.lengths) == len(ink.lengths)
    for own, whole in zip(left.strokes(), ink.strokes(), strict=True):
        assert own[[0, -1]] == pytest.approx(whole[[0, -1]] - ink.points[0])
    assert dropped < 1 or (left.lengths == 2).all()
    assert dropped > 0 or len(left) == len(ink)


def test_tremor_moves_points_about_their_place():
    rng = np.random.default_rng(0)
    still = np.column_stack([np.ones(4000), np.zeros(4000), np.zeros(4000)])
    points = np.cumsum(shaken(still, 0.0, 0.25, 0.0, rng)[:, :2], axis=0)
    away = points - np.cumsum(still[:, :2], axis=0)
    assert away[1:].std(0) == pytest.approx([0.25, 0.25], rel=0.05)
    assert abs(np.corrcoef(away[1:-1, 0], away[2:, 0])[0, 1]) < 0.1  # about their place: no drift


def test_a_batch_holds_what_a_reader_sees_and_the_texts():
    vocabulary = Vocabulary(characters=CHARACTERS)
    inks = [zigzags(text)[0] for text in ("ab", "Te cab")]
    lines = [
        Line("x", ink.offsets(), vocabulary.encode(text), 1.0)
        for ink, text in zip(inks, ("ab", "Te cab"), strict=True)
    ]
    batch = collate_seen(lines, vocabulary.size)
    for b, (ink, line) in enumerate(zip(inks, lines, strict=True)):
        seen = features(prepared(ink))
        n = len(seen)
        assert batch.x[:n, b].numpy() == pytest.approx(seen, abs=1e-5)
        assert not batch.x[n:, b].any()
        assert batch.mask[:, b].tolist() == [t < n for t in range(len(batch.mask))]
        written = batch.characters[b].sum(-1) > 0
        assert batch.characters[b].argmax(-1)[written].tolist() == line.classes[:-1].tolist()
    assert batch.target.numel() == 0
