"""Time as search: how many populations and generations fit into some seconds, found out by a short trial."""

import time
from collections.abc import Callable
from dataclasses import replace
from numbers import Real

from propneat.base.errors import ConfigError
from propneat.base.setting_types import shown
from propneat.search import Problem, Trainer, evolve
from propneat.settings.evolve_config import EvolveConfig

__all__ = ["fit_into"]

_TRIED, _LEAST, _MOST = 4, 5, 50
"""Generations of the trial, the fewest that are worth a population, and the most populations."""
_GROWTH = 1.5
"""A generation on average takes so many times those of the trial, whose networks are still small."""


def fit_into(
    config: EvolveConfig, problem: Problem, seconds: float, train: Trainer, say: Callable[[str], None] = lambda _: None
) -> EvolveConfig:
    """Return the configuration with as many populations as fit into some seconds, or one of fewer generations.

    One population is evolved for four generations to see how long they and what follows take. What is decided is a number of
    populations and generations, with which the run can be repeated to the bit. `say` gets a line where even the fewest take
    longer. Raises ConfigError for no time.
    """
    if not isinstance(seconds, Real) or not 0 < seconds < float("inf"):
        raise ConfigError(f"a time budget is a number of seconds above 0, not {shown(seconds)}")
    start = time.perf_counter()
    ends: list[float] = []
    evolve(
        problem,
        replace(config, populations=1, generations=_TRIED),
        callbacks=[lambda _: ends.append(time.perf_counter())],
        train=train,
    )
    done = time.perf_counter()
    generation, final = _GROWTH * (ends[-1] - ends[0]) / (_TRIED - 1), done - ends[-1]
    left = seconds - (done - start)
    populations = int(left / (config.generations * generation + final))
    if populations > 0:
        return replace(config, populations=min(populations, _MOST))
    fitting = int((left - final) / generation)
    least = min(config.generations, _LEAST)
    if fitting < least:
        needed = done - start + least * generation + final
        fewest = f"a trial and {least} generations, the fewest that are worth it"
        say(f"{seconds:g} s are too short: {fewest}, take about {needed:.0f} s here.")
    return replace(config, populations=1, generations=min(config.generations, max(_LEAST, fitting)))
