"""Whoever runs generations against a clock, and what a run of theirs comes to."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from propneat.training import Samples

__all__ = ["Contestant", "GenerationTimes"]


@dataclass(frozen=True)
class GenerationTimes:
    """A run of a contestant: seconds of every generation, and the mean genome of the last one."""

    seconds: tuple[float, ...]
    connections: float
    """Enabled connections per genome."""
    hidden: float
    """Hidden nodes per genome."""
    best: Callable[[Samples], np.ndarray] | None = None
    """Answers of the best network to rows, where they are asked for."""


@dataclass(frozen=True)
class Contestant:
    """A way to run generations; `run(samples, population, generations, seed)` starts afresh."""

    label: str
    package: str
    version: str
    does: str
    """What it does with every genome of a generation, in words."""
    run: Callable[[Samples, int, int, int], GenerationTimes]
