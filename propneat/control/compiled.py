"""Environments of our own: compiled, known by name, and reached from compiled code by their number."""

import math

import numpy as np

from propneat.base.native import inner, outer
from propneat.control.classic import acrobot_step, cart_pole_step, hill_continuous_step, hill_step, pendulum_step
from propneat.control.double_pole import N_SHAKES, START_ANGLE, damped_step, double_pole_step
from propneat.control.environment import ActionSpace, Environment

__all__ = ["ENVIRONMENTS", "first_states", "observe", "observe_all", "step", "step_all"]

_CART_POLE, _ACROBOT, _HILL, _HILL_CONTINUOUS, _PENDULUM, _DOUBLE, _DOUBLE_BLIND = range(7)

_UNIT = (-1.0,), (1.0,)
_LISTED = (
    Environment("CartPole-v1", 4, ActionSpace(2), 500, 475.0, _CART_POLE, 4),
    Environment("Acrobot-v1", 6, ActionSpace(3), 500, -100.0, _ACROBOT, 4),
    Environment("MountainCar-v0", 2, ActionSpace(3), 200, -110.0, _HILL, 2),
    Environment("MountainCarContinuous-v0", 2, ActionSpace(0, *_UNIT), 999, 90.0, _HILL_CONTINUOUS, 2),
    Environment("Pendulum-v1", 3, ActionSpace(0, (-2.0,), (2.0,)), 200, None, _PENDULUM, 2),
    Environment("double-pole", 6, ActionSpace(0, *_UNIT), 100_000, 100_000.0, _DOUBLE, 6, True, True),
    Environment("double-pole-no-velocities", 3, ActionSpace(0, *_UNIT), 1000, None, _DOUBLE_BLIND, 6 + N_SHAKES, True, True),
)
ENVIRONMENTS = {environment.name: environment for environment in _LISTED}
"""Environments by name. Those of gymnasium have its equations, limits and solved scores; see `classic` and `double_pole`."""


@inner
def _uniform(seed, place, low, high):
    """A number drawn for a place of a seed's stream: splitmix64 (Steele, Lea and Flood 2014)."""
    z = seed + np.uint64(place + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return low + (high - low) * ((z >> np.uint64(11)) * (1.0 / 9007199254740992.0))


@inner
def _begin(code, seed, state):
    state[:] = 0.0
    if code == _CART_POLE:
        for k in range(4):
            state[k] = _uniform(seed, k, -0.05, 0.05)
    elif code == _ACROBOT:
        for k in range(4):
            state[k] = _uniform(seed, k, -0.1, 0.1)
    elif code == _HILL or code == _HILL_CONTINUOUS:
        state[0] = _uniform(seed, 0, -0.6, -0.4)
    elif code == _PENDULUM:
        state[0] = _uniform(seed, 0, -math.pi, math.pi)
        state[1] = _uniform(seed, 1, -1.0, 1.0)
    else:
        state[2] = START_ANGLE


@inner
def step(code, state, action, time, is_last):
    """Change a state by one action, float64; `time` counts the steps before. Returns reward and whether it ended."""
    if code == _CART_POLE:
        return cart_pole_step(state, action)
    if code == _ACROBOT:
        return acrobot_step(state, action)
    if code == _HILL:
        return hill_step(state, action)
    if code == _HILL_CONTINUOUS:
        return hill_continuous_step(state, action)
    if code == _PENDULUM:
        return pendulum_step(state, action)
    if code == _DOUBLE:
        return double_pole_step(state, action)
    return damped_step(state, action, time, is_last)


@inner
def observe(code, state, observation):
    """Write what is seen of a state. Of double poles it is scaled as in NEAT's experiments, with velocities or without."""
    if code == _ACROBOT:
        observation[0], observation[1] = math.cos(state[0]), math.sin(state[0])
        observation[2], observation[3] = math.cos(state[1]), math.sin(state[1])
        observation[4], observation[5] = state[2], state[3]
    elif code == _PENDULUM:
        observation[0], observation[1], observation[2] = math.cos(state[0]), math.sin(state[0]), state[1]
    elif code == _DOUBLE:
        observation[0], observation[1] = state[0] / 4.8, state[1] / 2.0
        observation[2], observation[3] = state[2] / 0.52, state[3] / 2.0
        observation[4], observation[5] = state[4] / 0.52, state[5] / 2.0
    elif code == _DOUBLE_BLIND:
        observation[0], observation[1], observation[2] = state[0] / 4.8, state[2] / 0.52, state[4] / 0.52
    else:
        for k in range(observation.shape[0]):
            observation[k] = state[k]


@outer
def _first_states(code, seeds, states):
    for k in range(seeds.shape[0]):
        _begin(code, seeds[k], states[k])


@outer
def observe_all(code, states, observations):
    """Write what is seen of many states, (n, n_state), into `observations`, (n, n_observations), both float64."""
    for k in range(states.shape[0]):
        observe(code, states[k], observations[k])


@outer
def step_all(code, states, actions, time, is_last, rewards, ended):
    """Change many states, (n, n_state), by an action each, float64 (n,), and write rewards and whether they ended, (n,)."""
    for k in range(states.shape[0]):
        rewards[k], ended[k] = step(code, states[k], actions[k], time, is_last)


def first_states(environment: Environment, seeds: np.ndarray) -> np.ndarray:
    """Return the states in which episodes of these seeds begin, float64, of the shape of `seeds` and n_state."""
    flat = np.ascontiguousarray(seeds, np.uint64).reshape(-1)
    states = np.empty((len(flat), environment.n_state))
    _first_states(environment.code, flat, states)
    return states.reshape(*np.shape(seeds), environment.n_state)
