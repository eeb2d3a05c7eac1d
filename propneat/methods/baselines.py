"""What a user would try first: linear models, forests and boosting from scikit-learn."""

from typing import Any

import numpy as np
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline

from propneat.methods.contract import ANY_TASK, Method, Size
from propneat.methods.tabular import on_table, size_of_last
from propneat.methods.tuned_forest import TunedForestClassifier, TunedForestRegressor, forest_size

__all__ = ["BASELINES"]

_PENALTIES = tuple(np.logspace(-3, 3, 13).tolist())


def _boosting_size(pipeline: Pipeline) -> Size:
    """Nodes of all trees and the deepest; the trees of scikit-learn's boosting are reached through a private list."""
    nodes = [tree.nodes for stage in pipeline[-1]._predictors for tree in stage]
    return Size(sum(map(len, nodes)), max((int(tree["depth"].max()) for tree in nodes), default=0))


def _linear_size(pipeline: Pipeline) -> Size:
    return Size(pipeline[-1].coef_.size + np.size(pipeline[-1].intercept_), 1)


def _make_linear(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(LogisticRegression(random_state=random_state, **{"max_iter": 5000, **options}))


def _make_ridge(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(RidgeCV(**{"alphas": _PENALTIES, **options}))


def _make_forest(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(RandomForestClassifier(random_state=random_state, **options))


def _make_forest_regressor(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(RandomForestRegressor(random_state=random_state, **options))


def _make_tuned_forest(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(TunedForestClassifier(random_state=random_state, **options))


def _make_tuned_forest_regressor(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(TunedForestRegressor(random_state=random_state, **options))


def _make_boosting(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(HistGradientBoostingClassifier(random_state=random_state, **options))


def _make_boosting_regressor(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(HistGradientBoostingRegressor(random_state=random_state, **options))


def _forest_seconds(n_rows: int, n_features: int, n_classes: int) -> float:
    return 0.6 + 6e-5 * n_rows * n_features**0.5


BASELINES = (
    Method(
        "logistic-regression",
        "L2-regularised linear model, C = 1",
        _make_linear,
        "milliseconds",
        size=_linear_size,
        seconds=lambda n_rows, n_features, n_classes: 0.05 + 1e-6 * n_rows * n_features * n_classes,
        is_core=True,
    ),
    Method(
        "ridge",
        "linear model of a number, penalty of squares by leave-one-out error",
        None,
        "milliseconds",
        tasks=("regression",),
        make_regressor=_make_ridge,
        size=_linear_size,
        seconds=lambda n_rows, n_features, n_classes: 0.05 + 1e-6 * n_rows * n_features,
        is_core=True,
    ),
    Method(
        "random-forest",
        "forest of 500 trees, depth and smallest split by inner 5-fold cross-validation",
        _make_tuned_forest,
        "100 forests of 100 trees, then one of 500",
        size=size_of_last,
        seconds=lambda n_rows, n_features, n_classes: 20 * _forest_seconds(n_rows, n_features, n_classes),
        quick={"depths": (2, 5), "min_splits": (2,), "n_trees": 2, "n_tuning_trees": 2, "n_folds": 2},
        tasks=ANY_TASK,
        make_regressor=_make_tuned_forest_regressor,
    ),
    Method(
        "random-forest-default",
        "forest of 500 fully grown trees",
        _make_forest,
        "one forest of 500 trees",
        options={"n_estimators": 500},
        size=lambda pipeline: forest_size(pipeline[-1]),
        seconds=_forest_seconds,
        quick={"n_estimators": 2},
        is_core=True,
        tasks=ANY_TASK,
        make_regressor=_make_forest_regressor,
    ),
    Method(
        "gradient-boosting",
        "scikit-learn's histogram gradient boosting, default settings",
        _make_boosting,
        "up to 100 rounds of trees of 31 leaves",
        size=_boosting_size,
        seconds=lambda n_rows, n_features, n_classes: 0.3 + 2e-6 * n_rows * n_features * n_classes,
        quick={"max_iter": 2, "min_samples_leaf": 2},
        is_core=True,
        tasks=ANY_TASK,
        make_regressor=_make_boosting_regressor,
    ),
)
"""Every baseline of scikit-learn."""
