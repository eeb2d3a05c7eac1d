"""What a user would try first: logistic regression, forests and boosting from scikit-learn."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from propneat.methods.contract import Method, Size
from propneat.methods.parameters import CheckedParameters, several, whole
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["BASELINES", "TunedForestClassifier"]


class TunedForestClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """A random forest whose tree depth and smallest split are chosen by inner cross-validation, as in the PropNEAT experiments.

    Their grid: depth 2, 5, 10, 15; smallest node to split 2, 5, 10, 15, 20; 10 to 1,000 trees; 5 folds; AUC. Departure: the
    number of trees is not searched, since more trees only lower the variance (Probst and Boulesteix 2018): settings are
    compared with `n_tuning_trees`, and the forest is grown with `n_trees`. Several classes are judged by the mean
    one-against-rest AUC. With fewer than 2 rows in some class there is nothing to divide, and the first setting is taken.

    After `fit`: `forest_`, `best_` (depth, smallest split), `classes_`, `n_features_in_`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "depths": several(whole(1)),
        "min_splits": several(whole(2)),
        "n_trees": whole(1),
        "n_tuning_trees": whole(1),
        "n_folds": whole(2),
    }

    def __init__(
        self,
        depths: tuple[int, ...] = (2, 5, 10, 15),
        min_splits: tuple[int, ...] = (2, 5, 10, 15, 20),
        n_trees: int = 500,
        n_tuning_trees: int = 100,
        n_folds: int = 5,
        random_state: int | None = None,
    ) -> None:
        self.depths = depths
        self.min_splits = min_splits
        self.n_trees = n_trees
        self.n_tuning_trees = n_tuning_trees
        self.n_folds = n_folds
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> "TunedForestClassifier":
        """Choose the setting on X, (n_rows, n_features), and y, (n_rows,), and grow the forest on all of them.

        Raises ConfigError for parameters that cannot be used.
        """
        self.check_parameters()
        X, y = np.asarray(X), np.asarray(y)
        settings = [(depth, split) for depth in self.depths for split in self.min_splits]
        n_folds = min(self.n_folds, int(np.unique(y, return_counts=True)[1].min()))
        self.best_ = settings[0]
        if n_folds >= 2 and len(settings) > 1:
            folds = list(StratifiedKFold(n_folds, shuffle=True, random_state=self.random_state).split(X, y))
            scores = [np.mean([self._score(setting, X, y, *fold) for fold in folds]) for setting in settings]
            self.best_ = settings[int(np.argmax(scores))]
        self.forest_ = self._forest(self.best_, self.n_trees).fit(X, y)
        self.classes_, self.n_features_in_ = self.forest_.classes_, X.shape[1]
        return self

    def _forest(self, setting: tuple[int, int], n_trees: int) -> RandomForestClassifier:
        depth, split = setting
        return RandomForestClassifier(n_trees, max_depth=depth, min_samples_split=split, random_state=self.random_state)

    def _score(self, setting: tuple[int, int], X: np.ndarray, y: np.ndarray, train: np.ndarray, judge: np.ndarray) -> float:
        forest = self._forest(setting, self.n_tuning_trees).fit(X[train], y[train])
        shares = forest.predict_proba(X[judge])
        if len(forest.classes_) == 2:
            return roc_auc_score(y[judge], shares[:, 1])
        return float(np.mean([roc_auc_score(y[judge] == label, shares[:, k]) for k, label in enumerate(forest.classes_)]))

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes)."""
        check_is_fitted(self)
        return self.forest_.predict_proba(X)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable label of every row, (n_rows,)."""
        check_is_fitted(self)
        return self.forest_.predict(X)

    @property
    def n_parameters_(self) -> int:
        """Nodes of all trees."""
        return _forest_size(self.forest_).n_parameters

    @property
    def depth_(self) -> int:
        """Levels of the deepest tree."""
        return _forest_size(self.forest_).depth


def _forest_size(forest: RandomForestClassifier) -> Size:
    return Size(
        sum(tree.tree_.node_count for tree in forest.estimators_), max(tree.tree_.max_depth for tree in forest.estimators_)
    )


def _boosting_size(pipeline: Pipeline) -> Size:
    """Nodes of all trees and the deepest; the trees of scikit-learn's boosting are reached through a private list."""
    nodes = [tree.nodes for stage in pipeline[-1]._predictors for tree in stage]
    return Size(sum(map(len, nodes)), max((int(tree["depth"].max()) for tree in nodes), default=0))


def _linear_size(pipeline: Pipeline) -> Size:
    return Size(pipeline[-1].coef_.size + pipeline[-1].intercept_.size, 1)


def _make_linear(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(LogisticRegression(random_state=random_state, **{"max_iter": 5000, **options}))


def _make_forest(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(RandomForestClassifier(random_state=random_state, **options))


def _make_tuned_forest(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(TunedForestClassifier(random_state=random_state, **options))


def _make_boosting(random_state: int | None = None, **options: Any) -> Pipeline:
    return on_table(HistGradientBoostingClassifier(random_state=random_state, **options))


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
        "random-forest",
        "forest of 500 trees, depth and smallest split by inner 5-fold cross-validation",
        _make_tuned_forest,
        "100 forests of 100 trees, then one of 500",
        size=size_of_last,
        seconds=lambda n_rows, n_features, n_classes: 20 * _forest_seconds(n_rows, n_features, n_classes),
        quick={"depths": (2, 5), "min_splits": (2,), "n_trees": 2, "n_tuning_trees": 2, "n_folds": 2},
    ),
    Method(
        "random-forest-default",
        "forest of 500 fully grown trees",
        _make_forest,
        "one forest of 500 trees",
        options={"n_estimators": 500},
        size=lambda pipeline: _forest_size(pipeline[-1]),
        seconds=_forest_seconds,
        quick={"n_estimators": 2},
        is_core=True,
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
    ),
)
"""Every baseline of scikit-learn."""
