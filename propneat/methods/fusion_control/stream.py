"""A network that learns rows as they come: every update is a controller's answer to the gradient of the last few."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax

from propneat.base.errors import ConfigError

__all__ = ["RULES", "Rule", "StreamNetwork", "make_rule"]


@dataclass(frozen=True)
class Rule:
    """How an update follows from gradients g_1, g_2, ... of the loss by all numbers of a network.

    PID: the update is -rate (proportional g + integral I + derivative (g - g_before)), where I <- leak I + g is the leaky
    sum of past gradients. It is cut to norm `limit`, and then I is halved instead of fed, against wind-up. A second
    integral, of the errors of the probabilities themselves, shifts the logits: c <- c + rate bias_integral EMA(y - p), which
    drives the mean error to zero. With `is_adam` the update is Adam's and the gains have no say.
    """

    proportional: float = 1.0
    integral: float = 0.0
    derivative: float = 0.0
    bias_integral: float = 0.0
    leak: float = 0.9
    limit: float = 5.0
    is_adam: bool = False
    rates: tuple[float, ...] = (0.03, 0.1, 0.3)
    """Learning rates that tuning chooses from; equally many for every rule."""

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        if not 0 <= self.leak < 1:
            raise ConfigError(f"leak must be at least 0 and below 1, not {self.leak}")
        if not self.limit > 0 or not self.rates or not min(self.rates) > 0:
            raise ConfigError(f"limit and rates must be positive, not {self.limit} and {self.rates}")


RULES = {
    "p": Rule(rates=(0.1, 0.3, 1.0)),
    "pi": Rule(integral=0.3, bias_integral=0.1),
    "pid": Rule(integral=0.3, derivative=0.3, bias_integral=0.1),
    "adam": Rule(is_adam=True, rates=(0.001, 0.003, 0.01)),
}
"""The ablation: proportional control alone, with integrals, with the derivative too, and Adam."""


def make_rule(name: str) -> Rule:
    """Return a rule by its name. Raises ConfigError for an unknown one."""
    if name not in RULES:
        raise ConfigError(f"rule must be one of {', '.join(RULES)}, not {name!r}")
    return replace(RULES[name])


class StreamNetwork:
    """Perceptrons of one hidden tanh layer and softmax outputs, one for every replica, float64.

    Replicas share the first numbers, drawn by Glorot and Bengio's rule (uniform), and differ in learning rate or in the rows
    that they are shown. Mutable: `learn` moves it on.
    """

    def __init__(
        self, n_inputs: int, n_hidden: int, n_classes: int, rule: Rule, rates: np.ndarray, rng: np.random.Generator
    ) -> None:
        self.rule, self.n_classes = rule, n_classes
        self.rates = np.asarray(rates, np.float64)[:, None, None]
        n_replicas = len(rates)

        def drawn(n_in: int, n_out: int) -> np.ndarray:
            bound = np.sqrt(6 / (n_in + n_out))
            return np.repeat(rng.uniform(-bound, bound, (1, n_in, n_out)), n_replicas, axis=0)

        zeros = [np.zeros((n_replicas, 1, width)) for width in (n_hidden, n_classes)]
        self.parts = [drawn(n_inputs, n_hidden), zeros[0], drawn(n_hidden, n_classes), zeros[1]]
        self.shift, self.mean_error = (np.zeros((n_replicas, 1, n_classes)) for _ in range(2))
        self.sums, self.before = ([np.zeros_like(part) for part in self.parts] for _ in range(2))
        self.n_updates = 0

    @property
    def n_parameters(self) -> int:
        """Numbers of one replica that prediction uses."""
        return sum(part[0].size for part in self.parts)

    def logits(self, X: np.ndarray) -> np.ndarray:
        """Return (n_replicas, n_rows, n_classes) for rows (n_rows, n_inputs), or (n_replicas, n_rows, n_inputs)."""
        return self._forward(X)[1]

    def _forward(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        hidden = np.tanh(X @ self.parts[0] + self.parts[1])
        return hidden, hidden @ self.parts[2] + self.parts[3] + self.shift

    def log_probabilities(self, X: np.ndarray) -> np.ndarray:
        """Return logarithms of class probabilities, shapes as in `logits`."""
        return log_softmax(self.logits(X), axis=-1)

    def learn(self, X: np.ndarray, codes: np.ndarray, n_new: int | None = None) -> np.ndarray:
        """Update once on rows; returns log probabilities before it, as in `log_probabilities`.

        Rows as in `logits`, class codes (n_rows,) or (n_replicas, n_rows). The first `n_new` rows are of the stream, the others
        repeated from the past; the error integral counts the stream alone.
        """
        hidden, logits = self._forward(X)
        found = log_softmax(logits, axis=-1)
        error = np.eye(self.n_classes)[codes] - np.exp(found)
        signal = -error / X.shape[-2]
        inward = (signal @ self.parts[2].swapaxes(1, 2)) * (1 - hidden * hidden)
        gradients = [
            np.swapaxes(X, -1, -2) @ inward,
            inward.sum(axis=1, keepdims=True),
            hidden.swapaxes(1, 2) @ signal,
            signal.sum(axis=1, keepdims=True),
        ]
        self.n_updates += 1
        changes = self._adam(gradients) if self.rule.is_adam else self._pid(gradients)
        for part, change in zip(self.parts, changes, strict=True):
            part -= self.rates * change
        if self.rule.bias_integral:
            self.mean_error = 0.9 * self.mean_error + 0.1 * error[:, :n_new].mean(axis=1, keepdims=True)
            self.shift = self.shift + self.rates * self.rule.bias_integral * self.mean_error
        return found

    def _pid(self, gradients: list[np.ndarray]) -> list[np.ndarray]:
        rule = self.rule
        before = self.before if self.n_updates > 1 else gradients
        fed = [rule.leak * total + gradient for total, gradient in zip(self.sums, gradients, strict=True)]
        answers = [
            rule.proportional * g + rule.integral * total + rule.derivative * (g - old)
            for g, total, old in zip(gradients, fed, before, strict=True)
        ]
        norm = np.sqrt(sum((answer * answer).sum(axis=(1, 2), keepdims=True) for answer in answers))
        is_cut = norm > rule.limit
        share = np.where(is_cut, rule.limit / np.maximum(norm, rule.limit), 1.0)
        self.sums = [np.where(is_cut, total / 2, new) for total, new in zip(self.sums, fed, strict=True)]
        self.before = gradients
        return [share * answer for answer in answers]

    def _adam(self, gradients: list[np.ndarray]) -> list[np.ndarray]:
        """Adam's first moments live in `sums`, its second ones in `before`."""
        t = self.n_updates
        self.sums = [0.9 * m + 0.1 * g for m, g in zip(self.sums, gradients, strict=True)]
        self.before = [0.999 * v + 0.001 * g * g for v, g in zip(self.before, gradients, strict=True)]
        return [m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8) for m, v in zip(self.sums, self.before, strict=True)]
