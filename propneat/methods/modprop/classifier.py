"""A classifier of rows: the features are shown a few at a time to the recurrent network, which a rule of the family trains."""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from propneat.base.rng import make_rng
from propneat.methods.modprop.network import Network, make_cells, make_network
from propneat.methods.modprop.rules import RULES, make_rule
from propneat.methods.modprop.training import StepSettings, Trainer, last_step_outputs
from propneat.methods.parameters import CheckedParameters, number, one_of, several, whole
from propneat.methods.tabular import read_rows, stratified_folds

__all__ = ["ModPropClassifier"]

_LEAK = 0.5
_N_FOLDS = 3
_CHECK_EVERY = 25
_PATIENCE = 20
_MOST_JUDGES = 3000
_CHOOSE = "choose"
_CHOICE = ("modprop-types", "modprop-cells")


class _Weights(NamedTuple):
    """One trained network: W_in, W, W_out with signs, and b, float64."""

    w_in: np.ndarray
    weights: np.ndarray
    w_out: np.ndarray
    bias: np.ndarray


class _Rows(NamedTuple):
    """The rows to learn from, as sequences (n_steps, n_rows, n_inputs), with labels (n_rows,)."""

    inputs: np.ndarray
    labels: np.ndarray
    n_classes: int

    def rows(self, indices: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        """Return inputs (n_replicas, n_steps, n_rows, n_inputs) and labels for row numbers (n_replicas, n_rows)."""
        return torch.from_numpy(self.inputs[:, indices].swapaxes(0, 1).copy()), torch.from_numpy(self.labels[indices])


class ModPropClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """A leaky rectified rate network under Dale's law that reads a row in chunks and is trained by ModProp.

    The d features, in an order drawn from `random_state`, are cut into chunks of ceil(d / n_chunks), shown one per step
    beside a constant input of 1; the softmax of the outputs at the last step gives the probabilities. Units lose half of
    their state per step, four in five excite. `rule` is a name in `RULES`, or "choose", which tries ModProp with
    cell-specific and with type-averaged weights. The rule, the number of updates, and for rules with a slope mu its value
    among `slopes`, are those of the least cross entropy on rows left out in three folds; the network then learns all rows
    from the same start.

    X holds standardised numbers. After `fit`: `classes_`, `n_features_in_`, `feature_order_`, `rule_`, `slope_` (None for a
    rule without one), `n_updates_`, `validation_loss_` in nats, `n_parameters_`, `depth_` (steps in time, and the readout), and
    `network_`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "rule": one_of((*RULES, _CHOOSE)),
        "n_cells": whole(2),
        "n_chunks": whole(1),
        "slopes": several(number(0, closed="left")),
        "max_updates": whole(1),
        "batch_size": whole(1),
        "learning_rate": number(0),
        "l2": number(0, closed="left"),
    }

    def __init__(
        self,
        rule: str = _CHOOSE,
        n_cells: int = 64,
        n_chunks: int = 8,
        slopes: tuple[float, ...] = (0.1, 0.25, 0.5),
        max_updates: int = 2000,
        batch_size: int = 32,
        learning_rate: float = 2e-3,
        l2: float = 5e-4,
        random_state: Any = None,
    ) -> None:
        self.rule = rule
        self.n_cells = n_cells
        self.n_chunks = n_chunks
        self.slopes = slopes
        self.max_updates = max_updates
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.l2 = l2
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "ModPropClassifier":
        """Learn from rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        settings = StepSettings(self.learning_rate, decay=1.0, l2=self.l2, shrink=0.0, clip=1.0)
        X, labels = read_rows(self, X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        self.feature_order_ = make_rng("modprop", seed, "order").permutation(X.shape[1])
        data = _Rows(self._sequence(X).astype(np.float32), labels, len(self.classes_))
        with threadpool_limits(1, "openmp"):
            rules = _CHOICE if self.rule == _CHOOSE else (self.rule,)
            found = [self._try(rule, data, settings, seed) for rule in rules]
            self.validation_loss_, self.slope_, self.n_updates_, self.rule_ = min(found, key=lambda one: one[0])
            everything = np.ones((1, len(y)), bool)
            network = self._train(self.rule_, data, settings, seed, everything, [self.slope_ or 0.0], self.n_updates_, None)
        parts = network.w_in, network.weights(), network.readout_weights(), network.bias
        self.network_ = _Weights(*(part[0].detach().numpy().astype(np.float64) for part in parts))
        self.n_parameters_ = sum(part.size for part in self.network_) - self.n_cells
        self.depth_ = len(data.inputs) + 1
        return self

    def decision_function(self, X: Any) -> np.ndarray:
        """Return logits: of the second of two classes, shape (n_rows,), or of each of several, shape (n_rows, n_classes)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        logits = self._logits(X)
        return self.classes_[np.argmax(logits, axis=1)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, shape (n_rows, n_classes), columns in the order of `classes_`."""
        return softmax(self._logits(X), axis=1)

    def _sequence(self, X: np.ndarray) -> np.ndarray:
        """Return (n_steps, n_rows, chunk + 1): chunks of the ordered features, the last one filled up with 0, beside a 1."""
        chunk = -(-X.shape[1] // self.n_chunks)
        n_steps = -(-X.shape[1] // chunk)
        padded = np.zeros((len(X), n_steps * chunk))
        padded[:, : X.shape[1]] = X[:, self.feature_order_]
        return np.concatenate([padded.reshape(len(X), n_steps, chunk), np.ones((len(X), n_steps, 1))], axis=2).swapaxes(0, 1)

    def _try(self, rule: str, data: _Rows, settings: StepSettings, seed: int) -> tuple[float, float | None, int, str]:
        """Return a rule's least loss on left-out rows, folds stratified by class, its slope and number of updates, and itself."""
        rng = make_rng("modprop", seed, "folds")
        n_rows, n_folds = len(data.labels), min(_N_FOLDS, len(data.labels))
        folds = stratified_folds(data.labels, n_folds, rng)
        slopes = tuple(self.slopes) if _has_slope(rule) else (0.0,)
        learners = folds[None] != np.repeat(np.arange(n_folds), len(slopes))[:, None]
        judges = np.sort(rng.permutation(n_rows)[:_MOST_JUDGES])
        curve = []

        def judge(network: Network) -> bool:
            losses = _row_losses(network, *data.rows(np.tile(judges, (len(learners), 1))))
            left_out = ~learners[:, judges]
            sums = np.where(left_out, losses, 0).reshape(n_folds, len(slopes), -1).sum(axis=(0, 2))
            curve.append(np.nan_to_num(sums / len(judges), nan=np.inf))
            return len(curve) - 1 - int(np.argmin(np.min(curve, axis=1))) >= _PATIENCE

        self._train(rule, data, settings, seed, learners, list(slopes) * n_folds, self.max_updates, judge)
        losses = np.array(curve)
        when, which = np.unravel_index(np.argmin(losses), losses.shape)
        slope = float(slopes[which]) if _has_slope(rule) else None
        return float(losses[when, which]), slope, min((int(when) + 1) * _CHECK_EVERY, self.max_updates), rule

    def _train(
        self,
        rule: str,
        data: _Rows,
        settings: StepSettings,
        seed: int,
        learners: np.ndarray,
        slopes: list[float],
        n_updates: int,
        judge: Callable[[Network], bool] | None,
    ) -> Network:
        """Return one network per row of `learners` (n_replicas, n_rows), trained on its marked rows, all from one start."""
        cells = make_cells(self.n_cells)
        rngs = [make_rng("modprop", seed, "network") for _ in learners]
        network = make_network(rngs, cells, data.inputs.shape[2], data.n_classes, _LEAK)
        trainer = Trainer(network, make_rule(rule), settings, slopes)
        batch_size = min(self.batch_size, int(learners.sum(axis=1).min()))
        schedule = np.stack(
            [
                _schedule(make_rng("modprop", seed, "batches"), np.flatnonzero(marked), n_updates, batch_size)
                for marked in learners
            ]
        )
        for update in range(n_updates):
            inputs, labels = data.rows(schedule[:, update])
            trainer.step(inputs, labels)
            is_check = (update + 1) % _CHECK_EVERY == 0 or update + 1 == n_updates
            if judge and is_check and judge(network):
                break
        return network

    def _logits(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        inputs = self._sequence(validate_data(self, X, dtype=np.float64, reset=False))
        state = np.zeros((inputs.shape[1], self.n_cells))
        for step in inputs:
            received = np.maximum(state, 0) @ self.network_.weights.T + step @ self.network_.w_in.T
            state = _LEAK * state + (1 - _LEAK) * received
        return np.maximum(state, 0) @ self.network_.w_out.T + self.network_.bias


def _has_slope(rule: str) -> bool:
    known = RULES[rule]
    return known.is_causal and known.n_hops is None


def _schedule(rng: np.random.Generator, rows: np.ndarray, n_updates: int, batch_size: int) -> np.ndarray:
    """Return row numbers (n_updates, batch_size): passes over all rows, each in a new order, cut into batches."""
    n_passes = -(-n_updates * batch_size // len(rows))
    passes = np.concatenate([rng.permutation(rows) for _ in range(n_passes)])
    return passes[: n_updates * batch_size].reshape(n_updates, batch_size)


def _row_losses(network: Network, inputs: torch.Tensor, labels: torch.Tensor) -> np.ndarray:
    """Return the cross entropy of every row under every replica, nats, (n_replicas, n_rows)."""
    log_probabilities = log_softmax(last_step_outputs(network, inputs).numpy(), axis=2)
    return -np.take_along_axis(log_probabilities, labels.numpy()[:, :, None], axis=2)[:, :, 0]
