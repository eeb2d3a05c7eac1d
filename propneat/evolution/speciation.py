"""Compatibility distance and species (Stanley and Miikkulainen 2002, equation 1), compiled."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from propneat.evolution.config import EvolutionConfig
from propneat.genome import GenePool, Genome, NodeKind
from propneat.native import inner, outer

__all__ = ["Division", "assign_species", "compatibility_distance", "species_bounds"]

_INPUT = int(NodeKind.INPUT)
_SMALL_GENOME = 20
_UNKNOWN = -1.0
_FIRST_STEP = 1.1
_MOST_TRIES = 40
_ROWS_PER_SPECIES = 10


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


@inner
def _leader_distance(pool, known, coefficients, memory, g, leader):
    """Distance of a genome to a leader: a representative, or counted after those a genome of the pool that founded a species.

    `memory` is (distances, row_of): row `row_of[leader]` holds the leader's distances to all genomes, _UNKNOWN before they
    are computed; the last entry of `row_of` counts the rows in use. Leaders beyond its rows are not remembered.
    """
    distances, row_of = memory
    n_known, row, n_rows = known[1].shape[0] - 1, row_of[leader], row_of[-1]
    if row < 0 and n_rows < distances.shape[0]:
        row = n_rows
        row_of[leader] = row
        row_of[-1] += 1
        for k in range(distances.shape[1]):
            distances[row, k] = _UNKNOWN
    if row >= 0 and distances[row, g] != _UNKNOWN:
        return distances[row, g]
    nodes, genes = _genes_of(pool, g)
    leader_nodes, leader_genes = _genes_of(known, leader) if leader < n_known else _genes_of(pool, leader - n_known)
    found = _distance(nodes, genes, leader_nodes, leader_genes, coefficients[0], coefficients[1], coefficients[2])
    if row >= 0:
        distances[row, g] = found
    return found


@outer
def _assign(pool, known, coefficients, memory, threshold, most):
    """See `assign_species`; gives up when there are more than `most` species with members.

    Returns their number, the species of every genome, and the founders of new ones.
    """
    n_genomes, n_known = pool[1].shape[0] - 1, known[1].shape[0] - 1
    species = np.full(n_genomes, -1, np.int64)
    founder = np.empty(n_genomes, np.int64)
    has_members = np.zeros(n_known, np.bool_)
    n_new, n_present = 0, 0
    for g in range(n_genomes):
        for k in range(n_known + n_new):
            leader = k if k < n_known else n_known + founder[k - n_known]
            if _leader_distance(pool, known, coefficients, memory, g, leader) < threshold:
                species[g] = k
                break
        if species[g] < 0:
            species[g] = n_known + n_new
            founder[n_new] = g
            n_new += 1
            n_present += 1
        elif species[g] < n_known and not has_members[species[g]]:
            has_members[species[g]] = True
            n_present += 1
        if n_present > most:
            break
    return n_present, species, founder[:n_new].copy()


def _arrays(pool: GenePool) -> tuple[np.ndarray, ...]:
    return pool.nodes, pool.node_start, pool.connections, pool.connection_start


def _coefficients(config: EvolutionConfig) -> tuple[float, float, float]:
    return config.excess_coefficient, config.disjoint_coefficient, config.weight_coefficient


def compatibility_distance(a: Genome, b: Genome, config: EvolutionConfig) -> float:
    """Return the compatibility distance of two genomes of one run.

    delta = (c1 * excess + c2 * disjoint) / N + c3 * mean |difference|, N being the larger number of connection genes, or 1
    when that is below 20. Departure: biases are numbers of nodes here, not connections from a bias node, so the biases of
    matching nodes join the mean.
    """
    return float(_distance(a.nodes, a.connections, b.nodes, b.connections, *_coefficients(config)))


class Division(NamedTuple):
    """A population divided into species."""

    n_species: int
    """Number of species that have members."""
    species: np.ndarray
    """Species of every genome, int64, shape (n_genomes,): given representatives are numbered from 0, new species after them."""
    founders: np.ndarray
    """Position of the first genome of each new species, which represents it."""
    threshold: float
    """Compatibility threshold that was used."""


def species_bounds(target: int, n_genomes: int) -> tuple[int, int]:
    """Return the least and the most species that are as good as `target`: half and twice as many."""
    return min((target + 1) // 2, n_genomes), 2 * target


def assign_species(pool: GenePool, representatives: GenePool, threshold: float, config: EvolutionConfig) -> Division:
    """Put each genome into the first species whose representative is closer than `threshold`, else into a new one.

    With `config.target_species` the threshold is moved first, where need be, until the number of species lies within
    `species_bounds`. Where no threshold tried does that, the one that gives most species, but not too many, is taken, and
    `threshold` itself if all give too many: genomes that are alike cannot be told apart by any.
    """
    n_genomes, target = len(pool), config.target_species
    n_leaders = len(representatives) + n_genomes
    n_rows = 0 if target is None else min(n_leaders, _ROWS_PER_SPECIES * 2 * target)
    memory = np.empty((n_rows, n_genomes)), np.append(np.full(n_leaders, -1), 0)
    given = _arrays(pool), _arrays(representatives), _coefficients(config), memory

    def divide(at: float, most: int) -> Division:
        return Division(*_assign(*given, at, most), at)

    if target is None:
        return divide(float(threshold), n_genomes)
    low, high = species_bounds(target, n_genomes)
    found = _search(lambda at: divide(at, high), float(threshold), low, high)
    return found if found.n_species <= high else divide(found.threshold, n_genomes)


def _search(divide: Callable[[float], Division], threshold: float, low: int, high: int) -> Division:
    """Divide by thresholds that step away from the first, farther each time, until one gives too few species where another gave
    too many, and then by those between; ends with the first division into `low` to `high` species, else with the best.
    """
    best = divide(threshold)
    was_too_many = best.n_species > high
    near, far, step = threshold, None, _FIRST_STEP if was_too_many else 1 / _FIRST_STEP
    for _ in range(_MOST_TRIES):
        at = near * step if far is None else math.sqrt(near) * math.sqrt(far)
        if low <= best.n_species <= high or not 0 < at < math.inf:
            break
        step *= step
        found = divide(at)
        if best.n_species > high or best.n_species < found.n_species <= high:
            best = found
        if (found.n_species > high) == was_too_many:
            near = at
        else:
            far = at
    return best
