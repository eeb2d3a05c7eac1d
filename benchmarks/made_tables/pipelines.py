"""What a careful person does with clean columns in scikit-learn: linear and boosted pipelines, the better by cross-validation."""

import warnings

import numpy as np
import pandas
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

__all__ = ["best_pipeline"]

_MOST_LEVELS = 50
"""Columns of more levels are encoded by the target."""


def best_pipeline(X: pandas.DataFrame, y: np.ndarray, task: str, seed: int) -> tuple[str, Pipeline]:
    """Return the name of the pipeline that does best in five-fold cross-validation of the training rows, fitted to all of them."""
    pipelines = _pipelines(X, task, seed, positive=bool((y > 0).all()))
    folds = (StratifiedKFold if task == "binary" else KFold)(5, shuffle=True, random_state=seed)
    scoring = "roc_auc" if task == "binary" else "r2"
    # scikit-learn 1.9 takes a generator of folds instead of TargetEncoder's random_state, which older ones do not know
    warnings.filterwarnings("ignore", "`TargetEncoder.shuffle`", FutureWarning)
    scores = {name: cross_val_score(pipeline, X, y, cv=folds, scoring=scoring).mean() for name, pipeline in pipelines.items()}
    best = max(scores, key=scores.__getitem__)
    return best, pipelines[best].fit(X, y)


def _pipelines(X: pandas.DataFrame, task: str, seed: int, *, positive: bool) -> dict[str, Pipeline]:
    numbers = [name for name in X if X[name].dtype.kind in "fi"]
    few = [name for name in X if name not in numbers and X[name].nunique() <= _MOST_LEVELS]
    many = [name for name in X if name not in numbers and name not in few]
    by_target = (TargetEncoder(target_type="binary" if task == "binary" else "continuous", random_state=seed), many)
    scaled = (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers)
    hot = (OneHotEncoder(handle_unknown="ignore", min_frequency=3), few)
    ordinal = (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan), few)
    is_level = [False] * len(numbers) + [True] * len(few) + [False] * len(many)
    linear = make_column_transformer(scaled, hot, (make_pipeline(by_target[0], StandardScaler()), many))
    boosted = make_column_transformer(("passthrough", numbers), ordinal, by_target)
    found = {}
    if task == "binary":
        for strength in (0.03, 0.3, 3.0):
            found[f"logistic C={strength:g}"] = make_pipeline(clone(linear), LogisticRegression(C=strength, max_iter=5000))
        boosting = HistGradientBoostingClassifier
    else:
        ridge = make_pipeline(clone(linear), RidgeCV(np.logspace(-2, 3, 11)))
        found["ridge"] = ridge
        if positive:
            found["ridge of logarithms"] = TransformedTargetRegressor(ridge, func=np.log, inverse_func=np.exp)
        boosting = HistGradientBoostingRegressor
    for rate, leaves, rounds in ((0.1, 31, 100), (0.05, 8, 300)):
        model = boosting(
            learning_rate=rate, max_leaf_nodes=leaves, max_iter=rounds, categorical_features=is_level, random_state=seed
        )
        found[f"boosting {leaves} leaves"] = make_pipeline(clone(boosted), model)
    return found
