"""The compiled steps against the plain ones, and what happens where nothing can be compiled."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import pytest
import torch

from hwkit.model import native, product
from hwkit.model.config import NetworkConfig
from hwkit.model.network import build, dropout
from hwkit.model.product import packed
from hwkit.model.steps import PLAIN, Tape, steps_for

T, B, U, V = 9, 5, 7, 11


def compiled(dtype):
    steps = native.steps_of(dtype)
    if steps is PLAIN:
        pytest.skip("there is no compiler here, so the plain steps are all there is")
    return steps


def network_of(dtype, **options):
    torch.manual_seed(0)
    network = build(NetworkConfig(layers=(19, 16), mixtures=2, window=3, **options), V)
    network.product = dtype
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(2.0)
    return network


def text():
    """One-hot lines of different lengths, padded with zeros."""
    generator = torch.Generator().manual_seed(3)
    characters = torch.zeros(B, U, V)
    for b in range(B):
        for u in range(U - b):
            characters[b, u, int(torch.randint(V, (), generator=generator))] = 1.0
    return characters


def everything(network, monkeypatch, steps):
    """Outputs, window weights, last states and derivatives of a network by given steps."""
    for module in ("lstm", "window"):
        monkeypatch.setattr(f"hwkit.model.{module}.steps_for", lambda gates: steps)
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(T, B, 3, generator=generator)
    y, phi, (first, others) = network(x, text(), network.start(B))
    seed = torch.randn(y.shape, generator=generator)
    total = (y * seed).sum() + first.kappa.square().sum() + sum(cell.sum() for _, cell in others)
    grads = torch.autograd.grad(total, list(network.parameters()))
    names = [name for name, _ in network.named_parameters()]
    return {"y": y, "phi": phi, "kappa": first.kappa, "cell": first.cell} | dict(zip(names, grads, strict=True))


@pytest.mark.parametrize("options", [{}, {"peepholes": True, "gate_clip": 0.1}], ids=["bare", "peepholes"])
def test_compiled_steps_are_the_plain_ones_in_float32(monkeypatch, options):
    network, steps = network_of(torch.float32, **options), compiled(torch.float32)
    if "peepholes" in options:
        with torch.no_grad():
            for layer in (network.first, *network.layers):
                layer.peephole.normal_(std=0.5)
    expected = everything(network, monkeypatch, PLAIN)
    for name, value in everything(network, monkeypatch, steps).items():
        torch.testing.assert_close(
            value, expected[name], rtol=2e-4, atol=2e-5, msg=lambda m, name=name: f"{name}: {m}"
        )


def test_compiled_steps_are_the_plain_ones_but_for_rounding_in_bfloat16(monkeypatch):
    network, steps = network_of(torch.bfloat16), compiled(torch.bfloat16)
    expected = everything(network, monkeypatch, PLAIN)
    for name, value in everything(network, monkeypatch, steps).items():
        apart = (value - expected[name]).norm() / expected[name].norm()
        assert apart < 0.02, name


def test_a_nan_stays_one(monkeypatch):
    network = network_of(torch.bfloat16)
    steps = compiled(torch.bfloat16)
    with torch.no_grad():
        network.first.bias[3] = float("nan")
    found = everything(network, monkeypatch, steps)
    assert found["y"].isnan().any()
    assert found["first.input"].isnan().any()


def test_the_number_of_threads_does_not_change_a_bit():
    steps, threads, found = compiled(torch.float32), torch.get_num_threads(), []
    for count in (1, 2):
        generator = torch.Generator().manual_seed(4)
        gates = torch.randn(1, B, 4 * 19, generator=generator)
        tape = Tape(gates, torch.randn(2, B, 19, generator=generator), torch.zeros(2, B, 19),
                    torch.randn(76, generator=generator), torch.randn(3, 19, generator=generator))  # fmt: skip
        cell, hidden = tape.cells[0].clone(), torch.empty(B, 19)
        try:
            torch.set_num_threads(count)
            steps.forward(tape, 0, torch.randn(B, 76, generator=generator), cell, hidden)
        finally:
            torch.set_num_threads(threads)
        found.append((*tape, cell, hidden))
    for one, two in zip(*found, strict=True):
        assert torch.equal(one, two)


def test_a_derivative_without_bounds_is_clipped_and_no_nan():
    found = []
    for steps in (compiled(torch.float32), PLAIN):
        generator = torch.Generator().manual_seed(5)
        gates = torch.rand(1, B, 4 * 6, generator=generator)
        cells = torch.randn(2, B, 6, generator=generator)
        tape = Tape(gates, cells, torch.zeros(2, B, 6), torch.zeros(24), torch.ones(3, 6))
        d_cell, d_gates = torch.full((B, 6), math.inf), torch.empty_like(gates)
        steps.backward(tape, 0, torch.ones(1, B, 6), torch.ones(B, 6), None, d_cell, d_gates, 10.0)
        found.append((d_gates, d_cell))
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two)
    assert found[0][0].isfinite().all()


def test_machines_that_share_a_home_share_no_machine_code_unless_they_are_alike(monkeypatch, tmp_path):
    made = []

    def run(command, **options):
        made.append(Path(command[command.index("-o") + 1]).name)
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CC", "true")
    monkeypatch.setattr(subprocess, "run", run)
    native.compiled(())
    native.compiled(())
    monkeypatch.setattr(native, "processor", lambda: "another")
    native.compiled(())
    monkeypatch.setattr(native.platform, "libc_ver", lambda: ("glibc", "1.0"))
    native.compiled(())
    assert made[0] == made[1]
    assert len(set(made)) == 3


@pytest.mark.parametrize("broken", ["no compiler", "it fails", "it hangs", "no cache"])
def test_without_a_working_compiler_the_plain_steps_are_taken(monkeypatch, tmp_path, broken):
    native.steps_of.cache_clear()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if broken == "no compiler":
        monkeypatch.setenv("CC", "no-such-compiler")
    elif broken == "it fails":
        monkeypatch.setenv("CC", "false")
    elif broken == "it hangs":

        def run(*args, **options):
            raise subprocess.TimeoutExpired(args[0], options["timeout"])

        monkeypatch.setattr(subprocess, "run", run)
    else:
        (tmp_path / "hwkit").write_text("a file where the folder should be")
    assert native.steps_of(torch.float32) is PLAIN
    assert not list(tmp_path.rglob("*.so"))
    native.steps_of.cache_clear()


def test_the_environment_may_forbid_it(monkeypatch):
    native.steps_of.cache_clear()
    monkeypatch.setenv("HWKIT_NATIVE", "0")
    assert native.steps_of(torch.float32) is PLAIN
    native.steps_of.cache_clear()
    assert steps_for(torch.zeros(1, dtype=torch.float64)) is PLAIN


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_packed_product_is_a_product(dtype):
    torch.manual_seed(0)
    weight, x = torch.randn(24, 13).to(dtype), torch.randn(6, 13).to(dtype)
    torch.testing.assert_close(packed(weight, 6)(x), x @ weight.T)
    transposed = weight.T  # not contiguous
    torch.testing.assert_close(
        packed(transposed, 6)(torch.ones(6, 24, dtype=dtype)), transposed.sum(1).expand(6, -1)
    )


def test_a_processor_on_which_onednn_refuses_bfloat16_has_the_product_too(monkeypatch):
    def refuse(weight, rows):
        raise RuntimeError("mkldnn_reorder_linear_weight: bf16 path needs the cpu support avx512bw")

    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(torch.ops.mkldnn, "_reorder_linear_weight", refuse)
    assert not product.lays_out()
    weight, x = torch.ones(24, 13, dtype=torch.bfloat16), torch.ones(6, 13, dtype=torch.bfloat16)
    assert (packed(weight, 6)(x) == 13).all()


def test_dropout_of_nearly_all_leaves_numbers():
    torch.manual_seed(0)
    out = dropout(torch.ones(100, 10, 8), 0.999, training=True)
    assert out.unique().tolist() == [0.0, 256.0]


def test_dropout_takes_its_share_and_keeps_the_mean():
    torch.manual_seed(0)
    hidden = torch.ones(200, 50, 7)
    out = dropout(hidden, 0.25, training=True)
    assert out.unique().tolist() == pytest.approx([0.0, 4 / 3])
    assert (out == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert dropout(hidden, 0.25, training=False) is hidden
    assert dropout(hidden, 0.0, training=True) is hidden
    # Neighbours share a drawn number, yet fall out independently of each other.
    lost = (out.flatten() == 0).float()
    for apart in range(1, 9):
        both = (lost[apart:] * lost[:-apart]).mean().item()
        assert both == pytest.approx(0.0625, abs=0.006)
