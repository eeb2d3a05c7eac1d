"""Environments in Python: gymnasium's and those that are written like them, many side by side, networks compiled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from propneat.base.native import outer
from propneat.compiler import Programs
from propneat.compiler.walk import step as walk
from propneat.control.environment import Environment
from propneat.control.moments import Moments
from propneat.control.rollouts import Experience, Rollouts, scaling_of

__all__ = ["Episode", "PythonWorld", "answer_lanes", "gather"]

_LANES = 32


@outer
def answer_lanes(programs, genomes, inputs, memory, outputs):
    """Have one genome answer in every lane: `genomes` int64 (n_lanes,), inputs, memory and outputs float64 of a row each."""
    code, numbers, code_start, number_start = programs
    for lane in range(genomes.shape[0]):
        g = genomes[lane]
        walk(code[code_start[g] :], numbers[number_start[g] :], inputs[lane], memory[lane], outputs[lane])


@dataclass(frozen=True, eq=False)
class Episode:
    """What came of one episode."""

    total: float
    """Sum of the rewards."""
    n_steps: int
    seen: Moments
    """Of all observations that were acted on."""
    rows: tuple[np.ndarray, np.ndarray, np.ndarray] | None
    """Inputs, actions and rewards as in `Experience`, None where they are not kept."""


def gather(episodes: Sequence[Episode], shape: tuple[int, int], environment: Environment) -> Rollouts:
    """Return as rollouts what came of the episodes of all genomes, (n_genomes, n_episodes), one genome after another."""
    seen = Moments.none(environment.n_observations)
    for episode in episodes:
        seen = seen.joined(episode.seen)
    returns = np.array([episode.total for episode in episodes]).reshape(shape)
    steps = np.array([episode.n_steps for episode in episodes], np.int64).reshape(shape)

    def replay(chosen: np.ndarray) -> Experience:
        width = 1 if environment.action.n_choices else environment.action.n_outputs
        no_rows = np.zeros((0, environment.n_observations), np.float32), np.zeros((0, width), np.float32), np.zeros(0)
        rows = [no_rows, *(episodes[k].rows for k in np.flatnonzero(chosen))]
        parts = (np.concatenate(part) for part in zip(*rows, strict=True))
        return Experience(*parts, np.cumsum([0, *steps[chosen]]))

    return Rollouts(returns, steps, seen, replay)


@dataclass(eq=False)
class _Lane:
    """One environment at work. Mutable."""

    world: Any
    job: int | None = None
    seen: np.ndarray | None = None
    past: list[np.ndarray] = field(default_factory=list)
    rows: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)

    def episode(self, keep: bool) -> Episode:
        """Return what came of the episode that is at its end."""
        rows = None
        if keep:
            inputs, actions = (np.array(part, np.float32) for part in zip(*self.rows, strict=True))
            rows = inputs, actions, np.array(self.rewards)
        return Episode(sum(self.rewards), len(self.rewards), Moments.of_rows(np.array(self.past)), rows)


@dataclass(frozen=True, eq=False)
class PythonWorld:
    """An environment that Python steps through. The same seeds give the same rollouts as far as its `reset(seed=...)` does.

    Environments are made once and kept for the next rollouts; `close` ends them.
    """

    environment: Environment
    make: Callable[[], Any]
    """Makes one more of the environment, with gymnasium's reset, step and close."""
    flatten: Callable[[Any], np.ndarray]
    """Turns an observation into float64 (n_observations,)."""
    unflatten: Callable[[Any], Any]
    """Turns an action of `ActionSpace.act` into one of the environment."""
    _made: list[Any] = field(default_factory=list, init=False)

    def roll_out(self, programs: Programs, seeds: np.ndarray, moments: Moments | None, *, keep: bool = False) -> Rollouts:
        """See `World`. Genomes are asked many at once, environments stepped one after another."""
        genomes = np.repeat(np.arange(seeds.shape[0]), seeds.shape[1])
        return gather(self.play(programs, genomes, seeds.ravel(), moments, keep), seeds.shape, self.environment)

    def made(self, n_environments: int) -> list[Any]:
        """Return that many environments, each to be reset before it is stepped."""
        while len(self._made) < n_environments:
            self._made.append(self.make())
        return self._made[:n_environments]

    def close(self) -> None:
        """End the environments that were made."""
        while self._made:
            self._made.pop().close()

    def play(
        self, programs: Programs, genomes: np.ndarray, seeds: np.ndarray, moments: Moments | None, keep: bool
    ) -> list[Episode]:
        """Let genomes[k] act in an episode that begins by seeds[k], uint64 (n,); return what came of each, in this order.

        An episode does not depend on which others are played with it.
        """
        lanes = [_Lane(made) for made in self.made(min(_LANES, len(seeds)))]
        subtract, multiply, limit = scaling_of(moments, self.environment.n_observations)
        parts = (programs.code, programs.numbers, programs.code_start, programs.number_start)
        memory = np.zeros((len(lanes), int(np.diff(programs.slot_start).max())))
        waiting = iter(range(len(seeds)))
        episodes: dict[int, Episode] = {}
        for k, lane in enumerate(lanes):
            self._begin(lane, next(waiting, None), seeds, memory[k])
        while busy := [k for k, lane in enumerate(lanes) if lane.job is not None]:
            inputs = np.clip((np.array([lanes[k].seen for k in busy]) - subtract) * multiply, -limit, limit)
            state, outputs = memory[busy], np.zeros((len(busy), programs.n_outputs))
            answer_lanes(parts, genomes[[lanes[k].job for k in busy]], inputs, state, outputs)
            memory[busy] = state
            actions = self.environment.action.act(outputs)
            told = actions[:, None] if self.environment.action.n_choices else np.clip(np.nan_to_num(outputs), -1.0, 1.0)
            for place, k in enumerate(busy):
                lane = lanes[k]
                observation, reward, ended, cut, _ = lane.world.step(self.unflatten(actions[place]))
                if keep:
                    lane.rows.append((inputs[place], told[place]))
                lane.past.append(lane.seen)
                lane.rewards.append(float(reward))
                lane.seen = self.flatten(observation)
                if ended or cut or len(lane.rewards) >= self.environment.max_steps:
                    episodes[lane.job] = lane.episode(keep)
                    self._begin(lane, next(waiting, None), seeds, memory[k])
        return [episodes[k] for k in range(len(seeds))]

    def _begin(self, lane: _Lane, job: int | None, seeds: np.ndarray, memory: np.ndarray) -> None:
        lane.job, lane.past, lane.rows, lane.rewards = job, [], [], []
        memory[:] = 0.0
        if job is not None:
            lane.seen = self.flatten(lane.world.reset(seed=int(seeds[job] % np.uint64(2**31)))[0])
