"""Where the time of one training step goes, by part of the step and kind of work."""

from __future__ import annotations

import inspect
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import msgspec
import torch
from torch import nn
from torch.autograd.profiler_util import FunctionEvent
from torch.profiler import record_function

from hwkit.batching import Batch

MARK = "hwkit: "  # begins the name of a scope of ours
BACKWARD = "autograd::engine::evaluate_function"  # begins the name of a step of the backward pass
LOSS = "mixture and loss"  # what of the network's work has no scope of its own
OTHER = "averages and other"
PRODUCTS = {"mm", "addmm", "bmm", "baddbmm", "linear", "mkldnn_linear", "_linear_pointwise"}
COPIES = {"copy_", "cat", "stack", "fill_", "zero_", "index", "_index_put_impl_", "_reorder_linear_weight"}


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """One part's share of a step's time, and how that divides into kinds of work."""

    part: str
    share: float
    products: float
    elementwise: float
    copies: float
    rest: float  # kernels of hwkit's own, Python, waiting


def profile(
    network: nn.Module, load: Callable[[], Batch], update: Callable[[Batch], Any], device: str
) -> tuple[Share, ...]:
    """The parts of one step, the greatest first. Timing each operation makes small ones seem greater."""
    on_device = device.startswith("cuda")
    recorder = torch.autograd.profiler.profile(use_device="cuda" if on_device else None, use_kineto=on_device)
    with scopes(network), recorder as seen:
        with record_function(MARK + "loader"):
            batch = load()
        with record_function(MARK + OTHER):
            update(batch)
    return shares(list(seen.function_events or []), on_device)


@contextmanager
def scopes(network: nn.Module) -> Iterator[None]:
    """Names for the calls of the network's layers, its output and the clipping while inside."""
    with ExitStack() as stack:
        for number, layer in enumerate(layers(network), 1):
            for method in ("forward", "read"):  # whichever of them the layer has and is called by
                if hasattr(type(layer), method):
                    part = f"layer {number} ({type(layer).__name__})"
                    stack.enter_context(named(layer, method, part))
        stack.enter_context(named(network, "hidden", "between the layers"))
        stack.enter_context(named(network, "outputs", "output layer"))
        stack.enter_context(named(torch.nn.utils, "clip_grad_norm_", "clipping"))
        yield


def layers(network: nn.Module) -> list[nn.Module]:
    """The hidden layers, from the first to the last."""
    flat = [m for child in network.children() for m in (child if isinstance(child, nn.ModuleList) else [child])]
    return [layer for layer in flat if not isinstance(layer, nn.Linear)]


@contextmanager
def named(owner: Any, name: str, part: str) -> Iterator[None]:
    """Calls of owner.name are recorded as `part` while inside."""
    function, own = getattr(owner, name), name in vars(owner)

    def recorded(*args: Any, **options: Any) -> Any:
        with record_function(MARK + part):
            return function(*args, **options)

    setattr(owner, name, recorded)
    try:
        yield
    finally:
        if inspect.ismodule(owner) or own:
            setattr(owner, name, function)
        else:
            delattr(owner, name)  # the class's method is seen again


def shares(events: list[FunctionEvent], on_device: bool) -> tuple[Share, ...]:
    """Events of one step added up by part and kind.

    An operation belongs to the innermost part that called it. One of the backward pass belongs to the
    part whose forward operation has its sequence number, which is autograd's.
    """
    # A kernel's time on the device stands at the operation that launched it too.
    events = [event for event in events if event.device_type.name == "CPU"]
    events = sorted(events, key=lambda event: event.time_range.start)
    # Of the operations with one number the last is the one that backward belongs to.
    forward = {e.sequence_nr: _scope(e) for e in events if e.sequence_nr >= 0 and not _backward(e)}
    seconds: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for event in events:
        time = event.self_device_time_total if on_device else event.self_cpu_time_total
        seconds[_part(event, forward)][_kind(event)] += time
    total = sum(sum(kinds.values()) for kinds in seconds.values()) or 1.0
    found = [
        Share(
            part=part,
            share=sum(kinds.values()) / total,
            **{kind: kinds[kind] / total for kind in ("products", "elementwise", "copies", "rest")},
        )
        for part, kinds in seconds.items()
    ]
    return tuple(sorted(found, key=lambda row: -row.share))


def _ancestors(event: FunctionEvent) -> Iterator[FunctionEvent]:
    at: FunctionEvent | None = event
    while at is not None:
        yield at
        at = at.cpu_parent


def _scope(event: FunctionEvent) -> str:
    """The innermost part that an operation was called in, by the scopes alone."""
    for up in _ancestors(event):
        if up.name.startswith(MARK):
            return up.name.removeprefix(MARK)
        if up.name.startswith("Optimizer."):
            return "optimiser"
    return OTHER


def _backward(event: FunctionEvent) -> FunctionEvent | None:
    """The step of the backward pass that an operation was called in."""
    return next((up for up in _ancestors(event) if up.name.startswith(BACKWARD)), None)


def _part(event: FunctionEvent, forward: dict[int, str]) -> str:
    backward = _backward(event)
    if backward is not None:
        number = backward.sequence_nr
        part = forward.get(number, OTHER)
    else:
        number = max(up.sequence_nr for up in _ancestors(event))
        part = _scope(event)
    # What has a number is differentiated, and so belongs to the network or its loss.
    return LOSS if part == OTHER and number >= 0 else part


def _kind(event: FunctionEvent) -> str:
    space, _, name = event.name.partition("::")
    if name in PRODUCTS:
        return "products"
    if name in COPIES:
        return "copies"
    return "elementwise" if space == "aten" else "rest"
