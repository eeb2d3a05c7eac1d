"""Episodes of any policy in any environment, which is what methods that are not propneat's need of a world."""

from collections.abc import Callable

import numpy as np

from propneat.control.compiled import first_states, observe_all, step_all
from propneat.control.lanes import PythonWorld
from propneat.control.rollouts import World

__all__ = ["Arena", "Policy"]

Policy = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Is given observations, float64 (k, n_observations), and the number of the episode of each, int64 (k,), and returns actions as
`ActionSpace.act` does."""

_LANES = 32


class Arena:
    """A world, ready for episodes side by side."""

    def __init__(self, world: World) -> None:
        self.world, self.environment = world, world.environment

    def play(self, policy: Policy, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Let a policy act in an episode for every seed, uint64 (n,); return returns, float64 (n,), and steps, int64 (n,)."""
        seeds = np.asarray(seeds, np.uint64)
        returns, steps = np.zeros(len(seeds)), np.zeros(len(seeds), np.int64)
        size = len(seeds) if self.environment.is_compiled else _LANES
        for first in range(0, len(seeds), size):
            part = slice(first, first + size)
            self._play_some(policy, seeds[part], first, returns[part], steps[part])
        return returns, steps

    def _play_some(self, policy: Policy, seeds: np.ndarray, first: int, returns: np.ndarray, steps: np.ndarray) -> None:
        lanes = (_Compiled if self.environment.is_compiled else _InPython)(self.world, seeds)
        alive = np.arange(len(seeds))
        for time in range(self.environment.max_steps):
            actions = policy(lanes.seen[alive], first + alive)
            rewards, ended = lanes.step(alive, actions, time)
            returns[alive] += rewards
            steps[alive] += 1
            alive = alive[~ended]
            if not len(alive):
                return


class _Compiled:
    """Episodes in a compiled environment. Mutable: states, and what is seen of them."""

    def __init__(self, world: World, seeds: np.ndarray) -> None:
        environment = world.environment
        self._environment, self._states = environment, first_states(environment, seeds)
        self.seen = np.zeros((len(seeds), environment.n_observations))
        observe_all(environment.code, self._states, self.seen)

    def step(self, alive: np.ndarray, actions: np.ndarray, time: int) -> tuple[np.ndarray, np.ndarray]:
        """Step in some episodes; return rewards and whether they ended, (k,)."""
        code, states = self._environment.code, self._states[alive]
        seen, rewards, ended = self.seen[alive], np.zeros(len(alive)), np.zeros(len(alive), bool)
        is_last = time == self._environment.max_steps - 1
        step_all(code, states, np.ravel(actions).astype(np.float64), time, is_last, rewards, ended)
        observe_all(code, states, seen)
        self._states[alive], self.seen[alive] = states, seen
        return rewards, ended


class _InPython:
    """Episodes in environments that Python steps through. Mutable likewise."""

    def __init__(self, world: PythonWorld, seeds: np.ndarray) -> None:
        self._world, self._made = world, world.made(len(seeds))
        # as in rollouts, environments take seeds of 31 bits
        starts = [made.reset(seed=int(seed % np.uint64(2**31)))[0] for made, seed in zip(self._made, seeds, strict=True)]
        self.seen = np.array([world.flatten(start) for start in starts])

    def step(self, alive: np.ndarray, actions: np.ndarray, time: int) -> tuple[np.ndarray, np.ndarray]:
        """See `_Compiled.step`."""
        rewards, ended = np.zeros(len(alive)), np.zeros(len(alive), bool)
        for place, k in enumerate(alive):
            observation, reward, over, cut, _ = self._made[k].step(self._world.unflatten(actions[place]))
            self.seen[k], rewards[place], ended[place] = self._world.flatten(observation), float(reward), over or cut
        return rewards, ended
