"""Compiled graph passes: reachability, longest-path depth and slot order of every genome in a pool, in linear time."""

import numpy as np

from propneat.base.native import inner, outer
from propneat.genome.genes import NodeKind

__all__ = ["plan_pool"]

_INPUT = int(NodeKind.INPUT)
_OUTPUT = int(NodeKind.OUTPUT)


@inner
def _row_of(nodes, identifier):
    """Binary search for the row of a node id in nodes sorted by id."""
    low, high = 0, nodes.shape[0] - 1
    while low < high:
        middle = (low + high) // 2
        if nodes[middle].id < identifier:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def _adjacency(near, chosen, n_nodes):
    """Group the chosen connections by their node row `near`: those of row r are `edges[start[r]:start[r + 1]]`."""
    start = np.zeros(n_nodes + 1, np.int64)
    for edge in range(near.shape[0]):
        if chosen[edge]:
            start[near[edge] + 1] += 1
    for row in range(n_nodes):
        start[row + 1] += start[row]
    edges = np.empty(start[n_nodes], np.int64)
    fill = start[:-1].copy()
    for edge in range(near.shape[0]):
        if chosen[edge]:
            edges[fill[near[edge]]] = edge
            fill[near[edge]] += 1
    return start, edges


@inner
def _mark_needed(nodes, in_start, in_edges, source_row):
    """Mark inputs, outputs, and every node from which an output can be reached, in this step or a later one."""
    n_nodes = nodes.shape[0]
    needed = np.zeros(n_nodes, np.bool_)
    stack = np.empty(n_nodes, np.int64)
    top = 0
    for row in range(n_nodes):
        if nodes[row].kind == _OUTPUT:
            needed[row] = True
            stack[top] = row
            top += 1
    while top > 0:
        top -= 1
        row = stack[top]
        for k in range(in_start[row], in_start[row + 1]):
            source = source_row[in_edges[k]]
            if not needed[source]:
                needed[source] = True
                stack[top] = source
                top += 1
    for row in range(n_nodes):
        if nodes[row].kind == _INPUT:
            needed[row] = True
    return needed


@inner
def _longest_paths(nodes, needed, waiting, out_start, out_edges, target_row):
    """Depth of every needed node: 0 for inputs, else 1 + the deepest source; -1 for nodes that are not needed.

    `waiting` counts the connections of this step into every node, and is used up. A node that has none and is no input itself
    emits a constant, or waits for nothing but values of the step before, and has depth 1.
    """
    n_nodes = nodes.shape[0]
    depth = np.full(n_nodes, -1, np.int64)
    queue = np.empty(n_nodes, np.int64)
    tail = 0
    for row in range(n_nodes):
        if needed[row] and waiting[row] == 0:
            depth[row] = 0 if nodes[row].kind == _INPUT else 1
            queue[tail] = row
            tail += 1
    head = 0
    while head < tail:
        row = queue[head]
        head += 1
        for k in range(out_start[row], out_start[row + 1]):
            target = target_row[out_edges[k]]
            if needed[target]:
                depth[target] = max(depth[target], depth[row] + 1)
                waiting[target] -= 1
                if waiting[target] == 0:
                    queue[tail] = target
                    tail += 1
    return depth


@inner
def _slots_by_depth(depth):
    """Order the needed rows by (depth, row); returns the row of every slot and the slot of every row (-1: none)."""
    n_nodes = depth.shape[0]
    start = np.zeros(n_nodes + 2, np.int64)
    for row in range(n_nodes):
        if depth[row] >= 0:
            start[depth[row] + 1] += 1
    for level in range(n_nodes + 1):
        start[level + 1] += start[level]
    slot_row = np.empty(start[n_nodes + 1], np.int64)
    slot_of = np.full(n_nodes, -1, np.int64)
    for row in range(n_nodes):
        if depth[row] >= 0:
            slot = start[depth[row]]
            start[depth[row]] += 1
            slot_row[slot] = row
            slot_of[row] = slot
    return slot_row, slot_of


@inner
def _place_edges(slot_row, slot_of, first, last, out, target_row, fill, edge_source_out, edge_gene_out):
    """Put the edges that leave slots `first` to `last` - 1 into the next free places of their targets, in slot order."""
    out_start, out_edges = out
    for slot in range(first, last):
        row = slot_row[slot]
        for k in range(out_start[row], out_start[row + 1]):
            edge = out_edges[k]
            target = slot_of[target_row[edge]]
            edge_source_out[fill[target]] = slot
            edge_gene_out[fill[target]] = edge
            fill[target] += 1


