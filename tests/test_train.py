"""Training: going on where it stopped, bit for bit; what a line's gradient is; a known mixture recovered."""

from __future__ import annotations

import ctypes
import math
import shutil
from itertools import islice

import msgspec
import numpy as np
import pytest
import torch
from tiny import CLASSES, EVERYTHING, HELD_OUT, LINES, SCALED, config_of, logged, run, same
from torch.distributions import Bernoulli, Categorical, MixtureSameFamily, MultivariateNormal

from hwkit import train as training
from hwkit.batching import Augmentation, Line, collate, evenly
from hwkit.errors import ArtifactError, InputError, Stopped
from hwkit.model.mixture import mixture
from hwkit.model.network import build
from hwkit.optimiser import rate_at
from hwkit.statistics import Statistics
from hwkit.train import LOG, STATE, TrainConfig, drawn, forget, learn, loss, memory, restore, train, validate
from hwkit.train.checkpoint import exists
from hwkit.train.run import Spoilt


@pytest.fixture(autouse=True)
def denormal():
    """Training has the processor flush denormal numbers; other tests want them."""
    yield
    torch.set_flush_denormal(False)


# Going on


@pytest.mark.parametrize("kind", ["synthesis", "prediction"])
@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "rmsprop", "rate": 1e-3},
        {"kind": "adamw", "rate": 1e-2, "warmup": 3, "cosine": True, "weight_decay": 0.01, "clip_norm": 5.0},
    ],
)
def test_a_run_that_was_stopped_ends_as_one_that_was_not(tmp_path, kind, rule):
    config = config_of(kind=kind, optimiser=rule, **EVERYTHING)
    weights, figures = run(tmp_path / "whole", config)
    for stops in ([1], [3], [4], [2, 3, 1]):  # within an epoch, at its end, after it, again and again
        folder = tmp_path / "-".join(map(str, stops))
        for after in stops:
            with pytest.raises(Stopped):
                run(folder, config, stop_after=after)
            torch.manual_seed(99)  # whatever else the process has drawn
            torch.rand(7)
        again, same_figures = run(folder, config)
        assert same(again, weights)
        assert same_figures == figures
        assert logged(folder) == logged(tmp_path / "whole")


def test_a_run_that_was_killed_goes_on_from_its_last_saving(tmp_path):
    config = config_of(**EVERYTHING | {"save_every": 2})
    weights, _ = run(tmp_path / "whole", config)

    def killed(done, total, note):
        if done == 4:  # two updates were saved and an epoch was logged since
            raise KeyboardInterrupt

    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train(LINES, HELD_OUT, SCALED, CLASSES, config, folder, progress=killed)
    assert len(logged(folder)) == 1
    assert same(run(folder, config)[0], weights)
    assert logged(folder) == logged(tmp_path / "whole")


def test_what_was_logged_after_the_last_saving_is_logged_once(tmp_path):
    config = config_of(save_every=2)
    run(tmp_path / "whole", config)

    def killed(done, total, note):
        if done == 4:
            raise KeyboardInterrupt

    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train(LINES, HELD_OUT, SCALED, CLASSES, config, folder, progress=killed)
    run(folder, config)
    assert [entry["update"] for entry in logged(folder)] == [3, 6, 8]


def test_stopping_saves_and_says_so(tmp_path):
    config = config_of()
    with pytest.raises(Stopped, match="after update 5") as stopped:
        run(tmp_path, config, stop_after=5)
    assert stopped.value.exit_code == 130
    assert exists(tmp_path / STATE)
    assert restore(tmp_path, config, CLASSES, "cpu").update == 5
    weights, figures = run(tmp_path, config)
    again = run(tmp_path, config)  # what is finished is not made again
    assert same(again[0], weights)
    assert again[1] == figures
    forget(tmp_path, log=False)
    assert sorted(p.name for p in tmp_path.iterdir()) == [LOG]
    forget(tmp_path, log=True)
    assert not tmp_path.exists()


