"""A training run: all that changes while a network is trained, kept to fall back to and to go on from."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import torch
from torch import Tensor

from hwkit.errors import ArtifactError, HwkitError, InputError
from hwkit.model.inherit import inherit
from hwkit.model.network import Network, build
from hwkit.model.reader import ReaderNetwork
from hwkit.optimiser import optimiser
from hwkit.pretrained import Weights
from hwkit.train import checkpoint
from hwkit.train.config import TrainConfig
from hwkit.train.noise import WeightNoise
from hwkit.train.processes import Group

STATE = "training.state"
LOG = "log.jsonl"
RECENT = 64  # batches whose level is remembered
ENOUGH = 20  # of them before a batch can be a spike
SPIKE = 1.0  # nats a point above their median, at least
SPREADS = 10.0  # or so many times their median distance from it, where that is more
LOWER = 0.5  # factor on the rate for each setback in a row
SETBACKS = 5  # in a row that are survived
OPTIMISER, GOOD = "optimiser.", "good."  # how names of parts begin
ANEW = "remove it to start anew"


class Spoilt(HwkitError):
    """A batch or a validation that shows the run to have gone wrong; weights have not followed it."""


class Counts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers among what changes."""

    update: int = 0  # updates made
    drawn: int = 0  # batches taken; more than updates after a setback
    setbacks: int = 0  # since the last good state
    best_nats: float = float("inf")  # a point, on the validation lines
    epoch_nats: float = 0.0
    epoch_points: int = 0
    recent: list[float] = []  # nats a point of the last batches


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands beside the tensors in a saved run."""

    config: TrainConfig
    data: dict[str, Any]  # what the lines were, in a few figures
    logged: int  # lines of the log
    now: Counts
    good: Counts


Parts = dict[str, dict[str, Tensor]]


@dataclass
class Run:
    """A run in memory. Batches are taken by their number, so that nothing else has to be remembered."""

    network: Network | ReaderNetwork
    optimiser: torch.optim.Optimizer
    noise: WeightNoise
    average: dict[str, Tensor]
    best: dict[str, Tensor]
    update: int = 0
    drawn: int = 0
    setbacks: int = 0
    best_nats: float = float("inf")
    epoch_nats: float = 0.0
    epoch_points: int = 0
    recent: list[float] = field(default_factory=list)
    good: tuple[Parts, Counts] = field(default_factory=lambda: ({}, Counts()))

    def counts(self) -> Counts:
        """The numbers as they are now."""
        values = {name: getattr(self, name) for name in Counts.__struct_fields__}
        return Counts(**values | {"recent": list(self.recent)})

    def parts(self) -> Parts:
        """The tensors as they are now, not copied: weights, their average, the best, the optimiser's."""
        learned = self.learned()
        parts = {
            "network": {name: w.detach() for name, w in self.network.named_parameters()},
            "average": self.average,
            "best": self.best,
        }
        if self.noise.log_deviations:
            parts["noise"] = self.noise.log_deviations
        for name, weight in learned.items():
            for kind, value in self.optimiser.state.get(weight, {}).items():
                parts.setdefault(OPTIMISER + kind, {})[name] = value
        return parts

    def learned(self) -> dict[str, Tensor]:
        """All that the optimiser moves, by name."""
        noise = {f"noise.{name}": value for name, value in self.noise.log_deviations.items()}
        return dict(self.network.named_parameters()) | noise

    def put(self, parts: Parts, counts: Counts) -> None:
        """Take over tensors, copied, and numbers. Raises ValueError where they are another network's."""
        here, learned = self.parts(), self.learned()
        for part in ("network", "average", "best", "noise"):
            _check(part, parts.get(part, {}), here.get(part, {}))
        state: dict[str, dict[str, Tensor]] = {name: {} for name in learned}
        for part in (part for part in parts if part.startswith(OPTIMISER)):
            _check(part, parts[part], learned)
            for name, value in parts[part].items():
                state[name][part.removeprefix(OPTIMISER)] = value.clone()
        for part in ("network", "noise"):
            for name, value in here.get(part, {}).items():
                value.copy_(parts[part][name])
        self.average = {name: value.clone() for name, value in parts["average"].items()}
        self.best = parts["best"]
        self.optimiser.state.clear()
        for name, values in state.items():
            if values:
                self.optimiser.state[learned[name]] = values
        for name in Counts.__struct_fields__:
            setattr(self, name, getattr(counts, name))
        self.recent = list(counts.recent)

    def hold(self) -> None:
        """Remember this state as the good one; earlier setbacks are over."""
        self.setbacks = 0
        copied = {
            part: {n: w.clone() for n, w in ts.items()} for part, ts in self.parts().items() if part != "best"
        }
        self.good = copied | {"best": self.best}, self.counts()  # the best weights are replaced, never changed

    def state(self) -> tuple[Parts, Counts, Counts]:
        """All that changes: tensors, the good state's among them where the run has gone on since; numbers."""
        parts, (good, then) = self.parts(), self.good
        if then.drawn != self.drawn:
            parts |= {GOOD + part: tensors for part, tensors in good.items()}
        return parts, self.counts(), then

    def take(self, parts: Parts, now: Counts, then: Counts) -> None:
        """Take over a state. Raises ValueError where it is another network's."""
        good = {p.removeprefix(GOOD): tensors for p, tensors in parts.items() if p.startswith(GOOD)}
        parts = {part: tensors for part, tensors in parts.items() if not part.startswith(GOOD)}
        self.put(good or parts, then)
        self.hold()
        self.put(parts, now)

    def count(self, nats: float, points: int) -> None:
        """Note an update that was made, from a batch of so many nats and points."""
        self.update += 1
        self.epoch_nats += nats
        self.epoch_points += points
        self.recent = [*self.recent, nats / points][-RECENT:]

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """Have the average follow the weights, after the update that comes next in the count.

        It starts as a plain mean, so that the first weights are soon forgotten.
        """
        made = self.update + 1
        decay = min(decay, made / (made + 9)) if decay else 0.0
        for name, weight in self.network.named_parameters():
            self.average[name].lerp_(weight, 1 - decay)

    def fall_back(self, fault: Spoilt) -> None:
        """Return to the good state; batches go on with the one after the last, at a lower rate.

        The rate is halved for each setback until the next good state. Raises `fault` as a HwkitError
        after too many setbacks without one.
        """
        drawn, setbacks = self.drawn, self.setbacks + 1
        if setbacks > SETBACKS:
            raise HwkitError(
                f"{fault.what}, after {SETBACKS} returns to the state of update {self.good[1].update}",
                do="lower optimiser.rate, set optimiser.clip_norm, or look for lines with odd points",
            ) from fault
        self.put(*self.good)
        self.drawn, self.setbacks = drawn, setbacks

    @property
    def caution(self) -> float:
        """The factor on the learning rate."""
        return LOWER**self.setbacks

    def watch(self, level: float) -> None:
        """Raise Spoilt where a batch's nats a point are far above those of the batches before it.

        Far is more than 1 nat above their median, and more than ten times their median distance from it.
        """
        if len(self.recent) < ENOUGH:
            return
        median = statistics.median(self.recent)
        spread = statistics.median(abs(one - median) for one in self.recent)
        if level > median + max(SPIKE, SPREADS * spread):
            raise Spoilt(
                f"the loss rose to {level:.3f} nats a point from {median:.3f} at update {self.update + 1}"
            )


