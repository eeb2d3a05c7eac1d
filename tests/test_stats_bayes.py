"""Laws of the Bayesian and fold-wise tests: closed forms, plain loops and quadrature agree, and turning sides turns results."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

import propneat.stats.bayes
from propneat.base.errors import ConfigError, DataError
from propneat.stats import BayesianResult, bayesian_correlated_t, bayesian_signed_rank, nadeau_bengio


def plain_signed_rank(differences: np.ndarray, rope: float, n_samples: int, rng: np.random.Generator) -> BayesianResult:
    """The paper's double sum, term by term."""
    values = [0.0, *differences]
    counts = [0, 0, 0]
    for weights in rng.dirichlet([0.5] + [1.0] * len(differences), n_samples):
        areas = [0.0, 0.0, 0.0]
        for w_i, z_i in zip(weights, values, strict=True):
            for w_j, z_j in zip(weights, values, strict=True):
                region = 2 if z_i + z_j > 2 * rope else 0 if z_i + z_j < -2 * rope else 1
                areas[region] += w_i * w_j
        counts[areas.index(max(areas))] += 1
    return BayesianResult(*(count / n_samples for count in counts))


@pytest.mark.parametrize("rope", [0.0, 0.01, 0.3])
def test_the_vectorised_signed_rank_equals_a_plain_loop_on_the_same_draws(rope):
    differences = np.random.default_rng(0).normal(0.05, 0.2, 9)
    result = bayesian_signed_rank(differences, rope, 300, np.random.default_rng(7))
    assert result == plain_signed_rank(differences, rope, 300, np.random.default_rng(7))


def test_one_difference_has_a_closed_form():
    # w_0 is Beta(1/2, 1) with distribution function sqrt(w): far beyond the region, "better" wins where w_0^2 < 1/2
    far = bayesian_signed_rank([0.5], rope=0.01, rng=np.random.default_rng(0))
    assert far.p_better == pytest.approx(np.sqrt(np.sqrt(0.5)), abs=0.01) and far.p_worse == 0
    # within twice the region only the difference's pair with itself is beyond it: where (1 - w_0)^2 > 1/2
    near = bayesian_signed_rank([0.015], rope=0.01, rng=np.random.default_rng(0))
    assert near.p_better == pytest.approx(np.sqrt(1 - np.sqrt(0.5)), abs=0.01) and near.p_worse == 0


def test_clear_cases_are_clear():
    assert bayesian_signed_rank(np.full(30, 0.2)).p_better > 0.999
    assert bayesian_signed_rank(np.full(30, -0.2)).p_worse > 0.999
    assert bayesian_signed_rank(np.full(30, 0.001)).p_equivalent == 1
    assert bayesian_signed_rank(np.zeros(5), rope=0).p_equivalent == 1
    assert bayesian_signed_rank([0.5, -0.5], rope=0.5).p_equivalent == 1


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12), st.sampled_from([0.0, 0.01, 0.25]))
def test_turning_the_sides_turns_the_probabilities_and_a_wider_region_only_gains(values, rope):
    differences = np.array(values)
    one = bayesian_signed_rank(differences, rope, 500, np.random.default_rng(1))
    other = bayesian_signed_rank(-differences, rope, 500, np.random.default_rng(1))
    assert (other.p_worse, other.p_equivalent, other.p_better) == (one.p_better, one.p_equivalent, one.p_worse)
    assert one.p_worse + one.p_equivalent + one.p_better == pytest.approx(1)
    wider = bayesian_signed_rank(differences, rope + 0.1, 500, np.random.default_rng(1))
    assert wider.p_equivalent >= one.p_equivalent


def test_the_unit_of_scores_does_not_matter():
    differences = np.random.default_rng(2).normal(0.02, 0.1, 20)
    one = bayesian_signed_rank(differences, 0.01, 2000, np.random.default_rng(3))
    assert bayesian_signed_rank(1024 * differences, 10.24, 2000, np.random.default_rng(3)) == one


def test_draws_in_chunks_are_the_draws_at_once(monkeypatch):
    differences = np.random.default_rng(4).normal(0.02, 0.1, 20)
    at_once = bayesian_signed_rank(differences, n_samples=1000, rng=np.random.default_rng(5))
    monkeypatch.setattr(propneat.stats.bayes, "_NUMBERS_AT_ONCE", 200)
    assert bayesian_signed_rank(differences, n_samples=1000, rng=np.random.default_rng(5)) == at_once