def test_a_run_asked_to_stop_at_its_last_update_is_done(tmp_path):
    weights, figures = run(tmp_path, config_of(updates=3), stop_after=3)
    assert figures["updates"] == 3
    assert same(weights, run(tmp_path / "b", config_of(updates=3))[0])


def test_the_same_seed_gives_the_same_weights_and_another_others(tmp_path):
    first, again, other = (
        run(tmp_path / name, config_of(seed=seed, **EVERYTHING))[0]
        for name, seed in [("a", 5), ("b", 5), ("c", 6)]
    )
    assert same(first, again)
    assert not same(first, other)


def test_a_state_of_another_training_is_not_gone_on_with(tmp_path):
    config = config_of()
    with pytest.raises(Stopped):
        run(tmp_path, config, stop_after=4)
    log = (tmp_path / LOG).read_text()
    for other, word in [
        (config_of(updates=9), "updates 8, here 9"),
        (config_of(network={"layers": (4, 4)}), "network"),
    ]:
        with pytest.raises(ArtifactError, match=word) as error:
            run(tmp_path, other)
        assert error.value.file == tmp_path / STATE
        assert "remove it" in error.value.do
    with pytest.raises(ArtifactError, match="lines 7, here 6"):
        train(LINES[:6], HELD_OUT, SCALED, CLASSES, config, tmp_path)
    assert (tmp_path / LOG).read_text() == log


@pytest.mark.parametrize("file", ["index.json", "*.shard"])
@pytest.mark.parametrize("content", ["empty", "truncated", "other", "missing"])
def test_a_damaged_state_is_named_and_nothing_is_lost(tmp_path, file, content):
    with pytest.raises(Stopped):
        run(tmp_path, config_of(), stop_after=4)
    log = (tmp_path / LOG).read_text()
    damaged = sorted((tmp_path / STATE).glob(file))[0]
    whole = damaged.read_bytes()
    if content == "missing" and file == "index.json":
        shutil.rmtree(tmp_path / STATE)
        (tmp_path / STATE).write_text("a file of an earlier version")
        damaged /= ""
    elif content == "missing":
        damaged.unlink()
    else:
        damaged.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "other": b"hello"}[content])
    with pytest.raises(ArtifactError, match="saved training cannot be gone on with") as error:
        run(tmp_path, config_of())
    assert error.value.file == damaged
    assert "remove it" in error.value.do
    assert (tmp_path / LOG).read_text() == log


# One update


def fresh(config, folder):
    return restore(folder, config, CLASSES, "cpu")


def gradient_step(tmp_path, config, lines, times=1):
    """How far each weight moves under plain gradient descent with rate 1, by name."""
    run = fresh(config, tmp_path)
    run.optimiser = torch.optim.SGD(run.network.parameters(), 1.0)
    before = {name: w.detach().clone() for name, w in run.network.named_parameters()}
    learn(run, collate(lines, SCALED, CLASSES), config, "cpu")
    return {name: w.detach() - before[name] for name, w in run.network.named_parameters()}


SLOW = {"rate": 1.0}


def test_the_gradient_is_of_nats_a_line(tmp_path):
    config = config_of(optimiser=SLOW)
    one = gradient_step(tmp_path, config, [LINES[0]])
    network = fresh(config, tmp_path).network
    total = loss(network, collate([LINES[0]], SCALED, CLASSES), "cpu")
    for (name, weight), d in zip(
        network.named_parameters(), torch.autograd.grad(total, list(network.parameters())), strict=True
    ):
        torch.testing.assert_close(one[name], -d, rtol=1e-3, atol=1e-6, msg=lambda m, name=name: f"{name}: {m}")
        assert weight.shape == d.shape
    # Two lines: the mean of each alone, whatever their lengths.
    other = gradient_step(tmp_path, config, [LINES[1]])
    both = gradient_step(tmp_path, config, [LINES[0], LINES[1]])
    for name in both:
        torch.testing.assert_close(both[name], (one[name] + other[name]) / 2, rtol=1e-3, atol=1e-5)


