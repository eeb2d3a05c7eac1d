"""Laws of canonical rows and of their division: order and repetition do not matter, and no row is on both sides."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from propneat.data.split import join_rows, split_rows


def merge_rows(inputs, target, weights) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rows that are left when those equal in inputs and target are joined, and their weights."""
    columns = [target, *inputs.T]
    rows, totals = join_rows(columns.__getitem__, len(columns), weights)
    return inputs[rows] + 0.0, target[rows], totals


def random_rows(seed: int, n_rows: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Few distinct values, so that many rows are equal; some weights are 0."""
    rng = np.random.default_rng(seed)
    inputs = rng.choice([-1.5, -0.0, 0.0, 2.0], (n_rows, 2))
    return inputs, rng.integers(0, 2, n_rows), rng.choice([0.0, 0.1, 0.2, 0.7, 1.0], n_rows)


def test_equal_rows_are_joined_and_their_weights_added():
    for seed in range(30):
        inputs, target, weights = random_rows(seed)
        totals = {}
        for row, label, weight in zip(inputs.tolist(), target.tolist(), weights.tolist(), strict=True):
            if weight:
                key = (label, *(value + 0.0 for value in row))
                totals[key] = totals.get(key, 0.0) + weight
        merged = merge_rows(inputs, target, weights)
        found = {(label, *row): weight for row, label, weight in zip(*(part.tolist() for part in merged), strict=True)}
        assert list(found) == sorted(found) and set(found) == set(totals) and len(found) == len(merged[0])
        assert [found[key] for key in totals] == pytest.approx(list(totals.values()))


def test_the_order_of_rows_does_not_matter_to_the_bit():
    for seed in range(30):
        parts = random_rows(seed)
        order = np.random.default_rng(seed).permutation(60)
        ours, theirs = merge_rows(*parts), merge_rows(*(part[order] for part in parts))
        assert [part.tobytes() for part in ours] == [part.tobytes() for part in theirs]


@pytest.mark.parametrize("n_columns", [0, 1, 2, 5, 14])
@pytest.mark.parametrize("n_values", [2, 3, 10_000])
def test_rows_are_sorted_by_all_columns_and_added_up_by_weight(n_columns, n_values):
    rng = np.random.default_rng(n_values)
    inputs = rng.integers(0, n_values, (300, n_columns)) - 1.0
    inputs[150:] = np.where(rng.random((150, 1)) < 0.5, inputs[:150], inputs[150:])
    target, weights = rng.integers(0, 2, 300), rng.choice([1e-9, 0.1, 1.0, 1e9], 300)
    order = np.lexsort([weights, *inputs.T[::-1], target])
    rows = np.column_stack([target, inputs])[order]
    first = np.flatnonzero([k == 0 or (rows[k] != rows[k - 1]).any() for k in range(300)])
    found = merge_rows(inputs, target, weights)
    assert [part.tolist() for part in found] == [
        inputs[order[first]].tolist(), target[order[first]].tolist(), np.add.reduceat(weights[order], first).tolist()
    ]  # fmt: skip


def test_a_weight_of_two_is_the_row_twice():
    inputs, target, _ = random_rows(1)
    twice = np.repeat(np.arange(60), 2)
    ours = merge_rows(inputs[twice], target[twice], np.ones(120))
    theirs = merge_rows(inputs, target, np.full(60, 2.0))
    assert [part.tobytes() for part in ours] == [part.tobytes() for part in theirs]


def test_rows_without_weight_leave_nothing():
    inputs, target, weights = random_rows(2)
    for part in merge_rows(inputs, target, 0 * weights):
        assert len(part) == 0
    kept = weights > 0
    ours, theirs = merge_rows(inputs, target, weights), merge_rows(inputs[kept], target[kept], weights[kept])
    assert [part.tobytes() for part in ours] == [part.tobytes() for part in theirs]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.floats(0.01, 0.99), st.booleans(), st.integers(0, 5))
def test_a_division_has_every_row_once(labels, fraction, stratified, seed):
    target = np.array(labels)
    learn, judge = split_rows(target, fraction, stratified, np.random.default_rng(seed))
    assert sorted([*learn.tolist(), *judge.tolist()]) == list(range(len(target)))
    assert learn.tolist() == sorted(learn.tolist()) and judge.tolist() == sorted(judge.tolist())
    if stratified:
        assert set(target[learn].tolist()) == set(labels)
        for label in set(labels):
            n_rows = labels.count(label)
            assert abs(np.sum(target[judge] == label) - fraction * n_rows) <= (0.5 if fraction * n_rows < n_rows - 0.5 else 1)
    else:
        assert len(learn) >= 1 and abs(len(judge) - fraction * len(labels)) <= 1


def test_a_division_is_that_of_its_seed():
    target = np.arange(40) % 2
    first, again, other = (split_rows(target, 0.25, True, np.random.default_rng(seed))[1].tolist() for seed in (0, 0, 1))
    assert first == again != other and len(first) == 10
