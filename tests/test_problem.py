"""Laws of the way from a table to a learning problem: what classes weigh, and which rows judge."""

import numpy as np
import pytest

from propneat.model.preparation import prepare_problem


def class_totals(samples) -> np.ndarray:
    """Total weight of both classes among some rows."""
    labels = samples.targets[:, 0]
    return np.array([samples.weights[labels == value].sum(dtype=np.float64) for value in (0, 1)])


@pytest.mark.parametrize("weighted", [False, True])
def test_balanced_classes_weigh_the_same_in_total(weighted):
    """By the weights of their rows and not by how many there are: a rare class may have heavy rows."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((90, 2)), (np.arange(90) % 3 == 0).astype(int)
    weights = np.where(y == 1, 4.0, 0.5) * rng.uniform(0.9, 1.1, 90) if weighted else None
    problem = prepare_problem(X, y, "binary", seed=0, weights=weights, class_weight="balanced").problem
    totals = class_totals(problem.train) + class_totals(problem.validation)
    total = 90 if weights is None else weights.sum()
    np.testing.assert_allclose(totals, total / 2, rtol=1e-5)


@pytest.mark.parametrize(("n_rows", "n_judged"), [(4, 2), (5, 2), (10, 4)])
def test_two_rows_are_enough_to_judge_by(n_rows, n_judged):
    X = np.arange(float(n_rows))[:, None]
    problem = prepare_problem(X, X[:, 0], "regression", seed=0).problem
    assert (len(problem.train), len(problem.validation)) == (n_rows - n_judged, n_judged)


@pytest.mark.parametrize(("n_rows", "fraction"), [(8, 0.125), (2, 0.4), (3, 0.9), (3, 0.4)])
def test_where_one_row_would_judge_or_learn_all_rows_do_both(n_rows, fraction):
    X = np.arange(float(n_rows))[:, None]
    problem = prepare_problem(X, X[:, 0], "regression", seed=0, validation_fraction=fraction).problem
    assert problem.validation is problem.train and len(problem.train) == n_rows