def test_clipping_within_the_network_is_of_one_lines_derivatives(tmp_path):
    config = config_of(optimiser=SLOW, network={"gate_clip": 0.01, "output_clip": 0.05})
    once = gradient_step(tmp_path, config, [LINES[0]])
    thrice = gradient_step(tmp_path, config, [LINES[0]] * 3)
    free = gradient_step(tmp_path, config_of(optimiser=SLOW), [LINES[0]])
    for name in once:
        torch.testing.assert_close(thrice[name], once[name], rtol=1e-3, atol=1e-6)
    assert not torch.allclose(once["output.bias"], free["output.bias"])


def test_a_gradient_longer_than_the_limit_is_shortened_to_it(tmp_path):
    def length(moves):
        return math.sqrt(sum(float((m.double() ** 2).sum()) for m in moves.values()))

    free = gradient_step(tmp_path, config_of(optimiser=SLOW), LINES[:3])
    clipped = gradient_step(tmp_path, config_of(optimiser=SLOW | {"clip_norm": 0.5}), LINES[:3])
    assert length(free) > 1
    assert length(clipped) == pytest.approx(0.5, rel=1e-3)
    torch.testing.assert_close(
        clipped["output.bias"], free["output.bias"] * 0.5 / length(free), rtol=1e-3, atol=1e-6
    )


def test_an_updates_figures_are_nats_and_points_and_the_rate_is_that_of_its_number(tmp_path):
    config = config_of(optimiser={"rate": 0.01, "warmup": 4, "cosine": True})
    run, batch = fresh(config, tmp_path), collate(LINES[:2], SCALED, CLASSES)
    expected = float(loss(run.network, batch, "cpu").detach())
    nats, points = learn(run, batch, config, "cpu")
    assert nats == pytest.approx(expected, rel=1e-5)
    assert points == 8 + 11
    rates = [run.optimiser.param_groups[0]["lr"]]
    for _ in range(4):
        learn(run, batch, config, "cpu")
        rates.append(run.optimiser.param_groups[0]["lr"])
    assert rates == [rate_at(config.optimiser, update, 8) for update in range(5)]
    assert run.update == 5
    assert run.epoch_points == 5 * 19


def test_the_average_starts_as_a_mean_and_then_forgets_at_its_decay(tmp_path):
    config = config_of(average=0.25, optimiser={"rate": 0.01})
    run, batch = fresh(config, tmp_path), collate(LINES[:2], SCALED, CLASSES)
    average = {name: w.detach().clone() for name, w in run.network.named_parameters()}
    for update in range(1, 7):
        learn(run, batch, config, "cpu")
        decay = min(0.25, update / (update + 9))
        for name, w in run.network.named_parameters():
            average[name] = decay * average[name] + (1 - decay) * w.detach()
            torch.testing.assert_close(run.average[name], average[name])
    plain = config_of(optimiser={"rate": 0.01})
    run = fresh(plain, tmp_path)
    learn(run, batch, plain, "cpu")
    assert all(torch.equal(run.average[name], w) for name, w in run.network.named_parameters())


def test_a_loss_that_is_no_number_is_an_error_and_not_an_update(tmp_path):
    config = config_of()
    run = fresh(config, tmp_path)
    with torch.no_grad():
        run.network.output.bias[3] = math.nan
    before = [w.detach().clone() for w in run.network.parameters()]
    with pytest.raises(Spoilt, match="the loss is nan at update 1") as error:
        learn(run, collate(LINES[:2], SCALED, CLASSES), config, "cpu")
    assert not isinstance(error.value, InputError)
    assert run.update == 0
    assert all(
        torch.equal(a, b) or b.isnan().any() for a, b in zip(before, run.network.parameters(), strict=True)
    )


# The loss


