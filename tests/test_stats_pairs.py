"""Laws of pairwise comparisons: enumeration, scipy and published examples agree, and test and interval say the same."""

from itertools import combinations, product
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from propneat.base.errors import ConfigError, DataError
from propneat.stats import Comparison, Interval, against_one, hodges_lehmann, holm, pairwise_wilcoxon, wilcoxon, win_tie_loss

TIED = st.lists(st.integers(-5, 5), min_size=1, max_size=9)

# Hamilton depression scale before and after therapy (Hollander and Wolfe 1973, table 3.1)
BEFORE = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
AFTER = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]


def enumerated_p(differences: np.ndarray) -> float:
    """Two-sided p by walking through every set of signs."""
    ranks = stats.rankdata(np.abs(differences))
    own = np.sum(np.sign(differences) * ranks)
    sums = [np.dot(signs, ranks * (differences != 0)) for signs in product([-1, 1], repeat=len(differences))]
    return float(np.mean(np.abs(sums) >= abs(own) - 1e-9))


def normal_p(differences: np.ndarray) -> float:
    """Two-sided p by the formula of the textbook, tie groups and all."""
    n = len(differences)
    ranks = stats.rankdata(np.abs(differences))
    zeros_half = ranks[differences == 0].sum() / 2
    smaller = min(ranks[differences > 0].sum(), ranks[differences < 0].sum()) + zeros_half
    groups = np.unique(np.abs(differences), return_counts=True)[1].astype(float)
    variance = (n * (n + 1) * (2 * n + 1) - np.sum(groups**3 - groups) / 2) / 24
    return float(2 * stats.norm.cdf((smaller - n * (n + 1) / 4) / np.sqrt(variance)))


@settings(deadline=None)
@given(TIED)
def test_wilcoxon_of_few_differences_equals_the_enumeration_of_signs(values):
    differences = np.array(values, dtype=float)
    assert wilcoxon(differences, np.zeros(len(values))) == pytest.approx(enumerated_p(differences), abs=1e-12)


def test_wilcoxon_of_thirteen_differences_with_ties_and_zeros_is_still_exact():
    differences = np.array([0, 0, 1, 1, -1, 2, 2, 3, -3, 4, 5, 5, 6])
    exact = enumerated_p(differences)
    assert wilcoxon(differences, np.zeros(13)) == pytest.approx(exact, rel=1e-12)
    assert abs(normal_p(differences) - exact) > 1e-4


@pytest.mark.parametrize("n", [1, 2, 5, 13, 14, 30, 50])
def test_wilcoxon_without_ties_is_exact_up_to_fifty(n):
    differences = np.random.default_rng(n).permutation(np.arange(1, n + 1)) * np.random.default_rng(n).choice([-1, 1, 1], n)
    expected = stats.wilcoxon(differences, method="exact", zero_method="zsplit").pvalue
    assert wilcoxon(differences, np.zeros(n)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [14, 30, 58, 200])
def test_wilcoxon_with_ties_and_zeros_is_normal_above_thirteen(n):
    differences = np.random.default_rng(n).integers(-4, 7, n)
    differences[:2] = 0
    assert wilcoxon(differences, np.zeros(n)) == pytest.approx(normal_p(differences), rel=1e-10)
    assert wilcoxon(differences, np.zeros(n)) == pytest.approx(stats.wilcoxon(differences, zero_method="zsplit").pvalue)


def test_wilcoxon_without_ties_is_normal_above_fifty_and_near_the_exact_value():
    differences = np.random.default_rng(0).standard_normal(60) + 0.2
    p_value = wilcoxon(differences, np.zeros(60))
    assert p_value == pytest.approx(normal_p(differences), rel=1e-10)
    assert p_value == pytest.approx(stats.wilcoxon(differences, method="exact").pvalue, abs=2e-3)


@settings(deadline=None)
@given(st.lists(st.integers(-5, 5), min_size=1, max_size=60))
def test_wilcoxon_is_a_probability_that_does_not_depend_on_direction_order_or_scale(values):
    x = np.array(values, dtype=float)
    zeros = np.zeros(len(x))
    p_value = wilcoxon(x, zeros)
    assert 0 < p_value <= 1
    assert wilcoxon(zeros, x) == p_value
    assert wilcoxon(x[::-1], zeros) == pytest.approx(p_value, rel=1e-12)
    assert wilcoxon(1e-7 * x, zeros) == pytest.approx(p_value, rel=1e-12)


def test_wilcoxon_of_equal_methods_is_one():
    assert wilcoxon([0.5, 0.7], [0.5, 0.7]) == 1
    assert wilcoxon(np.full(80, 0.9), np.full(80, 0.9)) == 1


def test_wilcoxon_ties_differences_that_differ_by_rounding_only():
    # 0.3 - 0.2 and 0.2 - 0.1 are not the same float64
    x, y = np.array([0.3, 0.2, 0.9, 0.1 + 0.2]), np.array([0.2, 0.1, 0.4, 0.3])
    assert x[0] - y[0] != x[1] - y[1] and x[3] != y[3]
    assert wilcoxon(x, y) == enumerated_p(np.array([1, 1, 5, 0]))
    assert win_tie_loss(x, y) == (3, 1, 0)


