"""Breeding: a whole generation of offspring in one compiled call, and the same operators for single genomes."""

from typing import NamedTuple

import numpy as np

from propneat.base.native import inner, outer
from propneat.evolution.config import EvolutionConfig
from propneat.evolution.crossover import cross_genes
from propneat.evolution.innovation import InnovationTracker
from propneat.evolution.mutation import MutationRates, mutate_genes, room_left
from propneat.genome import CONNECTION_DTYPE, NODE_DTYPE, GenePool, Genome, frozen

__all__ = ["NO_PARENT", "Mating", "breed", "crossover", "mutate"]

NO_PARENT = -1


class Mating(NamedTuple):
    """Who begets whom: one entry per offspring, all arrays of shape (n_offspring,).

    `mother` and `father` are positions in the parents' pool, the mother being the fitter; father -1 means a copy of the
    mother. `tie` marks parents of equal fitness, `mutated` offspring that are mutated after.
    """

    mother: np.ndarray
    father: np.ndarray
    tie: np.ndarray
    mutated: np.ndarray


@inner
def _with_room(array, n_used, n_more):
    """The array itself, or a copy at least twice as large when `n_more` further entries would not fit."""
    if n_used + n_more <= array.shape[0]:
        return array
    larger = np.empty(max(2 * array.shape[0], n_used + n_more), array.dtype)
    for k in range(n_used):
        larger[k] = array[k]
    return larger


@outer
def _breed(pool, mating, tracker, rates, average_rate, disabled_inheritance, child_nodes, child_genes, nodes, genes, rng):
    """Fill `nodes` and `genes` with all offspring end to end, through a work buffer for one child."""
    pool_nodes, node_start, pool_genes, gene_start = pool
    n_offspring = mating.mother.shape[0]
    node_end = np.zeros(n_offspring + 1, np.int64)
    gene_end = np.zeros(n_offspring + 1, np.int64)
    for c in range(n_offspring):
        a, b = mating.mother[c], mating.father[c]
        a_nodes = pool_nodes[node_start[a] : node_start[a + 1]]
        a_genes = pool_genes[gene_start[a] : gene_start[a + 1]]
        if b != NO_PARENT:
            b_nodes = pool_nodes[node_start[b] : node_start[b + 1]]
            b_genes = pool_genes[gene_start[b] : gene_start[b + 1]]
            n, m = cross_genes(
                child_nodes,
                child_genes,
                a_nodes,
                a_genes,
                b_nodes,
                b_genes,
                mating.tie[c],
                average_rate,
                disabled_inheritance,
                rng,
            )
            connections_left, hidden_left = room_left(child_nodes, n, child_genes, m, rates)
            crossed = connections_left >= 0 and hidden_left >= 0
        else:
            crossed = False
        if not crossed:
            n, m = a_nodes.shape[0], a_genes.shape[0]
            for k in range(n):
                child_nodes[k] = a_nodes[k]
            for k in range(m):
                child_genes[k] = a_genes[k]
        if mating.mutated[c]:
            n, m = mutate_genes(child_nodes, n, child_genes, m, tracker, rates, rng)
        nodes = _with_room(nodes, node_end[c], n)
        genes = _with_room(genes, gene_end[c], m)
        for k in range(n):
            nodes[node_end[c] + k] = child_nodes[k]
        for k in range(m):
            genes[gene_end[c] + k] = child_genes[k]
        node_end[c + 1] = node_end[c] + n
        gene_end[c + 1] = gene_end[c] + m
    return nodes[: node_end[n_offspring]].copy(), node_end, genes[: gene_end[n_offspring]].copy(), gene_end


def breed(
    parents: GenePool, mating: Mating, tracker: InnovationTracker, config: EvolutionConfig, rng: np.random.Generator
) -> GenePool:
    """Return the offspring of a mating plan, in its order; new structure gets its numbers from `tracker`.

    The work is one compiled call over the packed genes, so its cost is linear in the number of offspring and of genes.
    """
    n_offspring = len(mating.mother)
    tracker.reserve(3 * n_offspring)
    most_nodes = 2 * int(np.diff(parents.node_start).max()) + 1
    most_genes = 2 * int(np.diff(parents.connection_start).max()) + 3
    nodes, node_start, genes, gene_start = _breed(
        (parents.nodes, parents.node_start, parents.connections, parents.connection_start),
        mating,
        (tracker.state, tracker.links, tracker.splits),
        MutationRates.of(config),
        float(config.average_rate),
        float(config.disabled_inheritance),
        np.zeros(most_nodes, NODE_DTYPE),
        np.zeros(most_genes, CONNECTION_DTYPE),
        np.zeros(2 * len(parents.nodes), NODE_DTYPE),
        np.zeros(2 * len(parents.connections) + 1, CONNECTION_DTYPE),
        rng,
    )
    return GenePool(frozen(nodes), frozen(node_start), frozen(genes), frozen(gene_start))


def mutate(genome: Genome, tracker: InnovationTracker, config: EvolutionConfig, rng: np.random.Generator) -> Genome:
    """Return a mutated copy of one genome."""
    mating = Mating(np.array([0]), np.array([NO_PARENT]), np.array([False]), np.array([True]))
    return breed(GenePool.pack([genome]), mating, tracker, config, rng)[0]


def crossover(fitter: Genome, other: Genome, config: EvolutionConfig, rng: np.random.Generator, *, tie: bool = False) -> Genome:
    """Return an unmutated child of two genomes whose innovation numbers come from one run; `tie` means equal fitness."""
    pool = GenePool.pack([fitter, other])
    mating = Mating(np.array([0]), np.array([1]), np.array([tie]), np.array([False]))
    return breed(pool, mating, InnovationTracker.following(pool), config, rng)[0]
