"""The journal of a checkpoint: what each generation added, appended and never rewritten.

A block is one line of JSON, {"row": the generation's row of the history, "links": n, "splits": m}, and after it n and m pairs
of int64, little end first: the innovation numbers that are new, as in `InnovationTracker.to_arrays`.
"""

import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

__all__ = ["journal_block", "read_block"]

_PAIR = np.dtype(("<i8", 2))
_LONGEST_LINE = 2**16


def journal_block(row: Mapping[str, Any], links: np.ndarray, splits: np.ndarray) -> bytes:
    """Return the block of a generation: its row of the history, and the pairs new in it, int64 of shape (n, 2)."""
    line = json.dumps({"row": dict(row), "links": len(links), "splits": len(splits)}) + "\n"
    return line.encode() + links.astype("<i8").tobytes() + splits.astype("<i8").tobytes()


def read_block(file: IO[bytes], n_left: int) -> tuple[dict[str, Any], np.ndarray, np.ndarray, bytes]:
    """Read one block of at most `n_left` bytes; returns row, links, splits, and the bytes that were read.

    Raises ValueError, or what a reader of JSON raises, for anything else. The content of the row is not checked.
    """
    line = file.readline(min(n_left, _LONGEST_LINE))
    head = json.loads(line)
    if not line.endswith(b"\n") or not isinstance(head, dict) or set(head) != {"row", "links", "splits"}:
        raise ValueError("its journal has a line that is none")
    sizes = [head["links"], head["splits"]]
    if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) * _PAIR.itemsize > n_left - len(line):
        raise ValueError("its journal claims more than it holds")
    links, splits = (file.read(size * _PAIR.itemsize) for size in sizes)
    pairs = [np.frombuffer(part, "<i8").reshape(-1, 2) for part in (links, splits)]
    if [len(pair) for pair in pairs] != sizes:
        raise ValueError("its journal is cut")
    return head["row"], *pairs, line + links + splits
