"""Comparisons of pairs of methods: every pair, and one method against each of the others."""

from dataclasses import dataclass
from itertools import combinations
from numbers import Integral
from typing import Any

import numpy as np

from propneat.base.errors import ConfigError, DataError
from propneat.stats.checks import check_share, make_matrix, make_vector, subtract
from propneat.stats.signed_rank import hodges_lehmann, wilcoxon

__all__ = ["Comparison", "PairwiseResult", "against_one", "holm", "pairwise_wilcoxon", "win_tie_loss"]


@dataclass(frozen=True, eq=False)
class PairwiseResult:
    """Wilcoxon's test of every pair of methods; all arrays have the shape (n_methods, n_methods)."""

    p_values: np.ndarray
    """Unadjusted, symmetric, 1 on the diagonal."""
    adjusted: np.ndarray
    """Adjusted by Holm over all pairs, symmetric, 1 on the diagonal."""
    wins: np.ndarray
    """int64: on how many data sets the method of the row scores higher than that of the column; 0 on the diagonal."""
    ties: np.ndarray
    """int64: on how many both score the same; the number of data sets on the diagonal."""
    losses: np.ndarray
    """int64: on how many the method of the row scores lower; the transpose of `wins`."""


@dataclass(frozen=True)
class Comparison:
    """A reference method against one other."""

    other: int
    """Column of the other method."""
    p_value: float
    adjusted: float
    """Adjusted by Holm over the comparisons with this reference."""
    median_difference: float
    """Hodges-Lehmann estimate of reference minus other, in the unit of the scores."""
    low: float
    high: float
    wins: int
    """Data sets on which the reference scores higher."""
    ties: int
    losses: int


def win_tie_loss(x: Any, y: Any, tolerance: float = 0.0) -> tuple[int, int, int]:
    """Count on how many data sets x scores higher than y, within `tolerance` of it, and lower.

    Differences count to 12 significant digits of the scores: equal means of folds tie whatever the order of summing.

    Args:
        x, y: (n,) scores of two methods on the same data sets.
        tolerance: largest difference, in the unit of the scores, that counts as a tie; 0 or more.

    Raises DataError for NaN or infinite scores, none at all, or lengths that differ, ConfigError for the tolerance.
    """
    if not 0 <= tolerance < np.inf:
        raise ConfigError(f"tolerance must be 0 or more, not {tolerance!r}")
    differences = subtract(x, y)
    wins, losses = int(np.sum(differences > tolerance)), int(np.sum(differences < -tolerance))
    return wins, len(differences) - wins - losses, losses


def holm(p_values: Any) -> np.ndarray:
    """Adjust p-values for their number by Holm's step-down method (1979), which controls the family-wise error rate.

    With p_(1) <= ... <= p_(m), the i-th becomes the largest of min(1, (m - j + 1) p_(j)) over j <= i.

    Args:
        p_values: (m,) in [0, 1]; m may be 0.

    Returns:
        (m,) adjusted p-values in the order given.

    Raises DataError for NaN or a value outside [0, 1].
    """
    values = make_vector(p_values, "p-values", least=0)
    if np.any((values < 0) | (values > 1)):
        raise DataError(f"p-values must lie from 0 to 1, and these range from {values.min()} to {values.max()}")
    order = np.argsort(values, kind="stable")
    steps = np.minimum(1.0, values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = np.maximum.accumulate(steps)
    return adjusted


def pairwise_wilcoxon(scores: Any) -> PairwiseResult:
    """Test every pair of methods by Wilcoxon's signed-rank test, adjusted by Holm over all pairs.

    A pair's unadjusted p-value depends on no other method (Benavoli, Corani and Mangili 2016).

    Args:
        scores: (n_datasets, n_methods), higher is better.

    Raises DataError for NaN, infinite or misshapen scores and for fewer than 2 methods.
    """
    matrix = make_matrix(scores, least_methods=2)
    n_methods = matrix.shape[1]
    pairs = list(combinations(range(n_methods), 2))
    raw = [wilcoxon(matrix[:, first], matrix[:, second]) for first, second in pairs]
    rows, columns = np.array(pairs).T
    p_values, adjusted = np.ones((n_methods, n_methods)), np.ones((n_methods, n_methods))
    p_values[rows, columns] = p_values[columns, rows] = raw
    adjusted[rows, columns] = adjusted[columns, rows] = holm(raw)
    wins = np.sum(matrix[:, :, None] > matrix[:, None, :], axis=0, dtype=np.int64)
    return PairwiseResult(p_values, adjusted, wins, len(matrix) - wins - wins.T, wins.T.copy())


def against_one(scores: Any, reference: int, alpha: float = 0.05) -> tuple[Comparison, ...]:
    """Compare one method, chosen before the scores were seen, with each of the others: the primary family of a benchmark.

    p-values are Wilcoxon's (`wilcoxon`), adjusted by Holm over the n_methods - 1 comparisons. Each interval
    (`hodges_lehmann`) has the confidence 1 - alpha by itself, not for all comparisons together.

    Args:
        scores: (n_datasets, n_methods), higher is better.
        reference: column of the method to compare with the others.
        alpha: 1 minus the confidence of each interval, between 0 and 1.

    Returns:
        One comparison for each other column, in order of columns.

    Raises DataError for NaN, infinite or misshapen scores and for fewer than 2 methods, ConfigError for reference and alpha.
    """
    matrix = make_matrix(scores, least_methods=2)
    confidence = 1 - check_share(alpha, "alpha")
    n_methods = matrix.shape[1]
    if not isinstance(reference, Integral) or not 0 <= reference < n_methods:
        raise ConfigError(f"reference must be a column from 0 to {n_methods - 1}, not {reference!r}")
    own = matrix[:, reference]
    others = [column for column in range(n_methods) if column != reference]
    p_values = [wilcoxon(own, matrix[:, other]) for other in others]
    comparisons = []
    for other, p_value, adjusted in zip(others, p_values, holm(p_values), strict=True):
        effect = hodges_lehmann(subtract(own, matrix[:, other]), confidence)
        counts = win_tie_loss(own, matrix[:, other])
        comparisons.append(Comparison(other, p_value, float(adjusted), effect.estimate, effect.low, effect.high, *counts))
    return tuple(comparisons)
