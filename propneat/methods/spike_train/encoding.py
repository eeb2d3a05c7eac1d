"""How numbers between 0 and 1 become spike trains."""

import numpy as np

__all__ = ["bernoulli_trains", "regular_trains", "with_bias"]


def bernoulli_trains(rates: np.ndarray, n_steps: int, rng: np.random.Generator) -> np.ndarray:
    """Return trains, uint8 (n_rows, n_steps, n_channels), that spike at every step with the probability given.

    `rates` is (n_rows, n_channels), or (n_rows, n_bins, n_channels) for bins of n_steps / n_bins steps.
    """
    chances = rates[:, None] if rates.ndim == 2 else np.repeat(rates, n_steps // rates.shape[1], axis=1)
    return (rng.random((len(rates), n_steps, rates.shape[-1]), dtype=np.float32) < chances).view(np.uint8)


def regular_trains(rates: np.ndarray, n_steps: int) -> np.ndarray:
    """Return trains, uint8 (n_rows, n_steps, n_channels), whose counts after t steps are floor(t rate), rates as above.

    Raises nothing: rates lie between 0 and 1.
    """
    steps = np.ones(n_steps)[:, None] * rates[:, None] if rates.ndim == 2 else np.repeat(rates, n_steps // rates.shape[1], 1)
    # a hair more, so that 10 times a tenth is 1
    counts = np.floor(np.cumsum(steps, axis=1) + 1e-9)
    return np.diff(counts, axis=1, prepend=0).astype(np.uint8)


def with_bias(rates: np.ndarray, rate: float) -> np.ndarray:
    """Return rates with one more channel, the last, that is always `rate`: cells have no bias of their own."""
    return np.concatenate([rates, np.full((*rates.shape[:-1], 1), rate, rates.dtype)], axis=-1)
