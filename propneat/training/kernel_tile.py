"""The measures of a tile: values of one node for ROWS data rows stand together, and compiled code works on LANES at a time."""

import math
from typing import Any

import numpy as np

from propneat.training.vector_code import Emitter, Lanes

__all__ = ["LANES", "ROWS", "aligned", "load_row", "store_row", "tile_rows"]

ROWS = 64
"""Data rows of a tile: enough to hide what a node costs, few enough for a network's values to stay in the fastest cache."""

LANES = 16
"""Numbers of a vector, and partial sums that a product of rows is kept in until the batch is done."""

_LINE = 16
"""Numbers of a cache line."""


def load_row(emit: Emitter, pointer: Any) -> list[Lanes]:
    """Return a row in parts of LANES.

    Everywhere in such parts: where a store and a later load differ in width, LLVM passes the value on through scalars.
    """
    return [emit.load(emit.at(pointer, start), LANES) for start in range(0, ROWS, LANES)]


def store_row(emit: Emitter, parts: list[Lanes], pointer: Any) -> None:
    """Store a row given in parts."""
    for part, start in zip(parts, range(0, ROWS, LANES), strict=True):
        emit.store(part, emit.at(pointer, start))


def aligned(*shape: int) -> np.ndarray:
    """Return zeros, float32, that begin where a cache line does, so that no vector of a tile straddles two."""
    n = math.prod(shape)
    buffer = np.zeros(n + _LINE, np.float32)
    start = -buffer.ctypes.data % (4 * _LINE) // 4
    return buffer[start : start + n].reshape(shape)


def tile_rows(rows: np.ndarray) -> np.ndarray:
    """Divide row numbers into tiles, (n_tiles, ROWS), the last one filled up with its last row."""
    n_tiles = -(-len(rows) // ROWS)
    return rows[np.minimum(np.arange(n_tiles * ROWS), len(rows) - 1)].reshape(n_tiles, ROWS)
