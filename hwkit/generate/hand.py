"""Hands: the state of a network that has just written something, so that it goes on in the same hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import ArtifactError, InputError
from hwkit.generate.network import F32, State
from hwkit.ink import Floats

if TYPE_CHECKING:
    from hwkit.generate.sampler import Writer

FILE = "hands.safetensors"
KEPT = 16  # characters of a hand's own text that stay before the next one; the window sees none further back


@dataclass(frozen=True, eq=False, kw_only=True)
class Hand:
    """A primed network (section 5.5), before the primer's last point.

    The last characters of its text stay, for the window still looks at them; its place is counted
    from the first of them.
    """

    hidden: F32  # of all layers, (sum of cells,)
    cell: F32  # of all layers, (sum of cells,)
    window: F32  # (V,)
    kappa: F32  # (K,)
    x: Floats  # (3,), the last offset, normalised; the next step sees it
    text: str

    @classmethod
    def prime(
        cls,
        writer: Writer,
        offsets: Floats,
        text: str,
        *,
        kept: int = KEPT,
        following: str = "",
        after: Hand | None = None,
    ) -> Hand:
        """The hand of ink, prepared as the model's own, that says `text`: offsets (n, 3), in the model's unit.

        kept: how many characters of the text stay. following: the text that will be written, where that is
        known: all that the window sees of it while it reads the ink. after: the hand in which the ink was
        written, from whose end the first offset is the way; None: nobody's. Raises VocabularyError for an
        unknown character.
        """
        if not len(offsets):
            raise InputError("there is no ink to prime with")
        vocabulary, network, classes = writer.config.vocabulary, writer.network, None
        clamped = writer.config.statistics.normalise(offsets)
        if vocabulary is not None:
            vocabulary.encode(text)  # no text is told
            text = f"{after.text} {text}" if after is not None and after.text else text
            whole = vocabulary.encode(f"{text} {following}")
            classes = whole if following else whole[:-1]
        state = network.start(1, 0 if classes is None else len(classes))
        state.begin(0, classes)
        if after is not None:
            after.put(state, 0)
            clamped = np.vstack([after.x, clamped])
        for point in clamped[:-1]:
            state.feed(point[None])
            network.step(state)
        left = max(len(text) - kept, 0) if classes is not None else 0
        return cls(
            hidden=half(np.concatenate([state.seen[0, at] for at in network.at_hidden])),
            cell=half(np.concatenate([cell[0] for cell in state.cells])),
            window=half(state.seen[0, network.at_window]),
            kappa=state.kappa[0] - np.float32(left),
            x=clamped[-1].astype(np.float32).astype(np.float64),
            text=text[left:] if classes is not None else "",
        )

    @classmethod
    def made(cls, writer: Writer, text: str, seed: Sequence[int], bias: float | None = None) -> Hand:
        """The hand of ink that the model itself writes. Raises InputError where it does not end well."""
        from hwkit.generate.sampler import Request

        (written,) = writer.write_all([Request(text=text, seed=seed, bias=bias)])
        if not written.ended:
            raise InputError(f"{text!r} could not be written: it {written.reason}", do="try another seed")
        return cls.prime(writer, written.ink.offsets(), text)

    def check(self, writer: Writer) -> None:
        """Raises InputError for a hand of another model."""
        network = writer.network
        sizes = (sum(network.config.layers),) * 2 + (network.classes, network.config.window * network.synthesis)
        if tuple(len(p) for p in (self.hidden, self.cell, self.window, self.kappa)) != sizes:
            raise InputError("the hand is another model's", do="prime it with this one")

    def put(self, state: State, line: int) -> None:
        """Begin a line of a state in this hand."""
        start = 0
        for cell, at in zip(state.cells, state.network.at_hidden, strict=True):
            stop = start + at.stop - at.start
            state.seen[line, at], cell[line] = self.hidden[start:stop], self.cell[start:stop]
            start = stop
        state.seen[line, state.network.at_window] = self.window
        state.kappa[line] = self.kappa

    def tensors(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """What a file holds of it, without loss: see `half`."""
        return {
            f"{prefix}hidden": self.hidden.astype(np.float16),
            f"{prefix}cell": self.cell.astype(np.float16),
            f"{prefix}window": self.window.astype(np.float16),
            f"{prefix}kappa": self.kappa.astype(np.float32),
            f"{prefix}x": self.x.astype(np.float32),
            f"{prefix}text": np.array([ord(c) for c in self.text], np.int32),
        }

    @classmethod
    def of(cls, tensors: Mapping[str, NDArray[Any]], prefix: str = "") -> Hand:
        """The hand in a file's tensors. Raises ArtifactError where they are none."""
        try:
            parts = {
                name: np.asarray(tensors[prefix + name])
                for name in ("hidden", "cell", "window", "kappa", "x", "text")
            }
            text = "".join(map(chr, parts.pop("text").tolist()))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ArtifactError(f"is no hand: {error}", do="get it anew") from error
        known = {name: part.astype(np.float32) for name, part in parts.items()}
        if (
            any(part.ndim != 1 or not np.isfinite(part).all() for part in known.values())
            or len(known["x"]) != 3
        ):
            raise ArtifactError("is no hand: its values do not fit", do="get it anew")
        x = known.pop("x").astype(np.float64)
        return cls(**known, x=x, text=text)

    def to_bytes(self) -> bytes:
        """As a file of its own."""
        from safetensors.numpy import save

        return bytes(save(self.tensors()))

    @classmethod
    def from_bytes(cls, content: bytes) -> Hand:
        """The hand of `to_bytes`. Raises ArtifactError for anything else."""
        return cls.of(_load(content))


def half(state: F32) -> F32:
    """A state as float16 holds it, which is as fine as the weights are: a hand is the same from a file."""
    return state.astype(np.float16).astype(np.float32)


def read_hands(folder: Path) -> dict[str, Hand]:
    """The hands that are packed with a model, by name; none where there is no file.

    Raises ArtifactError for a broken file.
    """
    file = folder / FILE
    if not file.exists():
        return {}
    try:
        tensors = _load(file.read_bytes())
        names = sorted({name.rpartition("/")[0] for name in tensors})
        return {name: Hand.of(tensors, f"{name}/") for name in names}
    except OSError as error:
        raise ArtifactError(f"cannot be read: {error.strerror}", file=file) from error
    except ArtifactError as error:
        raise ArtifactError(error.what, file=file, do=error.do) from error


def write_hands(folder: Path, hands: Mapping[str, Hand]) -> None:
    """The hands of a model into its folder."""
    from safetensors.numpy import save

    tensors: dict[str, NDArray[Any]] = {}
    for name, hand in hands.items():
        if not name or "/" in name:
            raise InputError(f"{name!r} is no name for a hand", do="give one without a slash")
        tensors |= hand.tensors(f"{name}/")
    (folder / FILE).write_bytes(save(tensors))


def _load(content: bytes) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        tensors: dict[str, NDArray[Any]] = load(content)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ArtifactError(f"cannot be read as hands: {error}", do="get it anew") from error
    return tensors
