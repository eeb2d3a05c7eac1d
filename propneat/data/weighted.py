"""Weighted mean and spread that treat a row of weight 2 exactly like the same row twice."""

import numpy as np

from propneat.base.errors import DataError

__all__ = ["check_weights", "is_clearly_less", "measure", "tally", "tally_clipped"]


def check_weights(weights: object, n_rows: int) -> np.ndarray:
    """Return row weights as float64 of shape (n_rows,); None means 1 for every row.

    Raises DataError when weights are no numbers, when the shape is another, when a weight is negative or not finite, or when all are zero.
    """
    if weights is None:
        return np.ones(n_rows)
    try:
        values = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"expected one number as the weight of each of the {n_rows} rows, got a {type(weights).__name__}"
        ) from error
    if values.shape != (n_rows,):
        raise DataError(f"expected one weight for each of the {n_rows} rows, got weights of shape {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise DataError("row weights must be finite and not negative: set the weight of a row to leave out to 0")
    if not values.any():
        raise DataError("all row weights are zero, so there is nothing to learn from: give some rows a positive weight")
    return values


def tally(values: np.ndarray, weights: np.ndarray, position: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct `values` (n_distinct,), ascending, and the total weight of each.

    Totals of whole-number weights are exact, so rows in another order, or repeated instead of weighted, give the same bits.
    With `position` (n_rows,) the values tallied are `values[position]`, of which there are few.
    """
    if position is not None:
        distinct, inverse = np.unique(values, return_inverse=True)
        totals = np.bincount(inverse[position], weights=weights, minlength=len(distinct))
        return distinct[totals > 0], totals[totals > 0]
    if (weights == 1.0).all():
        ordered = np.sort(values)
        is_start = _are_starts(ordered)
        if is_start.all():
            return ordered, np.ones(len(ordered))
        starts = np.append(np.flatnonzero(is_start), len(ordered)).astype(np.float64)
        return ordered[is_start], starts[1:] - starts[:-1]
    distinct, position = np.unique(values, return_inverse=True)
    return distinct, np.bincount(position, weights=weights, minlength=len(distinct))


def tally_clipped(distinct: np.ndarray, totals: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the tally of tallied values that are kept between `low` and `high`."""
    if not len(distinct) or (low <= distinct[0] and distinct[-1] <= high):
        return distinct, totals
    clipped = np.clip(distinct, low, high)
    is_start = _are_starts(clipped)
    if is_start.all():
        return clipped, totals
    return clipped[is_start], np.bincount(np.cumsum(is_start) - 1, weights=totals)


def _are_starts(ordered: np.ndarray) -> np.ndarray:
    """Say for each value of an ascending array whether it is another one than that before it."""
    is_start = np.empty(len(ordered), bool)
    is_start[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_start[1:])
    return is_start


def measure(distinct: np.ndarray, totals: np.ndarray) -> tuple[float, float]:
    """Return the weighted mean and standard deviation (population form) of tallied values.

    The spread of a constant is given as 1, so that dividing by it changes nothing; no values at all give (0, 1).
    Values are first scaled by a power of two, which is exact and keeps the squares of huge or tiny values finite.
    """
    if len(distinct) < 2:
        return (float(distinct[0]) if len(distinct) else 0.0), 1.0
    exponent = int(np.frexp(np.abs(distinct).max())[1]) - 1
    scaled = np.ldexp(distinct, -exponent)
    shares = totals / totals.sum()
    mean = float((shares * scaled).sum())
    spread = float(np.ldexp(np.sqrt((shares * (scaled - mean) ** 2).sum()), exponent))
    return float(np.ldexp(mean, exponent)), spread if spread > 0 else 1.0


def is_clearly_less(
    errors: np.ndarray, others: np.ndarray, weights: np.ndarray, least: float, position: np.ndarray | None = None
) -> bool:
    """Say whether errors (n_rows,) are less than others of the same rows, in the weighted mean, by `least` and not by chance.

    Not by chance means by more than two standard errors of the mean difference. With `position` (n_rows,) the errors are those
    of few cases, and it says which is that of each row.
    """
    gain, spread = measure(*tally(others - errors, weights, position))
    return gain > max(least, 2 * spread / np.sqrt(weights.sum()))
