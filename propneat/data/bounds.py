"""How far values may lie from those of training: ranges with a margin, without the few that lie far outside."""

import numpy as np

__all__ = ["find_bounds", "quantile"]

_MARGIN = 0.1
"""Values may lie outside the range by this share of it."""

_TAIL = 0.01
_TAIL_ROWS = 5.0
_MOST_TAIL = 0.25


def quantile(distinct: np.ndarray, totals: np.ndarray, share: float) -> float:
    """Return the least of tallied values, ascending, that has at least this share of all weight at or below it."""
    return float(distinct[min(int(np.searchsorted(np.cumsum(totals), share * totals.sum() * (1 - 1e-12))), len(distinct) - 1)])


def find_bounds(distinct: np.ndarray, totals: np.ndarray, reach: float) -> tuple[float, float]:
    """Return the least and the greatest value to tell apart, given tallied values (see `propneat.data.weighted.tally`).

    On each side this is the range with a margin, but no further from the median than `reach` times where the last percent of the
    rows (at least five rows, at most a quarter) begins. Both are finite.
    """
    if not len(distinct):
        return 0.0, 0.0
    tail = max(_TAIL, min(_TAIL_ROWS / totals.sum(), _MOST_TAIL))
    middle = quantile(distinct, totals, 0.5)
    low, high = float(distinct[0]), float(distinct[-1])
    upper, lower = quantile(distinct, totals, 1 - tail), quantile(distinct, totals, tail)
    highest = middle + reach * (upper - middle) if upper > middle else np.inf
    lowest = middle - reach * (middle - lower) if lower < middle else -np.inf
    margin = _MARGIN * min(high, highest) - _MARGIN * max(low, lowest)
    most = float(np.finfo(np.float64).max)
    return (
        lowest if low < lowest else max(low - margin, -most),
        highest if high > highest else min(high + margin, most),
    )
