"""Laws of mean-rank statistics: scipy, textbook formulas and quadrature agree, and the order of methods does not matter."""

from itertools import combinations
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from propneat.base.errors import ConfigError, DataError
from propneat.stats import average_ranks, cliques, friedman, nemenyi

SHAPES = st.tuples(st.integers(2, 8), st.integers(2, 6))
SCORES = SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=st.integers(0, 5).map(float)))


def continuous_scores(seed: int, n_datasets: int = 20, n_methods: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_datasets, n_methods)) + np.linspace(0, 1, n_methods)


def test_ranks_start_at_one_for_the_highest_score_and_ties_share():
    np.testing.assert_array_equal(average_ranks([[0.9, 0.5, 0.7]]), [1, 3, 2])
    np.testing.assert_array_equal(average_ranks([[0.9, 0.9, 0.7, 0.7], [1, 1, 1, 1]]), [2, 2, 3, 3])


@settings(deadline=None)
@given(SCORES)
def test_ranks_are_counts_of_better_methods_and_half_of_tied_ones(scores):
    better = np.sum(scores[:, None, :] > scores[:, :, None], axis=2)
    tied = np.sum(scores[:, None, :] == scores[:, :, None], axis=2)
    np.testing.assert_allclose(average_ranks(scores), np.mean(better + (tied + 1) / 2, axis=0), rtol=1e-14)
    assert average_ranks(scores).sum() == pytest.approx(scores.shape[1] * (scores.shape[1] + 1) / 2)


def test_means_of_the_same_folds_tie_whatever_the_order_of_summing():
    folds = [0.1, 0.2, 0.3]
    forward, backward = (folds[0] + folds[1]) + folds[2], folds[0] + (folds[1] + folds[2])
    assert forward != backward
    np.testing.assert_array_equal(average_ranks([[forward, backward], [1e9 * forward, 1e9 * backward]]), [1.5, 1.5])
    assert friedman([[forward, backward]] * 5).p_value == 1


def test_differences_beyond_rounding_are_ranked_at_every_scale():
    for scale in (1e-200, 1e-9, 1.0, 1e9, 1e200):
        np.testing.assert_array_equal(average_ranks(scale * np.array([[0.9, 0.9 + 1e-9, 0.0]])), [2, 1, 3])


def test_a_method_that_diverged_leaves_the_ranks_of_the_others_as_they_are():
    np.testing.assert_array_equal(average_ranks([[0.8, 0.9, -1e15], [1e-7, 2e-7, 1e15]]), [2.5, 1.5, 2])


@pytest.mark.parametrize("seed", range(5))
def test_friedman_equals_scipys_with_and_without_ties(seed):
    for scores in (continuous_scores(seed), np.round(continuous_scores(seed))):
        expected = stats.friedmanchisquare(*scores.T)
        result = friedman(scores)
        assert result.chi_square == pytest.approx(expected.statistic, rel=1e-10)
        assert result.p_value == pytest.approx(expected.pvalue, rel=1e-10)


@pytest.mark.parametrize("seed", range(5))
def test_iman_davenport_equals_a_two_way_analysis_of_variance_of_ranks(seed):
    scores = np.round(continuous_scores(seed, 12, 4), 1)
    n, k = scores.shape
    ranks = np.array([stats.rankdata(-row) for row in scores])
    design = np.hstack([np.repeat(np.eye(n), k, axis=0), np.tile(np.eye(k), (n, 1))])
    blocks_only = np.repeat(np.eye(n), k, axis=0)
    residual, residual_without = (
        np.sum((ranks.ravel() - x @ np.linalg.lstsq(x, ranks.ravel(), rcond=None)[0]) ** 2) for x in (design, blocks_only)
    )
    freedom = (n - 1) * (k - 1)
    f_statistic = (residual_without - residual) / (k - 1) / (residual / freedom)
    result = friedman(scores)
    assert result.f_statistic == pytest.approx(f_statistic, rel=1e-9)
    assert result.f_p_value == pytest.approx(stats.f.sf(f_statistic, k - 1, freedom), rel=1e-9)


def test_friedman_of_two_methods_is_the_normal_sign_test():
    scores = np.array([[1, 0]] * 9 + [[0, 1]] * 3 + [[0, 0]] * 4)
    result = friedman(scores)
    assert result.chi_square == pytest.approx((9 - 3) ** 2 / (9 + 3))
    assert result.p_value == pytest.approx(2 * stats.norm.sf(6 / np.sqrt(12)))


def test_friedman_of_methods_that_all_tie_finds_no_difference():
    result = friedman(np.full((6, 3), 0.8))
    assert (result.chi_square, result.p_value, result.f_statistic, result.f_p_value) == (0, 1, 0, 1)


def test_friedman_of_data_sets_that_all_agree_has_an_infinite_f():
    result = friedman(np.tile([0.1, 0.2, 0.3], (7, 1)))
    assert result.chi_square == pytest.approx(7 * 2)
    assert (result.f_statistic, result.f_p_value) == (inf, 0)
    assert 0 < result.p_value < 0.001


