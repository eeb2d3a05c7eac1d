"""The best genome is never lost: many short runs with a deterministic fitness full of ties, in which the best may not fall.

Every run has settings of its own, drawn from its seed: few or many genomes and species, short stagnation, elites from one up.
Fitness is rounded down to whole numbers, so that most genomes are as good as many others. What is checked in every generation:
the best fitness is that of the generation before, or better.

Run `python benchmarks/best_never_lost.py`; `--help` shows the options. The exit code is 1 when a best genome was lost.
"""

import argparse
import sys
import time

import numpy as np

from propneat.evolution import EvolutionConfig, Population
from propneat.genome import GenePool

__all__ = ["draw_config", "find_losses", "tied_fitness"]

N_INPUTS, N_OUTPUTS = 3, 1


def draw_config(seed: int) -> EvolutionConfig:
    """Return the settings of a run."""
    rng = np.random.default_rng(seed)
    target = int(rng.integers(1, 9)) if rng.random() < 0.6 else None
    return EvolutionConfig(
        population_size=int(rng.integers(8, 50)),
        add_connection_rate=0.3,
        add_node_rate=0.2,
        delete_connection_rate=float(rng.choice([0.0, 0.1])),
        compatibility_threshold=float(rng.choice([0.5, 1.0, 3.0])),
        target_species=target,
        speciation="threshold" if target is None else str(rng.choice(["threshold", "nearest"])),
        elitism=int(rng.integers(1, 4)),
        elitism_species_size=int(rng.integers(0, 6)),
        stagnation=int(rng.integers(1, 8)),
        species_elitism=int(rng.integers(0, 3)),
    )


def tied_fitness(pool: GenePool) -> np.ndarray:
    """Return minus a distance of weights, biases and size from what they should be, rounded down, shape (n_genomes,)."""
    weights = np.zeros((len(pool), 3))
    for row, genome in zip(weights, pool, strict=True):
        first = genome.connections["weight"][:3]
        row[: len(first)] = first
    biases = np.add.reduceat(np.abs(pool.nodes["bias"]), pool.node_start[:-1])
    sizes = np.diff(pool.connection_start)
    return np.floor(-np.sum((weights - 2.5) ** 2, axis=1) - 0.05 * biases - 0.3 * np.abs(sizes - 8))


def find_losses(seed: int, n_generations: int) -> list[int]:
    """Return the generations of a run that are worse than the one before."""
    population = Population(N_INPUTS, N_OUTPUTS, draw_config(seed), seed=seed)
    best = [population.tell(tied_fitness(population.ask())).best_fitness for _ in range(n_generations)]
    return (np.flatnonzero(np.diff(best) < 0) + 1).tolist()


def main() -> None:
    """Print how many of many runs lost their best genome."""
    parser = argparse.ArgumentParser(description="Many runs whose best fitness may never fall.")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--generations", type=int, default=80)
    options = parser.parse_args()
    began = time.perf_counter()
    losses = {}
    for seed in range(options.first_seed, options.first_seed + options.runs):
        if found := find_losses(seed, options.generations):
            losses[seed] = found
    print(f"{options.runs} runs of {options.generations} generations in {time.perf_counter() - began:.0f} s")
    print(f"{len(losses)} lost their best genome")
    for seed, found in losses.items():
        print(f"seed {seed}: generation {found[0]}")
    sys.exit(1 if losses else 0)


if __name__ == "__main__":
    main()
