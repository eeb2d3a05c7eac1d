"""A dense network for rows of numbers, trained by forward gradients: its loss is never differentiated backwards."""

from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from propneat.base.rng import make_rng
from propneat.methods.forward_gradients.aggregators import AGGREGATORS, ForwardGradient
from propneat.methods.forward_gradients.perceptron import Perceptron
from propneat.methods.forward_gradients.perceptron_training import GRADIENTS, Rows, Schedule, train
from propneat.methods.forward_gradients.tangents import SAMPLERS, TangentSampler
from propneat.methods.parameters import CheckedParameters, number, one_of, several, whole
from propneat.methods.tabular import read_rows, stratified_folds

__all__ = ["ForwardGradientClassifier"]

_N_FOLDS = 3


class ForwardGradientClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """A dense ReLU network trained by plain minibatch gradient descent on forward gradients of the cross entropy.

    `gradient` is "node" (node perturbation, the paper's default), "weight" (weight perturbation) or "backprop" (the true
    gradient, to compare with). `aggregator`, `k`, `sampler`, `angle` and `length_correction` are those of ForwardGradient and
    TangentSampler. One network per learning rate and fold of three, all from the same start, learns the rows but for the
    fold's; the rate and the number of epochs that give the least loss on rows left out then train the start anew on all
    rows; should that end worse on them, the chosen network of the first fold stays.
    `learning_rates` None tries four that suit the estimator. Training ends after `patience` rounds (of at least 25
    steps) without a better loss, or after `max_steps` steps. Weight perturbation takes about eight times as long as node
    perturbation, and learns more slowly.

    Source: Flügel et al. (2024), fully connected networks. Departures: the learning rate is chosen from a few instead of
    by an evolutionary search, and the network is trained on all rows once that is done.

    X holds standardised numbers. After `fit`: `classes_`, `n_features_in_`, `learning_rate_`, `n_epochs_`,
    `validation_loss_` in nats, `weights_`, a list of (weights (n_out, n_in), biases (n_out,)) float32 per layer,
    `n_parameters_`, and `depth_` in layers.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "layers": several(whole(1), least=0),
        "gradient": one_of(GRADIENTS),
        "aggregator": one_of(AGGREGATORS),
        "k": whole(1),
        "sampler": one_of(SAMPLERS),
        "angle": number(0, 90, closed="right"),
        "length_correction": ["boolean"],
        "learning_rates": [*several(number(0)), None],
        "batch_size": whole(1),
        "max_steps": whole(1),
        "patience": whole(1),
    }

    def __init__(
        self,
        layers: tuple[int, ...] = (64, 64),
        gradient: str = "node",
        aggregator: str = "projection",
        k: int = 16,
        sampler: str = "gaussian",
        angle: float = 90.0,
        length_correction: bool = False,
        learning_rates: tuple[float, ...] | None = None,
        batch_size: int = 32,
        max_steps: int = 4000,
        patience: int = 10,
        random_state: Any = None,
    ) -> None:
        self.layers = layers
        self.gradient = gradient
        self.aggregator = aggregator
        self.k = k
        self.sampler = sampler
        self.angle = angle
        self.length_correction = length_correction
        self.learning_rates = learning_rates
        self.batch_size = batch_size
        self.max_steps = max_steps
        self.patience = patience
        self.random_state = random_state

    def check_parameters(self) -> None:
        """Raise ConfigError for a parameter that cannot be used, as `fit` does before it looks at data."""
        super().check_parameters()
        self._estimator()

    def fit(self, X: Any, y: Any) -> "ForwardGradientClassifier":
        """Learn from rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        X, labels = read_rows(self, X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        network = Perceptron((X.shape[1], *self.layers, len(self.classes_)))
        schedule = Schedule(self.batch_size, self.max_steps, self.patience)
        splits = _splits(labels, seed)
        found = train(network, _rows(X, labels), splits, self.gradient, self._estimator(), self.learning_rates, schedule, seed)
        self.learning_rate_, self.n_epochs_, self.validation_loss_ = found.rate, found.n_epochs, found.loss
        layers = network.layers(found.numbers)
        self.weights_ = [(weights[0].numpy().copy(), biases[0].numpy().copy()) for weights, biases in layers]
        self.n_parameters_, self.depth_ = network.n_parameters, len(self.weights_)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`."""
        return softmax(self._logits(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        best = np.argmax(self._logits(X), axis=1)
        return self.classes_[best]

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        values = validate_data(self, X, reset=False, dtype=np.float64)
        for position, (weights, biases) in enumerate(self.weights_):
            values = values @ weights.T.astype(np.float64) + biases
            if position + 1 < len(self.weights_):
                values = np.maximum(values, 0.0)
        return values

    def _estimator(self) -> ForwardGradient:
        """Return the estimator of gradients that the parameters describe; raises ConfigError."""
        return ForwardGradient(self.aggregator, self.k, TangentSampler(self.sampler, self.angle), self.length_correction)


def _splits(labels: np.ndarray, seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return rows to learn from and rows to judge by for every fold, the rows of each class spread evenly."""
    n_folds = min(_N_FOLDS, len(labels))
    folds = torch.from_numpy(stratified_folds(labels, n_folds, make_rng("forward-gradients", seed, "folds")))
    return [(torch.nonzero(folds != k).flatten(), torch.nonzero(folds == k).flatten()) for k in range(n_folds)]


def _rows(X: np.ndarray, labels: np.ndarray) -> Rows:
    targets = np.eye(int(labels.max()) + 1, dtype=np.float32)[labels]
    return Rows(torch.from_numpy(X.astype(np.float32)), torch.from_numpy(targets))
