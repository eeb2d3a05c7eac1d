"""Everything but training in one generation: compile, write back, speciate and breed, against population and genome size."""

import time
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.timing import Note, fit_exponent, spread, take_turns
from propneat.compiler import compile_pool, write_back_pool
from propneat.evolution import Population
from propneat.evolution.speciation import assign_species
from propneat.genome import GenePool
from propneat.settings.evolve_config import default_config

__all__ = ["STEPS", "grown_populations", "measure"]

STEPS = ("compile", "write back", "speciate", "breed")

_FOUNDERS = 150
_N_INPUTS = {"populations": 30, "genome_sizes": 10}


def measure(size: SpeedSize, seed: int, note: Note) -> dict[str, Any]:
    """Time the steps at every population size, and at every genome size.

    Each entry has the milliseconds of every step over rounds, and bytes per genome of the gene pool and of the compiled plan;
    each table the exponent p of a law c * size^p fitted to the sum of the steps.
    """
    note("genetics: growing genomes", 0, size.n_rounds)
    founders = grown_populations((size.connections,), _N_INPUTS["populations"], seed)[0]
    by_population = [enlarged(founders, n_genomes, seed) for n_genomes in size.populations]
    found = {"populations": _measure_all(by_population, size.n_rounds, note, "genetics by population")}
    grown = grown_populations(size.genome_sizes, _N_INPUTS["genome_sizes"], seed)
    by_size = [enlarged(each, size.genome_size_population, seed) for each in grown]
    found["genome_sizes"] = _measure_all(by_size, size.n_rounds, note, "genetics by genome size")
    for table, key in (("populations", "genomes"), ("genome_sizes", "connections")):
        totals = [row["total_ms"]["median"] for row in found[table]]
        found[f"{table}_exponent"] = fit_exponent([row[key] for row in found[table]], totals)
    return found


def grown_populations(sizes: tuple[int, ...], n_inputs: int, seed: int) -> list[Population]:
    """Breed without selection and return copies of the population as its genomes reach each mean number of connections."""
    config = replace(
        default_config().evolution,
        population_size=_FOUNDERS,
        initial_hidden=0,
        delete_connection_rate=0.0,
        delete_node_rate=0.0,
        stagnation=10**6,
    )
    population = Population(n_inputs, 1, config, seed=seed)
    rng = make_rng(seed, "speed", "genetics")
    grown = []
    for wanted in sizes:
        while _mean_connections(population.ask()) < wanted:
            population.tell(rng.random(_FOUNDERS))
        grown.append(Population.restore(population.state, config, seed))
    return grown


def enlarged(founders: Population, n_genomes: int, seed: int) -> Population:
    """Return a population of any size, made of the founders and mutated copies of them, with species found."""
    config = replace(founders.config, population_size=n_genomes)
    pool = founders.ask()
    population = Population(pool[0].n_inputs, 1, config, seed=seed, start=list(pool)[:n_genomes])
    population.tell(make_rng(seed, "speed", "genetics").random(n_genomes))
    return population


def _mean_connections(pool: GenePool) -> float:
    return len(pool.connections) / len(pool)


def _measure_all(populations: list[Population], n_rounds: int, note: Note, what: str) -> list[dict[str, Any]]:
    taken: list[list[tuple[float, ...]]] = [[] for _ in populations]
    rng = np.random.default_rng(0)

    def job(number: int) -> Callable[[], float]:
        def run() -> float:
            taken[number].append(_time_generation(populations[number], rng))
            return sum(taken[number][-1])

        return run

    jobs = {f"{len(each.ask())} x {_mean_connections(each.ask()):.0f}": job(number) for number, each in enumerate(populations)}
    take_turns(jobs, n_rounds, note, what)
    return [_describe(population, np.array(times)) for population, times in zip(populations, taken, strict=True)]


def _time_generation(population: Population, rng: np.random.Generator) -> tuple[float, ...]:
    """Run one generation without training; returns the seconds of every step.

    Speciation is part of `tell`: it is timed on its own before, and taken off the time of `tell`, whose rest is breeding.
    """
    pool, state = population.ask(), population.state
    fitness = rng.random(len(pool))
    begin = time.perf_counter()
    plan = compile_pool(pool)
    compiled = time.perf_counter()
    trained = write_back_pool(pool, plan, plan.weights, plan.biases)
    written = time.perf_counter()
    known = GenePool.pack(entry.representative for entry in state.species)
    assign_species(trained, known, state.threshold, population.config, rng)
    speciated = time.perf_counter()
    population.tell(fitness, trained)
    speciating = speciated - written
    return compiled - begin, written - compiled, speciating, max(0.0, time.perf_counter() - speciated - speciating)


def _describe(population: Population, times: np.ndarray) -> dict[str, Any]:
    """Summarise the seconds of a population, shape (n_rounds, n_steps)."""
    pool = population.ask()
    plan, n_genomes = compile_pool(pool), len(pool)
    milliseconds = 1e3 * times
    arrays = [getattr(plan, field.name) for field in fields(plan)]
    return {
        "genomes": n_genomes,
        "connections": _mean_connections(pool),
        "species": len(population.state.species),
        "steps_ms": {step: spread(milliseconds[:, k]) for k, step in enumerate(STEPS)},
        "total_ms": spread(milliseconds.sum(axis=1)),
        "rounds_ms": milliseconds.tolist(),
        "pool_bytes_per_genome": sum(array.nbytes for array in vars(pool).values()) / n_genomes,
        "plan_bytes_per_genome": sum(array.nbytes for array in arrays if isinstance(array, np.ndarray)) / n_genomes,
    }
