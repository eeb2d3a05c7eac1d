"""Means of the target for each level of a column: smoothed, and for training rows learnt from other rows than their own."""

from dataclasses import dataclass

import numpy as np

__all__ = ["N_FOLDS", "LevelMeans", "out_of_fold", "quantile_groups", "row_hashes"]

N_FOLDS = 5
"""Parts of the training rows, each of which gets means learnt from the others."""

_LEAST_PRIOR, _MOST_PRIOR = 1.0, 1000.0
_MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@dataclass(frozen=True, eq=False)
class LevelMeans:
    """Smoothed means (n_levels, n_targets), and the mean of all rows (n_targets,), which stands for unknown levels."""

    means: np.ndarray
    prior: np.ndarray
    weights: np.ndarray

    @classmethod
    def fit(cls, codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, n_levels: int) -> "LevelMeans":
        """Learn from codes (n_rows,), -1 where missing, targets (n_rows, n_targets) and weights (n_rows,).

        A level's mean is drawn to that of all rows as by m rows of the latter, m being the variance within levels over that
        between them (empirical Bayes, for levels of normal means: Micci-Barreca 2001, equation 4), from 1 to 1,000.
        """
        total = weights.sum()
        prior = _sum(weights, targets) / total if total > 0 else np.zeros(targets.shape[1])
        known = codes >= 0
        codes, targets, weights = codes[known], targets[known], weights[known]
        counts = np.bincount(codes, weights=weights, minlength=n_levels)
        sums = np.stack([np.bincount(codes, weights=weights * column, minlength=n_levels) for column in targets.T], axis=1)
        raw = sums / np.maximum(counts, np.finfo(float).tiny)[:, None]
        raw[counts == 0] = prior
        strength = _prior_strength(codes, targets, weights, counts, raw, prior)
        means = (sums + strength * prior) / (counts[:, None] + strength)
        return cls(means, prior, counts)

    def of(self, codes: np.ndarray) -> np.ndarray:
        """Return the mean that stands for each row's level, (n_rows, n_targets)."""
        return np.vstack([self.means, self.prior])[codes]


def _prior_strength(
    codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, counts: np.ndarray, raw: np.ndarray, prior: np.ndarray
) -> np.ndarray:
    """Return m of each target, (n_targets,)."""
    n_used, total = int((counts > 0).sum()), counts.sum()
    if n_used < 2 or total <= n_used:
        return np.full(targets.shape[1], _MOST_PRIOR)
    within = _sum(weights, (targets - raw[codes]) ** 2) / (total - n_used)
    size = (total - (counts**2).sum() / total) / (n_used - 1)
    between = ((counts[:, None] * (raw - prior) ** 2).sum(axis=0) / (n_used - 1) - within) / max(size, 1e-12)
    return np.clip(within / np.maximum(between, 1e-12 * np.maximum(within, 1e-300)), _LEAST_PRIOR, _MOST_PRIOR)


def _sum(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    return (weights[:, None] * values).sum(axis=0)


def out_of_fold(codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, n_levels: int, folds: np.ndarray) -> np.ndarray:
    """Return for each row the mean of its level learnt from the rows of other folds, (n_rows, n_targets)."""
    result = np.empty(targets.shape)
    for fold in np.unique(folds):
        own = folds == fold
        result[own] = LevelMeans.fit(codes[~own], targets[~own], weights[~own], n_levels).of(codes[own])
    return result


def row_hashes(columns: list[np.ndarray]) -> np.ndarray:
    """Return 64 bits for each row, uint64 (n_rows,), by what is in it: equal rows have the same, in whatever order.

    `columns` holds float64 arrays of shape (n_rows,), NaN allowed.
    """
    state = np.zeros(len(columns[0]), np.uint64)
    for column in columns:
        bits = (np.where(np.isnan(column), -1.7e308, column) + 0.0).view(np.uint64)
        state = _mixed(state ^ bits)
    return state


def _mixed(state: np.ndarray) -> np.ndarray:
    """Mix the bits of 64-bit numbers (the finaliser of SplitMix64, Steele et al. 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * _MULTIPLIERS[0]
    state = (state ^ (state >> np.uint64(27))) * _MULTIPLIERS[1]
    return state ^ (state >> np.uint64(31))


def quantile_groups(numbers: np.ndarray, weights: np.ndarray, n_groups: int) -> np.ndarray:
    """Return the group of neighbouring values that each number falls into, of about equal weight, int64, -1 where missing."""
    known = ~np.isnan(numbers)
    distinct, codes = np.unique(numbers[known], return_inverse=True)
    totals = np.bincount(codes, weights=weights[known], minlength=len(distinct))
    middle = np.cumsum(totals) - totals / 2
    groups = np.full(len(numbers), -1, np.int64)
    groups[known] = np.minimum((middle / max(totals.sum(), 1e-300) * n_groups).astype(np.int64), n_groups - 1)[codes]
    return groups
