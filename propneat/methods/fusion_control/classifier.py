"""A classifier that learns rows as a stream, and is frozen before it answers."""

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from propneat.base.rng import make_rng
from propneat.methods.fusion_control.stream import RULES, StreamNetwork, make_rule
from propneat.methods.parameters import CheckedParameters, one_of, whole
from propneat.methods.tabular import read_rows, stratified_folds

__all__ = ["PIDBackpropClassifier"]

_N_FOLDS = 3
_REPLAY = 256


class PIDBackpropClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """A perceptron d-64-K trained on a stream of rows by PID-controlled backpropagation.

    The rows pass by in a random order, up to `n_passes` times, `batch_size` at a time beside as many from the last 256, drawn
    evenly over the classes in there; `rule` is a name in `RULES`. Of the rule's learning rates and the numbers of passes
    those of the least cross entropy are taken, on rows left out in three folds; then a network learns all rows. It is
    frozen before it predicts: no label that it is scored on ever moves it. Where rows are many, passes are fewer, so that
    there are about `max_updates` updates in all.

    X holds standardised numbers. After `fit`: `classes_`, `n_features_in_`, `learning_rate_`, `n_passes_`,
    `validation_loss_` in nats, `prequential_accuracy_` (each row of the first pass predicted before it was learnt from),
    `n_parameters_`, `depth_`, and `network_`.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "rule": one_of(RULES),
        "n_hidden": whole(1),
        "n_passes": whole(1),
        "batch_size": whole(1),
        "n_replay": whole(0),
        "max_updates": whole(1),
    }

    def __init__(
        self,
        rule: str = "pid",
        n_hidden: int = 64,
        n_passes: int = 20,
        batch_size: int = 8,
        n_replay: int = 8,
        max_updates: int = 20_000,
        random_state: Any = None,
    ) -> None:
        self.rule = rule
        self.n_hidden = n_hidden
        self.n_passes = n_passes
        self.batch_size = batch_size
        self.n_replay = n_replay
        self.max_updates = max_updates
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "PIDBackpropClassifier":
        """Learn from rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        rates = np.array(make_rule(self.rule).rates)
        X, codes = read_rows(self, X, y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        # products this small gain nothing from more threads
        with threadpool_limits(1, "blas"):
            losses = self._judge(X, codes, rates, seed)
            best, which = np.unravel_index(np.argmin(losses), losses.shape)
            self.n_passes_, self.learning_rate_ = int(best) + 1, float(rates[which])
            chosen = rates[which : which + 1]
            self.network_, self.prequential_accuracy_ = self._stream(X, codes, chosen, seed, self.n_passes_)
        self.validation_loss_ = float(losses[best, which])
        self.n_parameters_, self.depth_ = self.network_.n_parameters, 2
        return self

    def _judge(self, X: np.ndarray, codes: np.ndarray, rates: np.ndarray, seed: int) -> np.ndarray:
        """Return the mean cross entropy of left-out rows by passes and learning rates, (n_passes, n_rates)."""
        folds = stratified_folds(codes, _N_FOLDS, make_rng("pid-backprop", seed, "folds"))
        n_passes = min(self.n_passes, max(self.max_updates * self.batch_size // len(codes), 1))
        total = np.zeros((n_passes, len(rates)))
        for fold in range(folds.max() + 1):
            judge, curve = np.flatnonzero(folds == fold), []

            def judged(network: StreamNetwork, judge: np.ndarray = judge, curve: list[np.ndarray] = curve) -> None:
                found = network.log_probabilities(X[judge])[:, np.arange(len(judge)), codes[judge]]
                curve.append(np.nan_to_num(-found.sum(axis=1), nan=np.inf))

            learn = folds != fold
            self._stream(X[learn], codes[learn], rates, seed, n_passes, judged)
            total += np.array(curve)
        return total / len(codes)

    def _stream(
        self,
        X: np.ndarray,
        codes: np.ndarray,
        rates: np.ndarray,
        seed: int,
        n_passes: int,
        judged: Callable[[StreamNetwork], None] = lambda network: None,
    ) -> tuple[StreamNetwork, float]:
        """Return networks, one for every rate, after passes over rows, and the first one's accuracy ahead of its first pass."""
        rng = make_rng("pid-backprop", seed, "stream")
        network = StreamNetwork(X.shape[1], self.n_hidden, len(self.classes_), make_rule(self.rule), rates, rng)
        past, n_right = np.zeros(0, int), 0
        for number in range(n_passes):
            order = rng.permutation(len(codes))
            for begin in range(0, len(order), self.batch_size):
                new = order[begin : begin + self.batch_size]
                rows = np.concatenate([new, _balanced(past, codes, self.n_replay, rng)])
                found = network.learn(X[rows], codes[rows], len(new))
                past = np.concatenate([past, new])[-_REPLAY:]
                if number == 0:
                    n_right += int((found[0, : len(new)].argmax(axis=1) == codes[new]).sum())
            judged(network)
        return network, n_right / len(codes)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, shape (n_rows, n_classes), columns in the order of `classes_`."""
        check_is_fitted(self)
        return np.exp(self.network_.log_probabilities(validate_data(self, X, dtype=np.float64, reset=False))[0])

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        best = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[best]


def _balanced(past: np.ndarray, codes: np.ndarray, n_wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Draw row numbers from `past` with replacement, every class that occurs in it equally likely."""
    if not len(past) or not n_wanted:
        return past[:0]
    seen = codes[past]
    share = 1 / np.bincount(seen)[seen]
    places = np.searchsorted(np.cumsum(share), rng.random(n_wanted) * share.sum(), side="right")
    return past[np.minimum(places, len(past) - 1)]
