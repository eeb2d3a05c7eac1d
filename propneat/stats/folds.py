"""Tests within one data set, from the differences of two methods on its folds, which share training rows."""

from dataclasses import dataclass
from math import copysign, inf, sqrt
from typing import Any

import numpy as np
import scipy

from propneat.stats.bayes import BayesianResult, check_rope
from propneat.stats.checks import check_share, make_vector

__all__ = ["CorrectedTest", "bayesian_correlated_t", "nadeau_bengio"]


@dataclass(frozen=True)
class CorrectedTest:
    """A t-test of n - 1 degrees of freedom over n folds."""

    t_statistic: float
    """Positive where the first method is better; infinite where all folds have one difference that is not zero."""
    p_value: float
    """Two-sided."""
    n: int


def nadeau_bengio(differences: Any, test_fraction: float) -> CorrectedTest:
    """Test the mean difference over folds by the corrected resampled t-test (Nadeau and Bengio 2003).

    t = mean / sqrt((1/n + n_test/n_train) s^2) with n - 1 degrees of freedom, s^2 the unbiased variance of the differences.

    Args:
        differences: (n,) score differences of one data set's folds, over all repeats of the cross-validation.
        test_fraction: n_test / (n_train + n_test), the share of rows that a fold tests on, between 0 and 1: 0.1 for ten-fold
            cross-validation, for which the correction n_test / n_train is 0.1 / 0.9.

    Returns:
        The test; t is 0 and p is 1 where all differences are zero.

    Raises DataError for NaN or infinite differences or fewer than 2, ConfigError for test_fraction.
    """
    values = make_vector(differences, "differences", least=2)
    mean, deviation = _mean_and_deviation(values, test_fraction)
    if deviation == 0:
        return CorrectedTest(copysign(inf, mean), 0.0, len(values)) if mean else CorrectedTest(0.0, 1.0, len(values))
    t_statistic = mean / deviation
    return CorrectedTest(t_statistic, float(2 * scipy.stats.t.sf(abs(t_statistic), len(values) - 1)), len(values))


def bayesian_correlated_t(differences: Any, rope: float, test_fraction: float) -> BayesianResult:
    """Compare two methods on one data set by the Bayesian correlated t-test (Corani and Benavoli 2015; Benavoli et al. 2017).

    With the folds' correlation taken as rho = n_test / (n_train + n_test) and the matching improper prior, the mean
    difference has a Student posterior of n - 1 degrees of freedom about the observed mean, with the squared scale
    (1/n + rho / (1 - rho)) s^2: the corrected variance of `nadeau_bengio`. Where all differences are equal, the posterior is
    that one value, and the edges of the region count as equivalent.

    Args:
        differences: (n,) score differences of one data set's folds, over all repeats of the cross-validation.
        rope: half the width of the region of practical equivalence, in the unit of the scores; 0 or more.
        test_fraction: rho, the share of rows that a fold tests on, between 0 and 1: 0.1 for ten-fold cross-validation.

    Raises DataError for NaN or infinite differences or fewer than 2, ConfigError for rope and test_fraction.
    """
    values = make_vector(differences, "differences", least=2)
    check_rope(rope)
    mean, deviation = _mean_and_deviation(values, test_fraction)
    if deviation == 0:
        worse, better = float(mean < -rope), float(mean > rope)
    else:
        posterior = scipy.stats.t(len(values) - 1)
        worse, better = (float(posterior.sf((rope + side * mean) / deviation)) for side in (1, -1))
    return BayesianResult(worse, max(0.0, 1 - worse - better), better)


def _mean_and_deviation(values: np.ndarray, test_fraction: float) -> tuple[float, float]:
    """Return the mean of fold differences and its standard deviation, corrected for the training rows that folds share."""
    check_share(test_fraction, "test_fraction")
    if np.all(values == values[0]):
        # the rounding of a mean of equal numbers must not pass for a variance
        return float(values[0]), 0.0
    correction = 1 / len(values) + test_fraction / (1 - test_fraction)
    return float(values.mean()), sqrt(correction * float(values.var(ddof=1)))
