"""How fast this machine writes: the numpy sampler, beside a plain one in PyTorch, and the cold start."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
from numpy.typing import NDArray

from hwkit import pretrained
from hwkit.generate.network import NumpyNetwork
from hwkit.generate.sampler import Request, Writer
from hwkit.model.config import NetworkConfig
from hwkit.preprocess import Recipe
from hwkit.progress import Progress, silent
from hwkit.statistics import Statistics
from hwkit.vocabulary import Vocabulary

LINES = 64  # together
PACE = 10.0  # points a character
CHARACTERS = " " + "".join(map(chr, range(45, 123)))  # as many as a model learns
STARTS = 5
IMPORTS = "import numpy, click, rich, lxml, h5py"


class SampleBench(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is measured."""

    layers: tuple[int, ...] = (400, 400, 400)  # of a made-up network
    model: str | None = None  # a trained one in its place
    characters: int = 45  # of a line
    rounds: int = 3
    reference: bool = True  # plain PyTorch too, where it is installed
    start: bool = True  # the cold start too


class Speed(msgspec.Struct, frozen=True, kw_only=True):
    """Of one way to write so many lines: medians of the rounds."""

    lines: int
    points: int  # in a round
    seconds: float  # of a round
    processor_seconds: float  # of a round, over all threads

    per_second: float  # points
    milliseconds: float  # for a point of each line


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds from nothing: `hwkit write hello`, and what importing IMPORTS takes; medians."""

    write: float
    imports: float


class SampleFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    processor: str
    threads: int
    numpy: str
    network: str
    products_ms: float  # the same weights times one vector and no more
    alone: Speed
    together: Speed
    plain_alone: Speed | None
    plain_together: Speed | None
    memory: int  # bytes, the most so far without the reference
    start: Start | None


def measure(bench: SampleBench, progress: Progress = silent) -> SampleFigures:
    """All figures. Raises as Writer.open does."""
    writer = made_up(bench.layers) if bench.model is None else Writer.open(pretrained.find(bench.model))
    assert writer.config.vocabulary is not None
    known = [c for c in "etaoinshrdlu" if c in writer.config.vocabulary.characters]
    random = np.random.default_rng(0)
    texts = ["".join(random.choice(known, bench.characters)) for _ in range(LINES)]

    def write(lines: int) -> int:
        requests = [Request(text=text, seed=(n,), retries=0) for n, text in enumerate(texts[:lines])]
        return sum(len(line.ink) for line in writer.write_all(requests))

    progress(0, 5, "one line")
    alone = speed(lambda: write(1), 1, bench.rounds)
    progress(1, 5, f"{LINES} lines")
    together = speed(lambda: write(LINES), LINES, bench.rounds)
    memory = peak_memory()
    products = products_ms(writer.network)
    plain: list[Speed | None] = [None, None]
    if bench.reference and find_spec("torch"):
        from hwkit.bench.plain_sampler import PlainSampler

        sampler = PlainSampler(writer)
        for n, lines in enumerate((1, LINES)):
            progress(2 + n, 5, f"plain PyTorch, {lines} lines")
            points = round(bench.characters * PACE)
            plain[n] = speed(lambda: sampler.write(texts[:lines], points), lines, bench.rounds)  # noqa: B023
    progress(4, 5, "cold start")
    return SampleFigures(
        processor=processor(),
        threads=threads(),
        numpy=np.__version__,
        network=bench.model or "made up, " + " + ".join(map(str, bench.layers)),
        products_ms=products,
        alone=alone,
        together=together,
        plain_alone=plain[0],
        plain_together=plain[1],
        memory=memory,
        start=cold_start() if bench.start else None,
    )


def speed(write: Callable[[], int], lines: int, rounds: int) -> Speed:
    """The medians of several rounds, after one that does not count."""
    write()
    found = []
    for _ in range(rounds):
        wall, processor = time.perf_counter(), time.process_time()
        points = write()
        found.append((time.perf_counter() - wall, time.process_time() - processor, points))
    points = found[0][2]
    seconds, used = (statistics.median(row[n] for row in found) for n in (0, 1))
    return Speed(
        lines=lines,
        points=points,
        seconds=seconds,
        processor_seconds=used,
        per_second=points / seconds,
        milliseconds=1e3 * seconds * lines / points,
    )


def products_ms(network: NumpyNetwork) -> float:
    """What a step's products take alone, with nothing between them: the best of many, for one line."""
    state = network.start(1)

    def products() -> None:
        for layer, gates in zip(network.layers, state.gates, strict=True):
            np.matmul(state.seen[:, layer.seen], layer.weight, out=gates)
        np.matmul(state.seen, network.output, out=state.y)

    best = float("inf")
    for _ in range(200):
        start = time.perf_counter()
        products()
        best = min(best, time.perf_counter() - start)
    return best * 1e3


def made_up(layers: tuple[int, ...]) -> Writer:
    """A writer of these sizes that learned nothing, but whose window moves on as one that did."""
    config = NetworkConfig(layers=layers)
    vocabulary = Vocabulary(characters=CHARACTERS)
    random = np.random.default_rng(0)

    def weights(*shape: int) -> NDArray[np.float32]:
        return np.asarray(random.standard_normal(shape) * shape[-1] ** -0.5, np.float32)

    first, k = layers[0], config.window
    made: dict[str, NDArray[np.float32]] = {
        "first.input": weights(4 * first, 3),
        "first.recurrent": weights(4 * first, first),
        "first.from_window": weights(4 * first, vocabulary.size),
        "first.bias": np.zeros(4 * first, np.float32),
        "first.parameters_weight": np.zeros((3 * k, first), np.float32),
        "first.parameters_bias": np.repeat(np.array([-2.3, 0.0, -np.log(PACE)], np.float32), k),
        "output.weight": weights(config.outputs, sum(layers)),
        "output.bias": np.zeros(config.outputs, np.float32),
    }
    for n, (under, cells) in enumerate(pairwise(layers)):
        made[f"layers.{n}.input"] = weights(4 * cells, 3 + under + vocabulary.size)
        made[f"layers.{n}.recurrent"] = weights(4 * cells, cells)
        made[f"layers.{n}.bias"] = np.zeros(4 * cells, np.float32)
    model = pretrained.ModelConfig(
        network=config,
        statistics=Statistics(mean=(0.0, 0.0), deviation=(1.0, 1.0), points_per_character=PACE, unit=1.0),
        vocabulary=vocabulary,
        recipe=Recipe(),
    )
    return Writer(model, NumpyNetwork(config, made))


def cold_start() -> Start:
    """Medians of whole processes, by turns, so that a busy machine is busy for both."""
    with TemporaryDirectory() as folder:
        target = str(Path(folder) / "hello.svg")
        write = [sys.executable, "-m", "hwkit", "write", "hello", "-o", target, "--quiet"]
        imports = [sys.executable, "-c", IMPORTS]
        rows = [(_seconds(write), _seconds(imports)) for _ in range(STARTS + 1)][1:]
    return Start(write=statistics.median(r[0] for r in rows), imports=statistics.median(r[1] for r in rows))


def _seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return time.perf_counter() - start


def processor() -> str:
    """The processor's name."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    return next(names, platform.machine())


def threads(environment: Mapping[str, str] = os.environ) -> int:
    """How many threads numpy's products may use."""
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if environment.get(name, "").isdigit():
            return int(environment[name])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def peak_memory() -> int:
    """The most memory, in bytes, that the process has had so far; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    import resource

    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024
