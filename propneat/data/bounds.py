"""How far values may lie from those of training: ranges with a margin, without the few that lie far outside."""

from collections.abc import Sequence

import numpy as np

__all__ = ["find_bounds", "quantiles"]

_MARGIN = 0.1
"""Values may lie outside the range by this share of it."""

_TAIL = 0.01
_TAIL_ROWS = 5.0
_MOST_TAIL = 0.25


def quantiles(distinct: np.ndarray, totals: np.ndarray, shares: Sequence[float]) -> list[float]:
    """Return for each share the least of tallied values, ascending, with at least this share of all weight at or below it."""
    wanted = np.array(shares) * totals.sum() * (1 - 1e-12)
    return distinct[np.minimum(np.searchsorted(np.cumsum(totals), wanted), len(distinct) - 1)].tolist()


def find_bounds(distinct: np.ndarray, totals: np.ndarray, reach: float) -> tuple[float, float]:
    """Return the least and the greatest value to tell apart, given tallied values (see `propneat.data.weighted.tally`).

    On each side this is the range with a margin, but no further from the median than `reach` times where the last percent of the
    rows (at least five rows, at most a quarter) begins. Both are finite.
    """
    if not len(distinct):
        return 0.0, 0.0
    tail = max(_TAIL, min(_TAIL_ROWS / totals.sum(), _MOST_TAIL))
    lower, middle, upper = quantiles(distinct, totals, (tail, 0.5, 1 - tail))
    low, high = float(distinct[0]), float(distinct[-1])
    highest = middle + reach * (upper - middle) if upper > middle else np.inf
    lowest = middle - reach * (middle - lower) if lower < middle else -np.inf
    margin = _MARGIN * min(high, highest) - _MARGIN * max(low, lowest)
    most = float(np.finfo(np.float64).max)
    return (
        lowest if low < lowest else max(low - margin, -most),
        highest if high > highest else min(high + margin, most),
    )
