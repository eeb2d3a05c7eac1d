"""Fourier shell correlation: how alike two maps are, by resolution."""

import numpy as np

from propneat.methods.sparse_fourier.grid import HalfBall

__all__ = ["mean_fsc", "resolution", "shell_correlation"]


def shell_correlation(ball: HalfBall, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation Re sum F1 F2* / sqrt(sum |F1|^2 sum |F2|^2) of every shell 1, ..., radius, (radius,).

    `first` and `second` are complex coefficients (n_voxels,). A voxel off the plane x = 0 counts twice, for its conjugate too. A
    shell that is empty in one of the maps has correlation 0.
    """
    shells, twice = ball.shells, 1 + (ball.voxels[:, 0] > 0)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(shells, twice * values, minlength=ball.radius + 1)[1 : ball.radius + 1]

    above = total((first * second.conj()).real)
    below = np.sqrt(total(np.abs(first) ** 2) * total(np.abs(second) ** 2))
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)


def mean_fsc(ball: HalfBall, first: np.ndarray, second: np.ndarray) -> float:
    """Return the mean of the correlations of all shells."""
    return float(shell_correlation(ball, first, second).mean())


def resolution(correlations: np.ndarray, threshold: float, n: int, pixel: float) -> float:
    """Return the resolution in units of `pixel`: the period of the last shell before correlation first falls below a threshold.

    The custom is 0.5 against a true map and 0.143 between two half-maps. Infinite if the first shell is below it.
    """
    below = np.flatnonzero(np.asarray(correlations) < threshold)
    shell = below[0] if len(below) else len(correlations)
    return float("inf") if shell == 0 else n * pixel / float(shell)
