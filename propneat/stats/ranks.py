"""Statistics of mean ranks: Friedman with Iman and Davenport, Nemenyi, and the bars of a critical-difference diagram."""

from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
import scipy

from propneat.base.errors import DataError
from propneat.stats.checks import check_share, make_matrix, make_vector

__all__ = ["FriedmanResult", "NemenyiResult", "average_ranks", "cliques", "friedman", "nemenyi", "rank_within_datasets"]


@dataclass(frozen=True)
class FriedmanResult:
    """Friedman's test of "all methods are alike", in its chi-square form and in Iman and Davenport's F form."""

    chi_square: float
    """Friedman's statistic with tie correction, of n_methods - 1 degrees of freedom."""
    p_value: float
    f_statistic: float
    """Iman and Davenport's statistic, of n_methods - 1 and (n_methods - 1)(n_datasets - 1) degrees of freedom; may be inf."""
    f_p_value: float
    n_datasets: int
    n_methods: int


@dataclass(frozen=True, eq=False)
class NemenyiResult:
    """Nemenyi's test of every pair of mean ranks."""

    ranks: np.ndarray
    """(n_methods,) mean ranks, 1 = best."""
    critical_difference: float
    """Difference of mean ranks from which a pair differs at level alpha."""
    p_values: np.ndarray
    """(n_methods, n_methods), adjusted for all pairs, 1 on the diagonal."""


def average_ranks(scores: Any) -> np.ndarray:
    """Return the mean rank of each method over data sets, 1 = best; ties share the mean of their ranks (Demsar 2006, 3.2.2).

    Args:
        scores: (n_datasets, n_methods), higher is better.

    Returns:
        (n_methods,) float64 that sum to n_methods (n_methods + 1) / 2.

    Raises DataError for NaN, infinite or misshapen scores.
    """
    return rank_within_datasets(make_matrix(scores)).mean(axis=0)


def friedman(scores: Any) -> FriedmanResult:
    """Test whether methods differ, by Friedman (1937) and by Iman and Davenport (1980).

    With ranks r of mean (k + 1) / 2 on each of N data sets, W (Kendall's coefficient of concordance) is the sum of squares
    between methods over the total sum of squares. Then chi_square = N (k - 1) W, which is Friedman's statistic divided by its
    tie correction 1 - sum(t^3 - t) / (N (k^3 - k)), and F = (N - 1) W / (1 - W) (Demsar 2006, 3.2.2, where ties are left
    uncorrected: without ties both are the same). Where all methods tie everywhere, the statistics are 0 and p is 1; where all
    data sets agree on one order, F is infinite and its p is 0.

    Args:
        scores: (n_datasets, n_methods), higher is better.

    Raises DataError for NaN, infinite or misshapen scores, and for fewer than 2 data sets or 2 methods.
    """
    matrix = make_matrix(scores, least_datasets=2, least_methods=2)
    n_datasets, n_methods = matrix.shape
    # twice the deviation from the mean rank is a whole number, so that sums are exact and W = 1 is found exactly
    deviations = np.rint(2 * rank_within_datasets(matrix)).astype(np.int64) - (n_methods + 1)
    between = int(np.sum(deviations.sum(axis=0) ** 2))
    total = n_datasets * int(np.sum(deviations**2))
    if total == 0:
        return FriedmanResult(0.0, 1.0, 0.0, 1.0, n_datasets, n_methods)
    freedom = n_methods - 1
    chi_square = n_datasets * freedom * between / total
    f_statistic = (n_datasets - 1) * between / (total - between) if between < total else inf
    return FriedmanResult(
        chi_square,
        float(scipy.stats.chi2.sf(chi_square, freedom)),
        f_statistic,
        float(scipy.stats.f.sf(f_statistic, freedom, freedom * (n_datasets - 1))),
        n_datasets,
        n_methods,
    )


def nemenyi(scores: Any, alpha: float = 0.05) -> NemenyiResult:
    """Compare all pairs of mean ranks by Nemenyi's test (1963; Demsar 2006, 3.2.2).

    Mean ranks differ at level alpha from CD = q_alpha sqrt(k (k + 1) / (6 N)) on, with q_alpha the upper quantile of the
    studentised range of k means and infinite degrees of freedom, over sqrt(2). Whether two methods differ thus depends on
    which others are in the pool (Benavoli, Corani and Mangili 2016): `pairwise_wilcoxon` does not have that defect.

    Args:
        scores: (n_datasets, n_methods), higher is better.
        alpha: level of the critical difference, between 0 and 1.

    Raises DataError for NaN, infinite or misshapen scores and for fewer than 2 data sets or 2 methods, ConfigError for alpha.
    """
    check_share(alpha, "alpha")
    matrix = make_matrix(scores, least_datasets=2, least_methods=2)
    n_datasets, n_methods = matrix.shape
    ranks = rank_within_datasets(matrix).mean(axis=0)
    # the range is of means with standard error 1, the difference of two of which has sqrt(2) times that
    scale = sqrt(n_methods * (n_methods + 1) / (12 * n_datasets))
    distances = np.abs(ranks[:, None] - ranks[None, :]) / scale
    p_values = np.clip(scipy.stats.studentized_range.sf(distances, n_methods, inf), 0.0, 1.0)
    np.fill_diagonal(p_values, 1.0)
    critical = float(scipy.stats.studentized_range.isf(alpha, n_methods, inf)) * scale
    return NemenyiResult(ranks, critical, p_values)


def cliques(ranks: Any, significant: Any) -> tuple[tuple[int, ...], ...]:
    """Return the bars of a critical-difference diagram: groups of methods among which nothing differs.

    A bar is a run of methods, neighbours in order of rank, of which no two differ significantly; it is as long as can be, so
    that no bar lies within another, and has two methods or more. (Demsar 2006 draws the same for one critical difference;
    tests of pairs need the "no two", because there a distant pair may agree where a near one differs.)

    Args:
        ranks: (n_methods,) mean ranks, 1 = best; equal ones keep their order.
        significant: (n_methods, n_methods) bool, symmetric: whether two methods differ. The diagonal is not read.

    Returns:
        One tuple of method indices per bar, best method first, and bars by their best method.

    Raises DataError where shapes do not fit or the matrix is not symmetric.
    """
    positions = make_vector(ranks, "ranks")
    differ = np.asarray(significant, dtype=bool)
    if differ.shape != (len(positions), len(positions)) or not np.array_equal(differ, differ.T):
        raise DataError(
            f"significance must be a symmetric matrix for {len(positions)} methods, and has the shape {differ.shape}"
        )
    order = np.argsort(positions, kind="stable").tolist()
    bars: list[tuple[int, ...]] = []
    last_stop = 0
    for start in range(len(order)):
        stop = start + 1
        while stop < len(order) and not differ[order[stop], order[start:stop]].any():
            stop += 1
        if stop - start > 1 and stop > last_stop:
            bars.append(tuple(order[start:stop]))
        last_stop = max(last_stop, stop)
    return tuple(bars)


def rank_within_datasets(matrix: np.ndarray) -> np.ndarray:
    """Return ranks within each row, 1 = highest, ties sharing their mean."""
    return scipy.stats.rankdata(-matrix, axis=1)
