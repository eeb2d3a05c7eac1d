"""A whole generation on the breast cancer data: propneat, which trains every network, beside other packages, which do not."""

import time
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import numpy as np

from propneat import __version__
from propneat.benchmark.speed.contestant import Contestant, GenerationTimes
from propneat.benchmark.speed.size import SpeedSize
from propneat.benchmark.speed.timing import Note, ratio, spread, take_turns
from propneat.data import load_table
from propneat.model.preparation import prepare_problem
from propneat.search import EvolveState, Problem, evolve
from propneat.settings.evolve_config import EvolveConfig, default_config
from propneat.training import Samples

__all__ = ["measure"]

_TASK = "breast_cancer_wisconsin"


def measure(size: SpeedSize, seed: int, note: Note) -> dict[str, Any]:
    """Time generations of every contestant that is installed, on the same rows; one fresh run of each a round.

    All breed as many genomes, which start with every input connected to the output, at the same rates of structural mutation. A
    round's time is the median over its generations after the first few.
    """
    samples = _samples(seed)
    contestants, missing = _contestants(size.epochs)
    sizes: dict[str, list[GenerationTimes]] = {contestant.label: [] for contestant in contestants}

    def job(contestant: Contestant, rounds: list[GenerationTimes]) -> Callable[[], float]:
        def run() -> float:
            rounds.append(contestant.run(samples, size.population, size.generations, seed + len(rounds)))
            return float(np.median(rounds[-1].seconds[size.warm_up_generations :]))

        return run

    for contestant in contestants:
        note(f"generations: {contestant.label}, first run", 0, size.n_rounds)
        contestant.run(samples, size.population, 1, seed)
    jobs = {contestant.label: job(contestant, sizes[contestant.label]) for contestant in contestants}
    taken = take_turns(jobs, size.n_rounds, note, "generations")
    first = contestants[0].label
    return {
        "task": _TASK,
        "rows": len(samples),
        "inputs": samples.X.shape[1],
        "population": size.population,
        "epochs": size.epochs,
        "generations_counted": size.generations - size.warm_up_generations,
        "contestants": [
            {
                "label": contestant.label,
                "package": contestant.package,
                "version": contestant.version,
                "does": contestant.does,
                "rounds": taken[contestant.label],
                "seconds_per_generation": spread(taken[contestant.label]),
                "ratio": ratio(taken[contestant.label], taken[first]),
                "connections": float(np.mean([run.connections for run in sizes[contestant.label]])),
                "hidden": float(np.mean([run.hidden for run in sizes[contestant.label]])),
            }
            for contestant in contestants
        ],
        "missing": missing,
    }


def _samples(seed: int) -> Samples:
    """All rows of the task, preprocessed, to train on and to be judged by alike."""
    table = load_table(_TASK)
    return prepare_problem(table.features, table.target, table.task, seed=seed).problem.all_rows()


def _contestants(epochs: int) -> tuple[list[Contestant], list[str]]:
    """Return propneat first, then the packages that are installed, and a sentence for each that is not."""
    trained = replace(
        default_config(),
        size_penalty=0.0,
        evolution=replace(default_config().evolution, initial_hidden=0),
        training=replace(default_config().training, epochs=epochs),
    )
    weights_too = replace(trained.evolution, weight_mutation_rate=0.8, bias_mutation_rate=0.7)
    untrained = replace(trained, method="neat", evolution=weights_too)
    found = [
        Contestant("propneat", "propneat", __version__, f"trains for {epochs} epochs, then evaluates", _propneat(trained)),
        Contestant("propneat, method neat", "propneat", __version__, "evaluates", _propneat(untrained)),
    ]
    if find_spec("neat") is None:
        return found, ["neat-python is not installed, so propneat runs without it: pip install 'propneat[peers]'"]
    from propneat.benchmark.speed.neat_python import CONTESTANTS

    return [*found, *CONTESTANTS], []


def _propneat(config: EvolveConfig) -> Callable[[Samples, int, int, int], GenerationTimes]:
    def run(samples: Samples, population: int, generations: int, seed: int) -> GenerationTimes:
        evolution = replace(config.evolution, population_size=population)
        only_generations = replace(
            config, generations=generations, seed=seed, evolution=evolution, n_finalists=0, fine_tune_epochs=0, refit_epochs=0
        )
        ends, states = [time.perf_counter()], []

        def note_time(state: EvolveState) -> None:
            ends.append(time.perf_counter())
            states.append(state)

        evolve(Problem(samples, samples, "binary"), only_generations, callbacks=(note_time,))
        pool = states[-1].population.pool
        enabled = float(pool.connections["enabled"].sum()) / len(pool)
        n_fixed = samples.X.shape[1] + samples.targets.shape[1]
        return GenerationTimes(tuple(np.diff(ends).tolist()), enabled, len(pool.nodes) / len(pool) - n_fixed)

    return run
