"""What a training run is given and what it returns: settings, samples, schedule, result."""

from dataclasses import dataclass

import numpy as np

from propneat.compiler import LayerPlan, evaluate
from propneat.settings.training import LOSSES, OPTIMISERS, TrainingConfig

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


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows to learn from or to be judged by.

    `X` is float32 of shape (n_rows, n_inputs), `targets` float32 of shape (n_rows, n_outputs) (0 or 1 for "bce", one-hot for
    "cross_entropy", values for the others), `weights` float32 of shape (n_rows,), not all zero; a loss is the weighted mean over
    rows. Rows of negative weight are moved away from, as policy gradients ask for; the mean is over absolute weights.
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
