"""Learning between generations: backpropagation of all genomes on what the population has met.

Advantage-weighted regression: Peng, Kumar, Zhang and Levine (2019), "Advantage-weighted regression: simple and scalable off-policy reinforcement learning":
a policy is fitted to actions taken, each weighted by exp(advantage / beta). Departures: actions are those of a whole
population without noise, whose differences are the exploration; the value of a state is a ridge regression of discounted
returns on squares and products of what was seen and on time; advantages are divided by their standard deviation.

Policy gradient: Williams (1992), "Simple statistical gradient-following algorithms for connectionist reinforcement learning",
REINFORCE with a baseline: steps along advantage * grad log pi(action | seen). pi is the softmax of the outputs, or, for actions
that are numbers, a normal distribution of fixed spread around them. The same departures: actions come from other networks too,
whose probabilities are not known and correct nothing, and the steps of all epochs are taken with the same advantages.
"""

from dataclasses import replace

import numpy as np

from propneat.compiler import compile_pool, write_back_pool
from propneat.control.environment import Environment
from propneat.control.rollouts import Experience, Rollouts
from propneat.genome import GenePool
from propneat.settings.control_config import ControlConfig
from propneat.training import Samples, Sequences, train_population

__all__ = ["advantages", "learn", "returns_to_go"]

_MOST_NUMBERS = 2 * 10**7
"""Numbers seen that are kept at most; episodes are left out at random beyond."""
_RIDGE = 1e-3
_MEMORY, _SHARE_OF_HISTORIES = 25, 8
"""Recurrent genomes are trained on sequences of so many steps at most, and on one for so many rows of other genomes."""
_MOST_PRODUCTS = 12
"""Observations of more numbers have their squares, but no products, in the value's regression."""


def returns_to_go(experience: Experience, discount: float) -> np.ndarray:
    """Return the discounted sum of rewards from every step of its episode on, float64 (n_steps,)."""
    lengths = np.diff(experience.episode)
    ahead = np.zeros(len(experience.rewards))
    running = np.zeros(len(lengths))
    for back in range(1, int(lengths.max(initial=0)) + 1):
        alive = lengths >= back
        steps = experience.episode[1:][alive] - back
        running[alive] = experience.rewards[steps] + discount * running[alive]
        ahead[steps] = running[alive]
    return ahead


def advantages(experience: Experience, discount: float, max_steps: int) -> np.ndarray:
    """Return by how much every step's return to go is above what is usual there, in standard deviations, float64 (n_steps,)."""
    ahead = returns_to_go(experience, discount)
    seen = experience.inputs.astype(np.float64)
    time = (np.arange(len(seen)) - np.repeat(experience.episode[:-1], np.diff(experience.episode)))[:, None] / max_steps
    columns = [np.ones((len(seen), 1)), time, time**2, seen, seen**2]
    if seen.shape[1] <= _MOST_PRODUCTS:
        first, second = np.triu_indices(seen.shape[1], 1)
        columns.append(seen[:, first] * seen[:, second])
    features = np.concatenate(columns, axis=1)
    gram = features.T @ features + _RIDGE * len(seen) * np.eye(features.shape[1])
    rest = ahead - features @ np.linalg.solve(gram, features.T @ ahead)
    rest -= rest.mean()
    spread = rest.std()
    return rest / spread if spread > 0 else rest


def learn(
    pool: GenePool,
    parents: GenePool,
    rollouts: Rollouts,
    environment: Environment,
    config: ControlConfig,
    rng: np.random.Generator,
) -> GenePool:
    """Return a pool whose genomes have learnt from rollouts.

    Of all genomes a share learns, drawn at random, and of these not those that stand in `parents` as they are (the elite).
    """
    chosen = _chosen(rollouts.steps, environment.n_observations, rng)
    experience = rollouts.replay(chosen)
    weights = _weights(advantages(experience, config.discount, environment.max_steps), config)
    targets, loss = experience.actions, "mse"
    if n_choices := environment.action.n_choices:
        targets, loss = np.eye(n_choices)[targets[:, 0].astype(int)], "cross_entropy"
    plan = compile_pool(pool)
    if plan.is_recurrent:
        samples = _histories(experience, targets, weights, config.rows, rng)
    else:
        rows = np.sort(rng.permutation(len(weights))[: config.rows])
        samples = Samples.make(experience.inputs[rows], targets[rows], weights[rows])
    training = replace(config.training, loss=loss)
    if isinstance(samples, Sequences) and isinstance(training.batch_size, int):
        training = replace(training, batch_size=max(1, training.batch_size // _SHARE_OF_HISTORIES))
    trained = train_population(plan, samples, training, rng)
    learnt = write_back_pool(pool, plan, trained.weights, trained.biases)
    known, learns = set(parents), rng.random(len(pool)) < config.learning_share
    return GenePool.pack(
        after if does and before not in known else before for before, after, does in zip(pool, learnt, learns, strict=True)
    )


def _weights(found: np.ndarray, config: ControlConfig) -> np.ndarray:
    """Return what every step counts, by its advantage; steps of negative weight are moved away from."""
    if config.learning == "gradient":
        return np.clip(found, -config.most_weight, config.most_weight)
    return np.minimum(np.exp(np.minimum(found / config.beta, 700.0)), config.most_weight)


def _chosen(steps: np.ndarray, n_observations: int, rng: np.random.Generator) -> np.ndarray:
    """Choose episodes at random until there are as many steps as are kept at most; at least one."""
    order = rng.permutation(steps.size)
    fits = np.cumsum(steps.ravel()[order]) * n_observations <= _MOST_NUMBERS
    fits[0] = True
    chosen = np.zeros(steps.size, bool)
    chosen[order[fits]] = True
    return chosen.reshape(steps.shape)


def _histories(
    experience: Experience, targets: np.ndarray, weights: np.ndarray, n_rows: int, rng: np.random.Generator
) -> Sequences:
    """Choose steps at random and give each as a sequence of the steps before it in its episode, `_MEMORY` at most."""
    ends = np.sort(rng.permutation(len(weights))[: max(1, n_rows // _SHARE_OF_HISTORIES)])
    begins = np.repeat(experience.episode[:-1], np.diff(experience.episode))[ends]
    lengths = np.minimum(ends - begins + 1, _MEMORY)
    places = np.minimum((ends - lengths + 1)[:, None] + np.arange(lengths.max()), len(weights) - 1)
    return Sequences.make(experience.inputs[places], targets[ends], weights[ends], lengths)