@pytest.mark.parametrize("kind", ["synthesis", "prediction"])
def test_the_loss_is_the_sum_over_lines_and_padding_does_not_count(tmp_path, kind):
    network = fresh(config_of(kind=kind), tmp_path).network
    together = loss(network, collate(LINES[:4], SCALED, CLASSES), "cpu")
    alone = [loss(network, collate([line], SCALED, CLASSES), "cpu") for line in LINES[:4]]
    assert together.item() == pytest.approx(sum(one.item() for one in alone), rel=1e-5)


def test_the_loss_against_torchs_distributions(tmp_path):
    network = fresh(config_of(kind="prediction"), tmp_path).network
    line = LINES[0]
    normal = torch.tensor(SCALED.normalise(line.offsets), dtype=torch.float32)
    outputs, _ = network(normal[:-1, None], network.start(1))
    total = 0.0
    for y, target in zip(outputs[:, 0].double(), normal[1:].double(), strict=True):
        e, pi, mx, my, sx, sy, r = y[0], y[1:3], y[3:5], y[5:7], y[7:9].exp(), y[9:11].exp(), y[11:13].tanh()
        covariance = torch.stack([sx * sx, r * sx * sy, r * sx * sy, sy * sy], -1).reshape(2, 2, 2)
        normals = MultivariateNormal(torch.stack([mx, my], -1), covariance)
        total -= MixtureSameFamily(Categorical(logits=pi), normals).log_prob(target[:2])
        total -= Bernoulli(torch.sigmoid(-e)).log_prob(target[2])
    got = loss(network, collate([line], SCALED, CLASSES), "cpu")
    assert got.item() == pytest.approx(total.item(), rel=1e-5)


# Validation, the log and the choice of the weights


def test_validation_is_nats_a_point_of_the_averaged_weights_without_dropout(tmp_path):
    config = config_of(network={"dropout": 0.5}, average=0.9)
    run = fresh(config, tmp_path)
    torch.manual_seed(8)
    run.average = {name: torch.randn_like(w) * 0.3 for name, w in run.average.items()}
    network = build(config.network, CLASSES).eval()
    network.load_state_dict(run.average)
    total = sum(float(loss(network, collate([line], SCALED, CLASSES), "cpu").detach()) for line in HELD_OUT)
    state = torch.get_rng_state()
    got = validate(run, HELD_OUT, SCALED, CLASSES, config, "cpu")
    assert got == pytest.approx(total / (7 + 10 + 5), rel=1e-5)
    assert torch.equal(torch.get_rng_state(), state)
    assert run.best_nats == got
    assert same(numbers(run.best), numbers(run.average))


def numbers(weights):
    return {name: w.numpy() for name, w in weights.items()}


def test_worse_weights_do_not_replace_the_best(tmp_path):
    config = config_of()
    run = fresh(config, tmp_path)
    good = validate(run, HELD_OUT, SCALED, CLASSES, config, "cpu")
    kept = {name: w.clone() for name, w in run.best.items()}
    run.average["output.bias"] += 3.0
    assert validate(run, HELD_OUT, SCALED, CLASSES, config, "cpu") > good
    assert run.best_nats == good
    assert same(numbers(run.best), numbers(kept))


def test_the_log_tells_each_epoch_and_the_last_update(tmp_path):
    _, figures = run(tmp_path, config_of(updates=8))
    entries = logged(tmp_path)
    assert [entry["update"] for entry in entries] == [3, 6, 8]
    assert [entry["epoch"] for entry in entries] == pytest.approx([1, 2, 8 / 3])
    assert figures == {
        "updates": 8,
        "validation_nats_per_point": min(entry["validation"] for entry in entries),
    }


def test_the_training_figure_is_that_of_its_own_epoch(tmp_path):
    config = config_of(updates=8, optimiser={"rate": 0.01})
    run(tmp_path / "a", config)
    (tmp_path / "b").mkdir()
    again = fresh(config, tmp_path / "b")
    learned = [learn(again, batch, config, "cpu") for batch in taken(8, config)]
    epochs = [learned[:3], learned[3:6], learned[6:]]
    expected = [sum(nats for nats, _ in epoch) / sum(points for _, points in epoch) for epoch in epochs]
    assert [entry["training"] for entry in logged(tmp_path / "a")] == pytest.approx(expected, rel=1e-6)
    assert len({round(figure, 3) for figure in expected}) == 3


