"""A long file seen as memory: what was read of it need not stay there."""

import mmap
from pathlib import Path

__all__ = ["Text", "let_go", "map_file"]

Text = bytes | mmap.mmap
"""The bytes of a text, in memory or of a file."""


def map_file(path: Path) -> mmap.mmap:
    """Return the bytes of a file that is not empty; raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def let_go(data: Text, start: int, stop: int) -> None:
    """Give the memory of some bytes of a file back; who asks for them again gets them from the file."""
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        start -= start % mmap.PAGESIZE
        data.madvise(mmap.MADV_DONTNEED, start, stop - start)
