"""Compatibility distance and species (Stanley and Miikkulainen 2002, equation 1), compiled."""

import numpy as np

from propneat.evolution.config import EvolutionConfig
from propneat.genome import GenePool, Genome, NodeKind
from propneat.native import inner, outer

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


@inner
def _genes_of(pool, g):
    nodes, node_start, genes, gene_start = pool
    return nodes[node_start[g] : node_start[g + 1]], genes[gene_start[g] : gene_start[g + 1]]


@outer
def _assign(pool, known, threshold, coefficients):
    n_genomes, n_known = pool[1].shape[0] - 1, known[1].shape[0] - 1
    species = np.full(n_genomes, -1, np.int64)
    founder = np.empty(n_genomes, np.int64)
    n_new = 0
    for g in range(n_genomes):
        nodes, genes = _genes_of(pool, g)
        for k in range(n_known + n_new):
            k_nodes, k_genes = _genes_of(known, k) if k < n_known else _genes_of(pool, founder[k - n_known])
            d = _distance(nodes, genes, k_nodes, k_genes, coefficients[0], coefficients[1], coefficients[2])
            if d < threshold:
                species[g] = k
                break
        if species[g] < 0:
            species[g] = n_known + n_new
            founder[n_new] = g
            n_new += 1
    return species, n_new


@outer
def _move_to_nearer(pool, centres, first, coefficients, species, distance):
    """Move genomes to the species of centres, numbered from `first`, that are nearer than `distance` says, and note it."""
    for k in range(centres[1].shape[0] - 1):
        k_nodes, k_genes = _genes_of(centres, k)
        for g in range(pool[1].shape[0] - 1):
            nodes, genes = _genes_of(pool, g)
            d = _distance(nodes, genes, k_nodes, k_genes, coefficients[0], coefficients[1], coefficients[2])
            if d < distance[g]:
                species[g], distance[g] = first + k, d


def _arrays(pool: GenePool) -> tuple[np.ndarray, ...]:
    return pool.nodes, pool.node_start, pool.connections, pool.connection_start


def compatibility_distance(a: Genome, b: Genome, config: EvolutionConfig) -> float:
    """Return the compatibility distance of two genomes of one run.

    delta = (c1 * excess + c2 * disjoint) / N + c3 * mean |difference|, N being the larger number of connection genes, or 1
    when that is below 20. Departure: biases are numbers of nodes here, not connections from a bias node, so the biases of
    matching nodes join the mean.
    """
    coefficients = config.excess_coefficient, config.disjoint_coefficient, config.weight_coefficient
    return float(_distance(a.nodes, a.connections, b.nodes, b.connections, *coefficients))


def assign_species(
    pool: GenePool, representatives: GenePool, config: EvolutionConfig, rng: np.random.Generator
) -> tuple[np.ndarray, int, float]:
    """Divide genomes into species: `target_species` of them by nearest representative, or without a target by the threshold.

    By the threshold, a genome goes into the first species whose representative is closer than that, else into a new one, which
    it represents.

    For a target, every genome goes to the nearest representative. Then the largest species is divided until there are enough:
    by a member drawn at random, to which all genomes go that are nearer to it than to their own representative, as in k-means.
    A random member leaves two parts of like size, where one beyond a threshold is left nearly alone. Genomes that are all like
    their representative cannot be divided, so there may be fewer species.

    Returns (species, n_new, threshold): the species of every genome, int64 (n_genomes,), given representatives being numbered
    from 0 and new species after them; the number of new ones, some of which may have lost all genomes to later ones; and the
    threshold, for a target the largest distance of a genome to its representative.
    """
    arrays, coefficients = _arrays(pool), (config.excess_coefficient, config.disjoint_coefficient, config.weight_coefficient)
    if config.target_species is None:
        threshold = config.compatibility_threshold
        return *_assign(arrays, _arrays(representatives), threshold, coefficients), threshold
    species, distance = np.zeros(len(pool), np.int64), np.full(len(pool), np.inf)
    _move_to_nearer(arrays, _arrays(representatives), 0, coefficients, species, distance)
    n_species = len(representatives)
    while (centre := _divider(species, distance, n_species, config.target_species, rng)) is not None:
        distance[centre] = np.inf
        _move_to_nearer(arrays, _arrays(pool[centre : centre + 1]), n_species, coefficients, species, distance)
        n_species += 1
    return species, n_species - len(representatives), float(distance.max())


def _divider(species: np.ndarray, distance: np.ndarray, n_species: int, target: int, rng: np.random.Generator) -> int | None:
    """Draw a genome to divide the largest species by that can be divided; None when there are enough, or none can be."""
    numbers, sizes = np.unique(species, return_counts=True)
    if n_species > 0 and len(numbers) >= target:
        return None
    for number in numbers[np.argsort(-sizes, kind="stable")]:
        unlike = np.flatnonzero((species == number) & (distance > 0))
        if len(unlike) > 0:
            return int(rng.choice(unlike))
    return None
