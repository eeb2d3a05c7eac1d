"""Crossover by innovation alignment (Stanley and Miikkulainen 2002, section 3.2), compiled."""

import numpy as np

from propneat.base.native import inner
from propneat.evolution.editing import closes_cycle, find_node, insert_connection, insert_node, is_acyclic, remove_connection

__all__ = ["cross_genes"]


@inner
def _cross_nodes(child, fitter_nodes, other_nodes, average, rng):
    """All nodes of the fitter parent; matching ones mix their numbers and their functions with the other's."""
    j = 0
    for i in range(fitter_nodes.shape[0]):
        child[i] = fitter_nodes[i]
        while j < other_nodes.shape[0] and other_nodes[j].id < fitter_nodes[i].id:
            j += 1
        if j < other_nodes.shape[0] and other_nodes[j].id == fitter_nodes[i].id:
            if average:
                child[i].bias = 0.5 * (fitter_nodes[i].bias + other_nodes[j].bias)
            elif rng.random() < 0.5:
                child[i].bias = other_nodes[j].bias
            if rng.random() < 0.5:
                child[i].activation = other_nodes[j].activation
                child[i].aggregation = other_nodes[j].aggregation
                child[i].time_constant = other_nodes[j].time_constant
    return fitter_nodes.shape[0]


@inner
def _cross_connections(child, fitter_genes, other_genes, average, disabled_inheritance, rng):
    """All connections of the fitter parent; matching ones mix. Also marks the other parent's genes that matched."""
    matched = np.zeros(other_genes.shape[0], np.bool_)
    j = 0
    for i in range(fitter_genes.shape[0]):
        child[i] = fitter_genes[i]
        while j < other_genes.shape[0] and other_genes[j].innovation < fitter_genes[i].innovation:
            j += 1
        if j < other_genes.shape[0] and other_genes[j].innovation == fitter_genes[i].innovation:
            matched[j] = True
            if average:
                child[i].weight = 0.5 * (fitter_genes[i].weight + other_genes[j].weight)
            elif rng.random() < 0.5:
                child[i].weight = other_genes[j].weight
            if not (fitter_genes[i].enabled and other_genes[j].enabled):
                child[i].enabled = rng.random() >= disabled_inheritance
    return fitter_genes.shape[0], matched


@inner
def _insert_gene(connections, m, gene):
    return insert_connection(
        connections, m, gene.innovation, gene.source, gene.target, gene.weight, gene.enabled, gene.recurrent
    )


@inner
def _add_unmatched(nodes, n, connections, m, other_nodes, other_genes, matched):
    """Give the child the equally fit other parent's disjoint and excess genes, without those that close a cycle in a step."""
    n_before = m
    for j in range(other_genes.shape[0]):
        if matched[j]:
            continue
        gene = other_genes[j]
        for end in (gene.source, gene.target):
            if find_node(nodes, n, end) < 0:
                node = other_nodes[find_node(other_nodes, other_nodes.shape[0], end)]
                n = insert_node(nodes, n, node.id, node.kind, node.bias, node.activation, node.aggregation, node.time_constant)
        m = _insert_gene(connections, m, gene)
    if m == n_before or is_acyclic(nodes, n, connections, m):
        return n, m
    for j in range(other_genes.shape[0]):
        if not matched[j]:
            row = 0
            while connections[row].innovation != other_genes[j].innovation:
                row += 1
            m = remove_connection(connections, m, row)
    for j in range(other_genes.shape[0]):
        gene = other_genes[j]
        if not matched[j] and (gene.recurrent or not closes_cycle(nodes, n, connections, m, gene.source, gene.target)):
            m = _insert_gene(connections, m, gene)
    return n, m


@inner
def cross_genes(
    nodes, connections, fitter_nodes, fitter_genes, other_nodes, other_genes, tie, average_rate, disabled_inheritance, rng
):
    """Write the child of two genomes into a work buffer; returns its numbers of nodes and connections.

    Matching genes come from either parent at random, or averaged; disjoint and excess genes from the fitter one, and from both
    when `tie`, except those of the second parent that would close a cycle without being recurrent (a case the paper does not
    meet, its networks being allowed to be recurrent). A matching gene disabled in either parent is disabled with probability
    `disabled_inheritance`, else enabled.
    """
    average = rng.random() < average_rate
    n = _cross_nodes(nodes, fitter_nodes, other_nodes, average, rng)
    m, matched = _cross_connections(connections, fitter_genes, other_genes, average, disabled_inheritance, rng)
    if tie:
        n, m = _add_unmatched(nodes, n, connections, m, other_nodes, other_genes, matched)
    return n, m
