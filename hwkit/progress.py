"""How the library says how far it has come. The library calls; only `hwkit.cli` draws bars."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int, str], None]
"""Called as `progress(done, total, note)`; `total` 0 means that it is not known yet."""


def silent(done: int, total: int, note: str) -> None:
    """The progress that nobody watches."""
