"""Time everything but training in one generation: breed, speciate, compile and write back, 75 connections per genome.

    python benchmarks/generation.py [POPULATION ...]
"""

import sys
import time
from dataclasses import replace

import numpy as np

from propneat.compiler import compile_pool, write_back_pool
from propneat.evolution import Population
from propneat.evolve import default_config


def grown_population(size: int, n_connections: int) -> Population:
    """Breed without selection until genomes have about as many connections as wanted."""
    config = replace(
        default_config().evolution,
        population_size=size,
        initial_hidden=0,
        delete_connection_rate=0.0,
        delete_node_rate=0.0,
        compatibility_threshold=1.0,
        stagnation=10**6,
    )
    population = Population(30, 1, config, seed=1)
    rng = np.random.default_rng(0)
    while np.diff(population.ask().connection_start).mean() < n_connections:
        population.tell(rng.random(size))
    return population


def main() -> None:
    for size in [int(text) for text in sys.argv[1:]] or [150]:
        population = grown_population(size, 75)
        rng = np.random.default_rng(1)
        times = []
        for _ in range(10):
            pool = population.ask()
            fitness = rng.random(size)
            begin = time.perf_counter()
            plan = compile_pool(pool)
            compiled = time.perf_counter()
            trained = write_back_pool(pool, plan, plan.weights, plan.biases)
            written = time.perf_counter()
            report = population.tell(fitness, trained)
            times.append((compiled - begin, written - compiled, time.perf_counter() - written))
        compiling, writing, breeding = 1e3 * np.median(times, axis=0)
        connections = np.diff(pool.connection_start).mean()
        print(
            f"population {size}, {connections:.0f} connections, {report.n_species} species: compile {compiling:.1f} ms, "
            f"write back {writing:.1f} ms, speciate and breed {breeding:.1f} ms, together {compiling + writing + breeding:.1f} ms"
        )


if __name__ == "__main__":
    main()
