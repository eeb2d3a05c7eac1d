"""The cell of the paper, and how the potential that its trains build up depends on how often it fires."""

from dataclasses import dataclass
from functools import cache

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.rng import make_rng

__all__ = ["Neuron", "expected_effects", "post_count_slopes", "spread_trains"]

_N_DRAWS = 1000
_DEGREE = 4
_MOST_SPIKES = 100


@dataclass(frozen=True)
class Neuron:
    """A leaky integrate-and-fire cell with an exponential synapse; all times are in steps.

    At every step t the potential v loses v / tau_m and the current a loses a / tau_s, a gains the weights of the spikes sent
    at t - 1, and v gains a / tau_s. A cell whose v passes its threshold fires, is set to 0, and stays there for `n_rest` steps.
    """

    tau_m: float = 64.0
    tau_s: float = 8.0
    n_rest: int = 2

    def __post_init__(self) -> None:
        """Raise ConfigError for constants that make no cell."""
        if not (1 < self.tau_m < float("inf") and 1 <= self.tau_s < float("inf") and self.n_rest >= 0):
            raise ConfigError(
                f"a cell needs tau_m above 1, tau_s of 1 or more and n_rest of 0 or more, not {self.tau_m}, {self.tau_s} and "
                f"{self.n_rest}"
            )

    def constants(self, threshold: float, dtype: np.dtype | type) -> np.ndarray:
        """Return what the compiled loops read, shape (4,); the threshold is passed by 1e-6 less, as in the authors' program."""
        return np.array([1 - 1 / self.tau_m, 1 - 1 / self.tau_s, 1 / self.tau_s, threshold - 1e-6], dtype)

    def most_spikes(self, n_steps: int) -> int:
        """Return how often the cell can fire in n_steps steps; it cannot in the first."""
        return (n_steps - 1 + self.n_rest) // (self.n_rest + 1)


def spread_trains(neuron: Neuron, n_steps: int, count: int, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return times of random trains of `count` spikes, sorted, shape (n_draws, count), all trains being equally likely.

    Spikes lie in steps 1 to n_steps - 1 and leave `n_rest` steps between them. Raises ConfigError where they do not fit.
    """
    if not 1 <= count <= neuron.most_spikes(n_steps):
        raise ConfigError(f"a cell fires 1 to {neuron.most_spikes(n_steps)} times in {n_steps} steps, not {count} times")
    n_free = n_steps - 1 - (count - 1) * neuron.n_rest
    chosen = np.sort(np.argpartition(rng.random((n_draws, n_free)), count - 1, axis=1)[:, :count], axis=1)
    return 1 + chosen + neuron.n_rest * np.arange(count)


@cache
def expected_effects(neuron: Neuron, n_steps: int) -> np.ndarray:
    """Return the mean of e over random trains of the receiving cell by its count o, per pre spike: float64 (n_counts + 1,).

    e is linear in the train of the sending cell, so the mean over its random trains of n spikes is that of an even rate
    n / n_steps, and n times what is returned here: one list does the work of the authors' table of all pairs of counts. The
    receiving cell's trains are drawn 1,000 times for every count, up to 100 or to what fits.
    """
    n_counts = min(_MOST_SPIKES, neuron.most_spikes(n_steps))
    keep_potential, keep_current, gain, _ = neuron.constants(0.0, np.float64)
    free, current = np.zeros(n_steps), 0.0
    for t in range(1, n_steps):
        current = current * keep_current + 1 / n_steps
        free[t] = free[t - 1] * keep_potential + current * gain
    means = np.zeros(n_counts + 1)
    for count in range(1, n_counts + 1):
        times = spread_trains(neuron, n_steps, count, _N_DRAWS, make_rng("spike-train effects", n_steps, count))
        ready = times[:, :-1] + neuron.n_rest
        lost = (keep_potential ** (times[:, 1:] - ready) * free[ready]).sum(axis=1)
        means[count] = (free[times].sum(axis=1) - lost).mean()
    means.setflags(write=False)
    return means


@cache
def post_count_slopes(neuron: Neuron, n_steps: int) -> np.ndarray:
    """Return the derivative psi of e by the receiving cell's count, per pre spike, by that count: float64 (n_counts + 1,).

    A polynomial of degree 4 in the count's square root is fitted to the means over random trains, and differentiated; a count
    of 0 takes the slope at 1. Departure: the authors' polynomial is in the count itself, which for cells that fire once or
    twice gives less than half of the slope.
    """
    means = expected_effects(neuron, n_steps)
    roots = np.sqrt(np.arange(1, len(means)))
    fitted = np.polynomial.Polynomial.fit(roots, means[1:], min(_DEGREE, len(roots) - 1))
    at_least_one = np.sqrt(np.maximum(np.arange(len(means)), 1))
    slopes = fitted.deriv()(at_least_one) / (2 * at_least_one) if len(roots) > 1 else np.zeros(len(means))
    slopes.setflags(write=False)
    return slopes