def test_the_same_stream_gives_the_same_probabilities_and_another_one_others():
    differences = np.random.default_rng(6).normal(0.01, 0.05, 15)
    assert bayesian_signed_rank(differences) == bayesian_signed_rank(differences)
    results = [bayesian_signed_rank(differences, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert results[0] == results[1] != results[2]
    assert results[0].p_better == pytest.approx(results[2].p_better, abs=0.012)


@pytest.mark.parametrize(("rope", "test_fraction"), [(0.0, 0.1), (0.01, 0.2), (0.05, 0.5)])
def test_the_correlated_t_posterior_has_the_papers_density(rope, test_fraction):
    differences = np.random.default_rng(8).normal(0.01, 0.03, 10)
    variance = (1 / 10 + test_fraction / (1 - test_fraction)) * np.var(differences, ddof=1)

    def density(mean):
        return (1 + (mean - differences.mean()) ** 2 / (9 * variance)) ** -5

    areas = [integrate.quad(density, *ends, epsabs=1e-13)[0] for ends in ((-np.inf, -rope), (-rope, rope), (rope, np.inf))]
    result = bayesian_correlated_t(differences, rope, test_fraction)
    expected = np.array(areas) / sum(areas)
    np.testing.assert_allclose([result.p_worse, result.p_equivalent, result.p_better], expected, atol=1e-8)


def test_without_a_region_the_correlated_t_test_is_the_corrected_test():
    differences = np.random.default_rng(9).normal(0.01, 0.03, 20)
    result, frequentist = bayesian_correlated_t(differences, 0, 0.1), nadeau_bengio(differences, 0.1)
    assert 2 * min(result.p_worse, result.p_better) == pytest.approx(frequentist.p_value, rel=1e-12)
    assert result.p_equivalent == pytest.approx(0, abs=1e-15)
    assert (result.p_better > result.p_worse) == (frequentist.t_statistic > 0)


def test_turning_the_sides_turns_the_fold_wise_tests():
    differences = np.random.default_rng(10).normal(0.01, 0.03, 10)
    one, other = (bayesian_correlated_t(sign * differences, 0.01, 0.2) for sign in (1, -1))
    assert (other.p_worse, other.p_better) == (one.p_better, one.p_worse)
    assert other.p_equivalent == pytest.approx(one.p_equivalent, rel=1e-12)
    one, other = (nadeau_bengio(sign * differences, 0.2) for sign in (1, -1))
    assert (other.t_statistic, other.p_value, other.n) == (-one.t_statistic, one.p_value, one.n)


def test_the_corrected_test_by_hand():
    # mean 2, variance 1, and for a third of the rows in the test fold n_test / n_train = 1/2: t = 2 / sqrt(1/3 + 1/2)
    result = nadeau_bengio([1, 2, 3], test_fraction=1 / 3)
    assert result.t_statistic == pytest.approx(2 / np.sqrt(5 / 6))
    assert result.p_value == pytest.approx(2 * stats.t.sf(2 / np.sqrt(5 / 6), 2))
    assert result.n == 3


@pytest.mark.parametrize("n_folds", [2, 5, 10])
def test_the_corrected_test_shrinks_the_plain_one_by_the_papers_factor(n_folds):
    differences = np.random.default_rng(11).normal(0.02, 0.05, 3 * n_folds)
    plain = stats.ttest_1samp(differences, 0)
    n = len(differences)
    factor = np.sqrt((1 / n) / (1 / n + 1 / (n_folds - 1)))
    assert nadeau_bengio(differences, 1 / n_folds).t_statistic == pytest.approx(factor * plain.statistic, rel=1e-12)
    vanishing = nadeau_bengio(differences, 1e-12)
    assert vanishing.p_value == pytest.approx(plain.pvalue, rel=1e-8)


def test_the_corrected_test_keeps_its_level_where_the_plain_one_does_not():
    # fold differences with a common part, of correlation rho = 1/10, and no true difference
    rng = np.random.default_rng(12)
    common, own = rng.standard_normal((2000, 1)), rng.standard_normal((2000, 10))
    samples = np.sqrt(0.1) * common + np.sqrt(0.9) * own
    corrected = np.mean([nadeau_bengio(row, 0.1).p_value < 0.05 for row in samples])
    plain = np.mean(stats.ttest_1samp(samples, 0, axis=1).pvalue < 0.05)
    assert 0.03 < corrected < 0.07 < plain


def test_folds_without_any_variance():
    equal = nadeau_bengio([0.1] * 10, 0.1)
    assert (equal.t_statistic, equal.p_value) == (np.inf, 0)
    assert nadeau_bengio([-0.1] * 10, 0.1).t_statistic == -np.inf
    same = nadeau_bengio([0.0] * 10, 0.1)
    assert (same.t_statistic, same.p_value) == (0, 1)
    assert bayesian_correlated_t([0.1] * 10, 0.01, 0.1) == BayesianResult(0, 0, 1)
    assert bayesian_correlated_t([-0.1] * 10, 0.01, 0.1) == BayesianResult(1, 0, 0)
    assert bayesian_correlated_t([0.01] * 10, 0.01, 0.1) == BayesianResult(0, 1, 0)
    assert bayesian_correlated_t([0.0] * 10, 0, 0.1) == BayesianResult(0, 1, 0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bayesian_signed_rank([]), "at least 1"),
        (lambda: bayesian_signed_rank([0.1, np.nan]), "NaN or infinite"),
        (lambda: bayesian_correlated_t([0.1], 0.01, 0.1), "at least 2"),
        (lambda: nadeau_bengio([0.1], 0.1), "at least 2"),
        (lambda: nadeau_bengio([0.1, np.nan], 0.1), "NaN or infinite"),
    ],
)
def test_unusable_differences_are_refused_in_one_sentence(call, words):
    with pytest.raises(DataError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bayesian_signed_rank([0.1], rope=-0.01), "rope"),
        (lambda: bayesian_signed_rank([0.1], rope=np.nan), "rope"),
        (lambda: bayesian_signed_rank([0.1], n_samples=0), "n_samples"),
        (lambda: bayesian_signed_rank([0.1], n_samples=10.5), "n_samples"),
        (lambda: bayesian_correlated_t([0.1, 0.2], -1, 0.1), "rope"),
        (lambda: bayesian_correlated_t([0.1, 0.2], 0.01, 1), "test_fraction"),
        (lambda: nadeau_bengio([0.1, 0.2], 0), "test_fraction"),
        (lambda: nadeau_bengio([0.1, 0.2], 10), "test_fraction"),
    ],
)
def test_unusable_options_are_refused(call, words):
    with pytest.raises(ConfigError, match=words):
        call()
