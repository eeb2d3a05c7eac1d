"""Bytes handed to Arrow's threads."""

import pyarrow

__all__ = ["arrow_file"]


def arrow_file(data: bytes) -> pyarrow.BufferReader:
    """Return a file of a copy of some bytes that is Arrow's own.

    Arrow's threads let go of what they read a little after the reader has answered. Memory of Python's takes the interpreter
    for that, and where it is ending by then, the process is aborted.
    """
    buffer = pyarrow.allocate_buffer(len(data))
    memoryview(buffer).cast("B")[:] = data
    return pyarrow.BufferReader(buffer)
