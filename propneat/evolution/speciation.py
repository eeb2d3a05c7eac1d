"""Compatibility distance and species (Stanley and Miikkulainen 2002, equation 1), compiled."""

import numpy as np

from propneat.evolution.config import EvolutionConfig
from propneat.genome import GenePool, Genome, NodeKind
from propneat.native import outer

__all__ = ["assign_species", "compatibility_distance"]

_INPUT = int(NodeKind.INPUT)
_SMALL_GENOME = 20


@outer
def _distance(a_nodes, a_genes, b_nodes, b_genes, excess_coefficient, disjoint_coefficient, weight_coefficient):
    """Excess and disjoint connections over the larger genome's size (1 below 20 genes), plus the mean difference of
    matching numbers: connection weights, and biases of nodes other than inputs.
    """
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


@outer
def _assign(pool, representatives, threshold, excess_coefficient, disjoint_coefficient, weight_coefficient):
    nodes, node_start, genes, gene_start = pool
    r_nodes, r_node_start, r_genes, r_gene_start = representatives
    n_genomes, n_known = node_start.shape[0] - 1, r_node_start.shape[0] - 1
    species = np.full(n_genomes, -1, np.int64)
    founder = np.empty(n_genomes, np.int64)
    n_new = 0
    for g in range(n_genomes):
        g_nodes = nodes[node_start[g] : node_start[g + 1]]
        g_genes = genes[gene_start[g] : gene_start[g + 1]]
        for k in range(n_known + n_new):
            if k < n_known:
                k_nodes = r_nodes[r_node_start[k] : r_node_start[k + 1]]
                k_genes = r_genes[r_gene_start[k] : r_gene_start[k + 1]]
            else:
                f = founder[k - n_known]
                k_nodes = nodes[node_start[f] : node_start[f + 1]]
                k_genes = genes[gene_start[f] : gene_start[f + 1]]
            d = _distance(g_nodes, g_genes, k_nodes, k_genes, excess_coefficient, disjoint_coefficient, weight_coefficient)
            if d < threshold:
                species[g] = k
                break
        if species[g] < 0:
            species[g] = n_known + n_new
            founder[n_new] = g
            n_new += 1
    return species, founder[:n_new].copy()


def _arrays(pool: GenePool) -> tuple[np.ndarray, ...]:
    return pool.nodes, pool.node_start, pool.connections, pool.connection_start


def compatibility_distance(a: Genome, b: Genome, config: EvolutionConfig) -> float:
    """Return the compatibility distance of two genomes of one run.

    delta = (c1 * excess + c2 * disjoint) / N + c3 * mean |difference|, N being the larger number of connection genes, or 1
    when that is below 20. Departure: biases are numbers of nodes here, not connections from a bias node, so the biases of
    matching nodes join the mean.
    """
    return float(
        _distance(
            a.nodes,
            a.connections,
            b.nodes,
            b.connections,
            float(config.excess_coefficient),
            float(config.disjoint_coefficient),
            float(config.weight_coefficient),
        )
    )


def assign_species(
    pool: GenePool, representatives: GenePool, threshold: float, config: EvolutionConfig
) -> tuple[np.ndarray, np.ndarray]:
    """Put each genome into the first species whose representative is closer than `threshold`, else into a new one.

    Returns (species, founders): `species`, int64 (n_genomes,), numbers the given representatives from 0 and new species after
    them; `founders` holds the position of each new species' first genome, which represents it.
    """
    return _assign(
        _arrays(pool),
        _arrays(representatives),
        float(threshold),
        float(config.excess_coefficient),
        float(config.disjoint_coefficient),
        float(config.weight_coefficient),
    )
