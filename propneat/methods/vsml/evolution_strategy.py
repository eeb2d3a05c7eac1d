"""Meta-training by an evolution strategy: a gradient from losses alone, of mirrored Gaussian perturbations."""

from collections.abc import Callable

import numpy as np

from propneat.base.rng import make_rng
from propneat.methods.vsml.episodes import stream
from propneat.methods.vsml.meta_training import MetaState, adam_step, first_state
from propneat.methods.vsml.tasks import draw_task

__all__ = ["antithetic_gradient", "meta_train_by_evolution"]

SIGMA = 0.05
"""Standard deviation of a perturbation in the authors' configuration."""
RATE = 0.025
"""Adam's step size in the authors' configuration."""


def antithetic_gradient(
    losses_of: Callable[[np.ndarray], np.ndarray], values: np.ndarray, rng: np.random.Generator, n_pairs: int, sigma: float
) -> tuple[np.ndarray, float]:
    """Return an unbiased estimate of the gradient of the Gaussian-smoothed loss, float64 like values (n,), and the mean loss.

    `losses_of` takes members (2 n_pairs, n), perturbations added in the first half and subtracted in the second, and
    returns their losses (2 n_pairs,). The estimate is the mean over pairs of noise (L+ - L-) / (2 sigma^2), where noise
    has deviation sigma.
    """
    noise = sigma * rng.standard_normal((n_pairs, len(values)))
    losses = losses_of(np.concatenate([values + noise, values - noise]))
    difference = losses[:n_pairs] - losses[n_pairs:]
    return difference @ noise / (2 * sigma**2 * n_pairs), float(losses.mean())


def meta_train_by_evolution(
    seed: int,
    steps: int,
    n_pairs: int,
    length: int,
    sigma: float = SIGMA,
    rate: float = RATE,
    state: MetaState | None = None,
    callback: Callable[[MetaState], None] = lambda state: None,
) -> MetaState:
    """Meta-train without any gradient, by Adam along `antithetic_gradient`, for `steps` meta-steps of n_pairs new tasks.

    Every pair has a task of its own, of `length` rows. Departure from the authors' configuration: there every member has
    its own task; shared by both of a pair, the task's difficulty cancels from L+ - L-. Losses are relative to log B.
    """
    state = state or first_state(seed)
    last = state.step + steps
    while state.step < last:
        rng = make_rng(seed, "vsml", "evolution", state.step)
        tasks = [draw_task(rng, length) for _ in range(n_pairs)]
        chance = np.log([task.Y.shape[1] for task in tasks])

        def losses_of(members: np.ndarray, tasks: list = tasks, chance: np.ndarray = chance) -> np.ndarray:
            streams = stream(members.astype(np.float32), tasks + tasks)
            return np.array([one.loss for one in streams]) / np.tile(chance, 2)

        gradient, loss = antithetic_gradient(losses_of, state.values, rng, n_pairs, sigma)
        state = adam_step(state, gradient, rate, loss)
        callback(state)
    return state
