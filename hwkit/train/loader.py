"""The batches of a training, in an order that depends on the seed alone."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import TypeVar

import numpy as np

from hwkit.batching import Batch, Line, buckets, collate, collate_seen
from hwkit.statistics import Statistics
from hwkit.train.config import TrainConfig
from hwkit.train.processes import ALONE, Group

T = TypeVar("T")


def drawn(
    lines: Sequence[Line],
    statistics: Statistics,
    classes: int,
    config: TrainConfig,
    per_epoch: int,
    done: int,
    group: Group = ALONE,
) -> Iterator[Batch]:
    """The batches from number `done` on, without end, the same whether or not a run was stopped there.

    In a group each process gets its share of a batch's lines, whole lines, every size-th: they are
    sorted by length, so shares are about equal. A share may hold no line.
    """
    lengths = [len(line.offsets) for line in lines]
    for number in count(done):
        epoch, place = divmod(number, per_epoch)
        if number == done or place == 0:
            rows = buckets(lengths, config.batch_lines, np.random.default_rng((config.seed, epoch)))
        rng = np.random.default_rng((config.seed, epoch, place))
        # All lines are varied, one after the other, so that a line's variation is that of any group.
        varied = [
            lines[row]._replace(offsets=config.augmentation.apply(lines[row].offsets, rng))
            for row in rows[place]
        ]
        yield share(varied, statistics, classes, config, group)


def share(
    lines: Sequence[Line], statistics: Statistics, classes: int, config: TrainConfig, group: Group
) -> Batch:
    """The batch of those lines that are this process's; where none is, one line with nothing scored."""
    own = lines[group.rank :: group.size]
    some = own or lines[:1]
    reads = config.network.kind == "reader"
    batch = collate_seen(some, classes) if reads else collate(some, statistics, classes)
    return batch if own else batch._replace(mask=batch.mask & False)


def ahead(items: Iterator[T]) -> Generator[T, None, None]:
    """The same items, each made in a thread while the one before it is worked on. Errors come through."""
    with ThreadPoolExecutor(1) as worker:
        end = object()
        coming = worker.submit(next, items, end)
        while (item := coming.result()) is not end:
            coming = worker.submit(next, items, end)
            yield item  # type: ignore[misc]
