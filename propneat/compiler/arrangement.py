"""How a layer plan falls into blocks of nodes that are computed together: the index arrays behind the torch module."""

from dataclasses import dataclass

import numpy as np

from propneat.compiler.plan import LayerPlan
from propneat.genome import AGGREGATIONS

__all__ = ["Arrangement", "MatrixBlock", "TermBlock", "arrange", "join_kinds", "join_name"]

_SUM = AGGREGATIONS.index("sum")
_MEAN = AGGREGATIONS.index("mean")
_CODES = 128
"""More than there are aggregations."""


@dataclass(frozen=True, eq=False)
class MatrixBlock:
    """Nodes of one layer that sum or average: a dense (n_nodes, n_sources) matrix times rows of earlier pieces."""

    n_nodes: int
    activation_runs: tuple[tuple[int, int], ...]
    """(activation code, number of nodes) of every run; each run is a piece that later blocks draw from."""
    drawn_from: tuple[int, ...]
    """Numbers of the pieces that are concatenated: 0 is the network's inputs, the others are runs in order of computation."""
    source_rows: np.ndarray
    """Rows of that concatenation that the matrix multiplies, int64, shape (n_sources,)."""
    edges: np.ndarray
    """The block's edges, int64, shape (n_block_edges,)."""
    places: np.ndarray
    """Place of every edge in the matrix read row by row, int64, shape (n_block_edges,)."""
    divisor: np.ndarray
    """What every weight is divided by, int64, shape (n_block_edges,): the number of terms of a mean, else 1."""


@dataclass(frozen=True, eq=False)
class TermBlock:
    """Nodes of one layer that join terms by product, max or min, or in a way of one's own: terms weight * value in a padded table."""

    join: str
    n_nodes: int
    activation_runs: tuple[tuple[int, int], ...]
    drawn_from: tuple[int, ...]
    source_rows: np.ndarray
    """Row of the concatenation behind every term, int64, shape (n_nodes, most terms)."""
    edges: np.ndarray
    """Edge of every term, int64, shape (n_nodes, most terms), in edge order; filling repeats the node's first edge."""
    is_edge: np.ndarray
    """Whether a place of the table is an edge and not filling, bool, shape (n_nodes, most terms)."""


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A plan's blocks in order of computation, the slots in that order, and where the outputs are found.

    `order` holds the slot of every position, int64 (n_slots,), inputs first. The outputs are rows `output_rows`, int64
    (n_outputs,), of the concatenated pieces `output_pieces`.
    """

    blocks: tuple[MatrixBlock | TermBlock, ...]
    order: np.ndarray
    output_pieces: tuple[int, ...]
    output_rows: np.ndarray

    @property
    def matrix_sizes(self) -> list[int]:
        """Number of places in the matrix of every block, 0 for a TermBlock; in memory the matrices lie end to end."""
        return [block.n_nodes * len(block.source_rows) if isinstance(block, MatrixBlock) else 0 for block in self.blocks]

    def matrix_entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return (edge, place among all matrices, divisor) of every edge that has a place in a matrix."""
        sizes = self.matrix_sizes
        starts = np.cumsum(sizes) - sizes
        matrices = [(start, block) for start, block in zip(starts, self.blocks, strict=True) if isinstance(block, MatrixBlock)]
        nothing = np.zeros(0, np.int64)
        return (
            np.concatenate([nothing, *(block.edges for _, block in matrices)]),
            np.concatenate([nothing, *(start + block.places for start, block in matrices)]),
            np.concatenate([nothing, *(block.divisor for _, block in matrices)]),
        )


def arrange(plan: LayerPlan) -> Arrangement:
    """Sort the slots of a plan by layer, then by way of joining, then by activation, and index every block's sources.

    See `join_kinds` for what is joined alike.
    """
    join = join_kinds(plan.aggregation, np.diff(plan.edge_start))
    order = np.lexsort((plan.activation, join, plan.depth))
    position = np.argsort(order)
    block_start = _starts(plan, order, plan.depth, join)
    piece_start = np.concatenate([[0], _starts(plan, order, plan.depth, join, plan.activation)])
    source_position = position[plan.edge_source]
    blocks: list[MatrixBlock | TermBlock] = []
    for first, last in zip(block_start[:-1], block_start[1:], strict=True):
        nodes = order[first:last]
        if join[nodes[0]] == _SUM:
            blocks.append(_matrix_block(plan, nodes, source_position, piece_start))
        else:
            blocks.append(_term_block(plan, nodes, source_position, piece_start))
    output_pieces, output_rows = _draw(position[plan.output_slot], piece_start)
    return Arrangement(tuple(blocks), order, output_pieces, output_rows)


