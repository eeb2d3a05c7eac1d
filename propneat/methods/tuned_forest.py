"""Random forests whose tree depth and smallest split are chosen by inner cross-validation."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.utils.validation import check_is_fitted

from propneat.methods.contract import Size
from propneat.methods.parameters import CheckedParameters, several, whole

__all__ = ["TunedForestClassifier", "TunedForestRegressor", "forest_size"]

Forest = RandomForestClassifier | RandomForestRegressor


class _TunedForest(CheckedParameters, BaseEstimator):
    """What the two forests share: parameters, search and size."""

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

    def _grow(self, X: np.ndarray, y: np.ndarray, kind: type, divide: type, most_folds: int, score: Any) -> None:
        """Choose the setting that scores best over the folds and grow a forest with it on all rows."""
        settings = [(depth, split) for depth in self.depths for split in self.min_splits]
        n_folds = min(self.n_folds, most_folds)
        self.best_ = settings[0]
        if n_folds >= 2 and len(settings) > 1:
            folds = list(divide(n_folds, shuffle=True, random_state=self.random_state).split(X, y))
            scores = []
            for setting in settings:
                grown = [
                    (self._forest(kind, setting, self.n_tuning_trees).fit(X[learn], y[learn]), judge) for learn, judge in folds
                ]
                scores.append(np.mean([score(forest, X[judge], y[judge]) for forest, judge in grown]))
            self.best_ = settings[int(np.argmax(scores))]
        self.forest_ = self._forest(kind, self.best_, self.n_trees).fit(X, y)
        self.n_features_in_ = X.shape[1]

    def _forest(self, kind: type, setting: tuple[int, int], n_trees: int) -> Forest:
        depth, split = setting
        return kind(n_trees, max_depth=depth, min_samples_split=split, random_state=self.random_state)

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the most probable label, or the number, of every row, (n_rows,)."""
        check_is_fitted(self)
        return self.forest_.predict(X)

    @property
    def n_parameters_(self) -> int:
        """Nodes of all trees."""
        return forest_size(self.forest_).n_parameters

    @property
    def depth_(self) -> int:
        """Levels of the deepest tree."""
        return forest_size(self.forest_).depth


class TunedForestClassifier(ClassifierMixin, _TunedForest):
    """A random forest whose tree depth and smallest split are chosen by inner cross-validation, as in the PropNEAT experiments.

    Their grid: depth 2, 5, 10, 15; smallest node to split 2, 5, 10, 15, 20; 10 to 1,000 trees; 5 folds; AUC. Departure: the
    number of trees is not searched, since more trees only lower the variance (Probst and Boulesteix 2018): settings are
    compared with `n_tuning_trees`, and the forest is grown with `n_trees`. Several classes are judged by the mean
    one-against-rest AUC. With fewer than 2 rows in some class there is nothing to divide, and the first setting is taken.

    After `fit`: `forest_`, `best_` (depth, smallest split), `classes_`, `n_features_in_`.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> "TunedForestClassifier":
        """Choose the setting on X, (n_rows, n_features), and y, (n_rows,), and grow the forest on all of them.

        Raises ConfigError for parameters that cannot be used.
        """
        self.check_parameters()
        X, y = np.asarray(X), np.asarray(y)
        rarest = int(np.unique(y, return_counts=True)[1].min())
        self._grow(X, y, RandomForestClassifier, StratifiedKFold, rarest, _mean_auc)
        self.classes_ = self.forest_.classes_
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes)."""
        check_is_fitted(self)
        return self.forest_.predict_proba(X)


class TunedForestRegressor(RegressorMixin, _TunedForest):
    """The same for numbers: settings are compared by R squared over inner folds, those of `TunedForestClassifier`.

    After `fit`: `forest_`, `best_` (depth, smallest split), `n_features_in_`.
    """

    def fit(self, X: np.ndarray, y: np.ndarray) -> "TunedForestRegressor":
        """Choose the setting on X, (n_rows, n_features), and y, (n_rows,), and grow the forest on all of them.

        Raises ConfigError for parameters that cannot be used.
        """
        self.check_parameters()
        X, y = np.asarray(X), np.asarray(y, np.float64)
        # R squared needs two rows to judge by
        self._grow(X, y, RandomForestRegressor, KFold, len(y) // 2, _r2)
        return self


def _mean_auc(forest: RandomForestClassifier, X: np.ndarray, y: np.ndarray) -> float:
    shares = forest.predict_proba(X)
    if len(forest.classes_) == 2:
        return roc_auc_score(y, shares[:, 1])
    return float(np.mean([roc_auc_score(y == label, shares[:, k]) for k, label in enumerate(forest.classes_)]))


def _r2(forest: RandomForestRegressor, X: np.ndarray, y: np.ndarray) -> float:
    return r2_score(y, forest.predict(X))


def forest_size(forest: Forest) -> Size:
    """Return the nodes of all trees of a fitted forest and the depth of the deepest."""
    return Size(
        sum(tree.tree_.node_count for tree in forest.estimators_), max(tree.tree_.max_depth for tree in forest.estimators_)
    )
