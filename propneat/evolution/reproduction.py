"""Who has how many offspring with whom: ranks, fitness sharing, allocation, stagnation, mating."""

from collections.abc import Sequence

import numpy as np

from propneat.evolution.breeding import Mating
from propneat.evolution.config import EvolutionConfig, part_of

__all__ = ["allocate_offspring", "plan_mating", "rank_fitness"]


def rank_fitness(fitness: np.ndarray) -> np.ndarray:
    """Return ranks from 1 (worst) to n (best), ties sharing their mean rank; float64, shape of `fitness`.

    Ranks stand in for fitness values wherever they are shared or compared across species, so that any sign, scale or
    monotone change of the fitness leaves a run as it is (a departure from the paper, which needs positive values).
    """
    _, inverse, counts = np.unique(fitness, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[inverse]


def allocate_offspring(shares: np.ndarray, n_offspring: int, sure: int) -> np.ndarray:
    """Divide `n_offspring` among species in proportion to `shares` by largest remainders; the sum is exact.

    Species number `sure` gets at least one. `shares` are not negative; all zero counts as all equal.
    """
    shares = shares / shares.sum() if shares.sum() > 0 else np.full(len(shares), 1 / len(shares))
    exact = shares * n_offspring
    allocation = np.floor(exact).astype(np.int64)
    by_remainder = np.argsort(-(exact - allocation), kind="stable")
    allocation[by_remainder[: n_offspring - allocation.sum()]] += 1
    if allocation[sure] == 0:
        allocation[np.argmax(allocation)] -= 1
        allocation[sure] = 1
    return allocation


def plan_mating(
    members: Sequence[np.ndarray], ranks: np.ndarray, allocation: np.ndarray, config: EvolutionConfig, rng: np.random.Generator
) -> Mating:
    """Choose parents for every offspring.

    `members[s]` holds the positions of species s, `ranks` the rank of every genome, `allocation[s]` the number of
    offspring. Elites come first in each species, unchanged; the others, one at least, have a mother drawn evenly from the
    surviving share and, with `crossover_rate`, another of these as father, or with `interspecies_rate` a survivor of any.
    """
    by_rank = [positions[np.argsort(-ranks[positions], kind="stable")] for positions in members]
    survivors = [positions[: max(1, part_of(config.survival, len(positions)))] for positions in by_rank]
    everyone = np.concatenate(survivors)
    n_elites = _count_elites([ranks[positions] for positions in by_rank], allocation, config)
    mothers, fathers, mutated = [], [], []
    for species, n_offspring in enumerate(allocation):
        champions, n_elite = by_rank[species], n_elites[species]
        n_bred = n_offspring - n_elite
        pool = survivors[species]
        first = rng.integers(len(pool), size=n_bred)
        mother = pool[first]
        # any survivor but the mother, where there is one
        father = pool[(first + rng.integers(1, max(2, len(pool)), size=n_bred)) % len(pool)]
        stranger = rng.random(n_bred) < config.interspecies_rate
        father = np.where(stranger, everyone[rng.integers(len(everyone), size=n_bred)], father)
        alone = (rng.random(n_bred) >= config.crossover_rate) | (father == mother)
        mothers += [champions[:n_elite], mother]
        fathers += [np.full(n_elite, -1), np.where(alone, -1, father)]
        mutated += [np.zeros(n_elite, bool), np.ones(n_bred, bool)]
    mother, father = np.concatenate(mothers), np.concatenate(fathers)
    crossed = father >= 0
    swap = crossed & (ranks[father] > ranks[mother])
    mother, father = np.where(swap, father, mother), np.where(swap, mother, father)
    return Mating(mother, father, crossed & (ranks[father] == ranks[mother]), np.concatenate(mutated))


def _count_elites(ranks: Sequence[np.ndarray], allocation: np.ndarray, config: EvolutionConfig) -> list[int]:
    """Return how many members every species copies unchanged; `ranks[s]` holds those of species s, highest first.

    At least one offspring of a generation is bred, or evolution would stand still: it takes the place of an elite of the
    species that has most, and of the best genome's species last.
    """
    best = int(np.argmax([members[0] for members in ranks]))
    counts = []
    for species, n_offspring in enumerate(allocation.tolist()):
        keeps = len(ranks[species]) > config.elitism_species_size or species == best
        counts.append(min(config.elitism, n_offspring, len(ranks[species])) if keeps else 0)
    if sum(counts) == allocation.sum():
        others = [species for species, count in enumerate(counts) if count > 0 and species != best]
        counts[max(others, key=counts.__getitem__, default=best)] -= 1
    return counts
