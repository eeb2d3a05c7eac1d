"""Environments and populations that tests of control share; `python -m` style names find the classes here."""

from types import SimpleNamespace

import numpy as np

from propneat.compiler import compile_pool, compile_programs
from propneat.control import ENVIRONMENTS
from propneat.control.compiled import first_states, observe_all, step_all
from propneat.evolution import EvolutionConfig, Population

GROWING = EvolutionConfig(
    population_size=12, add_connection_rate=0.8, add_node_rate=0.5, recurrent_rate=0.4, activations=("tanh", "relu")
)


def population(environment, generations=6, config=GROWING):
    """A pool of genomes, recurrent ones among them, of some age, and its programs."""
    grown = Population(environment.n_observations, environment.action.n_outputs, config, seed=5)
    for generation in range(generations):
        grown.tell(np.random.default_rng(generation).normal(size=config.population_size))
    pool = grown.ask()
    return pool, compile_programs(compile_pool(pool))


class InPython:
    """A compiled environment with the methods of gymnasium's; seeds are those of the compiled one below 2^31."""

    def __init__(self, name="CartPole-v1"):
        self.ours = ENVIRONMENTS[name]
        self.observation_space = Box((self.ours.n_observations,), -np.inf, np.inf)
        action = self.ours.action
        self.action_space = (
            SimpleNamespace(n=action.n_choices, shape=()) if action.n_choices else Box((1,), action.low[0], action.high[0])
        )
        self.spec = SimpleNamespace(max_episode_steps=self.ours.max_steps, reward_threshold=self.ours.solved_at)

    def reset(self, *, seed):
        self.states, self.time = first_states(self.ours, np.array([seed], np.uint64)), 0
        return self._seen(), {}

    def step(self, action):
        reward, ended = np.zeros(1), np.zeros(1, bool)
        step_all(self.ours.code, self.states, np.ravel(action).astype(float), self.time, False, reward, ended)
        self.time += 1
        return self._seen(), reward[0], bool(ended[0]), self.time >= self.ours.max_steps, {}

    def render(self):
        return np.full((20, 30, 3), 200, np.uint8)

    def close(self):
        pass

    def _seen(self):
        seen = np.zeros((1, self.ours.n_observations))
        observe_all(self.ours.code, self.states, seen)
        return seen[0]


class Box(SimpleNamespace):
    """As much of a space of numbers as is looked at."""

    def __init__(self, shape, low, high):
        super().__init__(shape=shape, low=np.full(shape, low), high=np.full(shape, high), dtype=np.dtype(np.float64))


class Odd(InPython):
    """An environment that networks cannot act in."""

    def __init__(self):
        super().__init__()
        self.action_space = SimpleNamespace(nvec=[2, 3])


def pendulum():
    """Make one whose actions are numbers."""
    return InPython("Pendulum-v1")


not_callable = 3
