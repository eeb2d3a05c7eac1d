"""neat-python in an environment: its own population, breeding, species and networks, observations as they are."""

from typing import Any

import numpy as np

from propneat.benchmark.control.arena import Policy
from propneat.benchmark.control.contest import Contest
from propneat.benchmark.neat_python import neat_python_config
from propneat.settings.control_config import default_control

__all__ = ["run"]

_CHANGES = {
    "activation": "tanh",
    "conn_add_prob": 0.2,
    "conn_delete_prob": 0.2,
    "node_add_prob": 0.2,
    "node_delete_prob": 0.2,
    "fitness_threshold": 1e30,
}
"""The structural rates of its own control examples, and the activation of propneat's networks there."""


class _Over(Exception):
    """Raised to leave neat-python's loop."""


def run(contest: Contest) -> None:
    """Let neat-python evolve as many genomes as propneat does, each in as many episodes, until the contest is over."""
    import neat

    environment = contest.arena.environment
    settings = default_control(environment.name)
    n_outputs, population = environment.action.n_outputs, settings.evolution.population_size
    config = neat_python_config(environment.n_observations, n_outputs, pop_size=population, **_CHANGES)
    generations = iter(range(10**9))

    def evaluate(genomes: list[tuple[int, Any]], config: Any) -> None:
        generation = next(generations)
        seeds = contest.seeds("episodes", generation, settings.episodes)
        policies = [_policy(neat.nn.FeedForwardNetwork.create(genome, config), environment.action) for _, genome in genomes]
        for (_, genome), policy in zip(genomes, policies, strict=True):
            genome.fitness = float(contest.spend(policy, seeds).mean())
        best = int(np.argmax([genome.fitness for _, genome in genomes]))
        if contest.look(policies[best], generation):
            raise _Over

    try:
        neat.Population(config, seed=contest.seed).run(evaluate, 10**9)
    except _Over:
        return


def _policy(network: Any, action: Any) -> Policy:
    """Networks are asked row by row, as the documentation shows; without recurrence they remember nothing."""
    return lambda seen, _: action.act(np.array([network.activate(row) for row in seen.tolist()]))
