"""Compatibility distance of two genomes (Stanley and Miikkulainen 2002, equation 1), compiled."""

import numpy as np

from propneat.base.native import inner, outer
from propneat.evolution.config import EvolutionConfig
from propneat.genome import GenePool, Genome, NodeKind

__all__ = ["coefficients_of", "compatibility_distance", "gene_distance", "genes_of", "pool_arrays"]

_INPUT = int(NodeKind.INPUT)
_SMALL_GENOME = 20


@outer
def gene_distance(a_nodes, a_genes, b_nodes, b_genes, coefficients):
    """Excess and disjoint connections over the larger genome's size (1 below 20 genes), plus the mean difference of
    matching numbers: connection weights, biases of nodes other than inputs, and the logarithms of time constants, if there are any.
    """
    excess_coefficient, disjoint_coefficient, weight_coefficient = coefficients
    n_a, n_b = a_genes.shape[0], b_genes.shape[0]
    i, j, n_disjoint, n_matching = 0, 0, 0, 0
    difference = 0.0
    while i < n_a and j < n_b:
        if a_genes[i].innovation == b_genes[j].innovation:
            difference += abs(a_genes[i].weight - b_genes[j].weight)
            n_matching += 1
            i += 1
            j += 1
        elif a_genes[i].innovation < b_genes[j].innovation:
            n_disjoint += 1
            i += 1
        else:
            n_disjoint += 1
            j += 1
    n_excess = (n_a - i) + (n_b - j)
    i, j = 0, 0
    while i < a_nodes.shape[0] and j < b_nodes.shape[0]:
        if a_nodes[i].id == b_nodes[j].id:
            if a_nodes[i].kind != _INPUT:
                difference += abs(a_nodes[i].bias - b_nodes[j].bias)
                n_matching += 1
            if a_nodes[i].time_constant > 0 or b_nodes[j].time_constant > 0:
                ratio = max(a_nodes[i].time_constant, 1.0) / max(b_nodes[j].time_constant, 1.0)
                difference += abs(np.log(ratio))
                n_matching += 1
            i += 1
            j += 1
        elif a_nodes[i].id < b_nodes[j].id:
            i += 1
        else:
            j += 1
    size = max(n_a, n_b)
    scale = 1.0 if size < _SMALL_GENOME else 1.0 / size
    mean_difference = difference / n_matching if n_matching > 0 else 0.0
    return scale * (excess_coefficient * n_excess + disjoint_coefficient * n_disjoint) + weight_coefficient * mean_difference


@inner
def genes_of(pool, g):
    """Node genes and connection genes of genome g of a pool, given as `pool_arrays`."""
    nodes, node_start, genes, gene_start = pool
    return nodes[node_start[g] : node_start[g + 1]], genes[gene_start[g] : gene_start[g + 1]]


def pool_arrays(pool: GenePool) -> tuple[np.ndarray, ...]:
    """Return a pool as compiled code takes it: (nodes, node_start, connections, connection_start)."""
    return pool.nodes, pool.node_start, pool.connections, pool.connection_start


def coefficients_of(config: EvolutionConfig) -> tuple[float, float, float]:
    """Return the weights of excess genes, of disjoint genes and of the mean difference."""
    return config.excess_coefficient, config.disjoint_coefficient, config.weight_coefficient


def compatibility_distance(a: Genome, b: Genome, config: EvolutionConfig) -> float:
    """Return the compatibility distance of two genomes of one run.

    delta = (c1 * excess + c2 * disjoint) / N + c3 * mean |difference|, N being the larger number of connection genes, or 1
    when that is below 20. Departure: biases are numbers of nodes here, not connections from a bias node, so the biases of
    matching nodes join the mean.
    """
    return float(gene_distance(a.nodes, a.connections, b.nodes, b.connections, coefficients_of(config)))
