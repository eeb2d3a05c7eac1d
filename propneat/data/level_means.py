"""Means of the target for each level of a column: smoothed, and for training rows learnt from other rows than their own."""

from dataclasses import dataclass

import numpy as np

from propneat.data.level_kernel import add_levels, mix_hashes

__all__ = ["N_FOLDS", "LevelMeans", "join_equal", "level_groups", "out_of_fold", "row_hashes"]

N_FOLDS = 5
"""Parts of the training rows, each of which gets means learnt from the others."""

_CHUNK = 2**14
_LEAST_PRIOR, _MOST_PRIOR = 1.0, 1000.0


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
        return cls._of(_Moments.of(codes, targets, weights, n_levels, np.zeros(len(codes), np.int64), 1))

    @classmethod
    def _of(cls, moments: "_Moments") -> "LevelMeans":
        counts, sums = moments.counts.sum(axis=0), moments.sums.sum(axis=0)
        total = counts.sum()
        prior = sums.sum(axis=0) / total if total > 0 else np.zeros(sums.shape[1])
        raw = np.where(counts[:, None] > 0, sums / np.maximum(counts, np.finfo(float).tiny)[:, None], prior)
        squares = (moments.squares + moments.counts[:, :, None] * (moments.means - raw) ** 2).sum(axis=0)
        # the last row holds what is missing
        strength = _prior_strength(counts[:-1], raw[:-1], squares[:-1], prior)
        means = (sums + strength * prior) / (counts[:, None] + strength)
        return cls(means[:-1], prior, counts[:-1])

    def of(self, codes: np.ndarray) -> np.ndarray:
        """Return the mean that stands for each row's level, (n_rows, n_targets)."""
        return np.vstack([self.means, self.prior])[codes]


@dataclass(frozen=True, eq=False)
class _Moments:
    """Weight (n_folds, n_levels + 1), weighted sums and sums of squares about the mean (n_folds, n_levels + 1, n_targets)."""

    counts: np.ndarray
    sums: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(
        cls, codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, n_levels: int, folds: np.ndarray, n_folds: int
    ) -> "_Moments":
        """Add up rows by fold and level; those of code -1 count as a level after the last."""
        shape = (n_folds, n_levels + 1)
        counts, sums, squares = np.zeros(shape), *(np.zeros((*shape, targets.shape[1])) for _ in range(2))
        rows = (np.asarray(codes, np.int64), np.asarray(folds, np.int64), np.ascontiguousarray(targets), weights)
        add_levels(*rows, counts, sums, squares)
        return cls(counts, sums, squares)

    @property
    def means(self) -> np.ndarray:
        """Mean target of each fold and level."""
        return self.sums / np.maximum(self.counts, np.finfo(float).tiny)[:, :, None]

    def without(self, fold: int) -> "_Moments":
        """Return the moments of the other folds."""
        return _Moments(*(np.delete(part, fold, axis=0) for part in (self.counts, self.sums, self.squares)))


def _prior_strength(counts: np.ndarray, raw: np.ndarray, squares: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """Return m of each target, (n_targets,), from weights, means and sums of squares about the mean of every level."""
    n_used, total = int((counts > 0).sum()), counts.sum()
    if n_used < 2 or total <= n_used:
        return np.full(len(prior), _MOST_PRIOR)
    within = squares.sum(axis=0) / (total - n_used)
    size = (total - (counts**2).sum() / total) / (n_used - 1)
    between = ((counts[:, None] * (raw - prior) ** 2).sum(axis=0) / (n_used - 1) - within) / max(size, 1e-12)
    return np.clip(within / np.maximum(between, 1e-12 * np.maximum(within, 1e-300)), _LEAST_PRIOR, _MOST_PRIOR)


def out_of_fold(codes: np.ndarray, targets: np.ndarray, weights: np.ndarray, n_levels: int, folds: np.ndarray) -> np.ndarray:
    """Return for each fold the means of levels learnt from the rows of other folds, (N_FOLDS, n_levels + 1, n_targets).

    The last level is what is missing. `folds` are whole numbers from 0 to `N_FOLDS` - 1, int64 (n_rows,).
    """
    moments = _Moments.of(codes, targets, weights, n_levels, folds, N_FOLDS)
    learnt = [LevelMeans._of(moments.without(fold)) for fold in range(N_FOLDS)]
    return np.stack([np.vstack([part.means, part.prior]) for part in learnt])


def row_hashes(columns: list[np.ndarray]) -> np.ndarray:
    """Return 64 bits for each row, uint64 (n_rows,), by what is in it: equal rows have the same, in whatever order.

    `columns` holds arrays of numbers of shape (n_rows,), NaN allowed.
    """
    state = np.zeros(len(columns[0]), np.uint64)
    # as many rows at a time as stay close to the processor
    for start in range(0, len(state), _CHUNK):
        for column in columns:
            mix_hashes(state[start : start + _CHUNK], column[start : start + _CHUNK].astype(np.float64))
    return state


def join_equal(hashes: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the different hashes, ascending, a row of each, and for each row (n_rows,) the position of its hash."""
    order = _order(hashes)
    ordered = hashes[order]
    is_start = np.empty(len(ordered), bool)
    is_start[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=is_start[1:])
    position = np.empty(len(hashes), np.int64)
    position[order] = np.cumsum(is_start) - 1
    return ordered[is_start], order[is_start], position


def _order(hashes: np.ndarray) -> np.ndarray:
    """Return the rows by their hashes: as a rule the upper bits tell them, and numbers are sorted faster than positions."""
    n_bits = np.uint64(max(len(hashes) - 1, 1).bit_length())
    rows = np.arange(len(hashes), dtype=np.uint64)
    order = (np.sort(hashes >> n_bits << n_bits | rows) & ((np.uint64(1) << n_bits) - np.uint64(1))).astype(np.int64)
    ordered = hashes[order]
    upper = ordered >> n_bits
    for place in np.flatnonzero(ordered[1:] < ordered[:-1]):
        alike = slice(np.searchsorted(upper, upper[place]), np.searchsorted(upper, upper[place], "right"))
        order[alike] = order[alike][np.argsort(hashes[order[alike]], kind="stable")]
    return order


def level_groups(codes: np.ndarray, weights: np.ndarray, n_levels: int, n_groups: int) -> np.ndarray:
    """Return the group of neighbouring levels, of about equal weight, that each level is in, int64 (n_levels + 1,), -1 the last.

    `codes` (n_rows,) are the levels of rows, -1 where missing.
    """
    totals = np.bincount(codes + 1, weights=weights, minlength=n_levels + 1)[1:]
    middle = np.cumsum(totals) - totals / 2
    groups = np.minimum((middle / max(totals.sum(), 1e-300) * n_groups).astype(np.int64), n_groups - 1)
    return np.append(groups, -1)
