"""Laws of the statistics over families: small cases by hand, clusters that stay together, and order that does not matter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from propneat.base.errors import ConfigError, DataError
from propneat.stats import FamilyBootstrap, average_ranks, bootstrap_families, one_per_family

NAMES = ("mean_score", "score_low", "score_high", "mean_rank", "rank_low", "rank_high")


def assert_same(one: FamilyBootstrap, other: FamilyBootstrap, columns=slice(None), rtol: float = 1e-12) -> None:
    for name in NAMES:
        np.testing.assert_allclose(getattr(one, name)[columns], getattr(other, name), rtol=rtol, err_msg=name)


def make_scores(seed: int, n_datasets: int = 30, n_methods: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n_datasets, n_methods)) + np.arange(n_methods)


def test_with_two_families_the_interval_runs_from_one_familys_mean_to_the_others():
    scores = np.array([[0.5, 0.6], [0.7, 0.6], [0.9, 0.2]])
    result = bootstrap_families(scores, ["monk", "monk", "led"], rng=np.random.default_rng(0))
    np.testing.assert_allclose(result.mean_score, [0.7, 1.4 / 3])
    np.testing.assert_allclose(result.score_low, [0.6, 0.2])
    np.testing.assert_allclose(result.score_high, [0.9, 0.6])
    np.testing.assert_allclose(result.mean_rank, [4 / 3, 5 / 3])
    np.testing.assert_allclose(result.rank_low, [1, 1.5])
    np.testing.assert_allclose(result.rank_high, [1.5, 2])


def test_estimates_are_plain_means_whatever_the_families():
    scores = make_scores(0)
    result = bootstrap_families(scores, [f"family {row % 7}" for row in range(30)], rng=np.random.default_rng(0))
    np.testing.assert_allclose(result.mean_score, scores.mean(axis=0), rtol=1e-10)
    np.testing.assert_allclose(result.mean_rank, average_ranks(scores), rtol=1e-12)
    for low, middle, high in (NAMES[1], NAMES[0], NAMES[2]), (NAMES[4], NAMES[3], NAMES[5]):
        assert np.all(getattr(result, low) < getattr(result, middle)), low
        assert np.all(getattr(result, middle) < getattr(result, high)), high


def test_families_of_one_give_scipys_percentile_bootstrap():
    scores = make_scores(1)
    result = bootstrap_families(scores, [str(row) for row in range(30)], n_samples=20000, rng=np.random.default_rng(2))
    options = {"method": "percentile", "n_resamples": 20000, "rng": np.random.default_rng(3), "axis": 0}
    expected = stats.bootstrap((scores,), np.mean, **options).confidence_interval
    np.testing.assert_allclose(result.score_low, expected.low, atol=0.02)
    np.testing.assert_allclose(result.score_high, expected.high, atol=0.02)


def test_copies_of_data_sets_within_their_families_add_no_certainty():
    scores = make_scores(4, 12)
    families = [str(row) for row in range(12)]
    plain = bootstrap_families(scores, families, rng=np.random.default_rng(5))
    copied = bootstrap_families(np.repeat(scores, 3, axis=0), np.repeat(families, 3), rng=np.random.default_rng(5))
    assert_same(plain, copied)
    apart = bootstrap_families(np.repeat(scores, 3, axis=0), [str(row) for row in range(36)], rng=np.random.default_rng(5))
    assert np.all(apart.score_high - apart.score_low < 0.8 * (plain.score_high - plain.score_low))


def test_a_sample_holds_whole_families_of_unequal_size():
    # 40 data sets of one family against 3 alone: sampling data sets would never see a mean near that of the three
    scores = np.vstack([np.tile([0.5, 0.4], (40, 1)), np.tile([0.9, 1.0], (3, 1))])
    result = bootstrap_families(scores, ["large"] * 40 + ["a", "b", "c"], rng=np.random.default_rng(6))
    np.testing.assert_allclose(result.score_high, [0.9, 1.0])
    np.testing.assert_allclose([result.rank_high[0], result.rank_low[1]], [2, 1])


def test_permuting_methods_permutes_results_and_names_of_families_do_not_matter():
    scores, families = make_scores(7), [str(row // 3) for row in range(30)]
    one = bootstrap_families(scores, families, rng=np.random.default_rng(8))
    columns = [2, 0, 1]
    assert_same(one, bootstrap_families(scores[:, columns], families, rng=np.random.default_rng(8)), columns)
    renamed = [f"family {9 - int(name)}" for name in families]
    assert_same(one, bootstrap_families(scores, renamed, rng=np.random.default_rng(8)), rtol=0)


def test_the_same_stream_gives_the_same_intervals_and_another_one_others():
    scores, families = make_scores(9), [str(row // 2) for row in range(30)]
    assert_same(bootstrap_families(scores, families), bootstrap_families(scores, families), rtol=0)
    one, other = (bootstrap_families(scores, families, rng=np.random.default_rng(seed)) for seed in (1, 2))
    assert np.any(one.score_low != other.score_low)


def test_one_per_family_takes_the_first_of_each():
    np.testing.assert_array_equal(one_per_family(["monk", "led", "monk", "adult", "led"]), [0, 1, 3])
    assert one_per_family([]).shape == (0,)


@given(st.lists(st.sampled_from("abcdef")))
def test_one_per_family_keeps_every_family_once_in_order(families):
    kept = one_per_family(families)
    assert [families[index] for index in kept] == list(dict.fromkeys(families))
    assert all(families.index(families[index]) == index for index in kept)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bootstrap_families([[0.5, np.nan], [0.5, 0.6]], ["a", "b"]), "NaN or infinite"),
        (lambda: bootstrap_families([[0.5, 0.6], [0.5, 0.6]], ["a", "a"]), "at least 2 families"),
        (lambda: bootstrap_families([[0.5, 0.6], [0.5, 0.6]], ["a"]), "one name per data set"),
        (lambda: bootstrap_families([[0.5, 0.6], [0.5, 0.6]], []), "one name per data set"),
        (lambda: bootstrap_families([[0.5, 0.6], [0.5, 0.6]], ["a", None]), "must be a name"),
        (lambda: one_per_family([np.nan]), "must be a name"),
    ],
)
def test_unusable_scores_and_families_are_refused_in_one_sentence(call, words):
    with pytest.raises(DataError, match=words) as error:
        call()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("n_samples", [0, -1, 2.5])
def test_an_unusable_number_of_samples_is_refused(n_samples):
    with pytest.raises(ConfigError, match="n_samples"):
        bootstrap_families([[0.5, 0.6], [0.5, 0.6]], ["a", "b"], n_samples)
