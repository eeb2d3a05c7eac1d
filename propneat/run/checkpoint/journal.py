"""The journal of a checkpoint: what each generation added, appended and never rewritten.

A block is one line of JSON, {"row": the generation's row of the history, "links": n, "splits": m, "descent": k}, and after it n
and m pairs of int64, little end first: the innovation numbers that are new, as in `InnovationTracker.to_arrays`, and then k
entries of DESCENT, one for each genome, or none.
"""

import json
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from propneat.search.descent import DESCENT

__all__ = ["journal_block", "read_block"]

_PAIR = np.dtype(("<i8", 2))
_PARTS = {"links": _PAIR, "splits": _PAIR, "descent": DESCENT}
_LONGEST_LINE = 2**16


def journal_block(row: Mapping[str, Any], links: np.ndarray, splits: np.ndarray, descent: np.ndarray) -> bytes:
    """Return the block of a generation: its row of the history, the pairs new in it, int64 of shape (n, 2), and its descent."""
    line = json.dumps({"row": dict(row), "links": len(links), "splits": len(splits), "descent": len(descent)}) + "\n"
    return line.encode() + links.astype("<i8").tobytes() + splits.astype("<i8").tobytes() + descent.astype(DESCENT).tobytes()


def read_block(file: IO[bytes], n_left: int) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray, bytes]:
    """Read one block of at most `n_left` bytes; returns row, links, splits, descent, and the bytes that were read.

    Raises ValueError, or what a reader of JSON raises, for anything else. The content of the row is not checked.
    """
    line = file.readline(min(n_left, _LONGEST_LINE))
    head = json.loads(line)
    if not line.endswith(b"\n") or not isinstance(head, dict) or set(head) != {"row", *_PARTS}:
        raise ValueError("its journal has a line that is none")
    sizes = [head[name] for name in _PARTS]
    if any(type(size) is not int or not 0 <= size <= n_left for size in sizes):
        raise ValueError("its journal claims more than it holds")
    wanted = [size * dtype.itemsize for size, dtype in zip(sizes, _PARTS.values(), strict=True)]
    if sum(wanted) > n_left - len(line):
        raise ValueError("its journal claims more than it holds")
    parts = [file.read(size) for size in wanted]
    if [len(part) for part in parts] != wanted:
        raise ValueError("its journal is cut")
    links, splits = (np.frombuffer(part, "<i8").reshape(-1, 2) for part in parts[:2])
    return head["row"], links, splits, np.frombuffer(parts[2], DESCENT), b"".join([line, *parts])
