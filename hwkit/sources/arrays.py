"""numpy's files read without pickle: `.npy`, the members of an `.npz`, object arrays that hold plain arrays.

numpy packs an object array, such as sketch-rnn's lists of drawings, with pickle, which runs what it is told.
Here nobody runs anything: a small machine follows the instructions that arrays are made of, builds arrays, and
stops at all others, by name.
"""

from __future__ import annotations

import ast
import math
import pickletools
import re
import zipfile
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwkit.errors import InputError
from hwkit.sources.archives import unpacking

LARGEST = 256 << 20  # bytes of an array; sketch-rnn's largest have a quarter of it
DEPTH = 1 << 24  # values that wait at once
HEADER = 10_000  # bytes of a header, as much as numpy allows
KINDS = "biufSU"


def members(
    file: Path, wanted: Container[str]
) -> Iterator[tuple[str, NDArray[Any] | list[NDArray[Any]] | None]]:
    """Name and content of each array in an `.npz`, None for one that is not wanted.

    Raises InputError for anything else, and for two of a name.
    """
    with unpacking(file, "an .npz"), zipfile.ZipFile(file) as archive:
        names = [member.filename for member in archive.infolist()]
        if len(set(names)) < len(names):
            raise InputError("two arrays have the same name", file=file, do="do not trust this file")
        for name in names:
            own = name.removesuffix(".npy")
            if own not in wanted:
                yield own, None
                continue
            with archive.open(name) as packed:  # a header can lie about the size
                content = packed.read(LARGEST + 1)
            yield own, array(content, name)


def array(content: bytes, name: str) -> NDArray[Any] | list[NDArray[Any]]:
    """The array in the bytes of an `.npy`, or the list of arrays that an object array is.

    Raises InputError for what is too large, is no `.npy`, or holds anything but numbers and strings.
    """
    if len(content) > LARGEST:
        raise InputError(f"an array is larger than {LARGEST >> 20} MiB", row=name)
    shape, columns_first, kind, begins = _header(content, name)
    data = content[begins:]
    if kind.hasobject:
        return _objects(data, shape, name)
    size = math.prod(shape) * kind.itemsize
    if kind.kind not in KINDS or not kind.itemsize or size != len(data):
        raise InputError(f"the array is of {kind} and {shape}, which its {len(data)} bytes are not", row=name)
    return np.frombuffer(data, kind).reshape(shape, order="F" if columns_first else "C")


