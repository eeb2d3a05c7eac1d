"""A spiking network for rows of numbers: the row is shown at every step, and the mean of the readout over time decides."""

from typing import Any, ClassVar

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from propneat.base.rng import derive_seed, make_rng
from propneat.methods.parameters import CheckedParameters, number, one_of, several, whole
from propneat.methods.rate_backprop.network import RULES, LayerPlan, SpikingNetwork, make_network
from propneat.methods.rate_backprop.neuron import Lif
from propneat.methods.rate_backprop.training import TrainingPlan, answer, train
from propneat.methods.tabular import read_rows, stratified_folds

__all__ = ["RateBackpropClassifier"]


class RateBackpropClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """A dense spiking network with batch norm, trained by rate-based backpropagation.

    Features are the constant currents of the input at every step (direct coding); the first layer turns them into spikes.
    `rule` is "rate-multi" (all steps of a layer at once), "rate-single" (one step at a time, memory flat in the number of
    steps) or "bptt", the reference. The number of steps in time among `steps` and the number of updates among `updates` are
    those of the least cross entropy on rows left out, over `n_folds` folds of the training rows, stratified by class; one
    network then learns all rows. `decay` is that of the membranes. Whatever the rule, prediction is by spikes.

    Source: Yu et al. (2024). Departures: dense layers for tables, and the gradient is not divided by the number of steps.

    X holds standardised numbers. After `fit`: `classes_`, `n_features_in_`, `n_steps_`, `n_updates_`, `validation_loss_` in
    nats (None where there was nothing to choose), `layers_`, a list of (weights (n_out, n_in), biases (n_out,)) float64 per
    layer, norms folded into them, the last being the readout, `n_parameters_`, the numbers in it, and `depth_` in layers.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": several(whole(1)),
        "rule": one_of(RULES),
        "steps": several(whole(1)),
        "updates": several(whole(1)),
        "batch_size": whole(2),
        "learning_rate": number(0),
        "weight_decay": number(0, closed="left"),
        "n_folds": whole(2),
        "decay": number(0, 1, closed="both"),
    }

    def __init__(
        self,
        hidden: tuple[int, ...] = (128, 128),
        rule: str = "rate-multi",
        steps: tuple[int, ...] = (2, 4, 8),
        updates: tuple[int, ...] = (50, 150, 400),
        batch_size: int = 64,
        learning_rate: float = 0.1,
        weight_decay: float = 5e-4,
        n_folds: int = 3,
        decay: float = 0.2,
        random_state: Any = None,
    ) -> None:
        self.hidden = hidden
        self.rule = rule
        self.steps = steps
        self.updates = updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_folds = n_folds
        self.decay = decay
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "RateBackpropClassifier":
        """Learn from rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        lif, plans = Lif(self.decay), self._plans()
        X, labels = read_rows(self, X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        rows = torch.from_numpy(X.astype(np.float32))[None], torch.from_numpy(labels)
        with threadpool_limits(1, "openmp"):
            # of two rows none can be left out
            losses = [self._left_out_loss(*rows, plan, lif, seed) for plan in plans] if min(len(plans), len(y) - 1) > 1 else []
            best = int(np.argmin(losses)) if losses else 0
            plan, self.validation_loss_ = plans[best], losses[best] if losses else None
            network = self._train(*rows, plan, lif, seed)
        self.n_steps_, self.n_updates_ = plan.n_steps, plan.n_updates
        self.layers_ = _fold(network)
        self.n_parameters_ = sum(weights.size + biases.size for weights, biases in self.layers_)
        self.depth_ = len(self.layers_)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`."""
        return softmax(self._logits(X), axis=1)

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        best = np.argmax(self._logits(X), axis=1)
        return self.classes_[best]

    def _plans(self) -> list[TrainingPlan]:
        """Return the trainings to choose from."""
        rest = {"learning_rate": self.learning_rate, "weight_decay": self.weight_decay, "batch_size": self.batch_size}
        return [
            TrainingPlan(self.rule, n_steps, n_updates=n_updates, **rest)
            for n_steps in self.steps
            for n_updates in self.updates
        ]

    def _left_out_loss(self, inputs: torch.Tensor, labels: torch.Tensor, plan: TrainingPlan, lif: Lif, seed: int) -> float:
        """Return the mean cross entropy of every row under the network of the folds without it."""
        folds = stratified_folds(labels.numpy(), self.n_folds, make_rng("rate-backprop", seed, "folds"))
        total = 0.0
        for fold in np.unique(folds):
            learn, judge = (torch.from_numpy(np.flatnonzero(part)) for part in (folds != fold, folds == fold))
            network = self._train(inputs[:, learn], labels[learn], plan, lif, seed)
            logits = answer(network, inputs[:, judge], plan.n_steps).double().numpy()
            total -= log_softmax(logits, axis=1)[np.arange(len(judge)), labels[judge].numpy()].sum()
        return float(total / len(labels))

    def _train(self, inputs: torch.Tensor, labels: torch.Tensor, plan: TrainingPlan, lif: Lif, seed: int) -> SpikingNetwork:
        generator = torch.Generator().manual_seed(derive_seed("rate-backprop", seed, "network") % 2**63)
        layers = tuple(LayerPlan(width) for width in self.hidden)
        network = make_network(layers, (inputs.shape[2],), len(self.classes_), generator, lif)
        train(network, inputs, labels, plan, make_rng("rate-backprop", seed, "batches"))
        return network

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=np.float64)
        lif, n_steps = Lif(self.decay), self.n_steps_
        membranes = [np.zeros((len(rows), len(biases))) for _, biases in self.layers_[:-1]]
        first = _apply(self.layers_[0], rows)
        spike_sum = 0.0
        for _ in range(n_steps):
            currents = first
            for layer, membrane in zip(self.layers_[1:], membranes, strict=True):
                membrane *= lif.decay
                membrane += currents
                spikes = (membrane >= lif.threshold).astype(np.float64)
                membrane -= lif.threshold * spikes
                currents = _apply(layer, spikes)
            spike_sum += spikes
        return _apply(self.layers_[-1], spike_sum / n_steps)


def _apply(layer: tuple[np.ndarray, np.ndarray], rows: np.ndarray) -> np.ndarray:
    weights, biases = layer
    return rows @ weights.T + biases


def _fold(network: SpikingNetwork) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return weights and biases per layer, float64, that make the currents which maps and norms make together."""
    layers = []
    for layer in network.layers:
        norm = layer.current.norm
        weight, gain, bias, mean, variance = (
            part.detach().double().numpy()
            for part in (layer.current.linear.weight, norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )
        scale = gain / np.sqrt(variance + norm.eps)
        layers.append((weight * scale[:, None], bias - mean * scale))
    return [*layers, tuple(part.detach().double().numpy() for part in (network.readout.weight, network.readout.bias))]