def test_hodges_lehmann_of_a_published_example():
    # Hollander and Wolfe 1973, examples 3.1 to 3.3: estimate .46 and the 96.1 % interval (.010, .786)
    result = hodges_lehmann(np.subtract(BEFORE, AFTER))
    assert (result.estimate, result.low, result.high) == pytest.approx((0.46, 0.010, 0.786), abs=1e-9)
    assert wilcoxon(BEFORE, AFTER) == pytest.approx(0.0390625, abs=1e-12)


def test_hodges_lehmann_by_hand():
    # Walsh averages: 1, 1.5, 2, 2, 2.5, 3, 5, 5.5, 6, 9
    assert hodges_lehmann([1, 2, 3, 9]) == Interval(2.75, -inf, inf)
    # of 4 differences P(T <= 0) = 1/16, so that an interval of confidence 7/8 takes in all averages
    assert hodges_lehmann([1, 2, 3, 9], 0.875) == Interval(2.75, 1, 9)
    # and P(T <= 1) = 2/16, P(T <= 2) = 3/16
    assert hodges_lehmann([1, 2, 3, 9], 0.75) == Interval(2.75, 1.5, 6)
    assert hodges_lehmann([1, 2, 3, 9], 0.625) == Interval(2.75, 2, 5.5)


@pytest.mark.parametrize(("n", "finite"), [(1, False), (5, False), (6, True)])
def test_no_interval_of_that_confidence_is_said_to_be_infinite(n, finite):
    result = hodges_lehmann(np.arange(1.0, n + 1))
    assert np.isfinite([result.low, result.high]).tolist() == [finite, finite]


@pytest.mark.parametrize("n", [6, 8, 13, 14, 30, 50, 51, 58, 90])
@pytest.mark.parametrize("confidence", [0.5, 0.9, 0.95, 0.99])
def test_the_interval_holds_exactly_the_shifts_that_wilcoxon_does_not_reject(n, confidence):
    differences = np.random.default_rng(n).standard_normal(n)
    result = hodges_lehmann(differences, confidence)
    alpha = 1 - confidence
    if result.low == -inf:
        assert wilcoxon(np.abs(differences), np.zeros(n)) > alpha
        return
    assert result.low < result.estimate < result.high
    step = 1e-7
    for end, outward in ((result.low, -1), (result.high, 1)):
        assert wilcoxon(differences - (end + outward * step), np.zeros(n)) <= alpha
        assert wilcoxon(differences - (end - outward * step), np.zeros(n)) > alpha


@settings(deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60), st.integers(-20, 20))
def test_hodges_lehmann_moves_and_turns_with_its_differences(values, shift):
    differences = np.array(values, dtype=float)
    result = hodges_lehmann(differences)
    assert result.low <= result.estimate <= result.high
    assert hodges_lehmann(differences + shift) == Interval(result.estimate + shift, result.low + shift, result.high + shift)
    assert hodges_lehmann(-differences) == Interval(-result.estimate, -result.high, -result.low)
    assert hodges_lehmann(4 * differences) == Interval(4 * result.estimate, 4 * result.low, 4 * result.high)


def test_the_interval_covers_the_true_median_as_often_as_it_says():
    rng = np.random.default_rng(1)
    for n in (10, 60):
        results = [hodges_lehmann(rng.standard_normal(n), 0.9) for _ in range(400)]
        covered = np.mean([result.low <= 0 <= result.high for result in results])
        assert 0.86 < covered < 0.95, n


def test_win_tie_loss_counts_with_a_tolerance():
    x, y = [0.9, 0.8, 0.7, 0.6], [0.8, 0.8, 0.75, 0.9]
    assert win_tie_loss(x, y) == (1, 1, 2)
    assert win_tie_loss(y, x) == (2, 1, 1)
    assert win_tie_loss(x, y, tolerance=0.05) == (1, 2, 1)
    assert win_tie_loss(x, y, tolerance=1) == (0, 4, 0)


def test_holm_by_hand():
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_array_equal(holm([0.9, 0.8]), [1, 1])
    np.testing.assert_array_equal(holm([0.2]), [0.2])
    assert holm([]).shape == (0,)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_what_stepping_down_rejects(p_values, alpha):
    left, rejected = sorted(range(len(p_values)), key=p_values.__getitem__), set()
    while left and p_values[left[0]] <= alpha / len(left):
        rejected.add(left.pop(0))
    adjusted = holm(p_values)
    edge = np.isclose(adjusted, alpha, rtol=1e-12, atol=0)
    assert {int(i) for i in np.flatnonzero((adjusted <= alpha) & ~edge)} == rejected - set(np.flatnonzero(edge).tolist())
    assert np.all(adjusted >= p_values) and np.all(adjusted <= 1)


