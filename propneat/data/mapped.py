"""Memory that is not kept: a long file seen as memory, of which what was read need not stay, and what was freed."""

import ctypes
import mmap
from contextlib import suppress
from pathlib import Path

import numpy as np

from propneat.base.errors import DataError

__all__ = ["Text", "bytes_of", "let_go", "map_file", "trim"]

Text = bytes | mmap.mmap
"""The bytes of a text, in memory or of a file."""


def map_file(path: Path) -> mmap.mmap:
    """Return the bytes of a file that is not empty; raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def bytes_of(data: Text) -> np.ndarray:
    """Return the bytes of a text as an array of uint8 (n_bytes,).

    Raises DataError where another program has made its file shorter: to ask for bytes that are gone would end the process.
    """
    if isinstance(data, mmap.mmap) and data.size() < len(data):
        raise DataError("another program made the file shorter while it was read: read it again when it is whole")
    return np.frombuffer(data, np.uint8)


def let_go(data: Text, start: int, stop: int) -> None:
    """Give the memory of some bytes of a file back; who asks for them again gets them from the file."""
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        start -= start % mmap.PAGESIZE
        data.madvise(mmap.MADV_DONTNEED, start, stop - start)


def trim() -> None:
    """Give memory that was freed back to the system, where the C library keeps that of threads which have ended."""
    with suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)
