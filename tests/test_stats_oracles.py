"""Other people's packages as judges: where one is not installed, its tests are left out."""

import numpy as np
import pandas as pd
import pytest

from propneat.stats import (
    average_ranks,
    bayesian_correlated_t,
    bayesian_signed_rank,
    cliques,
    friedman,
    holm,
    nadeau_bengio,
    nemenyi,
    pairwise_wilcoxon,
)

METHODS = list("abcde")


def whole_scores(seed: int, n_datasets: int = 40) -> np.ndarray:
    """Whole numbers, so that differences carry no rounding errors that would part ties in the other package."""
    rng = np.random.default_rng(seed)
    return np.rint(6 * rng.standard_normal((n_datasets, 5)) + np.array([4, 3, 0, 0, -2]))


@pytest.mark.parametrize("seed", range(4))
def test_autorank_finds_the_same_friedman_test_critical_difference_ranks_and_bars(seed):
    autorank = pytest.importorskip("autorank")
    from autorank._util import get_sorted_rank_groups

    scores = whole_scores(seed)
    frame = pd.DataFrame(scores, columns=METHODS)
    theirs = autorank.autorank(frame, alpha=0.05, verbose=False, order="descending", force_mode="nonparametric")
    ours = nemenyi(scores)
    assert friedman(scores).p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    # its studentised range is interpolated from a table
    assert ours.critical_difference == pytest.approx(theirs.cd, rel=1e-4)
    np.testing.assert_allclose(average_ranks(scores), theirs.rankdf.meanrank[METHODS], rtol=1e-12)
    _, names, groups = get_sorted_rank_groups(theirs, reverse=True)
    significant = np.abs(ours.ranks[:, None] - ours.ranks[None, :]) > ours.critical_difference
    bars = [tuple(METHODS[index] for index in bar) for bar in cliques(ours.ranks, significant)]
    assert bars == [tuple(names[first : last + 1]) for first, last in groups]
    assert 0 < significant.sum() < 20


@pytest.mark.parametrize("seed", range(4))
def test_scikit_posthocs_finds_the_same_nemenyi_p_values(seed):
    posthocs = pytest.importorskip("scikit_posthocs")
    scores = whole_scores(seed)
    np.testing.assert_allclose(nemenyi(scores).p_values, posthocs.posthoc_nemenyi_friedman(scores), atol=1e-10)


@pytest.mark.parametrize("n_datasets", [8, 40, 60])
def test_scikit_posthocs_finds_the_same_wilcoxon_holm_matrix(n_datasets):
    posthocs = pytest.importorskip("scikit_posthocs")
    scores = whole_scores(n_datasets, n_datasets)
    frame = pd.DataFrame({"score": scores.T.ravel(), "method": np.repeat(METHODS, n_datasets)})
    options = {"val_col": "score", "group_col": "method", "zero_method": "zsplit"}
    ours = pairwise_wilcoxon(scores)
    np.testing.assert_allclose(ours.p_values, posthocs.posthoc_wilcoxon(frame, **options), rtol=1e-9)
    np.testing.assert_allclose(ours.adjusted, posthocs.posthoc_wilcoxon(frame, p_adjust="holm", **options), rtol=1e-9)


def test_statsmodels_adjusts_by_holm_alike():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    for seed in range(20):
        p_values = np.random.default_rng(seed).random(seed + 1) ** 3
        np.testing.assert_allclose(holm(p_values), multitest.multipletests(p_values, method="holm")[1], rtol=1e-12)


@pytest.mark.parametrize(("mean", "n"), [(0.0, 8), (0.01, 20), (-0.012, 40), (0.03, 60)])
def test_baycomp_finds_the_same_signed_rank_probabilities(mean, n):
    baycomp = pytest.importorskip("baycomp")
    differences = np.random.default_rng(n).normal(mean, 0.04, n)
    n_samples = 10000
    # its second argument is the one that is better when the difference is positive
    theirs = baycomp.SignedRankTest.probs(np.zeros(n), differences, 0.01, nsamples=n_samples, random_state=1)
    ours = bayesian_signed_rank(differences, 0.01, 40000, np.random.default_rng(2))
    # four standard errors of the difference of two frequencies
    tolerance = 4 * np.sqrt(0.25 / n_samples + 0.25 / 40000)
    np.testing.assert_allclose([ours.p_worse, ours.p_equivalent, ours.p_better], theirs, atol=tolerance)


@pytest.mark.parametrize(("runs", "n_folds"), [(1, 10), (3, 5), (10, 2)])
def test_baycomp_finds_the_same_correlated_t_probabilities(runs, n_folds):
    baycomp = pytest.importorskip("baycomp")
    differences = np.random.default_rng(runs).normal(0.01, 0.03, runs * n_folds)
    ours = bayesian_correlated_t(differences, 0.01, 1 / n_folds)
    theirs = baycomp.CorrelatedTTest(np.zeros(len(differences)), differences, 0.01, runs=runs).probs()
    np.testing.assert_allclose([ours.p_worse, ours.p_equivalent, ours.p_better], theirs, rtol=1e-10)
    mean, variance, _ = baycomp.CorrelatedTTest.compute_statistics(np.zeros(len(differences)), differences, runs)
    assert nadeau_bengio(differences, 1 / n_folds).t_statistic == pytest.approx(mean / np.sqrt(variance), rel=1e-10)