def test_without_learning_validation_finds_what_training_found(tmp_path):
    config = config_of(updates=1, batch_lines=7, optimiser={"rate": 1e-12})
    train(LINES, LINES, SCALED, CLASSES, config, tmp_path)
    (entry,) = logged(tmp_path)
    assert entry["training"] == pytest.approx(entry["validation"], rel=1e-5)


def test_the_weights_are_those_that_were_best_on_the_validation_lines(tmp_path):
    config = config_of(updates=6, batch_lines=7, optimiser={"rate": 0.1})  # it bursts soon
    weights, figures = run(tmp_path, config)
    entries = logged(tmp_path)
    best = min(entries, key=lambda entry: entry["validation"])
    assert best["update"] < 6
    network = build(config.network, CLASSES).eval()
    network.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
    batch = collate(HELD_OUT, SCALED, CLASSES)
    points = int(batch.mask.sum())
    assert loss(network, batch, "cpu").item() / points == pytest.approx(best["validation"], rel=1e-4)
    assert figures["validation_nats_per_point"] == best["validation"]


def test_validation_lines_are_evenly_chosen():
    assert evenly("abcdefghi", 3) == ["a", "e", "i"]
    everything = list("abcdefghi")
    assert evenly("abcdefghi", 0) == evenly("abcdefghi", 9) == evenly("abcdefghi", 20) == everything


def taken(count, config, done=0):
    return list(islice(drawn(LINES, SCALED, CLASSES, config, 3, done), count))


def test_batches_go_on_where_they_were_and_every_epoch_holds_every_line_once():
    config = config_of(updates=9, augmentation=Augmentation(width=0.3))
    whole = taken(9, config)
    for done in (1, 3, 5):
        for one, other in zip(whole[done:], taken(9 - done, config, done), strict=True):
            assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    for epoch in range(3):
        points = sum(int(batch.mask.sum()) for batch in whole[3 * epoch : 3 * epoch + 3])
        assert points == sum(len(line.offsets) - 1 for line in LINES)


def test_a_line_is_varied_anew_in_each_epoch_and_by_another_seed_otherwise():
    seen = set()
    for seed in (0, 1):
        config = config_of(updates=3, seed=seed, augmentation=Augmentation(width=0.3))
        batches = islice(drawn(LINES[:1], SCALED, CLASSES, config, 1, 0), 3)
        seen |= {float(batch.x.abs().sum()) for batch in batches}
    assert len(seen) == 6


def test_products_are_in_the_dtype_that_was_asked_for():
    assert training.product_dtype("float32", "cpu") == torch.float32
    assert training.product_dtype("bfloat16", "cpu") == torch.bfloat16
    assert training.product_dtype("auto", "cpu") in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize(
    "bad",
    [
        {"updates": 0},
        {"batch_lines": 0},
        {"save_every": 0},
        {"average": 1.0},
        {"validation": "train"},
    ],
)
def test_a_config_that_makes_no_sense_is_refused(bad):
    with pytest.raises(InputError):
        TrainConfig(**bad)


def test_a_config_is_what_its_json_says():
    config = config_of(optimiser={"kind": "adamw", "rate": 0.02}, **EVERYTHING)
    assert msgspec.json.decode(msgspec.json.encode(config), type=TrainConfig) == config
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(b'{"update": 3}', type=TrainConfig)


# A known mixture

KNOWN = {
    "weight": np.array([0.3, 0.7]),
    "mean": np.array([[-4.0, 2.0], [6.0, -3.0]]),
    "scale": np.array([[1.0, 3.0], [2.0, 1.5]]),
    "correlation": np.array([0.7, -0.5]),
    "end": 0.15,
}


