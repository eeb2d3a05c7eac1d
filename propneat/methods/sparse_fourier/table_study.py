"""The classifier beside its control, principal components and logistic regression, with and without missing values."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.heartbeat import with_heartbeat
from propneat.methods.sparse_fourier.classifier import SparseFourierClassifier

__all__ = ["TablePlan", "table_study"]

_TABLES = {"breast cancer": load_breast_cancer, "digits": load_digits, "wine": load_wine}


@dataclass(frozen=True)
class TablePlan:
    """Which tables of scikit-learn, the shares of values taken away, folds, and settings of the classifier."""

    tables: tuple[str, ...] = tuple(_TABLES)
    missing: tuple[float, ...] = (0.0, 0.3)
    n_folds: int = 5
    settings: dict[str, Any] = field(default_factory=dict)


def table_study(plan: TablePlan, seed: int, progress: Callable[[str, int, int], None]) -> dict[str, dict[str, Any]]:
    """Return by table, share missing and method the balanced accuracies of all folds, the same for both methods.

    Both get as many dimensions: 8 latents and 8 principal components. Values are taken away at random from training and test
    rows; the control fills in means of the training rows, the classifier is told what is missing.
    """
    cases = [(table, share) for table in plan.tables for share in plan.missing]
    total, results = len(cases) * plan.n_folds, {}
    for place, (table, share) in enumerate(cases):
        X, y = _TABLES[table](return_X_y=True)
        X = np.where(make_rng("sparse-fourier", seed, table, "missing").random(X.shape) < share, np.nan, X)
        folds = StratifiedKFold(plan.n_folds, shuffle=True, random_state=derive_seed("sparse-fourier", seed, "folds") % 2**32)
        scores: dict[str, list[float]] = {"sparse-fourier": [], "PCA-8 + LR": []}
        for k, (learn, judge) in enumerate(folds.split(X, y)):
            tell = partial(progress, "tables", place * plan.n_folds + k, total)
            ours = make_pipeline(StandardScaler(), SparseFourierClassifier(random_state=seed + k, **plan.settings))
            components = PCA(min(8, X.shape[1]), svd_solver="full")
            control = make_pipeline(SimpleImputer(), StandardScaler(), components, LogisticRegression(max_iter=2000))
            for name, model in zip(scores, (ours, control), strict=True):
                predictions = with_heartbeat(tell, partial(_answers, model, X[learn], y[learn], X[judge]))
                scores[name].append(float(balanced_accuracy_score(y[judge], predictions)))
        results[f"{table}, {share:.0%} missing"] = scores
    progress("tables", total, total)
    return results


def _answers(model: Any, X: np.ndarray, y: np.ndarray, judged: np.ndarray) -> np.ndarray:
    """Fit a model and return the labels that it gives to other rows."""
    return model.fit(X, y).predict(judged)
