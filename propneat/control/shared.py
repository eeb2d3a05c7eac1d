"""Rollouts in environments that Python steps through, shared out over processes, here or on a cluster, to the same bytes."""

import threading
from dataclasses import dataclass

import numpy as np

from propneat import __version__
from propneat.base.cluster import check_version
from propneat.base.crew import Crew
from propneat.base.errors import ConfigError
from propneat.compiler import Programs
from propneat.control.environment import Environment
from propneat.control.finding import find_world
from propneat.control.lanes import Episode, PythonWorld, gather
from propneat.control.moments import Moments
from propneat.control.rollouts import Rollouts, World

__all__ = ["SharedWorld", "share"]

_SHARES = 4
"""Tasks for every worker: episodes are not of one length, and who is done early takes the next."""

_own = threading.local()
"""In a thread of a worker: the last world that it was asked for. Environments are not made for several threads."""


@dataclass(frozen=True, eq=False)
class _Task:
    """Some episodes of a population, with all that playing them takes."""

    environment: Environment
    programs: Programs
    genomes: np.ndarray
    seeds: np.ndarray
    moments: Moments | None
    keep: bool
    version: str = __version__


def _play(task: _Task) -> list[Episode]:
    """Play in a worker, which makes the environment itself, by its name."""
    check_version(task.version)
    name, max_steps = task.environment.name, task.environment.max_steps
    if getattr(_own, "key", None) != (name, max_steps):
        if hasattr(_own, "world"):
            _own.world.close()
        _own.world, _own.key = find_world(name, max_steps), (name, max_steps)
    return _own.world.play(task.programs, task.genomes, task.seeds, task.moments, task.keep)


def share(world: World, crew: Crew) -> World:
    """Return a world whose rollouts are those of another, to the bit, and made by a crew.

    Raises ConfigError for a compiled environment.
    """
    if not isinstance(world, PythonWorld):
        raise ConfigError(
            f"the rollouts of {world.environment.name} are compiled and take the threads of this process, faster than they could "
            "be sent: leave workers and dask out, which are for environments in Python"
        )
    return SharedWorld(world.environment, crew)


@dataclass(frozen=True, eq=False)
class SharedWorld:
    """A `World` in Python whose episodes are played by a crew, which whoever made it closes."""

    environment: Environment
    crew: Crew

    def roll_out(self, programs: Programs, seeds: np.ndarray, moments: Moments | None, *, keep: bool = False) -> Rollouts:
        """See `World`. An episode is the same whoever plays it, so that neither the number of workers nor a death shows."""
        genomes = np.repeat(np.arange(seeds.shape[0]), seeds.shape[1])
        n_tasks = max(1, min(seeds.size, _SHARES * self.crew.n_workers))
        tasks = [
            _Task(self.environment, programs, own, starts, moments, keep)
            for own, starts in zip(np.array_split(genomes, n_tasks), np.array_split(seeds.ravel(), n_tasks), strict=True)
        ]
        parts = self.crew.carry_out(_play, tasks)
        return gather([episode for part in parts for episode in part], seeds.shape, self.environment)

    def close(self) -> None:
        """See `World`; environments stay with the crew."""
