"""hwkit learns handwriting from pen strokes and writes any text by hand.

import hwkit

page = hwkit.write("hello", style="maple")
page.save("hello.svg")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hwkit.api import write
    from hwkit.letter import Letter

__version__ = "0.1.0"
__all__ = ["Letter", "write"]


def __getattr__(name: str) -> object:
    """`write` and `Letter`, when they are first asked for: importing hwkit costs nothing."""
    if name == "write":
        from hwkit.api import write

        return write
    if name == "Letter":
        from hwkit.letter import Letter

        return Letter
    raise AttributeError(f"module 'hwkit' has no attribute {name!r}")
