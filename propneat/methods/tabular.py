"""What methods that want standardised numbers share: the encoding of a table as the first step of their estimator."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, is_regressor
from sklearn.pipeline import Pipeline
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from propneat.base.errors import DataError
from propneat.data import EncodingOptions, Preprocessor
from propneat.methods.contract import Size, own_size

__all__ = ["TableEncoder", "on_table", "read_rows", "size_of_last", "stratified_folds"]


class TableEncoder(TransformerMixin, BaseEstimator):
    """Turns a table into the inputs a propneat network would get: standardised numbers, indicators of levels and gaps.

    With `keeps_gaps` the inputs of a missing value are NaN instead of what stands for the mean, for classifiers that know what
    to do with gaps; the indicator of a gap is a number either way. With `is_regression` targets are numbers instead of
    labels. After `fit`: `preprocessor_`, learnt from the rows given.
    """

    def __init__(self, one_hot_integers: int = 0, keeps_gaps: bool = False, is_regression: bool = False) -> None:
        self.one_hot_integers = one_hot_integers
        self.keeps_gaps = keeps_gaps
        self.is_regression = is_regression

    def fit(self, X: Any, y: Any = None) -> "TableEncoder":
        """Learn the rules from X, a DataFrame or an array (n_rows, n_features), and targets y (n_rows,) or None.

        Raises DataError for unusable tables.
        """
        self._fit(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Learn as `fit` and return the inputs of these rows, where means of levels are learnt from other rows than their own."""
        return self._with_gaps(X, self._fit(X, y))

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the inputs, an object array (n_inputs,)."""
        return np.array([rule.name for rule in self.preprocessor_.rules], dtype=object)

    def transform(self, X: Any) -> np.ndarray:
        """Return float64 (n_rows, n_inputs). Raises DataError for a table that lacks columns or holds other kinds of values."""
        return self._with_gaps(X, self.preprocessor_.transform(X))

    def _fit(self, X: Any, y: Any) -> np.ndarray:
        targets, names = None, ("target",)
        if y is not None and self.is_regression:
            targets = np.asarray(y, np.float64)[:, None]
        elif y is not None:
            classes, codes = np.unique(np.asarray(y), return_inverse=True)
            targets = np.eye(len(classes))[codes] if len(classes) > 2 else codes.astype(np.float64)[:, None]
            names = tuple(map(str, classes if len(classes) > 2 else classes[-1:]))
        options = EncodingOptions(one_hot_integers=self.one_hot_integers, target_names=names)
        self.preprocessor_, inputs = Preprocessor.fit_transform(X, targets=targets, options=options)
        return inputs

    def _with_gaps(self, X: Any, inputs: np.ndarray) -> np.ndarray:
        return np.where(self.preprocessor_.gaps(X), np.nan, inputs) if self.keeps_gaps else inputs


def on_table(estimator: Any, one_hot_integers: int = 0, keeps_gaps: bool = False) -> Pipeline:
    """Return a classifier or regressor of standardised numbers, or with `keeps_gaps` of such and NaN, as one of raw tables."""
    is_regression = is_regressor(estimator)
    encoder = TableEncoder(one_hot_integers, keeps_gaps, is_regression)
    return Pipeline([("encode", encoder), ("regress" if is_regression else "classify", estimator)])


def read_rows(classifier: Any, X: Any, y: Any, allow_nan: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Check rows to learn from; sets the classifier's `classes_` and `n_features_in_`.

    Returns X, float64 (n_rows, n_features), and for each row the position of its label in `classes_`, int64 (n_rows,).
    Raises ValueError for values that are not finite numbers (or, with `allow_nan`, NaN) or labels of no classification, and its
    sub-class DataError for fewer than 2 classes.
    """
    X, y = validate_data(classifier, X, y, dtype=np.float64, ensure_all_finite="allow-nan" if allow_nan else True)
    check_classification_targets(y)
    classifier.classes_, codes = np.unique(y, return_inverse=True)
    if len(classifier.classes_) < 2:
        raise DataError(f"at least 2 classes are needed to learn from, got {len(classifier.classes_)} class")
    return X, codes


def size_of_last(pipeline: Pipeline) -> Size:
    """Return the size that the estimator of a fitted `on_table` pipeline states by itself."""
    return own_size(pipeline[-1])


def stratified_folds(labels: np.ndarray, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return the number of the fold that leaves out each row, int64 (n_rows,), the rows of each class spread evenly.

    Fewer rows than `n_folds` make as many folds as there are rows.
    """
    shuffled = rng.permutation(len(labels))
    folds = np.empty(len(labels), np.int64)
    folds[shuffled[np.argsort(labels[shuffled], kind="stable")]] = np.arange(len(labels)) % n_folds
    return folds
