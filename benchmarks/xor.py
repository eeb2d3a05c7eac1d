"""XOR by plain NEAT: no gradients, the fitness and the criterion of the original paper (Stanley and Miikkulainen 2002).

Population 150, at most 100 generations, fitness (4 - sum of |error|)^2 over the four rows, every node but the inputs a
sigmoid of slope 4.9, solved when all four answers lie on the right side of 0.5. A generation counts when it has been
evaluated, so the first one is number 1. The control forbids new nodes: XOR is not linearly separable, so nothing may solve it.

Run `python benchmarks/xor.py`; `--help` shows the options.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from propneat.compiler import compile_pool
from propneat.evolution import EvolutionConfig, Population
from propneat.training.kernel_engine import predict_population

__all__ = ["XOR_CONFIG", "XorRun", "run_xor"]

INPUTS = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
TARGETS = np.array([0, 1, 1, 0], np.float32)

XOR_CONFIG = EvolutionConfig(
    population_size=150,
    activations=("steep_sigmoid",),
    output_activation="steep_sigmoid",
    add_connection_rate=0.5,
    delete_node_rate=0.02,
    replace_fraction=0.3,
    perturb_sigma=1.0,
    weight_sigma=2.0,
    weight_coefficient=0.8,
    target_species=5,
    survival=0.15,
)


@dataclass(frozen=True)
class XorRun:
    """How one run ended; sizes are those of the fittest genome that solved it, 0 when none did."""

    solved: bool
    generations: int
    evaluations: int
    n_hidden: int
    n_enabled: int
    cpu_seconds: float


def run_xor(config: EvolutionConfig, seed: int, max_generations: int = 100) -> XorRun:
    """Evolve until a genome solves XOR or the generations are used up."""
    began = time.process_time()
    population = Population(2, 1, config, seed=seed)
    for generation in range(1, max_generations + 1):
        pool = population.ask()
        answers = predict_population(compile_pool(pool), INPUTS)[:, :, 0]
        fitness = (4 - np.abs(answers - TARGETS).sum(axis=1, dtype=np.float64)) ** 2
        solved = np.all((answers > 0.5) == (TARGETS > 0.5), axis=1)
        if solved.any():
            winner = pool[int(np.argmax(np.where(solved, fitness, -np.inf)))]
            evaluations = generation * len(pool)
            return XorRun(True, generation, evaluations, winner.n_hidden, winner.n_enabled, time.process_time() - began)
        population.tell(fitness)
    return XorRun(False, max_generations, max_generations * len(pool), 0, 0, time.process_time() - began)


def summarise(runs: Sequence[XorRun]) -> str:
    """Return the figures of many runs as text; means are over the runs that solved it."""
    wins = [run for run in runs if run.solved]
    cpu = 1000 * sum(run.cpu_seconds for run in runs) / sum(run.generations for run in runs)
    lines = [f"solved              {len(wins)} of {len(runs)}"]
    for label, name in (
        ("generations", "generations"),
        ("evaluations", "evaluations"),
        ("hidden nodes", "n_hidden"),
        ("enabled connections", "n_enabled"),
    ):
        values = [getattr(run, name) for run in wins]
        if values:
            lines.append(f"{label:<19} mean {np.mean(values):.2f}, median {np.median(values):g}, worst {max(values)}")
    return "\n".join([*lines, f"CPU per generation  {cpu:.2f} ms"])


def main() -> None:
    """Print the figures of many seeds and of the control."""
    parser = argparse.ArgumentParser(description="XOR by plain NEAT, and the control without new nodes.")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--generations", type=int, default=100)
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    run_xor(XOR_CONFIG, seed=-1, max_generations=2)
    print(summarise([run_xor(XOR_CONFIG, seed, options.generations) for seed in seeds]))
    control = replace(XOR_CONFIG, add_node_rate=0.0, initial_hidden=0)
    print("\nControl without new nodes")
    print(summarise([run_xor(control, seed, options.generations) for seed in seeds]))


if __name__ == "__main__":
    main()
