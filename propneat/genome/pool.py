"""A gene pool: many genomes packed end to end in two arrays, so that compiled loops walk them without unpacking."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np

from propneat.genome.genes import CONNECTION_DTYPE, NODE_DTYPE
from propneat.genome.genome import Genome, frozen, restore_frozen
from propneat.genome.own_codes import with_names

__all__ = ["GenePool"]


@dataclass(frozen=True, eq=False)
class GenePool(Sequence[Genome]):
    """A frozen sequence of genomes.

    Genome g owns `nodes[node_start[g]:node_start[g + 1]]` and `connections[connection_start[g]:connection_start[g + 1]]`;
    the starts are int64 of shape (n_genomes + 1,). Indexing gives a Genome that views these arrays without a copy.
    """

    nodes: np.ndarray
    node_start: np.ndarray
    connections: np.ndarray
    connection_start: np.ndarray

    @classmethod
    def pack(cls, genomes: Iterable[Genome]) -> "GenePool":
        """Copy genomes into one pool, in order."""
        genomes = list(genomes)
        return cls(
            frozen(_join([genome.nodes for genome in genomes], NODE_DTYPE)),
            frozen(_starts([len(genome.nodes) for genome in genomes])),
            frozen(_join([genome.connections for genome in genomes], CONNECTION_DTYPE)),
            frozen(_starts([len(genome.connections) for genome in genomes])),
        )

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the arrays, and the names of functions of one's own."""
        return with_names(vars(self), self.nodes)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or deeply copied pool; its arrays are read-only as they were."""
        restore_frozen(self, state)

    def __len__(self) -> int:
        return len(self.node_start) - 1

    def __iter__(self) -> Iterator[Genome]:
        return (self[index] for index in range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Genome: ...

    @overload
    def __getitem__(self, index: slice) -> "GenePool": ...

    def __getitem__(self, index: int | slice) -> "Genome | GenePool":
        if isinstance(index, slice):
            return GenePool.pack(self[i] for i in range(*index.indices(len(self))))
        position = range(len(self))[index]
        nodes = slice(self.node_start[position], self.node_start[position + 1])
        connections = slice(self.connection_start[position], self.connection_start[position + 1])
        return Genome(self.nodes[nodes], self.connections[connections])


def _join(arrays: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
    # told the type, numpy does not work it out from all fields of all arrays, which takes most of the time
    return np.concatenate(arrays, dtype=dtype) if arrays else np.zeros(0, dtype)


def _starts(sizes: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)]).astype(np.int64)
