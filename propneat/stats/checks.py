"""What every statistic asks of its input, said in one sentence when it is not so; and scores without their rounding errors.

A mean over folds carries rounding errors of some 1e-16 of its size, which would rank methods that in truth tie.
"""

from numbers import Integral
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError, DataError

__all__ = ["check_count", "check_share", "make_matrix", "make_vector", "subtract"]

_DIGITS = 12


def make_matrix(scores: Any, least_datasets: int = 1, least_methods: int = 1) -> np.ndarray:
    """Return scores as float64 of shape (n_datasets, n_methods), each to 12 significant digits.

    Raises DataError for other shapes, NaN, infinity, or fewer data sets or methods than asked for.
    """
    matrix = _finite(scores, "the scores")
    if matrix.ndim != 2:
        raise DataError(f"the scores need the shape (n_datasets, n_methods), not {matrix.shape}: give one row per data set")
    for count, least, noun in ((matrix.shape[0], least_datasets, "data sets"), (matrix.shape[1], least_methods, "methods")):
        if count < least:
            raise DataError(f"this statistic needs at least {least} {noun}, and there are {count}: add {noun} or leave it out")
    return _round(matrix, np.abs(matrix))


def make_vector(values: Any, name: str, least: int = 1) -> np.ndarray:
    """Return values as float64 of shape (n,); raises DataError for other shapes, NaN, infinity, or fewer than `least`."""
    vector = _finite(values, f"the {name}")
    if vector.ndim != 1:
        raise DataError(f"the {name} need the shape (n,), not {vector.shape}: give one number per comparison")
    if len(vector) < least:
        raise DataError(f"this statistic needs at least {least} {name}, and there are {len(vector)}: give more or leave it out")
    return vector


def subtract(x: Any, y: Any) -> np.ndarray:
    """Return x - y for two methods' scores of shape (n,), each to 12 significant digits of the larger of the two scores.

    Raises DataError for NaN or infinite scores, none at all, or lengths that differ.
    """
    first, second = make_vector(x, "scores of the first method"), make_vector(y, "scores of the second method")
    if len(first) != len(second):
        raise DataError(f"the two methods have {len(first)} and {len(second)} scores: compare them on the same data sets")
    return _round(first - second, np.maximum(np.abs(first), np.abs(second)))


def check_share(value: float, name: str) -> float:
    """Return a number strictly between 0 and 1; raises ConfigError for any other."""
    if not 0 < value < 1:
        raise ConfigError(f"{name} must lie between 0 and 1, not {value!r}")
    return float(value)


def check_count(value: int, name: str) -> int:
    """Return a whole number of 1 or more; raises ConfigError for anything else."""
    if not isinstance(value, Integral) or value < 1:
        raise ConfigError(f"{name} must be a whole number of 1 or more, not {value!r}")
    return int(value)


def _finite(values: Any, name: str) -> np.ndarray:
    """Return a float64 array; raises DataError where it cannot be one or holds NaN or infinity."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} must be numbers in a regular array: {error}") from error
    n_bad = int(np.count_nonzero(~np.isfinite(array)))
    if n_bad:
        raise DataError(
            f"{name} hold {n_bad} value(s) of {array.size} that are NaN or infinite: impute or leave out what is missing"
        )
    return array


def _round(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return values to the decimal place that is the 12th significant one of numbers of the given sizes."""
    exponents = np.ceil(np.log10(np.where(sizes > 0, sizes, 1.0)))
    scale = 10.0 ** np.clip(_DIGITS - exponents, -300, 300)
    return np.rint(values * scale) / scale
