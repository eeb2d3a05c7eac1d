"""The scale of a regression target: what networks learn instead of it, and the way back."""

from dataclasses import dataclass, replace

import numpy as np

from propneat.data.bounds import find_bounds
from propneat.data.level_means import N_FOLDS, row_hashes
from propneat.data.weighted import check_weights, is_clearly_less, measure, tally, tally_clipped

__all__ = ["TargetScale"]

_REACH = 20.0
_LEAST_GAIN = 0.01
_RIDGE = 1.0


@dataclass(frozen=True)
class TargetScale:
    """The mean and spread of a regression target: networks learn (value - center) / scale.

    Answers are no less than `low` and no more than `high`, which are the range of training targets with a margin. With `log`
    center and scale are those of the natural logarithm of the target, and networks learn (log(value) - center) / scale.
    """

    center: float
    scale: float
    low: float | None = None
    high: float | None = None
    log: bool = False

    @classmethod
    def fit(cls, values: np.ndarray, weights: object = None) -> "TargetScale":
        """Measure training targets of shape (n_rows,) under row weights (n_rows,); the scale of a constant is 1.

        A few values that lie far outside the rest (see `find_bounds`) count as the nearest that do not.
        """
        values = np.asarray(values, dtype=np.float64)
        row_weights = check_weights(weights, len(values))
        distinct, totals = tally(values[row_weights > 0], row_weights[row_weights > 0])
        low, high = find_bounds(distinct, totals, _REACH)
        center, scale = measure(*tally_clipped(distinct, totals, low, high))
        return cls(center, scale, low, high)

    def may_be_logarithmic(self, values: np.ndarray) -> bool:
        """Say whether targets (n_rows,) have a logarithm to compare with: they are positive throughout."""
        return self.low is not None and len(values) > 0 and bool(values.min() > 0)

    def logarithmic(self, inputs: np.ndarray, values: np.ndarray, weights: np.ndarray) -> "TargetScale | None":
        """Return the scale of the logarithm where a linear model of that predicts the target better than one of the target.

        Both are ridge regressions from inputs (n_rows, n_inputs) to targets (n_rows,), each row predicted by what was
        learnt from other rows; better is a squared error of the target itself that is less by more than two standard errors of
        the difference and by .01 of the target's variance. A target that is not positive throughout has no logarithm.
        """
        if self.low is None or not self.may_be_logarithmic(values):
            return None
        low = max(self.low, float(values.min()) / 2)
        logs = np.log(np.clip(values, low, self.high))
        center, scale = measure(*tally(logs, weights))
        other = replace(self, center=center, scale=scale, low=low, log=True)
        folds = row_hashes([*inputs.T, values]) % np.uint64(N_FOLDS)
        errors, other_errors = (
            (scale.invert(_ridge_out_of_fold(inputs, scale.apply(values), weights, folds)) - values) ** 2
            for scale in (self, other)
        )
        least = _LEAST_GAIN * measure(*tally(values, weights))[1] ** 2
        return other if is_clearly_less(other_errors, errors, weights, least) else None

    def clip(self, values: np.ndarray) -> np.ndarray:
        """Return values brought within the bounds, same shape."""
        return values if self.low is None else np.clip(values, self.low, self.high)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return targets in the units a network learns, same shape as `values`."""
        values = self.clip(np.asarray(values, dtype=np.float64))
        return ((np.log(values) if self.log else values) - self.center) / self.scale

    def invert(self, values: np.ndarray) -> np.ndarray:
        """Return a network's answers in the units of the target, within the bounds, same shape as `values`."""
        values = np.asarray(values, dtype=np.float64) * self.scale + self.center
        if self.log:
            with np.errstate(over="ignore"):
                values = np.exp(values)
        return self.clip(values)


def _ridge_out_of_fold(inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Predict targets (n_rows,) of each fold by a ridge regression on the rows of the others."""
    answers = np.zeros(len(targets))
    for fold in np.unique(folds):
        own = folds == fold
        share = weights[~own] / max(weights[~own].sum(), 1e-300)
        means, center = share @ inputs[~own], share @ targets[~own]
        shifted = inputs[~own] - means
        squares = shifted.T @ (share[:, None] * shifted)
        ridge = _RIDGE / max(weights[~own].sum(), 1.0) * np.eye(len(squares))
        slopes = np.linalg.solve(squares + ridge, shifted.T @ (share * (targets[~own] - center)))
        answers[own] = (inputs[own] - means) @ slopes + center
    return answers
