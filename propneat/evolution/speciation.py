"""Species: a population divided by a threshold of compatibility, or by the nearest representative."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from propneat.base.native import inner, outer
from propneat.evolution.compatibility import coefficients_of, gene_distance, genes_of, pool_arrays
from propneat.evolution.config import EvolutionConfig
from propneat.genome import GenePool

__all__ = ["Division", "assign_species", "next_threshold"]

_UNKNOWN = -1.0
_FIRST_STEP = 1.1
_MOST_TRIES = 40
_ROWS_PER_SPECIES = 10
_LEANING = 1.05
_THRESHOLDS = (1e-300, 1e300)


class Division(NamedTuple):
    """A population divided into species."""

    n_species: int
    """Number of species that have genomes."""
    species: np.ndarray
    """Species of every genome, int64, shape (n_genomes,): given representatives are numbered from 0, new species after them."""
    n_new: int
    """Number of new species; some of them may have lost all their genomes to later ones."""
    threshold: float
    """Compatibility threshold that was used; for nearest representatives the largest distance of a genome to its own."""


def assign_species(
    pool: GenePool, representatives: GenePool, threshold: float, config: EvolutionConfig, rng: np.random.Generator
) -> Division:
    """Divide genomes into species in the way of `config.speciation`, as many as `config.target_species` asks for.

    Without a target the way is "threshold".

    "threshold": a genome goes into the first species whose representative is closer than `threshold`, else into a new one,
    which it represents. For a target the threshold is moved first, where need be, until there are half to twice as many species.
    Where no threshold tried does that, the one that gives most species, but not too many, is taken, and `threshold` itself if
    all give too many: genomes that are alike, or all equally far apart, cannot be divided at will.

    "nearest": a genome goes to the nearest representative. Then the largest species is divided until there are enough of them:
    by a member drawn at random, to which all genomes go that are nearer to it than to their own representative, as in k-means.
    A random member leaves two parts of like size, where one beyond a threshold is left nearly alone. Genomes that are all like
    their representative cannot be divided, so there may be fewer species.
    """
    if config.speciation == "nearest" and config.target_species is not None:
        return _by_nearest(pool, representatives, config.target_species, config, rng)
    n_genomes, target = len(pool), config.target_species
    n_leaders = len(representatives) + n_genomes
    n_rows = 0 if target is None else min(n_leaders, _ROWS_PER_SPECIES * 2 * target)
    memory = np.empty((n_rows, n_genomes)), np.append(np.full(n_leaders, -1), 0)
    given = pool_arrays(pool), pool_arrays(representatives), coefficients_of(config), memory

    def divide(at: float, most: int) -> Division:
        n_species, species, n_new = _assign(*given, at, most)
        return Division(n_species, species, n_new, at)

    if target is None:
        return divide(threshold, n_genomes)
    low, high = _bounds(target, n_genomes)
    found = _search(lambda at: divide(at, high), threshold, low, high)
    return found if found.n_species <= high else divide(found.threshold, n_genomes)


def next_threshold(division: Division, config: EvolutionConfig) -> float:
    """Return the threshold to begin the next generation with: the one used, leaning 5 % towards the target.

    It stays where the number of species does not follow it.
    """
    used, n_species, target = division.threshold, division.n_species, config.target_species
    if config.speciation == "nearest" or target is None or n_species == target:
        return used
    low, high = _bounds(target, len(division.species))
    if not low <= n_species <= high:
        return used
    return float(np.clip(used * _LEANING if n_species > target else used / _LEANING, *_THRESHOLDS))


def _bounds(target: int, n_genomes: int) -> tuple[int, int]:
    """Return the least and the most species that are as good as `target`: half and twice as many."""
    return min((target + 1) // 2, n_genomes), 2 * target


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
    nodes, genes = genes_of(pool, g)
    leader_nodes, leader_genes = genes_of(known, leader) if leader < n_known else genes_of(pool, leader - n_known)
    found = gene_distance(nodes, genes, leader_nodes, leader_genes, coefficients)
    if row >= 0:
        distances[row, g] = found
    return found


@outer
def _assign(pool, known, coefficients, memory, threshold, most):
    """See `assign_species`; gives up when there are more than `most` species with members.

    Returns their number, the species of every genome, and how many are new.
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
    return n_present, species, n_new


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


def _by_nearest(
    pool: GenePool, representatives: GenePool, target: int, config: EvolutionConfig, rng: np.random.Generator
) -> Division:
    arrays, coefficients = pool_arrays(pool), coefficients_of(config)
    species, distance = np.zeros(len(pool), np.int64), np.full(len(pool), np.inf)
    _move_to_nearer(arrays, pool_arrays(representatives), 0, coefficients, species, distance)
    n_leaders = len(representatives)
    while (centre := _divider(species, distance, n_leaders, target, rng)) is not None:
        distance[centre] = np.inf
        _move_to_nearer(arrays, pool_arrays(pool[centre : centre + 1]), n_leaders, coefficients, species, distance)
        n_leaders += 1
    return Division(len(np.unique(species)), species, n_leaders - len(representatives), float(distance.max()))


@outer
def _move_to_nearer(pool, centres, first, coefficients, species, distance):
    """Move genomes to the species of centres, numbered from `first`, that are nearer than `distance` says, and note it."""
    for k in range(centres[1].shape[0] - 1):
        k_nodes, k_genes = genes_of(centres, k)
        for g in range(pool[1].shape[0] - 1):
            nodes, genes = genes_of(pool, g)
            d = gene_distance(nodes, genes, k_nodes, k_genes, coefficients)
            if d < distance[g]:
                species[g], distance[g] = first + k, d


def _divider(species: np.ndarray, distance: np.ndarray, n_leaders: int, target: int, rng: np.random.Generator) -> int | None:
    """Draw a genome to divide the largest species by that can be divided; None when there are enough, or none can be."""
    numbers, sizes = np.unique(species, return_counts=True)
    if n_leaders > 0 and len(numbers) >= target:
        return None
    for number in numbers[np.argsort(-sizes, kind="stable")]:
        unlike = np.flatnonzero((species == number) & (distance > 0))
        if len(unlike) > 0:
            return int(rng.choice(unlike))
    return None
