"""Compiled edits of one genome in a work buffer: sorted insertion, removal, lookup, and the acyclicity test.

A work buffer is a pair of gene arrays with room to spare and the numbers of genes in use, `n` nodes and `m` connections.
"""

import numpy as np

from propneat.base.native import inner
from propneat.genome import NodeKind

__all__ = [
    "closes_cycle",
    "find_node",
    "insert_connection",
    "insert_node",
    "is_acyclic",
    "remove_connection",
    "remove_isolated",
    "remove_node",
]

_HIDDEN = int(NodeKind.HIDDEN)


@inner
def _lower_node(nodes, n, identifier):
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if nodes[middle].id < identifier:
            low = middle + 1
        else:
            high = middle
    return low


@inner
def find_node(nodes, n, identifier):
    """Row of a node id, or -1."""
    row = _lower_node(nodes, n, identifier)
    return row if row < n and nodes[row].id == identifier else -1


@inner
def insert_node(nodes, n, identifier, kind, bias, activation, aggregation, time_constant):
    """Insert a node gene in id order; returns the new number of nodes."""
    row = _lower_node(nodes, n, identifier)
    for k in range(n, row, -1):
        nodes[k] = nodes[k - 1]
    nodes[row].id = identifier
    nodes[row].kind = kind
    nodes[row].bias = bias
    nodes[row].activation = activation
    nodes[row].aggregation = aggregation
    nodes[row].time_constant = time_constant
    return n + 1


@inner
def insert_connection(connections, m, innovation, source, target, weight, enabled, recurrent):
    """Insert a connection gene in innovation order; returns the new number of connections."""
    row = m
    while row > 0 and connections[row - 1].innovation > innovation:
        connections[row] = connections[row - 1]
        row -= 1
    connections[row].innovation = innovation
    connections[row].source = source
    connections[row].target = target
    connections[row].weight = weight
    connections[row].enabled = enabled
    connections[row].recurrent = recurrent
    return m + 1


@inner
def remove_connection(connections, m, row):
    """Remove one connection gene; returns the new number of connections."""
    for k in range(row, m - 1):
        connections[k] = connections[k + 1]
    return m - 1


@inner
def remove_node(nodes, n, connections, m, row):
    """Remove one node gene and every connection that touches it; returns both new numbers."""
    identifier = nodes[row].id
    for k in range(row, n - 1):
        nodes[k] = nodes[k + 1]
    kept = 0
    for k in range(m):
        if connections[k].source != identifier and connections[k].target != identifier:
            connections[kept] = connections[k]
            kept += 1
    return n - 1, kept


@inner
def remove_isolated(nodes, n, connections, m):
    """Remove hidden nodes that no connection gene touches; returns the new number of nodes."""
    touched = np.zeros(n, np.bool_)
    for k in range(m):
        touched[_lower_node(nodes, n, connections[k].source)] = True
        touched[_lower_node(nodes, n, connections[k].target)] = True
    kept = 0
    for row in range(n):
        if touched[row] or nodes[row].kind != _HIDDEN:
            nodes[kept] = nodes[row]
            kept += 1
    return kept


@inner
def _out_edges(nodes, n, connections, m):
    """Connections but the recurrent ones, grouped by source row: target rows `targets[start[r]:start[r + 1]]`."""
    start = np.zeros(n + 1, np.int64)
    source_row = np.empty(m, np.int64)
    for k in range(m):
        if not connections[k].recurrent:
            source_row[k] = _lower_node(nodes, n, connections[k].source)
            start[source_row[k] + 1] += 1
    for row in range(n):
        start[row + 1] += start[row]
    fill = start[:-1].copy()
    targets = np.empty(start[n], np.int64)
    for k in range(m):
        if not connections[k].recurrent:
            targets[fill[source_row[k]]] = _lower_node(nodes, n, connections[k].target)
            fill[source_row[k]] += 1
    return start, targets


@inner
def closes_cycle(nodes, n, connections, m, source, target):
    """Whether a new connection source -> target would close a cycle of connections within a step, disabled ones counted too."""
    goal = _lower_node(nodes, n, source)
    start, targets = _out_edges(nodes, n, connections, m)
    seen = np.zeros(n, np.bool_)
    stack = np.empty(n, np.int64)
    stack[0] = _lower_node(nodes, n, target)
    seen[stack[0]] = True
    top = 1
    while top > 0:
        top -= 1
        row = stack[top]
        if row == goal:
            return True
        for k in range(start[row], start[row + 1]):
            if not seen[targets[k]]:
                seen[targets[k]] = True
                stack[top] = targets[k]
                top += 1
    return False


@inner
def is_acyclic(nodes, n, connections, m):
    """Kahn's test over all connections but the recurrent ones, disabled ones included."""
    start, targets = _out_edges(nodes, n, connections, m)
    waiting = np.zeros(n, np.int64)
    for k in range(targets.shape[0]):
        waiting[targets[k]] += 1
    queue = np.empty(n, np.int64)
    tail = 0
    for row in range(n):
        if waiting[row] == 0:
            queue[tail] = row
            tail += 1
    head = 0
    while head < tail:
        row = queue[head]
        head += 1
        for k in range(start[row], start[row + 1]):
            waiting[targets[k]] -= 1
            if waiting[targets[k]] == 0:
                queue[tail] = targets[k]
                tail += 1
    return tail == n
