"""Environments in Python: gymnasium's and those that are written like them, many side by side, networks compiled."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from propneat.base.native import outer
from propneat.compiler import Programs
from propneat.compiler.walk import step as walk
from propneat.control.environment import Environment
from propneat.control.moments import Moments
from propneat.control.rollouts import Experience, Rollouts, scaling_of

__all__ = ["PythonWorld", "answer_lanes"]

_LANES = 32


@outer
def answer_lanes(programs, genomes, inputs, memory, outputs):
    """Have one genome answer in every lane: `genomes` int64 (n_lanes,), inputs, memory and outputs float64 of a row each."""
    code, numbers, code_start, number_start = programs
    for lane in range(genomes.shape[0]):
        g = genomes[lane]
        walk(code[code_start[g] :], numbers[number_start[g] :], inputs[lane], memory[lane], outputs[lane])


@dataclass(eq=False)
class _Lane:
    """One environment at work. Mutable."""

    world: Any
    job: tuple[int, int] | None = None
    seen: np.ndarray | None = None
    rows: list[tuple[np.ndarray, np.ndarray, float]] = field(default_factory=list)
    total: float = 0.0
    n_steps: int = 0


@dataclass(frozen=True, eq=False)
class PythonWorld:
    """An environment that Python steps through. The same seeds give the same rollouts as far as its `reset(seed=...)` does."""

    environment: Environment
    make: Callable[[], Any]
    """Makes one more of the environment, with gymnasium's reset, step and close."""
    flatten: Callable[[Any], np.ndarray]
    """Turns an observation into float64 (n_observations,)."""
    unflatten: Callable[[Any], Any]
    """Turns an action of `ActionSpace.act` into one of the environment."""

    def roll_out(self, programs: Programs, seeds: np.ndarray, moments: Moments | None, *, keep: bool = False) -> Rollouts:
        """See `World`. Genomes are asked many at once, environments stepped one after another."""
        jobs = [(g, e) for g in range(seeds.shape[0]) for e in range(seeds.shape[1])]
        lanes = [_Lane(self.make()) for _ in range(min(_LANES, len(jobs)))]
        try:
            return self._carry_out(lanes, jobs, programs, seeds, moments, keep)
        finally:
            for lane in lanes:
                lane.world.close()

    def _carry_out(self, lanes, jobs, programs: Programs, seeds: np.ndarray, moments: Moments | None, keep: bool) -> Rollouts:
        returns, steps = np.zeros(seeds.shape), np.zeros(seeds.shape, np.int64)
        subtract, multiply, limit = scaling_of(moments, self.environment.n_observations)
        parts = (programs.code, programs.numbers, programs.code_start, programs.number_start)
        memory = np.zeros((len(lanes), int(np.diff(programs.slot_start).max())))
        seen, kept, waiting = Moments.none(self.environment.n_observations), {}, iter(jobs)
        for k, lane in enumerate(lanes):
            self._begin(lane, next(waiting, None), seeds, memory[k])
        while busy := [k for k, lane in enumerate(lanes) if lane.job is not None]:
            rows = np.array([lanes[k].seen for k in busy])
            seen = seen.joined(Moments.of_rows(rows))
            inputs = np.clip((rows - subtract) * multiply, -limit, limit)
            state, outputs = memory[busy], np.zeros((len(busy), programs.n_outputs))
            answer_lanes(parts, np.array([lanes[k].job[0] for k in busy]), inputs, state, outputs)
            memory[busy] = state
            actions = self.environment.action.act(outputs)
            told = actions[:, None] if self.environment.action.n_choices else np.clip(np.nan_to_num(outputs), -1.0, 1.0)
            for place, k in enumerate(busy):
                lane = lanes[k]
                observation, reward, ended, cut, _ = lane.world.step(self.unflatten(actions[place]))
                if keep:
                    lane.rows.append((inputs[place], told[place], float(reward)))
                lane.seen, lane.total, lane.n_steps = self.flatten(observation), lane.total + float(reward), lane.n_steps + 1
                if ended or cut or lane.n_steps >= self.environment.max_steps:
                    returns[lane.job], steps[lane.job], kept[lane.job] = lane.total, lane.n_steps, lane.rows
                    self._begin(lane, next(waiting, None), seeds, memory[k])
        return Rollouts(returns, steps, seen, lambda chosen: self._experience(kept, chosen))

    def _begin(self, lane: _Lane, job: tuple[int, int] | None, seeds: np.ndarray, memory: np.ndarray) -> None:
        lane.job, lane.rows, lane.total, lane.n_steps = job, [], 0.0, 0
        memory[:] = 0.0
        if job is not None:
            lane.seen = self.flatten(lane.world.reset(seed=int(seeds[job] % np.uint64(2**31)))[0])

    def _experience(self, kept: dict[tuple[int, int], list], chosen: np.ndarray) -> Experience:
        episodes = [kept[int(g), int(e)] for g, e in np.argwhere(chosen)]
        rows = [row for episode in episodes for row in episode]
        width = 1 if self.environment.action.n_choices else self.environment.action.n_outputs
        return Experience(
            np.array([row[0] for row in rows], np.float32).reshape(len(rows), self.environment.n_observations),
            np.array([row[1] for row in rows], np.float32).reshape(len(rows), width),
            np.array([row[2] for row in rows], np.float64),
            np.cumsum([0, *map(len, episodes)]),
        )
