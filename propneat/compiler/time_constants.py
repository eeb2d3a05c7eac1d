"""Nodes with a time constant as nodes without one: the node as it was, and a second that follows it with a loop on itself.

A node with time constant tau, in steps, is one of a continuous-time recurrent network (Beer 1995, as in neat-python), taken in
Euler steps of one step: y[t] = y[t-1] + (activation(...) - y[t-1]) / tau. So y is the sum of what it computes, times 1 / tau,
and its own value of the step before, times 1 - 1 / tau. These two weights are fixed: no gene holds them, and nothing trains them.
"""

import numpy as np

from propneat.genome import GenePool, Genome, NodeKind, activation_code, aggregation_code, frozen

__all__ = ["spelled_out", "timeless"]

_IDENTITY, _SUM = activation_code("identity"), aggregation_code("sum")


def timeless(pool: GenePool) -> GenePool:
    """Return the pool without time constants."""
    if not pool.nodes["time_constant"].any():
        return pool
    nodes = pool.nodes.copy()
    nodes["time_constant"] = 0.0
    return GenePool(frozen(nodes), pool.node_start, pool.connections, pool.connection_start)


def spelled_out(pool: GenePool) -> tuple[GenePool, np.ndarray, np.ndarray]:
    """Return the pool with two nodes for each that has a time constant, and where every node and connection comes from.

    Both count within their genome, int64, a connection that no gene holds being -1.
    """
    parts = [_spell_out(genome) for genome in pool]
    genomes, node_rows, gene_rows = zip(*parts, strict=True)
    return GenePool.pack(genomes), np.concatenate(node_rows), np.concatenate(gene_rows)


def _spell_out(genome: Genome) -> tuple[Genome, np.ndarray, np.ndarray]:
    rows = np.flatnonzero(genome.nodes["time_constant"])
    nodes, connections = genome.nodes.copy(), genome.connections.copy()
    slow = nodes[rows]
    inner, loops = slow.copy(), np.zeros(2 * len(rows), connections.dtype)
    inner["id"], inner["kind"] = nodes["id"].max() + 1 + np.arange(len(rows)), NodeKind.HIDDEN
    moved = np.isin(connections["target"], slow["id"])
    connections["target"][moved] = inner["id"][np.searchsorted(slow["id"], connections["target"][moved])]
    for name, value in (("bias", 0.0), ("activation", _IDENTITY), ("aggregation", _SUM)):
        nodes[name][rows] = value
    loops["innovation"] = connections["innovation"].max(initial=-1) + 1 + np.arange(len(loops))
    loops["source"], loops["target"] = np.concatenate([inner["id"], slow["id"]]), np.tile(slow["id"], 2)
    share = 1.0 / slow["time_constant"]
    loops["weight"], loops["enabled"] = np.concatenate([share, 1.0 - share]), True
    loops["recurrent"][len(rows) :] = True
    nodes, connections = np.concatenate([nodes, inner]), np.concatenate([connections, loops])
    nodes["time_constant"] = 0.0
    node_rows = np.concatenate([np.arange(len(genome.nodes)), rows])
    gene_rows = np.concatenate([np.arange(len(genome.connections)), np.full(len(loops), -1)])
    return Genome(frozen(nodes), frozen(connections)), node_rows, gene_rows
