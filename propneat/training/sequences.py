"""Sequences to learn from: many steps of inputs each, with one answer at the end or one at every step."""

from dataclasses import dataclass

import numpy as np

from propneat.base.errors import ConfigError
from propneat.compiler import LayerPlan, evaluate

__all__ = ["Sequences"]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Sequences to learn from or to be judged by, in the place of `Samples`.

    `X` is float32 of shape (n_sequences, n_steps, n_inputs), of which sequence k has the first `lengths[k]` steps, int64 of
    shape (n_sequences,); what stands after them is 0. `targets` is float32 of shape (n_sequences, n_outputs) for the answer at
    the last step, or (n_sequences, n_steps, n_outputs) for those at every step. `weights` is float32 of shape (n_sequences,); a
    loss is the weighted mean over sequences, or over all steps of all sequences.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    lengths: np.ndarray

    @classmethod
    def make(
        cls, X: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None, lengths: np.ndarray | None = None
    ) -> "Sequences":
        """Convert arrays; targets of shape (n_sequences,) become one column, weights default to 1 and lengths to all steps.

        Raises ConfigError for arrays that do not fit each other.
        """
        X, targets = np.array(X, dtype=np.float32, order="C"), np.array(targets, dtype=np.float32, order="C")
        if X.ndim != 3:
            raise ConfigError(f"sequences are an array of sequences, steps and inputs, and one of shape {X.shape} came")
        targets = targets[:, None] if targets.ndim == 1 else targets
        n_sequences, n_steps = X.shape[:2]
        if targets.shape[0] != n_sequences or (targets.ndim, targets.shape[1]) not in ((2, targets.shape[1]), (3, n_steps)):
            raise ConfigError(
                f"targets are one row for each of {n_sequences} sequences, or for each of their {n_steps} steps, "
                f"and an array of shape {targets.shape} came"
            )
        lengths = np.full(n_sequences, n_steps) if lengths is None else np.asarray(lengths, dtype=np.int64)
        if lengths.shape != (n_sequences,) or (n_sequences and not 1 <= lengths.min() <= lengths.max() <= n_steps):
            raise ConfigError(f"lengths are a number from 1 to {n_steps} for each of {n_sequences} sequences, other ones came")
        is_after = np.arange(n_steps) >= lengths[:, None]
        X[is_after] = 0
        if targets.ndim == 3:
            targets[is_after] = 0
        weights = np.ones(n_sequences, np.float32) if weights is None else np.ascontiguousarray(weights, dtype=np.float32)
        return cls(X, targets, weights, lengths.astype(np.int64))

    def __len__(self) -> int:
        return len(self.X)

    def answers(self, plan: LayerPlan) -> np.ndarray:
        """Return what a network says at every step that has a target, sequence by sequence, float64 (n_judged, n_outputs)."""
        return evaluate(plan, self.X)[self.judged_steps(np.arange(len(self)))]

    def judged(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the targets that `answers` are held against, (n_judged, n_outputs), and their weights, (n_judged,)."""
        if not self.at_every_step:
            return self.targets, self.weights
        sequence, step = self.judged_steps(np.arange(len(self)))
        return self.targets[sequence, step], self.weights[sequence]

    def take(self, rows: np.ndarray) -> "Sequences":
        """Return some of the sequences."""
        return Sequences(self.X[rows], self.targets[rows], self.weights[rows], self.lengths[rows])

    def with_targets(self, targets: np.ndarray) -> "Sequences":
        """Return the sequences with other targets, laid out as those of `judged`."""
        if self.at_every_step:
            steps = np.zeros((*self.X.shape[:2], targets.shape[1]), np.float32)
            steps[self.judged_steps(np.arange(len(self)))] = targets
            targets = steps
        return Sequences.make(self.X, targets, self.weights, self.lengths)

    def followed_by(self, more: "Sequences") -> "Sequences":
        """Return these sequences and more of as many steps."""
        names = ("X", "targets", "weights", "lengths")
        return Sequences(*(np.concatenate([getattr(part, name) for part in (self, more)]) for name in names))

    @property
    def at_every_step(self) -> bool:
        """Whether there is a target for every step, not for the last alone."""
        return self.targets.ndim == 3

    @property
    def n_judged(self) -> np.ndarray:
        """Number of steps of every sequence that have a target, int64, shape (n_sequences,)."""
        return self.lengths if self.at_every_step else np.ones_like(self.lengths)

    def judged_steps(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return where the targets of some sequences stand: numbers among `rows`, and steps, each int64 (n_judged,)."""
        lengths = self.lengths[rows]
        if not self.at_every_step:
            return np.arange(len(rows)), lengths - 1
        return np.nonzero(np.arange(self.X.shape[1]) < lengths[:, None])
