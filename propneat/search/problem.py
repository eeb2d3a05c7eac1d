"""A learning problem: rows to train on, rows to judge by, and the task."""

from dataclasses import dataclass

import numpy as np

from propneat.data.split import split_rows
from propneat.training import Samples, Sequences

__all__ = ["Problem"]

_FEWEST = 2


@dataclass(frozen=True, eq=False)
class Problem:
    """What to learn: rows, or sequences, to train on and to judge by, and the task, "binary", "multiclass" or "regression".

    The judging rows choose among genomes; they are the same object as the training rows where there are too few to divide.
    """

    train: Samples | Sequences
    validation: Samples | Sequences
    task: str

    @classmethod
    def divided(
        cls, rows: Samples | Sequences, labels: np.ndarray, task: str, fraction: float, rng: np.random.Generator
    ) -> "Problem":
        """Return rows divided by their labels, (n_rows,), a share of them to judge by; all do both where that leaves too few."""
        learn, judge = split_rows(labels, fraction, task != "regression", rng)
        enough = min(len(learn), len(judge)) >= _FEWEST
        return cls(rows.take(learn), rows.take(judge), task) if enough else cls(rows, rows, task)

    def all_rows(self) -> Samples | Sequences:
        """Return training and judging rows together."""
        if self.validation is self.train:
            return self.train
        return self.train.followed_by(self.validation)  # type: ignore[arg-type]  # both are of one kind

    def divided_anew(self, rng: np.random.Generator) -> "Problem":
        """Return the problem with other rows to judge by, as many of each class."""
        if self.validation is self.train:
            return self
        rows, fraction = self.all_rows(), len(self.validation) / (len(self.train) + len(self.validation))
        targets = rows.targets[:, 0] if rows.targets.ndim == 3 else rows.targets
        labels = targets[:, 0] if self.task == "binary" else np.argmax(targets, axis=1)
        learn, judge = split_rows(labels, fraction, self.task != "regression", rng)
        return Problem(rows.take(learn), rows.take(judge), self.task)
