"""A classifier of rows: one flow made of inverse convolutions gives each class its density, and Bayes' rule decides."""

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.inverse_flow.tabular_flow import OBJECTIVES, TabularFlow, TabularTraining, train_tabular
from propneat.methods.parameters import CheckedParameters, number, one_of, whole
from propneat.methods.tabular import read_rows, stratified_folds

__all__ = ["InverseFlowClassifier"]

_SLOPES = np.geomspace(0.05, 1.0, 10)
_MOST_JUDGED = 3000
_CHUNK = 4096


class InverseFlowClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """A flow p(x | class) of rows as images of one pixel row, features ordered so that correlated ones are neighbours.

    p(class | x) = softmax of slope log p(x | class) + log(share of the class in training); a slope of 1 is Bayes' rule, lower
    ones keep densities over many features from being more certain than they are right. `objective` is "generative" (likelihood
    alone), "hybrid" (cross entropy of Bayes' rule and a hundredth of the joint likelihood per feature), or None: whichever has
    less cross entropy on rows left out, over `n_folds` folds of the training rows, which also chooses the slope and
    the number of epochs; one flow then learns all rows. An epoch meets `epoch_rows` rows at most.

    Source: Nagar and Varma (2025) for the flow; the conditional form is this project's. Departures: noise of standard deviation
    `noise` is added to features in training, in the place of dequantising categories.

    X holds standardised numbers. After `fit`: `classes_`, `n_features_in_`, `order_`, places of features along the row,
    `log_prior_` (n_classes,), `objective_`, `n_epochs_`, `slope_`, `validation_loss_` in nats, `flow_`, in double precision,
    `n_parameters_`, and `depth_`: per step one inverse convolution and two maps.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_steps": whole(1),
        "width": whole(1),
        "n_taps": whole(1),
        "objective": [*one_of(OBJECTIVES), None],
        "max_epochs": whole(1),
        "patience": whole(1),
        "n_folds": whole(2),
        "epoch_rows": whole(1),
        "learning_rate": number(0),
        "batch_size": whole(1),
        "noise": number(0, closed="left"),
        "weight_decay": number(0, closed="left"),
    }

    def __init__(
        self,
        n_steps: int = 4,
        width: int = 32,
        n_taps: int = 3,
        objective: str | None = None,
        max_epochs: int = 60,
        patience: int = 10,
        n_folds: int = 3,
        epoch_rows: int = 1000,
        learning_rate: float = 5e-3,
        batch_size: int = 64,
        noise: float = 0.3,
        weight_decay: float = 1e-4,
        random_state: Any = None,
    ) -> None:
        self.n_steps = n_steps
        self.width = width
        self.n_taps = n_taps
        self.objective = objective
        self.max_epochs = max_epochs
        self.patience = patience
        self.n_folds = n_folds
        self.epoch_rows = epoch_rows
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.noise = noise
        self.weight_decay = weight_decay
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "InverseFlowClassifier":
        """Learn from rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        X, labels = read_rows(self, X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.order_ = _seriate(X)
        self.log_prior_ = np.log(np.bincount(labels) / len(labels))
        with threadpool_limits(1, "openmp"), torch.no_grad():
            training = self._choose(X, labels, self._trainings(), seed)
            flows = self._epochs(X, labels, training, seed)
            for _ in range(self.n_epochs_):
                flow = next(flows)
        self.flow_ = flow.double()
        self.objective_ = training.objective
        self.n_parameters_ = sum(part.numel() for part in flow.parameters())
        self.depth_ = 3 * self.n_steps
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`."""
        return softmax(self._joint(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        best = np.argmax(self._joint(X), axis=1)
        return self.classes_[best]

    def _joint(self, X: Any) -> np.ndarray:
        """Return slope log p(x | class) + log p(class), in nats by standardised features, float64 (n_rows, n_classes)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        with threadpool_limits(1, "openmp"), torch.no_grad():
            return self.slope_ * _log_probs(self.flow_, X[:, self.order_], torch.float64) + self.log_prior_

    def _trainings(self) -> list[TabularTraining]:
        """Return the trainings to choose from."""
        rest = self.learning_rate, self.batch_size, self.noise, self.weight_decay, self.epoch_rows
        objectives = OBJECTIVES if self.objective is None else (self.objective,)
        return [TabularTraining(objective, *rest) for objective in objectives]

    def _choose(self, X: np.ndarray, labels: np.ndarray, trainings: list[TabularTraining], seed: int) -> TabularTraining:
        """Return the training, and set epochs and slope, of the least cross entropy of rows left out."""
        self.validation_loss_, self.n_epochs_, self.slope_, chosen = np.inf, self.max_epochs, 1.0, trainings[-1]
        for training in trainings:
            losses: list[float] = []
            for left_out, wanted in self._left_out(X, labels, training, seed):
                joints = _SLOPES[:, None, None] * left_out + self.log_prior_
                by_slope = -log_softmax(joints, axis=2)[:, np.arange(len(wanted)), wanted].mean(axis=1)
                losses.append(float(by_slope.min()))
                if losses[-1] < self.validation_loss_:
                    self.validation_loss_, self.n_epochs_, chosen = losses[-1], len(losses), training
                    self.slope_ = float(_SLOPES[by_slope.argmin()])
                if len(losses) - 1 - int(np.argmin(losses)) >= self.patience or len(losses) >= self.max_epochs:
                    break
        return chosen

    def _left_out(
        self, X: np.ndarray, labels: np.ndarray, training: TabularTraining, seed: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield, after every epoch, log p(row | class), (n_judged, n_classes), and classes of rows their flow did not meet."""
        rng = make_rng("inverse-flow", seed, "folds")
        folds = stratified_folds(labels, self.n_folds, rng)
        parts = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
        epochs = [self._epochs(np.delete(X, rows, 0), np.delete(labels, rows), training, seed) for rows in parts]
        judged = [rng.permutation(rows)[: _MOST_JUDGED // self.n_folds] for rows in parts]
        wanted = labels[np.concatenate(judged)]
        while True:
            found = [
                _log_probs(next(flows), X[rows][:, self.order_], torch.float32)
                for rows, flows in zip(judged, epochs, strict=True)
            ]
            yield np.concatenate(found), wanted

    def _epochs(self, X: np.ndarray, labels: np.ndarray, training: TabularTraining, seed: int) -> Iterator[TabularFlow]:
        """Yield the flow after every epoch of learning the rows; it is one object, which goes on learning."""
        generator = torch.Generator().manual_seed(derive_seed("inverse-flow", seed, "flow") % 2**63)
        flow = TabularFlow(X.shape[1], len(self.classes_), self.n_steps, self.width, self.n_taps, generator)
        rows = torch.from_numpy(X[:, self.order_].astype(np.float32))
        log_prior = torch.from_numpy(self.log_prior_.astype(np.float32))
        codes = torch.from_numpy(labels)
        return train_tabular(flow, rows, codes, log_prior, training, generator)


def _log_probs(flow: TabularFlow, rows: np.ndarray, dtype: torch.dtype) -> np.ndarray:
    """Return log p(row | class), float64 (n_rows, n_classes)."""
    parts = torch.from_numpy(rows).to(dtype).split(max(1, _CHUNK // len(flow.mean)))
    return torch.cat([flow.log_probs(part) for part in parts]).double().numpy()


def _seriate(X: np.ndarray) -> np.ndarray:
    """Return an order of features, (n_features,), in which those of large absolute correlation are near each other."""
    n_features = X.shape[1]
    if n_features < 3:
        return np.arange(n_features)
    centred = X - X.mean(axis=0)
    lengths = np.sqrt((centred**2).sum(axis=0))
    # a feature that is constant correlates with none
    unit = centred / np.where(lengths > 0, lengths, 1)
    correlations = np.abs(unit.T @ unit)
    distances = np.clip(1 - correlations[np.triu_indices(n_features, 1)], 0, None)
    return leaves_list(linkage(distances, "average")).astype(np.int64)
