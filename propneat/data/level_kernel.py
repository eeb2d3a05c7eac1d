"""Loops over rows for the means of levels and the hashes of rows, compiled."""

import numpy as np

from propneat.base.native import outer

__all__ = ["add_levels", "mix_hashes"]

_TINY = np.finfo(np.float64).tiny
_NAN = -1.7e308
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


@outer
def add_levels(codes, folds, targets, weights, counts, sums, squares):
    """Add up rows by fold and level: their weights, weighted targets, and weighted squares of these about their mean.

    `codes` and `folds` are int64 (n_rows,), -1 is the last level; `targets` are float64 (n_rows, n_targets), `weights`
    (n_rows,). `counts`, float64 (n_folds, n_levels), `sums` and `squares`, (n_folds, n_levels, n_targets), are 0 at first.
    """
    for row in range(len(codes)):
        fold, level, weight = folds[row], codes[row], weights[row]
        counts[fold, level] += weight
        for number in range(targets.shape[1]):
            sums[fold, level, number] += weight * targets[row, number]
    means = np.empty_like(sums)
    for fold in range(sums.shape[0]):
        for level in range(sums.shape[1]):
            for number in range(sums.shape[2]):
                means[fold, level, number] = sums[fold, level, number] / max(counts[fold, level], _TINY)
    for row in range(len(codes)):
        fold, level, weight = folds[row], codes[row], weights[row]
        for number in range(targets.shape[1]):
            distance = targets[row, number] - means[fold, level, number]
            squares[fold, level, number] += weight * (distance * distance)


@outer
def mix_hashes(state, values):
    """Mix the bits of values, float64 (n_rows,), into hashes, uint64 (n_rows,) (the finaliser of SplitMix64, Steele et al. 2014).

    All NaN are alike, and -0 is 0.
    """
    for row in range(len(state)):
        value = values[row] + 0.0
        if value != value:
            value = _NAN
        mixed = (state[row] ^ np.float64(value).view(np.uint64)) + _STEP
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
        state[row] = mixed ^ (mixed >> np.uint64(31))
