"""What the readers of archives share: whatever is wrong with an archive becomes one InputError."""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hwkit.errors import InputError

DAMAGE = (
    tarfile.TarError,
    zipfile.BadZipFile,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    ValueError,
    RuntimeError,  # a member that is encrypted, or packed in a way that is not known
    OSError,
)
"""What the standard library's unpackers raise for archives that are damaged."""


@contextmanager
def unpacking(archive: Path, expected: str) -> Iterator[None]:
    """Turns what unpackers raise into InputError. expected: what the user should give, ".tar.gz"."""
    try:
        yield
    except BrokenPipeError:  # whoever watched the progress left: not the archive's fault
        raise
    except DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not the unpacker's
            what, do = f"it cannot be read ({error.strerror})", f"give {expected}"
        else:
            what, do = f"the archive is damaged, cut short or no archive ({error})", "fetch it again"
        raise InputError(what, file=archive, do=do) from error
