"""The genome: one network's node genes and connection genes as two frozen arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from propneat.genome.genes import CONNECTION_DTYPE, NODE_DTYPE, NodeKind
from propneat.genome.own_codes import OWN_NAMES, translated, with_names

__all__ = ["Genome", "frozen", "make_genome", "restore_frozen"]


def frozen(array: np.ndarray) -> np.ndarray:
    """Return the array after marking it read-only."""
    array.flags.writeable = False
    return array


def restore_frozen(owner: object, state: dict[str, Any]) -> None:
    """Give a frozen dataclass of arrays, whose constructor did not run, its fields, read-only: numpy forgets that of a copy.

    Raises ConfigError for a function of one's own that nodes name and that cannot be imported.
    """
    if own := state.get(OWN_NAMES):
        state = {name: value for name, value in state.items() if name != OWN_NAMES}
        state["nodes"] = translated(state["nodes"], own)
    for name, array in state.items():
        object.__setattr__(owner, name, frozen(array))


@dataclass(frozen=True, eq=False)
class Genome:
    """A directed network as genes, acyclic but for its recurrent connections.

    `nodes` has dtype NODE_DTYPE, shape (n_nodes,), sorted by id; `connections` has dtype CONNECTION_DTYPE,
    shape (n_connections,), sorted by innovation number. Input k of the data feeds the k-th input node in id order;
    output k of the network is the k-th output node in id order. The constructor trusts its caller; genomes from
    outside go through `propneat.genome.validate`.
    """

    nodes: np.ndarray
    connections: np.ndarray

    @property
    def n_inputs(self) -> int:
        """Number of input nodes."""
        return int(np.count_nonzero(self.nodes["kind"] == NodeKind.INPUT))

    @property
    def n_outputs(self) -> int:
        """Number of output nodes."""
        return int(np.count_nonzero(self.nodes["kind"] == NodeKind.OUTPUT))

    @property
    def n_hidden(self) -> int:
        """Number of hidden nodes, used or not."""
        return int(np.count_nonzero(self.nodes["kind"] == NodeKind.HIDDEN))

    @property
    def n_enabled(self) -> int:
        """Number of enabled connections."""
        return int(np.count_nonzero(self.connections["enabled"]))

    @property
    def is_recurrent(self) -> bool:
        """Whether any connection, enabled or not, carries its source's value of the step before."""
        return bool(self.connections["recurrent"].any())

    @property
    def has_time_constants(self) -> bool:
        """Whether any node follows what it computes with a time constant."""
        return bool(self.nodes["time_constant"].any())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Genome):
            return NotImplemented
        return self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return every gene's fields as bytes: equal if and only if the genomes are equal to the bit."""
        parts = [self.nodes[name].tobytes() for name in NODE_DTYPE.names or ()]
        parts += [self.connections[name].tobytes() for name in CONNECTION_DTYPE.names or ()]
        return b"".join([len(self.nodes).to_bytes(8, "little"), *parts])

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the arrays, and the names of functions of one's own."""
        return with_names(vars(self), self.nodes)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or deeply copied genome; its arrays are read-only as they were."""
        restore_frozen(self, state)

    def __repr__(self) -> str:
        return (
            f"Genome(inputs={self.n_inputs}, outputs={self.n_outputs}, hidden={self.n_hidden}, "
            f"connections={len(self.connections)}, enabled={self.n_enabled})"
        )


def make_genome(nodes: Sequence[tuple], connections: Sequence[tuple]) -> Genome:
    """Build a genome from plain tuples in field order, sorting both lists.

    A node is (id, bias, kind, activation code, aggregation code), and its time constant after that if it has one; a connection is (innovation, source id, target id,
    weight, enabled), and True after that if it is recurrent.
    """
    plain = len(NODE_DTYPE.names or ()) - 1
    node_array = np.array(sorted((*gene, 0.0) if len(gene) == plain else gene for gene in nodes), dtype=NODE_DTYPE)
    plain = len(CONNECTION_DTYPE.names or ()) - 1
    genes = sorted((*gene, False) if len(gene) == plain else gene for gene in connections)
    connection_array = np.array(genes, dtype=CONNECTION_DTYPE)
    return Genome(frozen(node_array), frozen(connection_array))
