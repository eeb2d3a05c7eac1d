"""A population cut into layers for batched products: the index arrays behind the padded engine.

Every slot's values are one row of a table: row 0 is zeros, then come the inputs, which all genomes share, then the nodes layer
by layer. Only matrices and their gathered sources are padded, to the most nodes and sources of any genome in the layer.
"""

from dataclasses import dataclass

import numpy as np

from propneat.compiler import PopulationPlan
from propneat.compiler.arrangement import join_kinds, join_name
from propneat.genome import AGGREGATIONS
from propneat.training.flat_plan import FlatPlan, number_through

__all__ = ["PaddedLayer", "PaddedPopulation", "TermTable", "pad_population"]

_MEAN = AGGREGATIONS.index("mean")


@dataclass(frozen=True, eq=False)
class TermTable:
    """Nodes of a layer that join terms by product, max or min, or in a way of one's own; filling repeats a node's first edge."""

    join: str
    sources: np.ndarray
    """Place of every term's source among the layer's gathered sources, int64, shape (n_nodes, most terms)."""
    edges: np.ndarray
    """Place of every term's weight among the layer's numbers, int64, shape (n_nodes, most terms)."""
    is_term: np.ndarray
    """Whether a place is a term and not filling, bool, shape (n_nodes, most terms)."""


@dataclass(frozen=True, eq=False)
class PaddedLayer:
    """All nodes of one depth, of the genomes that reach it."""

    shape: tuple[int, int, int]
    """Genomes, most nodes, most sources: the matrices of the nodes that sum or average."""
    numbers: np.ndarray
    """The layer's numbers, counted as in FlatPlan: weights of its edges, then a bias per node in order of computation."""
    sources: np.ndarray
    """Table row of every gathered source, int64, shape (genomes * most sources,); 0 is filling."""
    draws_on_nodes: bool
    """Whether any source is a node, so that a gradient has to be passed on."""
    places: np.ndarray
    """Place in the matrices, read row by row, of every edge that has one, int64."""
    edges: np.ndarray
    """Place of that edge's weight among the layer's numbers, int64."""
    divisor: np.ndarray
    """What that weight is divided by: the number of terms of a mean, else 1."""
    tables: tuple[TermTable, ...]
    picked: np.ndarray
    """Row of every node, in order of computation, among the rows of all matrices followed by those of the tables."""
    activation_runs: tuple[tuple[int, int], ...]
    """(activation code, number of nodes) of the runs of nodes that the order of computation consists of."""
    first_row: int
    """Table row of the first node."""

    @property
    def n_nodes(self) -> int:
        """Number of nodes, without filling."""
        return len(self.picked)

    @property
    def n_rows(self) -> int:
        """Rows that are held for the layer at most, beside the tables of values and gradients: forward and once more back."""
        n_genomes, most_nodes, most_sources = self.shape
        n_terms = sum(table.edges.size for table in self.tables)
        return 2 * n_genomes * (most_nodes + most_sources) + 6 * n_terms + 6 * self.n_nodes


@dataclass(frozen=True, eq=False)
class PaddedPopulation:
    """The layers of a population, the number of rows in its table, and the table rows of its outputs (n_genomes, n_outputs)."""

    layers: tuple[PaddedLayer, ...]
    n_rows: int
    outputs: np.ndarray

    def bytes_needed(self, batch_rows: int, item_bytes: int) -> int:
        """Estimate, from above, the bytes that values, matrices and gradients take in a step on `batch_rows` rows.

        Counted are the tables of values and of gradients, what every layer holds until its gradient is known, two matrices
        per layer, and three copies of the outputs for the loss.
        """
        rows = 2 * self.n_rows + sum(layer.n_rows for layer in self.layers) + 3 * self.outputs.size
        matrices = sum(int(np.prod(layer.shape)) for layer in self.layers)
        return item_bytes * (rows * batch_rows + 2 * matrices)


