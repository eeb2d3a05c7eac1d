"""Rollouts: every genome of a population in its episodes, and what was met there."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from propneat.base.native import outer, share_out
from propneat.compiler import Programs
from propneat.compiler.walk import step as walk
from propneat.control.compiled import first_states, observe
from propneat.control.compiled import step as move
from propneat.control.environment import Environment
from propneat.control.moments import LIMIT, Moments

__all__ = ["CompiledWorld", "Experience", "Rollouts", "World", "scaling_of"]


@dataclass(frozen=True, eq=False)
class Experience:
    """Steps of whole episodes, one after another."""

    inputs: np.ndarray
    """What the network was given, float32 (n_steps, n_observations)."""
    actions: np.ndarray
    """Number of the choice, or the outputs cut to [-1, 1], float32 (n_steps, 1 or n_outputs)."""
    rewards: np.ndarray
    """float64 (n_steps,)."""
    episode: np.ndarray
    """First step of every episode and the number of steps behind the last, int64 (n_episodes + 1,)."""


@dataclass(frozen=True, eq=False)
class Rollouts:
    """What came of episodes of a population."""

    returns: np.ndarray
    """Sum of the rewards of every episode, float64 (n_genomes, n_episodes)."""
    steps: np.ndarray
    """Number of steps of every episode, int64 (n_genomes, n_episodes)."""
    seen: Moments
    """Of all observations."""
    replay: Callable[[np.ndarray], Experience]
    """Gives the steps of chosen episodes, bool (n_genomes, n_episodes)."""

    @property
    def n_steps(self) -> int:
        """Number of steps of all episodes."""
        return int(self.steps.sum())


class World(Protocol):
    """A place where a population acts."""

    environment: Environment

    def roll_out(self, programs: Programs, seeds: np.ndarray, moments: Moments | None, *, keep: bool = False) -> Rollouts:
        """Let genome g act in episodes that begin by seeds[g], uint64 (n_genomes, n_episodes), each without a past.

        `moments` scale observations, None leaves them as they are. `keep` says that steps will be asked for.
        """

    def close(self) -> None:
        """End what rollouts have begun and kept; others may follow."""


def scaling_of(moments: Moments | None, n_observations: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return what to subtract, by what to multiply, and where to cut."""
    if moments is None:
        return np.zeros(n_observations), np.ones(n_observations), np.inf
    return *moments.scaling, LIMIT


@outer
def _roll(genomes, place, programs, starts, scaling, choices, low, high, returns, steps, moments, rows):
    """Roll out some genomes in all their episodes; `rows` takes the steps of those with a place in it, -1 for none."""
    environment, max_steps = place
    code, numbers, code_start, number_start, slot_start, n_outputs = programs
    subtract, multiply, limit = scaling
    mean, squares, count = moments
    row_of, inputs, actions, rewards = rows
    n_observations = subtract.shape[0]
    seen, x, out = np.empty(n_observations), np.empty(n_observations), np.empty(n_outputs)
    for g in genomes:
        program, constants = code[code_start[g] :], numbers[number_start[g] :]
        values = np.empty(slot_start[g + 1] - slot_start[g])
        for e in range(starts.shape[1]):
            state = starts[g, e].copy()
            values[:] = 0.0
            total, row = 0.0, row_of[g, e]
            for time in range(max_steps):
                observe(environment, state, seen)
                count[g] += 1
                for k in range(n_observations):
                    apart = seen[k] - mean[g, k]
                    mean[g, k] += apart / count[g]
                    squares[g, k] += apart * (seen[k] - mean[g, k])
                    x[k] = min(max((seen[k] - subtract[k]) * multiply[k], -limit), limit)
                walk(program, constants, x, values, out)
                if choices > 0:
                    best, chosen = -np.inf, 0
                    for k in range(n_outputs):
                        if out[k] > best:
                            best, chosen = out[k], k
                    told = float(chosen)
                    action = told
                else:
                    told = min(max(out[0], -1.0), 1.0) if out[0] == out[0] else 0.0
                    action = low + (told + 1.0) * 0.5 * (high - low)
                reward, ended = move(environment, state, action, time, time == max_steps - 1)
                if row >= 0:
                    for k in range(n_observations):
                        inputs[row, k] = x[k]
                    actions[row, 0] = told
                    rewards[row] = reward
                    row += 1
                total += reward
                if ended or time == max_steps - 1:
                    returns[g, e], steps[g, e] = total, time + 1
                    break


@dataclass(frozen=True)
class CompiledWorld:
    """A compiled environment: all episodes of a population in one native call, genomes shared out over threads."""

    environment: Environment

    def roll_out(self, programs: Programs, seeds: np.ndarray, moments: Moments | None, *, keep: bool = False) -> Rollouts:
        """See `World`; steps are not kept but made again when they are asked for."""
        return self.roll_from(programs, first_states(self.environment, seeds), moments)

    def close(self) -> None:
        """See `World`; nothing is kept."""

    def roll_from(
        self, programs: Programs, starts: np.ndarray, moments: Moments | None, *, max_steps: int | None = None
    ) -> Rollouts:
        """Let every genome act from states of its own, (n_genomes, n_episodes, n_state); ValueError for other shapes."""
        if starts.ndim != 3 or starts.shape[::2] != (len(programs), self.environment.n_state):
            raise ValueError(f"expected starts for {len(programs)} genomes, got an array of shape {starts.shape}")
        environment = self.environment if max_steps is None else replace(self.environment, max_steps=max_steps)
        n_genomes, n_episodes = starts.shape[:2]
        scaling = scaling_of(moments, environment.n_observations)

        def run(row_of: np.ndarray, rows: tuple[np.ndarray, ...]) -> tuple[np.ndarray, np.ndarray, Moments]:
            returns, steps = np.zeros((n_genomes, n_episodes)), np.zeros((n_genomes, n_episodes), np.int64)
            shape = (n_genomes, environment.n_observations)
            seen = (np.zeros(shape), np.zeros(shape), np.zeros(n_genomes, np.int64))
            action = environment.action
            low, high = (0.0, 0.0) if action.n_choices else (action.low[0], action.high[0])
            parts = (
                programs.code, programs.numbers, programs.code_start, programs.number_start, programs.slot_start,
                programs.n_outputs,
            )  # fmt: skip

            def work(genomes: np.ndarray) -> None:
                place = (environment.code, environment.max_steps)
                arguments = (parts, starts, scaling, action.n_choices, low, high, returns, steps, seen, (row_of, *rows))
                _roll(genomes, place, *arguments)

            share_out(work, np.diff(programs.code_start).astype(np.float64))
            joined = Moments.none(environment.n_observations)
            for mean, squares, count in zip(*seen, strict=True):
                joined = joined.joined(Moments(int(count), mean, squares))
            return returns, steps, joined

        returns, steps, seen = run(np.full((n_genomes, n_episodes), -1), _room(0, environment.n_observations))

        def replay(chosen: np.ndarray) -> Experience:
            ends = np.cumsum(np.where(chosen, steps, 0).ravel())
            first = (ends - np.where(chosen, steps, 0).ravel()).reshape(chosen.shape)
            rows = _room(int(ends[-1]), environment.n_observations)
            run(np.where(chosen, first, -1), rows)
            return Experience(*rows, np.append(first[chosen], ends[-1]))

        return Rollouts(returns, steps, seen, replay)


def _room(n_rows: int, n_observations: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.zeros((n_rows, n_observations), np.float32), np.zeros((n_rows, 1), np.float32), np.zeros(n_rows)
