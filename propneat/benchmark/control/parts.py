"""The parts of the control benchmark: which methods, in which environments, with which seeds and how many steps."""

from collections.abc import Sequence
from dataclasses import dataclass

from propneat.base.errors import ConfigError
from propneat.benchmark.control.methods import METHODS
from propneat.control.finding import find_world

__all__ = ["STEPS", "Part", "choose_parts"]

STEPS = {
    "CartPole-v1": 200_000,
    "Acrobot-v1": 500_000,
    "MountainCar-v0": 500_000,
    "MountainCarContinuous-v0": 500_000,
    "Pendulum-v1": 1_000_000,
}
"""The default environments, and the steps in each after which nothing new begins."""
_STEPS_ELSEWHERE = 1_000_000
_FIRST_SEED = 100
"""Smaller ones chose the default settings."""


@dataclass(frozen=True)
class Part:
    """What is done, or was done already, as a whole."""

    environment: str
    method: str
    seed: int
    budget: int
    """Steps in the environment after which nothing new begins."""

    @property
    def label(self) -> str:
        """What it is, in words."""
        return f"{self.method} in {self.environment}, seed {self.seed}"


def choose_parts(
    environments: Sequence[str] = (), methods: Sequence[str] = (), n_seeds: int = 10, budget: int | None = None
) -> list[Part]:
    """Return the parts of a benchmark, seed after seed, those of methods that are not installed too.

    Without environments or methods all default ones are taken. Raises ConfigError for a method that there is not, an
    environment that cannot be made, and one whose episodes are all alike.
    """
    for name in methods:
        if name not in METHODS:
            raise ConfigError(f"the methods of the control benchmark are {', '.join(METHODS)}, not {name!r}")
    environments, methods = tuple(dict.fromkeys(environments or STEPS)), tuple(dict.fromkeys(methods or METHODS))
    for name in environments:
        if find_world(name).environment.is_fixed:
            raise ConfigError(
                f"methods are judged by many episodes, and those of {name} are all alike: choose another environment"
            )
    seeds = range(_FIRST_SEED, _FIRST_SEED + n_seeds)
    return [
        Part(environment, method, seed, budget or STEPS.get(environment, _STEPS_ELSEWHERE))
        for seed in seeds
        for environment in environments
        for method in methods
    ]
