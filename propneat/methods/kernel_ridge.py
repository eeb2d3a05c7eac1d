"""Kernel ridge regression whose width and penalty are chosen by inner cross-validation."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.utils.validation import check_is_fitted

from propneat.base.rng import make_rng
from propneat.methods.contract import Method
from propneat.methods.parameters import CheckedParameters, number, several, whole
from propneat.methods.tabular import on_table, size_of_last

__all__ = ["KERNEL_RIDGE", "TunedKernelRidge"]


class TunedKernelRidge(CheckedParameters, RegressorMixin, BaseEstimator):
    """Ridge regression on Gaussian kernels around every row, of the width and penalty that do best over inner folds.

    `widths` are factors of the median heuristic, 1 / n_features, for rows of standardised columns; `penalties` are those of
    a target of unit variance. The search sees at most `n_tuning_rows` rows, the fit at most `n_rows`, drawn at random where
    there are more, since time grows with their third power and memory with their square.

    After `fit`: `kernel_`, the fitted KernelRidge; `best_`, its parameters; `n_parameters_`, one weight per row and its
    columns, which prediction needs; `n_features_in_`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "widths": several(number(0)),
        "penalties": several(number(0)),
        "n_folds": whole(2),
        "n_tuning_rows": whole(4),
        "n_rows": whole(4),
    }

    def __init__(
        self,
        widths: tuple[float, ...] = (0.01, 0.1, 0.3, 1.0, 3.0),
        penalties: tuple[float, ...] = (1e-4, 1e-2, 0.1, 1.0, 10.0),
        n_folds: int = 5,
        n_tuning_rows: int = 1000,
        n_rows: int = 10_000,
        random_state: int | None = None,
    ) -> None:
        self.widths = widths
        self.penalties = penalties
        self.n_folds = n_folds
        self.n_tuning_rows = n_tuning_rows
        self.n_rows = n_rows
        self.random_state = random_state

    def fit(self, X: np.ndarray, y: np.ndarray) -> "TunedKernelRidge":
        """Choose and fit on standardised X, (n_rows, n_features), and y, (n_rows,).

        Raises ConfigError for parameters that cannot be used.
        """
        self.check_parameters()
        X, y = np.asarray(X, np.float64), np.asarray(y, np.float64)
        self.center_, self.scale_ = float(y.mean()), float(y.std()) or 1.0
        order = make_rng("kernel ridge", str(self.random_state)).permutation(len(y))[: self.n_rows]
        kept, tuning, target = np.sort(order), np.sort(order[: self.n_tuning_rows]), (y - self.center_) / self.scale_
        grid = {"gamma": [width / max(1, X.shape[1]) for width in self.widths], "alpha": list(self.penalties)}
        model, n_folds = KernelRidge(kernel="rbf"), min(self.n_folds, len(tuning))
        if n_folds >= 2:
            folds = KFold(n_folds, shuffle=True, random_state=self.random_state)
            search = GridSearchCV(model, grid, scoring="neg_mean_squared_error", cv=folds, refit=False)
            self.best_ = search.fit(X[tuning], target[tuning]).best_params_
        else:
            self.best_ = {name: values[0] for name, values in grid.items()}
        self.kernel_ = model.set_params(**self.best_).fit(X[kept], target[kept])
        self.n_features_in_ = X.shape[1]
        self.n_parameters_, self.depth_ = self.kernel_.dual_coef_.size + self.kernel_.X_fit_.size, 2
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the number of every row, float64 (n_rows,)."""
        check_is_fitted(self)
        return self.kernel_.predict(np.asarray(X, np.float64)) * self.scale_ + self.center_


def _make(random_state: int | None = None, **options: Any) -> Any:
    return on_table(TunedKernelRidge(random_state=random_state, **options))


KERNEL_RIDGE = Method(
    "kernel-ridge",
    "ridge regression on Gaussian kernels, width and penalty by inner 5-fold cross-validation",
    None,
    "25 settings on at most 1,000 rows, then the cube of at most 10,000 rows",
    tasks=("regression",),
    make_regressor=_make,
    size=size_of_last,
    seconds=lambda n_rows, n_features, n_classes: 1.0 + 3.0 * min(n_rows / 1000, 1.0) ** 2 + 2e-11 * min(n_rows, 10_000) ** 3,
    quick={"widths": (0.1,), "penalties": (0.1,), "n_folds": 2},
)
"""Kernel ridge regression."""