def join_kinds(aggregation: np.ndarray, n_terms: np.ndarray) -> np.ndarray:
    """Return a number for how each node joins its terms, int64: 0 for sums and means, the aggregation's code for others.

    A node with fewer than two terms joins them the same way under every built-in aggregation and counts as a sum. With one's own
    a single term counts too, and kinds of as many terms each differ, so that none of their tables is filled.
    """
    is_own = (aggregation >= len(AGGREGATIONS)) & (n_terms > 0)
    joins_terms = (n_terms > 1) & (aggregation != _MEAN)
    return np.where(joins_terms | is_own, aggregation + np.where(is_own, _CODES * n_terms, 0), _SUM)


def join_name(kind: int) -> str:
    """Return the name of the aggregation of a kind that is not 0."""
    return AGGREGATIONS[kind % _CODES]


def _starts(plan: LayerPlan, order: np.ndarray, *keys: np.ndarray) -> np.ndarray:
    """Positions after the inputs where any key changes, and the number of slots at the end."""
    first = plan.n_inputs
    changes = np.any([key[order[first + 1 :]] != key[order[first:-1]] for key in keys], axis=0)
    return np.concatenate([[first], first + 1 + np.flatnonzero(changes), [plan.n_slots]])


def _draw(positions: np.ndarray, piece_start: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """Return the pieces that hold some positions, and each position's row in their concatenation."""
    piece = np.searchsorted(piece_start, positions, side="right") - 1
    drawn, which = np.unique(piece, return_inverse=True)
    widths = piece_start[drawn + 1] - piece_start[drawn]
    base = np.cumsum(widths) - widths
    return tuple(drawn.tolist()), base[which] + positions - piece_start[piece]


def _matrix_block(plan: LayerPlan, nodes: np.ndarray, source_position: np.ndarray, piece_start: np.ndarray) -> MatrixBlock:
    n_terms = np.diff(plan.edge_start)[nodes]
    node = np.repeat(np.arange(len(nodes)), n_terms)
    within = np.arange(len(node)) - np.repeat(np.cumsum(n_terms) - n_terms, n_terms)
    edges = plan.edge_start[nodes][node] + within
    drawn_from, rows = _draw(source_position[edges], piece_start)
    source_rows, column = np.unique(rows, return_inverse=True)
    return MatrixBlock(
        n_nodes=len(nodes),
        activation_runs=_activation_runs(plan, nodes),
        drawn_from=drawn_from or (0,),
        source_rows=source_rows,
        edges=edges,
        places=node * len(source_rows) + column,
        divisor=np.where(plan.aggregation[nodes] == _MEAN, n_terms, 1)[node],
    )


def _term_block(plan: LayerPlan, nodes: np.ndarray, source_position: np.ndarray, piece_start: np.ndarray) -> TermBlock:
    n_terms = np.diff(plan.edge_start)[nodes]
    term = np.arange(n_terms.max())
    is_edge = term < n_terms[:, None]
    edges = plan.edge_start[nodes][:, None] + np.where(is_edge, term, 0)
    drawn_from, rows = _draw(source_position[edges.ravel()], piece_start)
    return TermBlock(
        join=AGGREGATIONS[plan.aggregation[nodes[0]]],
        n_nodes=len(nodes),
        activation_runs=_activation_runs(plan, nodes),
        drawn_from=drawn_from,
        source_rows=rows.reshape(edges.shape),
        edges=edges,
        is_edge=is_edge,
    )


def _activation_runs(plan: LayerPlan, nodes: np.ndarray) -> tuple[tuple[int, int], ...]:
    codes, counts = np.unique(plan.activation[nodes], return_counts=True)
    return tuple(zip(codes.tolist(), counts.tolist(), strict=True))