def new(config: TrainConfig, classes: int, device: str, start: Weights | None = None) -> Run:
    """A run before its first update; `start` are the weights that it begins with (see inherit)."""
    torch.manual_seed(config.seed)
    reads = config.network.kind == "reader"
    network = (ReaderNetwork if reads else build)(config.network, classes).to(device)
    if start is not None and not isinstance(network, ReaderNetwork):  # which learns from nothing
        inherit(network, {name: torch.from_numpy(w).to(device) for name, w in start.items()})
    weights = dict(network.named_parameters())
    noise = WeightNoise(config.noise, weights)
    rule = optimiser(config.optimiser, weights.values(), noise.log_deviations.values())
    average, best = ({name: w.detach().clone() for name, w in weights.items()} for _ in range(2))
    run = Run(network, rule, noise, average, best)
    run.hold()
    return run


def restore(
    folder: Path,
    config: TrainConfig,
    classes: int,
    device: str,
    data: Mapping[str, Any] | None = None,
    start: Weights | None = None,
) -> Run:
    """The run that `folder` holds, or a new one; the log is cut to what it held when the run was saved.

    data: what describes the lines, in JSON values; None: not asked about. Raises ArtifactError for a
    state that is damaged, or of another config or other lines.
    """
    run, state = new(config, classes, device, start), folder / STATE
    if not checkpoint.exists(state):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / LOG).write_text("", encoding="utf-8")
        return run
    try:
        parts, found = checkpoint.read(state, device)
        facts = msgspec.convert(found, Facts)
        _same(facts, config, facts.data if data is None else data)
        run.take(parts, facts.now, facts.good)
        lines = (folder / LOG).read_text(encoding="utf-8").splitlines()[: facts.logged]
    except (OSError, ValueError, msgspec.MsgspecError, InputError) as error:
        what, file = (error.what, error.file) if isinstance(error, InputError) else (str(error), None)
        raise ArtifactError(
            f"the saved training cannot be gone on with: {what}", file=file or state, do=ANEW
        ) from error
    (folder / LOG).write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return run


