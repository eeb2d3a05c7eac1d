"""Wilcoxon's signed-rank test, and the median difference and interval that belong to it."""

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Any

import numpy as np
import scipy

from propneat.stats.checks import check_share, make_vector, subtract

__all__ = ["Interval", "hodges_lehmann", "wilcoxon"]

_MOST_EXACT = 50
_MOST_EXACT_WITH_TIES = 13


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval, ends included."""

    estimate: float
    low: float
    high: float


def wilcoxon(x: Any, y: Any) -> float:
    """Return the two-sided p-value of Wilcoxon's signed-rank test, zero differences split between both signs ("zsplit").

    Absolute differences are ranked together with the zeros, ties share their mean rank, and half of the zeros' ranks counts
    for either side (Demsar 2006, 3.1.3). The null distribution is
    - exact, for up to 50 differences of which none is zero and no two are equal in size: every set of signs is as likely;
    - exact given the tied ranks, for up to 13 differences with ties or zeros; the signs of zeros do not vary;
    - normal otherwise, with tie correction and without continuity correction; the variance counts the zeros' ranks.
    Differences count to 12 significant digits of the scores, so that rounding errors neither rank a zero nor part a tie.
    These are otherwise the rules of scipy.stats.wilcoxon with zero_method="zsplit" and method="auto" in scipy 1.17.

    Args:
        x, y: (n,) scores of two methods on the same data sets.

    Returns:
        p in [0, 1]; 1.0 where all differences are zero.

    Raises DataError for NaN or infinite scores, none at all, or lengths that differ.
    """
    differences = subtract(x, y)
    n, nonzero = len(differences), differences != 0
    if not nonzero.any():
        return 1.0
    ranks = scipy.stats.rankdata(np.abs(differences))
    tied = not nonzero.all() or len(np.unique(np.abs(differences))) < n
    if n <= (_MOST_EXACT_WITH_TIES if tied else _MOST_EXACT):
        # twice a shared rank is a whole number
        doubled = np.rint(2 * ranks).astype(np.int64)
        sums = [int(doubled[differences > 0].sum()), int(doubled[differences < 0].sum())]
        return min(1.0, 2 * float(_sum_distribution(doubled[nonzero])[min(sums)]))
    zeros_half = ranks[~nonzero].sum() / 2
    smaller = min(ranks[differences > 0].sum(), ranks[differences < 0].sum()) + zeros_half
    # the sum of squared ranks holds the tie correction
    deviation = sqrt(float(np.sum(ranks**2))) / 2
    return min(1.0, 2 * float(scipy.special.ndtr((smaller - n * (n + 1) / 4) / deviation)))


def hodges_lehmann(differences: Any, confidence: float = 0.95) -> Interval:
    """Return the pseudo-median of differences and its distribution-free confidence interval (Hodges and Lehmann 1963).

    The estimate is the median of the n (n + 1) / 2 Walsh averages (d_i + d_j) / 2, i <= j; the interval runs from the c-th
    smallest to the c-th largest of them, with c the largest number for which Wilcoxon's signed-rank sum T of n untied
    differences has P(T <= c - 1) <= (1 - confidence) / 2 (Hollander, Wolfe and Chicken 2014, 3.2 and 3.3). P is exact up to
    50 differences and normal, without continuity correction, above. Then the interval leaves out 0 exactly where
    `wilcoxon` of untied differences has p <= 1 - confidence; with ties and zeros, which stay in, it is a little too wide.

    Args:
        differences: (n,) score differences, in the unit of the scores.
        confidence: coverage of the interval, between 0 and 1.

    Returns:
        Estimate and ends, in the unit of the scores. Ends are -inf and inf where so few differences allow no interval of
        that confidence (fewer than 6 at 0.95).

    Raises DataError for NaN or infinite differences or none at all, ConfigError for confidence.
    """
    values = make_vector(differences, "differences")
    tail = (1 - check_share(confidence, "confidence")) / 2
    n = len(values)
    rows, columns = np.triu_indices(n)
    averages = np.sort((values[rows] + values[columns]) / 2)
    if n <= _MOST_EXACT:
        c = int(np.searchsorted(_sum_distribution(np.arange(1, n + 1)), tail, side="right"))
    else:
        deviation = sqrt(n * (n + 1) * (2 * n + 1) / 24)
        c = max(0, ceil(n * (n + 1) / 4 + float(scipy.special.ndtri(tail)) * deviation))
    low, high = (float(averages[c - 1]), float(averages[len(averages) - c])) if c else (-inf, inf)
    return Interval(float(np.median(averages)), low, high)


def _sum_distribution(ranks: np.ndarray) -> np.ndarray:
    """Return P(T <= t) for t = 0, 1, ..., where T sums whole-number ranks of which each counts with probability 1/2.

    Up to 50 ranks every value is a multiple of 2^-50 and thus exact in float64.
    """
    masses = np.ones(1)
    for rank in ranks:
        longer = np.zeros(len(masses) + rank)
        longer[: len(masses)] = masses / 2
        longer[rank:] += masses / 2
        masses = longer
    return np.cumsum(masses)