def _header(content: bytes, name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, dtype, and where the data begin (numpy's NEP 1)."""
    long = content[6:7] > b"\x01"
    begins = (12 if long else 10) + int.from_bytes(content[8 : 12 if long else 10], "little")
    try:
        if content[:6] != b"\x93NUMPY" or not 10 < begins <= min(len(content), HEADER):
            raise ValueError("it does not begin as one")
        text = content[12 if long else 10 : begins].decode("utf-8" if content[6:7] == b"\x03" else "latin-1")
        told = ast.literal_eval(re.sub(r"(?<=[0-9])L\b", "", text).strip())  # Python 2 wrote (7L,)
        kind = np.dtype(told["descr"]) if isinstance(told["descr"], str) else np.dtype("V")
        return _shape(told["shape"]), bool(told["fortran_order"]), kind, begins
    except (ValueError, TypeError, LookupError, SyntaxError, RecursionError, MemoryError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"is no array of numpy ({reason})", row=name) from error


# Object arrays


@dataclass
class _Global:
    """A name that the instructions speak of; nothing of it is imported."""

    name: str


@dataclass
class _Kind:
    """A dtype under way: its letters, and its byte order."""

    letters: str
    order: str = "<"

    def made(self) -> np.dtype[Any]:
        kind = np.dtype(self.letters)
        return kind if kind.hasobject else kind.newbyteorder({"|": "="}.get(self.order, self.order))  # type: ignore[arg-type]


@dataclass
class _Array:
    """An array under way."""

    state: tuple[Any, ...] = ()


@dataclass
class _Machine:
    """The stack, marks and memory of pickle's instructions, as far as arrays need them."""

    stack: list[Any] = field(default_factory=list)
    memory: dict[int, Any] = field(default_factory=dict)

    def marked(self) -> list[Any]:
        """All since the last mark."""
        values = []
        while (value := self.stack.pop()) is not MARK:
            values.append(value)
        return values[::-1]


MARK = object()
MODULES = ("numpy.core.multiarray", "numpy._core.multiarray", "numpy")
PLAIN = {
    "INT", "BININT", "BININT1", "BININT2", "LONG1", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8", "LONG",
}  # fmt: skip
VALUES = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
COUNTS = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _objects(data: bytes, shape: tuple[int, ...], name: str) -> list[NDArray[Any]]:
    """The arrays of an object array, in its order. Raises InputError for any other object."""
    machine = _Machine()
    try:
        for operation, told, _ in pickletools.genops(data):
            if operation.name == "STOP":
                break
            _do(machine, operation.name, told)
            if len(machine.stack) + len(machine.memory) > DEPTH:
                raise ValueError("it holds too many objects")
        (whole,) = machine.stack
        _, own, _, _, items = whole.state
        if _shape(own) != shape or len(items) != math.prod(shape):
            raise ValueError(f"it holds {len(items)} objects, its header says {shape}")
        return [_plain(item) for item in items]
    except InputError as error:
        raise InputError(error.what, row=name, do=error.do) from error
    except (
        ValueError,
        TypeError,
        AttributeError,
        LookupError,
        UnicodeError,
        OverflowError,
        MemoryError,
    ) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0][:200]
        raise InputError(f"is no list of arrays ({reason})", row=name) from error


def _do(machine: _Machine, operation: str, told: Any) -> None:
    """Follows one instruction. Raises InputError, with its name, for one that arrays do not need."""
    stack = machine.stack
    if operation in ("PROTO", "FRAME"):
        return
    if operation in PLAIN:
        stack.append(told)
    elif operation in VALUES:
        stack.append(VALUES[operation])
    elif operation == "MARK":
        stack.append(MARK)
    elif operation == "EMPTY_LIST":
        stack.append([])
    elif operation == "APPENDS":
        items = machine.marked()
        stack[-1].extend(items)
    elif operation == "APPEND":
        item = stack.pop()
        stack[-1].append(item)
    elif operation in ("TUPLE", "LIST"):
        values = machine.marked()
        stack.append(tuple(values) if operation == "TUPLE" else values)
    elif operation in COUNTS:
        stack[-COUNTS[operation] :] = [tuple(stack[-COUNTS[operation] :])]
    elif operation == "MEMOIZE":
        machine.memory[len(machine.memory)] = stack[-1]
    elif operation in ("PUT", "BINPUT", "LONG_BINPUT"):
        machine.memory[int(told)] = stack[-1]
    elif operation in ("GET", "BINGET", "LONG_BINGET"):
        stack.append(machine.memory[int(told)])
    elif operation == "GLOBAL":
        stack.append(_global(*told.split(" ", 1)))
    elif operation == "STACK_GLOBAL":
        module, attribute = stack[-2:]
        stack[-2:] = [_global(module, attribute)]
    elif operation == "REDUCE":
        what, arguments = stack[-2:]
        stack[-2:] = [MAKERS[what.name](*arguments)]
    elif operation == "BUILD":
        state = stack.pop()
        _build(stack[-1], state)
    else:
        raise InputError(f"it is packed with {operation}, which no array needs", do="do not trust this file")


def _global(module: Any, attribute: Any) -> _Global:
    if not isinstance(module, str) or not isinstance(attribute, str):
        raise ValueError("a name is no name")
    if (module in MODULES and attribute in ("_reconstruct", "ndarray", "dtype")) or (
        (module, attribute) == ("_codecs", "encode")
    ):
        return _Global(attribute)
    raise InputError(f"it asks for {module}.{attribute}, which no array needs", do="do not trust this file")


def _encoded(text: str, way: str) -> bytes:
    """Bytes as Python 3 writes them for Python 2: as a string of Latin 1."""
    if way != "latin1":
        raise ValueError(f"bytes are written as {way}")
    return text.encode("latin-1")


def _kind(letters: str | bytes, *_: Any) -> _Kind:
    if not isinstance(letters, str | bytes) or len(letters) > 16:
        raise ValueError("a dtype has no letters")
    return _Kind(letters if isinstance(letters, str) else letters.decode())


MAKERS: dict[str, Callable[..., Any]] = {
    "_reconstruct": lambda *_: _Array(),
    "dtype": _kind,
    "encode": _encoded,
}


def _shape(told: Any) -> tuple[int, ...]:
    """A shape that is one: what is told may be anything, of any depth."""
    if not isinstance(told, tuple) or not all(type(side) is int and 0 <= side < 1 << 40 for side in told):
        raise ValueError("a shape is no shape")
    return told


def _build(target: Any, state: tuple[Any, ...]) -> None:
    if isinstance(target, _Array):
        target.state = state
    elif isinstance(target, _Kind):
        target.order = state[1]
    else:
        raise ValueError(f"it builds {type(target).__name__}")


def _plain(item: Any) -> NDArray[Any]:
    """An array from its state: version, shape, dtype, whether columns come first, bytes."""
    if not isinstance(item, _Array):
        raise ValueError(f"it holds {type(item).__name__}")
    _, told, kind, columns_first, data = item.state
    shape = _shape(told)
    if isinstance(data, str):  # Python 2's bytes
        data = data.encode("latin-1")
    made = kind.made()
    if made.kind not in KINDS or math.prod(shape) * made.itemsize != len(data):
        raise ValueError(f"an array of {made} and {shape} has {len(data)} bytes")
    return np.frombuffer(data, made).reshape(shape, order="F" if columns_first else "C")