def pad_population(plan: PopulationPlan) -> PaddedPopulation:
    """Cut a plan into layers by longest path from the inputs."""
    flat = number_through(plan)
    order = np.lexsort((plan.activation, plan.depth))
    n_inputs_of_all = int(np.count_nonzero(plan.depth == 0))
    layer_start = np.searchsorted(plan.depth[order], np.arange(1, plan.depth.max(initial=0) + 2))
    table_row = np.empty(flat.n_slots, np.int64)
    table_row[order] = np.arange(flat.n_slots) - n_inputs_of_all + 1 + plan.n_inputs
    inputs = np.flatnonzero(plan.depth == 0)
    table_row[inputs] = 1 + inputs - plan.slot_start[flat.slot_genome[inputs]]
    layers = [
        _pad_layer(plan, flat, order[first:last], table_row)
        for first, last in zip(layer_start[:-1], layer_start[1:], strict=True)
    ]
    n_rows = 1 + plan.n_inputs + flat.n_slots - n_inputs_of_all
    return PaddedPopulation(tuple(layers), n_rows, table_row[plan.output_slot + plan.slot_start[:-1, None]])


def _ranks(genomes: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Number the genomes that occur in a sorted list, and the entries of each from 0; the most entries that any has."""
    _, first, which, counts = np.unique(genomes, return_index=True, return_inverse=True, return_counts=True)
    return which, np.arange(len(genomes)) - first[which], int(counts.max(initial=0))


def _pad_layer(plan: PopulationPlan, flat: FlatPlan, nodes: np.ndarray, table_row: np.ndarray) -> PaddedLayer:
    """Index one layer; `nodes` are its slots in order of computation."""
    by_slot = np.sort(nodes)
    which, row, most_nodes = _ranks(flat.slot_genome[by_slot])
    n_terms = flat.edge_start[by_slot + 1] - flat.edge_start[by_slot]
    node = np.repeat(np.arange(len(by_slot)), n_terms)
    edges = flat.edge_start[by_slot][node] + np.arange(len(node)) - np.repeat(np.cumsum(n_terms) - n_terms, n_terms)
    sources, source = np.unique(flat.edge_source[edges], return_inverse=True)
    # a genome without edges in this layer has no sources, so genomes are found by name
    source_genome = flat.slot_genome[sources]
    _, column, most_sources = _ranks(source_genome)
    column = np.searchsorted(flat.slot_genome[by_slot][row == 0], source_genome) * most_sources + column
    n_genomes = int(which[-1]) + 1
    gathered = np.zeros(n_genomes * most_sources, np.int64)
    gathered[column] = table_row[sources]
    kind = join_kinds(plan.aggregation[by_slot], n_terms)
    is_linear = kind[node] == 0
    matrix_row = which * most_nodes + row
    tables, place = _term_tables(kind, n_terms, column[source])
    for number, rows in enumerate(place):
        matrix_row[rows] = n_genomes * most_nodes + sum(map(len, place[:number])) + np.arange(len(rows))
    codes, counts = np.unique(plan.activation[nodes], return_counts=True)
    return PaddedLayer(
        shape=(n_genomes, most_nodes, most_sources),
        numbers=np.concatenate([edges, flat.n_edges + nodes]),
        sources=gathered,
        draws_on_nodes=bool((table_row[sources] > plan.n_inputs).any()),
        places=(matrix_row[node] * most_sources + column[source] % max(most_sources, 1))[is_linear],
        edges=np.flatnonzero(is_linear),
        divisor=np.where(plan.aggregation[by_slot] == _MEAN, n_terms, 1)[node][is_linear],
        tables=tables,
        picked=matrix_row[np.searchsorted(by_slot, nodes)],
        activation_runs=tuple(zip(codes.tolist(), counts.tolist(), strict=True)),
        first_row=int(table_row[nodes[0]]),
    )


def _term_tables(
    kind: np.ndarray, n_terms: np.ndarray, source_of_edge: np.ndarray
) -> tuple[tuple[TermTable, ...], list[np.ndarray]]:
    """Return a table per way of joining that occurs, and the nodes of each."""
    first = np.cumsum(n_terms) - n_terms
    tables, place = [], []
    for own in np.unique(kind[kind > 0]):
        nodes = np.flatnonzero(kind == own)
        term = np.arange(n_terms[nodes].max())
        is_term = term < n_terms[nodes, None]
        edges = first[nodes, None] + np.where(is_term, term, 0)
        tables.append(TermTable(join_name(own), source_of_edge[edges], edges, is_term))
        place.append(nodes)
    return tuple(tables), place