def known_lines(count, points, seed):
    rng = np.random.default_rng(seed)
    lines = []
    for n in range(count):
        which = (rng.random(points) < KNOWN["weight"][1]).astype(int)
        a, b = rng.normal(size=(2, points))
        rho = KNOWN["correlation"][which]
        z = np.column_stack([a, rho * a + np.sqrt(1 - rho**2) * b])
        offsets = np.zeros((points, 3))
        offsets[:, :2] = KNOWN["mean"][which] + KNOWN["scale"][which] * z
        offsets[:, 2] = rng.random(points) < KNOWN["end"]
        offsets[0, :2] = 0.0
        lines.append(Line(str(n), offsets, np.zeros(0, np.int64), 1.0))
    return lines


def test_the_parameters_of_a_known_mixture_are_recovered(tmp_path):
    statistics = Statistics(mean=(3.0, -1.5), deviation=(5.0, 3.2), points_per_character=0.0, unit=1.0)
    config = config_of(
        kind="prediction",
        network={"layers": (4,)},
        optimiser={"kind": "adamw", "rate": 0.03, "cosine": True},
        updates=250,
        batch_lines=400,
        average=0.9,
    )
    lines, held_out = known_lines(800, 11, seed=1), known_lines(400, 11, seed=2)
    weights, figures = train(lines, held_out, statistics, 0, config, tmp_path)
    network = build(config.network).eval()
    network.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
    batch = collate(held_out, statistics, 0)
    with torch.no_grad():
        y = network(batch.x, network.start(400))[0].mean((0, 1)).double()
    m = mixture(y, 2)
    order = m.mean_x.argsort()
    mean = torch.stack([m.mean_x, m.mean_y], -1)[order].numpy() * statistics.deviation + statistics.mean
    scale = torch.stack([m.log_scale_x, m.log_scale_y], -1).exp()[order].numpy() * statistics.deviation
    np.testing.assert_allclose(m.log_weight.exp()[order], KNOWN["weight"], atol=0.02)
    np.testing.assert_allclose(mean, KNOWN["mean"], atol=0.2)
    np.testing.assert_allclose(scale, KNOWN["scale"], rtol=0.06)
    np.testing.assert_allclose(m.correlation[order], KNOWN["correlation"], atol=0.05)
    assert torch.sigmoid(m.end).item() == pytest.approx(KNOWN["end"], abs=0.015)
    # And the loss is the entropy of what drew the points, in normalised units.
    covariance = torch.stack(
        [
            torch.tensor([[a * a, r * a * b], [r * a * b, b * b]])
            for (a, b), r in zip(KNOWN["scale"], KNOWN["correlation"], strict=True)
        ]
    )
    known = MixtureSameFamily(
        Categorical(torch.tensor(KNOWN["weight"])), MultivariateNormal(torch.tensor(KNOWN["mean"]), covariance)
    )
    points = torch.tensor(np.concatenate([line.offsets[1:] for line in held_out]))
    end = Bernoulli(torch.tensor(KNOWN["end"], dtype=torch.float64))
    true = -(known.log_prob(points[:, :2]) + end.log_prob(points[:, 2])).mean().item()
    normalised = true - math.log(statistics.deviation[0] * statistics.deviation[1])
    assert figures["validation_nats_per_point"] == pytest.approx(normalised, abs=0.02)


@pytest.mark.parametrize(("most", "taken"), [(1 << 40, 1 << 30), (32 << 20, 32 << 20)])
def test_freed_memory_is_kept_as_far_as_the_c_library_lets_it(monkeypatch, most, taken):
    class Libc(ctypes.CDLL):
        def __init__(self):
            self.set = {}

        def mallopt(self, parameter, value):
            if parameter == -3 and value > most:
                return 0
            self.set[parameter] = value
            return 1

    monkeypatch.setattr(memory, "LIBC", libc := Libc())
    training.keep_memory()
    assert libc.set == {-3: taken, -1: 2**31 - 1}
