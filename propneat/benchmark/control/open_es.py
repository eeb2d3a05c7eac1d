"""OpenES on a small network, in numpy: Salimans, Ho, Chen, Sidor and Sutskever (2017), "Evolution strategies as a scalable
alternative to reinforcement learning".

Pairs of mirrored perturbations, returns as centred ranks, Adam, weight decay, and observations scaled by the mean and spread
of all seen. Packages that have it bring jax or ray with them, so it is written here, in its few lines.
"""

from dataclasses import dataclass

import numpy as np

from propneat.base.rng import make_rng
from propneat.benchmark.control.arena import Policy
from propneat.benchmark.control.contest import Contest
from propneat.control.environment import ActionSpace
from propneat.control.moments import LIMIT, Moments
from propneat.settings.control_config import default_control

__all__ = ["HIDDEN", "run"]

HIDDEN = 16
"""Nodes of its one hidden layer, tanh like its outputs."""
_SPREAD, _LEARNING_RATE, _DECAY = 0.1, 0.05, 0.005
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class _Shape:
    n_inputs: int
    n_outputs: int

    @property
    def n_numbers(self) -> int:
        return (self.n_inputs + 1) * HIDDEN + (HIDDEN + 1) * self.n_outputs

    def answer(self, numbers: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the outputs (k, n_outputs) of networks, (k, n_numbers), for an input each, (k, n_inputs)."""
        cut = (self.n_inputs + 1) * HIDDEN
        first = numbers[:, :cut].reshape(-1, self.n_inputs + 1, HIDDEN)
        second = numbers[:, cut:].reshape(-1, HIDDEN + 1, self.n_outputs)
        hidden = np.tanh(np.einsum("ki,kih->kh", x, first[:, :-1]) + first[:, -1])
        return np.tanh(np.einsum("kh,kho->ko", hidden, second[:, :-1]) + second[:, -1])


def run(contest: Contest) -> None:
    """Search until the contest is over; a generation has as many networks and episodes as propneat's."""
    environment, generation = contest.arena.environment, 0
    settings = default_control(environment.name)
    n_pairs, n_episodes = settings.evolution.population_size // 2, settings.episodes
    shape = _Shape(environment.n_observations, environment.action.n_outputs)
    rng = make_rng(contest.seed, "openes")
    numbers = rng.standard_normal(shape.n_numbers) / np.sqrt(HIDDEN)
    first, second, moments = np.zeros_like(numbers), np.zeros_like(numbers), Moments.none(environment.n_observations)
    while True:
        steps = rng.standard_normal((n_pairs, shape.n_numbers))
        several = numbers + _SPREAD * np.concatenate([steps, -steps])
        met: list[np.ndarray] = []
        policy = _policy(shape, np.repeat(several, n_episodes, axis=0), moments, environment.action, met)
        returns = contest.spend(policy, np.tile(contest.seeds("episodes", generation, n_episodes), len(several)))
        ranks = _centred_ranks(returns.reshape(len(several), n_episodes).mean(axis=1))
        slope = (ranks[:n_pairs] - ranks[n_pairs:]) @ steps / (2 * n_pairs * _SPREAD) - _DECAY * numbers
        time = generation + 1
        first, second = _BETA1 * first + (1 - _BETA1) * slope, _BETA2 * second + (1 - _BETA2) * slope**2
        ahead = first / (1 - _BETA1**time) / (np.sqrt(second / (1 - _BETA2**time)) + _EPSILON)
        numbers = numbers + _LEARNING_RATE * ahead
        moments = moments.joined(Moments.of_rows(np.concatenate(met)))
        if contest.look(_policy(shape, numbers[None], moments, environment.action), generation):
            return
        generation += 1


def _policy(
    shape: _Shape, several: np.ndarray, moments: Moments, action: ActionSpace, met: list[np.ndarray] | None = None
) -> Policy:
    """Return what has a network of its own for every episode, or one for all; `met` takes the observations."""
    subtract, multiply = moments.scaling

    def act(seen: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        if met is not None:
            met.append(seen.copy())
        own = several[episodes] if len(several) > 1 else np.broadcast_to(several, (len(seen), several.shape[1]))
        return action.act(shape.answer(own, np.clip((seen - subtract) * multiply, -LIMIT, LIMIT)))

    return act


def _centred_ranks(values: np.ndarray) -> np.ndarray:
    """Return ranks from -0.5 to 0.5, equal values by their mean rank."""
    from scipy.stats import rankdata

    return (rankdata(values) - 1) / max(1, len(values) - 1) - 0.5
