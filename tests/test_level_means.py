"""Means of the target by level: what they are, that training rows never see their own target, and that order does not matter."""

import numpy as np
import pandas
import pytest

from propneat.data import Preprocessor, plan_table
from propneat.data.level_means import LevelMeans, join_equal, level_groups, out_of_fold, row_hashes
from propneat.data.weighted import tally


def towns(n_rows: int, n_towns: int, effect: float, seed: int = 0) -> tuple[pandas.DataFrame, np.ndarray]:
    """Rows of many towns, and a target that hangs on the town by as much as `effect`."""
    rng = np.random.default_rng(seed)
    town = rng.integers(0, n_towns, n_rows)
    target = effect * rng.normal(size=n_towns)[town] + rng.normal(size=n_rows)
    return pandas.DataFrame({"town": [f"town {number}" for number in town], "x": rng.normal(size=n_rows)}), target[:, None]


def mean_input(preprocessor: Preprocessor, inputs: np.ndarray) -> np.ndarray:
    (index,) = [index for index, rule in enumerate(preprocessor.rules) if rule.means is not None and rule.part is None]
    return inputs[:, index]


def test_a_level_that_says_nothing_says_nothing_to_training_rows_either():
    frame, target = towns(800, 300, effect=0.0)
    preprocessor, inputs = Preprocessor.fit_transform(frame, targets=target)
    own = abs(np.corrcoef(mean_input(preprocessor, inputs), target[:, 0])[0, 1])
    seen = np.corrcoef(mean_input(preprocessor, preprocessor.transform(frame)), target[:, 0])[0, 1]
    assert own < 0.1 < 0.3 < seen


def test_a_level_that_says_much_is_worth_as_much_on_new_rows():
    frame, target = towns(4000, 200, effect=1.5)
    preprocessor, inputs = Preprocessor.fit_transform(frame[:2000], targets=target[:2000])
    own = np.corrcoef(mean_input(preprocessor, inputs), target[:2000, 0])[0, 1]
    new = np.corrcoef(mean_input(preprocessor, preprocessor.transform(frame[2000:])), target[2000:, 0])[0, 1]
    assert own > 0.7 and abs(own - new) < 0.05


def test_order_weights_and_repeats_of_rows_change_no_bit():
    frame, target = towns(300, 60, effect=1.0)
    weights = np.random.default_rng(1).integers(0, 3, 300)
    plan = plan_table(frame).plan
    weighted, inputs = Preprocessor.fit_transform(frame, weights, plan=plan, targets=target)
    repeated = np.random.default_rng(2).permutation(np.repeat(np.arange(300), weights))
    other, others = Preprocessor.fit_transform(frame.iloc[repeated], plan=plan, targets=target[repeated])
    assert other == weighted
    assert np.array_equal(others, inputs[repeated])


def test_means_are_drawn_to_that_of_all_rows_by_the_spread_within_over_that_between():
    rng = np.random.default_rng(3)
    codes = rng.integers(0, 5, 200)
    target = (codes + rng.normal(size=200))[:, None]
    found = LevelMeans.fit(codes, target, np.ones(200), 6)
    counts = np.bincount(codes, minlength=6)
    raw = np.array([target[codes == level].mean() for level in range(5)])
    within = sum(((target[codes == level] - raw[level]) ** 2).sum() for level in range(5)) / 195
    size = (200 - (counts**2).sum() / 200) / 4
    between = ((counts[:5] * (raw - target.mean()) ** 2).sum() / 4 - within) / size
    strength = max(within / between, 1.0)
    expected = (counts[:5] * raw + strength * target.mean()) / (counts[:5] + strength)
    np.testing.assert_allclose(found.means[:5, 0], expected, rtol=1e-12)
    assert found.means[5, 0] == pytest.approx(target.mean())
    assert found.of(np.array([-1]))[0, 0] == pytest.approx(target.mean())