def test_one_data_set_among_many_that_disagrees_keeps_f_finite():
    # W = 1 - 4 (n - 1) / n^2 for two methods and one dissenter, so that F = (n - 1) W / (1 - W) = (n - 2)^2 / 4
    n = 500
    assert friedman([[1, 0]] * (n - 1) + [[0, 1]]).f_statistic == pytest.approx((n - 2) ** 2 / 4, rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(SCORES, st.randoms(use_true_random=False))
def test_the_order_of_methods_and_data_sets_does_not_matter(scores, random):
    columns, rows = list(range(scores.shape[1])), list(range(scores.shape[0]))
    random.shuffle(columns)
    random.shuffle(rows)
    shuffled = scores[np.ix_(rows, columns)]
    assert friedman(shuffled) == friedman(scores)
    one, other = nemenyi(scores), nemenyi(shuffled)
    np.testing.assert_allclose(other.ranks, one.ranks[columns], rtol=1e-13)
    np.testing.assert_allclose(other.p_values, one.p_values[np.ix_(columns, columns)], atol=1e-12)
    assert other.critical_difference == one.critical_difference


def test_ranks_depend_only_on_the_order_of_scores():
    scores = continuous_scores(3)
    assert friedman(np.exp(scores)) == friedman(scores)
    np.testing.assert_array_equal(average_ranks(-scores), scores.shape[1] + 1 - average_ranks(scores))


@pytest.mark.parametrize(("n_datasets", "n_methods"), [(10, 2), (15, 3), (30, 8)])
def test_nemenyi_p_values_equal_the_integral_of_the_range_of_normal_numbers(n_datasets, n_methods):
    result = nemenyi(continuous_scores(1, n_datasets, n_methods))
    error = np.sqrt(n_methods * (n_methods + 1) / (12 * n_datasets))
    for i, j in combinations(range(n_methods), 2):
        width = abs(result.ranks[i] - result.ranks[j]) / error

        def density(z, width=width):
            return n_methods * stats.norm.pdf(z) * (stats.norm.cdf(z + width) - stats.norm.cdf(z)) ** (n_methods - 1)

        below = integrate.quad(density, -9, 9, epsabs=1e-12)[0]
        assert result.p_values[i, j] == pytest.approx(1 - below, abs=1e-8)


def test_nemenyi_is_symmetric_with_one_on_the_diagonal_and_crosses_alpha_at_the_critical_difference():
    result = nemenyi(continuous_scores(5, 12, 6), alpha=0.2)
    np.testing.assert_array_equal(result.p_values, result.p_values.T)
    np.testing.assert_array_equal(np.diag(result.p_values), 1)
    distances = np.abs(result.ranks[:, None] - result.ranks[None, :])
    np.testing.assert_array_equal(result.p_values < 0.2, distances > result.critical_difference)
    assert 0 < np.sum(distances > result.critical_difference) < 30


def test_nemenyi_of_two_methods_is_a_normal_test():
    result = nemenyi(continuous_scores(2, 9, 2))
    z = abs(result.ranks[0] - result.ranks[1]) / np.sqrt(2 * 3 / (6 * 9))
    assert result.p_values[0, 1] == pytest.approx(2 * stats.norm.sf(z), abs=1e-9)


def plain_cliques(order: list[int], significant: np.ndarray) -> set[tuple[int, ...]]:
    """Every run without a significant pair that no longer one contains."""
    runs = [tuple(order[i:j]) for i in range(len(order)) for j in range(i + 2, len(order) + 1)]
    calm = [run for run in runs if not any(significant[a, b] for a, b in combinations(run, 2))]
    return {run for run in calm if not any(set(run) < set(longer) for longer in calm)}


@settings(deadline=None, max_examples=200)
@given(st.integers(1, 8), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_cliques_are_the_longest_runs_without_a_significant_pair(n_methods, seed, density):
    rng = np.random.default_rng(seed)
    ranks = rng.permutation(n_methods) + 1.0
    upper = np.triu(rng.random((n_methods, n_methods)) < density, 1)
    significant = upper | upper.T
    found = cliques(ranks, significant)
    order = np.argsort(ranks).tolist()
    assert set(found) == plain_cliques(order, significant) and len(set(found)) == len(found)
    assert [order.index(bar[0]) for bar in found] == sorted(order.index(bar[0]) for bar in found)


def test_cliques_of_nothing_and_everything_significant():
    assert cliques([2, 1, 3], np.zeros((3, 3))) == ((1, 0, 2),)
    assert cliques([2, 1, 3], np.ones((3, 3))) == ()


def test_cliques_split_where_a_pair_within_a_run_differs():
    significant = np.zeros((4, 4), dtype=bool)
    significant[1, 2] = significant[2, 1] = True
    assert cliques([1, 2, 3, 4], significant) == ((0, 1), (2, 3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: average_ranks([[0.5, np.nan]]), "NaN or infinite"),
        (lambda: average_ranks([[0.5, np.inf]]), "NaN or infinite"),
        (lambda: average_ranks([0.5, 0.6]), "shape"),
        (lambda: average_ranks([["good", "bad"]]), "numbers"),
        (lambda: average_ranks([[0.5], [0.5, 0.6]]), "numbers"),
        (lambda: average_ranks(np.empty((0, 3))), "at least 1 data sets"),
        (lambda: friedman([[0.5, 0.6]]), "at least 2 data sets"),
        (lambda: friedman([[0.5], [0.6]]), "at least 2 methods"),
        (lambda: nemenyi([[0.5, 0.6]]), "at least 2 data sets"),
        (lambda: nemenyi([[0.5], [0.6]]), "at least 2 methods"),
        (lambda: cliques([1, 2], np.zeros((3, 3))), "symmetric"),
        (lambda: cliques([1, 2], [[False, True], [False, False]]), "symmetric"),
    ],
)
def test_unusable_scores_are_refused_in_one_sentence(call, words):
    with pytest.raises(DataError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("alpha", [0, 1, -0.05, np.nan])
def test_a_level_outside_zero_and_one_is_refused(alpha):
    with pytest.raises(ConfigError, match="alpha"):
        nemenyi(continuous_scores(0), alpha)
