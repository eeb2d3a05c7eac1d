"""A classifier that learns without gradients: meta-trained LSTMs read the training rows, and a frozen copy predicts."""

from typing import Any, ClassVar

import numpy as np
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from propneat.base.rng import make_rng
from propneat.data.split import split_rows
from propneat.methods.parameters import CheckedParameters, number, whole
from propneat.methods.tabular import read_rows
from propneat.methods.vsml.episodes import Task, draw_state, predict, stream_and_average
from propneat.methods.vsml.inputs import Inputs
from propneat.methods.vsml.parameters import UNITS, load_parameters

__all__ = ["VSMLClassifier"]

_MOST_POSITIONS = 2000


class VSMLClassifier(CheckedParameters, ClassifierMixin, BaseEstimator):
    """An ensemble of dense VSML layers that met the training rows one by one, each in an order of its own.

    The LSTM's parameters were meta-trained on synthetic tasks and come with the package; fitting changes nothing but the
    states of the weight positions, and takes no gradient. Each of `n_members` members begins at a random state and reads
    at most `max_rows` rows of its own choice, up to `max_passes` times. How many times, and whether a member ends in its
    last state or in the mean of those along the later half of its last pass, is what gives the least cross-entropy on a
    share `validation_fraction` of each class that was not read; the members then read all rows anew. To predict, every
    member's state is copied for each row, and their probabilities are averaged.

    Source: Kirsch and Schmidhuber (2021), variant with a backward sweep that tells the label. Departures: ensemble,
    repeated passes and averaged states; inputs are standardised, cut off at 3 deviations, and reduced to principal
    components where inputs times classes exceed 2,000. A fix of the inputs, not of the method: `n_random` rectified random
    combinations of them may be read in their place, where the rows not read say so; 0 for never.

    After `fit`: `classes_`, `n_features_in_`, `n_passes_`, `is_averaged_`, `n_random_`, `inputs_`, `states_`, float32 arrays (2, UNITS, P),
    `n_parameters_`, the numbers that the states hold, and `depth_`, 1.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_members": whole(1),
        "max_passes": whole(1),
        "max_rows": whole(1),
        "validation_fraction": number(0, 1),
        "n_random": whole(0),
    }

    def __init__(
        self,
        n_members: int = 8,
        max_passes: int = 4,
        max_rows: int = 1000,
        validation_fraction: float = 0.2,
        n_random: int = 100,
        random_state: Any = None,
    ) -> None:
        self.n_members = n_members
        self.max_passes = max_passes
        self.max_rows = max_rows
        self.validation_fraction = validation_fraction
        self.n_random = n_random
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> "VSMLClassifier":
        """Read rows X, shape (n_rows, n_features), with labels y, shape (n_rows,).

        Raises ConfigError for parameters and DataError for data that cannot be used, both ValueErrors.
        """
        self.check_parameters()
        X, labels = read_rows(self, X, y)
        n_classes = len(self.classes_)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        most = max(1, _MOST_POSITIONS // n_classes)
        learn, judge = split_rows(labels, self.validation_fraction, True, make_rng("vsml", seed, "split"))
        self.n_passes_, self.is_averaged_, self.n_random_ = self.max_passes, False, 0
        if len(judge):
            counts = (0, self.n_random) if self.n_random else (0,)
            losses = []
            for n_random in counts:
                inputs = Inputs.fit(X[learn], most, n_random, make_rng("vsml", seed, "features"))
                passes = self._passes(inputs.transform(X[learn]), labels[learn], seed, self.max_passes)
                rows = inputs.transform(X[judge])
                losses.append([[_loss(states, rows, labels[judge], n_classes) for states in kinds] for kinds in passes])
            # by inputs, passes, and last states or averaged ones
            which, best, kind = np.unravel_index(int(np.argmin(losses)), np.shape(losses))
            self.n_passes_, self.is_averaged_, self.n_random_ = int(best) + 1, bool(kind), counts[which]
        self.inputs_ = Inputs.fit(X, most, self.n_random_, make_rng("vsml", seed, "features"))
        self.states_ = self._passes(self.inputs_.transform(X), labels, seed, self.n_passes_)[-1][int(self.is_averaged_)]
        self.n_parameters_ = self.n_members * 2 * UNITS * self.inputs_.n_outputs * n_classes
        self.depth_ = 1
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return class probabilities, float64 (n_rows, n_classes), columns in the order of `classes_`."""
        check_is_fitted(self)
        values = validate_data(self, X, reset=False, dtype=np.float64)
        return _mean_odds(self.states_, self.inputs_.transform(values), len(self.classes_))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable label of every row, shape (n_rows,)."""
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def _passes(
        self, X: np.ndarray, labels: np.ndarray, seed: int, n_passes: int
    ) -> list[tuple[list[np.ndarray], list[np.ndarray]]]:
        """Return every member's last state and averaged state after each of n_passes passes, always in a new order."""
        values, n_classes = load_parameters().values, len(self.classes_)
        rngs = [make_rng("vsml", seed, "member", k) for k in range(self.n_members)]
        states = [draw_state(rng, X.shape[1], n_classes) for rng in rngs]
        Y, after = np.eye(n_classes, dtype=np.float32)[labels], []
        for _ in range(n_passes):
            tasks = []
            for rng, state in zip(rngs, states, strict=True):
                order = rng.permutation(len(X))[: self.max_rows]
                tasks.append(Task(X[order], Y[order], state))
            found = stream_and_average([values] * self.n_members, tasks)
            states = [last for last, _ in found]
            after.append((states, [mean for _, mean in found]))
        return after


def _loss(states: list[np.ndarray], X: np.ndarray, labels: np.ndarray, n_classes: int) -> float:
    """Mean cross-entropy in nats of the members' mean probabilities."""
    odds = _mean_odds(states, X, n_classes)
    return float(-np.log(np.maximum(odds[np.arange(len(X)), labels], 1e-12)).mean())


def _mean_odds(states: list[np.ndarray], X: np.ndarray, n_classes: int) -> np.ndarray:
    """The members' mean probabilities, float64 (n_rows, n_classes)."""
    logits = predict(load_parameters().values, X, n_classes, states)
    return softmax(logits.astype(np.float64), axis=2).mean(0)
