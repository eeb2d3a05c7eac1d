"""Training: what outputs should count, errors beyond a margin, and steps of Adam over shuffled batches."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError
from propneat.methods.spike_train.network import Activity, Layer, Network, run_network
from propneat.methods.spike_train.rule import Rule, network_gradients

__all__ = ["Gradients", "Learner", "Settings", "Targets", "Trainer", "lent_trains", "rule_learner", "scores"]

Gradients = list[tuple[np.ndarray, np.ndarray | None]]
Learner = Callable[[Network, np.ndarray, np.ndarray, "Targets"], tuple[np.ndarray, Callable[[np.ndarray], Gradients]]]
"""From a network, input trains, labels and targets: the output counts, and a function from errors to gradients summed over
rows, of which it is called at most once."""

_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8
_BOOST = 20.0
_WEIGHT_LIMIT = 8.0


@dataclass(frozen=True)
class Targets:
    """How often the output cell of a row's class should fire, how often the others, and what difference is forgiven.

    `margin` should not be less than `low`: else silent outputs are errors which no weight of theirs can correct, and which
    drive the layer below to silence.
    """

    high: float = 35.0
    low: float = 5.0
    margin: float = 5.0

    def errors(self, counts: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """Return the derivative by counts (n_rows, n_outputs) of half the squared differences; 0 within the margin."""
        wanted = np.full(counts.shape, self.low)
        wanted[np.arange(len(labels)), labels] = self.high
        differences = counts - wanted
        return np.where(np.abs(differences) > self.margin, differences, 0.0)


@dataclass(frozen=True)
class Settings:
    """How weights follow gradients: Adam (betas 0.9 and 0.999), with rate `learning_rate` / sqrt(epoch + 1).

    `boosts` multiplies the weight of every row that is misclassified in an epoch by exp(error of its class / 20).
    `regulariser` (lambda) and `regulariser_slope` (beta) add lambda beta (w / 8) exp(beta (S - 1)) to the gradient of a
    weight, S being the mean of (w / 8)^2 over the weights into its cell.
    """

    targets: Targets = Targets()
    learning_rate: float = 0.02
    batch_size: int = 16
    boosts: bool = False
    regulariser: float = 0.0
    regulariser_slope: float = 0.04

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if not 0 < self.learning_rate < float("inf"):
            raise ConfigError(f"learning_rate must be positive, not {self.learning_rate}")
        if self.batch_size < 1:
            raise ConfigError(f"batch_size must be 1 or more, not {self.batch_size}")


def rule_learner(rule: Rule) -> Learner:
    """Return what the trainer needs to learn by spike-train level backpropagation."""

    def learn(
        network: Network, inputs: np.ndarray, labels: np.ndarray, targets: Targets
    ) -> tuple[np.ndarray, Callable[[np.ndarray], Gradients]]:
        activity = run_network(network, inputs)
        lent = lent_trains(activity.trains[-1], labels, targets.high)
        return activity.counts, lambda errors: network_gradients(network, activity, errors, rule, lent)

    return learn


def lent_trains(trains: np.ndarray, labels: np.ndarray, high: float) -> np.ndarray | None:
    """Return output trains with evenly spaced spikes, about `high` of them, where the cell of a row's class was silent.

    Gradients are made from them, for a train without spikes has no effects that could be credited. None if none was silent.
    """
    silent = np.flatnonzero(trains[np.arange(len(labels)), :, labels].sum(axis=1) == 0)
    if not len(silent):
        return None
    trains = trains.copy()
    spacing = max(1, int(trains.shape[1] / high))
    trains[silent, spacing::spacing, labels[silent]] = 1
    return trains


def scores(activity: Activity) -> np.ndarray:
    """Return output counts, ties broken by mean potentials: float64 (n_rows, n_outputs)."""
    return activity.counts + 0.5 * np.tanh(activity.potentials.astype(np.float64))


class Trainer:
    """Trains a network in place, on `n_rows` rows that are named by their numbers."""

    def __init__(self, network: Network, learner: Learner, settings: Settings, n_rows: int) -> None:
        self.network, self.learner, self.settings = network, learner, settings
        self.row_weights = np.ones(n_rows)
        self._parameters = [array for layer in network.layers for array in _trained(layer)]
        self._moments = [(np.zeros_like(array), np.zeros_like(array)) for array in self._parameters]
        self._was_right, self._labels = np.ones(n_rows, bool), np.zeros(n_rows, np.int64)
        self._n_steps = 0
        self._epoch = 0

    def meet(self, encode: Callable[[np.ndarray], np.ndarray], labels: np.ndarray, order: np.ndarray) -> float:
        """Learn the rows `order` in batches; return the share that was right when it was met.

        `encode` turns row numbers into trains, uint8 (n_chosen, n_steps, n_inputs); `labels` (n_rows,) are whole numbers.
        """
        for first in range(0, len(order), self.settings.batch_size):
            rows = order[first : first + self.settings.batch_size]
            self._was_right[rows] = self.step(encode(rows), labels[rows], self.row_weights[rows])
            self._labels[rows] = labels[rows]
        return float(self._was_right[order].mean())

    def end_epoch(self) -> None:
        """Lower the learning rate and, if asked for, raise the weights of rows that were wrong when they were last met."""
        if self.settings.boosts:
            for label in np.unique(self._labels):
                of_class = self._labels == label
                wrong = of_class & ~self._was_right
                self.row_weights[wrong] *= np.exp(wrong.sum() / of_class.sum() / _BOOST)
        self._epoch += 1

    def step(self, inputs: np.ndarray, labels: np.ndarray, row_weights: np.ndarray) -> np.ndarray:
        """Learn one batch; return for every row whether the class was right before, bool (n_rows,)."""
        counts, gradients_of = self.learner(self.network, inputs, labels, self.settings.targets)
        errors = self.settings.targets.errors(counts, labels) * row_weights[:, None] / len(labels)
        if errors.any():
            self._descend(gradients_of(errors))
        best = counts.max(axis=1)
        is_alone = (counts == best[:, None]).sum(axis=1) == 1
        return (counts[np.arange(len(labels)), labels] == best) & is_alone

    def _descend(self, gradients: Gradients) -> None:
        pairs = zip(self.network.layers, gradients, strict=True)
        wanted = [gradient for layer, pair in pairs for gradient in _trained_of(layer, *pair)]
        self._n_steps += 1
        rate = self.settings.learning_rate / np.sqrt(self._epoch + 1)
        rate *= np.sqrt(1 - _BETA2**self._n_steps) / (1 - _BETA1**self._n_steps)
        for parameter, gradient, (first, second) in zip(self._parameters, wanted, self._moments, strict=True):
            if self.settings.regulariser:
                gradient = gradient + self._regulariser_gradient(parameter)
            first += (1 - _BETA1) * (gradient - first)
            second += (1 - _BETA2) * (gradient**2 - second)
            parameter -= (rate * first / (np.sqrt(second) + _EPSILON)).astype(parameter.dtype)

    def _regulariser_gradient(self, weights: np.ndarray) -> np.ndarray:
        """Return the regulariser's gradient by weights (n_inputs, n_cells)."""
        scaled, slope = weights / _WEIGHT_LIMIT, self.settings.regulariser_slope
        growth = np.exp(slope * ((scaled**2).mean(axis=0) - 1))
        return (self.settings.regulariser * slope * scaled * growth).astype(weights.dtype)


def _trained(layer: Layer) -> list[np.ndarray]:
    return _trained_of(layer, layer.weights, layer.recurrent)


def _trained_of(layer: Layer, of_weights: np.ndarray, of_recurrent: np.ndarray | None) -> list[np.ndarray]:
    found = [of_weights] if layer.trains_weights else []
    return found + ([of_recurrent] if layer.trains_recurrent and of_recurrent is not None else [])