@inner
def _plan_one(nodes, connections, slot_row_out, depth_out, edge_count_out, edge_source_out, edge_gene_out):
    """Plan one genome into its part of the output arrays; returns its number of slots and of edges."""
    n_nodes, n_connections = nodes.shape[0], connections.shape[0]
    source_row = np.empty(n_connections, np.int64)
    target_row = np.empty(n_connections, np.int64)
    enabled = np.empty(n_connections, np.bool_)
    n_inputs = 0
    for row in range(n_nodes):
        n_inputs += nodes[row].kind == _INPUT
    for edge in range(n_connections):
        source_row[edge] = _row_of(nodes, connections[edge].source)
        target_row[edge] = _row_of(nodes, connections[edge].target)
        enabled[edge] = connections[edge].enabled
    in_start, in_edges = _adjacency(target_row, enabled, n_nodes)
    needed = _mark_needed(nodes, in_start, in_edges, source_row)
    waiting = np.zeros(n_nodes, np.int64)
    late = np.zeros(n_connections, np.bool_)
    for edge in range(n_connections):
        enabled[edge] = enabled[edge] and needed[target_row[edge]]
        if enabled[edge] and connections[edge].recurrent:
            late[edge], enabled[edge] = True, False
        waiting[target_row[edge]] += enabled[edge]
    out = _adjacency(source_row, enabled, n_nodes)
    depth = _longest_paths(nodes, needed, waiting, out[0], out[1], target_row)
    slot_row, slot_of = _slots_by_depth(depth)
    n_slots = slot_row.shape[0]
    fill = np.zeros(n_slots + 1, np.int64)
    for slot in range(n_slots):
        row = slot_row[slot]
        slot_row_out[slot] = row
        depth_out[slot] = depth[row]
        n_in = in_start[row + 1] - in_start[row]
        edge_count_out[slot] = n_in
        fill[slot + 1] = fill[slot] + n_in
    n_edges = fill[n_slots]
    # a slot's edges in the order in which their values are known: inputs, the step before, this step
    before = _adjacency(source_row, late, n_nodes)
    _place_edges(slot_row, slot_of, 0, n_inputs, out, target_row, fill, edge_source_out, edge_gene_out)
    _place_edges(slot_row, slot_of, n_inputs, n_slots, before, target_row, fill, edge_source_out, edge_gene_out)
    _place_edges(slot_row, slot_of, n_inputs, n_slots, out, target_row, fill, edge_source_out, edge_gene_out)
    return n_slots, n_edges


@outer
def plan_pool(nodes, node_start, connections, connection_start):
    """Plan every genome of a pool.

    Returns (slot_start, slot_row, depth, edge_count, genome_edge_start, edge_source, edge_gene): slots and edges of all
    genomes end to end, `slot_row` and `edge_gene` as rows within their own genome, `edge_source` as slots within their
    own genome, `edge_count` the number of edges into each slot.
    """
    n_genomes = node_start.shape[0] - 1
    slot_start = np.zeros(n_genomes + 1, np.int64)
    genome_edge_start = np.zeros(n_genomes + 1, np.int64)
    slot_row = np.empty(nodes.shape[0], np.int64)
    depth = np.empty(nodes.shape[0], np.int32)
    edge_count = np.empty(nodes.shape[0], np.int64)
    edge_source = np.empty(connections.shape[0], np.int32)
    edge_gene = np.empty(connections.shape[0], np.int64)
    for g in range(n_genomes):
        s, e = slot_start[g], genome_edge_start[g]
        n_slots, n_edges = _plan_one(
            nodes[node_start[g] : node_start[g + 1]],
            connections[connection_start[g] : connection_start[g + 1]],
            slot_row[s:],
            depth[s:],
            edge_count[s:],
            edge_source[e:],
            edge_gene[e:],
        )
        slot_start[g + 1] = s + n_slots
        genome_edge_start[g + 1] = e + n_edges
    n_slots, n_edges = slot_start[n_genomes], genome_edge_start[n_genomes]
    return (
        slot_start,
        slot_row[:n_slots].copy(),
        depth[:n_slots].copy(),
        edge_count[:n_slots].copy(),
        genome_edge_start,
        edge_source[:n_edges].copy(),
        edge_gene[:n_edges].copy(),
    )
