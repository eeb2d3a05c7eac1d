"""neat-python as a contestant: its own population, breeding, species and networks, evaluated on all rows without training.

The package is used as its documentation shows, `network.activate` row by row; and a
second time with an activation that takes whole columns, which is the fastest that `activate` can be made to go.
"""

import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import neat
import numpy as np

from propneat.benchmark.neat_python import neat_python_config
from propneat.benchmark.speed.contestant import Contestant, GenerationTimes
from propneat.training import Samples

__all__ = ["CONTESTANTS"]

_LEAST = 1e-7


def _sigmoid_of_columns(z: np.ndarray) -> np.ndarray:
    """The package's own sigmoid, for arrays."""
    return 1 / (1 + np.exp(-np.clip(5 * z, -60, 60)))


def _row_by_row(network: Any, samples: Samples) -> np.ndarray:
    return np.array([network.activate(row) for row in samples.X.tolist()])[:, 0]


def _all_rows(network: Any, samples: Samples) -> np.ndarray:
    return network.activate(list(samples.X.T))[0]


def _contestant(answer: Callable[[Any, Samples], np.ndarray], *, takes_columns: bool) -> Callable[..., GenerationTimes]:
    """Return `Contestant.run`; fitness is minus the log loss."""

    def run(samples: Samples, population: int, generations: int, seed: int) -> GenerationTimes:
        config = neat_python_config(samples.X.shape[1], pop_size=population)
        if takes_columns:
            config.genome_config.add_activation("sigmoid", _sigmoid_of_columns)
        targets = samples.targets[:, 0]
        begins = []

        def evaluate(genomes: list[tuple[int, Any]], config: neat.Config) -> None:
            begins.append(time.perf_counter())
            for _, genome in genomes:
                network = neat.nn.FeedForwardNetwork.create(genome, config)
                shares = np.clip(answer(network, samples), _LEAST, 1 - _LEAST)
                genome.fitness = float(np.mean(targets * np.log(shares) + (1 - targets) * np.log(1 - shares)))

        evolution = neat.Population(config, seed=seed)
        champion = neat.nn.FeedForwardNetwork.create(evolution.run(evaluate, generations), config)
        ends = [*begins[1:], time.perf_counter()]
        genomes = list(evolution.population.values())
        enabled = [sum(gene.enabled for gene in genome.connections.values()) for genome in genomes]
        hidden = [len(genome.nodes) - config.genome_config.num_outputs for genome in genomes]
        seconds = tuple(end - begin for begin, end in zip(begins, ends, strict=True))
        best = partial(answer, champion)
        return GenerationTimes(seconds, float(np.mean(enabled)), float(np.mean(hidden)), best)

    return run


CONTESTANTS = tuple(
    Contestant(label, "neat-python", version("neat-python"), does, run)
    for label, does, run in (
        ("neat-python", "evaluates, row by row as documented", _contestant(_row_by_row, takes_columns=False)),
        ("neat-python on columns", "evaluates, all rows at once by numpy", _contestant(_all_rows, takes_columns=True)),
    )
)
