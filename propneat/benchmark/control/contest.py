"""How a method is judged: the rule that propneat's own runs keep to, for any policy."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from propneat.base.rng import make_rng
from propneat.benchmark.control.arena import Arena, Policy

__all__ = ["JUDGED", "TESTED", "Contest", "Result"]

JUDGED, TESTED = 20, 100
"""Episodes that the best so far is judged in, and those that a champion is tested in, all of them others than it learnt from."""


@dataclass(frozen=True)
class Result:
    """What a method came to with a seed."""

    solved_after: int | None
    """Steps in the environment until it was solved, None where it was not."""
    steps: int
    """Steps in all, judging included."""
    returns: tuple[float, ...]
    """Of the champion in `TESTED` new episodes."""
    curve: tuple[tuple[int, float], ...]
    """Steps so far, and the return that the champion was judged by then."""


@dataclass(eq=False)
class Contest:
    """A method at work in an environment: its steps are counted, and its best are judged. Mutable."""

    arena: Arena
    seed: int
    budget: int
    steps: int = 0
    champion: Policy | None = None
    judged: float = -np.inf
    solved_after: int | None = None
    curve: list[tuple[int, float]] = field(default_factory=list)

    def seeds(self, what: str, generation: int, n_episodes: int) -> np.ndarray:
        """Return the seeds of episodes, uint64 (n_episodes,), those that propneat's runs have."""
        return make_rng(self.seed, what, generation).integers(0, 2**63, n_episodes, dtype=np.uint64)

    def spend(self, policy: Policy, seeds: np.ndarray) -> np.ndarray:
        """Let a policy act, count its steps, and return its returns, (n_episodes,)."""
        returns, steps = self.arena.play(policy, seeds)
        self.steps += int(steps.sum())
        return returns

    def look(self, policy: Policy, generation: int) -> bool:
        """Judge the best of a generation, which must not change any more, and say whether the contest is over.

        The environment is solved when the mean return reaches its score in `JUDGED` episodes and then in `TESTED` others.
        """
        environment = self.arena.environment
        mean = float(self.spend(policy, self.seeds("judge", generation, JUDGED)).mean())
        if self.champion is None or mean > self.judged:
            self.champion, self.judged = policy, mean
        if environment.is_solved(mean) and environment.is_solved(
            float(self.spend(policy, self.seeds("solved", generation, TESTED)).mean())
        ):
            self.champion, self.judged, self.solved_after = policy, mean, self.steps
        self.curve.append((self.steps, self.judged))
        return self.solved_after is not None or self.steps >= self.budget

    def result(self) -> Result:
        """Test the champion, and return all that came of it."""
        assert self.champion is not None
        seeds = make_rng(self.seed, "test").integers(0, 2**63, TESTED, dtype=np.uint64)
        returns: Any = self.arena.play(self.champion, seeds)[0]
        return Result(self.solved_after, self.steps, tuple(returns.tolist()), tuple(self.curve))
