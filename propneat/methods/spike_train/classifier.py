"""A classifier of rows: features become spike trains, which a recurrent spiking network learns to tell apart."""

from typing import Any, ClassVar

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from propneat.base.rng import make_rng
from propneat.methods.parameters import CheckedParameters, number, whole
from propneat.methods.spike_train.connectivity import random_connections
from propneat.methods.spike_train.encoding import regular_trains, with_bias
from propneat.methods.spike_train.network import Network, calibrate, make_layer, run_network
from propneat.methods.spike_train.neuron import Neuron
from propneat.methods.spike_train.rule import Rule
from propneat.methods.spike_train.training import Settings, Targets, Trainer, rule_learner, scores
from propneat.methods.tabular import read_rows, stratified_folds

__all__ = ["STRSBPClassifier"]

_LARGEST_RATE = 0.3
_THRESHOLD = 3.0
_RECURRENT_SCALE = 0.3
_MEAN_COUNT = 6.0
_LEAST_COMPENSATION = 0.1
_ROUND = 50
_PATIENCE = 10
_TAILS = (0.02, 0.98)
_SLOPES = np.geomspace(0.05, 1.5, 18)
_MOST_JUDGES = 1000
_N_FOLDS = 3
_CHUNK = 500


class STRSBPClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """A layer of recurrent spiking cells and a layer of output cells, one per class, trained by ST-RSBP.

    A feature, cut off at its 2nd and 98th percentile in the training rows and scaled to 0 to 1, drives two channels at even
    rates, x and 1 - x, up to 0.3 spikes a step; a further channel always has that rate. Weights are uniform, and scaled so
    that cells fire 6 times on average. The output of a row's class should fire half as often as it can, the others twice at
    most. The number of rounds of 50 batches, and the slope of the softmax that turns counts into probabilities, are those of
    the least cross entropy on rows left out in three folds; a network then learns all rows from the same start.
    Counts that are equal are ordered by the mean potential.

    `rule` is what gradients are made by, None for spike-train level backpropagation with all its terms and C at least 0.1.

    X holds standardised numbers. After `fit`: `classes_`, `n_features_in_`, `bounds_` (2, n_features), `n_rounds_`, `slope_`,
    `network_`, `n_parameters_`, and `depth_`, 2.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_cells": whole(1),
        "n_steps": whole(10),
        "density": number(0, 1, closed="both"),
        "max_rounds": whole(1),
        "batch_size": whole(1),
        "learning_rate": number(0),
        "rule": [Rule, None],
    }

    def __init__(
        self,
        n_cells: int = 64,
        n_steps: int = 60,
        density: float = 0.2,
        max_rounds: int = 40,
        batch_size: int = 16,
        learning_rate: float = 0.02,
        rule: Rule | None = None,
        random_state: Any = None,
    ) -> None:
        self.n_cells = n_cells
        self.n_steps = n_steps
        self.density = density
        self.max_rounds = max_rounds
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.rule = rule
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "STRSBPClassifier":
        """Learn from rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        targets = Targets(0.5 * Neuron().most_spikes(self.n_steps), 1.0, 1.0)
        settings = Settings(targets, self.learning_rate, self.batch_size)
        X, labels = read_rows(self, X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        # systems this small gain nothing from more threads, and results do not vary
        with threadpool_limits(1):
            self._choose(X, labels, settings, seed)
            self.bounds_ = _bounds(X)
            for network in self._rounds(X, labels, settings, seed, self.n_rounds_):
                self.network_ = network
        self.n_parameters_ = sum(layer.n_parameters for layer in self.network_.layers)
        self.depth_ = len(self.network_.layers)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=np.float64, reset=False)
        return softmax(self.slope_ * self._scores(self.network_, X, self.bounds_), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def _choose(self, X: np.ndarray, labels: np.ndarray, settings: Settings, seed: int) -> None:
        """Set the number of rounds and the slope to those of the least cross entropy on rows that are left out."""
        n_folds = min(_N_FOLDS, len(labels))
        folds = stratified_folds(labels, n_folds, make_rng("st-rsbp", seed, "folds"))
        judges = make_rng("st-rsbp", seed, "judges").permutation(len(labels))[:_MOST_JUDGES]
        learners = [folds != k for k in range(n_folds)]
        runs = [self._rounds(X[learn], labels[learn], settings, seed, self.max_rounds) for learn in learners]
        parts = [(np.sort(judges[folds[judges] == k]), _bounds(X[learn])) for k, learn in enumerate(learners)]
        least, best = np.inf, 0
        self.n_rounds_, self.slope_ = self.max_rounds, float(np.median(_SLOPES))
        for done, networks in enumerate(zip(*runs, strict=True), start=1):
            losses = sum(self._left_out(network, X, labels, *part) for network, part in zip(networks, parts, strict=True))
            if losses.min() < least:
                least, best = losses.min(), done
                self.n_rounds_, self.slope_ = done, float(_SLOPES[losses.argmin()])
            if done - best >= _PATIENCE:
                return

    def _left_out(
        self, network: Network, X: np.ndarray, labels: np.ndarray, judge: np.ndarray, bounds: np.ndarray
    ) -> np.ndarray:
        """Return the summed cross entropy of the rows `judge` for every slope."""
        found = self._scores(network, X[judge], bounds) if len(judge) else np.empty((0, len(self.classes_)))
        return -log_softmax(_SLOPES[:, None, None] * found, axis=2)[:, np.arange(len(judge)), labels[judge]].sum(axis=1)

    def _rounds(self, X: np.ndarray, labels: np.ndarray, settings: Settings, seed: int, n_rounds: int) -> Any:
        """Yield the network after every round of learning the rows; it is one object, which goes on learning."""
        rates = _rates(X, _bounds(X))
        rng = make_rng("st-rsbp", seed, "network")
        connected = random_connections(self.n_cells, self.density, rng)
        n_inputs, n_outputs = rates.shape[1], len(self.classes_)
        layers = (
            make_layer(n_inputs, self.n_cells, _THRESHOLD, rng, connected, _RECURRENT_SCALE),
            make_layer(self.n_cells, n_outputs, _THRESHOLD, rng),
        )
        typical = regular_trains(rates[rng.permutation(len(X))[:_ROUND]], self.n_steps)
        targets = settings.targets
        wanted = targets.low + (targets.high - targets.low) / n_outputs
        network = calibrate(layers, Neuron(), typical, (_MEAN_COUNT, wanted))
        trainer = Trainer(network, rule_learner(self.rule or Rule(least_compensation=_LEAST_COMPENSATION)), settings, len(X))
        n_met = _ROUND * min(self.batch_size, len(X))
        waiting = np.empty(0, np.int64)
        for _ in range(n_rounds):
            while len(waiting) < n_met:
                waiting = np.concatenate([waiting, rng.permutation(len(X))])
            trainer.meet(lambda rows: regular_trains(rates[rows], self.n_steps), labels, waiting[:n_met])
            trainer.end_epoch()
            waiting = waiting[n_met:]
            yield network

    def _scores(self, network: Network, X: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """Return counts of output cells, ties broken by potentials, (n_rows, n_classes)."""
        rates = _rates(X, bounds)
        parts = [
            scores(run_network(network, regular_trains(rates[first : first + _CHUNK], self.n_steps)))
            for first in range(0, len(X), _CHUNK)
        ]
        return np.concatenate(parts)


def _bounds(X: np.ndarray) -> np.ndarray:
    """Return what becomes 0 and 1 of every feature, (2, n_features); where both percentiles agree the extremes serve."""
    low, high = np.quantile(X, _TAILS, axis=0)
    is_flat = low == high
    return np.stack([np.where(is_flat, X.min(axis=0), low), np.where(is_flat, X.max(axis=0), high)])


def _rates(X: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return spikes per step of all channels, (n_rows, 2 n_features + 1); a feature that is constant is at a half."""
    width = bounds[1] - bounds[0]
    place = np.where(width > 0, (X - bounds[0]) / np.where(width > 0, width, 1), 0.5)
    place = np.clip(place, 0, 1)
    return with_bias(_LARGEST_RATE * np.concatenate([place, 1 - place], axis=1), _LARGEST_RATE)
