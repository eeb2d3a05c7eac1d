"""What two usual methods come to on the rows of a run: a linear model and gradient boosting, to judge its network by."""

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from propneat.data import TargetScale
from propneat.model.intervals import Answers
from propneat.run.data import RunData
from propneat.training import Samples, Sequences

__all__ = ["Baseline", "persistence", "train_baselines"]

_MOST_TREES_OF_CLASSES = 30
"""Boosting grows a tree for each class in each of 100 rounds; of more classes it takes longer than a run."""
_MOST_REPEATED = 1_000_000
_LAGS = 5
"""Of forecasts the baselines get the inputs of so many steps."""
_LEAST_SHARE = 0.51
_PENALTIES = tuple(np.logspace(-3, 3, 13).tolist())


@dataclass(frozen=True, eq=False)
class Baseline:
    """A method trained on the rows that the network learnt from, with its answers on those held out."""

    name: str
    size: str
    """In words, for it has no connections."""
    answers: Answers


def train_baselines(data: RunData, truth: np.ndarray, seed: int) -> list[Baseline]:
    """Train a linear model and gradient boosting on the rows to train on and to judge by together, and let them answer.

    Both get the inputs that the network gets, with the same row weights and, of a regression, the same scale of the target;
    of sequences the last, the mean and the spread of every input over the steps, and the number of steps; of forecasts the inputs
    of the last five steps. `truth` is that of the rows held out, as in `Answers`. Settings are scikit-learn's own: nobody has tuned them, as nobody tuned the network.
    """
    learnt = data.prepared.problem.all_rows()
    inputs, targets, weights = _spread_out(*_asked_at_once(learnt) if data.forecasts is None else _asked_at_steps(learnt))
    held_out = cast(np.ndarray, data.test_inputs())
    if data.forecasts is not None:
        asked = data.forecasts.at(_lagged(held_out))
    else:
        asked = held_out if data.test_rows is None else _over_steps(held_out, data.test_rows.lengths)
    codes = targets[:, 0] if data.task != "multiclass" else np.argmax(targets, axis=1)
    found = []
    for name, estimator, size in _estimators(data, seed):
        with warnings.catch_warnings():
            # a linear model that has not quite converged answers almost as well
            warnings.simplefilter("ignore")
            estimator.fit(inputs, codes, sample_weight=weights)
            values = _values(estimator, asked, data)
        found.append(Baseline(name, size(estimator), Answers(data.task, values, truth)))
    return found


def persistence(data: RunData, truth: np.ndarray) -> list[Baseline]:
    """Return the forecast that nothing changes, which learns nothing; no baseline where nothing is forecast.

    Of classes the one before has the share of steps that kept theirs in training, .51 at least, and the others share the rest.
    """
    if data.forecasts is None or data.current is None:
        return []
    if data.task == "regression":
        values = data.current
    else:
        n_classes, stays = len(data.prepared.classes or ()), max(_share_that_stays(data), _LEAST_SHARE)
        values = np.full((len(truth), n_classes), (1 - stays) / (n_classes - 1))
        values[np.arange(len(truth)), data.current.astype(np.int64)] = stays
    return [Baseline("persistence", "the value before", Answers(data.task, values, truth))]


def _share_that_stays(data: RunData) -> float:
    """Return in which share of steps to train on and to judge by a class follows itself, kept away from 1."""
    learnt = cast(Sequences, data.prepared.problem.all_rows())
    codes = learnt.targets[:, :, 0] > 0 if data.task == "binary" else np.argmax(learnt.targets, axis=2)
    within = np.arange(1, codes.shape[1]) < learnt.lengths[:, None]
    same = (codes[:, 1:] == codes[:, :-1])[within]
    return float((same.sum() + 1) / (len(same) + 2))


def _estimators(data: RunData, seed: int) -> Iterator[tuple[str, Any, Any]]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if data.task == "regression":
        yield "ridge regression", RidgeCV(alphas=_PENALTIES), _coefficients
        yield "gradient boosting", HistGradientBoostingRegressor(random_state=seed % 2**32), _leaves
        return
    yield "logistic regression", LogisticRegression(max_iter=500), _coefficients
    if len(data.prepared.classes or ()) <= _MOST_TREES_OF_CLASSES:
        yield "gradient boosting", HistGradientBoostingClassifier(random_state=seed % 2**32), _leaves


def _coefficients(estimator: Any) -> str:
    n = int(np.count_nonzero(estimator.coef_))
    return f"{n:,} coefficient" + ("" if n == 1 else "s")


def _leaves(estimator: Any) -> str:
    n = int(np.prod(np.shape(estimator._predictors))) if len(estimator._predictors) else 0
    return f"{n:,} tree" + ("" if n == 1 else "s")


def _values(estimator: Any, inputs: np.ndarray, data: RunData) -> np.ndarray:
    if data.task == "regression":
        found = estimator.predict(inputs)[:, None]
        outputs = found if data.forecasts is None else data.forecast_outputs(found)
        return cast(TargetScale, data.prepared.target_scale).invert(outputs[:, 0])
    values = np.zeros((len(inputs), len(data.prepared.classes or ())))
    values[:, estimator.classes_.astype(np.int64)] = estimator.predict_proba(inputs)
    return values


def _spread_out(
    inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Repeat rows of whole weights as often as they count: without weights boosting is many times as fast."""
    if not (weights == np.round(weights)).all() or weights.sum() > _MOST_REPEATED:
        return inputs, targets, weights
    times = weights.astype(np.int64)
    return np.repeat(inputs, times, axis=0), np.repeat(targets, times, axis=0), None


def _asked_at_once(learnt: Samples | Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, targets and weights of rows, or of sequences with one answer each."""
    if not isinstance(learnt, Sequences):
        return np.asarray(learnt.X, dtype=np.float64), learnt.targets, learnt.weights
    inputs = _over_steps(learnt.X, learnt.lengths)
    if not learnt.at_every_step:
        return inputs, learnt.targets, learnt.weights
    return inputs, learnt.targets[:, 0], learnt.weights * learnt.lengths / learnt.lengths.mean()


def _asked_at_steps(learnt: Samples | Sequences) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs, targets and weights of the steps of sequences that are forecast from."""
    steps = cast(Sequences, learnt)
    return _lagged(steps.X)[steps.judged_steps(np.arange(len(steps)))], *steps.judged()


def _lagged(steps: np.ndarray) -> np.ndarray:
    """Return at every step its inputs and those of the steps before, 0 before the first, (n_sequences, n_steps, n * n_inputs)."""
    parts = [np.pad(steps, ((0, 0), (lag, 0), (0, 0)))[:, : steps.shape[1]] for lag in range(_LAGS)]
    return np.concatenate(parts, axis=2)


def _over_steps(steps: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return last, mean and spread of every input over the steps, and their number, (n_sequences, 3 * n_inputs + 1)."""
    within = (np.arange(steps.shape[1]) < lengths[:, None])[..., None]
    n = lengths[:, None].astype(np.float64)
    mean = (steps * within).sum(axis=1) / n
    spread = np.sqrt((((steps - mean[:, None]) ** 2) * within).sum(axis=1) / n)
    return np.hstack([steps[np.arange(len(steps)), lengths - 1], mean, spread, n])
