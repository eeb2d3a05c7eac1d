"""What must hold of a state that was read from a file before anything, and compiled code above all, may work with it."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from propneat.evolution import InnovationTracker, PopulationState
from propneat.evolution.innovation import LINK_TARGET, link_keys
from propneat.genome import MAX_IDENTIFIER, GenePool, validate
from propneat.search import HISTORY_COLUMNS, EvolveState
from propneat.search.front import Front, non_dominated

__all__ = ["check_front", "check_row", "check_state"]

_MOST = 2**53


def check_row(row: Any, generation: int, columns: Mapping[str, type] = HISTORY_COLUMNS) -> None:
    """Raise ValueError unless this is the row of the history for a generation, with values of these types."""
    if not isinstance(row, dict) or list(row) != list(columns):
        raise ValueError(f"the row of generation {generation} has other columns")
    if any(type(row[name]) is not kind for name, kind in columns.items()) or row["generation"] != generation:
        raise ValueError(f"the row of generation {generation} holds other values")
    if any(kind is int and not 0 <= row[name] < _MOST for name, kind in columns.items()):
        raise ValueError(f"the row of generation {generation} counts what cannot be counted")


def check_state(state: EvolveState) -> None:
    """Raise ValueError (GenomeError is one) unless a run could have been in this state.

    Rows of the history are checked by `check_row`, and the division of pools into genomes where they are read.
    """
    population = state.population
    _check_counters(state)
    best = [] if population.best is None else [population.best]
    representatives = [entry.representative for entry in population.species]
    everybody = GenePool.pack([*population.pool, *representatives, *state.leaders, state.champion, *best, *state.front.genomes])
    for genome in everybody:
        validate(genome)
    # refuses genomes that differ in inputs or outputs, or disagree about innovation numbers
    InnovationTracker.following(everybody)
    _check_finished(state)
    _check_descent(state)
    _check_tracker(population.tracker["state"], population.tracker["links"], population.tracker["splits"])
    _check_known(everybody, population.tracker["state"], population.tracker["links"])


def check_front(front: Front) -> None:
    """Raise ValueError unless valid genomes, whose connections are counted, are a front by their losses."""
    if len(front.losses) != len(front.genomes):
        raise ValueError("its front has other losses than genomes")
    if not np.array_equal(non_dominated(front.sizes, front.losses), np.arange(len(front.losses))):
        raise ValueError("a network of its front is no better than a smaller one")


def _check_counters(state: EvolveState) -> None:
    population = state.population
    if not len(population.pool) or not len(state.leaders):
        raise ValueError("it holds no genomes")
    if not _is_count(population.generation) or population.generation != len(state.history) or not state.history:
        raise ValueError("its generation is not that of its history")
    _check_species(population)
    if type(population.threshold) is not float or not 0 <= population.threshold < math.inf:
        raise ValueError("its threshold is no number of 0 or more")
    if type(population.best_fitness) is not float or type(state.champion_loss) is not float:
        raise ValueError("its best fitness or loss is no number")


def _check_finished(state: EvolveState) -> None:
    """Champions of populations before this one may have innovation numbers of their own, but fit the same problem."""
    size = (state.champion.n_inputs, state.champion.n_outputs)
    for part in state.finished:
        validate(part.champion)
        if (part.champion.n_inputs, part.champion.n_outputs) != size:
            raise ValueError("the champion of a finished population has other inputs or outputs")
        if any(type(figure) is not float for figure in (part.validation_loss, part.validation_score)):
            raise ValueError("a figure of a finished population is no number")
        if not _is_count(part.generations) or part.generations == 0:
            raise ValueError("a finished population has no number of generations")
        if type(part.linear_share) is not float or not 0.0 <= part.linear_share <= 1.0:
            raise ValueError("a finished population has no share of a linear network")
    if sum(part.generations for part in state.finished) > len(state.history):
        raise ValueError("its finished populations have more generations than its history")


def _check_descent(state: EvolveState) -> None:
    """What is kept of genomes is read by people alone, but their places are followed."""
    n_genomes = len(state.population.pool)
    for kept in state.descent:
        if len(kept) != n_genomes:
            raise ValueError("it keeps the descent of other than all genomes")
        if np.any(kept["heir"] < -1) or np.any(kept["heir"] >= n_genomes):
            raise ValueError("a mother is none of the generation")
        if np.any(kept["species"] < 0) or np.any(kept["size"] < 0) or np.any(kept["champion"] > 1):
            raise ValueError("what it keeps of a genome is none")
        if np.count_nonzero(kept["champion"]) > 1:
            raise ValueError("a generation has two champions")


def _check_species(population: PopulationState) -> None:
    identities = [entry.id for entry in population.species]
    if not _is_count(population.next_species) or not all(0 <= number < population.next_species for number in identities):
        raise ValueError("a species has a number that was not given yet")
    if len(set(identities)) < len(identities):
        raise ValueError("two species have one number")
    if not all(0 <= entry.improved <= population.generation for entry in population.species):
        raise ValueError("a species improved in a generation that was not yet")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < _MOST


def _check_tracker(state: np.ndarray, links: np.ndarray, splits: np.ndarray) -> None:
    """See that innovation numbers and node ids were given once each, and below what is given next."""
    next_innovation, next_node, n_links, n_splits = state.tolist()
    if (n_links, n_splits) != (len(links), len(splits)):
        raise ValueError("it counts innovation numbers that it does not hold")
    if not 0 <= next_innovation <= MAX_IDENTIFIER + 1 or not 0 <= next_node <= MAX_IDENTIFIER + 1:
        raise ValueError("its next innovation number lies outside what a genome can hold")
    for pairs, ends, low in (
        (links, (next_innovation, next_node, next_node), LINK_TARGET),
        (splits, (next_node, next_innovation, 2**31), 2**32 - 1),
    ):
        keys, values = pairs.T
        for column, end in zip((values, keys >> 32, keys & low), ends, strict=True):
            if np.any(column < 0) or np.any(column >= end):
                raise ValueError("it holds an innovation number that was not given yet")
        if len(np.unique(keys)) < len(keys):
            raise ValueError("it gives one connection two innovation numbers, or one split two nodes")
    if len(np.unique(links[:, 1])) < len(links):
        raise ValueError("it gives two connections one innovation number")


def _check_known(pool: GenePool, state: np.ndarray, links: np.ndarray) -> None:
    """Every node and connection of a genome is one that the tracker knows."""
    if np.any(pool.nodes["id"] >= state[1]):
        raise ValueError("a genome has a node that was not made yet")
    genes = pool.connections
    order = np.argsort(links[:, 0])
    keys, values = links[order].T
    known = link_keys(genes)
    place = np.searchsorted(keys, known)
    if np.any(place == len(keys)) or np.any(keys[place] != known):
        raise ValueError("a genome has a connection that was never made")
    if np.any(values[place] != genes["innovation"]):
        raise ValueError("a genome calls a connection by another innovation number")