def test_out_of_fold_means_know_nothing_of_the_own_fold():
    rng = np.random.default_rng(4)
    codes, target, folds = rng.integers(0, 8, 100), rng.normal(size=(100, 1)), rng.integers(0, 5, 100)
    before = out_of_fold(codes, target, np.ones(100), 8, folds)
    target[folds == 2] += 1e6
    after = out_of_fold(codes, target, np.ones(100), 8, folds)
    assert np.array_equal(before[2], after[2])
    assert not np.isclose(np.delete(before, 2, 0), np.delete(after, 2, 0)).any()


def test_whole_numbers_that_name_something_get_means_and_measures_do_not():
    rng = np.random.default_rng(5)
    store, age = rng.integers(1, 46, 2000), rng.integers(18, 90, 2000)
    target = (rng.normal(size=46)[store] + 0.03 * age + 0.3 * rng.normal(size=2000))[:, None]
    frame = pandas.DataFrame({"store": store, "age": age})
    rules = Preprocessor.fit(frame, targets=target).rules
    assert [rule.feature for rule in rules if rule.means is not None] == ["store"]
    assert not any(rule.means for rule in Preprocessor.fit(frame).rules)


def test_first_words_of_many_texts_are_levels_too():
    rng = np.random.default_rng(9)
    maker = rng.choice(["Fiat", "Opel", "Saab"], 600)
    frame = pandas.DataFrame(
        {"car": [f"{name} {number}" for name, number in zip(maker, rng.integers(0, 50, 600), strict=True)]}
    )
    target = np.where(maker == "Opel", 1.0, 0.0)[:, None]
    preprocessor = Preprocessor.fit(frame, targets=target)
    index = [rule.name for rule in preprocessor.rules].index("car first word=Opel")
    new = pandas.DataFrame({"car": ["Opel never seen", "Fiat 1", None]})
    assert (preprocessor.transform(new)[:, index] + preprocessor.rules[index].center).round(9).tolist() == [1, 0, 0]


def test_names_of_few_rows_are_not_kept():
    frame = pandas.DataFrame({"name": ["Ann", "Bob", *(f"town {number % 120}" for number in range(1200))]})
    preprocessor = Preprocessor.fit(frame, targets=np.random.default_rng(0).normal(size=(1202, 1)))
    assert "Ann" not in str(preprocessor.to_dict())


def test_equal_rows_have_equal_hashes_and_others_do_not():
    rng = np.random.default_rng(6)
    columns = [rng.normal(size=1000), np.where(rng.random(1000) < 0.5, np.nan, 1.0)]
    hashes = row_hashes([np.concatenate([column, column]) for column in columns])
    assert np.array_equal(hashes[:1000], hashes[1000:])
    assert len(np.unique(hashes)) == 1000
    assert row_hashes([np.array([0.0])]) == row_hashes([np.array([-0.0])])


def test_groups_of_neighbours_are_of_equal_weight():
    levels = np.append(np.random.default_rng(7).permutation(800), -1)
    groups = level_groups(levels, np.ones(801), 800, 8)
    assert groups[-1] == -1
    assert np.bincount(groups[:-1]).tolist() == [100] * 8
    assert (np.diff(groups[:-1]) >= 0).all()


def test_rows_that_share_their_upper_bits_are_joined_by_all_of_them():
    hashes = np.random.default_rng(8).integers(0, 2**64, 1000, np.uint64)
    hashes[:40] = (np.uint64(7) << np.uint64(12)) | np.arange(40, dtype=np.uint64)[::-1] % np.uint64(9)
    distinct, first, position = join_equal(hashes)
    expected, expected_first, expected_position = np.unique(hashes, return_index=True, return_inverse=True)
    assert np.array_equal(distinct, expected) and np.array_equal(first, expected_first)
    assert np.array_equal(position, expected_position)


def test_a_tally_of_few_cases_is_that_of_the_rows():
    rng = np.random.default_rng(10)
    values, position = rng.integers(0, 9, 40).astype(float), rng.integers(0, 40, 500)
    for weights in (np.ones(500), rng.random(500)):
        for found, expected in zip(tally(values, weights, position), tally(values[position], weights), strict=True):
            assert found.tobytes() == expected.tobytes()
