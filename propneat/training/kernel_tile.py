"""The measures of a tile: values of one node for ROWS data rows stand together, and compiled code works on LANES at a time."""

from typing import Any

from propneat.training.vector_code import Emitter, Lanes

__all__ = ["LANES", "ROWS", "load_row", "store_row"]

ROWS = 64
"""Data rows of a tile: enough to hide what a node costs, few enough for a network's values to stay in the fastest cache."""

LANES = 16
"""Numbers of a vector, and partial sums that a product of rows is kept in until the batch is done."""


def load_row(emit: Emitter, pointer: Any) -> list[Lanes]:
    """Return a row in parts of LANES.

    Everywhere in such parts: where a store and a later load differ in width, LLVM passes the value on through scalars.
    """
    return [emit.load(emit.at(pointer, start), LANES) for start in range(0, ROWS, LANES)]


def store_row(emit: Emitter, parts: list[Lanes], pointer: Any) -> None:
    """Store a row given in parts."""
    for part, start in zip(parts, range(0, ROWS, LANES), strict=True):
        emit.store(part, emit.at(pointer, start))
