"""What an environment is to evolution: its numbers of observations and actions, its length, and what counts as solved."""

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["ActionSpace", "Environment"]


@dataclass(frozen=True)
class ActionSpace:
    """Actions as networks give them: one of some choices, or numbers within limits."""

    n_choices: int = 0
    """Number of choices, 0 for actions that are numbers."""
    low: tuple[float, ...] = ()
    """Least value of every number of an action."""
    high: tuple[float, ...] = ()

    @property
    def n_outputs(self) -> int:
        """Number of network outputs: one a choice, or one a number."""
        return self.n_choices or len(self.low)

    @property
    def rule(self) -> str:
        """How outputs become an action: "argmax", the largest; "scaled", [-1, 1] spread over the limits, and cut there."""
        return "argmax" if self.n_choices else "scaled"

    def act(self, outputs: np.ndarray) -> np.ndarray:
        """Return the actions of many outputs, float64 (n, n_outputs): int64 (n,) for choices, else float64 (n, n_outputs).

        An output that is no number is never chosen, and counts as 0 where it is scaled.
        """
        if self.n_choices:
            return np.argmax(np.where(np.isnan(outputs), -np.inf, outputs), axis=1)
        low, high = np.array(self.low), np.array(self.high)
        return low + (np.clip(np.where(np.isnan(outputs), 0.0, outputs), -1.0, 1.0) + 1.0) * 0.5 * (high - low)


@dataclass(frozen=True)
class Environment:
    """An environment, without a state: what networks must fit, and how it is told that it is solved."""

    name: str
    n_observations: int
    action: ActionSpace
    max_steps: int
    """Steps after which an episode ends, whatever happens."""
    solved_at: float | None = None
    """Mean return that counts as solved, None where nobody said."""
    code: int = -1
    """Number of a compiled environment, -1 for others."""
    n_state: int = 0
    """Numbers in the state of a compiled environment."""
    is_scaled: bool = False
    """Whether observations come on a common scale already."""
    is_fixed: bool = False
    """Whether every episode is the same, so that one says all."""

    @property
    def is_compiled(self) -> bool:
        """Whether whole rollouts run in one native call."""
        return self.code >= 0

    def is_solved(self, mean_return: float) -> bool:
        """Say whether a mean return is that of a solved environment."""
        return self.solved_at is not None and math.isfinite(mean_return) and mean_return >= self.solved_at
