"""The worked example of Demsar (2006): every number that the paper prints comes out of the statistics here."""

import numpy as np
import pytest
from scipy import stats

from propneat.stats import average_ranks, cliques, friedman, holm, nemenyi, pairwise_wilcoxon, wilcoxon, win_tie_loss

# AUC of C4.5, C4.5+m, C4.5+cf and C4.5+m+cf on 14 data sets (Demsar 2006, table 6); on the last data set but one the paper
# prints .975 for both of the last two and ranks them second and third: the former must have been the larger before rounding
AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)

# two-tailed critical values for 2 to 10 classifiers (Demsar 2006, table 5a)
NEMENYI_VALUES = {
    0.05: (1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164),
    0.10: (1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920),
}


def test_mean_ranks_are_those_of_the_paper():
    np.testing.assert_allclose(average_ranks(AUC), [3.143, 2.000, 2.893, 1.964], atol=5e-4)


def test_friedman_is_that_of_the_paper_once_its_ties_are_left_uncorrected():
    result = friedman(AUC)
    n, k = AUC.shape
    ties = sum(np.sum(counts**3 - counts) for counts in (np.unique(row, return_counts=True)[1] for row in AUC))
    uncorrected = result.chi_square * (1 - ties / (n * (k**3 - k)))
    assert uncorrected == pytest.approx(9.28, abs=0.005)
    assert (n - 1) * uncorrected / (n * (k - 1) - uncorrected) == pytest.approx(3.69, abs=0.005)
    assert (result.chi_square, result.p_value) == pytest.approx((10.2283464566929, 0.0167215803284414), rel=1e-12)
    assert result.f_p_value < 0.05
    assert (result.n_datasets, result.n_methods) == (14, 4)


@pytest.mark.parametrize(("alpha", "expected"), [(0.05, 1.25), (0.10, 1.12)])
def test_critical_difference_is_that_of_the_paper(alpha, expected):
    assert nemenyi(AUC, alpha).critical_difference == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("alpha", NEMENYI_VALUES)
def test_critical_values_are_those_of_the_papers_table(alpha):
    n = 14
    for k, expected in zip(range(2, 11), NEMENYI_VALUES[alpha], strict=True):
        scores = np.random.default_rng(k).standard_normal((n, k))
        q = nemenyi(scores, alpha).critical_difference / np.sqrt(k * (k + 1) / (6 * n))
        # the table cuts or rounds the third decimal
        assert q == pytest.approx(expected, abs=1.01e-3), k


def test_at_level_0_10_nemenyi_finds_the_papers_two_groups():
    result = nemenyi(AUC, 0.10)
    significant = np.abs(result.ranks[:, None] - result.ranks[None, :]) >= result.critical_difference
    np.testing.assert_array_equal(significant, result.p_values <= 0.10)
    assert [tuple(pair) for pair in np.argwhere(np.triu(significant))] == [(0, 1), (0, 3)]
    assert cliques(result.ranks, significant) == ((3, 1, 2), (2, 0))
    assert cliques(result.ranks, result.p_values <= 0.05) == ((3, 1, 2, 0),)


def test_wilcoxon_of_the_first_two_columns_is_that_of_the_paper():
    # the paper has R- = 12 of a sum of 105, hence z = (12 - 52.5) / sqrt(14 * 15 * 29 / 24), less its correction for ties
    z = (12 - 52.5) / np.sqrt(14 * 15 * 29 / 24)
    assert wilcoxon(AUC[:, 1], AUC[:, 0]) == pytest.approx(2 * stats.norm.cdf(z), rel=0.02)
    assert win_tie_loss(AUC[:, 1], AUC[:, 0]) == (10, 2, 2)
    assert pairwise_wilcoxon(AUC).p_values[0, 1] == wilcoxon(AUC[:, 1], AUC[:, 0])


def test_holm_of_the_papers_comparisons_with_a_control():
    # z values of C4.5 against the three others are 2.416, 2.342 and 0.512 by the paper, p values .016, .019 and .607
    np.testing.assert_allclose(holm([0.019, 0.607, 0.016]), [0.048, 0.607, 0.048])