def save(run: Run, folder: Path, config: TrainConfig, data: Mapping[str, Any] | None = None) -> None:
    """All of the run into `folder`; the good state too, where the run has gone on since."""
    parts, now, good = run.state()
    logged = len((folder / LOG).read_text(encoding="utf-8").splitlines())
    facts = Facts(config=config, data=dict(data or {}), logged=logged, now=now, good=good)
    checkpoint.write(folder / STATE, parts, msgspec.to_builtins(facts))


def forget(folder: Path, *, log: bool) -> None:
    """Remove the saved run from a folder, and the log if asked to; and the folder, where it is empty then."""
    checkpoint.remove(folder / STATE)
    if log:
        (folder / LOG).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def shared(run: Run, group: Group, device: str) -> None:
    """Have the runs of all processes be as the leader's is."""
    if group.size == 1:
        return
    parts, *counts = run.state()
    facts = group.share(json.dumps([list(parts), *msgspec.to_builtins(counts)]).encode())
    names, now, good = json.loads(facts)
    sent = {name: group.share(checkpoint.encode(parts[name]) if group.leads else b"") for name in names}
    received = {name: checkpoint.decode(content, device) for name, content in sent.items()}
    run.take(received, msgspec.convert(now, Counts), msgspec.convert(good, Counts))


def log(folder: Path, entry: Mapping[str, float | str]) -> None:
    """One line of JSON more in the log."""
    with (folder / LOG).open("a", encoding="utf-8") as out:
        out.write(json.dumps(entry) + "\n")


def _check(part: str, found: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Raise ValueError where tensors are not those of this network, by names and shapes."""
    if part.startswith(OPTIMISER):  # a weight without a gradient has no state; a count has no shape
        expected = {name: value for name, value in expected.items() if name in found}
        found = {name: value if value.dim() else expected.get(name, value) for name, value in found.items()}
    if {n: t.shape for n, t in found.items()} != {n: t.shape for n, t in expected.items()}:
        raise ValueError(f"its part {part!r} is that of another network")


def _same(facts: Facts, config: TrainConfig, data: Mapping[str, Any]) -> None:
    """Raise ValueError where a saved run is of another config or of other lines."""
    pairs = [(msgspec.to_builtins(facts.config), msgspec.to_builtins(config)), (facts.data, data)]
    for before, here in pairs:
        names = [name for name in {**before, **here} if before.get(name) != here.get(name)]
        if names:
            changes = ", ".join(f"{name} {before.get(name)}, here {here.get(name)}" for name in names)
            raise ValueError(f"it is another training's: {changes}")
