"""What a training run is given and what it returns: settings, samples, schedule, result."""

from dataclasses import dataclass, replace

import numpy as np

from propneat.base.errors import ConfigError
from propneat.base.setting_types import LARGEST_FLOAT32, check_settings
from propneat.compiler import LayerPlan, evaluate

__all__ = [
    "ADADELTA_EPSILON",
    "ADAM_EPSILON",
    "BETA1",
    "BETA2",
    "LOSSES",
    "OPTIMISERS",
    "RHO",
    "Samples",
    "TrainedPopulation",
    "TrainingConfig",
    "make_schedule",
]

BETA1, BETA2, ADAM_EPSILON = 0.9, 0.999, 1e-8
"""Adam's constants (Kingma and Ba 2015), the same in every engine."""

RHO, ADADELTA_EPSILON = 0.9, 1e-6
"""Adadelta's (Zeiler 2012; the epsilon is that of its experiments)."""

LOSSES = ("bce", "cross_entropy", "mse", "rmse")
OPTIMISERS = ("adam", "adadelta")

_LEAST_BATCH, _MOST_BATCHES = 1024, 20


@dataclass(frozen=True)
class TrainingConfig:
    """How to run backpropagation.

    `loss` is "bce" (binary cross entropy of logits, mean over outputs), "cross_entropy" (of softmax over outputs), "mse" or
    "rmse" (mean over outputs of the squared error, and its root over the batch). `l2` adds l2 * weight / (total weight of the
    training rows) to the gradient of every connection weight, not of biases: 1 is what C = 1 is in scikit-learn's logistic
    regression. `batch_size` None means all rows at once, "auto" what `for_rows` makes of it. `patience` None trains for
    `epochs`; a number keeps the numbers of the best validation loss, untrained ones included, and stops after that many epochs
    without a better one. `window` is for sequences, whose steps, counted from the end, are divided into windows of so many,
    which gradients do not leave (truncated backpropagation through time); None lets them go back to the first step. Adam uses
    betas 0.9 and 0.999 and epsilon 1e-8 (Kingma and Ba 2015), Adadelta rho 0.9 and epsilon 1e-6 (Zeiler 2012).
    """

    loss: str = "bce"
    epochs: int = 10
    optimiser: str = "adam"
    learning_rate: float = 0.02
    batch_size: int | str | None = None
    l2: float = 0.0
    patience: int | None = None
    window: int | None = None

    def __post_init__(self) -> None:
        """Raise ConfigError for a value that cannot be used."""
        check_settings(self)
        if self.loss not in LOSSES:
            raise ConfigError(f"loss must be one of {', '.join(LOSSES)}, not {self.loss!r}")
        if self.optimiser not in OPTIMISERS:
            raise ConfigError(f"optimiser must be one of {', '.join(OPTIMISERS)}, not {self.optimiser!r}")
        if self.epochs < 0:
            raise ConfigError(f"epochs must be 0 or more, not {self.epochs}")
        if not 0 < self.learning_rate <= LARGEST_FLOAT32:
            raise ConfigError(
                f"learning_rate must be a positive number of at most {LARGEST_FLOAT32:.2g}, not {self.learning_rate}"
            )
        if isinstance(self.batch_size, str) and self.batch_size != "auto":
            raise ConfigError(f"batch_size must be a whole number, 'auto' or 'none', not {self.batch_size!r}")
        if isinstance(self.batch_size, int) and self.batch_size < 1:
            raise ConfigError(f"batch_size must be 1 or more, not {self.batch_size}")
        if not 0 <= self.l2 <= LARGEST_FLOAT32:
            raise ConfigError(f"l2 must be 0 or more and at most {LARGEST_FLOAT32:.2g}, not {self.l2}")
        if self.patience is not None and self.patience < 1:
            raise ConfigError(f"patience must be 1 or more, not {self.patience}")
        if self.window is not None and self.window < 1:
            raise ConfigError(f"window must be 1 or more, not {self.window}")

    def for_rows(self, n_rows: int) -> "TrainingConfig":
        """Return the configuration with a `batch_size` of "auto" decided for so many training rows; others are as they are.

        Rows are divided into batches of at least 1,024, 20 batches at most, and the epochs and the patience by the number of
        batches, so that the optimiser takes about as many steps on far fewer passes over the rows; two epochs remain, where
        there were as many.
        """
        if self.batch_size != "auto":
            return self
        n_batches = min(n_rows // _LEAST_BATCH, _MOST_BATCHES)
        if n_batches < 2:
            return replace(self, batch_size=None)
        epochs = max(-(-self.epochs // n_batches), min(self.epochs, 2))
        patience = None if self.patience is None else -(-self.patience // n_batches)
        return replace(self, batch_size=-(-n_rows // n_batches), epochs=epochs, patience=patience)


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows to learn from or to be judged by.

    `X` is float32 of shape (n_rows, n_inputs), `targets` float32 of shape (n_rows, n_outputs) (0 or 1 for "bce", one-hot for
    "cross_entropy", values for the others), `weights` float32 of shape (n_rows,), not negative and not all zero; a
    loss is the weighted mean over rows.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray

    @classmethod
    def make(cls, X: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> "Samples":
        """Convert arrays to float32 in C order; targets of shape (n_rows,) become one column, weights default to 1."""
        X = np.ascontiguousarray(X, dtype=np.float32)
        targets = np.ascontiguousarray(targets, dtype=np.float32).reshape(len(X), -1)
        weights = np.ones(len(X), np.float32) if weights is None else np.ascontiguousarray(weights, dtype=np.float32)
        return cls(X, targets, weights)

    def __len__(self) -> int:
        return len(self.X)

    def answers(self, plan: LayerPlan) -> np.ndarray:
        """Return what a network says of the rows, float64 of the shape of `targets`."""
        return evaluate(plan, self.X)

    def judged(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets that `answers` are held against, and their weights."""
        return self.targets, self.weights

    def take(self, rows: np.ndarray) -> "Samples":
        """Return some of the rows."""
        return Samples(self.X[rows], self.targets[rows], self.weights[rows])

    def with_targets(self, targets: np.ndarray) -> "Samples":
        """Return the rows with other targets."""
        return Samples.make(self.X, targets, self.weights)

    def followed_by(self, more: "Samples") -> "Samples":
        """Return these rows and more."""
        names = ("X", "targets", "weights")
        return Samples(*(np.concatenate([getattr(part, name) for part in (self, more)]) for name in names))


@dataclass(frozen=True, eq=False)
class TrainedPopulation:
    """What training made of a population.

    `weights` and `biases` are laid out as in the PopulationPlan that was trained, float32. Per genome, shape (n_genomes,):
    `train_loss` the mean loss over the last epoch's batches (NaN when no epoch ran), `validation_loss` that of the returned
    numbers (NaN without validation rows), `epochs` the number of epochs run. A genome whose gradient stops being finite
    stops there and keeps the last finite numbers.
    """

    weights: np.ndarray
    biases: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    epochs: np.ndarray


def make_schedule(n_rows: int, config: TrainingConfig, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Decide the mini-batches of a call, the same for every genome and every engine.

    Returns (rows, batch_start, order): `rows` a permutation of the row numbers, int64 (n_rows,); batch b holds
    `rows[batch_start[b]:batch_start[b + 1]]`, all batches of nearly equal size; `order`, int64 (epochs, n_batches), says
    which batch comes when. Membership is drawn once per call, the order anew for every epoch. A single batch keeps the rows in their own order.
    """
    batch_size = n_rows if config.batch_size is None else min(config.batch_size, n_rows)
    n_batches = -(-n_rows // batch_size)
    batch_start = np.linspace(0, n_rows, n_batches + 1).round().astype(np.int64)
    if n_batches == 1:
        return np.arange(n_rows), batch_start, np.zeros((config.epochs, 1), np.int64)
    rows = rng.permutation(n_rows)
    order = rng.permuted(np.tile(np.arange(n_batches), (config.epochs, 1)), axis=1)
    return rows, batch_start, order