def make_scores(seed: int = 0, n_datasets: int = 20, n_methods: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.round(rng.standard_normal((n_datasets, n_methods)) + np.linspace(1, 0, n_methods), 1)


def test_pairwise_wilcoxon_is_wilcoxon_and_holm_of_every_pair():
    scores = make_scores()
    result = pairwise_wilcoxon(scores)
    pairs = list(combinations(range(4), 2))
    raw = [wilcoxon(scores[:, i], scores[:, j]) for i, j in pairs]
    for (i, j), p_value, adjusted in zip(pairs, raw, holm(raw), strict=True):
        assert result.p_values[i, j] == result.p_values[j, i] == p_value
        assert result.adjusted[i, j] == result.adjusted[j, i] == adjusted
        for a, b in ((i, j), (j, i)):
            assert (result.wins[a, b], result.ties[a, b], result.losses[a, b]) == win_tie_loss(scores[:, a], scores[:, b])
    np.testing.assert_array_equal(np.diag(result.p_values), 1)
    np.testing.assert_array_equal(np.diag(result.adjusted), 1)
    np.testing.assert_array_equal(np.diag(result.ties), 20)
    np.testing.assert_array_equal(result.wins + result.ties + result.losses, 20)


def test_permuting_methods_permutes_pairwise_results():
    scores, columns = make_scores(1), [2, 0, 3, 1]
    one, other = pairwise_wilcoxon(scores), pairwise_wilcoxon(scores[:, columns])
    for name in ("p_values", "adjusted", "wins", "ties", "losses"):
        np.testing.assert_array_equal(getattr(other, name), getattr(one, name)[np.ix_(columns, columns)], err_msg=name)


def test_a_pair_does_not_depend_on_the_other_methods():
    scores = make_scores(2)
    assert pairwise_wilcoxon(scores).p_values[0, 1] == pairwise_wilcoxon(scores[:, :2]).p_values[0, 1]


@pytest.mark.parametrize("reference", [0, 2, np.int64(3)])
def test_against_one_puts_together_what_the_parts_say(reference):
    scores = make_scores(3)
    result = against_one(scores, reference, alpha=0.1)
    others = [column for column in range(4) if column != reference]
    assert [comparison.other for comparison in result] == others
    adjusted = holm([comparison.p_value for comparison in result])
    for comparison, expected in zip(result, adjusted, strict=True):
        x, y = scores[:, reference], scores[:, comparison.other]
        interval = hodges_lehmann(np.round(x - y, 1), 0.9)
        wins, ties, losses = win_tie_loss(x, y)
        assert comparison.p_value == wilcoxon(x, y) and comparison.adjusted == expected
        assert (comparison.wins, comparison.ties, comparison.losses) == (wins, ties, losses)
        bounds = (comparison.median_difference, comparison.low, comparison.high)
        assert bounds == pytest.approx((interval.estimate, interval.low, interval.high), abs=1e-12)


def test_the_interval_of_a_comparison_leaves_out_zero_where_the_methods_differ():
    scores = np.random.default_rng(4).standard_normal((40, 9)) + np.linspace(0.8, 0, 9)
    result = against_one(scores, 0, alpha=0.05)
    decisions = [comparison.p_value <= 0.05 for comparison in result]
    assert decisions == [not comparison.low <= 0 <= comparison.high for comparison in result]
    assert {True, False} == set(decisions)


def test_methods_that_tie_everywhere_compare_as_equal():
    assert against_one(np.full((8, 2), 0.7), 0) == (Comparison(1, 1.0, 1.0, 0.0, 0.0, 0.0, 0, 8, 0),)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: wilcoxon([0.5, np.nan], [0.5, 0.6]), "NaN or infinite"),
        (lambda: wilcoxon([0.5, 0.4], [0.5]), "same data sets"),
        (lambda: wilcoxon([], []), "at least 1 scores"),
        (lambda: win_tie_loss([[0.5]], [[0.5]]), "shape"),
        (lambda: holm([0.5, np.nan]), "NaN or infinite"),
        (lambda: holm([0.5, 1.5]), "from 0 to 1"),
        (lambda: hodges_lehmann([]), "at least 1"),
        (lambda: hodges_lehmann([np.nan]), "NaN or infinite"),
        (lambda: pairwise_wilcoxon([[0.5], [0.4]]), "at least 2 methods"),
        (lambda: pairwise_wilcoxon([[0.5, np.nan]]), "NaN or infinite"),
        (lambda: against_one([[0.5], [0.4]], 0), "at least 2 methods"),
        (lambda: against_one([[0.5, np.nan]], 0), "NaN or infinite"),
    ],
)
def test_unusable_scores_are_refused_in_one_sentence(call, words):
    with pytest.raises(DataError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: against_one(make_scores(), 4), "reference"),
        (lambda: against_one(make_scores(), -1), "reference"),
        (lambda: against_one(make_scores(), 0.5), "reference"),
        (lambda: against_one(make_scores(), 0, alpha=1), "alpha"),
        (lambda: hodges_lehmann([1, 2], confidence=0), "confidence"),
        (lambda: win_tie_loss([1], [2], tolerance=-1), "tolerance"),
        (lambda: win_tie_loss([1], [2], tolerance=np.nan), "tolerance"),
    ],
)
def test_unusable_options_are_refused(call, words):
    with pytest.raises(ConfigError, match=words):
        call()
